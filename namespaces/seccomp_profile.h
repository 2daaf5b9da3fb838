/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A profile of system calls: plain data, the shape of config.json's linux.seccomp, and what can be said of it without
 * compiling.
 */
#ifndef HULL_NAMESPACES_SECCOMP_PROFILE_H
#define HULL_NAMESPACES_SECCOMP_PROFILE_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Linux 5.19, newer than the headers of a stable distribution may be. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum seccomp_action {
	SECCOMP_DO_KILL_THREAD, /* OCI's KILL and KILL_THREAD */
	SECCOMP_DO_KILL_PROCESS,
	SECCOMP_DO_TRAP,
	SECCOMP_DO_ERRNO, /* errno_ret is the errno */
	SECCOMP_DO_TRACE, /* errno_ret is the message to the tracer */
	SECCOMP_DO_ALLOW,
	SECCOMP_DO_LOG,
	SECCOMP_DO_NOTIFY,
	SECCOMP_ACTION_COUNT
};

enum seccomp_op {
	SECCOMP_OP_NE,
	SECCOMP_OP_LT,
	SECCOMP_OP_LE,
	SECCOMP_OP_EQ,
	SECCOMP_OP_GE,
	SECCOMP_OP_GT,
	SECCOMP_OP_MASKED_EQ, /* (argument & value) == value_two */
	SECCOMP_OP_COUNT
};

/*
 * A condition on one argument. Comparisons are of 64 bits, unsigned; for an int argument, of which the kernel reads the
 * low half only, use MASKED_EQ with 0xffffffff. All of a rule's conditions must hold; but where a rule names one
 * argument twice they are alternatives, as in every OCI runtime.
 */
struct seccomp_arg {
	uint32_t index; /* 0..5 */
	enum seccomp_op op;
	uint64_t value;
	uint64_t value_two; /* for MASKED_EQ only */
};

/*
 * Rules for the same call: in the profile's order, the first whose conditions hold decides; none, the default action.
 */
struct seccomp_rule {
	const char *const *names; /* system calls; unknown names are reported, never fatal */
	size_t name_count;
	enum seccomp_action action;
	bool has_errno; /* errno_ret is given; else EPERM for ERRNO, 0 for TRACE */
	uint32_t errno_ret;
	const struct seccomp_arg *args;
	size_t arg_count;
};

struct seccomp_profile {
	enum seccomp_action default_action;
	bool has_default_errno;
	uint32_t default_errno;
	const uint32_t *architectures; /* from seccomp_parse_arch() */
	size_t architecture_count;
	unsigned flags; /* SECCOMP_FILTER_FLAG_*, from seccomp_parse_flag() */
	const struct seccomp_rule *rules;
	size_t rule_count;
	const char *listener_path;     /* absolute path of the agent's Unix socket, or NULL */
	const char *listener_metadata; /* opaque words for it, or NULL */
	/*
	 * Numbers above the highest that this build knows: ENOSYS instead of the default action. For profiles whose
	 * default is ERRNO.
	 */
	bool newer_is_enosys;
};

/* An action as the value that the program returns. */
uint32_t seccomp_return_value(enum seccomp_action action, bool has_errno, uint32_t errno_ret);
/*
 * Whether a rule names the same argument twice. Then its conditions are alternatives, as every other OCI runtime has
 * it; else all must hold.
 */
bool seccomp_is_any_of(const struct seccomp_rule *rule);
/* Whether `arch` is listed, or the machine's own. */
bool seccomp_lists_arch(const struct seccomp_profile *profile, uint32_t arch);

/* Whether a rule notifies: then confine_load() returns the listener's descriptor. */
bool seccomp_wants_listener(const struct seccomp_profile *profile);
/* The flags for confine_load(): the profile's, and NEW_LISTENER when a rule notifies. */
unsigned seccomp_load_flags(const struct seccomp_profile *profile);

#endif
