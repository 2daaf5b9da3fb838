/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel and machine can do: probed when first asked, once, without a fork and without a trace.
 *
 * Tests set a fact with host_override(). A build with -DHULL_TESTING also takes such words from the environment
 * variable HULL_TEST_HOST; no other build looks at it, since who starts a setuid or privileged hull must not choose its
 * code paths.
 */
#ifndef HULL_RUNTIME_BASE_HOST_H
#define HULL_RUNTIME_BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

enum host_fact {
	HOST_CLONE3,
	HOST_OPENAT2,
	HOST_PIDFD,
	HOST_CLOSE_RANGE,
	HOST_FSOPEN,	    /* fsopen, fsmount, move_mount, open_tree */
	HOST_MOUNT_SETATTR, /* and with it id-mapped mounts */
	HOST_PIDFD_EXIT,    /* PIDFD_GET_INFO tells an exit status */
	HOST_USER_NS,
	HOST_TIME_NS,
	HOST_CGROUP_NS,
	HOST_SECCOMP,
	/* overlay takes layers as descriptors of detached mounts (lowerdir+ by FSCONFIG_SET_FD): Linux 6.15 */
	HOST_OVERLAY_FD_LAYERS,
	HOST_FACT_COUNT
};

/*
 * hull is made for Linux 6.1 (Debian 12's) and later. It uses what is newer where it is there; what is missed before,
 * or kept from hull by a seccomp filter that it runs below, has an older way (the facts below), or is refused at once,
 * by the name of the call:
 *
 * 0, or -EOPNOTSUPP with words when a system call is missing that hull cannot do without and that would be missed late.
 * Before anything is made. Four calls, about a microsecond.
 */
int host_require(struct err *err);
/*
 * Adds to an error that may come from a missing call which one that is, if there is any: for all of them. Whoever shows
 * the error to people.
 */
void host_explain(struct err *err);

bool host_has(enum host_fact fact);
const char *host_fact_name(enum host_fact fact); /* "openat2" */

/*
 * For tests: forgets what was probed and overridden, then sets facts from "openat2=0,clone3=1". NULL: back to the
 * machine's own. 0, or -EINVAL for words that name no fact.
 */
int host_override(const char *words);

bool host_in_user_namespace(void); /* this process, in one that is not the host's own */
unsigned host_cpus(void);
uint64_t host_memory_bytes(void);
uint64_t host_cap_last(void);	    /* the highest capability number the kernel knows */
uint64_t host_caps_permitted(void); /* this process's permitted set, a bit each */
/* "6.1.0-13-amd64"; lives as long as the process. */
const char *host_kernel(void);

#endif
