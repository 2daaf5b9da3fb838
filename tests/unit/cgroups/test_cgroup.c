/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real cgroups on this machine: made, limited, joined, frozen, killed, counted, removed. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "cgroups/layout.h"
#include "cgroups/procs.h"
#include "cgroups/v1.h"
#include "cgroups/v2.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "tests/unit/tap.h"

static struct err err;
static char path[128];

static struct cg *create(const struct cg_limits *limits)
{
	static int number;
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = path, .limits = limits};
	struct cg *cg = NULL;

	err_clear(&err);
	(void)snprintf(path, sizeof(path), "/hull-test-%d/%d", (int)getpid(), number++);
	if (cg_check(&request, &err) < 0 || cg_create(&request, &cg, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	return cg;
}

static void destroy(struct cg *cg)
{
	if (cg && cg_remove(cg, 30000, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	cg_close(&cg);
}

static bool exists_anywhere(const char *below)
{
	const struct cg_layout *layout;
	char full[PATH_MAX];

	if (cg_layout_get(&layout, &err) < 0)
		return true;
	for (size_t i = 0; i < layout->tree_count; i++) {
		(void)snprintf(full, sizeof(full), "%s%s", layout->trees[i].mount_point, below);
		if (access(full, F_OK) == 0)
			return true;
	}
	return false;
}

/*
 * A child that waits for a byte, then does its work: so that it is in the cgroup before. Its exit status is the work's
 * answer.
 */
struct child {
	pid_t pid;
	int go;
};

static struct child start(int (*work)(void *data), void *data)
{
	struct child child = {0};
	int fds[2];
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	child.pid = fork();
	if (child.pid == 0) {
		(void)close(fds[1]);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(read(fds[0], &byte, 1) == 1 ? work(data) : 99);
	}
	(void)close(fds[0]);
	child.go = fds[1];
	return child;
}

static void go(struct child *child)
{
	CHECK(write(child->go, "g", 1) == 1);
	(void)close(child->go);
}

/* The wait status; 0xff00 with a failure when it does not end: a test that goes wrong shall not hang. */
static int end_of(const struct child *child)
{
	int status = 0xff00, pidfd = proc_pidfd(child->pid);

	if (proc_wait_end(pidfd, 10000) < 0)
		tap_fail(__FILE__, __LINE__, "a process that should have ended is there");
	else
		(void)waitpid(child->pid, &status, 0);
	(void)close(pidfd);
	return status;
}

static int wait_for_signals(void *data)
{
	(void)data;
	while (pause() < 0)
		;
	return 0;
}

static struct child start_sleeper(struct cg *cg)
{
	struct child child = start(wait_for_signals, NULL);

	if (cg_join(cg, child.pid, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	go(&child);
	return child;
}

static int read_file(const struct cg *cg, enum cg_controller controller, const char *v1, const char *v2,
		     char to[static 256])
{
	const struct cg_folder *folder = cg_folder_of(cg, controller);

	*to = '\0';
	return folder ? (int)file_read_line(folder->fd, folder->tree->v2 ? v2 : v1, to, 256) : -ENOENT;
}

static void test_create_and_remove(void)
{
	struct cg *cg = create(NULL), *again = NULL;
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = path, .limits = NULL};

	CHECK(exists_anywhere(path));
	CHECK_STR(cg_place(cg), path);
	CHECK(!cg_is_gone(cg));
	/* An empty one is what a crash left: it is taken over. One with a process is somebody's. */
	cg_close(&cg);
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	struct child child = start_sleeper(cg);
	CHECK_INT(cg_create(&request, &again, &err), -EEXIST);
	CHECK_HAS(err.msg, "in use");
	CHECK(cg_frozen(cg, &(bool){true}, &err) == 0);
	CHECK_INT(cg_remove(cg, 30000, &err), 0);
	CHECK(!exists_anywhere(path));
	CHECK_INT(WTERMSIG(end_of(&child)), SIGKILL);
	CHECK_INT(cg_remove(cg, 0, &err), 0);
	cg_close(&cg);
	CHECK_INT(cg_open(CG_DRIVER_CGROUPFS, path, &cg, &err), 0);
	CHECK(cg_is_gone(cg));
	CHECK_INT(cg_remove(cg, 0, &err), 0);
	cg_close(&cg);
}

/* A limit that the kernel refuses when all folders are made already. */
static void test_failed_create_leaves_nothing(void)
{
	const struct cg_device_rate rate = {4095, 1048575, 1};
	const struct cg_limits limits = {.blkio_read_bps = &rate, .blkio_read_bps_count = 1};
	char name[128];
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = name, .limits = &limits};
	struct cg *cg = NULL;

	(void)snprintf(name, sizeof(name), "/hull-test-%d/failing", (int)getpid());
	CHECK(cg_create(&request, &cg, &err) < 0);
	CHECK_HAS(err.msg, "blockIO.throttleReadBpsDevice");
	CHECK(!cg);
	CHECK(!exists_anywhere(name));
}

static void test_join_is_everywhere(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg *cg = create(NULL);
	struct child child = start_sleeper(cg);
	char file[64], *text, *position = NULL;
	pid_t *pids = NULL;
	size_t len, count = 0;

	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)child.pid);
	CHECK_INT(file_read(&arena, AT_FDCWD, file, 65536, &text, &len, &err), 0);
	for (char *line = strtok_r(text, "\n", &position); line; line = strtok_r(NULL, "\n", &position))
		CHECK_STR(strchr(strchr(line, ':') + 1, ':') + 1, path);
	CHECK_INT(cg_pids(cg, &arena, &pids, &count, &err), 0);
	CHECK_INT(count, 1);
	CHECK(count == 1 && pids[0] == child.pid);
	CHECK_INT(cg_join(cg, 1 << 21, &err), -ESRCH);
	destroy(cg);
	(void)end_of(&child);
}

static int write_below(const struct cg_folder *folder, const char *name, const char *value)
{
	return file_write_value(folder->fd, name, value);
}

/* An init that moves itself below its cgroup and hands a controller on: v2 then lets nobody into the cgroup itself. */
static void test_join_beside(void)
{
	struct cg *cg = create(NULL);
	const struct cg_folder *v2 = cg_folder_v2(cg);
	char controllers[256], enable[64], number[16];
	struct child first, second;
	const char *place;

	if (!v2 || file_read_line(v2->fd, "../../cgroup.controllers", controllers, sizeof(controllers)) <= 0) {
		destroy(cg);
		SKIP("no controller here is v2's");
	}
	(void)snprintf(enable, sizeof(enable), "+%.*s", (int)strcspn(controllers, " "), controllers);
	first = start_sleeper(cg);
	second = start(wait_for_signals, NULL);
	(void)snprintf(number, sizeof(number), "%d", (int)first.pid);
	CHECK_INT(mkdirat(v2->fd, "init", 0755), 0);
	CHECK_INT(write_below(v2, "init/cgroup.procs", number), 0);
	CHECK_INT(write_below(v2, "../cgroup.subtree_control", enable), 0);
	CHECK_INT(write_below(v2, "cgroup.subtree_control", enable), 0);
	CHECK_INT(cg_join(cg, second.pid, &err), -EBUSY);
	CHECK_HAS(err.msg, "handed controllers");
	/* This very process is not below it, so it says nothing. */
	CHECK_INT(cg_join_beside(cg, second.pid, getpid(), &err), -EBUSY);
	CHECK_INT(cg_join_beside(cg, second.pid, first.pid, &err), 0);

	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	place = cg_tree_place_of(&arena, v2->tree, second.pid);
	CHECK(place && text_starts(place, v2->below) && strcmp(place + strlen(v2->below), "/init") == 0);
	CHECK(!cg_tree_place_of(&arena, v2->tree, 1 << 21));
	go(&second);
	destroy(cg);
	CHECK_INT(WTERMSIG(end_of(&first)), SIGKILL);
	CHECK_INT(WTERMSIG(end_of(&second)), SIGKILL);
}

static void test_relative_place(void)
{
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = "hull-test-relative/1", .limits = NULL};
	struct cg *cg = NULL, *found = NULL;
	const struct cg_layout *layout;

	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK_INT(cg_layout_get(&layout, &err), 0);
	CHECK(cg_folder_of(cg, CG_MEMORY) &&
	      strstr(cg_folder_of(cg, CG_MEMORY)->path, cg_layout_tree(layout, CG_MEMORY)->own));
	CHECK_INT(cg_open(CG_DRIVER_CGROUPFS, cg_place(cg), &found, &err), 0);
	for (size_t i = 0; cg && found && i < cg->folder_count; i++) {
		CHECK_STR(found->folders[i].path, cg->folders[i].path);
		CHECK(found->folders[i].fd >= 0);
	}
	CHECK_INT(cg_remove(found, 30000, &err), 0);
	for (size_t i = 0; cg && i < cg->folder_count; i++) {
		CHECK(access(cg->folders[i].path, F_OK) < 0);
		*strrchr((char *)(uintptr_t)cg->folders[i].path, '/') = '\0';
		CHECK_INT(rmdir(cg->folders[i].path), 0);
	}
	cg_close(&found);
	cg_close(&cg);
}

