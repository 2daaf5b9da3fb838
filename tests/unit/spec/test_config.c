/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json: what is read, what is refused and with which words, and that writing gives the same back. */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/base/file.h"
#include "runtime/spec/config.h"
#include "runtime/spec/config_fields.h"
#include "tests/unit/tap.h"

#define GOOD "tests/data/config/good/"
#define BAD  "tests/data/config/bad/"

static const struct config *parse(struct arena *arena, const char *document, struct strv *ignored, struct err *err)
{
	const struct config *config = NULL;

	return config_parse(arena, document, strlen(document), "config.json", &config, ignored, err) < 0 ? NULL
													 : config;
}

static void test_good_files(void)
{
	static const char *const files[] = {GOOD "minimal.json", GOOD "minimal-for-start.json",
					    GOOD "linux-netdevice.json", GOOD "linux-rdma.json",
					    GOOD "spec-example.json"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		const struct config *config;
		struct err err = ERR_INIT;

		CHECK_INT(config_read(&arena, AT_FDCWD, files[i], &config, NULL, &err), 0);
		if (err.code)
			printf("# %s: %s\n", files[i], err.msg);
	}
}

/* Bad by type are refused by the reader; linux-hugepage.json is bad by its words, which are the plan's. */
static void test_bad_files(void)
{
	static const struct {
		const char *file, *words;
	} rows[] = {
		{BAD "invalid-json.json", "invalid-json.json"},
		{BAD "linux-netdevice.json", "linux.netDevices.eth0.name: want a string, found an integer"},
		{BAD "linux-rdma.json", "linux.resources.rdma.mlx5_1.hcaHandles: want an integer, found a string"},
		{BAD "missing.json", "No such file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		const struct config *config;
		struct err err = ERR_INIT;

		CHECK(config_read(&arena, AT_FDCWD, rows[i].file, &config, NULL, &err) < 0);
		CHECK_HAS(err.msg, rows[i].words);
		CHECK(!strchr(err.msg, '\n'));
	}
}

static void test_specification_example(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct config *config;
	struct err err = ERR_INIT;

	if (config_read(&arena, AT_FDCWD, GOOD "spec-example.json", &config, NULL, &err) < 0) {
		CHECK(!"read");
		return;
	}
	CHECK(config->process->terminal);
	CHECK_STR(config->process->args.items[0], "sh");
	CHECK_INT(config->process->user.additional_gids.items[1], 6);
	CHECK_STR(config->process->capabilities->bounding.items[0], "CAP_AUDIT_WRITE");
	CHECK_STR(config->process->rlimits.items[0].type, "RLIMIT_CORE");
	CHECK_INT(config->process->rlimits.items[0].hard, 1024);
	CHECK_INT(config->mounts.count, 7);
	CHECK_STR(config->mounts.items[1].options.items[1], "strictatime");
	CHECK_STR(config->hooks.poststop.items[0].path, "/usr/sbin/cleanup.sh");
	CHECK_INT(config->hooks.poststart.items[0].timeout.value, 5);
	CHECK_INT(config->linux_->devices.items[1].major.value, 8);
	CHECK_STR(strmap_get(&config->linux_->sysctl, "net.core.somaxconn"), "256");
	CHECK_INT(config->linux_->resources->network.priorities.items[0].priority, 500);
	CHECK_INT(config->linux_->resources->block_io.read_bps.items[0].rate, 600);
	CHECK_INT(config->linux_->resources->hugepage_limits.count, 2);
	CHECK_STR(config->linux_->seccomp->syscalls.items[0].names.items[0], "getcwd");
	CHECK_STR(config->linux_->namespaces.items[0].type, "pid");
	CHECK_STR(strmap_get(&config->annotations, "com.example.key1"), "value1");
}

/* A document that has every member that the tables know, with values that differ from what an absent one has. */
static char *everything;
static size_t everything_len;

static bool load_everything(struct arena *arena)
{
	return file_read(arena, AT_FDCWD, "tests/data/config/everything.json", 1 << 20, &everything, &everything_len,
			 NULL) == 0;
}

/* How many scalars, keys and containers a document has: what the round trip must keep. */
static size_t count_values(const struct json *value)
{
	size_t count = 1;

	json_each (child, value)
		count += count_values(child);
	return count;
}

/* Whether the document above really has a value for every row: a new row without a test fails here. */
static void check_covers(const struct field_table *table, const struct json *object)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		const struct json *value = json_get(object, field->name);

		CHECK(value);
		if (!value)
			printf("# no '%s'\n", field->name);
		else if (field->table)
			check_covers(field->table, field->kind == FIELD_LIST || field->kind == FIELD_DICT
							   ? json_first(value)
							   : value);
	}
}

