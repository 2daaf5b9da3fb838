/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/monitor.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/agent_router.h"
#include "runtime/vm/cmdline.h"
#include "runtime/vm/control.h"
#include "runtime/vm/filters.h"
#include "runtime/vm/fs_server.h"
#include "runtime/vm/last_words.h"
#include "runtime/vm/machine.h"
#include "runtime/vm/monitor_devices.h"
#include "runtime/vm/monitor_jail.h"
#include "runtime/vm/panic.h"
#include "runtime/vm/remains.h"

/*
 * All there is: one monitor is one process. Not on the heap, so that what no guest uses is no page of anybody's memory.
 */
static struct monitor {
	const struct vm_request *request;
	struct arena arena;
	struct machine machine;
	struct monitor_devices devices;
	struct monitor_ends ends;
	struct filter_program vcpu_filter;
	sigset_t signals;		 /* for the guest's first program */
	struct loop_signals own_signals; /* without an agent: they end the machine */
	struct control control;
	struct monitor_server server;
	struct loop_source server_end;
	bool server_has_ended;
	struct agent_router *router;
	int agent_fd;
	const char *start;
	size_t start_len;
	bool is_told; /* the agent's channel has ended, with `outcome` */
	struct agent_outcome outcome;
	struct loop_timer patience;
	bool has_ended; /* the machine has; what the agent still said may be on its way */
	bool is_cut;	/* the agent's channel was, since nothing more comes */
} monitor;

/*
 * How long a machine may take to say why its agent is lost, and what a guest has said before it ended to get through
 * the loop.
 */
#define LAST_WORDS_MS 3000
#define DRAIN_MS      20

/* --- building ----------------------------------------------------------------------------------------------------- */

/*
 * Blocked in every thread: the loop takes them from a descriptor. That which interrupts a processor's thread stays out.
 */
