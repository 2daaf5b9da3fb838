/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU says on standard error: its complaints, and, while it emulates, its log of what resets processors ("-d
 * cpu_reset"). That log is the only place where QEMU tells a triple fault from a reset that the guest asked for: QMP
 * calls both "guest-reset". With KVM QEMU tells nobody: event, log and registers are the same, and of KVM's own reason
 * it makes a trace for each exit of a processor or for none ("kvm_run_exit"), which no machine can run with.
 */
#ifndef HULL_RUNTIME_VM_QEMU_WORDS_H
#define HULL_RUNTIME_VM_QEMU_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define QEMU_LOG_ITEMS "cpu_reset"
#define QEMU_DISK_NODE "{\"node-name\":\"disk" /* and its number: how the option begins */

/* Makes a string of `bytes`, whose [len] may be written. Its last line that is none of the log's, or "". */
const char *qemu_words_complaint(char *bytes, size_t len);
/*
 * Of a complaint about a disk's contents, which repeats all of the option that has it ("-blockdev
 * {"node-name":"disk2",...}: Active L1 table too large"), what follows that, and the disk's number. NULL: of something
 * else.
 */
const char *qemu_words_of_disk(const char *complaint, unsigned *ret_number);
/* Whether the log says that a processor gave up. Before the above. */
bool qemu_words_have_triple_fault(const char *bytes, size_t len);

#endif
