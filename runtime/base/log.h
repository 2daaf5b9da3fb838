/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines of the programs (not of containers: those are runtime/core/logfile.h's). Libraries never log; programs do,
 * once.
 */
#ifndef HULL_RUNTIME_BASE_LOG_H
#define HULL_RUNTIME_BASE_LOG_H

#include "runtime/base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * `fd`: where all lines go in `format`; standard error then gets only errors, as text: with who gives a log it may be
 * the container's own, too. With -1 (or 2) all go to standard error in `format`. Lines past `level` are dropped.
 * `program` stands in front of text lines ("hull: "). Kept, not copied. Before this is called: errors and warnings of
 * "hull", as text, to standard error.
 */
void log_setup(const char *program, int fd, enum log_format format, enum log_level level);
int log_level_parse(const char *words, enum log_level *ret); /* "error" "warn" "warning" "info" "debug" */
int log_format_parse(const char *words, enum log_format *ret);

/*
 * One line in one write(2), at most PIPE_BUF bytes of it; control characters are escaped. errno stays. JSON:
 * {"level":…,"msg":…,"time":…}, which containerd and podman read.
 */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_err(const struct err *err); /* an error's message at error level */

#endif
