// SPDX-License-Identifier: GPL-2.0-or-later
/* The phases that lead from a root to a running program: network, hooks, go. */
#include "runtime/core/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "net/ahead.h"
#include "net/counters.h"
#include "net/network.h"
#include "runtime/base/process.h"
#include "runtime/core/child.h"
#include "runtime/core/filter.h"
#include "runtime/core/hooks.h"
#include "runtime/core/instance.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/netfiles.h"
#include "runtime/core/pid_file.h"
#include "runtime/core/pid_socket.h"
#include "runtime/core/sealed.h"
#include "runtime/core/steps_parts.h"
#include "runtime/core/unmounting.h"

#define LOOK_AGAIN_MS 1 /* for the first process's network namespace */

/* --- Network ------------------------------------------------------------------------------------------------------ */

int step_keep_lease(struct instance *instance, const struct net_lease *lease, struct err *err)
{
	struct record_net *net = &instance->record.net;

	net->ip = arena_strdup(instance->arena, lease->ip);
	net->gateway = arena_strdup(instance->arena, lease->gateway);
	net->mac = arena_strdup(instance->arena, lease->mac);
	net->veth = arena_strdup(instance->arena, lease->veth);
	net->prefix_len = lease->prefix_len;
	return arena_check(instance->arena, err);
}

/* None was made ahead: then the first process makes its own, once it has been told so. It may also end. */
static void await_own_netns(const struct instance *instance)
{
	while (!net_counters_apart(instance->init) && proc_wait_end(instance->init_pidfd, LOOK_AGAIN_MS) < 0)
		;
}

int steps_open_netns(struct instance *instance, struct err *err)
{
	char path[64];

	if (instance->netns_fd >= 0)
		return instance->netns_fd;
	if (instance->netns_comes)
		await_own_netns(instance);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", instance->init);
	instance->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (instance->netns_fd < 0)
		return step_or_why_gone(instance, err_set(err, errno, "open the container's network namespace"), err);
	return instance->netns_fd;
}

