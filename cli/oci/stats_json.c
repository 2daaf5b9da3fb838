// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/oci/stats_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json.h"

#define NS_PER_USEC 1000

/* No limit is the largest number; what is not known is left out. */
static void put(struct json_writer *w, const char *key, uint64_t value)
{
	if (value != CG_STAT_UNKNOWN)
		json_put_u64(w, key, value == CG_STAT_UNLIMITED ? UINT64_MAX : value);
}

static void put_array(struct json_writer *w, const char *key, const uint64_t *values, size_t count)
{
	if (!values)
		return;
	json_open_array(w, key);
	for (size_t i = 0; i < count; i++)
		json_put_u64(w, NULL, values[i]);
	json_close_array(w);
}

/* --- Pressure ----------------------------------------------------------------------------------------------------- */

static void put_share(struct json_writer *w, const char *key, uint32_t centi)
{
	json_put(w, key, &(struct json){.type = JSON_DOUBLE, .number = centi / 100.0});
}

static void put_pressure_line(struct json_writer *w, const char *key, const struct cg_pressure_line *line)
{
	json_open(w, key);
	put_share(w, "avg10", line->avg10_centi);
	put_share(w, "avg60", line->avg60_centi);
	put_share(w, "avg300", line->avg300_centi);
	json_put_u64(w, "total", line->total_ns / NS_PER_USEC);
	json_close(w);
}

static void put_pressure(struct json_writer *w, const struct cg_pressure *pressure)
{
	if (!pressure->has)
		return;
	json_open(w, "psi");
	put_pressure_line(w, "some", &pressure->some);
	put_pressure_line(w, "full", &pressure->full);
	json_close(w);
}

/* --- Processors --------------------------------------------------------------------------------------------------- */

static void put_cpu(struct json_writer *w, const struct stats_all *all)
{
	const struct cg_stat *stat = &all->stat;
	const struct cg_detail *detail = &all->detail;

	json_open(w, "cpu");
	if (stat->has_cpu) {
		json_open(w, "usage");
		put(w, "total", stat->cpu_total_ns);
		put_array(w, "percpu", detail->cpu_ns, detail->cpu_count);
		put_array(w, "percpu_kernel", detail->cpu_kernel_ns, detail->cpu_user_count);
		put_array(w, "percpu_user", detail->cpu_user_ns, detail->cpu_user_count);
		put(w, "kernel", stat->cpu_system_ns);
		put(w, "user", stat->cpu_user_ns);
		json_close(w);
	}
	if (stat->has_throttling) {
		json_open(w, "throttling");
		put(w, "periods", stat->cpu_periods);
		put(w, "throttledPeriods", stat->cpu_throttled_periods);
		put(w, "throttledTime", stat->cpu_throttled_ns);
		json_close(w);
	}
	put_pressure(w, &stat->cpu_pressure);
	json_close(w);
}

/* "0-2,5" as [0,1,2,5] */
static void put_list(struct json_writer *w, const char *key, const char *list)
{
	unsigned first, last;

	if (!list)
		return;
	json_open_array(w, key);
	for (int taken = 0; sscanf(list, "%u%n", &first, &taken) == 1; list += *list == ',') {
		list += taken;
		last = first;
		if (sscanf(list, "-%u%n", &last, &taken) == 1)
			list += taken;
		for (; first <= last; first++)
			json_put_u64(w, NULL, first);
	}
	json_close_array(w);
}

static void put_cpuset(struct json_writer *w, const struct cg_detail *detail)
{
	json_open(w, "cpuset");
	put_list(w, "cpus", detail->cpuset_cpus);
	put_list(w, "mems", detail->cpuset_mems);
	for (size_t i = 0; i < detail->cpuset_count; i++)
		json_put_u64(w, detail->cpuset[i].name, detail->cpuset[i].value);
	json_close(w);
}

/* --- Memory ------------------------------------------------------------------------------------------------------- */

static void put_memory_figure(struct json_writer *w, const char *key, const struct cg_memory_figure *figure)
{
	if (!figure->has)
		return;
	json_open(w, key);
	json_put_u64(w, "limit", figure->limit_bytes);
	json_put_u64(w, "usage", figure->usage_bytes);
	json_put_u64(w, "max", figure->max_bytes);
	json_put_u64(w, "failcnt", figure->failures);
	json_close(w);
}

/* Memory and swap together, as its limit is asked for. */
static uint64_t sum(uint64_t memory, uint64_t swap)
{
	if (memory >= CG_STAT_UNLIMITED || swap >= CG_STAT_UNLIMITED)
		return CG_STAT_UNLIMITED;
	return memory + swap;
}

