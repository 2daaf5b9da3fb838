/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of a machine of QEMU's: the words of control.h, said on to QEMU. What QEMU answers is heard later:
 * who wants to know whether something has come true asks for the figures again.
 */
#include <errno.h>
#include <inttypes.h>

#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/vm/qemu_parts.h"

static int do_pause(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct running *r = user;
	int result;

	(void)argument, (void)answer;
	if (qemu_boot_pause(r, true))
		return 0;
	result = qmp_say(r->qmp.source.fd, err, QMP_PAUSE);
	if (result >= 0)
		agent_router_paused(r->router);
	return result;
}

static int do_resume(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct running *r = user;

	(void)argument, (void)answer;
	if (qemu_boot_pause(r, false))
		return 0;
	agent_router_resumed(r->router, proc_now_ns());
	return qmp_say(r->qmp.source.fd, err, QMP_RESUME);
}

static int do_balloon(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct running *r = user;
	uint64_t bytes;

	(void)answer;
	if (text_u64(argument, &bytes) < 0 || bytes > r->request->memory_bytes)
		return err_say(err, EINVAL, "balloon: want a number of bytes, at most the guest's memory");
	r->balloon_bytes = bytes;
	return qmp_say(r->qmp.source.fd, err, QMP_BALLOON, r->request->memory_bytes - bytes);
}

static int do_stop(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct running *r = user;

	(void)argument, (void)answer;
	return qmp_say(r->qmp.source.fd, err, QMP_QUIT);
}

static int do_stats(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	const struct running *r = user;
	uint64_t whole = r->request->memory_bytes, actual = r->state.actual_bytes;

	(void)argument;
	json_put_string(answer, "state", r->state.paused || r->boot.is_paused ? "paused" : "running");
	json_put_u64(answer, "cpus", r->request->cpus);
	json_put_u64(answer, "memory_bytes", whole);
	/* The guest says how much it has given up, and may say anything. */
	json_put_u64(answer, "balloon_bytes", actual && actual <= whole ? whole - actual : 0);
	json_put_u64(answer, "balloon_target_bytes", r->balloon_bytes);
	return qmp_say(r->qmp.source.fd, err, QMP_BALLOON_QUERY);
}

static const struct control_verb verbs[] = {
	{"pause", NULL, do_pause}, {"resume", NULL, do_resume}, {"balloon", " BYTES", do_balloon},
	{"stop", NULL, do_stop},   {"stats", NULL, do_stats},	{0},
};

int qemu_control_open(struct running *r, struct err *err)
{
	if (r->request->control_listen_fd < 0)
		return 0;
	return control_server_open(&r->control, &r->loop, r->request->control_listen_fd, verbs, r, err);
}
