/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A helper beside the caller: for a system call that takes long, and whose outcome is not needed yet.
 *
 * It is a process that borrows the caller's memory. So nothing is copied for it, neither at its start nor by the
 * caller's next writes, and it costs a fraction of a fork. In return it must leave that memory alone: it runs on a
 * stack of its own, has all signals blocked (a handler would be the caller's), and makes system calls by aside_call()
 * only, since the C library's would write to the caller's errno. It is no thread, either: the caller may go on to fork,
 * to execute, to join namespaces. It begins on another processor than the caller's, where there is one.
 */
#ifndef HULL_RUNTIME_BASE_ASIDE_H
#define HULL_RUNTIME_BASE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct aside {
	pid_t pid;
	int pidfd;    /* -1: none runs */
	void *memory; /* its context and its stack */
};
#define ASIDE_INIT ((struct aside){.pidfd = -1})

#define ASIDE_CONTEXT_BYTES 4608 /* a path fits in */

enum aside_kind {
	ASIDE_SHARES_FILES = 1, /* the descriptors that it opens are the caller's; else its table is a copy */
	ASIDE_STANDS_BACK = 2,	/* it takes no processor from who is busy there: its work can wait */
};

/*
 * Starts `run` with a copy of `context` (at most ASIDE_CONTEXT_BYTES), which is the helper's to change. It ends when
 * `run` returns. `kinds` are bits of the above. No signal tells of its end, and no plain wait() finds it. One thread. 0
 * or -errno.
 */
int aside_start(struct aside *aside, void (*run)(void *context), const void *context, size_t bytes, unsigned kinds);
/*
 * Waits for its end. The context as it has left it, valid until aside_close(); NULL: none runs. Also in a child of the
 * process that started it.
 */
void *aside_wait(struct aside *aside);
/* The context while it runs, which both may look at. NULL: none runs. */
void *aside_context(const struct aside *aside);
/*
 * A word in its context that begins as 0: the helper sets it when what it has to tell is there, and the caller waits
 * for that, or for its end: a helper that was killed tells nothing any more.
 */
void aside_tell(unsigned *word);
bool aside_has_told(const unsigned *word);
void aside_wait_told(const struct aside *aside, const unsigned *word);
/* Waits for its end, and takes its memory back. */
void aside_close(struct aside *aside);

/* A system call with nothing around it: the result, or the errno below 0. */
#if defined(__x86_64__)
static inline long aside_call5(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long aside_call5(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
			 x3 __asm__("x3") = d, x4 __asm__("x4") = e;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#else
#error "aside: say here how a system call is made on this architecture"
#endif

static inline long aside_call(long number, long a, long b, long c, long d)
{
	return aside_call5(number, a, b, c, d, 0);
}

#endif
