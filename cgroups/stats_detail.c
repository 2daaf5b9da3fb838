/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Detailed figures: files of lines, each split into words. How many there can be is the number of a file's lines.
 */
#include "cgroups/stats_detail.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "runtime/base/file.h"

#define MAX_FILE_BYTES ((size_t)256 << 10)
#define MAX_DEVICES    4096

/* v1's files by device, and what engines call them. Where BFQ is the scheduler, its files have the figures. */
static const struct {
	const char *what, *file;
} device_files[] = {
	{"ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive"},
	{"ioServicedRecursive", "blkio.throttle.io_serviced_recursive"},
	{"ioQueueRecursive", "blkio.bfq.io_queued_recursive"},
	{"ioServiceTimeRecursive", "blkio.bfq.io_service_time_recursive"},
	{"ioWaitTimeRecursive", "blkio.bfq.io_wait_time_recursive"},
	{"ioMergedRecursive", "blkio.bfq.io_merged_recursive"},
	{"ioTimeRecursive", "blkio.bfq.time_recursive"},
	{"sectorsRecursive", "blkio.bfq.sectors_recursive"},
};

/* v2's one file has "8:0 rbytes=1 wbytes=2 …". */
static const struct {
	const char *key, *what, *op;
} device_keys[] = {
	{"rbytes=", "ioServiceBytesRecursive", "Read"},	   {"wbytes=", "ioServiceBytesRecursive", "Write"},
	{"dbytes=", "ioServiceBytesRecursive", "Discard"}, {"rios=", "ioServicedRecursive", "Read"},
	{"wios=", "ioServicedRecursive", "Write"},	   {"dios=", "ioServicedRecursive", "Discard"},
};

static const char *const cpuset_flags[] = {
	"cpu_exclusive",      "mem_exclusive",	    "mem_hardwall",    "memory_migrate",
	"memory_spread_page", "memory_spread_slab", "memory_pressure", "sched_load_balance",
};

/* The whole file, or NULL: it is not there, which says that this host does not tell. */
static char *read_file(struct arena *arena, const struct cg_folder *folder, const char *file)
{
	struct err ignored = ERR_INIT;
	char *text;
	size_t len;

	if (!folder || file_read(arena, folder->fd, file, MAX_FILE_BYTES, &text, &len, &ignored) < 0)
		return NULL;
	return text;
}

static bool read_number(const struct cg_folder *folder, const char *file, uint64_t *ret)
{
	char words[64];
	ssize_t len = file_read_line(folder->fd, file, words, sizeof(words));

	if (len >= 0 && strcmp(words, "max") == 0)
		return *ret = CG_STAT_UNLIMITED, true;
	return len > 0 && text_u64(words, ret) == 0;
}

static size_t count_words(const char *text, const char *separators)
{
	size_t count = 0;

	for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
		text += strcspn(text, separators);
		count++;
	}
	return count;
}

/* "1 2 3" */
static uint64_t *read_numbers(struct arena *arena, const struct cg_folder *folder, const char *file, size_t *ret_count)
{
	char *text = read_file(arena, folder, file), *rest = NULL;
	uint64_t *numbers;

	*ret_count = 0;
	if (!text)
		return NULL;
	numbers = arena_array(arena, count_words(text, " \n") + 1, sizeof(*numbers));
	for (char *word = strtok_r(text, " \n", &rest); numbers && word; word = strtok_r(NULL, " \n", &rest))
		if (text_u64(word, &numbers[*ret_count]) == 0)
			(*ret_count)++;
	return numbers;
}

/* cpuacct.usage_all: "cpu user system", then "0 1 2" for each processor. */
static void read_cpu_halves(struct arena *arena, const struct cg_folder *folder, struct cg_detail *ret)
{
	char *text = read_file(arena, folder, "cpuacct.usage_all"), *rest = NULL;
	size_t lines = text ? count_words(text, "\n") : 0;

	if (lines < 2)
		return;
	ret->cpu_user_ns = arena_array(arena, lines, sizeof(uint64_t));
	ret->cpu_kernel_ns = arena_array(arena, lines, sizeof(uint64_t));
	if (!ret->cpu_user_ns || !ret->cpu_kernel_ns)
		return;
	(void)strtok_r(text, "\n", &rest);
	for (char *line; (line = strtok_r(NULL, "\n", &rest));) {
		unsigned long long user, kernel;

		if (sscanf(line, "%*u %llu %llu", &user, &kernel) != 2)
			continue;
		ret->cpu_user_ns[ret->cpu_user_count] = user;
		ret->cpu_kernel_ns[ret->cpu_user_count++] = kernel;
	}
}

