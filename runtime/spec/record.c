/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/spec/record.h"

#include <fcntl.h>
#include <string.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/spec/config_fields.h"
#include "runtime/spec/field_rows.h"
#include "runtime/spec/hull_fields.h"

static const char *const status_words[] = {"creating", "created", "running", "paused", "stopped", NULL};

#define TYPE struct record_process
static const struct field process_rows[] = {
	ROW("pid", FIELD_I32, pid, REQUIRED),
	ROW("startTicks", FIELD_U64, start_ticks, REQUIRED),
};
TABLE(process_table, process_rows);
#undef TYPE

#define TYPE struct record_cgroup
static const struct field cgroup_rows[] = {
	ROW("driver", FIELD_STRING, driver, REQUIRED),
	ROW("path", FIELD_STRING, path),
};
TABLE(cgroup_table, cgroup_rows);
#undef TYPE

#define TYPE struct record_net
static const struct field net_rows[] = {
	ROW("stateDir", FIELD_STRING, state_dir),
	ROW("name", FIELD_STRING, name),
	ROW("ip", FIELD_STRING, ip),
	ROW("gateway", FIELD_STRING, gateway),
	ROW("mac", FIELD_STRING, mac),
	ROW("veth", FIELD_STRING, veth),
	ROW("prefixLen", FIELD_U32, prefix_len, .max = 128),
	ROW("ports", FIELD_LIST, ports, OF(extension_port_fields), .max = 65536),
};
TABLE(net_table, net_rows);
#undef TYPE

#define TYPE struct record_exit
static const struct field exit_rows[] = {
	ROW("known", FIELD_BOOL, known, REQUIRED),
	ROW("code", FIELD_I32, code),
	ROW("signal", FIELD_I32, signal),
	ROW("oom", FIELD_BOOL, oom),
};
TABLE(exit_table, exit_rows);
#undef TYPE

#define TYPE struct record_namespace
static const struct field namespace_rows[] = {
	ROW("type", FIELD_STRING, type, REQUIRED),
	ROW("path", FIELD_STRING, path, REQUIRED),
};
TABLE(namespace_table, namespace_rows);
#undef TYPE

#define TYPE struct record_stream
static const struct field stream_rows[] = {
	ROW("link", FIELD_STRING, link, REQUIRED),
	ROW("key", FIELD_STRING, key),
};
TABLE(stream_table, stream_rows);
#undef TYPE

#define TYPE struct record_mount
static const struct field mount_rows[] = {
	ROW("destination", FIELD_STRING, destination, REQUIRED),
	ROW("number", FIELD_U64, number, REQUIRED),
	ROW("device", FIELD_U64, device, REQUIRED),
	ROW("inode", FIELD_U64, inode, REQUIRED),
};
TABLE(mount_table, mount_rows);
#undef TYPE

#define TYPE struct record
static const struct field record_rows[] = {
	ROW("version", FIELD_U32, version, REQUIRED),
	ROW("id", FIELD_STRING, id, REQUIRED),
	ROW("name", FIELD_STRING, name),
	ROW("ociVersion", FIELD_STRING, oci_version, REQUIRED),
	ROW("bundle", FIELD_STRING, bundle, REQUIRED),
	ROW("dataDir", FIELD_STRING, data_dir),
	ROW("rootPath", FIELD_STRING, root_path),
	ROW("backend", FIELD_STRING, backend),
	ROW("status", FIELD_ENUM, status, REQUIRED, .words = status_words),
	ROW("init", FIELD_STRUCT, init, OF(process_table)),
	ROW("keeper", FIELD_STRUCT, keeper, OF(process_table)),
	ROW("bootID", FIELD_STRING, boot_id),
	ROW("rootless", FIELD_BOOL, rootless),
	ROW("terminal", FIELD_BOOL, terminal),
	ROW("rootApart", FIELD_BOOL, root_apart),
	ROW("hostMounts", FIELD_BOOL, host_mounts),
	ROW("lateHooks", FIELD_BOOL, late_hooks),
	ROW("cgroup", FIELD_STRUCT, cgroup, OF(cgroup_table)),
	ROW("net", FIELD_STRUCT, net, OF(net_table)),
	ROW("idRange", FIELD_OBJECT, id_range, OF(extension_id_range_fields)),
	ROW("steps", FIELD_STRV, steps, .max = 64),
	ROW("created", FIELD_TIME, created),
	ROW("started", FIELD_TIME, started),
	ROW("finished", FIELD_TIME, finished),
	ROW("exit", FIELD_STRUCT, exit, OF(exit_table)),
	ROW("restartCount", FIELD_U32, restart_count),
	ROW("annotations", FIELD_MAP, annotations),
	ROW("namespaces", FIELD_LIST, namespaces, OF(namespace_table), .max = 8),
	ROW("updated", FIELD_OBJECT, updated, OF(config_resources_fields)),
	ROW("streams", FIELD_LIST, streams, OF(stream_table), .max = 3),
	ROW("mounts", FIELD_LIST, mounts, OF(mount_table), .max = 1024),
};
PUBLIC_TABLE(record_fields, record_rows);
#undef TYPE

