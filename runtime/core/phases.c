// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/phases.h"

#include "runtime/base/log.h"
#include "runtime/core/fault.h"

int phases_undo(const struct phase *phases, size_t count, struct instance *instance, struct err *err)
{
	int first_failure = 0;

	while (count-- > 0) {
		struct err failure = ERR_INIT;
		int result;

		if (!phases[count].undo || (count == 0 && first_failure < 0))
			continue;
		log_line(LOG_LEVEL_DEBUG, "taking back '%s'", phases[count].name);
		result = fault_point("undo", phases[count].name, &failure);
		if (result >= 0)
			result = phases[count].undo(instance, &failure);
		if (result < 0 && first_failure == 0) {
			first_failure = result;
			*err = failure;
		}
	}
	return first_failure;
}

int phases_run(const struct phase *phases, size_t count, struct instance *instance, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct err ignored = ERR_INIT;
		int result;

		log_line(LOG_LEVEL_DEBUG, "doing '%s'", phases[i].name);
		result = fault_point("phase", phases[i].name, err);
		if (result >= 0 && phases[i].run)
			result = phases[i].run(instance, err);
		if (result < 0) {
			/* The first failure is the reason; what could not be taken back, the record tells. */
			(void)phases_undo(phases, i, instance, &ignored);
			return result;
		}
	}
	return 0;
}
