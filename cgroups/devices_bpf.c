/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules for v2: a program that the kernel runs at each mknod and each open of a device
 * (BPF_PROG_TYPE_CGROUP_DEVICE).
 *
 * The program asks the rules from the last to the first, and keeps the accesses that no rule has decided yet in a
 * register: a rule that allows takes its accesses out of it, and with none left the answer is yes; one that denies any
 * that is left is a no; and after the first rule, what is still undecided is denied.
 */
#include "cgroups/devices_bpf.h"

#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

enum {
	REG_RESULT = BPF_REG_0,
	REG_CONTEXT = BPF_REG_1,
	REG_TYPE = BPF_REG_2,
	REG_UNDECIDED = BPF_REG_3,
	REG_MAJOR = BPF_REG_4,
	REG_MINOR = BPF_REG_5,
	REG_SCRATCH = BPF_REG_6,
};

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i)})
#define LOAD(reg, field) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, reg, REG_CONTEXT, offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define MOVE(to, from)	     INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define SET(reg, value)	     INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value)
#define AND(reg, value)	     INSN(BPF_ALU64 | BPF_AND | BPF_K, reg, 0, 0, value)
#define SHIFT_RIGHT(reg, by) INSN(BPF_ALU64 | BPF_RSH | BPF_K, reg, 0, 0, by)
/* Skips `skip` instructions when the comparison holds. */
#define IF_NOT_EQUAL(reg, value, skip) INSN(BPF_JMP | BPF_JNE | BPF_K, reg, 0, skip, value)
#define IF_EQUAL(reg, value, skip)     INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, skip, value)
#define EXIT()			       INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define MAX_RULE_INSNS	   8
#define MAX_FRAME_INSNS	   8
#define MAX_RULES	   480 /* programs of 4096 instructions load on every kernel */
#define MAX_INSNS	   (MAX_RULES * MAX_RULE_INSNS + MAX_FRAME_INSNS)
#define MAX_ATTACHED_PROGS 64

static int access_bits(const struct cg_device_rule *rule)
{
	return (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0) | (rule->read ? BPF_DEVCG_ACC_READ : 0) |
	       (rule->write ? BPF_DEVCG_ACC_WRITE : 0);
}

static size_t compile_rule(const struct cg_device_rule *rule, struct bpf_insn *to)
{
	size_t n = 0;
	/* A test that fails skips the tests behind it and the verdict, which is four instructions or five. */
	int skip = (rule->allow ? 4 : 5) + (rule->type != 'a') + (rule->major >= 0) + (rule->minor >= 0);

	if (rule->type != 'a')
		to[n++] = IF_NOT_EQUAL(REG_TYPE, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, --skip);
	if (rule->major >= 0)
		to[n++] = IF_NOT_EQUAL(REG_MAJOR, rule->major, --skip);
	if (rule->minor >= 0)
		to[n++] = IF_NOT_EQUAL(REG_MINOR, rule->minor, --skip);
	if (rule->allow) {
		to[n++] = AND(REG_UNDECIDED, ~access_bits(rule));
		to[n++] = IF_NOT_EQUAL(REG_UNDECIDED, 0, 2);
	} else {
		to[n++] = MOVE(REG_SCRATCH, REG_UNDECIDED);
		to[n++] = AND(REG_SCRATCH, access_bits(rule));
		to[n++] = IF_EQUAL(REG_SCRATCH, 0, 2);
	}
	to[n++] = SET(REG_RESULT, rule->allow);
	to[n++] = EXIT();
	return n;
}

int cg_devices_bpf_compile(const struct cg_device_rule *rules, size_t count, struct bpf_insn *to, size_t room)
{
	size_t n = 0;

	if (count * MAX_RULE_INSNS + MAX_FRAME_INSNS > room)
		return -E2BIG;
	/* access_type: the type in the low half, the accesses in the high one */
	to[n++] = LOAD(REG_TYPE, access_type);
	to[n++] = MOVE(REG_UNDECIDED, REG_TYPE);
	to[n++] = AND(REG_TYPE, 0xffff);
	to[n++] = SHIFT_RIGHT(REG_UNDECIDED, 16);
	to[n++] = LOAD(REG_MAJOR, major);
	to[n++] = LOAD(REG_MINOR, minor);
	for (size_t i = count; i > 0; i--)
		n += compile_rule(&rules[i - 1], to + n);
	to[n++] = SET(REG_RESULT, 0);
	to[n++] = EXIT();
	return (int)n;
}

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *to)
{
	return (uint64_t)(uintptr_t)to;
}

static int load(const struct bpf_insn *insns, size_t count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr)); /* padding too: the kernel refuses what it does not know */
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = pointer(insns);
	attr.insn_cnt = (uint32_t)count;
	attr.license = pointer("GPL");
	memcpy(attr.prog_name, "hull_devices", sizeof("hull_devices"));
	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(int folder_fd, int program_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)folder_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags =
		BPF_F_ALLOW_MULTI; /* those of the cgroups above hold as well, and those below may add theirs */
	return bpf(BPF_PROG_ATTACH, &attr);
}

/* The programs of this folder alone, not of those above. Their number or -errno. */
static int query(int folder_fd, uint32_t ids[static MAX_ATTACHED_PROGS])
{
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)folder_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = MAX_ATTACHED_PROGS;
	r = bpf(BPF_PROG_QUERY, &attr);
	return r < 0 ? r : (int)attr.query.prog_cnt;
}

static int detach(int folder_fd, uint32_t id)
{
	CLEANUP_FD int program_fd = -1;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	program_fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (program_fd < 0)
		return program_fd;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)folder_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attr);
}

/*
 * All programs of a cgroup have to say yes. So the new one is attached before the old ones go: in between, less is
 * allowed, never more.
 */
int cg_devices_bpf_apply(const struct cg_folder *folder, const struct cg_device_rule *rules, size_t count,
			 struct err *err)
{
	struct bpf_insn insns[MAX_INSNS];
	uint32_t old[MAX_ATTACHED_PROGS];
	CLEANUP_FD int program_fd = -1;
	int insn_count = cg_devices_bpf_compile(rules, count, insns, ARRAY_SIZE(insns));
	int old_count, r;

	if (insn_count < 0)
		return err_say(err, E2BIG, "limit 'devices': more than %d rules", MAX_RULES);
	old_count = query(folder->fd, old);
	if (old_count < 0)
		return err_set(err, -old_count, "limit 'devices': ask for the BPF programs of cgroup '%s'",
			       folder->below);
	program_fd = load(insns, (size_t)insn_count);
	if (program_fd < 0)
		return err_set(err, -program_fd, "limit 'devices': load a BPF program of %zu rules", count);
	r = attach(folder->fd, program_fd);
	if (r < 0)
		return err_set(err, -r, "limit 'devices': attach a BPF program to cgroup '%s'", folder->below);
	for (int i = 0; i < old_count; i++) {
		r = detach(folder->fd, old[i]);
		if (r < 0 && r != -ENOENT)
			return err_set(err, -r, "limit 'devices': detach the earlier BPF program of cgroup '%s'",
				       folder->below);
	}
	return 0;
}
