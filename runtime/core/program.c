// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* 0 when it is a file that this user may execute; else a positive errno. */
static int look(const char *path)
{
	struct stat found;

	if (stat(path, &found) < 0)
		return errno;
	if (S_ISDIR(found.st_mode))
		return EISDIR;
	return access(path, X_OK) < 0 ? errno : 0;
}

static int not_found(const char *name, struct err *err)
{
	(void)err_say(err, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	return err_exit_with(err, ERR_EXIT_NOT_FOUND);
}

int program_exec_failed(const char *path, int code, struct err *err)
{
	bool missing = code == ENOENT || code == ENOTDIR;

	/*
	 * Engines read these words: podman takes its exit code from 'permission denied' and 'no such file or
	 * directory'.
	 */
	if (missing)
		(void)err_say(err, code, "exec: \"%s\": no such file or directory", path);
	else if (code == EACCES)
		(void)err_say(err, code, "exec: \"%s\": permission denied", path);
	else if (code == EISDIR)
		(void)err_say(err, EACCES, "exec: \"%s\": is a directory: permission denied", path);
	else
		(void)err_set(err, code, "exec: \"%s\"", path);
	return err_exit_with(err, missing ? ERR_EXIT_NOT_FOUND : ERR_EXIT_NOT_EXECUTABLE);
}

int program_find(const char *name, const struct strv *env, char ret_path[static PROGRAM_PATH_BYTES], struct err *err)
{
	const char *folders = strv_env_get(env, "PATH");
	int refused = 0;

	if (strchr(name, '/')) {
		int code = look(name);

		if (code != 0)
			return program_exec_failed(name, code, err);
		return text_copy(ret_path, PROGRAM_PATH_BYTES, name) < 0 ? program_exec_failed(name, ENAMETOOLONG, err)
									 : 0;
	}
	if (text_is_empty(name))
		return not_found("", err);
	for (const char *p = folders ? folders : DEFAULT_PATH; *p;) {
		size_t len = strcspn(p, ":");
		int written = snprintf(ret_path, PROGRAM_PATH_BYTES, "%.*s%s%s", (int)len, p, len ? "/" : "./", name);

		if (written > 0 && written < PROGRAM_PATH_BYTES) {
			int code = look(ret_path);

			if (code == 0)
				return 0;
			if (code == EACCES)
				refused = code;
		}
		p += len + (p[len] == ':');
	}
	return refused ? program_exec_failed(name, refused, err) : not_found(name, err);
}
