/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Figures: one table for both designs. A row names the figure, and where each design keeps it: a file, and a key where
 * the file has many. Rows of one file stand together, so that it is read once.
 */
#include "cgroups/stats.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cgroups/folder.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define MAX_STAT_BYTES (64 * 1024)
#define ALL_AT_ONCE    "" /* key: the whole file is one number */
#define NS_PER_USEC    1000
/* v1 writes "no limit" as the largest number of pages that fits. */
#define V1_UNLIMITED (UINT64_C(1) << 62)

struct source {
	const char *file, *key; /* file NULL: this design does not tell */
	unsigned scale;
};

struct figure {
	size_t offset;	   /* of the uint64_t in cg_stat */
	size_t has_offset; /* of the flag that the figure raises; NO_FLAG: none */
	enum cg_controller controller;
	struct source v1, v2;
};

#define AT(field) offsetof(struct cg_stat, field)
#define NO_FLAG	  SIZE_MAX
#define NONE                  \
	{                     \
		NULL, NULL, 0 \
	}

static const struct figure figures[] = {
	{AT(cpu_total_ns),
	 AT(has_cpu),
	 CG_CPUACCT,
	 {"cpuacct.usage", ALL_AT_ONCE, 1},
	 {"cpu.stat", "usage_usec", NS_PER_USEC}},
	{AT(cpu_user_ns),
	 NO_FLAG,
	 CG_CPUACCT,
	 {"cpuacct.usage_user", ALL_AT_ONCE, 1},
	 {"cpu.stat", "user_usec", NS_PER_USEC}},
	{AT(cpu_system_ns),
	 NO_FLAG,
	 CG_CPUACCT,
	 {"cpuacct.usage_sys", ALL_AT_ONCE, 1},
	 {"cpu.stat", "system_usec", NS_PER_USEC}},
	{AT(cpu_periods), AT(has_throttling), CG_CPU, {"cpu.stat", "nr_periods", 1}, {"cpu.stat", "nr_periods", 1}},
	{AT(cpu_throttled_periods), NO_FLAG, CG_CPU, {"cpu.stat", "nr_throttled", 1}, {"cpu.stat", "nr_throttled", 1}},
	{AT(cpu_throttled_ns),
	 NO_FLAG,
	 CG_CPU,
	 {"cpu.stat", "throttled_time", 1},
	 {"cpu.stat", "throttled_usec", NS_PER_USEC}},

	{AT(memory_usage_bytes),
	 AT(has_memory),
	 CG_MEMORY,
	 {"memory.usage_in_bytes", ALL_AT_ONCE, 1},
	 {"memory.current", ALL_AT_ONCE, 1}},
	{AT(memory_limit_bytes),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.limit_in_bytes", ALL_AT_ONCE, 1},
	 {"memory.max", ALL_AT_ONCE, 1}},
	{AT(memory_peak_bytes),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.max_usage_in_bytes", ALL_AT_ONCE, 1},
	 {"memory.peak", ALL_AT_ONCE, 1}},
	{AT(memory_limit_hits), NO_FLAG, CG_MEMORY, {"memory.failcnt", ALL_AT_ONCE, 1}, {"memory.events", "max", 1}},
	{AT(oom_kills),
	 AT(has_oom),
	 CG_MEMORY,
	 {"memory.oom_control", "oom_kill", 1},
	 {"memory.events", "oom_kill", 1}},
	{AT(memory_kernel_bytes),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.kmem.usage_in_bytes", ALL_AT_ONCE, 1},
	 {"memory.stat", "kernel", 1}},
	{AT(memory_anon_bytes), NO_FLAG, CG_MEMORY, {"memory.stat", "total_rss", 1}, {"memory.stat", "anon", 1}},
	{AT(memory_file_bytes), NO_FLAG, CG_MEMORY, {"memory.stat", "total_cache", 1}, {"memory.stat", "file", 1}},
	{AT(memory_shmem_bytes), NO_FLAG, CG_MEMORY, {"memory.stat", "total_shmem", 1}, {"memory.stat", "shmem", 1}},
	{AT(memory_inactive_file_bytes),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.stat", "total_inactive_file", 1},
	 {"memory.stat", "inactive_file", 1}},
	{AT(memory_page_faults),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.stat", "total_pgfault", 1},
	 {"memory.stat", "pgfault", 1}},
	{AT(memory_major_faults),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.stat", "total_pgmajfault", 1},
	 {"memory.stat", "pgmajfault", 1}},
	{AT(swap_usage_bytes),
	 AT(has_swap),
	 CG_MEMORY,
	 {"memory.memsw.usage_in_bytes", ALL_AT_ONCE, 1},
	 {"memory.swap.current", ALL_AT_ONCE, 1}},
	{AT(swap_limit_bytes),
	 NO_FLAG,
	 CG_MEMORY,
	 {"memory.memsw.limit_in_bytes", ALL_AT_ONCE, 1},
	 {"memory.swap.max", ALL_AT_ONCE, 1}},

	{AT(pids_current), AT(has_pids), CG_PIDS, {"pids.current", ALL_AT_ONCE, 1}, {"pids.current", ALL_AT_ONCE, 1}},
	{AT(pids_limit), NO_FLAG, CG_PIDS, {"pids.max", ALL_AT_ONCE, 1}, {"pids.max", ALL_AT_ONCE, 1}},

	/* Keys here stand in each device's line: they are summed up. v1: "8:0 Read 4096"; v2: "8:0 rbytes=4096 …". */
	{AT(blkio_read_bytes),
	 AT(has_blkio),
	 CG_BLKIO,
	 {"blkio.throttle.io_service_bytes_recursive", "Read", 1},
	 {"io.stat", "rbytes", 1}},
	{AT(blkio_write_bytes),
	 NO_FLAG,
	 CG_BLKIO,
	 {"blkio.throttle.io_service_bytes_recursive", "Write", 1},
	 {"io.stat", "wbytes", 1}},
	{AT(blkio_read_ops),
	 NO_FLAG,
	 CG_BLKIO,
	 {"blkio.throttle.io_serviced_recursive", "Read", 1},
	 {"io.stat", "rios", 1}},
	{AT(blkio_write_ops),
	 NO_FLAG,
	 CG_BLKIO,
	 {"blkio.throttle.io_serviced_recursive", "Write", 1},
	 {"io.stat", "wios", 1}},
};

