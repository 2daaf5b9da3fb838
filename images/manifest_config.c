// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The image config: what an image says about how it wants to be run. Nothing of it is a path, a program or a device of
 * the host.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "images/manifest.h"
#include "images/reference.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

/* Bounds: far above any real image, far below what would cost memory or time. */
#define CONFIG_MAX_ITEMS      4096
#define CONFIG_MAX_TEXT_BYTES ((size_t)128 << 10) /* one argument or variable: what execve(2) takes */

/* --- checks --- */

/* Absolute, and without "..", which has no business in a place that something is mounted on. */
static int check_absolute(const struct json *value, const char *path, struct err *err)
{
	if (path[0] != '/')
		return json_complain(value, err, "'%s' is not an absolute path", path);
	for (const char *part = path; part; part = strchr(part + 1, '/'))
		if (strncmp(part, "/..", 3) == 0 && (part[3] == '/' || part[3] == '\0'))
			return json_complain(value, err, "'%s' has a '..' in it", path);
	return 0;
}

static int check_assignment(const struct json *value, const char *words, struct err *err)
{
	if (words[0] == '=' || !strchr(words, '='))
		return json_complain(value, err, "'%s' is not NAME=VALUE", words);
	return 0;
}

static int check_port(const struct json *value, const char *words, struct err *err)
{
	static const char *const PROTOCOLS[] = {"tcp", "udp", "sctp"};
	char numbers[16];
	const char *slash = strchr(words, '/');
	char *dash;
	uint32_t first, last;

	if (!slash || (size_t)(slash - words) >= sizeof(numbers))
		return json_complain(value, err, "'%s' is not PORT/PROTOCOL", words);
	for (size_t i = 0; i < ARRAY_SIZE(PROTOCOLS); i++) {
		if (strcmp(slash + 1, PROTOCOLS[i]) != 0)
			continue;
		memcpy(numbers, words, (size_t)(slash - words));
		numbers[slash - words] = '\0';
		dash = strchr(numbers, '-');
		if (dash)
			*dash++ = '\0';
		if (text_u32(numbers, &first) < 0 || text_u32(dash ? dash : numbers, &last) < 0 || first == 0 ||
		    last < first || last > 65535)
			return json_complain(value, err, "'%s' has no port from 1 to 65535", words);
		return 0;
	}
	return json_complain(value, err, "'%s': the protocol is none of tcp, udp, sctp", words);
}

/* --- lists and sets --- */

typedef int (*check_fn)(const struct json *value, const char *words, struct err *err);

static int check_count(const struct json *value, struct err *err)
{
	if (value->children.count > CONFIG_MAX_ITEMS)
		return json_complain(value, err, "has %zu members, more than %d", value->children.count,
				     CONFIG_MAX_ITEMS);
	return 0;
}

static int read_list(struct arena *arena, const struct json *object, const char *key, check_fn check, struct strv *ret,
		     struct err *err)
{
	const struct json *list = json_get(object, key);
	int r;

	if (!list || list->type == JSON_NULL)
		return 0;
	r = json_want(list, JSON_ARRAY, err);
	if (r >= 0)
		r = check_count(list, err);
	if (r < 0)
		return r;
	json_each (item, list) {
		const char *words;

		r = json_string(item, &words, err);
		if (r >= 0 && strlen(words) >= CONFIG_MAX_TEXT_BYTES)
			r = json_complain(item, err, "longer than an argument may be");
		if (r >= 0 && check)
			r = check(item, words, err);
		if (r < 0)
			return r;
		/* A variable that is set twice has its last value. */
		r = check == check_assignment ? strv_env_set(arena, ret, words) : strv_add(arena, ret, words);
		if (r < 0)
			return arena_check(arena, err);
	}
	return 0;
}

/* A set written as an object: {"80/tcp": {}, …}. */
static int read_set(struct arena *arena, const struct json *object, const char *key, struct strv *ret, struct err *err)
{
	const struct json *set = json_get(object, key);
	bool ports = strcmp(key, "ExposedPorts") == 0;
	int r;

	if (!set || set->type == JSON_NULL)
		return 0;
	r = json_want(set, JSON_OBJECT, err);
	if (r >= 0)
		r = check_count(set, err);
	if (r < 0)
		return r;
	json_each (item, set) {
		const char *words = item->key;

		if (ports && !strchr(words, '/'))
			words = arena_printf(arena, "%s/tcp", words);
		if (!words)
			return arena_check(arena, err);
		r = ports ? check_port(item, words, err) : check_absolute(item, words, err);
		if (r < 0)
			return r;
		if (!ports)
			words = path_clean(arena, words);
		if (!words || strv_add(arena, ret, words) < 0)
			return arena_check(arena, err);
	}
	return 0;
}

