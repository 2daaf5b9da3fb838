// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "namespaces/seccomp_front.h"
#include "namespaces/seccomp_shorten.h"
#include "runtime/base/fd.h"
#include "runtime/base/socket.h"

#define ERRNO_MAX 4095u	 /* what the kernel lets a filter return */
#define TRACE_MAX 65535u /* SECCOMP_RET_DATA */

/*
 * Checks
 * ---------------------------------------------------------------------------------------------------------------------
 */

static int check_action(enum seccomp_action action, bool has_errno, uint32_t errno_ret, struct err *err)
{
	uint32_t kernel_action = seccomp_return_value(action, has_errno, 0) & SECCOMP_RET_ACTION_FULL;

	if ((unsigned)action >= SECCOMP_ACTION_COUNT)
		return err_say(err, EINVAL, "no such action");
	if (has_errno && errno_ret > (action == SECCOMP_DO_TRACE ? TRACE_MAX : ERRNO_MAX))
		return err_say(err, EINVAL, "errnoRet %u is out of range", errno_ret);
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kernel_action) < 0)
		return err_say(err, ENOTSUP, "this kernel does not know the action %s", seccomp_action_words()[action]);
	return 0;
}

/*
 * After the filter is loaded, its listener still has to reach the agent: through these calls. Were they to notify, the
 * process would wait for an agent that waits for the descriptor.
 */
static const char *const hand_over_calls[] = {"sendmsg", "write"};

static int check_rule(const struct seccomp_rule *rule, struct err *err)
{
	const char *first = rule->name_count ? rule->names[0] : "";
	int r = check_action(rule->action, rule->has_errno, rule->errno_ret, err);

	if (r < 0)
		return err_wrap(err, "rule for '%s'", first);
	for (size_t i = 0; i < rule->arg_count; i++) {
		if (rule->args[i].index > 5)
			return err_say(err, EINVAL, "rule for '%s': argument %u: calls have arguments 0 to 5", first,
				       rule->args[i].index);
		if ((unsigned)rule->args[i].op >= SECCOMP_OP_COUNT)
			return err_say(err, EINVAL, "rule for '%s': no such operator", first);
	}
	for (size_t i = 0; rule->action == SECCOMP_DO_NOTIFY && i < rule->name_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(hand_over_calls); k++)
			if (strcmp(rule->names[i], hand_over_calls[k]) == 0)
				return err_say(err, EINVAL,
					       "SCMP_ACT_NOTIFY for '%s' would keep the listener itself "
					       "waiting",
					       rule->names[i]);
	return 0;
}

bool seccomp_flag_is_supported(const char *word)
{
	unsigned flags;

	if (seccomp_parse_flag(word, &flags) < 0)
		return false;
	if (flags == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) /* means nothing, and is refused, without a listener */
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* No program at all: a kernel that knows the flag gets as far as reading it (EFAULT). */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == 0 || errno != EINVAL;
}

static int check_flags(const struct seccomp_profile *profile, struct err *err)
{
	const char *const *words = seccomp_flag_words();

	for (size_t i = 0; words[i]; i++) {
		unsigned flags = 0;

		if (seccomp_parse_flag(words[i], &flags) < 0 || !(profile->flags & flags))
			continue;
		if (flags == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !seccomp_wants_listener(profile))
			return err_say(err, EINVAL, "flag %s needs a rule with SCMP_ACT_NOTIFY", words[i]);
		if (!seccomp_flag_is_supported(words[i]))
			return err_say(err, ENOTSUP, "this kernel does not know the flag %s", words[i]);
	}
	return 0;
}

static int check_listener(const struct seccomp_profile *profile, struct err *err)
{
	if (profile->default_action == SECCOMP_DO_NOTIFY)
		return err_say(err, EINVAL, "SCMP_ACT_NOTIFY cannot be the default action");
	if (seccomp_wants_listener(profile) && text_is_empty(profile->listener_path))
		return err_say(err, EINVAL, "SCMP_ACT_NOTIFY needs listenerPath");
	if (!text_is_empty(profile->listener_path) && profile->listener_path[0] != '/')
		return err_say(err, EINVAL, "listenerPath '%s' is not absolute", profile->listener_path);
	if (!text_is_empty(profile->listener_metadata) && text_is_empty(profile->listener_path))
		return err_say(err, EINVAL, "listenerMetadata without listenerPath");
	return 0;
}

