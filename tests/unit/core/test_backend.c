// SPDX-License-Identifier: GPL-2.0-or-later
/* The seam, with a scripted backend behind it: what is asked of it, and what is said of one that lacks something. */
#include "runtime/core/backend.h"

#include "runtime/core/exec.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/usage.h"
#include "tests/unit/core/bundle_fixture.h"

/* What it was asked, and what it answers. */
static struct script {
	int prepared, undone, executed, signalled, signo, ended, listed, seen, counted, updated;
	int answer;
} script;

static int prepare(struct instance *instance, struct err *err)
{
	(void)instance;
	script.prepared++;
	return script.answer < 0 ? err_say(err, -script.answer, "the script says no") : 0;
}

static int prepare_undo(struct instance *instance, struct err *err)
{
	(void)instance, (void)err;
	script.undone++;
	return 0;
}

static int exec_in(const struct exec_request *request, const struct control_view *view, struct exec_running *ret,
		   struct err *err)
{
	(void)err;
	script.executed++;
	CHECK_STR(view->record.backend, "fake");
	ret->pid = request->detached ? 42 : 43;
	return 0;
}

static int signal_all(const struct store *store, const struct record *record, int signo, struct err *err)
{
	(void)store, (void)record, (void)err;
	script.signalled++;
	script.signo = signo;
	return 0;
}

static int end(const struct store *store, const struct record *record)
{
	(void)store;
	script.ended++;
	if (script.answer == 0)
		(void)kill(record->init.pid, SIGKILL);
	return script.answer;
}

static int list_pids(const struct record *record, struct arena *arena, pid_t **ret, size_t *ret_count, struct err *err)
{
	(void)record, (void)err;
	script.listed++;
	*ret = arena_array(arena, 1, sizeof(**ret));
	(*ret)[0] = 7;
	*ret_count = 1;
	return 0;
}

static int count(const struct store *store, const struct control_view *view, struct arena *arena, struct usage *ret,
		 struct err *err)
{
	(void)store, (void)arena, (void)err;
	CHECK_INT(view->now.status, RECORD_RUNNING);
	script.counted++;
	ret->is_known = true;
	ret->inside.stat.pids_current = 3;
	return 0;
}

static int list_rows(const struct store *store, const struct control_view *view, struct arena *arena, process_rows *ret,
		     struct err *err)
{
	(void)store, (void)view, (void)arena, (void)err;
	script.seen++;
	*ret = (process_rows){0};
	return 0;
}

static int update(struct instance *instance, const struct config_resources *resources, const struct cg_limits *limits,
		  struct err *err)
{
	(void)instance;
	CHECK(resources->pids.limit.value == 100 && limits->pids_limit.value == 100);
	script.updated++;
	return err_say(err, EBUSY, "the script says no");
}

static const struct backend_ops fake = {
	.name = "fake",
	.prepare = prepare,
	.prepare_undo = prepare_undo,
	.exec = exec_in,
	.signal_all = signal_all,
	.end = end,
	.pids = list_pids,
	.processes = list_rows,
	.stat = count,
	.update = update,
};
static const struct backend_ops bare = {.name = "fake"};

/* A container that runs, and whose record then says that another backend made it. */
static void open_with(struct bundle *b, const struct backend_ops *backend)
{
	struct instance instance;
	struct err err = ERR_INIT;

	script = (struct script){0};
	bundle_open(b, "sleep 60", "");
	bundle_start(b, false);
	CHECK_INT(create_open(&b->store, &b->arena, b->id, &instance, &err), 0);
	CHECK_STR(instance.record.backend, "ns");
	instance.record.backend = "fake";
	CHECK_INT(lifecycle_write(&instance.record, instance.state_fd, &err), 0);
	instance_close(&instance);
	backend_extra = backend;
}

static void close_with(struct bundle *b)
{
	struct err err = ERR_INIT;

	backend_extra = NULL;
	CHECK_INT(control_delete(&b->store, b->id, true, &err), 0);
	bundle_close(b);
}

static void test_rows(void)
{
	struct record unknown = {.id = "x", .backend = "hyper"};
	const struct backend_ops *found;
	struct err err = ERR_INIT;

	CHECK(backend_find(NULL) == &backend_ns && backend_find("ns") == &backend_ns);
	CHECK(backend_find("kvm") == &backend_kvm && backend_find("qemu") == &backend_qemu);
	CHECK(!backend_find("fake"));
	CHECK_INT(backend_of(&unknown, &found, &err), -ENOTSUP);
	CHECK_STR(err.msg, "container 'x' is of backend 'hyper', which this hull does not have");
	CHECK_INT(backend_lacks(&backend_qemu, "update", &err), -ENOTSUP);
	CHECK_STR(err.msg, "'update' is not supported by backend 'qemu'");
	/* Machines run on a processor and not on one backend: what is asked of one is asked of the other. */
	CHECK(backend_kvm.exec == backend_qemu.exec && backend_kvm.prepare == backend_qemu.prepare);
}

