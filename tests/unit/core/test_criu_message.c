// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/criu_message.h"

#include <errno.h>
#include <sched.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

/* What a request is in bytes, as hexadecimal digits. */
static const char *request(enum criu_kind kind, const struct criu_options *options)
{
	static char words[2048];
	CLEANUP_TEXT struct text message = TEXT_INIT;
	size_t len = 0;

	criu_write_request(kind, options, &message);
	for (size_t i = 0; i < message.len; i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%02x", (unsigned char)message.data[i]);
	return words;
}

/* "08 01": field 1, a number, of the value 1. "12 04": field 2, of four bytes. */
static void test_numbers(void)
{
	struct criu_options options = CRIU_OPTIONS_INIT;

	options.images_fd = 4;
	options.pid = 300;
	CHECK_STR(request(CRIU_DUMP, &options), "0801"
						"1205"
						"0804"
						"10ac02");
	options = CRIU_OPTIONS_INIT;
	options.cgroup_mode = CRIU_CGROUP_IGNORE;
	options.empty_namespaces = CLONE_NEWNET;
	CHECK_STR(request(CRIU_RESTORE, &options), "0802"
						   "120a"
						   "900200"
						   "b0028080808004");
}

/* Each flag and each word is CRIU's own field, and what was not asked for is not said. */
static void test_fields(void)
{
	static const struct {
		size_t offset;
		const char *tag; /* the field's number, shifted by three; and then 1 */
	} flags[] = {
#define FLAG(member, tag) {offsetof(struct criu_options, member), tag}
		FLAG(leave_running, "18"),
		FLAG(ext_unix_sk, "20"),
		FLAG(tcp_established, "28"),
		FLAG(evasive_devices, "30"),
		FLAG(shell_job, "38"),
		FLAG(file_locks, "40"),
		FLAG(notify, "60"),
		FLAG(track_memory, "78"),
		FLAG(auto_dedup, "8001"),
		FLAG(link_remap, "9001"),
		FLAG(as_sibling, "d001"),
		FLAG(external_masters, "f001"),
		FLAG(tcp_skip_in_flight, "f002"),
		FLAG(lazy_pages, "8003"),
		FLAG(orphan_terminal, "9003"),
		FLAG(tcp_close, "a003"),
#undef FLAG
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct criu_options options = CRIU_OPTIONS_INIT;
		char wanted[64];

		*(bool *)((char *)&options + flags[i].offset) = true;
		(void)snprintf(wanted, sizeof(wanted), "080112%02zx%s01", strlen(flags[i].tag) / 2 + 1, flags[i].tag);
		CHECK_STR(request(CRIU_DUMP, &options), wanted);
	}
}

static void test_words(void)
{
	static const struct {
		size_t offset;
		const char *tag;
	} words[] = {
#define WORDS(member, tag) {offsetof(struct criu_options, member), tag}
		WORDS(log_file, "52"),	WORDS(root, "6a"),	    WORDS(parent, "72"),
		WORDS(freezer, "e202"), WORDS(lsm_profile, "aa03"), WORDS(lsm_mount_context, "fa03"),
#undef WORDS
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct criu_options options = CRIU_OPTIONS_INIT;
		char wanted[64];

		*(const char **)((char *)&options + words[i].offset) = "ab";
		(void)snprintf(wanted, sizeof(wanted), "080112%02zx%s026162", strlen(words[i].tag) / 2 + 3,
			       words[i].tag);
		CHECK_STR(request(CRIU_DUMP, &options), wanted);
	}
}

static void test_pairs(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct criu_options options = CRIU_OPTIONS_INIT;
	struct criu_pair *pair = LIST_ADD(&arena, &options.external_mounts);

	*pair = (struct criu_pair){.first = "/a", .second = "/b"};
	CHECK_STR(request(CRIU_DUMP, &options), "0801"
						"120b"
						"ba0108"
						"0a022f61"
						"12022f62");
	options = CRIU_OPTIONS_INIT;
	pair = LIST_ADD(&arena, &options.inherited);
	*pair = (struct criu_pair){.first = "k", .number = 7};
	CHECK_STR(request(CRIU_DUMP, &options), "0801"
						"1208"
						"da0105"
						"0a016b"
						"1007");
	options = CRIU_OPTIONS_INIT;
	/* Of v2 there is no controller to name. */
	pair = LIST_ADD(&arena, &options.cgroup_roots);
	*pair = (struct criu_pair){.second = "/c"};
	CHECK_STR(request(CRIU_DUMP, &options), "0801"
						"1207"
						"ca0104"
						"12022f63");
	options = CRIU_OPTIONS_INIT;
	CHECK_INT(strv_add(&arena, &options.external, "net[1]:x"), 0);
	CHECK_STR(request(CRIU_DUMP, &options), "0801"
						"120b"
						"aa0208"
						"6e65745b315d3a78");
}

static void test_words_of_options(void)
{
	CHECK_INT(criu_cgroup_mode_parse("ignore"), CRIU_CGROUP_IGNORE);
	CHECK_INT(criu_cgroup_mode_parse("soft"), CRIU_CGROUP_SOFT);
	CHECK_INT(criu_cgroup_mode_parse("full"), CRIU_CGROUP_FULL);
	CHECK_INT(criu_cgroup_mode_parse("strict"), CRIU_CGROUP_STRICT);
	CHECK_INT(criu_cgroup_mode_parse("hard"), -EINVAL);
}

#define READ(bytes, answer, err) criu_read_answer(bytes, sizeof(bytes) - 1, answer, err)

static void test_answers(void)
{
	struct criu_answer answer;
	struct err err = ERR_INIT;

	CHECK_INT(READ("\x08\x06\x10\x01\x2a\x08\x0a\x03"
		       "abc"
		       "\x10\xac\x02",
		       &answer, &err),
		  0);
	CHECK_INT(answer.kind, CRIU_NOTIFY);
	CHECK(answer.success);
	CHECK_STR(answer.step, "abc");
	CHECK_INT(answer.pid, 300);
	CHECK_INT(READ("\x08\x02\x10\x01\x22\x02\x08\x05", &answer, &err), 0);
	CHECK_INT(answer.pid, 5);
	CHECK_INT(READ("\x08\x01\x10\x00\x38\x02\x4a\x05"
		       "Why\nX",
		       &answer, &err),
		  0);
	CHECK(!answer.success);
	CHECK_INT(answer.code, 2);
	CHECK_STR(answer.why, "Why");
	/* A field of a CRIU that knows more: of four bytes, of eight, of some. */
	CHECK_INT(READ("\x08\x01\x10\x01\xa5\x01"
		       "1234"
		       "\xa9\x01"
		       "12345678"
		       "\xaa\x01\x01"
		       "1",
		       &answer, &err),
		  0);
}

static void test_nonsense(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"", 0},			     /* nothing */
		{"\x08\x01", 2},		     /* no outcome */
		{"\x10\x01", 2},		     /* no kind */
		{"\x08", 1},			     /* a number that is not there */
		{"\x08\xff\xff\xff", 4},	     /* and one without an end */
		{"\x08\x01\x10\x01\x2a\x08\x0a", 7}, /* longer than the message */
		{"\x08\x01\x10\x01\x2a\x01\x0a", 7}, /* and inside of it */
		{"\x0a\x01\x01\x10\x01", 5},	     /* bytes where a number belongs */
		{"\x08\x01\x10\x01\x0b", 5},	     /* a kind of value that there is not */
		{"\x08\x01\x10\x01\x4a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 14},
	};
	struct criu_answer answer;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(criu_read_answer(cases[i].bytes, cases[i].len, &answer, &err), -EBADMSG);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_numbers), TAP_CASE(test_fields), TAP_CASE(test_words), TAP_CASE(test_pairs),
		       TAP_CASE(test_words_of_options), TAP_CASE(test_answers), TAP_CASE(test_nonsense));
}
