// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/reword.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ID_DIGITS	64
#define SHORT_ID_DIGITS 12

/* --- Which words are about which option --------------------------------------------------------------------------- */

enum about {
	MEMBER, /* "hull.json: network.dns[1]: ": a member, with the number of the value when it is a list; left out */
	WHOLE,	/* something that happened because of an option: all is kept */
	THING,	/* "sysctl '": what follows is the option's value, or a part of it; kept, but for what is before ": " */
};

/*
 * Rows with the same words share them: a list's numbers go on from one option to the next (volumes), and a value is
 * looked for in one after the other.
 */
/* clang-format off */
#define LIMIT(limit, option) \
	{"limit '" limit "'", MEMBER, option}, \
	{"linux.resources." limit, MEMBER, option}
/* clang-format on */
static const struct subject {
	const char *words;
	enum about about;
	const char *option;
} subjects[] = {
	{"hull.json: network.dns[", MEMBER, "dns"},
	{"hull.json: network.dnsSearch[", MEMBER, "dns-search"},
	{"hull.json: network.dnsOptions[", MEMBER, "dns-option"},
	{"hull.json: network.addHosts[", MEMBER, "add-host"},
	{"hull.json: network.ports", MEMBER, "publish"},
	{"hull.json: stopTimeout", MEMBER, "stop-timeout"},
	{"hull.json: stopSignal", MEMBER, "stop-signal"},
	{"hull.json: volumes[", MEMBER, "volume"},
	{"hull.json: volumes[", MEMBER, "mount"},
	{"hull.json: volumes[", MEMBER, "tmpfs"},
	{"process.cwd: ", MEMBER, "workdir"},
	{"process.cwd: ", MEMBER, "cwd"},
	{"process.rlimits[", MEMBER, "ulimit"},
	{"process.oomScoreAdj", MEMBER, "oom-score-adj"},
	{"process.apparmorProfile", MEMBER, "security-opt"},
	{"process.apparmorProfile", MEMBER, "apparmor"},
	{"process.selinuxLabel", MEMBER, "process-label"},
	{"process.user.additionalGids", MEMBER, "group-add"},
	LIMIT("cpu.cpus", "cpuset-cpus"),
	LIMIT("cpu.mems", "cpuset-mems"),
	LIMIT("cpu.shares", "cpu-shares"),
	LIMIT("cpu.shares", "cpu-share"),
	LIMIT("cpu.quota", "cpus"),
	LIMIT("cpu.quota", "cpu-quota"),
	LIMIT("cpu.period", "cpus"),
	LIMIT("cpu.period", "cpu-period"),
	LIMIT("cpu.burst", "cpu-burst"),
	LIMIT("cpu.idle", "cpu-idle"),
	LIMIT("cpu.realtimePeriod", "cpu-rt-period"),
	LIMIT("cpu.realtimeRuntime", "cpu-rt-runtime"),
	LIMIT("memory.limit", "memory"),
	LIMIT("memory.swap", "memory-swap"),
	LIMIT("memory.reservation", "memory-reservation"),
	LIMIT("memory.kernel", "kernel-memory"),
	LIMIT("memory.kernelTCP", "kernel-memory-tcp"),
	LIMIT("blockIO.weight", "blkio-weight"),
	LIMIT("pids.limit", "pids-limit"),
	{"vm.image.path: ", MEMBER, "vm-image"},
	{"vm.image.format: ", MEMBER, "vm-image-format"},
	{"hostname: ", MEMBER, "hostname"},
	{"host name '", THING, "hostname"},
	{"sysctl '", THING, "sysctl"},
	{"linux.sysctl: '", THING, "sysctl"},
	{"RLIMIT_", THING, "ulimit"},
	{"publish on '", THING, "publish"},
	{"network: '", THING, "ip"},
	{"network: '", THING, "mac-address"},
	{"network: address ", THING, "ip"},
	{"mount on '", THING, "volume"},
	{"mount on '", THING, "mount"},
	{"mount on '", THING, "tmpfs"},
	{"user '", THING, "user"},
	{"group '", THING, "user"},
	{"group '", THING, "group-add"},
	{"its memory limit ", WHOLE, "memory"},
	{"become user ", THING, "user"},
	{"working directory '", THING, "workdir"},
	{"working directory '", THING, "cwd"},
	{"AppArmor profile '", THING, "apparmor"},
	{"SELinux label '", THING, "process-label"},
	{"sub-cgroup '", THING, "cgroup"},
	{"bundle '", THING, "bundle"},
	{"pid file '", THING, "pid-file"},
	{"console socket '", THING, "console-socket"},
	{"pidfd socket '", THING, "pidfd-socket"},
	{"images '", THING, "image-path"},
	{"work folder '", THING, "work-path"},
	{"criu '", THING, "criu"},
	{"state directory '", THING, "root"},
	{"log '", THING, "log"},
};

/* --- Values ------------------------------------------------------------------------------------------------------- */

/* What the user has given for an option, of the command or of all of them, as a list. */
static struct strv values_of(const struct command_call *call, const char *name, char **single)
{
	const struct option_row *row = options_find(call->command->options, name, strlen(name));
	const void *options = call->options;
	const char *field;

