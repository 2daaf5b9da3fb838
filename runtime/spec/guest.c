// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/spec/guest.h"

#include <errno.h>
#include <string.h>

#include "net/stand_in.h"
#include "runtime/base/json.h"
#include "runtime/spec/config_fields.h"
#include "runtime/spec/field_rows.h"

/* The bound of each document; agent_protocol.h's is the same. */
#define MAX_BYTES   ((size_t)1 << 20)
#define MAX_LAYERS  64
#define MAX_VOLUMES 64
#define MAX_OWN	    1024
#define MAX_SERIAL  20 /* virtio-blk's */
#define MAX_TAG	    36 /* virtio-fs's */

/* --- Tables ------------------------------------------------------------------------------------------------------- */

#define TYPE struct guest_root
static const struct field root_rows[] = {
	ROW("layers", FIELD_STRV, layers, .max = MAX_LAYERS),
	ROW("upper", FIELD_STRING, upper),
	ROW("shared", FIELD_STRING, shared),
	ROW("readOnly", FIELD_BOOL, read_only),
};
TABLE(root_table, root_rows);
#undef TYPE

#define TYPE struct guest_volume
static const struct field volume_rows[] = {
	ROW("tag", FIELD_STRING, tag, REQUIRED),
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("readOnly", FIELD_BOOL, read_only),
	ROW("fill", FIELD_BOOL, fill),
};
TABLE(volume_table, volume_rows);
#undef TYPE

#define TYPE struct guest_network
static const struct field network_rows[] = {
	ROW("mac", FIELD_STRING, mac),
	ROW("address", FIELD_STRING, address, REQUIRED),
	ROW("prefix", FIELD_U32, prefix, REQUIRED, .max = 32),
	ROW("gateway", FIELD_STRING, gateway),
};
TABLE(network_table, network_rows);
#undef TYPE

#define TYPE struct guest_route
static const struct field route_rows[] = {
	ROW("to", FIELD_STRING, to, REQUIRED),
	ROW("via", FIELD_STRING, via),
};
TABLE(route_table, route_rows);
#undef TYPE

#define TYPE struct guest_interface
static const struct field guest_interface_rows[] = {
	ROW("mac", FIELD_STRING, mac, REQUIRED),
	ROW("name", FIELD_STRING, name, REQUIRED),
	ROW("mtu", FIELD_U32, mtu),
	ROW("addresses", FIELD_STRV, addresses, .max = INTERFACE_ADDRESSES),
	ROW("routes", FIELD_LIST, routes, OF(route_table), .max = INTERFACE_ROUTES),
};
TABLE(guest_interface_table, guest_interface_rows);
#undef TYPE

#define TYPE struct guest_files
static const struct field files_rows[] = {
	ROW("hosts", FIELD_STRING, hosts),
	ROW("hostname", FIELD_STRING, hostname),
	ROW("resolvConf", FIELD_STRING, resolv_conf),
};
TABLE(files_table, files_rows);
#undef TYPE

#define TYPE struct guest_user
static const struct field user_rows[] = {
	ROW("user", FIELD_STRING, user_words),
	ROW("groups", FIELD_STRV, group_words),
};
TABLE(user_table, user_rows);
#undef TYPE

#define TYPE struct guest_start
static const struct field start_rows[] = {
	ROW("version", FIELD_U32, version, REQUIRED),
	ROW("id", FIELD_STRING, id, REQUIRED),
	ROW("config", FIELD_OBJECT, config, REQUIRED, OF(config_fields)),
	ROW("image", FIELD_STRING, image),
	ROW("root", FIELD_STRUCT, root, REQUIRED, OF(root_table)),
	ROW("volumes", FIELD_LIST, volumes, OF(volume_table), .max = MAX_VOLUMES),
	ROW("own", FIELD_STRV, own, .max = MAX_OWN),
	ROW("network", FIELD_OBJECT, network, OF(network_table)),
	ROW("interfaces", FIELD_LIST, interfaces, OF(guest_interface_table), .max = STAND_IN_INTERFACES),
	ROW("files", FIELD_STRUCT, files, OF(files_table)),
	ROW("user", FIELD_STRUCT, user, OF(user_table)),
	ROW("defaultSeccomp", FIELD_BOOL, default_seccomp),
	ROW("init", FIELD_BOOL, init),
	ROW("interactive", FIELD_BOOL, interactive),
};
PUBLIC_TABLE(guest_start_fields, start_rows);
#undef TYPE

