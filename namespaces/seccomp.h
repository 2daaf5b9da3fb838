/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System call filters: a profile (plain data, the shape of config.json's linux.seccomp) becomes a program of classic
 * BPF.
 *
 * Loading is runtime/base/confine.h's: confine_load(&filter, seccomp_load_flags(&profile), err).
 *
 *     profile -> seccomp_check() in the plan -> seccomp_cached() or seccomp_compile() in the parent
 *             -> confine_load() in the child
 *
 * What a program made here does besides its rules:
 *  - A call whose number is newer than any this build knows gives ENOSYS when `newer_is_enosys` is set. EPERM would be
 *    taken for a refusal, and a C library that tries a new call first would not fall back to the old one.
 *  - x32 calls (bit 30 of the number) give ENOSYS unless the profile lists SCMP_ARCH_X32: that is what a kernel without
 *    x32 says.
 *  - Every other architecture that is not listed kills the process: its numbers mean other calls. The machine's own is
 *    always listed.
 */
#ifndef HULL_NAMESPACES_SECCOMP_H
#define HULL_NAMESPACES_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "namespaces/seccomp_names.h"
#include "namespaces/seccomp_profile.h"
#include "namespaces/seccomp_words.h"
#include "runtime/base/arena.h"
#include "runtime/base/confine.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * hull's own allow-list, for a process whose bounding set is `caps` (caps.h): calls that only a capability makes useful
 * are allowed with it. Default action ERRNO(EPERM), clone3 gives ENOSYS, newer_is_enosys. The machine's own
 * architecture only. The rules are in the arena. 0 or -ENOMEM.
 */
int seccomp_default(struct arena *arena, uint64_t caps, struct seccomp_profile *ret, struct err *err);

/*
 * Whether this kernel and libseccomp can do what the profile says: argument indexes, actions, flags, NOTIFY with a
 * listener path (and never as default action, nor for the calls that the hand-over itself needs). -EINVAL or -ENOTSUP
 * with words. For the plan.
 */
int seccomp_check(const struct seccomp_profile *profile, struct err *err);
/* Whether this kernel takes a flag by OCI's word. Loads nothing. */
bool seccomp_flag_is_supported(const char *word);

/*
 * Compiles: about 2 ms for a list of 300 names, into about a hundred instructions an architecture (seccomp_shorten.h).
 * The program is in the arena. Names that neither libseccomp nor this build knows are added to *ret_unknown_names (may
 * be NULL), each once; they are not fatal, since a profile is written for many kernels.
 */
int seccomp_compile(const struct seccomp_profile *profile, struct arena *arena, struct confine_filter *ret,
		    struct strv *ret_unknown_names, struct err *err);

/*
 * The same program as it is before it is made shorter (seccomp_shorten.h): to compare with. It may be longer than what
 * the kernel loads.
 */
int seccomp_compile_plain(const struct seccomp_profile *profile, struct arena *arena, struct confine_filter *ret,
			  struct strv *ret_unknown_names, struct err *err);

/*
 * As seccomp_compile(), through a cache by content. `cache_dirfd` is a folder of this user's own with mode 0700. The
 * key is all of the profile that shapes the program, and this build's version and architecture; it is stored whole in
 * the file and compared whole, so that the file's name (a cheap hash) need not be trusted. A file that is damaged, or
 * not this user's, is ignored and replaced. A cache that cannot be written is no failure. `ret_hit` (may be NULL) says
 * which way it went.
 */
int seccomp_cached(int cache_dirfd, const struct seccomp_profile *profile, struct arena *arena,
		   struct confine_filter *ret, struct strv *ret_unknown_names, bool *ret_hit, struct err *err);

/*
 * Hands the notify descriptor to the agent: connects to profile->listener_path and sends `state` (OCI's container
 * process state as JSON, its "fds" being ["seccompFd"]) with the descriptor in one message. The caller closes
 * notify_fd. From the parent, with host paths.
 */
int seccomp_listener_send(const char *listener_path, int notify_fd, const char *state, size_t state_len,
			  struct err *err);

#endif
