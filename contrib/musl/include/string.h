/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An error's words, never translated, and the same by whichever library: musl's own are others. */
#ifndef HULL_MUSL_STRING_H
#define HULL_MUSL_STRING_H

#include_next <string.h>

const char *strerrordesc_np(int code);

#define strerror errno_words
char *errno_words(int code);

#endif
