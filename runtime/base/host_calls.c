/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls that hull cannot do without. For clone3, openat2, close_range and statx there are older ways, so
 * they are not among them.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/host.h"
#include "runtime/base/scope.h"

/*
 * Each with arguments that the call refuses at once (flags that there are none of), and without effect where it did
 * not. -1 as an argument is no descriptor, and every flag.
 */
static const struct {
	const char *name;
	const char *since; /* Linux */
	long number;
	long arguments[5];
	bool privileged; /* looks at rights first: EPERM says nothing to who has none */
	/* what it is for comes late, or after work that would be in vain; the others fail early by themselves */
	bool asked_first;
} calls[] = {
	{"mount_setattr", "5.12", SYS_mount_setattr, {-1, 0, -1, 0, 0}, false, true},
	{"fsopen", "5.2", SYS_fsopen, {0, -1}, true, false},
	{"fsconfig", "5.2", SYS_fsconfig, {-1, 0, 0, 0, 0}, false, false},
	{"fsmount", "5.2", SYS_fsmount, {-1, -1, 0}, true, false},
	{"open_tree", "5.2", SYS_open_tree, {-1, 0, -1}, false, false},
	{"move_mount", "5.2", SYS_move_mount, {-1, 0, -1, 0, -1}, true, false},
	{"pidfd_open", "5.3", SYS_pidfd_open, {-1, -1}, false, true},
	{"pidfd_send_signal", "5.1", SYS_pidfd_send_signal, {-1, 0, 0, -1}, false, true},
	{"memfd_create", "3.17", SYS_memfd_create, {0, -1}, false, true},
	{"renameat2", "3.15", SYS_renameat2, {-1, 0, -1, 0, -1}, false, false},
};

static bool is_missing(size_t row)
{
	const long *of = calls[row].arguments;

	if (syscall(calls[row].number, of[0], of[1], of[2], of[3], of[4]) >= 0)
		return false;
	if (errno == EPERM)
		return !calls[row].privileged || host_caps_permitted() >> CAP_SYS_ADMIN & 1;
	return errno == ENOSYS;
}

/* The row of the first one that is not there; one past the last when all are. */
static size_t first_missing(bool all)
{
	size_t row = 0;

	while (row < ARRAY_SIZE(calls) && !((all || calls[row].asked_first) && is_missing(row)))
		row++;
	return row;
}

int host_require(struct err *err)
{
	size_t row = first_missing(false);

	if (row == ARRAY_SIZE(calls))
		return 0;
	return err_say(err, EOPNOTSUPP,
		       "hull needs the system call %s (Linux %s): this kernel, %s, does not have it, or a seccomp "
		       "filter "
		       "forbids it",
		       calls[row].name, calls[row].since, host_kernel());
}

/*
 * Whether the kernel's answer is all that is said. EINVAL is what the C library makes of a renameat2(2) that is not
 * there.
 */
static bool is_bare(const struct err *err)
{
	const char *answer = strerror(err->code);
	size_t len = strlen(err->msg), answer_len = strlen(answer);

	if (err->code != ENOSYS && err->code != EPERM && err->code != EINVAL)
		return false;
	return len >= answer_len && strcmp(err->msg + len - answer_len, answer) == 0;
}

void host_explain(struct err *err)
{
	size_t row;

	if (!is_bare(err))
		return;
	row = first_missing(true);
	if (row < ARRAY_SIZE(calls))
		(void)err_hint(err,
			       "the system call %s (Linux %s) is not there: this kernel, %s, does not have it, or a "
			       "seccomp "
			       "filter forbids it",
			       calls[row].name, calls[row].since, host_kernel());
}
