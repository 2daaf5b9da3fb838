// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/manifest.h"

#include <errno.h>

#include "images/changes.h"
#include "tests/unit/tap.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64
#define BLOB   "{\"mediaType\":\"m\",\"digest\":\"" DIGEST "\",\"size\":3}"

static const struct json *parse(struct arena *arena, const char *words)
{
	const struct json *document = NULL;
	struct err err = ERR_INIT;

	CHECK_INT(json_parse(arena, words, strlen(words), "test", &document, &err), 0);
	return document;
}

static void test_manifests(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct image_manifest manifest;
	struct err err = ERR_INIT;
	const char *words = "{\"schemaVersion\":2,\"config\":" BLOB ",\"layers\":[" BLOB "," BLOB "]}";

	CHECK_INT(manifest_read(&arena, parse(&arena, words), &manifest, &err), 0);
	CHECK_STR(manifest.config.digest, DIGEST);
	CHECK_INT(manifest.layer_count, 2);
	CHECK_INT(manifest.layers[1].size, 3);
	CHECK(!manifest_is_index(parse(&arena, words)));
}

static void test_indexes(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct image_index index;
	struct err err = ERR_INIT;
	const struct json *document =
		parse(&arena,
		      "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" DIGEST
		      "\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"},\"annotations\":{"
		      "\"org.opencontainers.image.ref.name\":\"tag\",\"io.containerd.image.name\":\"q.io/a:1\"}}]}");

	CHECK(manifest_is_index(document));
	CHECK_INT(manifest_read_index(&arena, document, &index, &err), 0);
	CHECK_INT(index.count, 1);
	CHECK_STR(index.manifests[0].architecture, "arm64");
	CHECK_STR(index.manifests[0].name, "q.io/a:1");
}

static void test_refused_manifests(void)
{
	static const struct {
		const char *document, *words;
	} ROWS[] = {
		{"[]", "want an object"},
		{"{}", "'schemaVersion' is missing"},
		{"{\"schemaVersion\":1}", "want 2, found 1"},
		{"{\"schemaVersion\":2}", "'config' is missing"},
		{"{\"schemaVersion\":2,\"config\":{}}", "a descriptor needs a digest and a size"},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../../../etc/passwd\",\"size\":1}}",
		 "not a sha256 or sha512 digest"},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" DIGEST "\",\"size\":-1}}", "config.size"},
		{"{\"schemaVersion\":2,\"config\":" BLOB "}", "'layers' is missing"},
		{"{\"schemaVersion\":2,\"config\":" BLOB ",\"layers\":{}}", "want an array"},
		{"{\"schemaVersion\":2,\"config\":" BLOB ",\"layers\":[3]}", "layers[0]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct image_manifest manifest;
		struct err err = ERR_INIT;

		CHECK_INT(manifest_read(&arena, parse(&arena, ROWS[i].document), &manifest, &err), -EINVAL);
		CHECK_HAS(err.msg, ROWS[i].words);
	}
}

static void test_too_many_layers(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct image_manifest manifest;
	struct err err = ERR_INIT;

	text_add(&words, "{\"schemaVersion\":2,\"config\":" BLOB ",\"layers\":[");
	for (int i = 0; i <= MANIFEST_MAX_LAYERS; i++)
		text_addf(&words, "%s" BLOB, i ? "," : "");
	text_add(&words, "]}");
	CHECK_INT(manifest_read(&arena, parse(&arena, words.data), &manifest, &err), -EINVAL);
	CHECK_HAS(err.msg, "501 members, more than 500");
}

static const char CONFIG[] =
	"{\"created\":\"2026-01-02T03:04:05Z\",\"author\":\"me\",\"architecture\":\"amd64\",\"os\":\"linux\","
	"\"config\":{"
	"\"User\":\"app:staff\",\"Env\":[\"A=1\",\"B=x=y\",\"A=2\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\",\"\"],"
	"\"WorkingDir\":\"/srv//app/\",\"StopSignal\":\"SIGQUIT\",\"ExposedPorts\":{\"80/"
	"tcp\":{},\"53\":{},\"7000-7010/udp\":{}},"
	"\"Volumes\":{\"/data/\":{}},\"Labels\":{\"k\":\"v=w\",\"empty\":\"\"}},"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST "\"]}}";

