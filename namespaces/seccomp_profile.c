// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/seccomp_profile.h"

#include <errno.h>
#include <seccomp.h>

uint32_t seccomp_return_value(enum seccomp_action action, bool has_errno, uint32_t errno_ret)
{
	switch (action) {
	case SECCOMP_DO_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case SECCOMP_DO_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case SECCOMP_DO_TRAP:
		return SCMP_ACT_TRAP;
	case SECCOMP_DO_ERRNO:
		return SCMP_ACT_ERRNO(has_errno ? errno_ret : EPERM);
	case SECCOMP_DO_TRACE:
		return SCMP_ACT_TRACE(has_errno ? errno_ret : 0);
	case SECCOMP_DO_ALLOW:
		return SCMP_ACT_ALLOW;
	case SECCOMP_DO_LOG:
		return SCMP_ACT_LOG;
	case SECCOMP_DO_NOTIFY:
		return SCMP_ACT_NOTIFY;
	case SECCOMP_ACTION_COUNT:
		break;
	}
	return SCMP_ACT_KILL_PROCESS;
}

bool seccomp_is_any_of(const struct seccomp_rule *rule)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->arg_count; i++) {
		if (seen & (1u << rule->args[i].index))
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

bool seccomp_lists_arch(const struct seccomp_profile *profile, uint32_t arch)
{
	if (arch == seccomp_arch_native())
		return true;
	for (size_t i = 0; i < profile->architecture_count; i++)
		if (profile->architectures[i] == arch)
			return true;
	return false;
}

bool seccomp_wants_listener(const struct seccomp_profile *profile)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (profile->rules[i].action == SECCOMP_DO_NOTIFY)
			return true;
	return false;
}

unsigned seccomp_load_flags(const struct seccomp_profile *profile)
{
	unsigned flags = profile->flags;

	if (seccomp_wants_listener(profile)) {
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		/*
		 * Both answers of seccomp(2) would be a number: this flag keeps a thread's id from being taken for a
		 * descriptor.
		 */
		if (flags & SECCOMP_FILTER_FLAG_TSYNC)
			flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	}
	return flags;
}
