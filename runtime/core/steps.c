// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespaces/idmap.h"
#include "namespaces/tty.h"
#include "namespaces/user.h"
#include "net/network.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/child.h"
#include "runtime/core/definition.h"
#include "runtime/core/filter.h"
#include "runtime/core/hooks.h"
#include "runtime/core/instance.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/netfiles.h"
#include "runtime/core/pid_socket.h"
#include "runtime/core/sealed.h"
#include "runtime/core/spawn.h"

#define CGROUP_REMOVE_MS  10000
#define CHILD_END_WAIT_MS 10000
#define GOING_WAIT_MS	  500

/* --- Record ----------------------------------------------------------------------------------------------------------- */

static const char *net_state_dir(const struct instance *instance)
{
	return instance->plan->net.kind == PLAN_NET_ATTACH ? instance->plan->net.request.state_dir : NULL;
}

/*
 * The record names, before anything is made, all that is going to be made: each is found by the id again. So whoever finds the record of a
 * creation that was killed knows where to look.
 */
static int fill_record(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	struct record *record = &instance->record;
	char *boot = arena_alloc(instance->arena, 37);
	int result;

	if (!boot)
		return arena_check(instance->arena, err);
	result = proc_boot_id(boot, err);
	if (result < 0)
		return result;
	*record = (struct record){
		.version = RECORD_VERSION,
		.id = plan->id,
		.name = plan->name,
		.oci_version = plan->oci_version,
		.bundle = plan->bundle,
		.data_dir = instance->request->data_dir,
		.root_path = plan->root.path,
		.backend = plan->backend,
		.status = RECORD_CREATING,
		.keeper.pid = getpid(),
		.boot_id = boot,
		.rootless = plan->rootless,
		.terminal = plan->process.terminal,
		.late_hooks = plan->hooks[HOOK_POSTSTART].count + plan->hooks[HOOK_POSTSTOP].count > 0,
		.cgroup = {.driver = cgroup_driver_name(plan->cgroup.driver), .path = plan->cgroup.path},
		.net = {.state_dir = net_state_dir(instance), .name = plan->net.request.name},
		.created = proc_now_ns(),
		.annotations = plan->annotations,
	};
	result = proc_start_time(getpid(), &record->keeper.start_ticks);
	return result < 0 ? err_set(err, -result, "read the start time of this process") : 0;
}

/* Whoever removes an instance holds its id, as this process does now: what is here stays. */
static int check_definition(const struct instance *instance, struct err *err)
{
	const char *data_dir = instance->request->data_dir;

	if (data_dir && access(data_dir, F_OK) < 0)
		return err_say(err, ENOENT, "container '%s' has just been removed", instance->plan->id);
	return 0;
}

int step_record(struct instance *instance, struct err *err)
{
	int result = fill_record(instance, err);

	if (result < 0)
		return result;
	instance->state_fd = store_claim(instance->store, instance->plan->id, err);
	if (instance->state_fd < 0)
		return instance->state_fd;
	result = check_definition(instance, err);
	if (result >= 0)
		result = lifecycle_write(&instance->record, instance->state_fd, err);
	if (result < 0) {
		struct err ignored = ERR_INIT;

		(void)store_remove(instance->store, instance->plan->id, &ignored);
	}
	return result;
}

int step_record_undo(struct instance *instance, struct err *err)
{
	return store_remove(instance->store, instance->record.id, err);
}

/* --- Sources ---------------------------------------------------------------------------------------------------------- */

static int open_joins(struct instance *instance, struct err *err)
{
	for (int kind = 0; kind < NS_COUNT; kind++) {
		const struct ns_choice *choice = &instance->plan->namespaces.kind[kind];

		if (choice->how != NS_JOIN)
			continue;
		instance->joins[kind] = ns_open_path((enum ns_kind)kind, choice->path, err);
		if (instance->joins[kind] < 0)
			return instance->joins[kind];
	}
	return 0;
}

static int open_init(struct instance *instance, struct err *err)
{
	char path[INSTALLED_PATH_BYTES];
	int result;

	if (!instance->plan->process.init)
		return 0;
	result = installed_program("hull-init", path, err);
	if (result >= 0)
		result = instance->init_program_fd = sealed_open(path, err);
	return result;
}

