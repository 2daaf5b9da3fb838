/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor that runs nothing: it records what it is asked for, and plays a script of exits. Devices and the machine
 * are tested on it without /dev/kvm.
 */
#ifndef HULL_TESTS_UNIT_VM_HV_FAKE_H
#define HULL_TESTS_UNIT_VM_HV_FAKE_H

#include <pthread.h>
#include <stddef.h>

#include "runtime/vm/hv.h"

#define HV_FAKE_NOTIFIES 64
#define HV_FAKE_LINES	 24
#define HV_FAKE_SLOTS	 8
#define HV_FAKE_VCPUS	 4

struct hv_fake;

struct hv_vcpu {
	struct hv_fake *fake;
	unsigned index;
	bool kicked;
	struct hv_entry entry;
	size_t next_exit;
};

struct hv_fake {
	struct hv hv; /* what devices and the machine are given */
	struct hv_notify notifies[HV_FAKE_NOTIFIES];
	unsigned notify_count;
	int lines[HV_FAKE_LINES]; /* the eventfd of each interrupt line, or -1 */
	struct {
		uint64_t gpa, bytes;
		void *host;
		bool is_logged;
		uint64_t written; /* the log of its first 64 pages, as the test fills it; reading empties it */
	} slots[HV_FAKE_SLOTS];
	unsigned slot_count;
	unsigned controllers;	     /* calls of interrupt_controllers() */
	bool late_slot;		     /* a memory slot came behind something that makes it slow */
	const struct hv_exit *exits; /* the first vCPU's script; behind its end there are only interruptions */
	size_t exit_count;
	/* Instead of a script: what each vCPU does next, in its thread. NULL: there is a script. */
	void (*play)(struct hv_vcpu *vcpu, struct hv_exit *ret);
	pthread_mutex_t lock; /* for notifies and lines: devices are started by any vCPU */
	struct hv_vcpu vcpus[HV_FAKE_VCPUS];
	unsigned vcpu_count;
	int fail_notify; /* a positive errno that notify() or irq() fail with; 0: they work */
	int fail_irq;
	int fail_log;		     /* the same, to begin the log of slots but the first */
	int fail_read;		     /* to read one */
	int fail_ask, fail_describe; /* the same; all vCPUs but the first */
	bool was_asked;
	bool closed;
};

void hv_fake_open(struct hv_fake *fake);

/* What a guest's write does in the hypervisor: true when an eventfd took it. */
bool hv_fake_write(const struct hv_fake *fake, uint64_t gpa, uint32_t bytes, uint64_t value);

/* Takes the edges that were raised on a line since the last call; 0 when nothing is connected to it. */
uint64_t hv_fake_edges(const struct hv_fake *fake, unsigned gsi);

#endif
