// SPDX-License-Identifier: GPL-2.0-or-later
/* Which namespaces it has, which rights inside, and what is hidden from it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/bundle_parts.h"
#include "cli/defaults.h"
#include "namespaces/caps.h"
#include "namespaces/idrange.h"
#include "namespaces/seccomp.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/log.h"

#define PROFILE_MAX_BYTES ((size_t)4 << 20)

/* --- Namespaces --------------------------------------------------------------------------------------------------- */

static int join(struct bundling *b, const char *type, const char *container, struct err *err)
{
	struct extension_join *join = LIST_ADD(b->arena, &b->extension->joins);

	if (join)
		*join = (struct extension_join){.type = type, .container = container};
	return arena_check(b->arena, err);
}

static int add_ids(struct bundling *b, struct err *err)
{
	const struct bundle_request *request = b->request;
	struct config_id_mapping *uids, *gids;

	if (!request->own_range)
		return 0;
	uids = LIST_ADD(b->arena, &b->os->uid_mappings);
	gids = LIST_ADD(b->arena, &b->os->gid_mappings);
	b->extension->id_range = ARENA_NEW(b->arena, struct extension_id_range);
	if (uids && gids && b->extension->id_range) {
		*uids = *gids = (struct config_id_mapping){.container_id = 0,
							   .host_id = request->range_base,
							   .size = IDRANGE_SIZE};
		*b->extension->id_range =
			(struct extension_id_range){.base = request->range_base, .size = IDRANGE_SIZE};
	}
	return defaults_add_namespace(b->arena, b->os, "user", NULL, err);
}

static int check_mode(const char *option, const char *mode, bool private_too, struct err *err)
{
	if (!mode || bundle_is_host(mode) || !text_is_empty(bundle_container_mode(mode)) ||
	    (private_too && strcmp(mode, "private") == 0))
		return 0;
	return err_say(err, EINVAL, "option '--%s' does not take '%s': %shost or container:NAME", option, mode,
		       private_too ? "private, " : "");
}

int bundle_namespaces(struct bundling *b, struct err *err)
{
	const struct run_options *o = b->options;
	const struct {
		const char *type, *mode;
	} kinds[] = {
		{"mount", NULL}, {"pid", o->pid},	  {"ipc", o->ipc},
		{"uts", o->uts}, {"cgroup", o->cgroupns}, {"network", o->network},
	};
	int result = check_mode("pid", o->pid, false, err);

	if (result >= 0)
		result = check_mode("ipc", o->ipc, true, err);
	if (result >= 0)
		result = add_ids(b, err);
	if (result >= 0 && b->request->joined_user)
		result = join(b, "user", b->request->joined_user, err);
	for (size_t i = 0; result >= 0 && i < ARRAY_SIZE(kinds); i++) {
		const char *container = bundle_container_mode(kinds[i].mode);

		if (container)
			result = join(b, kinds[i].type, container, err);
		else if (!bundle_is_host(kinds[i].mode))
			result = defaults_add_namespace(b->arena, b->os, kinds[i].type, NULL, err);
	}
	return result;
}

/* --- Capabilities ------------------------------------------------------------------------------------------------- */

static int change_caps(const struct strv *words, bool add, uint64_t *mask, struct err *err)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];
		int number = strcasecmp(word, "all") == 0 ? 0 : caps_parse(word);
		uint64_t bits = strcasecmp(word, "all") == 0 ? caps_all() : number < 0 ? 0 : CAPS_BIT(number);

		if (number < 0)
			return err_say(err, EINVAL, "option '--cap-%s': '%s' is no capability: see capabilities(7)",
				       add ? "add" : "drop", word);
		*mask = add ? *mask | bits : *mask & ~bits;
	}
	return 0;
}

static bool drops_all(const struct strv *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcasecmp(words->items[i], "all") == 0)
			return true;
	return false;
}

/*
 * Every capability that the host's root has; in a machine, whose kernel is another, every one that there is. What even
 * that lacks is said, once: who asks for --privileged counts on all of them.
 */
static uint64_t all_there_are(const struct run_options *options)
{
	uint64_t missing = bundle_is_machine(options) ? 0 : caps_all() & ~host_caps_permitted();
	CLEANUP_TEXT struct text words = TEXT_INIT;

	caps_words(missing, &words);
	if (missing)
		log_line(LOG_LEVEL_WARN, "--privileged: this host does not give %s, so the container is without",
			 text_get(&words));
	return caps_all() & ~missing;
}

