/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest of a few hundred lines, in place of a kernel: 32-bit code without paging, entered by PVH. A word of the
 * command line says what it does. It drives the real monitor's devices on a real /dev/kvm, also on one that is too slow
 * for a kernel.
 */
#include <stdint.h>

#define SERIAL	    0x3f8
#define I8042	    0x64
#define PANIC	    0x505
#define SLEEP	    0x600
#define RESET	    0x602
#define MMIO	    0xd0000000U
#define MMIO_STRIDE 0x1000U
#define LOCAL_APIC  0xfee00000U
#define IOAPIC	    0xfec00000U
#define FIRST_LINE  5U
#define VECTOR	    0x40U

__asm__(".section .note.Xen, \"a\", @note\n"
	".align 4\n.long 4, 4, 18\n.asciz \"Xen\"\n.long entry\n"
	".text\n.globl entry\nentry:\n"
	"cld\nmovl $stack_top, %esp\npushl %ebx\ncall run\n"
	"1: cli\nhlt\njmp 1b\n"
	".globl interrupt_entry\ninterrupt_entry:\n"
	/*
	 * Without iret, which a KVM in software lacks: interrupts stay off, and the flags are lost, where the wait for
	 * them ends.
	 */
	"pushal\ncall interrupted\npopal\nret $8\n"
	".bss\n.align 16\n.skip 8192\nstack_top:\n"
	".text\n");

/* What 'hull kernel import' knows a kernel by. */
static const char version[] __attribute__((used)) = "Linux version 0-payload (of hull's tests)";

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_entries;
};

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t get(uint32_t address)
{
	return *(volatile uint32_t *)address;
}

static inline void set(uint32_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static void say(const char *words)
{
	for (; *words; words++)
		out8(SERIAL, (uint8_t)*words);
}

static void say_number(uint32_t value)
{
	char digits[11];
	int at = 10;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	say(digits + at);
}

static void power_off(void)
{
	out8(SLEEP, 5 << 2 | 0x20);
}

static void fail(const char *why)
{
	say("failed: ");
	say(why);
	say("\n");
	out8(RESET, 1);
}

/* --- interrupts: one vector for every line ------------------------------------------------------------------------ */

void interrupt_entry(void);
static volatile uint32_t interrupts;

void interrupted(void)
{
	interrupts++;
	set(LOCAL_APIC + 0xb0, 0);
}

static volatile struct {
	uint16_t low, selector, flags, high;
} gates[256] __attribute__((aligned(16)));

static void listen(uint32_t line)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) table = {sizeof(gates) - 1, (uint32_t)gates};
	uint32_t handler = (uint32_t)&interrupt_entry;

	gates[VECTOR].low = (uint16_t)handler;
	gates[VECTOR].high = (uint16_t)(handler >> 16);
	gates[VECTOR].selector = 2 * 8;
	gates[VECTOR].flags = 0x8e00;
	__asm__ volatile("lidt %0" : : "m"(table));
	/* The old controllers, which KVM has beside the others, stay silent. */
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	set(LOCAL_APIC + 0xf0, 0x1ff);
	set(IOAPIC, 0x10 + 2 * line + 1);
	set(IOAPIC + 0x10, 0);
	set(IOAPIC, 0x10 + 2 * line);
	set(IOAPIC + 0x10, VECTOR);
}

static void wait_for_interrupt(void)
{
	uint32_t before = interrupts;

	for (uint32_t tries = 0; interrupts == before; tries++) {
		if (tries > 3000000)
			fail("no interrupt came");
		__asm__ volatile("sti; nop; nop; cli" ::: "memory");
	}
}

/* --- virtio-mmio: one queue with a few slots ---------------------------------------------------------------------- */

enum { SLOTS = 8, WRITABLE = 2, NEXT = 1 };

static volatile struct {
	struct {
		uint64_t at;
		uint32_t bytes;
		uint16_t flags, next;
	} slots[SLOTS];
} descriptors __attribute__((aligned(4096)));
static volatile struct {
	uint16_t flags, index, ring[SLOTS], event;
} available __attribute__((aligned(4096)));
static volatile struct {
	uint16_t flags, index;
	struct {
		uint32_t id, bytes;
	} ring[SLOTS];
	uint16_t event;
} used __attribute__((aligned(4096)));