int step_sources(struct instance *instance, struct err *err)
{
	int result = netfiles_prepare(instance->plan, err);

	if (result >= 0)
		result = open_init(instance, err);

	/* An unprivileged caller's right to mount begins in the new user namespace: there the child opens them itself. */
	if (result >= 0 && !instance->plan->rootless)
		result = rootfs_open_sources(&instance->plan->root, &instance->sources, err);
	if (result >= 0)
		result = open_joins(instance, err);
	if (result >= 0)
		result = filter_compile(instance->plan->process.seccomp, instance->request->seccomp_cache,
					instance->arena, &instance->filter, err);
	if (result < 0 || !instance->request->wait_for_start)
		return result;
	instance->start_fd = sync_listen(instance->state_fd, START_SOCKET, err);
	return instance->start_fd < 0 ? instance->start_fd : 0;
}

/* --- Streams ---------------------------------------------------------------------------------------------------------- */

int step_streams(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	const int *wanted = instance->request->stdio;
	uint32_t uid = 0, gid = 0;
	int result = 0;

	if (instance->request->kept && !plan->process.terminal) {
		if (plan->idmap.uid_count > 0 && (idmap_to_host_uid(&plan->idmap, plan->process.uid, &uid) < 0 ||
						  idmap_to_host_gid(&plan->idmap, plan->process.gid, &gid) < 0))
			uid = gid = 0; /* the process will fail to become it, with words of its own */
		result = streams_make(instance->state_fd, uid, gid, plan->keeper.interactive, &instance->streams, err);
		wanted = instance->streams.program;
	}
	return result < 0 ? result
			  : stdio_settle(wanted, instance->request->preserve_fds,
					 plan->namespaces.kind[NS_USER].how == NS_HOST, &instance->stdio, err);
}

/* --- Cgroup ----------------------------------------------------------------------------------------------------------- */

static int make_cgroup(struct instance *instance, struct err *err)
{
	struct record_cgroup *place = &instance->record.cgroup;
	struct err ignored = ERR_INIT;
	int result = cg_create(&instance->plan->cgroup, &instance->cgroup, err);

	if (result < 0 || (place->path && strcmp(place->path, cg_place(instance->cgroup)) == 0))
		return result;
	/* A path that is relative to this process's own cgroup says nothing to whoever has to take it back. */
	place->path = arena_strdup(instance->arena, cg_place(instance->cgroup));
	result = arena_check(instance->arena, err);
	if (result >= 0)
		result = lifecycle_write(&instance->record, instance->state_fd, err);
	if (result < 0)
		(void)step_cgroup_undo(instance, &ignored);
	return result;
}

int step_cgroup_early(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;

	bool late = plan->namespaces.kind[NS_CGROUP].how == NS_FRESH || plan->root.late_cgroups;

	if (late && !cg_has_birth(plan->cgroup.driver))
		return 0;
	return make_cgroup(instance, err);
}

int step_cgroup(struct instance *instance, struct err *err)
{
	if (instance->cgroup)
		return 0;
	cg_warm_join();
	return make_cgroup(instance, err);
}

int step_cgroup_undo(struct instance *instance, struct err *err)
{
	const struct record_cgroup *place = &instance->record.cgroup;
	int result = 0;

	if (!instance->cgroup && place->path)
		result = cg_open(cgroup_driver_parse(place->driver), place->path, &instance->cgroup, err);
	if (result < 0 || !instance->cgroup)
		return result;
	result = cg_remove(instance->cgroup, CGROUP_REMOVE_MS, err);
	if (result < 0)
		return result;
	/* Two phases may have made it, and both are undone. */
	cg_close(&instance->cgroup);
	instance->record.cgroup.path = NULL;
	return 0;
}

/* --- Clone ------------------------------------------------------------------------------------------------------------ */

static bool joins_any(const struct instance *instance)
{
	for (int kind = 0; kind < NS_COUNT; kind++)
		if (instance->joins[kind] >= 0)
			return true;
	return false;
}

static bool has_own_user_namespace(const struct plan *plan)
{
	return plan->namespaces.kind[NS_USER].how != NS_HOST;
}

struct child_context {
	struct instance *instance;
	struct child_setup *setup;
};

/*
 * What the child must not keep of the parent's: its end of the socket, or the end of the stream would never show; and the lock of the instance, which
 * lives as long as any descriptor of it.
 */
