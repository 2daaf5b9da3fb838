// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hull's own allow-list: what a program in a container needs, group by group. Whatever is not here gives EPERM.
 *
 * Where a group carries capabilities, the calls in it do something useful only for a process that has one of them:
 * without it they are not worth the kernel code that they open. The list is for 64-bit calls; names that a machine does
 * not have are skipped.
 *
 * Left out on purpose, for everyone:
 *   - io_uring_*: a second way into most of the kernel that no filter sees, and where many recent holes were.
 *   - userfaultfd: lets a program stop the kernel in the middle of a copy; exploits of races are built with it.
 *   - keyctl, add_key, request_key: keyrings are not (all) namespaced.
 *   - kexec_load, kexec_file_load, swapon, swapoff, nfsservctl, sysfs, _sysctl, uselib, ustat, vm86, vserver,
 *     create_module, get_kernel_syms: the whole machine's, or dead.
 *   - clone3: its flags lie in memory, where no filter can look. ENOSYS makes C libraries use clone.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include <sys/socket.h>

#include "namespaces/caps.h"
#include "namespaces/seccomp.h"

struct call_group {
	uint64_t capabilities; /* any of these; 0: for everyone */
	const char *const *names;
	size_t count;
};

#define CALLS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static const struct call_group groups[] = {
	/* Descriptors: reading, writing, copying, waiting. */
	{0, CALLS("read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
		  "lseek", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "ioctl", "flock", "pipe", "pipe2",
		  "tee", "splice", "vmsplice", "sendfile", "copy_file_range", "readahead", "fadvise64", "fallocate",
		  "ftruncate", "fsync", "fdatasync", "sync_file_range", "sync_file_range2", "eventfd", "eventfd2",
		  "cachestat")},
	{0, CALLS("select", "pselect6", "poll", "ppoll", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
		  "epoll_pwait", "epoll_pwait2", "io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents",
		  "io_pgetevents", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
		  "fanotify_mark")},

	/* Files by name, their attributes, their owners: each call checks its own rights. */
	{0, CALLS("open", "openat", "openat2", "creat", "access", "faccessat", "faccessat2", "stat", "lstat", "fstat",
		  "newfstatat", "statx", "statfs", "fstatfs", "readlink", "readlinkat", "getdents", "getdents64",
		  "getcwd", "chdir", "fchdir", "truncate", "name_to_handle_at")},
	{0,
	 CALLS("mkdir", "mkdirat", "mknod", "mknodat", "rmdir", "link", "linkat", "symlink", "symlinkat", "unlink",
	       "unlinkat", "rename", "renameat", "renameat2", "umask", "chmod", "fchmod", "fchmodat", "fchmodat2",
	       "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat", "utimensat", "sync", "syncfs")},
	{0, CALLS("getxattr", "lgetxattr", "fgetxattr", "getxattrat", "setxattr", "lsetxattr", "fsetxattr",
		  "setxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat", "removexattr", "lremovexattr",
		  "fremovexattr", "removexattrat", "file_getattr", "file_setattr")},
	/* What is mounted: the same that /proc/self/mountinfo tells. */
	{0, CALLS("statmount", "listmount")},

	/* Memory. */
	{0, CALLS("brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock", "mlock2",
		  "mlockall", "munlock", "munlockall", "remap_file_pages", "memfd_create", "memfd_secret", "membarrier",
		  "pkey_alloc", "pkey_free", "pkey_mprotect", "mseal", "map_shadow_stack", "process_mrelease")},

	/* Processes and threads. clone has a condition, and is below. */
	{0, CALLS("fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "getppid",
		  "gettid", "getpgid", "setpgid", "getpgrp", "getsid", "setsid", "set_tid_address", "set_robust_list",
		  "get_robust_list", "rseq", "rseq_slice_yield", "restart_syscall", "prctl", "arch_prctl", "modify_ldt",
		  "set_thread_area", "get_thread_area", "pidfd_open", "pidfd_send_signal")},
	{0,
	 CALLS("futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "sched_yield", "sched_getaffinity",
	       "sched_setaffinity", "sched_getattr", "sched_setattr", "sched_getparam", "sched_setparam",
	       "sched_getscheduler", "sched_setscheduler", "sched_get_priority_max", "sched_get_priority_min",
	       "sched_rr_get_interval", "getpriority", "setpriority", "ioprio_get", "ioprio_set", "getcpu")},
	/*
	 * Looking into processes of the same user. From Linux 4.8 a tracer no longer gets round the tracee's filter;
	 * hull needs newer kernels.
	 */
	{0, CALLS("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd")},

	/* Users, groups and rights: giving up, or what a held capability already allows. */
	{0, CALLS("getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid", "setgid",
		  "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capget",
		  "capset", "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
		  "lsm_get_self_attr", "lsm_list_modules")},

	/* Limits, accounting, the machine's name. */
	{0, CALLS("getrlimit", "setrlimit", "prlimit64", "getrusage", "times", "sysinfo", "uname")},

	/* Signals. */
	{0, CALLS("kill", "tkill", "tgkill", "pause", "alarm", "rt_sigaction", "rt_sigprocmask", "rt_sigpending",
		  "rt_sigsuspend", "rt_sigreturn", "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
		  "sigaltstack", "signalfd", "signalfd4")},

	/*
	 * Time: reading it, and timers. adjtimex and clock_adjtime read without CAP_SYS_TIME; setting is refused by the
	 * kernel.
	 */
	{0, CALLS("time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "getitimer",
		  "setitimer", "timer_create", "timer_delete", "timer_gettime", "timer_settime", "timer_getoverrun",
		  "timerfd_create", "timerfd_gettime", "timerfd_settime", "adjtimex", "clock_adjtime", "getrandom")},

	/* Sockets. The families have conditions, and are below. */
	{0, CALLS("socketpair", "bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername",
		  "getsockopt", "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
		  "shutdown")},

	/* System V and POSIX IPC: the IPC namespace holds them. */
	{0, CALLS("shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd",
		  "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify",
		  "mq_getsetattr")},

	/*
	 * Namespaces, mounts and what else administers a system; with the capability, within one's own user namespace.
	 */
	{CAPS_BIT(CAP_SYS_ADMIN),
	 CALLS("mount", "umount2", "pivot_root", "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "fsopen",
	       "fsconfig", "fsmount", "fspick", "unshare", "setns", "listns", "sethostname", "setdomainname",
	       "fanotify_init", "lookup_dcookie", "quotactl", "quotactl_fd", "lsm_set_self_attr")},
	{CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_BPF), CALLS("bpf")},
	{CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_PERFMON), CALLS("perf_event_open")},
	{CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_SYSLOG), CALLS("syslog")},
	/* Handles reach any file of a file system, also outside the root: with the capability only. */
	{CAPS_BIT(CAP_DAC_READ_SEARCH), CALLS("open_by_handle_at")},
	{CAPS_BIT(CAP_SYS_BOOT), CALLS("reboot")},
	{CAPS_BIT(CAP_SYS_CHROOT), CALLS("chroot")},
	{CAPS_BIT(CAP_SYS_MODULE), CALLS("init_module", "finit_module", "delete_module")},
	{CAPS_BIT(CAP_SYS_NICE),
	 CALLS("get_mempolicy", "set_mempolicy", "mbind", "set_mempolicy_home_node", "migrate_pages", "move_pages")},
	{CAPS_BIT(CAP_SYS_PACCT), CALLS("acct")},
	{CAPS_BIT(CAP_SYS_PTRACE), CALLS("kcmp", "process_madvise")},
	{CAPS_BIT(CAP_SYS_RAWIO), CALLS("iopl", "ioperm")},
	{CAPS_BIT(CAP_SYS_TIME), CALLS("settimeofday", "clock_settime")},
	{CAPS_BIT(CAP_SYS_TTY_CONFIG), CALLS("vhangup")},
};

