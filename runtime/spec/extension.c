/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/spec/extension.h"

#include "runtime/base/json.h"
#include "runtime/spec/config_fields.h"
#include "runtime/spec/field_rows.h"
#include "runtime/spec/hull_fields.h"

static const char *const isolation_words[] = {"ns", "vm", NULL};
static const char *const network_mode_words[] = {"bridge", "none", "host", "container", NULL};
static const char *const protocol_words[] = {"tcp", "udp", NULL};
static const char *const volume_kind_words[] = {"named", "host", "tmpfs", NULL};
static const char *const restart_policy_words[] = {"no", "on-failure", "always", NULL};

#define TYPE struct extension_image
static const struct field image_rows[] = {
	ROW("name", FIELD_STRING, name),
	ROW("id", FIELD_STRING, id),
};
TABLE(image_table, image_rows);
#undef TYPE

#define TYPE struct extension_vm
static const struct field vm_rows[] = {
	ROW("backend", FIELD_STRING, backend),
	ROW("kernel", FIELD_STRING, kernel),
	ROW("image", FIELD_OBJECT, image, OF(config_vm_image_fields)),
};
TABLE(vm_table, vm_rows);
#undef TYPE

#define TYPE struct extension_root
static const struct field root_rows[] = {
	ROW("lowers", FIELD_STRV, lowers, .max = 512),
	ROW("upper", FIELD_STRING, upper),
	ROW("work", FIELD_STRING, work),
};
TABLE(root_table, root_rows);
#undef TYPE

#define TYPE struct extension_id_range
static const struct field id_range_rows[] = {
	ROW("base", FIELD_U32, base, REQUIRED),
	ROW("size", FIELD_U32, size, REQUIRED),
};
PUBLIC_TABLE(extension_id_range_fields, id_range_rows);
#undef TYPE

#define TYPE struct extension_port
static const struct field port_rows[] = {
	ROW("hostIP", FIELD_STRING, host_ip),
	ROW("hostPort", FIELD_U16, host_port, REQUIRED),
	ROW("containerPort", FIELD_U16, container_port, REQUIRED),
	ROW("protocol", FIELD_ENUM, protocol, REQUIRED, .words = protocol_words),
};
PUBLIC_TABLE(extension_port_fields, port_rows);
#undef TYPE

#define TYPE struct extension_network_files
static const struct field network_files_rows[] = {
	ROW("hosts", FIELD_STRING, hosts),
	ROW("hostname", FIELD_STRING, hostname),
	ROW("resolvConf", FIELD_STRING, resolv_conf),
};
TABLE(network_files_table, network_files_rows);
#undef TYPE

#define TYPE struct extension_network
static const struct field network_rows[] = {
	ROW("mode", FIELD_ENUM, mode, REQUIRED, .words = network_mode_words),
	ROW("name", FIELD_STRING, name),
	ROW("container", FIELD_STRING, container),
	ROW("ports", FIELD_LIST, ports, OF(extension_port_fields), .max = 65536),
	ROW("ip", FIELD_STRING, ip),
	ROW("mac", FIELD_STRING, mac),
	ROW("dns", FIELD_STRV, dns, .max = 64),
	ROW("dnsSearch", FIELD_STRV, dns_search, .max = 64),
	ROW("dnsOptions", FIELD_STRV, dns_options, .max = 64),
	ROW("addHosts", FIELD_STRV, add_hosts),
	ROW("files", FIELD_STRUCT, files, OF(network_files_table)),
};
TABLE(network_table, network_rows);
#undef TYPE

#define TYPE struct extension_volume
static const struct field volume_rows[] = {
	ROW("kind", FIELD_ENUM, kind, REQUIRED, .words = volume_kind_words),
	ROW("name", FIELD_STRING, name),
	ROW("source", FIELD_STRING, source),
	ROW("destination", FIELD_STRING, destination, REQUIRED),
	ROW("readOnly", FIELD_BOOL, read_only),
	ROW("idmap", FIELD_BOOL, idmap),
	ROW("chown", FIELD_BOOL, chown),
	ROW("options", FIELD_STRV, options, .max = 64),
};
TABLE(volume_table, volume_rows);
#undef TYPE

#define TYPE struct extension_log
static const struct field log_rows[] = {
	ROW("path", FIELD_STRING, path),
	ROW("maxBytes", FIELD_U64, max_bytes),
	ROW("maxFiles", FIELD_U32, max_files, .max = 1000),
};
TABLE(log_table, log_rows);
#undef TYPE

#define TYPE struct extension_restart
static const struct field restart_rows[] = {
	ROW("policy", FIELD_ENUM, policy, REQUIRED, .words = restart_policy_words),
	ROW("maxRetries", FIELD_U32, max_retries),
};
TABLE(restart_table, restart_rows);
#undef TYPE

