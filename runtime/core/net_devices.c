// SPDX-License-Identifier: GPL-2.0-or-later
/* The phase that moves interfaces of the host in. A file of its own beside steps.c: few instances have any. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "net/move.h"
#include "runtime/core/instance.h"
#include "runtime/core/steps.h"

static int open_network_namespace(const struct instance *instance, struct err *err)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", instance->init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open the container's network namespace") : fd;
}

int step_net_devices(struct instance *instance, struct err *err)
{
	const struct plan_net *net = &instance->plan->net;
	int result;

	if (net->move_count == 0)
		return 0;
	instance->moved = arena_array(instance->arena, net->move_count, sizeof(*instance->moved));
	if (!instance->moved)
		return arena_check(instance->arena, err);
	result = instance->moved_netns_fd = open_network_namespace(instance, err);
	if (result >= 0)
		result = net_move_in(net->moves, net->move_count, instance->moved_netns_fd, instance->moved, err);
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
	return net_move_back(instance->moved, instance->moved_count, instance->moved_netns_fd, err);
}
