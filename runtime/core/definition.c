// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/definition.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"

#define NAME_MAX_BYTES	  128
#define NAME_TRIES	  64
#define NOT_WANTED_MARK	  "not-wanted"
#define EXIT_JSON	  "exit.json"
#define EXIT_JSON_VERSION 1

/* --- Opening ------------------------------------------------------------------------------------------------------ */

static int open_below(const char *data, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int result, fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", data, name) >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "data folder '%s'", data);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : err_set(err, errno, "open '%s'", path);
	result = file_make_dirs(path, 0700, err);
	return result < 0 ? result : file_open_dir(AT_FDCWD, path, err);
}

int definitions_open(const char *data, struct definitions *ret, struct err *err)
{
	CLEANUP_FD int instances = open_below(data, "instances", err);
	CLEANUP_FD int names = instances < 0 ? -1 : open_below(data, "names", err);

	if (instances < 0)
		return instances;
	if (names < 0)
		return names;
	*ret = (struct definitions){.instances_fd = fd_take(&instances), .names_fd = fd_take(&names), .path = data};
	return 0;
}

void definitions_close(struct definitions *definitions)
{
	scope_fd(&definitions->instances_fd);
	scope_fd(&definitions->names_fd);
	definitions->instances_fd = definitions->names_fd = -1;
}

/* --- Claiming ----------------------------------------------------------------------------------------------------- */

/* Made-up names are two words that are easy to say and to type; 32 × 32 of them before a number is added. */
static const char *const moods[] = {
	"able",	 "brave", "calm",  "clear", "crisp", "early",  "fair",	"fast",	  "firm",  "fresh", "glad",
	"good",	 "green", "keen",  "kind",  "light", "lively", "loyal", "lucky",  "merry", "mild",  "neat",
	"noble", "proud", "quick", "quiet", "sharp", "smart",  "solid", "steady", "swift", "warm",
};
static const char *const ships[] = {
	"barge",   "bark",   "brig",	 "buoy",   "canoe", "carrack", "clipper", "cog",
	"coracle", "cutter", "dhow",	 "dinghy", "dory",  "ferry",   "frigate", "galley",
	"gig",	   "hoy",    "junk",	 "kayak",  "ketch", "launch",  "lugger",  "pinnace",
	"punt",	   "raft",   "schooner", "skiff",  "sloop", "trawler", "tug",	  "yawl",
};

static int check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_BYTES)
		return err_say(err, EINVAL, "name '%s': 1 to %d characters are allowed", name, NAME_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("_.-", name[i])))
			return err_say(err, EINVAL,
				       "name '%s': only letters, digits, '_', '.' and '-' are allowed, a letter or "
				       "digit first",
				       name);
	return 0;
}

