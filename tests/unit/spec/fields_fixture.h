/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a document names every row of a table of fields: how many rows there are, and how many members. */
#ifndef HULL_TESTS_UNIT_SPEC_FIELDS_FIXTURE_H
#define HULL_TESTS_UNIT_SPEC_FIELDS_FIXTURE_H

#include "runtime/base/json.h"
#include "runtime/spec/fields.h"

static inline size_t count_rows(const struct field_table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += 1 + (table->fields[i].table ? count_rows(table->fields[i].table) : 0);
	return count;
}

static inline size_t count_members(const struct json *value)
{
	size_t count = 0;

	json_each (child, value)
		count += (child->key ? 1 : 0) + count_members(child);
	return count;
}

#endif
