/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command as if the kernel lacked some system calls: a seccomp filter, which all its processes inherit, answers
 * for it.
 *
 * usage: without ERROR CALL[,CALL...] COMMAND [ARG...]
 *     ERROR: ENOSYS, as an old kernel says; EPERM, as a filter of an engine does
 *
 * As root, and without no_new_privs, so that nothing else differs.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int refuse(scmp_filter_ctx filter, const char *name, int code)
{
	int number = seccomp_syscall_resolve_name(name);

	/* A name that is none would make a test that cannot fail. */
	if (number == __NR_SCMP_ERROR) {
		fprintf(stderr, "without: unknown system call '%s'\n", name);
		return -1;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)code), number, 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int code = argc > 1 && strcmp(argv[1], "EPERM") == 0 ? EPERM : ENOSYS;

	if (argc < 4 || !filter) {
		fprintf(stderr, "usage: without ENOSYS|EPERM CALL[,CALL...] COMMAND [ARG...]\n");
		return 125;
	}
	for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ","))
		if (refuse(filter, name, code) < 0)
			return 125;
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) < 0 || seccomp_load(filter) < 0) {
		fprintf(stderr, "without: the filter cannot be loaded\n");
		return 125;
	}
	execvp(argv[3], argv + 3);
	fprintf(stderr, "without: %s: %s\n", argv[3], strerror(errno));
	return 127;
}
