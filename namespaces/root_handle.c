/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/root_handle.h"

#include <errno.h>
#include <stdlib.h>

void root_handle_close(struct root_handle *handle)
{
	scope_fd(&handle->root_fd);
	scope_fd(&handle->proc_fd);
	for (size_t i = 0; i < handle->sealed_count; i++)
		scope_fd(&handle->sealed[i]);
	free(handle->sealed);
	mask_close(&handle->cover);
	*handle = ROOT_HANDLE_INIT;
}

int root_handle_seal_later(struct root_handle *handle, int *fd, struct err *err)
{
	int *grown = realloc(handle->sealed, (handle->sealed_count + 1) * sizeof(*grown));

	if (!grown)
		return err_set(err, ENOMEM, "mounts");
	handle->sealed = grown;
	handle->sealed[handle->sealed_count++] = fd_take(fd);
	return 0;
}
