// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's agent is told and tells: the same on both sides, and nothing that is not understood. */
#include <errno.h>
#include <stdlib.h>

#include "runtime/spec/guest.h"
#include "tests/unit/tap.h"

static struct err err;

static const char everything[] =
	"{\"version\":1,\"id\":\"db\",\"config\":{\"ociVersion\":\"1.3.0\",\"process\":{\"terminal\":true,\"user\":{"
	"\"uid\":1,"
	"\"gid\":2},\"args\":[\"sh\"],\"cwd\":\"/"
	"\"},\"hostname\":\"db\",\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}},"
	"\"image\":\"image\",\"root\":{\"layers\":[\"layer0\",\"layer1\"],\"upper\":\"upper\",\"readOnly\":true},"
	"\"volumes\":[{\"tag\":\"vol0\",\"path\":\"/run/hull/volumes/0\",\"readOnly\":true}],"
	"\"own\":[\"/run/hull/volumes/0/1\"],"
	"\"network\":{\"mac\":\"02:68:0a:62:00:07\",\"address\":\"10.98.0.7\",\"prefix\":16,\"gateway\":\"10.98.0.1\"},"
	"\"files\":{\"hosts\":\"127.0.0.1 localhost\\n\",\"hostname\":\"db\\n\",\"resolvConf\":\"nameserver "
	"1.1.1.1\\n\"},"
	"\"user\":{\"user\":\"app\",\"groups\":[\"staff\"]},\"defaultSeccomp\":true,\"init\":true,\"interactive\":"
	"true}";

static int parse(struct arena *arena, const char *words, struct guest_start *ret)
{
	err = ERR_INIT;
	return guest_start_parse(arena, words, strlen(words), ret, &err);
}

static void test_everything(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text written = TEXT_INIT;
	struct guest_start start;

	CHECK_INT(parse(&arena, everything, &start), 0);
	CHECK_STR(start.id, "db");
	CHECK_STR(start.config->process->args.items[0], "sh");
	CHECK_INT(start.root.layers.count, 2);
	CHECK_STR(start.root.upper, "upper");
	CHECK_STR(start.image, "image");
	CHECK(start.root.read_only && start.volumes.items[0].read_only && start.init && start.interactive);
	CHECK_INT(start.network->prefix, 16);
	CHECK_STR(start.user.group_words.items[0], "staff");
	CHECK_INT(guest_start_write(&start, &written, &err), 0);
	CHECK_STR(text_get(&written), everything);
}

static void test_tables(void)
{
	CHECK_INT(fields_check(&guest_start_fields, &err), 0);
	CHECK_INT(fields_check(&guest_exec_fields, &err), 0);
	CHECK_INT(fields_check(&guest_stats_fields, &err), 0);
}

#define LEAST(root) "{\"version\":1,\"id\":\"x\",\"config\":{\"ociVersion\":\"1.3.0\"},\"root\":" root "}"
#define VOLUME(path)                                                                                        \
	"{\"version\":1,\"id\":\"x\",\"config\":{\"ociVersion\":\"1.3.0\"},\"root\":{\"shared\":\"root\"}," \
	"\"volumes\":[{"                                                                                    \
	"\"tag\":\"v\",\"path\":\"" path "\"}]}"

#define IMAGE(serial)                                                                                       \
	"{\"version\":1,\"id\":\"x\",\"config\":{\"ociVersion\":\"1.3.0\"},\"root\":{\"shared\":\"root\"}," \
	"\"image\":\"" serial "\"}"

#define OWN(path)                                                                                           \
	"{\"version\":1,\"id\":\"x\",\"config\":{\"ociVersion\":\"1.3.0\"},\"root\":{\"shared\":\"root\"}," \
	"\"own\":[\"" path "\"]}"

static void test_refused(void)
{
	static const struct {
		const char *document, *words;
		int code;
	} refused[] = {
		{"", "START", EINVAL},
		{"[]", "want an object", EINVAL},
		{"{}", "the member 'version' is missing", EINVAL},
		{"{\"version\":2,\"new\":1}", "version 2 of the document is not supported", ENOTSUP},
		{"{\"version\":1}", "the member 'id' is missing", EINVAL},
		{"{\"version\":1,\"surprise\":1}", "surprise", EINVAL},
		{LEAST("{}"), "either layers or a shared folder", EINVAL},
		{LEAST("{\"layers\":[\"a\"],\"shared\":\"b\"}"), "either layers or a shared folder", EINVAL},
		{LEAST("{\"shared\":\"b\",\"upper\":\"u\"}"), "root.shared", EINVAL},
		{LEAST("{\"layers\":[\"../a\"]}"), "is no serial number", EINVAL},
		{LEAST("{\"layers\":[\"a,b\"]}"), "is no serial number", EINVAL},
		{LEAST("{\"layers\":[\"\"]}"), "is no serial number", EINVAL},
		{LEAST("{\"layers\":[\"123456789012345678901\"]}"), "is no serial number", EINVAL},
		{LEAST("{\"layers\":[\"a\"],\"upper\":\"a b\"}"), "root.upper", EINVAL},
		{IMAGE("../a"), "image: '../a' is no serial number", EINVAL},
		{IMAGE("123456789012345678901"), "is no serial number", EINVAL},
		{VOLUME("/etc"), "no place below", EINVAL},
		{VOLUME("/run/hull/volumes"), "no place below", EINVAL},
		{VOLUME("/run/hull/volumes/"), "no place below", EINVAL},
		{VOLUME("/run/hull/volumes/.."), "no place below", EINVAL},
		{VOLUME("/run/hull/volumes/a/b"), "no place below", EINVAL},
		{OWN("/run/hull/root"), "own[0]: '/run/hull/root' is no place below", EINVAL},
		{OWN("/run/hull/volumes/../root"), "no place below", EINVAL},
	};
	struct guest_start start;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;

		CHECK_INT(parse(&arena, refused[i].document, &start), -refused[i].code);
		CHECK_HAS(err.msg, refused[i].words);
	}
}