static int eat_memory(void *data)
{
	size_t bytes = *(size_t *)data;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
	return 0;
}

static void test_memory_limit(void)
{
	const struct cg_limits limits = {.memory_limit = {true, 16 << 20}, .memory_swap = {true, 16 << 20}};
	struct cg *cg = create(&limits);
	size_t much = 64 << 20, little = 4 << 20;
	struct child greedy = start(eat_memory, &much), modest = start(eat_memory, &little);
	struct cg_stat stat;

	CHECK_INT(cg_join(cg, modest.pid, &err), 0);
	go(&modest);
	CHECK_INT(end_of(&modest), 0);
	CHECK_INT(cg_join(cg, greedy.pid, &err), 0);
	go(&greedy);
	CHECK_INT(WTERMSIG(end_of(&greedy)), SIGKILL);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.has_memory && stat.has_oom && stat.oom_kills == 1);
	CHECK_INT(stat.memory_limit_bytes, 16 << 20);
	CHECK(stat.memory_peak_bytes >= 15 << 20 && stat.memory_peak_bytes <= 16 << 20);
	CHECK(!stat.has_swap || stat.swap_limit_bytes == 0);
	destroy(cg);
}

/* Up, then down: in each case another of the two has to go first. */
static void test_memory_update_order(void)
{
	const struct cg_limits low = {.memory_limit = {true, 16 << 20}, .memory_swap = {true, 24 << 20}};
	const struct cg_limits high = {.memory_limit = {true, 64 << 20}, .memory_swap = {true, 96 << 20}};
	const struct cg_limits none = {.memory_limit = {true, -1}}, alone = {.memory_limit = {true, 128 << 20}};
	const struct cg_limits tight = {.memory_limit = {true, 1 << 20}, .memory_check_before_update = {true, 1}};
	struct cg *cg = create(&low);
	size_t some = 4 << 20;
	struct cg_stat stat;
	char words[256];

	CHECK_INT(cg_update(cg, &high, &err), 0);
	(void)read_file(cg, CG_MEMORY, "memory.limit_in_bytes", "memory.max", words);
	CHECK_STR(words, "67108864");
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK_INT(stat.swap_limit_bytes, 32 << 20);
	CHECK_INT(cg_update(cg, &low, &err), 0);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK_INT(stat.memory_limit_bytes, 16 << 20);
	CHECK_INT(stat.swap_limit_bytes, 8 << 20);
	if (!cg_folder_of(cg, CG_MEMORY)->tree->v2) {
		CHECK_INT(cg_update(cg, &alone, &err), -EINVAL);
		CHECK_HAS(err.msg, "memory.limit");
	}
	CHECK_INT(cg_update(cg, &none, &err), 0);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.memory_limit_bytes == CG_STAT_UNLIMITED && stat.swap_limit_bytes == CG_STAT_UNLIMITED);

	struct child child = start(eat_memory, &some);

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	(void)end_of(&child);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	if (stat.memory_usage_bytes > 1 << 20)
		CHECK_INT(cg_update(cg, &tight, &err), -EBUSY);
	destroy(cg);
}

