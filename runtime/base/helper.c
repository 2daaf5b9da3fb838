// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

static int place_null(int words_on)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		if (fd != words_on && fd_place(null, fd) < 0)
			return -1;
	return null;
}

static void become_helper(int words_on, bool quiet, int words_fd, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have ended before the line above. */
	if (getppid() != parent)
		_exit(HELPER_FAILED);
	proc_reset_signals();
	if (fd_place(words_fd, words_on) < 0 || (quiet && place_null(words_on) < 0) || fd_cloexec_from(3, NULL) < 0)
		_exit(HELPER_FAILED);
}

pid_t helper_fork(int words_on, bool quiet, int *ret_words_fd, struct err *err)
{
	CLEANUP_FD int in = -1;
	CLEANUP_FD int out = -1;
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	in = ends[0];
	out = ends[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid > 0) {
		*ret_words_fd = fd_take(&in);
		return pid;
	}
	/* execve(2) closes both: either may stand where a standard descriptor does now. */
	become_helper(words_on, quiet, fd_take(&out), parent);
	(void)fd_take(&in);
	return 0;
}
