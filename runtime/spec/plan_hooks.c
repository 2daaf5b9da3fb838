/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs that callers want run at certain moments of an instance's life. */
#include "runtime/spec/plan_parts.h"

static int take_hook(struct planning *p, const char *where, const struct config_hook *from, struct plan_hook *to,
		     struct err *err)
{
	char member[64];

	(void)snprintf(member, sizeof(member), "%s.path", where);
	if (plan_want_absolute(member, from->path, err) < 0)
		return -EINVAL;
	if (from->timeout.set && (from->timeout.value < 1 || from->timeout.value > INT32_MAX))
		return err_say(err, EINVAL, "%s.timeout: %lld seconds: want 1 or more", where,
			       (long long)from->timeout.value);
	*to = (struct plan_hook){
		.path = from->path,
		.args = from->args,
		.env = from->env,
		.timeout_ms = from->timeout.set ? (uint64_t)from->timeout.value * 1000 : 0,
	};
	/*
	 * execv(3) semantics, says the specification: args[0] is the caller's to choose, and without any it is the
	 * path.
	 */
	if (to->args.count == 0 && strv_add(p->arena, &to->args, from->path) < 0)
		return plan_no_memory(p, err);
	return 0;
}

static int take_list(struct planning *p, const char *name, const config_hook_list *from, plan_hook_list *to,
		     struct err *err)
{
	char where[48];

	for (size_t i = 0; i < from->count; i++) {
		struct plan_hook *hook = LIST_ADD(p->arena, to);
		int r;

		if (!hook)
			return plan_no_memory(p, err);
		(void)snprintf(where, sizeof(where), "hooks.%s[%zu]", name, i);
		r = take_hook(p, where, &from->items[i], hook, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_config_hooks(struct arena *arena, const struct config *config, plan_hook_list ret[HOOK_KIND_COUNT],
		      struct err *err)
{
	struct planning planning = {.arena = arena, .config = config};
	const struct config_hooks *hooks = &config->hooks;
	const config_hook_list *lists[HOOK_KIND_COUNT] = {
		[HOOK_PRESTART] = &hooks->prestart,
		[HOOK_CREATE_RUNTIME] = &hooks->create_runtime,
		[HOOK_CREATE_CONTAINER] = &hooks->create_container,
		[HOOK_START_CONTAINER] = &hooks->start_container,
		[HOOK_POSTSTART] = &hooks->poststart,
		[HOOK_POSTSTOP] = &hooks->poststop,
	};

	for (int kind = 0; kind < HOOK_KIND_COUNT; kind++) {
		int r = take_list(&planning, plan_hook_name((enum plan_hook_kind)kind), lists[kind], &ret[kind], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int plan_hooks(struct planning *p, struct err *err)
{
	return plan_config_hooks(p->arena, p->config, p->plan->hooks, err);
}
