/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of a cgroup: who they are, signals, freezing.
 *
 * A container may make cgroups below its own, so all of it looks there too, by descriptor and to a bounded depth. A pid
 * read from cgroup.procs may belong to someone else a moment later: a pidfd is opened first, then the list is read
 * again; whoever is still in it then is who the pidfd was opened for, or the pidfd's process is dead and the signal
 * goes nowhere.
 */
#include "cgroups/procs.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroups/cg.h"
#include "cgroups/v1.h"
#include "cgroups/v2.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/process.h"

#define FREEZE_WAIT_NS	(UINT64_C(2) * 1000 * 1000 * 1000)
#define FREEZE_SOON_NS	(UINT64_C(200) * 1000 * 1000) /* longer than processes take that can be frozen */
#define KERNEL_THREAD	0x00200000U		      /* PF_KTHREAD, in the flags of /proc/PID/stat */
#define MAX_KILL_ROUNDS 100
#define SIGNAL_BATCH	64

static int walk(int fd, unsigned depth, int (*visit)(int fd, void *data), void *data)
{
	CLEANUP_DIR DIR *dir = NULL;
	struct stat st;
	int again, r = visit(fd, data);

	/*
	 * kernfs counts subfolders in the link count: most cgroups have none, and fifty files that need not be read
	 * through.
	 */
	if (r < 0 || (fstat(fd, &st) == 0 && st.st_nlink == 2))
		return r;
	if (depth == CG_MAX_DEPTH)
		return -ELOOP;
	again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = again < 0 ? NULL : fdopendir(again);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		CLEANUP_FD int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0 && errno == ENOENT)
			continue;
		r = child < 0 ? -errno : walk(child, depth + 1, visit, data);
		if (r < 0)
			return r;
	}
	return 0;
}

int cg_walk(int fd, int (*visit)(int fd, void *data), void *data)
{
	return walk(fd, 0, visit, data);
}

void cg_pid_list_free(struct cg_pid_list *list)
{
	free(list->pids);
	*list = (struct cg_pid_list){0};
}

static int add_pid(struct cg_pid_list *list, pid_t pid)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		pid_t *grown = capacity > CG_MAX_PIDS ? NULL : realloc(list->pids, capacity * sizeof(pid_t));

		if (!grown)
			return -ENOMEM;
		list->pids = grown;
		list->capacity = capacity;
	}
	list->pids[list->count++] = pid;
	return 0;
}

/* Takes numbers, a line each, from a piece of the file; the last one may go on in the next piece. */
static int take_pids(const char *bytes, size_t len, pid_t *number, struct cg_pid_list *list)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] >= '0' && bytes[i] <= '9') {
			*number = *number * 10 + (bytes[i] - '0');
			continue;
		}
		/* 0: a process of a pid namespace that is not below the reader's */
		if (*number > 0 && add_pid(list, *number) < 0)
			return -ENOMEM;
		*number = 0;
	}
	return 0;
}

