/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel itself charges for a machine: the fewest calls that bring a guest to its first instruction, one
 * processor, no device but a serial port that only sends. No configuration, no jail, no checks beyond whether a call
 * failed.
 *
 *     vm-floor KERNEL INITRD|- MIB CMDLINE     KERNEL: an ELF file with a PVH entry
 *
 * The guest's serial output is standard output.
 *
 * It ends, with 0, when the guest resets itself, writes to one of the ports of hull's monitor (power-off, reset), or
 * its processor gives up. Without devices a stock kernel finds no ACPI here; with an initramfs there is the timer (PIT)
 * that it then looks for. With the command line `bare-trips` a thread answers the guest's notifications with
 * interrupts.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SEGMENTS = 0x500,
	INFO = 0x6000,
	CMDLINE = 0x20000,
	LOW_END = 0x9fc00,
	CLOCK = 0x71,
	SERIAL = 0x3f8,
	LINE_STATUS = SERIAL + 5
};
#define LEAVES 128
#define NOTIFY UINT64_C(0xd0000050) /* of the payload's first device, and its interrupt */
#define LINE   5
#define HUGE   (UINT64_C(2) << 20)

static uint8_t *memory;
static uint64_t memory_bytes;
static uint32_t entry;
static struct {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 leaves[LEAVES];
} cpuid = {.head = {.nent = LEAVES}};
static pthread_t asking;

static long must(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(125);
	}
	return result;
}

static uint64_t load_file(const char *name, uint64_t end)
{
	int fd = (int)must(open(name, O_RDONLY | O_CLOEXEC), name);
	struct stat st;

	must(fstat(fd, &st), name);
	end = (end - (uint64_t)st.st_size) & ~UINT64_C(4095);
	must(read(fd, memory + end, (size_t)st.st_size), name);
	(void)close(fd);
	return end;
}

/* The note's contents, at a multiple of 4 behind its head and name. */
static void find_entry(const uint8_t *at, const uint8_t *end)
{
	while (at + sizeof(Elf64_Nhdr) < end) {
		Elf64_Nhdr note;

		memcpy(&note, at, sizeof(note));
		at += sizeof(note) + ((note.n_namesz + 3) & ~3U);
		if (note.n_type == 18 && note.n_namesz == 4)
			memcpy(&entry, at, sizeof(entry));
		at += (note.n_descsz + 3) & ~3U;
	}
}

static void load_kernel(const char *name)
{
	int fd = (int)must(open(name, O_RDONLY | O_CLOEXEC), name);
	uint8_t head[4096], notes[4096];
	Elf64_Ehdr elf;

	must(pread(fd, head, sizeof(head), 0), name);
	memcpy(&elf, head, sizeof(elf));
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr program;

		memcpy(&program, head + elf.e_phoff + i * sizeof(program), sizeof(program));
		if (program.p_type == PT_LOAD)
			must(pread(fd, memory + program.p_paddr, program.p_filesz, (off_t)program.p_offset), name);
		if (program.p_type == PT_NOTE)
			find_entry(notes, notes + must(pread(fd, notes, sizeof(notes), (off_t)program.p_offset), name));
	}
	(void)close(fd);
}

/* PVH's start info, its list of modules, and its map: see runtime/vm/boot_elf.c. */
static void tell(uint64_t initrd, uint64_t initrd_bytes, const char *cmdline)
{
	struct {
		uint32_t magic, version, flags, modules;
		uint64_t module, cmdline, rsdp, map;
		uint32_t maps, reserved;
		uint64_t initrd[4];
		struct {
			uint64_t at, bytes;
			uint32_t type, reserved;
		} entries[2];
	} info = {
		.magic = 0x336ec578,
		.version = 1,
		.modules = initrd_bytes > 0,
		.module = INFO + 56,
		.cmdline = CMDLINE,
		.map = INFO + 88,
		.maps = 2,
		.initrd = {initrd, initrd_bytes},
		.entries = {{0, LOW_END, 1, 0}, {0x100000, memory_bytes - 0x100000, 1, 0}},
	};

	memcpy(memory + INFO, &info, sizeof(info));
	memcpy(memory + CMDLINE, cmdline, strlen(cmdline) + 1);
}

/* A third of all: a thread asks, while the rest is made. */
static void *ask(void *kvm)
{
	must(ioctl(*(const int *)kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "ask for processors");
	return NULL;
}

/* Some schedulers put a new thread on its maker's processor, to wait there for its turn: nothing would be won. */
static void run_elsewhere(pthread_t thread)
{
	cpu_set_t others;

	memset(&others, 0xff, sizeof(others));
	CPU_CLR((size_t)sched_getcpu(), &others);
	(void)pthread_setaffinity_np(thread, sizeof(others), &others); /* fails where there is only one */
}

static void describe_processor(int vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry type;
	} msrs = {.head = {.nmsrs = 1}, .type = {.index = 0x2ff, .data = 0x806}};

	must(-pthread_join(asking, NULL), "ask for processors");
	for (unsigned i = 0; i < cpuid.head.nent; i++) {
		if (cpuid.leaves[i].function != 1)
			continue;
		cpuid.leaves[i].ecx |= 1U << 31 | 1U << 24;
		cpuid.leaves[i].ebx = (cpuid.leaves[i].ebx & 0xffff) | 1 << 16;
	}
	must(ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "describe the processor");
	must(ioctl(vcpu, KVM_SET_MSRS, &msrs), "set memory types");
}

