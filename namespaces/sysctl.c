// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/path.h"
#include "runtime/base/scope.h"

#define SYSCTL_NAME_MAX 256

/*
 * What belongs to a namespace: whole branches (a name that ends in a dot), or single names. Everything else is the
 * host's.
 */
static const struct {
	const char *name;
	uint64_t ns;
} namespaced[] = {
	{"net.", CLONE_NEWNET},
	{"fs.mqueue.", CLONE_NEWIPC},
	{"kernel.auto_msgmni", CLONE_NEWIPC},
	{"kernel.msgmax", CLONE_NEWIPC},
	{"kernel.msgmnb", CLONE_NEWIPC},
	{"kernel.msgmni", CLONE_NEWIPC},
	{"kernel.msg_next_id", CLONE_NEWIPC},
	{"kernel.sem", CLONE_NEWIPC},
	{"kernel.sem_next_id", CLONE_NEWIPC},
	{"kernel.shmall", CLONE_NEWIPC},
	{"kernel.shmmax", CLONE_NEWIPC},
	{"kernel.shmmni", CLONE_NEWIPC},
	{"kernel.shm_next_id", CLONE_NEWIPC},
	{"kernel.shm_rmid_forced", CLONE_NEWIPC},
	{"kernel.domainname", CLONE_NEWUTS},
	{"kernel.hostname", CLONE_NEWUTS},
};

/*
 * Words, of which the kernel keeps so many bytes of the first line, and says nothing of the rest. (Numbers are taken as
 * they are, or refused.)
 */
static const struct {
	const char *name;
	size_t max_bytes;
} words[] = {
	{"kernel.domainname", 64},
	{"kernel.hostname", 64},
};

static const char *ns_words(uint64_t ns)
{
	return ns == CLONE_NEWNET ? "network" : ns == CLONE_NEWIPC ? "IPC" : "UTS";
}

/*
 * Writes `name` with slashes, as a path below /proc/sys. The first separator says which notation it is; in the dotted
 * one a slash stands for a dot, as in sysctl(8). Refuses empty parts and "..".
 */
static int sysctl_path(const char *name, char path[static SYSCTL_NAME_MAX])
{
	size_t len = strlen(name), first = strcspn(name, "./");
	bool dotted = name[first] == '.';

	if (len == 0 || len >= SYSCTL_NAME_MAX || name[first] == '\0')
		return -EINVAL;
	for (size_t i = 0; i <= len; i++) {
		char c = name[i];

		if (dotted && (c == '.' || c == '/'))
			c = c == '.' ? '/' : '.';
		path[i] = c;
	}
	return path_is_plain(path) ? 0 : -EINVAL;
}

/* Whether the path is the row's name, or below it. The rows are dotted, without slashes in any part. */
static bool row_matches(const char *row, const char *path)
{
	for (; *row; row++, path++)
		if ((*row == '.' ? '/' : *row) != *path)
			return false;
	return row[-1] == '.' || *path == '\0';
}

static int check_path(const char *name, const char *path, uint64_t own_namespaces, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespaced); i++) {
		if (!row_matches(namespaced[i].name, path))
			continue;
		if (own_namespaces & namespaced[i].ns)
			return 0;
		return err_say(err, EPERM, "sysctl '%s' needs a %s namespace of its own: it would change the host",
			       name, ns_words(namespaced[i].ns));
	}
	if (own_namespaces & SYSCTL_OWN_KERNEL)
		return 0;
	return err_say(err, EPERM, "sysctl '%s' belongs to no namespace: it would change the host", name);
}

int sysctl_check(const char *name, uint64_t own_namespaces, struct err *err)
{
	char path[SYSCTL_NAME_MAX] = "";

	if (sysctl_path(name, path) < 0)
		return err_say(err, EINVAL, "sysctl '%s': this is no name such as net.ipv4.ip_forward", name);
	return check_path(name, path, own_namespaces, err);
}

