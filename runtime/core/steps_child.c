// SPDX-License-Identifier: GPL-2.0-or-later
/* The phases that make the first process, and put it in its place: ids, cgroups, root. */
#include "runtime/core/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "namespaces/idmap.h"
#include "namespaces/user.h"
#include "net/ahead.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/processors.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/child.h"
#include "runtime/core/instance.h"
#include "runtime/core/sealed.h"
#include "runtime/core/spawn.h"
#include "runtime/core/steps_parts.h"

#define CHILD_END_WAIT_MS 10000
#define GOING_WAIT_MS	  500

/* --- Clone -------------------------------------------------------------------------------------------------------- */

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
 * What the child must not keep of the parent's: its end of the socket, or the end of the stream would never show; the
 * lock of the instance, which lives as long as any descriptor of it; and the mount that both run from.
 */
static __attribute__((noreturn)) void enter_child(void *context)
{
	struct child_context *child = context;

	sync_close(&child->instance->sync);
	scope_fd(&child->instance->state_fd);
	sealed_self_finish();
	child_main(child->setup);
}

/* What the child needs of the parent's descriptors. */
static int *list_kept(const struct instance *instance, int sync_fd, size_t *ret_count)
{
	const struct stdio *stdio = &instance->stdio;
	const int own[] = {stdio->fds[0],      stdio->fds[1],	     stdio->fds[2], instance->init_program_fd,
			   instance->start_fd, instance->mountns_fd, sync_fd,	    instance->given.program_fd};
	const struct given *given = &instance->given;
	size_t count = ARRAY_SIZE(own);
	int *fds = arena_array(instance->arena, root_sources_child_count(&instance->sources) + count + GIVEN_MAX,
			       sizeof(*fds));

	if (!fds)
		return NULL;
	memcpy(fds, own, sizeof(own));
	memcpy(fds + count, given->fds, given->count * sizeof(*fds));
	count += given->count;
	*ret_count = count + root_sources_child_list(&instance->sources, fds + count);
	return fds;
}

/*
 * Whether nothing is to be done between READY and GO. What a filter may forbid (it comes first when no_new_privs does
 * not let it come last) is for the parent.
 */
static bool can_go_by_itself(const struct instance *instance)
{
	const struct create_request *request = instance->request;
	const struct plan_process *process = &instance->plan->process;

	return !steps_child_has_hooks(instance->plan) && !request->wait_for_start && !request->unless_stopped &&
	       !request->pid_file && !request->pidfd_socket && !process->terminal &&
	       (process->no_new_privs || !process->seccomp) && limits_only_fall(&process->limits) &&
	       !steps_leave_room_for_errand(instance->plan);
}

/* Whether the network namespace that is being made is this one's. A user namespace of its own would have to own it. */
static bool takes_netns_ahead(const struct instance *instance)
{
	const struct plan *plan = instance->plan;

	if (plan_root_is_apart(plan))
		return false;
	/* A monitor's stays as it is: what network its machine has, it is given as descriptors. */
	return net_ahead_is_started() && (plan->net.kind == PLAN_NET_LOOPBACK || plan->vm) && !plan->net.from_inside &&
	       plan->namespaces.kind[NS_NET].how == NS_FRESH && plan->namespaces.kind[NS_USER].how == NS_HOST &&
	       !joins_any(instance);
}

/* What is left for after the clone, of what could have been done before it. */
static void decide_what_comes(struct instance *instance)
{
	instance->cgroup_comes = !instance->cgroup;
	instance->netns_comes = takes_netns_ahead(instance);
	if (!instance->netns_comes)
		net_ahead_drop();
	instance->goes_by_itself = can_go_by_itself(instance);
}

static struct child_setup setup_of(struct instance *instance)
{
	const struct plan *plan = instance->plan;
	const struct create_request *request = instance->request;
	const int *stdio = instance->stdio.fds;

	return (struct child_setup){
		.program =
			{
				.process = &plan->process,
				.filter = plan->process.seccomp ? &instance->filter : NULL,
				.stdio = {stdio[0], stdio[1], stdio[2]},
				.preserve_fds = request->preserve_fds,
				.init_fd = instance->init_program_fd,
				.given = instance->given.program_fd >= 0 ? &instance->given : NULL,
				.own_user_namespace = has_own_user_namespace(plan),
				.keyring = request->new_keyring ? child_keyring(instance->arena, plan->id) : NULL,
				.goes_by_itself = instance->goes_by_itself,
			},
		.plan = plan,
		.sources = &instance->sources,
		.mountns_fd = instance->mountns_fd,
		.start_fd = instance->start_fd,
		.record = &instance->record,
		.no_pivot = request->no_pivot,
		.cgroup_comes = instance->cgroup_comes,
		.netns_comes = instance->netns_comes,
	};
}

/* The process as the kernel makes it; what it is to keep open is not in it yet. */
static struct spawn_request spawning_of(const struct instance *instance, struct child_context *child)
{
	const struct plan *plan = instance->plan;
	uint64_t later = CLONE_NEWCGROUP | (instance->netns_comes ? (uint64_t)CLONE_NEWNET : 0);
	bool joins = joins_any(instance);

	return (struct spawn_request){
		.fresh = ns_fresh_flags(&plan->namespaces) & ~later,
		.joins = joins ? instance->joins : NULL,
		.boottime = &plan->boottime,
		.monotonic = &plan->monotonic,
		.cgroup_fd = instance->cgroup && !joins ? cg_birth_fd(instance->cgroup) : -1,
		.keeps_from = 3 + instance->request->preserve_fds,
		.main = enter_child,
		.context = child,
	};
}

