/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How field tables are written down. For the files that hold them, and no other: the names are short on purpose.
 *
 *     #define TYPE struct config_root
 *     static const struct field root_rows[] = {
 *             ROW("path", FIELD_STRING, path, REQUIRED),
 *             ROW("readonly", FIELD_BOOL, readonly),
 *     };
 *     TABLE(root_table, root_rows);
 *     #undef TYPE
 */
#ifndef HULL_RUNTIME_SPEC_FIELD_ROWS_H
#define HULL_RUNTIME_SPEC_FIELD_ROWS_H

#include "runtime/base/scope.h"
#include "runtime/spec/fields.h"

/* A row of the table of TYPE; what follows the member's name goes into the row by name. */
#define ROW(json, kind_, member, ...)                                                          \
	{                                                                                      \
		.name = (json), .kind = (kind_), .offset = offsetof(TYPE, member), __VA_ARGS__ \
	}
#define REQUIRED .flags = FIELD_REQUIRED
#define OF(rows) .table = &(rows)

#define PUBLIC_TABLE(name, rows)                                                                                   \
	const struct field_table name = {.fields = rows, .count = ARRAY_SIZE(rows), .struct_bytes = sizeof(TYPE)}; \
	_Static_assert(ARRAY_SIZE(rows) <= 64, "fields_read() keeps what it has seen in 64 bits")
#define TABLE(name, rows) static PUBLIC_TABLE(name, rows)

#endif
