// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiled filters that are kept: found again by what they were made of, believed only where nobody else can write, and
 * bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespaces/caps.h"
#include "namespaces/seccomp.h"
#include "runtime/base/process.h"
#include "tests/unit/namespaces/bpf.h"
#include "tests/unit/tap.h"

struct cache {
	char folder[32];
	int fd;
};

static struct cache cache_open(void)
{
	struct cache cache = {"/tmp/hull-cache-XXXXXX", -1};

	CHECK(mkdtemp(cache.folder) != NULL);
	cache.fd = open(cache.folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	return cache;
}

/* The only file in the cache. */
static void cache_file(const struct cache *cache, char name[static 256])
{
	DIR *dir = opendir(cache->folder);
	struct dirent *entry;

	name[0] = '\0';
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(name, 256, "%s", entry->d_name);
	(void)closedir(dir);
}

static void cache_close(struct cache *cache)
{
	char name[256];

	for (cache_file(cache, name); name[0]; cache_file(cache, name))
		CHECK_INT(unlinkat(cache->fd, name, 0), 0);
	(void)close(cache->fd);
	CHECK_INT(rmdir(cache->folder), 0);
}

static bool cached_hit(const struct cache *cache, const struct seccomp_profile *profile, uint32_t *ret_getppid)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter filter = {0};
	struct strv unknown = {0};
	bool hit = false;

	CHECK_INT(seccomp_cached(cache->fd, profile, &arena, &filter, &unknown, &hit, NULL), 0);
	CHECK_INT(unknown.count, profile->rules[0].name_count - 1);
	*ret_getppid = bpf_decide(&filter, AUDIT_ARCH_X86_64, SYS_getppid);
	return hit;
}

static void test_cache(void)
{
	static const char *const names[] = {"getppid", "no_such_call"};
	struct seccomp_rule rule = {names, 2, SECCOMP_DO_ERRNO, true, 33, NULL, 0};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW, .rules = &rule, .rule_count = 1};
	struct cache cache = cache_open();
	uint32_t found;

	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 33);
	CHECK(cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 33);
	/* Whatever shapes the program is in the key. */
	rule.errno_ret = 34;
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 34);
	profile.newer_is_enosys = true;
	CHECK(!cached_hit(&cache, &profile, &found));
	cache_close(&cache);
}

/* Spoils the one file of the cache: flips a byte at `at` (from the end if negative), or changes who may write to it. */
static void spoil(const struct cache *cache, off_t at, mode_t mode, uid_t uid)
{
	char name[256], byte = 0;
	int fd;

	cache_file(cache, name);
	fd = openat(cache->fd, name, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	if (at != 0) {
		off_t where = lseek(fd, at, at < 0 ? SEEK_END : SEEK_SET);

		CHECK_INT(pread(fd, &byte, 1, where), 1);
		byte ^= 1;
		CHECK_INT(pwrite(fd, &byte, 1, where), 1);
	}
	CHECK_INT(fchmod(fd, mode), 0);
	CHECK_INT(fchown(fd, uid, (gid_t)-1), 0);
	(void)close(fd);
}

static void test_cache_is_not_trusted_blindly(void)
{
	static const char *const names[] = {"getppid"};
	struct seccomp_rule rule = {names, 1, SECCOMP_DO_ERRNO, true, 33, NULL, 0};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW, .rules = &rule, .rule_count = 1};
	struct cache cache = cache_open();
	char name[256];
	uint32_t found;

	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 20, 0600, 0); /* the key */
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK(cached_hit(&cache, &profile, &found)); /* it was replaced */
	spoil(&cache, 1, 0600, 0);		     /* the magic */
	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 12, 0600, 0); /* the count */
	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 0, 0620, 0); /* the group may write */
	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 0, 0600, 1234); /* another's */
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK(cached_hit(&cache, &profile, &found));
	cache_file(&cache, name);
	CHECK_INT(unlinkat(cache.fd, name, 0), 0);
	CHECK_INT(symlinkat("/etc/passwd", cache.fd, name), 0);
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK(cached_hit(&cache, &profile, &found));
	/* A folder that others write to holds nothing that can be believed, and gets nothing. */
	CHECK_INT(fchmod(cache.fd, 0777), 0);
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 33);
	cache_close(&cache);
}

static void test_cache_is_bounded(void)
{
	static const char *const names[] = {"getppid"};
	struct cache cache = cache_open();
	unsigned count = 0;
	struct dirent *entry;
	uint32_t found;
	DIR *dir;

	for (unsigned i = 0; i < 300; i++) {
		struct seccomp_rule rule = {names, 1, SECCOMP_DO_ERRNO, true, 1 + i, NULL, 0};
		struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW, .rules = &rule, .rule_count = 1};

		CHECK(!cached_hit(&cache, &profile, &found));
	}
	dir = opendir(cache.folder);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	CHECK(count <= 257);
	cache_close(&cache);
}

/* How long a filter takes to be had, from the cache or else. In the arena. */
static uint64_t time_cached(const struct cache *cache, struct arena *arena, bool is_there, struct confine_filter *ret)
{
	struct seccomp_profile profile;
	uint64_t start = proc_monotonic_ns();
	bool was_hit;

	CHECK_INT(seccomp_default(arena, caps_default(), &profile, NULL), 0);
	CHECK_INT(seccomp_cached(cache->fd, &profile, arena, ret, NULL, &was_hit, NULL), 0);
	CHECK_INT(was_hit, is_there);
	return proc_monotonic_ns() - start;
}

/* In a child, since it cannot be taken off again. */
static uint64_t time_load(const struct confine_filter *filter)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		uint64_t start, load;

		(void)confine_no_new_privs(NULL);
		start = proc_monotonic_ns();
		(void)confine_load(filter, 0, NULL);
		load = (proc_monotonic_ns() - start) / 1000 / 4; /* an exit code is a byte */
		_exit(load > 255 ? 255 : (int)load);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return (uint64_t)WEXITSTATUS(status) * 4;
}

/*
 * How long things take, as a remark; what is checked is only that a hit is the cheaper way: the quickest of some, since
 * the machine may be at something else during any of them.
 */
static void test_times(void)
{
	struct cache cache = cache_open();
	struct confine_filter filter = {0};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	uint64_t miss = time_cached(&cache, &arena, false, &filter), hit = UINT64_MAX;

	for (int i = 0; i < 20; i++) {
		uint64_t once = time_cached(&cache, &arena, true, &filter);

		hit = once < hit ? once : hit;
	}
	printf("# %zu instructions; miss %" PRIu64 " us, hit %" PRIu64 " us, load %" PRIu64 " us\n",
	       (size_t)filter.count, miss / 1000, hit / 1000, time_load(&filter));
	CHECK(hit < miss);
	cache_close(&cache);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_cache), TAP_CASE(test_cache_is_not_trusted_blindly),
		       TAP_CASE(test_cache_is_bounded), TAP_CASE(test_times));
}