static void put_memory(struct json_writer *w, const struct stats_all *all)
{
	const struct cg_stat *stat = &all->stat;
	const struct cg_detail *detail = &all->detail;

	json_open(w, "memory");
	if (stat->has_memory) {
		put(w, "cache", stat->memory_file_bytes);
		json_open(w, "usage");
		put(w, "limit", stat->memory_limit_bytes);
		put(w, "usage", stat->memory_usage_bytes);
		put(w, "max", stat->memory_peak_bytes);
		put(w, "failcnt", stat->memory_limit_hits);
		json_close(w);
	}
	if (stat->has_swap) {
		json_open(w, "swap");
		put(w, "limit", sum(stat->memory_limit_bytes, stat->swap_limit_bytes));
		put(w, "usage", sum(stat->memory_usage_bytes, stat->swap_usage_bytes));
		json_put_u64(w, "failcnt", 0);
		json_close(w);
	}
	put_memory_figure(w, "kernel", &detail->kernel);
	put_memory_figure(w, "kernelTCP", &detail->kernel_tcp);
	json_open(w, "raw");
	for (size_t i = 0; i < detail->memory_count; i++)
		json_put_u64(w, detail->memory[i].name, detail->memory[i].value);
	json_close(w);
	put_pressure(w, &stat->memory_pressure);
	json_close(w);
}

/* --- Devices, processes, interfaces ------------------------------------------------------------------------------- */

/* Lines of one kind stand together; each kind is an array of its own. */
static void put_devices(struct json_writer *w, const struct stats_all *all)
{
	const struct cg_detail *detail = &all->detail;
	static const char *const kinds[] = {
		"ioServiceBytesRecursive", "ioServicedRecursive", "ioQueueRecursive", "ioServiceTimeRecursive",
		"ioWaitTimeRecursive",	   "ioMergedRecursive",	  "ioTimeRecursive",  "sectorsRecursive",
	};

	json_open(w, "blkio");
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		json_open_array(w, kinds[kind]);
		for (size_t i = 0; i < detail->device_count; i++) {
			const struct cg_device_figure *figure = &detail->devices[i];

			if (strcmp(figure->what, kinds[kind]) != 0)
				continue;
			json_open(w, NULL);
			json_put_u64(w, "major", figure->major);
			json_put_u64(w, "minor", figure->minor);
			if (*figure->op)
				json_put_string(w, "op", figure->op);
			json_put_u64(w, "value", figure->value);
			json_close(w);
		}
		json_close_array(w);
	}
	put_pressure(w, &all->stat.io_pressure);
	json_close(w);
}

static void put_hugetlb(struct json_writer *w, const struct cg_detail *detail)
{
	json_open(w, "hugetlb");
	for (size_t i = 0; i < detail->hugetlb_count; i++) {
		const struct cg_hugetlb_figure *figure = &detail->hugetlb[i];

		json_open(w, figure->page_size);
		json_put_u64(w, "usage", figure->usage_bytes);
		json_put_u64(w, "max", figure->max_bytes);
		json_put_u64(w, "failcnt", figure->failures);
		json_close(w);
	}
	json_close(w);
}

/* The names have no case of their own anywhere else: engines read them so. */
static void put_interfaces(struct json_writer *w, const struct stats_all *all)
{
	json_open_array(w, "network_interfaces");
	for (size_t i = 0; i < all->interfaces.count; i++) {
		const struct net_counter *interface = &all->interfaces.items[i];

		json_open(w, NULL);
		json_put_string(w, "Name", interface->name);
		json_put_u64(w, "RxBytes", interface->rx_bytes);
		json_put_u64(w, "RxPackets", interface->rx_packets);
		json_put_u64(w, "RxErrors", interface->rx_errors);
		json_put_u64(w, "RxDropped", interface->rx_dropped);
		json_put_u64(w, "TxBytes", interface->tx_bytes);
		json_put_u64(w, "TxPackets", interface->tx_packets);
		json_put_u64(w, "TxErrors", interface->tx_errors);
		json_put_u64(w, "TxDropped", interface->tx_dropped);
		json_close(w);
	}
	json_close_array(w);
}

void stats_json(const char *id, const struct stats_all *all, struct text *to)
{
	struct json_writer w = {.out = to};

	json_open(&w, NULL);
	json_put_string(&w, "type", "stats");
	json_put_string(&w, "id", id);
	json_open(&w, "data");
	put_cpu(&w, all);
	put_cpuset(&w, &all->detail);
	put_memory(&w, all);
	json_open(&w, "pids");
	if (all->stat.has_pids) {
		put(&w, "current", all->stat.pids_current);
		/* No limit is 0 here. */
		put(&w, "limit", all->stat.pids_limit == CG_STAT_UNLIMITED ? 0 : all->stat.pids_limit);
	}
	json_close(&w);
	put_devices(&w, all);
	put_hugetlb(&w, &all->detail);
	put_interfaces(&w, all);
	json_close(&w);
	json_close(&w);
	text_add(to, "\n");
}