#define TYPE struct extension_join
static const struct field join_rows[] = {
	ROW("type", FIELD_STRING, type, REQUIRED),
	ROW("container", FIELD_STRING, container, REQUIRED),
};
TABLE(join_table, join_rows);
#undef TYPE

#define TYPE struct extension
static const struct field extension_rows[] = {
	ROW("version", FIELD_U32, version, REQUIRED),
	ROW("name", FIELD_STRING, name, REQUIRED),
	ROW("created", FIELD_TIME, created),
	ROW("isolation", FIELD_ENUM, isolation, .words = isolation_words),
	ROW("vm", FIELD_STRUCT, vm, OF(vm_table)),
	ROW("image", FIELD_STRUCT, image, OF(image_table)),
	ROW("root", FIELD_STRUCT, root, OF(root_table)),
	ROW("idRange", FIELD_OBJECT, id_range, OF(extension_id_range_fields)),
	ROW("network", FIELD_STRUCT, network, REQUIRED, OF(network_table)),
	ROW("joins", FIELD_LIST, joins, OF(join_table), .max = 8),
	ROW("volumes", FIELD_LIST, volumes, OF(volume_table), .max = 1024),
	ROW("user", FIELD_STRING, user_words),
	ROW("groups", FIELD_STRV, group_words, .max = 1024),
	ROW("command", FIELD_STRV, command, .max = 65536),
	ROW("labels", FIELD_MAP, labels),
	ROW("log", FIELD_STRUCT, log, OF(log_table)),
	ROW("restart", FIELD_STRUCT, restart, OF(restart_table)),
	ROW("stopSignal", FIELD_STRING, stop_signal),
	ROW("stopTimeout", FIELD_OPT_I64, stop_timeout),
	ROW("defaultSeccomp", FIELD_BOOL, default_seccomp),
	ROW("autoRemove", FIELD_BOOL, auto_remove),
	ROW("interactive", FIELD_BOOL, interactive),
	ROW("init", FIELD_BOOL, init),
	ROW("detachKeys", FIELD_STRING, detach_keys),
};
PUBLIC_TABLE(extension_fields, extension_rows);
#undef TYPE

const char *extension_isolation_name(enum extension_isolation isolation)
{
	return isolation_words[isolation];
}

const char *extension_protocol_name(enum extension_protocol protocol)
{
	return protocol_words[protocol];
}

const char *extension_network_mode_name(enum extension_network_mode mode)
{
	return network_mode_words[mode];
}

const char *extension_restart_policy_name(enum extension_restart_policy policy)
{
	return restart_policy_words[policy];
}

const char *extension_volume_kind_name(enum extension_volume_kind kind)
{
	return volume_kind_words[kind];
}

/* The version first: what another version means by its members cannot be known. */
static int check_version(const struct json *root, struct err *err)
{
	const struct json *version = json_get(root, "version");
	uint32_t number;

	if (!version)
		return json_complain(root, err, "the member 'version' is missing");
	if (json_u32(version, &number, err) < 0)
		return -EINVAL;
	if (number != EXTENSION_VERSION)
		return json_complain(version, err, "schema version %u is not known: this hull reads version %d", number,
				     EXTENSION_VERSION);
	return 0;
}

static int read_extension(struct arena *arena, const struct json *root, const char *what, const struct extension **ret,
			  struct err *err)
{
	const struct field_reading reading = {.arena = arena, .refuse_unknown = true};
	struct extension *extension = ARENA_NEW(arena, struct extension);
	int r;

	if (!extension)
		return err_set(err, ENOMEM, "%s", what);
	r = json_want(root, JSON_OBJECT, err);
	if (r == 0)
		r = check_version(root, err);
	if (r == 0)
		r = fields_read(&reading, &extension_fields, root, extension, err);
	if (r < 0)
		return err_wrap(err, "%s", what);
	*ret = extension;
	return 0;
}

int extension_read(struct arena *arena, int dirfd, const char *name, const struct extension **ret, struct err *err)
{
	const struct json *root;
	int r = json_read_file(arena, dirfd, name, &root, err);

	return r < 0 ? r : read_extension(arena, root, name, ret, err);
}

int extension_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct extension **ret,
		    struct err *err)
{
	const struct json *root;
	int r = json_parse(arena, data, len, what, &root, err);

	return r < 0 ? r : read_extension(arena, root, what, ret, err);
}

int extension_write(const struct extension *extension, struct text *out, struct err *err)
{
	struct json_writer writer = {.out = out, .indent = true};

	fields_write(&writer, NULL, &extension_fields, extension);
	text_add(out, "\n");
	return text_check(out, err);
}
