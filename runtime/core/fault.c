// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/fault.h"

#ifdef HULL_TESTING
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fault_point(const char *kind, const char *name, struct err *err)
{
	const char *wish = getenv("HULL_TEST_FAULT");
	const char *point = wish ? strchr(wish, ':') : NULL;
	char here[128];

	(void)snprintf(here, sizeof(here), "%s:%s", kind, name);
	if (!point || strcmp(point + 1, here) != 0)
		return 0;
	if (strncmp(wish, "kill:", 5) == 0) {
		(void)raise(SIGKILL);
		_exit(128 + SIGKILL); /* the first process of a PID namespace cannot kill itself */
	}
	if (strncmp(wish, "sleep:", 6) == 0)
		(void)sleep(1);
	if (strncmp(wish, "stop:", 5) == 0)
		(void)raise(SIGSTOP);
	return strncmp(wish, "fail:", 5) == 0 ? err_say(err, EIO, "fault injected at %s", here) : 0;
}
#else
/* An empty translation unit is not C. */
extern int fault_is_compiled_out;
#endif