int cg_pids_of(int fd, struct cg_pid_list *list)
{
	CLEANUP_FD int file = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char piece[4096];
	pid_t number = 0;
	ssize_t len;

	if (file < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((len = read(file, piece, sizeof(piece))) > 0)
		if (take_pids(piece, (size_t)len, &number, list) < 0)
			return -ENOMEM;
	/* ENODEV: it was removed meanwhile. EOPNOTSUPP: a threaded cgroup, whose processes its parent lists. */
	return len < 0 && errno != ENODEV && errno != EOPNOTSUPP ? -errno : 0;
}

static int visit_pids(int fd, void *list)
{
	return cg_pids_of(fd, list);
}

int cg_pids_below(int fd, struct cg_pid_list *list)
{
	return cg_walk(fd, visit_pids, list);
}

/* The tree that is asked for processes: all trees hold the same ones, and v2 is what killing works on. */
static const struct cg_folder *folder_to_list(const struct cg *cg)
{
	const struct cg_folder *folder = cg_folder_v2(cg);

	if (!folder)
		folder = cg_folder_of(cg, CG_FREEZER);
	for (size_t i = 0; !folder && i < cg->folder_count; i++)
		if (cg->folders[i].fd >= 0)
			folder = &cg->folders[i];
	return folder;
}

static int say_disabled(const struct cg *cg, const char *verb, struct err *err)
{
	return err_say(err, ENOTSUP, "%s: %s", verb,
		       cg->driver == CG_DRIVER_DISABLED ? "this container runs without cgroups" : "its cgroup is gone");
}

int cg_pids(struct cg *cg, struct arena *arena, pid_t **ret, size_t *ret_count, struct err *err)
{
	CLEANUP(cg_pid_list_free) struct cg_pid_list list = {0};
	const struct cg_folder *folder = folder_to_list(cg);
	pid_t *pids = NULL;
	int r;

	if (!folder && cg->driver == CG_DRIVER_DISABLED)
		return say_disabled(cg, "list processes", err);
	r = folder ? cg_pids_below(folder->fd, &list) : 0;
	if (r < 0)
		return err_set(err, -r, "list the processes of cgroup '%s'", folder->below);
	if (list.count) {
		pids = arena_array(arena, list.count, sizeof(pid_t));
		if (!pids)
			return arena_check(arena, err);
		memcpy(pids, list.pids, list.count * sizeof(pid_t));
	}
	*ret = pids;
	*ret_count = list.count;
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

/*
 * `pidfd` may be what proc_pidfd() failed with: -ESRCH and -EINVAL say that the process was gone already, which is no
 * failure here; being short of descriptors or memory is one.
 */
static int signal_one(int pidfd, pid_t pid, int signo)
{
	int r;

	if (pidfd < 0 && pidfd != -ENOSYS)
		return pidfd == -ESRCH || pidfd == -EINVAL ? 0 : pidfd;
	if (pidfd >= 0)
		r = proc_signal(pidfd, signo);
	else
		r = kill(pid, signo) < 0 ? -errno : 0;
	return r == -ESRCH ? 0 : r;
}

static int signal_batch(int folder_fd, const pid_t *pids, size_t count, int signo)
{
	CLEANUP(cg_pid_list_free) struct cg_pid_list now = {0};
	int pidfds[SIGNAL_BATCH], r;

	for (size_t i = 0; i < count; i++)
		pidfds[i] = proc_pidfd(pids[i]);
	r = cg_pids_below(folder_fd, &now);
	if (now.count)
		qsort(now.pids, now.count, sizeof(pid_t), compare_pids);
	for (size_t i = 0; i < count; i++) {
		bool is_there = now.count && bsearch(&pids[i], now.pids, now.count, sizeof(pid_t), compare_pids);
		int sent = is_there ? signal_one(pidfds[i], pids[i], signo) : 0;

		r = r < 0 ? r : sent;
		scope_fd(&pidfds[i]);
	}
	return r;
}

int cg_signal_list(int folder_fd, const struct cg_pid_list *list, int signo)
{
	int r = 0;

	for (size_t at = 0; at < list->count; at += SIGNAL_BATCH) {
		size_t count = list->count - at < SIGNAL_BATCH ? list->count - at : SIGNAL_BATCH;
		int here = signal_batch(folder_fd, list->pids + at, count, signo);

		r = r < 0 ? r : here;
	}
	return r;
}

static int signal_all(const struct cg_folder *folder, int signo, size_t *ret_count)
{
	CLEANUP(cg_pid_list_free) struct cg_pid_list list = {0};
	int r = cg_pids_below(folder->fd, &list);

	*ret_count = list.count;
	return r < 0 ? r : cg_signal_list(folder->fd, &list, signo);
}

static int thaw_one(int fd, void *data)
{
	(void)data;
	(void)cg_v1_freeze(fd, false, 0);
	return 0;
}

/* A frozen process of v1 dies only once thawed, and a container may have frozen a cgroup of its own below. */
void cg_thaw_all(const struct cg *cg)
{
	const struct cg_folder *v1 = cg_folder_of(cg, CG_FREEZER);

	if (v1)
		(void)cg_walk(v1->fd, thaw_one, NULL);
}

/* Frozen, nobody forks between the list and the signal. Where freezing fails, rounds go on until a list is empty. */
static int kill_without_cgroup_kill(struct cg *cg, const struct cg_folder *folder)
{
	struct err ignored = ERR_INIT;
	bool frozen = cg_freeze(cg, true, &ignored) == 0;
	size_t count = 0;
	int r = 0;

	for (int round = 0; round < MAX_KILL_ROUNDS; round++) {
		r = signal_all(folder, SIGKILL, &count);
		if (r < 0 || count == 0 || frozen)
			break;
	}
	if (frozen)
		(void)cg_freeze(cg, false, &ignored);
	cg_thaw_all(cg);
	return r;
}

int cg_signal(struct cg *cg, int signo, struct err *err)
{
	const struct cg_folder *folder = folder_to_list(cg), *v2 = cg_folder_v2(cg);
	size_t count;
	int r = -ENOENT;

	if (!folder)
		return cg->driver == CG_DRIVER_DISABLED ? say_disabled(cg, "signal all processes", err) : 0;
	if (signo == SIGKILL && v2) {
		cg_thaw_all(cg);
		r = cg_v2_kill(v2->fd);
	}
	if (r == -ENOENT)
		r = signo == SIGKILL ? kill_without_cgroup_kill(cg, folder) : signal_all(folder, signo, &count);
	if (r == -ENODEV) /* removed meanwhile */
		r = 0;
	return r < 0 ? err_set(err, -r, "signal the processes of cgroup '%s'", folder->below) : 0;
}

static bool is_kernel_thread(pid_t pid)
{
	char name[32], line[512], *rest;
	unsigned flags = 0;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	if (file_read_line(AT_FDCWD, name, line, sizeof(line)) < 0)
		return false;
	/* Behind the name, which may hold anything: state, five numbers, and the flags. */
	rest = strrchr(line, ')');
	return rest && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & KERNEL_THREAD);
}

/* To the nearest cgroup above that takes it: those which hand controllers on do not, the root does. */
static void send_up(int folder_fd, pid_t pid)
{
	char name[3 * CG_MAX_DEPTH + sizeof("cgroup.procs")], words[16];
	int r = -EBUSY;

	(void)snprintf(words, sizeof(words), "%d", pid);
	for (size_t up = 1; r < 0 && r != -ENOENT && up <= CG_MAX_DEPTH; up++) {
		for (size_t i = 0; i < up; i++)
			(void)snprintf(name + 3 * i, sizeof(name) - 3 * i, "../cgroup.procs");
		r = file_write_value(folder_fd, name, words);
	}
}

/*
 * Until Linux 6.13 KVM gives each machine a kernel thread, in the cgroup of who made it, that is never frozen: nor is
 * then the cgroup, as it says. It does next to nothing, and goes with the machine.
 */
static int freeze_v2(int folder_fd, uint64_t deadline)
{
	uint64_t soon = proc_monotonic_ns() + FREEZE_SOON_NS;
	struct cg_pid_list list = {0};
	bool sent = false;
	int r = cg_v2_freeze(folder_fd, true, soon < deadline ? soon : deadline);

	if (r != -ETIMEDOUT)
		return r;
	if (cg_pids_of(folder_fd, &list) < 0)
		list.count = 0;
	for (size_t i = 0; i < list.count; i++) {
		if (!is_kernel_thread(list.pids[i]))
			continue;
		send_up(folder_fd, list.pids[i]);
		sent = true;
	}
	cg_pid_list_free(&list);
	/* Whether all are frozen is not looked at again when such a thread leaves, but when freezing begins. */
	if (sent)
		(void)cg_v2_freeze(folder_fd, false, 0);
	return cg_v2_freeze(folder_fd, true, deadline);
}

int cg_freeze(struct cg *cg, bool frozen, struct err *err)
{
	const struct cg_folder *v2 = cg_folder_v2(cg), *v1 = cg_folder_of(cg, CG_FREEZER);
	bool by_v2 = v2 && cg_v2_can_freeze(v2->fd);
	uint64_t deadline = proc_monotonic_ns() + FREEZE_WAIT_NS;
	const char *verb = frozen ? "freeze" : "thaw";
	int r;

	if (!v1 && !v2)
		return say_disabled(cg, verb, err);
	if (!by_v2 && !v1)
		return err_say(err, ENOTSUP, "%s: this host's cgroups have no freezer", verb);
	if (by_v2)
		r = frozen ? freeze_v2(v2->fd, deadline) : cg_v2_freeze(v2->fd, false, deadline);
	else
		r = cg_v1_freeze(v1->fd, frozen, deadline);
	if (r == -ETIMEDOUT && frozen)
		(void)(by_v2 ? cg_v2_freeze(v2->fd, false, 0) : cg_v1_freeze(v1->fd, false, 0));
	return r < 0 ? err_set(err, -r, "%s cgroup '%s'", verb, by_v2 ? v2->below : v1->below) : 0;
}

int cg_frozen(struct cg *cg, bool *ret, struct err *err)
{
	const struct cg_folder *v2 = cg_folder_v2(cg), *v1 = cg_folder_of(cg, CG_FREEZER);
	bool by_v2 = v2 && cg_v2_can_freeze(v2->fd);
	int r = 0;

	*ret = false;
	if (by_v2 || v1)
		r = by_v2 ? cg_v2_frozen(v2->fd, ret) : cg_v1_frozen(v1->fd, ret);
	return r < 0 ? err_set(err, -r, "ask whether cgroup '%s' is frozen", by_v2 ? v2->below : v1->below) : 0;
}

const char *cg_freezer_path(const struct cg *cg)
{
	const struct cg_folder *v2 = cg_folder_v2(cg), *v1 = cg_folder_of(cg, CG_FREEZER);
	bool by_v2 = v2 && cg_v2_can_freeze(v2->fd);

	return by_v2 ? v2->path : v1 ? v1->path : NULL;
}
