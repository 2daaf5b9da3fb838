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

#define LONGEST_SECONDS 60  /* of a measurement, as QEMU has it */
#define ASK_AGAIN_MS	100 /* until QEMU has reckoned, too */

/* Asked here, and not by who wants the figures: who began a measurement may be gone, and the next wants to begin. */
static void ask_measured(struct loop *loop, struct loop_timer *timer)
{
	struct running *r = CONTAINER_OF(timer, struct running, measured);
	struct err ignored = ERR_INIT;

	(void)loop;
	if (r->state.dirty_rate.state != QEMU_RATE_MEASURING)
		return;
	(void)qmp_say(r->qmp.source.fd, &ignored, QMP_DIRTY_RATE_QUERY, r->state.dirty_rate.question);
	(void)loop_timer_set(timer, ASK_AGAIN_MS);
}

static int do_measure(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct running *r = user;
	struct qemu_dirty_rate *rate = &r->state.dirty_rate;
	uint64_t ms;
	int result;

	(void)answer;
	if (text_u64(argument, &ms) < 0 || ms == 0 || ms % 1000 || ms / 1000 > LONGEST_SECONDS)
		return err_say(err, EINVAL, "dirty-rate: QEMU measures whole seconds, 1 to %d", LONGEST_SECONDS);
	if (rate->state == QEMU_RATE_MEASURING)
		return err_say(err, EBUSY, "dirty-rate: it is being measured already: try again behind that");
	if (r->state.paused || r->boot.is_paused)
		return err_say(err, EINVAL, "dirty-rate: the machine is paused, and writes nothing");
	result = qmp_say(r->qmp.source.fd, err, QMP_DIRTY_RATE, rate->question + 1, ms / 1000);
	if (result < 0)
		return result;
	*rate = (struct qemu_dirty_rate){.question = rate->question + 1, .state = QEMU_RATE_MEASURING};
	result = loop_timer_set(&r->measured, ms);
	return result < 0 ? err_set(err, -result, "dirty-rate") : 0;
}

static int do_measured(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	const struct running *r = user;
	const struct qemu_dirty_rate *rate = &r->state.dirty_rate;

	(void)argument;
	switch (rate->state) {
	case QEMU_RATE_UNSTARTED:
		return err_say(err, ENODATA, "dirty-rate: nothing was measured");
	case QEMU_RATE_FAILED:
		return err_say(err, EIO, "dirty-rate: QEMU: %s", rate->words);
	case QEMU_RATE_MEASURED:
		json_put_string(answer, "status", "measured");
		json_put_u64(answer, "milliseconds", rate->seconds * 1000);
		json_put_u64(answer, "bytes", (rate->mib_per_second << 20) * rate->seconds);
		return 0;
	case QEMU_RATE_MEASURING:
		json_put_string(answer, "status", "measuring");
		return 0;
	}
	return 0;
}

static const struct control_verb verbs[] = {
	{"pause", NULL, do_pause},	   {"resume", NULL, do_resume},
	{"balloon", " BYTES", do_balloon}, {"stop", NULL, do_stop},
	{"stats", NULL, do_stats},	   {"dirty-rate", " MILLISECONDS", do_measure},
	{"dirty-rate", NULL, do_measured}, {0},
};

int qemu_control_open(struct running *r, struct err *err)
{
	int result;

	if (r->request->control_listen_fd < 0)
		return 0;
	r->measured.expired = ask_measured;
	result = loop_timer_open(&r->loop, &r->measured, err);
	return result < 0 ? result
			  : control_server_open(&r->control, &r->loop, r->request->control_listen_fd, verbs, r, err);
}

void qemu_control_close(struct running *r)
{
	control_server_close(&r->control);
	loop_timer_close(&r->loop, &r->measured);
}
