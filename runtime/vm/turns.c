/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/turns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "runtime/base/scope.h"

#define PAUSE_MS 20 /* at the front */

enum answer { FREE, TAKEN, NO_LOCKS };

static enum answer lock(const struct turns *turns, unsigned byte)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(turns->fd, F_OFD_SETLK, &range) == 0)
		return FREE;
	return errno == EAGAIN || errno == EACCES ? TAKEN : NO_LOCKS;
}

static void unlock(const struct turns *turns, unsigned first, unsigned count)
{
	struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};

	(void)fcntl(turns->fd, F_OFD_SETLK, &range);
}

static void move_up(struct turns *turns)
{
	unsigned place = 0;

	turns->still_ms += turns_pause_ms(turns);
	while (place < turns->place && lock(turns, TURNS_LINE + place) != FREE)
		place++;
	if (place == turns->place)
		return;
	if (turns->place < TURNS_PLACES)
		unlock(turns, TURNS_LINE + turns->place, 1);
	turns->place = place;
	turns->still_ms = 0;
}

void turns_open(struct turns *turns, int fd)
{
	cpu_set_t processors;

	/* It fails where there are more processors than the set has room for. */
	*turns = (struct turns){.fd = fd, .count = TURNS_LINE, .place = TURNS_PLACES};
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0)
		turns->count = (unsigned)CPU_COUNT(&processors);
}

bool turns_take(struct turns *turns)
{
	if (turns->fd < 0)
		return true;
	for (unsigned i = 0; i < turns->count; i++) {
		/* Where a file system has no locks, there is no way to wait. */
		if (lock(turns, i) != TAKEN) {
			unlock(turns, TURNS_LINE, TURNS_PLACES);
			return true;
		}
	}
	move_up(turns);
	if (turns->still_ms < TURNS_PATIENCE_MS)
		return false;
	turns_close(turns);
	return true;
}

unsigned turns_pause_ms(const struct turns *turns)
{
	return PAUSE_MS * (turns->place + 1);
}

/* Others may have copies of the descriptor: it is not the closing that unlocks. */
void turns_close(struct turns *turns)
{
	if (turns->fd < 0)
		return;
	unlock(turns, 0, 0); /* to the file's end, wherever that is */
	scope_fd(&turns->fd);
	turns->fd = -1;
}