/*
 * Conditions. The kernel looks at the low half of an int argument only, while a filter sees the whole register: so each
 * is compared under a mask. Comparing 64 bits would let a program through that sets a high bit.
 */
#define INT_IS(argument, number)                                                                                \
	(const struct seccomp_arg[]){                                                                           \
		{.index = (argument), .op = SECCOMP_OP_MASKED_EQ, .value = UINT32_MAX, .value_two = (number)}}, \
		1

/*
 * clone's flags are its first argument (the second on s390, where hull does not run). CLONE_NEWTIME is clone3's and
 * unshare's only.
 */
#define CLONE_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define NO_BITS_OF(argument, bits)                                                                   \
	(const struct seccomp_arg[]){                                                                \
		{.index = (argument), .op = SECCOMP_OP_MASKED_EQ, .value = (bits), .value_two = 0}}, \
		1

struct conditional_call {
	uint64_t unless_capabilities; /* with any of these, the call is allowed without the condition */
	const char *const name;
	const struct seccomp_arg *args;
	size_t arg_count;
};

static const struct conditional_call conditional[] = {
	/* New namespaces, a user namespace before all, open much of the kernel to ordinary users. */
	{CAPS_BIT(CAP_SYS_ADMIN), "clone", NO_BITS_OF(0, CLONE_NAMESPACES)},

	/*
	 * Asking, Linux, 32-bit names, 2.6 version numbers. Not ADDR_NO_RANDOMIZE or READ_IMPLIES_EXEC: they weaken
	 * setuid programs.
	 */
	{0, "personality", INT_IS(0, UINT32_MAX)},
	{0, "personality", INT_IS(0, PER_LINUX)},
	{0, "personality", INT_IS(0, PER_LINUX32)},
	{0, "personality", INT_IS(0, UNAME26)},
	{0, "personality", INT_IS(0, PER_LINUX32 | UNAME26)},

	/*
	 * Families that belong to the network namespace and that programs use. AF_VSOCK reaches the hypervisor and
	 * AF_ALG the kernel's ciphers past every namespace; the rare ones are rarely read code that a socket() loads as
	 * a module.
	 */
	{0, "socket", INT_IS(0, AF_UNIX)},
	{0, "socket", INT_IS(0, AF_INET)},
	{0, "socket", INT_IS(0, AF_INET6)},
	{0, "socket", INT_IS(0, AF_NETLINK)},
	{0, "socket", INT_IS(0, AF_PACKET)},
};

