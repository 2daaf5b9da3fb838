// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of disks: each format by its header, what needs a second file, and what is no file at all. */
#include "runtime/vm/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define SECTOR	512
#define LONGEST (4 * SECTOR)
#define PATCHES 4
#define OF(...) __VA_ARGS__, sizeof(__VA_ARGS__) - 1
#define QCOW2                              \
	{                                  \
		0, OF("QFI\xfb\0\0\0\x02") \
	}
#define QCOW2_V3                           \
	{                                  \
		0, OF("QFI\xfb\0\0\0\x03") \
	}
#define VMDK                   \
	{0, OF("KDMV")},       \
	{                      \
		12, OF("\x01") \
	}

struct image {
	enum disk_format format;
	off_t bytes;
	struct patch {
		off_t at;
		const char *bytes;
		size_t len;
	} patches[PATCHES];
	const char *words; /* NULL: it is taken */
};

static const struct image images[] = {
	/* What it says of itself means nothing. */
	{DISK_FORMAT_RAW, SECTOR, {QCOW2, {8, OF("\0\0\0\0\0\0\0\x68")}}, NULL},
	{DISK_FORMAT_RAW, SECTOR + 1, {{0}}, "its size is no multiple of 512 bytes"},
	{DISK_FORMAT_RAW, 0, {{0}}, "it is empty"},

	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2}, NULL},
	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2_V3}, NULL},
	{DISK_FORMAT_QCOW2, LONGEST, {{0}}, "it is no qcow2 image"},
	{DISK_FORMAT_QCOW2, 3, {{0}}, "it ends within its header"},
	{DISK_FORMAT_QCOW2, 16, {QCOW2}, "it ends within its header"},
	{DISK_FORMAT_QCOW2, 74, {QCOW2_V3}, "it ends within its header"},
	{DISK_FORMAT_QCOW2, LONGEST, {{0, OF("QFI\xfb\0\0\0\x01")}}, "it is qcow2 of version 1"},
	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2, {35, OF("\x02")}}, "it is encrypted"},
	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2, {15, OF("\x68")}}, "a part of it is in another file"},
	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2_V3, {8, OF("\x01")}}, "a part of it is in another file"},
	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2_V3, {79, OF("\x04")}}, "a part of it is in another file"},
	/* The second version has no such bits there. */
	{DISK_FORMAT_QCOW2, LONGEST, {QCOW2, {79, OF("\x04")}}, NULL},

	{DISK_FORMAT_VDI, LONGEST, {{64, OF("\x7f\x10\xda\xbe")}}, NULL},
	{DISK_FORMAT_VDI, LONGEST, {QCOW2}, "it is no vdi image"},
	{DISK_FORMAT_VDI, 66, {{0}}, "it ends within its header"},

	{DISK_FORMAT_VMDK, LONGEST, {VMDK}, NULL},
	{DISK_FORMAT_VMDK, SECTOR, {VMDK}, NULL},
	{DISK_FORMAT_VMDK, LONGEST, {{0, OF("KDMV")}}, "a part of it is in another file"},
	{DISK_FORMAT_VMDK,
	 LONGEST,
	 {VMDK, {900, OF("parentFileNameHint=\"/etc/shadow\"")}},
	 "a part of it is in another"},
	{DISK_FORMAT_VMDK, LONGEST, {{0, OF("# Disk DescriptorFile\n")}}, "it is no vmdk (of one sparse file) image"},

	{DISK_FORMAT_VHD, LONGEST, {{0, OF("conectix")}, {63, OF("\x03")}}, NULL},
	{DISK_FORMAT_VHD, LONGEST, {{3 * SECTOR, OF("conectix")}, {3 * SECTOR + 63, OF("\x02")}}, NULL},
	{DISK_FORMAT_VHD, LONGEST, {{0, OF("conectix")}, {63, OF("\x04")}}, "a part of it is in another file"},
	{DISK_FORMAT_VHD, LONGEST, {{2 * SECTOR, OF("conectix")}}, "it is no vhd image"},
	{DISK_FORMAT_VHD, 62, {{0, OF("conectix")}}, "it ends within its header"},
};

