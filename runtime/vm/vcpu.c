/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/vcpu.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "runtime/base/processors.h"

/* What a device's start in such a thread needs, with errors on the stack; only what is touched costs memory. */
#define STACK_BYTES ((size_t)64 << 10)

static void nothing_to_do(int signo)
{
	(void)signo; /* that it arrives is enough: the run ends with EINTR */
}

/* Stays here while the machine is paused. False: the thread is to end. */
static bool may_run(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->all;
	bool go_on, was_paused = false;

	pthread_mutex_lock(&vcpus->lock);
	while (vcpus->pause_wanted && !vcpus->end_wanted) {
		vcpus->running--;
		pthread_cond_broadcast(&vcpus->changed);
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
		vcpus->running++;
		was_paused = true;
	}
	go_on = !vcpus->end_wanted;
	pthread_mutex_unlock(&vcpus->lock);
	if (was_paused && vcpus->hv->ops->vcpu_resumed)
		vcpus->hv->ops->vcpu_resumed(vcpu->hv_vcpu);
	return go_on;
}

/*
 * What all of them are made of is found out by the first, before it is anybody's turn. -ECANCELED, without words: it
 * never comes.
 */
static int await_turn(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->all;
	bool is_cancelled;

	pthread_mutex_lock(&vcpus->lock);
	if (vcpu == vcpus->each) {
		vcpus->is_asked = true;
		pthread_cond_broadcast(&vcpus->changed);
	}
	while (!(vcpus->is_asked && vcpus->are_made) && !vcpus->end_wanted && !vcpus->has_failed)
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	is_cancelled = vcpus->end_wanted || vcpus->has_failed;
	pthread_mutex_unlock(&vcpus->lock);
	return is_cancelled ? -ECANCELED : 0;
}

/* The later of its thread and vcpus_enter() enters the first one. */
static int tell_described(struct vcpu *vcpu, int result, struct err *err)
{
	struct vcpus *vcpus = vcpu->all;

	pthread_mutex_lock(&vcpus->lock);
	vcpu->is_described = result == 0;
	vcpus->has_failed |= result < 0;
	if (result == 0 && vcpu == vcpus->each && vcpus->has_entry)
		result = vcpus->hv->ops->vcpu_enter(vcpu->hv_vcpu, &vcpus->entry, err);
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
	return result;
}

/*
 * The filter is loaded while the thread would only wait for the caller of vcpus_make(): behind, when the guest could
 * already run, each start would pay for it. So it allows to describe a processor, but not to ask.
 */
static int describe(struct vcpu *vcpu, struct err *err)
{
	struct vcpus *vcpus = vcpu->all;
	const struct hv_ops *ops = vcpus->hv->ops;
	int r = vcpu == vcpus->each && ops->ask ? ops->ask(vcpus->hv, err) : 0;

	if (r == 0 && vcpus->filter)
		r = confine_load(vcpus->filter, 0, err);
	if (r == 0)
		r = await_turn(vcpu);
	if (r == 0 && ops->vcpu_describe)
		r = ops->vcpu_describe(vcpu->hv_vcpu, err);
	return tell_described(vcpu, r, err);
}

static void run(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->all;
	struct err err = ERR_INIT;
	struct hv_exit exit = {.kind = HV_EXIT_ERROR};
	bool go_on;

	if (describe(vcpu, &err) < 0) {
		if (err.code)
			(void)vcpus->exited(vcpus->context, &exit, &err);
		return;
	}
	go_on = may_run(vcpu);
	while (go_on) {
		(void)vcpus->hv->ops->vcpu_run(vcpu->hv_vcpu, &exit, &err);
		go_on = exit.kind == HV_EXIT_INTERRUPTED ? may_run(vcpu) : vcpus->exited(vcpus->context, &exit, &err);
	}
}

static void *thread_main(void *argument)
{
	struct vcpu *vcpu = argument;
	struct vcpus *vcpus = vcpu->all;
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, VCPU_SIGNAL);
	(void)pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	run(vcpu);
	pthread_mutex_lock(&vcpus->lock);
	vcpus->running--;
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
	return NULL;
}

static int begin_thread(struct vcpu *vcpu, const pthread_attr_t *attributes, struct err *err)
{
	struct vcpus *vcpus = vcpu->all;
	int code;

	pthread_mutex_lock(&vcpus->lock);
	vcpus->running++;
	pthread_mutex_unlock(&vcpus->lock);
	code = pthread_create(&vcpu->thread, attributes, thread_main, vcpu);
	if (code == 0) {
		vcpus->threads++;
		return 0;
	}
	pthread_mutex_lock(&vcpus->lock);
	vcpus->running--;
	pthread_mutex_unlock(&vcpus->lock);
	return err_set(err, code, "start a virtual processor's thread");
}

