/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a process runs as: "app", "1000:1000", "app:staff", looked up in the passwd and group files of the container's
 * own root.
 *
 * The files are hostile: they are opened below the root only, read up to a bound, and a line that is not well formed is
 * no line.
 */
#ifndef HULL_NAMESPACES_USER_H
#define HULL_NAMESPACES_USER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define USER_MAX_GROUPS	    256
#define USER_MAX_FILE_BYTES ((size_t)4 << 20)

struct user {
	uint32_t uid, gid;		  /* as seen inside */
	uint32_t groups[USER_MAX_GROUPS]; /* additional ones, without `gid`, each once */
	size_t group_count;
	char name[256];	 /* "" when passwd has no such user */
	char home[4096]; /* "/" when passwd has none */
	char shell[256]; /* "" when passwd has none */
};

/*
 * Resolves `words`: USER, USER:GROUP, or NULL for root (0:0). USER and GROUP are a name, or a decimal number from 0 to
 * 2^32 - 2 without sign, blank, prefix or trailing text. Digits are always a number, whatever names the image's files
 * have. A number needs no entry: its group is then 0. Without GROUP the groups that list the user's name are additional
 * ones; with GROUP there are none. -EINVAL: malformed words ("", ":", "a:", "+1", "0x0", 2^32 - 1 and above); -ENOENT:
 * no such user or group; -E2BIG: too many groups. `rootfd` is the container's root. Any process; needs no rights beyond
 * reading.
 */
int user_resolve(int rootfd, const char *words, struct user *ret, struct err *err);

/* Adds groups by name or number (--group-add, additionalGids). Errors as above. */
int user_add_group(int rootfd, const char *words, struct user *user, struct err *err);

#endif
