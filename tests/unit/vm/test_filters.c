/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filters of the monitor and of its file server, loaded for real: what each kind of thread may, and that anything
 * else is its end.
 */
#include "runtime/vm/filters.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define VCPU FILTER_VCPU
#define LOOP FILTER_LOOP
#define FS   FILTER_FS
#define QEMU FILTER_QEMU

static const struct {
	const char *name;
	long call, a, b, c;
	unsigned allowed; /* for these kinds */
} calls[] = {
	{"run", SYS_ioctl, -1, KVM_RUN, 0, VCPU},
	{"registers", SYS_ioctl, -1, KVM_SET_REGS, 0, VCPU},
	{"ioeventfd", SYS_ioctl, -1, KVM_IOEVENTFD, 0, VCPU | LOOP},
	{"memory slot", SYS_ioctl, -1, KVM_SET_USER_MEMORY_REGION, 0, LOOP},
	{"written pages", SYS_ioctl, -1, KVM_GET_DIRTY_LOG, 0, LOOP},
	{"written pages, forgotten", SYS_ioctl, -1, KVM_CLEAR_DIRTY_LOG, 0, 0},
	{"another machine", SYS_ioctl, -1, KVM_CREATE_VM, 0, 0},
	{"another processor", SYS_ioctl, -1, KVM_CREATE_VCPU, 0, 0},
	{"window size", SYS_ioctl, -1, TIOCGWINSZ, 0, LOOP | QEMU},
	{"push into a terminal", SYS_ioctl, -1, TIOCSTI, 0, 0},
	{"read", SYS_read, -1, 0, 0, VCPU | LOOP | FS | QEMU},
	{"wait for events", SYS_epoll_wait, -1, 0, 0, LOOP | FS | QEMU},
	{"lock", SYS_fcntl, -1, F_OFD_SETLK, 0, VCPU | LOOP | FS | QEMU},
	{"duplicate", SYS_fcntl, -1, F_DUPFD, 0, VCPU | LOOP | FS},
	{"accept", SYS_accept4, -1, 0, 0, LOOP | QEMU},
	{"memory", SYS_mprotect, 0, 4096, PROT_READ, VCPU | LOOP | FS | QEMU},
	{"memory to run", SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC, 0},
	{"map to run", SYS_mmap, 0, 4096, PROT_EXEC, 0},
	{"open", SYS_openat, -1, 0, 0, FS},
	{"act for a user", SYS_setfsuid, -1, 0, 0, FS},
	{"be a user", SYS_setuid, -1, 0, 0, 0},
	{"leave the root", SYS_chroot, 0, 0, 0, 0},
	{"open a handle", SYS_open_by_handle_at, -1, 0, 0, 0},
	{"signal QEMU", SYS_pidfd_send_signal, -1, 0, 0, QEMU},
	{"see how QEMU or the file server ended", SYS_wait4, -1, 0, 1, LOOP | QEMU},
	{"run a program", SYS_execve, 0, 0, 0, 0},
	{"fork", SYS_fork, 0, 0, 0, 0},
	{"clone", SYS_clone, 0x7fffffff, 0, 0, 0},
	{"socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0},
	{"connect", SYS_connect, -1, 0, 0, 0},
	{"another's memory", SYS_process_vm_readv, 1, 0, 0, 0},
	{"trace", SYS_ptrace, 0, 1, 0, 0},
	{"kill", SYS_kill, 1, 0, 0, 0},
	{"mount", SYS_mount, 0, 0, 0, 0},
	{"bpf", SYS_bpf, 0, 0, 0, 0},
	{"submit to a ring", SYS_io_uring_enter, -1, 0, 0, VCPU | LOOP},
	{"another ring", SYS_io_uring_setup, 0, 0, 0, 0},
	{"more for a ring", SYS_io_uring_register, -1, 0, 0, 0},
	{"x32", 0x40000000 + SYS_getpid, 0, 0, 0, 0},
};

static const enum filter_kind kinds[] = {FILTER_VCPU, FILTER_LOOP, FILTER_FS, FILTER_QEMU};

/* How a process ends that loads the filter and makes the call: 0, or the signal. */
static int ends_by(enum filter_kind kind, size_t index)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct filter_program program;
		struct err err = ERR_INIT;

		filter_make(&program, kind);
		if (confine_no_new_privs(&err) < 0 || confine_load(&program.filter, 0, &err) < 0)
			_exit(1);
		(void)syscall(calls[index].call, calls[index].a, calls[index].b, calls[index].c, 0, 0, 0);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_calls(void)
{
	if (!filter_is_wanted())
		SKIP("a sanitizer's own calls are in no filter");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			int wanted = calls[i].allowed & kinds[k] ? 0 : SIGSYS, found = ends_by(kinds[k], i);

			if (found != wanted)
				printf("# %s, kind %d\n", calls[i].name, kinds[k]);
			CHECK_INT(found, wanted);
		}
	}
}

static void test_room(void)
{
	struct filter_program program;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		filter_make(&program, kinds[k]);
		CHECK(program.filter.count > 50 && program.filter.count < FILTER_ROOM);
	}
}

/* How many instructions it takes to know where a call goes: to its end, or to the first argument. */
static unsigned count_steps(const struct confine_filter *filter, uint32_t call)
{
	uint32_t value = 0;
	unsigned steps = 1;

	for (size_t at = 0; at < filter->count; steps++) {
		const struct sock_filter *i = &filter->instructions[at];
		bool holds = BPF_OP(i->code) == BPF_JGE ? value >= i->k : value == i->k;

		if (BPF_CLASS(i->code) == BPF_RET)
			return steps;
		if (BPF_CLASS(i->code) == BPF_LD && i->k >= offsetof(struct seccomp_data, args))
			return steps;
		if (BPF_CLASS(i->code) == BPF_LD)
			value = i->k == offsetof(struct seccomp_data, nr) ? call : AUDIT_ARCH_X86_64;
		at += 1 + (BPF_CLASS(i->code) == BPF_JMP ? (size_t)(holds ? i->jt : i->jf) : 0);
	}
	return UINT_MAX;
}

/* The kernel does so for each number when it loads a program, while a machine's start waits. */
static void test_each_call_is_soon_found(void)
{
	struct filter_program program;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		filter_make(&program, kinds[k]);
		for (uint32_t call = 0; call < 500; call++)
			CHECK(count_steps(&program.filter, call) <= 12);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_room), TAP_CASE(test_each_call_is_soon_found), TAP_CASE(test_calls));
}
