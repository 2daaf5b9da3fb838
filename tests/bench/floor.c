/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel itself charges for one container: everything that a runtime asks of it for the benchmark's two bundles, and nothing else. No
 * configuration, no state, no checks, no second program: one C program, whose child becomes the program that does nothing.
 *
 *     floor b1|b2 ROOTFS STEPS      appends one line to the file STEPS: "name microseconds" for each step, and "total"
 *
 * It makes cgroups in the v1 hierarchies that the bundle has something to say about, and in no other. b2 has limits, a cgroup namespace and a filter besides: a search
 * tree of as many instructions as the usual list of 300 names takes for three architectures. The child borrows the memory until it becomes the program, so that
 * nothing is copied for it; the parent sleeps meanwhile. The network namespace, the dearest of them, is made by a thread beside all this. At last the parent asks
 * again and again whether the program has ended: on a machine with nothing else to do, to wake a processor that sleeps takes as long as a few mounts.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CGROUPS		 "/sys/fs/cgroup"
#define PATH_BYTES	 128
#define TREES_MAX	 4
#define FILTER_RANGES	 89  /* of each architecture: allowed and refused by turns */
#define FILTER_MAX	 512 /* more than it takes */
#define STACK_BYTES	 65536
#define FILTER_BASE	 512 /* below are the calls that the program makes: all are allowed */
#define X32_BIT		 0x40000000u
#define CLONE_INTO_FRESH (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)
#define CLONE_AS_THREAD	 (CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CLONE_BORROWING	 (CLONE_VM | CLONE_FILES | CLONE_VFORK | CLONE_PIDFD | SIGCHLD)

enum step {
	STEP_CGROUPS,
	STEP_CLONE,
	STEP_JOIN,
	STEP_MOUNTS,
	STEP_RIGHTS,
	STEP_FILTER,
	STEP_PROGRAM,
	STEP_REMOVE,
	STEP_COUNT
};
static const char *const step_names[STEP_COUNT] = {
	[STEP_CGROUPS] = "cgroups", [STEP_CLONE] = "clone",   [STEP_JOIN] = "join",	  [STEP_MOUNTS] = "mounts",
	[STEP_RIGHTS] = "rights",   [STEP_FILTER] = "filter", [STEP_PROGRAM] = "program", [STEP_REMOVE] = "remove",
};

/* When each step had ended: the child writes here, too. */
static struct {
	int64_t started_ns, ended_ns[STEP_COUNT];
} times;

static char trees[TREES_MAX][64]; /* mount points */
static int tree_fds[TREES_MAX];	  /* this container's cgroup in each */
static int tree_count;
static char name[32];
static bool is_b2;
static _Atomic int network = -1; /* the namespace, once it is there */

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void must(int result, const char *what)
{
	if (result < 0)
		die(what);
}

static int64_t now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void done(enum step step)
{
	times.ended_ns[step] = now_ns();
}

/* --- Cgroups ---------------------------------------------------------------------------------------------------------- */

/* The hierarchies that the bundle says something about. */
static void find_trees(void)
{
	static const char *const wanted[] = {"devices", "memory", "pids", "cpu"};
	size_t count = is_b2 ? sizeof(wanted) / sizeof(*wanted) : 1;

	for (size_t i = 0; i < count; i++) {
		snprintf(trees[tree_count], sizeof(trees[0]), CGROUPS "/%s", wanted[i]);
		if (access(trees[tree_count], F_OK) == 0)
			tree_count++;
	}
}

static void set(int tree, const char *file, const char *value)
{
	int fd = openat(tree_fds[tree], file, O_WRONLY | O_CLOEXEC);

	/* Which tree has the file, nobody asked. */
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		die(file);
	close(fd);
}

static const struct {
	const char *tree, *file, *value;
	bool only_b2;
} settings[] = {
	{"devices", "devices.deny", "a", false},
	{"devices", "devices.allow", "c 1:* rwm", false},
	{"devices", "devices.allow", "c 5:* rwm", false},
	{"devices", "devices.allow", "c 136:* rwm", false},
	{"memory", "memory.limit_in_bytes", "268435456", true},
	{"pids", "pids.max", "256", true},
	{"cpu", "cpu.shares", "512", true},
	{"cpu", "cpu.cfs_period_us", "100000", true},
	{"cpu", "cpu.cfs_quota_us", "50000", true},
};

