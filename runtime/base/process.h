/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes: clone3, pidfds, identity beyond the pid, waiting, signals by name.
 */
#ifndef HULL_RUNTIME_BASE_PROCESS_H
#define HULL_RUNTIME_BASE_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct proc_clone {
	uint64_t flags; /* CLONE_NEW*; CLONE_PIDFD and the exit signal SIGCHLD are added. CLONE_PARENT is allowed */
	int cgroup_fd;	/* a v2 cgroup to be born in (CLONE_INTO_CGROUP), or -1 */
	int *ret_pidfd; /* set in the parent, CLOEXEC; -1 where the kernel has no pidfds. May be NULL */
};
/*
 * Forks with clone3(2), or clone(2) where that is missing. That one can't say all: -ENOSYS for a cgroup_fd (the caller
 * moves the child itself) and for CLONE_NEWTIME (the caller unshares it first). Returns the child's pid in the parent,
 * 0 in the child, -errno. Must be called from a process with one thread: the child has only the calling one, and what
 * others held locked stays so. No atfork handler runs.
 */
pid_t proc_clone(const struct proc_clone *how);

int proc_pidfd(pid_t pid);	       /* pidfd_open(2): descriptor or -errno */
int proc_signal(int pidfd, int signo); /* pidfd_send_signal(2): 0 or -errno */

/*
 * A process's identity: pids are reused, the pair (pid, start time) is not within a boot. Field 22 of /proc/PID/stat,
 * in clock ticks.
 */
int proc_start_time(pid_t pid, uint64_t *ret_ticks);
enum proc_state { PROC_GONE, PROC_ZOMBIE, PROC_ALIVE };
/*
 * Whether the process `pid` that started at `start_ticks` is there. A zombie is a stopped program: whoever reaps it may
 * be late. PROC_ALIVE also when /proc could not be asked (no free descriptor): who is told that something is gone will
 * clean up behind it.
 */
enum proc_state proc_look(pid_t pid, uint64_t start_ticks);
/*
 * As proc_look(), and opens a pidfd that surely is that process, living or zombie. The descriptor, -ESRCH when it is
 * gone, or another -errno where no pidfd could be had.
 */
int proc_open(pid_t pid, uint64_t start_ticks);

/* Waits for a child. The wait status as waitpid(2) gives it goes to *ret_status. 0 or -errno. */
int proc_wait(pid_t pid, int *ret_status);
/*
 * Waits until the process behind a pidfd has ended (it need not be a child). -ETIMEDOUT after timeout_ms (-1: for
 * ever).
 */
int proc_wait_end(int pidfd, int timeout_ms);
/*
 * The wait status of an ended process that need not be a child (PIDFD_GET_INFO, Linux 6.15; see HOST_PIDFD_EXIT). The
 * pidfd must have been opened before the process was reaped. 0; -EAGAIN while it runs, and while it is a zombie;
 * -ENODATA where the kernel can't tell.
 */
int proc_exit_info(int pidfd, int *ret_status);
/*
 * The wait status of a zombie that need not be a child, from /proc/PID/stat (root may read it there, since Linux 3.5).
 * -EAGAIN while it is no zombie, -ESRCH when it has been reaped. The caller makes sure that `pid` is still the process
 * that it means.
 */
int proc_zombie_status(pid_t pid, int *ret_status);
/*
 * A wait status as a shell's exit code: the program's own, or 128 + signal. -EINVAL when it tells of no end (a stop).
 */
int proc_exit_code(int status);

/* "KILL", "SIGKILL", "sigkill", "9", "RTMIN+3", "RTMAX-1". The number (1..64), or -EINVAL. */
int proc_signal_parse(const char *words);
/* "KILL", "RTMIN+3"; NULL for a number without a name. */
const char *proc_signal_name(int signo);

/* Resets every signal to its default and unblocks all: what a program that is about to run expects. */
void proc_reset_signals(void);

/* The boot's id (/proc/sys/kernel/random/boot_id), 36 characters. */
int proc_boot_id(char to[static 37], struct err *err);

/* Nanoseconds: since the epoch, and of the monotonic clock. */
uint64_t proc_now_ns(void);
uint64_t proc_monotonic_ns(void);

#endif
