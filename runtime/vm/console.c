/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/console.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#define QUEUE_SIZE 64U
/* Iovecs of one read or write; the rest of a longer chain follows in the next one. */
#define IOVECS 32U

enum { CONTROL_TO_GUEST = 2, CONTROL_FROM_GUEST = 3 };

/* Control messages that wait, by bit, in the order in which a driver wants them. */
enum pending { PENDING_ADD, PENDING_CONSOLE, PENDING_OPEN, PENDING_NAME, PENDING_RESIZE, PENDING_COUNT };

static const uint16_t events[PENDING_COUNT] = {
	[PENDING_ADD] = VIRTIO_CONSOLE_PORT_ADD,   [PENDING_CONSOLE] = VIRTIO_CONSOLE_CONSOLE_PORT,
	[PENDING_OPEN] = VIRTIO_CONSOLE_PORT_OPEN, [PENDING_NAME] = VIRTIO_CONSOLE_PORT_NAME,
	[PENDING_RESIZE] = VIRTIO_CONSOLE_RESIZE,
};

/* What stands behind a message's header. */
union message_tail {
	char name[CONSOLE_MAX_NAME_BYTES];
	struct {
		uint16_t cols, rows;
	} size;
};

struct message {
	struct virtio_console_control control;
	union message_tail tail;
};

static struct console *console_of(struct virtio_device *device)
{
	return (struct console *)(void *)device;
}

static unsigned input_queue(unsigned port)
{
	return port ? 2 * port + 2 : 0;
}

static unsigned output_queue(unsigned port)
{
	return input_queue(port) + 1;
}

static bool port_is_open(const struct console_port_state *port)
{
	return !port->out_broken && !(port->in_ended && port->in_fd == port->out_fd);
}

/* --- control messages (5.3.6.2) ----------------------------------------------------------------------------------- */

static size_t message_make(const struct console *console, unsigned index, enum pending what, struct message *message)
{
	const struct console_port_state *port = &console->ports[index];
	size_t tail = 0;

	*message = (struct message){.control = {.id = index, .event = events[what], .value = 1}};
	if (what == PENDING_OPEN) {
		message->control.value = port_is_open(port);
	} else if (what == PENDING_NAME) {
		tail = strlen(port->name);
		memcpy(message->tail.name, port->name, tail);
	} else if (what == PENDING_RESIZE) {
		tail = sizeof(message->tail.size);
		message->tail.size.cols = port->cols;
		message->tail.size.rows = port->rows;
	}
	return sizeof(message->control) + tail;
}

/* The next message that waits, or false. */
static bool message_next(struct console *console, unsigned *ret_port, enum pending *ret_what)
{
	for (unsigned i = 0; i < console->port_count; i++)
		if (console->ports[i].pending) {
			*ret_port = i;
			*ret_what = (enum pending)__builtin_ctz(console->ports[i].pending);
			return true;
		}
	return false;
}

/* As many as the guest has buffers for; the others wait for its next kick. */
static void control_send(struct console *console)
{
	struct virtio_device *device = &console->device;
	struct virtqueue *queue = &device->queues[CONTROL_TO_GUEST];
	struct vq_chain chain;
	struct message message;
	enum pending what;
	unsigned port;

	do {
		while (message_next(console, &port, &what) && virtio_pop(device, CONTROL_TO_GUEST, &chain)) {
			size_t len = message_make(console, port, what, &message);

			if (vq_chain_write(&chain, 0, &message, len) < len) {
				virtio_break(device, CONTROL_TO_GUEST, "a buffer too small for a control message");
				return;
			}
			vq_push(queue, chain.head, (uint32_t)len);
			console->ports[port].pending &= (uint8_t) ~(1U << what);
		}
	} while (vq_kicks_on(queue) && message_next(console, &port, &what));
	vq_notify(queue);
}

/* A port that the driver has not made yet is described to it in full once it has. */
static void pend(struct console_port_state *port, enum pending what)
{
	if (port->guest_ready || what == PENDING_ADD)
		port->pending |= (uint8_t)(1U << what);
}

/* The guest has made the port and wants to know all about it. */
static void describe(struct console_port_state *port)
{
	if (port->is_console)
		pend(port, PENDING_CONSOLE);
	if (port_is_open(port))
		pend(port, PENDING_OPEN);
	if (port->name[0])
		pend(port, PENDING_NAME);
	if (port->is_console && port->cols)
		pend(port, PENDING_RESIZE);
}

static void port_input(struct console *console, unsigned index);

