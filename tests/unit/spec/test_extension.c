/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hull.json: both ways, and its strictness. */
#include <fcntl.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/scope.h"
#include "runtime/spec/config.h"
#include "runtime/spec/extension.h"
#include "runtime/spec/hull_fields.h"
#include "tests/unit/spec/fields_fixture.h"
#include "tests/unit/tap.h"

/* A document that has every member that the tables know. */
static char *everything;
static size_t everything_len;

#define LEAST "\"version\":1,\"name\":\"a\",\"network\":{\"mode\":\"none\"}"

static const struct extension *parse(struct arena *arena, const char *document, struct err *err)
{
	const struct extension *extension = NULL;

	return extension_parse(arena, document, strlen(document), "hull.json", &extension, err) < 0 ? NULL : extension;
}

static void test_round_trip(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	const struct extension *extension;
	const struct json *before, *after;
	struct err err = ERR_INIT;

	extension = parse(&arena, everything, &err);
	CHECK(extension);
	if (!extension) {
		printf("# %s\n", err.msg);
		return;
	}
	CHECK_INT(extension->created, UINT64_C(1767323045000000006));
	CHECK_INT(extension->isolation, ISOLATION_VM);
	CHECK(extension->vm.image && strcmp(extension->vm.image->path, "/i") == 0);
	CHECK_STR(extension->root.lowers.items[0], "/l/2");
	CHECK_INT(extension->id_range->base, 0x70000000);
	CHECK_INT(extension->network.ports.items[0].protocol, PROTOCOL_UDP);
	CHECK_INT(extension->volumes.items[0].kind, VOLUME_HOST);
	CHECK_INT(extension->restart.policy, RESTART_ON_FAILURE);
	CHECK_INT(extension->stop_timeout.value, -1);
	CHECK_INT(extension_write(extension, &once, &err), 0);
	extension = parse(&arena, text_get(&once), &err);
	CHECK(extension);
	if (!extension)
		return;
	CHECK_INT(extension_write(extension, &twice, &err), 0);
	CHECK_STR(text_get(&once), text_get(&twice));
	CHECK_INT(json_parse(&arena, everything, everything_len, "before", &before, &err), 0);
	CHECK_INT(json_parse(&arena, once.data, once.len, "after", &after, &err), 0);
	CHECK_INT(count_members(after), count_members(before));
	/* Every row is in the document: the one free-form label stands in for none. */
	CHECK_INT(count_members(before), count_rows(&extension_fields) + 1);
}

static void test_least(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct err err = ERR_INIT;
	const struct extension *extension = parse(&arena, "{" LEAST "}", &err);

	CHECK(extension);
	if (!extension)
		return;
	CHECK(!extension->id_range && !extension->stop_timeout.set && extension->isolation == ISOLATION_NS);
	CHECK_INT(extension_write(extension, &out, &err), 0);
	CHECK(parse(&arena, text_get(&out), &err));
	/* Zero is an enum's first word: what is required is written all the same. */
	CHECK_HAS(text_get(&out), "\"mode\": \"none\"");
}

static void test_zeroed_network_is_bridge(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct extension made = {.version = EXTENSION_VERSION, .name = "x"};
	const struct extension *extension;
	struct err err = ERR_INIT;

	CHECK_INT(extension_write(&made, &out, &err), 0);
	extension = parse(&arena, text_get(&out), &err);
	CHECK(extension);
	if (extension)
		CHECK_INT(extension->network.mode, NETWORK_BRIDGE);
}

static void test_refusals(void)
{
	static const struct {
		const char *document, *words;
	} rows[] = {
		{"{}", "hull.json: the member 'version' is missing"},
		{"[]", "want an object"},
		{"3", "want an object"},
		{"{\"version\":2,\"future\":{}}", "version: schema version 2 is not known: this hull reads version 1"},
		{"{\"version\":\"1\"}", "version: want an integer"},
		{"{\"version\":1}", "the member 'name' is missing"},
		{"{\"version\":1,\"name\":\"a\"}", "the member 'network' is missing"},
		{"{" LEAST ",\"surprise\":1}", "surprise: unknown member"},
		{"{" LEAST ",\"volumes\":[{\"kind\":\"named\",\"destination\":\"/a\",\"mode\":\"z\"}]}",
		 "volumes[0].mode: unknown member"},
		{"{" LEAST ",\"volumes\":[{\"kind\":\"nfs\",\"destination\":\"/a\"}]}",
		 "volumes[0].kind: 'nfs' is none of 'named', 'host', 'tmpfs'"},
		{"{" LEAST ",\"volumes\":[{\"kind\":\"host\"}]}", "volumes[0]: the member 'destination' is missing"},
		{"{" LEAST ",\"restart\":{\"policy\":\"sometimes\"}}",
		 "restart.policy: 'sometimes' is none of 'no', 'on-failure', 'always'"},
		{"{" LEAST ",\"isolation\":\"chroot\"}", "isolation: 'chroot' is none of 'ns', 'vm'"},
		{"{\"version\":1,\"name\":\"a\",\"network\":{\"mode\":\"slirp\"}}", "network.mode: 'slirp' is none of"},
		{"{\"version\":1,\"name\":\"a\",\"network\":{\"mode\":\"bridge\",\"ports\":[{\"hostPort\":65536,"
		 "\"containerPort\":1,"
		 "\"protocol\":\"tcp\"}]}}",
		 "network.ports[0].hostPort: 65536 is out of range: want 0 to 65535"},
		{"{\"version\":1,\"name\":\"a\",\"network\":{\"mode\":\"bridge\",\"ports\":[{\"hostPort\":1,"
		 "\"containerPort\":1}]}}",
		 "network.ports[0]: the member 'protocol' is missing"},
		{"{" LEAST ",\"created\":\"yesterday\"}", "created: 'yesterday' is no time"},
		{"{" LEAST ",\"idRange\":{\"base\":1}}", "idRange: the member 'size' is missing"},
		{"{" LEAST ",\"log\":{\"maxFiles\":1001}}", "log.maxFiles: 1001 is out of range"},
		{"{" LEAST ",\"name\":\"b\"}", "name"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct err err = ERR_INIT;

		CHECK(!parse(&arena, rows[i].document, &err));
		CHECK_HAS(err.msg, rows[i].words);
	}
}

int main(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	if (file_read(&arena, AT_FDCWD, "tests/data/extension/everything.json", 1 << 20, &everything, &everything_len,
		      NULL) < 0) {
		printf("Bail out! tests/data/extension is not below the working folder\n");
		return 1;
	}
	return TAP_RUN(TAP_CASE(test_round_trip), TAP_CASE(test_least), TAP_CASE(test_zeroed_network_is_bridge),
		       TAP_CASE(test_refusals));
}
