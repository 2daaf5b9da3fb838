/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an instance ends: waiting for it, by descriptors and events, never by sleeping and looking.
 */
#ifndef HULL_RUNTIME_CORE_ENDING_H
#define HULL_RUNTIME_CORE_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/spec/record.h"

/*
 * Waits until the first process has ended, and, where a keeper lives, until that has written down how. 0; -ETIMEDOUT
 * with words after timeout_ms (-1: for ever). A stopped one answers at once.
 */
int ending_wait(const struct record *record, int state_fd, int64_t timeout_ms, struct err *err);

#endif
