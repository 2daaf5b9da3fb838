/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that serves a machine's shared directories: one vhost-user back end (virtio-fs) a directory, all in one
 * loop. The monitor forks it before it starts a thread; QEMU gets the other end of the socket as its chardev. A process
 * of its own, since it alone keeps capabilities, and those that file service needs alone: a guest that takes it over is
 * root of the jail's user namespace, and sees what the jail's root holds.
 *
 * It ends (exit status 0) when every front end has closed its socket. In a jail it dies with its parent, whatever it
 * does: that is the first process of its PID namespace. (A signal for a parent's death would be forgotten as soon as it
 * acts for another user.)
 *
 * There is no second server to fall back on, such as virtiofsd: what this one needs (openat2(2), a procfs, the jail's
 * user namespace and filter) every jail has, or there is no jail, and virtiofsd needs the same or more of a host.
 */
#ifndef HULL_RUNTIME_VM_FS_SERVER_H
#define HULL_RUNTIME_VM_FS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define FS_SERVER_MAX_SHARES 20U

/*
 * How many files guests' kernels may remember at a time, over all shares, where the limit of descriptors allows that
 * much. Each keeps its inode in the host's memory, some 1.5 KiB, which counts as the server's: so much may it take
 * besides what files it caches.
 */
#define FS_SERVER_MAX_NODES    (1U << 17)
#define FS_SERVER_MEMORY_BYTES ((uint64_t)192 << 20)

struct fs_server_share {
	int socket_fd; /* one end of a socketpair (SOCK_STREAM); vhost-user is spoken on it */
	int root_fd;   /* the directory */
	bool read_only;
};

struct fs_server {
	const struct fs_server_share *shares;
	unsigned count;	 /* 1..FS_SERVER_MAX_SHARES */
	int proc_fd;	 /* the root of a procfs that shows this process, or -1: "/proc" */
	bool unconfined; /* keeps capabilities and system calls as they are: under a debugger */
};

/*
 * Serves until the last front end is gone; then 0. -errno with words when it could not begin or go on. Closes every
 * other descriptor but 0, 1, 2. To be called in a process of one thread; afterwards the process is good for nothing but
 * exit.
 */
int fs_server_run(const struct fs_server *server, struct err *err);

/* How it ended that ends before its front ends do, as an error: -EIO. `status` is waitpid()'s. */
int fs_server_say_end(int status, struct err *err);

/*
 * Forks and runs it. The child's pid; its pidfd goes to *ret_pidfd. The caller closes its copies of the sockets' far
 * ends.
 */
int fs_server_start(const struct fs_server *server, int *ret_pidfd, struct err *err);

#endif
