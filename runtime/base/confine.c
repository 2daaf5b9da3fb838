/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/confine.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int confine_no_new_privs(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "set no_new_privs");
	return 0;
}

int confine_load(const struct confine_filter *filter, unsigned flags, struct err *err)
{
	if (filter->count == 0 || filter->count > BPF_MAXINSNS)
		return err_say(err, EINVAL, "load seccomp filter: %zu instructions, but the kernel takes 1 to %d",
			       filter->count, BPF_MAXINSNS);

	struct sock_fprog program = {
		.len = (unsigned short)filter->count,
		/* The kernel only reads them; its struct is older than const. */
		.filter = (struct sock_filter *)(uintptr_t)filter->instructions,
	};
	long answer = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	if (answer < 0) {
		int code = errno;

		err_set(err, code, "load seccomp filter");
		if (code == EACCES)
			err_hint(err, "it needs no_new_privs or CAP_SYS_ADMIN");
		return -code;
	}
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return (int)answer;
	/* With TSYNC, a number above zero is the thread that could not follow, and nothing was loaded. */
	if (answer > 0)
		return err_say(err, ESRCH, "load seccomp filter: thread %ld has another one", answer);
	return 0;
}

int confine_die_with_parent(int parent_pidfd_or_minus_1, struct err *err)
{
	struct pollfd parent = {.fd = parent_pidfd_or_minus_1, .events = POLLIN};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(err, errno, "ask to die with the parent process");
	/* Only after asking: a parent that ends from now on takes us along, one that ended before shows here. */
	if (parent.fd >= 0 && poll(&parent, 1, 0) != 0)
		return err_say(err, ESRCH, "the parent process has already ended");
	return 0;
}