static void read_cpus(const struct cg *cg, struct arena *arena, struct cg_detail *ret)
{
	const struct cg_folder *accounts = cg_folder_of(cg, CG_CPUACCT), *set = cg_folder_of(cg, CG_CPUSET);
	char file[64];

	if (accounts && !accounts->tree->v2) {
		ret->cpu_ns = read_numbers(arena, accounts, "cpuacct.usage_percpu", &ret->cpu_count);
		read_cpu_halves(arena, accounts, ret);
	}
	if (!set)
		return;
	ret->cpuset_cpus = read_file(arena, set, set->tree->v2 ? "cpuset.cpus.effective" : "cpuset.cpus");
	ret->cpuset_mems = read_file(arena, set, set->tree->v2 ? "cpuset.mems.effective" : "cpuset.mems");
	ret->cpuset = arena_array(arena, ARRAY_SIZE(cpuset_flags), sizeof(*ret->cpuset));
	for (size_t i = 0; ret->cpuset && !set->tree->v2 && i < ARRAY_SIZE(cpuset_flags); i++) {
		struct cg_named_figure *to = &ret->cpuset[ret->cpuset_count];

		(void)snprintf(file, sizeof(file), "cpuset.%s", cpuset_flags[i]);
		to->name = cpuset_flags[i];
		ret->cpuset_count += read_number(set, file, &to->value);
	}
}

static void read_memory_family(const struct cg_folder *folder, const char *prefix, struct cg_memory_figure *ret)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "%s.usage_in_bytes", prefix);
	ret->has = read_number(folder, file, &ret->usage_bytes);
	(void)snprintf(file, sizeof(file), "%s.limit_in_bytes", prefix);
	(void)read_number(folder, file, &ret->limit_bytes);
	(void)snprintf(file, sizeof(file), "%s.max_usage_in_bytes", prefix);
	(void)read_number(folder, file, &ret->max_bytes);
	(void)snprintf(file, sizeof(file), "%s.failcnt", prefix);
	(void)read_number(folder, file, &ret->failures);
}

static void read_memory(const struct cg *cg, struct arena *arena, struct cg_detail *ret)
{
	const struct cg_folder *folder = cg_folder_of(cg, CG_MEMORY);
	char *text = read_file(arena, folder, "memory.stat"), *rest = NULL;

	if (!folder)
		return;
	if (!folder->tree->v2) {
		read_memory_family(folder, "memory.kmem", &ret->kernel);
		read_memory_family(folder, "memory.kmem.tcp", &ret->kernel_tcp);
	}
	ret->memory = text ? arena_array(arena, count_words(text, "\n") + 1, sizeof(*ret->memory)) : NULL;
	for (char *line = text; ret->memory && (line = strtok_r(line, "\n", &rest)); line = NULL) {
		struct cg_named_figure *to = &ret->memory[ret->memory_count];
		char *space = strchr(line, ' ');

		if (!space || text_u64(space + 1, &to->value) < 0)
			continue;
		*space = '\0';
		to->name = line;
		ret->memory_count++;
	}
}

static void add_device(struct cg_detail *ret, const char *what, const char *op, const char *device, uint64_t value)
{
	struct cg_device_figure *to = &ret->devices[ret->device_count];

	if (ret->device_count == MAX_DEVICES || sscanf(device, "%u:%u", &to->major, &to->minor) != 2)
		return;
	to->what = what;
	to->op = op;
	to->value = value;
	ret->device_count++;
}

/* "8:0 Read 4096", or "8:0 4096". The line "Total" is of no device. */
static void read_device_file(struct arena *arena, const struct cg_folder *folder, const char *what, const char *file,
			     struct cg_detail *ret)
{
	char *text = read_file(arena, folder, file), *rest = NULL;
	char device[32], op[32];
	unsigned long long value;