int step_clone(struct instance *instance, struct err *err)
{
	CLEANUP_SYNC struct sync theirs = {.fd = -1};
	struct child_setup setup;
	struct child_context child = {.instance = instance, .setup = &setup};
	struct spawn_request spawning;
	bool kept;
	int result = sync_pair(&instance->sync, &theirs, child_stage_names, CHILD_STAGE_COUNT, err);

	if (result < 0)
		return result;
	instance->sync.peer = "container's first process";
	decide_what_comes(instance);
	setup = setup_of(instance);
	setup.sync = theirs;
	spawning = spawning_of(instance, &child);
	spawning.keeps = list_kept(instance, theirs.fd, &spawning.keep_count);
	if (!spawning.keeps)
		return arena_check(instance->arena, err);
	kept = processors_keep();
	result = spawn(&spawning, &instance->init, &instance->init_pidfd, err);
	if (result < 0) {
		processors_keep_end(kept, 0);
		return result;
	}
	/* Both have much to do from here on. */
	processors_begin_elsewhere(instance->init);
	processors_keep_end(kept, instance->init);
	return 0;
}

int step_clone_undo(struct instance *instance, struct err *err)
{
	const struct record_process *init = &instance->record.init;
	int status, result;

	net_ahead_drop();
	if (instance->init_pidfd < 0 && init->pid > 0)
		instance->init_pidfd = proc_open(init->pid, init->start_ticks);
	if (instance->init_pidfd < 0)
		return 0; /* gone */
	(void)proc_signal(instance->init_pidfd, SIGKILL);
	result = proc_wait_end(instance->init_pidfd, CHILD_END_WAIT_MS);
	if (result < 0)
		return err_say(err, -result, "process %d does not end",
			       instance->init > 0 ? instance->init : init->pid);
	if (instance->init > 0)
		(void)proc_wait(instance->init, &status); /* ours to reap */
	return 0;
}

int step_or_how_it_ended(const struct instance *instance, int result, struct err *err)
{
	siginfo_t end = {0};
	const char *name;

	if (result != -ECONNRESET || proc_wait_end(instance->init_pidfd, CHILD_END_WAIT_MS) < 0 ||
	    waitid(P_PIDFD, (id_t)instance->init_pidfd, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == 0)
		return result;
	if (end.si_code == CLD_EXITED)
		return err_hint(err, "it exited with %d", end.si_status);
	if (end.si_status == SIGKILL && cg_ran_out_of_memory(instance->cgroup))
		return err_hint(err, "killed, since its memory limit is too little");
	name = proc_signal_name(end.si_status);
	return err_hint(err, "killed by signal %d%s%s", end.si_status, name ? ", " : "", name ? name : "");
}

int step_or_why_gone(struct instance *instance, int result, struct err *err)
{
	if (result != -ENOENT && result != -ESRCH)
		return result;
	/*
	 * It may be on its way out, which takes a while on a busy machine: its mounts go first. A step that failed for
	 * another reason finds it waiting for its parent.
	 */
	if (proc_wait_end(instance->init_pidfd, GOING_WAIT_MS) < 0)
		return result;
	return step_or_how_it_ended(instance, sync_wait(&instance->sync, CHILD_READY, err), err);
}

/* --- Ids, cgroup, root -------------------------------------------------------------------------------------------- */

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
	return step_or_why_gone(instance, result, err);
}

/* By pid and start time together it is known again, whoever has its number later. */
int step_note_process(struct instance *instance, struct err *err)
{
	struct record_process *init = &instance->record.init;
	uint64_t start_ticks;
	int result = proc_start_time(instance->init, &start_ticks);

	if (result < 0)
		return err_set(err, -result, "read the start time of the container's first process");
	*init = (struct record_process){.pid = instance->init, .start_ticks = start_ticks};
	return 0;
}

int step_join_cgroup(struct instance *instance, struct err *err)
{
	int result = 0;

	if (joins_any(instance) || !cg_birth_is_enough(instance->cgroup)) {
		cg_warm_join();
		result = step_or_why_gone(instance, cg_join(instance->cgroup, instance->init, err), err);
	}
	if (result < 0)
		return result;
	/* Told so, the child may run hooks of its own, while other phases are still to come here. */
	instance->hooked = steps_child_has_hooks(instance->plan);
	return step_or_how_it_ended(instance, sync_send(&instance->sync, CHILD_JOINED, err), err);
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

	if (plan_child_builds_root(plan))
		return 0;
	result = rootfs_build(&plan->root, &instance->sources, instance->userns_fd,
			      copies.instance_dir ? &copies : NULL, &instance->root_fd, err);
	if (result < 0)
		return result;
	tell_of_copies(instance);
	return change_owners(plan, instance->root_fd, err);
}

int step_send_root(struct instance *instance, struct err *err)
{
	int netns_fd = instance->netns_fd = instance->netns_comes ? net_ahead_take() : -1; /* other phases', too */
	/* It may take long where many containers run. Then it comes with what the child has to wait for anyway. */
	CLEANUP_FD int sysfs_fd = instance->netns_comes ? net_ahead_take_sysfs(!instance->cgroup_comes) : -1;
	const int all[] = {instance->root_fd, netns_fd, sysfs_fd};
	int fds[ARRAY_SIZE(all)], result;
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] >= 0)
			fds[count++] = all[i];
	instance->sysfs_comes = sysfs_fd == -EAGAIN;
	result = sync_send_data(&instance->sync, CHILD_ROOT, &instance->sysfs_comes, sizeof(instance->sysfs_comes), fds,
				count, err);

	/* A descriptor that is still open here would keep the root mounted as long as the keeper lives. */
	scope_fd(&instance->root_fd);
	instance->root_fd = -1;
	return result;
}
