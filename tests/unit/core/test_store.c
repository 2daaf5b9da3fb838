// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "tests/unit/tap.h"

static char dir[64];
static struct store store;

static void begin(void)
{
	struct err err = ERR_INIT;

	(void)snprintf(dir, sizeof(dir), "/tmp/hull-store-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK(store_open(dir, false, &store, &err) == 0);
	(void)fflush(stdout);
}

static void end(void)
{
	struct err err = ERR_INIT;

	store_close(&store);
	CHECK(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static void test_ids(void)
{
	static const char *const good[] = {"a", "A-1", "+x", "-x", "_", "a.b", "a..", "0"};
	static const char *const bad[] = {"", ".", "..", ".a", "a/b", "a b", "a\n", "\xc3\xa4", "a\x7f", "*"};
	char long_id[STORE_ID_MAX_BYTES + 2];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		CHECK(store_check_id(good[i], &err) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(store_check_id(bad[i], &err), -EINVAL);
	CHECK_INT(store_check_id(NULL, &err), -EINVAL);
	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	CHECK_INT(store_check_id(long_id, &err), -EINVAL);
	long_id[STORE_ID_MAX_BYTES] = '\0';
	CHECK(store_check_id(long_id, &err) == 0);
}

static void test_a_longest_id_is_claimed_and_removed(void)
{
	char id[STORE_ID_MAX_BYTES + 1];
	struct err err = ERR_INIT;
	int fd;

	begin();
	memset(id, 'y', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	fd = store_claim(&store, id, &err);
	CHECK(fd >= 0);
	CHECK(store_remove(&store, id, &err) == 0);
	CHECK_INT(store_find(&store, id, &err), -ENOENT);
	(void)close(fd);
	end();
}

static void test_claim_is_locked_and_unique(void)
{
	struct err err = ERR_INIT;
	struct stat found;
	int fd;

	begin();
	fd = store_claim(&store, "x", &err);
	CHECK(fd >= 0);
	CHECK(fstat(fd, &found) == 0 && (found.st_mode & 07777) == 0700);
	CHECK_INT(store_find_unlocked(&store, "x", &err), -EWOULDBLOCK);
	CHECK_INT(store_claim(&store, "x", &err), -EEXIST);
	CHECK_STR(err.msg, "container 'x' already exists");
	store_unlock(fd);
	(void)close(fd);
	fd = store_find_unlocked(&store, "x", &err);
	CHECK(fd >= 0);
	(void)close(fd);
	end();
}

/* Many at once: one wins, the others are told why not. */
static void test_race_for_an_id(void)
{
	enum { RUNNERS = 16 };
	int won = 0, lost = 0, status;

	begin();
	for (int i = 0; i < RUNNERS; i++)
		if (fork() == 0) {
			struct err err = ERR_INIT;
			int fd = store_claim(&store, "x", &err);

			_exit(fd >= 0 ? 0 : fd == -EEXIST ? 1 : 2);
		}
	while (wait(&status) > 0) {
		won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		lost += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	}
	CHECK_INT(won, 1);
	CHECK_INT(lost, RUNNERS - 1);
	end();
}

static ino_t inode_of(int fd)
{
	struct stat found = {0};

	CHECK(fd >= 0 && fstat(fd, &found) == 0);
	return found.st_ino;
}

static bool is_empty(int fd)
{
	return unlinkat(fd, "left", 0) < 0 && unlinkat(store.fd, "y", AT_REMOVEDIR) == 0;
}

static void test_a_retired_folder_is_claimed_again(void)
{
	struct err err = ERR_INIT;
	int first, second, third;
	ino_t inode;

	begin();
	first = store_claim(&store, "x", &err);
	inode = inode_of(first);
	(void)close(openat(first, "left", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CHECK(store_retire(&store, "x", first, &err) == 0);
	CHECK_INT(store_find(&store, "x", &err), -ENOENT);
	/* Still locked by who retired it: another one is made. */
	second = store_claim(&store, "y", &err);
	CHECK(second >= 0 && inode_of(second) != inode);
	CHECK(store_remove(&store, "y", &err) == 0);
	(void)close(second);
	(void)close(first);
	second = store_claim(&store, "y", &err);
	CHECK(inode_of(second) == inode);
	CHECK_INT(store_find_unlocked(&store, "y", &err), -EWOULDBLOCK);
	CHECK_INT(store_claim(&store, "y", &err), -EEXIST);
	third = store_claim(&store, "z", &err);
	CHECK(third >= 0 && inode_of(third) != inode);
	CHECK(is_empty(second));
	(void)close(second);
	(void)close(third);
	end();
}

static int fill(int folder_fd, const void *user, struct err *err)
{
	const char *name = user;

	CHECK_INT(store_find(&store, "x", err), -ENOENT);
	err_clear(err);
	CHECK_INT(faccessat(folder_fd, "first", F_OK, 0), -1);
	(void)close(openat(folder_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	return strcmp(name, "first") == 0 ? err_say(err, EIO, "not today") : 0;
}

/* Whether nothing else is in the state directory; NULL: nothing at all. */
static bool is_alone(const char *name)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;
	bool alone = true;

	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			alone &= name && strcmp(entry->d_name, name) == 0;
	(void)closedir(folder);
	return alone;
}

static void test_an_instance_appears_with_its_record(void)
{
	struct err err = ERR_INIT;
	int fd;

	begin();
	CHECK_INT(store_claim_filled(&store, "x", fill, "first", &err), -EIO);
	CHECK_HAS(err.msg, "not today");
	CHECK(is_alone(NULL));
	err_clear(&err);
	/* Somebody was killed in the midst of this, with the spare folder. */
	CHECK(mkdirat(store.fd, ".spare", 0700) == 0);
	(void)close(openat(store.fd, ".spare/first", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fd = store_claim_filled(&store, "x", fill, "second", &err);
	CHECK(fd >= 0 && faccessat(store.fd, "x/second", F_OK, 0) == 0);
	CHECK_INT(store_claim_filled(&store, "x", fill, "third", &err), -EEXIST);
	CHECK(faccessat(store.fd, "x/third", F_OK, 0) < 0);
	CHECK(is_alone("x"));
	(void)close(fd);
	end();
}

/* Many at once, each again and again: nobody ever finds what is not its own. */
static void test_race_for_the_spare_folder(void)
{
	enum { RUNNERS = 8, ROUNDS = 50 };
	int failed = 0, status;

	begin();
	for (int i = 0; i < RUNNERS; i++)
		if (fork() == 0) {
			struct err err = ERR_INIT;
			char id[2] = {(char)('a' + i), '\0'};
			bool good = true;

			for (int round = 0; round < ROUNDS && good; round++) {
				int fd = store_claim(&store, id, &err);

				good = fd >= 0 && mkdirat(fd, "mine", 0700) == 0 && usleep(100) == 0 &&
				       unlinkat(fd, "mine", AT_REMOVEDIR) == 0 &&
				       store_retire(&store, id, fd, &err) == 0 && close(fd) == 0;
			}
			_exit(good ? 0 : 1);
		}
	while (wait(&status) > 0)
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	CHECK_INT(failed, 0);
	CHECK(unlinkat(store.fd, ".spare", AT_REMOVEDIR) == 0);
	CHECK_INT(rmdir(dir), 0);
	CHECK(mkdir(dir, 0700) == 0);
	end();
}

static void test_a_name_that_is_taken_leaves_the_spare_folder(void)
{
	struct err err = ERR_INIT;
	int taken, spare;
	ino_t inode;

	begin();
	spare = store_claim(&store, "x", &err);
	taken = store_claim(&store, "y", &err);
	inode = inode_of(spare);
	CHECK(store_retire(&store, "x", spare, &err) == 0);
	(void)close(spare);
	CHECK_INT(store_claim(&store, "y", &err), -EEXIST);
	spare = store_claim(&store, "x", &err);
	CHECK(inode_of(spare) == inode);
	(void)close(spare);
	(void)close(taken);
	end();
}

/* One is enough; and what somebody has put folders into is no empty folder. */
static void test_only_one_empty_folder_is_kept(void)
{
	static const char *const ids[] = {"full", "one", "two"};
	struct err err = ERR_INIT;
	int fds[ARRAY_SIZE(ids)];

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		fds[i] = store_claim(&store, ids[i], &err);
	CHECK(mkdirat(fds[0], "deep", 0700) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		CHECK(store_retire(&store, ids[i], fds[i], &err) == 0);
		(void)close(fds[i]);
	}
	CHECK(store_retire(&store, "two", -1, &err) == 0); /* missing is success */
	CHECK(unlinkat(store.fd, ".spare", AT_REMOVEDIR) == 0);
	CHECK_INT(rmdir(dir), 0);
	CHECK(mkdir(dir, 0700) == 0);
	end();
}

/* Who waits for the lock of one that is removed meanwhile learns that; and if it was made anew, gets the new one. */
static void waits_while_it_is_removed(bool made_anew)
{
	struct err err = ERR_INIT;
	int fd, status = 0;
	pid_t waiter;

	begin();
	fd = store_claim(&store, "x", &err);
	waiter = fork();
	if (waiter == 0) {
		struct err words = ERR_INIT;
		int found;

		(void)close(fd);
		found = store_find_locked(&store, "x", &words);
		_exit(found == -ENOENT ? 1 : found >= 0 && faccessat(found, "new", F_OK, 0) == 0 ? 2 : 3);
	}
	(void)usleep(100000);
	CHECK(store_remove(&store, "x", &err) == 0);
	if (made_anew) {
		int again = store_claim(&store, "x", &err);

		CHECK(again >= 0);
		CHECK(mkdirat(again, "new", 0700) == 0);
		(void)close(again);
	}
	(void)close(fd);
	CHECK(waitpid(waiter, &status, 0) == waiter);
	CHECK_INT(WEXITSTATUS(status), made_anew ? 2 : 1);
	end();
}

static void test_waiting_for_one_that_is_removed(void)
{
	waits_while_it_is_removed(false);
}

static void test_waiting_for_one_that_is_made_anew(void)
{
	waits_while_it_is_removed(true);
}

static void test_list_is_sorted_and_knows_only_instances(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv ids = {0};
	struct err err = ERR_INIT;
	int fd;

	begin();
	(void)close(store_claim(&store, "b", &err));
	(void)close(store_claim(&store, "a", &err));
	CHECK(mkdirat(store.fd, ".seccomp", 0700) == 0);
	CHECK(mkdirat(store.fd, "not an id", 0700) == 0);
	fd = openat(store.fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	(void)close(fd);
	CHECK(symlinkat("a", store.fd, "link") == 0);
	CHECK(store_list(&store, &arena, &ids, &err) == 0);
	CHECK_INT(ids.count, 2);
	CHECK(ids.count == 2 && strcmp(ids.items[0], "a") == 0 && strcmp(ids.items[1], "b") == 0);
	CHECK(store_find(&store, "link", &err) < 0);
	end();
}

static void test_removal_is_repeatable(void)
{
	struct err err = ERR_INIT;
	int fd;

	begin();
	fd = store_claim(&store, "x", &err);
	CHECK(mkdirat(fd, "deep", 0700) == 0);
	CHECK(store_remove(&store, "x", &err) == 0);
	CHECK(store_remove(&store, "x", &err) == 0);
	CHECK_INT(rmdir(dir), 0); /* not even a hidden one is left */
	CHECK(mkdir(dir, 0700) == 0);
	(void)close(fd);
	end();
}

static void test_a_folder_that_is_no_claim_stays(void)
{
	struct err err = ERR_INIT;
	int fd;

	begin();
	fd = store_claim(&store, "x", &err);
	(void)close(openat(fd, FILE_TEMP_PREFIX "12", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)close(openat(fd, "letter", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CHECK_INT(store_remove_claim(&store, "x", fd, &err), -ENOTEMPTY);
	CHECK_HAS(err.msg, "no container's");
	CHECK(faccessat(fd, "letter", F_OK, 0) == 0);
	CHECK(unlinkat(fd, "letter", 0) == 0);
	CHECK(store_remove_claim(&store, "x", fd, &err) == 0);
	CHECK_INT(store_find(&store, "x", &err), -ENOENT);
	(void)close(fd);
	end();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_ids), TAP_CASE(test_a_longest_id_is_claimed_and_removed),
		       TAP_CASE(test_claim_is_locked_and_unique), TAP_CASE(test_race_for_an_id),
		       TAP_CASE(test_waiting_for_one_that_is_removed), TAP_CASE(test_waiting_for_one_that_is_made_anew),
		       TAP_CASE(test_list_is_sorted_and_knows_only_instances), TAP_CASE(test_removal_is_repeatable),
		       TAP_CASE(test_a_folder_that_is_no_claim_stays), TAP_CASE(test_a_retired_folder_is_claimed_again),
		       TAP_CASE(test_an_instance_appears_with_its_record), TAP_CASE(test_race_for_the_spare_folder),
		       TAP_CASE(test_a_name_that_is_taken_leaves_the_spare_folder),
		       TAP_CASE(test_only_one_empty_folder_is_kept));
}
