// SPDX-License-Identifier: GPL-2.0-or-later
/* All processes of a cgroup at once: frozen, signalled, ended with it. */
#include "tests/unit/cgroups/cgroup_fixture.h"

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

int main(void)
{
	int r = TAP_RUN(TAP_CASE(test_freeze), TAP_CASE(test_v1_freezer), TAP_CASE(test_signals),
			TAP_CASE(test_remove_nested), TAP_CASE(test_remove_has_an_end),
			TAP_CASE(test_remove_refuses_suicide));

	remove_parent();
	return r;
}
