/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state record: both ways, its strictness, and the OCI state made from it. */
#include <fcntl.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/scope.h"
#include "runtime/spec/hull_fields.h"
#include "runtime/spec/record.h"
#include "tests/unit/spec/fields_fixture.h"
#include "tests/unit/tap.h"

/* A document that has every member that the tables know. */
static char *everything;
static size_t everything_len;

#define LEAST "\"version\":1,\"id\":\"a\",\"ociVersion\":\"1.0.0\",\"bundle\":\"/b\""

static int parse(struct arena *arena, const char *document, struct record *ret, struct err *err)
{
	return record_parse(arena, document, strlen(document), "record.json", ret, err);
}

static void test_round_trip(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	const struct json *before, *after;
	struct record record;
	struct err err = ERR_INIT;

	CHECK_INT(parse(&arena, everything, &record, &err), 0);
	if (err.code) {
		printf("# %s\n", err.msg);
		return;
	}
	CHECK_INT(record.status, RECORD_RUNNING);
	CHECK_INT(record.init.pid, 12);
	CHECK_INT(record.init.start_ticks, 34);
	CHECK_INT(record.keeper.pid, 56);
	CHECK_INT(record.net.ports.items[0].container_port, 80);
	CHECK_INT(record.exit.signal, 9);
	CHECK_INT(record.started - record.created, 1000000001);
	CHECK_STR(record.steps.items[2], "clone");
	CHECK_INT(record_write(&record, &once, &err), 0);
	CHECK_INT(parse(&arena, text_get(&once), &record, &err), 0);
	CHECK_INT(record_write(&record, &twice, &err), 0);
	CHECK_STR(text_get(&once), text_get(&twice));
	CHECK_INT(json_parse(&arena, everything, everything_len, "before", &before, &err), 0);
	CHECK_INT(json_parse(&arena, once.data, once.len, "after", &after, &err), 0);
	CHECK_INT(count_members(after), count_members(before));
	/* Three of the members are maps, each with one word that no row has. */
	CHECK_INT(count_members(before), count_rows(&record_fields) + 3);
}

/* An exit that nobody saw is not 0, and stays so over a round trip. */
static void test_unknown_exit_stays_unknown(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct record record = {.version = RECORD_VERSION,
				.id = "a",
				.oci_version = "1.3.0",
				.bundle = "/b",
				.status = RECORD_STOPPED};
	struct err err = ERR_INIT;

	CHECK_INT(record_write(&record, &out, &err), 0);
	CHECK_INT(parse(&arena, text_get(&out), &record, &err), 0);
	CHECK(!record.exit.known);
	record.exit.known = true;
	text_free(&out);
	CHECK_INT(record_write(&record, &out, &err), 0);
	CHECK_INT(parse(&arena, text_get(&out), &record, &err), 0);
	CHECK(record.exit.known && record.exit.code == 0);
}

static void test_refusals(void)
{
	static const struct {
		const char *document, *words;
	} rows[] = {
		{"", "record.json"},
		{"{}", "the member 'version' is missing"},
		{"{\"version\":7}", "version: schema version 7 is not known"},
		{"{\"version\":1}", "the member 'id' is missing"},
		{"{" LEAST "}", "the member 'status' is missing"},
		{"{" LEAST ",\"status\":\"paused\"}", "'paused' is derived"},
		{"{" LEAST ",\"status\":\"dead\"}", "status: 'dead' is none of"},
		{"{" LEAST ",\"status\":\"running\",\"new\":1}", "new: unknown member"},
		{"{" LEAST ",\"status\":\"running\",\"init\":{\"pid\":-1,\"startTicks\":1}}", "a pid is negative"},
		{"{" LEAST ",\"status\":\"running\",\"init\":{\"pid\":1}}", "init: the member 'startTicks' is missing"},
		{"{" LEAST ",\"status\":\"running\",\"net\":{\"prefixLen\":129}}",
		 "net.prefixLen: 129 is out of range"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct record record = {.id = "untouched"};
		struct err err = ERR_INIT;

		CHECK(parse(&arena, rows[i].document, &record, &err) < 0);
		CHECK_HAS(err.msg, rows[i].words);
		CHECK_STR(record.id, "untouched");
	}
}

static void test_too_large(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FREE char *large = calloc(1, RECORD_MAX_BYTES + 2);
	struct record record;
	struct err err = ERR_INIT;

	memset(large, ' ', RECORD_MAX_BYTES + 1);
	CHECK_INT(record_parse(&arena, large, RECORD_MAX_BYTES + 1, "record.json", &record, &err), -EFBIG);
}

static void test_status_words(void)
{
	CHECK_INT(record_status_parse("paused"), RECORD_PAUSED);
	CHECK_INT(record_status_parse("gone"), -EINVAL);
	for (int status = RECORD_CREATING; status <= RECORD_STOPPED; status++)
		CHECK_INT(record_status_parse(record_status_name((enum record_status)status)), status);
}

static void test_state_for_hooks(void)
{
	static struct strpair annotation = {"k", "v \"quoted\""};
	const struct record record = {.id = "abc",
				      .oci_version = "1.3.0",
				      .bundle = "/b",
				      .root_path = "/b/rootfs",
				      .created = 1,
				      .annotations = {&annotation, 1}};
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct err err = ERR_INIT;

	CHECK_INT(record_state_json(&record, RECORD_CREATED, 42, false, &out, &err), 0);
	CHECK_STR(text_get(&out),
		  "{\"ociVersion\":\"1.3.0\",\"id\":\"abc\",\"status\":\"created\",\"pid\":42,\"bundle\":\"/b\","
		  "\"rootfs\":\"/b/rootfs\",\"created\":\"1970-01-01T00:00:00.000000001Z\","
		  "\"annotations\":{\"k\":\"v \\\"quoted\\\"\"}}");
	text_free(&out);
	CHECK_INT(record_state_json(&record, RECORD_STOPPED, 0, true, &out, &err), 0);
	CHECK(!strstr(text_get(&out), "pid"));
	CHECK(text_ends(text_get(&out), "}\n"));
}

static void test_state_for_a_seccomp_agent(void)
{
	const struct record record = {.id = "abc", .oci_version = "1.3.0", .bundle = "/b"};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	const struct json *root;
	struct err err = ERR_INIT;
	const char *words = "";

	CHECK_INT(record_process_state_json(&record, RECORD_RUNNING, 42, "meta", &out, &err), 0);
	CHECK_INT(json_parse(&arena, out.data, out.len, "state", &root, &err), 0);
	CHECK_INT(json_string(json_first(json_get(root, "fds")), &words, &err), 0);
	CHECK_STR(words, "seccompFd");
	CHECK_INT(json_string(json_get(json_get(root, "state"), "status"), &words, &err), 0);
	CHECK_STR(words, "running");
}

int main(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	if (file_read(&arena, AT_FDCWD, "tests/data/record/everything.json", 1 << 20, &everything, &everything_len,
		      NULL) < 0) {
		printf("Bail out! tests/data/record is not below the working folder\n");
		return 1;
	}
	return TAP_RUN(TAP_CASE(test_round_trip), TAP_CASE(test_unknown_exit_stays_unknown), TAP_CASE(test_refusals),
		       TAP_CASE(test_too_large), TAP_CASE(test_status_words), TAP_CASE(test_state_for_hooks),
		       TAP_CASE(test_state_for_a_seccomp_agent));
}