static int read_labels(struct arena *arena, const struct json *object, struct strv *ret, struct err *err)
{
	const struct json *labels = json_get(object, "Labels");
	int r;

	if (!labels || labels->type == JSON_NULL)
		return 0;
	r = json_want(labels, JSON_OBJECT, err);
	if (r >= 0)
		r = check_count(labels, err);
	if (r < 0)
		return r;
	json_each (item, labels) {
		const char *value, *label;

		r = json_string(item, &value, err);
		if (r < 0)
			return r;
		if (!*item->key || strchr(item->key, '='))
			return json_complain(item, err, "a label's key is empty or holds '='");
		label = arena_printf(arena, "%s=%s", item->key, value);
		if (!label || strv_add(arena, ret, label) < 0)
			return arena_check(arena, err);
	}
	return 0;
}

/* --- the document --- */

/* Absent members leave *ret as it was. */
static int optional_string(const struct json *object, const char *key, const char **ret, struct err *err)
{
	const struct json *value = json_get(object, key);

	if (!value || value->type == JSON_NULL)
		return 0;
	return json_string(value, ret, err);
}

static int check_words(struct arena *arena, const struct json *object, struct image_config *config, struct err *err)
{
	int r;

	if (config->stop_signal && proc_signal_parse(config->stop_signal) < 0)
		return json_complain(json_get(object, "StopSignal"), err, "'%s' is no signal", config->stop_signal);
	if (!config->workdir)
		return 0;
	r = check_absolute(json_get(object, "WorkingDir"), config->workdir, err);
	if (r < 0)
		return r;
	config->workdir = path_clean(arena, config->workdir);
	return config->workdir ? 0 : arena_check(arena, err);
}

static const char *null_if_empty(const char *words)
{
	return text_is_empty(words) ? NULL : words;
}

static int read_run_config(struct arena *arena, const struct json *object, struct image_config *config, struct err *err)
{
	int r = json_want(object, JSON_OBJECT, err);

	if (r >= 0)
		r = optional_string(object, "User", &config->user, err);
	if (r >= 0)
		r = optional_string(object, "WorkingDir", &config->workdir, err);
	if (r >= 0)
		r = optional_string(object, "StopSignal", &config->stop_signal, err);
	if (r >= 0)
		r = read_list(arena, object, "Env", check_assignment, &config->env, err);
	if (r >= 0)
		r = read_list(arena, object, "Entrypoint", NULL, &config->entrypoint, err);
	if (r >= 0)
		r = read_list(arena, object, "Cmd", NULL, &config->cmd, err);
	if (r >= 0)
		r = read_set(arena, object, "ExposedPorts", &config->exposed_ports, err);
	if (r >= 0)
		r = read_set(arena, object, "Volumes", &config->volumes, err);
	if (r >= 0)
		r = read_labels(arena, object, &config->labels, err);
	if (r < 0)
		return r;
	config->user = null_if_empty(config->user);
	config->workdir = null_if_empty(config->workdir);
	config->stop_signal = null_if_empty(config->stop_signal);
	return check_words(arena, object, config, err);
}

static int check_diff_id(const struct json *value, const char *words, struct err *err)
{
	if (!text_starts(words, "sha256:") || !reference_is_digest(words))
		return json_complain(value, err, "not a sha256 digest");
	return 0;
}

static int read_diff_ids(struct arena *arena, const struct json *document, struct strv *ret, struct err *err)
{
	const struct json *rootfs = json_get(document, "rootfs");
	const struct json *list;
	int r;

	if (!rootfs)
		return json_complain(document, err, "'rootfs' is missing");
	r = json_want(rootfs, JSON_OBJECT, err);
	if (r < 0)
		return r;
	list = json_get(rootfs, "diff_ids");
	if (!list)
		return json_complain(rootfs, err, "'diff_ids' is missing");
	if (list->type == JSON_ARRAY && list->children.count > MANIFEST_MAX_LAYERS)
		return json_complain(list, err, "has %zu layers; overlay takes %d", list->children.count,
				     MANIFEST_MAX_LAYERS);
	return read_list(arena, rootfs, "diff_ids", check_diff_id, ret, err);
}

