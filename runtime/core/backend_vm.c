// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Machines: the first process is hull-vmm in a jail, which becomes the monitor (kvm) or starts QEMU (qemu), and routes
 * between the guest's agent and the host's clients. Both rows are made here, of the same functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/address.h"
#include "net/network.h"
#include "net/stand_in.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/control.h"
#include "runtime/core/exec.h"
#include "runtime/core/fault.h"
#include "runtime/core/instance.h"
#include "runtime/core/netfiles.h"
#include "runtime/core/sealed.h"
#include "runtime/core/steps.h"
#include "runtime/core/steps_parts.h"
#include "runtime/spec/plan_vm.h"
#include "runtime/vm/agent_client.h"
#include "runtime/vm/agent_protocol.h"

#define REQUEST_NAME	   "request"	 /* of a memory file */
#define TURNS_FILE	   ".boot-turns" /* begins with a dot, as no instance does */
#define END_TIMEOUT_MS	   3000
#define NET_FILE_MAX_BYTES ((size_t)256 << 10)

/* What is collected for the monitor. */
struct preparing {
	struct instance *instance;
	const struct plan_vm *vm;
	struct vm_request request;
	struct guest_start start;
	struct guest_network network;
	int request_fd; /* the first that is given: filled when all others are known */
};

/* Hands a descriptor on: its number for the monitor, or -errno. Takes it over. */
static int give(struct preparing *p, int fd, struct err *err)
{
	return fd < 0 ? fd : given_add(&p->instance->given, fd, err);
}

static int give_file(struct preparing *p, const char *path, int flags, struct err *err)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "open '%s'", path) : give(p, fd, err);
}

/* --- The parts ---------------------------------------------------------------------------------------------------- */

static int give_program(struct preparing *p, struct err *err)
{
	char path[INSTALLED_PATH_BYTES];
	int result = installed_program("hull-vmm", path, err);

	if (result >= 0)
		result = p->instance->given.program_fd = sealed_open(path, err);
	if (result < 0)
		return result;
	/* A place for the request, which comes first and is made last. */
	return p->request_fd = give(p, fd_memory_empty(REQUEST_NAME, err), err);
}

/* Both may be a bundle's own. */
static int give_regular(struct preparing *p, const char *path, struct err *err)
{
	int fd = file_open_regular(path, O_RDONLY, err);

	return fd < 0 ? fd : give(p, fd, err);
}

static int give_kernel(struct preparing *p, struct err *err)
{
	int result = p->request.kernel_fd = give_regular(p, p->vm->kernel, err);

	if (result >= 0)
		result = p->request.initrd_fd = give_regular(p, p->vm->initrd, err);
	if (result < 0)
		return err_wrap(err, "kernel");
	if (p->vm->backend == VM_BACKEND_KVM)
		result = p->request.kvm_fd = give_file(p, "/dev/kvm", O_RDWR, err);
	return result;
}

/*
 * A second monitor on a disk that is written to would ruin it: the lock is on the open file, which the machine has till
 * its end.
 */
static int give_disks(struct preparing *p, struct err *err)
{
	for (size_t i = 0; i < p->vm->disks.count; i++) {
		const struct plan_vm_disk *from = &p->vm->disks.items[i];
		struct vm_disk *disk = &p->request.disks[p->request.disk_count++];

		*disk = (struct vm_disk){.read_only = from->read_only, .serial = from->serial, .format = from->format};
		/* For what QEMU complains of in there. Of a raw disk it cannot; the monitor learns no other name. */
		if (from->format != DISK_FORMAT_RAW)
			disk->name = from->path;
		disk->fd = give(p, disk_file_open(from->path, from->format, from->read_only, err), err);
		if (disk->fd < 0)
			return err_wrap(err, "%s", from->member);
	}
	return 0;
}

static int give_bridge_card(struct preparing *p, struct err *err)
{
	const struct plan *plan = p->instance->plan;
	struct vm_nic *nic = &p->request.nics[0];
	struct net_lease lease = {0};
	int fd = -1, result = net_attach_tap(&plan->net.request, &fd, &lease, err);

	if (result < 0)
		return err_wrap(err, "network");
	nic->tap_fd = give(p, fd, err);
	result = nic->tap_fd < 0 ? nic->tap_fd : step_keep_lease(p->instance, &lease, err);
	if (result < 0)
		return result;
	p->request.nic_count = 1;
	(void)address_parse_mac(lease.mac, nic->mac);
	p->network = (struct guest_network){
		.mac = p->instance->record.net.mac,
		.address = p->instance->record.net.ip,
		.prefix = lease.prefix_len,
		.gateway = p->instance->record.net.gateway,
	};
	p->start.network = &p->network;
	return netfiles_write(plan, &lease, err);
}

