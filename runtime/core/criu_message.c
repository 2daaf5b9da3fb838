// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/criu_message.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/scope.h"

const char *const criu_cgroup_mode_words[] = {"ignore", "none", "props", "soft", "full", "strict", NULL};

int criu_cgroup_mode_parse(const char *words)
{
	for (int mode = 0; criu_cgroup_mode_words[mode]; mode++)
		if (strcmp(criu_cgroup_mode_words[mode], words) == 0)
			return mode;
	return -EINVAL;
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

/* How a value lies in a message: the low three bits of its tag. */
enum wire { WIRE_NUMBER = 0, WIRE_EIGHT_BYTES = 1, WIRE_BYTES = 2, WIRE_FOUR_BYTES = 5 };

/* Seven bits a byte, the low ones first; the top bit says that more follow. */
static void put_varint(struct text *out, uint64_t value)
{
	do {
		uint8_t byte = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);

		text_add_bytes(out, &byte, 1);
		value >>= 7;
	} while (value > 0);
}

static void put_number(struct text *out, unsigned field, int64_t value)
{
	put_varint(out, (uint64_t)field << 3 | WIRE_NUMBER);
	put_varint(out, (uint64_t)value);
}

static void put_bytes(struct text *out, unsigned field, const void *bytes, size_t len)
{
	put_varint(out, (uint64_t)field << 3 | WIRE_BYTES);
	put_varint(out, len);
	text_add_bytes(out, bytes, len);
}

static void put_words(struct text *out, unsigned field, const char *words)
{
	put_bytes(out, field, words, strlen(words));
}

static void put_text(struct text *out, unsigned field, const struct text *from)
{
	out->failed = out->failed || from->failed;
	put_bytes(out, field, text_get(from), from->len);
}

enum option_kind { OPTION_IS_NUMBER, OPTION_IS_FLAG, OPTION_IS_WORDS, OPTION_IS_LIST, OPTION_IS_PAIRS };

/*
 * criu_opts of rpc.proto. Of a pair, `first` is field 1 and `second` (or the number) field 2, in every message that is
 * one.
 */
static const struct {
	unsigned field;
	enum option_kind kind;
	size_t offset;
} options_table[] = {
#define ROW(field, kind, member)                                   \
	{                                                          \
		field, kind, offsetof(struct criu_options, member) \
	}
	ROW(1, OPTION_IS_NUMBER, images_fd),
	ROW(2, OPTION_IS_NUMBER, pid),
	ROW(3, OPTION_IS_FLAG, leave_running),
	ROW(4, OPTION_IS_FLAG, ext_unix_sk),
	ROW(5, OPTION_IS_FLAG, tcp_established),
	ROW(6, OPTION_IS_FLAG, evasive_devices),
	ROW(7, OPTION_IS_FLAG, shell_job),
	ROW(8, OPTION_IS_FLAG, file_locks),
	ROW(9, OPTION_IS_NUMBER, log_level),
	ROW(10, OPTION_IS_WORDS, log_file),
	ROW(11, OPTION_IS_PAIRS, page_server),
	ROW(12, OPTION_IS_FLAG, notify),
	ROW(13, OPTION_IS_WORDS, root),
	ROW(14, OPTION_IS_WORDS, parent),
	ROW(15, OPTION_IS_FLAG, track_memory),
	ROW(16, OPTION_IS_FLAG, auto_dedup),
	ROW(17, OPTION_IS_NUMBER, work_fd),
	ROW(18, OPTION_IS_FLAG, link_remap),
	ROW(23, OPTION_IS_PAIRS, external_mounts),
	ROW(25, OPTION_IS_PAIRS, cgroup_roots),
	ROW(26, OPTION_IS_FLAG, as_sibling),
	ROW(27, OPTION_IS_PAIRS, inherited),
	ROW(30, OPTION_IS_FLAG, external_masters),
	ROW(34, OPTION_IS_NUMBER, cgroup_mode),
	ROW(37, OPTION_IS_LIST, external),
	ROW(38, OPTION_IS_NUMBER, empty_namespaces),
	ROW(39, OPTION_IS_PAIRS, joins),
	ROW(44, OPTION_IS_WORDS, freezer),
	ROW(46, OPTION_IS_FLAG, tcp_skip_in_flight),
	ROW(48, OPTION_IS_FLAG, lazy_pages),
	ROW(50, OPTION_IS_FLAG, orphan_terminal),
	ROW(52, OPTION_IS_FLAG, tcp_close),
	ROW(53, OPTION_IS_WORDS, lsm_profile),
	ROW(63, OPTION_IS_WORDS, lsm_mount_context),
#undef ROW
};

static void put_pairs(struct text *out, unsigned field, const criu_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const struct criu_pair *pair = &pairs->items[i];
		CLEANUP_TEXT struct text inner = TEXT_INIT;

		if (pair->first)
			put_words(&inner, 1, pair->first);
		if (pair->second)
			put_words(&inner, 2, pair->second);
		else
			put_number(&inner, 2, pair->number);
		put_text(out, field, &inner);
	}
}

