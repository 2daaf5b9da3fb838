// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/qemu_words.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#define TRIPLE_FAULT	    "Triple fault\n"
#define DISK_DIGITS	    3
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

const char *qemu_words_of_disk(const char *complaint, unsigned *ret_number)
{
	static const char behind[] = "}: ";
	const char *node = strstr(complaint, QEMU_DISK_NODE), *words = node ? strstr(node, behind) : NULL;
	const char *digits = node ? node + strlen(QEMU_DISK_NODE) : "";
	size_t len = strspn(digits, "0123456789");

	if (!words || len == 0 || len > DISK_DIGITS || digits[len] != '"')
		return NULL;
	*ret_number = (unsigned)strtoul(digits, NULL, 10);
	return words + strlen(behind);
}

bool qemu_words_have_triple_fault(const char *bytes, size_t len)
{
	return memmem(bytes, len, TRIPLE_FAULT, sizeof(TRIPLE_FAULT) - 1) != NULL;
}
