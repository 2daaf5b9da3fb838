/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for a terminal: lines that are not longer than people read with ease. */
#ifndef HULL_CLI_WRAP_H
#define HULL_CLI_WRAP_H

#include <stddef.h>

#include "runtime/base/text.h"

#define WRAP_COLUMNS 80

/*
 * Adds words, which begin at `column`, and goes on in new lines at `indent` where they would pass WRAP_COLUMNS. A
 * newline in them stays one. A word that is too long for any line is left whole.
 */
void wrap_add(struct text *to, const char *words, size_t column, size_t indent);

#endif
