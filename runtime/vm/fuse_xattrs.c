/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes, of files and directories: of other things no attribute that the guest may have exists. A node is
 * opened for it, as its O_PATH descriptor is none that fgetxattr(2) takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_parts.h"

/*
 * What a guest may see and set. All else is the host's: labels of its security modules, and "trusted.", by which
 * overlay file systems are led.
 */
static const struct {
	const char *name;
	bool prefix;
} visible[] = {
	{"user.", true},
	{"security.capability", false},
	{"system.posix_acl_access", false},
	{"system.posix_acl_default", false},
};

static bool is_visible(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(visible); i++)
		if (visible[i].prefix ? strncmp(name, visible[i].name, strlen(visible[i].name)) == 0
				      : strcmp(name, visible[i].name) == 0)
			return true;
	return false;
}

static bool has_attributes(const struct fuse_node *node)
{
	return S_ISREG(node->type) || S_ISDIR(node->type);
}

/* The attribute's name, from the front of the text; what is behind it stays. NULL: there is none. */
static const char *take_name(struct fuse_request *request)
{
	const char *name = request->text, *end = memchr(name, '\0', request->text_bytes);

	if (!end || end == name || end - name > XATTR_NAME_MAX)
		return NULL;
	request->text = end + 1;
	request->text_bytes -= (size_t)(end + 1 - name);
	return name;
}

/* The file opened, or -errno; `otherwise` for a node that has no attributes. */
static int open_node(struct fuse *fuse, struct fuse_request *request, int otherwise)
{
	const struct fuse_node *node = fuse_node(fuse, request);

	if (!node)
		return -ESTALE;
	return has_attributes(node) ? fuse_node_open(fuse, node, O_RDONLY) : otherwise;
}

int fuse_do_setxattr(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_setxattr_in *in = request->arg;
	size_t longer = fuse->setxattr_ext ? sizeof(*in) - FUSE_COMPAT_SETXATTR_IN_SIZE : 0;
	CLEANUP_FD int fd = -1;
	const char *name;

	if (request->text_bytes < longer)
		return -EINVAL;
	request->text += longer;
	request->text_bytes -= longer;
	name = take_name(request);
	if (!name || in->size != request->text_bytes || (in->flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)))
		return -EINVAL;
	if (!is_visible(name))
		return -EPERM;
	fd = open_node(fuse, request, -EOPNOTSUPP);
	if (fd < 0)
		return fd;
	return fsetxattr(fd, name, request->text, in->size, (int)in->flags) < 0 ? -errno : 0;
}

/* Asked with size 0: how long it is. */
static int reply_value(struct fuse *fuse, struct fuse_request *request, size_t len)
{
	const struct fuse_getxattr_in *in = request->arg;
	struct fuse_getxattr_out out = {.size = (uint32_t)len};

	if (in->size == 0)
		return fuse_reply(request, &out, sizeof(out));
	return len > in->size ? -ERANGE : fuse_reply(request, fuse->scratch, len);
}

int fuse_do_getxattr(struct fuse *fuse, struct fuse_request *request)
{
	const char *name = take_name(request);
	CLEANUP_FD int fd = -1;
	ssize_t n;

	if (!name)
		return -EINVAL;
	if (!is_visible(name))
		return -ENODATA;
	fd = open_node(fuse, request, -ENODATA);
	if (fd < 0)
		return fd;
	n = fgetxattr(fd, name, fuse->scratch, XATTR_SIZE_MAX);
	/*
	 * A file system without access control lists has none on this file: the guest's kernel asks for them at each
	 * step.
	 */
	if (n < 0)
		return errno == EOPNOTSUPP && strncmp(name, "system.", 7) == 0 ? -ENODATA : -errno;
	return reply_value(fuse, request, (size_t)n);
}

int fuse_do_listxattr(struct fuse *fuse, struct fuse_request *request)
{
	CLEANUP_FD int fd = open_node(fuse, request, -ENODATA);
	size_t kept = 0;
	ssize_t n;

	if (fd == -ENODATA)
		return reply_value(fuse, request, 0);
	if (fd < 0)
		return fd;
	n = flistxattr(fd, fuse->scratch, XATTR_LIST_MAX);
	if (n < 0)
		return -errno;
	for (size_t at = 0, len; at < (size_t)n; at += len) {
		len = strlen(fuse->scratch + at) + 1;
		if (!is_visible(fuse->scratch + at))
			continue;
		memmove(fuse->scratch + kept, fuse->scratch + at, len);
		kept += len;
	}
	return reply_value(fuse, request, kept);
}

int fuse_do_removexattr(struct fuse *fuse, struct fuse_request *request)
{
	const char *name = take_name(request);
	CLEANUP_FD int fd = -1;

	if (!name || request->text_bytes > 0)
		return -EINVAL;
	if (!is_visible(name))
		return -EPERM;
	fd = open_node(fuse, request, -ENODATA);
	if (fd < 0)
		return fd;
	return fremovexattr(fd, name) < 0 ? -errno : 0;
}
