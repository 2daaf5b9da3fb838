// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

static void test_nothing_asked(void)
{
	CHECK_INT(lsm_check(&(struct lsm_request){0}, NULL), 0);
	CHECK_INT(lsm_check(&(struct lsm_request){.apparmor_profile = "", .selinux_label = "", .mount_label = ""},
			    NULL),
		  0);
	CHECK_INT(lsm_check(&(struct lsm_request){.apparmor_profile = "unconfined"}, NULL), 0);
}

static void refused(struct lsm_request request, int code, const char *words)
{
	CLEANUP_FD int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;

	CHECK_INT(lsm_check(&request, &err), -code);
	CHECK_HAS(err.msg, words);
	CHECK_INT(lsm_apply(&request, procfd, NULL), -code);
}

static void test_absent_modules_are_refused(void)
{
	if (!lsm_has_apparmor())
		refused((struct lsm_request){.apparmor_profile = "containers-default"}, ENOTSUP,
			"AppArmor profile 'containers-default': this host does not run AppArmor");
	if (!lsm_has_selinux()) {
		refused((struct lsm_request){.selinux_label = "system_u:system_r:container_t:s0"}, ENOTSUP,
			"this host does not run SELinux");
		refused((struct lsm_request){.mount_label = "system_u:object_r:container_file_t:s0"}, ENOTSUP,
			"SELinux mount label");
	}
}

static void test_words(void)
{
	char longer[2000];

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	refused((struct lsm_request){.apparmor_profile = "a\nchangeprofile b"}, EINVAL, "control character");
	refused((struct lsm_request){.apparmor_profile = longer}, EINVAL, "longer than");
	refused((struct lsm_request){.selinux_label = "a\tb"}, EINVAL, "control character");
}

/* What the module says of a process is what was asked for: where there is a module. */
static void test_apparmor_for_real(void)
{
	CLEANUP_FD int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;

	if (!lsm_has_apparmor())
		SKIP("this kernel does not run AppArmor");
	CHECK_INT(lsm_apply(&(struct lsm_request){.apparmor_profile = "unconfined"}, procfd, &err), 0);
	CHECK(lsm_apply(&(struct lsm_request){.apparmor_profile = "hull-no-such-profile"}, procfd, &err) < 0);
	CHECK_HAS(err.msg, "hull-no-such-profile");
}

/* A faked attribute file gets no label: only a host with a module gets as far as opening it. */
static void test_faked_proc(void)
{
	char folder[] = "/tmp/hull-lsm-XXXXXX";
	CLEANUP_FD int procfd = -1;

	if (!lsm_has_apparmor())
		SKIP("this kernel does not run AppArmor");
	CHECK(mkdtemp(folder) != NULL);
	procfd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(lsm_apply(&(struct lsm_request){.apparmor_profile = "unconfined"}, procfd, NULL) < 0);
	CHECK_INT(rmdir(folder), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_nothing_asked), TAP_CASE(test_absent_modules_are_refused), TAP_CASE(test_words),
		       TAP_CASE(test_apparmor_for_real), TAP_CASE(test_faked_proc));
}
