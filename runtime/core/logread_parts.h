/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a log (log, log.1, …) and its lines, for logread.c. Parts are renamed while they are read: so one is
 * known by what it is, and not by its name.
 */
#ifndef HULL_RUNTIME_CORE_LOGREAD_PARTS_H
#define HULL_RUNTIME_CORE_LOGREAD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "runtime/core/log_filter.h"
#include "runtime/core/logfile.h"

/* An open part. fd -1: none. */
struct log_part {
	int fd;
	struct stat st;
};
#define LOG_PART_INIT ((struct log_part){.fd = -1})
void log_part_close(struct log_part *part);

/* The oldest part there is. False: there is no log. */
bool log_part_oldest(int data_fd, struct log_part *ret);
/*
 * The part that was written after `part`; the oldest one if `part` has been removed. False: none yet, and `part` may
 * still grow.
 */
bool log_part_next(int data_fd, const struct log_part *part, struct log_part *ret);
/*
 * The part, and where in it, at which the last `lines` lines that the filter wants begin. False: there are no more than
 * that. Of a line in pieces that another stream's line ends amidst, the beginning may be missing.
 */
bool log_part_tail(int data_fd, const struct log_filter *filter, int64_t lines, struct log_part *ret, off_t *ret_at);

/* What stands in front of a line. */
struct log_line_head {
	uint64_t time_ns;
	enum log_stream stream;
	bool is_whole; /* F: a whole line or its last piece */
};
/* `line` ends with its newline. False: it is none of ours. */
bool log_line_parse(const char *line, size_t len, struct log_line_head *ret);
bool log_filter_wants(const struct log_filter *filter, const struct log_line_head *head);

#endif
