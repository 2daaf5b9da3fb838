/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/fuse_caller.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_BIT(number) (UINT64_C(1) << (number))

/* What stays in effect while an object is made for somebody else: the way in, and the way back. */
#define FOR_OTHERS (CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID))

static struct {
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t usual; /* in effect outside of a request's special needs */
} capabilities;

/* Lowering needs no right, and neither does raising what is permitted: never fails with sets that capget(2) gave. */
static void in_effect(uint64_t effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	effective &= capabilities.permitted;
	for (int i = 0; i < 2; i++)
		sets[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(effective >> 32 * i),
			.permitted = (uint32_t)(capabilities.permitted >> 32 * i),
			.inheritable = (uint32_t)(capabilities.inheritable >> 32 * i),
		};
	(void)syscall(SYS_capset, &header, sets);
}

void fuse_caller_prepare(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {{0}};

	if (syscall(SYS_capget, &header, sets) < 0)
		return;
	capabilities.permitted = sets[0].permitted | (uint64_t)sets[1].permitted << 32;
	capabilities.inheritable = sets[0].inheritable | (uint64_t)sets[1].inheritable << 32;
	capabilities.usual = (sets[0].effective | (uint64_t)sets[1].effective << 32) & ~CAP_BIT(CAP_FSETID);
	in_effect(capabilities.usual);
}

void fuse_caller_keep_set_id(bool on)
{
	in_effect(capabilities.usual | (on ? CAP_BIT(CAP_FSETID) : 0));
}

int fuse_caller_become(struct fuse_caller *caller, uint32_t uid, uint32_t gid, uint32_t umask_bits)
{
	*caller = (struct fuse_caller){.own_uid = geteuid(), .own_gid = getegid()};
	caller->other = uid != caller->own_uid || gid != caller->own_gid;
	if (caller->other) {
		/* Both say nothing of a failure: an invalid id, which changes nothing, tells what is. */
		(void)setfsgid(gid);
		(void)setfsuid(uid);
		in_effect(uid == caller->own_uid ? capabilities.usual : FOR_OTHERS);
		if ((gid_t)setfsgid((gid_t)-1) != gid || (uid_t)setfsuid((uid_t)-1) != uid) {
			caller->own_umask = umask(0);
			fuse_caller_return(caller);
			return -EOVERFLOW;
		}
	}
	caller->own_umask = umask((mode_t)umask_bits & 0777);
	return 0;
}

void fuse_caller_return(const struct fuse_caller *caller)
{
	int saved = errno;

	(void)umask(caller->own_umask);
	if (caller->other) {
		(void)setfsuid(caller->own_uid);
		(void)setfsgid(caller->own_gid);
		in_effect(capabilities.usual);
	}
	errno = saved;
}
