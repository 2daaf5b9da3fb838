/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Characters: what is well-formed UTF-8 (RFC 3629), and how to show what is not, or what a terminal would obey.
 */
#ifndef HULL_RUNTIME_BASE_UTF8_H
#define HULL_RUNTIME_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The length of the well-formed sequence at the start of a NUL-terminated string (shortest form, no surrogate, at most
 * U+10FFFF), or 0: at the end, and where the first byte starts none. Never reads behind the NUL.
 */
size_t utf8_length(const char *s);

/* Whether a string is well-formed as a whole. */
bool utf8_valid(const char *s);

/*
 * Copies `from` as one line that a terminal does not obey: control characters become \n, \x1b and the like, bytes that
 * are not UTF-8 \xff. A backslash stays as it is, so doing it twice changes nothing more. Always terminates; what does
 * not fit is left out from the end of a character on.
 */
void utf8_escape(char *to, size_t to_bytes, const char *from);

#endif
