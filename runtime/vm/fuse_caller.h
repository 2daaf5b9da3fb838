/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Acting for one of the guest's users: what is made belongs to him, and gets the mode that his umask leaves.
 *
 * The guest's kernel has already decided that he may. So only owner, group and umask are taken from him, not his
 * rights: the server keeps CAP_DAC_OVERRIDE, as it knows nothing of his supplementary groups.
 *
 * CAP_FSETID is off at all times but where a set-group-ID bit was asked for in so many words: so the host's kernel
 * takes set-ID bits off a file that is written to, as the guest's would for whoever is not its root.
 */
#ifndef HULL_RUNTIME_VM_FUSE_CALLER_H
#define HULL_RUNTIME_VM_FUSE_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fuse_caller {
	uid_t own_uid; /* what to go back to */
	gid_t own_gid;
	mode_t own_umask;
	bool other; /* than the server itself */
};

/* Once, before the first request: notes the capabilities of this process, and lowers CAP_FSETID. */
void fuse_caller_prepare(void);

/* 0, or -EOVERFLOW when this user namespace has no such user or group (nothing has changed then). */
int fuse_caller_become(struct fuse_caller *caller, uint32_t uid, uint32_t gid, uint32_t umask_bits);
void fuse_caller_return(const struct fuse_caller *caller);

/* CAP_FSETID on and off. */
void fuse_caller_keep_set_id(bool on);

#endif
