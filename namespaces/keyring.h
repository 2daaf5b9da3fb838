/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session keyring of the container's own: keyrings(7), session-keyring(7). */
#ifndef HULL_NAMESPACES_KEYRING_H
#define HULL_NAMESPACES_KEYRING_H

#include "runtime/base/err.h"

/*
 * Joins the session keyring of this name, or makes it: the keys in the caller's are the caller's own (tickets, tokens,
 * passphrases). Its user may search it, so that `exec` finds it by its name. A kernel without keys has none to hide:
 * success. In the child, as root of the user namespace, before the user changes; -EDQUOT where that user has too many
 * keys.
 */
int keyring_join(const char *name, struct err *err);

#endif