static void block_signals(const struct vm_request *request)
{
	agent_router_signals(&monitor.signals);
	if (request->terminal)
		(void)sigaddset(&monitor.signals, SIGWINCH);
	(void)sigdelset(&monitor.signals, VCPU_SIGNAL);
	(void)sigprocmask(SIG_BLOCK, &monitor.signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* What is done while there is one thread, and while the jail's capabilities are there. */
static int prepare(const struct vm_request *request, struct err *err)
{
	char *start = NULL;
	int pair[2], r;

#ifdef M_ARENA_MAX /* glibc: one heap for all threads: they hardly use it, and another would be mapped for each */
	(void)mallopt(M_ARENA_MAX, 1);
#endif
	block_signals(request);
	r = monitor_start_file_server(request, monitor.ends.volumes, &monitor.server, err);
	if (r == 0)
		r = monitor_drop_capabilities(err);
	monitor.ends.agent = monitor.agent_fd = -1;
	if (r < 0 || request->agent_listen_fd < 0)
		return r;
	r = file_read_fd(&monitor.arena, request->start_fd, "the START document", AGENT_DOCUMENT_MAX, &start,
			 &monitor.start_len, err);
	if (r == 0)
		r = sock_pair(pair, err);
	if (r < 0)
		return r;
	monitor.start = start;
	monitor.agent_fd = pair[0];
	monitor.ends.agent = pair[1];
	return 0;
}

static int boot(const struct vm_request *request, struct err *err)
{
	struct hv *hv = monitor.machine.hv;
	const struct cmdline_facts facts = {
		.asked = request->cmdline,
		.tsc_khz = hv->ops->tsc_khz(hv),
		.devices = monitor.machine.slot_count,
	};
	char cmdline[LAYOUT_CMDLINE_BYTES];
	struct boot_request boot_request = {
		.kernel_fd = request->kernel_fd,
		.initrd_fd = request->initrd_fd,
		.cmdline = cmdline,
	};
	int r = cmdline_make(&facts, cmdline, err);

	return r < 0 ? r : machine_boot(&monitor.machine, &boot_request, err);
}

static int build(const struct vm_request *request, struct err *err)
{
	struct machine_request wanted = {
		.memory_bytes = request->memory_bytes,
		.cpus = request->cpus,
		.shares_memory = request->volume_count > 0,
		.serial_out_fd = request->serial_console ? STDERR_FILENO : -1,
		.vcpu_filter = filter_is_wanted() ? &monitor.vcpu_filter.filter : NULL,
	};
	struct hv *hv = NULL;
	int r;

	filter_make(&monitor.vcpu_filter, FILTER_VCPU);
	r = hv_kvm_open(request->kvm_fd, &hv, err);
	if (r == 0)
		r = machine_make(&monitor.machine, hv, &wanted, err);
	if (r == 0)
		r = machine_start(&monitor.machine, err);
	if (r == 0)
		r = monitor_devices_add(&monitor.devices, &monitor.machine, request, &monitor.ends, err);
	return r < 0 ? r : boot(request, err);
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void patience_ended(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	if (!monitor.has_ended || monitor.is_cut) {
		loop_stop(loop, MACHINE_RUNS);
		return;
	}
	/* The router has been given all that there was: the end of the stream lets it conclude. */
	(void)shutdown(monitor.ends.agent, SHUT_RDWR);
	monitor.is_cut = true;
	(void)loop_timer_set(timer, LAST_WORDS_MS);
}

static void agent_ended(struct agent_router *router, const struct agent_outcome *outcome, void *user)
{
	(void)router, (void)user;
	monitor.is_told = true;
	monitor.outcome = *outcome;
	/* With the channel lost, the machine is about to say why. */
	if (outcome->ending == AGENT_ENDED_LOST && !monitor.has_ended)
		(void)loop_timer_set(&monitor.patience, LAST_WORDS_MS);
	else
		loop_stop(&monitor.machine.loop, MACHINE_RUNS);
}

static void signal_arrived(struct loop *loop, struct loop_signals *signals, int signo)
{
	(void)loop, (void)signals;
	if (signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT)
		machine_stop(&monitor.machine, MACHINE_STOPPED, NULL);
}

/* Before the machine does: its guest would wait for ever for an answer about a file. */
static void server_ended(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct err err = ERR_INIT;
	int status = 0;

	(void)epoll_events;
	loop_forget(loop, source);
	monitor.server_has_ended = true;
	(void)proc_wait(monitor.server.pid, &status);
	(void)fs_server_say_end(status, &err);
	machine_stop(&monitor.machine, MACHINE_FAILED, &err);
}

static int watch_server(struct err *err)
{
	monitor.server_end = (struct loop_source){.fd = monitor.server.pidfd, .ready = server_ended};
	return monitor.server.pidfd < 0 ? 0 : loop_watch(&monitor.machine.loop, &monitor.server_end, EPOLLIN, err);
}

static int open_router(const struct vm_request *request, struct err *err)
{
	struct agent_router_request how = {
		.boot_seconds = request->boot_seconds,
		.start_seconds = request->start_seconds,
		.channel_fd = monitor.agent_fd,
		.listen_fd = request->agent_listen_fd,
		.stdio = {request->stdin_open || request->terminal ? STDIN_FILENO : -1, STDOUT_FILENO, STDERR_FILENO},
		.terminal = request->terminal,
		.start = monitor.start,
		.start_len = monitor.start_len,
		.signals = &monitor.signals,
		.ended = agent_ended,
	};

	return agent_router_open(&monitor.machine.loop, &how, &monitor.router, err);
}

static void paused(bool is_paused)
{
	if (!monitor.router)
		return;
	if (is_paused)
		agent_router_paused(monitor.router);
	else
		agent_router_resumed(monitor.router, proc_now_ns());
}

static int open_sources(const struct vm_request *request, struct err *err)
{
	struct loop *loop = &monitor.machine.loop;
	int r = watch_server(err);

	if (r == 0 && request->control_listen_fd >= 0)
		r = vm_control_open(&monitor.control, request->control_listen_fd, &monitor.machine,
				    &monitor.devices.balloon, paused, err);
	if (r < 0)
		return r;
	if (request->agent_listen_fd < 0) {
		monitor.own_signals.arrived = signal_arrived;
		return loop_signals_open(loop, &monitor.own_signals, &monitor.signals, err);
	}
	monitor.patience.expired = patience_ended;
	r = loop_timer_open(loop, &monitor.patience, err);
	return r < 0 ? r : open_router(request, err);
}

static bool has_lost_server(void)
{
	return monitor.server_has_ended || __atomic_load_n(&monitor.devices.server_is_silent, __ATOMIC_ACQUIRE);
}

/* What the agent said of its end counts; with the channel lost, what the machine did. */
static bool agent_tells(enum machine_end end)
{
	return monitor.is_told && (monitor.outcome.ending != AGENT_ENDED_LOST || end == MACHINE_RUNS);
}

static int judge_agent(const char **ret_cause, struct err *err)
{
	static const char *const causes[] = {
		[AGENT_ENDED_FAILED] = CAUSE_START,    [AGENT_ENDED_LOST] = CAUSE_AGENT,
		[AGENT_ENDED_BROKEN] = CAUSE_PROTOCOL, [AGENT_ENDED_SILENT] = CAUSE_BOOT,
		[AGENT_ENDED_STUCK] = CAUSE_NO_START,
	};
	const struct agent_outcome *outcome = &monitor.outcome;

	if (outcome->ending == AGENT_ENDED_EXIT)
		return outcome->code;
	*ret_cause = causes[outcome->ending];
	*err = outcome->err;
	return err_exit_with(err, outcome->ending == AGENT_ENDED_FAILED ? outcome->code : ERR_EXIT_FAILED);
}

/*
 * A kernel tells the machine of its panic by a port, for which it needs a driver that hull's agent loads; before, it
 * just resets. So before the agent is up a reset is looked at, too. Its memory has been nobody's but its own, then: no
 * program's, who might have written there what looks like the log of another kernel.
 */
static bool may_be_panic(enum machine_end end)
{
	return end == MACHINE_PANIC ||
	       (end == MACHINE_RESET && monitor.router && !agent_router_is_greeted(monitor.router));
}

static int judge_machine(enum machine_end end, const char **ret_cause, struct err *err)
{
	static const char *const causes[] = {
		[MACHINE_POWER_OFF] = CAUSE_POWER_OFF,
		[MACHINE_RESET] = CAUSE_RESET,
		[MACHINE_PANIC] = CAUSE_PANIC,
		[MACHINE_TRIPLE_FAULT] = CAUSE_TRIPLE_FAULT,
	};
	const struct machine *machine = &monitor.machine;
	char panic[PANIC_WORDS_BYTES] = "";

	if (end == MACHINE_FAILED) {
		*ret_cause = has_lost_server() ? CAUSE_VOLUMES : NULL;
		*err = machine->err;
		return -err->code;
	}
	if (end == MACHINE_STOPPED)
		return err_say(err, EIO, "the machine was stopped");
	if (end == MACHINE_POWER_OFF && monitor.request->agent_listen_fd < 0)
		return 0;
	*ret_cause = causes[end];
	if (may_be_panic(end))
		(void)panic_find_in_memory(&machine->memory, LAYOUT_HIGH_START, machine->kernel_end, panic);
	if (end != MACHINE_PANIC && !*panic)
		return last_words_say(*ret_cause, NULL, err);
	*ret_cause = panic_cause(panic);
	return panic_say(panic, monitor.request->memory_bytes, err);
}

/* The program's exit code, or -errno with a line and, for programs, a word (last_words.h). */
static int judge(enum machine_end end, const char **ret_cause, struct err *err)
{
	return agent_tells(end) ? judge_agent(ret_cause, err) : judge_machine(end, ret_cause, err);
}

/*
 * The guest's last words, and its program's exit code, may still be on their way to the router when the machine has
 * ended.
 */
static int drain(enum machine_end end, struct err *err)
{
	struct loop *loop = &monitor.machine.loop;
	int r;

	if (monitor.agent_fd < 0 || monitor.is_told || end == MACHINE_RUNS || end == MACHINE_STOPPED)
		return (int)end;
	monitor.has_ended = true;
	loop_forget(loop, &monitor.machine.ending);
	(void)loop_timer_set(&monitor.patience, DRAIN_MS);
	r = machine_run(&monitor.machine, err);
	return r < 0 ? r : (int)end;
}

/* This thread, before it hears anything from the guest; the processors' have their own filter. */
static int confine_loop(struct err *err)
{
	struct filter_program loop_filter;

	if (!filter_is_wanted())
		return 0;
	filter_make(&loop_filter, FILTER_LOOP);
	return confine_load(&loop_filter.filter, 0, err);
}

int monitor_run(const struct vm_request *request, struct err *err)
{
	const char *cause = NULL;
	int r;

	monitor.request = request;
	r = prepare(request, err);
	if (r == 0)
		r = build(request, err);
	/* The guest runs: what it asks for meanwhile waits for the loop. */
	if (r == 0)
		machine_resume(&monitor.machine);
	if (r == 0)
		r = open_sources(request, err);
	if (r == 0)
		r = confine_loop(err);
	if (r == 0)
		r = machine_run(&monitor.machine, err);
	if (r >= 0)
		r = drain((enum machine_end)r, err);
	if (r >= 0)
		r = judge((enum machine_end)r, &cause, err);
	agent_router_close(&monitor.router);
	/* It was not even begun. */
	if (r < 0 && !cause && has_lost_server())
		cause = CAUSE_VOLUMES;
	if (r < 0)
		last_words_leave(request->remains_fd, cause, err);
	return r;
}

static void leave_remains(const struct vm_request *request)
{
	const struct machine *machine = &monitor.machine;
	int fds[VCPU_MAX + 2 * VM_MAX_NICS + 2];
	unsigned count = 0;

	if (machine->hv && machine->hv->ops->descriptors)
		count = machine->hv->ops->descriptors(machine->hv, fds, VCPU_MAX + 1);
	/* Its pages are freed with it. */
	if (machine->memory.fd > 0)
		fds[count++] = machine->memory.fd;
	for (unsigned i = 0; i < request->nic_count; i++) {
		const struct nic *nic = &monitor.devices.nics[i];

		if (nic->tap_fd > 0)
			fds[count++] = nic->tap_fd;
		if (nic->tap_fd > 0 && nic->vhost_fd > 0)
			fds[count++] = nic->vhost_fd;
	}
	remains_leave(request->remains_fd, monitor.is_told && monitor.outcome.oom, fds, count);
}

_Noreturn void monitor_leave(int code)
{
	if (monitor.request)
		leave_remains(monitor.request);
	_exit(code);
}
