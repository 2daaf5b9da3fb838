// SPDX-License-Identifier: GPL-2.0-or-later
/* The phase that moves interfaces of the host in. A file of its own beside steps.c: few instances have any. */
#include "net/move.h"
#include "runtime/base/scope.h"
#include "runtime/core/instance.h"
#include "runtime/core/steps.h"
#include "runtime/core/steps_parts.h"

int step_net_devices(struct instance *instance, struct err *err)
{
	const struct plan_net *net = &instance->plan->net;
	int netns, result;

	if (net->move_count == 0) {
		scope_fd(&instance->netns_fd);
		instance->netns_fd = -1;
		return 0;
	}
	instance->moved = arena_array(instance->arena, net->move_count, sizeof(*instance->moved));
	if (!instance->moved)
		return arena_check(instance->arena, err);
	result = netns = steps_open_netns(instance, err);
	if (result >= 0)
		result = net_move_in(net->moves, net->move_count, netns, instance->moved, err);
	if (result < 0)
		return err_wrap(err, "linux.netDevices");
	instance->moved_count = net->move_count;
	return 0;
}

/*
 * Only for a creation that fails, whose caller must find the host as it was. Of a container that was there the
 * specification says that its runtime must not move them out: they are the namespace's.
 */
int step_net_devices_undo(struct instance *instance, struct err *err)
{
	if (!instance->request || instance->moved_count == 0)
		return 0;
	return net_move_back(instance->moved, instance->moved_count, instance->netns_fd, err);
}
