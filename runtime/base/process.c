/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/base/host.h"
#include "runtime/base/text.h"

/* --- Making a process --- */

/*
 * clone(2): the older call. Its flags share a word with the exit signal, so what clone3(2) added to that byte or above
 * 32 bits can't be said. The order of the first three arguments is that of all architectures but s390.
 */
static pid_t clone_old(uint64_t flags, uint64_t exit_signal, int *ret_pidfd)
{
	if (flags & CSIGNAL || flags >> 32)
		return -ENOSYS;

	long pid = syscall(SYS_clone, (unsigned long)(flags | exit_signal), NULL, ret_pidfd, NULL, 0);

	return pid < 0 ? -errno : (pid_t)pid;
}

pid_t proc_clone(const struct proc_clone *how)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = how->flags | (how->ret_pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uintptr_t)&pidfd,
		/* A sibling is its parent's child: who gets told of its end, and how, is not ours to say. */
		.exit_signal = how->flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long pid;

	if (how->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)how->cgroup_fd;
	}
	if (host_has(HOST_CLONE3)) {
		pid = syscall(SYS_clone3, &args, sizeof(args));
		if (pid < 0)
			pid = -errno;
	} else {
		pid = clone_old(args.flags, args.exit_signal, &pidfd);
	}
	if (pid > 0 && how->ret_pidfd)
		*how->ret_pidfd = pidfd;
	return (pid_t)pid;
}

/* --- Identity --- */

int proc_pidfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

int proc_signal(int pidfd, int signo)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

/* Reads what fits of a file that the kernel makes up in one piece. Always terminated. The length or -errno. */
static ssize_t read_once(const char *path, char *to, size_t to_bytes)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	do
		len = read(fd, to, to_bytes - 1);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	to[len] = '\0';
	return len;
}

/* What of /proc/PID/stat matters here. */
struct proc_stat {
	char state;
	uint64_t threads;
	uint64_t start_ticks;
};

enum { STAT_FIELD_STATE = 3, STAT_FIELD_THREADS = 20, STAT_FIELD_START = 22 };

static int stat_parse(const char *line, struct proc_stat *ret)
{
	/*
	 * Field 2 is the program's name in parentheses, and a program may call itself ") R 1". No later field has one.
	 */
	const char *at = strrchr(line, ')');

	if (!at || at[1] != ' ' || !at[2])
		return -EINVAL;
	at += 2;
	ret->state = *at;
	for (int field = STAT_FIELD_STATE; field < STAT_FIELD_START; field++) {
		at = strchr(at, ' ');
		if (!at)
			return -EINVAL;
		at++;
		if (field + 1 == STAT_FIELD_THREADS)
			ret->threads = strtoull(at, NULL, 10);
	}
	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	ret->start_ticks = strtoull(at, NULL, 10);
	return 0;
}

/* The kernel writes below 600 bytes: 52 numbers and a short name. */
#define STAT_BYTES 1024

static int stat_line(pid_t pid, char ret[static STAT_BYTES])
{
	char path[32];
	ssize_t len;

	if (pid <= 0)
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	len = read_once(path, ret, STAT_BYTES);
	return len == -ENOENT ? -ESRCH : (int)len;
}

static int stat_read(pid_t pid, struct proc_stat *ret)
{
	char line[STAT_BYTES];
	int len = stat_line(pid, line);

	return len < 0 ? len : stat_parse(line, ret);
}

int proc_start_time(pid_t pid, uint64_t *ret_ticks)
{
	struct proc_stat stat;
	int r = stat_read(pid, &stat);

	if (r < 0)
		return r;
	*ret_ticks = stat.start_ticks;
	return 0;
}

/* 0 when the process is there, living or zombie; -ESRCH when it is gone; another -errno when that can't be told. */
static int stat_of(pid_t pid, uint64_t start_ticks, struct proc_stat *ret)
{
	int r = stat_read(pid, ret);

	if (r < 0)
		return r;
	return ret->start_ticks == start_ticks ? 0 : -ESRCH;
}

enum proc_state proc_look(pid_t pid, uint64_t start_ticks)
{
	struct proc_stat stat;
	int r = stat_of(pid, start_ticks, &stat);

