/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/utf8.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/scope.h"

/* An escape of two bytes, \xc2\x85, and its end. */
#define PIECE_BYTES 12

size_t utf8_length(const char *s)
{
	/* RFC 3629, section 4. The bytes from the third on are always 80 to BF. */
	static const struct {
		unsigned char first_from, first_to, second_from, second_to, length;
	} forms[] = {
		{0x01, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	const unsigned char *byte = (const unsigned char *)s;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (byte[0] < forms[i].first_from || byte[0] > forms[i].first_to)
			continue;
		if (forms[i].length > 1 && (byte[1] < forms[i].second_from || byte[1] > forms[i].second_to))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if (byte[k] < 0x80 || byte[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

bool utf8_valid(const char *s)
{
	while (*s) {
		/* nearly all that is read is ASCII */
		size_t length = (unsigned char)*s < 0x80 ? 1 : utf8_length(s);

		if (length == 0)
			return false;
		s += length;
	}
	return true;
}

/* C0, DEL, and C1 (U+0080 to U+009F), which terminals obey as well. */
static bool is_control(const unsigned char *byte)
{
	return byte[0] < 0x20 || byte[0] == 0x7f || (byte[0] == 0xc2 && byte[1] <= 0x9f);
}

/* Writes how the character at `s` is shown to `piece`; returns how many bytes of `s` that was. */
static size_t escape_one(const char *s, char piece[static PIECE_BYTES])
{
	static const char letters[] = "abtnvfr"; /* of the characters 7 to 13 */
	const unsigned char *byte = (const unsigned char *)s;
	size_t length = utf8_length(s);

	if (length > 0 && !is_control(byte)) {
		memcpy(piece, s, length);
		piece[length] = '\0';
		return length;
	}
	if (byte[0] >= 7 && byte[0] <= 13)
		(void)snprintf(piece, PIECE_BYTES, "\\%c", letters[byte[0] - 7]);
	else if (length == 2)
		(void)snprintf(piece, PIECE_BYTES, "\\x%02x\\x%02x", byte[0], byte[1]);
	else
		(void)snprintf(piece, PIECE_BYTES, "\\x%02x", byte[0]);
	return length ? length : 1;
}

void utf8_escape(char *to, size_t to_bytes, const char *from)
{
	size_t used = 0;

	if (to_bytes == 0)
		return;
	while (*from) {
		char piece[PIECE_BYTES];
		size_t length;

		from += escape_one(from, piece);
		length = strlen(piece);
		/* Whole characters and whole escapes only: half of one could join what follows. */
		if (length >= to_bytes - used)
			break;
		memcpy(to + used, piece, length);
		used += length;
	}
	to[used] = '\0';
}