static __attribute__((noreturn)) void enter_child(void *context)
{
	struct child_context *child = context;

	sync_close(&child->instance->sync);
	scope_fd(&child->instance->state_fd);
	child_main(child->setup);
}

/* What the child needs of the parent's descriptors. */
static int *list_kept(const struct instance *instance, int sync_fd, size_t *ret_count)
{
	const struct stdio *stdio = &instance->stdio;
	const int own[] = {stdio->fds[0],      stdio->fds[1], stdio->fds[2], instance->init_program_fd,
			   instance->start_fd, sync_fd};
	int *fds = arena_array(instance->arena, root_sources_child_count(&instance->sources) + ARRAY_SIZE(own),
			       sizeof(*fds));

	if (!fds)
		return NULL;
	memcpy(fds, own, sizeof(own));
	*ret_count = ARRAY_SIZE(own) + root_sources_child_list(&instance->sources, fds + ARRAY_SIZE(own));
	return fds;
}

int step_clone(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	CLEANUP_SYNC struct sync theirs = {.fd = -1};
	struct child_setup setup = {
		.program =
			{
				.process = &plan->process,
				.filter = plan->process.seccomp ? &instance->filter : NULL,
				.stdio = {instance->stdio.fds[0], instance->stdio.fds[1], instance->stdio.fds[2]},
				.preserve_fds = instance->request->preserve_fds,
				.init_fd = instance->init_program_fd,
				.own_user_namespace = has_own_user_namespace(plan),
				.keyring = instance->request->new_keyring ? child_keyring(instance->arena, plan->id)
									  : NULL,
			},
		.plan = plan,
		.sources = &instance->sources,
		.start_fd = instance->start_fd,
		.record = &instance->record,
		.no_pivot = instance->request->no_pivot,
	};
	struct child_context child = {.instance = instance, .setup = &setup};
	struct spawn_request spawning = {
		.fresh = ns_fresh_flags(&plan->namespaces) & ~(uint64_t)CLONE_NEWCGROUP,
		.joins = joins_any(instance) ? instance->joins : NULL,
		.boottime = &plan->boottime,
		.monotonic = &plan->monotonic,
		.cgroup_fd = instance->cgroup && !joins_any(instance) ? cg_birth_fd(instance->cgroup) : -1,
		.keeps_from = 3 + instance->request->preserve_fds,
		.main = enter_child,
		.context = &child,
	};
	struct err ignored = ERR_INIT;
	int result = sync_pair(&instance->sync, &theirs, child_stage_names, CHILD_STAGE_COUNT, err);

	if (result < 0)
		return result;
	instance->sync.peer = "container's first process";
	setup.sync = theirs;
	spawning.keeps = list_kept(instance, theirs.fd, &spawning.keep_count);
	if (!spawning.keeps)
		return arena_check(instance->arena, err);
	result = spawn(&spawning, &instance->init, &instance->init_pidfd, err);
	if (result < 0)
		return result;
	instance->record.init.pid = instance->init;
	result = proc_start_time(instance->init, &instance->record.init.start_ticks);
	if (result < 0) {
		(void)err_set(err, -result, "read the start time of the container's first process");
		(void)step_clone_undo(instance, &ignored);
	}
	return result;
}

int step_clone_undo(struct instance *instance, struct err *err)
{
	const struct record_process *init = &instance->record.init;
	int status, result;

	if (init->pid <= 0)
		return 0;
	if (instance->init_pidfd < 0)
		instance->init_pidfd = proc_open(init->pid, init->start_ticks);
	if (instance->init_pidfd < 0)
		return 0; /* gone */
	(void)proc_signal(instance->init_pidfd, SIGKILL);
	result = proc_wait_end(instance->init_pidfd, CHILD_END_WAIT_MS);
	if (result < 0)
		return err_say(err, -result, "process %d does not end", init->pid);
	if (instance->init > 0)
		(void)proc_wait(instance->init, &status); /* ours to reap */
	return 0;
}

static bool ran_out_of_memory(const struct instance *instance)
{
	struct cg_stat stat;
	struct err ignored = ERR_INIT;

	return instance->cgroup && cg_stat(instance->cgroup, &stat, &ignored) == 0 && stat.has_oom &&
	       stat.oom_kills > 0;
}

