/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ahead.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

static ino_t network_of(const char *path)
{
	struct stat found = {0};

	return stat(path, &found) == 0 ? found.st_ino : 0;
}

/* In a process of its own, which ends in the namespace. */
static bool lo_is_up_in(int netns_fd)
{
	int status = -1;

	if (fork() == 0) {
		struct ifreq lo = {.ifr_name = "lo"};
		int fd = setns(netns_fd, CLONE_NEWNET) == 0 ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

		_exit(fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &lo) == 0 && (lo.ifr_flags & IFF_UP) ? 0 : 1);
	}
	(void)wait(&status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What the folder shows: a new namespace has a loopback interface, and none of the host's. */
static bool shows_only_lo(int sysfs_fd)
{
	CLEANUP_FD int fd = openat(sysfs_fd, "class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd_take(&fd));
	struct dirent *entry;
	unsigned lo = 0, others = 0;

	while (folder && (entry = readdir(folder)))
		if (strcmp(entry->d_name, "lo") == 0)
			lo++;
		else if (entry->d_name[0] != '.' && strcmp(entry->d_name, "bonding_masters") != 0)
			others++;
	return lo == 1 && others == 0;
}

static void test_makes_one(void)
{
	ino_t own = network_of("/proc/self/ns/net");
	struct stat made = {0};
	int netns_fd, sysfs_fd;

	CHECK(!net_ahead_is_started());
	net_ahead_start(NET_AHEAD_LOOPBACK | NET_AHEAD_SYSFS);
	CHECK(net_ahead_is_started());
	netns_fd = net_ahead_take();
	CHECK(!net_ahead_is_started());
	CHECK(netns_fd >= 0 && fstat(netns_fd, &made) == 0 && made.st_ino != own);
	CHECK(fcntl(netns_fd, F_GETFD) & FD_CLOEXEC);
	do
		sysfs_fd = net_ahead_take_sysfs(false);
	while (sysfs_fd == -EAGAIN);
	CHECK(sysfs_fd >= 0 && (fcntl(sysfs_fd, F_GETFD) & FD_CLOEXEC));
	CHECK(shows_only_lo(sysfs_fd));
	CHECK_INT(net_ahead_take_sysfs(true), -1); /* each is to be taken once */
	CHECK(net_ahead_end() && lo_is_up_in(netns_fd));
	/* The caller stays where it was. */
	CHECK(network_of("/proc/self/ns/net") == own);
	(void)close(netns_fd);
	(void)close(sysfs_fd);
}

static void test_each_is_another(void)
{
	struct stat first = {0}, second = {0};
	int one, two;

	net_ahead_start(NET_AHEAD_LOOPBACK);
	net_ahead_start(NET_AHEAD_LOOPBACK); /* once is enough */
	one = net_ahead_take();
	CHECK_INT(net_ahead_take(), -1);
	net_ahead_start(0); /* waits for what is left of the first */
	two = net_ahead_take();
	CHECK_INT(net_ahead_take_sysfs(true), -1);
	CHECK(lo_is_up_in(one));
	CHECK(!net_ahead_end() && !lo_is_up_in(two));
	CHECK(fstat(one, &first) == 0 && fstat(two, &second) == 0 && first.st_ino != second.st_ino);
	(void)close(one);
	(void)close(two);
}

static int lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	(void)close(fd);
	return fd;
}

/* Nothing is left open or running of one that nobody wants, or of what is left of it. */
static void test_one_is_dropped(void)
{
	int before = lowest_free();

	net_ahead_start(NET_AHEAD_LOOPBACK | NET_AHEAD_SYSFS);
	net_ahead_drop();
	CHECK(!net_ahead_is_started());
	CHECK_INT(lowest_free(), before);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0);
	net_ahead_drop();
	net_ahead_start(NET_AHEAD_LOOPBACK | NET_AHEAD_SYSFS);
	(void)close(net_ahead_take());
	net_ahead_drop();
	CHECK_INT(lowest_free(), before);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0);
}

static void test_none_is_no_failure(void)
{
	int status = -1;

	CHECK(net_ahead_take() == -1 && net_ahead_take_sysfs(false) == -1 && !net_ahead_end());
	/* Where the right is lacking, that is told in the same way. */
	if (fork() == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		net_ahead_start(NET_AHEAD_LOOPBACK | NET_AHEAD_SYSFS);
		_exit(net_ahead_take() == -1 && net_ahead_take_sysfs(true) == -1 && !net_ahead_end() ? 0 : 1);
	}
	(void)wait(&status);
	CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_makes_one), TAP_CASE(test_each_is_another), TAP_CASE(test_one_is_dropped),
		       TAP_CASE(test_none_is_no_failure));
}
