/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-console with several named ports (virtio 1.2, section 5.3). Each port is one stream descriptor on this side.
 *
 * Nothing is buffered here. What the stream does not take stays in the guest's queue, and what the guest has no buffers
 * for stays in the stream: each side slows the other down. Control messages wait as bits, a few for each port.
 *
 * A stream that ends closes the port for the guest. Where input and output are two descriptors, the input's end is not
 * told: what the guest says is still wanted. The process ignores SIGPIPE.
 */
#ifndef HULL_RUNTIME_VM_CONSOLE_H
#define HULL_RUNTIME_VM_CONSOLE_H

#include <linux/virtio_console.h>

#include "runtime/vm/virtio.h"

#define CONSOLE_MAX_PORTS      4U
#define CONSOLE_MAX_NAME_BYTES 32U
/* Port 0 has queues 0 and 1, the control channel 2 and 3, port n 2n + 2 and 2n + 3. */
#define CONSOLE_MAX_QUEUES (2 * (CONSOLE_MAX_PORTS + 1))

struct console_port {
	int fd; /* a stream socket, a terminal or a pipe; the device's from now on, also when console_open() fails */
	int out_fd;	  /* where the guest's output goes instead; -1: to `fd` too. The device's as well */
	const char *name; /* found below /sys/class/virtio-ports; NULL: none */
	bool is_console;  /* the guest makes a terminal of it (hvc0) */
};

struct console_port_state {
	int in_fd, out_fd; /* perhaps the same one */
	bool is_console;
	bool guest_ready;    /* the driver has made the port */
	bool guest_open;     /* the guest's side of the port */
	bool in_ended;	     /* the stream gives nothing more */
	bool out_broken;     /* nobody takes what the guest says: it is dropped */
	uint8_t pending;     /* control messages that the guest has to be sent */
	uint32_t sent;	     /* bytes of the first waiting chain that the stream has taken already */
	uint16_t cols, rows; /* of a console */
	char name[CONSOLE_MAX_NAME_BYTES + 1];
	struct virtio_source input, output;
};

struct console {
	struct virtio_device device;
	struct virtqueue queues[CONSOLE_MAX_QUEUES];
	struct virtio_console_config config;
	unsigned port_count;
	struct console_port_state ports[CONSOLE_MAX_PORTS];
};

/* 1..CONSOLE_MAX_PORTS ports. The descriptors become non-blocking. -EINVAL: none, too many, or a name too long. */
int console_open(struct console *console, const struct console_port *ports, unsigned port_count, struct loop *loop,
		 const struct guest_memory *memory, struct err *err);
/* After the transport was closed. */
void console_close(struct console *console);

/*
 * A console port's terminal has this size now. From any thread, without the device's lock. -EINVAL: no such port, or no
 * console.
 */
int console_resize(struct console *console, unsigned port, uint16_t cols, uint16_t rows);

#endif
