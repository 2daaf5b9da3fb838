/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ipam.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define LOCK_NAME      "lock"
#define ADDRESSES_NAME "addresses"
#define VERSION	       1
#define STATES_AT      4096
#define HOLDERS_AT     (STATES_AT + IPAM_SLOTS)
#define HOLDER_STRIDE  128

struct header {
	char magic[8];
	uint32_t version;
	uint32_t base;
	uint32_t prefix_len;
	uint32_t next;
	char bridge[IPAM_BRIDGE_BYTES];
};
static const char magic[8] = "hullnet";

struct image {
	union {
		struct header header;
		char page[STATES_AT];
	};
	uint8_t states[IPAM_SLOTS];
};
_Static_assert(sizeof(struct image) == HOLDERS_AT, "the file's first part is two pages");
_Static_assert(IPAM_HOLDER_BYTES <= HOLDER_STRIDE, "a holder fits its record, which never crosses a page");

/*
 * Whether what was read is a state of this version. A state that is not is set up anew: it can only be of another
 * hull.
 */
static bool image_is_valid(const struct image *image)
{
	const struct header *header = &image->header;

	return memcmp(header->magic, magic, sizeof(magic)) == 0 && header->version == VERSION &&
	       header->prefix_len == IPAM_PREFIX_LEN && (header->base & ~address_mask(IPAM_PREFIX_LEN)) == 0 &&
	       header->bridge[0] && header->bridge[IPAM_BRIDGE_BYTES - 1] == 0;
}

