/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of rows that are in files of their own. For backend*.c, and the files that have them. */
#ifndef HULL_RUNTIME_CORE_BACKEND_PARTS_H
#define HULL_RUNTIME_CORE_BACKEND_PARTS_H

#include "runtime/core/backend.h"

/* exec.c: joins the instance's namespaces and cgroup. */
int exec_ns(const struct exec_request *request, const struct control_view *view, struct exec_running *ret,
	    struct err *err);
/* exec_vm.c: a process that speaks to the guest's agent. */
int exec_vm(const struct exec_request *request, const struct control_view *view, struct exec_running *ret,
	    struct err *err);

/* ask_vm.c: what is asked of a machine that runs. */
int vm_connect_agent(const struct store *store, const struct record *record, struct err *err);
int vm_processes(const struct store *store, const struct control_view *view, struct arena *arena, process_rows *ret,
		 struct err *err);
int vm_usage(const struct store *store, const struct control_view *view, struct arena *arena, struct usage *ret,
	     struct err *err);
/* Asks the agent itself, and waits for all that it says: a string in the arena. */
struct guest_exec;
int vm_ask(const struct store *store, const struct record *record, const struct guest_exec *question,
	   struct arena *arena, char **ret_answer, struct err *err);
/* update_vm.c */
int vm_update(struct instance *instance, const struct config_resources *resources, const struct cg_limits *limits,
	      struct err *err);

#define CONTROL_SOCKET "control.sock" /* hull-vmm's (runtime/vm/control.h), in the state folder */

/* monitor_vm.c: says a line to the control socket, with its end, and reads the answer into the arena. */
struct json;
int vm_control(int state_fd, struct arena *arena, const char *line, const struct json **ret, struct err *err);
/* Its monitor tells the guest what time it is. */
void vm_thawed(const struct instance *instance);
int vm_dirty_rate(const struct store *store, const struct control_view *view, const char *name, uint64_t time_ms,
		  struct dirty_rate *ret, struct err *err);

#endif