static void test_everything_is_everything(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *root;

	CHECK_INT(json_parse(&arena, everything, strlen(everything), "everything", &root, NULL), 0);
	check_covers(&config_fields, root);
}

static void check_round_trip(const char *document)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	const struct json *before, *after;
	const struct config *config;
	struct err err = ERR_INIT;

	config = parse(&arena, document, NULL, &err);
	CHECK(config);
	if (!config) {
		printf("# %s\n", err.msg);
		return;
	}
	CHECK_INT(config_write(config, &once, &err), 0);
	config = parse(&arena, text_get(&once), NULL, &err);
	CHECK(config);
	if (!config)
		return;
	CHECK_INT(config_write(config, &twice, &err), 0);
	CHECK_STR(text_get(&once), text_get(&twice));
	CHECK_INT(json_parse(&arena, document, strlen(document), "before", &before, &err), 0);
	CHECK_INT(json_parse(&arena, once.data, once.len, "after", &after, &err), 0);
	CHECK_INT(count_values(after), count_values(before));
}

static void test_round_trip_of_everything(void)
{
	check_round_trip(everything);
}

static void test_round_trip_of_files(void)
{
	static const char *const files[] = {GOOD "minimal.json", GOOD "linux-netdevice.json", GOOD "linux-rdma.json"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct err err = ERR_INIT;
		char *data;
		size_t len;

		CHECK_INT(file_read(&arena, AT_FDCWD, files[i], 1 << 20, &data, &len, &err), 0);
		if (!err.code)
			check_round_trip(data);
	}
}

/* Every member of the document above, made a value of a wrong type, is refused with its path. */
static void test_every_member_is_typed(void)
{
	static const char *const wrong = "12.5";
	size_t refused = 0;

	for (size_t i = 0; i + 2 < everything_len; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_TEXT struct text document = TEXT_INIT;
		struct err err = ERR_INIT;
		size_t value = i + 3, end;

		/* A scalar behind a key: "key": "words", or a number, or true. */
		if (strncmp(everything + i, "\": ", 3) != 0 || strchr("[{", everything[i + 3]))
			continue;
		if (everything[value] == '"')
			end = (size_t)(strchr(everything + value + 1, '"') - everything) + 1;
		else
			end = value + strcspn(everything + value, ",\n");
		text_add_bytes(&document, everything, value);
		text_add(&document, wrong);
		text_add(&document, everything + end);
		CHECK(!parse(&arena, text_get(&document), NULL, &err));
		CHECK_HAS(err.msg, "found a number with a fraction");
		refused++;
	}
	CHECK(refused > 100);
}

static void test_refusals(void)
{
	static const struct {
		const char *document, *words;
	} rows[] = {
		{"", "config.json"},
		{"{", "config.json"},
		{"[]", "want an object, found an array"},
		{"{}", "the member 'ociVersion' is missing"},
		{"{\"ociVersion\":null}", "the member 'ociVersion' is missing"},
		{"{\"ociVersion\":1}", "ociVersion: want a string, found an integer"},
		{"{\"ociVersion\":\"1.0.0\"} x", "config.json"},
		{"{\"ociVersion\":\"1.0.0\",\"ociVersion\":\"1.0.0\"}", "ociVersion"},
		{"{\"ociVersion\":\"1.0\\u00000\"}", "config.json"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{}}", "root: the member 'path' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":[]}", "root: want an object, found an array"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{}}", "process: the member 'cwd' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":4294967296,\"gid\":0}}}",
		 "process.user.uid: 4294967296 is out of range: want 0 to 4294967295"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":-1,\"gid\":0}}}",
		 "process.user.uid: -1 is out of range"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/"
		 "\",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,-2]}}}",
		 "process.user.additionalGids[1]: -2 is out of range"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",2]}}",
		 "process.args[1]: want a string"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":\"a b\"}}",
		 "process.args: want an array"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/"
		 "\",\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1}]}}",
		 "process.rlimits[0]: the member 'hard' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/"
		 "\",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":2147483648}}}",
		 "process.scheduler.nice: 2147483648 is out of range"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":[{}]}", "mounts[0]: the member 'destination' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":{}}", "mounts: want an array, found an object"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":[null]}", "mounts[0]: want an object, found null"},
		{"{\"ociVersion\":\"1.0.0\",\"annotations\":{\"a\":1}}", "annotations.a: want a string"},
		{"{\"ociVersion\":\"1.0.0\",\"hooks\":{\"poststop\":[{}]}}",
		 "hooks.poststop[0]: the member 'path' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{}]}}",
		 "linux.namespaces[0]: the member 'type' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"pids\":{}}}}",
		 "linux.resources.pids: the member 'limit' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"memory\":{\"limit\":9223372036854775808}}}}",
		 "linux.resources.memory.limit: 9223372036854775808 is out of range"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"memory\":{\"limit\":18446744073709551616}}}}",
		 "linux.resources.memory.limit"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"blockIO\":{\"weight\":65536}}}}",
		 "linux.resources.blockIO.weight: 65536 is out of range: want 0 to 65535"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"devices\":[{\"type\":\"c\"}]}}}",
		 "linux.resources.devices[0]: the member 'allow' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{}}}",
		 "linux.seccomp: the member 'defaultAction' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{\"defaultAction\":\"x\",\"syscalls\":[{\"names\":["
		 "\"a\"]}]}}}",
		 "linux.seccomp.syscalls[0]: the member 'action' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"vm\":{}}", "vm: the member 'kernel' is missing"},
		{"{\"ociVersion\":\"1.0.0\",\"vm\":{\"kernel\":{}}}", "vm.kernel: the member 'path' is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct err err = ERR_INIT;

		CHECK(!parse(&arena, rows[i].document, NULL, &err));
		CHECK_HAS(err.msg, rows[i].words);
		CHECK(!strchr(err.msg, '\n'));
	}
}

