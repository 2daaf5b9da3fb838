// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/progress.h"

#include "cli/output.h"
#include "runtime/base/log.h"

static void show(const struct image_event *event, void *context)
{
	char done[32], total[32];

	(void)context;
	switch (event->kind) {
	case IMAGE_EVENT_LAYER:
		if (event->total_bytes)
			output_progress("unpacking %.19s: %s of %s", event->what,
					text_size_words(event->done_bytes, done),
					text_size_words(event->total_bytes, total));
		else
			output_progress("unpacking %.19s: %s", event->what, text_size_words(event->done_bytes, done));
		break;
	case IMAGE_EVENT_DISK:
		output_progress("making a disk of %s", event->what);
		break;
	case IMAGE_EVENT_WARNING:
		log_line(LOG_LEVEL_WARN, "%s", event->what);
		break;
	case IMAGE_EVENT_EXISTS:
	case IMAGE_EVENT_FREED:
		break;
	case IMAGE_EVENT_IMAGE:
		output_progress("%s", "");
		break;
	}
}

struct image_watch progress_watch(void)
{
	return (struct image_watch){.event = show};
}