static void put_option(struct text *out, unsigned field, enum option_kind kind, const void *value)
{
	switch (kind) {
	case OPTION_IS_NUMBER:
		if (*(const int32_t *)value != -1)
			put_number(out, field, *(const int32_t *)value);
		break;
	case OPTION_IS_FLAG:
		if (*(const bool *)value)
			put_number(out, field, 1);
		break;
	case OPTION_IS_WORDS:
		if (*(const char *const *)value)
			put_words(out, field, *(const char *const *)value);
		break;
	case OPTION_IS_LIST: {
		const struct strv *list = value;

		for (size_t i = 0; i < list->count; i++)
			put_words(out, field, list->items[i]);
		break;
	}
	case OPTION_IS_PAIRS:
		put_pairs(out, field, value);
		break;
	}
}

void criu_write_request(enum criu_kind kind, const struct criu_options *options, struct text *out)
{
	CLEANUP_TEXT struct text inner = TEXT_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(options_table); i++)
		put_option(&inner, options_table[i].field, options_table[i].kind,
			   (const char *)options + options_table[i].offset);
	put_number(out, 1, kind);
	put_text(out, 2, &inner);
}

void criu_write_reply(bool go_on, struct text *out)
{
	put_number(out, 1, CRIU_NOTIFY);
	put_number(out, 3, go_on);
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

struct reading {
	const uint8_t *at, *end;
};

struct value {
	unsigned field;
	enum wire wire;
	uint64_t number;
	struct reading bytes;
};

static bool take_varint(struct reading *from, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; from->at < from->end && shift < 64; shift += 7) {
		uint8_t byte = *from->at++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static bool take_bytes(struct reading *from, uint64_t len, struct reading *ret)
{
	if (len > (uint64_t)(from->end - from->at))
		return false;
	*ret = (struct reading){.at = from->at, .end = from->at + len};
	from->at += len;
	return true;
}

static bool take_value(struct reading *from, struct value *ret)
{
	uint64_t tag, len;

	if (!take_varint(from, &tag))
		return false;
	*ret = (struct value){.field = (unsigned)(tag >> 3), .wire = (enum wire)(tag & 7)};
	switch (ret->wire) {
	case WIRE_NUMBER:
		return take_varint(from, &ret->number);
	case WIRE_BYTES:
		return take_varint(from, &len) && take_bytes(from, len, &ret->bytes);
	case WIRE_EIGHT_BYTES:
		return take_bytes(from, 8, &ret->bytes);
	case WIRE_FOUR_BYTES:
		return take_bytes(from, 4, &ret->bytes);
	}
	return false;
}

/* Up to the end of the line, and never more than there is room for. */
static void copy_line(char *to, size_t room, const struct reading *from)
{
	size_t len = (size_t)(from->end - from->at);
	const uint8_t *newline = memchr(from->at, '\n', len);

	if (newline)
		len = (size_t)(newline - from->at);
	if (len >= room)
		len = room - 1;
	memcpy(to, from->at, len);
	to[len] = '\0';
}

/* criu_restore_resp has the pid in field 1; criu_notify the step there, and the pid in field 2. */
static bool read_inner(struct reading from, bool is_notification, struct criu_answer *ret)
{
	struct value value;

	while (from.at < from.end) {
		if (!take_value(&from, &value))
			return false;
		if (value.field == 1 && value.wire == WIRE_BYTES && is_notification)
			copy_line(ret->step, sizeof(ret->step), &value.bytes);
		if (value.field == (is_notification ? 2 : 1) && value.wire == WIRE_NUMBER)
			ret->pid = (int32_t)value.number;
	}
	return true;
}

static bool read_member(const struct value *value, struct criu_answer *ret)
{
	bool is_number = value->wire == WIRE_NUMBER;

	switch (value->field) {
	case 1:
		ret->kind = (uint32_t)value->number;
		return is_number;
	case 2:
		ret->success = value->number != 0;
		return is_number;
	case 4:
	case 5:
		return value->wire == WIRE_BYTES && read_inner(value->bytes, value->field == 5, ret);
	case 7:
		ret->code = (int32_t)value->number;
		return is_number;
	case 9:
		if (value->wire == WIRE_BYTES)
			copy_line(ret->why, sizeof(ret->why), &value->bytes);
		return value->wire == WIRE_BYTES;
	default:
		return true; /* of a CRIU that knows more */
	}
}

int criu_read_answer(const void *data, size_t len, struct criu_answer *ret, struct err *err)
{
	struct reading from = {.at = data, .end = (const uint8_t *)data + len};
	unsigned seen = 0;
	struct value value;

	*ret = (struct criu_answer){0};
	while (from.at < from.end) {
		if (!take_value(&from, &value) || !read_member(&value, ret))
			return err_say(err, EBADMSG, "criu's answer makes no sense");
		seen |= value.field < 32 ? 1u << value.field : 0;
	}
	if ((seen & (1u << 1 | 1u << 2)) != (1u << 1 | 1u << 2))
		return err_say(err, EBADMSG, "criu's answer makes no sense");
	return 0;
}
