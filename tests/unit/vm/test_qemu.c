// SPDX-License-Identifier: GPL-2.0-or-later
/* QEMU: the command that it is started with, and what is heard of it. */
#include "runtime/vm/qemu.h"
#include "runtime/vm/qemu_qmp.h"
#include "runtime/vm/qemu_words.h"

#include "tests/unit/tap.h"

/* The word behind an option that begins so. "" when there is none. */
static const char *find(const struct strv *words, const char *option, const char *beginning)
{
	for (size_t i = 0; i + 1 < words->count; i++)
		if (strcmp(words->items[i], option) == 0 && text_starts(words->items[i + 1], beginning))
			return words->items[i + 1];
	return "";
}

#define NODE "{\"node-name\":\""

static void test_command(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct vm_request request = {
		.backend = VM_BACKEND_QEMU,
		.memory_bytes = (uint64_t)192 << 20,
		.cpus = 3,
		.cmdline = "quiet",
		.disks = {{.fd = 11, .read_only = true, .serial = "layer0"},
			  {.fd = 12, .serial = "upper"},
			  {.fd = 14, .read_only = true, .serial = "image", .format = DISK_FORMAT_QCOW2},
			  {.fd = 15, .read_only = true, .serial = "other", .format = DISK_FORMAT_VHD}},
		.disk_count = 4,
		.nics = {{.tap_fd = 13, .mac = {2, 0x68, 10, 98, 0, 7}}},
		.nic_count = 1,
		.volumes = {{.tag = "v0", .path = "/volumes/0"}},
		.volume_count = 1,
	};
	static const char *const denied[] = {"obsolete=deny", "elevateprivileges=deny", "spawn=deny",
					     "resourcecontrol=deny"};
	struct qemu_ends ends = {.agent = 20, .qmp = 21, .console = 22, .volumes = {23}, .tsc_khz = 2600000};
	struct strv words = {0};
	struct err err = ERR_INIT;

	(void)strv_add(&arena, &request.qemu, "/usr/bin/qemu");
	(void)strv_add(&arena, &request.qemu, "-more");
	CHECK_INT(qemu_command(&arena, &request, &ends, &words, &err), 0);
	CHECK_STR(words.items[0], "/usr/bin/qemu");
	CHECK_STR(words.items[1], "-more");
	CHECK(strv_has(&words, "-nodefaults") && strv_has(&words, "-no-reboot") && strv_has(&words, "-no-user-config"));
	CHECK_HAS(find(&words, "-machine", "microvm"), "rtc=on");
	CHECK_HAS(find(&words, "-accel", ""), "tcg,thread=single");
	CHECK_STR(find(&words, "-d", ""), QEMU_LOG_ITEMS);
	CHECK_STR(find(&words, "-m", ""), "192M");
	CHECK_STR(find(&words, "-smp", ""), "3");
	CHECK_HAS(find(&words, "-object", "memory-backend-memfd"), "share=on,size=201326592");
	CHECK_STR(find(&words, "-append", ""), "console=ttyS0 quiet tsc_early_khz=2600000");
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++)
		CHECK_HAS(find(&words, "-sandbox", "on,"), denied[i]);
	CHECK_HAS(find(&words, "-cpu", ""), "+rdrand"); /* what a guest that starts has no other source of */
	/* Everything by descriptor: QEMU opens nothing by a name that somebody else could mean. */
	CHECK_STR(find(&words, "-add-fd", "fd=11"), "fd=11,set=0");
	CHECK_HAS(find(&words, "-blockdev", NODE "disk0"), "\"read-only\":true");
	CHECK_HAS(find(&words, "-blockdev", NODE "disk1"), "\"read-only\":false");
	CHECK_HAS(find(&words, "-blockdev", NODE "disk1"), "\"filename\":\"/dev/fdset/1\"");
	/* In the format that was said, and with nothing below. */
	CHECK_HAS(find(&words, "-blockdev", NODE "disk1"), "\"driver\":\"raw\"");
	CHECK_HAS(find(&words, "-blockdev", NODE "disk2"), "\"driver\":\"qcow2\"");
	CHECK_HAS(find(&words, "-blockdev", NODE "disk2"), "\"backing\":null");
	CHECK_HAS(find(&words, "-blockdev", NODE "disk3"), "\"driver\":\"vpc\"");
	CHECK_HAS(find(&words, "-device", "virtio-blk-device,drive=disk1"), "serial=upper");
	CHECK_STR(find(&words, "-netdev", ""), "tap,id=net0,fd=13");
	CHECK_HAS(find(&words, "-device", "virtio-net-device"), "mac=02:68:0a:62:00:07");
	CHECK_STR(find(&words, "-chardev", "socket,id=agent"), "socket,id=agent,fd=20");
	CHECK_STR(find(&words, "-chardev", "socket,id=volume0"), "socket,id=volume0,fd=23");
	CHECK_HAS(find(&words, "-device", "vhost-user-fs-device"), "tag=v0");
	CHECK(!strv_has(&words, "-S"));
	request.accelerated = true;
	ends.stands_still = true;
	words = (struct strv){0};
	CHECK_INT(qemu_command(&arena, &request, &ends, &words, &err), 0);
	CHECK_STR(find(&words, "-accel", ""), "kvm");
	CHECK_STR(find(&words, "-cpu", ""), "host");
	CHECK(!strv_has(&words, "-d"));
	CHECK(strv_has(&words, "-S"));
}

