/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who runs, and with what: words, user, capabilities, labels; and the limits, of plan_process_limits.c. One way for an
 * instance's first process and for `exec`.
 */
#include <inttypes.h>
#include <string.h>

#include "runtime/spec/plan_process_parts.h"

#define NO_ID	    UINT32_MAX /* (uid_t)-1 means 'leave it' to the kernel */
#define MAX_CONSOLE UINT16_MAX

int plan_process_no_memory(const struct processing *w, struct err *err)
{
	int r = arena_check(w->arena, err);

	return r < 0 ? r : err_set(err, ENOMEM, "cannot make the plan");
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static int take_words(struct processing *w, struct err *err)
{
	const struct config_process *from = w->from;

	if (from->args.count == 0)
		return err_say(err, EINVAL, "process.args: nothing to run");
	if (text_is_empty(from->args.items[0]))
		return err_say(err, EINVAL, "process.args[0]: the name of the program is empty");
	if (plan_want_absolute("process.cwd", from->cwd, err) < 0)
		return -EINVAL;
	w->to->args = from->args;
	w->to->cwd = from->cwd;
	for (size_t i = 0; i < from->env.count; i++) {
		const char *equals = strchr(from->env.items[i], '=');

		if (!equals || equals == from->env.items[i])
			plan_warn(w->arena, w->warnings, "process.env[%zu]: '%.64s' is not NAME=VALUE: left out", i,
				  from->env.items[i]);
		else if (strv_add(w->arena, &w->to->env, from->env.items[i]) < 0)
			return plan_process_no_memory(w, err);
	}
	return 0;
}

static int take_terminal(struct processing *w, struct err *err)
{
	const struct config_console_size *size = w->from->console_size;

	w->to->terminal = w->from->terminal;
	if (!w->from->terminal || !size)
		return 0;
	if (size->height > MAX_CONSOLE || size->width > MAX_CONSOLE)
		return err_say(err, EINVAL, "process.consoleSize: more than %d rows or columns", MAX_CONSOLE);
	w->to->rows = (uint16_t)size->height;
	w->to->columns = (uint16_t)size->width;
	return 0;
}

/* --- user --------------------------------------------------------------------------------------------------------- */

static int check_gid(const struct processing *w, const char *member, uint32_t gid, struct err *err)
{
	uint32_t ignored;

	if (gid == NO_ID)
		return err_say(err, EINVAL, "process.user.%s: %u is no id", member, gid);
	if (w->map->gid_count && idmap_to_host_gid(w->map, gid, &ignored) < 0)
		return err_say(err, EINVAL, "process.user.%s: %u is not in linux.gidMappings", member, gid);
	return 0;
}

static int take_groups(struct processing *w, struct err *err)
{
	const struct config_user *user = &w->from->user;

	if (user->additional_gids.count && !w->set_groups_allowed)
		return err_say(err, EPERM,
			       "process.user.additionalGids: an unprivileged caller that maps only its own group "
			       "cannot set groups");
	for (size_t i = 0; i < user->additional_gids.count; i++) {
		uint32_t *group;

		if (check_gid(w, "additionalGids", user->additional_gids.items[i], err) < 0)
			return -EINVAL;
		group = LIST_ADD(w->arena, &w->to->groups);
		if (!group)
			return plan_process_no_memory(w, err);
		*group = user->additional_gids.items[i];
	}
	return 0;
}

static int take_user(struct processing *w, struct err *err)
{
	const struct config_user *user = &w->from->user;
	uint32_t ignored;

	if (user->uid == NO_ID)
		return err_say(err, EINVAL, "process.user.uid: %u is no id", user->uid);
	if (w->map->uid_count && idmap_to_host_uid(w->map, user->uid, &ignored) < 0)
		return err_say(err, EINVAL, "process.user.uid: %u is not in linux.uidMappings", user->uid);
	if (check_gid(w, "gid", user->gid, err) < 0)
		return -EINVAL;
	if (user->umask.set && user->umask.value > 0777)
		return err_say(err, EINVAL, "process.user.umask: %" PRIu64 " is no umask", user->umask.value);
	w->to->uid = user->uid;
	w->to->gid = user->gid;
	w->to->limits.has_umask = user->umask.set;
	w->to->limits.umask = (mode_t)user->umask.value;
	return take_groups(w, err);
}

/* --- capabilities ------------------------------------------------------------------------------------------------- */

/*
 * The specification: a name that means nothing here, and a capability that cannot be given, is a warning and no
 * failure. Every name is said once, though it may be in five sets.
 */
static uint64_t take_set(struct processing *w, const struct strv *names, struct strv *unknown)
{
	uint64_t set = 0;

	for (size_t i = 0; i < names->count; i++) {
		int number = caps_parse(names->items[i]);

		if (number >= 0 && (uint64_t)number <= w->host->cap_last)
			set |= CAPS_BIT(number);
		else if (!strv_has(unknown, names->items[i]))
			(void)strv_add(w->arena, unknown, names->items[i]);
	}
	return set;
}

static void warn_left_out(struct processing *w, uint64_t mask, const char *why)
{
	CLEANUP_TEXT struct text names = TEXT_INIT;

	if (!mask)
		return;
	caps_words(mask, &names);
	plan_warn(w->arena, w->warnings, "process.capabilities: %s left out: %s", text_get(&names), why);
}

static void take_capabilities(struct processing *w)
{
	const struct config_capabilities *from = w->from->capabilities;
	struct caps_sets *to = &w->to->caps;
	struct strv unknown = {0};
	uint64_t odd;

	if (!from)
		return;
	*to = (struct caps_sets){
		.bounding = take_set(w, &from->bounding, &unknown),
		.effective = take_set(w, &from->effective, &unknown),
		.permitted = take_set(w, &from->permitted, &unknown),
		.inheritable = take_set(w, &from->inheritable, &unknown),
		.ambient = take_set(w, &from->ambient, &unknown),
	};
	for (size_t i = 0; i < unknown.count; i++)
		plan_warn(w->arena, w->warnings, "process.capabilities: '%s' is not known here: left out",
			  unknown.items[i]);
	if (!w->own_rights)
		warn_left_out(w, caps_restrict(to, w->host->caps), "this process does not have them to give");
	odd = to->effective & ~to->permitted;
	to->effective &= to->permitted;
	warn_left_out(w, odd, "effective, but not permitted");
	odd = to->inheritable & ~to->bounding;
	to->inheritable &= to->bounding;
	warn_left_out(w, odd, "inheritable, but not in the bounding set");
	odd = to->ambient & ~(to->permitted & to->inheritable);
	to->ambient &= to->permitted & to->inheritable;
	/*
	 * Engines that gave the inheritable set up (CVE-2022-24769) left the ambient one as it was: theirs says
	 * nothing, and is no news.
	 */
	if (to->inheritable)
		warn_left_out(w, odd, "ambient, but not both permitted and inheritable");
}

static int take_labels(struct processing *w, struct err *err)
{
	const char *profile = w->from->apparmor_profile, *label = w->from->selinux_label;

	if (!text_is_empty(profile) && strcmp(profile, "unconfined") != 0 && !w->host->apparmor)
		return err_say(err, ENOTSUP, "process.apparmorProfile: '%s': AppArmor is not enabled on this host",
			       profile);
	if (!text_is_empty(label) && !w->host->selinux)
		return err_say(err, ENOTSUP, "process.selinuxLabel: '%s': SELinux is not enabled on this host", label);
	w->to->apparmor_profile = text_is_empty(profile) ? NULL : profile;
	w->to->selinux_label = text_is_empty(label) ? NULL : label;
	w->to->no_new_privs = w->from->no_new_privileges;
	return 0;
}

static int take_process(struct processing *w, const struct config_linux *os, const struct extension *extension,
			struct err *err)
{
	int r = take_words(w, err);

	if (r == 0)
		r = take_terminal(w, err);
	if (r == 0)
		r = take_user(w, err);
	if (r == 0)
		r = take_labels(w, err);
	if (r == 0)
		r = plan_process_limits(w, os, err);
	if (r < 0)
		return r;
	take_capabilities(w);
	return plan_filter(w->arena, os, extension, w->to->caps.bounding, w->host, &w->to->seccomp, err);
}

int plan_container_process(struct planning *p, struct err *err)
{
	struct processing w = {
		.arena = p->arena,
		.from = p->config->process,
		.host = p->host,
		.map = &p->plan->idmap,
		.set_groups_allowed = p->plan->set_groups_allowed,
		.own_rights = plan_has_user_namespace(p),
		.to = &p->plan->process,
		.warnings = &p->plan->warnings,
	};

	if (!w.from)
		return p->extension ? err_say(err, EINVAL, "process: the member is missing") : 0;
	p->plan->has_process = true;
	if (p->extension) {
		w.to->user_words = text_is_empty(p->extension->user_words) ? NULL : p->extension->user_words;
		w.to->group_words = p->extension->group_words;
		w.to->init = p->extension->init;
	}
	return take_process(&w, p->os, p->extension, err);
}

int plan_exec(struct arena *arena, const struct config *config, const struct extension *extension,
	      const struct config_process *process, const struct plan_host *host, struct plan_process *ret,
	      struct strv *ret_warnings, struct err *err)
{
	struct plan plan;
	struct strv ignored_warnings = {0};
	struct processing w = {
		.arena = arena,
		.from = process,
		.host = host,
		.to = ret,
		.warnings = ret_warnings ? ret_warnings : &ignored_warnings,
	};
	static const struct config_linux nothing;
	int r = plan_inside(arena, config, extension, host, &plan, err);

	if (r < 0)
		return r;
	w.map = &plan.idmap;
	w.set_groups_allowed = plan.set_groups_allowed;
	w.own_rights = plan.namespaces.kind[NS_USER].how != NS_HOST;
	*ret = (struct plan_process){0};
	return take_process(&w, config->linux_ ? config->linux_ : &nothing, extension, err);
}