static void place_processor(int vcpu)
{
	struct kvm_segment data =
		{.limit = UINT32_MAX, .selector = 24, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
	struct kvm_segment code = data, task = {.limit = 0x67, .selector = 32, .type = 11, .present = 1};
	struct kvm_sregs sregs = {.cr0 = 0x11, .apic_base = 0xfee00900, .ldt = {.unusable = 1}};
	struct kvm_regs regs = {.rip = entry, .rbx = INFO, .rflags = 2};
	static const uint64_t segments[] = {0, 0, 0xcf9b000000ffff, 0xcf93000000ffff};

	/* What an interrupt looks its code segment up in. */
	memcpy(memory + SEGMENTS, segments, sizeof(segments));
	sregs.gdt.base = SEGMENTS;
	sregs.gdt.limit = sizeof(segments) - 1;
	code.selector = 16;
	code.type = 11;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.tr = task;
	must(ioctl(vcpu, KVM_SET_SREGS, &sregs), "place the processor");
	must(ioctl(vcpu, KVM_SET_REGS, &regs), "place the processor");
}

/* Reads what an eventfd has, and writes to another: the least that a device is. */
static _Noreturn void *answer(void *eventfds)
{
	const int *fds = eventfds;
	uint64_t times;

	for (;;) {
		must(read(fds[0], &times, sizeof(times)), "hear");
		must(write(fds[1], &times, sizeof(times)), "answer");
	}
}

static void answer_notifications(int machine)
{
	static int fds[2];
	pthread_t thread;

	fds[0] = (int)must(eventfd(0, EFD_CLOEXEC), "eventfd");
	fds[1] = (int)must(eventfd(0, EFD_CLOEXEC), "eventfd");
	must(ioctl(machine, KVM_IOEVENTFD,
		   &(struct kvm_ioeventfd){.addr = NOTIFY,
					   .len = 4,
					   .fd = fds[0],
					   .flags = KVM_IOEVENTFD_FLAG_DATAMATCH}),
	     "notify");
	must(ioctl(machine, KVM_IRQFD, &(struct kvm_irqfd){.fd = (uint32_t)fds[1], .gsi = LINE}), "interrupt");
	must(-pthread_create(&thread, NULL, answer, fds), "start a thread");
}

/* False: the guest is through. */
static int port(struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	size_t bytes = (size_t)run->io.size * run->io.count;

	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, run->io.port == LINE_STATUS ? 0x60 : run->io.port == CLOCK ? 0 : 0xff, bytes);
		return 1;
	}
	if (run->io.port == SERIAL)
		must(write(STDOUT_FILENO, data, bytes), "write");
	return !(run->io.port >= 0x600 && run->io.port <= 0x602) && !(run->io.port == 0x64 && *data == 0xfe);
}

int main(int argc, char **argv)
{
	int kvm, machine, vcpu, on = 1;
	size_t run_bytes;
	uint64_t initrd = 0;
	struct kvm_run *run;

	if (argc != 5)
		return 125;
	memory_bytes = strtoull(argv[3], NULL, 10) << 20;
	kvm = (int)must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	must(-pthread_create(&asking, NULL, ask, &kvm), "start a thread");
	run_elsewhere(asking);
	machine = (int)must(ioctl(kvm, KVM_CREATE_VM, 0), "make a machine");
	memory = mmap(NULL, memory_bytes + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1, 0);
	must(memory == MAP_FAILED ? -1 : 0, "map memory");
	memory += -(uintptr_t)memory % HUGE;
	/* A kernel fills them, for a payload it would be 2 MiB of zeroes for some bytes. */
	if (strcmp(argv[2], "-") != 0)
		(void)madvise(memory, memory_bytes, MADV_HUGEPAGE);
	must(ioctl(machine, KVM_SET_USER_MEMORY_REGION,
		   &(struct kvm_userspace_memory_region){.memory_size = memory_bytes,
							 .userspace_addr = (uintptr_t)memory}),
	     "give memory");
	must(ioctl(machine, KVM_CREATE_IRQCHIP, 0), "make interrupt controllers");
	if (strcmp(argv[2], "-") != 0)
		must(ioctl(machine, KVM_CREATE_PIT2, &(struct kvm_pit_config){0}), "make a timer");
	vcpu = (int)must(ioctl(machine, KVM_CREATE_VCPU, 0), "make a processor");
	run_bytes = (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "ask for sizes");
	run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	must(run == MAP_FAILED ? -1 : 0, "map the processor");
	load_kernel(argv[1]);
	if (strcmp(argv[2], "-") != 0)
		initrd = load_file(argv[2], memory_bytes);
	tell(initrd, initrd ? memory_bytes - initrd : 0, argv[4]);
	if (strcmp(argv[4], "bare-trips") == 0)
		answer_notifications(machine);
	describe_processor(vcpu);
	place_processor(vcpu);
	while (on) {
		must(ioctl(vcpu, KVM_RUN, 0), "run");
		if (run->exit_reason == KVM_EXIT_IO)
			on = port(run);
		else if (run->exit_reason == KVM_EXIT_MMIO)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		else
			on = 0;
	}
	_exit(0);
}
