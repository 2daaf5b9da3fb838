/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's half of a root: everything that comes from the host, as detached mounts.
 */
#include "namespaces/root_sources.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "namespaces/mount.h"
#include "namespaces/root_overlay.h"

/* ------------------------------------------------------------------------------------------- holding them */

static void close_all(int **fds, size_t *count)
{
	for (size_t i = 0; *fds && i < *count; i++)
		scope_fd(&(*fds)[i]);
	*fds = NULL;
	*count = 0;
}

void root_sources_close(struct root_sources *sources)
{
	close_all(&sources->mounts, &sources->mount_count);
	close_all(&sources->devices, &sources->device_count);
	close_all(&sources->cgroups, &sources->cgroup_count);
	close_all(&sources->lowers, &sources->lower_count);
	scope_fd(&sources->upper);
	scope_fd(&sources->work);
	mask_close(&sources->cover);
	arena_free(&sources->arena);
	*sources = ROOT_SOURCES_INIT;
}

size_t root_sources_child_list(const struct root_sources *sources, int *to)
{
	const int cover[] = {sources->cover.null_fd, sources->cover.empty_fd};
	const struct {
		const int *fds;
		size_t count;
	} lists[] = {
		{sources->mounts, sources->mount_count},
		{sources->devices, sources->device_count},
		{sources->cgroups, sources->cgroup_count},
		{cover, ARRAY_SIZE(cover)},
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t j = 0; j < lists[i].count; j++)
			to[count++] = lists[i].fds[j];
	return count;
}

/* Places for `count` descriptors, all -1. */
static int make_places(struct root_sources *sources, int **ret_fds, size_t *ret_count, size_t count, struct err *err)
{
	int *fds;

	if (count == 0)
		return 0;
	fds = arena_array(&sources->arena, count, sizeof(*fds));
	if (!fds)
		return err_set(err, ENOMEM, "the sources of %zu mounts", count);
	for (size_t i = 0; i < count; i++)
		fds[i] = -1;
	*ret_fds = fds;
	*ret_count = count;
	return 0;
}

/* ------------------------------------------------------------------------------------------------ opening */

/*
 * A clone of a shared mount shares still: what the container mounts in it would come up on the host. So it becomes a
 * slave first, and only then what the request says ("shared" is then a group of its own), except where
 * rootfsPropagation asks for sharing with the host. In a user namespace that is never granted.
 */
static bool stays_peer(const struct root_request *request)
{
	return !request->user_namespace && request->propagation & MS_SHARED;
}

static int set_propagation(const struct root_request *request, int fd, uint64_t wanted, bool tree, const char *what,
			   struct err *err)
{
	static const struct mount_change none;
	uint64_t type = wanted & ~(uint64_t)MS_REC;
	int r = 0;

	if (!stays_peer(request) && (type == 0 || type == MS_SHARED || (tree && !(wanted & MS_REC))))
		r = mount_change(fd, tree, &none, MS_SLAVE, what, err);
	if (r == 0 && type)
		r = mount_change(fd, tree && wanted & MS_REC, &none, type, what, err);
	return r;
}

static bool says_nothing(const struct mount_change *change)
{
	return !change->set && !change->clear;
}

static int set_attributes(int fd, const struct mount_options *options, const char *what, struct err *err)
{
	int r = 0;

	if (!says_nothing(&options->tree))
		r = mount_change(fd, true, &options->tree, 0, what, err);
	if (r == 0 && !says_nothing(&options->one))
		r = mount_change(fd, false, &options->one, 0, what, err);
	return r;
}

static int open_bind(const struct root_request *request, const struct mount_request *mount, struct err *err)
{
	unsigned flags = (mount->options.bind_tree ? MOUNT_CLONE_TREE : 0) |
			 (mount->options.source_nofollow ? MOUNT_CLONE_NOFOLLOW : 0);
	CLEANUP_FD int fd = -1;
	int r;

	if (!mount->source || mount->source[0] != '/')
		return err_say(err, EINVAL, "bind mount on '%s': its source must be an absolute path",
			       mount->destination);
	fd = mount_clone(AT_FDCWD, mount->source, flags, err);
	if (fd < 0)
		return err_wrap(err, "bind mount on '%s'", mount->destination);
	r = set_propagation(request, fd, mount->options.propagation, mount->options.bind_tree, mount->source, err);
	if (r == 0)
		r = set_attributes(fd, &mount->options, mount->source, err);
	return r < 0 ? r : fd_take(&fd);
}

static int open_mounts(const struct root_request *request, struct root_sources *sources, struct err *err)
{
	int r = make_places(sources, &sources->mounts, &sources->mount_count, request->mount_count, err);

	for (size_t i = 0; r >= 0 && i < request->mount_count; i++)
		if (request->mounts[i].options.bind && !request->mounts[i].options.remount)
			r = sources->mounts[i] = open_bind(request, &request->mounts[i], err);
	return r < 0 ? r : 0;
}

