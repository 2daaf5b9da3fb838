// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/child.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/keyring.h"
#include "namespaces/lsm.h"
#include "namespaces/sysctl.h"
#include "net/network.h"
#include "runtime/base/errand.h"
#include "runtime/base/fd.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/core/child_parts.h"
#include "runtime/core/fault.h"
#include "runtime/core/hooks.h"
#include "runtime/core/program.h"

const char *const child_stage_names[CHILD_STAGE_COUNT] = {
	[CHILD_MAPPED] = "mapped", [CHILD_ROOT] = "root",	    [CHILD_CGROUP] = "cgroup",
	[CHILD_JOINED] = "joined", [CHILD_ASSEMBLED] = "assembled", [CHILD_HOOKED] = "hooked",
	[CHILD_READY] = "ready",   [CHILD_CREATED] = "created",	    [CHILD_GO] = "go",
	[CHILD_EXEC] = "exec",
};

const char *child_keyring(struct arena *arena, const char *id)
{
	return arena_printf(arena, "_ses.%s", id);
}

/*
 * Right after the clone. Whatever happens to the parent from here on must not leave a half-made container behind.
 * Should:   end with its parent; know no signal handler and no umask of the parent's; be undumpable, so that another
 *           container that has the host's users and sees its processes takes no host descriptors from it
 *           (CVE-2016-9962). Not for an unprivileged parent, who could not look at it either.
 * Must not: touch ids, which are not mapped yet; open any file.
 */
static int stage_begin(struct child *child, struct err *err)
{
	proc_reset_signals();
	(void)umask(DEFAULT_UMASK);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "ask to end with the parent process");
	if (!child->plan->rootless && prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(err, errno, "become undumpable");
	return 0;
}

/*
 * The parent has written the id maps.
 * Must not: go on without them: an unmapped process owns nothing.
 */
static int stage_wait_for_map(struct child *child, struct err *err)
{
	return sync_wait(&child->setup->sync, CHILD_MAPPED, err);
}

/* Must not: go on in the network of whoever made it. */
static int leave_network(int netns_fd, struct err *err)
{
	int result = netns_fd < 0 ? unshare(CLONE_NEWNET) : setns(netns_fd, CLONE_NEWNET);

	return result < 0 ? err_set(err, errno, "come into a network namespace") : 0;
}

/*
 * The parent has built the root, where that is its work, and knows whether a network namespace has been made meanwhile,
 * with a sysfs that shows it.
 */
static int stage_wait_for_root(struct child *child, struct err *err)
{
	/* As step_send_root() has put them: without a root the others are the first. */
	unsigned first = plan_child_builds_root(child->plan) ? 1 : 0;
	int received[] = {-1, -1, -1};
	unsigned fd_count = ARRAY_SIZE(received) - first;
	size_t len = sizeof(child->sysfs_comes);
	int result = sync_wait_data(&child->setup->sync, CHILD_ROOT, &child->sysfs_comes, &len, received + first,
				    &fd_count, err);
	CLEANUP_FD int netns_fd = received[1];
	CLEANUP_FD int sysfs_fd = received[2];

	if (result < 0)
		return result;
	child->received_root = received[0];
	if (child->setup->netns_comes)
		result = leave_network(netns_fd, err);
	if (result >= 0 && sysfs_fd >= 0)
		result = rootfs_take_sysfs(&child->plan->root, child->setup->sources, fd_take(&sysfs_fd), err);
	return result;
}

/* Where that is this process's work, and not its parent's. */
static int stage_build(struct child *child, struct err *err)
{
	if (!plan_child_builds_root(child->plan))
		return 0;
	return rootfs_build(&child->plan->root, child->setup->sources, -1, NULL, &child->received_root, err);
}

/*
 * Should:   be the user namespace's own root, so that what is made from here on belongs to it; lead a session of its
 *           own, so that the caller's terminal is out of reach (TIOCSTI, CVE-2017-5226).
 * Must not: keep any group of the caller's.
 */
