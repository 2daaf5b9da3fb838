// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/path.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#define LABEL_MAX 1024

bool lsm_has_apparmor(void)
{
	char enabled[8];

	return file_read_line(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", enabled, sizeof(enabled)) > 0 &&
	       enabled[0] == 'Y';
}

bool lsm_has_selinux(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && (unsigned long)fs.f_type == SELINUX_MAGIC;
}

static bool wants_apparmor(const struct lsm_request *request)
{
	return !text_is_empty(request->apparmor_profile);
}

/* Control characters would end the kernel's command early, or begin another one. */
static int check_words(const char *what, const char *words, struct err *err)
{
	if (strlen(words) >= LABEL_MAX)
		return err_say(err, EINVAL, "%s is longer than %d bytes", what, LABEL_MAX - 1);
	for (const char *at = words; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return err_say(err, EINVAL, "%s '%s' has a control character in it", what, words);
	return 0;
}

static int check_selinux(const char *what, const char *label, struct err *err)
{
	int r;

	if (text_is_empty(label))
		return 0;
	r = check_words(what, label, err);
	if (r < 0)
		return r;
	if (!lsm_has_selinux())
		return err_say(err, ENOTSUP, "%s '%s': this host does not run SELinux", what, label);
	return 0;
}

int lsm_check(const struct lsm_request *request, struct err *err)
{
	int r;

	if (wants_apparmor(request)) {
		r = check_words("AppArmor profile", request->apparmor_profile, err);
		if (r < 0)
			return r;
		if (strcmp(request->apparmor_profile, "unconfined") != 0 && !lsm_has_apparmor())
			return err_say(err, ENOTSUP, "AppArmor profile '%s': this host does not run AppArmor",
				       request->apparmor_profile);
	}
	r = check_selinux("SELinux label", request->selinux_label, err);
	return r < 0 ? r : check_selinux("SELinux mount label", request->mount_label, err);
}

/* Writes one attribute of this thread. -ENOENT when there is no such file. */
static int write_attribute(int procfd, const char *name, const char *words, struct err *err)
{
	CLEANUP_FD int fd = path_open_proc(procfd, name, O_WRONLY | O_CLOEXEC, err);

	if (fd < 0)
		return fd;
	if (write(fd, words, strlen(words)) < 0)
		return err_set(err, errno, "write '%s' to /proc/%s", words, name);
	return 0;
}

static int apply_apparmor(const char *profile, int procfd, struct err *err)
{
	char words[LABEL_MAX + 8];
	int r;

	snprintf(words, sizeof(words), "exec %s", profile);
	/* The module's own folder came with Linux 5.8; before it the first module of the host had the plain one. */
	r = write_attribute(procfd, "thread-self/attr/apparmor/exec", words, err);
	if (r == -ENOENT) {
		err_clear(err);
		r = write_attribute(procfd, "thread-self/attr/exec", words, err);
	}
	return r < 0 ? err_wrap(err, "AppArmor profile '%s'", profile) : 0;
}

int lsm_apply(const struct lsm_request *request, int procfd, struct err *err)
{
	int r = lsm_check(request, err);

	if (r >= 0 && wants_apparmor(request) && lsm_has_apparmor())
		r = apply_apparmor(request->apparmor_profile, procfd, err);
	if (r >= 0 && !text_is_empty(request->selinux_label)) {
		r = write_attribute(procfd, "thread-self/attr/exec", request->selinux_label, err);
		if (r < 0)
			r = err_wrap(err, "SELinux label '%s'", request->selinux_label);
	}
	return r;
}
