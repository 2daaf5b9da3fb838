/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of images: a folder of its own that goes away, files in it, and tar streams made byte by byte, so that they
 * can say what no tar program would write.
 */
#ifndef HULL_TESTS_UNIT_IMAGES_SCRATCH_H
#define HULL_TESTS_UNIT_IMAGES_SCRATCH_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tests/unit/tap.h"

struct scratch {
	char path[64];
	int fd;
};

/* On a disk file system: /tmp may be one that takes no trusted.* attributes, and then the tests say so by failing. */
static inline struct scratch scratch_open(void)
{
	struct scratch scratch = {.path = "/var/tmp/hull-test.XXXXXX"};

	CHECK(mkdtemp(scratch.path) != NULL);
	scratch.fd = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(scratch.fd >= 0);
	return scratch;
}

static inline void scratch_close(struct scratch *scratch)
{
	struct err err = ERR_INIT;

	(void)close(scratch->fd);
	CHECK(file_remove_tree(AT_FDCWD, scratch->path, &err) == 0);
}
#define CLEANUP_SCRATCH CLEANUP(scratch_close)

static inline const char *scratch_path(const struct scratch *scratch, const char *name, char to[static 512])
{
	(void)snprintf(to, 512, "%s/%s", scratch->path, name);
	return to;
}

static inline void scratch_write(const struct scratch *scratch, const char *name, const void *data, size_t len)
{
	int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(fd_write_all(fd, data, len) == 0);
	(void)close(fd);
}

/* --- tar --- */

struct tar_entry {
	const char *name;
	char type; /* '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' folder, '6' fifo; 0: file */
	const char *link;
	const char *data;
	unsigned mode, uid, gid;
	unsigned long long size; /* 0: as long as the data */
};

/* ENTRY("name", '0', .data = "contents") */
#define ENTRY(entry_name, entry_type, ...)                                \
	{                                                                 \
		.name = (entry_name), .type = (entry_type), ##__VA_ARGS__ \
	}

static inline void tar_block(struct text *tar, const void *data, size_t len)
{
	static const char zeros[512];

	text_add_bytes(tar, data, len);
	if (len % 512)
		text_add_bytes(tar, zeros, 512 - len % 512);
}

static inline void tar_header(struct text *tar, const char *name, char type, const char *link,
			      const struct tar_entry *entry, unsigned long long size)
{
	char header[512] = {0};
	unsigned sum = 0;

	memcpy(header, name, strnlen(name, 100));
	(void)snprintf(header + 100, 8, "%07o", (entry->mode ? entry->mode : type == '5' ? 0755 : 0644) & 0777777);
	(void)snprintf(header + 108, 8, "%07o", entry->uid & 0777777);
	(void)snprintf(header + 116, 8, "%07o", entry->gid & 0777777);
	(void)snprintf(header + 124, 12, "%011llo", size & 077777777777);
	(void)snprintf(header + 136, 12, "%011o", 1000000000);
	header[156] = type;
	memcpy(header + 157, link, strnlen(link, 100));
	memcpy(header + 257, "ustar\00000", 8);
	(void)snprintf(header + 329, 8, "%07o", type == '3' ? 1 : 0); /* a device is 1:3 */
	(void)snprintf(header + 337, 8, "%07o", type == '3' ? 3 : 0);
	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	(void)snprintf(header + 148, 8, "%06o", sum & 0777777);
	tar_block(tar, header, sizeof(header));
}

/* A name or link that is longer than the header's 100 bytes goes in front, as GNU tar does it. */
static inline void tar_put(struct text *tar, const struct tar_entry *entry)
{
	const char *link = entry->link ? entry->link : "";
	size_t len = entry->data ? strlen(entry->data) : 0;
	char type = entry->type ? entry->type : '0';

	if (strlen(entry->name) > 100) {
		tar_header(tar, "././@LongLink", 'L', "", entry, strlen(entry->name) + 1);
		tar_block(tar, entry->name, strlen(entry->name) + 1);
	}
	if (strlen(link) > 100) {
		tar_header(tar, "././@LongLink", 'K', "", entry, strlen(link) + 1);
		tar_block(tar, link, strlen(link) + 1);
	}
	tar_header(tar, entry->name, type, link, entry, entry->size ? entry->size : len);
	tar_block(tar, entry->data ? entry->data : "", len);
}

/* One keyword for the pax header of the entry that follows. */
static inline void pax_record(struct text *records, const char *keyword, const void *value, size_t value_len)
{
	size_t rest = strlen(keyword) + value_len + 3, total = rest + 1;

	while ((size_t)snprintf(NULL, 0, "%zu", total) + rest != total)
		total++;
	text_addf(records, "%zu %s=", total, keyword);
	text_add_bytes(records, value, value_len);
	text_add(records, "\n");
}

static inline void tar_pax(struct text *tar, const struct text *records)
{
	tar_header(tar, "pax", 'x', "", &(struct tar_entry){0}, records->len);
	tar_block(tar, records->data, records->len);
}

static inline void tar_pax_one(struct text *tar, const char *keyword, const void *value, size_t value_len)
{
	CLEANUP_TEXT struct text records = TEXT_INIT;

	pax_record(&records, keyword, value, value_len);
	tar_pax(tar, &records);
}

static inline void tar_end(struct text *tar)
{
	static const char zeros[1024];

	text_add_bytes(tar, zeros, sizeof(zeros));
}

#endif