static void make_cgroups(void)
{
	char path[PATH_BYTES];

	for (int i = 0; i < tree_count; i++) {
		const char *tree = strrchr(trees[i], '/') + 1;

		snprintf(path, sizeof(path), "%.60s/%s", trees[i], name);
		must(mkdir(path, 0755), path);
		tree_fds[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(tree_fds[i], path);
		for (size_t k = 0; k < sizeof(settings) / sizeof(*settings); k++)
			if (strcmp(tree, settings[k].tree) == 0 && (is_b2 || !settings[k].only_b2))
				set(i, settings[k].file, settings[k].value);
	}
}

static void remove_cgroups(void)
{
	char path[PATH_BYTES];

	for (int i = 0; i < tree_count; i++) {
		snprintf(path, sizeof(path), "%.60s/%s", trees[i], name);
		must(rmdir(path), path);
	}
}

/* --- The network ------------------------------------------------------------------------------------------------------ */

/* A thread of this program, with nothing of a C library's: it ends by itself. */
static int make_network(void *ignored)
{
	(void)ignored;
	must(unshare(CLONE_NEWNET), "make a network namespace");
	network = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	must(network, "/proc/thread-self/ns/net");
	syscall(SYS_exit, 0);
	return 0;
}

static void begin_network(void)
{
	static char stack[STACK_BYTES] __attribute__((aligned(16)));

	must(clone(make_network, stack + STACK_BYTES, CLONE_AS_THREAD, NULL), "clone a thread");
}

static void join_network(void)
{
	while (network < 0)
		sched_yield();
	must(setns(network, CLONE_NEWNET), "join the network namespace");
}

/* --- The child -------------------------------------------------------------------------------------------------------- */

struct mounting {
	const char *type, *target, *options;
	unsigned long flags;
};

static void make_nodes(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},	  {"dev/full", 1, 7},
		     {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
	static const char *const links[][2] = {
		{"/proc/self/fd", "dev/fd"},	   {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
		{"/proc/self/fd/2", "dev/stderr"}, {"pts/ptmx", "dev/ptmx"},
	};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		must(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].path);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		must(symlink(links[i][0], links[i][1]), links[i][1]);
}

/* A folder of tmpfs, with each hierarchy in it: this container's own part. */
static void mount_cgroups(void)
{
	char path[PATH_BYTES], source[PATH_BYTES];

	must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755"),
	     "tmpfs for cgroups");
	for (int i = 0; i < tree_count; i++) {
		snprintf(path, sizeof(path), "sys/fs/cgroup/%.60s", strrchr(trees[i], '/') + 1);
		snprintf(source, sizeof(source), "%.60s/%s", trees[i], name);
		must(mkdir(path, 0755), path);
		must(mount(source, path, NULL, MS_BIND, NULL), path);
	}
}

static void mount_all(const char *rootfs)
{
	static const struct mounting mounts[] = {
		{"proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME},
		{"devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
		{"tmpfs", "dev/shm", "mode=1777,size=65536k", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"sysfs", "sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY},
	};
	static const char *const masked[] = {"proc/keys", "proc/latency_stats", "proc/timer_list", "proc/kcore"};
	static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};

	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "make '/' a slave");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		const struct mounting *m = &mounts[i];

		if (strcmp(m->type, "sysfs") == 0) /* shows the devices of whoever mounts it */
			join_network();
		if (strncmp(m->target, "dev/", 4) == 0)
			must(mkdir(m->target, 0755), m->target);
		must(mount(m->type, m->target, m->type, m->flags, m->options), m->target);
	}
	mount_cgroups();
	make_nodes();
	for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++)
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			die(masked[i]);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
		if (mount(read_only[i], read_only[i], NULL, MS_BIND, NULL) < 0 && errno == ENOENT)
			continue;
		must(mount(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), read_only[i]);
	}
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "unmount the old root");
	must(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "make the root read-only");
}

