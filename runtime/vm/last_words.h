/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a machine ended without its program's exit code: what its monitor tells the keeper, besides the line that it
 * writes to the log, so that `hull inspect` shows it. One message in the socket of what the monitor leaves behind
 * (remains.h), and before that.
 */
#ifndef HULL_RUNTIME_VM_LAST_WORDS_H
#define HULL_RUNTIME_VM_LAST_WORDS_H

#include "runtime/base/err.h"

#define LAST_WORDS_MARK	       'w' /* begins no other message there */
#define LAST_WORDS_CAUSE_BYTES 16
#define LAST_WORDS_BYTES       384

/* What it is, for programs. One word each. */
#define CAUSE_BOOT	   "boot"      /* it never came up */
#define CAUSE_NO_TIMER	   "no-timer"  /* it stood still before it was up, however often it was begun anew */
#define CAUSE_NO_START	   "no-start"  /* it came up, and nobody ever said whether its program runs */
#define CAUSE_START	   "start"     /* its program could not be started */
#define CAUSE_POWER_OFF	   "power-off" /* the guest did it, before its program had ended; and the next ones */
#define CAUSE_RESET	   "reset"
#define CAUSE_PANIC	   "panic"
#define CAUSE_MEMORY	   "memory"
#define CAUSE_TRIPLE_FAULT "triple-fault"
#define CAUSE_AGENT	   "agent-lost"	   /* the channel to the agent ended, and nobody said why */
#define CAUSE_PROTOCOL	   "agent-broken"  /* the agent said what it may not */
#define CAUSE_VOLUMES	   "volume-server" /* ended, or did not answer */
#define CAUSE_EMULATOR	   "emulator"	   /* QEMU did, by itself or killed */
#define CAUSE_MONITOR	   "monitor"	   /* hull-vmm failed, or was killed */

/*
 * What a guest does to its machine has an exit code of its own, and a line. All other causes are hull's own failure, or
 * the program's. The codes are no signal's (128 + 64 at most), and not 255, which callers have a meaning for. A row:
 * cause, exit code, line.
 */
#define GUEST_ENDS(ROW)                                                                   \
	ROW(CAUSE_POWER_OFF, 200, "the guest powered off before its program had ended")   \
	ROW(CAUSE_RESET, 201, "the guest reset the machine before its program had ended") \
	ROW(CAUSE_PANIC, 202, "the guest's kernel panicked")                              \
	ROW(CAUSE_MEMORY, 203, "the guest's kernel panicked for want of memory")          \
	ROW(CAUSE_TRIPLE_FAULT, 204, "the guest's processor gave up (triple fault)")

/* Of these rows, for manuals: "200 power-off, 201 reset, " and so on. */
#define GUEST_END_HELP_ROW(cause, exit_code, line) #exit_code " " cause ", "
#define GUEST_ENDS_HELP				   GUEST_ENDS(GUEST_END_HELP_ROW)

/* As it is in the socket. Who reads it believes none of it: ends of the texts, and what they are made of. */
struct last_words {
	char mark;
	char cause[LAST_WORDS_CAUSE_BYTES];
	char words[LAST_WORDS_BYTES];
};

/*
 * Such an end as an error: its line, behind which come `more`'s words, unless that is NULL or "". -EIO, or -EINVAL of a
 * cause that is no guest's.
 */
int last_words_say(const char *cause, const char *more, struct err *err);

/*
 * Tells what `err` says, and gives it the exit code that the cause has; without one of its own it stays what it was.
 * `cause` NULL: CAUSE_MONITOR. Never waits; whether anybody listens (socket -1: nobody) makes no difference.
 */
void last_words_leave(int socket, const char *cause, struct err *err);

#endif
