/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/monitor_jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/confine.h"
#include "runtime/base/file.h"
#include "runtime/base/socket.h"
#include "runtime/vm/fs_server.h"

static int open_share(const struct vm_volume *volume, struct fs_server_share *share, int *ret_socket, struct err *err)
{
	int ends[2], r = sock_pair(ends, err);

	if (r < 0)
		return r;
	*ret_socket = ends[0];
	*share = (struct fs_server_share){
		.socket_fd = ends[1],
		.root_fd = file_open_dir(AT_FDCWD, volume->path, err),
		.read_only = volume->read_only,
	};
	return share->root_fd < 0 ? share->root_fd : 0;
}

int monitor_start_file_server(const struct vm_request *request, int ret_sockets[VM_MAX_VOLUMES],
			      struct monitor_server *ret, struct err *err)
{
	struct fs_server_share shares[VM_MAX_VOLUMES];
	struct fs_server server = {.shares = shares, .count = request->volume_count, .proc_fd = -1};
	int r = 0;

	*ret = (struct monitor_server){.pidfd = -1};
	if (request->volume_count == 0)
		return 0;
	for (unsigned i = 0; r == 0 && i < request->volume_count; i++)
		r = open_share(&request->volumes[i], &shares[i], &ret_sockets[i], err);
	/* A failure ends the process, and all that is open with it. */
	if (r < 0)
		return r;
	r = fs_server_start(&server, &ret->pidfd, err);
	ret->pid = r;
	for (unsigned i = 0; i < request->volume_count; i++) {
		(void)close(shares[i].socket_fd);
		(void)close(shares[i].root_fd);
	}
	return r < 0 ? r : 0;
}

int monitor_drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return err_set(err, errno, "give up capabilities");
	return confine_no_new_privs(err);
}