	for (char *line = text; text && (line = strtok_r(line, "\n", &rest)); line = NULL) {
		if (sscanf(line, "%31s %31s %llu", device, op, &value) == 3 && strchr(device, ':'))
			add_device(ret, what, arena_strdup(arena, op), device, value);
		else if (sscanf(line, "%31s %llu", device, &value) == 2 && strchr(device, ':'))
			add_device(ret, what, "", device, value);
	}
}

static void read_io_stat(struct arena *arena, const struct cg_folder *folder, struct cg_detail *ret)
{
	char *text = read_file(arena, folder, "io.stat"), *rest = NULL;

	for (char *line = text; text && (line = strtok_r(line, "\n", &rest)); line = NULL) {
		for (size_t i = 0; i < ARRAY_SIZE(device_keys); i++) {
			const char *at = strstr(line, device_keys[i].key);
			unsigned long long value;

			if (at && sscanf(at + strlen(device_keys[i].key), "%llu", &value) == 1)
				add_device(ret, device_keys[i].what, device_keys[i].op, line, value);
		}
	}
}

static void read_devices(const struct cg *cg, struct arena *arena, struct cg_detail *ret)
{
	const struct cg_folder *folder = cg_folder_of(cg, CG_BLKIO);

	ret->devices = folder ? arena_array(arena, MAX_DEVICES + 1, sizeof(*ret->devices)) : NULL;
	if (!ret->devices)
		return;
	if (folder->tree->v2)
		read_io_stat(arena, folder, ret);
	for (size_t i = 0; !folder->tree->v2 && i < ARRAY_SIZE(device_files); i++)
		read_device_file(arena, folder, device_files[i].what, device_files[i].file, ret);
}

/* "max 3" of hugetlb.SIZE.events: how often the limit was met. */
static uint64_t read_events(struct arena *arena, const struct cg_folder *folder, const char *file)
{
	char *text = read_file(arena, folder, file);
	unsigned long long value = 0;

	if (text && strncmp(text, "max ", 4) == 0)
		(void)sscanf(text + 4, "%llu", &value);
	return value;
}

static void read_hugetlb_size(struct arena *arena, const struct cg_folder *folder, const char *size,
			      struct cg_detail *ret)
{
	struct cg_hugetlb_figure *to = &ret->hugetlb[ret->hugetlb_count];
	bool v2 = folder->tree->v2;
	char file[128];

	(void)snprintf(file, sizeof(file), "hugetlb.%s.%s", size, v2 ? "current" : "usage_in_bytes");
	if (!read_number(folder, file, &to->usage_bytes))
		return;
	to->page_size = size;
	(void)snprintf(file, sizeof(file), "hugetlb.%s.%s", size, v2 ? "events" : "failcnt");
	if (v2)
		to->failures = read_events(arena, folder, file);
	else
		(void)read_number(folder, file, &to->failures);
	(void)snprintf(file, sizeof(file), "hugetlb.%s.max_usage_in_bytes", size);
	if (!v2)
		(void)read_number(folder, file, &to->max_bytes);
	ret->hugetlb_count++;
}

/* Every size that the kernel could name a file by; this host has few of them. */
static void read_hugetlb(const struct cg *cg, struct arena *arena, struct cg_detail *ret)
{
	static const char *const sizes[] = {"64KB", "1MB", "2MB", "16MB", "32MB", "512MB", "1GB", "2GB", "16GB"};
	const struct cg_folder *folder = cg_folder_of(cg, CG_HUGETLB);

	ret->hugetlb = folder ? arena_array(arena, ARRAY_SIZE(sizes), sizeof(*ret->hugetlb)) : NULL;
	for (size_t i = 0; ret->hugetlb && i < ARRAY_SIZE(sizes); i++)
		read_hugetlb_size(arena, folder, sizes[i], ret);
}

int cg_detail(struct cg *cg, struct arena *arena, struct cg_detail *ret, struct err *err)
{
	*ret = (struct cg_detail){0};
	if (cg->driver == CG_DRIVER_DISABLED)
		return 0;
	if (cg_is_gone(cg))
		return err_say(err, ENOENT, "the container's cgroup is gone");
	read_cpus(cg, arena, ret);
	read_memory(cg, arena, ret);
	read_devices(cg, arena, ret);
	read_hugetlb(cg, arena, ret);
	return arena_check(arena, err);
}
