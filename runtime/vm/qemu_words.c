// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/qemu_words.h"

#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#define TRIPLE_FAULT	    "Triple fault\n"
#define REGISTER_NAME_BYTES 5 /* "FPR0=", "XMM00=", "ES =" */

/* A line of the registers that QEMU shows with each reset. */
static bool shows_registers(const char *line)
{
	size_t name = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ");

	return name > 0 && name <= REGISTER_NAME_BYTES && line[name] == '=';
}

static bool is_of_log(const char *line)
{
	return text_starts(line, "CPU Reset (CPU ") || text_starts(line, "Triple fault") || shows_registers(line);
}

const char *qemu_words_complaint(char *bytes, size_t len)
{
	const char *last = "";
	char *rest = bytes;

	bytes[len] = '\0';
	for (char *line; (line = strsep(&rest, "\r\n"));)
		if (*line && !is_of_log(line))
			last = line;
	return last;
}

bool qemu_words_have_triple_fault(const char *bytes, size_t len)
{
	return memmem(bytes, len, TRIPLE_FAULT, sizeof(TRIPLE_FAULT) - 1) != NULL;
}
