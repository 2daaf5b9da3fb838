/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real cgroups on this machine: made, joined, looked at, removed; and what is refused. */
#include "tests/unit/cgroups/cgroup_fixture.h"

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
	/* From the root on, where perhaps nobody has wanted it yet. */
	CHECK_INT(write_below(v2, "../../cgroup.subtree_control", enable), 0);
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

int main(void)
{
	int r = TAP_RUN(TAP_CASE(test_create_and_remove), TAP_CASE(test_failed_create_leaves_nothing),
			TAP_CASE(test_join_is_everywhere), TAP_CASE(test_join_beside), TAP_CASE(test_relative_place),
			TAP_CASE(test_refusals), TAP_CASE(test_v2_no_internal_process), TAP_CASE(test_warm),
			TAP_CASE(test_view));

	remove_parent();
	return r;
}
