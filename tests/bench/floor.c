/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel itself charges for one container: everything that a runtime asks of it for the benchmark's two
 * bundles, and nothing else. No configuration, no state, no checks, no second program: one C program, whose child
 * becomes the program that does nothing.
 *
 *     floor b1|b2 ROOTFS STEPS      appends one line to the file STEPS: "name microseconds" for each step, and "total"
 *
 * What comes out is the container that runtimes make of these bundles, mount by mount: its paths are hidden and
 * read-only, its limits in force and out of its reach. b2 has limits, a cgroup namespace and a filter besides: a search
 * tree of as many instructions as the usual list of 300 names takes for three architectures. It has a cgroup where its
 * bundle asks for limits, as the specification wants it: "runtimes MAY attach the container process to additional
 * cgroup controllers beyond those necessary to fulfill the resources settings". Those that are measured beside it do,
 * in every hierarchy.
 *
 * The child borrows the memory until it becomes the program, so that nothing is copied for it; the parent sleeps
 * meanwhile. A thread beside them makes the network namespace, and the child its cgroups until that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CGROUPS		 "/sys/fs/cgroup"
#define PATH_BYTES	 128
#define TREES_MAX	 4
#define NOT_YET		 (-1)
#define FILTER_RANGES	 89  /* of each architecture: allowed and refused by turns */
#define FILTER_MAX	 512 /* more than it takes */
#define STACK_BYTES	 65536
#define FILTER_BASE	 512 /* below are the calls that the program makes: all are allowed */
#define X32_BIT		 0x40000000u
#define CLOSED		 (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define CLONE_INTO_FRESH (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)
#define CLONE_AS_THREAD	 (CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CLONE_BORROWING	 (CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD)

enum step {
	STEP_CLONE,
	STEP_MOUNTS,
	STEP_CGROUPS,
	STEP_NETWORK,
	STEP_ROOT,
	STEP_RIGHTS,
	STEP_FILTER,
	STEP_PROGRAM,
	STEP_REMOVE,
	STEP_COUNT
};
static const char *const step_names[STEP_COUNT] = {
	[STEP_CLONE] = "clone",	    [STEP_MOUNTS] = "mounts",	[STEP_CGROUPS] = "cgroups",
	[STEP_NETWORK] = "network", [STEP_ROOT] = "root",	[STEP_RIGHTS] = "rights",
	[STEP_FILTER] = "filter",   [STEP_PROGRAM] = "program", [STEP_REMOVE] = "remove",
};

/* When each step had ended: the child writes here, too. */
static struct {
	int64_t started_ns, ended_ns[STEP_COUNT];
} times;

static const char *trees[TREES_MAX]; /* hierarchies that this container has a cgroup in */
static int tree_count;
static char name[32];
static bool is_b2;
static _Atomic int network = NOT_YET; /* the namespace */

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

/* --- What is made beside the child -------------------------------------------------------------------------------- */

static void tell(_Atomic int *what, int value)
{
	*what = value;
	syscall(SYS_futex, what, FUTEX_WAKE, 1);
}

static void wait_for(_Atomic int *what)
{
	while (*what == NOT_YET)
		syscall(SYS_futex, what, FUTEX_WAIT, NOT_YET, NULL);
}

/* --- Cgroups ------------------------------------------------------------------------------------------------------ */

/* With `file` NULL: the cgroup's folder. */
static void place(char path[static PATH_BYTES], int tree, const char *file)
{
	snprintf(path, PATH_BYTES, CGROUPS "/%s/%s%s%s", trees[tree], name, file ? "/" : "", file ? file : "");
}

