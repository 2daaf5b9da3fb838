/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/dirty_rate.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"

_Static_assert(GUEST_MAX_REGIONS <= HV_MAX_SLOTS, "a slot for each region");
_Static_assert(GUEST_PAGE_BYTES == HV_PAGE_BYTES, "both logs are of the same pages");

static uint64_t words_of(const struct guest_region *region)
{
	return (region->bytes / HV_PAGE_BYTES + 63) / 64;
}

/* --- the logs: the hypervisor's, of its processors, and that of our devices --------------------------------------- */

/* All regions, or none when one fails. */
static int begin_logs(struct machine *machine, struct err *err)
{
	struct hv *hv = machine->hv;
	struct err ignored = ERR_INIT;
	unsigned begun = 0;
	int r = guest_memory_log_begin(&machine->memory, err);

	while (r == 0 && begun < machine->memory.region_count) {
		r = hv->ops->dirty_log(hv, begun, true, err);
		if (r == 0)
			begun++;
	}
	if (r == 0)
		return 0;
	while (begun > 0)
		(void)hv->ops->dirty_log(hv, --begun, false, &ignored);
	guest_memory_log_end(&machine->memory);
	return r;
}

static int end_logs(struct machine *machine, struct err *err)
{
	struct hv *hv = machine->hv;
	int r = 0;

	for (unsigned i = 0; i < machine->memory.region_count; i++) {
		int one = hv->ops->dirty_log(hv, i, false, err);

		r = r < 0 ? r : one;
	}
	guest_memory_log_end(&machine->memory);
	return r;
}

/* A page that was written by both counts once. */
static int read_logs(struct machine *machine, uint64_t *bitmap, uint64_t *ret_pages, struct err *err)
{
	struct hv *hv = machine->hv;

	*ret_pages = 0;
	for (unsigned i = 0; i < machine->memory.region_count; i++) {
		uint64_t words = words_of(&machine->memory.regions[i]);
		int r = hv->ops->dirty_read(hv, i, bitmap, err);

		if (r < 0)
			return r;
		for (uint64_t word = 0; word < words; word++)
			*ret_pages += (unsigned)__builtin_popcountll(bitmap[word] |
								     guest_memory_log_take(&machine->memory, i, word));
	}
	return 0;
}

/* --- a measurement ------------------------------------------------------------------------------------------------ */

static void release(struct dirty_rate *rate)
{
	free(rate->bitmap);
	rate->bitmap = NULL;
	loop_timer_close(&rate->machine->loop, &rate->timer);
}

static void time_is_up(struct loop *loop, struct loop_timer *timer)
{
	struct dirty_rate *rate = CONTAINER_OF(timer, struct dirty_rate, timer);
	struct err ignored = ERR_INIT;
	int read, ended;

	(void)loop;
	rate->took_ns = proc_monotonic_ns() - rate->began_ns;
	rate->err = ERR_INIT;
	read = read_logs(rate->machine, rate->bitmap, &rate->pages, &rate->err);
	ended = end_logs(rate->machine, read < 0 ? &ignored : &rate->err);
	rate->state = read < 0 || ended < 0 ? DIRTY_RATE_FAILED : DIRTY_RATE_MEASURED;
	release(rate);
}

static int make_room(struct dirty_rate *rate, struct err *err)
{
	const struct guest_memory *memory = &rate->machine->memory;
	uint64_t words = 0;

	for (unsigned i = 0; i < memory->region_count; i++)
		if (words_of(&memory->regions[i]) > words)
			words = words_of(&memory->regions[i]);
	rate->bitmap = calloc(words, sizeof(*rate->bitmap));
	return rate->bitmap ? 0 : err_set(err, ENOMEM, "the log of written pages");
}

static int begin_time(struct dirty_rate *rate, uint64_t ms, struct err *err)
{
	struct err ignored = ERR_INIT;
	int r = loop_timer_set(&rate->timer, ms);

	rate->began_ns = proc_monotonic_ns();
	if (r == 0)
		return 0;
	(void)end_logs(rate->machine, &ignored);
	return err_set(err, r, "dirty-rate");
}

int dirty_rate_begin(struct dirty_rate *rate, uint64_t ms, struct err *err)
{
	int r;

	if (ms == 0 || ms > DIRTY_RATE_MAX_MS)
		return err_say(err, EINVAL, "dirty-rate: want 1 to %d milliseconds", DIRTY_RATE_MAX_MS);
	if (rate->state == DIRTY_RATE_MEASURING)
		return err_say(err, EBUSY, "dirty-rate: it is being measured already: try again behind that");
	if (rate->machine->paused)
		return err_say(err, EINVAL, "dirty-rate: the machine is paused, and writes nothing");
	rate->timer.expired = time_is_up;
	r = loop_timer_open(&rate->machine->loop, &rate->timer, err);
	if (r < 0)
		return r;
	r = make_room(rate, err);
	if (r == 0)
		r = begin_logs(rate->machine, err);
	if (r == 0)
		r = begin_time(rate, ms, err);
	if (r < 0)
		release(rate);
	rate->state = r < 0 ? DIRTY_RATE_UNSTARTED : DIRTY_RATE_MEASURING;
	return r;
}

int dirty_rate_tell(const struct dirty_rate *rate, struct json_writer *answer, struct err *err)
{
	switch (rate->state) {
	case DIRTY_RATE_UNSTARTED:
		return err_say(err, ENODATA, "dirty-rate: nothing was measured");
	case DIRTY_RATE_FAILED:
		*err = rate->err;
		return -err->code;
	case DIRTY_RATE_MEASURING:
		json_put_string(answer, "status", "measuring");
		return 0;
	case DIRTY_RATE_MEASURED:
		json_put_string(answer, "status", "measured");
		json_put_u64(answer, "milliseconds", rate->took_ns / 1000000);
		json_put_u64(answer, "bytes", rate->pages * HV_PAGE_BYTES);
		return 0;
	}
	return 0;
}

void dirty_rate_close(struct dirty_rate *rate)
{
	if (rate->state == DIRTY_RATE_MEASURING)
		release(rate);
	rate->state = DIRTY_RATE_UNSTARTED;
}