/* Device rules are the last to be put in force, but not the last to be looked at. */
static void test_refused_update_writes_nothing(void)
{
	const struct cg_device_rule wrong = {true, 'c', -2, 3, true, true, true};
	const struct cg_limits before = {.pids_limit = {true, 8}};
	const struct cg_limits after = {.pids_limit = {true, 9}, .devices = &wrong, .device_count = 1};
	struct cg *cg = create(&before);
	char words[256];

	CHECK_INT(cg_update(cg, &after, &err), -EINVAL);
	CHECK_HAS(err.msg, "devices[0]");
	(void)read_file(cg, CG_PIDS, "pids.max", "pids.max", words);
	CHECK_STR(words, "8");
	destroy(cg);
}

/* Quota, period and burst bound one another too. */
static void test_cpu_update(void)
{
	const struct cg_limits first = {.cpu_quota_us = {true, 50000},
					.cpu_burst_us = {true, 50000},
					.cpu_shares = {true, 512}};
	const struct cg_limits smaller = {.cpu_quota_us = {true, 20000},
					  .cpu_burst_us = {true, 10000},
					  .cpu_period_us = {true, 20000}};
	struct cg *cg = create(&first);
	char words[256];

	(void)read_file(cg, CG_CPU, "cpu.cfs_quota_us", "cpu.max", words);
	CHECK(text_starts(words, "50000"));
	(void)read_file(cg, CG_CPU, "cpu.shares", "cpu.weight", words);
	CHECK(strcmp(words, "512") == 0 || strcmp(words, "59") == 0);
	CHECK_INT(cg_update(cg, &smaller, &err), 0);
	(void)read_file(cg, CG_CPU, "cpu.cfs_burst_us", "cpu.max.burst", words);
	CHECK_STR(words, "10000");
	destroy(cg);
}

