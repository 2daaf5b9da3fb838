/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/user.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/base/path.h"
#include "runtime/base/text.h"

/*
 * passwd: name:password:uid:gid:words:home:shell        group: name:password:gid:member,member
 *
 * The files are the image's, so nothing about them is promised: no last newline, fields missing, numbers that are none,
 * a NUL in the middle.
 */
#define MAX_FIELDS 7

struct line_reader {
	char *next, *end;
};

/* The next line, NUL-terminated in place, or NULL. */
static char *next_line(struct line_reader *reader)
{
	char *start = reader->next;
	char *stop;

	if (start >= reader->end)
		return NULL;
	stop = memchr(start, '\n', (size_t)(reader->end - start));
	if (!stop)
		stop = reader->end;
	*stop = '\0';
	reader->next = stop + 1;
	return start;
}

/* Splits at colons in place; fields that are not there are "". */
static void split_fields(char *line, char *fields[static MAX_FIELDS])
{
	static char none[1];

	for (size_t i = 0; i < MAX_FIELDS; i++) {
		char *colon = line ? strchr(line, ':') : NULL;

		fields[i] = line ? line : none;
		if (colon)
			*colon = '\0';
		line = colon ? colon + 1 : NULL;
	}
}

/* 0 to 2^32 - 2, digits alone: the last one is -1, 'no change' in setresuid(2). */
static int parse_id(const char *words, uint32_t *ret)
{
	int r = text_u32(words, ret);

	if (r == 0 && *ret == UINT32_MAX)
		return -ERANGE;
	return r;
}

static bool is_number(const char *words)
{
	return *words && words[strspn(words, "0123456789")] == '\0';
}

/*
 * A name as it can stand in passwd: no separator of the files or of the words, and nothing that could be meant as a
 * number.
 */
static bool is_name(const char *words)
{
	if (text_is_empty(words) || strchr("+-0123456789", words[0]))
		return false;
	for (const char *at = words; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr(":,/", *at))
			return false;
	return true;
}

/* Whether words can be a user or group at all: checked before anything is looked up. */
static int check_form(const char *kind, const char *words, struct err *err)
{
	uint32_t number;

	if (is_number(words) && parse_id(words, &number) < 0)
		return err_say(err, EINVAL, "%s '%s': an id is a number from 0 to 4294967294", kind, words);
	if (!is_number(words) && !is_name(words))
		return err_say(err, EINVAL, "%s '%s': neither a name nor a number", kind, words);
	return 0;
}

/* A file that is not there is an empty one. */
static int open_table(struct arena *arena, int rootfd, const char *path, struct line_reader *ret, struct err *err)
{
	char *data = NULL;
	size_t len = 0;
	int r = path_read(arena, rootfd, path, USER_MAX_FILE_BYTES, &data, &len, err);

	if (r == -ENOENT || r == -ENOTDIR) {
		*ret = (struct line_reader){0};
		return 0;
	}
	if (r < 0)
		return err_wrap(err, "looking up a user");
	*ret = (struct line_reader){data, data + len};
	return 0;
}

/* ------------------------------------------------------------------------------------------------- users */

static void take_entry(struct user *user, char *fields[static MAX_FIELDS], uint32_t uid, uint32_t gid)
{
	user->uid = uid;
	user->gid = gid;
	(void)text_copy(user->name, sizeof(user->name), fields[0]);
	/* A home that is no absolute path, or longer than one can be, is none. */
	if (fields[5][0] != '/' || text_copy(user->home, sizeof(user->home), fields[5]) < 0)
		(void)text_copy(user->home, sizeof(user->home), "/");
	(void)text_copy(user->shell, sizeof(user->shell), fields[6]);
}

/* Looks for a name, or (where `name` is NULL) for a number. 1: found. */
static int find_user(int rootfd, const char *name, uint32_t wanted, struct user *user, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct line_reader reader;
	char *line;
	int r = open_table(&arena, rootfd, "/etc/passwd", &reader, err);

	if (r < 0)
		return r;
	while ((line = next_line(&reader))) {
		char *fields[MAX_FIELDS];
		uint32_t uid, gid;

		split_fields(line, fields);
		if (!*fields[0] || parse_id(fields[2], &uid) < 0 || parse_id(fields[3], &gid) < 0)
			continue;
		if (name ? strcmp(fields[0], name) != 0 : uid != wanted)
			continue;
		take_entry(user, fields, uid, gid);
		return 1;
	}
	return 0;
}

