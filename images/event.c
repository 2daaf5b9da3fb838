// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/event.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/scope.h"

static const char *const KINDS[] = {
	[IMAGE_EVENT_LAYER] = "layer", [IMAGE_EVENT_EXISTS] = "exists", [IMAGE_EVENT_IMAGE] = "image",
	[IMAGE_EVENT_FREED] = "freed", [IMAGE_EVENT_DISK] = "disk",	[IMAGE_EVENT_WARNING] = "warning",
};
static const char ERROR_KIND[] = "error";

void event_tell(const struct image_watch *watch, const struct image_event *event)
{
	if (watch && watch->event)
		watch->event(event, watch->context);
}

void event_write(struct text *out, const struct image_event *event)
{
	struct json_writer w = {.out = out};

	json_open(&w, NULL);
	json_put_string(&w, "event", KINDS[event->kind]);
	json_put_string(&w, "what", event->what);
	if (event->name)
		json_put_string(&w, "name", event->name);
	if (event->done_bytes || event->total_bytes) {
		json_put_u64(&w, "done", event->done_bytes);
		json_put_u64(&w, "total", event->total_bytes);
	}
	json_close(&w);
}

void event_write_error(struct text *out, const struct err *failure)
{
	struct json_writer w = {.out = out};

	json_open(&w, NULL);
	json_put_string(&w, "event", ERROR_KIND);
	json_put_string(&w, "message", failure->msg);
	json_put_i64(&w, "code", failure->code);
	json_put_i64(&w, "exit_code", failure->exit_code);
	json_close(&w);
}

static const char *get_string(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return value && value->type == JSON_STRING ? value->string : NULL;
}

static uint64_t get_number(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);
	uint64_t number = 0;

	return value && json_u64(value, &number, NULL) >= 0 ? number : 0;
}

static int read_failure(const struct json *object, struct err *ret, struct err *err)
{
	const char *message = get_string(object, "message");
	uint64_t code = get_number(object, "code");

	if (!message || code == 0 || code > INT32_MAX)
		return err_say(err, EINVAL, "hull-image reported an error without words");
	(void)err_say(ret, (int)code, "%s", message);
	ret->exit_code = (int32_t)get_number(object, "exit_code");
	return 0;
}

int event_read(struct arena *arena, const char *line, size_t len, struct image_event *ret, struct err *ret_failure,
	       struct err *err)
{
	const struct json *object;
	const char *kind;
	int r = json_parse(arena, line, len, "hull-image", &object, err);

	if (r < 0)
		return r;
	kind = get_string(object, "event");
	if (kind && strcmp(kind, ERROR_KIND) == 0)
		return read_failure(object, ret_failure, err);
	for (size_t i = 0; kind && i < ARRAY_SIZE(KINDS); i++) {
		if (strcmp(kind, KINDS[i]) != 0)
			continue;
		*ret = (struct image_event){
			.kind = (enum image_event_kind)i,
			.what = get_string(object, "what"),
			.name = get_string(object, "name"),
			.done_bytes = get_number(object, "done"),
			.total_bytes = get_number(object, "total"),
		};
		return ret->what ? 1 : err_say(err, EINVAL, "hull-image reported nothing");
	}
	return err_say(err, EINVAL, "hull-image said what hull does not know");
}
