/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors' words, never translated, and the same by whichever library: musl's own are others. And copies that are
 * bounded, as glibc's headers have them.
 */
#ifndef HULL_MUSL_STRING_H
#define HULL_MUSL_STRING_H

#include_next <string.h>

const char *strerrordesc_np(int code);

#define strerror errno_words
char *errno_words(int code);

/*
 * _FORTIFY_SOURCE, of which musl's headers know nothing: where the compiler knows how much room there is and not how
 * much is copied, as with lengths that a guest or a client says, it is looked at first (compat.c), and a copy that has
 * no room ends the program. Anywhere else these are the plain calls. What is printed has its bounds in every call.
 */
#if defined(_FORTIFY_SOURCE) && defined(__OPTIMIZE__)
#define BOUNDED extern inline __attribute__((always_inline, gnu_inline, artificial))

BOUNDED void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	return __builtin___memcpy_chk(to, from, bytes, __builtin_object_size(to, 0));
}

BOUNDED void *memmove(void *to, const void *from, size_t bytes)
{
	return __builtin___memmove_chk(to, from, bytes, __builtin_object_size(to, 0));
}

BOUNDED void *memset(void *to, int value, size_t bytes)
{
	return __builtin___memset_chk(to, value, bytes, __builtin_object_size(to, 0));
}

#undef BOUNDED
#endif

#endif