static int make_id(char to[static DEFINITION_ID_BYTES], struct err *err)
{
	unsigned char bytes[(DEFINITION_ID_BYTES - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, errno, "get random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(to + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The symlink is what makes a name unique: symlinkat(2) fails when it is there. */
int definition_take_name(const struct definitions *definitions, const char *id, const char *name, struct err *err)
{
	int result = check_name(name, err);

	if (result < 0 || symlinkat(id, definitions->names_fd, name) == 0)
		return result;
	if (errno == EEXIST)
		return err_say(err, EEXIST,
			       "the name '%s' is in use: remove that container first, or choose another name", name);
	return err_set(err, errno, "take the name '%s'", name);
}

static int take_name(const struct definitions *definitions, struct arena *arena, const char *id, const char *wanted,
		     const char **ret_name, struct err *err)
{
	uint32_t pick = 0;

	if (wanted) {
		*ret_name = wanted;
		return definition_take_name(definitions, id, wanted, err);
	}
	for (int i = 0; i < NAME_TRIES; i++) {
		const char *name;

		if (getrandom(&pick, sizeof(pick), 0) != (ssize_t)sizeof(pick))
			return err_set(err, errno, "get random bytes");
		name = arena_printf(arena, i < 4 ? "%s-%s" : "%s-%s-%u", moods[pick % ARRAY_SIZE(moods)],
				    ships[(pick >> 8) % ARRAY_SIZE(ships)], pick >> 16);
		if (!name)
			return arena_check(arena, err);
		if (symlinkat(id, definitions->names_fd, name) == 0) {
			*ret_name = name;
			return 0;
		}
	}
	return err_set(err, errno, "make up a name");
}

int definition_claim(const struct definitions *definitions, struct arena *arena, const char *name,
		     char ret_id[static DEFINITION_ID_BYTES], const char **ret_name, struct err *err)
{
	CLEANUP_FD int folder = -1;
	struct err ignored = ERR_INIT;
	int result = make_id(ret_id, err);

	if (result >= 0)
		result = folder = file_claim_folder(definitions->instances_fd, ret_id, NULL, NULL, err);
	/* The name after the folder: so one that leads nowhere is surely left over. */
	if (result >= 0)
		result = take_name(definitions, arena, ret_id, name, ret_name, err);
	if (result < 0 && folder >= 0)
		(void)file_drop_folder(definitions->instances_fd, ret_id, &ignored);
	return result < 0 ? result : fd_take(&folder);
}

/* --- Finding ------------------------------------------------------------------------------------------------------ */

static bool is_id(const char *words, size_t len)
{
	return len > 0 && len < DEFINITION_ID_BYTES && strspn(words, "0123456789abcdef") == len;
}

int definition_list(const struct definitions *definitions, struct arena *arena, struct strv *ret, struct err *err)
{
	int fd = openat(definitions->instances_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		scope_fd(&fd);
		return err_set(err, errno, "list the instances in '%s'", definitions->path);
	}
	while ((entry = readdir(folder)))
		if (strlen(entry->d_name) == DEFINITION_ID_BYTES - 1 && is_id(entry->d_name, DEFINITION_ID_BYTES - 1) &&
		    strv_add(arena, ret, entry->d_name) < 0)
			return arena_check(arena, err);
	return 0;
}

static int find_by_beginning(const struct definitions *definitions, const char *words, size_t len,
			     char ret_id[static DEFINITION_ID_BYTES], struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv ids = {0};
	unsigned found = 0;
	int result = definition_list(definitions, &arena, &ids, err);

	if (result < 0)
		return result;
	for (size_t i = 0; i < ids.count; i++)
		if (strncmp(ids.items[i], words, len) == 0 && found++ == 0)
			(void)text_copy(ret_id, DEFINITION_ID_BYTES, ids.items[i]);
	if (found == 0)
		return err_say(err, ENOENT, "no container '%s': see 'hull ps -a'", words);
	if (found > 1)
		return err_say(err, EEXIST, "'%s' is the beginning of %u containers' ids: give more of it", words,
			       found);
	return 0;
}

int definition_find(const struct definitions *definitions, const char *words, char ret_id[static DEFINITION_ID_BYTES],
		    struct err *err)
{
	size_t len = strlen(words);
	ssize_t got = -1;

	if (len > 0 && len <= NAME_MAX_BYTES && !strchr(words, '/') && words[0] != '.')
		got = readlinkat(definitions->names_fd, words, ret_id, DEFINITION_ID_BYTES);
	if (got == DEFINITION_ID_BYTES - 1) {
		ret_id[got] = '\0';
		return 0;
	}
	if (!is_id(words, len))
		return err_say(err, ENOENT, "no container '%s': see 'hull ps -a'", words);
	/* A whole id needs no look at all the others. */
	if (len == DEFINITION_ID_BYTES - 1 && faccessat(definitions->instances_fd, words, F_OK, 0) == 0)
		return text_copy(ret_id, DEFINITION_ID_BYTES, words);
	return find_by_beginning(definitions, words, len, ret_id, err);
}

static DIR *open_names(const struct definitions *definitions)
{
	CLEANUP_FD int fd = openat(definitions->names_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd < 0 ? NULL : fdopendir(fd);

	if (names)
		(void)fd_take(&fd);
	return names;
}

/* The next name, valid until the one after it, and the id that it leads to. NULL at the end. */
static const char *next_name(const struct definitions *definitions, DIR *names, char ret_id[static DEFINITION_ID_BYTES])
{
	struct dirent *entry;

	while ((entry = readdir(names))) {
		if (readlinkat(definitions->names_fd, entry->d_name, ret_id, DEFINITION_ID_BYTES) !=
		    DEFINITION_ID_BYTES - 1)
			continue;
		ret_id[DEFINITION_ID_BYTES - 1] = '\0';
		return entry->d_name;
	}
	return NULL;
}

const char *definition_name_of(const struct definitions *definitions, struct arena *arena, const char *id)
{
	CLEANUP_DIR DIR *names = open_names(definitions);
	char found[DEFINITION_ID_BYTES];
	const char *name;

	while (names && (name = next_name(definitions, names, found)))
		if (strcmp(found, id) == 0)
			return arena_strdup(arena, name);
	return NULL;
}

int definition_open(const struct definitions *definitions, const char *id, struct err *err)
{
	int fd = openat(definitions->instances_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return err_say(err, ENOENT, "no container '%s': see 'hull ps -a'", id);
	return fd < 0 ? err_set(err, errno, "open the folder of container '%s'", id) : fd;
}

/* --- Removing ----------------------------------------------------------------------------------------------------- */

/*
 * The name goes only if it still means this instance. The lock keeps others who free it from doing so between look and
 * removal, or the second one would take it from whoever has claimed it since.
 */
void definition_free_name(const struct definitions *definitions, const char *id, const char *name)
{
	CLEANUP_FD int lock = openat(definitions->names_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char owner[DEFINITION_ID_BYTES] = "";

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return;
	if (name && readlinkat(definitions->names_fd, name, owner, sizeof(owner)) == DEFINITION_ID_BYTES - 1 &&
	    memcmp(owner, id, DEFINITION_ID_BYTES - 1) == 0)
		(void)unlinkat(definitions->names_fd, name, 0);
}

int definition_remove(const struct definitions *definitions, const char *id, const char *name, struct err *err)
{
	int result = file_drop_folder(definitions->instances_fd, id, err);

	/* Last: until the folder is gone, the name must lead to it. */
	if (result >= 0)
		definition_free_name(definitions, id, name);
	return result;
}

int definition_sweep(const struct definitions *definitions, struct err *err)
{
	CLEANUP_DIR DIR *names = open_names(definitions);
	char id[DEFINITION_ID_BYTES];
	const char *name;

	if (!names)
		return err_set(err, errno, "list the names in '%s'", definitions->path);
	while ((name = next_name(definitions, names, id)))
		if (!file_is_there(definitions->instances_fd, id))
			definition_free_name(definitions, id, name);
	file_sweep_claims(definitions->instances_fd);
	return 0;
}

/* --- Wishes and exits --------------------------------------------------------------------------------------------- */

void definition_want_running(const char *data_dir, bool running)
{
	CLEANUP_FD int folder = data_dir ? open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	CLEANUP_FD int mark = -1;

	if (folder < 0)
		return;
	if (running)
		(void)unlinkat(folder, NOT_WANTED_MARK, 0);
	else
		mark = openat(folder, NOT_WANTED_MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool definition_is_wanted_running(const char *data_dir)
{
	CLEANUP_FD int folder = data_dir ? open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return folder >= 0 && !file_is_there(folder, NOT_WANTED_MARK);
}

bool definition_hold(int folder_fd)
{
	return flock(folder_fd, LOCK_EX | LOCK_NB) == 0;
}

/* Shared: those who look do not see one another. */
bool definition_is_held(int folder_fd)
{
	if (flock(folder_fd, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(folder_fd, LOCK_UN);
	return false;
}

int definition_exit_write(int folder_fd, const struct definition_exit *exit, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct json_writer w = {.out = &words};
	int result;

	json_open(&w, NULL);
	json_put_u64(&w, "version", EXIT_JSON_VERSION);
	json_put_bool(&w, "known", exit->exit.known);
	json_put_i64(&w, "code", exit->exit.code);
	json_put_i64(&w, "signal", exit->exit.signal);
	json_put_bool(&w, "oom", exit->exit.oom);
	json_put_string(&w, "cause", exit->exit.cause);
	json_put_string(&w, "words", exit->exit.words);
	json_put_u64(&w, "started", exit->started);
	json_put_u64(&w, "finished", exit->finished);
	json_put_u64(&w, "restarts", exit->restart_count);
	json_close(&w);
	result = text_check(&words, err);
	return result < 0 ? result : file_replace(folder_fd, EXIT_JSON, words.data, words.len, 0600, FILE_DURABLE, err);
}

/* What an older hull wrote has none. */
static int read_words(const struct json *value, char *to, size_t room, struct err *err)
{
	const char *words = "";
	int result = value ? json_string(value, &words, err) : 0;

	(void)snprintf(to, room, "%s", words);
	return result;
}

int definition_exit_read(int folder_fd, struct definition_exit *ret, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *root;
	int64_t code = 0, signal = 0;
	int result;

	if (!file_is_there(folder_fd, EXIT_JSON))
		return -ENOENT;
	result = json_read_file(&arena, folder_fd, EXIT_JSON, &root, err);
	*ret = (struct definition_exit){0};
	if (result >= 0)
		result = json_bool(json_get(root, "known"), &ret->exit.known, err);
	if (result >= 0)
		result = json_i64(json_get(root, "code"), &code, err);
	if (result >= 0)
		result = json_i64(json_get(root, "signal"), &signal, err);
	if (result >= 0)
		result = json_bool(json_get(root, "oom"), &ret->exit.oom, err);
	if (result >= 0)
		result = read_words(json_get(root, "cause"), ret->exit.cause, sizeof(ret->exit.cause), err);
	if (result >= 0)
		result = read_words(json_get(root, "words"), ret->exit.words, sizeof(ret->exit.words), err);
	if (result >= 0)
		result = json_u64(json_get(root, "started"), &ret->started, err);
	if (result >= 0)
		result = json_u64(json_get(root, "finished"), &ret->finished, err);
	if (result >= 0)
		result = json_u32(json_get(root, "restarts"), &ret->restart_count, err);
	ret->exit.code = (int32_t)code;
	ret->exit.signal = (int32_t)signal;
	return result;
}
