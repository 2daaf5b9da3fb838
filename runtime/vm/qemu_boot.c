// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watch over a boot, until the guest says HELLO.
 *
 * An emulated machine has one source of timer interrupts, the processor's local APIC, and a kernel measures it while it
 * starts: in a few milliseconds, by how far other clocks get meanwhile. When the host takes QEMU's thread off its core
 * at that moment for a tenth of a second, the kernel finds "APIC frequency too slow", goes without, and sleeps for ever
 * as soon as it waits for time to pass. Nothing ends such a machine, and starting it again is all that helps: the
 * guest's agent has touched no disk before HELLO, so that nothing is lost.
 *
 * A guest that stands still has all processors halted, and QEMU uses no processor time at all. To be told from a QEMU
 * that would like to run and is not let: by a host with too much to do, a frozen cgroup, a stop signal. So this process
 * must have been woken in time while QEMU used nothing, and QEMU must answer in time that all its processors have
 * halted.
 *
 * That so many begin anew is worth avoiding: a guest keeps a processor busy while it boots, and more of them at once
 * than there are processors are up no sooner. So emulated machines boot in turns (turns.h). QEMU is started anyhow, and
 * stands still until the machine's turn has come; the watch begins then, and all that is counted of a boot. The turn is
 * over when the guest is up. What runs from there on is somebody else's code, and has no file of turns to lock.
 */
#include <inttypes.h>
#include <time.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "runtime/vm/qemu_parts.h"

#define TICK_MS	     250
#define TURN_TICKS   (TURNS_HOLD_MS / TICK_MS)
#define LATE_MS	     400 /* a tick that comes after this long: this process was held up, and QEMU may have been */
#define STILL_TICKS  10	 /* so long without any processor time of QEMU's before it is asked */
#define ANSWER_TICKS 4	 /* how long an answer may take to count */
#define MORE_BOOTS   3

#define BOOT_OF(timer) CONTAINER_OF(timer, struct running, boot.tick)

/* All of QEMU's threads; 0 when it has ended. */
static uint64_t processor_time(const struct qemu_boot *boot)
{
	struct timespec used = {0};

	(void)clock_gettime(boot->clock, &used);
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void ask_processors(struct running *r)
{
	struct qemu_processors *asked = &r->state.processors;
	struct err ignored = ERR_INIT;

	*asked = (struct qemu_processors){.question = asked->question + 1};
	r->boot.answer_ticks = ANSWER_TICKS;
	for (unsigned i = 0; i < r->request->cpus; i++)
		(void)qmp_say(r->qmp.source.fd, &ignored, QMP_PROCESSOR, asked->question, i);
}

static void begin_anew(struct running *r)
{
	struct err ignored = ERR_INIT;

	if (r->boot.boots > MORE_BOOTS) {
		r->boot.has_failed = true;
		loop_stop(&r->loop, 0);
		return;
	}
	r->boot.boots++;
	r->boot.still_ticks = 0;
	(void)qmp_say(r->qmp.source.fd, &ignored, QMP_RESET);
}

static void look(struct running *r)
{
	struct qemu_boot *boot = &r->boot;
	uint64_t used_ns = processor_time(boot), now_ns = proc_monotonic_ns();
	bool is_late = now_ns - boot->seen_ns > (uint64_t)LATE_MS * 1000000;

	boot->still_ticks = used_ns == boot->used_ns && !is_late && !r->state.paused ? boot->still_ticks + 1 : 0;
	boot->used_ns = used_ns;
	boot->seen_ns = now_ns;
	if (boot->answer_ticks > 0)
		boot->answer_ticks--;
	else if (boot->still_ticks >= STILL_TICKS)
		ask_processors(r);
}

/* --- Turns -------------------------------------------------------------------------------------------------------- */

void qemu_boot_prepare(struct running *r)
{
	turns_open(&r->boot.turns, r->request->turns_fd);
	r->ends.stands_still = r->boot.is_waiting = !turns_take(&r->boot.turns);
}

static void begin(struct running *r)
{
	r->boot.is_waiting = false;
	r->boot.seen_ns = proc_monotonic_ns();
	agent_router_await_hello(r->router, r->request->boot_seconds);
}

static void await_turn(struct running *r)
{
	struct err ignored = ERR_INIT;

	if (r->boot.is_paused || !turns_take(&r->boot.turns))
		return;
	begin(r);
	(void)qmp_say(r->qmp.source.fd, &ignored, QMP_RESUME);
}

bool qemu_boot_pause(struct running *r, bool pause)
{
	if (r->boot.is_waiting)
		r->boot.is_paused = pause;
	return r->boot.is_waiting;
}

void qemu_boot_is_over(struct running *r)
{
	turns_close(&r->boot.turns);
	loop_timer_close(&r->loop, &r->boot.tick);
}

/* --- The loop's part ---------------------------------------------------------------------------------------------- */

static void ticked(struct loop *loop, struct loop_timer *timer)
{
	struct running *r = BOOT_OF(timer);

	(void)loop;
	if (r->has_ended || r->is_over) {
		qemu_boot_is_over(r);
		return;
	}
	if (r->boot.is_waiting) {
		await_turn(r);
	} else {
		look(r);
		if (++r->boot.ticks == TURN_TICKS || r->state.paused)
			turns_close(&r->boot.turns);
	}
	(void)loop_timer_set(timer, r->boot.is_waiting ? turns_pause_ms(&r->boot.turns) : TICK_MS);
}

void qemu_boot_answered(struct running *r)
{
	const struct qemu_processors *answers = &r->state.processors;

	if (r->boot.answer_ticks == 0 || answers->halted < r->request->cpus)
		return;
	r->boot.answer_ticks = 0;
	if (!agent_router_is_greeted(r->router))
		begin_anew(r);
}

int qemu_boot_watch(struct running *r, struct err *err)
{
	int result = clock_getcpuclockid(r->pid, &r->boot.clock);

	if (result != 0)
		return err_set(err, result, "find QEMU's clock");
	r->boot.boots = 1;
	r->boot.tick.expired = ticked;
	result = loop_timer_open(&r->loop, &r->boot.tick, err);
	if (result < 0)
		return result;
	if (!r->boot.is_waiting)
		begin(r);
	(void)loop_timer_set(&r->boot.tick, r->boot.is_waiting ? turns_pause_ms(&r->boot.turns) : TICK_MS);
	return 0;
}