/* Passes a wait's result on, and adds how the process ended that ended without a word. Somebody else's child keeps that for itself. */
static int or_how_it_ended(const struct instance *instance, int result, struct err *err)
{
	siginfo_t end = {0};
	const char *name;

	if (result != -ECONNRESET || proc_wait_end(instance->init_pidfd, CHILD_END_WAIT_MS) < 0 ||
	    waitid(P_PIDFD, (id_t)instance->init_pidfd, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == 0)
		return result;
	if (end.si_code == CLD_EXITED)
		return err_hint(err, "it exited with %d", end.si_status);
	if (end.si_status == SIGKILL && ran_out_of_memory(instance))
		return err_hint(err, "killed, since its memory limit is too little");
	name = proc_signal_name(end.si_status);
	return err_hint(err, "killed by signal %d%s%s", end.si_status, name ? ", " : "", name ? name : "");
}

/*
 * Passes a step's result on. When the step found the process gone, that is not the news: what it said before it ended is, or that it said nothing.
 */
static int or_why_gone(struct instance *instance, int result, struct err *err)
{
	if (result != -ENOENT && result != -ESRCH)
		return result;
	/*
	 * It may be on its way out, which takes a while on a busy machine: its mounts go first. A step that failed for another reason finds it
	 * waiting for its parent.
	 */
	if (proc_wait_end(instance->init_pidfd, GOING_WAIT_MS) < 0)
		return result;
	return or_how_it_ended(instance, sync_wait(&instance->sync, CHILD_READY, err), err);
}

/* --- Ids, cgroup, root ------------------------------------------------------------------------------------------------ */

int step_ids(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	char path[64];
	int result = 0;

	if (plan->namespaces.kind[NS_USER].how == NS_FRESH)
		result = idmap_write(instance->init, &plan->idmap, plan->set_groups_allowed, err);
	if (result >= 0)
		result = sync_send(&instance->sync, CHILD_MAPPED, err);
	if (result >= 0 && has_own_user_namespace(plan) && !plan->rootless) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", instance->init);
		instance->userns_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (instance->userns_fd < 0)
			result = err_set(err, errno, "open the container's user namespace");
	}
	return or_why_gone(instance, result, err);
}

int step_join_cgroup(struct instance *instance, struct err *err)
{
	int result = 0;

	if (joins_any(instance) || !cg_birth_is_enough(instance->cgroup)) {
		cg_warm_join();
		result = or_why_gone(instance, cg_join(instance->cgroup, instance->init, err), err);
	}
	return result < 0 ? result : or_how_it_ended(instance, sync_send(&instance->sync, CHILD_JOINED, err), err);
}

/* `:U`: the volume's files become the user's who runs the program, whom only the root can tell. */
static int change_owners(const struct plan *plan, int root, struct err *err)
{
	struct user inside = {.uid = plan->process.uid, .gid = plan->process.gid};
	uint32_t uid, gid;

	if (plan->chowns.count == 0)
		return 0;
	if (plan->process.user_words && user_resolve(root, plan->process.user_words, &inside, err) < 0)
		return -err->code;
	for (size_t i = 0; i < plan->chowns.count; i++) {
		const struct plan_chown *chown = &plan->chowns.items[i];
		int result;

		uid = inside.uid;
		gid = inside.gid;
		if (!chown->idmap && plan->idmap.uid_count > 0 &&
		    (idmap_to_host_uid(&plan->idmap, inside.uid, &uid) < 0 ||
		     idmap_to_host_gid(&plan->idmap, inside.gid, &gid) < 0))
			return err_say(err, ERANGE, "user %u:%u of the container has no id on the host", inside.uid,
				       inside.gid);
		result = file_own_tree(chown->source, uid, gid, err);
		if (result < 0)
			return err_wrap(err, "volume");
	}
	return 0;
}

/* It costs time and room on the disk, so it is not done silently. */
static void tell_of_copies(const struct instance *instance)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	char size[32];

	if (instance->sources.copied_bytes == 0 || !instance->request->tell)
		return;
	text_addf(&words,
		  "the file system of '%s' cannot map ids: the image was copied for this container (%s); --userns=host "
		  "needs "
		  "no copy, at a risk",
		  instance->plan->root.lowers[0], text_size_words(instance->sources.copied_bytes, size));
	instance->request->tell(text_get(&words));
}

