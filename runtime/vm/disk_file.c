// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/disk_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"

#define SECTOR_BYTES 512U

/* A header's field is read for itself, wherever it lies. The contents are anybody's, and may change meanwhile. */
struct contents {
	int fd;
	uint64_t bytes;
};

/* 0, or -errno with words: also where the file ends before. */
static int read_at(const struct contents *from, uint64_t offset, void *to, size_t len, struct err *err)
{
	ssize_t n = offset <= from->bytes ? pread(from->fd, to, len, (off_t)offset) : 0;

	if (n < 0)
		return err_set(err, errno, "read it");
	return (size_t)n == len ? 0 : err_say(err, EINVAL, "it ends within its header");
}

static int want_bytes(const struct contents *from, uint64_t offset, const void *wanted, size_t len, const char *format,
		      struct err *err)
{
	uint8_t found[16];
	int result = read_at(from, offset, found, len, err);

	if (result == 0 && memcmp(found, wanted, len) != 0)
		return err_say(err, EINVAL, "it is no %s image", format);
	return result;
}

static int refuse_other_file(struct err *err)
{
	return err_say(err, EINVAL, "a part of it is in another file: a disk is one file here");
}

/* --- Formats ------------------------------------------------------------------------------------------------------ */

/* Any bytes, but whole sectors of them. */
static int look_at_raw(const struct contents *from, struct err *err)
{
	if (from->bytes % SECTOR_BYTES != 0)
		return err_say(err, EINVAL, "its size is no multiple of %u bytes", SECTOR_BYTES);
	return 0;
}

/* docs/interop/qcow2.txt of QEMU's: big-endian. */
#define QCOW2_MAGIC	     "QFI\xfb"
#define QCOW2_VERSION	     4
#define QCOW2_BACKING	     8
#define QCOW2_ENCRYPTION     32
#define QCOW2_INCOMPATIBLE   72
#define QCOW2_DATA_ELSEWHERE ((uint64_t)1 << 2)

static int look_at_qcow2(const struct contents *from, struct err *err)
{
	uint32_t version, encryption;
	uint64_t backing, incompatible = 0;
	int result = want_bytes(from, 0, QCOW2_MAGIC, strlen(QCOW2_MAGIC), "qcow2", err);

	if (result == 0)
		result = read_at(from, QCOW2_VERSION, &version, sizeof(version), err);
	if (result == 0)
		result = read_at(from, QCOW2_BACKING, &backing, sizeof(backing), err);
	if (result == 0)
		result = read_at(from, QCOW2_ENCRYPTION, &encryption, sizeof(encryption), err);
	if (result < 0)
		return result;
	version = be32toh(version);
	if (version != 2 && version != 3)
		return err_say(err, EINVAL, "it is qcow2 of version %u: want 2 or 3", version);
	if (encryption)
		return err_say(err, EINVAL, "it is encrypted, and nobody here has the key");
	if (version == 3)
		result = read_at(from, QCOW2_INCOMPATIBLE, &incompatible, sizeof(incompatible), err);
	if (result == 0 && (backing || be64toh(incompatible) & QCOW2_DATA_ELSEWHERE))
		return refuse_other_file(err);
	return result;
}

#define VDI_MAGIC    "\x7f\x10\xda\xbe"
#define VDI_MAGIC_AT 64

/* What links to another has a link's UUID, and QEMU does not open such a one. */
static int look_at_vdi(const struct contents *from, struct err *err)
{
	return want_bytes(from, VDI_MAGIC_AT, VDI_MAGIC, strlen(VDI_MAGIC), "vdi", err);
}

/*
 * Only the kind that is one sparse file: a header, with a copy of the description behind it. The others are a
 * description alone, which names files, as a header without a capacity does.
 */
#define VMDK_MAGIC	       "KDMV"
#define VMDK_CAPACITY	       12
#define VMDK_DESCRIPTION       0x200
#define VMDK_DESCRIPTION_BYTES ((size_t)20 * SECTOR_BYTES)
#define VMDK_PARENT	       "parentFileNameHint"

static int look_at_vmdk(const struct contents *from, struct err *err)
{
	char description[VMDK_DESCRIPTION_BYTES];
	uint64_t capacity;
	ssize_t len;
	int result = want_bytes(from, 0, VMDK_MAGIC, strlen(VMDK_MAGIC), "vmdk (of one sparse file)", err);

	if (result == 0)
		result = read_at(from, VMDK_CAPACITY, &capacity, sizeof(capacity), err);
	if (result < 0)
		return result;
	len = pread(from->fd, description, sizeof(description), VMDK_DESCRIPTION);
	if (len < 0)
		return err_set(err, errno, "read it");
	if (capacity == 0 || memmem(description, (size_t)len, VMDK_PARENT, strlen(VMDK_PARENT)))
		return refuse_other_file(err);
	return 0;
}