/* The guest's interface is to be what the namespace's is. */
static int tell_interface(struct preparing *p, const struct interface *from, struct err *err)
{
	struct arena *arena = p->instance->arena;
	struct guest_interface *to = LIST_ADD(arena, &p->start.interfaces);
	char mac[18];

	if (!to)
		return arena_check(arena, err);
	to->mac = arena_strdup(arena, address_mac_words(from->mac, mac));
	to->name = arena_strdup(arena, from->name);
	to->mtu = from->mtu;
	for (unsigned i = 0; i < from->address_count; i++)
		if (strv_add(arena, &to->addresses, arena_strdup(arena, from->addresses[i])) < 0)
			return arena_check(arena, err);
	for (unsigned i = 0; i < from->route_count; i++) {
		struct guest_route *route = LIST_ADD(arena, &to->routes);

		if (!route)
			return arena_check(arena, err);
		route->to = arena_strdup(arena, from->routes[i].to);
		route->via = from->routes[i].via[0] ? arena_strdup(arena, from->routes[i].via) : NULL;
	}
	return arena_check(arena, err);
}

static int stand_in(struct preparing *p, struct err *err)
{
	struct stand_in place;
	int result = net_stand_in(p->instance->plan->net.stand_in, &place, err);

	if (result < 0)
		return err_wrap(err, "network");
	for (unsigned i = 0; i < place.count; i++) {
		struct vm_nic *nic = &p->request.nics[i];
		int given = give(p, fd_take(&place.taps[i]), err);

		if (result >= 0)
			result = given;
		nic->tap_fd = given;
		memcpy(nic->mac, place.interfaces[i].mac, sizeof(nic->mac));
		if (result >= 0)
			result = tell_interface(p, &place.interfaces[i], err);
	}
	p->request.nic_count = place.count;
	return result;
}

/*
 * The host's kernel moves the frames of a machine on KVM, where it can: that is a module of its own, and not
 * everywhere.
 */
static int give_vhost(struct preparing *p, struct vm_nic *nic, struct err *err)
{
	int fd = p->vm->backend == VM_BACKEND_KVM ? open("/dev/vhost-net", O_RDWR | O_CLOEXEC) : -1;

	nic->vhost_fd = -1;
	return fd < 0 ? 0 : (nic->vhost_fd = give(p, fd, err));
}

static int give_cards(struct preparing *p, struct err *err)
{
	const struct plan *plan = p->instance->plan;
	int result;

	if (p->vm->has_nic) {
		result = give_bridge_card(p, err);
	} else {
		result = plan->net.kind == PLAN_NET_STAND_IN ? stand_in(p, err) : 0;
		if (result >= 0)
			result = netfiles_write(plan, NULL, err);
	}
	for (unsigned i = 0; i < p->request.nic_count && result >= 0; i++)
		result = give_vhost(p, &p->request.nics[i], err);
	if (result < 0)
		return result;
	/* The plan could not count what an engine has made. */
	return vm_check_room(p->vm->backend, p->vm->disks.count + p->request.nic_count + p->vm->volumes.count,
			     p->vm->volumes.count, err);
}

static int give_sockets(struct preparing *p, struct err *err)
{
	int result = p->request.agent_listen_fd = give(p, sock_listen(p->instance->state_fd, AGENT_SOCKET, err), err);

	if (result >= 0)
		result = p->request.control_listen_fd =
			give(p, sock_listen(p->instance->state_fd, CONTROL_SOCKET, err), err);
	return result;
}

/* --- The documents ------------------------------------------------------------------------------------------------ */

static int read_net_file(struct preparing *p, const char *path, const char **ret, struct err *err)
{
	size_t len;
	char *data;
	int result;

	if (!path)
		return 0;
	result = file_read(p->instance->arena, AT_FDCWD, path, NET_FILE_MAX_BYTES, &data, &len, err);
	if (result >= 0)
		*ret = data;
	return result;
}

/* The other end is its keeper's. */
static int give_remains(struct preparing *p, struct err *err)
{
	int ends[2], result;

	if (!p->instance->request->kept)
		return 0;
	result = sock_pair(ends, err);
	if (result < 0)
		return result;
	p->instance->remains_fd = ends[0];
	return p->request.remains_fd = give(p, ends[1], err);
}

/*
 * An emulated machine keeps a processor busy while it boots. The file is for locks alone; as a FIFO it takes no more of
 * the host's memory than that, whatever is written there by somebody who should not.
 */
static int give_turns(struct preparing *p, struct err *err)
{
	int folder = p->instance->store->fd, fd;

	if (p->vm->backend != VM_BACKEND_QEMU || p->vm->accelerated)
		return 0;
	if (mkfifoat(folder, TURNS_FILE, 0600) < 0 && errno != EEXIST)
		return err_set(err, errno, "make '%s' in the state directory", TURNS_FILE);
	fd = openat(folder, TURNS_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "open '%s' in the state directory", TURNS_FILE);
	return p->request.turns_fd = give(p, fd, err);
}