static uint32_t find_device(uint32_t id)
{
	for (uint32_t i = 0; i < 19; i++) {
		uint32_t at = MMIO + i * MMIO_STRIDE;

		if (get(at) == 0x74726976 && get(at + 8) == id)
			return at;
	}
	fail("there is no such device");
	return 0;
}

static void start_device(uint32_t at, uint32_t queue)
{
	set(at + 0x70, 0);
	set(at + 0x70, 1);
	set(at + 0x70, 3);
	set(at + 0x24, 1); /* VIRTIO_F_VERSION_1, the only one */
	set(at + 0x20, 1);
	set(at + 0x24, 0);
	set(at + 0x20, 0);
	set(at + 0x70, 11);
	if (!(get(at + 0x70) & 8))
		fail("the features are refused");
	set(at + 0x30, queue);
	set(at + 0x38, SLOTS);
	set(at + 0x80, (uint32_t)&descriptors);
	set(at + 0x84, 0);
	set(at + 0x90, (uint32_t)&available);
	set(at + 0x94, 0);
	set(at + 0xa0, (uint32_t)&used);
	set(at + 0xa4, 0);
	set(at + 0x44, 1);
	listen(FIRST_LINE + (at - MMIO) / MMIO_STRIDE);
	set(at + 0x70, 15);
	if (get(at + 0x70) != 15)
		fail("the device does not start");
}

static void describe(uint32_t slot, const volatile void *at, uint32_t bytes, uint16_t flags)
{
	descriptors.slots[slot].at = (uint32_t)at;
	descriptors.slots[slot].bytes = bytes;
	descriptors.slots[slot].flags = flags;
	descriptors.slots[slot].next = (uint16_t)(slot + 1);
}

/* Offers the chain from slot 0, kicks, waits for the interrupt, takes it back. */
static uint32_t transfer(uint32_t at, uint32_t queue)
{
	uint16_t before = used.index;

	available.ring[available.index % SLOTS] = 0;
	__asm__ volatile("" ::: "memory");
	available.index++;
	set(at + 0x50, queue);
	wait_for_interrupt();
	set(at + 0x64, get(at + 0x60));
	if (used.index == before)
		fail("the device gave nothing back");
	return used.ring[before % SLOTS].bytes;
}

static volatile struct {
	uint32_t type, reserved;
	uint64_t sector;
} request;
static volatile uint8_t status, data[512];

static void access_disk(uint32_t at, uint32_t type, uint64_t sector)
{
	request.type = type;
	request.sector = sector;
	status = 0xff;
	describe(0, &request, 16, NEXT);
	describe(1, data, sizeof(data), (uint16_t)(NEXT | (type ? 0 : WRITABLE)));
	describe(2, &status, 1, WRITABLE);
	(void)transfer(at, 0);
	if (status != 0)
		fail("the disk reports an error");
}

/* Reads sector 0, says it, writes it back into sector 1 in capitals. */
static void try_disk(void)
{
	uint32_t at = find_device(2);

	start_device(at, 0);
	access_disk(at, 0, 0);
	for (uint32_t i = 0; i < sizeof(data) && data[i]; i++) {
		out8(SERIAL, data[i]);
		if (data[i] >= 'a' && data[i] <= 'z')
			data[i] = (uint8_t)(data[i] - 32);
	}
	access_disk(at, 1, 1);
	say("interrupts: ");
	say_number(interrupts);
	say("\n");
}

/* Port 0 of a console without a driver for more ports: the terminal. */
static void try_console(void)
{
	static const char words[] = "through the console\n";
	uint32_t at = find_device(3);

	start_device(at, 1);
	describe(0, words, sizeof(words) - 1, 0);
	(void)transfer(at, 1);
}

/* A frame of an experiment's type (IEEE 802, 88b5), behind the header of virtio 1.2, 5.1.6. */
struct frame {
	uint8_t header[12], to[6], from[6], type[2];
	char words[486];
};