static void test_events(void)
{
	static const struct {
		const char *line;
		enum qemu_reason reason;
	} lines[] = {
		{"{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-shutdown\"}}",
		 QEMU_POWER_OFF},
		{"{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}", QEMU_RESET},
		{"{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-signal\"}}", QEMU_QUIT},
		{"{\"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}}", QEMU_PANIC},
		/* What is none of these says nothing. */
		{"{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"boredom\"}}", QEMU_UNKNOWN},
		{"{\"event\": \"SHUTDOWN\", \"data\": 5}", QEMU_UNKNOWN},
		{"{\"event\": \"SHUTDOWN\"}", QEMU_UNKNOWN},
		{"{\"event\": {\"event\": \"SHUTDOWN\"}}", QEMU_UNKNOWN},
		{"{\"return\": {}}", QEMU_UNKNOWN},
		{"[]", QEMU_UNKNOWN},
		{"SHUTDOWN", QEMU_UNKNOWN},
		{"", QEMU_UNKNOWN},
	};
	struct qemu_state state;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		state = (struct qemu_state){.reason = QEMU_UNKNOWN};
		qmp_take_line(lines[i].line, strlen(lines[i].line), &state);
		CHECK_INT(state.reason, lines[i].reason);
	}
	/* The shutdown that follows a panic is not the news. */
	state = (struct qemu_state){.reason = QEMU_PANIC};
	qmp_take_line(lines[1].line, strlen(lines[1].line), &state);
	CHECK_INT(state.reason, QEMU_PANIC);
}

static void say(struct qemu_state *state, const char *line)
{
	qmp_take_line(line, strlen(line), state);
}

static void test_state(void)
{
	struct qemu_state state = {0};

	say(&state, "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1}}");
	CHECK(state.paused);
	say(&state, "{\"event\": \"RESUME\"}");
	CHECK(!state.paused);
	say(&state, "{\"return\": {\"actual\": 268435456}}");
	CHECK(state.actual_bytes == 268435456);
	say(&state, "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": 134217728}}");
	CHECK(state.actual_bytes == 134217728);
	/* What is none of these changes nothing. */
	say(&state, "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": -1}}");
	say(&state, "{\"return\": {\"actual\": \"1\"}}");
	say(&state, "{\"return\": []}");
	CHECK(state.actual_bytes == 134217728 && !state.paused && state.reason == QEMU_UNKNOWN);
}

static void test_processors(void)
{
	struct qemu_state state = {.processors = {.question = 7}};

	say(&state,
	    "{\"return\": \"\\r\\nCPU#0\\r\\nRFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\\r\\n\", \"id\": 7}");
	say(&state,
	    "{\"return\": \"\\r\\nCPU#1\\r\\nRFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\\r\\n\", \"id\": 7}");
	CHECK_INT(state.processors.halted, 1);
	CHECK_INT(state.processors.running, 1);
	/* To an earlier question, to none, and no answer. */
	say(&state, "{\"return\": \"A20=1 SMM=0 HLT=1\", \"id\": 6}");
	say(&state, "{\"return\": \"A20=1 SMM=0 HLT=1\"}");
	say(&state, "{\"error\": {\"class\": \"GenericError\"}, \"id\": 7}");
	CHECK_INT(state.processors.halted, 1);
	CHECK_INT(state.processors.running, 1);
}

static const char *complaint(const char *words)
{
	static char bytes[512];

	(void)snprintf(bytes, sizeof(bytes), "%s", words);
	return qemu_words_complaint(bytes, strlen(bytes));
}

