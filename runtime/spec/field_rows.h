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

/*
 * The type that a member must have for its kind. Of nested structs and lists only the shape is known here: that the
 * table is the struct's own shows in a unit test (fields_check()).
 */
#define MEMBER(member)	     ((const TYPE *)0)->member
#define IS(member, type)     __builtin_types_compatible_p(__typeof__(MEMBER(member)), type)
#define IS_FIELD_STRING(m)   IS(m, const char *)
#define IS_FIELD_BOOL(m)     IS(m, bool)
#define IS_FIELD_I32(m)	     IS(m, int32_t)
#define IS_FIELD_U16(m)	     IS(m, uint16_t)
#define IS_FIELD_U32(m)	     IS(m, uint32_t)
#define IS_FIELD_I64(m)	     IS(m, int64_t)
#define IS_FIELD_U64(m)	     IS(m, uint64_t)
#define IS_FIELD_OPT_BOOL(m) IS(m, struct opt_bool)
#define IS_FIELD_OPT_I64(m)  IS(m, struct opt_i64)
#define IS_FIELD_OPT_U64(m)  IS(m, struct opt_u64)
#define IS_FIELD_TIME(m)     IS(m, uint64_t)
#define IS_FIELD_ENUM(m)     (sizeof(MEMBER(m)) == sizeof(int) && !IS(m, int) && !IS(m, float))
#define IS_FIELD_STRV(m)     IS(m, struct strv)
#define IS_FIELD_MAP(m)	     IS(m, struct strmap)
#define IS_FIELD_NUMBERS(m)  (sizeof(MEMBER(m)) == sizeof(struct strmap) && !IS(m, struct strmap))
#define IS_FIELD_LIST(m)     IS_FIELD_NUMBERS(m)
#define IS_FIELD_DICT(m)     IS_FIELD_NUMBERS(m)
#define IS_FIELD_OBJECT(m)   (sizeof(MEMBER(m)) == sizeof(void *) && !IS(m, const char *) && !IS(m, uint64_t))
#define IS_FIELD_STRUCT(m)   (!IS(m, const char *) && !IS(m, struct strv) && !IS(m, struct strmap))
#define IF_RIGHT(kind, m)    (0 * sizeof(char[IS_##kind(m) ? 1 : -1]))

/*
 * A row of the table of TYPE; what follows the member's name goes into the row by name. A member of another type than
 * its kind's does not compile.
 */
#define ROW(json, kind_, member, ...)                                                                        \
	{                                                                                                    \
		.name = (json), .kind = (kind_), .offset = offsetof(TYPE, member) + IF_RIGHT(kind_, member), \
		.bytes = sizeof(MEMBER(member)), __VA_ARGS__                                                 \
	}
#define REQUIRED .flags = FIELD_REQUIRED
#define OF(rows) .table = &(rows)

#define PUBLIC_TABLE(name, rows)                                                                                   \
	const struct field_table name = {.fields = rows, .count = ARRAY_SIZE(rows), .struct_bytes = sizeof(TYPE)}; \
	_Static_assert(ARRAY_SIZE(rows) <= 64, "fields_read() keeps what it has seen in 64 bits")
#define TABLE(name, rows) static PUBLIC_TABLE(name, rows)

#endif
