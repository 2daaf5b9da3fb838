/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network device whose queues the host's kernel serves (vhost-net): the guest's kicks and the interrupts go from
 * kernel to kernel, and no frame comes through this process. The device is the same for the guest, with the same
 * features.
 */
#ifndef HULL_RUNTIME_VM_NIC_VHOST_H
#define HULL_RUNTIME_VM_NIC_VHOST_H

#include "runtime/vm/nic.h"

/*
 * Hands the queues of `nic`, just opened and on no bus yet, to `vhost_fd`, an open /dev/vhost-net, which the device
 * owns, also when this fails. The memory is this process's, and from now on it must not fork a process that goes on
 * with it. 0, or -errno with words: the device is as it was then.
 */
int nic_use_vhost(struct nic *nic, int vhost_fd, struct err *err);

#endif
