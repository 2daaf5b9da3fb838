/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/json.h"
#include "runtime/spec/config.h"
#include "runtime/spec/config_fields.h"

static int write_object(const struct field_table *table, const void *object, struct text *out, struct err *err)
{
	struct json_writer writer = {.out = out, .indent = true};

	fields_write(&writer, NULL, table, object);
	text_add(out, "\n");
	return text_check(out, err);
}

int config_write(const struct config *config, struct text *out, struct err *err)
{
	return write_object(&config_fields, config, out, err);
}

int config_write_resources(const struct config_resources *resources, struct text *out, struct err *err)
{
	return write_object(&config_resources_fields, resources, out, err);
}