static int begin_threads(struct vcpus *vcpus, struct err *err)
{
	pthread_attr_t attributes;
	int r = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (unsigned i = 0; r == 0 && i < vcpus->count; i++) {
		vcpus->each[i].all = vcpus;
		r = begin_thread(&vcpus->each[i], &attributes, err);
	}
	pthread_attr_destroy(&attributes);
	/* It asks the hypervisor while the caller makes the machine: both are on the way to the guest's first byte. */
	if (r == 0)
		processors_begin_thread_elsewhere(vcpus->each[0].thread);
	return r;
}

int vcpus_begin(struct vcpus *vcpus, struct hv *hv, unsigned count,
		bool (*exited)(void *context, const struct hv_exit *exit, const struct err *err), void *context,
		struct err *err)
{
	struct sigaction kick = {.sa_handler = nothing_to_do};

	vcpus->hv = hv;
	vcpus->count = count;
	vcpus->exited = exited;
	vcpus->context = context;
	vcpus->pause_wanted = true;
	pthread_mutex_init(&vcpus->lock, NULL);
	pthread_cond_init(&vcpus->changed, NULL);
	if (count == 0 || count > VCPU_MAX)
		return err_say(err, EINVAL, "a machine of %u processors: want 1 to %d", count, VCPU_MAX);
	if (sigaction(VCPU_SIGNAL, &kick, NULL) < 0)
		return err_set(err, errno, "take signal %d", VCPU_SIGNAL);
	return begin_threads(vcpus, err);
}

int vcpus_make(struct vcpus *vcpus, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < vcpus->count; i++) {
		struct hv_vcpu *made = NULL;

		r = vcpus->hv->ops->vcpu_make(vcpus->hv, i, vcpus->count, &made, err);
		pthread_mutex_lock(&vcpus->lock);
		vcpus->each[i].hv_vcpu = made;
		pthread_mutex_unlock(&vcpus->lock);
	}
	if (r < 0)
		return r;
	pthread_mutex_lock(&vcpus->lock);
	vcpus->are_made = true;
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
	return 0;
}

int vcpus_enter(struct vcpus *vcpus, const struct hv_entry *entry, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&vcpus->lock);
	vcpus->entry = *entry;
	vcpus->has_entry = true;
	if (vcpus->each[0].is_described)
		r = vcpus->hv->ops->vcpu_enter(vcpus->each[0].hv_vcpu, entry, err);
	pthread_mutex_unlock(&vcpus->lock);
	return r;
}

static void kick_all(struct vcpus *vcpus)
{
	for (unsigned i = 0; i < vcpus->threads; i++) {
		/*
		 * The mark first: a thread that is about to enter the guest does not, one that has entered is brought
		 * back by the signal.
		 */
		if (vcpus->each[i].hv_vcpu)
			vcpus->hv->ops->vcpu_kick(vcpus->each[i].hv_vcpu);
		(void)pthread_kill(vcpus->each[i].thread, VCPU_SIGNAL);
	}
}

int vcpus_pause(struct vcpus *vcpus, struct err *err)
{
	struct timespec deadline;
	int code = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += VCPU_PATIENCE_MS / 1000;
	pthread_mutex_lock(&vcpus->lock);
	vcpus->pause_wanted = true;
	kick_all(vcpus);
	while (vcpus->running > 0 && code == 0)
		code = pthread_cond_timedwait(&vcpus->changed, &vcpus->lock, &deadline);
	if (vcpus->running > 0) {
		vcpus->pause_wanted = false;
		pthread_cond_broadcast(&vcpus->changed);
	} else {
		code = 0;
	}
	pthread_mutex_unlock(&vcpus->lock);
	return code ? err_set(err, code, "pause the machine's processors") : 0;
}

void vcpus_resume(struct vcpus *vcpus)
{
	pthread_mutex_lock(&vcpus->lock);
	vcpus->pause_wanted = false;
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_end(struct vcpus *vcpus)
{
	pthread_mutex_lock(&vcpus->lock);
	vcpus->end_wanted = true;
	pthread_cond_broadcast(&vcpus->changed);
	kick_all(vcpus);
	pthread_mutex_unlock(&vcpus->lock);
	for (unsigned i = 0; i < vcpus->threads; i++)
		(void)pthread_join(vcpus->each[i].thread, NULL);
	vcpus->threads = 0;
}
