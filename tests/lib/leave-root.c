/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program in a container that tries to come out of its root, in all the ways that capabilities give, and says what it
 * finds at each end: "WAY: NUMBER" with the inode number of the folder that it is in then, or "WAY: " and the error.
 *
 * usage: leave-root FOLDER         FOLDER: some folder of the container's
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEEPER_THAN_ANY 100

static const char *folder;

/* The classic: a second chroot(2) leaves the working directory outside of the new root, and `..` then has no end. */
static int by_chroot(void)
{
	if (chroot(folder) < 0)
		return -1;
	for (int i = 0; i < DEEPER_THAN_ANY; i++)
		if (chdir("..") < 0)
			return -1;
	return chroot(".");
}

/* The same with the folder that is left held by a descriptor. */
static int by_descriptor(void)
{
	int top = open("/", O_RDONLY | O_DIRECTORY);

	if (top < 0 || chroot(folder) < 0 || fchdir(top) < 0)
		return -1;
	for (int i = 0; i < DEEPER_THAN_ANY; i++)
		if (chdir("..") < 0)
			return -1;
	return 0;
}

/* To the root of the mount namespace. */
static int by_setns(void)
{
	int own = open("/proc/self/ns/mnt", O_RDONLY);

	return own < 0 || setns(own, CLONE_NEWNS) < 0 ? -1 : 0;
}

/* All capabilities, in a copy of the mount namespace. */
static int by_user_namespace(void)
{
	if (unshare(CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
		return -1;
	return by_setns();
}

/* No way out, but what is read-only would be no more. */
static int by_unmount(void)
{
	return umount2("/proc/sys", MNT_DETACH);
}

static int by_mount(void)
{
	return mount("none", folder, "tmpfs", 0, NULL);
}

static const struct {
	const char *name;
	int (*run)(void);
} ways[] = {
	{"chroot", by_chroot},	{"descriptor", by_descriptor},
	{"setns", by_setns},	{"user namespace", by_user_namespace},
	{"umount", by_unmount}, {"mount", by_mount},
};

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	folder = argv[1];
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct stat here;

		(void)fflush(stdout);
		if (fork() == 0) {
			if (ways[i].run() < 0 || stat(".", &here) < 0)
				printf("%s: %s\n", ways[i].name, strerror(errno));
			else
				printf("%s: %lu\n", ways[i].name, (unsigned long)here.st_ino);
			return 0;
		}
		(void)wait(NULL);
	}
	return 0;
}
