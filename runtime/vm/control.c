/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/control.h"

#include <errno.h>

#include "runtime/base/text.h"

/* --- what can be asked: each adds members to the answer ----------------------------------------------------------- */

static int do_pause(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct control *control = user;
	bool was_paused = control->machine->paused;
	int result = machine_pause(control->machine, err);

	(void)argument, (void)answer;
	if (result >= 0 && !was_paused && control->paused)
		control->paused(true);
	return result;
}

static int do_resume(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct control *control = user;
	bool was_paused = control->machine->paused;

	(void)argument, (void)answer, (void)err;
	machine_resume(control->machine);
	if (was_paused && control->paused)
		control->paused(false);
	return 0;
}

static int do_balloon(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct control *control = user;
	uint64_t bytes;

	(void)answer;
	if (text_u64(argument, &bytes) < 0 || bytes > guest_memory_bytes(&control->machine->memory))
		return err_say(err, EINVAL, "balloon: want a number of bytes, at most the guest's memory");
	balloon_set_target(control->balloon, bytes);
	return 0;
}

static int do_stop(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct control *control = user;

	(void)argument, (void)answer, (void)err;
	machine_stop(control->machine, MACHINE_STOPPED, NULL);
	return 0;
}

/* By VIRTIO_BALLOON_S_*. */
static const char *const guest_stats[VIRTIO_BALLOON_S_NR] = {
	[VIRTIO_BALLOON_S_SWAP_IN] = "swap_in",	       [VIRTIO_BALLOON_S_SWAP_OUT] = "swap_out",
	[VIRTIO_BALLOON_S_MAJFLT] = "major_faults",    [VIRTIO_BALLOON_S_MINFLT] = "minor_faults",
	[VIRTIO_BALLOON_S_MEMFREE] = "free_memory",    [VIRTIO_BALLOON_S_MEMTOT] = "total_memory",
	[VIRTIO_BALLOON_S_AVAIL] = "available_memory", [VIRTIO_BALLOON_S_CACHES] = "disk_caches",
};

static int do_stats(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct control *control = user;
	const struct machine *machine = control->machine;
	struct balloon_stats stats = balloon_ask_stats(control->balloon);

	(void)argument, (void)err;
	json_put_string(answer, "state", machine->paused ? "paused" : "running");
	json_put_u64(answer, "cpus", machine->vcpus.count);
	json_put_u64(answer, "memory_bytes", guest_memory_bytes(&machine->memory));
	json_put_u64(answer, "balloon_bytes", balloon_actual(control->balloon));
	json_put_u64(answer, "balloon_target_bytes", balloon_target(control->balloon));
	json_put_u64(answer, "returned_bytes", control->balloon->returned_bytes);
	json_open(answer, "guest");
	for (unsigned i = 0; i < VIRTIO_BALLOON_S_NR; i++)
		if ((stats.valid & 1U << i) && guest_stats[i])
			json_put_u64(answer, guest_stats[i], stats.values[i]);
	json_close(answer);
	return 0;
}

static int do_measure(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	struct control *control = user;
	uint64_t ms = 0;

	(void)answer;
	/* What is no number is no time either. */
	(void)text_u64(argument, &ms);
	return dirty_rate_begin(&control->dirty_rate, ms, err);
}

static int do_measured(void *user, const char *argument, struct json_writer *answer, struct err *err)
{
	const struct control *control = user;

	(void)argument;
	return dirty_rate_tell(&control->dirty_rate, answer, err);
}

static const struct control_verb verbs[] = {
	{"pause", NULL, do_pause},	   {"resume", NULL, do_resume},
	{"balloon", " BYTES", do_balloon}, {"stop", NULL, do_stop},
	{"stats", NULL, do_stats},	   {"dirty-rate", " MILLISECONDS", do_measure},
	{"dirty-rate", NULL, do_measured}, {0},
};

int vm_control_open(struct control *control, int listen_fd, struct machine *machine, struct balloon *balloon,
		    void (*paused)(bool is_paused), struct err *err)
{
	*control = (struct control){
		.machine = machine,
		.balloon = balloon,
		.paused = paused,
		.dirty_rate.machine = machine,
	};
	return control_server_open(&control->server, &machine->loop, listen_fd, verbs, control, err);
}

void vm_control_close(struct control *control)
{
	dirty_rate_close(&control->dirty_rate);
	control_server_close(&control->server);
}
