/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as record.json: read or refused, the same when written, and an OCI state that is JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/spec/record.h"
#include "tests/fuzz/fuzz.h"

static void check_written(const struct record *record)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	struct record again;
	struct err err = ERR_INIT;

	/*
	 * A record that is larger when it is written than the bound is refused when it is read: escapes make text
	 * longer.
	 */
	if (record_write(record, &once, &err) < 0 || once.len > RECORD_MAX_BYTES)
		return;
	fuzz_want(record_parse(&arena, once.data, once.len, "written", &again, &err) == 0, err.msg);
	fuzz_want(record_write(&again, &twice, &err) == 0, err.msg);
	fuzz_want(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0, "written differently");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text state = TEXT_INIT;
	const struct json *root;
	struct record record;
	struct err err = ERR_INIT;

	if (record_parse(&arena, (const char *)data, size, "record.json", &record, &err) < 0) {
		fuzz_want(err.code > 0 && !strchr(err.msg, '\n'), "an error without words");
		return 0;
	}
	check_written(&record);
	fuzz_want(record_process_state_json(&record, record.status, record.init.pid, "m", &state, &err) == 0, err.msg);
	fuzz_want(json_parse(&arena, state.data, state.len, "state", &root, &err) == 0, err.msg);
	return 0;
}
