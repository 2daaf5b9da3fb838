// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/remains.h"

#include "runtime/base/socket.h"

void remains_leave(int socket, bool oom, const int *fds, unsigned count)
{
	const char word = oom ? REMAINS_OOM : REMAINS_NOTHING;
	struct err ignored = ERR_INIT;

	/* With nobody at the other end they are closed by the exit, as they would be anyway. */
	if (socket >= 0)
		(void)sock_send_fds(socket, &word, 1, fds, count, &ignored);
}
