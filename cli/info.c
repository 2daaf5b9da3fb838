// SPDX-License-Identifier: GPL-2.0-or-later
/* info, version */
#include <errno.h>
#include <netlink/version.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <yajl/yajl_version.h>

#include "cgroups/cg.h"
#include "cli/instance.h"
#include "cli/instance_settle.h"
#include "cli/machine.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "images/catalog.h"
#include "namespaces/lsm.h"
#include "net/ipam.h"
#include "net/network.h"
#include "runtime/base/host.h"
#include "runtime/base/installed.h"
#include "runtime/spec/config.h"

struct info_options {
	const char *format;
};
static const struct option_row info_rows[] = {
	OUTPUT_FORMAT_DOCUMENT(struct info_options, format),
	OPTIONS_END,
};

/* --- For people --------------------------------------------------------------------------------------------------- */

static void show_words(const struct json *value, struct text *to)
{
	struct json_writer w = {.out = to};
	const char *between = "";

	if (value->type == JSON_STRING) {
		text_add(to, value->string);
	} else if (value->type == JSON_BOOL) {
		text_add(to, value->boolean ? "yes" : "no");
	} else if (value->type == JSON_NULL) {
		text_add(to, "-");
	} else if (value->type == JSON_ARRAY) {
		json_each (item, value) {
			text_add(to, between);
			show_words(item, to);
			between = " ";
		}
	} else {
		json_put(&w, NULL, value);
	}
}

/* The document as an outline: a member a line, and what is in it indented below. */
static void show_outline(const struct json *object, int depth, struct text *to)
{
	json_each (member, object) {
		text_addf(to, "%*s%s:", 2 * depth, "", member->key);
		if (member->type == JSON_OBJECT) {
			text_add(to, "\n");
			show_outline(member, depth + 1, to);
		} else {
			text_add(to, " ");
			show_words(member, to);
			text_add(to, "\n");
		}
	}
}

static int show(const struct command_call *call, const struct text *document, struct err *err)
{
	const struct info_options *options = call->options;
	CLEANUP_TEXT struct text words = TEXT_INIT;
	const struct json *parsed;
	int result;

	if (options->format)
		return output_document(call->arena, document, options->format, err);
	result = json_parse(call->arena, text_get(document), document->len, "document", &parsed, err);
	if (result < 0)
		return result;
	show_outline(parsed, 0, &words);
	result = text_check(&words, err);
	if (result >= 0)
		(void)fputs(text_get(&words), stdout);
	return result;
}

/* --- What this build is made of ----------------------------------------------------------------------------------- */

static bool is_installed(const char *program)
{
	char path[INSTALLED_PATH_BYTES];
	struct err ignored = ERR_INIT;

	return installed_program(program, path, &ignored) >= 0;
}

static void put_libraries(struct json_writer *w, struct arena *arena)
{
	const struct scmp_version *seccomp = seccomp_version();

	json_open(w, "libraries");
	json_put_string(w, "libseccomp",
			arena_printf(arena, "%u.%u.%u", seccomp->major, seccomp->minor, seccomp->micro));
	json_put_string(w, "libnl", LIBNL_VERSION);
	json_put_string(w, "yajl", arena_printf(arena, "%d.%d.%d", YAJL_MAJOR, YAJL_MINOR, YAJL_MICRO));
	json_close(w);
}

static void put_features(struct json_writer *w, struct arena *arena)
{
	struct err ignored = ERR_INIT;
	struct cg_host cgroups = {0};

	(void)cg_host(arena, &cgroups, &ignored);
	json_open(w, "features");
	json_put_bool(w, "systemdCgroupDriver", cgroups.systemd_driver);
	json_put_bool(w, "imageImport", is_installed("hull-image"));
	json_put_bool(w, "detachedContainers", is_installed("hull-keeper"));
	json_put_bool(w, "init", is_installed("hull-init"));
	json_close(w);
}

static void put_version(struct json_writer *w, struct arena *arena)
{
	struct utsname host = {0};

	(void)uname(&host);
	json_open(w, NULL);
	json_put_string(w, "version", HULL_VERSION);
	json_put_string(w, "ociVersion", CONFIG_OCI_VERSION);
	json_put_string(w, "architecture", host.machine);
	json_put_string(w, "compiler", __VERSION__);
	put_libraries(w, arena);
	put_features(w, arena);
	json_close(w);
}

static int run_version(struct command_call *call, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	int result;

	put_version(&w, call->arena);
	result = arena_check(call->arena, err);
	return result < 0 ? result : show(call, &document, err);
}

const struct command verb_version = {
	.name = "version",
	.operands = "",
	.summary = "Show the version of hull, and what it is built with",
	.description = "The JSON: version, ociVersion (of the runtime specification), architecture, compiler, "
		       "libraries (name to version), features (name to whether this build and installation has it; "
		       "imageImport, detachedContainers and init are programs of their own).",
	.options = info_rows,
	.options_bytes = sizeof(struct info_options),
	.max_operands = 0,
	.run = run_version,
};

/* --- What this host has, and what is on it ------------------------------------------------------------------------ */

static void put_host(struct json_writer *w)
{
	struct utsname host = {0};

	(void)uname(&host);
	json_open(w, "host");
	json_put_string(w, "name", host.nodename);
	json_put_string(w, "kernel", host_kernel());
	json_put_string(w, "architecture", host.machine);
	json_put_u64(w, "cpus", host_cpus());
	json_put_u64(w, "memoryBytes", host_memory_bytes());
	json_close(w);
}

static void put_kernel(struct json_writer *w)
{
	json_open(w, "kernelFeatures");
	for (int fact = 0; fact < HOST_FACT_COUNT; fact++)
		json_put_bool(w, host_fact_name((enum host_fact)fact), host_has((enum host_fact)fact));
	json_close(w);
}