/* A frame out; then those that come in, until one is of the type. */
static void try_net(void)
{
	static const struct frame out = {
		.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		.from = {2, 0, 0, 0, 0, 1},
		.type = {0x88, 0xb5},
		.words = "from the guest",
	};
	const volatile struct frame *in = (const volatile struct frame *)data;
	uint32_t at = find_device(1);

	start_device(at, 1);
	describe(0, &out, sizeof(out), 0);
	(void)transfer(at, 1);
	available.index = used.index = 0;
	start_device(at, 0);
	do {
		describe(0, data, sizeof(data), WRITABLE);
		(void)transfer(at, 0);
	} while (in->type[0] != 0x88 || in->type[1] != 0xb5);
	data[sizeof(data) - 1] = 0;
	say((const char *)in->words);
	say("\n");
}

static void try_random(void)
{
	uint32_t at = find_device(4), sum = 0, bytes;

	start_device(at, 0);
	describe(0, data, 64, WRITABLE);
	bytes = transfer(at, 0);
	for (uint32_t i = 0; i < 64; i++)
		sum |= data[i];
	if (bytes != 64 || sum == 0)
		fail("no randomness");
	say("random\n");
}

/* A chain that ends outside of memory: the device says that it needs a reset, and works behind one. */
static void try_hostile(void)
{
	uint32_t at = find_device(4);

	start_device(at, 0);
	describe(0, (void *)0xcffff000, 64, WRITABLE);
	available.ring[0] = 0;
	available.index++;
	set(at + 0x50, 0);
	wait_for_interrupt();
	if (!(get(at + 0x70) & 0x40))
		fail("the device took a chain outside of memory");
	say("refused\n");
	available.index = 0;
	used.index = 0;
	try_random();
}

/* --- for benchmarks ----------------------------------------------------------------------------------------------- */

enum { TRIPS = 200 };
static uint32_t trips[TRIPS];

static inline uint32_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low;
}

/* From the notification at `notify` to the interrupt's handler, in the clock's ticks; halted, as an idle kernel is. */
static uint32_t trip(uint32_t notify, uint32_t queue)
{
	uint32_t began = ticks(), before = interrupts;

	set(notify, queue);
	while (interrupts == before)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	return ticks() - began;
}

/* The fastest, that which a tenth are faster than, and the median. */
static void say_trips(void)
{
	for (uint32_t i = 1; i < TRIPS; i++) {
		uint32_t one = trips[i], at = i;

		for (; at > 0 && trips[at - 1] > one; at--)
			trips[at] = trips[at - 1];
		trips[at] = one;
	}
	say_number(trips[0]);
	say(" ");
	say_number(trips[TRIPS / 10]);
	say(" ");
	say_number(trips[TRIPS / 2]);
	say("\n");
}

static void try_trips(void)
{
	uint32_t at = find_device(4);

	start_device(at, 0);
	describe(0, data, 1, WRITABLE);
	for (uint32_t i = 0; i < TRIPS; i++) {
		available.ring[available.index % SLOTS] = 0;
		__asm__ volatile("" ::: "memory");
		available.index++;
		trips[i] = trip(at + 0x50, 0);
		set(at + 0x64, get(at + 0x60));
	}
	say_trips();
}

/* Without a device: what answers notifications at the first one's place answers these. */
static void try_bare_trips(void)
{
	listen(FIRST_LINE);
	for (uint32_t i = 0; i < TRIPS; i++) {
		trips[i] = trip(MMIO + 0x50, 0);
		/* As above, so that who answers has as long to wait for the next. */
		set(MMIO + 0x64, get(MMIO + 0x60));
	}
	say_trips();
}

/* What an agent says until the program runs (runtime/vm/agent_protocol.h); where it says it. */
static uint32_t say_hello(void)
{
	static const struct {
		uint32_t length, type, process, zero, version;
	} hello = {4, 1, 0, 0, 1};
	uint32_t at = find_device(3);

	start_device(at, 1);
	describe(0, &hello, sizeof(hello), 0);
	(void)transfer(at, 1);
	return at;
}

static void wait_for_ever(void)
{
	for (;;)
		__asm__ volatile("sti; hlt");
}