	if (r == -ESRCH)
		return PROC_GONE;
	if (r < 0 || (stat.state != 'Z' && stat.state != 'X'))
		return PROC_ALIVE;
	/* The first thread may end before the others: it stays as a zombie, and the process lives. */
	return stat.threads > 1 ? PROC_ALIVE : PROC_ZOMBIE;
}

int proc_open(pid_t pid, uint64_t start_ticks)
{
	CLEANUP_FD int pidfd = pid > 0 ? proc_pidfd(pid) : -ESRCH;
	struct proc_stat stat;
	int r;

	if (pidfd < 0)
		return fd_take(&pidfd);
	r = stat_of(pid, start_ticks, &stat);
	if (r < 0)
		return r;
	/* Still not reaped: so the number was this process's all the time, and what we looked at was it. */
	if (proc_signal(pidfd, 0) == -ESRCH)
		return -ESRCH;
	return fd_take(&pidfd);
}

/* --- The end --- */

int proc_wait(pid_t pid, int *ret_status)
{
	pid_t found;

	do
		found = waitpid(pid, ret_status, 0);
	while (found < 0 && errno == EINTR);
	return found < 0 ? -errno : 0;
}

int proc_wait_end(int pidfd, int timeout_ms)
{
	struct pollfd process = {.fd = pidfd, .events = POLLIN};
	uint64_t end_ns = proc_monotonic_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000;

	for (;;) {
		int n = poll(&process, 1, timeout_ms);

		if (n > 0)
			return process.revents & POLLNVAL ? -EBADF : 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
		if (timeout_ms > 0) {
			uint64_t now_ns = proc_monotonic_ns();

			timeout_ms = now_ns >= end_ns ? 0 : (int)((end_ns - now_ns + 999999) / 1000000);
		}
	}
}

/*
 * Linux 6.13, the exit status 6.15; build machines' headers are older. The first published size: every kernel that
 * knows it takes it.
 */
struct pidfd_info_v0 {
	uint64_t mask;
	uint64_t cgroup_id;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_V0_GET_INFO  _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_V0_INFO_EXIT (UINT64_C(1) << 3)
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "the size is part of the request's number");

int proc_exit_info(int pidfd, int *ret_status)
{
	struct pidfd_info_v0 info = {.mask = PIDFD_V0_INFO_EXIT};

	if (ioctl(pidfd, PIDFD_V0_GET_INFO, &info) < 0)
		return errno == EBADF ? -EBADF : -ENODATA;
	if (!(info.mask & PIDFD_V0_INFO_EXIT))
		return -EAGAIN;
	*ret_status = info.exit_code;
	return 0;
}

int proc_zombie_status(pid_t pid, int *ret_status)
{
	char line[STAT_BYTES];
	const char *at;
	int len = stat_line(pid, line);

	if (len < 0)
		return len;
	at = strrchr(line, ')');
	if (!at || at[1] != ' ')
		return -EINVAL;
	if (at[2] != 'Z')
		return -EAGAIN;
	at = strrchr(line, ' '); /* exit_code is the last field, the 52nd, since Linux 3.5 */
	*ret_status = (int)strtol(at, NULL, 10);
	return 0;
}

int proc_exit_code(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINVAL;
}

/* --- Signals --- */

