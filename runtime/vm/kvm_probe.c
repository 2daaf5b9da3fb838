/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/kvm_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"

#define PAGE_BYTES 4096
#define LOAD_AT	   0x1000
/*
 * What is counted down, and how long that may take: a processor needs some 10 µs, emulation of a whole processor 300,
 * and of one instruction after the other 30,000.
 */
#define ROUNDS	   20000
#define SLOWEST_NS 4000000
#define TRIES	   3 /* the better one counts: this process may have had to wait for its turn */

/* mov $ROUNDS, %ecx; 1: dec %ecx; jnz 1b; hlt, in real mode. */
static const uint8_t payload[] = {0x66, 0xb9, ROUNDS & 0xff, ROUNDS >> 8, 0, 0, 0x66, 0x49, 0x75, 0xfc, 0xf4};

struct small_machine {
	int kvm, vm, cpu;
	void *page;
	struct kvm_run *run;
	size_t run_bytes;
};

static void close_machine(struct small_machine *m)
{
	if (m->run)
		(void)munmap(m->run, m->run_bytes);
	if (m->page)
		(void)munmap(m->page, PAGE_BYTES);
	scope_fd(&m->cpu);
	scope_fd(&m->vm);
	scope_fd(&m->kvm);
}

static void *map(int fd, size_t bytes, int flags)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int make_machine(struct small_machine *m, struct err *err)
{
	struct kvm_userspace_memory_region slot = {.guest_phys_addr = LOAD_AT, .memory_size = PAGE_BYTES};
	int bytes;

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0)
		return err_set(err, errno, "/dev/kvm");
	if (ioctl(m->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return err_say(err, ENOTSUP, "/dev/kvm is not of version %d", KVM_API_VERSION);
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	m->page = map(-1, PAGE_BYTES, MAP_ANONYMOUS);
	bytes = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (m->vm < 0 || !m->page || bytes < (int)sizeof(*m->run))
		return err_set(err, errno, "/dev/kvm: make a machine");
	memcpy(m->page, payload, sizeof(payload));
	slot.userspace_addr = (uintptr_t)m->page;
	if (ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return err_set(err, errno, "/dev/kvm: give a machine memory");
	m->cpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	m->run_bytes = (size_t)bytes;
	m->run = m->cpu < 0 ? NULL : map(m->cpu, m->run_bytes, 0);
	return m->run ? 0 : err_set(err, errno, "/dev/kvm: make a processor");
}

static int run_once(struct small_machine *m, uint64_t *ret_ns, struct err *err)
{
	struct kvm_regs registers = {.rip = LOAD_AT, .rflags = 2};
	struct kvm_sregs special;
	uint64_t began;
	int r;

	if (ioctl(m->cpu, KVM_GET_SREGS, &special) < 0)
		return err_set(err, errno, "/dev/kvm: look at a processor");
	special.cs.base = 0;
	special.cs.selector = 0;
	if (ioctl(m->cpu, KVM_SET_SREGS, &special) < 0 || ioctl(m->cpu, KVM_SET_REGS, &registers) < 0)
		return err_set(err, errno, "/dev/kvm: set a processor up");
	began = proc_monotonic_ns();
	do
		r = ioctl(m->cpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR);
	*ret_ns = proc_monotonic_ns() - began;
	if (r < 0)
		return err_set(err, errno, "/dev/kvm: run a processor");
	if (m->run->exit_reason != KVM_EXIT_HLT)
		return err_say(err, ENOTSUP, "/dev/kvm: a processor stopped for reason %u", m->run->exit_reason);
	return 0;
}

int kvm_probe(struct err *err)
{
	struct small_machine m __attribute__((cleanup(close_machine))) = {.kvm = -1, .vm = -1, .cpu = -1};
	uint64_t best = UINT64_MAX, ns = UINT64_MAX;
	int r = make_machine(&m, err);

	for (int i = 0; i < TRIES && r == 0 && best > SLOWEST_NS; i++) {
		r = run_once(&m, &ns, err);
		if (r == 0 && ns < best)
			best = ns;
	}
	if (r == 0 && best > SLOWEST_NS)
		return err_say(err, ENOTSUP, "/dev/kvm emulates what a kernel does: it would take minutes to boot one");
	return r;
}