static const char *const clone3_name[] = {"clone3"};

static void add_group(struct seccomp_rule *to, const struct call_group *group)
{
	*to = (struct seccomp_rule){.names = group->names, .name_count = group->count, .action = SECCOMP_DO_ALLOW};
}

static void add_conditional(struct seccomp_rule *to, const struct conditional_call *call, bool is_free)
{
	*to = (struct seccomp_rule){.names = &call->name, .name_count = 1, .action = SECCOMP_DO_ALLOW};
	if (!is_free) {
		to->args = call->args;
		to->arg_count = call->arg_count;
	}
}

int seccomp_default(struct arena *arena, uint64_t caps, struct seccomp_profile *ret, struct err *err)
{
	struct seccomp_rule *rules =
		arena_array(arena, ARRAY_SIZE(groups) + ARRAY_SIZE(conditional) + 1, sizeof(*rules));
	size_t count = 0;

	if (!rules)
		return err_say(err, ENOMEM, "seccomp: no memory for the default profile");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (!groups[i].capabilities || (groups[i].capabilities & caps))
			add_group(&rules[count++], &groups[i]);
	for (size_t i = 0; i < ARRAY_SIZE(conditional); i++)
		add_conditional(&rules[count++], &conditional[i], conditional[i].unless_capabilities & caps);
	rules[count++] = (struct seccomp_rule){.names = clone3_name,
					       .name_count = 1,
					       .action = SECCOMP_DO_ERRNO,
					       .has_errno = true,
					       .errno_ret = ENOSYS};
	*ret = (struct seccomp_profile){.default_action = SECCOMP_DO_ERRNO,
					.rules = rules,
					.rule_count = count,
					.newer_is_enosys = true};
	return 0;
}
