// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "tests/unit/tap.h"

static char dir[64], path_variable[256], found[PROGRAM_PATH_BYTES];

static void make(const char *name, mode_t mode)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode));
	CHECK(chmod(path, mode) == 0);
}

static void begin(void)
{
	char path[128];

	(void)snprintf(dir, sizeof(dir), "/tmp/hull-program-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/a", dir);
	CHECK(mkdir(path, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/b", dir);
	CHECK(mkdir(path, 0755) == 0);
	(void)snprintf(path_variable, sizeof(path_variable), "PATH=%s/none:%s/a:%s/b", dir, dir, dir);
	make("a/closed", 0644);
	make("b/open", 0755);
	make("a/both", 0644);
	make("b/both", 0755);
	(void)snprintf(path, sizeof(path), "%s/a/folder", dir);
	CHECK(mkdir(path, 0755) == 0);
}

static void end(void)
{
	struct err err = ERR_INIT;

	CHECK(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static int find(const char *name, const char *variable, struct err *err)
{
	char *items[] = {(char *)(uintptr_t)variable, NULL};
	struct strv env = {.items = items, .count = variable ? 1 : 0};

	*err = ERR_INIT;
	return program_find(name, &env, found, err);
}

static void test_in_path(void)
{
	struct err err;

	begin();
	CHECK(find("open", path_variable, &err) == 0);
	CHECK_HAS(found, "/b/open");
	CHECK(find("both", path_variable, &err) == 0); /* one that is closed is passed over */
	CHECK_HAS(found, "/b/both");
	CHECK_INT(find("closed", path_variable, &err), -EACCES);
	CHECK_INT(err.exit_code, 126);
	CHECK_HAS(err.msg, "permission denied");
	CHECK_INT(find("folder", path_variable, &err), -ENOENT);
	CHECK_INT(find("none", path_variable, &err), -ENOENT);
	CHECK_STR(err.msg, "exec: \"none\": executable file not found in $PATH");
	CHECK_INT(err.exit_code, 127);
	CHECK_INT(find("", path_variable, &err), -ENOENT);
	CHECK_INT(find("open", "PATH=", &err), -ENOENT);
	CHECK(find("sh", NULL, &err) == 0); /* the usual folders */
	end();
}

static void test_with_a_slash(void)
{
	struct err err;
	char path[128];

	begin();
	(void)snprintf(path, sizeof(path), "%s/b/open", dir);
	CHECK(find(path, path_variable, &err) == 0);
	CHECK_STR(found, path);
	(void)snprintf(path, sizeof(path), "%s/a/closed", dir);
	CHECK_INT(find(path, path_variable, &err), -EACCES);
	CHECK_INT(err.exit_code, 126);
	(void)snprintf(path, sizeof(path), "%s/a/folder", dir);
	CHECK_INT(find(path, path_variable, &err), -EACCES);
	CHECK_HAS(err.msg, "is a directory: permission denied");
	CHECK_INT(find("/none/such", path_variable, &err), -ENOENT);
	CHECK_STR(err.msg, "exec: \"/none/such\": no such file or directory");
	(void)snprintf(path, sizeof(path), "%s/b/open/below", dir);
	CHECK_INT(find(path, path_variable, &err), -ENOTDIR);
	CHECK_INT(err.exit_code, 127);
	end();
}

static void test_too_long(void)
{
	static char name[PROGRAM_PATH_BYTES + 8];
	struct err err;

	memset(name, 'x', sizeof(name) - 1);
	CHECK(find(name, "PATH=/bin", &err) < 0);
	name[0] = '/';
	CHECK(find(name, "PATH=/bin", &err) < 0);
	CHECK_INT(err.exit_code, 126);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_in_path), TAP_CASE(test_with_a_slash), TAP_CASE(test_too_long));
}
