/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside hull-agent, the first process of a guest: one struct that holds everything, and what its parts offer one
 * another.
 *
 *     hull_agent.c   the order of things: boot, channel, program, end
 *     boot.c         file systems of the kernel, modules, a root that can be pivoted from
 *     channel.c      the stream to the host
 *     image.c        the guest's own root from an image of it, where there is one
 *     disks.c        the container's root from disks or a shared folder, volumes, and their end
 *     wires.c        network, clock, files
 *     program.c      START and EXEC documents to running processes, by the container engine's own functions
 *     question.c     what the host wants to know, answered by a process of the agent's own
 *     task.c         a process: its streams, what is heard and told of it
 *     serve.c        the loop: frames, children, the end
 *
 * All of it is one process with one thread. What it makes for the container is made as on any host; there is no other
 * way to make a process here.
 */
#ifndef HULL_RUNTIME_AGENT_AGENT_H
#define HULL_RUNTIME_AGENT_AGENT_H

#include "runtime/core/store.h"
#include "runtime/spec/guest.h"
#include "runtime/spec/plan.h"
#include "runtime/vm/agent_stream.h"

#define AGENT_RUN	"/run/hull"
#define AGENT_STATE	AGENT_RUN "/state"
#define AGENT_BUNDLE	AGENT_RUN "/bundle"
#define AGENT_FILES	AGENT_RUN "/files"
#define AGENT_TASKS_MAX (1 + AGENT_EXECS_MAX)

enum task_state {
	TASK_FREE,
	TASK_GATHERING, /* its document comes in */
	TASK_RUNNING,
	TASK_ENDED, /* reaped; its last output and its EXIT are still to be told */
	TASK_FAILED,
};

struct task {
	enum task_state state;
	uint32_t number;
	struct agent *agent;
	struct text document;
	pid_t pid;
	int pidfd;
	int terminal; /* the master, or -1; the sink has a duplicate */
	bool is_told; /* STARTED */
	bool has_streams;
	struct agent_sink in;
	struct agent_source out, err;
	struct agent_exit exit;
	struct err failure;
};

struct agent {
	struct loop loop;
	struct loop_source channel;
	struct loop_signals children;
	struct loop_timer farewell; /* how long the host may take to hear the end */
	struct arena arena;	    /* START, and what was made of it */
	struct guest_start start;
	struct extension extension;
	struct config config; /* START's, with what only the guest knows */
	struct plan_host host;
	struct store store;
	struct cg *cgroup; /* the container's; NULL before */
	bool is_greeted, is_hello_due, is_stats_due;
	bool is_unmounted, is_late_due;
	bool is_over; /* the first program's last word was put */
	struct err failure;
	uint32_t last_number;
	struct task tasks[AGENT_TASKS_MAX]; /* [0] is the first program */
	struct agent_wire wire;
};

/* boot.c */
int boot_mounts(struct err *err);
/*
 * Moves to a root of its own on a tmpfs, so that containers can leave it by pivot_root(2), which an initial ramfs does
 * not allow.
 */
int boot_leave_ramfs(struct err *err);
/*
 * Moves to another root that is mounted at `path`, with the kernel's file systems, what the agent has below /run, and
 * hull-init. The guest's kernel moves along: it shares its first process's root.
 */
int boot_enter(const char *path, struct err *err);
#define BOOT_NEW_ROOT "/newroot" /* a place to mount one */
/*
 * Loads what is there for any of these purposes ("base", "disk" …: runtime/vm/initramfs.h), in the list's order; what
 * is loaded already is left out.
 */
int boot_load_modules(const char *purpose, struct err *err);
/* Whether the machine has a device of this kind (virtio 1.2, section 5). */
bool boot_has_device(unsigned virtio_id);
/* Whether the kernel's command line has this word. */
bool boot_has_word(const char *word);

/* channel.c: a non-blocking descriptor, connected to the host. */
int channel_open(struct err *err);

/* image.c: enters the root on the disk with this serial, which is not written to: what is, is in memory. */
int image_enter(const char *serial, struct err *err);

/* disks.c */
/* The device of the disk with this serial, when it has appeared. */
int disks_await(const char *serial, char *to, size_t to_bytes, struct err *err);
int disks_mount(const struct guest_start *start, struct err *err);
/* Nothing runs any more: what was written is on the disk when this returns. */
void disks_unmount(void);

/* wires.c */
int wires_network(const struct guest_network *network, struct err *err);
int wires_interfaces(const struct guest_start *start, struct err *err);
/* Writes the files, and adds their mounts to `config`. */
int wires_files(const struct guest_files *files, struct arena *arena, struct config *config, struct err *err);
/*
 * Sysctls of the network, and those of no namespace, are the guest's: they are set here, and taken out of what the
 * container asks for.
 */
int wires_sysctls(struct arena *arena, struct config *config, struct err *err);
void wires_clock(uint64_t epoch_ns);

/* devices.c: adds the guest's own to those of a config.json whose rules allow every one. Its linux member is there. */
int devices_add(struct arena *arena, struct config *config, struct err *err);

/* program.c: makes the process of task->document. 0 or -errno with words. */
int program_start(struct agent *agent, struct task *task, struct err *err);
int program_exec(struct agent *agent, struct task *task, struct err *err);
/* question.c: the same for one that asks instead. */
int question_start(struct agent *agent, struct task *task, const struct guest_exec *exec, struct err *err);
/* The container's figures as JSON. */
int program_stats(struct agent *agent, struct text *out, struct err *err);
void program_signal_all(struct agent *agent, int signo);
bool program_ran_out_of_memory(struct agent *agent);

/* task.c */
struct task *task_find(struct agent *agent, uint32_t number); /* 0: a free one */
/* The process's ends of its streams, made for it and the caller's to close; the others become the task's. */
int task_open_streams(struct task *task, bool interactive, bool detached, int ret_stdio[static 3], struct err *err);
int task_open_terminal(struct task *task, int master, struct err *err);
/* Frames of the host's. -EPROTO. */
int task_take(struct task *task, const struct agent_message *message, struct err *err);
/* It was reaped. */
void task_ended(struct task *task, const struct agent_exit *exit);
void task_failed(struct task *task, const struct err *err);
/* Passes on what its streams have, as far as there is room. -errno: nothing can be watched any more. */
int task_settle(struct task *task, struct err *err);
/* Whether only its last word is left to be put. */
bool task_is_done(const struct task *task);
/* Puts that, EXIT or FAILED, and frees it. False: there is no room yet. */
bool task_put_end(struct task *task);
void task_close(struct task *task);

/* serve.c: until the end. */
int serve(struct agent *agent, struct err *err);
/* What that does before its loop runs; for tests that run it themselves. */
int serve_open(struct agent *agent, struct err *err);

#endif