/* No hooks: they would be programs of the host's, run in the guest. */
static void test_hooks_are_refused(void)
{
	static const char document[] =
		"{\"version\":1,\"id\":\"x\",\"config\":{\"ociVersion\":\"1.3.0\",\"hooks\":{\"poststart\":"
		"[{\"path\":\"/bin/x\"}]}},\"root\":{\"layers\":[\"a\"]}}";
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct guest_start start;

	CHECK_INT(parse(&arena, document, &start), -EINVAL);
	CHECK_HAS(err.msg, "hooks");
}

static void test_exec(void)
{
	static const char document[] =
		"{\"version\":1,\"process\":{\"user\":{\"uid\":5,\"gid\":6},\"args\":[\"id\"],\"cwd\":\"/\"},"
		"\"user\":{\"user\":\"app\"},\"interactive\":true,\"detached\":true}";
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text written = TEXT_INIT;
	struct guest_exec exec;

	CHECK_INT(guest_exec_parse(&arena, document, strlen(document), &exec, &err), 0);
	CHECK_STR(exec.user.user_words, "app");
	CHECK(exec.interactive && exec.detached);
	CHECK_INT(exec.process->user.uid, 5);
	CHECK_INT(guest_exec_write(&exec, &written, &err), 0);
	CHECK_STR(text_get(&written), document);
	CHECK_INT(guest_exec_parse(&arena, "{\"version\":1}", 13, &exec, &err), -EINVAL);
}

static void test_too_large(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	size_t len = ((size_t)1 << 20) + 1;
	CLEANUP_FREE char *document = malloc(len);
	struct guest_start start;

	memset(document, ' ', len);
	CHECK_INT(guest_start_parse(&arena, document, len, &start, &err), -EFBIG);
}

static void test_questions(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text written = TEXT_INIT;
	struct config_resources resources = {.pids = {.limit = {true, 7}}};
	const struct guest_exec asked = {.version = GUEST_VERSION,
					 .question = GUEST_ASKS_LIMITS,
					 .resources = &resources};
	static const struct {
		const char *document, *words;
	} refused[] = {
		{"{\"version\":1}", "either a process or a question"},
		{"{\"version\":1,\"question\":\"limits\"}", "resources go with the question"},
		{"{\"version\":1,\"question\":\"processes\",\"resources\":{}}", "resources go with the question"},
		{"{\"version\":1,\"question\":\"time\"}", "question"},
	};
	struct guest_exec got;

	CHECK_INT(guest_exec_write(&asked, &written, &err), 0);
	CHECK_INT(guest_exec_parse(&arena, written.data, written.len, &got, &err), 0);
	CHECK(got.question == GUEST_ASKS_LIMITS && got.resources->pids.limit.value == 7 && !got.process);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CHECK_INT(guest_exec_parse(&arena, refused[i].document, strlen(refused[i].document), &got, &err),
			  -EINVAL);
		CHECK_HAS(err.msg, refused[i].words);
	}
}

static void test_stats(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text written = TEXT_INIT;
	struct net_counter card = {.name = "eth0", .rx_bytes = 5, .tx_dropped = 6};
	const struct guest_stats stats = {
		.stat =
			{
				.has_memory = true,
				.memory_usage_bytes = 4096,
				.memory_limit_bytes = CG_STAT_UNLIMITED,
				.memory_peak_bytes = CG_STAT_UNKNOWN,
				.has_pids = true,
				.pids_current = 3,
				.io_pressure = {.has = true, .full = {.avg300_centi = 5, .total_ns = 77}},
			},
		.memory_total_bytes = 1 << 20,
		.interfaces = {.items = &card, .count = 1},
	};
	struct guest_stats got;

	CHECK_INT(guest_stats_write(&stats, &written, &err), 0);
	CHECK_INT(guest_stats_parse(&arena, written.data, written.len, &got, &err), 0);
	CHECK(memcmp(&stats.stat, &got.stat, sizeof(stats.stat)) == 0);
	CHECK(got.memory_total_bytes == 1 << 20 && got.interfaces.count == 1);
	CHECK_STR(got.interfaces.items[0].name, "eth0");
	CHECK(got.interfaces.items[0].rx_bytes == 5 && got.interfaces.items[0].tx_dropped == 6);
	CHECK_INT(guest_stats_parse(&arena, "{\"cpu_total_ns\":-1}", 19, &got, &err), -EINVAL);
	CHECK_INT(guest_stats_parse(&arena, "{\"more\":1}", 10, &got, &err), -EINVAL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_everything), TAP_CASE(test_tables), TAP_CASE(test_refused),
		       TAP_CASE(test_hooks_are_refused), TAP_CASE(test_exec), TAP_CASE(test_too_large),
		       TAP_CASE(test_questions), TAP_CASE(test_stats));
}