int step_root(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	const struct root_copies copies = {
		.instance_dir = instance->request->data_dir,
		.map = &plan->idmap,
		.is_volatile = plan->root.volatile_upper,
	};
	int result;

	if (plan->rootless)
		return 0; /* the child builds it, of the sources that it has opened */
	result = rootfs_build(&plan->root, &instance->sources, instance->userns_fd,
			      copies.instance_dir ? &copies : NULL, &instance->root_fd, err);
	if (result < 0)
		return result;
	tell_of_copies(instance);
	return change_owners(plan, instance->root_fd, err);
}

int step_send_root(struct instance *instance, struct err *err)
{
	int result = sync_send_data(&instance->sync, CHILD_ROOT, NULL, 0, &instance->root_fd,
				    instance->root_fd < 0 ? 0 : 1, err);

	/* A descriptor that is still open here would keep the root mounted as long as the keeper lives. */
	scope_fd(&instance->root_fd);
	instance->root_fd = -1;
	return result;
}

/* --- Network ---------------------------------------------------------------------------------------------------------- */

static int keep_lease(struct instance *instance, const struct net_lease *lease, struct err *err)
{
	struct record_net *net = &instance->record.net;

	net->ip = arena_strdup(instance->arena, lease->ip);
	net->gateway = arena_strdup(instance->arena, lease->gateway);
	net->mac = arena_strdup(instance->arena, lease->mac);
	net->veth = arena_strdup(instance->arena, lease->veth);
	net->prefix_len = lease->prefix_len;
	return arena_check(instance->arena, err);
}

int step_network(struct instance *instance, struct err *err)
{
	const struct plan_net *net = &instance->plan->net;
	struct net_lease lease = {0};
	struct err ignored = ERR_INIT;
	CLEANUP_FD int netns = -1;
	char path[64];
	int result = 0;

	if (net->kind == PLAN_NET_LOOPBACK && net->from_inside)
		return 0;
	if (net->kind != PLAN_NET_UNTOUCHED) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", instance->init);
		netns = open(path, O_RDONLY | O_CLOEXEC);
		if (netns < 0)
			return or_why_gone(instance, err_set(err, errno, "open the container's network namespace"),
					   err);
	}
	if (net->kind == PLAN_NET_LOOPBACK)
		result = net_loopback_up(netns, err);
	if (net->kind == PLAN_NET_ATTACH)
		result = net_attach(&net->request, netns, &lease, err);
	if (result < 0)
		return err_wrap(err, "network");
	if (net->kind == PLAN_NET_ATTACH)
		result = keep_lease(instance, &lease, err);
	if (result >= 0)
		result = netfiles_write(instance->plan, net->kind == PLAN_NET_ATTACH ? &lease : NULL, err);
	if (result < 0)
		(void)step_network_undo(instance, &ignored);
	return result;
}

int step_network_undo(struct instance *instance, struct err *err)
{
	const struct record_net *net = &instance->record.net;
	struct net_lease lease = {.prefix_len = net->prefix_len};

	if (!net->state_dir)
		return 0;
	(void)text_copy(lease.ip, sizeof(lease.ip), net->ip ? net->ip : "");
	(void)text_copy(lease.veth, sizeof(lease.veth), net->veth ? net->veth : "");
	/* The state of the network knows the ports. */
	return net_detach(net->state_dir, instance->record.id, net->ip ? &lease : NULL, NULL, 1, err);
}

/* --- Hooks ------------------------------------------------------------------------------------------------------------ */

static int run_hooks(struct instance *instance, enum plan_hook_kind kind, enum record_status status, pid_t pid,
		     struct err *err)
{
	CLEANUP_TEXT struct text state = TEXT_INIT;
	int result;

	if (instance->plan->hooks[kind].count == 0)
		return 0;
	result = record_state_json(&instance->record, status, pid, false, &state, err);
	if (result < 0)
		return result;
	return hooks_run(&instance->plan->hooks[kind], kind, text_get(&state), state.len, err);
}

int step_hooks(struct instance *instance, struct err *err)
{
	const plan_hook_list *hooks = instance->plan->hooks;
	int result;

	instance->hooked = true;
	if (hooks[HOOK_PRESTART].count + hooks[HOOK_CREATE_RUNTIME].count == 0)
		return 0;
	result = sync_wait(&instance->sync, CHILD_ASSEMBLED, err);
	if (result >= 0)
		result = run_hooks(instance, HOOK_PRESTART, RECORD_CREATING, instance->init, err);
	if (result >= 0)
		result = run_hooks(instance, HOOK_CREATE_RUNTIME, RECORD_CREATING, instance->init, err);
	if (result >= 0)
		result = sync_send(&instance->sync, CHILD_HOOKED, err);
	return result;
}

