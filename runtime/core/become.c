// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The last stages between clone and exec, which a container's first process and those of `exec` share: terminal, user,
 * rights, program.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/keyring.h"
#include "namespaces/lsm.h"
#include "namespaces/tty.h"
#include "namespaces/user.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/core/child.h"
#include "runtime/core/fault.h"
#include "runtime/core/program.h"

/* What the stages hand on to one another. */
struct becoming {
	const struct child_program *program;
	const struct plan_process *process;
	int rootfd, procfd;
	int sync_fd, start_fd; /* what is still to be said and waited for; start_fd may be -1 */
	bool console;
	struct user user;
	struct tty_pair terminal;
	struct strv env;
	struct arena *arena;
	char path[PROGRAM_PATH_BYTES];
};

/* Who runs it: numbers from config.json, or words that mean something only in this root's passwd and group. */
static int find_user(struct becoming *b, struct err *err)
{
	const struct plan_process *process = b->process;

	if (process->user_words) {
		int result = user_resolve(b->rootfd, process->user_words, &b->user, err);

		if (result < 0)
			return result;
		/*
		 * The primary group as well: or a program could shed it, and with it what is denied to that group
		 * (CVE-2022-36109).
		 */
		if (b->user.group_count < USER_MAX_GROUPS)
			b->user.groups[b->user.group_count++] = b->user.gid;
	} else {
		b->user.uid = process->uid;
		b->user.gid = process->gid;
	}
	if (b->user.group_count + process->groups.count > USER_MAX_GROUPS)
		return err_say(err, E2BIG, "%zu groups are wanted for the user: at most %d are possible",
			       b->user.group_count + process->groups.count, USER_MAX_GROUPS);
	for (size_t i = 0; i < process->groups.count; i++)
		b->user.groups[b->user.group_count++] = process->groups.items[i];
	for (size_t i = 0; i < process->group_words.count; i++) {
		int result = user_add_group(b->rootfd, process->group_words.items[i], &b->user, err);

		if (result < 0)
			return result;
	}
	return 0;
}

/* HOME as login programs set it, unless somebody has said otherwise. */
static int make_environment(struct becoming *b, struct err *err)
{
	struct user known;
	struct err ignored = ERR_INIT;
	char words[2 * 11], home[sizeof(known.home) + sizeof("HOME=")];

	if (strv_add_list(b->arena, &b->env, &b->process->env) < 0)
		return arena_check(b->arena, err);
	if (strv_env_get(&b->env, "HOME"))
		return 0;
	if (!b->process->user_words) {
		/* With a group, or its memberships would be looked up, too. */
		(void)snprintf(words, sizeof(words), "%u:%u", b->user.uid, b->user.gid);
		if (user_resolve(b->rootfd, words, &known, &ignored) < 0)
			text_copy(known.home, sizeof(known.home), "/");
	} else {
		known = b->user;
	}
	(void)snprintf(home, sizeof(home), "HOME=%s", known.home);
	return strv_add(b->arena, &b->env, home) < 0 ? arena_check(b->arena, err) : 0;
}

static int join_keyring(struct becoming *b, struct err *err)
{
	return b->program->keyring ? keyring_join(b->program->keyring, err) : 0;
}

static int open_terminal(struct becoming *b, struct err *err)
{
	struct tty_request request = {
		.uid = b->user.uid,
		.size = {.rows = b->process->rows, .columns = b->process->columns},
		.console = b->console && !b->program->given, /* which has no place for it, and no use */
	};

	if (!b->process->terminal)
		return 0;
	if (b->program->terminal) {
		b->terminal = *b->program->terminal;
		return tty_reopen_slave(b->rootfd, &b->terminal, err);
	}
	return tty_open_in_container(b->rootfd, &request, &b->terminal, err);
}

