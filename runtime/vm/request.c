/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/request.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"

enum kind { FD, COUNT, BYTES, FLAG, WORDS, MAC, BACKEND, FORMAT, COMMAND, LIST };

/* One member of an object: reading, writing and what must be there, by one table. */
struct member {
	const char *name;
	enum kind kind;
	bool required;
	size_t offset;
	uint64_t lowest, highest; /* of a number; of a text's length */
	/*
	 * Of a list: its items, an array in the struct whose length is kept behind `count_offset`; `highest` is its
	 * room.
	 */
	const struct member *items;
	size_t item_count, item_bytes, count_offset;
};

#define AT(type, field) .offset = offsetof(struct type, field)

static const struct member disk_members[] = {
	{"fd", FD, true, AT(vm_disk, fd)},
	{"read_only", FLAG, true, AT(vm_disk, read_only)},
	{"serial", WORDS, true, AT(vm_disk, serial), .lowest = 1, .highest = VM_MAX_SERIAL_BYTES},
	{"format", FORMAT, false, AT(vm_disk, format)},
	{"name", WORDS, false, AT(vm_disk, name), .lowest = 1, .highest = PATH_MAX - 1},
};

static const struct member nic_members[] = {
	{"tap_fd", FD, true, AT(vm_nic, tap_fd)},
	{"vhost_fd", FD, false, AT(vm_nic, vhost_fd)},
	{"mac", MAC, true, AT(vm_nic, mac)},
};

static const struct member volume_members[] = {
	{"tag", WORDS, true, AT(vm_volume, tag), .lowest = 1, .highest = VM_MAX_TAG_BYTES},
	{"path", WORDS, true, AT(vm_volume, path), .lowest = 1, .highest = PATH_MAX - 1},
	{"read_only", FLAG, true, AT(vm_volume, read_only)},
};

#define LIST_OF(field, number, rows, type, room)                                                   \
	AT(vm_request, field), .highest = (room), .items = (rows), .item_count = ARRAY_SIZE(rows), \
			       .item_bytes = sizeof(struct type), .count_offset = offsetof(struct vm_request, number)

static const struct member members[] = {
	{"backend", BACKEND, true, AT(vm_request, backend)},
	{"memory_bytes", BYTES, true, AT(vm_request, memory_bytes), .lowest = VM_MIN_MEMORY_BYTES,
	 .highest = VM_MAX_MEMORY_BYTES},
	{"cpus", COUNT, true, AT(vm_request, cpus), .lowest = 1, .highest = VM_MAX_CPUS},
	{"cmdline", WORDS, true, AT(vm_request, cmdline), .highest = VM_MAX_CMDLINE_BYTES},
	{"kernel_fd", FD, true, AT(vm_request, kernel_fd)},
	{"initrd_fd", FD, false, AT(vm_request, initrd_fd)},
	{"kvm_fd", FD, false, AT(vm_request, kvm_fd)},
	{"disks", LIST, false, LIST_OF(disks, disk_count, disk_members, vm_disk, VM_MAX_DISKS)},
	{"nics", LIST, false, LIST_OF(nics, nic_count, nic_members, vm_nic, VM_MAX_NICS)},
	{"volumes", LIST, false, LIST_OF(volumes, volume_count, volume_members, vm_volume, VM_MAX_VOLUMES)},
	{"agent_listen_fd", FD, false, AT(vm_request, agent_listen_fd)},
	{"control_listen_fd", FD, false, AT(vm_request, control_listen_fd)},
	{"start_fd", FD, false, AT(vm_request, start_fd)},
	{"remains_fd", FD, false, AT(vm_request, remains_fd)},
	{"terminal", FLAG, false, AT(vm_request, terminal)},
	{"stdin", FLAG, false, AT(vm_request, stdin_open)},
	{"serial_console", FLAG, false, AT(vm_request, serial_console)},
	{"virtio_console", FLAG, false, AT(vm_request, virtio_console)},
	{"accelerated", FLAG, false, AT(vm_request, accelerated)},
	{"boot_seconds", COUNT, false, AT(vm_request, boot_seconds), .highest = 86400},
	{"start_seconds", COUNT, false, AT(vm_request, start_seconds), .highest = VM_FILL_SECONDS},
	{"turns_fd", FD, false, AT(vm_request, turns_fd)},
	{"qemu", COMMAND, false, AT(vm_request, qemu)},
};

static const char *const backends[] = {[VM_BACKEND_KVM] = "kvm", [VM_BACKEND_QEMU] = "qemu"};

static int read_object(struct arena *arena, const struct json *object, const struct member *rows, size_t count,
		       void *to, struct err *err);