static const char *const question_words[] = {"", "processes", "limits", NULL};

#define TYPE struct guest_exec
static const struct field exec_rows[] = {
	ROW("version", FIELD_U32, version, REQUIRED),
	ROW("question", FIELD_ENUM, question, .words = question_words),
	ROW("resources", FIELD_OBJECT, resources, OF(config_resources_fields)),
	ROW("process", FIELD_OBJECT, process, OF(config_process_fields)),
	ROW("user", FIELD_STRUCT, user, OF(user_table)),
	ROW("interactive", FIELD_BOOL, interactive),
	ROW("detached", FIELD_BOOL, detached),
};
PUBLIC_TABLE(guest_exec_fields, exec_rows);
#undef TYPE

#define TYPE struct cg_pressure_line
static const struct field pressure_line_rows[] = {
	ROW("avg10", FIELD_U32, avg10_centi),
	ROW("avg60", FIELD_U32, avg60_centi),
	ROW("avg300", FIELD_U32, avg300_centi),
	ROW("totalNs", FIELD_U64, total_ns),
};
TABLE(pressure_line_table, pressure_line_rows);
#undef TYPE

#define TYPE struct cg_pressure
static const struct field pressure_rows[] = {
	ROW("known", FIELD_BOOL, has),
	ROW("some", FIELD_STRUCT, some, OF(pressure_line_table)),
	ROW("full", FIELD_STRUCT, full, OF(pressure_line_table)),
};
TABLE(pressure_table, pressure_rows);
#undef TYPE

/* Named as the members: both ends are hull. */
#define TYPE struct net_counter
static const struct field counter_rows[] = {
	ROW("name", FIELD_STRING, name, REQUIRED), ROW("rx_bytes", FIELD_U64, rx_bytes),
	ROW("rx_packets", FIELD_U64, rx_packets),  ROW("rx_errors", FIELD_U64, rx_errors),
	ROW("rx_dropped", FIELD_U64, rx_dropped),  ROW("tx_bytes", FIELD_U64, tx_bytes),
	ROW("tx_packets", FIELD_U64, tx_packets),  ROW("tx_errors", FIELD_U64, tx_errors),
	ROW("tx_dropped", FIELD_U64, tx_dropped),
};
TABLE(counter_table, counter_rows);
#undef TYPE