static void test_formats(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		const struct image *image = &images[i];
		CLEANUP_FD int fd = memfd_create("image", MFD_CLOEXEC);
		struct err err = ERR_INIT;

		CHECK_INT(ftruncate(fd, image->bytes), 0);
		for (const struct patch *patch = image->patches; patch < image->patches + PATCHES && patch->len;
		     patch++)
			CHECK_INT(pwrite(fd, patch->bytes, patch->len, patch->at), patch->len);
		CHECK_INT(disk_file_check(fd, image->format, &err), image->words ? -EINVAL : 0);
		CHECK_HAS(err.msg, image->words ? image->words : "");
		if (!image->words)
			CHECK_STR(err.msg, "");
	}
}

/* By the beginning alone, and nothing for what cannot be read. */
static void test_resemblance(void)
{
	static const struct {
		const char *want;
		struct patch begins;
	} rows[] = {
		{"qcow2", QCOW2},	    {"vdi", {64, OF("\x7f\x10\xda\xbe")}},
		{"vmdk", {0, OF("KDMV")}},  {"vhd", {0, OF("conectix")}},
		{NULL, {1, OF("QFI\xfb")}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int fd = memfd_create("image", MFD_CLOEXEC);
		const char *found;
		char path[32];

		CHECK_INT(pwrite(fd, rows[i].begins.bytes, rows[i].begins.len, rows[i].begins.at), rows[i].begins.len);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		found = disk_file_resembles(path);
		CHECK_STR(found ?: "", rows[i].want ?: "");
	}
	CHECK(!disk_file_resembles("/nosuch"));
	CHECK(!disk_file_resembles("/"));
}

static void test_words(void)
{
	enum disk_format format;

	for (size_t i = 0; disk_format_words[i]; i++) {
		CHECK_INT(disk_format_parse(disk_format_words[i], &format), 0);
		CHECK_INT(format, i);
	}
	CHECK_STR(disk_format_words[DISK_FORMAT_RAW], "raw");
	CHECK_STR(disk_format_words[DISK_FORMAT_VHD], "vhd");
	CHECK_STR(disk_format_driver(DISK_FORMAT_VHD), "vpc");
	CHECK_INT(disk_format_parse("iso", &format), -EINVAL);
	CHECK_INT(disk_format_parse("", &format), -EINVAL);
}

/* A pipe is not opened, so that nobody waits at its other end or is let go on; a file is opened as it was asked for. */
static void test_files(void)
{
	char folder[] = "/tmp/disk-file.XXXXXX", file[64], pipe[64], link[64], event[256];
	struct err err = ERR_INIT;
	int fd, openings = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	CHECK(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/file", folder);
	(void)snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
	(void)snprintf(link, sizeof(link), "%s/nothing", folder);
	CHECK_INT(mkfifo(pipe, 0600), 0);
	CHECK(inotify_add_watch(openings, pipe, IN_OPEN) >= 0);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(ftruncate(fd, SECTOR), 0);
	(void)close(fd);
	for (int read_only = 0; read_only < 2; read_only++) {
		fd = disk_file_open(file, DISK_FORMAT_RAW, read_only, &err);
		CHECK_INT(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), read_only ? O_RDONLY : O_RDWR);
		CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
		(void)close(fd);
	}
	CHECK_INT(disk_file_open(pipe, DISK_FORMAT_RAW, true, &err), -EINVAL);
	CHECK_HAS(err.msg, "/pipe': it is no regular file");
	CHECK(read(openings, event, sizeof(event)) < 0 && errno == EAGAIN);
	(void)close(openings);
	CHECK_INT(disk_file_open(folder, DISK_FORMAT_RAW, true, &err), -EINVAL);
	CHECK_HAS(err.msg, "it is no regular file");
	CHECK_INT(disk_file_open("/dev/null", DISK_FORMAT_RAW, true, &err), -EINVAL);
	CHECK_HAS(err.msg, "'/dev/null': it is no regular file");
	CHECK_INT(disk_file_open(link, DISK_FORMAT_RAW, true, &err), -ENOENT);
	CHECK_HAS(err.msg, "/nothing'");
	(void)unlink(file);
	(void)unlink(pipe);
	(void)rmdir(folder);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_formats), TAP_CASE(test_resemblance), TAP_CASE(test_words), TAP_CASE(test_files));
}
