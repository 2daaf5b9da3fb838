/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The built-in monitor's control socket. A client sends a line and gets a line, as often as it likes
 * (control_server.h):
 *
 *     pause            {"ok":true}    no processor runs guest code any more
 *     resume           {"ok":true}
 *     balloon BYTES    {"ok":true}    asks the guest to give up this much in all, and take back the rest
 *     stop             {"ok":true}    ends the machine at once; its guest is not asked
 *     stats            {"ok":true,"state":"running","cpus":1,"memory_bytes":…,"balloon_bytes":…,
 *                       "balloon_target_bytes":…,"returned_bytes":…,"guest":{…}}
 *     dirty-rate MS    {"ok":true}    measures how much of its memory the guest writes, for so many milliseconds
 *     dirty-rate       {"ok":true,"status":"measuring"}, and then {"ok":true,"status":"measured","milliseconds":…,
 *                       "bytes":…}: pages written, each once (dirty_rate.h)
 *     anything else    {"ok":false,"error":"…"}
 *
 * `guest` is what the guest said last of its memory, and asks it for more: bytes, by the names of virtio 1.2, 5.5.6.4;
 * empty before it has said anything.
 */
#ifndef HULL_RUNTIME_VM_CONTROL_H
#define HULL_RUNTIME_VM_CONTROL_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/vm/balloon.h"
#include "runtime/vm/control_server.h"
#include "runtime/vm/dirty_rate.h"
#include "runtime/vm/machine.h"

struct control {
	struct machine *machine;
	struct balloon *balloon;
	void (*paused)(bool is_paused); /* it has been, or goes on: time that the guest does not see. May be NULL */
	struct dirty_rate dirty_rate;
	struct control_server server;
};

/*
 * Serves on the machine's loop. `listen_fd` stays the caller's, and is non-blocking from now on; `control` stays where
 * it is.
 */
int vm_control_open(struct control *control, int listen_fd, struct machine *machine, struct balloon *balloon,
		    void (*paused)(bool is_paused), struct err *err);
void vm_control_close(struct control *control);

#endif
