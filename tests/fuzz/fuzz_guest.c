/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as what a guest's agent is told (START, EXEC) or tells (figures): read or refused, and the same when
 * written. The first byte says which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/spec/guest.h"
#include "tests/fuzz/fuzz.h"

#define MAX_BYTES ((size_t)1 << 20)

union document {
	struct guest_start start;
	struct guest_exec exec;
	struct guest_stats stats;
};

static int parse(unsigned kind, struct arena *arena, const char *data, size_t len, union document *ret, struct err *err)
{
	switch (kind) {
	case 0:
		return guest_start_parse(arena, data, len, &ret->start, err);
	case 1:
		return guest_exec_parse(arena, data, len, &ret->exec, err);
	default:
		return guest_stats_parse(arena, data, len, &ret->stats, err);
	}
}

static int write_out(unsigned kind, const union document *from, struct text *out, struct err *err)
{
	switch (kind) {
	case 0:
		return guest_start_write(&from->start, out, err);
	case 1:
		return guest_exec_write(&from->exec, out, err);
	default:
		return guest_stats_write(&from->stats, out, err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	union document first, again;
	struct err err = ERR_INIT;
	unsigned kind;

	if (size == 0)
		return 0;
	kind = data[0] % 3;
	if (parse(kind, &arena, (const char *)data + 1, size - 1, &first, &err) < 0) {
		fuzz_want(err.code > 0 && err.msg[0] && !strchr(err.msg, '\n'), "an error without words");
		return 0;
	}
	if (write_out(kind, &first, &once, &err) < 0 || once.len > MAX_BYTES)
		return 0;
	fuzz_want(parse(kind, &arena, once.data, once.len, &again, &err) == 0, err.msg);
	fuzz_want(write_out(kind, &again, &twice, &err) == 0, err.msg);
	fuzz_want(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0, "written differently");
	return 0;
}
