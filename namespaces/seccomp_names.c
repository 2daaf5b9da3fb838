// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/seccomp_names.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "runtime/base/scope.h"

/*
 * Calls that a stable distribution's libseccomp may not know yet, by number without a gap: seccomp_front.c relies on
 * that. Add what a new kernel brings at the end; the last row is also where ENOSYS begins.
 */
const struct seccomp_newer seccomp_newer_calls[] = {
	/* Linux 5.17 to 6.7 */
	{"set_mempolicy_home_node", 450},
	{"cachestat", 451},
	{"fchmodat2", 452},
	{"map_shadow_stack", 453},
	{"futex_wake", 454},
	{"futex_wait", 455},
	{"futex_requeue", 456},
	/* 6.8 */
	{"statmount", 457},
	{"listmount", 458},
	{"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460},
	{"lsm_list_modules", 461},
	/* 6.10 */
	{"mseal", 462},
	/* 6.13 */
	{"setxattrat", 463},
	{"getxattrat", 464},
	{"listxattrat", 465},
	{"removexattrat", 466},
	/* 6.15 to 6.17 */
	{"open_tree_attr", 467},
	{"file_getattr", 468},
	{"file_setattr", 469},
	/* 6.19, 7.0 */
	{"listns", 470},
	{"rseq_slice_yield", 471},
};
const size_t seccomp_newer_count = ARRAY_SIZE(seccomp_newer_calls);

const struct seccomp_newer *seccomp_newer_find(const char *name)
{
	for (size_t i = 0; i < seccomp_newer_count; i++)
		if (strcmp(seccomp_newer_calls[i].name, name) == 0)
			return &seccomp_newer_calls[i];
	return NULL;
}

bool seccomp_is_unfiltered(const char *name)
{
	return strcmp(name, "uretprobe") == 0 || strcmp(name, "uprobe") == 0;
}

int seccomp_call_number(const char *name)
{
	int number = seccomp_syscall_resolve_name(name);
	const struct seccomp_newer *newer;

	if (number >= 0)
		return number;
	newer = seccomp_newer_find(name);
	return newer ? newer->number : -ENOENT;
}

bool seccomp_call_is_known(const char *name)
{
	/* libseccomp answers with a number below -1 for calls that only other machines have. */
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR || seccomp_newer_find(name);
}

int seccomp_call_last(void)
{
	return seccomp_newer_calls[ARRAY_SIZE(seccomp_newer_calls) - 1].number;
}
