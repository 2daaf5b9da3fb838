// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/caps.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "runtime/base/host.h"
#include "runtime/base/scope.h"

#define NAME(capability) [capability] = #capability

/* Our own list of words: libcap's functions give them on the heap, and know what was known when it was built. */
static const char *const cap_names[] = {
	NAME(CAP_CHOWN),
	NAME(CAP_DAC_OVERRIDE),
	NAME(CAP_DAC_READ_SEARCH),
	NAME(CAP_FOWNER),
	NAME(CAP_FSETID),
	NAME(CAP_KILL),
	NAME(CAP_SETGID),
	NAME(CAP_SETUID),
	NAME(CAP_SETPCAP),
	NAME(CAP_LINUX_IMMUTABLE),
	NAME(CAP_NET_BIND_SERVICE),
	NAME(CAP_NET_BROADCAST),
	NAME(CAP_NET_ADMIN),
	NAME(CAP_NET_RAW),
	NAME(CAP_IPC_LOCK),
	NAME(CAP_IPC_OWNER),
	NAME(CAP_SYS_MODULE),
	NAME(CAP_SYS_RAWIO),
	NAME(CAP_SYS_CHROOT),
	NAME(CAP_SYS_PTRACE),
	NAME(CAP_SYS_PACCT),
	NAME(CAP_SYS_ADMIN),
	NAME(CAP_SYS_BOOT),
	NAME(CAP_SYS_NICE),
	NAME(CAP_SYS_RESOURCE),
	NAME(CAP_SYS_TIME),
	NAME(CAP_SYS_TTY_CONFIG),
	NAME(CAP_MKNOD),
	NAME(CAP_LEASE),
	NAME(CAP_AUDIT_WRITE),
	NAME(CAP_AUDIT_CONTROL),
	NAME(CAP_SETFCAP),
	NAME(CAP_MAC_OVERRIDE),
	NAME(CAP_MAC_ADMIN),
	NAME(CAP_SYSLOG),
	NAME(CAP_WAKE_ALARM),
	NAME(CAP_BLOCK_SUSPEND),
	NAME(CAP_AUDIT_READ),
	NAME(CAP_PERFMON),
	NAME(CAP_BPF),
	NAME(CAP_CHECKPOINT_RESTORE),
};
static_assert(ARRAY_SIZE(cap_names) >= CAP_LAST_CAP + 1, "a new capability needs its name here");

#define CAP_NAME_COUNT ((int)ARRAY_SIZE(cap_names))

int caps_parse(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (int i = 0; i < CAP_NAME_COUNT; i++)
		if (strcasecmp(name, cap_names[i] + 4) == 0)
			return i;
	return -EINVAL;
}

const char *caps_name(int number)
{
	return number >= 0 && number < CAP_NAME_COUNT ? cap_names[number] : NULL;
}

uint64_t caps_all(void)
{
	uint64_t last = host_cap_last();

	if (last > (uint64_t)CAP_NAME_COUNT - 1)
		last = (uint64_t)CAP_NAME_COUNT - 1;
	return (CAPS_BIT(last) << 1) - 1;
}

uint64_t caps_default(void)
{
	return CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID) |
	       CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_NET_BIND_SERVICE) | CAPS_BIT(CAP_SETFCAP) | CAPS_BIT(CAP_SETGID) |
	       CAPS_BIT(CAP_SETPCAP) | CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SYS_CHROOT);
}

struct caps_sets caps_from_mask(uint64_t mask)
{
	return (struct caps_sets){.bounding = mask, .effective = mask, .permitted = mask};
}

void caps_words(uint64_t mask, struct text *to)
{
	const char *separator = "";

	for (int i = 0; i < 64; i++) {
		if (!(mask & CAPS_BIT(i)))
			continue;
		if (caps_name(i))
			text_addf(to, "%s%s", separator, caps_name(i));
		else
			text_addf(to, "%scapability %d", separator, i);
		separator = ", ";
	}
}

/* Fails with `words` and the names in `mask`, behind them. */
static int complain(struct err *err, int code, const char *words, uint64_t mask)
{
	CLEANUP_TEXT struct text names = TEXT_INIT;

	caps_words(mask, &names);
	return err_say(err, code, "capabilities: %s %s", words, text_get(&names));
}

static uint64_t union_of(const struct caps_sets *sets)
{
	return sets->bounding | sets->effective | sets->permitted | sets->inheritable | sets->ambient;
}

int caps_check(const struct caps_sets *sets, struct err *err)
{
	uint64_t wrong = union_of(sets) & ~caps_all();

	if (wrong)
		return complain(err, EINVAL, "this kernel does not know", wrong);
	wrong = sets->effective & ~sets->permitted;
	if (wrong)
		return complain(err, EINVAL, "effective but not permitted:", wrong);
	wrong = sets->ambient & ~(sets->permitted & sets->inheritable);
	if (wrong)
		return complain(err, EINVAL, "ambient but not both permitted and inheritable:", wrong);
	return 0;
}

