/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The field tables of hull's own two documents, hull.json and record.json, which share some. Shown to these two files
 * and to tests.
 */
#ifndef HULL_RUNTIME_SPEC_HULL_FIELDS_H
#define HULL_RUNTIME_SPEC_HULL_FIELDS_H

#include "runtime/spec/fields.h"

extern const struct field_table extension_fields;	   /* struct extension */
extern const struct field_table extension_id_range_fields; /* struct extension_id_range */
extern const struct field_table extension_port_fields;	   /* struct extension_port */
extern const struct field_table record_fields;		   /* struct record */

#endif
