// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/figures.h"

#include <inttypes.h>

#include "runtime/base/json.h"

#define UNKNOWN "--"

const struct figures figures_unknown = {
	.cpu_ns = CG_STAT_UNKNOWN,
	.cpu_centi = CG_STAT_UNKNOWN,
	.memory_usage = CG_STAT_UNKNOWN,
	.memory_limit = CG_STAT_UNKNOWN,
	.memory_centi = CG_STAT_UNKNOWN,
	.received = CG_STAT_UNKNOWN,
	.sent = CG_STAT_UNKNOWN,
	.read = CG_STAT_UNKNOWN,
	.written = CG_STAT_UNKNOWN,
	.pids = CG_STAT_UNKNOWN,
	.pids_limit = CG_STAT_UNKNOWN,
};

/* What the kernel takes back when others need it does not count. Without a limit all there is may be used. */
static void take_memory(const struct guest_stats *inside, struct figures *ret)
{
	const struct cg_stat *stat = &inside->stat;
	uint64_t cache = stat->memory_inactive_file_bytes;

	if (!stat->has_memory)
		return;
	ret->memory_usage = stat->memory_usage_bytes;
	if (cache != CG_STAT_UNKNOWN && cache < ret->memory_usage)
		ret->memory_usage -= cache;
	ret->memory_limit = stat->memory_limit_bytes;
	if (ret->memory_limit > inside->memory_total_bytes)
		ret->memory_limit = inside->memory_total_bytes;
	if (ret->memory_limit > 0)
		ret->memory_centi = (uint64_t)((double)ret->memory_usage * 10000 / (double)ret->memory_limit);
}

struct figures figures_of(const struct usage *usage)
{
	const struct cg_stat *stat = &usage->inside.stat;
	struct figures figures = figures_unknown;

	figures.usage = usage;
	if (!usage->is_known)
		return figures;
	if (stat->has_cpu)
		figures.cpu_ns = stat->cpu_total_ns;
	take_memory(&usage->inside, &figures);
	if (usage->inside.interfaces.count > 0)
		net_counters_sum(&usage->inside.interfaces, &figures.received, &figures.sent);
	if (stat->has_blkio) {
		figures.read = stat->blkio_read_bytes;
		figures.written = stat->blkio_write_bytes;
	}
	if (stat->has_pids) {
		figures.pids = stat->pids_current;
		figures.pids_limit = stat->pids_limit == CG_STAT_UNLIMITED ? CG_STAT_UNKNOWN : stat->pids_limit;
	}
	return figures;
}

const char *figures_share(struct arena *arena, uint64_t centi)
{
	return centi == CG_STAT_UNKNOWN ? UNKNOWN
					: arena_printf(arena, "%" PRIu64 ".%02" PRIu64 "%%", centi / 100, centi % 100);
}

const char *figures_pair(struct arena *arena, uint64_t one, uint64_t other)
{
	char one_words[32], other_words[32];

	return arena_printf(arena, "%s / %s", one == CG_STAT_UNKNOWN ? UNKNOWN : text_size_words(one, one_words),
			    other == CG_STAT_UNKNOWN ? UNKNOWN : text_size_words(other, other_words));
}

const char *figures_count(struct arena *arena, uint64_t count)
{
	return count == CG_STAT_UNKNOWN ? UNKNOWN : arena_printf(arena, "%" PRIu64, count);
}

static void put(struct json_writer *w, const char *key, uint64_t value)
{
	if (value < CG_STAT_UNLIMITED)
		json_put_u64(w, key, value);
}

static void put_share(struct json_writer *w, const char *key, uint64_t centi)
{
	if (centi != CG_STAT_UNKNOWN)
		json_put(w, key, &(struct json){.type = JSON_DOUBLE, .number = (double)centi / 100});
}

void figures_document(const struct instance_view *view, const struct figures *figures, struct text *to)
{
	struct json_writer w = {.out = to};

	json_open(&w, NULL);
	json_put_string(&w, "id", view->id);
	json_put_string(&w, "name", view->extension->name);
	put_share(&w, "cpuPercent", figures->cpu_centi);
	put(&w, "cpuNanoseconds", figures->cpu_ns);
	put(&w, "memoryUsageBytes", figures->memory_usage);
	put(&w, "memoryLimitBytes", figures->memory_limit);
	put_share(&w, "memoryPercent", figures->memory_centi);
	put(&w, "networkReceivedBytes", figures->received);
	put(&w, "networkSentBytes", figures->sent);
	put(&w, "blockReadBytes", figures->read);
	put(&w, "blockWrittenBytes", figures->written);
	put(&w, "pids", figures->pids);
	put(&w, "pidsLimit", figures->pids_limit);
	if (figures->usage && figures->usage->is_machine) {
		const struct cg_stat *machine = &figures->usage->machine;

		json_open(&w, "machine");
		put(&w, "cpuNanoseconds", machine->has_cpu ? machine->cpu_total_ns : CG_STAT_UNKNOWN);
		put(&w, "memoryUsageBytes", machine->has_memory ? machine->memory_usage_bytes : CG_STAT_UNKNOWN);
		put(&w, "memoryLimitBytes", machine->has_memory ? machine->memory_limit_bytes : CG_STAT_UNKNOWN);
		put(&w, "pids", machine->has_pids ? machine->pids_current : CG_STAT_UNKNOWN);
		json_close(&w);
	}
	json_close(&w);
}
