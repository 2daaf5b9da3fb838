/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ahead.h"

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

static void test_makes_one(void)
{
	ino_t own = network_of("/proc/self/ns/net");
	struct stat made = {0};
	bool lo_up = false;
	int fd;

	CHECK(!net_ahead_is_started());
	net_ahead_start();
	CHECK(net_ahead_is_started());
	fd = net_ahead_take(&lo_up);
	CHECK(fd >= 0 && fstat(fd, &made) == 0 && made.st_ino != own);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(lo_up && lo_is_up_in(fd));
	/* The caller stays where it was. */
	CHECK(network_of("/proc/self/ns/net") == own);
	CHECK(!net_ahead_is_started());
	(void)close(fd);
}

static void test_each_is_another(void)
{
	struct stat first = {0}, second = {0};
	bool lo_up;
	int one, two;

	net_ahead_start();
	net_ahead_start(); /* once is enough */
	one = net_ahead_take(&lo_up);
	net_ahead_start();
	two = net_ahead_take(&lo_up);
	CHECK(fstat(one, &first) == 0 && fstat(two, &second) == 0 && first.st_ino != second.st_ino);
	(void)close(one);
	(void)close(two);
}

/* Nothing is left open or running of one that nobody wants. */
static void test_one_is_dropped(void)
{
	int before = dup(STDIN_FILENO), after;

	(void)close(before);
	net_ahead_start();
	net_ahead_drop();
	CHECK(!net_ahead_is_started());
	after = dup(STDIN_FILENO);
	CHECK_INT(after, before);
	(void)close(after);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0);
	net_ahead_drop();
}

static void test_none_is_no_failure(void)
{
	bool lo_up = true;
	int status = -1;

	CHECK_INT(net_ahead_take(&lo_up), -1);
	CHECK(!lo_up);
	/* Where the right is lacking, that is told in the same way. */
	if (fork() == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		net_ahead_start();
		_exit(net_ahead_take(&lo_up) == -1 && !lo_up ? 0 : 1);
	}
	(void)wait(&status);
	CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_makes_one), TAP_CASE(test_each_is_another), TAP_CASE(test_one_is_dropped),
		       TAP_CASE(test_none_is_no_failure));
}
