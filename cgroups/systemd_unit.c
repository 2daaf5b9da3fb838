/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, places and properties of systemd's units: see systemd.unit(5), systemd.slice(5), systemd.resource-control(5).
 */
#include "cgroups/systemd_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroups/limits_table.h"

#define MAX_UNIT_BYTES	  255
#define UNLIMITED	  UINT64_MAX
#define USEC_PER_SEC	  UINT64_C(1000000)
#define DEFAULT_PERIOD_US 100000
/* systemd keeps a quota in hundredths of a processor. */
#define QUOTA_STEP_US UINT64_C(10000)

/* --- names -------------------------------------------------------------------------------------------------------- */

static bool is_unit_text(const char *words)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

	return words[strspn(words, allowed)] == '\0';
}

/* A dash is a level, so that there is no empty one; "-.slice" is the root of all. */
static bool is_slice(const char *words)
{
	size_t len = strlen(words);

	if (strcmp(words, "-.slice") == 0)
		return true;
	return len > strlen(".slice") && len < MAX_UNIT_BYTES && strcmp(words + len - 6, ".slice") == 0 &&
	       words[0] != '-' && !strstr(words, "--") && !strstr(words, "-.slice") && is_unit_text(words);
}

/* systemd knows no '+' in names: as it escapes any other byte. */
static const char *escape(struct arena *arena, const char *words)
{
	CLEANUP_TEXT struct text text = TEXT_INIT;

	for (; *words; words++)
		if (*words == '+')
			text_addf(&text, "\\x%02x", '+');
		else
			text_addf(&text, "%c", *words);
	return text.failed ? NULL : arena_strdup(arena, text_get(&text));
}

