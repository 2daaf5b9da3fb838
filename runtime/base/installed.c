// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/installed.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"

static bool is_running_file(const char *path)
{
	struct stat running, named;

	return path[0] == '/' && stat("/proc/self/exe", &running) == 0 && stat(path, &named) == 0 &&
	       running.st_dev == named.st_dev && running.st_ino == named.st_ino;
}

int installed_self(char to[static INSTALLED_PATH_BYTES], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", to, INSTALLED_PATH_BYTES - 1);

	if (len < 0)
		return err_set(err, errno, "find hull's own executable");
	to[len] = '\0';
	if (is_running_file(to))
		return 0;
	if (strlen(program_invocation_name) < INSTALLED_PATH_BYTES && is_running_file(program_invocation_name)) {
		(void)strcpy(to, program_invocation_name);
		return 0;
	}
	return err_say(err, ENOENT, "hull's own executable has no path any more: was it replaced while it ran?");
}

/* The folder above the one that the executable is in. */
static int own_prefix(char to[static INSTALLED_PATH_BYTES])
{
	struct err ignored = ERR_INIT;
	int result = installed_self(to, &ignored);

	for (int up = 0; result >= 0 && up < 2; up++) {
		char *slash = strrchr(to, '/');

		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
	return result;
}

static int find(const char *const *places, size_t place_count, const char *name, char to[static INSTALLED_PATH_BYTES])
{
	char prefix[INSTALLED_PATH_BYTES];
	bool beside = own_prefix(prefix) >= 0;

	for (size_t i = 0; beside && i < place_count; i++)
		if (snprintf(to, INSTALLED_PATH_BYTES, "%s/%s/%s", prefix, places[i], name) < INSTALLED_PATH_BYTES &&
		    access(to, F_OK) == 0)
			return 0;
	if (snprintf(to, INSTALLED_PATH_BYTES, "%s/%s/%s", HULL_PREFIX, places[0], name) < INSTALLED_PATH_BYTES &&
	    access(to, F_OK) == 0)
		return 0;
	return -ENOENT;
}

int installed_program(const char *name, char to[static INSTALLED_PATH_BYTES], struct err *err)
{
	static const char *const places[] = {"libexec/hull", "libexec"};

	if (find(places, ARRAY_SIZE(places), name, to) == 0)
		return 0;
	return err_say(err, ENOENT, "the program %s is not installed: it belongs into %s/%s", name, HULL_PREFIX,
		       places[0]);
}

int installed_share(const char *name, char to[static INSTALLED_PATH_BYTES])
{
	static const char *const places[] = {"share/hull"};

	return find(places, ARRAY_SIZE(places), name, to);
}