/* A footer of one sector at the end. Where the image can grow a copy of it is at the beginning, and that counts. */
#define VHD_MAGIC      "conectix"
#define VHD_TYPE       60
#define VHD_DIFFERENCE 4

static int look_at_vhd(const struct contents *from, struct err *err)
{
	uint64_t footer = 0;
	uint32_t type = 0;
	int result = want_bytes(from, footer, VHD_MAGIC, strlen(VHD_MAGIC), "vhd", err);

	if (result == -EINVAL && from->bytes > SECTOR_BYTES) {
		err_clear(err);
		footer = from->bytes - SECTOR_BYTES;
		result = want_bytes(from, footer, VHD_MAGIC, strlen(VHD_MAGIC), "vhd", err);
	}
	if (result == 0)
		result = read_at(from, footer + VHD_TYPE, &type, sizeof(type), err);
	if (result == 0 && be32toh(type) == VHD_DIFFERENCE)
		return refuse_other_file(err);
	return result;
}

static const struct {
	const char *driver;
	bool has_backing;
	int (*look)(const struct contents *from, struct err *err);
} formats[] = {
	[DISK_FORMAT_RAW] = {"raw", false, look_at_raw}, [DISK_FORMAT_QCOW2] = {"qcow2", true, look_at_qcow2},
	[DISK_FORMAT_VDI] = {"vdi", false, look_at_vdi}, [DISK_FORMAT_VMDK] = {"vmdk", true, look_at_vmdk},
	[DISK_FORMAT_VHD] = {"vpc", false, look_at_vhd},
};

/* Virtual PC is where the last one comes from. */
const char *const disk_format_words[] = {"raw", "qcow2", "vdi", "vmdk", "vhd", NULL};

int disk_format_parse(const char *word, enum disk_format *ret)
{
	for (size_t i = 0; disk_format_words[i]; i++) {
		if (strcmp(disk_format_words[i], word) != 0)
			continue;
		*ret = (enum disk_format)i;
		return 0;
	}
	return -EINVAL;
}

const char *disk_format_driver(enum disk_format format)
{
	return formats[format].driver;
}

bool disk_format_has_backing(enum disk_format format)
{
	return formats[format].has_backing;
}

/* --- What contents look like -------------------------------------------------------------------------------------- */

static const struct {
	enum disk_format format;
	uint64_t at;
	const char *magic;
} signs[] = {
	{DISK_FORMAT_QCOW2, 0, QCOW2_MAGIC},
	{DISK_FORMAT_VDI, VDI_MAGIC_AT, VDI_MAGIC},
	{DISK_FORMAT_VMDK, 0, VMDK_MAGIC},
	{DISK_FORMAT_VHD, 0, VHD_MAGIC},
};

const char *disk_file_resembles(const char *path)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int fd = file_open_regular(path, O_RDONLY, &ignored);

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(signs); i++) {
		size_t len = strlen(signs[i].magic);
		char found[16];

		if (pread(fd, found, len, (off_t)signs[i].at) == (ssize_t)len &&
		    memcmp(found, signs[i].magic, len) == 0)
			return disk_format_words[signs[i].format];
	}
	return NULL;
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

int disk_file_check(int fd, enum disk_format format, struct err *err)
{
	struct contents from = {.fd = fd};
	struct stat found;

	if (fstat(fd, &found) < 0)
		return err_set(err, errno, "look at it");
	if (!S_ISREG(found.st_mode))
		return err_say(err, EINVAL, "it is no regular file");
	if (found.st_size == 0)
		return err_say(err, EINVAL, "it is empty");
	from.bytes = (uint64_t)found.st_size;
	return formats[format].look(&from, err);
}

int disk_file_open(const char *path, enum disk_format format, bool read_only, struct err *err)
{
	CLEANUP_FD int fd = file_open_regular(path, read_only ? O_RDONLY : O_RDWR, err);

	if (fd < 0)
		return fd;
	if (disk_file_check(fd, format, err) < 0)
		return err_wrap(err, "'%s'", path);
	return fd_take(&fd);
}
