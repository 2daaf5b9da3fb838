// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/control.h"

#include "runtime/core/child.h"
#include "runtime/core/lifecycle.h"
#include "tests/unit/core/bundle_fixture.h"

static void test_start_twice(void)
{
	struct bundle b;
	struct err err = ERR_INIT;

	bundle_open(&b, "echo ran >> /out/ran; sleep 60", "");
	bundle_start(&b, true);
	CHECK_INT(bundle_status(&b), RECORD_CREATED);
	CHECK(!bundle_has(&b, "out/ran"));
	CHECK(control_start(&b.store, b.id, &err) == 0);
	CHECK_INT(bundle_status(&b), RECORD_RUNNING);
	CHECK_INT(control_start(&b.store, b.id, &err), -EINVAL);
	CHECK_HAS(err.msg, "is running: it cannot be started");
	EVENTUALLY(bundle_has(&b, "out/ran"));
	bundle_close(&b);
}

/* Two at once: one starts it, the other is told that it runs. */
static void test_start_by_two(void)
{
	struct bundle b;
	int won = 0, status;

	bundle_open(&b, "echo ran >> /out/ran; sleep 60", "");
	bundle_start(&b, true);
	for (int i = 0; i < 2; i++)
		if (fork() == 0) {
			struct err err = ERR_INIT;

			_exit(control_start(&b.store, b.id, &err) == 0 ? 0 : 1);
		}
	for (int i = 0; i < 2; i++)
		won += wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	CHECK_INT(won, 1);
	EVENTUALLY(strcmp(bundle_read(&b, "out/ran"), "ran\n") == 0);
	bundle_close(&b);
}

/* Who knocked and died said nothing: the next one may. */
static void test_start_after_a_starter_that_died(void)
{
	struct bundle b;
	struct sync sync;
	struct err err = ERR_INIT;
	int folder;

	bundle_open(&b, "echo ran > /out/ran", "");
	bundle_start(&b, true);
	folder = store_find(&b.store, b.id, &err);
	CHECK(sync_connect(folder, START_SOCKET, &sync, child_stage_names, CHILD_STAGE_COUNT, &err) == 0);
	sync_close(&sync);
	(void)close(folder);
	CHECK(control_start(&b.store, b.id, &err) == 0);
	EVENTUALLY(bundle_has(&b, "out/ran"));
	bundle_close(&b);
}

static void test_kill_of_a_created_one(void)
{
	struct bundle b;
	struct err err = ERR_INIT;

	bundle_open(&b, "true", "");
	bundle_start(&b, true);
	CHECK_INT(control_delete(&b.store, b.id, false, &err), -EINVAL);
	CHECK_HAS(err.msg, "is created: it cannot be deleted: stop it first");
	CHECK(control_kill(&b.store, b.id, SIGKILL, false, &err) == 0);
	EVENTUALLY(bundle_status(&b) == RECORD_STOPPED);
	CHECK_INT(control_start(&b.store, b.id, &err), -EINVAL);
	CHECK_HAS(err.msg, "is stopped: it cannot be started");
	CHECK_INT(control_kill(&b.store, b.id, SIGKILL, false, &err), -EINVAL);
	CHECK_INT(control_kill(&b.store, b.id, SIGKILL, true, &err), 0);
	CHECK(control_delete(&b.store, b.id, false, &err) == 0);
	bundle_close(&b);
}

static void test_pause_and_delete(void)
{
	struct bundle b;
	struct err err = ERR_INIT;

	bundle_open(&b, "sleep 60", "");
	bundle_start(&b, false);
	CHECK_INT(control_resume(&b.store, b.id, &err), -EINVAL);
	CHECK(control_pause(&b.store, b.id, &err) == 0);
	CHECK_INT(bundle_status(&b), RECORD_PAUSED);
	CHECK_INT(control_pause(&b.store, b.id, &err), -EINVAL);
	CHECK_HAS(err.msg, "is paused: it cannot be paused");
	CHECK_INT(control_delete(&b.store, b.id, false, &err), -EINVAL);
	CHECK(control_resume(&b.store, b.id, &err) == 0);
	CHECK_INT(bundle_status(&b), RECORD_RUNNING);
	CHECK(control_pause(&b.store, b.id, &err) == 0);
	CHECK(control_delete(&b.store, b.id, true, &err) == 0);
	bundle_close(&b);
}

