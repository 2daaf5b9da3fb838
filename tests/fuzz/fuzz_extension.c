/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as hull.json: read or refused, the same when written, and a plan made of it beside an ordinary config.json.
 */
#include "tests/fuzz/fuzz_plan.h"

static const char *const configs[] = {
	"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\"}]}}",
	"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"network\"}],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1879048192,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1879048192,\"size\":65536}]}}",
};

static void check_written(const struct extension *extension)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	const struct extension *again;
	struct err err = ERR_INIT;

	if (extension_write(extension, &once, &err) < 0)
		return;
	fuzz_want(extension_parse(&arena, once.data, once.len, "written", &again, &err) == 0, err.msg);
	fuzz_want(extension_write(again, &twice, &err) == 0, err.msg);
	fuzz_want(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0, "written differently");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct extension *extension;
	const struct config *config;
	struct err err = ERR_INIT;

	if (extension_parse(&arena, (const char *)data, size, "hull.json", &extension, &err) < 0) {
		fuzz_want(err.code > 0 && !strchr(err.msg, '\n'), "an error without words");
		return 0;
	}
	check_written(extension);
	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		fuzz_want(config_parse(&arena, configs[i], strlen(configs[i]), "config.json", &config, NULL, &err) == 0,
			  err.msg);
		fuzz_plan(&arena, config, extension, false);
	}
	return 0;
}