void step_poststop(struct instance *instance)
{
	struct err ignored = ERR_INIT;

	if (instance->hooked)
		(void)run_hooks(instance, HOOK_POSTSTOP, RECORD_STOPPED, 0, &ignored);
}

/* --- Ready, created, go ----------------------------------------------------------------------------------------------- */

static int write_pid_file(const struct instance *instance, struct err *err)
{
	char words[16];
	int len = snprintf(words, sizeof(words), "%d", instance->init);

	if (!instance->request->pid_file)
		return 0;
	return file_replace(AT_FDCWD, instance->request->pid_file, words, (size_t)len, 0644, FILE_VOLATILE, err);
}

static int hand_over_terminal(struct instance *instance, unsigned number, struct err *err)
{
	struct tty_pair pair = {.master = instance->terminal, .slave = -1, .number = number};
	int result;

	if (!instance->request->console_socket)
		return 0;
	result = tty_send_master(instance->request->console_socket, &pair, err);
	scope_fd(&instance->terminal);
	instance->terminal = -1;
	return result;
}

int step_ready(struct instance *instance, struct err *err)
{
	unsigned number = 0, fd_count = 1;
	size_t len = sizeof(number);
	int result = sync_wait_data(&instance->sync, CHILD_READY, &number, &len, &instance->terminal, &fd_count, err);

	if (result < 0)
		return or_how_it_ended(instance, result, err);
	if (fd_count > 0)
		result = hand_over_terminal(instance, number, err);
	if (result >= 0 && instance->request->pidfd_socket)
		result = pid_socket_send(instance->request->pidfd_socket, PID_SOCKET_FIRST, instance->init_pidfd, err);
	/* Late: a tight limit on files or memory would hit the child's own setting up. */
	if (result >= 0)
		result = limits_apply_outside(&instance->plan->process.limits, instance->init, err);
	if (result >= 0)
		result = write_pid_file(instance, err);
	return result;
}

int step_pid_file_undo(struct instance *instance, struct err *err)
{
	(void)err;
	if (instance->request && instance->request->pid_file)
		(void)unlink(instance->request->pid_file);
	return 0;
}

/* With GO to come from control_start(), the record must say created before that; else the two changes of state are written as one. */
int step_created(struct instance *instance, struct err *err)
{
	int result;

	if (!instance->request->wait_for_start)
		return 0;
	result = lifecycle_enter(&instance->record, instance->state_fd, RECORD_CREATED, err);
	/* Until it hears this the process ends with its creator: nobody else would know of it. */
	return result < 0 ? result : sync_send(&instance->sync, CHILD_CREATED, err);
}

int step_go(struct instance *instance, struct err *err)
{
	struct err ignored = ERR_INIT;
	int result;

	if (instance->request->wait_for_start)
		return 0;
	/* Who stops it sees the record from now on, or has left word before. */
	if (instance->request->unless_stopped && !definition_is_wanted_running(instance->request->data_dir))
		return err_say(err, ECANCELED, "it has been stopped meanwhile");
	/* Written before it is true: should this process be killed now, the program is found, and found dead or alive. */
	result = lifecycle_enter(&instance->record, instance->state_fd, RECORD_RUNNING, err);
	if (result >= 0)
		result = sync_send(&instance->sync, CHILD_GO, err);
	if (result >= 0)
		result = filter_take_listener(&instance->sync, CHILD_EXEC, instance->plan->process.seccomp,
					      &instance->record, instance->init, err);
	if (result >= 0)
		result = sync_wait_closed(&instance->sync, err);
	if (result < 0 || instance->plan->hooks[HOOK_POSTSTART].count == 0)
		return or_how_it_ended(instance, result, err);
	/* A hook may do with the container what it likes, and must not wait for us then. Nothing can fail any more. */
	store_unlock(instance->state_fd);
	(void)run_hooks(instance, HOOK_POSTSTART, RECORD_RUNNING, instance->init, &ignored);
	return 0;
}
