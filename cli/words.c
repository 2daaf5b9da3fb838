// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/words.h"

#include <string.h>

#define NS_A_SECOND UINT64_C(1000000000)

const char *const words_states[] = {"created", "creating", "running", "paused", "restarting", "exited", NULL};

const char *words_state(const struct instance_view *view)
{
	if (!view->has_record && view->never_ran)
		return "created";
	if (view->restarting)
		return "restarting";
	return view->now.status == RECORD_STOPPED ? "exited" : record_status_name(view->now.status);
}

const char *words_ago(struct arena *arena, uint64_t then_ns, uint64_t now_ns)
{
	char age[32];

	if (then_ns == 0)
		return "";
	/* A clock that was set back shows as 'just now'. */
	return arena_printf(arena, "%s ago",
			    text_age_words(now_ns > then_ns ? (now_ns - then_ns) / NS_A_SECOND : 0, age));
}

static const char *words_up(struct arena *arena, const struct instance_view *view, uint64_t now_ns)
{
	uint64_t since = view->record.started;
	char age[32];

	return arena_printf(arena, "Up %s%s%s",
			    text_age_words(now_ns > since ? (now_ns - since) / NS_A_SECOND : 0, age),
			    view->now.status == RECORD_PAUSED ? " (Paused)" : "",
			    view->now.unattended ? " (unattended)" : "");
}

static const char *words_exited(struct arena *arena, const struct instance_view *view, uint64_t now_ns)
{
	const char *word = view->restarting ? "Restarting" : "Exited";
	const char *ago = words_ago(arena, view->now.finished, now_ns);
	const char *space = ago && *ago ? " " : "";

	if (!view->now.exit.known)
		return arena_printf(arena, "%s (unknown)%s%s", word, space, ago);
	return arena_printf(arena, "%s (%d)%s%s", word, view->now.exit.code, space, ago);
}

const char *words_status(struct arena *arena, const struct instance_view *view, uint64_t now_ns)
{
	const char *state = words_state(view);

	if (strcmp(state, "created") == 0)
		return "Created";
	if (strcmp(state, "creating") == 0)
		return "Creating";
	return view->now.status == RECORD_STOPPED ? words_exited(arena, view, now_ns) : words_up(arena, view, now_ns);
}

const char *words_ports(struct arena *arena, const struct extension_network *network)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < network->ports.count; i++) {
		const struct extension_port *port = &network->ports.items[i];

		text_addf(&words, "%s%s:%u->%u/%s", i ? ", " : "", port->host_ip ? port->host_ip : "0.0.0.0",
			  port->host_port, port->container_port, extension_protocol_name(port->protocol));
	}
	return arena_strdup(arena, text_get(&words));
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

void words_put_time(struct json_writer *w, const char *key, uint64_t time_ns)
{
	char words[36];

	json_put_string(w, key, time_ns ? text_time(time_ns, words) : NULL);
}

void words_put_exit_code(struct json_writer *w, const char *key, const struct instance_view *view)
{
	if (view->now.status == RECORD_STOPPED && view->now.exit.known)
		json_put_i64(w, key, view->now.exit.code);
	else
		json_put_string(w, key, NULL);
}

void words_put_map(struct json_writer *w, const char *key, const struct strmap *map)
{
	json_open(w, key);
	for (size_t i = 0; i < map->count; i++)
		json_put_string(w, map->items[i].key, map->items[i].value);
	json_close(w);
}

void words_put_ports(struct json_writer *w, const char *key, const struct extension_network *network)
{
	json_open_array(w, key);
	for (size_t i = 0; i < network->ports.count; i++) {
		const struct extension_port *port = &network->ports.items[i];

		json_open(w, NULL);
		json_put_string(w, "hostIp", port->host_ip ? port->host_ip : "0.0.0.0");
		json_put_u64(w, "hostPort", port->host_port);
		json_put_u64(w, "containerPort", port->container_port);
		json_put_string(w, "protocol", extension_protocol_name(port->protocol));
		json_close(w);
	}
	json_close_array(w);
}
