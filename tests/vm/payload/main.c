/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of the command line, and what each does. */
#include "payload.h"

/* What 'hull kernel import' knows a kernel by. */
static const char version[] __attribute__((used)) = "Linux version 0-payload (of hull's tests)";

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_entries;
};

static const char *cmdline;

void say_number(uint64_t value)
{
	char digits[21];
	int at = 20;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	say(digits + at);
}

void power_off(void)
{
	out8(SLEEP, 5 << 2 | 0x20);
}

_Noreturn void fail(const char *why)
{
	say("failed: ");
	say(why);
	say("\n");
	out8(RESET, 1);
	wait_for_ever();
}

static void say_cmdline(void)
{
	say(cmdline);
	say("\n");
}

/*
 * Devices are driven in ring 3. In ring 0 is what is its own business, and what is a moment's. The byte comes first: it
 * is waited for with a clock, and a KVM in software takes a microsecond for each letter of a command line that is
 * compared before it.
 */
static const struct {
	const char *word;
	int ring;
	void (*run)(void);
} tries[] = {
	{"byte", 0, one_byte},
	{"off", 0, nothing},
	{"words", 0, say_cmdline},
	{"disk", 3, try_disk},
	{"console", 3, try_console},
	{"net", 3, try_net},
	{"vsock", 3, try_vsock},
	{"random", 3, try_random},
	{"hostile", 3, try_hostile},
	{"turns", 3, try_turns},
	{"fault", 0, triple_fault},
	{"reset", 0, reset_by_keyboard},
	{"acpi", 3, reset_by_acpi},
	{"panic", 3, panic},
	{"memory", 3, panic_for_memory},
	{"early", 3, panic_early},
	{"later", 3, play_resetting_agent},
	{"hang", 0, hang},
	{"speed", 0, try_speed},
	{"rings", 3, try_rings},
	{"write", 3, write_when_told},
	{"fed", 3, be_fed},
	{"trips", 0, try_trips},
	{"bare-trips", 0, try_bare_trips},
	{"stuck", 3, play_stuck_agent},
	{"broken", 3, play_broken_agent},
	{"lost", 3, play_lost_agent},
	{"share", 3, try_share},
	/* What every kernel of hull's is told: where there is no word for a payload. */
	{"quiet", 3, play_agent},
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
	cmdline = (const char *)info->cmdline;
	for (uint32_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (!has_word(cmdline, tries[i].word))
			continue;
		if (tries[i].ring == 3)
			in_ring_3(tries[i].run);
		else
			tries[i].run();
		power_off();
		triple_fault(); /* another monitor has no such port */
	}
	fail("not known");
}