static int give_start(struct preparing *p, struct err *err)
{
	const struct extension_network_files *files = &p->instance->plan->net.files;
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result = read_net_file(p, files->hosts, &p->start.files.hosts, err);

	if (result >= 0)
		result = read_net_file(p, files->hostname, &p->start.files.hostname, err);
	if (result >= 0)
		result = read_net_file(p, files->resolv_conf, &p->start.files.resolv_conf, err);
	if (result >= 0)
		result = guest_start_write(&p->start, &words, err);
	if (result >= 0 && words.len > AGENT_DOCUMENT_MAX)
		result = err_say(err, E2BIG, "config.json is too long for a machine");
	if (result >= 0)
		result = p->request.start_fd = give(p, fd_memory("start", words.data, words.len, err), err);
	return result;
}

/* How long a guest that is up may take to start its program. */
static unsigned start_seconds(const struct guest_start *start)
{
	bool has_much_to_do = start->own.count > 0;

	for (size_t i = 0; i < start->volumes.count; i++)
		has_much_to_do = has_much_to_do || start->volumes.items[i].fill;
	return has_much_to_do ? VM_FILL_SECONDS : VM_START_SECONDS;
}

static int write_request(struct preparing *p, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result;

	p->request.backend = p->vm->backend;
	p->request.memory_bytes = p->vm->memory_bytes;
	p->request.cpus = p->vm->cpus;
	p->request.cmdline = p->vm->cmdline;
	for (size_t i = 0; i < p->vm->volumes.count; i++)
		p->request.volumes[p->request.volume_count++] = p->vm->volumes.items[i];
	p->request.terminal = p->instance->plan->process.terminal;
	p->request.stdin_open = p->start.interactive;
	p->request.accelerated = p->vm->accelerated;
	p->request.qemu = p->vm->qemu;
	p->request.boot_seconds = fault_point("machine", "patience", NULL) < 0 ? 1 : VM_BOOT_SECONDS;
	p->request.start_seconds = fault_point("machine", "start-patience", NULL) < 0 ? 1 : start_seconds(&p->start);
	vm_request_write(&p->request, &words);
	result = text_check(&words, err);
	return result < 0 ? result : fd_memory_fill(p->request_fd, REQUEST_NAME, words.data, words.len, err);
}

static int (*const parts[])(struct preparing *p, struct err *err) = {
	give_program, give_kernel, give_disks, give_sockets,  give_remains,
	give_turns,   give_cards,  give_start, write_request,
};

static int prepare(struct instance *instance, struct err *err)
{
	struct preparing p = {
		.instance = instance,
		.vm = instance->plan->vm,
		.request = {.initrd_fd = -1,
			    .kvm_fd = -1,
			    .agent_listen_fd = -1,
			    .control_listen_fd = -1,
			    .remains_fd = -1,
			    .turns_fd = -1},
		.start = *instance->plan->vm->start,
	};
	struct err ignored = ERR_INIT;
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && result >= 0; i++)
		result = parts[i](&p, err);
	if (result < 0)
		(void)step_network_undo(instance, &ignored);
	return result < 0 ? result : 0;
}

/*
 * The machine's interfaces were told to its guest when it was made. Docker, and podman with ids of the container's own,
 * make theirs after that.
 */
static int starting(const struct record *record, struct err *err)
{
	char path[64], name[IF_NAMESIZE];
	int result;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", record->init.pid);
	result = net_stand_in_missed(path, name, err);
	/* It has ended: that is found out, and said, as of any other. */
	if (result == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return result <= 0 ? result
			   : err_say(err, ENOTSUP,
				     "interface '%s' was made after the machine, which has those alone that were there "
				     "before: give it a network namespace that is ready, or no network",
				     name);
}

/* --- What is asked of the guest ----------------------------------------------------------------------------------- */

static int signal_all(const struct store *store, const struct record *record, int signo, struct err *err)
{
	CLEANUP_FD int agent = vm_connect_agent(store, record, err);

	return agent < 0 ? agent : agent_client_signal_all(agent, signo, err);
}

/* SIGKILL within the guest: its agent writes the disk out, and tells of the end. */
static int end(const struct store *store, const struct record *record)
{
	CLEANUP_FD int pidfd = proc_open(record->init.pid, record->init.start_ticks);
	struct err ignored = ERR_INIT;

	if (pidfd < 0 || signal_all(store, record, SIGKILL, &ignored) < 0)
		return -ESRCH;
	return proc_wait_end(pidfd, END_TIMEOUT_MS);
}

#define MACHINE(words)                                                                                        \
	{                                                                                                     \
		.name = (words), .prepare = prepare, .prepare_undo = step_network_undo, .starting = starting, \
		.exec = exec_vm, .processes = vm_processes, .stat = vm_usage, .update = vm_update,            \
		.signal_all = signal_all, .end = end, .thawed = vm_thawed, .dirty_rate = vm_dirty_rate,       \
	}

const struct backend_ops backend_kvm = MACHINE("kvm");
const struct backend_ops backend_qemu = MACHINE("qemu");