static void test_stop(void)
{
	struct bundle b;
	struct record_exit how;
	struct err err = ERR_INIT;
	uint64_t start_ns;

	bundle_open(&b, "trap 'echo term > /out/term; exit 7' TERM; echo > /out/up; while :; do sleep 0.05; done", "");
	bundle_start(&b, false);
	EVENTUALLY(bundle_has(&b, "out/up"));
	CHECK(control_stop(&b.store, b.id, SIGTERM, 10000, &err) == 0);
	CHECK_STR(bundle_read(&b, "out/term"), "term\n");
	CHECK_INT(bundle_status(&b), RECORD_STOPPED);
	CHECK(control_stop(&b.store, b.id, SIGTERM, 10000, &err) == 0);
	CHECK(control_wait(&b.store, b.id, 0, &how, &err) == 0);
	bundle_close(&b);

	/* One that will not. As the first of its PID namespace it does not even notice. */
	bundle_open(&b, "sleep 60", "");
	bundle_start(&b, false);
	CHECK_INT(control_wait(&b.store, b.id, 10, &how, &err), -ETIMEDOUT);
	start_ns = proc_monotonic_ns();
	err_clear(&err);
	CHECK(control_stop(&b.store, b.id, SIGTERM, 200, &err) == 0);
	CHECK_INT(err.code, 0);
	CHECK(proc_monotonic_ns() - start_ns >= UINT64_C(200000000));
	CHECK_INT(bundle_status(&b), RECORD_STOPPED);
	bundle_close(&b);
}

static void test_what_does_not_exist(void)
{
	struct bundle b;
	struct err err = ERR_INIT;

	bundle_open(&b, "true", "");
	CHECK_INT(control_delete(&b.store, "none", false, &err), -ENOENT);
	CHECK_STR(err.msg, "container 'none' does not exist");
	CHECK_INT(control_delete(&b.store, "none", true, &err), 0);
	CHECK_INT(control_delete(&b.store, "../none", true, &err), -EINVAL);
	CHECK_INT(control_start(&b.store, "none", &err), -ENOENT);
	CHECK_INT(control_stop(&b.store, "none", SIGTERM, 0, &err), -ENOENT);
	bundle_close(&b);
}

/* Somebody was killed who held an id that was no instance's. */
static void test_delete_without_record(void)
{
	struct bundle b;
	struct control_view view;
	struct err err = ERR_INIT;

	for (int force = 0; force < 2; force++) {
		bundle_open(&b, "true", "");
		(void)close(store_claim(&b.store, b.id, &err));
		CHECK_INT(control_look(&b.store, &b.arena, b.id, true, &view, &err), -ENOENT);
		CHECK_HAS(err.msg, "has no record");
		CHECK_INT(control_delete(&b.store, b.id, force, &err), 0);
		CHECK_INT(store_find(&b.store, b.id, &err), -ENOENT);
		bundle_close(&b);
	}
}

static void test_delete_of_a_folder_of_somebody_elses(void)
{
	struct bundle b;
	struct err err = ERR_INIT;

	bundle_open(&b, "true", "");
	CHECK(mkdir(bundle_path(&b, "run/home"), 0755) == 0);
	bundle_write(&b, "run/home/letter", "dear\n");
	CHECK_INT(control_delete(&b.store, "home", true, &err), -ENOTEMPTY);
	CHECK_STR(bundle_read(&b, "run/home/letter"), "dear\n");
	CHECK(unlink(bundle_path(&b, "run/home/letter")) == 0);
	CHECK_INT(control_delete(&b.store, "home", true, &err), 0);
	bundle_close(&b);
}

static void write_record(struct bundle *b, const char *words)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "run/%s/" RECORD_FILE, b->id);
	bundle_write(b, name, words);
}

/* A member that this hull does not know stands at the end: what is before it is still good for killing and removing. */
static void test_delete_with_the_record_of_a_newer_hull(void)
{
	struct bundle b;
	struct err err = ERR_INIT;
	char record[8192], name[128];
	uint64_t ticks = 0;
	char *end;
	pid_t pid;

	bundle_open(&b, "sleep 60", "");
	pid = bundle_start(&b, false);
	CHECK(proc_start_time(pid, &ticks) == 0);
	(void)snprintf(name, sizeof(name), "run/%s/" RECORD_FILE, b.id);
	(void)snprintf(record, sizeof(record), "%s", bundle_read(&b, name));
	end = strrchr(record, '}');
	CHECK(end != NULL);
	if (end)
		(void)snprintf(end, sizeof(record) - (size_t)(end - record), ", \"invented\": 1}");
	write_record(&b, record);
	CHECK_INT(control_kill(&b.store, b.id, SIGKILL, false, &err), -EBADMSG);
	CHECK_HAS(err.msg, "its record cannot be used");
	CHECK_HAS(err.msg, "remove it by force");
	CHECK_INT(control_delete(&b.store, b.id, false, &err), -EBADMSG);
	CHECK_INT(proc_look(pid, ticks), PROC_ALIVE);
	CHECK_INT(control_delete(&b.store, b.id, true, &err), 0);
	CHECK(proc_look(pid, ticks) != PROC_ALIVE);
	bundle_close(&b);
}

static void test_delete_with_garbage_for_a_record(void)
{
	static const char *const garbage[] = {"", "{", "[]", "{\"version\": 1}", "\x01\x02", "{\"version\": 99}"};
	struct bundle b;
	struct err err = ERR_INIT;

	bundle_open(&b, "true", "");
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		(void)close(store_claim(&b.store, b.id, &err));
		write_record(&b, garbage[i]);
		CHECK_INT(control_delete(&b.store, b.id, false, &err), -EBADMSG);
		CHECK_INT(control_delete(&b.store, b.id, true, &err), 0);
		CHECK_INT(store_find(&b.store, b.id, &err), -ENOENT);
	}
	bundle_close(&b);
}

