// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/listing.h"

#include "cli/operands.h"

const struct option_row listing_rows[] = {
	OUTPUT_FORMAT_LIST(struct listing_options, format),
	{"quiet", 'q', OPTION_FLAG, offsetof(struct listing_options, quiet), NULL, "only names", NULL, NULL},
	OPTIONS_END,
};

int listing_begin(const struct command_call *call, const struct output_column *columns, struct output *ret,
		  struct err *err)
{
	const struct listing_options *options = call->options;

	return output_begin(ret, call->arena, columns, options->format, options->quiet, err);
}

const struct option_row inspect_rows[] = {
	OUTPUT_FORMAT_DOCUMENT(struct inspect_options, format),
	OPTIONS_END,
};

int inspect_each(struct command_call *call, struct output *output,
		 int (*each)(const struct command_call *call, const char *operand, void *user, struct err *err),
		 void *user, struct err *err)
{
	static const struct output_column none[] = {{0}};
	const struct inspect_options *options = call->options;
	int exit_code, result = output_begin(output, call->arena, none, options->format ? options->format : "json",
					     false, err);

	if (result < 0)
		return result;
	exit_code = operands_each(call, each, user);
	result = output_print(output, err);
	return result < 0 ? result : exit_code;
}