#define FIGURE(member) ROW(#member, FIELD_U64, stat.member)
#define KNOWN(member)  ROW(#member, FIELD_BOOL, stat.member)
#define TYPE	       struct guest_stats
static const struct field stats_rows[] = {
	KNOWN(has_cpu),
	FIGURE(cpu_total_ns),
	FIGURE(cpu_user_ns),
	FIGURE(cpu_system_ns),
	KNOWN(has_throttling),
	FIGURE(cpu_periods),
	FIGURE(cpu_throttled_periods),
	FIGURE(cpu_throttled_ns),
	KNOWN(has_memory),
	FIGURE(memory_usage_bytes),
	FIGURE(memory_limit_bytes),
	FIGURE(memory_peak_bytes),
	FIGURE(memory_anon_bytes),
	FIGURE(memory_file_bytes),
	FIGURE(memory_kernel_bytes),
	FIGURE(memory_shmem_bytes),
	FIGURE(memory_inactive_file_bytes),
	FIGURE(memory_page_faults),
	FIGURE(memory_major_faults),
	FIGURE(memory_limit_hits),
	KNOWN(has_swap),
	FIGURE(swap_usage_bytes),
	FIGURE(swap_limit_bytes),
	KNOWN(has_oom),
	FIGURE(oom_kills),
	KNOWN(has_pids),
	FIGURE(pids_current),
	FIGURE(pids_limit),
	KNOWN(has_blkio),
	FIGURE(blkio_read_bytes),
	FIGURE(blkio_write_bytes),
	FIGURE(blkio_read_ops),
	FIGURE(blkio_write_ops),
	ROW("cpu_pressure", FIELD_STRUCT, stat.cpu_pressure, OF(pressure_table)),
	ROW("memory_pressure", FIELD_STRUCT, stat.memory_pressure, OF(pressure_table)),
	ROW("io_pressure", FIELD_STRUCT, stat.io_pressure, OF(pressure_table)),
	ROW("memory_total_bytes", FIELD_U64, memory_total_bytes),
	ROW("interfaces", FIELD_LIST, interfaces, OF(counter_table), .max = NET_COUNTERS_MAX),
};
PUBLIC_TABLE(guest_stats_fields, stats_rows);
#undef TYPE

/* --- Writing ------------------------------------------------------------------------------------------------------ */

static int write_document(const struct field_table *table, const void *from, struct text *out, struct err *err)
{
	struct json_writer writer = {.out = out};

	fields_write(&writer, NULL, table, from);
	return text_check(out, err);
}

int guest_start_write(const struct guest_start *start, struct text *out, struct err *err)
{
	return write_document(&guest_start_fields, start, out, err);
}

int guest_exec_write(const struct guest_exec *exec, struct text *out, struct err *err)
{
	return write_document(&guest_exec_fields, exec, out, err);
}