/* Whatever it says, its processes are gone; and a pid in it is somebody else's by now. */
static void test_record_of_another_boot(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct bundle b;
	struct record record;
	struct err err = ERR_INIT;
	size_t count = 0;
	pid_t *pids;
	int folder;

	bundle_open(&b, "true", "");
	folder = store_claim(&b.store, b.id, &err);
	record = (struct record){.version = RECORD_VERSION,
				 .id = b.id,
				 .oci_version = "1.0.2",
				 .bundle = b.dir,
				 .status = RECORD_RUNNING,
				 .init.pid = getpid(),
				 .boot_id = "00000000-0000-0000-0000-000000000000"};
	CHECK(proc_start_time(getpid(), &record.init.start_ticks) == 0);
	CHECK(lifecycle_write(&record, folder, &err) == 0);
	(void)close(folder);
	CHECK_INT(bundle_status(&b), RECORD_STOPPED);
	CHECK_INT(control_kill(&b.store, b.id, SIGKILL, false, &err), -EINVAL);
	CHECK_INT(control_kill(&b.store, b.id, SIGKILL, true, &err), 0);
	CHECK_INT(control_pids(&b.store, &arena, b.id, &pids, &count, &err), -ENOENT);
	bundle_close(&b); /* and this process is still there to say so */
}

static void test_delete_by_many(void)
{
	struct bundle b;
	int status, good = 0;

	bundle_open(&b, "sleep 60", "");
	bundle_start(&b, false);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			struct err err = ERR_INIT;

			_exit(control_delete(&b.store, b.id, true, &err) == 0 ? 0 : 1);
		}
	for (int i = 0; i < 5; i++) /* and the container's first process, which is this one's child */
		good += wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	CHECK_INT(good, 4);
	bundle_close(&b);
}

/* The hook pauses what it was started for: a lock that is held meanwhile would hang both. */
static void test_poststart_hook_may_take_the_lock(void)
{
	struct bundle b;
	struct err err = ERR_INIT;
	char more[512];

	bundle_open(&b, "sleep 60", "");
	(void)snprintf(more, sizeof(more),
		       "\"hooks\": {\"poststart\": [{\"path\": \"/bin/sh\", \"timeout\": 60, \"args\": [\"sh\", \"-c\","
		       "\"flock -n %s/run/%s true && echo free > %s/out/lock; exit 1\"], \"env\": "
		       "[\"PATH=/bin:/usr/bin\"]}]},",
		       b.dir, b.id, b.dir);
	bundle_configure(&b, "sleep 60", more);
	bundle_start(&b, true);
	CHECK_INT(control_start(&b.store, b.id, &err), 0);
	CHECK_STR(bundle_read(&b, "out/lock"), "free\n");
	bundle_close(&b);
}

/* 'stop' and 'wait' of one that is just being made mean the one that it becomes. */
static void test_stop_while_it_is_made(void)
{
	struct bundle b;
	struct instance instance;
	struct err err = ERR_INIT;
	pid_t stopper;
	int status = 0;

	bundle_open(&b, "sleep 60", "");
	CHECK(bundle_make(&b, false, &instance, &err) == 0);
	/* As the record is in the middle of it. */
	instance.record.status = RECORD_CREATING;
	CHECK(lifecycle_write(&instance.record, instance.state_fd, &err) == 0);
	stopper = fork();
	if (stopper == 0) {
		struct err words = ERR_INIT;

		(void)close(instance.state_fd);
		_exit(control_stop(&b.store, b.id, SIGTERM, 0, &words) == 0 ? 0 : 1);
	}
	(void)usleep(200000);
	CHECK_INT(waitpid(stopper, &status, WNOHANG), 0);
	instance.record.status = RECORD_RUNNING;
	CHECK(lifecycle_write(&instance.record, instance.state_fd, &err) == 0);
	instance_close(&instance);
	CHECK(waitpid(stopper, &status, 0) == stopper);
	CHECK_INT(WEXITSTATUS(status), 0);
	CHECK_INT(bundle_status(&b), RECORD_STOPPED);
	bundle_close(&b);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_start_twice), TAP_CASE(test_start_by_two),
		       TAP_CASE(test_start_after_a_starter_that_died), TAP_CASE(test_kill_of_a_created_one),
		       TAP_CASE(test_pause_and_delete), TAP_CASE(test_stop), TAP_CASE(test_what_does_not_exist),
		       TAP_CASE(test_delete_without_record), TAP_CASE(test_delete_of_a_folder_of_somebody_elses),
		       TAP_CASE(test_delete_with_the_record_of_a_newer_hull),
		       TAP_CASE(test_delete_with_garbage_for_a_record), TAP_CASE(test_record_of_another_boot),
		       TAP_CASE(test_delete_by_many), TAP_CASE(test_poststart_hook_may_take_the_lock),
		       TAP_CASE(test_stop_while_it_is_made));
}