int child_open_terminal(const struct child_program *program, int rootfd, struct tty_pair *ret, struct err *err)
{
	struct becoming b = {
		.program = program,
		.process = program->process,
		.rootfd = rootfd,
		.console = true,
	};
	int result = find_user(&b, err);

	if (result >= 0)
		result = open_terminal(&b, err);
	*ret = b.terminal;
	return result;
}

/*
 * A program that opens /dev/stdout again needs to own what is behind it. Pipes only: a file or device of the caller's
 * keeps its owner. One that came from outside of the user namespace can't be given away, and need not be.
 */
static void own_stream(int number, uid_t uid)
{
	struct stat stream;

	if (fstat(number, &stream) == 0 && S_ISFIFO(stream.st_mode) && stream.st_uid != uid)
		(void)!fchown(number, uid, (gid_t)-1);
}

/*
 * CLOEXEC is not enough. The kernel looks names up before it closes anything: through a folder of the host's that is
 * still open here, an image's program "/proc/self/fd/N/…" would be a file of the host's, run and then overwritten by
 * way of /proc/self/exe (CVE-2024-21626).
 */
static int close_others(const struct becoming *b, struct err *err)
{
	const struct given *given = b->program->given;
	const int own[] = {b->sync_fd,	       b->start_fd,	  b->program->init_fd,
			   b->terminal.master, b->terminal.slave, b->procfd};
	int kept[ARRAY_SIZE(own) + GIVEN_MAX + 1];
	unsigned lowest = 3 + b->program->preserve_fds;
	size_t count = ARRAY_SIZE(own);
	int result;

	memcpy(kept, own, sizeof(own));
	if (given) {
		kept[count++] = given->program_fd;
		memcpy(kept + count, given->fds, given->count * sizeof(*kept));
		count += given->count;
	}
	result = fd_close_except(lowest, kept, count, err);

	return result < 0 ? result : fd_cloexec_from(lowest, err);
}

/*
 * Should:   leave the program 0, 1, 2 and what was asked to be preserved.
 * Must not: leave any folder open that is not the container's, for the names that are looked up from here on. The
 *           root's descriptor is gone, too.
 */
static int place_descriptors(struct becoming *b, struct err *err)
{
	if (b->process->terminal) {
		int result = tty_make_controlling(b->terminal.slave, err);

		if (result < 0)
			return result;
	} else {
		for (int number = 0; number < 3; number++) {
			int fd = b->program->stdio[number];
			int result = fd == number ? fd_set_cloexec(fd, false) : fd >= 0 ? fd_place(fd, number) : 0;

			if (result < 0)
				return err_set(err, -result, "place descriptor %d", number);
			own_stream(number, b->user.uid);
		}
	}
	return close_others(b, err);
}

/* Groups, group, user: in this order, since each needs a right that the next one takes away. */
static int change_user(const struct becoming *b, struct err *err)
{
	gid_t groups[USER_MAX_GROUPS];

	for (size_t i = 0; i < b->user.group_count; i++)
		groups[i] = b->user.groups[i];
	if (setgroups(b->user.group_count, groups) < 0 && (errno != EPERM || b->user.group_count > 0))
		return err_set(err, errno, "set supplementary groups");
	if (setresgid(b->user.gid, b->user.gid, b->user.gid) < 0)
		return err_set(err, errno, "become group %u: is it in the map of group ids?", b->user.gid);
	if (setresuid(b->user.uid, b->user.uid, b->user.uid) < 0)
		return err_set(err, errno, "become user %u: is it in the map of user ids?", b->user.uid);
	return 0;
}

static int load_filter(const struct becoming *b, int *ret_listener, struct err *err)
{
	int result;

	if (!b->program->filter)
		return 0;
	result = confine_load(b->program->filter, seccomp_load_flags(b->process->seccomp), err);
	if (result > 0)
		*ret_listener = result;
	return result < 0 ? result : 0;
}

/*
 * Held before: everything in the user namespace. Held after: exactly what the plan says. The order is caps.h's:
 * bounding set, groups, user, the other sets. The filter comes last of all when no_new_privs lets it; else here first,
 * while CAP_SYS_ADMIN is still there to load it.
 */
