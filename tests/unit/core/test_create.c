// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/create.h"

#include <sys/prctl.h>

#include "runtime/core/child.h"
#include "tests/unit/core/bundle_fixture.h"

static int wait_for(pid_t pid)
{
	int status = 0;

	return pid > 0 && proc_wait(pid, &status) == 0 ? proc_exit_code(status) : -1;
}

static void test_it_runs(void)
{
	struct bundle b;

	bundle_open(&b, "echo $$ > /out/pid; readlink /proc/self/ns/pid > /out/ns; exit 7", "");
	CHECK_INT(wait_for(bundle_start(&b, false)), 7);
	CHECK_STR(bundle_read(&b, "out/pid"), "1\n");
	CHECK_INT(bundle_status(&b), RECORD_STOPPED);
	bundle_close(&b);
}

/* Whatever the caller has done to its signals, its umask and its group is not the program's. */
static void test_what_the_program_does_not_inherit(void)
{
	struct bundle b;
	sigset_t blocked, before;
	mode_t mask = umask(077);
	pid_t pid;

	(void)sigfillset(&blocked);
	(void)sigprocmask(SIG_SETMASK, &blocked, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	bundle_open(&b,
		    "grep -E 'SigBlk|SigIgn' /proc/self/status > /out/signals; umask > /out/umask;"
		    "set -- $(cat /proc/self/stat); echo $5 $6 > /out/groups",
		    "");
	CHECK(chmod(bundle_path(&b, "rootfs"), 0755) == 0);
	pid = bundle_start(&b, false);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)umask(mask);
	CHECK_INT(wait_for(pid), 0);
	CHECK_STR(bundle_read(&b, "out/signals"), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	CHECK_STR(bundle_read(&b, "out/umask"), "0022\n");
	CHECK_STR(bundle_read(&b, "out/groups"), "1 1\n"); /* leads its own group and session */
	bundle_close(&b);
}

/* Whether a process runs that program by now. */
static bool is_running(pid_t pid, const char *program)
{
	char path[32], comm[32] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(comm, sizeof(comm), file))
		*comm = '\0';
	(void)fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
	return strcmp(comm, program) == 0;
}

static void test_descriptors(void)
{
	struct bundle b;
	struct dirent *entry;
	char name[32];
	int leak = open("/", O_RDONLY | O_DIRECTORY); /* without CLOEXEC */
	DIR *folder;
	pid_t pid;

	bundle_open(&b, "exec sleep 60", "");
	pid = bundle_start(&b, false);
	EVENTUALLY(is_running(pid, "sleep"));
	(void)snprintf(name, sizeof(name), "/proc/%d/fd", pid);
	folder = opendir(name);
	CHECK(folder != NULL);
	while (folder && (entry = readdir(folder)))
		CHECK(entry->d_name[0] == '.' || atoi(entry->d_name) <= 2);
	(void)closedir(folder);
	(void)close(leak);
	bundle_close(&b);
}

/* A shim waits for the end of its pipe: a process that waits for 'start' must not hold it. */
static void test_a_waiting_process_holds_nothing_of_its_callers(void)
{
	struct bundle b;
	int ends[2];
	struct pollfd end;

	CHECK(pipe(ends) == 0);
	bundle_open(&b, "true", "");
	bundle_start(&b, true);
	(void)close(ends[1]);
	end = (struct pollfd){.fd = ends[0]};
	CHECK_INT(poll(&end, 1, 30000), 1);
	CHECK(end.revents & POLLHUP);
	(void)close(ends[0]);
	CHECK_INT(bundle_status(&b), RECORD_CREATED);
	bundle_close(&b);
}