/* As far as the host can tell, a container runs in here. */
static void play_agent(void)
{
	static const struct {
		uint32_t length, type, process, zero, pid;
	} started = {4, 32, 1, 0, 1};
	uint32_t at = say_hello();

	describe(0, &started, sizeof(started), 0);
	(void)transfer(at, 1);
	wait_for_ever();
}

/* An agent that stops there. */
static void play_stuck_agent(void)
{
	(void)say_hello();
	wait_for_ever();
}

/* And one of another protocol. */
static void play_broken_agent(void)
{
	static const char words[] = "HELO this is somebody else";
	uint32_t at = find_device(3);

	start_device(at, 1);
	describe(0, words, sizeof(words), 0);
	(void)transfer(at, 1);
	wait_for_ever();
}

/* One that connects by vsock, and ends the connection: virtio 1.2, section 5.10.6. */
static void play_lost_agent(void)
{
	static volatile struct {
		uint64_t source_cid, to_cid;
		uint32_t source_port, to_port, length;
		uint16_t type, operation;
		uint32_t flags, room, taken;
	} __attribute__((packed)) packet = {3, 2, 1025, 1024, 0, 1, 1, 0, 4096, 0};
	uint32_t at = find_device(19);

	start_device(at, 1);
	describe(0, &packet, sizeof(packet), 0);
	(void)transfer(at, 1);
	packet.operation = 3;
	(void)transfer(at, 1);
	wait_for_ever();
}

/* A driver that begins anew, again and again, and says so each time: all of it is asked of the server of a volume. */
static void try_share(void)
{
	uint32_t at = find_device(26);

	for (;;) {
		start_device(at, 1);
		say("served\n");
	}
}

/* Kicks and interrupts, many. */
static void try_turns(void)
{
	uint32_t at = find_device(4);

	start_device(at, 0);
	describe(0, data, 1, WRITABLE);
	for (uint32_t i = 0; i < 200; i++)
		(void)transfer(at, 0);
	say("turns\n");
}

static void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) none;

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void reset_by_keyboard(void)
{
	if (in8(I8042) & 2)
		fail("the keyboard controller is busy");
	out8(I8042, 0xfe);
}

static void reset_by_acpi(void)
{
	out8(RESET, 1);
}

static void panic(void)
{
	out8(PANIC, 1);
}

static void hang(void)
{
	say("hanging\n");
	wait_for_ever();
}

static void nothing(void) {}

static const char *cmdline;

static void say_cmdline(void)
{
	say(cmdline);
	say("\n");
}

/* For benchmarks: the guest's first byte. */
static void one_byte(void)
{
	out8(SERIAL, '\n');
}

static const struct {
	const char *word;
	void (*run)(void);
} tries[] = {
	{"off", nothing},
	{"words", say_cmdline},
	{"byte", one_byte},
	{"disk", try_disk},
	{"console", try_console},
	{"net", try_net},
	{"random", try_random},
	{"hostile", try_hostile},
	{"turns", try_turns},
	{"fault", triple_fault},
	{"reset", reset_by_keyboard},
	{"acpi", reset_by_acpi},
	{"panic", panic},
	{"hang", hang},
	{"trips", try_trips},
	{"bare-trips", try_bare_trips},
	{"stuck", play_stuck_agent},
	{"broken", play_broken_agent},
	{"lost", play_lost_agent},
	{"share", try_share},
	/* What every kernel of hull's is told: where there is no word for a payload. */
	{"quiet", play_agent},
};

static int has_word(const char *text, const char *word)
{
	while (*text) {
		const char *at = word;

		while (*at && *text == *at)
			text++, at++;
		if (!*at && (!*text || *text == ' '))
			return 1;
		while (*text && *text != ' ')
			text++;
		while (*text == ' ')
			text++;
	}
	return 0;
}

void run(const struct start_info *info)
{
	cmdline = (const char *)(uint32_t)info->cmdline;
	for (uint32_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (has_word(cmdline, tries[i].word)) {
			tries[i].run();
			power_off();
			triple_fault(); /* another monitor has no such port */
		}
	}
	fail("not known");
}