static void check_config(const struct image_config *config)
{
	CHECK_STR(config->user, "app:staff");
	CHECK_INT(config->env.count, 2);
	CHECK_STR(strv_env_get(&config->env, "A"), "2");
	CHECK_STR(strv_env_get(&config->env, "B"), "x=y");
	CHECK_STR(config->entrypoint.items[0], "/e");
	CHECK_INT(config->cmd.count, 2);
	CHECK_STR(config->workdir, "/srv/app");
	CHECK_STR(config->stop_signal, "SIGQUIT");
	CHECK_INT(config->exposed_ports.count, 3);
	CHECK(strv_has(&config->exposed_ports, "53/tcp"));
	CHECK_STR(config->volumes.items[0], "/data");
	CHECK(strv_has(&config->labels, "k=v=w"));
	CHECK(strv_has(&config->labels, "empty="));
	CHECK_STR(config->created, "2026-01-02T03:04:05Z");
}

static void test_configs_read_and_written(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out};
	struct image_config config;
	struct strv diff_ids = {0};
	struct err err = ERR_INIT;

	CHECK_INT(manifest_read_config(&arena, parse(&arena, CONFIG), &config, &diff_ids, &err), 0);
	check_config(&config);
	CHECK_INT(diff_ids.count, 1);
	manifest_write_config(&w, NULL, &config, &diff_ids);
	CHECK_INT(manifest_read_config(&arena, parse(&arena, text_get(&out)), &config, &diff_ids, &err), 0);
	check_config(&config);
	CHECK_STR(diff_ids.items[0], DIGEST);
}

static void test_empty_config(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct image_config config;
	struct err err = ERR_INIT;

	CHECK_INT(manifest_read_config(&arena,
				       parse(&arena, "{\"config\":{\"User\":\"\",\"WorkingDir\":\"\",\"Env\":null,"
						     "\"Volumes\":null,\"Labels\":null,\"Cmd\":null}}"),
				       &config, NULL, &err),
		  0);
	CHECK(!config.user && !config.workdir && !config.env.items && !config.cmd.items);
}

