/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scopes and slices over D-Bus, then the tree's own driver.
 *
 * systemd wants to be the only one that makes cgroups in its tree. It gives a scope, a unit around processes that it
 * has not started itself, and with Delegate=yes leaves everything in it to hull. A scope begins with a process and ends
 * with its last one: so the program that asks for it is its first process, and waits there until the container's has
 * come.
 *
 * What speaks D-Bus is a program of its own (cgroups/systemd/hull_systemd.c).
 */
#include "cgroups/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "cgroups/driver.h"
#include "cgroups/systemd_unit.h"
#include "cgroups/v2.h"
#include "runtime/base/file.h"
#include "runtime/base/helper.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"

#define HELPER		 "hull-systemd"
#define MAX_ANSWER_BYTES 4096

extern char **environ;

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void read_line(int fd, char to[static MAX_ANSWER_BYTES])
{
	size_t len = 0;

	while (len < MAX_ANSWER_BYTES - 1) {
		ssize_t got = read(fd, to + len, MAX_ANSWER_BYTES - 1 - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
		if (memchr(to, '\n', len))
			break;
	}
	to[len] = '\0';
	to[strcspn(to, "\n")] = '\0';
}

static void end_helper(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	(void)proc_wait(pid, &status);
}

/* Runs the helper and takes its line. With `ret_stays` it goes on, if it has said ok: the caller ends it. */
static int ask(char *const *argv, char answer[static MAX_ANSWER_BYTES], pid_t *ret_stays, struct err *err)
{
	CLEANUP_FD int in = -1;
	pid_t pid = helper_fork(STDOUT_FILENO, true, &in, err);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		(void)execve(argv[0], argv, environ);
		_exit(HELPER_FAILED);
	}
	read_line(in, answer);
	if (ret_stays && text_starts(answer, "ok ")) {
		*ret_stays = pid;
		return 0;
	}
	end_helper(pid);
	if (text_starts(answer, "ok"))
		return 0;
	if (text_starts(answer, "failed "))
		return err_say(err, EIO, "systemd: %s", answer + strlen("failed "));
	return err_say(err, EIO, "systemd: %s ended without words", HELPER);
}

/* --- which systemd, which unit ------------------------------------------------------------------------------------ */

/* Another user's than root, and root of a user namespace, ask the systemd of that user. */
static bool is_users(void)
{
	char map[128];

	if (geteuid() != 0)
		return true;
	return file_read_line(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) > 0 && !strstr(map, "4294967295");
}

/* The manager of a cgroup is told by its place: a user's is below that user's own service. */
static bool is_users_place(const char *place)
{
	return strstr(place, "/user@") != NULL;
}

static const char *unit_of(const struct cg *cg)
{
	const char *slash = strrchr(cg->place, '/');

	return slash ? slash + 1 : cg->place;
}

static int begin_words(struct arena *arena, bool user, const char *verb, const char *unit, struct strv *words,
		       struct err *err)
{
	char program[INSTALLED_PATH_BYTES];

	if (installed_program(HELPER, program, err) < 0)
		return -err->code;
	if (strv_add(arena, words, program) < 0 || strv_add(arena, words, user ? "user" : "system") < 0 ||
	    strv_add(arena, words, verb) < 0 || strv_add(arena, words, unit) < 0)
		return arena_check(arena, err);
	return 0;
}

bool cg_systemd_is_built(void)
{
	char program[INSTALLED_PATH_BYTES];
	struct err ignored = ERR_INIT;

	return installed_program(HELPER, program, &ignored) == 0;
}

/* --- the driver --------------------------------------------------------------------------------------------------- */

/* Where it will be: systemd says where it is only when it is there. */
const char *cg_systemd_place(struct arena *arena, const char *path, struct err *err)
{
	struct cg_unit unit;
	const char *place;

	if (*path == '/')
		return path;
	if (cg_unit_parse(arena, path, is_users(), &unit, err) < 0)
		return NULL;
	place = cg_unit_place(arena, &unit);
	if (place && is_users())
		place = arena_printf(arena, "/user.slice/user-%u.slice/user@%u.service%s", geteuid(), geteuid(), place);
	if (!place)
		(void)arena_check(arena, err);
	return place;
}

int cg_systemd_property(struct arena *arena, const char *name, const char *value, struct strv *to, struct err *err)
{
	return cg_unit_take_property(arena, name, value, to, err);
}

static int check(const struct cg_request *request, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_request below = *request;

	if (!cg_systemd_is_built())
		return err_say(err, ENOTSUP,
			       "the systemd cgroup driver needs the program %s, which this build lacks: use the "
			       "cgroupfs driver",
			       HELPER);
	below.path = cg_systemd_place(&arena, request->path, err);
	if (!below.path)
		return -err->code;
	if (access("/run/systemd/system", F_OK) < 0)
		return err_say(err, ENOTSUP, "systemd does not run here: use the cgroupfs driver, or disable cgroups");
	return cg_driver_cgroupfs.check(&below, err);
}