int manifest_read_config(struct arena *arena, const struct json *document, struct image_config *ret,
			 struct strv *ret_diff_ids, struct err *err)
{
	struct image_config config = {0};
	struct strv diff_ids = {0};
	const struct json *run;
	int r = json_want(document, JSON_OBJECT, err);

	if (r >= 0)
		r = optional_string(document, "created", &config.created, err);
	if (r >= 0)
		r = optional_string(document, "author", &config.author, err);
	if (r >= 0)
		r = optional_string(document, "architecture", &config.architecture, err);
	if (r >= 0)
		r = optional_string(document, "variant", &config.variant, err);
	if (r >= 0)
		r = optional_string(document, "os", &config.os, err);
	if (r >= 0 && config.os && *config.os && strcmp(config.os, "linux") != 0)
		r = json_complain(json_get(document, "os"), err, "an image for '%s' does not run on Linux", config.os);
	run = json_get(document, "config");
	if (r >= 0 && run && run->type != JSON_NULL)
		r = read_run_config(arena, run, &config, err);
	if (r >= 0 && ret_diff_ids)
		r = read_diff_ids(arena, document, &diff_ids, err);
	if (r < 0)
		return r;
	*ret = config;
	if (ret_diff_ids)
		*ret_diff_ids = diff_ids;
	return 0;
}

/* --- writing --- */

static void put_string_if(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_put_string(w, key, value);
}

static void put_list_if(struct json_writer *w, const char *key, const struct strv *list)
{
	if (list->count > 0)
		json_put_strv(w, key, list);
}

static void put_set_if(struct json_writer *w, const char *key, const struct strv *set)
{
	if (set->count == 0)
		return;
	json_open(w, key);
	for (size_t i = 0; i < set->count; i++) {
		json_open(w, set->items[i]);
		json_close(w);
	}
	json_close(w);
}

/* A label is cut in two at its '=' while it is written, and whole again afterwards. */
static void put_labels_if(struct json_writer *w, const struct strv *labels)
{
	if (labels->count == 0)
		return;
	json_open(w, "Labels");
	for (size_t i = 0; i < labels->count; i++) {
		char *label = labels->items[i];
		char *equals = strchr(label, '=');

		*equals = '\0';
		json_put_string(w, label, equals + 1);
		*equals = '=';
	}
	json_close(w);
}

void manifest_write_config(struct json_writer *w, const char *key, const struct image_config *config,
			   const struct strv *diff_ids)
{
	json_open(w, key);
	put_string_if(w, "created", config->created);
	put_string_if(w, "author", config->author);
	json_put_string(w, "architecture", config->architecture ? config->architecture : manifest_host_architecture());
	put_string_if(w, "variant", config->variant);
	json_put_string(w, "os", "linux");
	json_open(w, "config");
	put_string_if(w, "User", config->user);
	put_set_if(w, "ExposedPorts", &config->exposed_ports);
	put_list_if(w, "Env", &config->env);
	put_list_if(w, "Entrypoint", &config->entrypoint);
	put_list_if(w, "Cmd", &config->cmd);
	put_set_if(w, "Volumes", &config->volumes);
	put_string_if(w, "WorkingDir", config->workdir);
	put_labels_if(w, &config->labels);
	put_string_if(w, "StopSignal", config->stop_signal);
	json_close(w);
	if (diff_ids) {
		json_open(w, "rootfs");
		json_put_string(w, "type", "layers");
		json_put_strv(w, "diff_ids", diff_ids);
		json_close(w);
	}
	json_close(w);
}

const char *manifest_host_architecture(void)
{
	static const struct {
		const char *machine, *architecture;
	} NAMES[] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"riscv64", "riscv64"}, {"ppc64le", "ppc64le"},
		{"s390x", "s390x"},  {"armv7l", "arm"},	   {"i686", "386"},	   {"loongarch64", "loong64"},
	};
	static struct utsname host;

	if (uname(&host) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
		if (strcmp(host.machine, NAMES[i].machine) == 0)
			return NAMES[i].architecture;
	return host.machine;
}
