/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/keeper.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

/*
 * What a pipe may hold at most without privilege (fs.pipe-max-size): somebody else who writes on can't keep us from
 * ending.
 */
#define DRAIN_MAX_BYTES ((size_t)1 << 20)

static void stream_close(struct keeper *keeper, struct keeper_stream *stream)
{
	loop_forget(&keeper->loop, &stream->source);
	scope_fd(&stream->source.fd);
	stream->source.fd = -1;
}

/*
 * With no slave open inside, a terminal's master tells of a hang-up for ever; an init may open one again later. So then
 * only changes are told of (EPOLLET), until there is something to read.
 */
static void stream_watch(struct keeper *keeper, struct keeper_stream *stream)
{
	uint32_t events = stream->is_hung_up ? EPOLLIN | EPOLLET : EPOLLIN;

	if (stream->source.fd >= 0 && loop_watch(&keeper->loop, &stream->source, events, NULL) < 0)
		stream_close(keeper, stream);
}

/* Reads one chunk and passes it on. The length; 0 when nothing is there now, or never again. */
static size_t stream_read(struct keeper *keeper, struct keeper_stream *stream)
{
	char bytes[ATTACH_CHUNK_BYTES];
	ssize_t n = read(stream->source.fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno == EIO && stream->is_terminal) {
		stream->is_hung_up = true;
		return 0;
	}
	if (n <= 0) {
		stream_close(keeper, stream);
		return 0;
	}
	stream->is_hung_up = false;
	if (keeper->has_log)
		logfile_write(&keeper->log, stream->name, proc_now_ns(), bytes, (size_t)n);
	if (keeper->has_ended)
		keeper_rest_add(keeper, stream->wanted == ATTACH_WANTS_STDOUT ? ATTACH_OUT : ATTACH_ERR, bytes,
				(size_t)n);
	else
		keeper_clients_send(keeper, stream->wanted, bytes, (size_t)n);
	return (size_t)n;
}

static void stream_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct keeper_stream *stream = CONTAINER_OF(source, struct keeper_stream, source);
	struct keeper *keeper = CONTAINER_OF(loop, struct keeper, loop);
	bool was_hung_up = stream->is_hung_up;

	(void)epoll_events;
	(void)stream_read(keeper, stream);
	if (stream->is_hung_up != was_hung_up)
		stream_watch(keeper, stream);
}

void keeper_output_update(struct keeper *keeper)
{
	bool reads = !keeper->has_ended && !keeper_clients_block(keeper);

	for (size_t i = 0; i < ARRAY_SIZE(keeper->streams); i++) {
		struct keeper_stream *stream = &keeper->streams[i];

		if (reads && !stream->source.registered)
			stream_watch(keeper, stream);
		else if (!reads)
			loop_forget(&keeper->loop, &stream->source);
	}
}

void keeper_output_drain(struct keeper *keeper)
{
	keeper_output_update(keeper);
	for (size_t i = 0; i < ARRAY_SIZE(keeper->streams); i++) {
		struct keeper_stream *stream = &keeper->streams[i];
		size_t left = DRAIN_MAX_BYTES, n = 1;

		for (; stream->source.fd >= 0 && n > 0 && left > 0; left -= n < left ? n : left)
			n = stream_read(keeper, stream);
	}
}

int keeper_output_open(struct keeper *keeper, struct err *err)
{
	const struct keeper_args *args = &keeper->args;
	bool is_terminal = args->tty >= 0;

	keeper->streams[0] = (struct keeper_stream){
		.source = {.fd = is_terminal ? args->tty : args->stdout_fd, .ready = stream_ready},
		.name = LOG_STDOUT,
		.wanted = ATTACH_WANTS_STDOUT,
		.is_terminal = is_terminal,
	};
	keeper->streams[1] = (struct keeper_stream){
		.source = {.fd = is_terminal ? -1 : args->stderr_fd, .ready = stream_ready},
		.name = LOG_STDERR,
		.wanted = ATTACH_WANTS_STDERR,
	};
	for (size_t i = 0; i < ARRAY_SIZE(keeper->streams); i++) {
		int fd = keeper->streams[i].source.fd;
		int r = fd < 0 ? 0 : fd_set_nonblock(fd, true);

		if (r < 0)
			return err_set(err, -r, "make output %zu non-blocking", i);
	}
	if (args->data >= 0) {
		logfile_open(&keeper->log, args->data, args->log_max_bytes, args->log_files);
		keeper->has_log = true;
	}
	keeper_output_update(keeper);
	return 0;
}
