/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of hull.json's structs that the state record has too. */
#ifndef HULL_RUNTIME_SPEC_EXTENSION_FIELDS_H
#define HULL_RUNTIME_SPEC_EXTENSION_FIELDS_H

#include "runtime/spec/fields.h"

extern const struct field_table extension_id_range_fields; /* struct extension_id_range */
extern const struct field_table extension_port_fields;	   /* struct extension_port */

#endif