static void give_up_rights(void)
{
	struct rlimit files = {1024, 1024};

	for (int capability = 0; capability <= 40; capability++)
		if (capability != 5 && capability != 10 && capability != 29)
			must(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop a capability");
	must(setrlimit(RLIMIT_NOFILE, &files), "limit files");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

/* Written from its last instruction to its first: what jumps lead to is there already. */
struct filter {
	struct sock_filter code[FILTER_MAX];
	size_t first;
};

static size_t put(struct filter *filter, struct sock_filter instruction)
{
	filter->code[--filter->first] = instruction;
	return filter->first;
}

/* A branch: jumps over what lies between it and its targets. */
static size_t put_branch(struct filter *filter, uint16_t test, uint32_t value, size_t if_so, size_t if_not)
{
	return put(filter,
		   (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | test | BPF_K), value,
						(uint8_t)(if_so - filter->first), (uint8_t)(if_not - filter->first)));
}

static size_t put_load(struct filter *filter, size_t offset)
{
	return put(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static size_t put_return(struct filter *filter, uint32_t value)
{
	return put(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* A search tree over ranges of two numbers each, from `from` up to before `to`; even ones are allowed. Where it begins. */
static size_t put_tree(struct filter *filter, uint32_t base, uint32_t from, uint32_t to, const size_t returns[2])
{
	uint32_t half = from + (to - from) / 2;
	size_t above, below;

	if (to - from == 1)
		return returns[from % 2];
	above = put_tree(filter, base, half, to, returns);
	below = put_tree(filter, base, from, half, returns);
	return put_branch(filter, BPF_JGE, base + 2 * half, above, below);
}

static size_t put_calls(struct filter *filter, uint32_t base)
{
	const size_t returns[2] = {put_return(filter, SECCOMP_RET_ALLOW),
				   put_return(filter, SECCOMP_RET_ERRNO | EPERM)};

	return put_tree(filter, base, 0, FILTER_RANGES, returns);
}

static void load_filter(void)
{
	static struct filter filter = {.first = FILTER_MAX};
	struct sock_fprog program;
	size_t i386, x32, native, neither;

	(void)put_calls(&filter, FILTER_BASE);
	i386 = put_load(&filter, offsetof(struct seccomp_data, nr));
	x32 = put_calls(&filter, X32_BIT + FILTER_BASE);
	native = put_calls(&filter, FILTER_BASE);
	(void)put_branch(&filter, BPF_JGE, X32_BIT, x32, native);
	native = put_load(&filter, offsetof(struct seccomp_data, nr));
	neither = put_return(&filter, SECCOMP_RET_KILL_PROCESS);
	neither = put_branch(&filter, BPF_JEQ, AUDIT_ARCH_I386, i386, neither);
	(void)put_branch(&filter, BPF_JEQ, AUDIT_ARCH_X86_64, native, neither);
	(void)put_load(&filter, offsetof(struct seccomp_data, arch));
	program.len = (unsigned short)(FILTER_MAX - filter.first);
	program.filter = &filter.code[filter.first];
	must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "load the filter");
}

static int be_the_container(void *rootfs)
{
	char *const args[] = {(char *)(uintptr_t) "nothing", NULL}, *const environment[] = {NULL};

	done(STEP_CLONE);
	for (int i = 0; i < tree_count; i++)
		set(i, "cgroup.procs", "0");
	if (is_b2)
		must(unshare(CLONE_NEWCGROUP), "make a cgroup namespace");
	done(STEP_JOIN);
	must(setsid(), "make a session");
	must(sethostname("floor", 5), "set the hostname");
	mount_all(rootfs);
	done(STEP_MOUNTS);
	give_up_rights();
	done(STEP_RIGHTS);
	if (is_b2)
		load_filter();
	done(STEP_FILTER);
	execve("/bin/nothing", args, environment);
	die("/bin/nothing");
	_exit(1);
}

/* --- The parent ------------------------------------------------------------------------------------------------------- */

/* In one write: the measured time of this program has it in it. */
static void report(const char *path)
{
	char line[256];
	size_t len = 0;
	int64_t before = times.started_ns;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	must(fd, path);
	for (int step = 0; step < STEP_COUNT; before = times.ended_ns[step++])
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s %lld ", step_names[step],
					(long long)((times.ended_ns[step] - before) / 1000));
	len += (size_t)snprintf(line + len, sizeof(line) - len, "total %lld\n",
				(long long)((before - times.started_ns) / 1000));
	if (write(fd, line, len) != (ssize_t)len)
		die(path);
	close(fd);
}

static int wait_for_end(pid_t pid, int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int status;

	while (poll(&end, 1, 0) == 0)
		;
	must(waitpid(pid, &status, 0), "wait");
	return status;
}

int main(int argc, char **argv)
{
	static char stack[STACK_BYTES] __attribute__((aligned(16)));
	int status, pidfd = -1;
	pid_t pid;

	if (argc != 4 || (strcmp(argv[1], "b1") != 0 && strcmp(argv[1], "b2") != 0)) {
		fprintf(stderr, "usage: floor b1|b2 ROOTFS STEPS\n");
		return 2;
	}
	is_b2 = strcmp(argv[1], "b2") == 0;
	snprintf(name, sizeof(name), "bench-floor-%d", getpid());
	find_trees();
	times.started_ns = now_ns();
	begin_network();
	make_cgroups();
	done(STEP_CGROUPS);
	pid = clone(be_the_container, stack + STACK_BYTES, CLONE_INTO_FRESH | CLONE_BORROWING, argv[2], &pidfd);
	must(pid, "clone");
	status = wait_for_end(pid, pidfd);
	done(STEP_PROGRAM);
	remove_cgroups();
	done(STEP_REMOVE);
	report(argv[3]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