static const struct {
	size_t offset;
	const char *file;
} pressures[] = {
	{AT(cpu_pressure), "cpu.pressure"},
	{AT(memory_pressure), "memory.pressure"},
	{AT(io_pressure), "io.pressure"},
};

/* The file that was read last. */
struct cache {
	const struct cg_folder *folder;
	const char *file;
	ssize_t len; /* -errno: it cannot be read */
	char text[MAX_STAT_BYTES];
};

static const char *read_cached(struct cache *cache, const struct cg_folder *folder, const char *file)
{
	if (cache->folder != folder || !cache->file || strcmp(cache->file, file) != 0) {
		cache->folder = folder;
		cache->file = file;
		cache->len = file_read_line(folder->fd, file, cache->text, sizeof(cache->text));
	}
	return cache->len < 0 ? NULL : cache->text;
}

/* The digits at the start, whatever follows. */
static bool take_number(const char *words, uint64_t *ret)
{
	char digits[24];
	size_t len = strspn(words, "0123456789");

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, words, len);
	digits[len] = '\0';
	return text_u64(digits, ret) == 0;
}

/* "KEY 5" as a line of its own, or, summed up, "8:0 KEY 5" and "8:0 KEY=5" in lines by device. */
static bool find_value(const char *text, const char *key, bool by_device, uint64_t *ret)
{
	size_t key_len = strlen(key);
	bool found = by_device; /* no line: nothing was read or written so far */
	uint64_t sum = 0, value;

	for (const char *at = text; (at = strstr(at, key)); at += key_len) {
		bool starts = at == text || at[-1] == '\n' || (by_device && at[-1] == ' ');
		bool ends = at[key_len] == ' ' || at[key_len] == '=';

		if (!starts || !ends || !take_number(at + key_len + 1, &value))
			continue;
		sum += value;
		found = true;
		if (!by_device)
			break;
	}
	if (found)
		*ret = sum;
	return found;
}

static uint64_t read_figure(const struct figure *figure, const struct source *source, const struct cg_folder *folder,
			    struct cache *cache)
{
	const char *text = source->file ? read_cached(cache, folder, source->file) : NULL;
	uint64_t value;

	if (!text)
		return CG_STAT_UNKNOWN;
	if (strcmp(source->key, ALL_AT_ONCE) == 0) {
		if (strcmp(text, "max") == 0)
			return CG_STAT_UNLIMITED;
		return take_number(text, &value) ? value * source->scale : CG_STAT_UNKNOWN;
	}
	if (!find_value(text, source->key, figure->controller == CG_BLKIO, &value))
		return CG_STAT_UNKNOWN;
	return value * source->scale;
}

/* v2 counts processor time in every cgroup, with or without the cpu controller. */
static const struct cg_folder *folder_for(const struct cg *cg, enum cg_controller controller)
{
	const struct cg_folder *folder = cg_folder_of(cg, controller);

	return folder || controller != CG_CPUACCT ? folder : cg_folder_v2(cg);
}

