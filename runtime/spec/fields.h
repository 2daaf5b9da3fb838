/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Field tables: how a JSON object and a plain struct belong together, one row a member, both ways.
 *
 * config.json, hull.json and record.json are each a tree of such tables. Reading is one walk over them and writing
 * another, so that a new member is a row, and what one side knows the other cannot forget.
 *
 * Reading: null counts as absent. Types, ranges, counts and required members are checked; what a word or a number
 * *means* is the plan's business. All that is read lives in the arena. Words for errors carry the member's path:
 * "linux.resources.pids.limit: …".
 */
#ifndef HULL_RUNTIME_SPEC_FIELDS_H
#define HULL_RUNTIME_SPEC_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"

/* Values that may be absent. */
struct opt_bool {
	bool set;
	bool value;
};

struct opt_i64 {
	bool set;
	int64_t value;
};

struct opt_u64 {
	bool set;
	uint64_t value;
};

/* A list of structs or pointers in an arena: `for (size_t i = 0; i < list.count; i++) use(&list.items[i]);` */
#define LIST_OF(type)         \
	struct {              \
		type *items;  \
		size_t count; \
	}

/* Names to words, in document order. */
struct strpair {
	const char *key, *value;
};

struct strmap {
	struct strpair *items;
	size_t count;
};

/* The value, or NULL. */
const char *strmap_get(const struct strmap *map, const char *key);
/* Adds, or replaces the value of, `key`. Copies both. 0 or -ENOMEM. */
int strmap_set(struct arena *arena, struct strmap *map, const char *key, const char *value);
/*
 * Adds one zeroed item to a LIST_OF() and returns it: `struct config_mount *m = LIST_ADD(arena, &config->mounts);`, or
 * NULL without memory.
 */
#define LIST_ADD(arena, list) ((__typeof__((list)->items))list_add((arena), (list), sizeof(*(list)->items)))
void *list_add(struct arena *arena, void *list, size_t item_bytes);

enum field_kind {
	FIELD_STRING,	/* const char *, NULL when absent */
	FIELD_BOOL,	/* bool, false when absent */
	FIELD_I32,	/* int32_t */
	FIELD_U16,	/* uint16_t */
	FIELD_U32,	/* uint32_t */
	FIELD_I64,	/* int64_t */
	FIELD_U64,	/* uint64_t */
	FIELD_OPT_BOOL, /* struct opt_bool */
	FIELD_OPT_I64,	/* struct opt_i64 */
	FIELD_OPT_U64,	/* struct opt_u64 */
	FIELD_TIME,	/* uint64_t, ns since the epoch; RFC 3339 in the file; 0 is absent */
	FIELD_ENUM,	/* an enum of the size of int; the words are its values in order, from 0 */
	FIELD_STRV,	/* struct strv */
	FIELD_NUMBERS,	/* LIST_OF(uint32_t) */
	FIELD_MAP,	/* struct strmap; an object whose values are all strings */
	FIELD_STRUCT,	/* a struct, in place; an absent object leaves it zeroed, a zeroed one is not written */
	FIELD_OBJECT,	/* pointer to a struct, NULL when absent */
	FIELD_LIST,	/* LIST_OF(struct) ; an array of objects */
	/* LIST_OF(struct); an object of objects: the struct's first member is a const char * for the name */
	FIELD_DICT,
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0, /* must be there; and is written even when it is zero or empty */
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset, bytes; /* where the member is, and how large */
	uint64_t max;	      /* numbers: the greatest value; lists, maps: the most items. 0: the kind's own bound */
	const struct field_table *table; /* FIELD_STRUCT, _OBJECT, _LIST, _DICT */
	const char *const *words;	 /* FIELD_ENUM: ends with NULL */
};

/* At most 64 rows a table. */
struct field_table {
	const struct field *fields;
	size_t count;
	size_t struct_bytes;
};

/* Lists without a bound of their own take this many items. */
#define FIELD_DEFAULT_MAX_ITEMS 4096

/* What to do with members that no row names. */
struct field_reading {
	struct arena *arena;
	bool refuse_unknown;  /* an error, or … */
	struct strv *ignored; /* … their paths are added here (may be NULL), 64 at most */
};

/* Fills `to` (zeroed by the caller) from the object `from`. 0 or -EINVAL, -ENOMEM. */
int fields_read(const struct field_reading *reading, const struct field_table *table, const struct json *from, void *to,
		struct err *err);

/* Writes a struct as an object named `key` (NULL at the root and in arrays). Absent members are left out. */
void fields_write(struct json_writer *writer, const char *key, const struct field_table *table, const void *from);

/*
 * Copies to `to` what is there in `from`, member by member; a list, map or object takes the other's place as a whole.
 * What it points to is shared.
 */
void fields_merge(const struct field_table *table, const void *from, void *to);

/*
 * Whether every row of these tables, and of those below, lies within its struct and names the table of its own struct.
 * For tests.
 */
int fields_check(const struct field_table *table, struct err *err);

#endif