static bool serve_control(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct console *console = console_of(device);
	struct virtio_console_control message = {0};
	bool whole = vq_chain_read(chain, 0, &message, sizeof(message)) == sizeof(message);
	struct console_port_state *port = message.id < console->port_count ? &console->ports[message.id] : NULL;

	vq_push(queue, chain->head, 0);
	if (!whole)
		return true;
	if (message.event == VIRTIO_CONSOLE_DEVICE_READY && message.value == 1) {
		for (unsigned i = 0; i < console->port_count; i++)
			pend(&console->ports[i], PENDING_ADD);
	} else if (message.event == VIRTIO_CONSOLE_PORT_READY && message.value == 1 && port) {
		port->guest_ready = true;
		describe(port);
	} else if (message.event == VIRTIO_CONSOLE_PORT_OPEN && port) {
		port->guest_open = message.value == 1;
		port_input(console, message.id);
	}
	return true;
}

/* The guest learns that a stream has ended. */
static void port_changed(struct console *console, struct console_port_state *port)
{
	if (port_is_open(port))
		return;
	pend(port, PENDING_OPEN);
	control_send(console);
}

/* --- the guest's output ------------------------------------------------------------------------------------------- */

static void output_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events);

/* Writes what is left of the chain. False: the stream takes no more for now. */
static bool write_chain(struct console_port_state *port, const struct vq_chain *chain)
{
	struct iovec iov[IOVECS];

	while (port->sent < chain->readable_bytes && !port->out_broken) {
		unsigned count = vq_slice(vq_readable(chain), chain->readable_count, port->sent,
					  chain->readable_bytes - port->sent, iov, IOVECS);
		ssize_t part = writev(port->out_fd, iov, (int)count);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0 && errno == EAGAIN)
			return false;
		if (part < 0)
			port->out_broken = true;
		else
			port->sent += (uint32_t)part;
	}
	port->sent = 0;
	return true;
}

static unsigned port_of_queue(const struct console *console, const struct virtqueue *queue)
{
	unsigned index = (unsigned)(queue - console->queues);

	return index < 2 ? 0 : (index - 2) / 2;
}

static bool serve_output(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct console *console = console_of(device);
	struct console_port_state *port = &console->ports[port_of_queue(console, queue)];
	bool was_broken = port->out_broken;

	/*
	 * What was written of it is remembered, and the chain comes again: it may be another by then, which is the
	 * guest's loss.
	 */
	if (!write_chain(port, chain)) {
		(void)virtio_watch(device, &port->output, port->out_fd, output_ready, EPOLLOUT, NULL);
		return false;
	}
	vq_push(queue, chain->head, 0);
	if (port->out_broken && !was_broken)
		port_changed(console, port);
	return true;
}

static void port_output(struct console *console, unsigned index)
{
	virtio_forget(&console->ports[index].output);
	virtio_serve(&console->device, output_queue(index), serve_output);
}

static void output_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	struct console *console = console_of(device);

	(void)epoll_events;
	port_output(console, (unsigned)(CONTAINER_OF(source, struct console_port_state, output) - console->ports));
}

/* --- its input ---------------------------------------------------------------------------------------------------- */

static void input_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events);

static bool serve_input(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct console *console = console_of(device);
	unsigned index = port_of_queue(console, queue);
	struct console_port_state *port = &console->ports[index];
	struct iovec iov[IOVECS];
	unsigned count = vq_slice(vq_writable(chain), chain->writable_count, 0, chain->writable_bytes, iov, IOVECS);
	ssize_t part;

	if (count == 0) {
		virtio_break(device, input_queue(index), "a buffer for input that cannot be written to");
		return true;
	}
	do
		part = readv(port->in_fd, iov, (int)count);
	while (part < 0 && errno == EINTR);
	if (part < 0 && errno == EAGAIN) {
		(void)virtio_watch(device, &port->input, port->in_fd, input_ready, EPOLLIN, NULL);
		return false;
	}
	if (part <= 0) {
		port->in_ended = true;
		port_changed(console, port);
		return false;
	}
	vq_push(queue, chain->head, (uint32_t)part);
	return true;
}

/* Reads as long as there is something, somebody wants it, and there is room for it. */
static void port_input(struct console *console, unsigned index)
{
	struct console_port_state *port = &console->ports[index];

	virtio_forget(&port->input);
	if (port->guest_open && !port->in_ended)
		virtio_serve(&console->device, input_queue(index), serve_input);
}

static void input_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	struct console *console = console_of(device);

	(void)epoll_events;
	port_input(console, (unsigned)(CONTAINER_OF(source, struct console_port_state, input) - console->ports));
}

