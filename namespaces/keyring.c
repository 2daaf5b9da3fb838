// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define USER_MAY_SEARCH 0x00080000 /* KEY_USR_SEARCH of include/linux/key.h */

/* The permissions of a key, from "type;uid;gid;permissions;description"; they are never 0 for who may look. */
static uint32_t permissions_of(long key)
{
	char words[512];
	uint32_t permissions = 0;
	long len = syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, words, sizeof(words));

	if (len <= 0 || len > (long)sizeof(words) || sscanf(words, "%*[^;];%*d;%*d;%x;", &permissions) != 1)
		return 0;
	return permissions;
}

int keyring_join(const char *name, struct err *err)
{
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
	uint32_t permissions;

	if (key < 0 && errno == ENOSYS)
		return 0;
	if (key < 0) {
		(void)err_set(err, errno, "join the session keyring '%s'", name);
		return err_hint(err, "--no-new-keyring keeps the caller's");
	}
	permissions = permissions_of(key);
	if (permissions == 0 || permissions & USER_MAY_SEARCH)
		return 0;
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions | USER_MAY_SEARCH) < 0)
		return err_set(err, errno, "let the user search the session keyring '%s'", name);
	return 0;
}