int cg_unit_parse(struct arena *arena, const char *path, bool user, struct cg_unit *ret, struct err *err)
{
	const char *first = strchr(path, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	const char *slice, *prefix, *name;

	if (*path == '/' || !second || strchr(second + 1, ':') || !second[1])
		return err_say(err, EINVAL, "cgroup path '%s': the systemd driver wants \"slice:prefix:name\"", path);
	slice = first == path ? (user ? "user.slice" : "system.slice")
			      : arena_strndup(arena, path, (size_t)(first - path));
	prefix = arena_strndup(arena, first + 1, (size_t)(second - first - 1));
	name = prefix ? escape(arena, second + 1) : NULL;
	if (!slice || !name)
		return arena_check(arena, err);
	if (!is_slice(slice))
		return err_say(err, EINVAL, "cgroup path '%s': '%s' is no name of a slice, such as machine.slice", path,
			       slice);
	ret->slice = slice;
	ret->name = arena_printf(arena, "%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	if (ret->name && (!is_unit_text(ret->name) || strlen(ret->name) > MAX_UNIT_BYTES))
		return err_say(err, EINVAL, "cgroup path '%s': '%s' is no name of a unit of systemd", path, ret->name);
	return arena_check(arena, err);
}

const char *cg_unit_place(struct arena *arena, const struct cg_unit *unit)
{
	CLEANUP_TEXT struct text text = TEXT_INIT;

	if (strcmp(unit->slice, "-.slice") != 0) {
		for (const char *dash = strchr(unit->slice, '-'); dash; dash = strchr(dash + 1, '-'))
			text_addf(&text, "/%.*s.slice", (int)(dash - unit->slice), unit->slice);
		text_addf(&text, "/%s", unit->slice);
	}
	text_addf(&text, "/%s", unit->name);
	return text.failed ? NULL : arena_strdup(arena, text_get(&text));
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static int add(struct arena *arena, struct strv *to, const char *property, const char *type, const char *value)
{
	const char *words = value ? arena_printf(arena, "%s=%s:%s", property, type, value) : NULL;

	return words ? strv_add(arena, to, words) : -ENOMEM;
}

static int add_number(struct arena *arena, struct strv *to, const char *property, uint64_t number)
{
	return add(arena, to, property, "t", arena_printf(arena, "%llu", (unsigned long long)number));
}

static uint64_t or_unlimited(int64_t value)
{
	return value < 0 ? UNLIMITED : (uint64_t)value;
}

static int add_memory(struct arena *arena, const struct cg_limits *limits, bool v2, struct strv *to)
{
	const struct cg_value *memory = &limits->memory_limit, *swap = &limits->memory_swap;
	int r = 0;

	if (cg_value_given(memory))
		r = add_number(arena, to, v2 ? "MemoryMax" : "MemoryLimit", or_unlimited(memory->value));
	if (r == 0 && v2 && cg_value_given(&limits->memory_reservation))
		r = add_number(arena, to, "MemoryLow",
			       limits->memory_reservation.value < 0 ? 0 : (uint64_t)limits->memory_reservation.value);
	if (r == 0 && v2 && cg_value_given(swap) && (swap->value < 0 || (memory->set && swap->value >= memory->value)))
		r = add_number(arena, to, "MemorySwapMax",
			       swap->value < 0 ? UNLIMITED : (uint64_t)(swap->value - memory->value));
	return r;
}

/* Rounded up, as less than was asked for would be a surprise. */
static uint64_t quota_per_second(int64_t quota_us, int64_t period_us)
{
	uint64_t per_second = (uint64_t)((double)quota_us * (double)USEC_PER_SEC / (double)period_us);

	return (per_second + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
}

static int add_cpu(struct arena *arena, const struct cg_limits *limits, bool v2, struct strv *to)
{
	const struct cg_value *quota = &limits->cpu_quota_us, *period = &limits->cpu_period_us;
	int r = 0;

	if (cg_value_given(&limits->cpu_shares))
		r = v2 ? add_number(arena, to, "CPUWeight", cg_weight_of_shares((uint64_t)limits->cpu_shares.value))
		       : add_number(arena, to, "CPUShares", (uint64_t)limits->cpu_shares.value);
	if (r == 0 && cg_value_given(period))
		r = add_number(arena, to, "CPUQuotaPeriodUSec", (uint64_t)period->value);
	if (r == 0 && cg_value_given(quota))
		r = add_number(arena, to, "CPUQuotaPerSecUSec",
			       quota->value < 0
				       ? UNLIMITED
				       : quota_per_second(quota->value,
							  cg_value_given(period) ? period->value : DEFAULT_PERIOD_US));
	if (r == 0 && v2 && !text_is_empty(limits->cpuset_cpus))
		r = add(arena, to, "AllowedCPUs", "bits", limits->cpuset_cpus);
	if (r == 0 && v2 && !text_is_empty(limits->cpuset_mems))
		r = add(arena, to, "AllowedMemoryNodes", "bits", limits->cpuset_mems);
	return r;
}

static const char *access_words(struct arena *arena, const struct cg_device_rule *rule)
{
	return arena_printf(arena, "%s%s%s", rule->read ? "r" : "", rule->write ? "w" : "", rule->mknod ? "m" : "");
}

/*
 * A list of what is allowed is all that systemd has. A rule that it cannot say is left out: it allows less then, for
 * the moment between its writes and hull's own, which come last.
 */
static int add_devices(struct arena *arena, const struct cg_limits *limits, struct strv *to)
{
	CLEANUP_TEXT struct text list = TEXT_INIT;

	for (size_t i = 0; i < limits->device_count; i++) {
		const struct cg_device_rule *rule = &limits->devices[i];
		const char *kind = rule->type == 'b' ? "block" : "char";

		if (!rule->allow || rule->type == 'a')
			continue;
		if (rule->major >= 0 && rule->minor >= 0)
			text_addf(&list, "/dev/%s/%lld:%lld %s;", kind, (long long)rule->major, (long long)rule->minor,
				  access_words(arena, rule));
		else if (rule->major < 0)
			text_addf(&list, "%s-* %s;", kind, access_words(arena, rule));
	}
	if (list.failed || add(arena, to, "DevicePolicy", "s", "strict") < 0)
		return -ENOMEM;
	return add(arena, to, "DeviceAllow", "devices", text_get(&list));
}

/* v2's files by name, those that are one number. */
static const struct {
	const char *file, *property;
} unified_properties[] = {
	{"memory.min", "MemoryMin"},	      {"memory.low", "MemoryLow"}, {"memory.high", "MemoryHigh"},
	{"memory.max", "MemoryMax"},	      {"pids.max", "TasksMax"},	   {"cpu.weight", "CPUWeight"},
	{"memory.swap.max", "MemorySwapMax"},
};

static int add_unified(struct arena *arena, const struct cg_limits *limits, struct strv *to)
{
	for (size_t i = 0; i < limits->unified_count; i++) {
		const struct cg_unified *row = &limits->unified[i];
		uint64_t number = UNLIMITED;

		for (size_t k = 0; k < ARRAY_SIZE(unified_properties); k++)
			if (strcmp(unified_properties[k].file, row->file) == 0 &&
			    (strcmp(row->value, "max") == 0 || text_u64(row->value, &number) == 0) &&
			    add_number(arena, to, unified_properties[k].property, number) < 0)
				return -ENOMEM;
	}
	return 0;
}

int cg_unit_properties(struct arena *arena, const struct cg_limits *limits, const struct cg_layout *layout,
		       struct strv *to, struct err *err)
{
	bool v2 = layout->kind == CG_LAYOUT_V2;
	int r;

	if (!limits)
		return 0;
	r = add_memory(arena, limits, v2, to);
	if (r == 0)
		r = add_cpu(arena, limits, v2, to);
	if (r == 0 && cg_value_given(&limits->pids_limit))
		r = add_number(arena, to, "TasksMax", or_unlimited(limits->pids_limit.value));
	if (r == 0 && !v2 && limits->device_count)
		r = add_devices(arena, limits, to);
	if (r == 0)
		r = add_unified(arena, limits, to);
	return r < 0 ? err_set(err, -r, "list the properties of the unit") : 0;
}

int cg_unit_first_properties(struct arena *arena, const struct cg_limits *limits, struct strv *to, struct err *err)
{
	for (size_t i = 0; limits && i < limits->unified_count; i++) {
		const struct cg_unified *row = &limits->unified[i];

		if (strcmp(row->file, "memory.oom.group") == 0 &&
		    add(arena, to, "253?OOMPolicy", "s", strcmp(row->value, "0") == 0 ? "continue" : "kill") < 0)
			return arena_check(arena, err);
	}
	return 0;
}

/* --- annotations -------------------------------------------------------------------------------------------------- */

/* What a value begins with in GVariant's words, and the type that it says. */
static const struct {
	const char *word, *type;
} typed[] = {
	{"uint32 ", "u"}, {"uint64 ", "t"}, {"int32 ", "i"}, {"int64 ", "x"}, {"double ", "d"}, {"", "i"},
};

static bool is_number(const char *words)
{
	return *words && words[strspn(words, "-.0123456789")] == '\0';
}

/* 'words', without the quotes; NULL: it is none. */
static const char *unquote(struct arena *arena, const char *words, const char **ret_end)
{
	char quote = *words;
	const char *end = quote == '\'' || quote == '"' ? strchr(words + 1, quote) : NULL;

	*ret_end = end ? end + 1 : words;
	return end ? arena_strndup(arena, words + 1, (size_t)(end - words - 1)) : NULL;
}

/* ['a', 'b'] as "a b". */
static const char *unquote_list(struct arena *arena, const char *words)
{
	CLEANUP_TEXT struct text list = TEXT_INIT;

	for (words++; *words && *words != ']';) {
		const char *end, *item;

		words += strspn(words, " ,");
		item = unquote(arena, words, &end);
		if (!item || strchr(item, ' '))
			return NULL;
		text_addf(&list, "%s%s", list.len ? " " : "", item);
		words = end + strspn(end, " ");
	}
	return strcmp(words, "]") == 0 && !list.failed ? arena_strdup(arena, text_get(&list)) : NULL;
}

/* systemd's own files have times in seconds, its D-Bus interface in microseconds. */
static int add_time(struct arena *arena, const char *name, const char *number, struct strv *to)
{
	const char *property = arena_printf(arena, "%.*sUSec", (int)(strlen(name) - 3), name);
	uint64_t seconds;

	if (text_u64(number, &seconds) < 0 || seconds > UINT64_MAX / USEC_PER_SEC)
		return -EINVAL;
	return property ? add_number(arena, to, property, seconds * USEC_PER_SEC) : -ENOMEM;
}

static int take_value(struct arena *arena, const char *name, const char *value, struct strv *to)
{
	const char *end, *words;

	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		return add(arena, to, name, "b", value);
	if (*value == '[') {
		words = unquote_list(arena, value);
		return words ? add(arena, to, name, "as", words) : -EINVAL;
	}
	words = unquote(arena, value, &end);
	if (words)
		return *end ? -EINVAL : add(arena, to, name, "s", words);
	for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
		const char *number = value + strlen(typed[i].word);
		size_t len = strlen(name);

		if (!text_starts(value, typed[i].word) || !is_number(number))
			continue;
		if (len > 3 && strcmp(name + len - 3, "Sec") == 0 && !text_ends(name, "USec"))
			return add_time(arena, name, number, to);
		return add(arena, to, name, typed[i].type, number);
	}
	return -EINVAL;
}

int cg_unit_take_property(struct arena *arena, const char *name, const char *value, struct strv *to, struct err *err)
{
	int r = *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name)
			? take_value(arena, name, value, to)
			: -EINVAL;

	if (r == -EINVAL)
		return err_say(err, EINVAL,
			       "annotation 'org.systemd.property.%s': '%s' is no value such as true, 'words', 5, "
			       "uint64 5 or "
			       "['a', 'b']",
			       name, value);
	return r < 0 ? err_set(err, -r, "annotation 'org.systemd.property.%s'", name) : 0;
}