static int stage_be_root(struct child *child, struct err *err)
{
	if (setsid() < 0)
		return err_set(err, errno, "make a session");
	if (!child->setup->program.own_user_namespace)
		return 0;
	/* Without a map of groups, or where setgroups is denied, there are none to drop. */
	if (child->plan->set_groups_allowed && setgroups(0, NULL) < 0)
		return err_set(err, errno, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(err, errno, "become root of the user namespace");
	/* The change of user has made the kernel forget the wish. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "ask to end with the parent process");
	return 0;
}

/*
 * Parts of becoming the program that can be done at any time, since they concern only what is executed: so they are
 * done while there is something to wait for. (To find a keyring by its name, the kernel goes through all containers'.)
 * Must not: take from hooks that are executed here what they expect.
 */
static int use_the_wait(struct child *child, struct err *err)
{
	struct child_program *program = &child->setup->program;
	int result = 0;

	if (child->plan->hooks[HOOK_CREATE_CONTAINER].count > 0)
		return 0;
	if (!program->is_bounded)
		result = caps_bound(&program->process->caps, err);
	program->is_bounded = result >= 0;
	if (result >= 0 && program->keyring)
		result = keyring_join(program->keyring, err);
	if (result >= 0)
		program->keyring = NULL;
	return result;
}

/* The cgroup's folders are there, its limits perhaps not yet; and what the parent has had no time to wait for. */
static int wait_for_folders(struct child *child, struct err *err)
{
	CLEANUP_FD int sysfs_fd = -1;
	unsigned fd_count = 1;
	size_t len = 0;
	int result;

	if (child->has_folders || !child->setup->cgroup_comes)
		return 0;
	result = use_the_wait(child, err);
	if (result >= 0)
		result = sync_wait_data(&child->setup->sync, CHILD_CGROUP, NULL, &len, &sysfs_fd, &fd_count, err);
	if (result >= 0 && sysfs_fd >= 0)
		result = rootfs_take_sysfs(&child->plan->root, child->setup->sources, fd_take(&sysfs_fd), err);
	child->has_folders = result >= 0;
	return result;
}

/*
 * Once, as soon as something needs it.
 * Should:   wait until the parent has moved this process into its cgroups; take the one that it is in then for the root
 *           of what it sees.
 * Must not: go on without: a process outside its cgroup is not bounded.
 */
static int join(struct child *child, struct err *err)
{
	int result = child->joined ? 0 : wait_for_folders(child, err);

	if (result >= 0 && !child->joined)
		result = sync_wait(&child->setup->sync, CHILD_JOINED, err);
	if (result < 0 || child->joined)
		return result;
	child->joined = true;
	if (child->plan->namespaces.kind[NS_CGROUP].how == NS_FRESH && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(err, errno, "make a cgroup namespace");
	return 0;
}

static int pass_gate(void *context, enum root_gate_for what, struct err *err)
{
	struct child *child = context;

	switch (what) {
	case ROOT_GATE_SYSFS:
		return child->sysfs_comes ? wait_for_folders(child, err) : 0;
	case ROOT_GATE_FOLDERS:
		return wait_for_folders(child, err);
	case ROOT_GATE_JOINED:
		break;
	}
	return join(child, err);
}

static int stage_names(struct child *child, struct err *err)
{
	const char *host = child->plan->hostname, *domain = child->plan->domainname;

	if (host && sethostname(host, strlen(host)) < 0)
		return err_set(err, errno, "set the hostname to '%s'", host);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		return err_set(err, errno, "set the domain name to '%s'", domain);
	return 0;
}

/*
 * Should:   make the file systems that are its own (proc, tmpfs and the like), while the parent still makes the root;
 *           and do here, with the rights of its user namespace, what an unprivileged parent cannot: open what comes
 *           from the host, raise the loopback interface.
 * Must not: make what shows its cgroup, which it is not in yet.
 */
static int stage_prepare(struct child *child, struct err *err)
{
	const struct plan *plan = child->plan;
	int result = plan->rootless ? rootfs_open_sources(&plan->root, child->setup->sources, err) : 0;

	if (result >= 0 && plan->net.kind == PLAN_NET_LOOPBACK && plan->net.from_inside)
		result = net_loopback_up(-1, err);
	return result < 0 ? result : rootfs_prepare(&plan->root, child->setup->sources, child->setup->netns_comes, err);
}

/*
 * Should:   attach the root and everything below it, in all its own namespaces.
 * Must not: have left the host's tree yet: /proc/self/fd is needed, and hooks may look at both.
 */
static int stage_assemble(struct child *child, struct err *err)
{
	const struct root_gate gate = {.pass = pass_gate, .user = child};

	return rootfs_assemble(&child->plan->root, child->setup->sources, &gate, fd_take(&child->received_root),
			       &child->root, err);
}

/* Hooks that run inside are told the pid that this process has there. */
static int run_hooks(const struct child *child, enum plan_hook_kind kind, enum record_status status, struct err *err)
{
	const plan_hook_list *hooks = &child->plan->hooks[kind];
	CLEANUP_TEXT struct text state = TEXT_INIT;
	int result;

	if (hooks->count == 0)
		return 0;
	result = record_state_json(child->setup->record, status, child->self ? child->self : getpid(), false, &state,
				   err);
	return result < 0 ? result : hooks_run(hooks, kind, text_get(&state), state.len, err);
}

static bool has_hooks(const struct child *child)
{
	const plan_hook_list *hooks = child->plan->hooks;

	return hooks[HOOK_PRESTART].count + hooks[HOOK_CREATE_RUNTIME].count + hooks[HOOK_CREATE_CONTAINER].count > 0;
}

/*
 * Hooks of the runtime's side (prestart, createRuntime) see the mounts and the network, before pivot_root;
 * createContainer runs here.
 * Must not: run any, here or there, before this process is in its cgroups.
 */
static int stage_hooks(struct child *child, struct err *err)
{
	const plan_hook_list *hooks = child->plan->hooks;
	int result = has_hooks(child) ? join(child, err) : 0;

	if (result >= 0 && hooks[HOOK_PRESTART].count + hooks[HOOK_CREATE_RUNTIME].count > 0) {
		result = sync_send(&child->setup->sync, CHILD_ASSEMBLED, err);
		if (result >= 0)
			result = sync_wait(&child->setup->sync, CHILD_HOOKED, err);
	}
	return result < 0 ? result : run_hooks(child, HOOK_CREATE_CONTAINER, RECORD_CREATING, err);
}

/*
 * A working directory that the image lacks is made, as images expect it; below the root's own descriptor, so never
 * elsewhere. A read-only root without it fails later, at the chdir, with the user's rights and clear words.
 */
static int stage_working_directory(struct child *child, struct err *err)
{
	struct err ignored = ERR_INIT;
	int fd = path_make_dirs(child->root.root_fd, child->plan->process.cwd, 0755, &ignored);

	(void)err;
	scope_fd(&fd);
	return 0;
}

/*
 * From here on there is no host tree: no descriptor or path of it is used after this.
 */
static int stage_pivot(struct child *child, struct err *err)
{
	return child->setup->no_pivot ? rootfs_cover(&child->root, err) : rootfs_pivot(&child->root, err);
}

/*
 * Should:   set sysctls while /proc/sys can still be written.
 * Must not: trust a /proc that is none (proc_fd is verified).
 */
static int stage_sysctls(struct child *child, struct err *err)
{
	const struct strmap *wanted = &child->plan->sysctls;
	uint64_t own = 0;

	for (int kind = 0; kind < NS_COUNT; kind++)
		if (child->plan->namespaces.kind[kind].how != NS_HOST)
			own |= ns_clone_flag((enum ns_kind)kind);
	for (size_t i = 0; i < wanted->count; i++) {
		struct sysctl_value value = {.name = wanted->items[i].key, .value = wanted->items[i].value};
		int result = sysctl_apply(child->root.proc_fd, &value, 1, own, err);

		if (result < 0)
			return result;
	}
	return 0;
}

/*
 * Masks, read-only paths, the read-only root.
 * Must not: have lost CAP_SYS_ADMIN yet; let any mount happen afterwards.
 */
static int stage_seal(struct child *child, struct err *err)
{
	return rootfs_finish(&child->plan->root, &child->root, err);
}

/*
 * Late, since the parent needs as long for the cgroups as this process for its mounts, and nobody is to wait.
 * Must not: be later. From here on files of the image are read, and what runs here is not hull's any more.
 */
static int stage_joined(struct child *child, struct err *err)
{
	return join(child, err);
}

static int start_container_hooks(void *context, struct err *err)
{
	struct child *child = context;

	return run_hooks(child, HOOK_START_CONTAINER, RECORD_CREATED, err);
}

/* Becomes the program. Returns only on failure. */
static int stage_become(struct child *child, struct err *err)
{
	return child_become(&child->setup->program, child->root.root_fd, child->root.proc_fd, true, &child->setup->sync,
			    child->setup->start_fd, start_container_hooks, child, err);
}

/* --- All of them, in order ---------------------------------------------------------------------------------------- */

struct stage {
	const char *name; /* for fault injection, and in front of errors where `words` is set */
	const char *words;
	int (*run)(struct child *child, struct err *err);
};

static int run_stages(struct child *child, const struct stage *stage, size_t count, struct err *err)
{
	for (const struct stage *end = stage + count; stage < end; stage++) {
		int result = fault_point("child", stage->name, err);

		if (result >= 0)
			result = stage->run(child, err);
		if (result >= 0)
			continue;
		return stage->words ? err_wrap(err, "%s", stage->words) : result;
	}
	return 0;
}

/* The root, from what it is made of to what nobody changes any more. */
static const struct stage stages_root[] = {
	{"build", NULL, stage_build},
	{"assemble", "root file system", stage_assemble},
	{"hooks", NULL, stage_hooks},
	{"working-directory", NULL, stage_working_directory},
	{"pivot", "root file system", stage_pivot},
	{"sysctls", NULL, stage_sysctls},
	{"seal", "root file system", stage_seal},
};

static int stage_make_root(struct child *child, struct err *err)
{
	return run_stages(child, stages_root, ARRAY_SIZE(stages_root), err);
}

static const struct stage stages[] = {
	{"begin", NULL, stage_begin},
	{"map", NULL, stage_wait_for_map},
	{"ids", NULL, stage_be_root},
	{"names", NULL, stage_names},
	{"prepare", "root file system", stage_prepare},
	{"root", NULL, stage_wait_for_root},
	{"make-root", NULL, stage_make_root},
	{"joined", NULL, stage_joined},
	{"become", NULL, stage_become},
};

/* Where the root is apart: what is done by the errand, in a mount namespace that ends with it. */
static const struct stage stages_aside[] = {
	{"prepare", "root file system", stage_prepare},
	{"make-root", NULL, stage_make_root},
	{"terminal", NULL, child_bind_terminal},
	{"take", "root file system", child_take_root},
};

static int run_aside(void *child, struct err *err)
{
	return run_stages(child, stages_aside, ARRAY_SIZE(stages_aside), err);
}

static int stage_aside(struct child *child, struct err *err)
{
	child->self = getpid();
	return errand_run(CLONE_NEWNS, run_aside, child, err);
}

/* And what this process does itself. */
static const struct stage stages_apart[] = {
	{"begin", NULL, stage_begin},	     {"map", NULL, stage_wait_for_map},
	{"ids", NULL, stage_be_root},	     {"names", NULL, stage_names},
	{"root", NULL, stage_wait_for_root}, {"joined", NULL, stage_joined},
	{"aside", NULL, stage_aside},	     {"enter", "root file system", child_enter_root},
	{"become", NULL, stage_become},
};

_Noreturn void child_main(struct child_setup *setup)
{
	struct child child = {.setup = setup,
			      .plan = setup->plan,
			      .received_root = -1,
			      .root = ROOT_HANDLE_INIT,
			      .tree = -1};
	struct err err = ERR_INIT;

	/* Returns only when one of them has failed: the last one becomes the program. */
	if (plan_root_is_apart(child.plan))
		(void)run_stages(&child, stages_apart, ARRAY_SIZE(stages_apart), &err);
	else
		(void)run_stages(&child, stages, ARRAY_SIZE(stages), &err);
	sync_send_err(&setup->sync, &err);
	_exit(err.exit_code ? err.exit_code : 1);
}
