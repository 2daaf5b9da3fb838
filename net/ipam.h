/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds which address of a network: one file below its state folder, under one lock.
 *
 * An address is a slot, its distance from the subnet's base. A slot is FREE, HELD by an instance, or LEAVING: given
 * back, but the interface that carries it may still be there.
 *
 *     "addresses":  4096 bytes  header: version, bridge, subnet, where to look for the next free slot
 *                   4096 bytes  a byte for each slot: its state
 *                   128 bytes   for each slot: the holder's id
 *
 * A slot changes by writing its one byte, and what belongs to it is written before that, so whoever is killed in the
 * middle has either taken the slot or not. The file lives as long as the boot: nothing is synced to disk. Looking for
 * a free slot reads one page, however many are held.
 *
 * Every function but ipam_open() needs an open struct ipam, hence the lock.
 */
#ifndef HULL_NET_IPAM_H
#define HULL_NET_IPAM_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

#define IPAM_PREFIX_LEN	  20
#define IPAM_SLOTS	  (1U << (32 - IPAM_PREFIX_LEN))
#define IPAM_GATEWAY_SLOT 1U
#define IPAM_FIRST_SLOT	  2U
#define IPAM_LAST_SLOT	  (IPAM_SLOTS - 2) /* the last is the broadcast address */
#define IPAM_MAX_USED	  1023U		   /* a bridge has 1,024 port numbers, and the first is no port's */
#define IPAM_HOLDER_BYTES 120
#define IPAM_BRIDGE_BYTES 16

enum ipam_state { IPAM_FREE, IPAM_HELD, IPAM_LEAVING };

struct ipam {
	int dir_fd; /* the state folder, for the files that others keep there */
	int lock_fd;
	int fd; /* "addresses", or -1 while the network has not been set up */
	char bridge[IPAM_BRIDGE_BYTES];
	struct address_subnet subnet;
	uint32_t next; /* where to look first */
	uint8_t states[IPAM_SLOTS];
};
#define IPAM_INIT ((struct ipam){.dir_fd = -1, .lock_fd = -1, .fd = -1})

/*
 * Locks (waits for others) and reads the state. With `create` the folder is made; else a missing one is -ENOENT
 * without words. `fd` is -1 afterwards when there is no state yet, or one that another version wrote: the caller sets
 * it up.
 */
int ipam_open(struct ipam *ipam, const char *state_dir, bool create, struct err *err);
void ipam_close(struct ipam *ipam);
#define CLEANUP_IPAM CLEANUP(ipam_close)

/* Begins a state in which every slot is free. `subnet` has IPAM_PREFIX_LEN. */
int ipam_set_up(struct ipam *ipam, const char *bridge, const struct address_subnet *subnet, struct err *err);

/* The longest bridge name: an interface name has room for it, a '-' and a slot in hexadecimal. */
#define IPAM_BRIDGE_NAME_MAX 9
/*
 * The name of a slot's interface on the host, the port of the bridge. A slot has one name as it has one address: this
 * is how the bridge knows who may send with which address.
 */
struct ipam_port {
	char name[16];
};
struct ipam_port ipam_port(const struct ipam *ipam, unsigned slot);

static inline uint32_t ipam_address(const struct ipam *ipam, unsigned slot)
{
	return ipam->subnet.base + slot;
}
/* The slot of an address; 0, which nobody can hold, when it is not one that can be given to an instance. */
unsigned ipam_slot(const struct ipam *ipam, uint32_t address);
static inline enum ipam_state ipam_state(const struct ipam *ipam, unsigned slot)
{
	return ipam->states[slot];
}
/* How many slots are not FREE. */
unsigned ipam_used(const struct ipam *ipam);

/* The next free slot, the one that has been free for longest as a rule; 0 when there is none. */
unsigned ipam_next_free(const struct ipam *ipam);
/* Gives a free slot to a holder. The caller has found it with ipam_next_free() or ipam_slot(). */
int ipam_take(struct ipam *ipam, unsigned slot, const char *holder, struct err *err);
int ipam_set(struct ipam *ipam, unsigned slot, enum ipam_state state, struct err *err);
/* Who holds a slot: "" when nobody, or when the file is damaged there. */
void ipam_holder(const struct ipam *ipam, unsigned slot, char ret[static IPAM_HOLDER_BYTES]);

#endif
