/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/processors.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LONGEST_TURN_NS	   100000000 /* that the kernel grants */
#define FLAG_RESET_ON_FORK 1	     /* SCHED_FLAG_RESET_ON_FORK */

/* struct sched_attr of linux/sched/types.h, which defines what <sched.h> defines, too. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t turn_ns, deadline_ns, period_ns;
};

/* By the bare call: what musl's functions of this name do is to fail. */
static bool take_policy(pid_t pid, int policy)
{
	static const struct sched_param none;

	return syscall(SYS_sched_setscheduler, pid, policy, &none) == 0;
}

/* The caller's; -1: the kernel does not say. With it comes whether what it begins is to have the usual turns. */
static int own_policy(int *ret_reset)
{
	int policy = (int)syscall(SYS_sched_getscheduler, 0);

	*ret_reset = policy < 0 ? 0 : policy & SCHED_RESET_ON_FORK;
	return policy < 0 ? -1 : policy & ~SCHED_RESET_ON_FORK;
}

bool processors_keep(void)
{
	int reset;

	return own_policy(&reset) == SCHED_OTHER && take_policy(0, SCHED_BATCH | reset);
}

void processors_keep_end(bool kept, pid_t begun)
{
	int reset;

	if (!kept)
		return;
	if (begun > 0)
		(void)take_policy(begun, SCHED_OTHER);
	(void)own_policy(&reset);
	(void)take_policy(0, SCHED_OTHER | reset);
}

void processors_give_way(void)
{
	struct attributes own = {.size = sizeof(own)};

	if (syscall(SYS_sched_getattr, 0, &own, sizeof(own), 0) < 0)
		return;
	/* What it begins would lose a niceness below 0, too. */
	if (own.policy != SCHED_OTHER || own.nice < 0)
		return;
	own.turn_ns = LONGEST_TURN_NS;
	own.flags |= FLAG_RESET_ON_FORK;
	(void)syscall(SYS_sched_setattr, 0, &own, 0);
}

/* Where the caller may run, and of these all but where it is. False: there is no other. */
static bool find_others(cpu_set_t *allowed, cpu_set_t *others)
{
	int here = sched_getcpu();

	/* It fails where there are more processors than the set has room for. */
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

/* A process, or a thread: the C library's threads have no number that could be told. */
struct begun {
	pid_t pid;
	const pthread_t *thread; /* NULL: a process */
};

static bool allow(const struct begun *begun, const cpu_set_t *set)
{
	return (begun->thread ? pthread_setaffinity_np(*begun->thread, sizeof(*set), set)
			      : sched_setaffinity(begun->pid, sizeof(*set), set)) == 0;
}

static bool look(const struct begun *begun, cpu_set_t *ret)
{
	return (begun->thread ? pthread_getaffinity_np(*begun->thread, sizeof(*ret), ret)
			      : sched_getaffinity(begun->pid, sizeof(*ret), ret)) == 0;
}

/* What it gets of all is what its cpuset has, which is the caller's: with less than that, the caller is bound. */
static void begin_elsewhere(const struct begun *begun)
{
	cpu_set_t allowed, others, all, found;

	if (!find_others(&allowed, &others) || !allow(begun, &others))
		return;
	memset(&all, 0xff, sizeof(all));
	if (!allow(begun, &all) || !look(begun, &found) || !CPU_EQUAL(&found, &allowed))
		(void)allow(begun, &allowed);
}

void processors_begin_elsewhere(pid_t pid)
{
	begin_elsewhere(&(struct begun){.pid = pid});
}

void processors_begin_thread_elsewhere(pthread_t thread)
{
	begin_elsewhere(&(struct begun){.thread = &thread});
}
