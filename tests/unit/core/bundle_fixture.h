/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain OCI bundle with busybox, a state directory, and what the tests of making, running and removing do with them.
 */
#ifndef HULL_TESTS_UNIT_CORE_BUNDLE_FIXTURE_H
#define HULL_TESTS_UNIT_CORE_BUNDLE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"
#include "runtime/core/create.h"
#include "runtime/spec/config.h"
#include "runtime/spec/plan.h"
#include "tests/unit/tap.h"

/* What the container sees as /out, for what scripts have to say. */
struct bundle {
	char dir[64], id[32];
	struct store store;
	struct arena arena;
};

static inline const char *bundle_path(const struct bundle *b, const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, PATH_MAX, "%s/%s", b->dir, name);
	return path;
}

static inline void bundle_write(const struct bundle *b, const char *name, const char *words)
{
	FILE *file = fopen(bundle_path(b, name), "we");

	if (!file || fputs(words, file) < 0 || fclose(file) != 0)
		tap_fail(__FILE__, __LINE__, name);
}

/* Contents of a file, "" when there is none. Static. */
static inline const char *bundle_read(const struct bundle *b, const char *name)
{
	static char words[8192];
	int fd = open(bundle_path(b, name), O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, words, sizeof(words) - 1);

	words[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return words;
}

static inline bool bundle_has(const struct bundle *b, const char *name)
{
	return access(bundle_path(b, name), F_OK) == 0;
}

/* Waits for what somebody else is doing; half a minute at most. */
#define EVENTUALLY(condition)                           \
	do {                                            \
		int tap_turns = 3000;                   \
		while (!(condition) && tap_turns-- > 0) \
			(void)usleep(10000);            \
		CHECK(condition);                       \
	} while (0)

/* `more` is put into config.json as it is: `"hooks": {…},`. */
static inline void bundle_configure(const struct bundle *b, const char *script, const char *more)
{
	char config[8192];

	(void)snprintf(config, sizeof(config),
		       "{\"ociVersion\": \"1.0.2\", %s \"root\": {\"path\": \"rootfs\"}, \"hostname\": \"inside\","
		       "\"process\": {\"user\": {\"uid\": 0, \"gid\": 0}, \"cwd\": \"/\", \"env\": [\"PATH=/bin\"],"
		       "\"args\": [\"/bin/sh\", \"-c\", \"%s\"]},"
		       "\"mounts\": [{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},"
		       "{\"destination\": \"/out\", \"type\": \"bind\", \"source\": \"%s/out\", \"options\": "
		       "[\"rbind\"]}],"
		       "\"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"mount\"}, {\"type\": \"ipc\"},"
		       "{\"type\": \"uts\"}, {\"type\": \"network\"}, {\"type\": \"cgroup\"}]}}",
		       more, script, b->dir);
	bundle_write(b, "config.json", config);
}

static inline void bundle_open(struct bundle *b, const char *script, const char *more)
{
	static const char *const folders[] = {"rootfs", "rootfs/bin", "rootfs/proc", "rootfs/dev", "out"};
	static unsigned number;
	char command[256];
	struct err err = ERR_INIT;

	*b = (struct bundle){.arena = ARENA_INIT, .store = {.fd = -1}};
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/hull-bundle-XXXXXX");
	(void)snprintf(b->id, sizeof(b->id), "unit-%d-%u", getpid(), number++);
	CHECK(mkdtemp(b->dir) != NULL);
	CHECK(chmod(b->dir, 0755) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		CHECK(mkdir(bundle_path(b, folders[i]), 0777) == 0);
	(void)snprintf(command, sizeof(command),
		       "cp /bin/busybox %s/rootfs/bin/ && for a in sh sleep cat kill ls echo readlink grep; do "
		       "ln -s busybox %s/rootfs/bin/$a; done",
		       b->dir, b->dir);
	CHECK(system(command) == 0);
	bundle_configure(b, script, more);
	if (store_open(bundle_path(b, "run"), false, &b->store, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	b->store.path = arena_strdup(&b->arena, b->store.path);
}

static inline int bundle_plan(struct bundle *b, const char *id, struct plan *plan, struct err *err)
{
	CLEANUP_FD int fd = file_open_dir(AT_FDCWD, b->dir, err);
	const struct config *config;
	struct plan_host host;
	int result = fd < 0 ? fd : config_read(&b->arena, fd, "config.json", &config, NULL, err);

	if (result < 0)
		return result;
	plan_host_probe(&host);
	host.id = id;
	host.bundle = b->dir;
	return plan_make(&b->arena, config, NULL, &host, plan, err);
}

static inline int bundle_make(struct bundle *b, bool wait_for_start, struct instance *ret, struct err *err)
{
	struct plan *plan = arena_alloc(&b->arena, sizeof(*plan));
	struct create_request request = {
		.store = &b->store,
		.plan = plan,
		.stdio = {-1, -1, 2},
		.wait_for_start = wait_for_start,
	};
	int result = bundle_plan(b, b->id, plan, err);

	(void)fflush(stdout);
	instance_init(ret, &b->arena, &b->store);
	return result < 0 ? result : create_instance(&request, &b->arena, ret, err);
}

/*
 * Makes it and gives its lock up, as a command does that ends. The pid of the first process, this one's child; 0: a
 * CHECK has failed.
 */
static inline pid_t bundle_start(struct bundle *b, bool wait_for_start)
{
	struct instance instance;
	struct err err = ERR_INIT;
	int result = bundle_make(b, wait_for_start, &instance, &err);
	pid_t pid = instance.init;

	instance_close(&instance);
	if (result >= 0)
		return pid;
	tap_fail(__FILE__, __LINE__, err.msg);
	return 0;
}

/* Whether any tree of cgroups has one of this name. */
static inline bool bundle_has_cgroup(const struct bundle *b)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "find /sys/fs/cgroup -maxdepth 4 -type d -name '%s' | grep -q .",
		       b->id);
	return system(command) == 0;
}

static inline enum record_status bundle_status(struct bundle *b)
{
	struct control_view view;
	struct err err = ERR_INIT;

	if (control_look(&b->store, &b->arena, b->id, true, &view, &err) >= 0)
		return view.now.status;
	tap_fail(__FILE__, __LINE__, err.msg);
	return RECORD_CREATING;
}

/* Removes all, and fails where anything is left. */
static inline void bundle_close(struct bundle *b)
{
	struct strv ids = {0};
	struct err err = ERR_INIT;

	if (control_delete(&b->store, b->id, true, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	CHECK(store_list(&b->store, &b->arena, &ids, &err) == 0);
	CHECK_INT(ids.count, 0);
	CHECK(!bundle_has_cgroup(b));
	store_close(&b->store);
	arena_free(&b->arena);
	if (file_remove_tree(AT_FDCWD, b->dir, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
}

#endif