/* --- the device --------------------------------------------------------------------------------------------------- */

static void console_kick(struct virtio_device *device, unsigned queue)
{
	struct console *console = console_of(device);
	unsigned port = port_of_queue(console, &console->queues[queue]);

	if (queue == CONTROL_TO_GUEST) {
		control_send(console);
	} else if (queue == CONTROL_FROM_GUEST) {
		virtio_serve(device, queue, serve_control);
		control_send(console);
	} else if (queue % 2) {
		port_output(console, port);
	} else {
		port_input(console, port);
	}
}

static int console_activate(struct virtio_device *device, struct err *err)
{
	struct console *console = console_of(device);

	(void)err;
	/* A driver that knows of one port only never says that it has opened it. */
	console->ports[0].guest_open = !virtio_has(device, VIRTIO_CONSOLE_F_MULTIPORT);
	port_input(console, 0);
	return 0;
}

static void console_reset(struct virtio_device *device)
{
	struct console *console = console_of(device);

	for (unsigned i = 0; i < console->port_count; i++) {
		struct console_port_state *port = &console->ports[i];

		virtio_forget(&port->input);
		virtio_forget(&port->output);
		port->guest_open = port->guest_ready = false;
		port->pending = 0;
		port->sent = 0;
	}
}

static void console_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	const struct console *console = console_of(device);

	virtio_config_copy(&console->config, sizeof(console->config), offset, to, len);
}

static const struct virtio_ops console_ops = {
	.id = VIRTIO_ID_CONSOLE,
	.name = "console",
	.queues = CONSOLE_MAX_QUEUES,
	.queue_size = QUEUE_SIZE,
	.features = VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE) | VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT),
	.activate = console_activate,
	.reset = console_reset,
	.kick = console_kick,
	.config_read = console_config_read,
};

static int port_open(struct console_port_state *state, const struct console_port *port, struct err *err)
{
	int r;

	if (port->name && text_copy(state->name, sizeof(state->name), port->name) < 0)
		return err_say(err, EINVAL, "console port '%s': the name is longer than %u bytes", port->name,
			       CONSOLE_MAX_NAME_BYTES);
	r = fd_set_nonblock(state->in_fd, true);
	if (r >= 0)
		r = fd_set_nonblock(state->out_fd, true);
	return r < 0 ? err_set(err, r, "console port '%s'", port->name ? port->name : "") : 0;
}

int console_open(struct console *console, const struct console_port *ports, unsigned port_count, struct loop *loop,
		 const struct guest_memory *memory, struct err *err)
{
	int r = 0;

	*console = (struct console){.port_count = port_count, .config.max_nr_ports = port_count};
	virtio_device_init(&console->device, &console_ops, console->queues, loop, memory);
	if (port_count == 0 || port_count > CONSOLE_MAX_PORTS) {
		console->port_count = 0;
		return err_say(err, EINVAL, "a console of %u ports", port_count);
	}
	console->device.queue_count = 2 * (port_count + 1);
	for (unsigned i = 0; i < port_count; i++) {
		console->ports[i].in_fd = ports[i].fd;
		console->ports[i].out_fd = ports[i].out_fd >= 0 ? ports[i].out_fd : ports[i].fd;
		console->ports[i].is_console = ports[i].is_console;
	}
	for (unsigned i = 0; r >= 0 && i < port_count; i++)
		r = port_open(&console->ports[i], &ports[i], err);
	if (r < 0)
		console_close(console);
	return r;
}

void console_close(struct console *console)
{
	virtio_device_close(&console->device);
	for (unsigned i = 0; i < console->port_count; i++) {
		struct console_port_state *port = &console->ports[i];

		if (port->out_fd != port->in_fd)
			scope_fd(&port->out_fd);
		scope_fd(&port->in_fd);
		port->in_fd = port->out_fd = -1;
	}
}

int console_resize(struct console *console, unsigned index, uint16_t cols, uint16_t rows)
{
	struct virtio_device *device = &console->device;
	struct console_port_state *port = &console->ports[index];

	if (index >= console->port_count || !port->is_console)
		return -EINVAL;
	(void)pthread_mutex_lock(&device->lock);
	port->cols = cols;
	port->rows = rows;
	if (index == 0) {
		console->config.cols = cols;
		console->config.rows = rows;
		virtio_config_changed(device);
	}
	pend(port, PENDING_RESIZE);
	control_send(console);
	(void)pthread_mutex_unlock(&device->lock);
	return 0;
}