static int read_number(const struct json *value, const struct member *row, uint64_t *ret, struct err *err)
{
	int r = json_u64(value, ret, err);

	if (r < 0)
		return r;
	if (*ret < row->lowest || *ret > row->highest)
		return json_complain(value, err, "want %llu to %llu", (unsigned long long)row->lowest,
				     (unsigned long long)row->highest);
	return 0;
}

static int read_fd(const struct json *value, int *ret, struct err *err)
{
	uint64_t number = 0;
	int r = json_u64(value, &number, err);

	if (r < 0)
		return r;
	if (number > INT_MAX)
		return json_complain(value, err, "is no descriptor");
	*ret = (int)number;
	return 0;
}

static int read_words(const struct json *value, const struct member *row, const char **ret, struct err *err)
{
	int r = json_string(value, ret, err);

	if (r == 0 && (strlen(*ret) < row->lowest || strlen(*ret) > row->highest))
		return json_complain(value, err, "want %llu to %llu bytes", (unsigned long long)row->lowest,
				     (unsigned long long)row->highest);
	return r;
}

static int read_mac(const struct json *value, uint8_t ret[6], struct err *err)
{
	const char *words = NULL;
	int end = 0, r = json_string(value, &words, err);

	if (r < 0)
		return r;
	if (strlen(words) != 17 ||
	    sscanf(words, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &ret[0], &ret[1], &ret[2], &ret[3], &ret[4], &ret[5],
		   &end) != 6 ||
	    end != 17 || (ret[0] & 1))
		return json_complain(value, err, "is no address of one device");
	return 0;
}

static int read_backend(const struct json *value, enum vm_backend *ret, struct err *err)
{
	const char *name = NULL;
	int r = json_string(value, &name, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strcmp(backends[i], name) == 0) {
			*ret = (enum vm_backend)i;
			return 0;
		}
	}
	return json_complain(value, err, "want kvm or qemu");
}

static int read_format(const struct json *value, enum disk_format *ret, struct err *err)
{
	const char *name = NULL;
	int r = json_string(value, &name, err);

	return r < 0 || disk_format_parse(name, ret) == 0 ? r : json_complain(value, err, "is no format of disks");
}

static int read_list(struct arena *arena, const struct json *value, const struct member *row, uint8_t *to,
		     struct err *err)
{
	unsigned *count = (unsigned *)(void *)(to + row->count_offset);
	int r = json_want(value, JSON_ARRAY, err);

	if (r < 0)
		return r;
	if (value->children.count > row->highest)
		return json_complain(value, err, "want at most %llu", (unsigned long long)row->highest);
	*count = 0;
	json_each (item, value) {
		r = read_object(arena, item, row->items, row->item_count, to + row->offset + *count * row->item_bytes,
				err);
		if (r < 0)
			return r;
		++*count;
	}
	return 0;
}

static int read_member(struct arena *arena, const struct json *value, const struct member *row, void *object,
		       struct err *err)
{
	uint8_t *base = object;
	void *to = base + row->offset;
	uint64_t number = 0;
	int r;

	switch (row->kind) {
	case FD:
		return read_fd(value, to, err);
	case COUNT:
		r = read_number(value, row, &number, err);
		*(unsigned *)to = (unsigned)number;
		return r;
	case BYTES:
		return read_number(value, row, to, err);
	case FLAG:
		return json_bool(value, to, err);
	case WORDS:
		return read_words(value, row, to, err);
	case MAC:
		return read_mac(value, to, err);
	case BACKEND:
		return read_backend(value, to, err);
	case FORMAT:
		return read_format(value, to, err);
	case COMMAND:
		return json_strv(arena, value, to, err);
	case LIST:
		return read_list(arena, value, row, base, err);
	}
	return -EINVAL;
}

