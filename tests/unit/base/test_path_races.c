/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths that somebody changes while they are resolved. Every case runs twice, as in test_path.c. */
#include "tests/unit/base/path_ground.h"

/*
 * The attacker: for ever, root/swap is a folder in one moment, and a link to the host's folder in the next: the
 * absolute name, and a way up, in turns. `swap/deep` is what paths lead through.
 */
static pid_t start_swapping(void)
{
	pid_t pid = fork();
	char outside[64];

	if (pid != 0)
		return pid;
	snprintf(outside, sizeof(outside), "%s/host", base);
	CHECK_INT(mkdirat(rootfd, "swap", 0755), 0);
	CHECK_INT(symlinkat(outside, rootfd, "out-absolute"), 0);
	CHECK_INT(symlinkat("../host", rootfd, "out-relative"), 0);
	for (;;) {
		attempt(renameat2(rootfd, "swap", rootfd, "out-absolute", RENAME_EXCHANGE));
		attempt(renameat2(rootfd, "swap", rootfd, "out-absolute", RENAME_EXCHANGE));
		attempt(renameat2(rootfd, "swap", rootfd, "out-relative", RENAME_EXCHANGE));
		attempt(renameat2(rootfd, "swap", rootfd, "out-relative", RENAME_EXCHANGE));
		/* And what was just made is gone, or a link, before it is opened. */
		attempt(unlinkat(rootfd, "swap/deep/er", AT_REMOVEDIR));
		attempt(unlinkat(rootfd, "swap/deep", AT_REMOVEDIR));
		if (symlinkat(outside, rootfd, "swap/deep") == 0)
			attempt(unlinkat(rootfd, "swap/deep", 0));
	}
}

/* A descriptor that came from below the root must be below the root: its name says where it is. */
static bool is_inside(int fd)
{
	char name[PATH_MAX], inside[64];
	ssize_t len = readlink(fd_name(fd).path, name, sizeof(name) - 1);

	if (len < 0)
		return false;
	name[len] = '\0';
	snprintf(inside, sizeof(inside), "%s/root", base);
	return strncmp(name, inside, strlen(inside)) == 0;
}

static void take(int fd, unsigned *succeeded)
{
	if (fd < 0)
		return;
	(*succeeded)++;
	if (!is_inside(fd))
		tap_fail(__FILE__, __LINE__, "a descriptor leads out of the root");
	close(fd);
}

/* On a busy machine the attacker may sleep in the moment in which nothing gets through: then it is worth going on. */
static bool go_on(int round, int rounds, unsigned succeeded)
{
	return round < rounds || (succeeded < 100 && round < 50 * rounds);
}

static void races_never_lead_out(void)
{
	pid_t attacker = start_swapping();
	unsigned made = 0, opened = 0, created = 0;
	char name[256];

	for (int i = 0; go_on(i, 1500, opened); i++) {
		char path[64];

		take(path_make_dirs(rootfd, "swap/deep/er", 0755, NULL), &made);
		take(path_open(rootfd, "swap/secret", O_RDONLY, 0, NULL), &opened);
		take(path_open(rootfd, "swap/../swap/deep/..", O_PATH, 0, NULL), &opened);
		snprintf(path, sizeof(path), "swap/file-%d", i);
		take(path_make_file(rootfd, path, 0644, NULL), &created);
		snprintf(path, sizeof(path), "swap/new-%d", i);
		take(path_create(rootfd, path, O_WRONLY, 0644, NULL), &created);
		take(path_parent(rootfd, "swap/deep/x", true, name, NULL), &made);
	}
	kill(attacker, SIGKILL);
	(void)wait_for(attacker);
	/* The host's folder has what it had, and the game was one: something got through, to the inside. */
	CHECK_INT(host_entries(), 1);
	CHECK(exists(hostfd, "secret"));
}

/*
 * The last component is the attacked one: a file that is a link to the host's in the next moment, and a name that is
 * nothing, or a link to where the host has nothing yet.
 */
static pid_t start_swapping_files(void)
{
	pid_t pid = fork();
	char secret[64], born[64];

	if (pid != 0)
		return pid;
	snprintf(secret, sizeof(secret), "%s/host/secret", base);
	snprintf(born, sizeof(born), "%s/host/born", base);
	CHECK_INT(symlinkat(secret, rootfd, "file-link"), 0);
	for (;;) {
		attempt(renameat2(rootfd, "secret", rootfd, "file-link", RENAME_EXCHANGE));
		attempt(symlinkat(born, rootfd, "born"));
		attempt(renameat2(rootfd, "secret", rootfd, "file-link", RENAME_EXCHANGE));
		attempt(unlinkat(rootfd, "born", 0));
	}
}

static void races_for_files_never_lead_out(void)
{
	pid_t attacker = start_swapping_files();
	unsigned opened = 0, made = 0;

	for (int i = 0; go_on(i, 3000, opened); i++) {
		take(path_open(rootfd, "secret", O_RDONLY, PATH_NO_LINK_LAST, NULL), &opened);
		take(path_open(rootfd, "secret", O_RDONLY, 0, NULL), &opened);
		take(path_make_file(rootfd, "born", 0644, NULL), &made);
	}
	kill(attacker, SIGKILL);
	(void)wait_for(attacker);
	CHECK_INT(host_entries(), 1);
}

/* Several that make the same folders at once all get them. */
static void makers_do_not_disturb_each_other(void)
{
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		for (int k = 0; k < 500; k++) {
			char path[64];

			snprintf(path, sizeof(path), "shared/%d/x/y", k);
			if (close_it(path_make_dirs(rootfd, path, 0755, NULL)) < 0)
				_exit(1);
			snprintf(path, sizeof(path), "shared/%d/x/f", k);
			if (close_it(path_make_file(rootfd, path, 0644, NULL)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(wait_for(pids[i]), 0);
}

BOTH_WAYS(races_never_lead_out)
BOTH_WAYS(races_for_files_never_lead_out)
BOTH_WAYS(makers_do_not_disturb_each_other)

static int tests(void)
{
	return TAP_RUN(TAP_CASE(test_races_never_lead_out), TAP_CASE(test_races_for_files_never_lead_out),
		       TAP_CASE(test_makers_do_not_disturb_each_other));
}

int main(void)
{
	return on_ground(tests);
}
