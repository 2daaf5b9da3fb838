// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New limits of a machine that runs. A guest gives memory up when it can, and takes back what it is given at once: so a
 * jail becomes smaller behind its guest, and larger before it. All of it, or nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/process.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/control.h"
#include "runtime/core/usage.h"
#include "runtime/spec/plan_vm_update.h"

#define GIVE_UP_MS    10000 /* how long a guest may take to give memory up */
#define LOOK_AGAIN_MS 50
/* What a guest gives up comes in pages; the last of them may be hard to find. */
#define NEARLY(bytes) ((bytes) - ((bytes) >> 6))

static int look(struct instance *instance, struct plan_vm_now *ret, uint64_t *ret_given_up, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *answer;
	struct cg_stat jail;
	int result = vm_control(instance->state_fd, &arena, "stats\n", &answer, err);

	if (result >= 0)
		result = json_u64(json_get(answer, "memory_bytes"), &ret->born_bytes, err);
	if (result >= 0)
		result = json_u64(json_get(answer, "balloon_target_bytes"), &ret->balloon_bytes, err);
	if (result >= 0)
		result = json_u64(json_get(answer, "cpus"), &ret->cpus, err);
	if (result >= 0)
		result = json_u64(json_get(answer, "balloon_bytes"), ret_given_up, err);
	if (result >= 0)
		result = cg_stat(instance->cgroup, &jail, err);
	if (result >= 0)
		ret->jail_bytes = jail.memory_limit_bytes;
	return result;
}

/* --- Parts of an update ------------------------------------------------------------------------------------------- */

static int set_balloon(const struct instance *instance, uint64_t bytes, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *answer;
	char words[48];

	(void)snprintf(words, sizeof(words), "balloon %" PRIu64 "\n", bytes);
	return vm_control(instance->state_fd, &arena, words, &answer, err);
}

/* Waits until the guest has given up what it was asked to. */
static int shrink(struct instance *instance, uint64_t bytes, struct err *err)
{
	uint64_t until_ns = proc_monotonic_ns() + (uint64_t)GIVE_UP_MS * 1000000, given_up = 0;
	struct plan_vm_now now;
	int result = set_balloon(instance, bytes, err);

	while (result >= 0 && given_up < NEARLY(bytes)) {
		if (proc_monotonic_ns() > until_ns)
			return err_say(err, EBUSY,
				       "the machine needs its memory: it gave up %" PRIu64 "m of %" PRIu64 "m",
				       given_up >> 20, bytes >> 20);
		(void)poll(NULL, 0, LOOK_AGAIN_MS);
		result = look(instance, &now, &given_up, err);
	}
	return result;
}

static int set_jail(struct instance *instance, const struct config_resources *resources, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_limits limits;
	int result = plan_limits(&arena, resources, &limits, err);

	return result < 0 ? result : cg_update(instance->cgroup, &limits, err);
}

static int set_guest(struct instance *instance, struct config_resources *resources, struct err *err)
{
	const struct guest_exec question = {.version = GUEST_VERSION,
					    .question = GUEST_ASKS_LIMITS,
					    .resources = resources};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *answer;

	return vm_ask(instance->store, &instance->record, &question, &arena, &answer, err);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

/* How many processes the guest's container may have: -1, any number. */
static int read_pids(const struct instance *instance, struct arena *arena, int64_t *ret, struct err *err)
{
	struct usage usage;
	int result = usage_read(instance->store, arena, instance->record.id, &usage, err);
	uint64_t limit = usage.inside.stat.pids_limit;

	*ret = result < 0 || !usage.inside.stat.has_pids || limit > INT64_MAX ? -1 : (int64_t)limit;
	return result;
}

/* The jail's memory alone. */
static int bound_jail(struct instance *instance, uint64_t bytes, struct err *err)
{
	const struct config_resources resources = {.memory.limit = {true, (int64_t)bytes}};

	return set_jail(instance, &resources, err);
}

/* What each has, once it was asked to change: how far an update got. */
struct applying {
	struct instance *instance;
	const struct plan_vm_now *now;
	struct plan_vm_update *update;
	struct config_resources guest_before;
	bool guest_changed, memory_changed;
};

/*
 * A jail that becomes larger does so before its guest, and one that becomes smaller behind it, with all else that is
 * the jail's.
 */
static int set_memory(struct applying *a, struct err *err)
{
	uint64_t before = a->now->balloon_bytes, wanted = a->update->balloon_bytes;
	int result = 0;

	a->memory_changed = wanted != before;
	if (wanted > before)
		return shrink(a->instance, wanted, err);
	if (wanted < before)
		result = bound_jail(a->instance, (uint64_t)a->update->jail.memory.limit.value, err);
	if (result >= 0 && wanted < before)
		result = set_balloon(a->instance, wanted, err);
	return result;
}

/*
 * Nobody hears of what fails here: that the update did is what there is to say. (A cgroup that could not be changed is
 * as it was.)
 */
static void take_back(struct applying *a)
{
	uint64_t before = a->now->balloon_bytes;
	struct err ignored = ERR_INIT;

	if (a->memory_changed && a->update->balloon_bytes > before)
		(void)set_balloon(a->instance, before, &ignored);
	else if (a->memory_changed && shrink(a->instance, before, &ignored) >= 0)
		(void)bound_jail(a->instance, a->now->jail_bytes, &ignored);
	if (a->guest_changed)
		(void)set_guest(a->instance, &a->guest_before, &ignored);
}

static int apply(struct instance *instance, const struct plan_vm_now *now, struct plan_vm_update *update,
		 struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct applying a = {.instance = instance, .now = now, .update = update};
	int result = 0;

	a.guest_before.pids.limit.set = true;
	if (update->has_guest)
		result = read_pids(instance, &arena, &a.guest_before.pids.limit.value, err);
	if (result >= 0 && update->has_guest)
		result = set_guest(instance, &update->guest, err);
	if (result < 0)
		return result;
	a.guest_changed = update->has_guest;
	result = set_memory(&a, err);
	if (result >= 0)
		result = set_jail(instance, &update->jail, err);
	if (result < 0)
		take_back(&a);
	return result;
}

int vm_update(struct instance *instance, const struct config_resources *resources, const struct cg_limits *limits,
	      struct err *err)
{
	struct lifecycle state = lifecycle_look(&instance->record, instance->state_fd, true);
	struct plan_vm_update update;
	struct plan_vm_now now;
	uint64_t given_up;
	int result;

	(void)limits;
	if (state.status != RECORD_RUNNING)
		return err_say(err, EINVAL, "a machine that is %s cannot be updated: nobody answers in it",
			       record_status_name(state.status));
	result = look(instance, &now, &given_up, err);
	if (result >= 0)
		result = plan_vm_update(&now, resources, &update, err);
	return result < 0 ? result : apply(instance, &now, &update, err);
}
