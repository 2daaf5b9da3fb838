/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.json's field tables: the one place that says which member of the document is which member of struct config.
 * Shared by config_read.c and config_write.c, and shown to nobody else.
 */
#ifndef HULL_RUNTIME_SPEC_CONFIG_FIELDS_H
#define HULL_RUNTIME_SPEC_CONFIG_FIELDS_H

#include "runtime/spec/fields.h"

extern const struct field_table config_fields;		 /* struct config */
extern const struct field_table config_process_fields;	 /* struct config_process */
extern const struct field_table config_resources_fields; /* struct config_resources */
extern const struct field_table config_mounts_fields;	 /* struct config_mounts */
extern const struct field_table config_seccomp_fields;	 /* struct config_seccomp */
extern const struct field_table config_vm_image_fields;	 /* struct config_vm_image */

#endif
