/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a command again and again, and says how long it took to its first byte on standard output or error, and to its
 * end, in microseconds: a line a run. Or once, and says how many system calls, and KVM's among them, its threads made
 * before a guest ran; or becomes it, with all that it says on standard output.
 *
 *     vm-first-byte RUNS|calls|said [unfiltered] [FD=WHAT...] COMMAND...
 *
 * WHAT is `tap:NAME`, a network device of that name, or of our own; `listen:PATH`, a listening Unix socket; or a file's
 * path, opened anew for each run, for reading and writing where that is allowed. An unfiltered command's filters of
 * system calls are not loaded, and it is told that they are.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Out of the way of what the command is given. */
enum { OUTPUT = 100, INPUT = 101 };

static int has_stderr; /* of the command: it was given one, whose bytes do not count */

static int must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- what the command is given ------------------------------------------------------------------------------------ */

static int open_tap(const char *name_or_empty)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = must(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");

	(void)strncpy(request.ifr_name, name_or_empty, sizeof(request.ifr_name) - 1);
	(void)must(ioctl(fd, TUNSETIFF, &request), "make a tap");
	return fd;
}

static int open_listening(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a socket");

	(void)strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	(void)unlink(path);
	(void)must(bind(fd, (struct sockaddr *)&address, sizeof(address)), path);
	(void)must(listen(fd, 1), path);
	return fd;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? must(open(path, O_RDONLY | O_CLOEXEC), path) : fd;
}

/* FD=WHAT; 0: it is something else. Devices and sockets stay open from run to run: they are not what is timed. */
static int open_as(const char *word)
{
	char *what;
	int wanted = (int)strtol(word, &what, 10), fd;

	if (what == word || *what++ != '=')
		return 0;
	if ((strncmp(what, "tap:", 4) == 0 || strncmp(what, "listen:", 7) == 0) && fcntl(wanted, F_GETFD) >= 0)
		return 1;
	fd = strncmp(what, "tap:", 4) == 0	? open_tap(what + 4)
	     : strncmp(what, "listen:", 7) == 0 ? open_listening(what + 7)
						: open_file(what);
	has_stderr |= wanted == STDERR_FILENO;
	if (fd == wanted) {
		(void)fcntl(fd, F_SETFD, 0);
		return 1;
	}
	(void)must(dup2(fd, wanted), what);
	(void)close(fd);
	return 1;
}

/* The command's words, when all before them is open, and its output. */
static char **prepare(char **words)
{
	int ends[2];

	(void)must(pipe2(ends, O_CLOEXEC), "pipe");
	(void)must(dup3(ends[0], OUTPUT, O_CLOEXEC), "pipe");
	(void)must(dup3(ends[1], INPUT, O_CLOEXEC), "pipe");
	(void)close(ends[0]);
	(void)close(ends[1]);
	while (open_as(*words))
		words++;
	return words;
}

static _Noreturn void become(char **words)
{
	(void)dup2(INPUT, STDOUT_FILENO);
	if (!has_stderr)
		(void)dup2(INPUT, STDERR_FILENO);
	(void)execv(words[0], words);
	_exit(127);
}

/* --- what is counted ---------------------------------------------------------------------------------------------- */

/* Borrowed, not forked: what it takes to copy this process is no part of the figure. */
static void one_run(char **words)
{
	uint64_t began, first;
	char byte;
	pid_t pid;

	words = prepare(words);
	began = now_us();
	pid = vfork();
	if (pid == 0)
		become(words);
	(void)close(INPUT);
	if (pid < 0 || read(OUTPUT, &byte, 1) != 1) {
		(void)fprintf(stderr, "'%s' says nothing\n", words[0]);
		exit(1);
	}
	first = now_us() - began;
	(void)waitpid(pid, NULL, 0);
	(void)printf("%lu %lu\n", (unsigned long)first, (unsigned long)(now_us() - began));
}

/* 1: a guest is about to run. */
static int count_call(pid_t thread, unsigned *calls, unsigned *kvm_calls)
{
	struct __ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(call), &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY)
		return 0;
	if (call.entry.nr == SYS_ioctl && call.entry.args[1] == KVM_RUN)
		return 1;
	++*calls;
	if (call.entry.nr == SYS_ioctl && _IOC_TYPE(call.entry.args[1]) == KVMIO)
		++*kvm_calls;
	return 0;
}

static void count_calls(char **words)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL;
	unsigned calls = 0, kvm_calls = 0;
	int status = 0, runs = 0;
	pid_t pid, thread;

	words = prepare(words);
	pid = must(fork(), "fork");
	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		become(words);
	}
	(void)waitpid(pid, &status, 0);
	(void)must((int)ptrace(PTRACE_SETOPTIONS, pid, NULL, options), "trace");
	for (thread = pid; thread > 0 && !runs; thread = runs ? thread : waitpid(-1, &status, __WALL)) {
		int is_call = WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
		int signal =
			WIFSTOPPED(status) && !is_call && WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP;

		runs = is_call && count_call(thread, &calls, &kvm_calls);
		if (!runs && WIFSTOPPED(status))
			(void)ptrace(PTRACE_SYSCALL, thread, NULL, signal ? (long)WSTOPSIG(status) : 0L);
	}
	if (!runs) {
		(void)fprintf(stderr, "'%s' ran no guest\n", words[0]);
		exit(1);
	}
	(void)printf("%u %u\n", calls, kvm_calls);
	(void)kill(pid, SIGKILL);
}

/* A filter that answers for the kernel whoever wants to load another: done, without doing it. */
static void answer_filters(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};

	(void)must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program),
		   "filter");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 1;
	if (strcmp(argv[2], "unfiltered") == 0) {
		answer_filters();
		argv[2] = argv[1];
		argv++;
	}
	if (strcmp(argv[1], "calls") == 0) {
		count_calls(argv + 2);
		return 0;
	}
	if (strcmp(argv[1], "said") == 0) {
		argv = prepare(argv + 2);
		(void)dup2(STDOUT_FILENO, STDERR_FILENO);
		(void)execv(argv[0], argv);
		return 127;
	}
	for (long runs = strtol(argv[1], NULL, 10); runs > 0; runs--)
		one_run(argv + 2);
	return 0;
}
