/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/filters.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/vhost.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "runtime/base/sanitized.h"
#include "runtime/base/scope.h"

#define VCPU  FILTER_VCPU
#define LOOP  FILTER_LOOP
#define FS    FILTER_FS
#define BOTH  (FILTER_VCPU | FILTER_LOOP)
#define ALL   (FILTER_VCPU | FILTER_LOOP | FILTER_FS)
#define QEMU  FILTER_QEMU
#define EVERY (ALL | QEMU)

enum check {
	ANY,	  /* arguments are not looked at */
	IS,	  /* the argument's lower half is `value` */
	HAS_NONE, /* none of the bits of `value` is set in the lower half */
};

/*
 * A call that is allowed, perhaps depending on one argument. Several rows of one call follow one another, those of one
 * kind all with IS.
 */
static const struct row {
	uint32_t call;
	unsigned kinds;
	enum check check;
	unsigned argument;
	uint32_t value;
} rows[] = {
	/* A vCPU runs the guest, and is woken and sent to sleep; that is nearly all it does. */
	{SYS_ioctl, VCPU, IS, 1, KVM_RUN},
	{SYS_ioctl, VCPU, IS, 1, KVM_KVMCLOCK_CTRL},
	/*
	 * Before: how its processor is made, and where it begins. What these could set later the guest may set itself,
	 * or runs in.
	 */
	{SYS_ioctl, VCPU, IS, 1, KVM_SET_CPUID2},
	{SYS_ioctl, VCPU, IS, 1, KVM_SET_MSRS},
	{SYS_ioctl, VCPU, IS, 1, KVM_SET_SREGS},
	{SYS_ioctl, VCPU, IS, 1, KVM_SET_REGS},
	/* A driver that says it is ready: the device's kicks and its interrupt. */
	{SYS_ioctl, BOTH, IS, 1, KVM_IOEVENTFD},
	{SYS_ioctl, BOTH, IS, 1, KVM_IRQFD},
	/* The log of written pages, while somebody measures them (dirty_rate.h). */
	{SYS_ioctl, LOOP, IS, 1, KVM_SET_USER_MEMORY_REGION},
	{SYS_ioctl, LOOP, IS, 1, KVM_GET_DIRTY_LOG},
	/* vhost-net takes over a network device's queues; the tap's offloads follow what the driver wants. */
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_OWNER},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_FEATURES},
	{SYS_ioctl, BOTH, IS, 1, VHOST_GET_FEATURES},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_MEM_TABLE},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_VRING_NUM},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_VRING_ADDR},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_VRING_BASE},
	{SYS_ioctl, BOTH, IS, 1, VHOST_GET_VRING_BASE},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_VRING_KICK},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_VRING_CALL},
	{SYS_ioctl, BOTH, IS, 1, VHOST_SET_VRING_ERR},
	{SYS_ioctl, BOTH, IS, 1, VHOST_NET_SET_BACKEND},
	{SYS_ioctl, BOTH, IS, 1, TUNSETOFFLOAD},
	{SYS_ioctl, BOTH, IS, 1, TUNSETVNETHDRSZ},
	/* The terminal: its size, and putting it back. */
	{SYS_ioctl, LOOP | QEMU, IS, 1, TIOCGWINSZ},
	{SYS_ioctl, LOOP | QEMU, IS, 1, TCGETS},
	{SYS_ioctl, LOOP | QEMU, IS, 1, TCSETS},
	{SYS_ioctl, LOOP | QEMU, IS, 1, TCSETSW},
	{SYS_ioctl, LOOP | QEMU, IS, 1, TCSETSF},
	{SYS_ioctl, LOOP | QEMU, IS, 1, FIONBIO},

	/* The loop's turn; data in and out. */
	{SYS_epoll_wait, LOOP | FS | QEMU, ANY, 0, 0},
	{SYS_epoll_pwait, LOOP | FS | QEMU, ANY, 0, 0},
	{SYS_read, EVERY, ANY, 0, 0},
	{SYS_write, EVERY, ANY, 0, 0},
	{SYS_readv, BOTH | QEMU, ANY, 0, 0},
	{SYS_writev, BOTH | QEMU, ANY, 0, 0},
	{SYS_preadv, ALL, ANY, 0, 0},
	{SYS_pwritev, ALL, ANY, 0, 0},
	{SYS_preadv2, BOTH, ANY, 0, 0},
	{SYS_pwritev2, BOTH, ANY, 0, 0},
	/*
	 * Of rings that were made before, each restricted to its disk (blk_ring.h): a new one would be a way past this
	 * filter.
	 */
	{SYS_io_uring_enter, BOTH, ANY, 0, 0},
	{SYS_recvfrom, BOTH | QEMU, ANY, 0, 0},
	{SYS_sendto, BOTH | QEMU, ANY, 0, 0},
	{SYS_recvmsg, EVERY, ANY, 0, 0},
	{SYS_sendmsg, EVERY, ANY, 0, 0},
	{SYS_futex, BOTH | QEMU, ANY, 0, 0},
	{SYS_timerfd_settime, BOTH | QEMU, ANY, 0, 0},
	{SYS_getrandom, LOOP | QEMU, ANY, 0, 0},
	{SYS_poll, BOTH | QEMU, ANY, 0, 0},
	{SYS_accept4, LOOP | QEMU, ANY, 0, 0},
	{SYS_shutdown, BOTH | QEMU, ANY, 0, 0},
	{SYS_socketpair, LOOP, ANY, 0, 0},
	{SYS_getsockopt, LOOP, ANY, 0, 0},
	/* Disks: flushing, giving room back. */
	{SYS_fdatasync, ALL, ANY, 0, 0},
	{SYS_fallocate, LOOP | FS, ANY, 0, 0},
	{SYS_fstat, EVERY, ANY, 0, 0},
	{SYS_lseek, EVERY, ANY, 0, 0},
	/* Shared directories: names, in the order of how often they are used, and data beyond the disks' calls. */
	{SYS_openat2, FS, ANY, 0, 0},
	{SYS_statx, FS, ANY, 0, 0},
	{SYS_openat, FS, ANY, 0, 0},
	{SYS_getdents64, FS, ANY, 0, 0},
	{SYS_newfstatat, FS, ANY, 0, 0},
	{SYS_ftruncate, FS, ANY, 0, 0},
	{SYS_copy_file_range, FS, ANY, 0, 0},
	{SYS_fsync, FS, ANY, 0, 0},
	{SYS_syncfs, FS, ANY, 0, 0},
	{SYS_fstatfs, FS, ANY, 0, 0},
	{SYS_readlinkat, FS, ANY, 0, 0},
	{SYS_mkdirat, FS, ANY, 0, 0},
	{SYS_mknodat, FS, ANY, 0, 0},
	{SYS_symlinkat, FS, ANY, 0, 0},
	{SYS_linkat, FS, ANY, 0, 0},
	{SYS_unlinkat, FS, ANY, 0, 0},
	{SYS_renameat2, FS, ANY, 0, 0},
	/* glibc's renameat2() without flags. */
	{SYS_renameat, FS, ANY, 0, 0},
	{SYS_fchownat, FS, ANY, 0, 0},
	{SYS_fchmodat, FS, ANY, 0, 0},
	{SYS_utimensat, FS, ANY, 0, 0},
	{SYS_fsetxattr, FS, ANY, 0, 0},
	{SYS_fgetxattr, FS, ANY, 0, 0},
	{SYS_flistxattr, FS, ANY, 0, 0},
	{SYS_fremovexattr, FS, ANY, 0, 0},
	/* Acting for the guest's users. */
	{SYS_umask, FS, ANY, 0, 0},
	{SYS_setfsuid, FS, ANY, 0, 0},
	{SYS_setfsgid, FS, ANY, 0, 0},
	{SYS_capset, FS, ANY, 0, 0},
	{SYS_geteuid, FS, ANY, 0, 0},
	{SYS_getegid, FS, ANY, 0, 0},
	/* A device starts, or is reset. */
	{SYS_epoll_ctl, EVERY, ANY, 0, 0},
	{SYS_eventfd2, BOTH, ANY, 0, 0},
	{SYS_timerfd_create, BOTH | QEMU, ANY, 0, 0},
	{SYS_signalfd4, LOOP | QEMU, ANY, 0, 0},
	{SYS_fcntl, ALL, ANY, 0, 0},
	{SYS_fcntl, QEMU, IS, 1, F_GETFL},
	{SYS_fcntl, QEMU, IS, 1, F_SETFL},
	{SYS_fcntl, QEMU, IS, 1, F_OFD_SETLK}, /* turns.h */
	{SYS_close, EVERY, ANY, 0, 0},
	/* Memory that is never run: the heap, the guest's pages given back. */
	{SYS_madvise, EVERY, ANY, 0, 0},
	{SYS_mmap, EVERY, HAS_NONE, 2, PROT_EXEC},
	{SYS_mprotect, EVERY, HAS_NONE, 2, PROT_EXEC},
	{SYS_munmap, EVERY, ANY, 0, 0},
	{SYS_mremap, EVERY, ANY, 0, 0},
	{SYS_brk, EVERY, ANY, 0, 0},
	/* Signals between the threads, pausing, and the end. */
	{SYS_tgkill, LOOP, ANY, 0, 0},
	{SYS_tkill, LOOP, ANY, 0, 0}, /* musl's pthread_kill() */
	/* How QEMU ended, or the file server; and QEMU's end, should it not come by itself. */
	{SYS_wait4, LOOP | QEMU, ANY, 0, 0},
	{SYS_waitid, QEMU, ANY, 0, 0},
	{SYS_pidfd_send_signal, QEMU, ANY, 0, 0},
	{SYS_getpid, LOOP | QEMU, ANY, 0, 0},
	{SYS_gettid, BOTH | QEMU, ANY, 0, 0},
	{SYS_clock_gettime, BOTH | QEMU, ANY, 0, 0},
	{SYS_rt_sigprocmask, BOTH | QEMU, ANY, 0, 0},
	{SYS_rt_sigreturn, EVERY, ANY, 0, 0},
	{SYS_restart_syscall, EVERY, ANY, 0, 0},
	{SYS_exit, EVERY, ANY, 0, 0},
	{SYS_exit_group, EVERY, ANY, 0, 0},
};

