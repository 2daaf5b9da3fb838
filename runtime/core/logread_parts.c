/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/logread_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

/* Parts are looked for up to the first number that is missing, and no further than this. */
#define MAX_PARTS   1024
#define BLOCK_BYTES 65536

/* --- Lines --- */

/* Where things stand in "2026-01-02T03:04:05.000000006Z stdout F ". */
enum { TIME_BYTES = 30, STREAM_AT = 31, STREAM_BYTES = 6, TAG_AT = 38 };

bool log_line_parse(const char *line, size_t len, struct log_line_head *ret)
{
	char time[TIME_BYTES + 1];

	if (len <= LOGFILE_HEADER_BYTES || line[len - 1] != '\n' || line[STREAM_AT - 1] != ' ' ||
	    line[TAG_AT - 1] != ' ' || line[TAG_AT + 1] != ' ' || (line[TAG_AT] != 'F' && line[TAG_AT] != 'P'))
		return false;
	if (memcmp(line + STREAM_AT, "stdout", STREAM_BYTES) == 0)
		ret->stream = LOG_STDOUT;
	else if (memcmp(line + STREAM_AT, "stderr", STREAM_BYTES) == 0)
		ret->stream = LOG_STDERR;
	else
		return false;
	ret->is_whole = line[TAG_AT] == 'F';
	memcpy(time, line, TIME_BYTES);
	time[TIME_BYTES] = '\0';
	return text_time_parse(time, &ret->time_ns) == 0;
}

bool log_filter_wants(const struct log_filter *filter, const struct log_line_head *head)
{
	if (filter->only_stdout != filter->only_stderr && filter->only_stdout != (head->stream == LOG_STDOUT))
		return false;
	return head->time_ns >= filter->since_ns && (!filter->until_ns || head->time_ns < filter->until_ns);
}

/* --- Parts --- */

void log_part_close(struct log_part *part)
{
	scope_fd(&part->fd);
	part->fd = -1;
}

static bool part_open(int data_fd, uint32_t number, struct log_part *ret)
{
	char name[LOGFILE_NAME_BYTES];

	logfile_part_name(name, number);
	ret->fd = openat(data_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (ret->fd >= 0 && fstat(ret->fd, &ret->st) == 0 && S_ISREG(ret->st.st_mode))
		return true;
	log_part_close(ret);
	return false;
}

static bool is_same(const struct log_part *a, const struct log_part *b)
{
	return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino;
}

static void part_replace(struct log_part *part, const struct log_part *by)
{
	log_part_close(part);
	*part = *by;
}

bool log_part_oldest(int data_fd, struct log_part *ret)
{
	*ret = LOG_PART_INIT;
	for (uint32_t number = 0; number < MAX_PARTS; number++) {
		struct log_part older;

		if (part_open(data_fd, number, &older))
			part_replace(ret, &older);
		else if (number > 0) /* `log` itself is missing for a moment while it is rotated */
			break;
	}
	return ret->fd >= 0;
}

bool log_part_next(int data_fd, const struct log_part *part, struct log_part *ret)
{
	*ret = LOG_PART_INIT;
	for (uint32_t number = 0; number < MAX_PARTS; number++) {
		struct log_part found;

		if (!part_open(data_fd, number, &found)) {
			if (number > 0)
				break;
		} else if (is_same(&found, part)) {
			log_part_close(&found);
			return ret->fd >= 0;
		} else {
			part_replace(ret, &found);
		}
	}
	/* Ours is gone: the oldest that was found is what is left of what came after it. */
	return ret->fd >= 0;
}

/* --- The last lines --- */

struct tail {
	const struct log_filter *filter;
	int64_t lines;	   /* still wanted */
	bool has_begun[2]; /* per stream: its last line was met, whole or not */
	char block[BLOCK_BYTES];
};

/* Meets a line, coming from the end. False: it is the last of those before the wanted ones. */
static bool tail_meet(struct tail *tail, const char *line, size_t len)
{
	struct log_line_head head;

	if (!log_line_parse(line, len, &head) || !log_filter_wants(tail->filter, &head))
		return true;
	/* A line of several pieces counts once, by its last one; the output's last line may lack that. */
	if (!head.is_whole && tail->has_begun[head.stream])
		return true;
	tail->has_begun[head.stream] = true;
	return tail->lines-- > 0;
}

/* Goes through a part backwards, block by block. True: the wanted lines begin at *ret_at. */
static bool tail_in_part(struct tail *tail, const struct log_part *part, off_t *ret_at)
{
	off_t end = part->st.st_size;

	while (end > 0) {
		off_t start = end > BLOCK_BYTES ? end - BLOCK_BYTES : 0;
		ssize_t n = pread(part->fd, tail->block, (size_t)(end - start), start);
		char *stop = tail->block + n;

		if (n != end - start)
			return false;
		while (stop > tail->block) {
			char *newline = memrchr(tail->block, '\n', (size_t)(stop - tail->block) - 1);
			char *line = newline ? newline + 1 : tail->block;

			/* It may begin in the block before; but no line of ours is as long as a block. */
			if (!newline && start > 0 && stop < tail->block + n)
				break;
			if (!tail_meet(tail, line, (size_t)(stop - line))) {
				*ret_at = start + (stop - tail->block);
				return true;
			}
			stop = line;
		}
		end = start + (stop - tail->block);
	}
	return false;
}

bool log_part_tail(int data_fd, const struct log_filter *filter, int64_t lines, struct log_part *ret, off_t *ret_at)
{
	struct tail tail = {.filter = filter, .lines = lines};
	struct log_part last = LOG_PART_INIT;
	bool is_found = false;

	for (uint32_t number = 0; !is_found && number < MAX_PARTS; number++) {
		struct log_part part;

		if (!part_open(data_fd, number, &part)) {
			if (number > 0)
				break;
			continue;
		}
		/* A rotation while we look shows the same part twice. */
		if (last.fd < 0 || !is_same(&part, &last))
			is_found = tail_in_part(&tail, &part, ret_at);
		part_replace(&last, &part);
	}
	*ret = last;
	if (!is_found)
		log_part_close(ret);
	return is_found;
}