/* --cap-drop ALL --cap-add X is X alone, in whatever order it was said; otherwise what is dropped is dropped. */
static int choose_caps(struct bundling *b, struct err *err)
{
	const struct run_options *o = b->options;
	uint64_t mask = o->privileged ? all_there_are(o) : caps_default();
	int result;

	if (drops_all(&o->cap_drop)) {
		mask = 0;
		result = change_caps(&o->cap_drop, false, &mask, err);
		if (result >= 0)
			result = change_caps(&o->cap_add, true, &mask, err);
	} else {
		result = change_caps(&o->cap_add, true, &mask, err);
		if (result >= 0)
			result = change_caps(&o->cap_drop, false, &mask, err);
	}
	return result < 0 ? result : defaults_set_caps(b->arena, mask, b->process, err);
}

/* --- Security options --------------------------------------------------------------------------------------------- */

/*
 * A profile is written for many kernels: calls that nobody here knows are no error. But who has mistyped one wants to
 * hear of it.
 */
static void report_unknown_calls(const struct config_seccomp *profile, const char *path)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < profile->syscalls.count; i++)
		for (size_t n = 0; n < profile->syscalls.items[i].names.count; n++)
			if (!seccomp_call_is_known(profile->syscalls.items[i].names.items[n]))
				text_addf(&words, "%s%s", words.len ? ", " : "",
					  profile->syscalls.items[i].names.items[n]);
	if (words.len)
		log_line(LOG_LEVEL_WARN, "seccomp profile '%s': unknown system calls: %s", path, text_get(&words));
}

static int set_seccomp(struct bundling *b, const char *value, struct err *err)
{
	char *data;
	size_t len;
	int result;

	b->extension->default_seccomp = false;
	b->os->seccomp = NULL;
	if (strcmp(value, "unconfined") == 0)
		return 0;
	result = file_read(b->arena, AT_FDCWD, value, PROFILE_MAX_BYTES, &data, &len, err);
	if (result >= 0)
		result = config_parse_seccomp(b->arena, data, len, value, &b->os->seccomp, err);
	if (result < 0)
		return err_wrap(err, "option '--security-opt': seccomp profile");
	report_unknown_calls(b->os->seccomp, value);
	return 0;
}

static int set_no_new_privs(struct bundling *b, const char *value, struct err *err)
{
	if (text_is_empty(value) || strcmp(value, "true") == 0)
		b->process->no_new_privileges = true;
	else if (strcmp(value, "false") == 0)
		b->process->no_new_privileges = false;
	else
		return err_say(err, EINVAL, "no-new-privileges takes true or false, not '%s'", value);
	return 0;
}

static int set_apparmor(struct bundling *b, const char *value, struct err *err)
{
	(void)err;
	b->process->apparmor_profile = value;
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct bundling *b, const char *value, struct err *err);
} security_options[] = {
	{"seccomp", set_seccomp},
	{"no-new-privileges", set_no_new_privs},
	{"apparmor", set_apparmor},
};

static int set_security(struct bundling *b, const char *words, struct err *err)
{
	size_t len = strcspn(words, "=:");
	const char *value = words[len] ? words + len + 1 : "";

	for (size_t i = 0; i < ARRAY_SIZE(security_options); i++)
		if (strlen(security_options[i].name) == len && strncmp(security_options[i].name, words, len) == 0)
			return security_options[i].set(b, value, err);
	return err_say(err, EINVAL,
		       "option '--security-opt' does not know '%s': seccomp=, no-new-privileges= or apparmor=", words);
}

int bundle_rights(struct bundling *b, struct err *err)
{
	const struct run_options *o = b->options;
	int result = choose_caps(b, err);

	/* Privileged is what it says: only limits and namespaces are left. */
	b->process->no_new_privileges = !o->privileged;
	b->extension->default_seccomp = !o->privileged;
	if (result >= 0 && !o->privileged)
		result = defaults_add_masks(b->arena, b->os, err);
	for (size_t i = 0; result >= 0 && i < o->security.count; i++)
		result = set_security(b, o->security.items[i], err);
	return result;
}