int rootfs_open_cgroup(const struct cgroup_view *view, bool is_readonly, struct err *err)
{
	const struct mount_change sealed = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
						   (is_readonly ? MOUNT_ATTR_RDONLY : 0)};
	CLEANUP_FD int fd = mount_clone(AT_FDCWD, view->bind, 0, err);
	int r = fd < 0 ? fd : mount_change(fd, false, &sealed, MS_SLAVE, view->bind, err);

	return r < 0 ? r : fd_take(&fd);
}

static int open_cgroups(const struct root_request *request, struct root_sources *sources, struct err *err)
{
	int r = make_places(sources, &sources->cgroups, &sources->cgroup_count, request->cgroup_count, err);

	for (size_t i = 0; r >= 0 && i < request->cgroup_count; i++)
		if (request->cgroups[i].bind && !request->late_cgroups)
			r = sources->cgroups[i] = rootfs_open_cgroup(&request->cgroups[i], false, err);
	return r < 0 ? r : 0;
}

static int open_devices(const struct root_request *request, struct root_sources *sources, struct err *err)
{
	size_t default_count = 0;
	const struct device_request *defaults = devices_default(&default_count);
	int r;

	if (!request->bind_devices)
		return 0;
	if (!request->default_devices)
		default_count = 0;
	r = make_places(sources, &sources->devices, &sources->device_count, default_count + request->device_count, err);
	for (size_t i = 0; r >= 0 && i < sources->device_count; i++) {
		const struct device_request *device =
			i < default_count ? &defaults[i] : &request->devices[i - default_count];

		/* A FIFO needs no right: it is made. */
		if (device->type != 'p')
			r = sources->devices[i] = device_open_host(device, err);
	}
	return r < 0 ? r : 0;
}

static int open_layers(const struct root_request *request, struct root_sources *sources, struct err *err)
{
	int r = make_places(sources, &sources->lowers, &sources->lower_count, request->lower_count, err);

	for (size_t i = 0; r >= 0 && i < request->lower_count; i++)
		r = sources->lowers[i] = mount_clone(AT_FDCWD, request->lowers[i], 0, err);
	if (r < 0 || !request->upper)
		return r < 0 ? r : 0;
	sources->upper = open(request->upper, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sources->upper < 0)
		return err_set(err, errno, "open '%s'", request->upper);
	sources->work = open(request->work, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sources->work < 0)
		return err_set(err, errno, "open '%s'", request->work);
	return 0;
}

static int open_directory(const struct root_request *request, struct root_sources *sources, struct err *err)
{
	int r = make_places(sources, &sources->lowers, &sources->lower_count, 1, err);

	if (r < 0)
		return r;
	r = sources->lowers[0] = mount_clone(AT_FDCWD, request->path, MOUNT_CLONE_TREE, err);
	return r < 0 ? r : set_propagation(request, r, 0, true, request->path, err);
}

int rootfs_open_sources(const struct root_request *request, struct root_sources *ret, struct err *err)
{
	CLEANUP_ROOT_SOURCES struct root_sources sources = ROOT_SOURCES_INIT;
	int r;

	if (!request->path + !request->lower_count + !request->empty != 2 || !request->upper != !request->work)
		return err_say(err, EINVAL,
			       "a root is a directory, layers, or empty; an upper comes with a work folder");
	r = request->path ? open_directory(request, &sources, err) : open_layers(request, &sources, err);
	if (r < 0)
		return err_wrap(err, "root");
	r = open_mounts(request, &sources, err);
	if (r == 0)
		r = open_cgroups(request, &sources, err);
	if (r == 0)
		r = open_devices(request, &sources, err);
	if (r == 0 && request->masked_count)
		r = mask_open(&sources.cover, err);
	if (r < 0)
		return r;
	*ret = sources;
	sources = ROOT_SOURCES_INIT;
	return 0;
}

/* ----------------------------------------------------------------------------------------------- building */

static int map_with(const struct mount_request *mount, int fd, int userns_fd, struct err *err)
{
	/* What "rbind" brought along keeps its ids unless "ridmap" says otherwise, as the specification has it. */
	int r = mount_idmap(fd, mount->options.idmap == MOUNT_IDMAP_TREE, userns_fd, mount->source, err);

	/*
	 * Its files have the ids of whoever wrote them, and containers have different ones: without a map it has no
	 * use, or no safe one.
	 */
	if (r == -EOPNOTSUPP && mount->idmap_container)
		return err_hint(err,
				"mount a folder of the host on '%s', with 'U' to give it to this container alone, or "
				"use --userns=host",
				mount->destination);
	return r;
}

static int map_bind(const struct mount_request *mount, int fd, int userns_fd, struct err *err)
{
	CLEANUP_FD int own = -1;

	if (mount->idmap) {
		own = idmap_userns(mount->idmap, err);
		return own < 0 ? own : map_with(mount, fd, own, err);
	}
	if (!mount->idmap_container && mount->options.idmap == MOUNT_IDMAP_UNSAID)
		return 0;
	if (userns_fd < 0)
		return err_say(err, EINVAL, "bind mount on '%s': there is no user namespace whose map it could have",
			       mount->destination);
	return map_with(mount, fd, userns_fd, err);
}

