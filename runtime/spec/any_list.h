/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fields_*.c files know of every list, whatever it is of. */
#ifndef HULL_RUNTIME_SPEC_ANY_LIST_H
#define HULL_RUNTIME_SPEC_ANY_LIST_H

#include "runtime/base/arena.h"

/* The shape that every LIST_OF() shares; lists are copied in and out as bytes, so that no type is read as another. */
struct any_list {
	char *items;
	size_t count;
};

/* Zeroed room for `count` items, with the capacity that list_add() takes for granted. NULL without memory. */
void *list_room(struct arena *arena, size_t count, size_t item_bytes);

#endif
