/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a cgroup's folders while the caller does something else.
 *
 * On v1 there is one in each of a dozen trees, and each is some 50 µs of the kernel's, with nothing to wait for but a
 * lock: half a millisecond, which a helper (aside.h) spends on another processor. It makes the plain folders only.
 * Where one is there already, or its parent is not, or there is more to do for it than that, cg_make() does so as if
 * nobody had been before it.
 */
#include "cgroups/cg.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroups/ahead_parts.h"
#include "cgroups/driver.h"
#include "runtime/base/aside.h"

static struct aside helper = ASIDE_INIT;
static struct cg *made; /* the helper's while it runs: a folder that it has made is open */

struct making {
	struct cg *cg;
	pid_t creator;
};

static void make(void *context)
{
	const struct making *making = context;
	struct cg *cg = making->cg;

	/*
	 * Who finds the record of a creator that was killed finds all that it will ever have made. It may have been
	 * killed before this could be asked.
	 */
	(void)aside_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	if (aside_call(SYS_getppid, 0, 0, 0, 0) != making->creator)
		return;
	for (size_t i = 0; i < cg->folder_count; i++) {
		struct cg_folder *folder = &cg->folders[i];

		if (aside_call(SYS_mkdirat, AT_FDCWD, (long)folder->path, 0755, 0) == 0)
			folder->fd = (int)aside_call(SYS_openat, AT_FDCWD, (long)folder->path,
						     O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	}
}

int cg_ahead_start(const struct cg_request *request)
{
	CLEANUP_CG struct cg *cg = NULL;
	const struct cg_layout *layout;
	struct making making;
	struct err ignored = ERR_INIT;
	int r = cg_layout_get(&layout, &ignored);

	if (r < 0)
		return r;
	if (made || request->driver != CG_DRIVER_CGROUPFS ||
	    (layout->kind != CG_LAYOUT_V1 && layout->kind != CG_LAYOUT_HYBRID))
		return -ENOTSUP;
	making.creator = getpid();
	making.cg = cg = cg_alloc(request->driver);
	if (!cg)
		return -ENOMEM;
	r = cg_driver_cgroupfs.locate(cg, request->path, &ignored);
	if (r == 0)
		r = aside_start(&helper, make, &making, sizeof(making), ASIDE_SHARES_FILES);
	if (r == 0)
		made = PTR_TAKE(cg);
	return r;
}

/* The folder that was made at this path is `to`'s from now on. */
static void hand_over(struct cg_folder *to)
{
	for (size_t i = 0; i < made->folder_count; i++)
		if (made->folders[i].fd >= 0 && strcmp(made->folders[i].path, to->path) == 0)
			to->fd = fd_take(&made->folders[i].fd);
}

void cg_ahead_take(struct cg *cg)
{
	aside_close(&helper);
	for (size_t i = 0; made && i < cg->folder_count; i++)
		hand_over(&cg->folders[i]);
	cg_ahead_drop();
}

void cg_ahead_drop(void)
{
	aside_close(&helper);
	for (size_t i = 0; made && i < made->folder_count; i++)
		if (made->folders[i].fd >= 0)
			(void)rmdir(made->folders[i].path);
	cg_close(&made);
}
