/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/fs_server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/virtio_fs.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/confine.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "runtime/vm/filters.h"
#include "runtime/vm/fuse.h"
#include "runtime/vm/vhost_user_backend.h"

#define CAP_BIT(number) (UINT64_C(1) << (number))

/* What a file server needs to do what the guest's users may: theirs are the files, whoever they are. */
#define KEPT_CAPABILITIES                                                                             \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) | \
	 CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETFCAP))

/* Descriptors that are no node's and no handle's: the loop, sockets, queues, and what a request opens for itself. */
#define OTHER_FDS(shares) (32 + 24 * (shares))
/* What the guest may hold open at a time, over all shares. */
#define MAX_HANDLES (1U << 16)

/* The queue for FORGET and INTERRUPT, and the one for all else. */
#define QUEUES 2

struct share {
	struct vhost_user_backend backend;
	struct fuse *fuse;
	struct server *server;
};

struct server {
	struct loop loop;
	struct share shares[FS_SERVER_MAX_SHARES];
	unsigned left; /* front ends that are still there */
	bool failed;   /* one of them has broken the protocol, and was dropped */
};

static uint32_t serve(struct vhost_user_backend *backend, const struct vq_chain *chain)
{
	const struct share *share = CONTAINER_OF(backend, struct share, backend);

	return (uint32_t)fuse_answer(share->fuse, vq_readable(chain), chain->readable_count, vq_writable(chain),
				     chain->writable_count);
}

static void gone(struct vhost_user_backend *backend, const struct err *failure)
{
	struct share *share = CONTAINER_OF(backend, struct share, backend);
	struct server *server = share->server;

	/* Said at once: the other shares may go on for long. */
	if (failure) {
		log_line(LOG_LEVEL_ERROR, "%s", failure->msg);
		server->failed = true;
	}
	/* What the guest had open is closed now, not when the last of the shares ends. */
	fuse_close(PTR_TAKE(share->fuse));
	if (--server->left == 0)
		loop_stop(&server->loop, 0);
}

static const struct vhost_user_ops ops = {.queues = QUEUES, .serve = serve, .gone = gone};

/* --- becoming no more than that ----------------------------------------------------------------------------------- */

static int keep_descriptors(const struct fs_server *server, struct err *err)
{
	int kept[2 * FS_SERVER_MAX_SHARES + 1];
	size_t count = 0;

	for (unsigned i = 0; i < server->count; i++) {
		kept[count++] = server->shares[i].socket_fd;
		kept[count++] = server->shares[i].root_fd;
	}
	kept[count++] = server->proc_fd;
	return fd_close_except(STDERR_FILENO + 1, kept, count, err);
}

/* As many descriptors as may be had: each file that the guest's kernel remembers holds one. */
static rlim_t raise_limit(void)
{
	struct rlimit limit = {0};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

static int open_proc(const struct fs_server *server, struct err *err)
{
	int fd = server->proc_fd < 0 ? open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)
				     : openat(server->proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "open the folder of this process's descriptors") : fd;
}

static int drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {{0}};

	/*
	 * Refused where a user namespace has no say over groups; those that it has then give it nothing that it lacks.
	 */
	(void)setgroups(0, NULL);
	if (syscall(SYS_capget, &header, sets) < 0)
		return err_set(err, errno, "look at capabilities");
	for (int i = 0; i < 2; i++) {
		sets[i].permitted &= (uint32_t)(KEPT_CAPABILITIES >> 32 * i);
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, sets) < 0 ? err_set(err, errno, "drop capabilities") : 0;
}

static int drop_system_calls(struct err *err)
{
	struct filter_program program;
	int r = confine_no_new_privs(err);

	if (r < 0)
		return r;
	filter_make(&program, FILTER_FS);
	return confine_load(&program.filter, 0, err);
}

static int open_share(struct server *server, const struct fs_server_share *from, const struct fuse_share *like,
		      struct err *err)
{
	struct share *share = &server->shares[server->left];
	struct fuse_share own = *like;
	int r;

	own.root_fd = from->root_fd;
	own.read_only = from->read_only;
	share->server = server;
	r = fuse_open(&own, &share->fuse, err);
	if (r < 0)
		return r;
	r = vhost_user_backend_open(&share->backend, &ops, from->socket_fd, &server->loop, err);
	if (r == 0)
		server->left++;
	return r;
}

static unsigned at_most(uint64_t number, unsigned bound)
{
	return number < bound ? (unsigned)number : bound;
}

int fs_server_run(const struct fs_server *config, struct err *err)
{
	/* Some tens of KiB, of which pages count that are used. */
	static struct server server;
	struct fuse_share like = {0};
	uint64_t room;
	int r;

	if (config->count == 0 || config->count > FS_SERVER_MAX_SHARES)
		return err_say(err, EINVAL, "a server of %u shared directories", config->count);
	r = keep_descriptors(config, err);
	if (r < 0)
		return r;
	room = raise_limit();
	room = room > OTHER_FDS(config->count) ? (room - OTHER_FDS(config->count)) / config->count : 0;
	like.max_handles = at_most(room / 4, MAX_HANDLES / config->count);
	like.max_nodes = at_most(room - like.max_handles, FS_SERVER_MAX_NODES / config->count);
	like.proc_fd = open_proc(config, err);
	if (like.proc_fd < 0)
		return like.proc_fd;
	(void)signal(SIGPIPE, SIG_IGN);
	r = loop_open(&server.loop, err);
	if (r == 0 && !config->unconfined)
		r = drop_capabilities(err);
	for (unsigned i = 0; i < config->count && r == 0; i++)
		r = open_share(&server, &config->shares[i], &like, err);
	if (r == 0 && !config->unconfined && filter_is_wanted())
		r = drop_system_calls(err);
	if (r < 0)
		return r;
	r = loop_run(&server.loop, err);
	return r == 0 && server.failed ? err_say(err, EPROTO, "a shared directory's front end was dropped") : r;
}

int fs_server_say_end(int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "the server of its volumes was killed by signal %d (%s)", WTERMSIG(status),
			       proc_signal_name(WTERMSIG(status)));
	return err_say(err, EIO, "the server of its volumes ended with %d", WEXITSTATUS(status));
}

int fs_server_start(const struct fs_server *server, int *ret_pidfd, struct err *err)
{
	struct proc_clone how = {.cgroup_fd = -1, .ret_pidfd = ret_pidfd};
	struct err failure = ERR_INIT;
	pid_t pid = proc_clone(&how);

	if (pid < 0)
		return err_set(err, (int)-pid, "start the server of shared directories");
	if (pid > 0)
		return (int)pid;
	proc_reset_signals();
	if (fs_server_run(server, &failure) < 0) {
		/* No log_err(): see vmm.c. */
		log_line(LOG_LEVEL_ERROR, "%s", failure.msg);
		_exit(1);
	}
	_exit(0);
}
