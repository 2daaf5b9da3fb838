/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.seccomp: words to the filter's own terms. */
#include <string.h>

#include "runtime/spec/plan_parts.h"

static int take_args(struct arena *arena, const struct config_syscall *from, size_t row, struct seccomp_rule *to,
		     struct err *err)
{
	struct seccomp_arg *args = arena_array(arena, from->args.count + 1, sizeof(*args));

	if (!args)
		return arena_check(arena, err);
	for (size_t i = 0; i < from->args.count; i++) {
		const struct config_seccomp_arg *arg = &from->args.items[i];

		args[i] = (struct seccomp_arg){.index = arg->index, .value = arg->value, .value_two = arg->value_two};
		if (seccomp_parse_op(arg->op, &args[i].op) < 0)
			return err_say(err, EINVAL, "linux.seccomp.syscalls[%zu].args[%zu].op: '%s' is not known", row,
				       i, arg->op);
	}
	to->args = args;
	to->arg_count = from->args.count;
	return 0;
}

static int take_rules(struct arena *arena, const struct config_seccomp *from, struct seccomp_profile *to,
		      struct err *err)
{
	struct seccomp_rule *rules = arena_array(arena, from->syscalls.count + 1, sizeof(*rules));

	if (!rules)
		return arena_check(arena, err);
	for (size_t i = 0; i < from->syscalls.count; i++) {
		const struct config_syscall *call = &from->syscalls.items[i];
		int r;

		if (call->names.count == 0)
			return err_say(err, EINVAL, "linux.seccomp.syscalls[%zu].names: empty", i);
		rules[i] = (struct seccomp_rule){
			.names = (const char *const *)call->names.items,
			.name_count = call->names.count,
			.has_errno = call->errno_ret.set,
			.errno_ret = (uint32_t)call->errno_ret.value,
		};
		if (seccomp_parse_action(call->action, &rules[i].action) < 0)
			return err_say(err, EINVAL, "linux.seccomp.syscalls[%zu].action: '%s' is not known", i,
				       call->action);
		r = take_args(arena, call, i, &rules[i], err);
		if (r < 0)
			return r;
	}
	to->rules = rules;
	to->rule_count = from->syscalls.count;
	return 0;
}

static int take_architectures(struct arena *arena, const struct config_seccomp *from, struct seccomp_profile *to,
			      struct err *err)
{
	uint32_t *architectures = arena_array(arena, from->architectures.count + 1, sizeof(*architectures));

	if (!architectures)
		return arena_check(arena, err);
	for (size_t i = 0; i < from->architectures.count; i++)
		if (seccomp_parse_arch(from->architectures.items[i], &architectures[i]) < 0)
			return err_say(err, EINVAL, "linux.seccomp.architectures[%zu]: '%s' is not known", i,
				       from->architectures.items[i]);
	to->architectures = architectures;
	to->architecture_count = from->architectures.count;
	return 0;
}

static int take_flags(const struct config_seccomp *from, struct seccomp_profile *to, struct err *err)
{
	for (size_t i = 0; i < from->flags.count; i++) {
		unsigned flag;

		if (seccomp_parse_flag(from->flags.items[i], &flag) < 0)
			return err_say(err, EINVAL, "linux.seccomp.flags[%zu]: '%s' is not known", i,
				       from->flags.items[i]);
		to->flags |= flag;
	}
	return 0;
}

static int take_profile(struct arena *arena, const struct config_seccomp *from, struct seccomp_profile *to,
			struct err *err)
{
	int r;

	if (seccomp_parse_action(from->default_action, &to->default_action) < 0)
		return err_say(err, EINVAL, "linux.seccomp.defaultAction: '%s' is not known", from->default_action);
	if (!text_is_empty(from->listener_path)) {
		if (plan_want_absolute("linux.seccomp.listenerPath", from->listener_path, err) < 0)
			return -EINVAL;
		to->listener_path = from->listener_path;
	}
	to->listener_metadata = from->listener_metadata;
	to->has_default_errno = from->default_errno_ret.set;
	to->default_errno = (uint32_t)from->default_errno_ret.value;
	/*
	 * A list that refuses by an error was written for the calls of its day: newer ones are 'not there' to a program
	 * that tries.
	 */
	to->newer_is_enosys = to->default_action == SECCOMP_DO_ERRNO;
	r = take_architectures(arena, from, to, err);
	if (r == 0)
		r = take_flags(from, to, err);
	if (r == 0)
		r = take_rules(arena, from, to, err);
	return r;
}

int plan_filter(struct arena *arena, const struct config_linux *os, const struct extension *extension,
		uint64_t bounding, const struct plan_host *host, const struct seccomp_profile **ret, struct err *err)
{
	bool own = extension && extension->default_seccomp;
	struct seccomp_profile *profile;
	int r;

	*ret = NULL;
	if (!own && !os->seccomp)
		return 0;
	if (own && os->seccomp)
		return err_say(err, EINVAL, "hull.json: defaultSeccomp contradicts config.json's linux.seccomp");
	if (!host->seccomp)
		return err_say(err, ENOTSUP, "linux.seccomp: this kernel has no system call filters");
	profile = ARENA_NEW(arena, struct seccomp_profile);
	if (!profile)
		return arena_check(arena, err);
	r = own ? seccomp_default(arena, bounding, profile, err) : take_profile(arena, os->seccomp, profile, err);
	if (r < 0)
		return r;
	r = seccomp_check(profile, err);
	if (r < 0)
		return err_wrap(err, "linux.seccomp");
	*ret = profile;
	return 0;
}