static int give_up_rights(const struct becoming *b, int *ret_listener, struct err *err)
{
	struct lsm_request labels = {.apparmor_profile = b->process->apparmor_profile,
				     .selinux_label = b->process->selinux_label};
	int result = lsm_apply(&labels, b->procfd, err);

	if (b->procfd >= 0)
		(void)close(b->procfd);
	if (result >= 0 && !b->process->no_new_privs)
		result = load_filter(b, ret_listener, err);
	if (result >= 0)
		result = b->program->is_bounded ? 0 : caps_bound(&b->process->caps, err);
	if (result >= 0)
		result = caps_keep_over_user(err);
	if (result >= 0)
		result = change_user(b, err);
	if (result >= 0)
		result = caps_after_user(&b->process->caps, err);
	if (result >= 0 && b->process->no_new_privs)
		result = confine_no_new_privs(err);
	return result;
}

/*
 * With the user's own rights, so that a folder which is closed to it stays closed. A descriptor of the host's that had
 * slipped in would show here: the kernel says "(unreachable)" of a folder outside the root, and getcwd(3) fails
 * (CVE-2024-21626).
 */
static int enter_working_directory(const struct becoming *b, struct err *err)
{
	char now[PROGRAM_PATH_BYTES];

	if (chdir(b->process->cwd) < 0)
		return err_set(err, errno, "enter the working directory '%s'", b->process->cwd);
	if (!getcwd(now, sizeof(now)) || now[0] != '/')
		return err_say(err, EXDEV, "the working directory '%s' is outside of the container", b->process->cwd);
	return 0;
}

static int find_program(struct becoming *b, struct err *err)
{
	if (b->program->given)
		return 0;
	return program_find(b->process->args.items[0], &b->env, b->path, err);
}

static const struct {
	const char *name;
	int (*run)(struct becoming *b, struct err *err);
} preparations[] = {
	{"user", find_user},	     {"environment", make_environment},	 {"keyring", join_keyring},
	{"terminal", open_terminal}, {"descriptors", place_descriptors},
};

/* Late: a tight limit on files or memory would hit the setting up. */
static int set_limits(const struct becoming *b, struct err *err)
{
	return b->program->goes_by_itself ? limits_apply_outside(&b->process->limits, 0, err) : 0;
}

static int say_ready(const struct becoming *b, struct sync *sync, struct err *err)
{
	int result;

	if (b->program->goes_by_itself)
		return 0;
	if (!b->process->terminal)
		return sync_send(sync, CHILD_READY, err);
	result = sync_send_data(sync, CHILD_READY, &b->terminal.number, sizeof(b->terminal.number), &b->terminal.master,
				1, err);
	(void)close(b->terminal.master);
	(void)close(b->terminal.slave);
	return result;
}

/*
 * The program outlives its creator, and its keeper. Must not: happen after READY: the creator may end as soon as it has
 * heard that. From here on the end of the stream ends this process.
 */
static int outlive_parent(struct err *err)
{
	return prctl(PR_SET_PDEATHSIG, 0) < 0 ? err_set(err, errno, "outlive the parent process") : 0;
}

/*
 * Waits until somebody says GO. After `create` that is whoever connects to the start socket, and the outcome is told
 * there.
 */
static int wait_for_go(struct sync *sync, int start_fd, struct err *err)
{
	int result = sync_wait(sync, start_fd < 0 ? CHILD_GO : CHILD_CREATED, err);

	if (result < 0 || start_fd < 0)
		return result;
	for (;;) {
		sync_close(sync);
		result = sync_accept(start_fd, sync, child_stage_names, CHILD_STAGE_COUNT, err);
		if (result >= 0)
			result = sync_wait(sync, CHILD_GO, err);
		/* Whoever knocked and went away (killed, say) has said nothing: the next one may. */
		if (result != -ECONNRESET) {
			(void)close(start_fd);
			return result;
		}
	}
}

