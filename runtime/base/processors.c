/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/processors.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/scope.h"

#define ONLINE "/sys/devices/system/cpu/online"

/* "0-3,8": whether all of them are in the set, which is only read. What reads otherwise is not. */
static bool covers(cpu_set_t *set, const char *list)
{
	const char *at = list;

	for (;;) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end != at && *end == '-') {
			at = end + 1;
			last = strtoul(at, &end, 10);
		}
		if (end == at || last < first || last >= CPU_SETSIZE)
			return false;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			if (!CPU_ISSET(cpu, set))
				return false;
		if (*end != ',')
			return *end == '\n' && end[1] == '\0';
		at = end + 1;
	}
}

bool processors_are_all_allowed(void)
{
	CLEANUP_FD int fd = open(ONLINE, O_RDONLY | O_CLOEXEC);
	char list[512];
	ssize_t len = fd < 0 ? -1 : read(fd, list, sizeof(list) - 1);
	cpu_set_t allowed;

	if (len <= 0)
		return false;
	list[len] = '\0';
	/* It fails where there are more processors than the set has room for. */
	return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && covers(&allowed, list);
}

/* Where the caller may run, and of these all but where it is. False: there is no other. */
static bool find_others(cpu_set_t *allowed, cpu_set_t *others)
{
	int here = sched_getcpu();

	if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof(*allowed), allowed) < 0)
		return false;
	*others = *allowed;
	CPU_CLR((unsigned)here, others);
	return CPU_COUNT(others) > 0;
}

void processors_send_elsewhere(pid_t pid)
{
	cpu_set_t allowed, others;

	/* It goes where it is allowed to be; that it is allowed to come back does not move it again. */
	if (find_others(&allowed, &others) && sched_setaffinity(pid, sizeof(others), &others) == 0)
		(void)sched_setaffinity(pid, sizeof(allowed), &allowed);
}

void processors_send_thread_elsewhere(pthread_t thread)
{
	cpu_set_t all, others;

	if (!find_others(&all, &others) || pthread_setaffinity_np(thread, sizeof(others), &others) != 0)
		return;
	memset(&all, 0xff, sizeof(all));
	(void)pthread_setaffinity_np(thread, sizeof(all), &all);
}

void processors_allow_all(pid_t pid)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	(void)sched_setaffinity(pid, sizeof(all), &all);
}