/* The creator ends as soon as all is written: its child must not end with it. */
static void test_a_creator_that_ends_at_once(void)
{
	for (int i = 0; i < 10; i++) {
		struct bundle b;
		int status = 0;
		pid_t creator;

		bundle_open(&b, "true", "");
		(void)fflush(stdout);
		creator = fork();
		if (creator == 0) {
			struct instance instance;
			struct err err = ERR_INIT;

			_exit(bundle_make(&b, true, &instance, &err) < 0);
		}
		CHECK(waitpid(creator, &status, 0) == creator && status == 0);
		(void)usleep(20000);
		CHECK_INT(bundle_status(&b), RECORD_CREATED);
		bundle_close(&b);
	}
}

static void fails_and_leaves_nothing(const char *script, const char *more, const char *words, int exit_code)
{
	struct bundle b;
	struct instance instance;
	struct err err = ERR_INIT;
	char config[4096];

	bundle_open(&b, script, more);
	if (!script[0]) { /* a program that is not there */
		(void)snprintf(config, sizeof(config), "%s", bundle_read(&b, "config.json"));
		memcpy(strstr(config, "/bin/sh"), "/bin/no", 7);
		bundle_write(&b, "config.json", config);
	}
	CHECK(bundle_make(&b, false, &instance, &err) < 0);
	CHECK_HAS(err.msg, words);
	CHECK_INT(err.exit_code, exit_code);
	CHECK(!bundle_has_cgroup(&b));
	CHECK_INT(store_find(&b.store, b.id, &err), -ENOENT);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	bundle_close(&b);
}

static void test_failures(void)
{
	fails_and_leaves_nothing("", "", "exec: \"/bin/no\": no such file or directory", 127);
	fails_and_leaves_nothing("true",
				 "\"domainname\": \"123456789012345678901234567890123456789012345678901234567890"
				 "12345678901234567890\",",
				 "domain", 0);
}

/* Where each kind runs, in which order, and what it is told. */
static void test_hooks(void)
{
	struct bundle b;
	char more[4096];
	static const char *const kinds[] = {"prestart",	      "createRuntime", "createContainer",
					    "startContainer", "poststart",     "poststop"};
	struct err err = ERR_INIT;
	size_t len;

	bundle_open(&b, "echo program >> /out/order", "");
	len = (size_t)snprintf(more, sizeof(more), "\"hooks\": {");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		len += (size_t)snprintf(more + len, sizeof(more) - len,
					"%s\"%s\": [{\"path\": \"/bin/%s\", \"args\": [\"sh\", \"-c\","
					"\"echo %s >> %s/order; cat > %s/%s\"], \"env\": [\"PATH=/bin:/usr/bin\"]}]",
					i ? ", " : "", kinds[i], "sh", kinds[i],
					i == 3 ? "/out" : bundle_path(&b, "out"),
					i == 3 ? "/out" : bundle_path(&b, "out"), kinds[i]);
	(void)snprintf(more + len, sizeof(more) - len, "},");
	bundle_configure(&b, "echo program >> /out/order; sleep 60", more);
	bundle_start(&b, true);
	CHECK_STR(bundle_read(&b, "out/order"), "prestart\ncreateRuntime\ncreateContainer\n");
	CHECK_HAS(bundle_read(&b, "out/createRuntime"), "\"status\":\"creating\"");
	CHECK_HAS(bundle_read(&b, "out/createRuntime"), "\"pid\":");
	CHECK_HAS(bundle_read(&b, "out/createContainer"), "\"pid\":1,");
	CHECK(control_start(&b.store, b.id, &err) == 0);
	CHECK_HAS(bundle_read(&b, "out/startContainer"), "\"status\":\"created\",\"pid\":1,");
	CHECK_HAS(bundle_read(&b, "out/poststart"), "\"status\":\"running\"");
	EVENTUALLY(strstr(bundle_read(&b, "out/order"), "program") != NULL);
	CHECK(control_delete(&b.store, b.id, true, &err) == 0);
	CHECK_HAS(bundle_read(&b, "out/poststop"), "\"status\":\"stopped\"");
	CHECK_HAS(bundle_read(&b, "out/order"), "createContainer\nstartContainer\n");
	bundle_close(&b);
}

