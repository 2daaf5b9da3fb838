/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What went through the interfaces of a network namespace, as its kernel counts it. */
#ifndef HULL_NET_COUNTERS_H
#define HULL_NET_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/arena.h"

#define NET_COUNTERS_MAX 1024

struct net_counter {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct net_counters {
	struct net_counter *items;
	size_t count;
};

/* Whether a process has another network namespace than the caller. False as well when it has ended. */
bool net_counters_apart(pid_t pid);

/* Those of the process's namespace, into the arena, NET_COUNTERS_MAX at most. None when it has ended. */
void net_counters_read(struct arena *arena, pid_t pid, struct net_counters *ret);

/* Received and sent bytes of all of them, less those that only went around (lo). */
void net_counters_sum(const struct net_counters *counters, uint64_t *ret_received, uint64_t *ret_sent);

#endif