static void put_security(struct json_writer *w)
{
	json_open(w, "security");
	json_put_bool(w, "seccomp", host_has(HOST_SECCOMP));
	json_put_bool(w, "apparmor", lsm_has_apparmor());
	json_put_bool(w, "selinux", lsm_has_selinux());
	json_put_bool(w, "userNamespaces", host_has(HOST_USER_NS));
	json_put_bool(w, "idmappedMounts", host_has(HOST_MOUNT_SETATTR));
	json_close(w);
}

static int put_cgroups(struct json_writer *w, struct arena *arena, struct err *err)
{
	struct cg_host host = {0};
	int result = cg_host(arena, &host, err);

	if (result < 0)
		return result;
	json_open(w, "cgroups");
	json_put_string(w, "layout", host.layout_name);
	json_open_array(w, "controllers");
	for (size_t i = 0; host.controllers && host.controllers[i]; i++)
		json_put_string(w, NULL, host.controllers[i]);
	json_close_array(w);
	json_close(w);
	return 0;
}

static void put_stores(struct json_writer *w, const struct hull *hull)
{
	json_open(w, "stores");
	json_put_string(w, "root", hull->root);
	json_put_string(w, "data", hull->data);
	json_put_string(w, "images", hull->images);
	json_put_string(w, "volumes", hull->volumes);
	json_close(w);
}

static int put_counts(struct json_writer *w, const struct command_call *call, const struct stores *stores,
		      struct err *err)
{
	struct instance_view *views;
	struct image *images;
	size_t count, image_count;
	int result = instance_list(call, stores, &views, &count, err);

	if (result >= 0)
		result = catalog_list(call->arena, hull_of(call)->images, &images, &image_count, err);
	if (result < 0)
		return result;
	json_open(w, "containers");
	json_put_u64(w, "total", count);
	for (size_t state = 0; words_states[state]; state++) {
		uint64_t in = 0;

		for (size_t i = 0; i < count; i++)
			in += strcmp(words_state(&views[i]), words_states[state]) == 0;
		json_put_u64(w, words_states[state], in);
	}
	json_close(w);
	json_put_u64(w, "images", image_count);
	return 0;
}

/* The bridge is made for the first container that wants it: until then there is nothing to tell but its name. */
static void put_network(struct json_writer *w, const struct command_call *call)
{
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
	struct err ignored = ERR_INIT;
	bool known = ipam_open(&ipam, hull_of(call)->net_state, false, &ignored) >= 0 && ipam.fd >= 0;
	uint64_t slots[3] = {0}; /* by enum ipam_state */
	char base[16];

	for (unsigned slot = IPAM_FIRST_SLOT; known && slot <= IPAM_LAST_SLOT; slot++)
		if (ipam.states[slot] < ARRAY_SIZE(slots))
			slots[ipam.states[slot]]++;
	json_open(w, "network");
	json_put_string(w, "name", NET_DEFAULT_NAME);
	json_put_string(w, "bridge", known ? ipam.bridge : NET_DEFAULT_BRIDGE);
	json_put_string(w, "subnet",
			known ? arena_printf(call->arena, "%s/%u", address_words(ipam.subnet.base, base),
					     ipam.subnet.prefix_len)
			      : NULL);
	json_put_u64(w, "addressesHeld", slots[IPAM_HELD]);
	json_put_u64(w, "addressesLeaving", slots[IPAM_LEAVING]);
	json_close(w);
}

/* What runs machines here, by name, in a line each. */
static int put_machines(struct json_writer *w, const struct command_call *call, struct err *err)
{
	const struct machine_wish wish = {.root = hull_of(call)->root};
	struct machine_backend backends[2];
	int result = machine_list(call->arena, &wish, backends, err);

	if (result < 0)
		return result;
	json_open(w, "machines");
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		json_put_string(w, backends[i].name,
				arena_printf(call->arena, "%s%s", backends[i].works ? "" : "no: ", backends[i].words));
	json_close(w);
	return 0;
}

static int run_info(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	int result = stores_open(call, &stores, err);

	if (result < 0)
		return result;
	instance_settle(call, &stores);
	json_open(&w, NULL);
	json_put_string(&w, "version", HULL_VERSION);
	put_host(&w);
	result = put_cgroups(&w, call->arena, err);
	put_kernel(&w);
	put_security(&w);
	put_stores(&w, hull_of(call));
	if (result >= 0)
		result = put_counts(&w, call, &stores, err);
	put_network(&w, call);
	if (result >= 0)
		result = put_machines(&w, call, err);
	put_features(&w, call->arena);
	json_close(&w);
	if (result >= 0)
		result = arena_check(call->arena, err);
	return result < 0 ? result : show(call, &document, err);
}

const struct command verb_info = {
	.name = "info",
	.operands = "",
	.summary = "Show what this host offers, and what is on it",
	.description = "The JSON: version; host (name, kernel, architecture, cpus, memoryBytes); cgroups (layout: "
		       "none, v1, hybrid, v2; controllers); kernelFeatures (name to whether it is there); security "
		       "(seccomp, apparmor, selinux, userNamespaces, idmappedMounts); stores (root, data, images, "
		       "volumes); containers (total, and how many in each state); images; network (name, bridge, "
		       "subnet: null before its first use, addressesHeld, addressesLeaving: given back, while the "
		       "kernel still takes the interface away); machines (a line for each of what may run them: see "
		       "'hull vm backends'); features (as in 'hull version').",
	.options = info_rows,
	.options_bytes = sizeof(struct info_options),
	.max_operands = 0,
	.run = run_info,
};
