/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault injection, in builds with -DHULL_TESTING only: the environment variable HULL_TEST_FAULT names one point and
 * what happens there. "fail:phase:cgroup" makes that phase fail, "kill:child:root" kills the process that gets there,
 * "sleep:keeper:exit" stops it for a second, "stop:exec:look" until somebody sends it SIGCONT. In other builds every
 * point is nothing.
 */
#ifndef HULL_RUNTIME_CORE_FAULT_H
#define HULL_RUNTIME_CORE_FAULT_H

#include "runtime/base/err.h"

#ifdef HULL_TESTING
/* 0, or -EIO with words when this point was asked to fail. Does not return when it was asked to kill. */
int fault_point(const char *kind, const char *name, struct err *err);
#else
static inline int fault_point(const char *kind, const char *name, struct err *err)
{
	(void)kind, (void)name, (void)err;
	return 0;
}
#endif

#endif
