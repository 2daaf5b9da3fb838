/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/qemu_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/file.h"
#include "runtime/base/helper.h"
#include "runtime/base/process.h"

#define WORDS_MAX_BYTES ((size_t)1 << 20)
#define PATIENCE_S	60 /* for one answer */
#define BEFORE_VERSION	"QEMU emulator version "

/* What is asked, what a line of the answer begins with, and what is wrong where none does. */
static const struct question {
	const char *words[2];
	const char *line, *lack;
} questions[] = {
	{{"-machine", "help"}, "microvm ", "was built without the machine 'microvm'"},
	{{"-device", "help"}, "name \"vhost-user-fs-device\"", "was built without the device 'vhost-user-fs-device'"},
};

static __attribute__((noreturn)) void become(const char *path, const char *const words[static 2])
{
	char *const command[] = {(char *)(uintptr_t)path, (char *)(uintptr_t)words[0], (char *)(uintptr_t)words[1],
				 NULL};
	static char *const no_environment[] = {NULL};

	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
	(void)alarm(PATIENCE_S);
	(void)execve(path, command, no_environment);
	(void)dprintf(STDOUT_FILENO, "%s", strerror(errno));
	_exit(HELPER_FAILED);
}

/* All that it says; an answer that it does not end well after is none. */
static int ask(struct arena *arena, const char *path, const char *const words[static 2], char **ret, struct err *err)
{
	CLEANUP_FD int fd = -1;
	int status = -1, result;
	size_t len;
	pid_t pid = helper_fork(STDOUT_FILENO, true, &fd, err);

	if (pid < 0)
		return (int)pid;
	if (pid == 0)
		become(path, words);
	result = file_read_fd(arena, fd, path, WORDS_MAX_BYTES, ret, &len, err);
	(void)proc_wait(pid, &status);
	if (result < 0)
		return result;
	if (status == 0)
		return 0;
	(*ret)[strcspn(*ret, "\n")] = '\0';
	return err_say(err, EIO, "'%s' does not work: %s", path, **ret ? *ret : "it says nothing, and fails");
}

static bool has_line(const char *words, const char *beginning)
{
	const char *at = words;

	while ((at = strstr(at, beginning))) {
		if (at == words || at[-1] == '\n')
			return true;
		at++;
	}
	return false;
}

static int check_version(struct arena *arena, const char *path, struct err *err)
{
	static const char *const words[2] = {"--version"};
	char *said, *version;
	int result = ask(arena, path, words, &said, err);

	if (result < 0)
		return result;
	version = strstr(said, BEFORE_VERSION);
	if (!version)
		return err_say(err, ENOTSUP, "'%s' does not say which QEMU it is", path);
	version += strlen(BEFORE_VERSION);
	version[strcspn(version, " \n")] = '\0';
	if (strtoul(version, NULL, 10) < QEMU_OLDEST_MAJOR)
		return err_say(err, ENOTSUP, "'%s' is QEMU %s: too old, want %d.0 or newer", path, version,
			       QEMU_OLDEST_MAJOR);
	return 0;
}

int qemu_probe(const char *path, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	int result;

	if (access(path, X_OK) < 0)
		return err_set(err, errno, "'%s' cannot be executed", path);
	result = check_version(&arena, path, err);
	for (size_t i = 0; i < ARRAY_SIZE(questions) && result >= 0; i++) {
		char *said;

		result = ask(&arena, path, questions[i].words, &said, err);
		if (result >= 0 && !has_line(said, questions[i].line))
			result = err_say(err, ENOTSUP, "'%s' %s", path, questions[i].lack);
	}
	return result;
}