static void set(int tree, const char *file, const char *value)
{
	char path[PATH_BYTES];
	int fd;

	place(path, tree, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd, path);
	must((int)write(fd, value, strlen(value)), path);
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

/* b1 says something of devices, and of nothing else. */
static void make_cgroups(void)
{
	static const char *const limited[] = {"devices", "memory", "pids", "cpu"};
	char path[PATH_BYTES];

	for (size_t i = 0; i < (is_b2 ? sizeof(limited) / sizeof(*limited) : 1); i++) {
		trees[tree_count] = limited[i];
		place(path, tree_count, NULL);
		must(mkdir(path, 0755), path);
		for (size_t k = 0; k < sizeof(settings) / sizeof(*settings); k++)
			if (strcmp(limited[i], settings[k].tree) == 0 && (is_b2 || !settings[k].only_b2))
				set(tree_count, settings[k].file, settings[k].value);
		tree_count++;
	}
}

static void join_cgroups(void)
{
	for (int i = 0; i < tree_count; i++)
		set(i, "cgroup.procs", "0");
	if (is_b2)
		must(unshare(CLONE_NEWCGROUP), "make a cgroup namespace");
}

static void remove_cgroups(void)
{
	char path[PATH_BYTES];

	for (int i = 0; i < tree_count; i++) {
		place(path, i, NULL);
		must(rmdir(path), path);
	}
}

/* --- The network -------------------------------------------------------------------------------------------------- */

/* Runtimes raise the loopback interface. */
static void make_network(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;

	must(unshare(CLONE_NEWNET), "make a network namespace");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(fd, "make a socket");
	must(ioctl(fd, SIOCSIFFLAGS, &lo), "raise lo");
	close(fd);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	must(fd, "/proc/thread-self/ns/net");
	tell(&network, fd);
}

/* A thread of this program, with nothing of a C library's: it ends by itself. */
static int work_beside(void *ignored)
{
	(void)ignored;
	make_network();
	syscall(SYS_exit, 0);
	return 0;
}

static void begin_beside(void)
{
	static char stack[STACK_BYTES] __attribute__((aligned(16)));

	must(clone(work_beside, stack + STACK_BYTES, CLONE_AS_THREAD, NULL), "clone a thread");
}

static void join_network(void)
{
	wait_for(&network);
	must(setns(network, CLONE_NEWNET), "join the network namespace");
}

/* --- The child ---------------------------------------------------------------------------------------------------- */

struct mounting {
	const char *source, *type, *target, *options;
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

/* A folder of tmpfs, with each hierarchy in it: this container's own part. All of it becomes read-only at once. */
static void mount_cgroups(void)
{
	struct mount_attr closed = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						MOUNT_ATTR_NOEXEC};
	char path[PATH_BYTES], source[PATH_BYTES];

	must(mount("cgroup", "sys/fs/cgroup", "tmpfs", 0, "mode=755,size=64k"), "tmpfs for cgroups");
	for (int i = 0; i < tree_count; i++) {
		snprintf(path, sizeof(path), "sys/fs/cgroup/%s", trees[i]);
		place(source, i, NULL);
		must(mkdir(path, 0755), path);
		must(mount(source, path, NULL, MS_BIND, NULL), path);
	}
	must((int)syscall(SYS_mount_setattr, AT_FDCWD, "sys/fs/cgroup", AT_RECURSIVE, &closed, sizeof(closed)),
	     "close cgroups");
}

/* What runtimes hide from a program, and what they keep it from writing to; not every kernel has all of it. */
static void hide_and_protect(void)
{
	static const char *const files[] = {"proc/kcore",	"proc/keys",	   "proc/latency_stats",
					    "proc/sched_debug", "proc/timer_list", "proc/timer_stats"};
	static const char *const folders[] = {"proc/acpi", "proc/asound", "proc/scsi", "sys/firmware",
					      "sys/devices/virtual/powercap"};
	static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};

	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++)
		if (mount(read_only[i], read_only[i], NULL, MS_BIND, NULL) == 0)
			must(mount(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_RELATIME, NULL),
			     read_only[i]);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (mount("/dev/null", files[i], NULL, MS_BIND, NULL) == 0)
			must(mount(NULL, files[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_RELATIME, NULL),
			     files[i]);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (mount("tmpfs", folders[i], "tmpfs", MS_RDONLY | CLOSED, "size=0k") < 0 && errno != ENOENT)
			die(folders[i]);
}

static void mount_one(const struct mounting *m)
{
	if (strncmp(m->target, "dev/", 4) == 0)
		must(mkdir(m->target, 0755), m->target);
	must(mount(m->source, m->target, m->type, m->flags, m->options), m->target);
}

/* All that neither the network nor cgroups show in. */
static void mount_most(const char *rootfs)
{
	static const struct mounting mounts[] = {
		{"proc", "proc", "proc", NULL, 0},
		{"tmpfs", "tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME},
		{"devpts", "devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
		{"shm", "tmpfs", "dev/shm", "mode=1777,size=65536k", CLOSED},
		{"mqueue", "mqueue", "dev/mqueue", NULL, CLOSED},
	};

	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "make '/' a slave");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	umask(0);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		mount_one(&mounts[i]);
	make_nodes();
	umask(022);
}

static void mount_rest(void)
{
	static const struct mounting sysfs = {"sysfs", "sysfs", "sys", NULL, CLOSED | MS_RDONLY};

	make_cgroups();
	join_cgroups();
	done(STEP_CGROUPS);
	join_network();
	mount_one(&sysfs); /* shows the devices of whoever mounts it */
	mount_cgroups();
	done(STEP_NETWORK);
}

static void enter_root(void)
{
	hide_and_protect();
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

/*
 * A search tree over ranges of two numbers each, from `from` up to before `to`; even ones are allowed. Where it
 * begins.
 */
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
	must(setsid(), "make a session");
	must(sethostname("crun", 4), "set the hostname");
	mount_most(rootfs);
	done(STEP_MOUNTS);
	mount_rest();
	enter_root();
	done(STEP_ROOT);
	give_up_rights();
	done(STEP_RIGHTS);
	if (is_b2)
		load_filter();
	done(STEP_FILTER);
	execve("/bin/nothing", args, environment);
	die("/bin/nothing");
	_exit(1);
}

/* --- The parent --------------------------------------------------------------------------------------------------- */

/* In one write: the measured time of this program has it in it. */
static void report(const char *path)
{
	char line[320];
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

int main(int argc, char **argv)
{
	static char stack[STACK_BYTES] __attribute__((aligned(16)));
	int status;
	pid_t pid;

	if (argc != 4 || (strcmp(argv[1], "b1") != 0 && strcmp(argv[1], "b2") != 0)) {
		fprintf(stderr, "usage: floor b1|b2 ROOTFS STEPS\n");
		return 2;
	}
	is_b2 = strcmp(argv[1], "b2") == 0;
	snprintf(name, sizeof(name), "bench-floor-%d", getpid());
	times.started_ns = now_ns();
	begin_beside();
	pid = clone(be_the_container, stack + STACK_BYTES, CLONE_INTO_FRESH | CLONE_BORROWING, argv[2]);
	must(pid, "clone");
	must(waitpid(pid, &status, 0), "wait");
	done(STEP_PROGRAM);
	remove_cgroups();
	done(STEP_REMOVE);
	report(argv[3]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
