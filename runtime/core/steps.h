/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The phases of a creation, in pairs: what is done, and how it is taken back. The order is create.c's table.
 *
 * A `run` works on an instance with a plan, a request and everything that earlier phases filled in. An `undo` also
 * works on one that was opened from its record (no plan, no request), accepts that nothing or half was done, and may be
 * repeated.
 */
#ifndef HULL_RUNTIME_CORE_STEPS_H
#define HULL_RUNTIME_CORE_STEPS_H

#include "runtime/base/err.h"

struct instance;

/*
 * The state folder and the record: first done, last undone, so that a crash in between leaves a trace of who was at it.
 */
int step_record(struct instance *instance, struct err *err);
int step_record_undo(struct instance *instance, struct err *err);

/*
 * Everything from the host that the child inherits: bind sources, layers, namespaces to join, the filter, the start
 * socket.
 */
int step_sources(struct instance *instance, struct err *err);

/* What the program gets as standard input, output and error. They go with the state folder. */
int step_streams(struct instance *instance, struct err *err);

/*
 * What the backend gives its first process besides: a machine's monitor, disks and network card. Containers have none.
 */
int step_machine(struct instance *instance, struct err *err);
int step_machine_undo(struct instance *instance, struct err *err);

/*
 * The cgroup: early where its first process can be born in it, or where its own folder is bound inside (no cgroup
 * namespace); otherwise late.
 */
int step_cgroup_early(struct instance *instance, struct err *err);
int step_cgroup_late(struct instance *instance, struct err *err); /* by and by, as the child needs it */
int step_cgroup(struct instance *instance, struct err *err); /* at once, for a process that another program makes */
int step_cgroup_undo(struct instance *instance, struct err *err);

/* The first process. Undone: killed, and waited for. */
int step_clone(struct instance *instance, struct err *err);
int step_clone_undo(struct instance *instance, struct err *err);

/* Its place in the record, which the child need not wait for: until it is there, only who has made it knows of it. */
int step_note_process(struct instance *instance, struct err *err);

/* Id maps; then the process is moved into its cgroups. */
int step_ids(struct instance *instance, struct err *err);
int step_join_cgroup(struct instance *instance, struct err *err);

/* The root, made with the host's rights; and handed to the child, when that is in its cgroups. */
int step_root(struct instance *instance, struct err *err);
int step_send_root(struct instance *instance, struct err *err);

/* While the child assembles its root. */
int step_network(struct instance *instance, struct err *err);
int step_network_undo(struct instance *instance, struct err *err);

/* Interfaces of the host that config.json wants inside. Undone only while the creation goes on. */
int step_net_devices(struct instance *instance, struct err *err);
int step_net_devices_undo(struct instance *instance, struct err *err);

/* Hooks of the runtime's side. */
int step_hooks(struct instance *instance, struct err *err);
/* After all else was taken back from a creation that came as far as its hooks: the poststop hooks. */
void step_poststop(struct instance *instance);

/* The child has tried everything; limits from outside; the pid file; the terminal goes where it was asked for. */
int step_ready(struct instance *instance, struct err *err);
int step_pid_file_undo(struct instance *instance, struct err *err);

/* The record says created, and then, when it was not asked to wait, the program is started. */
int step_created(struct instance *instance, struct err *err);
int step_go(struct instance *instance, struct err *err);

#endif
