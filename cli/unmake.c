// SPDX-License-Identifier: GPL-2.0-or-later
/* __unmake: what a keeper becomes when its program has ended. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "cli/instance.h"
#include "cli/instance_start.h"
#include "runtime/core/engine.h"

#define FIRST_WAIT_MS	100
#define LONGEST_WAIT_MS 60000
#define RAN_WELL_MS	10000 /* one that has run this long is not failing to start: the next wait is short again */
#define LOOK_EVERY_MS	500   /* how soon a 'stop' in between is noticed */

/* Docker's: a tenth of a second, doubled each time. */
static uint64_t back_off_ms(const struct engine_unmade *unmade)
{
	uint64_t wait = FIRST_WAIT_MS;

	if (unmade->ran_ms >= RAN_WELL_MS)
		return wait;
	for (uint32_t i = 0; i < unmade->restart_count && wait < LONGEST_WAIT_MS; i++)
		wait *= 2;
	return wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS;
}

/*
 * False when somebody has stopped or removed it meanwhile. Who lists containers sees by the lock that one is
 * restarting.
 */
static bool wait_and_look(uint64_t wait_ms, const char *data_dir)
{
	CLEANUP_FD int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool held = false;

	while (wait_ms > 0) {
		uint64_t step = wait_ms < LOOK_EVERY_MS ? wait_ms : LOOK_EVERY_MS;
		struct timespec pause = {.tv_sec = (time_t)(step / 1000), .tv_nsec = (long)(step % 1000) * 1000000};

		held = held || (folder >= 0 && definition_hold(folder));
		(void)nanosleep(&pause, NULL);
		wait_ms -= step;
		if (!definition_is_wanted_running(data_dir))
			return false;
	}
	return true;
}

static int run_unmake(struct command_call *call, struct err *err)
{
	const char *id = call->operands.items[0];
	const char *data_dir = arena_printf(call->arena, "%s/instances/%s", hull_of(call)->data, id);
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct engine_unmade unmade = {0};
	int result = stores_open(call, &stores, err);

	if (result >= 0)
		result = arena_check(call->arena, err);
	if (result >= 0)
		result = engine_unmake(&stores.store, id, &unmade, err);
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	if (unmade.remove)
		return instance_remove(call, &stores, id, true, err);
	if (!unmade.restart || !wait_and_look(back_off_ms(&unmade), data_dir))
		return 0;
	return instance_start(call, &stores,
			      &(struct instance_starting){.id = id, .is_restart = true, .in_place = true}, NULL, err);
}

const struct command verb_unmake = {
	.name = "__unmake",
	.operands = "ID",
	.summary = "Take back what a container held, and start it again where its policy says so",
	.min_operands = 1,
	.max_operands = 1,
	.hidden = true,
	.run = run_unmake,
};
