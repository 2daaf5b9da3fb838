/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many may wait to be accepted: the kernel's number since 5.4, of which musl has the older 128. */
#ifndef HULL_MUSL_SYS_SOCKET_H
#define HULL_MUSL_SYS_SOCKET_H

#include_next <sys/socket.h>

#undef SOMAXCONN
#define SOMAXCONN 4096

#endif
