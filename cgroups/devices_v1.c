/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules for v1's devices controller.
 *
 * That controller knows no order: it has one default, and a set of exceptions from it. Ordered rules, of which the last
 * match decides, are therefore reduced to such a set first. What does not fit into one ("all of major 4, but not 4:1")
 * is refused, and never approximated.
 */
#include "cgroups/devices_v1.h"

#include <fcntl.h>
#include <string.h>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define MAX_EXCEPTIONS 256
#define ANY	       (-1) /* of cg_device_rule */

struct policy {
	bool allow_by_default;
	size_t count;
	struct cg_device_rule
		exceptions[MAX_EXCEPTIONS]; /* types 'b' and 'c'; `allow` is the contrary of the default */
};

static bool covers(const struct cg_device_rule *wide, const struct cg_device_rule *narrow)
{
	return wide->type == narrow->type && (wide->major == ANY || wide->major == narrow->major) &&
	       (wide->minor == ANY || wide->minor == narrow->minor);
}

static bool meets(const struct cg_device_rule *a, const struct cg_device_rule *b)
{
	bool access = (a->read && b->read) || (a->write && b->write) || (a->mknod && b->mknod);

	return access && a->type == b->type && (a->major == ANY || b->major == ANY || a->major == b->major) &&
	       (a->minor == ANY || b->minor == ANY || a->minor == b->minor);
}

/* A rule as the default has it: it takes away from the exceptions. false: only a part of one, which cannot be said. */
static bool take_away(struct policy *policy, const struct cg_device_rule *rule)
{
	size_t kept = 0;

	for (size_t i = 0; i < policy->count; i++) {
		struct cg_device_rule *exception = &policy->exceptions[i];

		if (meets(exception, rule)) {
			if (!covers(rule, exception))
				return false;
			exception->read &= !rule->read;
			exception->write &= !rule->write;
			exception->mknod &= !rule->mknod;
		}
		if (exception->read || exception->write || exception->mknod)
			policy->exceptions[kept++] = *exception;
	}
	policy->count = kept;
	return true;
}

/* One exception must grant all of a request, so the same device's rows become one. */
static bool add(struct policy *policy, const struct cg_device_rule *rule)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct cg_device_rule *same = &policy->exceptions[i];

		if (!covers(same, rule) || !covers(rule, same))
			continue;
		same->read |= rule->read;
		same->write |= rule->write;
		same->mknod |= rule->mknod;
		return true;
	}
	if (policy->count == MAX_EXCEPTIONS)
		return false;
	policy->exceptions[policy->count++] = *rule;
	return true;
}

static int reduce_rule(struct policy *policy, const struct cg_device_rule *rule, size_t index, struct err *err)
{
	static const char both[] = "bc";
	bool everything = rule->type == 'a' && rule->major == ANY && rule->minor == ANY && rule->read && rule->write &&
			  rule->mknod;

	if (everything) {
		policy->allow_by_default = rule->allow;
		policy->count = 0;
		return 0;
	}
	for (const char *type = both; *type; type++) {
		struct cg_device_rule typed = *rule;

		if (rule->type != 'a' && rule->type != *type)
			continue;
		typed.type = *type;
		if (rule->allow == policy->allow_by_default ? !take_away(policy, &typed) : !add(policy, &typed))
			return err_say(err, ENOTSUP,
				       "limit 'devices[%zu]': cgroup v1 cannot make an exception from an earlier "
				       "rule's exception",
				       index);
	}
	return 0;
}

static int reduce(const struct cg_device_rule *rules, size_t count, struct policy *ret, struct err *err)
{
	ret->allow_by_default = false;
	ret->count = 0;
	for (size_t i = 0; i < count; i++)
		if (reduce_rule(ret, &rules[i], i, err) < 0)
			return -err->code;
	return 0;
}

int cg_devices_v1_check(const struct cg_device_rule *rules, size_t count, struct err *err)
{
	struct policy policy;

	return reduce(rules, count, &policy, err);
}

static void number_words(int64_t number, char to[static 24])
{
	if (number == ANY)
		(void)text_copy(to, 24, "*");
	else
		(void)snprintf(to, 24, "%lld", (long long)number);
}

/* "c 1:3 rwm" */
static void rule_words(const struct cg_device_rule *rule, char to[static 64])
{
	char major[24], minor[24];

	number_words(rule->major, major);
	number_words(rule->minor, minor);
	(void)snprintf(to, 64, "%c %s:%s %s%s%s", rule->type, major, minor, rule->read ? "r" : "",
		       rule->write ? "w" : "", rule->mknod ? "m" : "");
}

/* The two files that take rules, open: a configuration has a dozen of them. */
struct rule_files {
	const struct cg_folder *folder;
	int allow_fd, deny_fd;
};

