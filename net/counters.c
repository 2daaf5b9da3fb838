// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/counters.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/file.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)

bool net_counters_apart(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat("/proc/self/ns/net", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino != theirs.st_ino;
}

/*
 * "  eth0: 1296 16 0 0 0 0 0 0 840 12 0 0 0 0 0 0": eight figures of what came, eight of what went. False for the
 * heading.
 */
static bool take_line(struct arena *arena, const char *line, struct net_counter *ret)
{
	char name[64];

	*ret = (struct net_counter){0};
	if (sscanf(line,
		   " %63[^:]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   name, &ret->rx_bytes, &ret->rx_packets, &ret->rx_errors, &ret->rx_dropped, &ret->tx_bytes,
		   &ret->tx_packets, &ret->tx_errors, &ret->tx_dropped) != 9)
		return false;
	ret->name = arena_strdup(arena, name);
	return ret->name;
}

void net_counters_read(struct arena *arena, pid_t pid, struct net_counters *ret)
{
	struct net_counter *items = arena_array(arena, NET_COUNTERS_MAX, sizeof(*items));
	struct err ignored = ERR_INIT;
	char path[64], *text, *rest = NULL;
	size_t len;

	*ret = (struct net_counters){0};
	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	if (!items || file_read(arena, AT_FDCWD, path, FILE_MAX_BYTES, &text, &len, &ignored) < 0)
		return;
	ret->items = items;
	for (char *line; (line = strtok_r(text, "\n", &rest)) && ret->count < NET_COUNTERS_MAX; text = NULL)
		ret->count += take_line(arena, line, &items[ret->count]);
}

void net_counters_sum(const struct net_counters *counters, uint64_t *ret_received, uint64_t *ret_sent)
{
	*ret_received = *ret_sent = 0;
	for (size_t i = 0; i < counters->count; i++) {
		if (strcmp(counters->items[i].name, "lo") == 0)
			continue;
		*ret_received += counters->items[i].rx_bytes;
		*ret_sent += counters->items[i].tx_bytes;
	}
}