/* A hook that fails stops the creation, which is taken back, and then the poststop hooks run: once. */
static void test_a_failing_hook(void)
{
	static const char *const kinds[] = {"prestart", "createRuntime", "createContainer", "startContainer"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bundle b;
		struct instance instance;
		struct err err = ERR_INIT;
		char more[1024], words[128];

		bundle_open(&b, "echo ran > /out/ran", "");
		(void)snprintf(more, sizeof(more),
			       "\"hooks\": {\"%s\": [{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\", \"exit 9\"]}],"
			       "\"poststop\": [{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\","
			       "\"[ -d %s/run/%s ] || echo after >> %s/out/poststop\"]}]},",
			       kinds[i], b.dir, b.id, b.dir);
		bundle_configure(&b, "echo ran > /out/ran", more);
		CHECK(bundle_make(&b, false, &instance, &err) < 0);
		(void)snprintf(words, sizeof(words), "%s hook: hook '/bin/sh' ended with exit code 9", kinds[i]);
		CHECK_HAS(err.msg, words);
		CHECK(!bundle_has(&b, "out/ran"));
		CHECK_STR(bundle_read(&b, "out/poststop"), "after\n");
		CHECK(!bundle_has_cgroup(&b));
		CHECK_INT(store_find(&b.store, b.id, &err), -ENOENT);
		bundle_close(&b);
	}
}

static bool is_being_created(const struct bundle *b)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err ignored = ERR_INIT;
	struct control_view view;

	return control_look(&b->store, &arena, b->id, false, &view, &ignored) >= 0 &&
	       view.now.status == RECORD_CREATING;
}

/* The creator is killed at any moment: whatever there is by then, 'delete' takes it back, and no process is left. */
static void test_a_creator_that_is_killed(void)
{
	int interrupted = 0;

	/* What the creator leaves becomes this process's child. */
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	/* A busy machine is later: until one was in the middle of it. */
	for (unsigned wait_us = 0; wait_us < (interrupted > 0 ? 60000 : 600000); wait_us += 1500) {
		struct bundle b;
		struct err err = ERR_INIT;
		pid_t creator;

		bundle_open(&b, "sleep 1003", "");
		(void)fflush(stdout);
		creator = fork();
		if (creator == 0) {
			struct instance instance;

			_exit(bundle_make(&b, true, &instance, &err) < 0);
		}
		(void)usleep(wait_us);
		(void)kill(creator, SIGKILL);
		(void)waitpid(creator, NULL, 0);
		interrupted += is_being_created(&b);
		CHECK_INT(control_delete(&b.store, b.id, true, &err), 0);
		file_sweep_claims(b.store.fd);
		EVENTUALLY(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
		bundle_close(&b);
	}
	CHECK(interrupted > 0); /* else this has tested nothing */
}

static void test_an_id_that_is_taken(void)
{
	struct bundle b;
	struct instance instance;
	struct err err = ERR_INIT;

	bundle_open(&b, "sleep 60", "");
	bundle_start(&b, false);
	CHECK_INT(bundle_make(&b, false, &instance, &err), -EEXIST);
	CHECK_HAS(err.msg, "already exists");
	CHECK_INT(bundle_status(&b), RECORD_RUNNING);
	bundle_close(&b);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_it_runs), TAP_CASE(test_what_the_program_does_not_inherit),
		       TAP_CASE(test_descriptors), TAP_CASE(test_a_waiting_process_holds_nothing_of_its_callers),
		       TAP_CASE(test_a_creator_that_ends_at_once), TAP_CASE(test_failures), TAP_CASE(test_hooks),
		       TAP_CASE(test_a_failing_hook), TAP_CASE(test_a_creator_that_is_killed),
		       TAP_CASE(test_an_id_that_is_taken));
}
