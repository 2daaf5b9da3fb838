/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/control.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/socket.h"
#include "runtime/base/text.h"

#define ANSWER_BYTES 1024

/* --- what can be asked: each adds members to the answer ---------------------------------------------------------------------------- */

static int do_pause(struct control *control, const char *argument, struct json_writer *answer, struct err *err)
{
	(void)argument, (void)answer;
	return machine_pause(control->machine, err);
}

static int do_resume(struct control *control, const char *argument, struct json_writer *answer, struct err *err)
{
	bool was_paused = control->machine->paused;

	(void)argument, (void)answer, (void)err;
	machine_resume(control->machine);
	if (was_paused && control->resumed)
		control->resumed();
	return 0;
}

static int do_balloon(struct control *control, const char *argument, struct json_writer *answer, struct err *err)
{
	uint64_t bytes;

	(void)answer;
	if (text_u64(argument, &bytes) < 0 || bytes > guest_memory_bytes(&control->machine->memory))
		return err_say(err, EINVAL, "balloon: want a number of bytes, at most the guest's memory");
	balloon_set_target(control->balloon, bytes);
	return 0;
}

static int do_stop(struct control *control, const char *argument, struct json_writer *answer, struct err *err)
{
	(void)argument, (void)answer, (void)err;
	machine_stop(control->machine, MACHINE_STOPPED, NULL);
	return 0;
}

/* By VIRTIO_BALLOON_S_*. */
static const char *const guest_stats[VIRTIO_BALLOON_S_NR] = {
	[VIRTIO_BALLOON_S_SWAP_IN] = "swap_in",	       [VIRTIO_BALLOON_S_SWAP_OUT] = "swap_out",
	[VIRTIO_BALLOON_S_MAJFLT] = "major_faults",    [VIRTIO_BALLOON_S_MINFLT] = "minor_faults",
	[VIRTIO_BALLOON_S_MEMFREE] = "free_memory",    [VIRTIO_BALLOON_S_MEMTOT] = "total_memory",
	[VIRTIO_BALLOON_S_AVAIL] = "available_memory", [VIRTIO_BALLOON_S_CACHES] = "disk_caches",
};

static int do_stats(struct control *control, const char *argument, struct json_writer *answer, struct err *err)
{
	const struct machine *machine = control->machine;
	struct balloon_stats stats = balloon_ask_stats(control->balloon);

	(void)argument, (void)err;
	json_put_string(answer, "state", machine->paused ? "paused" : "running");
	json_put_u64(answer, "cpus", machine->vcpus.count);
	json_put_u64(answer, "memory_bytes", guest_memory_bytes(&machine->memory));
	json_put_u64(answer, "balloon_bytes", balloon_actual(control->balloon));
	json_put_u64(answer, "returned_bytes", control->balloon->returned_bytes);
	json_open(answer, "guest");
	for (unsigned i = 0; i < VIRTIO_BALLOON_S_NR; i++)
		if ((stats.valid & 1U << i) && guest_stats[i])
			json_put_u64(answer, guest_stats[i], stats.values[i]);
	json_close(answer);
	return 0;
}

static const struct verb {
	const char *word;
	bool has_argument;
	int (*run)(struct control *control, const char *argument, struct json_writer *answer, struct err *err);
} verbs[] = {
	{"pause", false, do_pause}, {"resume", false, do_resume}, {"balloon", true, do_balloon},
	{"stop", false, do_stop},   {"stats", false, do_stats},
};

static int obey(struct control *control, char *line, struct json_writer *answer, struct err *err)
{
	char *argument = strchr(line, ' ');

	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].word, line) == 0 && verbs[i].has_argument == !!argument)
			return verbs[i].run(control, argument, answer, err);
	return err_say(err, EINVAL, "want pause, resume, balloon BYTES, stats or stop");
}

/* --- clients ------------------------------------------------------------------------------------------------------------------------ */

static void forget(struct loop *loop, struct control_client *client)
{
	loop_forget(loop, &client->source);
	scope_fd(&client->source.fd);
	client->source.fd = -1;
	client->len = 0;
}

/* Who does not read its answers is forgotten: nothing waits for it. */
static bool answer_line(struct control_client *client, char *line)
{
	CLEANUP_TEXT struct text members = {.max_bytes = ANSWER_BYTES}, failure = {.max_bytes = 2 * ANSWER_BYTES};
	struct json_writer w = {.out = &members}, f = {.out = &failure};
	const struct text *out = &members;
	struct err err = ERR_INIT;

	json_open(&w, NULL);
	json_put_bool(&w, "ok", true);
	if (obey(client->control, line, &w, &err) < 0) {
		json_open(&f, NULL);
		json_put_bool(&f, "ok", false);
		json_put_string(&f, "error", err.msg);
		json_close(&f);
		out = &failure;
	}
	json_close(&w);
	return send(client->source.fd, text_get(out), out->len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE) ==
		       (ssize_t)out->len &&
	       send(client->source.fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

/* All whole lines in the buffer. False: the client is of no use any more. */
static bool answer_lines(struct control_client *client)
{
	char *end;

	while ((end = memchr(client->line, '\n', client->len))) {
		size_t used = (size_t)(end - client->line) + 1;

		*end = '\0';
		if (!answer_line(client, client->line))
			return false;
		client->len -= used;
		memmove(client->line, client->line + used, client->len);
	}
	return client->len < sizeof(client->line);
}

static void client_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct control_client *client =
		(struct control_client *)(void *)((char *)source - offsetof(struct control_client, source));
	ssize_t n = recv(source->fd, client->line + client->len, sizeof(client->line) - client->len, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget(loop, client);
		return;
	}
	client->len += (size_t)n;
	if (!answer_lines(client))
		forget(loop, client);
}

static void listener_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct control *control = (struct control *)(void *)((char *)source - offsetof(struct control, listener));
	struct err err = ERR_INIT;
	CLEANUP_FD int fd = sock_accept(source->fd, &err);

	(void)events;
	for (size_t i = 0; fd >= 0 && i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (client->source.fd >= 0)
			continue;
		*client = (struct control_client){.source = {.fd = fd, .ready = client_ready}, .control = control};
		if (loop_watch(loop, &client->source, EPOLLIN, &err) < 0)
			client->source.fd = -1;
		else
			(void)fd_take(&fd);
		return;
	}
}

int vm_control_open(struct control *control, int listen_fd, struct machine *machine, struct balloon *balloon,
		    void (*resumed)(void), struct err *err)
{
	int r = fd_set_nonblock(listen_fd, true);

	*control = (struct control){
		.machine = machine,
		.balloon = balloon,
		.resumed = resumed,
		.listener = {.fd = listen_fd, .ready = listener_ready},
	};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].source.fd = -1;
	if (r < 0)
		return err_set(err, -r, "listen for control");
	return loop_watch(&machine->loop, &control->listener, EPOLLIN, err);
}

void vm_control_close(struct control *control)
{
	if (!control->machine)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		forget(&control->machine->loop, &control->clients[i]);
	loop_forget(&control->machine->loop, &control->listener);
}