static void close_rule_files(struct rule_files *files)
{
	scope_fd(&files->allow_fd);
	scope_fd(&files->deny_fd);
}

static int open_rule_files(const struct cg_folder *folder, struct rule_files *ret, struct err *err)
{
	ret->folder = folder;
	ret->allow_fd = openat(folder->fd, "devices.allow", O_WRONLY | O_CLOEXEC);
	ret->deny_fd = openat(folder->fd, "devices.deny", O_WRONLY | O_CLOEXEC);
	if (ret->allow_fd < 0 || ret->deny_fd < 0)
		return err_set(err, errno, "limit 'devices': open the rules of cgroup '%s'", folder->below);
	return 0;
}

static int write_rule(const struct rule_files *files, bool allow, const char *words, struct err *err)
{
	size_t len = strlen(words);
	ssize_t n = write(allow ? files->allow_fd : files->deny_fd, words, len);

	if (n == (ssize_t)len)
		return 0;
	err_set(err, n < 0 ? errno : EIO, "limit 'devices': %s '%s' in cgroup '%s'", allow ? "allow" : "deny", words,
		files->folder->below);
	return err->code == EPERM ? err_hint(err, "a cgroup above it does not have that device") : -err->code;
}

static int write_exceptions(const struct rule_files *files, const struct policy *policy, struct err *err)
{
	for (size_t i = 0; i < policy->count; i++) {
		char words[64];

		rule_words(&policy->exceptions[i], words);
		if (write_rule(files, policy->exceptions[i].allow, words, err) < 0)
			return -err->code;
	}
	return 0;
}

/* "c *:3 rm", as devices.list has it. */
static bool parse_rule(const char *line, struct cg_device_rule *ret)
{
	char major[24], minor[24], access[8];
	int64_t number;

	*ret = (struct cg_device_rule){.allow = true, .major = ANY, .minor = ANY};
	if (sscanf(line, "%c %23[^:]:%23s %7s", &ret->type, major, minor, access) != 4)
		return false;
	if (text_i64(major, &number) == 0)
		ret->major = number;
	if (text_i64(minor, &number) == 0)
		ret->minor = number;
	ret->read = strchr(access, 'r');
	ret->write = strchr(access, 'w');
	ret->mknod = strchr(access, 'm');
	return true;
}

/* Denies what the list has and the policy has not. */
static int deny_others(const struct rule_files *files, char *list, const struct policy *policy, struct err *err)
{
	char *position = NULL;

	for (char *line = strtok_r(list, "\n", &position); line; line = strtok_r(NULL, "\n", &position)) {
		struct cg_device_rule old;
		char words[64];

		if (!parse_rule(line, &old))
			return err_say(err, EPROTO, "devices.list of cgroup '%s': '%s' is no rule",
				       files->folder->below, line);
		for (size_t i = 0; i < policy->count; i++) {
			const struct cg_device_rule *new = &policy->exceptions[i];

			if (!covers(new, &old) || !covers(&old, new))
				continue;
			old.read &= !new->read;
			old.write &= !new->write;
			old.mknod &= !new->mknod;
		}
		if (!old.read && !old.write && !old.mknod)
			continue;
		rule_words(&old, words);
		if (write_rule(files, false, words, err) < 0)
			return -err->code;
	}
	return 0;
}

/* A running program must not meet a moment without its devices: what is new is allowed before what is old is denied. */
static int update(const struct rule_files *files, const struct policy *policy, bool *ret_done, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *list;
	size_t len;

	if (file_read(&arena, files->folder->fd, "devices.list", 1 << 20, &list, &len, err) < 0)
		return err_wrap(err, "cgroup '%s'", files->folder->below);
	*ret_done = !policy->allow_by_default && !text_starts(list, "a ");
	if (!*ret_done)
		return 0;
	if (write_exceptions(files, policy, err) < 0)
		return -err->code;
	return deny_others(files, list, policy, err);
}

int cg_devices_v1_apply(const struct cg_folder *folder, const struct cg_device_rule *rules, size_t count, bool fresh,
			struct err *err)
{
	CLEANUP(close_rule_files) struct rule_files files = {.allow_fd = -1, .deny_fd = -1};
	struct policy policy;
	bool done = false;

	if (reduce(rules, count, &policy, err) < 0 || open_rule_files(folder, &files, err) < 0)
		return -err->code;
	if (!fresh && update(&files, &policy, &done, err) < 0)
		return -err->code;
	if (done)
		return 0;
	if (write_rule(&files, policy.allow_by_default, "a", err) < 0)
		return -err->code;
	return write_exceptions(&files, &policy, err);
}
