/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/turns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"

#define PAUSE_MS 20 /* at the front */

enum answer { FREE, TAKEN, NO_LOCKS };

/* `count` 0: to the end, wherever that is. */
static struct flock range(short type, uint64_t first, uint64_t count)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)first,
		.l_len = (off_t)count,
	};
}

static enum answer lock(const struct turns *turns, uint64_t first, uint64_t count)
{
	struct flock wanted = range(F_WRLCK, first, count);

	if (fcntl(turns->fd, F_OFD_SETLK, &wanted) == 0)
		return FREE;
	return errno == EAGAIN || errno == EACCES ? TAKEN : NO_LOCKS;
}

static void unlock(const struct turns *turns, uint64_t first, uint64_t count)
{
	struct flock given = range(F_UNLCK, first, count);

	(void)fcntl(turns->fd, F_OFD_SETLK, &given);
}

/* All that would be the lock of somebody who took it of late, or does at this moment; then the one byte of it. */
static enum answer take(const struct turns *turns, unsigned number, uint64_t now_ms)
{
	uint64_t room = TURNS_ROOM * (1 + number), end = room + TURNS_ROOM, now = room + now_ms;
	uint64_t first = now_ms > TURNS_LAST_MS ? now - TURNS_LAST_MS : room;
	enum answer answer = lock(turns, first, end - first);

	if (answer != FREE)
		return answer;
	if (first < now)
		unlock(turns, first, now - first);
	unlock(turns, now + 1, end - now - 1);
	return FREE;
}

static void move_up(struct turns *turns)
{
	unsigned place = 0;

	turns->still_ms += turns_pause_ms(turns);
	while (place < turns->place && lock(turns, place, 1) != FREE)
		place++;
	if (place == turns->place)
		return;
	if (turns->place < TURNS_PLACES)
		unlock(turns, turns->place, 1);
	turns->place = place;
	turns->still_ms = 0;
}

void turns_open(struct turns *turns, int fd)
{
	cpu_set_t processors;

	/* It fails where there are more processors than the set has room for. */
	*turns = (struct turns){.fd = fd, .count = TURNS_MAX, .place = TURNS_PLACES};
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0)
		turns->count = (unsigned)CPU_COUNT(&processors);
}

bool turns_take(struct turns *turns)
{
	uint64_t now_ms = proc_monotonic_ns() / 1000000;

	if (turns->fd < 0)
		return true;
	for (unsigned i = 0; i < turns->count; i++) {
		/* Where a file system has no locks, there is no way to wait. */
		if (take(turns, i, now_ms) != TAKEN) {
			unlock(turns, 0, TURNS_PLACES);
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
	unlock(turns, 0, 0);
	scope_fd(&turns->fd);
	turns->fd = -1;
}