int step_network(struct instance *instance, struct err *err)
{
	const struct plan_net *net = &instance->plan->net;
	bool lo_is_up = instance->netns_comes && net_ahead_end();
	struct net_lease lease = {0};
	struct err ignored = ERR_INIT;
	int netns = -1, result = 0;

	if ((net->kind == PLAN_NET_LOOPBACK && net->from_inside) || instance->plan->vm)
		return 0; /* done inside; or a machine has it already */
	if (net->kind != PLAN_NET_UNTOUCHED && !lo_is_up) {
		netns = steps_open_netns(instance, err);
		if (netns < 0)
			return netns;
	}
	if (net->kind == PLAN_NET_LOOPBACK && !lo_is_up)
		result = net_loopback_up(netns, err);
	if (net->kind == PLAN_NET_ATTACH)
		result = net_attach(&net->request, netns, &lease, err);
	if (result < 0)
		return err_wrap(err, "network");
	if (net->kind == PLAN_NET_ATTACH)
		result = step_keep_lease(instance, &lease, err);
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

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

int steps_run_hooks(struct instance *instance, enum plan_hook_kind kind, enum record_status status, pid_t pid,
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

bool steps_child_has_hooks(const struct plan *plan)
{
	return plan->hooks[HOOK_CREATE_CONTAINER].count > 0;
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
		result = steps_run_hooks(instance, HOOK_PRESTART, RECORD_CREATING, instance->init, err);
	if (result >= 0)
		result = steps_run_hooks(instance, HOOK_CREATE_RUNTIME, RECORD_CREATING, instance->init, err);
	if (result >= 0)
		result = sync_send(&instance->sync, CHILD_HOOKED, err);
	return result;
}

void step_poststop(struct instance *instance)
{
	struct err ignored = ERR_INIT;

	if (instance->hooked)
		(void)steps_run_hooks(instance, HOOK_POSTSTOP, RECORD_STOPPED, 0, &ignored);
}

/* --- Ready, created, go ------------------------------------------------------------------------------------------- */

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

int steps_hand_out(struct instance *instance, unsigned number, struct err *err)
{
	int result = instance->terminal >= 0 ? hand_over_terminal(instance, number, err) : 0;

	if (result >= 0 && instance->request->pidfd_socket)
		result = pid_socket_send(instance->request->pidfd_socket, PID_SOCKET_FIRST, instance->init_pidfd, err);
	return result < 0 ? result : pid_file_write(instance->request->pid_file, instance->init, err);
}

/* Written before it is true: should this process be killed now, the program is found, and found dead or alive. */
static int say_running(struct instance *instance, struct err *err)
{
	if (instance->record.status == RECORD_RUNNING)
		return 0;
	return lifecycle_enter(&instance->record, instance->state_fd, RECORD_RUNNING, err);
}

/*
 * The mount that this process runs from (sealed.c) is given up before the program runs where that could see this
 * process; in a process namespace of its own it cannot, and step_go() does so.
 */
static int send_go_early(struct instance *instance, struct err *err)
{
	if (instance->plan->namespaces.kind[NS_PID].how != NS_FRESH)
		sealed_self_finish();
	return step_or_how_it_ended(instance, sync_send(&instance->sync, CHILD_GO, err), err);
}

int step_ready(struct instance *instance, struct err *err)
{
	const struct create_request *request = instance->request;
	const struct plan *plan = instance->plan;
	unsigned number = 0, fd_count = 1;
	size_t len = sizeof(number);
	int result = 0;

	/*
	 * The child is still at work, and this need not wait for it: unless GO depends on more than that, or hooks run
	 * meanwhile.
	 */
	if (!request->wait_for_start && !request->unless_stopped && !steps_child_has_hooks(plan))
		result = say_running(instance, err);
	if (result >= 0 && instance->goes_by_itself)
		return send_go_early(instance, err);
	sealed_self_finish();
	if (result >= 0)
		result = sync_wait_data(&instance->sync, CHILD_READY, &number, &len, &instance->terminal, &fd_count,
					err);
	if (result < 0)
		return step_or_how_it_ended(instance, result, err);
	/* Late: a tight limit on files or memory, or on processes, would hit the child's own setting up. */
	result = limits_apply_outside(&plan->process.limits, instance->init, err);
	if (result >= 0 && steps_leave_room_for_errand(plan))
		result = cg_update(instance->cgroup, &(struct cg_limits){.pids_limit = plan->cgroup.limits->pids_limit},
				   err);
	return result < 0 ? result : steps_hand_out(instance, number, err);
}

int step_pid_file_undo(struct instance *instance, struct err *err)
{
	(void)err;
	if (instance->request && instance->request->pid_file)
		(void)unlink(instance->request->pid_file);
	return 0;
}

/*
 * With GO to come from control_start(), the record must say created before that; else the two changes of state are
 * written as one.
 */
int step_created(struct instance *instance, struct err *err)
{
	int result;

	if (!instance->request->wait_for_start)
		return 0;
	result = lifecycle_enter(&instance->record, instance->state_fd, RECORD_CREATED, err);
	/* Until it hears this the process ends with its creator: nobody else would know of it. */
	return result < 0 ? result : sync_send(&instance->sync, CHILD_CREATED, err);
}

void steps_poststart(struct instance *instance)
{
	struct err ignored = ERR_INIT;

	if (instance->plan->hooks[HOOK_POSTSTART].count == 0)
		return;
	/* A hook may do with the container what it likes, and must not wait for us then. Nothing can fail any more. */
	store_unlock(instance->state_fd);
	(void)steps_run_hooks(instance, HOOK_POSTSTART, RECORD_RUNNING, instance->init, &ignored);
}

/* A poststop hook finds nothing mounted any more, as it always has. */
static bool is_unmounted_aside(const struct instance *instance)
{
	const struct plan *plan = instance->plan;

	return instance->request->accompanied && plan->namespaces.kind[NS_MOUNT].how == NS_FRESH && !plan->vm &&
	       plan->hooks[HOOK_POSTSTOP].count == 0;
}

int step_go(struct instance *instance, struct err *err)
{
	int result;

	if (instance->request->wait_for_start)
		return 0;
	/* Once more: who stops it waits for the creation, and it need not run first. */
	result = steps_check_wanted(instance, err);
	if (result >= 0)
		result = say_running(instance, err);
	if (result >= 0 && !instance->goes_by_itself)
		result = sync_send(&instance->sync, CHILD_GO, err);
	if (result >= 0 && is_unmounted_aside(instance))
		unmounting_start(instance->init, instance->init_pidfd, &instance->unmounting);
	/*
	 * It waits for a grace period, as the child does that leaves the host's mounts about now, and one of them waits
	 * for both. So late it is not the child. That has closed its own before: who closes the last one waits.
	 */
	sealed_self_finish();
	if (result >= 0)
		result = filter_take_listener(&instance->sync, CHILD_EXEC, instance->plan->process.seccomp,
					      &instance->record, instance->init, err);
	if (result >= 0)
		result = sync_wait_closed(&instance->sync, err);
	if (result < 0)
		return step_or_how_it_ended(instance, result, err);
	steps_poststart(instance);
	return 0;
}
