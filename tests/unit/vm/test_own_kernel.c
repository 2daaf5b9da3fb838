/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a bundle brings along: archives with and without the agent, one behind another, damaged ones, files that change
 * while they are read.
 */
#include "runtime/vm/own_kernel.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/cpio.h"
#include "tests/unit/tap.h"

#define AGENT "program " AGENT_MARK "and more"
#define OTHER "#!/bin/sh"

struct item {
	const char *name, *contents; /* NULL: the end of an archive, or with contents those as they are */
};

/* The archive in memory; its length. */
static size_t pack(const struct item *items, char *to, size_t room)
{
	struct err err = ERR_INIT;
	CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);
	struct cpio cpio = {.fd = fd};
	ssize_t len;
	char *at;

	for (const struct item *item = items; item->name || item->contents; item++) {
		if (!item->name)
			CHECK(write(fd, item->contents, strlen(item->contents)) > 0);
		else if (!item->contents)
			CHECK_INT(cpio_end(&cpio, &err), 0);
		else
			CHECK_INT(cpio_put_bytes(&cpio, item->name, 0755, item->contents, strlen(item->contents), &err),
				  0);
		if (item->name && !item->contents)
			cpio = (struct cpio){.fd = fd};
	}
	len = pread(fd, to, room, 0);
	/* As others write names, and ours does not. */
	at = len > 0 ? memmem(to, (size_t)len, "@@init", 6) : NULL;
	if (at)
		memcpy(at, "./", 2);
	return len < 0 ? 0 : (size_t)len;
}

/* As a file of that name: what is thought of it. */
static int check_bytes(const void *bytes, size_t len, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);
	char path[32];

	CHECK(write(fd, bytes, len) == (ssize_t)len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return own_initrd_check(path, err);
}

static void test_archives(void)
{
	static const struct {
		struct item items[6];
		const char *words; /* NULL: taken */
	} cases[] = {
		{{{"init", AGENT}, {"end", NULL}}, NULL},
		{{{"dev", "x"}, {"@@init", AGENT}, {"end", NULL}}, NULL},
		{{{"microcode", "x"}, {"end", NULL}, {"init", AGENT}, {"end", NULL}}, NULL},
		/* The last one counts. */
		{{{"init", AGENT}, {"end", NULL}, {"init", OTHER}, {"end", NULL}}, "is not hull's agent"},
		{{{"init", OTHER}, {"end", NULL}}, "its /init is not hull's agent of this version"},
		{{{"sbin/init", AGENT}, {"end", NULL}}, "it has no /init"},
		{{{"end", NULL}}, "it has no /init"},
		/* Compressed, all of it or what is behind the processor's microcode: only a kernel looks into that. */
		{{{NULL, "\x1f\x8b compressed"}}, NULL},
		{{{"microcode", "x"}, {"end", NULL}, {NULL, "\x28\xb5\x2f\xfd"}}, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		char archive[8192];
		size_t len = pack(cases[i].items, archive, sizeof(archive));

		CHECK(len > 0);
		CHECK_INT(check_bytes(archive, len, &err), cases[i].words ? -EINVAL : 0);
		if (cases[i].words)
			CHECK_HAS(err.msg, cases[i].words);
	}
}

/*
 * The agent is some megabytes, and its mark may lie anywhere, also where one piece that is read ends and the next
 * begins.
 */
static void test_large(void)
{
	static char archive[256 << 10], program[160 << 10];
	static const size_t places[] = {0,     65536 - 1,   65536 - 10,
					65536, 131072 - 12, sizeof(program) - sizeof(AGENT_MARK)};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct item items[] = {{"init", program}, {"end", NULL}, {NULL, NULL}};
		struct err err = ERR_INIT;
		size_t len;

		memset(program, 'x', sizeof(program) - 1);
		memcpy(program + places[i], AGENT_MARK, strlen(AGENT_MARK));
		len = pack(items, archive, sizeof(archive));
		CHECK_INT(check_bytes(archive, len, &err), 0);
		program[places[i]] = 'x';
		len = pack(items, archive, sizeof(archive));
		CHECK_INT(check_bytes(archive, len, &err), -EINVAL);
	}
}

/* Wherever it is cut, and whatever its numbers say, nothing is believed that is not there. */
static void test_damaged(void)
{
	static const struct item items[] = {{"dev", "x"}, {"init", OTHER}, {"end", NULL}, {NULL, NULL}};
	char archive[8192];
	size_t len = pack(items, archive, sizeof(archive));

	for (size_t cut = 1; cut < len; cut++)
		(void)check_bytes(archive, cut, NULL);
	for (size_t at = 6; at < 110; at++) {
		char changed = archive[at];

		archive[at] = 'f';
		(void)check_bytes(archive, len, NULL);
		archive[at] = changed;
	}
}

#define CHANGES	    60
#define LARGE_BYTES (2 << 20)

/* A child that makes the file shorter and longer again, as often as it can, until it is killed. */
static pid_t start_changing(int fd, off_t bytes)
{
	pid_t pid = fork();

	while (pid == 0)
		if (ftruncate(fd, 4096) < 0 || ftruncate(fd, bytes) < 0)
			_exit(1);
	return pid;
}

/* Whoever looks hears of it, one way or the other, and lives. */
static void check_while_it_changes(const void *bytes, size_t len, int (*check)(const char *path, struct err *err))
{
	CLEANUP_FD int fd = memfd_create("file", MFD_CLOEXEC);
	char path[32];
	pid_t changing;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(write(fd, bytes, len) == (ssize_t)len);
	changing = start_changing(fd, (off_t)len);
	/* A part of an archive may be one that is compressed. */
	for (int i = 0; i < CHANGES; i++) {
		struct err err = ERR_INIT;
		int result = check(path, &err);

		CHECK(result == -EINVAL || result == 0);
	}
	CHECK(kill(changing, SIGKILL) == 0 && waitpid(changing, NULL, 0) == changing);
}

static void test_changing_initrd(void)
{
	static char program[LARGE_BYTES], archive[LARGE_BYTES + 8192];
	const struct item items[] = {{"init", program}, {"end", NULL}, {NULL, NULL}};

	memset(program, 'x', sizeof(program) - 1);
	check_while_it_changes(archive, pack(items, archive, sizeof(archive)), own_initrd_check);
}

/* One whose banner would be anywhere in it. */
static void test_changing_kernel(void)
{
	static struct {
		Elf64_Ehdr header;
		Elf64_Phdr program;
		char rest[LARGE_BYTES];
	} kernel = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.program = {.p_type = PT_LOAD, .p_filesz = 64},
	};

	check_while_it_changes(&kernel, sizeof(kernel), own_kernel_check);
}

static void test_files(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(own_kernel_check("/nosuch", &err), -ENOENT);
	CHECK_HAS(err.msg, "'/nosuch': No such file");
	err = ERR_INIT;
	CHECK_INT(own_kernel_check("/etc/passwd", &err), -EINVAL);
	CHECK_HAS(err.msg, "'/etc/passwd': it is neither a bzImage nor an ELF kernel");
	err = ERR_INIT;
	CHECK_INT(own_initrd_check("/dev", &err), -EINVAL);
	CHECK_HAS(err.msg, "'/dev': it is no regular file");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_archives), TAP_CASE(test_large), TAP_CASE(test_damaged),
		       TAP_CASE(test_changing_initrd), TAP_CASE(test_changing_kernel), TAP_CASE(test_files));
}
