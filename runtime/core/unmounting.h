/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking the mounts of a container down beside its parent.
 *
 * The last one in a mount namespace unmounts all that is in it on its way out, 0.2 ms of the kernel's, and its parent
 * hears of its end only behind that. So a helper (aside.h) holds the first process's namespace open, and ends when that
 * process has ended: the parent removes the cgroups and the state while the helper unmounts on another processor.
 *
 * For who waits for the end itself: a helper for each container that somebody keeps would be one process more for each.
 * Its parent's death ends it, and then the mounts go with the container as if it had not been there.
 */
#ifndef HULL_RUNTIME_CORE_UNMOUNTING_H
#define HULL_RUNTIME_CORE_UNMOUNTING_H

#include <sys/types.h>

#include "runtime/base/aside.h"

/*
 * For the caller's child `pid`, and its pidfd, which stays the caller's (-1: none, and no helper). Where it cannot be
 * done, none runs, and nothing is lost but that time.
 */
void unmounting_start(pid_t pid, int pidfd, struct aside *ret);
/* Behind the end of that child: all is unmounted, but for what others have joined. */
void unmounting_wait(struct aside *helper);
/* Whether or not that child has ended. */
void unmounting_drop(struct aside *helper);

#endif
