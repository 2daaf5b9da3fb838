/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/logread.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/core/logread_parts.h"

#define BLOCK_BYTES	65536
#define ASK_INTERVAL_MS 500
/* Once the wake descriptor has said that the program is gone, its exit is written in a moment. */
#define SOON_MS 20
/* The time in front of a line, with the blank behind it. */
#define TIME_BYTES 31

/* Where reading stands: at an offset of a part. What has no newline there yet is not a line yet. */
struct reader {
	int data_fd;
	struct log_part part;
	off_t at;
	const struct log_filter *filter;
	log_sink sink;
	void *user;
	bool in_line[2]; /* per stream: a piece of a line came last */
	char block[BLOCK_BYTES];
};

/* One line of the log, newline and all. What the sink said; a line that is none of ours is skipped. */
static int give_line(struct reader *reader, const char *line, size_t len)
{
	struct log_line_head head;
	size_t text_len = len - LOGFILE_HEADER_BYTES;
	int r = 0;

	if (!log_line_parse(line, len, &head) || !log_filter_wants(reader->filter, &head))
		return 0;
	if (reader->filter->timestamps && !reader->in_line[head.stream])
		r = reader->sink(reader->user, head.stream, line, TIME_BYTES);
	reader->in_line[head.stream] = !head.is_whole;
	/* A piece has no newline: that one is the log's. */
	if (!head.is_whole)
		text_len--;
	if (r != 0 || text_len == 0)
		return r;
	return reader->sink(reader->user, head.stream, line + LOGFILE_HEADER_BYTES, text_len);
}

/* Gives the lines of the open part from where reading stands. 0: all that is there; -errno; or what the sink said. */
static int give_part(struct reader *reader, struct err *err)
{
	for (;;) {
		ssize_t n = pread(reader->part.fd, reader->block, sizeof(reader->block), reader->at);
		const char *line = reader->block, *end = reader->block + (n > 0 ? n : 0), *newline;

		if (n < 0)
			return err_set(err, errno, "read the log");
		while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
			int r = give_line(reader, line, (size_t)(newline + 1 - line));

			if (r != 0)
				return r;
			line = newline + 1;
		}
		/* No line is as long as a block: such a one is not ours, and is stepped over. */
		if (line == reader->block && n == (ssize_t)sizeof(reader->block))
			line = end;
		if (line == reader->block)
			return 0;
		reader->at += line - reader->block;
	}
}

/*
 * Gives what there is now. The next part is looked for before the open one is read: if there is one, ours does not grow
 * any more.
 */
static int give_all(struct reader *reader, struct err *err)
{
	if (reader->part.fd < 0 && !log_part_oldest(reader->data_fd, &reader->part))
		return 0;
	for (;;) {
		struct log_part next;
		bool is_last = !log_part_next(reader->data_fd, &reader->part, &next);
		int r = give_part(reader, err);

		if (r != 0 || is_last) {
			log_part_close(&next);
			return r;
		}
		log_part_close(&reader->part);
		reader->part = next;
		reader->at = 0;
	}
}

static struct reader reader_open(int data_fd, const struct log_filter *filter, log_sink sink, void *user)
{
	struct reader reader = {
		.data_fd = data_fd,
		.part = LOG_PART_INIT,
		.filter = filter,
		.sink = sink,
		.user = user,
	};

	if (filter->tail >= 0)
		(void)log_part_tail(data_fd, filter, filter->tail, &reader.part, &reader.at);
	return reader;
}

int log_read(int data_fd, const struct log_filter *filter, log_sink sink, void *user, struct err *err)
{
	struct reader reader = reader_open(data_fd, filter, sink, user);
	int r = give_all(&reader, err);

	log_part_close(&reader.part);
	return r;
}

/* --- Following --- */

/* Tells of what is written and renamed in the folder; a descriptor, or -errno. */
static int watch_folder(int data_fd, struct err *err)
{
	CLEANUP_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || inotify_add_watch(fd, fd_name(data_fd).path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(err, errno, "watch the log");
	return fd_take(&fd);
}

/* Waits until something may have changed. *soon is set once the wake descriptor has spoken: it would speak for ever. */
static void wait_for_more(int watch_fd, int wake_fd, bool *soon)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct pollfd fds[2] = {
		{.fd = watch_fd, .events = POLLIN},
		{.fd = *soon ? -1 : wake_fd, .events = POLLIN},
	};

	if (poll(fds, 2, *soon ? SOON_MS : ASK_INTERVAL_MS) > 0 && fds[1].revents)
		*soon = true;
	/* That something happened is all that is asked of them. */
	while (read(watch_fd, events, sizeof(events)) > 0)
		;
}

int log_read_follow(int data_fd, const struct log_filter *filter, const struct log_follow *follow, log_sink sink,
		    void *user, struct err *err)
{
	/* Before the first look, so that nothing falls between. */
	CLEANUP_FD int watch_fd = watch_folder(data_fd, err);
	struct reader reader;
	bool soon = false;
	int r;

	if (watch_fd < 0)
		return watch_fd;
	reader = reader_open(data_fd, filter, sink, user);
	for (;;) {
		/* Asked before the look: what was written before the answer is then read. */
		bool has_ended = follow->ended(follow->user);

		r = give_all(&reader, err);
		if (r != 0 || has_ended)
			break;
		wait_for_more(watch_fd, follow->wake_fd, &soon);
	}
	log_part_close(&reader.part);
	return r;
}
