// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/spec/plan_vm_update.h"

#include <inttypes.h>

#include "runtime/spec/plan_vm.h"

#define PERIOD_US 100000

static int plan_memory(const struct plan_vm_now *now, const struct config_memory *asked, struct plan_vm_update *ret,
		       struct err *err)
{
	int64_t bytes = asked->limit.value;

	if (asked->swap.set)
		return err_say(err, ENOTSUP, "linux.resources.memory.swap: cannot be changed while a machine runs");
	if (!asked->limit.set || bytes == 0)
		return 0;
	if (bytes < 0 || (uint64_t)bytes > now->born_bytes)
		return err_say(err, ENOTSUP,
			       "linux.resources.memory.limit: a machine that runs cannot have more memory than it was "
			       "born with (%" PRIu64 "m): stop it first",
			       now->born_bytes >> 20);
	if ((uint64_t)bytes < PLAN_VM_MEMORY_MIN_BYTES)
		return err_say(err, EINVAL,
			       "linux.resources.memory.limit: %" PRId64
			       " bytes are too little for a machine: want %" PRIu64 "m or more",
			       bytes, PLAN_VM_MEMORY_MIN_BYTES >> 20);
	ret->balloon_bytes = now->born_bytes - (uint64_t)bytes;
	/* The overhead stays what it is. */
	ret->jail.memory.limit.value = (int64_t)(now->jail_bytes - (now->born_bytes - now->balloon_bytes)) + bytes;
	return 0;
}

static int plan_cpus(const struct plan_vm_now *now, const struct config_cpu *asked, struct err *err)
{
	uint64_t period = asked->period.set && asked->period.value ? asked->period.value : PERIOD_US;
	uint64_t cpus =
		asked->quota.set && asked->quota.value > 0 ? ((uint64_t)asked->quota.value + period - 1) / period : 0;

	if (cpus > now->cpus)
		return err_say(err, ENOTSUP,
			       "linux.resources.cpu.quota: a machine that runs cannot have more CPUs than it was born "
			       "with (%" PRIu64 "): stop it first",
			       now->cpus);
	return 0;
}

int plan_vm_update(const struct plan_vm_now *now, const struct config_resources *asked, struct plan_vm_update *ret,
		   struct err *err)
{
	int result;

	*ret = (struct plan_vm_update){.jail = *asked, .balloon_bytes = now->balloon_bytes};
	if (asked->devices.count)
		return err_say(err, ENOTSUP, "linux.resources.devices: a machine has none of the host's");
	if (asked->hugepage_limits.count || asked->unified.count)
		return err_say(err, ENOTSUP, "linux.resources.%s: cannot be changed while a machine runs",
			       asked->unified.count ? "unified" : "hugepageLimits");
	ret->jail.pids = (struct config_pids){0};
	ret->guest.pids = asked->pids;
	ret->has_guest = asked->pids.limit.set;
	result = plan_memory(now, &asked->memory, ret, err);
	return result < 0 ? result : plan_cpus(now, &asked->cpu, err);
}
