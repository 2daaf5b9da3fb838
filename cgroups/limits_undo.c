/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remembering limits. Most files say what they want to be told: one value. The others have a line for each device,
 * interface or flag, of which a write changes one; and where that line is not there yet, the file's own word for "none"
 * is what brings its absence back.
 */
#include "cgroups/limits_undo.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/file.h"

#define MAX_FILE_BYTES ((size_t)64 << 10)

/* Files with a line for each key; the key is the first word of what is written. */
static const struct {
	const char *file, *none;
	bool is_prefix;
} keyed[] = {
	{"io.max", "rbps=max wbps=max riops=max wiops=max", false},
	{"io.weight", "default", false},
	{"io.bfq.weight", "default", false},
	{"rdma.max", "hca_handle=max hca_object=max", false},
	{"net_prio.ifpriomap", "0", false},
	{"blkio.throttle.", "0", true},
	{"blkio.weight_device", "0", false},
	{"blkio.leaf_weight_device", "0", false},
	{"blkio.bfq.weight_device", "0", false},
};

/* v1 tells more than a flag in that file; only the flag can be written. */
#define OOM_FILE "memory.oom_control"
#define OOM_FLAG "oom_kill_disable "

static const char *none_of(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(keyed); i++)
		if (keyed[i].is_prefix ? strncmp(file, keyed[i].file, strlen(keyed[i].file)) == 0
				       : strcmp(file, keyed[i].file) == 0)
			return keyed[i].none;
	return NULL;
}

/* The line of `text` that begins with the first word of `value`; or, without one, that word and `none`. */
static const char *line_of_key(struct arena *arena, const char *text, const char *value, const char *none)
{
	size_t key_len = strcspn(value, " ");

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, value, key_len) == 0 && line[key_len] == ' ')
			return arena_strndup(arena, line, strcspn(line, "\n"));
	return arena_printf(arena, "%.*s %s", (int)key_len, value, none);
}

static const char *value_now(struct arena *arena, const char *file, const char *text, const char *value)
{
	const char *none = none_of(file);

	/* A weight for all devices has no key, in one file with those that have. */
	if (none && strchr(value, ' '))
		return line_of_key(arena, text, value, none);
	if (strcmp(file, OOM_FILE) == 0 && strncmp(text, OOM_FLAG, strlen(OOM_FLAG)) == 0)
		text += strlen(OOM_FLAG);
	return arena_strndup(arena, text, strcspn(text, "\n"));
}

static int remember_file(const struct cg_folder *folder, const char *limit, const char *file, const char *value,
			 struct cg_writes *ret, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct cg_write *write;
	char *text;
	size_t len;

	if (file_read(ret->arena, folder->fd, file, MAX_FILE_BYTES, &text, &len, &ignored) < 0)
		return 0;
	write = cg_add_write(ret, limit, CG_CONTROLLER_COUNT, folder->tree, file,
			     value_now(ret->arena, file, text, value), err);
	return write ? 0 : -err->code;
}

/* Ending to be idle gives a cgroup the usual weight, whatever it had before. */
static int remember_weight(const struct cg_folder *folder, struct cg_writes *ret, struct err *err)
{
	return remember_file(folder, "cpu.shares", folder->tree->v2 ? "cpu.weight" : "cpu.shares", "", ret, err);
}

int cg_limits_remember(const struct cg *cg, const struct cg_writes *writes, struct cg_writes *ret, struct err *err)
{
	for (size_t i = 0; i < writes->count; i++) {
		const struct cg_write *write = &writes->items[i];
		const struct cg_folder *folder = cg_folder_in(cg, write->tree);
		int result;

		if (!folder)
			continue;
		result = remember_file(folder, write->limit, write->file, write->value, ret, err);
		if (result >= 0 && write->other_file)
			result = remember_file(folder, write->limit, write->other_file, write->other_value, ret, err);
		if (result >= 0 && strcmp(write->file, "cpu.idle") == 0)
			result = remember_weight(folder, ret, err);
		if (result < 0)
			return result;
	}
	return 0;
}