int guest_stats_write(const struct guest_stats *stats, struct text *out, struct err *err)
{
	return write_document(&guest_stats_fields, stats, out, err);
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

/* The version first: what another one has besides is not this one's to complain of. */
static int check_version(const struct json *document, struct err *err)
{
	uint32_t version;
	int result = json_want(document, JSON_OBJECT, err);

	if (result >= 0 && !json_get(document, "version"))
		result = err_say(err, EINVAL, "the member 'version' is missing");
	if (result >= 0)
		result = json_u32(json_get(document, "version"), &version, err);
	if (result < 0)
		return result;
	if (version != GUEST_VERSION)
		return err_say(err, ENOTSUP, "version %u of the document is not supported: %u is", version,
			       GUEST_VERSION);
	return 0;
}

static int parse_document(struct arena *arena, const char *data, size_t len, const char *what, bool is_versioned,
			  const struct field_table *table, void *ret, struct err *err)
{
	struct field_reading reading = {.arena = arena, .refuse_unknown = true};
	const struct json *document;
	int result;

	if (len > MAX_BYTES)
		return err_say(err, EFBIG, "%s: larger than %zu bytes", what, MAX_BYTES);
	memset(ret, 0, table->struct_bytes);
	result = json_parse(arena, data, len, what, &document, err);
	if (result < 0)
		return result;
	if (is_versioned)
		result = check_version(document, err);
	if (result >= 0)
		result = fields_read(&reading, table, document, ret, err);
	return result < 0 ? err_wrap(err, "%s", what) : 0;
}

/* Serials and tags become parts of what is compared and mounted: letters, digits, '-', '_', '.'. */
static bool is_plain(const char *word, size_t longest)
{
	size_t len = strlen(word);

	return len > 0 && len <= longest &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

static int check_root(const struct guest_root *root, struct err *err)
{
	if (!root->shared == (root->layers.count == 0))
		return err_say(err, EINVAL, "root: either layers or a shared folder");
	if (root->shared && (root->upper || !is_plain(root->shared, MAX_TAG)))
		return err_say(err, EINVAL, "root.shared: a tag, and no upper disk with it");
	if (root->upper && !is_plain(root->upper, MAX_SERIAL))
		return err_say(err, EINVAL, "root.upper: '%s' is no serial number", root->upper);
	for (size_t i = 0; i < root->layers.count; i++)
		if (!is_plain(root->layers.items[i], MAX_SERIAL))
			return err_say(err, EINVAL, "root.layers[%zu]: '%s' is no serial number", i,
				       root->layers.items[i]);
	return 0;
}

static int check_volume(const struct guest_volume *volume, struct err *err)
{
	const char *name = volume->path;

	if (!is_plain(volume->tag, MAX_TAG))
		return err_say(err, EINVAL, "'%s' is no tag", volume->tag);
	if (!text_starts(name, GUEST_VOLUMES "/") || !is_plain(name + strlen(GUEST_VOLUMES "/"), MAX_TAG) ||
	    name[strlen(GUEST_VOLUMES "/")] == '.')
		return err_say(err, EINVAL, "'%s' is no place below " GUEST_VOLUMES, name);
	return 0;
}

static int check_own(const struct strv *own, struct err *err)
{
	for (size_t i = 0; i < own->count; i++)
		if (!text_starts(own->items[i], GUEST_VOLUMES "/") || strstr(own->items[i], "/."))
			return err_say(err, EINVAL, "START: own[%zu]: '%s' is no place below " GUEST_VOLUMES, i,
				       own->items[i]);
	return 0;
}

/* They are programs of the host's. */
static int check_hooks(const struct config_hooks *hooks, struct err *err)
{
	if (hooks->prestart.count + hooks->create_runtime.count + hooks->create_container.count +
		    hooks->start_container.count + hooks->poststart.count + hooks->poststop.count >
	    0)
		return err_say(err, EINVAL, "config.hooks: none are run in a guest");
	return 0;
}

int guest_start_parse(struct arena *arena, const char *data, size_t len, struct guest_start *ret, struct err *err)
{
	int result = parse_document(arena, data, len, "START", true, &guest_start_fields, ret, err);

	if (result >= 0 && ret->image && !is_plain(ret->image, MAX_SERIAL))
		result = err_say(err, EINVAL, "image: '%s' is no serial number", ret->image);
	if (result >= 0)
		result = check_root(&ret->root, err);
	if (result >= 0)
		result = check_hooks(&ret->config->hooks, err);
	if (result >= 0)
		result = check_own(&ret->own, err);
	for (size_t i = 0; result >= 0 && i < ret->volumes.count; i++) {
		result = check_volume(&ret->volumes.items[i], err);
		if (result < 0)
			return err_wrap(err, "START: volumes[%zu]", i);
	}
	return result;
}

int guest_exec_parse(struct arena *arena, const char *data, size_t len, struct guest_exec *ret, struct err *err)
{
	int result = parse_document(arena, data, len, "EXEC", true, &guest_exec_fields, ret, err);

	if (result >= 0 && !ret->process == (ret->question == GUEST_ASKS_NOTHING))
		return err_say(err, EINVAL, "EXEC: either a process or a question");
	if (result >= 0 && !ret->resources == (ret->question == GUEST_ASKS_LIMITS))
		return err_say(err, EINVAL, "EXEC: resources go with the question for limits");
	return result;
}

int guest_stats_parse(struct arena *arena, const char *data, size_t len, struct guest_stats *ret, struct err *err)
{
	return parse_document(arena, data, len, "the machine's figures", false, &guest_stats_fields, ret, err);
}

static bool is_any(const struct opt_i64 *number)
{
	return !number->set || number->value < 0;
}

bool guest_allows_any_device(const struct config_resources *resources)
{
	for (size_t i = 0; resources && i < resources->devices.count; i++) {
		const struct config_device_rule *rule = &resources->devices.items[i];

		if (rule->allow && (!rule->type || strcmp(rule->type, "a") == 0) && is_any(&rule->major) &&
		    is_any(&rule->minor) && (!rule->access || strchr(rule->access, 'm')))
			return true;
	}
	return false;
}
