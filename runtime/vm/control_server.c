/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/control_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "runtime/base/text.h"

#define ANSWER_BYTES 1024

/* Says which words there are: "want pause, resume, balloon ARGUMENT". */
static int say_what_is_wanted(const struct control_server *server, struct err *err)
{
	char words[128] = "";
	size_t len = 0;

	for (const struct control_verb *verb = server->verbs; verb->word && len < sizeof(words); verb++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s%s", len ? ", " : "", verb->word,
					verb->argument ? verb->argument : "");
	return err_say(err, EINVAL, "want one of: %s", words);
}

static int obey(struct control_server *server, char *line, size_t len, struct json_writer *answer, struct err *err)
{
	char *argument = strchr(line, ' ');

	if (strlen(line) != len)
		return err_say(err, EINVAL, "a line with a NUL byte is no request");
	if (argument)
		*argument++ = '\0';
	for (const struct control_verb *verb = server->verbs; verb->word; verb++)
		if (strcmp(verb->word, line) == 0 && !verb->argument == !argument)
			return verb->run(server->user, argument, answer, err);
	return say_what_is_wanted(server, err);
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

static void forget(struct loop *loop, struct control_client *client)
{
	loop_forget(loop, &client->source);
	scope_fd(&client->source.fd);
	client->source.fd = -1;
	client->len = 0;
}

/* Who does not read its answers is forgotten: nothing waits for it. */
static bool answer_line(struct control_client *client, char *line, size_t len)
{
	CLEANUP_TEXT struct text members = {.max_bytes = ANSWER_BYTES}, failure = {.max_bytes = 2 * ANSWER_BYTES};
	struct json_writer w = {.out = &members}, f = {.out = &failure};
	const struct text *out = &members;
	struct err err = ERR_INIT;

	json_open(&w, NULL);
	json_put_bool(&w, "ok", true);
	if (obey(client->server, line, len, &w, &err) < 0) {
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
		if (!answer_line(client, client->line, used - 1))
			return false;
		client->len -= used;
		memmove(client->line, client->line + used, client->len);
	}
	return client->len < sizeof(client->line);
}

static void client_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct control_client *client = CONTAINER_OF(source, struct control_client, source);
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
	struct control_server *server = CONTAINER_OF(source, struct control_server, listener);
	struct err err = ERR_INIT;
	CLEANUP_FD int fd = sock_accept(source->fd, &err);

	(void)events;
	for (size_t i = 0; fd >= 0 && i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &server->clients[i];

		if (client->source.fd >= 0)
			continue;
		*client = (struct control_client){.source = {.fd = fd, .ready = client_ready}, .server = server};
		if (loop_watch(loop, &client->source, EPOLLIN, &err) < 0)
			client->source.fd = -1;
		else
			(void)fd_take(&fd);
		return;
	}
}

int control_server_open(struct control_server *server, struct loop *loop, int listen_fd,
			const struct control_verb *verbs, void *user, struct err *err)
{
	int r = fd_set_nonblock(listen_fd, true);

	*server = (struct control_server){
		.loop = loop,
		.verbs = verbs,
		.user = user,
		.listener = {.fd = listen_fd, .ready = listener_ready},
	};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		server->clients[i].source.fd = -1;
	if (r < 0)
		return err_set(err, -r, "listen for control");
	return loop_watch(loop, &server->listener, EPOLLIN, err);
}

void control_server_close(struct control_server *server)
{
	if (!server->loop)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		forget(server->loop, &server->clients[i]);
	loop_forget(server->loop, &server->listener);
}
