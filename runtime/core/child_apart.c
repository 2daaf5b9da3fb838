// SPDX-License-Identifier: GPL-2.0-or-later
/* The stages of a root that is apart from the mount namespace (namespaces/root_apart.h). child.c has their places. */
#include "namespaces/root_apart.h"
#include "runtime/base/scope.h"
#include "runtime/core/child.h"
#include "runtime/core/child_parts.h"

/* Should: bind the terminal at /dev/console, which can be done in no other mount namespace than the root's. */
int child_bind_terminal(struct child *child, struct err *err)
{
	struct child_program *program = &child->setup->program;
	int result;

	if (!program->process->terminal)
		return 0;
	result = child_open_terminal(program, child->root.root_fd, &child->terminal, err);
	program->terminal = &child->terminal;
	return result;
}

/* Must not: be before any mount. What is mounted from here on is not in the program's root. */
int child_take_root(struct child *child, struct err *err)
{
	child->tree = root_apart_take(child->root.root_fd, err);
	return child->tree < 0 ? child->tree : 0;
}

/*
 * Into the mount namespace that is to be joined, and the root.
 * Must not: keep a descriptor of the namespace.
 */
int child_enter_root(struct child *child, struct err *err)
{
	CLEANUP_FD int namespace_fd = child->setup->mountns_fd;
	int root = root_apart_enter(child->tree, namespace_fd, err);

	if (root < 0)
		return root;
	scope_fd(&child->root.root_fd);
	child->root.root_fd = root;
	return 0;
}
