/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's control socket. Who may connect is the socket file's business: it lies in the instance's state folder, mode 0600 and its owner's.
 *
 * A client sends a line and gets a line, as often as it likes:
 *
 *     pause                      {"ok":true}            no processor runs guest code any more
 *     resume                     {"ok":true}
 *     balloon BYTES              {"ok":true}            asks the guest to give up this much in all, and take back the rest
 *     stop                       {"ok":true}            ends the machine at once; its guest is not asked
 *     stats                      {"ok":true,"state":"running","cpus":1,"memory_bytes":…,"balloon_bytes":…,"returned_bytes":…,"guest":{…}}
 *     anything else              {"ok":false,"error":"…"}
 *
 * `guest` is what the guest said last of its memory, and asks it for more: bytes, by the names of virtio 1.2, 5.5.6.4; empty before it has said anything.
 */
#ifndef HULL_RUNTIME_VM_CONTROL_H
#define HULL_RUNTIME_VM_CONTROL_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/base/loop.h"
#include "runtime/vm/balloon.h"
#include "runtime/vm/machine.h"

#define CONTROL_CLIENTS	   4
#define CONTROL_LINE_BYTES 128

struct control;

struct control_client {
	struct loop_source source; /* fd -1: nobody */
	struct control *control;
	char line[CONTROL_LINE_BYTES];
	size_t len;
};

struct control {
	struct machine *machine;
	struct balloon *balloon;
	void (*resumed)(void); /* time has gone by that the guest has not seen; may be NULL */
	struct loop_source listener;
	struct control_client clients[CONTROL_CLIENTS];
};

/* Serves on the machine's loop. `listen_fd` stays the caller's, and is non-blocking from now on; `control` stays where it is. */
int vm_control_open(struct control *control, int listen_fd, struct machine *machine, struct balloon *balloon,
		    void (*resumed)(void), struct err *err);
void vm_control_close(struct control *control);

#endif
