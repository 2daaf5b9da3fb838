/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Being told when the kernel kills in a cgroup for want of memory. */
#ifndef HULL_CGROUPS_OOM_H
#define HULL_CGROUPS_OOM_H

#include "runtime/base/err.h"

/*
 * What to poll: `events` of poll(2) on `fd`. Afterwards cg_oom_seen() takes the news, and only then is the next one
 * told. A hint that something has happened: cg_stat() tells how often the kernel has killed.
 */
struct cg_oom_watch {
	int fd;	      /* -1: closed */
	int control;  /* v1: the file that is watched, which must stay open */
	short events; /* POLLIN, POLLPRI */
};
#define CG_OOM_WATCH_INIT ((struct cg_oom_watch){.fd = -1, .control = -1})

struct cg; /* cg.h */

/* -ENOTSUP with words: this cgroup has no memory controller, or the kernel no such event. */
int cg_oom_watch(struct cg *cg, struct cg_oom_watch *ret, struct err *err);
void cg_oom_seen(const struct cg_oom_watch *watch);
void cg_oom_close(struct cg_oom_watch *watch);

#endif
