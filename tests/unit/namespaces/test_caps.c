// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/caps.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/host.h"
#include "tests/unit/tap.h"

/* Runs in a child; its exit code is the number of what failed, 0 for nothing. */
static int in_child(int (*run)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_names(void)
{
	CHECK_INT(caps_parse("CAP_NET_RAW"), CAP_NET_RAW);
	CHECK_INT(caps_parse("net_raw"), CAP_NET_RAW);
	CHECK_INT(caps_parse("cap_Chown"), CAP_CHOWN);
	CHECK_INT(caps_parse("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
	CHECK_INT(caps_parse(""), -EINVAL);
	CHECK_INT(caps_parse("CAP_"), -EINVAL);
	CHECK_INT(caps_parse("CAP_CAP_CHOWN"), -EINVAL);
	CHECK_INT(caps_parse("5"), -EINVAL);
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		CHECK_INT(caps_parse(caps_name(i)), i);
	CHECK(caps_name(-1) == NULL);
	CHECK(caps_name(63) == NULL);
}

static void test_default(void)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	caps_words(caps_default(), &words);
	CHECK_STR(text_get(&words),
		  "CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, "
		  "CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_SETFCAP");
	CHECK_INT(__builtin_popcountll(caps_default()), 11);
	CHECK_INT(caps_from_mask(caps_default()).inheritable, 0);
	CHECK_INT(caps_from_mask(caps_default()).ambient, 0);
}

static void test_check(void)
{
	struct caps_sets sets = caps_from_mask(caps_default());
	struct err err = ERR_INIT;

	CHECK_INT(caps_check(&sets, &err), 0);
	sets.effective |= CAPS_BIT(CAP_SYS_ADMIN);
	CHECK_INT(caps_check(&sets, &err), -EINVAL);
	CHECK_STR(err.msg, "capabilities: effective but not permitted: CAP_SYS_ADMIN");
	sets = caps_from_mask(caps_default());
	sets.ambient = CAPS_BIT(CAP_CHOWN);
	CHECK_INT(caps_check(&sets, &err), -EINVAL);
	CHECK_HAS(err.msg, "CAP_CHOWN");
	sets.inheritable = CAPS_BIT(CAP_CHOWN);
	CHECK_INT(caps_check(&sets, &err), 0);
	sets.bounding |= CAPS_BIT(60);
	CHECK_INT(caps_check(&sets, &err), -EINVAL);
	CHECK_HAS(err.msg, "does not know capability 60");
}

/* One line, each missing one once, whatever the number of sets that ask for it. */
static void test_missing_are_named_once(void)
{
	struct caps_sets sets =
		caps_from_mask(CAPS_BIT(CAP_SYS_RESOURCE) | CAPS_BIT(CAP_SYS_TIME) | CAPS_BIT(CAP_CHOWN));
	struct err err = ERR_INIT;

	CHECK_INT(caps_check_held(&sets, CAPS_BIT(CAP_CHOWN), &err), -EPERM);
	CHECK_STR(err.msg, "capabilities: this process lacks CAP_SYS_RESOURCE, CAP_SYS_TIME");
	CHECK_INT(caps_restrict(&sets, CAPS_BIT(CAP_CHOWN)), CAPS_BIT(CAP_SYS_RESOURCE) | CAPS_BIT(CAP_SYS_TIME));
	CHECK_INT(sets.bounding, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(sets.effective, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(caps_check_held(&sets, CAPS_BIT(CAP_CHOWN), &err), 0);
}

static int has_exactly(const struct caps_sets *wanted)
{
	struct caps_sets now;

	if (caps_current(&now, NULL) < 0)
		return 50;
	if (now.bounding != wanted->bounding)
		return 51;
	if (now.permitted != wanted->permitted)
		return 52;
	if (now.effective != wanted->effective)
		return 53;
	if (now.inheritable != wanted->inheritable)
		return 54;
	return now.ambient != wanted->ambient ? 55 : 0;
}

static int become_other_user(void)
{
	gid_t group = 1000;

	return setgroups(1, &group) < 0 || setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0;
}

/* The whole order, to another user: without KEEPCAPS nothing would be left to set. */
static int run_as_user(void)
{
	struct caps_sets sets = caps_from_mask(caps_default());

	if (caps_bound(&sets, NULL) < 0 || caps_keep_over_user(NULL) < 0)
		return 1;
	if (become_other_user())
		return 2;
	if (caps_after_user(&sets, NULL) < 0)
		return 3;
	if (prctl(PR_GET_KEEPCAPS) != 0)
		return 4;
	return has_exactly(&sets);
}

static int run_with_ambient(void)
{
	struct caps_sets sets = caps_from_mask(caps_default());

	sets.inheritable = CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_KILL);
	sets.ambient = CAPS_BIT(CAP_KILL);
	if (caps_bound(&sets, NULL) < 0 || caps_keep_over_user(NULL) < 0 || become_other_user() ||
	    caps_after_user(&sets, NULL) < 0)
		return 1;
	return has_exactly(&sets);
}

/* What was inheritable or ambient before is gone afterwards. */
static int run_inheritable_is_emptied(void)
{
	struct caps_sets sets, all = caps_from_mask(host_caps_permitted());

	all.inheritable = all.ambient = CAPS_BIT(CAP_NET_RAW) | CAPS_BIT(CAP_CHOWN);
	if (caps_after_user(&all, NULL) < 0)
		return 1;
	sets = caps_from_mask(caps_default());
	if (caps_bound(&sets, NULL) < 0 || caps_keep_over_user(NULL) < 0 || caps_after_user(&sets, NULL) < 0)
		return 2;
	return has_exactly(&sets);
}

/*
 * A program that root runs has no more than the bounding set, and nothing inheritable: as /proc says of `cat` itself.
 */
static int run_exec(void)
{
	struct caps_sets sets = caps_from_mask(caps_default());

	if (caps_bound(&sets, NULL) < 0 || caps_keep_over_user(NULL) < 0 || caps_after_user(&sets, NULL) < 0)
		return 1;
	execlp("sh", "sh", "-c",
	       "s=$(cat /proc/self/status); "
	       "for w in 'CapInh:.0000000000000000' 'CapPrm:.00000000800405fb' 'CapEff:.00000000800405fb' "
	       "'CapBnd:.00000000800405fb' 'CapAmb:.0000000000000000'; do echo \"$s\" | grep -q \"^$w\" || exit 9; "
	       "done",
	       (char *)NULL);
	return 2;
}

static int run_nothing_left(void)
{
	struct caps_sets none = caps_from_mask(0);

	if (caps_bound(&none, NULL) < 0 || caps_keep_over_user(NULL) < 0 || become_other_user() ||
	    caps_after_user(&none, NULL) < 0)
		return 1;
	/* Again, without CAP_SETPCAP: there is nothing to drop. */
	if (caps_bound(&none, NULL) < 0 || caps_keep_over_user(NULL) < 0 || caps_after_user(&none, NULL) < 0)
		return 2;
	return has_exactly(&none);
}

static int run_cannot_drop(void)
{
	struct caps_sets sets = caps_from_mask(host_caps_permitted()), fewer = caps_from_mask(0);
	struct err err = ERR_INIT;

	sets.effective = sets.permitted = 0;
	if (caps_after_user(&sets, NULL) < 0)
		return 1;
	fewer.bounding = sets.bounding & ~CAPS_BIT(CAP_NET_RAW);
	if (caps_bound(&fewer, &err) != -EPERM)
		return 2;
	return strstr(err.msg, "CAP_NET_RAW") && !strstr(err.msg, "CAP_CHOWN") ? 0 : 3;
}

static int run_lacking(void)
{
	struct caps_sets none = caps_from_mask(CAPS_BIT(CAP_SETPCAP)), more = caps_from_mask(CAPS_BIT(CAP_CHOWN));
	struct err err = ERR_INIT;

	if (caps_after_user(&none, NULL) < 0)
		return 1;
	if (caps_after_user(&more, &err) != -EPERM)
		return 2;
	return strcmp(err.msg, "capabilities: this process lacks CAP_CHOWN") == 0 ? 0 : 3;
}

static int run_in_user_namespace(void)
{
	struct caps_sets all = caps_from_mask(caps_all());

	/* Every capability is held within a namespace of one's own, also one that root lacks outside. */
	if (unshare(CLONE_NEWUSER) < 0)
		return 1;
	if (caps_check_held(&all, host_caps_permitted(), NULL) == 0 || caps_after_user(&all, NULL) == 0)
		return has_exactly(&all);
	return 2;
}

static void test_as_user(void)
{
	CHECK_INT(in_child(run_as_user), 0);
}
static void test_with_ambient(void)
{
	CHECK_INT(in_child(run_with_ambient), 0);
}
static void test_inheritable_is_emptied(void)
{
	CHECK_INT(in_child(run_inheritable_is_emptied), 0);
}
static void test_exec(void)
{
	CHECK_INT(in_child(run_exec), 0);
}
static void test_nothing_left(void)
{
	CHECK_INT(in_child(run_nothing_left), 0);
}
static void test_cannot_drop(void)
{
	CHECK_INT(in_child(run_cannot_drop), 0);
}
static void test_lacking(void)
{
	CHECK_INT(in_child(run_lacking), 0);
}
static void test_in_user_namespace(void)
{
	CHECK_INT(in_child(run_in_user_namespace), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_names), TAP_CASE(test_default), TAP_CASE(test_check),
		       TAP_CASE(test_missing_are_named_once), TAP_CASE(test_as_user), TAP_CASE(test_with_ambient),
		       TAP_CASE(test_inheritable_is_emptied), TAP_CASE(test_exec), TAP_CASE(test_nothing_left),
		       TAP_CASE(test_cannot_drop), TAP_CASE(test_lacking), TAP_CASE(test_in_user_namespace));
}
