/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operands that name something. Of several, what is wrong with one does not keep the others from being done. */
#ifndef HULL_CLI_OPERANDS_H
#define HULL_CLI_OPERANDS_H

#include "cli/command.h"
#include "cli/instance.h"

/*
 * Does `each` for every operand, in order. A failure is printed at once, as the command would have; afterwards the exit
 * code says that there was one. What `each` returns above 0 is an exit code, too.
 */
int operands_each(struct command_call *call,
		  int (*each)(const struct command_call *call, const char *operand, void *user, struct err *err),
		  void *user);

/*
 * The same for commands on instances: opens the stores, sets right what crashes have left, looks each one up. `operand`
 * is how the user calls it.
 */
struct instance_operand {
	const struct command_call *call;
	const struct stores *stores;
	const char *words;
	struct instance_view view;
};
int operands_each_instance(struct command_call *call,
			   int (*each)(const struct instance_operand *operand, struct err *err), struct err *err);
/* The same, but one that does not exist is success. */
int operands_each_found(struct command_call *call, int (*each)(const struct instance_operand *operand, struct err *err),
			struct err *err);

/*
 * For commands on one instance, which the first operand names: opens the stores, sets right what crashes have left,
 * looks it up. The caller closes *ret_stores, whatever comes of it.
 */
int operands_instance(const struct command_call *call, struct stores *ret_stores, struct instance_view *ret,
		      struct err *err);

#endif
