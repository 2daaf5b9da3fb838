/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine in the place of a network namespace: an engine (podman, CNI plug-ins) has made a namespace with interfaces
 * for a container, and what gets their packets is the machine.
 *
 *     engine's bridge ---- veth ---- eth0 10.88.0.5/16  <--redirect-->  tap ---- the machine's own eth0 10.88.0.5/16
 *                                    `--------- the namespace ---------'
 *
 * Each interface gets a tap beside it, and a rule on either (an ingress qdisc with a filter that takes everything)
 * sends to the other what comes in: nothing reaches the namespace's own stack, and the machine has the interface's MAC
 * address, so that neighbours, rules and ports of the engine hold as they are. The tap goes with its last descriptor.
 * The rule on the interface stays as long as the namespace, and drops what comes; the next machine puts its own there.
 *
 * For root, and a process with one thread: it enters the namespace for a moment (network.h).
 */
#ifndef HULL_NET_STAND_IN_H
#define HULL_NET_STAND_IN_H

#include "net/interface.h"
#include "runtime/base/err.h"

#define STAND_IN_INTERFACES 4

struct stand_in {
	unsigned count;
	struct interface interfaces[STAND_IN_INTERFACES];
	int taps[STAND_IN_INTERFACES]; /* of each: non-blocking, CLOEXEC (net/tap.h) */
};

/*
 * Takes the place of all Ethernet interfaces that are up in the namespace at `path`; none is success. The descriptors
 * are the caller's. On failure nothing stays open. -EBUSY: another machine has the place; -ENOTSUP: it is the process's
 * own namespace, the host's; -E2BIG: more than STAND_IN_INTERFACES; -ENOTRECOVERABLE: see network.h.
 */
int net_stand_in(const char *path, struct stand_in *ret, struct err *err);

/*
 * Whether the namespace has an Ethernet interface that is up and in whose place no machine is: 1 with the name of the
 * first; 0; -errno as above. What was put there after a machine had taken the others' place does not come to it.
 */
int net_stand_in_missed(const char *path, char ret_name[static IF_NAMESIZE], struct err *err);

#endif
