/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual processors: a thread each, that runs the guest until it exits, hands the exit to the machine, and goes
 * on. And pausing all of them.
 */
#ifndef HULL_RUNTIME_VM_VCPU_H
#define HULL_RUNTIME_VM_VCPU_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "runtime/base/confine.h"
#include "runtime/base/err.h"
#include "runtime/vm/hv.h"

#define VCPU_MAX 64

/*
 * Interrupts a vCPU's thread. Real-time signals are not passed on to guests by default, and glibc uses the first two of
 * them itself.
 */
#define VCPU_SIGNAL (SIGRTMAX - 1)

struct vcpus;

struct vcpu {
	struct vcpus *all;
	struct hv_vcpu *hv_vcpu; /* NULL: not made yet */
	bool is_described;
	pthread_t thread;
};

struct vcpus {
	struct hv *hv;
	unsigned count;
	struct vcpu each[VCPU_MAX];
	/*
	 * Called in the vCPU's thread for every exit but HV_EXIT_INTERRUPTED. True: go on. `err` has words with
	 * HV_EXIT_ERROR. After false the thread ends, and the vCPU never runs again.
	 */
	bool (*exited)(void *context, const struct hv_exit *exit, const struct err *err);
	void *context;
	const struct confine_filter *filter; /* set before vcpus_begin(): each thread loads it; NULL: none */
	pthread_mutex_t lock;		     /* of what follows */
	pthread_cond_t changed;
	bool pause_wanted, end_wanted;
	unsigned running; /* threads that are not paused and have not ended */
	bool are_made;	  /* all of them */
	bool is_asked;	  /* the first thread has found out what processors there may be */
	unsigned threads; /* begun */
	bool has_failed;  /* one cannot be described */
	bool has_entry;
	struct hv_entry entry;
};

/*
 * Begins their threads: the first asks the hypervisor what there may be, and each confines itself, while the caller
 * makes what else a machine needs. `vcpus` stays where it is from now on. Signals should be blocked by now in the
 * calling thread: they inherit that. Once they are there, nothing forks any more.
 */
int vcpus_begin(struct vcpus *vcpus, struct hv *hv, unsigned count,
		bool (*exited)(void *context, const struct hv_exit *exit, const struct err *err), void *context,
		struct err *err);
/*
 * Makes them in the hypervisor. Then each thread describes its processor, and waits for vcpus_resume(); one that cannot
 * is an exit with HV_EXIT_ERROR.
 */
int vcpus_make(struct vcpus *vcpus, struct err *err);
/* Where the first begins. */
int vcpus_enter(struct vcpus *vcpus, const struct hv_entry *entry, struct err *err);
/*
 * Returns when no vCPU runs guest code; -ETIMEDOUT where one is stuck in a write to a slow reader for VCPU_PATIENCE_MS
 * (then they run again). Idempotent.
 */
#define VCPU_PATIENCE_MS 2000
int vcpus_pause(struct vcpus *vcpus, struct err *err);
void vcpus_resume(struct vcpus *vcpus);
/* Ends the threads and waits for them: for tests, and for who tidies up. A monitor that is through just exits. */
void vcpus_end(struct vcpus *vcpus);

#endif