static void test_refused_configs(void)
{
	static const struct {
		const char *document, *words;
	} ROWS[] = {
		{"[]", "want an object"},
		{"{\"os\":\"windows\"}", "an image for 'windows' does not run on Linux"},
		{"{\"config\":[]}", "config: want an object"},
		{"{\"config\":{\"User\":5}}", "config.User"},
		{"{\"config\":{\"Env\":[\"NOVALUE\"]}}", "config.Env[0]: 'NOVALUE' is not NAME=VALUE"},
		{"{\"config\":{\"Env\":[\"=x\"]}}", "is not NAME=VALUE"},
		{"{\"config\":{\"Env\":\"A=1\"}}", "config.Env"},
		{"{\"config\":{\"Cmd\":[1]}}", "config.Cmd[0]"},
		{"{\"config\":{\"WorkingDir\":\"srv\"}}", "'srv' is not an absolute path"},
		{"{\"config\":{\"WorkingDir\":\"/a/../b\"}}", "has a '..' in it"},
		{"{\"config\":{\"Volumes\":{\"data\":{}}}}", "is not an absolute path"},
		{"{\"config\":{\"Volumes\":{\"/data/..\":{}}}}", "has a '..' in it"},
		{"{\"config\":{\"StopSignal\":\"SIGNOTHING\"}}", "'SIGNOTHING' is no signal"},
		{"{\"config\":{\"ExposedPorts\":{\"0/tcp\":{}}}}", "has no port from 1 to 65535"},
		{"{\"config\":{\"ExposedPorts\":{\"90-80/tcp\":{}}}}", "has no port"},
		{"{\"config\":{\"ExposedPorts\":{\"65536\":{}}}}", "has no port"},
		{"{\"config\":{\"ExposedPorts\":{\"80/icmp\":{}}}}", "the protocol is none of"},
		{"{\"config\":{\"Labels\":{\"a=b\":\"c\"}}}", "a label's key is empty or holds '='"},
		{"{}", "'rootfs' is missing"},
		{"{\"rootfs\":{}}", "'diff_ids' is missing"},
		{"{\"rootfs\":{\"diff_ids\":[\"sha256:..\"]}}", "not a sha256 digest"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct image_config config;
		struct strv diff_ids;
		struct err err = ERR_INIT;

		CHECK_INT(manifest_read_config(&arena, parse(&arena, ROWS[i].document), &config, &diff_ids, &err),
			  -EINVAL);
		CHECK_HAS(err.msg, ROWS[i].words);
	}
}

static void test_changes(void)
{
	static const char *const WORDS[] = {
		"CMD [\"sh\",\"-c\",\"a b\"]",
		"ENTRYPOINT /run me",
		"cmd [\"x\"]",
		"ENV A=1 B=\"two words\" C='$x' D=a\\ b",
		"ENV OLD form of it",
		"ENV A=2",
		"EXPOSE 80 53/udp 80/tcp",
		"LABEL a.b=c \"d\"=\"e f\"",
		"STOPSIGNAL INT",
		"USER app",
		"VOLUME [\"/a\",\"/b c\"]",
		"VOLUME /d /a",
		"WORKDIR /srv",
	};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct image_config config = {0};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++) {
		CHECK_INT(changes_apply(&arena, &config, WORDS[i], &err), 0);
		if (i == 1) /* a new entry point does not want the old one's arguments */
			CHECK_INT(config.cmd.count, 0);
	}
	CHECK_INT(config.entrypoint.count, 3);
	CHECK_STR(config.entrypoint.items[2], "/run me");
	CHECK_STR(config.cmd.items[0], "x");
	CHECK_STR(strv_env_get(&config.env, "A"), "2");
	CHECK_STR(strv_env_get(&config.env, "B"), "two words");
	CHECK_STR(strv_env_get(&config.env, "C"), "$x");
	CHECK_STR(strv_env_get(&config.env, "D"), "a b");
	CHECK_STR(strv_env_get(&config.env, "OLD"), "form of it");
	CHECK_INT(config.exposed_ports.count, 2);
	CHECK(strv_has(&config.labels, "d=e f"));
	CHECK_STR(config.stop_signal, "INT");
	CHECK_INT(config.volumes.count, 3);
	CHECK_STR(config.workdir, "/srv");
}

static void test_refused_changes(void)
{
	static const struct {
		const char *change, *words;
	} ROWS[] = {
		{"RUN rm -rf /", "not one of CMD, ENTRYPOINT"},
		{"", "not one of"},
		{"CMDX a", "not one of"},
		{"CMD [\"a\"", "change 'CMD [\"a\"': "},
		{"CMD [1]", "change"},
		{"ENV", "want NAME=VALUE"},
		{"ENV A", "is not NAME=VALUE"},
		{"ENV A=\"open", "a quote is not closed"},
		{"ENV =x", "is not NAME=VALUE"},
		{"USER", "want one word"},
		{"USER a b", "want one word"},
		{"EXPOSE", "says nothing"},
		{"VOLUME []", "says nothing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct image_config config = {0};
		struct err err = ERR_INIT;

		CHECK_INT(changes_apply(&arena, &config, ROWS[i].change, &err), -EINVAL);
		CHECK_HAS(err.msg, ROWS[i].words);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_manifests), TAP_CASE(test_indexes), TAP_CASE(test_refused_manifests),
		       TAP_CASE(test_too_many_layers), TAP_CASE(test_configs_read_and_written),
		       TAP_CASE(test_empty_config), TAP_CASE(test_refused_configs), TAP_CASE(test_changes),
		       TAP_CASE(test_refused_changes));
}