static void test_unknown_members_are_ignored_and_kept_in_mind(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv ignored = {0};
	struct err err = ERR_INIT;
	const struct config *config;

	config = parse(&arena,
		       "{\"ociVersion\":\"1.0.0\",\"windows\":{\"x\":[1,{\"y\":null}]},\"linux\":{\"future\":1,"
		       "\"seccomp\":null},"
		       "\"mounts\":null,\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":1,\"gid\":1,\"more\":2}}}",
		       &ignored, &err);
	CHECK(config);
	if (!config)
		return;
	CHECK_INT(config->process->user.uid, 1);
	CHECK(config->linux_ && !config->linux_->seccomp);
	CHECK_INT(ignored.count, 3);
	CHECK(strv_has(&ignored, "windows") && strv_has(&ignored, "linux.future") &&
	      strv_has(&ignored, "process.user.more"));
}

static void test_ignored_list_is_bounded(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct strv ignored = {0};
	struct err err = ERR_INIT;

	text_add(&document, "{\"ociVersion\":\"1.0.0\"");
	for (int i = 0; i < 5000; i++)
		text_addf(&document, ",\"x%d\":1", i);
	text_add(&document, "}");
	CHECK(parse(&arena, text_get(&document), &ignored, &err));
	CHECK_INT(ignored.count, 64);
}

/* Of a processor, which others may have meanwhile. */
static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Repeats a piece in a document until it is large. */
static char *repeated(const char *head, const char *piece, size_t times, const char *tail)
{
	size_t head_len = strlen(head), len = strlen(piece);
	char *document = malloc(head_len + len * times + strlen(tail) + 1);

	memcpy(document, head, head_len);
	for (size_t i = 0; i < times; i++)
		memcpy(document + head_len + i * len, piece, len);
	strcpy(document + head_len + len * times, tail);
	return document;
}

