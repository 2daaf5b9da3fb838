/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/vm/hv_fake.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct hv_fake *fake_of(struct hv *hv)
{
	return (struct hv_fake *)(void *)hv;
}

static int fake_memory_slot(struct hv *hv, unsigned slot, uint64_t gpa, void *host, uint64_t bytes, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);

	if (slot >= HV_FAKE_SLOTS)
		return err_set(err, EINVAL, "memory slot %u", slot);
	if (fake->controllers || fake->notify_count)
		fake->late_slot = true;
	fake->slots[slot].gpa = gpa;
	fake->slots[slot].bytes = bytes;
	fake->slots[slot].host = host;
	fake->slot_count++;
	return 0;
}

static int fake_interrupt_controllers(struct hv *hv, struct err *err)
{
	(void)err;
	fake_of(hv)->controllers++;
	return 0;
}

static int fake_ask(struct hv *hv, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);

	fake->was_asked = true;
	return fake->fail_ask ? err_set(err, fake->fail_ask, "ask for processors") : 0;
}

static int fake_vcpu_make(struct hv *hv, unsigned index, unsigned count, struct hv_vcpu **ret, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);

	if (index >= HV_FAKE_VCPUS || count > HV_FAKE_VCPUS)
		return err_set(err, EINVAL, "virtual processor %u", index);
	fake->vcpus[index] = (struct hv_vcpu){.fake = fake, .index = index};
	fake->vcpu_count++;
	*ret = &fake->vcpus[index];
	return 0;
}

static int fake_vcpu_describe(struct hv_vcpu *vcpu, struct err *err)
{
	const struct hv_fake *fake = vcpu->fake;

	return fake->fail_describe && vcpu->index > 0 ? err_set(err, fake->fail_describe, "describe a processor") : 0;
}

static int fake_vcpu_enter(struct hv_vcpu *vcpu, const struct hv_entry *entry, struct err *err)
{
	(void)err;
	vcpu->entry = *entry;
	return 0;
}

static int fake_vcpu_run(struct hv_vcpu *vcpu, struct hv_exit *ret, struct err *err)
{
	bool kicked = __atomic_exchange_n(&vcpu->kicked, false, __ATOMIC_SEQ_CST);

	if (!kicked && vcpu->fake->play) {
		vcpu->fake->play(vcpu, ret);
		return 0;
	}
	if (!kicked && vcpu->index == 0 && vcpu->next_exit < vcpu->fake->exit_count) {
		*ret = vcpu->fake->exits[vcpu->next_exit++];
		return ret->kind == HV_EXIT_ERROR ? err_set(err, EIO, "run a scripted processor") : 0;
	}
	*ret = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return 0;
}

static void fake_vcpu_kick(struct hv_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->kicked, true, __ATOMIC_SEQ_CST);
}

static bool same_notify(const struct hv_notify *a, const struct hv_notify *b)
{
	return a->gpa == b->gpa && a->bytes == b->bytes && a->match == b->match && (!a->match || a->value == b->value);
}

/* As KVM: what is there already is -EEXIST, what is not there -ENOENT. */
static int notify_locked(struct hv_fake *fake, const struct hv_notify *notify, bool on, struct err *err)
{
	unsigned i = 0;

	if (fake->fail_notify)
		return err_set(err, fake->fail_notify, "connect a notification");
	while (i < fake->notify_count && !same_notify(&fake->notifies[i], notify))
		i++;
	if (on && i < fake->notify_count)
		return err_set(err, EEXIST, "connect a notification");
	if (on && i == HV_FAKE_NOTIFIES)
		return err_set(err, ENOSPC, "connect a notification");
	if (!on && i == fake->notify_count)
		return err_set(err, ENOENT, "disconnect a notification");
	if (on)
		fake->notifies[fake->notify_count++] = *notify;
	else
		fake->notifies[i] = fake->notifies[--fake->notify_count];
	return 0;
}

static int fake_notify(struct hv *hv, const struct hv_notify *notify, bool on, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);
	int r;

	(void)pthread_mutex_lock(&fake->lock);
	r = notify_locked(fake, notify, on, err);
	(void)pthread_mutex_unlock(&fake->lock);
	return r;
}

static int fake_irq(struct hv *hv, unsigned gsi, int fd, bool on, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);

	if (fake->fail_irq)
		return err_set(err, fake->fail_irq, "connect interrupt line %u", gsi);
	if (gsi >= HV_FAKE_LINES || (on && fake->lines[gsi] >= 0))
		return err_set(err, EINVAL, "connect interrupt line %u", gsi);
	fake->lines[gsi] = on ? fd : -1;
	return 0;
}

static int fake_dirty_log(struct hv *hv, unsigned slot, bool on, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);

	if (slot >= fake->slot_count || fake->slots[slot].is_logged == on)
		return err_set(err, EINVAL, "log memory slot %u", slot);
	if (on && slot > 0 && fake->fail_log)
		return err_set(err, fake->fail_log, "log memory slot %u", slot);
	fake->slots[slot].is_logged = on;
	return 0;
}

static int fake_dirty_read(struct hv *hv, unsigned slot, uint64_t *ret_bitmap, struct err *err)
{
	struct hv_fake *fake = fake_of(hv);

	if (slot >= fake->slot_count || !fake->slots[slot].is_logged)
		return err_set(err, ENOENT, "read the log of memory slot %u", slot);
	if (fake->fail_read)
		return err_set(err, fake->fail_read, "read the log of memory slot %u", slot);
	memset(ret_bitmap, 0, (fake->slots[slot].bytes / HV_PAGE_BYTES + 63) / 64 * sizeof(*ret_bitmap));
	ret_bitmap[0] = fake->slots[slot].written;
	fake->slots[slot].written = 0;
	return 0;
}

static uint32_t fake_tsc_khz(struct hv *hv)
{
	(void)hv;
	return 2000000;
}

static void fake_close(struct hv *hv)
{
	fake_of(hv)->closed = true;
}

static const struct hv_ops fake_ops = {
	.name = "fake",
	.memory_slot = fake_memory_slot,
	.interrupt_controllers = fake_interrupt_controllers,
	.ask = fake_ask,
	.vcpu_make = fake_vcpu_make,
	.vcpu_describe = fake_vcpu_describe,
	.vcpu_enter = fake_vcpu_enter,
	.vcpu_run = fake_vcpu_run,
	.vcpu_kick = fake_vcpu_kick,
	.notify = fake_notify,
	.irq = fake_irq,
	.dirty_log = fake_dirty_log,
	.dirty_read = fake_dirty_read,
	.tsc_khz = fake_tsc_khz,
	.close = fake_close,
};

void hv_fake_open(struct hv_fake *fake)
{
	*fake = (struct hv_fake){.hv.ops = &fake_ops, .lock = PTHREAD_MUTEX_INITIALIZER};
	for (unsigned i = 0; i < HV_FAKE_LINES; i++)
		fake->lines[i] = -1;
}

bool hv_fake_write(const struct hv_fake *fake, uint64_t gpa, uint32_t bytes, uint64_t value)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < fake->notify_count; i++) {
		const struct hv_notify *at = &fake->notifies[i];

		if (at->gpa == gpa && at->bytes == bytes && (!at->match || at->value == value))
			return write(at->fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
	}
	return false;
}

uint64_t hv_fake_edges(const struct hv_fake *fake, unsigned gsi)
{
	uint64_t edges = 0;

	if (gsi >= HV_FAKE_LINES || fake->lines[gsi] < 0)
		return 0;
	return read(fake->lines[gsi], &edges, sizeof(edges)) == (ssize_t)sizeof(edges) ? edges : 0;
}