bool filter_is_wanted(void)
{
	return !IS_SANITIZED;
}

#define DATA(member) ((uint32_t)offsetof(struct seccomp_data, member))
#define LOAD(offset) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)))
#define ALLOW	     ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW))
#define KILL	     ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS))
/* Goes on with the next instruction when it is so, else skips it and as many as `skip` says. */
#define IF(test, value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), 0, (skip)))
#define IF_NONE(value, skip)  ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (value), (skip), 0))
#define SKIP(count)	      ((struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (count)))
#define LOWER_HALF(which)     (DATA(args) + (uint32_t)((which) * sizeof(uint64_t)))

static void put(struct filter_program *program, struct sock_filter instruction)
{
	if (program->filter.count < FILTER_ROOM)
		program->instructions[program->filter.count] = instruction;
	program->filter.count++;
}

static bool is_for(const struct row *row, enum filter_kind kind)
{
	return (row->kinds & (unsigned)kind) != 0;
}

/*
 * All rows of one call that look at its argument: the number of the call is in the accumulator, before and behind.
 * Returns the row behind them.
 */
static size_t put_checked(struct filter_program *program, size_t first, enum filter_kind kind)
{
	size_t end = first, checks = 0;

	for (; end < ARRAY_SIZE(rows) && rows[end].call == rows[first].call; end++)
		checks += is_for(&rows[end], kind);
	if (checks == 0)
		return end;
	/* To the next call: the load, two instructions a check, and the end of it. */
	put(program, IF(BPF_JEQ, rows[first].call, (uint8_t)(2 * checks + 2)));
	put(program, LOAD(LOWER_HALF(rows[first].argument)));
	for (size_t i = first; i < end; i++) {
		if (!is_for(&rows[i], kind))
			continue;
		put(program, rows[i].check == IS ? IF(BPF_JEQ, rows[i].value, 1) : IF_NONE(rows[i].value, 1));
		put(program, ALLOW);
	}
	put(program, KILL);
	return end;
}

void filter_make(struct filter_program *program, enum filter_kind kind)
{
	program->filter = (struct confine_filter){.instructions = program->instructions};
	put(program, LOAD(DATA(arch)));
	put(program, IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1));
	put(program, SKIP(1));
	put(program, KILL);
	put(program, LOAD(DATA(nr)));
	for (size_t i = 0; i < ARRAY_SIZE(rows);) {
		if (rows[i].check != ANY) {
			i = put_checked(program, i, kind);
			continue;
		}
		if (is_for(&rows[i], kind)) {
			put(program, IF(BPF_JEQ, rows[i].call, 1));
			put(program, ALLOW);
		}
		i++;
	}
	put(program, KILL);
}
