// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/errand.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/process.h"

#define STACK_BYTES (512 * 1024) /* a few buffers of PATH_MAX deep; more with a sanitizer's spaces in between */

struct errand {
	int (*run)(void *context, struct err *err);
	void *context;
	struct err *err;
	pid_t sender;
	int result;
	bool done; /* `result` is what `run` returned */
};

/* Nobody waits for it any more where the sender has ended before the wish to end with it was known. */
static int begin(void *memory)
{
	struct errand *errand = memory;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != errand->sender)
		return 1;
	errand->result = errand->run(errand->context, errand->err);
	errand->done = true;
	return 0;
}

/*
 * The stack is a piece of the caller's own: a sanitizer that asks where the stack of this thread is gets an answer that
 * holds for both.
 */
int errand_run(uint64_t namespaces, int (*run)(void *context, struct err *err), void *context, struct err *err)
{
	_Alignas(16) char stack[STACK_BYTES];
	struct errand errand = {.run = run, .context = context, .err = err, .sender = getpid()};
	int flags = (int)namespaces | CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, status;
	pid_t pid = clone(begin, stack + sizeof(stack), flags, &errand);

	if (pid < 0)
		return err_set(err, errno, "start a process for another namespace");
	/* It has given the memory back; its namespaces are gone once it can be waited for. */
	(void)proc_wait(pid, &status);
	return errand.done ? errand.result
			   : err_say(err, EINTR, "the process for another namespace was killed at its work");
}
