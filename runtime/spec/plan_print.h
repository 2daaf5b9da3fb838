/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the plan's print, for the plan_print*.c files only. */
#ifndef HULL_RUNTIME_SPEC_PLAN_PRINT_H
#define HULL_RUNTIME_SPEC_PLAN_PRINT_H

#include "runtime/base/json.h"
#include "runtime/spec/plan.h"

/* A string, unless it is NULL. */
void plan_print_optional(struct json_writer *w, const char *key, const char *value);

/* The member "cgroup". */
void plan_print_cgroup(struct json_writer *w, const struct plan *plan);

#endif
