// SPDX-License-Identifier: GPL-2.0-or-later
/* Machines: how large they are, how large they may become, and what has room in them. */
#include "runtime/spec/plan_vm_update.h"
#include "runtime/vm/fs_server.h"
#include "tests/unit/spec/plan_case.h"

static void test_size(void)
{
	static const struct {
		const char *resources;
		uint64_t memory_bytes;
		unsigned cpus;
	} sizes[] = {
		{"", PLAN_VM_MEMORY_BYTES, 1},
		{"'memory':{'limit':100000001}", 100663296, 1},
		{"'memory':{'limit':-1},'cpu':{'quota':50000,'period':100000}", PLAN_VM_MEMORY_BYTES, 1},
		{"'cpu':{'quota':100000,'period':100000}", PLAN_VM_MEMORY_BYTES, 1},
		{"'cpu':{'quota':150000}", PLAN_VM_MEMORY_BYTES, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan_case from =
			machine_case(arena_printf(&arena, MAPPED ",'resources':{%s}", sizes[i].resources), VM(NO_NET));
		struct plan plan;

		if (!make(&arena, from, &plan))
			continue;
		CHECK_INT(plan.vm->memory_bytes, sizes[i].memory_bytes);
		CHECK_INT(plan.vm->cpus, sizes[i].cpus);
		CHECK_INT(plan.limits.memory_limit.value,
			  (int64_t)(sizes[i].memory_bytes + PLAN_VM_OVERHEAD_QEMU + FS_SERVER_MEMORY_BYTES));
	}
}

/* New limits of one that runs: born with 512 MiB and 2 CPUs, and asked for 128 MiB back. */
static void test_update(void)
{
	const struct plan_vm_now now = {.born_bytes = 512 << 20,
					.balloon_bytes = 128 << 20,
					.cpus = 2,
					.jail_bytes = (384 + 64) << 20};
	static const struct {
		struct config_resources asked;
		const char *words;
	} refused[] = {
		{{.memory = {.limit = {true, 513 << 20}}},
		 "linux.resources.memory.limit: a machine that runs cannot have more memory"},
		{{.memory = {.limit = {true, -1}}}, "more memory than it was born with (512m)"},
		{{.memory = {.limit = {true, 32 << 20}}},
		 "linux.resources.memory.limit: 33554432 bytes are too little"},
		{{.memory = {.swap = {true, 1 << 30}}}, "linux.resources.memory.swap: cannot be changed"},
		{{.hugepage_limits = {.count = 1}}, "linux.resources.hugepageLimits: cannot be changed"},
		{{.unified = {.count = 1}}, "linux.resources.unified: cannot be changed"},
		{{.cpu = {.quota = {true, 200001}}},
		 "linux.resources.cpu.quota: a machine that runs cannot have more CPUs than it was born with (2)"},
		{{.cpu = {.quota = {true, 100}, .period = {true, 40}}}, "more CPUs than it was born with (2)"},
	};
	const struct config_resources both = {.memory = {.limit = {true, 448 << 20}}, .pids = {.limit = {true, 9}}},
				      nothing = {.cpu = {.quota = {true, -1}, .shares = {true, 7}}};
	struct plan_vm_update update;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CHECK(plan_vm_update(&now, &refused[i].asked, &update, &err) < 0);
		CHECK_HAS(err.msg, refused[i].words);
	}
	CHECK_INT(plan_vm_update(&now, &both, &update, &err), 0);
	CHECK(update.balloon_bytes == 64 << 20 && update.jail.memory.limit.value == (448 + 64) << 20);
	CHECK(update.has_guest && update.guest.pids.limit.value == 9 && !update.jail.pids.limit.set);
	CHECK(!update.guest.memory.limit.set);
	CHECK_INT(plan_vm_update(&now, &nothing, &update, &err), 0);
	CHECK(update.balloon_bytes == now.balloon_bytes && !update.jail.memory.limit.set && !update.has_guest);
	CHECK(update.jail.cpu.quota.value == -1 && update.jail.cpu.shares.value == 7);
}

/* Devices all take slots of one bus, which is longer with QEMU. */
static void test_room(void)
{
	static const struct {
		enum vm_backend backend;
		unsigned layers, volumes;
		const char *words; /* NULL: they fit */
	} cases[] = {
		{VM_BACKEND_KVM, 3, 12, NULL},
		{VM_BACKEND_KVM, 1, 15, "room for 15 disks, cards and volumes with backend 'kvm', not for 16: 15 of"},
		{VM_BACKEND_KVM, 9, 7, "not for 16: 7 of them are volumes"},
		{VM_BACKEND_QEMU, 9, 11, NULL},
		{VM_BACKEND_QEMU, 9, 12, "room for 20 disks, cards and volumes with backend 'qemu', not for 21: 12 of"},
		{VM_BACKEND_QEMU, 1, 19, NULL},
		{VM_BACKEND_QEMU, 1, 21, "20 volumes at most"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_TEXT struct text mounts = TEXT_INIT;
		struct plan_case from = machine_case(MAPPED, VM(NO_NET));
		struct err err = ERR_INIT;
		struct plan plan;

		for (unsigned v = 0; v < cases[i].volumes; v++)
			text_addf(&mounts, "%s{'destination':'/v%u','type':'bind','source':'/h'}", v ? "," : "", v);
		from.mounts = text_get(&mounts);
		plan_case_machine.backend = cases[i].backend;
		for (unsigned l = 0; l < cases[i].layers; l++)
			(void)strv_add(&arena, &plan_case_machine.layers, "/d/layer");
		CHECK_INT(plan_case_make(&arena, &from, &plan, &err) < 0, cases[i].words != NULL);
		if (cases[i].words)
			CHECK_HAS(err.msg, cases[i].words);
		plan_case_machine.layers = (struct strv){0};
	}
	plan_case_machine.backend = VM_BACKEND_QEMU;
}

static void test_memory_that_the_kernel_needs(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from = machine_case(MAPPED ",'resources':{'memory':{'limit':83886080}}", VM(NO_NET));
	struct err err = ERR_INIT;
	struct plan plan;

	plan_case_machine.least_bytes = 83886081;
	CHECK_INT(plan_case_make(&arena, &from, &plan, &err), -EINVAL);
	CHECK_HAS(err.msg, "83886080 bytes of memory are too little for a machine with this kernel: want 81m or more");
	plan_case_machine.least_bytes = 83886080;
	CHECK_INT(plan_case_make(&arena, &from, &plan, &err), 0);
	plan_case_machine.least_bytes = 0;
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_size), TAP_CASE(test_update), TAP_CASE(test_room),
		       TAP_CASE(test_memory_that_the_kernel_needs));
}