static const struct member *find(const struct member *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static int read_object(struct arena *arena, const struct json *object, const struct member *rows, size_t count,
		       void *to, struct err *err)
{
	int r = json_want(object, JSON_OBJECT, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (rows[i].required && !json_get(object, rows[i].name))
			return json_complain(object, err, "'%s' is missing", rows[i].name);
	for (const struct json *value = json_first(object); r == 0 && value; value = value->next) {
		const struct member *row = find(rows, count, value->key);

		r = row ? read_member(arena, value, row, to, err) : json_complain(value, err, "is not known");
	}
	return r;
}

/* What no single member shows. */
static int check(const struct vm_request *request, struct err *err)
{
	if (request->memory_bytes % 4096)
		return err_say(err, EINVAL, "machine: memory_bytes is no multiple of 4096");
	if (request->backend == VM_BACKEND_KVM && request->kvm_fd < 0)
		return err_say(err, EINVAL, "machine: kvm_fd is missing");
	if (request->backend == VM_BACKEND_QEMU && request->qemu.count == 0)
		return err_say(err, EINVAL, "machine: qemu is missing");
	if (request->agent_listen_fd >= 0 && request->start_fd < 0)
		return err_say(err, EINVAL, "machine: start_fd is missing");
	for (unsigned i = 0; i < request->disk_count && request->backend == VM_BACKEND_KVM; i++)
		if (request->disks[i].format != DISK_FORMAT_RAW)
			return err_say(err, EINVAL, "machine: disk '%s' is not raw, as backend 'kvm' wants it",
				       request->disks[i].serial);
	for (unsigned i = 0; i < request->volume_count; i++)
		if (request->volumes[i].path[0] != '/')
			return err_say(err, EINVAL, "machine: volume '%s' is not absolute", request->volumes[i].path);
	return vm_check_room(request->backend, request->disk_count + request->nic_count + request->volume_count,
			     request->volume_count, err);
}

int vm_check_room(enum vm_backend backend, size_t taken, size_t volumes, struct err *err)
{
	unsigned room = backend == VM_BACKEND_QEMU ? VM_ROOM_QEMU : VM_ROOM_KVM;

	return taken <= room
		       ? 0
		       : err_say(err, ENOTSUP,
				 "a machine has room for %u disks, cards and volumes with backend '%s', not for %zu: "
				 "%zu of them are volumes",
				 room, backend == VM_BACKEND_QEMU ? "qemu" : "kvm", taken, volumes);
}

int vm_request_parse(struct arena *arena, const char *data, size_t len, struct vm_request *ret, struct err *err)
{
	struct vm_request request = {
		.kernel_fd = -1,
		.initrd_fd = -1,
		.kvm_fd = -1,
		.agent_listen_fd = -1,
		.control_listen_fd = -1,
		.start_fd = -1,
		.remains_fd = -1,
		.turns_fd = -1,
	};
	const struct json *document;
	int r = json_parse(arena, data, len, "machine", &document, err);

	for (unsigned i = 0; i < VM_MAX_NICS; i++)
		request.nics[i].vhost_fd = -1;
	if (r == 0)
		r = read_object(arena, document, members, ARRAY_SIZE(members), &request, err);
	if (r == 0)
		r = check(&request, err);
	if (r == 0)
		*ret = request;
	return r;
}

int vm_request_read(struct arena *arena, int fd, struct vm_request *ret, struct err *err)
{
	char *data;
	size_t len;
	int r = file_read_fd(arena, fd, "machine", VM_REQUEST_MAX_BYTES, &data, &len, err);

	return r < 0 ? r : vm_request_parse(arena, data, len, ret, err);
}

static void write_object(struct json_writer *w, const struct member *rows, size_t count, const void *object);

static void write_list(struct json_writer *w, const struct member *row, const uint8_t *object)
{
	unsigned count;

	memcpy(&count, object + row->count_offset, sizeof(count));
	json_open_array(w, row->name);
	for (unsigned i = 0; i < count; i++) {
		json_open(w, NULL);
		write_object(w, row->items, row->item_count, object + row->offset + i * row->item_bytes);
		json_close(w);
	}
	json_close_array(w);
}

static void write_mac(struct json_writer *w, const char *name, const uint8_t mac[6])
{
	char words[18];

	(void)snprintf(words, sizeof(words), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		       mac[5]);
	json_put_string(w, name, words);
}

static void write_member(struct json_writer *w, const struct member *row, const void *object)
{
	const uint8_t *base = object;
	const void *from = base + row->offset;

	switch (row->kind) {
	case FD:
		if (*(const int *)from >= 0)
			json_put_i64(w, row->name, *(const int *)from);
		break;
	case COUNT:
		json_put_u64(w, row->name, *(const unsigned *)from);
		break;
	case BYTES:
		json_put_u64(w, row->name, *(const uint64_t *)from);
		break;
	case FLAG:
		json_put_bool(w, row->name, *(const bool *)from);
		break;
	case WORDS:
		if (*(const char *const *)from)
			json_put_string(w, row->name, *(const char *const *)from);
		break;
	case MAC:
		write_mac(w, row->name, from);
		break;
	case BACKEND:
		json_put_string(w, row->name, backends[*(const enum vm_backend *)from]);
		break;
	case FORMAT:
		json_put_string(w, row->name, disk_format_words[*(const enum disk_format *)from]);
		break;
	case COMMAND:
		json_put_strv(w, row->name, from);
		break;
	case LIST:
		write_list(w, row, base);
		break;
	}
}

static void write_object(struct json_writer *w, const struct member *rows, size_t count, const void *object)
{
	for (size_t i = 0; i < count; i++)
		write_member(w, &rows[i], object);
}

void vm_request_write(const struct vm_request *request, struct text *out)
{
	struct json_writer w = {.out = out};

	json_open(&w, NULL);
	write_object(&w, members, ARRAY_SIZE(members), request);
	json_close(&w);
}
