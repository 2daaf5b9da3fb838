/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instance in words and in JSON: what ps and inspect have in common. */
#ifndef HULL_CLI_WORDS_H
#define HULL_CLI_WORDS_H

#include "cli/instance.h"
#include "runtime/base/json.h"

/* "created" "creating" "running" "paused" "restarting" "exited": the words of --filter status= and of JSON. */
const char *words_state(const struct instance_view *view);
/* The words there are, for complaints; ends with NULL. */
extern const char *const words_states[];

/* "Up 3 minutes (unattended)", "Exited (0) 5 seconds ago", "Exited (unknown)". In the arena. */
const char *words_status(struct arena *arena, const struct instance_view *view, uint64_t now_ns);
/* "3 minutes ago"; "" for a time that is not known. In the arena. */
const char *words_ago(struct arena *arena, uint64_t then_ns, uint64_t now_ns);
/* "0.0.0.0:8080->80/tcp, 127.0.0.1:53->53/udp". In the arena. */
const char *words_ports(struct arena *arena, const struct extension_network *network);

/* Members of the open object: null where nothing is known. */
void words_put_time(struct json_writer *w, const char *key, uint64_t time_ns);
void words_put_exit_code(struct json_writer *w, const char *key, const struct instance_view *view);
void words_put_map(struct json_writer *w, const char *key, const struct strmap *map);
void words_put_ports(struct json_writer *w, const char *key, const struct extension_network *network);

#endif