int rootfs_open_binds(const struct root_request *request, int userns_fd, struct root_sources *ret, struct err *err)
{
	CLEANUP_ROOT_SOURCES struct root_sources sources = ROOT_SOURCES_INIT;
	int r = open_mounts(request, &sources, err);

	for (size_t i = 0; r == 0 && i < sources.mount_count; i++) {
		if (sources.mounts[i] < 0)
			r = err_say(err, EINVAL, "mount on '%s': only bind mounts come into a container that runs",
				    request->mounts[i].destination);
		else
			r = map_bind(&request->mounts[i], sources.mounts[i], userns_fd, err);
	}
	if (r < 0)
		return r;
	*ret = sources;
	sources = ROOT_SOURCES_INIT;
	return 0;
}

/* What belongs to this container alone can have its ids on the disk. */
static int map_or_give(const struct mount_request *mount, int fd, int userns_fd, const struct root_copies *copies,
		       struct err *err)
{
	struct err failure = ERR_INIT;
	int r = map_bind(mount, fd, userns_fd, &failure);

	if (r == -EOPNOTSUPP && copies && root_copy_is_own(copies, mount->source))
		return root_copy_give(copies, fd, mount->source, err);
	if (r < 0 && err)
		*err = failure;
	return r;
}

/* A directory is written to as it is: a copy would keep what the container writes to itself. */
static int map_directory(const struct root_request *request, int fd, int userns_fd, struct err *err)
{
	int r = mount_idmap(fd, false, userns_fd, request->path, err);

	return r == -EOPNOTSUPP ? err_hint(err, "take it in with 'hull image import', or use --userns=host") : r;
}

static int copy_lower(struct root_sources *sources, size_t index, const struct root_copies *copies, struct err *err)
{
	uint64_t bytes = 0;
	int fd = root_copy_layer(copies, sources->lowers[index], index, &bytes, err);

	if (fd < 0)
		return err_wrap(err, "the file system of the image cannot map ids, and its files cannot be copied");
	scope_fd(&sources->lowers[index]);
	sources->lowers[index] = fd;
	sources->copied_bytes += bytes;
	return 0;
}

static int map_lowers(const struct root_request *request, struct root_sources *sources, int userns_fd,
		      const struct root_copies *copies, struct err *err)
{
	int r = 0;

	if (request->path)
		return map_directory(request, sources->lowers[0], userns_fd, err);
	for (size_t i = 0; r == 0 && i < sources->lower_count; i++) {
		struct err failure = ERR_INIT;

		r = mount_idmap(sources->lowers[i], false, userns_fd, request->lowers[i], &failure);
		if (r == -EOPNOTSUPP && copies)
			r = copy_lower(sources, i, copies, err);
		else if (r < 0 && err)
			*err = failure;
	}
	return r;
}

static int map_ids(const struct root_request *request, struct root_sources *sources, int userns_fd,
		   const struct root_copies *copies, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sources->mount_count; i++)
		if (sources->mounts[i] >= 0)
			r = map_or_give(&request->mounts[i], sources->mounts[i], userns_fd, copies, err);
	if (!request->idmap_lowers || userns_fd < 0)
		return r;
	return r < 0 ? r : map_lowers(request, sources, userns_fd, copies, err);
}

/* One layer and nothing to write needs no overlay. */
static int build_layers(const struct root_request *request, struct root_sources *sources, struct err *err)
{
	struct mount_change change = {0};
	CLEANUP_FD int fd = -1;
	int r;

	if (sources->lower_count == 1 && !request->upper) {
		fd = fd_take(&sources->lowers[0]);
		change.set |= MOUNT_ATTR_RDONLY;
	} else {
		fd = root_overlay_make(&(struct root_overlay){.lowers = sources->lowers,
							      .lower_count = sources->lower_count,
							      .upper = sources->upper,
							      .work = sources->work,
							      .upper_path = request->upper,
							      .work_path = request->work,
							      .is_volatile = request->volatile_upper,
							      .mount_label = request->mount_label},
				       err);
		if (fd < 0)
			return fd;
	}
	/* The super block is the host's, so nothing but this stops a device node that an image brings. */
	if (request->user_namespace)
		change.set |= MOUNT_ATTR_NODEV;
	r = mount_change(fd, false, &change, MS_PRIVATE, "the root", err);
	return r < 0 ? r : fd_take(&fd);
}

static int build_empty(const struct root_request *request, struct err *err)
{
	char data[96];

	(void)snprintf(data, sizeof(data), "mode=755,size=256k,nr_inodes=1k,uid=%u,gid=%u", request->owner.uid,
		       request->owner.gid);
	return mount_new("tmpfs", "tmpfs", data, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
}

int rootfs_build(const struct root_request *request, struct root_sources *sources, int userns_fd,
		 const struct root_copies *copies, int *ret_root_fd, struct err *err)
{
	int r = map_ids(request, sources, userns_fd, copies, err);

	if (r < 0)
		return r;
	if (request->empty)
		r = build_empty(request, err);
	else
		r = request->path ? fd_take(&sources->lowers[0]) : build_layers(request, sources, err);
	if (r < 0)
		return err_wrap(err, "root");
	*ret_root_fd = r;
	return 0;
}
