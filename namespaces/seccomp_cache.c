// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiled filters, kept by content.
 *
 * Compiling takes milliseconds, which is what a whole start may take; loading what was compiled before takes a tenth of
 * one. A file holds
 *
 *     header | key | names that were unknown, each NUL-terminated | instructions
 *
 * The key is everything the program depends on, written out. It is compared byte by byte, so the hash in the file's
 * name needs no strength: a collision is a miss. The folder and the file must belong to this user, and nobody else may
 * write to them: whoever can choose the instructions chooses what a container may do.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/seccomp.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"

#define CACHE_MAGIC	     0x4c4c5548u /* "HULL" */
#define CACHE_SHAPE	     2		 /* grows when the same profile compiles to other instructions than before */
#define CACHE_FILE_MAX_BYTES ((size_t)4 << 20)
#define CACHE_MAX_FILES	     256 /* beyond it one is removed for each that is added */
#define CACHE_PREFIX	     "filter-"
#define CACHE_NAME_BYTES     32

struct cache_header {
	uint32_t magic;
	uint32_t key_bytes;
	uint32_t unknown_bytes;
	uint32_t instruction_count;
};

/*
 * The key
 * ---------------------------------------------------------------------------------------------------------------------
 */

static void key_number(struct text *key, uint64_t number)
{
	text_add_bytes(key, &number, sizeof(number));
}

/* With its length in front: no two profiles write the same bytes. */
static void key_words(struct text *key, const char *words)
{
	key_number(key, strlen(words));
	text_add(key, words);
}

static void key_rule(struct text *key, const struct seccomp_rule *rule)
{
	key_number(key, seccomp_return_value(rule->action, rule->has_errno, rule->errno_ret));
	key_number(key, rule->name_count);
	for (size_t i = 0; i < rule->name_count; i++)
		key_words(key, rule->names[i]);
	key_number(key, rule->arg_count);
	for (size_t i = 0; i < rule->arg_count; i++) {
		key_number(key, rule->args[i].index);
		key_number(key, rule->args[i].op);
		key_number(key, rule->args[i].value);
		key_number(key, rule->args[i].value_two);
	}
}

/* What is left out (flags, listener) does not shape the program. The libraries' versions do. */
static void key_profile(struct text *key, const struct seccomp_profile *profile)
{
	const struct scmp_version *library = seccomp_version();

	key_words(key, HULL_VERSION);
	key_number(key, CACHE_SHAPE);
	key_number(key, (uint64_t)library->major << 32 | library->minor << 16 | library->micro);
	key_number(key, (uint64_t)seccomp_call_last());
	key_number(key, seccomp_arch_native());
	key_number(key, profile->architecture_count);
	for (size_t i = 0; i < profile->architecture_count; i++)
		key_number(key, profile->architectures[i]);
	key_number(key,
		   seccomp_return_value(profile->default_action, profile->has_default_errno, profile->default_errno));
	key_number(key, profile->newer_is_enosys);
	key_number(key, profile->rule_count);
	for (size_t i = 0; i < profile->rule_count; i++)
		key_rule(key, &profile->rules[i]);
}

/* FNV-1a over 64-bit words: spreads names over files, nothing more. */
static void key_file_name(const struct text *key, char name[static CACHE_NAME_BYTES])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t at = 0; at < key->len; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = key->len - at;

		memcpy(&word, key->data + at, left < sizeof(word) ? left : sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
		hash ^= hash >> 29;
	}
	snprintf(name, CACHE_NAME_BYTES, CACHE_PREFIX "%016llx", (unsigned long long)hash);
}

/*
 * Reading
 * ---------------------------------------------------------------------------------------------------------------------
 */