static void read_figures(const struct cg *cg, struct cache *cache, struct cg_stat *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		const struct figure *figure = &figures[i];
		const struct cg_folder *folder = folder_for(cg, figure->controller);
		uint64_t value = CG_STAT_UNKNOWN;

		if (folder)
			value = read_figure(figure, folder->tree->v2 ? &figure->v2 : &figure->v1, folder, cache);
		*(uint64_t *)((char *)ret + figure->offset) = value;
		if (figure->has_offset != NO_FLAG)
			*(bool *)((char *)ret + figure->has_offset) = value != CG_STAT_UNKNOWN;
	}
}

/* v1 has memory and swap together, here they are apart; and its largest number means no limit. */
static void tidy_v1_memory(struct cg_stat *stat)
{
	uint64_t memory_limit = stat->memory_limit_bytes;

	if (stat->memory_limit_bytes >= V1_UNLIMITED && stat->memory_limit_bytes != CG_STAT_UNKNOWN)
		stat->memory_limit_bytes = CG_STAT_UNLIMITED;
	if (!stat->has_swap)
		return;
	stat->swap_usage_bytes -=
		stat->swap_usage_bytes > stat->memory_usage_bytes ? stat->memory_usage_bytes : stat->swap_usage_bytes;
	if (stat->swap_limit_bytes >= V1_UNLIMITED)
		stat->swap_limit_bytes = CG_STAT_UNLIMITED;
	else
		stat->swap_limit_bytes -= memory_limit < stat->swap_limit_bytes ? memory_limit : stat->swap_limit_bytes;
}

/* "1.23" as 123 */
static bool take_centi(const char *words, uint32_t *ret)
{
	unsigned whole, cents;

	if (sscanf(words, "%5u.%2u", &whole, &cents) != 2)
		return false;
	*ret = whole * 100 + cents;
	return true;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", microseconds */
static bool take_pressure_line(const char *text, const char *kind, struct cg_pressure_line *ret)
{
	const char *line = strstr(text, kind), *avg10, *avg60, *avg300, *total;
	uint64_t usec;

	if (!line)
		return false;
	avg10 = strstr(line, "avg10=");
	avg60 = strstr(line, "avg60=");
	avg300 = strstr(line, "avg300=");
	total = strstr(line, "total=");
	if (!avg10 || !avg60 || !avg300 || !total || !take_centi(avg10 + 6, &ret->avg10_centi) ||
	    !take_centi(avg60 + 6, &ret->avg60_centi) || !take_centi(avg300 + 7, &ret->avg300_centi) ||
	    !take_number(total + 6, &usec))
		return false;
	ret->total_ns = usec * NS_PER_USEC;
	return true;
}

static void read_pressures(const struct cg *cg, struct cache *cache, struct cg_stat *ret)
{
	const struct cg_folder *v2 = cg_folder_v2(cg);

	for (size_t i = 0; v2 && i < ARRAY_SIZE(pressures); i++) {
		struct cg_pressure *pressure = (struct cg_pressure *)((char *)ret + pressures[i].offset);
		const char *text = read_cached(cache, v2, pressures[i].file);

		/* The root's cpu.pressure of older kernels has no line "full". */
		pressure->has = text && take_pressure_line(text, "some ", &pressure->some);
		if (pressure->has)
			(void)take_pressure_line(text, "full ", &pressure->full);
	}
}

int cg_stat(struct cg *cg, struct cg_stat *ret, struct err *err)
{
	const struct cg_folder *memory = cg_folder_of(cg, CG_MEMORY);
	CLEANUP_FREE struct cache *cache = NULL;
	struct cg_stat stat = {0};

	if (cg->driver != CG_DRIVER_DISABLED && !cg_has_folder(cg))
		return err_say(err, ENOENT, "the container's cgroup is gone");
	cache = malloc(sizeof(*cache));
	if (!cache)
		return err_set(err, ENOMEM, "read the figures of cgroup '%s'", cg->place);
	cache->folder = NULL;
	cache->file = NULL;
	read_figures(cg, cache, &stat);
	if (memory && !memory->tree->v2)
		tidy_v1_memory(&stat);
	read_pressures(cg, cache, &stat);
	*ret = stat;
	return 0;
}

bool cg_ran_out_of_memory(struct cg *cg)
{
	struct cg_stat stat;
	struct err ignored = ERR_INIT;

	return cg && cg_stat(cg, &stat, &ignored) == 0 && stat.has_oom && stat.oom_kills > 0;
}