#define DUMP                                                                                                         \
	"CPU Reset (CPU 0)\nRAX=0000000000000000 RBX=0000000000000000\nRIP=0 RFL=00000000 [-------] HLT=0\n"         \
	"ES =0000 0000000000000000 00000000 00000000\nGDT=     0000000000000000 00000000\nCCS=0 CCD=0 CCO=DYNAMIC\n" \
	"XMM00=0000000000000000 0000000000000000 XMM01=0\n"

static void test_words_of_disks(void)
{
	unsigned number = 0;

	CHECK_STR(qemu_words_of_disk("qemu: -blockdev {\"node-name\":\"disk12\",\"file\":{\"a\":1}}: Not: so", &number),
		  "Not: so");
	CHECK_INT(number, 12);
	CHECK(!qemu_words_of_disk("", &number));
	CHECK(!qemu_words_of_disk("qemu: -blockdev {\"node-name\":\"disk12\"}", &number));
	CHECK(!qemu_words_of_disk("qemu: -blockdev {\"node-name\":\"disk\"}: x", &number));
	CHECK(!qemu_words_of_disk("qemu: -device {\"driver\":\"virtio-blk\"}: x", &number));
}

static void test_words(void)
{
	static const char faulted[] = DUMP "Triple fault\n";

	CHECK_STR(complaint(""), "");
	CHECK_STR(complaint("one\nqemu: two\r\n\n"), "qemu: two");
	CHECK_STR(complaint("qemu: A=B\n" DUMP), "qemu: A=B");
	CHECK_STR(complaint(faulted), "");
	CHECK_STR(complaint("X"), "X");
	CHECK(qemu_words_have_triple_fault(faulted, strlen(faulted)));
	CHECK(!qemu_words_have_triple_fault(faulted, strlen(faulted) - 1));
	CHECK(!qemu_words_have_triple_fault(DUMP, strlen(DUMP)));
}

static void test_dirty_rate(void)
{
	struct qemu_state state = {.dirty_rate = {.question = 3, .state = QEMU_RATE_MEASURING}};
	struct qemu_dirty_rate *rate = &state.dirty_rate;

	/* It was begun; it goes on; an answer to another question; figures that are none. */
	say(&state, "{\"return\": {}, \"id\": \"dirty-rate 3\"}");
	say(&state, "{\"return\": {\"status\": \"measuring\", \"calc-time\": 2}, \"id\": \"dirty-rate 3\"}");
	say(&state,
	    "{\"return\": {\"status\": \"measured\", \"dirty-rate\": 9, \"calc-time\": 2}, \"id\": \"dirty-rate "
	    "2\"}");
	say(&state, "{\"return\": {\"status\": \"measured\", \"dirty-rate\": 9, \"calc-time\": 2}, \"id\": 3}");
	say(&state, "{\"return\": {\"status\": \"measured\", \"dirty-rate\": -1, \"calc-time\": 2}, \"id\": "
		    "\"dirty-rate 3\"}");
	CHECK_INT(rate->state, QEMU_RATE_MEASURING);
	say(&state,
	    "{\"return\": {\"status\": \"measured\", \"dirty-rate\": 7, \"calc-time\": 2}, \"id\": \"dirty-rate "
	    "3\"}");
	CHECK_INT(rate->state, QEMU_RATE_MEASURED);
	CHECK_INT((int)rate->mib_per_second, 7);
	CHECK_INT((int)rate->seconds, 2);
	/* What comes behind that is of no interest. */
	say(&state, "{\"error\": {\"desc\": \"no\"}, \"id\": \"dirty-rate 3\"}");
	CHECK_INT(rate->state, QEMU_RATE_MEASURED);
	rate->state = QEMU_RATE_MEASURING;
	say(&state, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"it\\nis so\"}, \"id\": \"dirty-rate 3\"}");
	CHECK_INT(rate->state, QEMU_RATE_FAILED);
	CHECK_STR(rate->words, "it\\nis so");
	rate->state = QEMU_RATE_MEASURING;
	say(&state, "{\"error\": {\"desc\": \"\"}, \"id\": \"dirty-rate 3\"}");
	CHECK_STR(rate->words, "it gives no reason");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_command), TAP_CASE(test_events), TAP_CASE(test_state), TAP_CASE(test_processors),
		       TAP_CASE(test_dirty_rate), TAP_CASE(test_words), TAP_CASE(test_words_of_disks));
}
