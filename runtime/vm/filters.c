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

/* A call that is allowed, perhaps depending on an argument. Of several rows about one call, any will do. */
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
	/* Shared directories: names, and data beyond the disks' calls. */
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

/* --- Making a program --------------------------------------------------------------------------------------------- */

/*
 * The kernel runs a program that it is given for every number of a call that there is, to know which of them it always
 * allows; and compiles it. So the number is looked for in a tree, as short as it can be: a few comparisons of each
 * number with the first one of a segment, all of whose numbers go the same way.
 *
 * Instructions are put from the last to the first: what one jumps to is there before it. None is too far away for that,
 * FILTER_ROOM being what eight bits can say.
 */
struct segment {
	uint32_t first;
	unsigned target; /* the instruction for all from there on, up to the next segment */
};

/* Each call and what lies behind it, and what lies before the first. */
#define SEGMENTS_MAX (2 * ARRAY_SIZE(rows) + 1)

#define DATA(member)	  ((uint32_t)offsetof(struct seccomp_data, member))
#define LOWER_HALF(which) (DATA(args) + (uint32_t)((which) * sizeof(uint64_t)))

struct making {
	struct sock_filter *instructions;
	unsigned at; /* of the one put last */
	unsigned allow, kill;
};

/* Returns where it is. Without room, the first ones are overwritten: that all fit is tested. */
static unsigned put(struct making *m, struct sock_filter instruction)
{
	m->at -= m->at > 0;
	m->instructions[m->at] = instruction;
	return m->at;
}

static unsigned put_load(struct making *m, uint32_t offset)
{
	return put(m, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static unsigned put_return(struct making *m, uint32_t action)
{
	return put(m, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static unsigned put_branch(struct making *m, uint16_t test, uint32_t value, unsigned if_so, unsigned if_not)
{
	unsigned behind = m->at; /* what follows the new one */

	return put(m, (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | BPF_K | test), value, (uint8_t)(if_so - behind),
						   (uint8_t)(if_not - behind)));
}

/* Where a call goes that the `count` rows are about. */
static unsigned put_checks(struct making *m, const struct row *const *of_call, size_t count)
{
	unsigned next = m->kill;

	for (size_t i = count; i-- > 0;) {
		if (of_call[i]->check == ANY)
			return m->allow;
		next = of_call[i]->check == IS ? put_branch(m, BPF_JEQ, of_call[i]->value, m->allow, next)
					       : put_branch(m, BPF_JSET, of_call[i]->value, next, m->allow);
		if (i == 0 || of_call[i - 1]->argument != of_call[i]->argument)
			next = put_load(m, LOWER_HALF(of_call[i]->argument));
	}
	return next;
}

static size_t add_segment(struct segment *segments, size_t count, uint32_t first, unsigned target)
{
	/* A call directly behind another, and nothing between them. */
	if (count > 0 && segments[count - 1].first == first)
		count--;
	if (count > 0 && segments[count - 1].target == target)
		return count;
	segments[count] = (struct segment){.first = first, .target = target};
	return count + 1;
}

/* Where the tree begins. */
static unsigned put_tree(struct making *m, const struct segment *segments, size_t count)
{
	unsigned higher, lower;

	if (count == 1)
		return segments[0].target;
	higher = put_tree(m, segments + count / 2, count - count / 2);
	lower = put_tree(m, segments, count / 2);
	return put_branch(m, BPF_JGE, segments[count / 2].first, higher, lower);
}

/* In the order of their calls' numbers. */
static size_t choose_rows(enum filter_kind kind, const struct row *chosen[static ARRAY_SIZE(rows)])
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t at = count;

		if (!(rows[i].kinds & (unsigned)kind))
			continue;
		for (; at > 0 && chosen[at - 1]->call > rows[i].call; at--)
			chosen[at] = chosen[at - 1];
		chosen[at] = &rows[i];
		count++;
	}
	return count;
}

void filter_make(struct filter_program *program, enum filter_kind kind)
{
	struct making m = {.instructions = program->instructions, .at = FILTER_ROOM};
	const struct row *chosen[ARRAY_SIZE(rows)];
	struct segment segments[SEGMENTS_MAX];
	size_t row_count = choose_rows(kind, chosen), segment_count, end;

	m.kill = put_return(&m, SECCOMP_RET_KILL_PROCESS);
	m.allow = put_return(&m, SECCOMP_RET_ALLOW);
	segment_count = add_segment(segments, 0, 0, m.kill);
	for (size_t i = 0; i < row_count; i = end) {
		uint32_t call = chosen[i]->call;

		for (end = i + 1; end < row_count && chosen[end]->call == call;)
			end++;
		segment_count = add_segment(segments, segment_count, call, put_checks(&m, chosen + i, end - i));
		segment_count = add_segment(segments, segment_count, call + 1, m.kill);
	}
	(void)put_tree(&m, segments, segment_count);
	(void)put_load(&m, DATA(nr));
	(void)put_branch(&m, BPF_JEQ, AUDIT_ARCH_X86_64, m.at, m.kill);
	(void)put_load(&m, DATA(arch));
	program->filter = (struct confine_filter){
		.instructions = program->instructions + m.at,
		.count = FILTER_ROOM - m.at,
	};
}
