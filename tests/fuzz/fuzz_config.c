/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as config.json: read or refused in one line; what is read is written and read again as the same; and a plan
 * is made of it or refused, as root and not, and printed as JSON.
 */
#include "tests/fuzz/fuzz_plan.h"

static void check_written(const struct config *config)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	const struct config *again;
	struct err err = ERR_INIT;

	if (config_write(config, &once, &err) < 0)
		return;
	fuzz_want(config_parse(&arena, once.data, once.len, "written", &again, NULL, &err) == 0, err.msg);
	fuzz_want(config_write(again, &twice, &err) == 0, err.msg);
	fuzz_want(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0, "written differently");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct config *config;
	struct strv ignored = {0};
	struct err err = ERR_INIT;

	if (config_parse(&arena, (const char *)data, size, "config.json", &config, &ignored, &err) < 0) {
		fuzz_want(err.code > 0 && !strchr(err.msg, '\n'), "an error without words");
		return 0;
	}
	check_written(config);
	fuzz_plan(&arena, config, NULL, false);
	fuzz_plan(&arena, config, NULL, true);
	return 0;
}
