/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bundle brings along: archives with and without the agent, one behind another, damaged ones. */
#include "runtime/vm/own_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
		CHECK_INT(own_initrd_look(archive, len, &err), cases[i].words ? -EINVAL : 0);
		if (cases[i].words)
			CHECK_HAS(err.msg, cases[i].words);
	}
}

/* Wherever it is cut, and whatever its numbers say, nothing is read behind its end. */
static void test_damaged(void)
{
	static const struct item items[] = {{"dev", "x"}, {"init", OTHER}, {"end", NULL}, {NULL, NULL}};
	char archive[8192];
	size_t len = pack(items, archive, sizeof(archive));

	for (size_t cut = 1; cut < len; cut++) {
		char *copy = malloc(cut);

		CHECK(copy != NULL);
		memcpy(copy, archive, cut);
		(void)own_initrd_look(copy, cut, NULL);
		free(copy);
	}
	for (size_t at = 6; at < 110; at++) {
		char changed = archive[at];

		archive[at] = 'f';
		(void)own_initrd_look(archive, len, NULL);
		archive[at] = changed;
	}
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
	CHECK_HAS(err.msg, "'/dev': it is no file");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_archives), TAP_CASE(test_damaged), TAP_CASE(test_files));
}