static void test_hostile_documents_are_bounded(void)
{
	static const struct {
		const char *head, *piece;
		size_t times;
		const char *tail;
	} rows[] = {
		{"{\"ociVersion\":\"1.0.0\",\"x\":", "[", 1000000, ""},
		{"", "{\"a\":", 1000000, ""},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[", "\"\",", 1000000, "\"\"]}}"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":[", "{\"destination\":\"/\"},", 300000, "{}]}"},
		{"{\"ociVersion\":\"1.0.0\",\"annotations\":{\"a\":\"", "x", 9 << 20, "\"}}"},
		{"{\"ociVersion\":\"1.0.0\",\"annotations\":{", "\"a\":\"\",", 500000, "\"b\":\"\"}}"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{\"defaultAction\":\"x\",\"syscalls\":[",
		 "{\"names\":[\"a\"],\"action\":\"y\"},", 200000, "{}]}}}"},
		{"{\"ociVersion\":", "9", 1000000, "}"},
		{"", "\xff", 1000, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_FREE char *document = repeated(rows[i].head, rows[i].piece, rows[i].times, rows[i].tail);
		struct err err = ERR_INIT;
		double start = seconds_now();

		CHECK(!parse(&arena, document, NULL, &err));
		CHECK(err.code != 0);
		CHECK(strlen(err.msg) < ERR_MSG_BYTES && !strchr(err.msg, '\n'));
		CHECK(arena.used_bytes <= ARENA_DEFAULT_MAX_BYTES);
		CHECK(seconds_now() - start < 5);
	}
}

/* A real document cut off anywhere, or with any one byte replaced, is either read or refused in one line. */
static void test_damaged_documents(void)
{
	CLEANUP_FREE char *copy = malloc(everything_len);
	size_t last = everything_len - 1; /* a newline: without it the document is whole */

	for (size_t i = 0; i < last; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		const struct config *config;
		struct err err = ERR_INIT;

		CHECK(config_parse(&arena, everything, i, "config.json", &config, NULL, &err) < 0);
		memcpy(copy, everything, everything_len);
		copy[i] = (char)(copy[i] ^ (1 << (i % 8)));
		err_clear(&err);
		if (config_parse(&arena, copy, everything_len, "config.json", &config, NULL, &err) < 0)
			CHECK(err.code && !strchr(err.msg, '\n'));
	}
}

/* Items of a long list do not lie over what belongs to them. */
static void test_long_lists(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	const struct config *config;
	struct err err = ERR_INIT;

	text_add(&document, "{\"ociVersion\":\"1.0.0\",\"mounts\":[");
	for (int i = 0; i < 100; i++)
		text_addf(&document,
			  "%s{\"destination\":\"/%d\",\"options\":[\"a%d\",\"b\"],\"uidMappings\":[{\"containerID\":%d,"
			  "\"hostID\":1,\"size\":1}]}",
			  i ? "," : "", i, i, i);
	text_add(&document, "]}");
	config = parse(&arena, text_get(&document), NULL, &err);
	CHECK(config);
	for (size_t i = 0; config && i < config->mounts.count; i++) {
		const struct config_mount *mount = &config->mounts.items[i];
		char words[32];

		(void)snprintf(words, sizeof(words), "a%zu", i);
		CHECK_STR(mount->options.items[0], words);
		CHECK_INT(mount->uid_mappings.items[0].container_id, i);
		(void)snprintf(words, sizeof(words), "/%zu", i);
		CHECK_STR(mount->destination, words);
	}
}

static void test_parts_alone(void)
{
	static const char process[] = "{\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":5,\"gid\":6}}";
	static const char resources[] = "{\"memory\":{\"limit\":1048576},\"pids\":{\"limit\":7}}";
	static const char seccomp[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}";
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	const struct config_process *p;
	const struct config_resources *r;
	struct config_seccomp *s;
	struct err err = ERR_INIT;

	CHECK_INT(config_parse_process(&arena, process, strlen(process), "process.json", &p, &err), 0);
	CHECK_INT(config_parse_resources(&arena, resources, strlen(resources), "-", &r, &err), 0);
	CHECK_INT(config_parse_seccomp(&arena, seccomp, strlen(seccomp), "profile", &s, &err), 0);
	if (err.code)
		return;
	CHECK_INT(p->user.gid, 6);
	CHECK_INT(r->memory.limit.value, 1048576);
	CHECK_STR(s->default_action, "SCMP_ACT_ALLOW");
	CHECK_INT(config_write_resources(r, &out, &err), 0);
	CHECK_HAS(text_get(&out), "\"limit\": 7");
	CHECK(config_parse_process(&arena, "{}", 2, "process.json", &p, &err) < 0);
	CHECK_HAS(err.msg, "process.json: the member 'cwd' is missing");
}

int main(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	if (!load_everything(&arena)) {
		printf("Bail out! tests/data/config is not below the working folder\n");
		return 1;
	}
	return TAP_RUN(TAP_CASE(test_good_files), TAP_CASE(test_bad_files), TAP_CASE(test_specification_example),
		       TAP_CASE(test_everything_is_everything), TAP_CASE(test_round_trip_of_everything),
		       TAP_CASE(test_round_trip_of_files), TAP_CASE(test_every_member_is_typed),
		       TAP_CASE(test_refusals), TAP_CASE(test_unknown_members_are_ignored_and_kept_in_mind),
		       TAP_CASE(test_ignored_list_is_bounded), TAP_CASE(test_hostile_documents_are_bounded),
		       TAP_CASE(test_damaged_documents), TAP_CASE(test_long_lists), TAP_CASE(test_parts_alone));
}
