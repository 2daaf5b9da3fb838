// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/aside.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/processors.h"
#include "runtime/base/scope.h"
#include "runtime/base/spare.h"

#define STACK_BYTES   8192 /* a few calls deep */
#define LOOK_AGAIN_MS 20   /* for the end of who should have told something */

struct memory {
	_Alignas(16) char context[ASIDE_CONTEXT_BYTES];
	void (*run)(void *context);
	_Alignas(16) char stack[STACK_BYTES];
};

__attribute__((no_sanitize("address"))) static int begin(void *context)
{
	struct memory *memory = context;

	memory->run(memory->context);
	(void)aside_call(SYS_exit_group, 0, 0, 0, 0);
	return 0;
}

int aside_start(struct aside *aside, void (*run)(void *context), const void *context, size_t bytes, unsigned kinds)
{
	int flags = CLONE_VM | CLONE_PIDFD | (kinds & ASIDE_SHARES_FILES ? CLONE_FILES : 0), pidfd = -1, pid, code;
	struct memory *memory = bytes > ASIDE_CONTEXT_BYTES ? NULL : spare_take(spare_size(sizeof(*memory)));
	sigset_t all, before;
	bool kept;

	if (!memory)
		return -ENOMEM;
	memcpy(memory->context, context, bytes);
	memory->run = run;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	kept = processors_keep();
	pid = clone(begin, memory->stack + STACK_BYTES, flags, memory, &pidfd);
	code = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		processors_keep_end(kept, 0);
		spare_give(memory, spare_size(sizeof(*memory)));
		return -code;
	}
	processors_send_elsewhere(pid);
	processors_keep_end(kept, kinds & ASIDE_STANDS_BACK ? 0 : pid);
	*aside = (struct aside){.pid = pid, .pidfd = pidfd, .memory = memory};
	return 0;
}

void *aside_wait(struct aside *aside)
{
	struct pollfd end = {.fd = aside->pidfd, .events = POLLIN};

	if (aside->pidfd < 0)
		return NULL;
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	return aside->memory;
}

void *aside_context(const struct aside *aside)
{
	return aside->pidfd < 0 ? NULL : aside->memory;
}

__attribute__((no_sanitize("address"))) void aside_tell(unsigned *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	(void)aside_call(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1, 0);
}

bool aside_has_told(const unsigned *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) != 0;
}

void aside_wait_told(const struct aside *aside, const unsigned *word)
{
	static const struct timespec look_again = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
	struct pollfd end = {.fd = aside->pidfd, .events = POLLIN};

	while (!aside_has_told(word) && poll(&end, 1, 0) <= 0)
		(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, &look_again, NULL, 0);
}

void aside_close(struct aside *aside)
{
	if (!aside_wait(aside))
		return;
	/* Where the caller is a child of the process that started it, that one is the parent. */
	(void)waitpid(aside->pid, NULL, __WALL | WNOHANG);
	scope_fd(&aside->pidfd);
	spare_give(aside->memory, spare_size(sizeof(struct memory)));
	*aside = ASIDE_INIT;
}
