/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System call filters: a profile (plain data, the shape of config.json's linux.seccomp) becomes a program of classic BPF.
 *
 * Loading is runtime/base/confine.h's: confine_load(&filter, seccomp_load_flags(&profile), err).
 *
 *     profile -> seccomp_check() in the plan -> seccomp_cached() or seccomp_compile() in the parent -> confine_load() in the child
 *
 * What a program made here does besides its rules:
 *  - A call whose number is newer than any this build knows gives ENOSYS when `newer_is_enosys` is set. EPERM would be taken for a
 *    refusal, and a C library that tries a new call first would not fall back to the old one.
 *  - x32 calls (bit 30 of the number) give ENOSYS unless the profile lists SCMP_ARCH_X32: that is what a kernel without x32 says.
 *  - Every other architecture that is not listed kills the process: its numbers mean other calls. The machine's own is always listed.
 */
#ifndef HULL_NAMESPACES_SECCOMP_H
#define HULL_NAMESPACES_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/confine.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

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
 * A condition on one argument. Comparisons are of 64 bits, unsigned; for an int argument, of which the kernel reads the low half only, use MASKED_EQ
 * with 0xffffffff. All of a rule's conditions must hold; but where a rule names one argument twice they are alternatives, as in every OCI runtime.
 */
struct seccomp_arg {
	uint32_t index; /* 0..5 */
	enum seccomp_op op;
	uint64_t value;
	uint64_t value_two; /* for MASKED_EQ only */
};

/* Rules for the same call: in the profile's order, the first whose conditions hold decides; none, the default action. */
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
	 * Numbers above the highest that this build knows: ENOSYS instead of the default action. For profiles whose default is ERRNO.
	 */
	bool newer_is_enosys;
};

/* OCI's words, "SCMP_ACT_ERRNO", "SCMP_CMP_EQ", "SCMP_ARCH_X86_64", "SECCOMP_FILTER_FLAG_LOG". 0, or -EINVAL for a word that is none. */
int seccomp_parse_action(const char *word, enum seccomp_action *ret);
int seccomp_parse_op(const char *word, enum seccomp_op *ret);
int seccomp_parse_arch(const char *word, uint32_t *ret);
int seccomp_parse_flag(const char *word, unsigned *ret);
/* The words known, NULL-terminated, for `features` and for refusals. Static. */
const char *const *seccomp_action_words(void);
const char *const *seccomp_op_words(void);
const char *const *seccomp_arch_words(void);
const char *const *seccomp_flag_words(void);

/*
 * hull's own allow-list, for a process whose bounding set is `caps` (caps.h): calls that only a capability makes useful are allowed with it.
 * Default action ERRNO(EPERM), clone3 gives ENOSYS, newer_is_enosys. The machine's own architecture only. The rules are in the arena.
 * 0 or -ENOMEM.
 */
int seccomp_default(struct arena *arena, uint64_t caps, struct seccomp_profile *ret, struct err *err);

/*
 * Whether this kernel and libseccomp can do what the profile says: argument indexes, actions, flags, NOTIFY with a listener path (and never as
 * default action, nor for the calls that the hand-over itself needs). -EINVAL or -ENOTSUP with words. For the plan.
 */
int seccomp_check(const struct seccomp_profile *profile, struct err *err);

/*
 * Compiles: about 2 ms for a list of 300 names. The program is in the arena. Names that neither libseccomp nor this build knows are added to
 * *ret_unknown_names (may be NULL), each once; they are not fatal, since a profile is written for many kernels.
 */
int seccomp_compile(const struct seccomp_profile *profile, struct arena *arena, struct confine_filter *ret,
		    struct strv *ret_unknown_names, struct err *err);

/*
 * As seccomp_compile(), through a cache by content. `cache_dirfd` is a folder of this user's own with mode 0700. The key is all of the
 * profile that shapes the program, and this build's version and architecture; it is stored whole in the file and compared whole, so that the
 * file's name (a cheap hash) need not be trusted. A file that is damaged, or not this user's, is ignored and replaced. A cache that
 * cannot be written is no failure. `ret_hit` (may be NULL) says which way it went.
 */
int seccomp_cached(int cache_dirfd, const struct seccomp_profile *profile, struct arena *arena,
		   struct confine_filter *ret, struct strv *ret_unknown_names, bool *ret_hit, struct err *err);

/* Whether a rule notifies: then confine_load() returns the listener's descriptor. */
bool seccomp_wants_listener(const struct seccomp_profile *profile);
/* The flags for confine_load(): the profile's, and NEW_LISTENER when a rule notifies. */
unsigned seccomp_load_flags(const struct seccomp_profile *profile);
/*
 * Hands the notify descriptor to the agent: connects to profile->listener_path and sends `state` (OCI's container process state as JSON, its "fds"
 * being ["seccompFd"]) with the descriptor in one message. The caller closes notify_fd. From the parent, with host paths.
 */
int seccomp_listener_send(const char *listener_path, int notify_fd, const char *state, size_t state_len,
			  struct err *err);

/* A system call's number on this machine: from libseccomp, else from hull's own table of newer ones. -ENOENT: unknown. */
int seccomp_call_number(const char *name);
/* Whether any machine has a call of this name, as far as libseccomp and this build know. */
bool seccomp_call_is_known(const char *name);
/* The highest number that this build knows. */
int seccomp_call_last(void);

#endif
