/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/cmdline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

/* Without ACPI a kernel knows of no I/O APIC, and of no more than the lines that there were before. */
#define OLD_LINES 16U

struct words {
	char *to;
	size_t len; /* LAYOUT_CMDLINE_BYTES: they did not fit */
};

static __attribute__((format(printf, 2, 3))) void add(struct words *words, const char *fmt, ...)
{
	size_t room = LAYOUT_CMDLINE_BYTES - words->len;
	va_list arguments;
	int len;

	va_start(arguments, fmt);
	len = vsnprintf(words->to + words->len, room, fmt, arguments);
	va_end(arguments);
	words->len += len >= 0 && (size_t)len < room ? (size_t)len : room;
}

/* Linux, Documentation/admin-guide/kernel-parameters.txt: SIZE@BASE:LINE. */
static void add_devices(struct words *words, unsigned count)
{
	for (unsigned i = 0; i < count && LAYOUT_MMIO_GSI + i < OLD_LINES; i++)
		add(words, " virtio_mmio.device=0x%lx@0x%lx:%u", LAYOUT_MMIO_BYTES,
		    LAYOUT_MMIO + i * LAYOUT_MMIO_STRIDE, LAYOUT_MMIO_GSI + i);
}

int cmdline_make(const struct cmdline_facts *facts, char to[static LAYOUT_CMDLINE_BYTES], struct err *err)
{
	struct words words = {.to = to};

	add(&words, "%s", facts->asked);
	if (facts->tsc_khz && !strstr(facts->asked, "tsc_early_khz="))
		add(&words, " tsc_early_khz=%u", facts->tsc_khz);
	if (text_has_word(facts->asked, "acpi=off"))
		add_devices(&words, facts->devices);
	return words.len < LAYOUT_CMDLINE_BYTES ? 0 : err_say(err, E2BIG, "the kernel's command line is too long");
}
