/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published ports as `-p` gives them. */
#ifndef HULL_CLI_PORTS_H
#define HULL_CLI_PORTS_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/spec/extension.h"

/*
 * Adds what [[IP:][HOST]:]INSIDE[/tcp|/udp] means: one port, or as many as the ranges (8000-8010:80-90) have. Without
 * HOST a free port of the host is chosen now. -EINVAL with words that name `option`, "--publish".
 */
int ports_parse(struct arena *arena, const char *option, const char *words, struct extension_network *to,
		struct err *err);

#endif