static int locate(struct cg *cg, const char *path, struct err *err)
{
	const char *place = cg_systemd_place(&cg->arena, path, err);

	return place ? cg_driver_cgroupfs.locate(cg, place, err) : -err->code;
}

/*
 * systemd has made some already, with their parents; what it does not know of is hull's to make. Nor does it know every
 * controller: it hands down those that it has properties for, and leaves others (hugetlb, rdma) as they are.
 */
static int make(const struct cg *cg, const struct cg_folder *folder, uint32_t needed, struct err *err)
{
	CLEANUP_FD int fd = cg_folder_open(folder->path);

	if (fd == -ENOENT)
		return cg_driver_cgroupfs.make(cg, folder, needed, err);
	if (fd < 0)
		return err_set(err, -fd, "open cgroup '%s'", folder->path);
	if (folder->tree->v2 && cg_v2_hand_down(folder, needed & folder->tree->controllers, err) < 0)
		return -err->code;
	return fd_take(&fd);
}

/* The figures are wanted without limits too. What has ended leaves nothing behind in systemd, even when it failed. */
static const char *const always[] = {
	"Delegate=b:true",
	"DefaultDependencies=b:false",
	"CPUAccounting=b:true",
	"MemoryAccounting=b:true",
	"IOAccounting=b:true",
	"TasksAccounting=b:true",
	"CollectMode=s:inactive-or-failed",
};

static int list_properties(struct arena *arena, const struct cg_request *request, const struct cg_unit *unit,
			   struct strv *words, struct err *err)
{
	const struct cg_layout *layout;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (strv_add(arena, words, always[i]) < 0)
			return arena_check(arena, err);
	if (strv_add(arena, words, arena_printf(arena, "Slice=s:%s", unit->slice)) < 0 ||
	    strv_add(arena, words, arena_printf(arena, "Description=s:hull container %s", unit->name)) < 0)
		return arena_check(arena, err);
	if (cg_layout_get(&layout, err) < 0 || cg_unit_properties(arena, request->limits, layout, words, err) < 0 ||
	    cg_unit_first_properties(arena, request->limits, words, err) < 0)
		return -err->code;
	for (char *const *property = request->properties; property && *property; property++)
		if (strv_add(arena, words, *property) < 0)
			return arena_check(arena, err);
	return 0;
}

static int begin(struct cg *cg, const struct cg_request *request, const char **ret_path, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv words = {0};
	struct cg_unit unit;
	char answer[MAX_ANSWER_BYTES];

	if (cg_unit_parse(&arena, request->path, is_users(), &unit, err) < 0 ||
	    begin_words(&arena, is_users(), "start", unit.name, &words, err) < 0 ||
	    list_properties(&arena, request, &unit, &words, err) < 0 || arena_check(&arena, err) < 0 ||
	    ask(words.items, answer, &cg->holder, err) < 0)
		return -err->code;
	*ret_path = arena_strdup(&cg->arena, answer + strlen("ok "));
	return arena_check(&cg->arena, err);
}

static int tell(const struct cg *cg, const char *verb, const struct strv *more, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv words = {0};
	char answer[MAX_ANSWER_BYTES];

	if (begin_words(&arena, is_users_place(cg->place), verb, unit_of(cg), &words, err) < 0)
		return -err->code;
	if (more && strv_add_list(&arena, &words, more) < 0)
		return arena_check(&arena, err);
	return ask(words.items, answer, NULL, err);
}

static int update(const struct cg *cg, const struct cg_limits *limits, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv properties = {0};

	if (cg_unit_properties(&arena, limits, cg->layout, &properties, err) < 0)
		return -err->code;
	return properties.count ? tell(cg, "set", &properties, err) : 0;
}

static int join(const struct cg *cg, pid_t pid, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv number = {0};

	if (strv_add(&arena, &number, arena_printf(&arena, "%d", (int)pid)) < 0)
		return arena_check(&arena, err);
	return tell(cg, "attach", &number, err);
}

/* systemd notices by itself that the scope is empty. But until it has done so, the name is taken. */
static void end(const struct cg *cg)
{
	struct err ignored = ERR_INIT;

	(void)tell(cg, "stop", NULL, &ignored);
}

const struct cg_driver cg_driver_systemd = {
	.name = "systemd",
	.check = check,
	.locate = locate,
	.make = make,
	.begin = begin,
	.update = update,
	.join = join,
	.end = end,
};
