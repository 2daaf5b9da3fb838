/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the phases with a first process have in common. For the steps*.c files only.
 */
#ifndef HULL_RUNTIME_CORE_STEPS_PARTS_H
#define HULL_RUNTIME_CORE_STEPS_PARTS_H

#include "runtime/base/err.h"

struct instance;

/* Passes a wait's result on, and adds how the process ended that ended without a word. Somebody else's child keeps that for itself. */
int step_or_how_it_ended(const struct instance *instance, int result, struct err *err);
/*
 * Passes a step's result on. When the step found the process gone, that is not the news: what it said before it ended is, or that it said nothing.
 */
int step_or_why_gone(struct instance *instance, int result, struct err *err);

#endif