static int fork_twenty(void *data)
{
	int made = 0;

	(void)data;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			(void)wait_for_signals(NULL);
		made += pid > 0;
	}
	return made;
}

static void test_pids_limit(void)
{
	const struct cg_limits limits = {.pids_limit = {true, 8}};
	struct cg *cg = create(&limits);
	struct child child = start(fork_twenty, NULL);
	struct cg_stat stat;

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	CHECK_INT(WEXITSTATUS(end_of(&child)), 7);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.has_pids);
	CHECK_INT(stat.pids_current, 7);
	CHECK_INT(stat.pids_limit, 8);
	/* The orphans end with the cgroup. */
	destroy(cg);
	CHECK(!exists_anywhere(path));
}

static int count_up(void *data)
{
	volatile uint64_t *counter = data;

	while (poll(NULL, 0, 1) == 0)
		(*counter)++;
	return 0;
}

static void test_freeze(void)
{
	volatile uint64_t *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct cg *cg = create(NULL);
	struct child child = start(count_up, (void *)(uintptr_t)counter);
	uint64_t seen;
	bool frozen;

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	for (int i = 0; i < 10000 && *counter == 0; i++)
		(void)poll(NULL, 0, 1);
	CHECK_INT(cg_freeze(cg, true, &err), 0);
	CHECK(cg_frozen(cg, &frozen, &err) == 0 && frozen);
	seen = *counter;
	(void)poll(NULL, 0, 50);
	CHECK(*counter == seen && seen > 0);
	CHECK_INT(cg_freeze(cg, false, &err), 0);
	CHECK(cg_frozen(cg, &frozen, &err) == 0 && !frozen);
	for (int i = 0; i < 10000 && *counter == seen; i++)
		(void)poll(NULL, 0, 1);
	CHECK(*counter > seen);
	/* A frozen one is removed as well. */
	CHECK_INT(cg_freeze(cg, true, &err), 0);
	destroy(cg);
	CHECK_INT(WTERMSIG(end_of(&child)), SIGKILL);
	(void)munmap((void *)(uintptr_t)counter, 4096);
}