int seccomp_check(const struct seccomp_profile *profile, struct err *err)
{
	int r = check_action(profile->default_action, profile->has_default_errno, profile->default_errno, err);

	if (r < 0)
		return err_wrap(err, "default action");
	r = check_listener(profile, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < profile->rule_count; i++) {
		r = check_rule(&profile->rules[i], err);
		if (r < 0)
			return r;
	}
	return check_flags(profile, err);
}

/*
 * Compiling
 * -------------------------------------------------------------------------------------------------------------------
 */

static void context_free(scmp_filter_ctx *context)
{
	if (*context)
		seccomp_release(*context);
}

/*
 * The architectures whose calls this machine's kernel may see besides its own. Others never run here: rules for them
 * would be dead weight.
 */
#if defined(__x86_64__)
static const uint32_t beside_native[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
#elif defined(__aarch64__)
static const uint32_t beside_native[] = {SCMP_ARCH_ARM};
#endif

static int context_open(const struct seccomp_profile *profile, scmp_filter_ctx *ret, struct err *err)
{
	scmp_filter_ctx context __attribute__((cleanup(context_free))) = seccomp_init(
		seccomp_return_value(profile->default_action, profile->has_default_errno, profile->default_errno));
	int r;

	if (!context)
		return err_say(err, EINVAL, "seccomp: libseccomp refuses the default action");
	r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A tree by number instead of one long ladder: every call of the program walks through it. */
	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(beside_native); i++)
		if (seccomp_lists_arch(profile, beside_native[i]))
			r = seccomp_arch_add(context, beside_native[i]);
	if (r < 0)
		return err_set(err, -r, "seccomp: prepare a filter");
	*ret = context;
	context = NULL;
	return 0;
}

/* Which of libseccomp's calls have their rule already: the first rule for a call is the one that counts. */
#define SEEN_CALLS 1024
struct seen_calls {
	bool number[SEEN_CALLS];
};

/* One call without conditions. libseccomp refuses a rule that says what the default says already, and needs none. */
static int add_call(scmp_filter_ctx context, const struct seccomp_profile *profile, const struct seccomp_rule *rule,
		    int number, struct seen_calls *seen)
{
	uint32_t action = seccomp_return_value(rule->action, rule->has_errno, rule->errno_ret);
	int r;

	if (number >= 0 && number < SEEN_CALLS) {
		if (seen->number[number])
			return 0;
		seen->number[number] = true;
	}
	if (action == seccomp_return_value(profile->default_action, profile->has_default_errno, profile->default_errno))
		return 0;
	/* Numbers below 0 stand for calls that only other architectures have. */
	r = seccomp_rule_add(context, action, number, 0);
	return r == -EEXIST ? 0 : r;
}

static int add_unknown(const char *name, struct arena *arena, struct strv *unknown, struct err *err)
{
	if (!unknown || seccomp_is_unfiltered(name) || strv_has(unknown, name))
		return 0;
	return strv_add(arena, unknown, name) < 0 ? err_say(err, ENOMEM, "seccomp: no memory") : 0;
}

/* Gives libseccomp each call that is its to decide; seccomp_front.c has the others. */
static int add_rule(scmp_filter_ctx context, const struct seccomp_profile *profile, const struct seccomp_rule *rule,
		    int known_last, struct seen_calls *seen, struct arena *arena, struct strv *unknown, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < rule->name_count; i++) {
		const struct seccomp_newer *newer = seccomp_newer_find(rule->names[i]);
		int number;

		if (newer && newer->number > known_last)
			continue;
		number = seccomp_syscall_resolve_name(rule->names[i]);
		if (number == __NR_SCMP_ERROR) {
			r = add_unknown(rule->names[i], arena, unknown, err);
			continue;
		}
		if (seccomp_is_conditional(profile, rule->names[i]))
			continue;
		r = add_call(context, profile, rule, number, seen);
		if (r < 0)
			r = err_set(err, -r, "seccomp: rule for '%s'", rule->names[i]);
	}
	return r;
}

