/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of an instance, as Kubernetes' container runtimes write it (the "CRI" format), one line for each line of
 * output:
 *
 *     2026-01-02T03:04:05.000000006Z stdout F a whole line, or the last piece of one
 *     2026-01-02T03:04:05.000000007Z stderr P a piece that had no newline yet
 *
 * Rotated by size: `log` becomes `log.1`, that `log.2`, and the oldest is removed. The instance's output never waits
 * for the log: what a full disk did not take is counted, and a line says so as soon as writing works again. No heap.
 */
#ifndef HULL_RUNTIME_CORE_LOGFILE_H
#define HULL_RUNTIME_CORE_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#define LOGFILE_NAME "log"
/* "2026-01-02T03:04:05.000000006Z stdout F " */
#define LOGFILE_HEADER_BYTES 40

/* "log", "log.1", …: `to` holds it. Part 0 is the one that is written. */
#define LOGFILE_NAME_BYTES 16
void logfile_part_name(char to[static LOGFILE_NAME_BYTES], uint32_t part);

enum log_stream { LOG_STDOUT, LOG_STDERR };

struct logfile {
	int folder_fd; /* the caller's */
	int fd;	       /* -1: nothing was written yet, or none could be opened */
	uint64_t size_bytes, max_bytes;
	uint32_t max_files;
	uint64_t lost_lines; /* since a line last told of lost ones */
	int lost_code;	     /* errno of the latest loss */
};

/*
 * Begins, or goes on behind what is there. The file is made by the first line: many programs never write one. One that
 * can't be opened is tried again with every write. Bounds as in struct keeper_request.
 */
void logfile_open(struct logfile *log, int folder_fd, uint64_t max_bytes, uint32_t max_files);
/* Adds what the program wrote: any bytes, any number of lines. `now_ns` since the epoch. */
void logfile_write(struct logfile *log, enum log_stream stream, uint64_t now_ns, const char *bytes, size_t len);
void logfile_close(struct logfile *log);

#endif