static void test_v1_freezer(void)
{
	struct cg *cg = create(NULL);
	const struct cg_folder *freezer = cg_folder_of(cg, CG_FREEZER);
	struct child child = start_sleeper(cg);
	bool frozen = false;

	if (freezer) {
		CHECK_INT(cg_v1_freeze(freezer->fd, true, proc_monotonic_ns() + UINT64_C(30000000000)), 0);
		CHECK(cg_v1_frozen(freezer->fd, &frozen) == 0 && frozen);
	}
	/* Frozen by v1's freezer, which the v2 tree does not know of: SIGKILL alone would not end it. */
	CHECK_INT(cg_remove(cg, 30000, &err), 0);
	if (freezer)
		(void)cg_v1_freeze(freezer->fd, false, 0);
	destroy(cg);
	CHECK_INT(WTERMSIG(end_of(&child)), SIGKILL);
}

static void test_signals(void)
{
	struct cg *cg = create(NULL);
	struct child children[70];
	struct child outside = start(wait_for_signals, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		children[i] = start_sleeper(cg);
	CHECK_INT(cg_signal(cg, SIGTERM, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		int status = end_of(&children[i]);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	}
	for (size_t i = 0; i < 5; i++)
		children[i] = start_sleeper(cg);
	CHECK_INT(cg_signal(cg, SIGKILL, &err), 0);
	for (size_t i = 0; i < 5; i++)
		CHECK_INT(WTERMSIG(end_of(&children[i])), SIGKILL);
	CHECK_INT(waitpid(outside.pid, NULL, WNOHANG), 0);
	(void)kill(outside.pid, SIGKILL);
	(void)end_of(&outside);
	destroy(cg);
}

/* What a container with a writable view can leave: cgroups in cgroups, with a process in the last, in every tree. */
static void test_remove_nested(void)
{
	struct cg *cg = create(NULL);
	struct child child = start_sleeper(cg);
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)child.pid);
	for (size_t i = 0; i < cg->folder_count; i++) {
		int fd = cg->folders[i].fd;

		CHECK_INT(mkdirat(fd, "a", 0755), 0);
		CHECK_INT(mkdirat(fd, "a/b", 0755), 0);
		CHECK_INT(mkdirat(fd, "a/c", 0755), 0);
		if (cg->folders[i].tree->controllers & CG_BIT(CG_CPUSET) && !cg->folders[i].tree->v2)
			continue;
		CHECK_INT(file_write_value(fd, "a/b/cgroup.procs", number), 0);
	}
	destroy(cg);
	CHECK(!exists_anywhere(path));
	CHECK_INT(WTERMSIG(end_of(&child)), SIGKILL);
}

/* A process that cannot die in time: one that is frozen by a cgroup above, which hull's own does not thaw. */
static void test_remove_has_an_end(void)
{
	struct cg *cg = create(NULL);
	const struct cg_folder *freezer = cg_folder_of(cg, CG_FREEZER);
	struct child child = start_sleeper(cg);
	char state[PATH_MAX], number[32];
	uint64_t begin;

	if (!freezer) {
		destroy(cg);
		(void)end_of(&child);
		SKIP("no v1 freezer: on v2 the killed always die");
	}
	(void)snprintf(state, sizeof(state), "%s", freezer->path);
	(void)snprintf(strrchr(state, '/'), 32, "/freezer.state");
	CHECK_INT(file_write_value(AT_FDCWD, state, "FROZEN"), 0);
	begin = proc_monotonic_ns();
	CHECK_INT(cg_remove(cg, 300, &err), -EBUSY);
	CHECK((proc_monotonic_ns() - begin) / 1000000 < 9000);
	(void)snprintf(number, sizeof(number), ": %d (", (int)child.pid);
	CHECK_HAS(err.msg, number);
	CHECK_INT(file_write_value(AT_FDCWD, state, "THAWED"), 0);
	destroy(cg);
	(void)end_of(&child);
}

static int remove_own(void *data)
{
	return cg_remove(data, 1000, &err) == -EDEADLK ? 0 : 1;
}

static void test_remove_refuses_suicide(void)
{
	struct cg *cg = create(NULL);
	struct child child = start(remove_own, cg);

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	CHECK_INT(end_of(&child), 0);
	destroy(cg);
}