int caps_check_held(const struct caps_sets *sets, uint64_t held, struct err *err)
{
	uint64_t missing = union_of(sets) & ~held;

	return missing ? complain(err, EPERM, "this process lacks", missing) : 0;
}

uint64_t caps_restrict(struct caps_sets *sets, uint64_t held)
{
	uint64_t taken = union_of(sets) & ~held;

	sets->bounding &= held;
	sets->effective &= held;
	sets->permitted &= held;
	sets->inheritable &= held;
	sets->ambient &= held;
	return taken;
}

/*
 * Applying
 * --------------------------------------------------------------------------------------------------------------------
 */

static void free_caps(cap_t *caps)
{
	if (*caps)
		(void)cap_free(*caps);
}
#define CLEANUP_CAPS CLEANUP(free_caps)

int caps_bound(const struct caps_sets *sets, struct err *err)
{
	int last = (int)host_cap_last();
	uint64_t stayed = 0;

	for (int i = 0; i <= last && i < 64; i++)
		if (!(sets->bounding & CAPS_BIT(i)) && cap_drop_bound(i) < 0 && cap_get_bound(i) > 0)
			stayed |= CAPS_BIT(i);
	if (stayed)
		return complain(err, EPERM,
				"without CAP_SETPCAP this process cannot drop from the bounding set:", stayed);
	return 0;
}

int caps_keep_over_user(struct err *err)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "capabilities: keep them over the change of user");
	return 0;
}

/* libcap's way of saying a set: one flag array for each. */
static int fill_flag(cap_t caps, cap_flag_t flag, uint64_t mask)
{
	cap_value_t values[64];
	int count = 0;

	for (int i = 0; i < 64; i++)
		if (mask & CAPS_BIT(i))
			values[count++] = i;
	return count ? cap_set_flag(caps, flag, count, values, CAP_SET) : 0;
}

static int set_process_caps(const struct caps_sets *sets, struct err *err)
{
	CLEANUP_CAPS cap_t caps = cap_init();
	struct caps_sets now = {0};
	int code;

	if (!caps || fill_flag(caps, CAP_PERMITTED, sets->permitted) < 0 ||
	    fill_flag(caps, CAP_EFFECTIVE, sets->effective) < 0 ||
	    fill_flag(caps, CAP_INHERITABLE, sets->inheritable) < 0)
		return err_set(err, errno, "capabilities: prepare the sets");
	if (cap_set_proc(caps) == 0)
		return 0;
	code = errno;
	if (code == EPERM && caps_current(&now, NULL) == 0) {
		if (sets->permitted & ~now.permitted)
			return complain(err, EPERM, "this process lacks", sets->permitted & ~now.permitted);
		if (sets->inheritable & ~(now.inheritable | now.bounding))
			return complain(err, EPERM, "inheritable but not in the bounding set:",
					sets->inheritable & ~(now.inheritable | now.bounding));
	}
	return err_set(err, code, "capabilities: set them");
}

int caps_after_user(const struct caps_sets *sets, struct err *err)
{
	int r = set_process_caps(sets, err);

	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "capabilities: no longer keep them over a change of user");
	/*
	 * capset has already taken from the ambient set what is no longer permitted or inheritable: only a remainder
	 * needs a call.
	 */
	if (sets->inheritable && cap_reset_ambient() < 0 && errno != EINVAL)
		return err_set(err, errno, "capabilities: empty the ambient set");
	for (int i = 0; i < 64; i++)
		if ((sets->ambient & CAPS_BIT(i)) && cap_set_ambient(i, CAP_SET) < 0)
			return err_set(err, errno, "capabilities: make %s ambient", caps_name(i));
	return 0;
}

static uint64_t read_flag(cap_t caps, cap_flag_t flag)
{
	uint64_t mask = 0;

	for (int i = 0; i < 64; i++) {
		cap_flag_value_t value = CAP_CLEAR;

		if (cap_get_flag(caps, i, flag, &value) == 0 && value == CAP_SET)
			mask |= CAPS_BIT(i);
	}
	return mask;
}

int caps_current(struct caps_sets *ret, struct err *err)
{
	CLEANUP_CAPS cap_t caps = cap_get_proc();
	struct caps_sets sets = {0};

	if (!caps)
		return err_set(err, errno, "capabilities: read them");
	sets.permitted = read_flag(caps, CAP_PERMITTED);
	sets.effective = read_flag(caps, CAP_EFFECTIVE);
	sets.inheritable = read_flag(caps, CAP_INHERITABLE);
	for (int i = 0; i < 64; i++) {
		if (cap_get_bound(i) > 0)
			sets.bounding |= CAPS_BIT(i);
		if (cap_get_ambient(i) > 0)
			sets.ambient |= CAPS_BIT(i);
	}
	*ret = sets;
	return 0;
}
