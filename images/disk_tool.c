// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/disk_tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/confine.h"
#include "runtime/base/fd.h"
#include "runtime/base/helper.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#define MAX_ARGS    24
#define WORDS_BYTES 4096 /* of what it says, the end is kept */
/* Marks words of the child's own, before it became the program. */
#define OWN_WORDS '\001'

static int find_program(const struct disk_tool *tool, char *to, size_t to_bytes, struct err *err)
{
	static const char *const places[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		(void)snprintf(to, to_bytes, "%s/%s", places[i], tool->name);
		if (access(to, X_OK) == 0)
			return 0;
	}
	return err_say(err, ENOENT, "the program %s is not installed: it is of the package %s", tool->name,
		       tool->package);
}

/* --- the child --- */

_Noreturn static void end_with(const struct err *failure)
{
	dprintf(STDERR_FILENO, "%c%s\n", OWN_WORDS, failure->msg);
	_exit(HELPER_FAILED);
}

_Noreturn static void become(const struct disk_tool *tool, const char *program)
{
	/*
	 * Words in English; and of the host's own ways to make ext4, which may want what a guest does not know, none.
	 */
	char words[] = "LC_ALL=C", config[] = "MKE2FS_CONFIG=/dev/null";
	char *const environment[] = {words, config, NULL};
	const char *argv[MAX_ARGS + 2] = {tool->name};
	struct err err = ERR_INIT;
	size_t count = 1;

	if (tool->kept_fd >= 0 && fd_set_cloexec(tool->kept_fd, false) < 0)
		_exit(HELPER_FAILED);
	if ((tool->prepare && tool->prepare(tool->context, &err) < 0) || confine_no_new_privs(&err) < 0)
		end_with(&err);
	for (; tool->args[count - 1] && count <= MAX_ARGS; count++)
		argv[count] = tool->args[count - 1];
	/* execve(2) takes pointers to what it does not change. */
	(void)execve(program, (char *const *)(uintptr_t)argv, environment);
	(void)err_set(&err, errno, "execute '%s'", program);
	end_with(&err);
}

/* --- the parent --- */

/* Reads to the end; the last WORDS_BYTES of it stay. */
static void take_words(int fd, char words[static WORDS_BYTES])
{
	size_t held = 0;
	ssize_t len;

	while ((len = read(fd, words + held, WORDS_BYTES - 1 - held)) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			break;
		held += (size_t)len;
		if (held == WORDS_BYTES - 1) {
			held = WORDS_BYTES / 2;
			memmove(words, words + WORDS_BYTES - 1 - held, held);
		}
	}
	while (held > 0 && words[held - 1] == '\n')
		held--;
	words[held] = '\0';
}

static const char *last_line(const char *words)
{
	const char *newline = strrchr(words, '\n');

	return newline ? newline + 1 : words;
}

static int judge(const struct disk_tool *tool, int status, const char *words, struct err *err)
{
	const char *line = last_line(words);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (*line == OWN_WORDS)
		return err_say(err, EIO, "%s", line + 1);
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "%s was killed by signal %d", tool->name, WTERMSIG(status));
	return err_say(err, EIO, "%s ended with %d: %s", tool->name, WEXITSTATUS(status),
		       *line ? line : "it says no more");
}

int disk_tool_run(const struct disk_tool *tool, struct err *err)
{
	CLEANUP_FD int in = -1;
	char program[64], words[WORDS_BYTES];
	int status = 0, r = find_program(tool, program, sizeof(program), err);
	pid_t pid;

	if (r < 0)
		return r;
	pid = helper_fork(STDERR_FILENO, true, &in, err);
	if (pid < 0)
		return pid;
	if (pid == 0)
		become(tool, program);
	take_words(in, words);
	r = proc_wait(pid, &status);
	return r < 0 ? err_set(err, -r, "wait for %s", tool->name) : judge(tool, status, words, err);
}