/* Processor time, not time: on a busy machine it takes long, but meets its quota all the same. */
static int spin(void *data)
{
	(void)data;
	while (clock() < CLOCKS_PER_SEC / 1000 * 15)
		;
	return 0;
}

static void test_cpu_figures(void)
{
	const struct cg_limits limits = {.cpu_quota_us = {true, 5000}, .cpu_period_us = {true, 50000}};
	struct cg *cg = create(&limits);
	struct child child = start(spin, NULL);
	struct cg_stat stat;

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	CHECK_INT(end_of(&child), 0);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.has_cpu && stat.cpu_total_ns > 10000000 && stat.cpu_total_ns < 10000000000);
	CHECK(stat.has_throttling && stat.cpu_throttled_periods > 0 && stat.cpu_throttled_ns > 0);
	CHECK(stat.has_blkio);
	CHECK(!cg_folder_v2(cg) || access("/proc/pressure/cpu", R_OK) < 0 || stat.cpu_pressure.has);
	destroy(cg);
}

static void test_refusals(void)
{
	const struct cg_limits cpus = {.cpuset_cpus = "4000"},
			       page = {.hugepages = &(struct cg_hugepage){"7MB", 1}, .hugepage_count = 1};
	const struct cg_limits pids = {.pids_limit = {true, 5}};
	struct cg_request request = {.driver = CG_DRIVER_SYSTEMD, .path = "system.slice:hull:x"};
	struct cg *cg = NULL;

	CHECK_INT(cg_check(&request, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "use the cgroupfs driver");
	request.driver = CG_DRIVER_CGROUPFS;
	request.path = "/hull/x";
	request.limits = &cpus;
	CHECK_INT(cg_check(&request, &err), -EINVAL);
	CHECK_HAS(err.msg, "cpu.cpus");
	request.limits = &page;
	CHECK_INT(cg_check(&request, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "7MB");
	request.limits = NULL;
	request.path = "/hull/../x";
	CHECK_INT(cg_check(&request, &err), -EINVAL);
	CHECK_INT(cg_create(&request, &cg, &err), -EINVAL);
	request = (struct cg_request){.driver = CG_DRIVER_DISABLED, .path = "/hull/x", .limits = &pids};
	CHECK_INT(cg_check(&request, &err), -ENOTSUP);
	request.limits = NULL;
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK(cg_birth_is_enough(cg) && cg_birth_fd(cg) == -1 && !cg_is_gone(cg));
	CHECK_INT(cg_join(cg, getpid(), &err), 0);
	CHECK_INT(cg_signal(cg, SIGKILL, &err), -ENOTSUP);
	CHECK_INT(cg_freeze(cg, true, &err), -ENOTSUP);
	CHECK_INT(cg_remove(cg, 0, &err), 0);
	cg_close(&cg);
}

/* v2 hands a controller on only from a cgroup without processes. */
static void test_v2_no_internal_process(void)
{
	const struct cg_layout *layout;
	const struct cg_tree *v2;
	char parent[PATH_MAX], full[PATH_MAX + 8];

	CHECK_INT(cg_layout_get(&layout, &err), 0);
	v2 = cg_layout_v2(layout);
	if (!v2 || !v2->controllers)
		SKIP("no v2 controllers here");

	/* One that cannot be for threads alone: those may be handed on by a cgroup with processes. */
	uint32_t one = v2->controllers & CG_BIT(CG_MEMORY) ? CG_BIT(CG_MEMORY) : v2->controllers & -v2->controllers;

	(void)snprintf(parent, sizeof(parent), "%s/hull-test-%d-internal", v2->mount_point, (int)getpid());
	(void)snprintf(full, sizeof(full), "%s/child", parent);

	struct cg_folder folder = {.tree = v2, .below = full + strlen(v2->mount_point), .path = full, .fd = -1};
	struct child child = start(wait_for_signals, NULL);
	char number[16];
	int fd;

	CHECK_INT(mkdir(parent, 0755), 0);
	(void)snprintf(number, sizeof(number), "%d", (int)child.pid);
	fd = cg_folder_open(parent);
	CHECK_INT(file_write_value(fd, "cgroup.procs", number), 0);
	CHECK_INT(cg_v2_make(&folder, 0, one, &err), -EBUSY);
	CHECK_HAS(err.msg, "it holds processes");
	CHECK(access(full, F_OK) < 0);
	(void)kill(child.pid, SIGKILL);
	(void)end_of(&child);
	(void)close(fd);
	fd = cg_v2_make(&folder, one, one, &err);
	CHECK(fd >= 0);
	(void)close(fd);
	CHECK_INT(rmdir(full), 0);
	CHECK_INT(rmdir(parent), 0);
}

static void test_warm(void)
{
	struct cg *cg = create(NULL);
	struct child child;
	int r = cg_warm_start();

	CHECK(r == 0 || r == -ENOTSUP);
	child = start_sleeper(cg);
	CHECK(waitpid(-1, NULL, WNOHANG) == 0); /* the helper is nobody's surprise */
	cg_warm_join();
	cg_warm_join();
	destroy(cg);
	(void)end_of(&child);
	errno = 0;
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
}

static void test_view(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg *cg = create(NULL);
	struct cg_mount_view view;
	struct cg_host host;

	CHECK_INT(cg_mount_view(CG_DRIVER_CGROUPFS, path, &arena, &view, &err), 0);
	CHECK(view.mount_count == cg->folder_count);
	for (size_t i = 0; i < view.mount_count; i++) {
		CHECK_STR(view.mounts[i].host_folder, cg->folders[i].path);
		CHECK(!view.tmpfs == !*view.mounts[i].name);
		CHECK((view.mounts[i].options == NULL) == (strcmp(view.mounts[i].type, "cgroup2") == 0));
		/* release_agent is in a v1 tree's root alone: never in what the inside gets. */
		CHECK(faccessat(cg->folders[i].fd, "release_agent", F_OK, 0) < 0);
	}
	/* Without a cgroup of its own the inside sees the caller's. */
	CHECK_INT(cg_mount_view(CG_DRIVER_DISABLED, path, &arena, &view, &err), 0);
	CHECK_INT(view.mount_count, cg->folder_count);
	for (size_t i = 0; i < view.mount_count; i++)
		CHECK(!strstr(view.mounts[i].host_folder, path));
	CHECK_INT(cg_host(&arena, &host, &err), 0);
	CHECK_STR(host.layout_name, cg_layout_name(cg->layout->kind));
	CHECK(host.controllers[0]);
	for (size_t i = 1; host.controllers[0] && host.controllers[i]; i++)
		CHECK(strcmp(host.controllers[i - 1], host.controllers[i]) < 0);
	destroy(cg);
}

static void remove_parent(void)
{
	const struct cg_layout *layout;
	char full[PATH_MAX];

	if (cg_layout_get(&layout, &err) < 0)
		return;
	for (size_t i = 0; i < layout->tree_count; i++) {
		(void)snprintf(full, sizeof(full), "%s/hull-test-%d", layout->trees[i].mount_point, (int)getpid());
		(void)rmdir(full);
	}
}

int main(void)
{
	int r = TAP_RUN(TAP_CASE(test_create_and_remove), TAP_CASE(test_failed_create_leaves_nothing),
			TAP_CASE(test_join_is_everywhere), TAP_CASE(test_join_beside), TAP_CASE(test_relative_place),
			TAP_CASE(test_memory_limit), TAP_CASE(test_memory_update_order),
			TAP_CASE(test_refused_update_writes_nothing), TAP_CASE(test_cpu_update),
			TAP_CASE(test_pids_limit), TAP_CASE(test_freeze), TAP_CASE(test_v1_freezer),
			TAP_CASE(test_signals), TAP_CASE(test_remove_nested), TAP_CASE(test_remove_has_an_end),
			TAP_CASE(test_remove_refuses_suicide), TAP_CASE(test_cpu_figures), TAP_CASE(test_refusals),
			TAP_CASE(test_v2_no_internal_process), TAP_CASE(test_warm), TAP_CASE(test_view));

	remove_parent();
	return r;
}
