/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stages between clone and exec share. Included by child.c and child_apart.c alone. */
#ifndef HULL_RUNTIME_CORE_CHILD_PARTS_H
#define HULL_RUNTIME_CORE_CHILD_PARTS_H

#include "namespaces/root_handle.h"
#include "namespaces/tty.h"
#include "runtime/base/err.h"

struct child_setup;
struct plan;

/* What the stages hand on to one another. */
struct child {
	struct child_setup *setup;
	const struct plan *plan;
	int received_root;	  /* a detached mount, from the parent */
	bool has_folders, joined; /* of its cgroup */
	bool sysfs_comes;	  /* with the folders: a sysfs that shows the network namespace */
	struct root_handle root;
	/* Where the root is apart: */
	pid_t self; /* as it is called inside; 0: ask, it is this one */
	struct tty_pair terminal;
	int tree; /* root_apart_take()'s */
};

/* Stages of a root that is apart (child_apart.c), in this order. */
int child_bind_terminal(struct child *child, struct err *err);
int child_take_root(struct child *child, struct err *err);
int child_enter_root(struct child *child, struct err *err);

#endif