static int resolve_user(int rootfd, const char *words, struct user *user, struct err *err)
{
	uint32_t number = 0;
	bool numeric = parse_id(words, &number) == 0;
	int r = find_user(rootfd, numeric ? NULL : words, number, user, err);

	if (r < 0)
		return r;
	if (r == 0 && !numeric)
		return err_say(err, ENOENT, "user '%s' is not in the container's /etc/passwd", words);
	if (r == 0)
		user->uid = number;
	return 0;
}

/* ------------------------------------------------------------------------------------------------ groups */

static int add_group(struct user *user, uint32_t gid, struct err *err)
{
	if (gid == user->gid)
		return 0;
	for (size_t i = 0; i < user->group_count; i++)
		if (user->groups[i] == gid)
			return 0;
	if (user->group_count == USER_MAX_GROUPS)
		return err_say(err, E2BIG, "more than %d additional groups", USER_MAX_GROUPS);
	user->groups[user->group_count++] = gid;
	return 0;
}

static bool lists_member(char *members, const char *name)
{
	size_t len = strlen(name);

	for (char *at = members; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

static int add_memberships(int rootfd, struct user *user, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct line_reader reader;
	char *line;
	int r = open_table(&arena, rootfd, "/etc/group", &reader, err);

	while (r == 0 && (line = next_line(&reader))) {
		char *fields[MAX_FIELDS];
		uint32_t gid;

		split_fields(line, fields);
		if (*fields[0] && parse_id(fields[2], &gid) == 0 && lists_member(fields[3], user->name))
			r = add_group(user, gid, err);
	}
	return r;
}

/* 1: found. */
static int find_group(int rootfd, const char *name, uint32_t *ret_gid, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct line_reader reader;
	char *line;
	int r = open_table(&arena, rootfd, "/etc/group", &reader, err);

	if (r < 0)
		return r;
	while ((line = next_line(&reader))) {
		char *fields[MAX_FIELDS];

		split_fields(line, fields);
		if (strcmp(fields[0], name) == 0 && parse_id(fields[2], ret_gid) == 0)
			return 1;
	}
	return 0;
}

static int resolve_group(int rootfd, const char *words, uint32_t *ret_gid, struct err *err)
{
	int r;

	if (parse_id(words, ret_gid) == 0)
		return 0;
	r = find_group(rootfd, words, ret_gid, err);
	if (r == 0)
		return err_say(err, ENOENT, "group '%s' is not in the container's /etc/group", words);
	return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------------------------------- together */

int user_resolve(int rootfd, const char *words, struct user *ret, struct err *err)
{
	char user_words[sizeof(ret->name)];
	const char *colon = words ? strchr(words, ':') : NULL;
	struct user user = {.home = "/"};
	int r;

	if (!words)
		words = "0";
	if (text_copy(user_words, sizeof(user_words), words) < 0)
		return err_say(err, EINVAL, "user '%s': the name is too long", words);
	if (colon && (colon == words || !colon[1]))
		return err_say(err, EINVAL, "user '%s': there has to be a name or a number on both sides of the colon",
			       words);
	if (colon)
		user_words[colon - words] = '\0';
	r = check_form("user", user_words, err);
	if (r == 0 && colon)
		r = check_form("group", colon + 1, err);
	if (r == 0)
		r = resolve_user(rootfd, user_words, &user, err);
	if (r < 0)
		return r;
	if (colon)
		r = resolve_group(rootfd, colon + 1, &user.gid, err);
	else if (*user.name)
		r = add_memberships(rootfd, &user, err);
	if (r == 0)
		*ret = user;
	return r;
}

int user_add_group(int rootfd, const char *words, struct user *user, struct err *err)
{
	uint32_t gid = 0;
	int r = check_form("group", words, err);

	if (r == 0)
		r = resolve_group(rootfd, words, &gid, err);
	return r < 0 ? r : add_group(user, gid, err);
}
