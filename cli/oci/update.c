// SPDX-License-Identifier: GPL-2.0-or-later
/* update: limits of a container that is there already. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/oci/oci.h"
#include "runtime/base/file.h"
#include "runtime/core/control.h"

#define RESOURCES_MAX_BYTES ((size_t)1 << 20)

/* How an option's words become a member of linux.resources. */
enum value_kind {
	VALUE_SIZE,	/* opt_i64: "64m", or -1 */
	VALUE_SIGNED,	/* opt_i64 */
	VALUE_UNSIGNED, /* opt_u64 */
	VALUE_WORDS,	/* const char * */
};

/* Option, its field, member of linux.resources, kind, argument, help. */
#define VALUES(X)                                                                                                   \
	X("memory", memory, memory.limit, VALUE_SIZE, "BYTES", "memory; -1: no limit")                              \
	X("memory-reservation", reservation, memory.reservation, VALUE_SIZE, "BYTES",                               \
	  "memory kept for it (v1: soft limit)")                                                                    \
	X("memory-swap", swap, memory.swap, VALUE_SIZE, "BYTES", "memory and swap together; -1: no limit")          \
	X("kernel-memory", kernel, memory.kernel, VALUE_SIZE, "BYTES", "the kernel's memory (v1 of old kernels)")   \
	X("kernel-memory-tcp", kernel_tcp, memory.kernel_tcp, VALUE_SIZE, "BYTES", "buffers of TCP (v1)")           \
	X("cpu-period", period, cpu.period, VALUE_UNSIGNED, "USEC", "the time that the quota is for")               \
	X("cpu-quota", quota, cpu.quota, VALUE_SIGNED, "USEC", "processor time in each period; -1: no limit")       \
	X("cpu-burst", burst, cpu.burst, VALUE_UNSIGNED, "USEC", "quota that may be saved up")                      \
	X("cpu-share", shares, cpu.shares, VALUE_UNSIGNED, "SHARES", "weight beside others; 1024 is the usual one") \
	X("cpu-rt-period", rt_period, cpu.realtime_period, VALUE_UNSIGNED, "USEC",                                  \
	  "the time that the next is for (v1)")                                                                     \
	X("cpu-rt-runtime", rt_runtime, cpu.realtime_runtime, VALUE_SIGNED, "USEC", "realtime in each period (v1)") \
	X("cpuset-cpus", cpus, cpu.cpus, VALUE_WORDS, "LIST", "processors, as in 0-3,7")                            \
	X("cpuset-mems", mems, cpu.mems, VALUE_WORDS, "LIST", "memory nodes")                                       \
	X("cpu-idle", idle, cpu.idle, VALUE_SIGNED, "0|1", "1: run only when nobody else wants to")                 \
	X("pids-limit", pids, pids.limit, VALUE_SIGNED, "COUNT", "processes and threads; -1: no limit")             \
	X("blkio-weight", blkio_weight, block_io.weight, VALUE_UNSIGNED, "WEIGHT",                                  \
	  "weight of input and output, 10 to 1000")

#define FIELD(name, field, member, kind, argument, help) const char *field;
struct update_options {
	VALUES(FIELD)
	const char *resources, *l3_cache_schema, *mem_bw_schema;
};

static const struct value {
	const char *name;
	size_t option, member; /* in update_options, in config_resources */
	enum value_kind kind;
} values[] = {
#define VALUE(name, field, member, kind, argument, help) \
	{name, offsetof(struct update_options, field), offsetof(struct config_resources, member), kind},
	VALUES(VALUE)};

static const struct option_row update_rows[] = {
	{"resources", 'r', OPTION_STRING, offsetof(struct update_options, resources), "FILE",
	 "limits as JSON, as in linux.resources; -: standard input", NULL, NULL},
#define ROW(name, field, member, kind, argument, help) \
	{name, 0, OPTION_STRING, offsetof(struct update_options, field), argument, help, NULL, NULL},
	VALUES(ROW){"l3-cache-schema", 0, OPTION_STRING, offsetof(struct update_options, l3_cache_schema), "SCHEMA",
		    "refused: there is no cache control", NULL, NULL},
	{"mem-bw-schema", 0, OPTION_STRING, offsetof(struct update_options, mem_bw_schema), "SCHEMA",
	 "refused: there is no bandwidth control", NULL, NULL},
	OPTIONS_END,
};

/* -EINVAL or -ERANGE without words. */
static int take_value(const struct value *value, const char *words, struct config_resources *to)
{
	void *member = (char *)to + value->member;
	uint64_t size;
	int result = 0;

	switch (value->kind) {
	case VALUE_SIZE:
		if (words[0] != '-') {
			result = text_size(words, &size);
			if (result >= 0 && size > INT64_MAX)
				return -ERANGE;
			*(struct opt_i64 *)member = (struct opt_i64){.set = true, .value = (int64_t)size};
			return result;
		}
		__attribute__((fallthrough)); /* a bare -1 */
	case VALUE_SIGNED:
		((struct opt_i64 *)member)->set = true;
		return text_i64(words, &((struct opt_i64 *)member)->value);
	case VALUE_UNSIGNED:
		((struct opt_u64 *)member)->set = true;
		return text_u64(words, &((struct opt_u64 *)member)->value);
	case VALUE_WORDS:
		*(const char **)member = words;
		return 0;
	}
	return -EINVAL;
}

static int take_options(const struct update_options *options, struct config_resources *to, struct err *err)
{
	if (options->l3_cache_schema || options->mem_bw_schema)
		return err_say(err, ENOTSUP, "option '--%s': '%s': cache and memory bandwidth control is not supported",
			       options->l3_cache_schema ? "l3-cache-schema" : "mem-bw-schema",
			       options->l3_cache_schema ? options->l3_cache_schema : options->mem_bw_schema);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *words = *(const char *const *)((const char *)options + values[i].option);

		if (words && take_value(&values[i], words, to) < 0)
			return err_say(err, EINVAL, "option '--%s': '%s' is no %s", values[i].name, words,
				       values[i].kind == VALUE_SIZE ? "size" : "number");
	}
	return 0;
}

static int read_resources(struct arena *arena, const char *path, struct config_resources *ret, struct err *err)
{
	const struct config_resources *parsed;
	bool is_input = strcmp(path, "-") == 0;
	const char *what = is_input ? "standard input" : path;
	char *data;
	size_t len;
	int result = is_input ? file_read_fd(arena, STDIN_FILENO, what, RESOURCES_MAX_BYTES, &data, &len, err)
			      : file_read(arena, AT_FDCWD, path, RESOURCES_MAX_BYTES, &data, &len, err);

	if (result >= 0)
		result = config_parse_resources(arena, data, len, what, &parsed, err);
	if (result < 0)
		return err_wrap(err, "option '--resources'");
	*ret = *parsed;
	return 0;
}

static int run_update(struct command_call *call, struct err *err)
{
	const struct update_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	struct config_resources resources = {0};
	int result = oci_open_store(call, &store, err);

	if (result >= 0 && options->resources)
		result = read_resources(call->arena, options->resources, &resources, err);
	if (result >= 0)
		result = take_options(options, &resources, err);
	return result < 0 ? result : control_update(&store, call->operands.items[0], &resources, err);
}

const struct command oci_update = {
	.name = "update",
	.operands = "ID",
	.summary = "Change a container's limits",
	.description =
		"Only what is named is changed: first what --resources says, then single options. When one limit is "
		"not possible, or the kernel refuses it, none is changed.",
	.options = update_rows,
	.options_bytes = sizeof(struct update_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_update,
};