const char *record_status_name(enum record_status status)
{
	return status_words[status];
}

int record_status_parse(const char *words)
{
	for (int i = 0; status_words[i]; i++)
		if (strcmp(status_words[i], words) == 0)
			return i;
	return -EINVAL;
}

/* The version first, as with hull.json: a newer record's members are not to be guessed at. */
static int read_record(struct arena *arena, const struct json *root, struct record *ret, struct err *err)
{
	const struct field_reading reading = {.arena = arena, .refuse_unknown = true};
	const struct json *version = json_get(root, "version");
	uint32_t number;
	int r;

	if (json_want(root, JSON_OBJECT, err) < 0)
		return -EINVAL;
	if (!version)
		return json_complain(root, err, "the member 'version' is missing");
	if (json_u32(version, &number, err) < 0)
		return -EINVAL;
	if (number != RECORD_VERSION)
		return json_complain(version, err, "schema version %u is not known: this hull reads version %d", number,
				     RECORD_VERSION);
	r = fields_read(&reading, &record_fields, root, ret, err);
	if (r < 0)
		return r;
	if (ret->status == RECORD_PAUSED)
		return json_complain(root, err, "the status 'paused' is derived, never stored");
	if (ret->init.pid < 0 || ret->keeper.pid < 0)
		return json_complain(root, err, "a pid is negative");
	return 0;
}

int record_parse(struct arena *arena, const char *data, size_t len, const char *what, struct record *ret,
		 struct err *err)
{
	struct record record = {0};
	const struct json *root;
	int r;

	if (len > RECORD_MAX_BYTES)
		return err_set(err, EFBIG, "%s", what);
	r = json_parse(arena, data, len, what, &root, err);
	if (r < 0)
		return r;
	r = read_record(arena, root, &record, err);
	if (r < 0)
		return err_wrap(err, "%s", what);
	*ret = record;
	return 0;
}

int record_read(struct arena *arena, int dirfd, const char *name, struct record *ret, struct err *err)
{
	size_t len;
	char *data;
	int r = file_read(arena, dirfd, name, RECORD_MAX_BYTES, &data, &len, err);

	return r < 0 ? r : record_parse(arena, data, len, name, ret, err);
}

void record_salvage(struct arena *arena, int dirfd, const char *name, const char *id, struct record *ret)
{
	const struct field_reading reading = {.arena = arena};
	struct err ignored = ERR_INIT;
	const struct json *root;

	*ret = (struct record){0};
	if (json_read_file(arena, dirfd, name, &root, &ignored) >= 0 && json_want(root, JSON_OBJECT, &ignored) >= 0)
		(void)fields_read(&reading, &record_fields, root, ret, &ignored);
	ret->id = id;
	if (ret->init.pid < 0)
		ret->init.pid = 0;
	if (ret->keeper.pid < 0)
		ret->keeper.pid = 0;
}

int record_write(const struct record *record, struct text *out, struct err *err)
{
	struct json_writer writer = {.out = out};

	fields_write(&writer, NULL, &record_fields, record);
	text_add(out, "\n");
	return text_check(out, err);
}

static void put_state(struct json_writer *writer, const char *key, const struct record *record,
		      enum record_status status, pid_t pid)
{
	char created[36];

	json_open(writer, key);
	json_put_string(writer, "ociVersion", record->oci_version);
	json_put_string(writer, "id", record->id);
	json_put_string(writer, "status", record_status_name(status));
	if (pid > 0)
		json_put_i64(writer, "pid", pid);
	json_put_string(writer, "bundle", record->bundle);
	if (record->root_path)
		json_put_string(writer, "rootfs", record->root_path);
	json_put_string(writer, "created", text_time(record->created, created));
	if (record->annotations.count) {
		json_open(writer, "annotations");
		for (size_t i = 0; i < record->annotations.count; i++)
			json_put_string(writer, record->annotations.items[i].key, record->annotations.items[i].value);
		json_close(writer);
	}
	/* Beyond the specification, which allows more members: what update has changed since config.json was read. */
	if (record->updated)
		fields_write(writer, "resources", &config_resources_fields, record->updated);
	json_close(writer);
}

int record_state_json(const struct record *record, enum record_status status, pid_t pid, bool indent, struct text *out,
		      struct err *err)
{
	struct json_writer writer = {.out = out, .indent = indent};

	put_state(&writer, NULL, record, status, pid);
	if (indent)
		text_add(out, "\n");
	return text_check(out, err);
}

int record_process_state_json(const struct record *record, enum record_status status, pid_t pid, const char *metadata,
			      struct text *out, struct err *err)
{
	struct json_writer writer = {.out = out};

	json_open(&writer, NULL);
	json_put_string(&writer, "ociVersion", record->oci_version);
	json_open_array(&writer, "fds");
	json_put_string(&writer, NULL, "seccompFd");
	json_close_array(&writer);
	json_put_i64(&writer, "pid", pid);
	if (metadata)
		json_put_string(&writer, "metadata", metadata);
	put_state(&writer, "state", record, status, pid);
	json_close(&writer);
	return text_check(out, err);
}