int sysctl_check_value(const char *name, const char *value, struct err *err)
{
	size_t line = strcspn(value, "\n");
	char path[SYSCTL_NAME_MAX] = "";

	if (!*value)
		return err_say(err, EINVAL, "sysctl '%s': the value is empty, which the kernel would pass over", name);
	if (sysctl_path(name, path) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!row_matches(words[i].name, path))
			continue;
		if (line > words[i].max_bytes)
			return err_say(err, EINVAL, "sysctl '%s': '%.*s' is longer than %zu bytes", name, (int)line,
				       value, words[i].max_bytes);
		if (value[line] && value[line + 1])
			return err_say(err, EINVAL, "sysctl '%s': more than one line", name);
	}
	return 0;
}

static size_t count_words(const char *at)
{
	size_t count = 0;

	for (at += strspn(at, " \t\n"); *at; at += strspn(at, " \t\n"), count++)
		at += strcspn(at, " \t\n");
	return count;
}

/* Between what was asked and what is there: a time is rounded to the kernel's ticks, which are ten units at most. */
#define ROUNDING_MAX 1000000

/* A number as the kernel reads it (0x and 0 say the base, a sign is taken modulo 2^64); `at` moves behind it. */
static bool next_number(const char **at, uint64_t *ret)
{
	char *end;

	*ret = strtoull(*at, &end, 0);
	if (end == *at || (*end && !strchr(" \t\n", *end)))
		return false;
	*at = end;
	return true;
}

/* Ticks are kept in 32 bits: of a longer time there is left what fits, perhaps below zero. */
static bool is_cut(const char *asked, const char *found)
{
	uint64_t wanted, taken;

	while (next_number(&asked, &wanted) && next_number(&found, &taken))
		if (wanted - taken > ROUNDING_MAX && taken - wanted > ROUNDING_MAX)
			return true;
	return false;
}

/* Of some numbers the kernel takes the first, or the low bits, and passes over the rest. */
static int check_taken(int fd, const struct sysctl_value *sysctl, struct err *err)
{
	size_t wanted = count_words(sysctl->value), taken;
	char found[256];
	ssize_t len = pread(fd, found, sizeof(found) - 1, 0);

	if (len <= 0)
		return 0;
	found[len] = '\0';
	taken = count_words(found);
	if (taken < wanted)
		return err_say(err, EINVAL, "sysctl '%s': of '%s' the kernel took %zu of %zu words", sysctl->name,
			       sysctl->value, taken, wanted);
	if ((size_t)len < sizeof(found) - 1 && is_cut(sysctl->value, found))
		return err_say(err, ERANGE, "sysctl '%s': of '%s' the kernel made '%.*s'", sysctl->name, sysctl->value,
			       (int)strcspn(found, "\n"), found);
	return 0;
}

/* Some can only be written. */
static int open_one(int procfd, const char *path, struct err *err)
{
	int fd = path_open_proc(procfd, path, O_RDWR | O_CLOEXEC, err);

	if (fd != -EACCES)
		return fd;
	err_clear(err);
	return path_open_proc(procfd, path, O_WRONLY | O_CLOEXEC, err);
}

static int apply_one(int procfd, const struct sysctl_value *sysctl, uint64_t own_namespaces, struct err *err)
{
	char path[SYSCTL_NAME_MAX] = "", below_proc[SYSCTL_NAME_MAX + 8];
	size_t len = strlen(sysctl->value);
	CLEANUP_FD int fd = -1;
	ssize_t written;
	int r = sysctl_check(sysctl->name, own_namespaces, err);

	if (r < 0)
		return r;
	if (sysctl_path(sysctl->name, path) < 0)
		return err_say(err, EINVAL, "sysctl '%s'", sysctl->name);
	snprintf(below_proc, sizeof(below_proc), "sys/%s", path);
	fd = open_one(procfd, below_proc, err);
	if (fd < 0)
		return err_wrap(err, "sysctl '%s'", sysctl->name);
	/* One write: the kernel takes each as a whole value. */
	written = write(fd, sysctl->value, len);
	if (written < 0)
		return err_set(err, errno, "sysctl '%s': write '%s'", sysctl->name, sysctl->value);
	if ((size_t)written != len)
		return err_say(err, EIO, "sysctl '%s': the kernel took only a part of '%s'", sysctl->name,
			       sysctl->value);
	return check_taken(fd, sysctl, err);
}

int sysctl_apply(int procfd, const struct sysctl_value *values, size_t count, uint64_t own_namespaces, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = apply_one(procfd, &values[i], own_namespaces, err);

		if (r < 0)
			return r;
	}
	return 0;
}
