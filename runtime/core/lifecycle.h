/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of an instance, who may change them, and what is true now.
 *
 *             READY            STARTED             ENDED
 *   creating -------> created ---------> running ---------> stopped
 *                        |                  ^ |                ^
 *                        |           RESUME | | PAUSE          |
 *                        |                paused  -------------+
 *                        +-------------------------------------+
 *
 * The record is a claim about the past; the kernel knows the present. A record of another boot, or of a process that is
 * gone, is of a stopped instance, whatever it says. 'paused' is never written: the freezer is asked. A record that says
 * creating and whose creator is gone is of a creation that was killed: it is undone, not continued.
 */
#ifndef HULL_RUNTIME_CORE_LIFECYCLE_H
#define HULL_RUNTIME_CORE_LIFECYCLE_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/core/store.h"
#include "runtime/spec/record.h"

/* What somebody wants to do with an instance. */
enum lifecycle_action {
	ACTION_START,
	ACTION_EXEC,
	ACTION_KILL,
	ACTION_PAUSE,
	ACTION_RESUME,
	ACTION_UPDATE,
	ACTION_CHECKPOINT,
	ACTION_DELETE,
	ACTION_COUNT
};

struct lifecycle {
	enum record_status status; /* as it is now */
	bool interrupted;	   /* creating, and nobody is at it any more: to be undone */
	bool unattended;	   /* running, made by hull run, and its keeper is gone */
	struct record_exit exit;   /* for stopped ones; known only if somebody saw it */
	uint64_t finished;	   /* ns since the epoch; 0: unknown */
};

/*
 * Looks at what the record claims and at the kernel, and says what is so. `state_fd` is the instance's folder. A
 * stopped one's exit comes from the record, or from the file that its keeper left. With `ask_freezer` false, paused
 * ones are told as running: cheaper.
 */
struct lifecycle lifecycle_look(const struct record *record, int state_fd, bool ask_freezer);

/*
 * Whether a process that a record of this boot names still runs: that one, none that has its number now. False for one
 * that was never there (pid 0).
 */
bool lifecycle_is_alive(const struct record_process *process);
/* Whether one that seems to be dying has ended; gives it some time for that. */
bool lifecycle_dies(const struct record_process *process);

/* 0, or -EINVAL with words such as "container 'x' is stopped: it cannot be paused". */
int lifecycle_allows(const struct record *record, const struct lifecycle *now, enum lifecycle_action action,
		     struct err *err);

/* Writes the record, atomically; the lock of the instance must be held. Not durable: it dies with the boot. */
int lifecycle_write(const struct record *record, int state_fd, struct err *err);

/*
 * Changes the status as the picture above allows (-EINVAL otherwise), with its time, and writes the record. The lock
 * must be held.
 */
int lifecycle_enter(struct record *record, int state_fd, enum record_status status, struct err *err);

/*
 * Reads an instance's record. `arena` holds it. -ENOENT with words: its folder has none, so it is no instance. -EBADMSG
 * with words: it is damaged, or of a newer hull; such an instance can only be removed by force. In a record of another
 * boot there are no processes and no cgroup: their numbers and names are of others by now.
 */
int lifecycle_read(struct arena *arena, int state_fd, const char *id, struct record *ret, struct err *err);

/*
 * What can be made out of a record that lifecycle_read() refuses with -EBADMSG, for removal by force (see
 * record_salvage()).
 */
void lifecycle_salvage(struct arena *arena, int state_fd, const char *id, struct record *ret);

#endif
