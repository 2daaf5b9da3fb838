// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/operands.h"

#include <errno.h>

#include "cli/instance_settle.h"
#include "cli/reword.h"
#include "runtime/base/log.h"

int operands_each(struct command_call *call,
		  int (*each)(const struct command_call *call, const char *operand, void *user, struct err *err),
		  void *user)
{
	int exit_code = 0;

	for (size_t i = 0; i < call->operands.count; i++) {
		struct err err = ERR_INIT;

		int result = each(call, call->operands.items[i], user, &err);

		if (result < 0) {
			if (call->program->reword)
				call->program->reword(call, &err);
			(void)err_wrap(&err, "%s", call->command->name);
			log_err(&err);
			result = err.exit_code ? err.exit_code : call->program->failure;
		}
		exit_code = result ? result : exit_code;
	}
	return exit_code;
}

struct each_instance {
	const struct stores *stores;
	int (*each)(const struct instance_operand *operand, struct err *err);
	bool missing_is_fine;
};

static int look_and_do(const struct command_call *call, const char *operand, void *user, struct err *err)
{
	const struct each_instance *all = user;
	struct instance_operand one = {.call = call, .stores = all->stores, .words = operand};
	int result = instance_look(call, all->stores, operand, &one.view, err);

	if (result == -ENOENT && all->missing_is_fine)
		return 0;
	if (result >= 0) {
		result = all->each(&one, err);
		if (result < 0)
			reword_container(one.view.id, operand, err);
	}
	return result;
}

static int each_instance(struct command_call *call, struct each_instance *all, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	int result = stores_open(call, &stores, err);

	if (result < 0)
		return result;
	all->stores = &stores;
	instance_settle(call, &stores);
	return operands_each(call, look_and_do, all);
}

int operands_each_instance(struct command_call *call,
			   int (*each)(const struct instance_operand *operand, struct err *err), struct err *err)
{
	return each_instance(call, &(struct each_instance){.each = each}, err);
}

int operands_each_found(struct command_call *call, int (*each)(const struct instance_operand *operand, struct err *err),
			struct err *err)
{
	return each_instance(call, &(struct each_instance){.each = each, .missing_is_fine = true}, err);
}

int operands_instance(const struct command_call *call, struct stores *ret_stores, struct instance_view *ret,
		      struct err *err)
{
	int result = stores_open(call, ret_stores, err);

	if (result < 0)
		return result;
	instance_settle(call, ret_stores);
	return instance_look(call, ret_stores, call->operands.items[0], ret, err);
}
