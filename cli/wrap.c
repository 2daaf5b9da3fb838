// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/wrap.h"

#include <string.h>

static void new_line(struct text *to, size_t indent)
{
	text_addf(to, "\n%*s", (int)indent, "");
}

void wrap_add(struct text *to, const char *words, size_t column, size_t indent)
{
	bool at_start = true; /* of a line: no space comes before the word */

	while (*words) {
		size_t len = strcspn(words, " \n");

		if (!at_start && column + 1 + len > WRAP_COLUMNS) {
			new_line(to, indent);
			column = indent;
			at_start = true;
		}
		if (len > 0) {
			text_addf(to, "%s%.*s", at_start ? "" : " ", (int)len, words);
			column += len + !at_start;
			at_start = false;
		}
		words += len;
		if (*words == '\n') {
			/* An empty line between paragraphs has no indent. */
			if (words[1] == '\n')
				text_add(to, "\n");
			else
				new_line(to, indent);
			column = words[1] == '\n' ? 0 : indent;
			at_start = true;
		}
		words += *words != '\0';
	}
}
