/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hull-image tells while it works: one JSON object a line on its standard output, read by whoever started it.
 */
#ifndef HULL_IMAGES_EVENT_H
#define HULL_IMAGES_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/* What happens meanwhile, for a person who waits. `event` lives only during the call. */
struct image_event {
	enum image_event_kind {
		/* a layer is being unpacked: `what` its digest or file, `done_bytes` of `total_bytes` (0: unknown) */
		IMAGE_EVENT_LAYER,
		IMAGE_EVENT_EXISTS,  /* a layer is in the store already: `what` its digest */
		IMAGE_EVENT_IMAGE,   /* an image is in the store: `what` its id, `name` its full name or NULL */
		IMAGE_EVENT_FREED,   /* gc has removed something: `what`, `done_bytes` its size */
		IMAGE_EVENT_DISK,    /* a disk is being made (images/disk.h): `what` words for what of */
		IMAGE_EVENT_WARNING, /* `what` is one line of words */
	} kind;
	const char *what, *name;
	uint64_t done_bytes, total_bytes;
};
struct image_watch {
	void (*event)(const struct image_event *event, void *context); /* may be NULL */
	void *context;
};

/* Tells a watch; nobody there is fine. */
void event_tell(const struct image_watch *watch, const struct image_event *event);

/*
 * One line, without the newline: {"event":"layer","what":…,"done":…,"total":…}, or
 * {"event":"error","message":…,"code":…,"exit_code":…}.
 */
void event_write(struct text *out, const struct image_event *event);
void event_write_error(struct text *out, const struct err *failure);
/*
 * Reads a line. 1: an event; 0: an error, which is now in *ret_failure; -EINVAL: neither. Strings live in the arena.
 */
int event_read(struct arena *arena, const char *line, size_t len, struct image_event *ret, struct err *ret_failure,
	       struct err *err);

#endif
