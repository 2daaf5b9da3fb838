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
#define CAUSE_BOOT	   "boot"	   /* it never came up */
#define CAUSE_NO_TIMER	   "no-timer"	   /* it stood still before it was up, however often it was begun anew */
#define CAUSE_NO_START	   "no-start"	   /* it came up, and nobody ever said whether its program runs */
#define CAUSE_START	   "start"	   /* its program could not be started */
#define CAUSE_PANIC	   "panic"	   /* the guest's kernel did */
#define CAUSE_MEMORY	   "memory"	   /* and that for want of memory: only of QEMU's, whose console is read */
#define CAUSE_POWER_OFF	   "power-off"	   /* before the program had ended */
#define CAUSE_RESET	   "reset"	   /* too */
#define CAUSE_TRIPLE_FAULT "triple-fault"  /* too; QEMU tells it from no other reset */
#define CAUSE_AGENT	   "agent-lost"	   /* the channel to the agent ended, and nobody said why */
#define CAUSE_PROTOCOL	   "agent-broken"  /* the agent said what it may not */
#define CAUSE_VOLUMES	   "volume-server" /* ended, or did not answer */
#define CAUSE_EMULATOR	   "emulator"	   /* QEMU did, by itself or killed */
#define CAUSE_MONITOR	   "monitor"	   /* hull-vmm failed, or was killed */

/* As it is in the socket. Who reads it believes none of it: ends of the texts, and what they are made of. */
struct last_words {
	char mark;
	char cause[LAST_WORDS_CAUSE_BYTES];
	char words[LAST_WORDS_BYTES];
};

/* `cause` NULL: CAUSE_MONITOR. Never waits; whether anybody listens (socket -1: nobody) makes no difference. */
void last_words_leave(int socket, const char *cause, const char *words);

#endif