	if (!row && call->program) {
		row = options_find(call->program->globals, name, strlen(name));
		options = call->globals;
	}
	if (!row || row->kind == OPTION_FLAG)
		return (struct strv){0};
	field = (const char *)options + row->offset;
	if (row->kind == OPTION_LIST)
		return *(const struct strv *)field;
	memcpy(single, field, sizeof(*single));
	return *single ? (struct strv){.items = single, .count = 1} : (struct strv){0};
}

/* Whether a value, or parts of one ("size=1" of "dst=/x,size=1", "/x" of that), are this thing. */
static bool is_about(const char *value, const char *thing, size_t len)
{
	static const char between[] = ":=,";

	for (const char *at = value; at; at = strpbrk(at, between), at += at != NULL)
		if (strncasecmp(at, thing, len) == 0 && strchr(between, at[len]))
			return true;
	return false;
}

/* The thing ends where its quotes do, or its word. */
static const char *value_about(const struct strv *values, const char *thing)
{
	size_t len = strcspn(thing, thing[-1] == '\'' ? "'" : "': ,");

	for (size_t i = 0; i < values->count; i++)
		if (is_about(values->items[i], thing, len))
			return values->items[i];
	return NULL;
}

/* --- Errors ------------------------------------------------------------------------------------------------------- */

struct found {
	const char *option, *value;
	const char *rest; /* within the message: what stays of it */
};

/* Context that was added on the way up may name the member more than once: the last time counts. */
static const char *last_occurrence(const char *msg, const char *words)
{
	const char *last = NULL;

	for (const char *at = strstr(msg, words); at; at = strstr(at + 1, words))
		last = at;
	return last;
}

static bool find_member(const struct strv *values, const struct subject *subject, const char *at, size_t *number,
			struct found *ret)
{
	const char *rest = at + strlen(subject->words), *end = strstr(rest, ": ");
	size_t chosen = 0;

	if (rest[-1] == '[')
		(void)sscanf(rest, "%zu", &chosen);
	if (*number == SIZE_MAX)
		*number = chosen;
	if (*number >= values->count) {
		*number -= values->count;
		return false;
	}
	ret->value = values->items[*number];
	ret->rest = rest[-1] == ' ' ? rest : end ? end + 2 : rest;
	return true;
}

static bool find(const struct command_call *call, const char *msg, struct found *ret)
{
	size_t number = SIZE_MAX; /* of a value that is still to be found among rows with the same words */

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		const struct subject *subject = &subjects[i];
		const char *at = last_occurrence(msg, subject->words);
		char *single = NULL;
		struct strv values = values_of(call, subject->option, &single);

		if (i > 0 && strcmp(subject->words, subjects[i - 1].words) != 0)
			number = SIZE_MAX;
		ret->option = subject->option;
		if (!at)
			continue;
		if (subject->about == MEMBER && find_member(&values, subject, at, &number, ret))
			return true;
		if (subject->about == WHOLE && values.count > 0) {
			ret->value = values.items[0];
			ret->rest = msg;
			return true;
		}
		ret->rest = strstr(subject->words, ": ") ? strstr(at, ": ") + 2 : at;
		ret->value = subject->about == THING ? value_about(&values, at + strlen(subject->words)) : NULL;
		if (ret->value)
			return true;
	}
	return false;
}

static void name_option(const struct command_call *call, struct err *err)
{
	char msg[ERR_MSG_BYTES];
	int exit_code = err->exit_code;
	struct found found = {0};

	(void)text_copy(msg, sizeof(msg), err->msg);
	if (strstr(msg, "option '--") || !find(call, msg, &found))
		return;
	if (strstr(found.rest, found.value))
		(void)err_say(err, err->code, "option '--%s': %s", found.option, found.rest);
	else
		(void)err_say(err, err->code, "option '--%s': '%s': %s", found.option, found.value, found.rest);
	(void)err_exit_with(err, exit_code);
}

/* Replaces so many bytes at `at`, which is within the message. What does not fit any more is cut. */
static void replace(struct err *err, char *at, size_t len, const char *words)
{
	char behind[ERR_MSG_BYTES];

	(void)text_copy(behind, sizeof(behind), at + len);
	(void)snprintf(at, sizeof(err->msg) - (size_t)(at - err->msg), "%s%s", words, behind);
}

/* Only where the id stands for the container: in a path it has to be whole. */
static void shorten_ids(struct err *err)
{
	for (char *quote = strchr(err->msg, '\''); quote; quote = strchr(quote + 1, '\''))
		if (strspn(quote + 1, "0123456789abcdef") == ID_DIGITS && quote[1 + ID_DIGITS] == '\'')
			replace(err, quote + 1 + SHORT_ID_DIGITS, ID_DIGITS - SHORT_ID_DIGITS, "");
}

void reword_container(const char *id, const char *words, struct err *err)
{
	for (char *quote = strchr(err->msg, '\''); quote; quote = strchr(quote + 1, '\''))
		if (text_starts(quote + 1, id) && quote[1 + strlen(id)] == '\'')
			replace(err, quote + 1, strlen(id), words);
}

void reword_options(const struct command_call *call, struct err *err)
{
	if (call->command && call->options)
		name_option(call, err);
}

void reword_error(const struct command_call *call, struct err *err)
{
	reword_options(call, err);
	shorten_ids(err);
}
