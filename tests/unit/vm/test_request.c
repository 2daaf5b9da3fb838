/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a machine is to be, as JSON: read, refused with words, and the same when written. */
#include "runtime/vm/request.h"

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define LEAST                                                                                                       \
	"\"backend\": \"kvm\", \"memory_bytes\": 67108864, \"cpus\": 1, \"cmdline\": \"quiet\", \"kernel_fd\": 4, " \
	"\"kvm_fd\": 6"

static int parse(struct arena *arena, const char *words, struct vm_request *ret, struct err *err)
{
	return vm_request_parse(arena, words, strlen(words), ret, err);
}

static void test_whole(void)
{
	static const char words[] =
		"{" LEAST ", \"initrd_fd\": 5, \"disks\": [{\"fd\": 7, \"read_only\": true, \"serial\": \"layer0\"},"
		"{\"fd\": 8, \"read_only\": false, \"serial\": \"upper\", \"format\": \"raw\", \"name\": \"/i\"}],"
		"\"nics\": [{\"tap_fd\": 9, \"mac\": \"02:42:ac:11:00:0f\"}],"
		"\"volumes\": [{\"tag\": \"v0\", \"path\": \"/volumes/0\", \"read_only\": true}],"
		"\"agent_listen_fd\": 10, \"control_listen_fd\": 11, \"start_fd\": 12, \"terminal\": true, \"stdin\": "
		"true,"
		"\"serial_console\": true, \"virtio_console\": true, \"turns_fd\": 13, \"qemu\": [\"a\", \"b\"]}";
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	struct vm_request request, again;
	struct err err = ERR_INIT;

	CHECK_INT(parse(&arena, words, &request, &err), 0);
	CHECK_INT(request.memory_bytes, 64 << 20);
	CHECK_INT(request.disk_count, 2);
	CHECK_STR(request.disks[1].serial, "upper");
	CHECK_STR(request.disks[1].name, "/i");
	CHECK(!request.disks[0].name);
	CHECK(request.disks[0].read_only && !request.disks[1].read_only);
	CHECK_INT(request.nics[0].mac[5], 15);
	CHECK_INT(request.start_fd, 12);
	CHECK_INT(request.turns_fd, 13);
	CHECK_STR(request.volumes[0].path, "/volumes/0");
	CHECK(request.serial_console && request.virtio_console);
	vm_request_write(&request, &once);
	CHECK_INT(parse(&arena, text_get(&once), &again, &err), 0);
	vm_request_write(&again, &twice);
	CHECK_STR(text_get(&twice), text_get(&once));
}

static void test_least(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct vm_request request;
	struct err err = ERR_INIT;

	CHECK_INT(parse(&arena, "{" LEAST "}", &request, &err), 0);
	CHECK_INT(request.initrd_fd, -1);
	CHECK_INT(request.agent_listen_fd, -1);
	CHECK_INT(request.control_listen_fd, -1);
	CHECK_INT(request.turns_fd, -1);
	CHECK_INT(request.disk_count, 0);
	CHECK(!request.serial_console && !request.virtio_console);
}

static void test_refused(void)
{
	static const struct {
		const char *words, *says;
	} cases[] = {
		{"", "machine"},
		{"[]", "want an object"},
		{"{}", "'backend' is missing"},
		{"{" LEAST ", \"nothing\": 1}", "nothing: is not known"},
		{"{" LEAST ", \"cpus\": 1}", "cpus"},
		{"{\"backend\": \"xen\"" LEAST "}", "machine"},
		{"{\"backend\": \"xen\", \"memory_bytes\": 67108864, \"cpus\": 1, \"cmdline\": \"\", \"kernel_fd\": 4}",
		 "want kvm or qemu"},
		{"{\"backend\": \"kvm\", \"memory_bytes\": 67108864, \"cpus\": 1, \"cmdline\": \"\", \"kernel_fd\": 4}",
		 "kvm_fd is missing"},
		{"{\"backend\": \"qemu\", \"memory_bytes\": 67108864, \"cpus\": 1, \"cmdline\": \"\", \"kernel_fd\": "
		 "4}",
		 "qemu is missing"},
		{"{\"backend\": \"kvm\", \"memory_bytes\": 67108865, \"cpus\": 1, \"cmdline\": \"\", \"kernel_fd\": 4, "
		 "\"kvm_fd\": 6}",
		 "no multiple of 4096"},
		{"{\"backend\": \"kvm\", \"memory_bytes\": 4096, \"cpus\": 1, \"cmdline\": \"\", \"kernel_fd\": 4}",
		 "memory_bytes"},
		{"{\"backend\": \"kvm\", \"memory_bytes\": 67108864, \"cpus\": 65, \"cmdline\": \"\", \"kernel_fd\": "
		 "4}",
		 "want 1 to 64"},
		{"{\"backend\": \"kvm\", \"memory_bytes\": 67108864, \"cpus\": 1, \"cmdline\": \"\", \"kernel_fd\": "
		 "-1}",
		 "kernel_fd"},
		{"{" LEAST ", \"initrd_fd\": 2147483648}", "is no descriptor"},
		{"{" LEAST ", \"disks\": [{\"fd\": 7, \"read_only\": true}]}", "'serial' is missing"},
		{"{" LEAST ", \"disks\": [{\"fd\": 7, \"read_only\": true, \"serial\": \"\"}]}", "1 to 20 bytes"},
		{"{" LEAST ", \"disks\": [1]}", "want an object"},
		{"{" LEAST ", \"disks\": [{\"fd\": 7, \"read_only\": true, \"serial\": \"a\", \"format\": \"iso\"}]}",
		 "is no format of disks"},
		{"{" LEAST ", \"disks\": [{\"fd\": 7, \"read_only\": true, \"serial\": \"a\", \"format\": \"qcow2\"}]}",
		 "disk 'a' is not raw, as backend 'kvm' wants it"},
		{"{" LEAST ", \"disks\": [{},{},{},{},{},{},{},{},{},{},{},{},{}]}", "at most 12"},
		{"{" LEAST ", \"nics\": [{\"tap_fd\": 1, \"mac\": \"02:42:ac:11:00\"}]}", "no address"},
		{"{" LEAST ", \"nics\": [{\"tap_fd\": 1, \"mac\": \"03:42:ac:11:00:01\"}]}", "no address"},
		{"{" LEAST ", \"nics\": [{\"tap_fd\": 1, \"mac\": \"02:42:ac:11:00:0g\"}]}", "no address"},
		{"{" LEAST ", \"volumes\": [{\"tag\": \"v\", \"path\": \"volumes\", \"read_only\": true}]}",
		 "not absolute"},
		{"{" LEAST ", \"agent_listen_fd\": 9}", "start_fd is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct vm_request request;
		struct err err = ERR_INIT;

		CHECK(parse(&arena, cases[i].words, &request, &err) < 0);
		CHECK_HAS(err.msg, cases[i].says);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_whole), TAP_CASE(test_least), TAP_CASE(test_refused));
}