static const char *const signal_names[] = {
	[SIGHUP] = "HUP",	[SIGINT] = "INT",   [SIGQUIT] = "QUIT",	  [SIGILL] = "ILL",   [SIGTRAP] = "TRAP",
	[SIGABRT] = "ABRT",	[SIGBUS] = "BUS",   [SIGFPE] = "FPE",	  [SIGKILL] = "KILL", [SIGUSR1] = "USR1",
	[SIGSEGV] = "SEGV",	[SIGUSR2] = "USR2", [SIGPIPE] = "PIPE",	  [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
	[SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",	  [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
	[SIGTTIN] = "TTIN",	[SIGTTOU] = "TTOU", [SIGURG] = "URG",	  [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
	[SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH", [SIGIO] = "IO",     [SIGPWR] = "PWR",
	[SIGSYS] = "SYS",
};

/* Other names that people know. */
static const struct {
	const char *name;
	int signo;
} signal_aliases[] = {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"POLL", SIGIO}, {"UNUSED", SIGSYS}};

/* The kernel's last one. Some below RTMIN are the C library's own, but a program inside may want them by number. */
#define SIGNAL_LAST 64
/*
 * What RTMIN and RTMAX say to the programs inside, systemd among them, and to every engine: glibc's numbers, and not
 * those of the C library that hull is linked with (SIGRTMIN is 35 by musl).
 */
#define REALTIME_LOWEST 34

static int signal_by_name(const char *name)
{
	for (int signo = 1; signo < (int)ARRAY_SIZE(signal_names); signo++)
		if (signal_names[signo] && strcasecmp(name, signal_names[signo]) == 0)
			return signo;
	for (size_t i = 0; i < ARRAY_SIZE(signal_aliases); i++)
		if (strcasecmp(name, signal_aliases[i].name) == 0)
			return signal_aliases[i].signo;
	return -EINVAL;
}

/* "RTMIN", "RTMIN+3", "RTMAX-2". */
static int signal_realtime(const char *name)
{
	bool from_low = strncasecmp(name, "RTMIN", 5) == 0;
	uint32_t offset = 0;

	if (!from_low && strncasecmp(name, "RTMAX", 5) != 0)
		return -EINVAL;
	if (name[5] && (name[5] != (from_low ? '+' : '-') || text_u32(name + 6, &offset) < 0))
		return -EINVAL;
	if (offset > SIGNAL_LAST - REALTIME_LOWEST)
		return -EINVAL;
	return from_low ? REALTIME_LOWEST + (int)offset : SIGNAL_LAST - (int)offset;
}

int proc_signal_parse(const char *words)
{
	uint32_t number;
	int signo;

	if (text_u32(words, &number) == 0)
		return number >= 1 && number <= SIGNAL_LAST ? (int)number : -EINVAL;
	if (strncasecmp(words, "SIG", 3) == 0)
		words += 3;
	signo = signal_by_name(words);
	return signo > 0 ? signo : signal_realtime(words);
}

const char *proc_signal_name(int signo)
{
	static const char *const realtime[] = {
		"RTMIN",    "RTMIN+1",	"RTMIN+2",  "RTMIN+3",	"RTMIN+4",  "RTMIN+5",	"RTMIN+6",  "RTMIN+7",
		"RTMIN+8",  "RTMIN+9",	"RTMIN+10", "RTMIN+11", "RTMIN+12", "RTMIN+13", "RTMIN+14", "RTMIN+15",
		"RTMIN+16", "RTMIN+17", "RTMIN+18", "RTMIN+19", "RTMIN+20", "RTMIN+21", "RTMIN+22", "RTMIN+23",
		"RTMIN+24", "RTMIN+25", "RTMIN+26", "RTMIN+27", "RTMIN+28", "RTMIN+29", "RTMIN+30",
	};

	if (signo > 0 && signo < (int)ARRAY_SIZE(signal_names))
		return signal_names[signo];
	if (signo >= REALTIME_LOWEST && signo < REALTIME_LOWEST + (int)ARRAY_SIZE(realtime))
		return realtime[signo - REALTIME_LOWEST];
	return NULL;
}

/*
 * By the system call: the C library refuses the two signals that it keeps for itself, and whoever started hull may have
 * ignored them.
 */
static void set_default(int signo)
{
	static const struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} by_default = {0}; /* SIG_DFL is 0 */

	(void)syscall(SYS_rt_sigaction, signo, &by_default, NULL, sizeof(by_default.mask));
}

void proc_reset_signals(void)
{
	sigset_t none;

	/* Handlers first: a signal that was pending behind the mask must find the default, not a handler of ours. */
	for (int signo = 1; signo <= SIGNAL_LAST; signo++)
		set_default(signo);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* --- The machine's boot, and time --- */

/* Read once: no process lives through a boot, and each look at a record asks. */
int proc_boot_id(char to[static 37], struct err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	static char known[37];
	ssize_t len = known[0] ? 36 : read_once(path, known, sizeof(known));

	if (len == 36 && strspn(known, "0123456789abcdef-") == 36) {
		memcpy(to, known, sizeof(known));
		return 0;
	}
	known[0] = '\0';
	return len < 0 ? err_set(err, (int)-len, "read '%s'", path)
		       : err_say(err, EINVAL, "'%s' holds no boot id", path);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t proc_now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t proc_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
