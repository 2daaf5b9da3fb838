/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/fs_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "runtime/base/confine.h"
#include "runtime/base/scope.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "system calls of this architecture are not known here"
#endif

/* A call, and bits of one of its arguments that have to be 0 (in the lower half; `bits` 0: any arguments). */
struct allowed {
	uint32_t number;
	uint32_t argument;
	uint32_t bits;
};

static const struct allowed allowed[] = {
	/* Data and names, in the order of how often they are used. */
	{SYS_preadv, 0, 0},
	{SYS_pwritev, 0, 0},
	{SYS_openat2, 0, 0},
	{SYS_statx, 0, 0},
	{SYS_openat, 0, 0},
	{SYS_close, 0, 0},
	{SYS_read, 0, 0},
	{SYS_write, 0, 0},
	{SYS_getdents64, 0, 0},
	{SYS_lseek, 0, 0},
	{SYS_newfstatat, 0, 0},
	{SYS_fstat, 0, 0},
	{SYS_fcntl, 0, 0},
	{SYS_ftruncate, 0, 0},
	{SYS_fallocate, 0, 0},
	{SYS_copy_file_range, 0, 0},
	{SYS_fsync, 0, 0},
	{SYS_fdatasync, 0, 0},
	{SYS_syncfs, 0, 0},
	{SYS_fstatfs, 0, 0},
	{SYS_readlinkat, 0, 0},
	{SYS_mkdirat, 0, 0},
	{SYS_mknodat, 0, 0},
	{SYS_symlinkat, 0, 0},
	{SYS_linkat, 0, 0},
	{SYS_unlinkat, 0, 0},
	{SYS_renameat2, 0, 0},
#ifdef SYS_renameat
	/* glibc's renameat2() without flags. */
	{SYS_renameat, 0, 0},
#endif
	{SYS_fchownat, 0, 0},
	{SYS_fchmodat, 0, 0},
	{SYS_utimensat, 0, 0},
	{SYS_fsetxattr, 0, 0},
	{SYS_fgetxattr, 0, 0},
	{SYS_flistxattr, 0, 0},
	{SYS_fremovexattr, 0, 0},
	/* Acting for the guest's users. */
	{SYS_umask, 0, 0},
	{SYS_setfsuid, 0, 0},
	{SYS_setfsgid, 0, 0},
	{SYS_capset, 0, 0},
	{SYS_geteuid, 0, 0},
	{SYS_getegid, 0, 0},
/* The loop, the front end, memory; nothing that could be run. */
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, 0, 0},
#endif
	{SYS_epoll_pwait, 0, 0},
	{SYS_epoll_ctl, 0, 0},
	{SYS_recvmsg, 0, 0},
	{SYS_sendmsg, 0, 0},
	{SYS_mmap, 2, PROT_EXEC},
	{SYS_mprotect, 2, PROT_EXEC},
	{SYS_mremap, 0, 0},
	{SYS_munmap, 0, 0},
	{SYS_madvise, 0, 0},
	{SYS_brk, 0, 0},
	{SYS_rt_sigreturn, 0, 0},
	{SYS_restart_syscall, 0, 0},
	{SYS_exit, 0, 0},
	{SYS_exit_group, 0, 0},
};

#define ALLOW	   ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW))
#define END	   ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS))
#define LOAD(from) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (from)))
/* Goes on behind the next `skip` instructions unless it is equal. */
#define UNLESS_EQUAL(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip)))

/* Each call's instructions: two, or five where bits of an argument are looked at. */
int fs_filter_load(struct err *err)
{
	struct sock_filter program[5 + 5 * ARRAY_SIZE(allowed)];
	size_t n = 0;

	program[n++] = LOAD(offsetof(struct seccomp_data, arch));
	program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	program[n++] = END;
	program[n++] = LOAD(offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		program[n++] = UNLESS_EQUAL(allowed[i].number, allowed[i].bits ? 4 : 1);
		if (allowed[i].bits) {
			program[n++] = LOAD((uint32_t)(offsetof(struct seccomp_data, args) +
						       allowed[i].argument * sizeof(uint64_t)));
			program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, allowed[i].bits, 0, 1);
			program[n++] = END;
		}
		program[n++] = ALLOW;
	}
	program[n++] = END;
	return confine_load(&(struct confine_filter){.instructions = program, .count = n}, 0, err);
}
