/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a network device has in common, whoever serves its queues. For nic*.c. */
#ifndef HULL_RUNTIME_VM_NIC_PARTS_H
#define HULL_RUNTIME_VM_NIC_PARTS_H

#include "runtime/vm/nic.h"

/* When the driver is ready: the tap gives it unfinished frames of the kinds that it takes, and no others. */
int nic_set_offloads(const struct nic *nic, struct err *err);
void nic_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len);

#endif