/*
 * GIVEN_FIRST_FD is none of those that are still needed: all of them have greater numbers (given_add()), and the way to
 * the parent is moved.
 */
static int hand_over(const struct given *given, struct sync *sync, struct err *err)
{
	int result = 0;

	if (sync->fd == GIVEN_FIRST_FD) {
		result = fd_dup(sync->fd, GIVEN_FIRST_FD + 1);
		if (result >= 0)
			sync->fd = result;
	}
	for (size_t i = 1; i < given->count && result >= 0; i++)
		result = fd_set_cloexec(given->fds[i], false);
	if (result >= 0 && given->count > 0)
		result = fd_place(given->fds[0], GIVEN_FIRST_FD);
	return result < 0 ? err_set(err, -result, "hand descriptors on") : 0;
}

/* The program itself, or hull-init with the program behind it. Returns only on failure. */
static int execute_program(const struct becoming *b, struct err *err)
{
	const struct strv *args = &b->process->args;
	struct strv with_init = {0};

	if (b->program->given) {
		(void)execveat(b->program->given->program_fd, "", args->items, b->env.items, AT_EMPTY_PATH);
		return program_exec_failed(args->items[0], errno, err);
	}
	if (b->program->init_fd < 0) {
		(void)execve(b->path, args->items, b->env.items);
		return program_exec_failed(b->path, errno, err);
	}
	if (strv_add(b->arena, &with_init, "hull-init") < 0 || strv_add(b->arena, &with_init, b->path) < 0 ||
	    strv_add_list(b->arena, &with_init, args) < 0)
		return arena_check(b->arena, err);
	(void)execveat(b->program->init_fd, "", with_init.items, b->env.items, AT_EMPTY_PATH);
	return program_exec_failed("hull-init", errno, err);
}

static int execute(const struct becoming *b, struct sync *sync, int listener, struct err *err)
{
	int result = 0;

	if (b->process->no_new_privs)
		result = load_filter(b, &listener, err);
	if (result >= 0)
		result = sync_send_data(sync, CHILD_EXEC, NULL, 0, &listener, listener >= 0 ? 1 : 0, err);
	if (result < 0)
		return result;
	if (listener >= 0)
		(void)close(listener);
	if (b->program->given)
		result = hand_over(b->program->given, sync, err);
	return result < 0 ? result : execute_program(b, err);
}

int child_become(const struct child_program *program, int rootfd, int procfd, bool console, struct sync *sync,
		 int start_fd, int (*before_exec)(void *context, struct err *err), void *context, struct err *err)
{
	struct arena arena = ARENA_INIT; /* never freed: it ends with the exec */
	struct becoming b = {
		.program = program,
		.process = program->process,
		.rootfd = rootfd,
		.procfd = procfd,
		.sync_fd = sync->fd,
		.start_fd = start_fd,
		.terminal = {.master = -1, .slave = -1},
		.console = console,
		.arena = &arena,
	};
	int listener = -1, result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(preparations) && result >= 0; i++) {
		result = fault_point("child", preparations[i].name, err);
		if (result >= 0)
			result = preparations[i].run(&b, err);
	}
	if (result >= 0)
		result = give_up_rights(&b, &listener, err);
	if (result >= 0)
		result = limits_apply_inside(&b.process->limits, err);
	if (result >= 0)
		result = enter_working_directory(&b, err);
	if (result >= 0)
		result = find_program(&b, err);
	if (result >= 0)
		result = set_limits(&b, err);
	if (result >= 0)
		result = outlive_parent(err);
	if (result >= 0)
		result = say_ready(&b, sync, err);
	if (result >= 0)
		result = wait_for_go(sync, start_fd, err);
	if (result >= 0 && before_exec)
		result = before_exec(context, err);
	if (result >= 0)
		result = fault_point("child", "exec", err);
	if (result >= 0)
		result = execute(&b, sync, listener, err);
	return result;
}
