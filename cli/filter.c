// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/filter.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

static bool is_for(const char *filter, const char *key)
{
	size_t len = strlen(key);

	return strncmp(filter, key, len) == 0 && filter[len] == '=';
}

static int check_value(const struct filter_key *key, const char *value, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; key->words && key->words[i]; i++) {
		if (strcmp(key->words[i], value) == 0)
			return 0;
		text_addf(&words, "%s%s", i ? ", " : "", key->words[i]);
	}
	return key->words ? err_say(err, EINVAL, "filter '%s=%s': want one of %s", key->name, value, text_get(&words))
			  : 0;
}

int filter_check(const struct filter_key *keys, const struct strv *filters, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (const struct filter_key *key = keys; key->name; key++)
		text_addf(&words, "%s%s", key > keys ? ", " : "", key->name);
	for (size_t i = 0; i < filters->count; i++) {
		const struct filter_key *key = keys;
		int result;

		while (key->name && !is_for(filters->items[i], key->name))
			key++;
		if (!key->name)
			return err_say(err, EINVAL, "filter '%s': want KEY=VALUE with a key of %s", filters->items[i],
				       text_get(&words));
		result = check_value(key, filters->items[i] + strlen(key->name) + 1, err);
		if (result < 0)
			return result;
	}
	return 0;
}

static bool matches_key(const struct filter_key *key, const struct strv *filters, const void *item, void *context)
{
	size_t wanted = 0, matched = 0;

	for (size_t i = 0; i < filters->count; i++) {
		if (!is_for(filters->items[i], key->name))
			continue;
		wanted++;
		matched += key->matches(item, filters->items[i] + strlen(key->name) + 1, context);
	}
	return key->all ? matched == wanted : wanted == 0 || matched > 0;
}

bool filter_matches(const struct filter_key *keys, const struct strv *filters, const void *item, void *context)
{
	for (; keys->name; keys++)
		if (!matches_key(keys, filters, item, context))
			return false;
	return true;
}

bool filter_has(const struct strv *filters, const char *key)
{
	for (size_t i = 0; i < filters->count; i++)
		if (is_for(filters->items[i], key))
			return true;
	return false;
}

bool filter_label(const struct strmap *labels, const char *words)
{
	size_t len = strcspn(words, "=");

	for (size_t i = 0; i < labels->count; i++)
		if (strlen(labels->items[i].key) == len && memcmp(labels->items[i].key, words, len) == 0)
			return !words[len] || strcmp(labels->items[i].value, words + len + 1) == 0;
	return false;
}

bool filter_regex(const char *words, const char *expression)
{
	regex_t regex;
	bool found;

	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&regex, words, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}