static bool is_ours(int fd, mode_t type, struct stat *ret)
{
	return fstat(fd, ret) == 0 && (ret->st_mode & S_IFMT) == type && ret->st_uid == geteuid() &&
	       (ret->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The whole file in one read, aligned in the arena. NULL: there is none that can be used. */
static char *read_ours(int dirfd, const char *name, struct arena *arena, size_t *ret_len)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *data;

	if (fd < 0 || !is_ours(fd, S_IFREG, &st) || st.st_size < (off_t)sizeof(struct cache_header) ||
	    st.st_size > (off_t)CACHE_FILE_MAX_BYTES)
		return NULL;
	data = arena_alloc(arena, (size_t)st.st_size);
	if (!data || fd_read_all(fd, data, (size_t)st.st_size) < 0)
		return NULL;
	*ret_len = (size_t)st.st_size;
	return data;
}

static size_t align(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

/* Checks every length against the file's before it is used. */
static bool unpack(const char *data, size_t len, const struct text *key, struct arena *arena,
		   struct confine_filter *ret, struct strv *unknown)
{
	const struct cache_header *header = (const void *)data;
	size_t at = sizeof(*header), names, end;

	if (header->magic != CACHE_MAGIC || header->key_bytes != key->len ||
	    header->unknown_bytes > CACHE_FILE_MAX_BYTES || header->instruction_count == 0 ||
	    header->instruction_count > BPF_MAXINSNS)
		return false;
	names = at + align(header->key_bytes);
	end = names + align(header->unknown_bytes);
	if (len != end + header->instruction_count * sizeof(struct sock_filter) ||
	    memcmp(data + at, key->data, key->len) != 0 ||
	    (header->unknown_bytes && data[names + header->unknown_bytes - 1] != '\0'))
		return false;
	for (at = names; unknown && at < names + header->unknown_bytes; at += strlen(data + at) + 1)
		if (strv_add(arena, unknown, data + at) < 0)
			return false;
	*ret = (struct confine_filter){(const void *)(data + end), header->instruction_count};
	return true;
}

/*
 * Writing
 * ---------------------------------------------------------------------------------------------------------------------
 */

static void pad(struct text *to)
{
	static const char zeros[8];

	text_add_bytes(to, zeros, align(to->len) - to->len);
}

/* Keeps the folder bounded: profiles come from users. Any file will do, a miss costs a compilation. */
static void make_room(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	unsigned count = 0;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (text_starts(entry->d_name, CACHE_PREFIX) && ++count > CACHE_MAX_FILES)
			(void)unlinkat(dirfd, entry->d_name, 0);
}

/* Best effort: a cache that cannot be written only costs time. */
static void store(int dirfd, const char *name, const struct text *key, const struct strv *unknown,
		  const struct confine_filter *filter)
{
	struct cache_header header = {CACHE_MAGIC, (uint32_t)key->len, 0, (uint32_t)filter->count};
	CLEANUP_TEXT struct text file = TEXT_INIT;

	for (size_t i = 0; i < unknown->count; i++)
		header.unknown_bytes += (uint32_t)strlen(unknown->items[i]) + 1;
	text_add_bytes(&file, &header, sizeof(header));
	text_add_bytes(&file, key->data, key->len);
	pad(&file);
	for (size_t i = 0; i < unknown->count; i++)
		text_add_bytes(&file, unknown->items[i], strlen(unknown->items[i]) + 1);
	pad(&file);
	text_add_bytes(&file, filter->instructions, filter->count * sizeof(*filter->instructions));
	if (file.failed || file.len > CACHE_FILE_MAX_BYTES)
		return;
	make_room(dirfd);
	(void)file_replace(dirfd, name, file.data, file.len, 0600, FILE_VOLATILE, NULL);
}

int seccomp_cached(int cache_dirfd, const struct seccomp_profile *profile, struct arena *arena,
		   struct confine_filter *ret, struct strv *ret_unknown_names, bool *ret_hit, struct err *err)
{
	CLEANUP_TEXT struct text key = TEXT_INIT;
	struct stat st;
	bool usable = is_ours(cache_dirfd, S_IFDIR, &st), hit = false;
	struct strv unknown = {0};
	char name[CACHE_NAME_BYTES];
	char *data;
	size_t len;
	int r;

	key_profile(&key, profile);
	usable = usable && !key.failed;
	if (usable) {
		key_file_name(&key, name);
		data = read_ours(cache_dirfd, name, arena, &len);
		hit = data && unpack(data, len, &key, arena, ret, ret_unknown_names);
	}
	if (ret_hit)
		*ret_hit = hit;
	if (hit)
		return 0;
	r = seccomp_compile(profile, arena, ret, &unknown, err);
	if (r < 0)
		return r;
	if (usable)
		store(cache_dirfd, name, &key, &unknown, ret);
	if (ret_unknown_names && strv_add_list(arena, ret_unknown_names, &unknown) < 0)
		return err_say(err, ENOMEM, "seccomp: no memory");
	return 0;
}