static void test_everything_is_asked_of_the_backend(void)
{
	const struct config_resources resources = {.pids = {.limit = {true, 100}}};
	struct bundle b;
	struct plan_process process = {0};
	struct exec_request exec = {.process = &process, .detached = true};
	struct exec_running running;
	struct usage usage;
	process_rows rows;
	struct err err = ERR_INIT;
	pid_t *pids;
	size_t pid_count;

	open_with(&b, &fake);
	exec.store = &b.store;
	exec.id = b.id;
	CHECK_INT(exec_start(&exec, &running, &err), 0);
	CHECK_INT(running.pid, 42);
	CHECK_INT(control_kill(&b.store, b.id, SIGUSR1, true, &err), 0);
	CHECK_INT(script.signo, SIGUSR1);
	CHECK_INT(control_pids(&b.store, &b.arena, b.id, &pids, &pid_count, &err), 0);
	CHECK(pid_count == 1 && pids[0] == 7);
	CHECK_INT(usage_processes(&b.store, &b.arena, b.id, &rows, &err), 0);
	CHECK_INT(usage_read(&b.store, &b.arena, b.id, &usage, &err), 0);
	CHECK_INT(usage.inside.stat.pids_current, 3);
	CHECK_INT(control_update(&b.store, b.id, &resources, &err), -EBUSY);
	CHECK_STR(err.msg, "the script says no");
	CHECK(script.executed == 1 && script.signalled == 1 && script.listed == 1 && script.seen == 1 &&
	      script.counted == 1 && script.updated == 1);
	/* SIGKILL to all is the kernel's business alone. */
	CHECK_INT(control_kill(&b.store, b.id, SIGKILL, true, &err), 0);
	CHECK_INT(script.signalled, 1);
	CHECK_INT(script.ended, 0);
	EVENTUALLY(bundle_status(&b) == RECORD_STOPPED);
	close_with(&b);
}

/* One that ends its program gently is asked to; when it cannot, SIGKILL does what it always does. */
static void test_killing(void)
{
	struct bundle b;
	struct err err = ERR_INIT;

	for (int answer = 0; answer >= -ETIMEDOUT; answer -= ETIMEDOUT) {
		open_with(&b, &fake);
		script.answer = answer;
		CHECK_INT(control_kill(&b.store, b.id, SIGKILL, false, &err), 0);
		CHECK_INT(script.ended, 1);
		EVENTUALLY(bundle_status(&b) == RECORD_STOPPED);
		close_with(&b);
	}
}

static void test_what_is_lacking_is_said(void)
{
	const struct config_resources resources = {.pids = {.limit = {true, 100}}};
	struct bundle b;
	struct plan_process process = {0};
	struct exec_request exec = {.process = &process};
	struct exec_running running;
	struct usage usage;
	process_rows rows;
	struct err err = ERR_INIT;
	pid_t *pids;
	size_t pid_count;

	open_with(&b, &bare);
	exec.store = &b.store;
	exec.id = b.id;
	CHECK_INT(exec_start(&exec, &running, &err), -ENOTSUP);
	CHECK_STR(err.msg, "'exec' is not supported by backend 'fake'");
	CHECK_INT(control_pids(&b.store, &b.arena, b.id, &pids, &pid_count, &err), -ENOTSUP);
	CHECK_INT(usage_processes(&b.store, &b.arena, b.id, &rows, &err), -ENOTSUP);
	CHECK_INT(usage_read(&b.store, &b.arena, b.id, &usage, &err), -ENOTSUP);
	CHECK_STR(err.msg, "'stats' is not supported by backend 'fake'");
	CHECK_INT(control_update(&b.store, b.id, &resources, &err), -ENOTSUP);
	/* A hull that does not have the backend at all can still take its instances back. */
	backend_extra = NULL;
	CHECK_INT(exec_start(&exec, &running, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "is of backend 'fake', which this hull does not have");
	close_with(&b);
}

static void test_preparing_is_a_phase(void)
{
	struct bundle b;
	struct instance instance;
	struct plan *plan;
	struct create_request request = {.stdio = {-1, -1, -1}};
	struct err err = ERR_INIT;

	script = (struct script){.answer = -EIO};
	bundle_open(&b, "sleep 60", "");
	backend_extra = &fake;
	plan = arena_alloc(&b.arena, sizeof(*plan));
	CHECK_INT(bundle_plan(&b, b.id, plan, &err), 0);
	plan->backend = "fake";
	request.store = &b.store;
	request.plan = plan;
	CHECK_INT(create_instance(&request, &b.arena, &instance, &err), -EIO);
	CHECK_STR(err.msg, "the script says no");
	/* A phase that fails cleans up after itself. */
	CHECK(script.prepared == 1 && script.undone == 0);
	script.answer = 0;
	CHECK_INT(create_instance(&request, &b.arena, &instance, &err), 0);
	instance_close(&instance);
	CHECK(script.prepared == 2 && script.undone == 0);
	CHECK_INT(control_delete(&b.store, b.id, true, &err), 0);
	CHECK_INT(script.undone, 1);
	backend_extra = NULL;
	bundle_close(&b);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_rows), TAP_CASE(test_preparing_is_a_phase),
		       TAP_CASE(test_everything_is_asked_of_the_backend), TAP_CASE(test_killing),
		       TAP_CASE(test_what_is_lacking_is_said));
}