static int read_state(struct ipam *ipam, struct err *err)
{
	CLEANUP_FD int fd = openat(ipam->dir_fd, ADDRESSES_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct image image;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open the state of the network");
	got = pread(fd, &image, sizeof(image), 0);
	if (got < 0)
		return err_set(err, errno, "read the state of the network");
	if ((size_t)got < sizeof(image) || !image_is_valid(&image))
		return 0;
	memcpy(ipam->bridge, image.header.bridge, sizeof(ipam->bridge));
	ipam->subnet = (struct address_subnet){.base = image.header.base, .prefix_len = image.header.prefix_len};
	ipam->next = image.header.next;
	memcpy(ipam->states, image.states, sizeof(ipam->states));
	ipam->fd = fd_take(&fd);
	return 0;
}

int ipam_open(struct ipam *ipam, const char *state_dir, bool create, struct err *err)
{
	CLEANUP_IPAM struct ipam opened = IPAM_INIT;
	int ret;

	opened.dir_fd = open(state_dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (opened.dir_fd < 0 && errno == ENOENT && !create)
		return -ENOENT;
	if (opened.dir_fd < 0 && errno == ENOENT) {
		ret = file_make_dirs(state_dir, 0700, err);
		if (ret < 0)
			return ret;
		opened.dir_fd = open(state_dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	}
	if (opened.dir_fd < 0)
		return err_set(err, errno, "open folder '%s'", state_dir);
	opened.lock_fd = file_lock(opened.dir_fd, LOCK_NAME, FILE_LOCK_EXCLUSIVE, err);
	if (opened.lock_fd < 0)
		return err_wrap(err, "network state '%s'", state_dir);
	ret = read_state(&opened, err);
	if (ret < 0)
		return ret;
	*ipam = opened;
	opened = IPAM_INIT;
	return 0;
}

void ipam_close(struct ipam *ipam)
{
	scope_fd(&ipam->fd);
	scope_fd(&ipam->dir_fd);
	scope_fd(&ipam->lock_fd);
	ipam->fd = ipam->dir_fd = ipam->lock_fd = -1;
}

int ipam_set_up(struct ipam *ipam, const char *bridge, const struct address_subnet *subnet, struct err *err)
{
	struct image image = {.header = {.version = VERSION,
					 .base = subnet->base,
					 .prefix_len = subnet->prefix_len,
					 .next = IPAM_FIRST_SLOT}};

	memcpy(image.header.magic, magic, sizeof(magic));
	if (text_copy(image.header.bridge, sizeof(image.header.bridge), bridge) < 0)
		return err_say(err, EINVAL, "bridge name '%s' is too long", bridge);
	if (file_replace(ipam->dir_fd, ADDRESSES_NAME, &image, sizeof(image), 0600, FILE_VOLATILE, err) < 0)
		return err_wrap(err, "begin the state of the network");
	scope_fd(&ipam->fd);
	ipam->fd = -1;
	return read_state(ipam, err);
}

struct ipam_port ipam_port(const struct ipam *ipam, unsigned slot)
{
	struct ipam_port to = {0}; /* all of it is a key of the bridge's guard */

	snprintf(to.name, sizeof(to.name), "%.*s-%x", IPAM_BRIDGE_NAME_MAX, ipam->bridge, slot & (IPAM_SLOTS - 1));
	return to;
}

unsigned ipam_slot(const struct ipam *ipam, uint32_t address)
{
	unsigned slot = address - ipam->subnet.base;

	return address_in(&ipam->subnet, address) && slot >= IPAM_FIRST_SLOT && slot <= IPAM_LAST_SLOT ? slot : 0;
}

unsigned ipam_used(const struct ipam *ipam)
{
	unsigned used = 0;

	for (unsigned slot = IPAM_FIRST_SLOT; slot <= IPAM_LAST_SLOT; slot++)
		used += ipam->states[slot] != IPAM_FREE;
	return used;
}

unsigned ipam_next_free(const struct ipam *ipam)
{
	const unsigned count = IPAM_LAST_SLOT - IPAM_FIRST_SLOT + 1;
	/* The number comes from the file: any leads to a slot that exists. */
	const bool exists = ipam->next >= IPAM_FIRST_SLOT && ipam->next <= IPAM_LAST_SLOT;
	const unsigned first = exists ? ipam->next - IPAM_FIRST_SLOT : 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned slot = IPAM_FIRST_SLOT + (first + i) % count;

		if (ipam->states[slot] == IPAM_FREE)
			return slot;
	}
	return 0;
}

static int write_at(const struct ipam *ipam, const void *data, size_t len, off_t at, struct err *err)
{
	ssize_t written = pwrite(ipam->fd, data, len, at);

	if (written == (ssize_t)len)
		return 0;
	return err_set(err, written < 0 ? errno : ENOSPC, "write the state of the network");
}

int ipam_set(struct ipam *ipam, unsigned slot, enum ipam_state state, struct err *err)
{
	const uint8_t byte = (uint8_t)state;
	int ret = write_at(ipam, &byte, 1, STATES_AT + (off_t)slot, err);

	if (ret == 0)
		ipam->states[slot] = byte;
	return ret;
}

int ipam_take(struct ipam *ipam, unsigned slot, const char *holder, struct err *err)
{
	char record[HOLDER_STRIDE] = {0};
	const uint32_t next = slot + 1;
	int ret;

	if (text_copy(record, IPAM_HOLDER_BYTES, holder) < 0 || !holder[0])
		return err_say(err, EINVAL, "instance '%s' cannot hold an address: its id is empty or too long",
			       holder);
	ret = write_at(ipam, record, sizeof(record), HOLDERS_AT + (off_t)slot * HOLDER_STRIDE, err);
	if (ret == 0)
		ret = write_at(ipam, &next, sizeof(next), offsetof(struct header, next), err);
	if (ret < 0)
		return ret;
	ipam->next = next;
	return ipam_set(ipam, slot, IPAM_HELD, err);
}

void ipam_holder(const struct ipam *ipam, unsigned slot, char ret[static IPAM_HOLDER_BYTES])
{
	ssize_t got = pread(ipam->fd, ret, IPAM_HOLDER_BYTES, HOLDERS_AT + (off_t)slot * HOLDER_STRIDE);

	if (ipam->states[slot] != IPAM_HELD || got != IPAM_HOLDER_BYTES || ret[IPAM_HOLDER_BYTES - 1])
		ret[0] = 0;
}
