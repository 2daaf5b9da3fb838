// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/pidns.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/core/fault.h"
#include "runtime/core/lifecycle.h"

#define MAX_PROCESSES ((size_t)65536)

/* The inode of a process's PID namespace; 0: it is gone, or another user's. */
static ino_t namespace_of(pid_t pid)
{
	struct stat found;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return stat(path, &found) < 0 ? 0 : found.st_ino;
}

/*
 * The container's; 0 when it has ended. That is asked after each look as well: as long as its first process lives, the
 * pid and the inode's number are what they were. After that the kernel gives both to the next one.
 */
static int find_namespace(const struct record_process *init, ino_t *ret, struct err *err)
{
	*ret = lifecycle_is_alive(init) ? namespace_of(init->pid) : 0;
	if (*ret != 0 && !lifecycle_is_alive(init))
		*ret = 0;
	if (*ret != 0 && *ret == namespace_of(getpid()))
		return err_say(err, ENOTSUP,
			       "without cgroups and in the host's PID namespace, nothing tells the container's "
			       "processes "
			       "from others");
	return 0;
}

int pidns_list(struct arena *arena, const struct record_process *init, pid_t **ret, size_t *ret_count, struct err *err)
{
	CLEANUP_DIR DIR *folder = NULL;
	struct dirent *entry;
	ino_t wanted;
	int result = find_namespace(init, &wanted, err);

	*ret = NULL;
	*ret_count = 0;
	if (result < 0 || wanted == 0)
		return result;
	folder = opendir("/proc");
	*ret = arena_array(arena, MAX_PROCESSES, sizeof(**ret));
	if (!folder || !*ret)
		return err_set(err, folder ? ENOMEM : errno, "list the processes of the host");
	while (*ret_count < MAX_PROCESSES && (entry = readdir(folder))) {
		uint32_t pid;

		if (text_u32(entry->d_name, &pid) == 0 && namespace_of((pid_t)pid) == wanted)
			(*ret)[(*ret_count)++] = (pid_t)pid;
	}
	result = fault_point("pids", "list", err);
	/* What was found after its end may be in another namespace of the same number. */
	if (!lifecycle_is_alive(init))
		*ret_count = 0;
	return result;
}

static int send_to(const struct record_process *init, ino_t wanted, pid_t pid, int signo, struct err *err)
{
	CLEANUP_FD int pidfd = proc_pidfd(pid);
	bool inside = pidfd >= 0 && namespace_of(pid) == wanted && lifecycle_is_alive(init);
	int sent = inside ? proc_signal(pidfd, signo) : -ESRCH;

	return sent < 0 && sent != -ESRCH ? err_set(err, -sent, "send signal %d to process %d", signo, pid) : 0;
}

/* The first process comes last: while it lives, the others are known. */
int pidns_signal(const struct record_process *init, int signo, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	size_t count;
	pid_t *pids;
	ino_t wanted;
	int result = find_namespace(init, &wanted, err);

	if (result >= 0)
		result = fault_point("kill", "list", err);
	if (result >= 0)
		result = pidns_list(&arena, init, &pids, &count, err);
	if (result >= 0)
		result = fault_point("kill", "send", err);
	for (size_t i = 0; result >= 0 && i < count; i++)
		if (pids[i] != init->pid)
			result = send_to(init, wanted, pids[i], signo, err);
	return result < 0 || wanted == 0 ? result : send_to(init, wanted, init->pid, signo, err);
}