/* The highest number that is libseccomp's to decide: below the first of the newer calls that it does not know. */
static int libseccomp_last(void)
{
	for (size_t i = 0; i < seccomp_newer_count; i++)
		if (seccomp_syscall_resolve_name(seccomp_newer_calls[i].name) != seccomp_newer_calls[i].number)
			return seccomp_newer_calls[i].number - 1;
	return seccomp_call_last();
}

/* libseccomp writes its program to a descriptor only. Puts it behind `front` in the arena. */
static int export_behind(scmp_filter_ctx context, const struct confine_filter *front, struct arena *arena,
			 struct confine_filter *ret, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct sock_filter *code;
	off_t bytes;
	size_t count;
	int r;

	if (fd < 0)
		return err_set(err, errno, "seccomp: memory file");
	r = seccomp_export_bpf(context, fd);
	if (r < 0)
		return err_set(err, -r, "seccomp: export the program");
	bytes = lseek(fd, 0, SEEK_END);
	if (bytes <= 0 || (size_t)bytes % sizeof(*code) || lseek(fd, 0, SEEK_SET) < 0)
		return err_say(err, EIO, "seccomp: libseccomp's program is cut short");
	count = front->count + (size_t)bytes / sizeof(*code);
	code = arena_array(arena, count, sizeof(*code));
	if (!code)
		return err_say(err, ENOMEM, "seccomp: no memory for the program");
	memcpy(code, front->instructions, front->count * sizeof(*code));
	r = fd_read_all(fd, code + front->count, (size_t)bytes);
	if (r < 0)
		return err_set(err, -r, "seccomp: read the program");
	*ret = (struct confine_filter){code, count};
	return 0;
}

int seccomp_compile_plain(const struct seccomp_profile *profile, struct arena *arena, struct confine_filter *ret,
			  struct strv *ret_unknown_names, struct err *err)
{
	scmp_filter_ctx context __attribute__((cleanup(context_free))) = NULL;
	struct seen_calls seen = {0};
	int known_last = libseccomp_last();
	struct confine_filter front;
	int r = context_open(profile, &context, err);

	for (size_t i = 0; r >= 0 && i < profile->rule_count; i++)
		r = add_rule(context, profile, &profile->rules[i], known_last, &seen, arena, ret_unknown_names, err);
	if (r >= 0)
		r = seccomp_front_program(profile, known_last, arena, &front, err);
	return r < 0 ? r : export_behind(context, &front, arena, ret, err);
}

int seccomp_compile(const struct seccomp_profile *profile, struct arena *arena, struct confine_filter *ret,
		    struct strv *ret_unknown_names, struct err *err)
{
	struct confine_filter plain;
	int r = seccomp_compile_plain(profile, arena, &plain, ret_unknown_names, err);

	if (r >= 0)
		r = seccomp_shorten(&plain, arena, ret, err);
	if (r >= 0 && ret->count > BPF_MAXINSNS)
		r = err_say(err, E2BIG, "seccomp: the profile compiles to %zu instructions, the kernel takes %d",
			    ret->count, BPF_MAXINSNS);
	return r;
}

int seccomp_listener_send(const char *listener_path, int notify_fd, const char *state, size_t state_len,
			  struct err *err)
{
	CLEANUP_FD int agent = sock_connect_patiently(AT_FDCWD, listener_path, err);

	if (agent < 0)
		return err_wrap(err, "seccomp: agent at '%s'", listener_path);
	if (sock_send_fds(agent, state, state_len, &notify_fd, 1, err) < 0)
		return err_wrap(err, "seccomp: agent at '%s'", listener_path);
	return 0;
}
