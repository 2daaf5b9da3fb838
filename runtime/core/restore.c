// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/core/criu.h"
#include "runtime/core/criu_mounts.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/phases.h"
#include "runtime/core/steps.h"
#include "runtime/core/steps_parts.h"

#define LOG_FILE   "restore.log"
#define LOG_LEVEL  4
#define STAGE_ROOT "root"
/*
 * Where criu finds the root and what is bound: a folder that CRIU itself cannot do without, and that the container's root may search. Only criu has this mounted there.
 */
#define STAGE	     "/tmp"
#define MAX_GIFTS    (3 + NS_COUNT)
#define CGROUP_BYTES ((size_t)1 << 20)

/* A restore under way, beside what every creation has. */
struct restoration {
	const struct restore_request *request;
	const char *program; /* criu */
	struct checkpoint_folders folders;
	struct criu criu;
	bool view_images; /* for who is root in there only */
	criu_views views; /* of what is bound */
	struct criu_options options;
	int gifts[MAX_GIFTS]; /* descriptors for criu: borrowed */
	size_t gift_count;
};

/* --- Before anything is made ------------------------------------------------------------------------------------------ */

static int restore_look(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	const struct restore_request *request = restoration->request;
	int result = checkpoint_check(instance->plan, err);

	if (result >= 0)
		result = criu_find(instance->arena, request->work.criu, &restoration->program, err);
	if (result >= 0)
		result = checkpoint_open(&request->work, false, &restoration->folders, err);
	if (result >= 0 && !file_is_there(restoration->folders.images, "inventory.img"))
		result =
			err_say(err, ENOENT, "'%s' holds no checkpoint: it has no inventory.img", request->work.images);
	if (instance->plan->hooks[HOOK_CREATE_CONTAINER].count + instance->plan->hooks[HOOK_START_CONTAINER].count > 0)
		log_line(LOG_LEVEL_WARN,
			 "createContainer and startContainer hooks are not run for a container that is restored");
	return result;
}

/*
 * CRIU's processes in the container's user namespace read the images too, before and after they have become its root. But images hold all of the container's
 * memory, and their folder is the host's root's alone. So criu gets a view of it that all may search, and that nobody but criu sees. What such a view cannot do:
 * lead to other images by a relative link, and be written to.
 */
static int check_images(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct stat what;

	if (fstat(restoration->folders.images, &what) == 0 && (what.st_mode & S_IXOTH))
		return 0;
	restoration->view_images = true;
	if (restoration->request->work.options.auto_dedup || file_is_there(restoration->folders.images, "parent"))
		return err_say(err, EACCES,
			       "the container's root has to search '%s' for images that have a parent, or with "
			       "--auto-dedup: let others do that (chmod o+x)",
			       restoration->request->work.images);
	return 0;
}

/* The images' folder as the lower layer of one that is searched by all. The new one's descriptor. */
static int stage_images(int stage, int images, struct err *err)
{
	static const char *const folders[] = {"images", "upper", "work"};
	struct fd_name lower = fd_name(images);
	char options[256];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(stage, folders[i], 0755) < 0)
			return err_set(err, errno, "make '%s'", folders[i]);
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=" STAGE "/upper,workdir=" STAGE "/work",
		       lower.path);
	if (mount("overlay", STAGE "/images", "overlay", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return err_set(err, errno, "make a view of the images");
	return file_open_dir(stage, "images", err);
}

/* Where the container has a user namespace of its own: one with the same map, for what is mounted with mapped ids. */
static int restore_ids(struct instance *instance, struct err *err)
{
	if (instance->plan->namespaces.kind[NS_USER].how == NS_HOST)
		return 0;
	instance->userns_fd = idmap_userns(&instance->plan->idmap, err);
	return instance->userns_fd < 0 ? instance->userns_fd : check_images(instance, err);
}

/* --- Mounts ----------------------------------------------------------------------------------------------------------- */

static bool is_inside(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* What lies in another mount comes back with that one. */
static bool is_in_another_mount(const struct plan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_inside(plan->root.mounts[index].destination, plan->root.mounts[i].destination))
			return true;
	return false;
}

static int make_mount_point(const struct instance *instance, size_t index, struct err *err)
{
	const struct mount_request *mount = &instance->plan->root.mounts[index];
	struct stat source = {.st_mode = S_IFDIR};
	int fd;

	if (mount->options.bind && fstat(instance->sources.mounts[index], &source) < 0)
		return err_set(err, errno, "look at '%s'", mount->source);
	fd = S_ISDIR(source.st_mode) ? path_make_dirs(instance->root_fd, mount->destination, 0755, err)
				     : path_make_file(instance->root_fd, mount->destination, 0755, err);
	scope_fd(&fd);
	return fd < 0 ? fd : 0;
}

/* A root that has never run lacks the folders that the first start has made in the other one. */
static int restore_mount_points(struct instance *instance, struct err *err)
{
	static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};
	const struct plan *plan = instance->plan;
	int result = 0;

	for (size_t i = 0; i < plan->root.mount_count && result >= 0; i++)
		if (!is_in_another_mount(plan, i))
			result = make_mount_point(instance, i, err);
	/* CRIU takes the root's own options as it finds them. */
	if (result >= 0 && plan->root.readonly)
		result = mount_change(instance->root_fd, false, &readonly, 0, "the root", err);
	return result < 0 ? err_wrap(err, "root file system") : 0;
}

/* Attaches a detached mount at a name of the stage, which is made for it. */
static int stage_one(int stage, const char *name, int mount, struct err *err)
{
	CLEANUP_FD int target = -1;
	struct stat what;

	if (fstat(mount, &what) < 0)
		return err_set(err, errno, "look at what is to be mounted");
	if (S_ISDIR(what.st_mode) ? mkdirat(stage, name, 0755) < 0 : mknodat(stage, name, S_IFREG | 0644, 0) < 0)
		return err_set(err, errno, "make '%s'", name);
	target = openat(stage, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return err_set(err, errno, "open '%s'", name);
	return mount_attach(mount, target, name, err);
}

static int stage_devices(int stage, const struct root_sources *sources, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < sources->device_count && result >= 0; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%c%zu", STAGE_DEVICE, i);
		if (sources->devices[i] >= 0)
			result = stage_one(stage, name, sources->devices[i], err);
	}
	return result;
}

/*
 * Each mount of a bind by itself: one that has others in it cannot be taken from there by who is root in a user namespace only. A tree can be taken apart only
 * where it is attached.
 */
static int stage_view(int stage, const char *tree, const struct criu_view *view, struct err *err)
{
	char path[PATH_MAX];
	CLEANUP_FD int mount = -1;

	if (snprintf(path, sizeof(path), "%s%s", tree, view->rest) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "'%s'", view->rest);
	mount = mount_clone(stage, path, MOUNT_CLONE_NOFOLLOW, err);
	return mount < 0 ? mount : stage_one(stage, view->name, mount, err);
}

static int stage_bind(int stage, const struct root_sources *sources, size_t index, const criu_views *views,
		      struct err *err)
{
	char tree[32];
	int result;

	(void)snprintf(tree, sizeof(tree), "tree%zu", index);
	result = stage_one(stage, tree, sources->mounts[index], err);
	for (size_t i = 0; i < views->count && result >= 0; i++)
		if (views->items[i].mount == index)
			result = stage_view(stage, tree, &views->items[i], err);
	return result;
}

static int stage_binds(int stage, const struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	int result = 0;

	for (size_t i = 0; i < plan->root.mount_count && result >= 0; i++)
		if (plan->root.mounts[i].options.bind)
			result = stage_bind(stage, &instance->sources, i, &instance->restoration->views, err);
	return result;
}

/* In criu's process, whose mounts nobody else sees: the root, and what the plan binds. CRIU wants a root that is a mount, in a folder that is none. */
static int stage_mounts(void *context, int *images, struct err *err)
{
	const struct instance *instance = context;
	const struct root_sources *sources = &instance->sources;
	CLEANUP_FD int stage = -1;
	int result;

	if (mount("hull", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0 || chmod(STAGE, 01777) < 0)
		return err_set(err, errno, "mount on '" STAGE "'");
	stage = file_open_dir(AT_FDCWD, STAGE, err);
	if (stage < 0)
		return stage;
	result = stage_one(stage, STAGE_ROOT, instance->root_fd, err);
	if (result >= 0 && sources->cover.null_fd >= 0)
		result = stage_one(stage, STAGE_NULL, sources->cover.null_fd, err);
	if (result >= 0)
		result = stage_binds(stage, instance, err);
	if (result >= 0)
		result = stage_devices(stage, sources, err);
	if (result >= 0 && instance->restoration->view_images)
		result = *images = stage_images(stage, *images, err);
	return result < 0 ? result : 0;
}

/* --- What CRIU is told ------------------------------------------------------------------------------------------------ */

static int give(struct instance *instance, const char *key, int fd, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct criu_pair *pair = LIST_ADD(instance->arena, &restoration->options.inherited);

	if (!pair)
		return arena_check(instance->arena, err);
	pair->first = key;
	pair->number = CRIU_FIRST_GIFT + (int32_t)restoration->gift_count;
	restoration->gifts[restoration->gift_count++] = fd;
	return 0;
}

static int read_keys(struct instance *instance, struct strv *ret, struct err *err)
{
	int folder = instance->restoration->folders.images;
	const char *name = file_is_there(folder, INHERITED_FILE) ? INHERITED_FILE : DESCRIPTORS_FILE;
	const struct json *document;
	int result = json_read_file(instance->arena, folder, name, &document, err);

	if (result >= 0)
		result = json_strv(instance->arena, document, ret, err);
	if (result >= 0 && ret->count > 3)
		result = err_say(err, EINVAL, "%s: more than three streams", name);
	return result;
}

/* Pipes, and files of the host, of which the restored processes get those of this process. */
static int give_streams(struct instance *instance, struct err *err)
{
	struct strv keys = {0};
	int result = read_keys(instance, &keys, err);

	for (size_t i = 0; i < keys.count && result >= 0; i++)
		if (text_starts(keys.items[i], "pipe:") || text_starts(keys.items[i], "file["))
			result = give(instance, keys.items[i], instance->stdio.fds[i], err);
	return result;
}

/* Namespaces to be joined: CRIU takes a descriptor of those that were external to the dump, and joins others by path. */
static int give_namespaces(struct instance *instance, struct err *err)
{
	for (int kind = 0; kind < NS_COUNT; kind++) {
		const char *key = checkpoint_namespace_key((enum ns_kind)kind);
		struct criu_pair *join;
		int result = 0;

		if (instance->joins[kind] < 0)
			continue;
		if (key) {
			result = give(instance, key, instance->joins[kind], err);
		} else {
			join = LIST_ADD(instance->arena, &instance->restoration->options.joins);
			if (!join)
				return arena_check(instance->arena, err);
			join->first = ns_proc_name((enum ns_kind)kind);
			join->second = instance->plan->namespaces.kind[kind].path;
		}
		if (result < 0)
			return result;
	}
	return 0;
}

static int add_cgroup_root(struct instance *instance, const char *controller, const char *path, struct err *err)
{
	struct criu_pair *root = LIST_ADD(instance->arena, &instance->restoration->options.cgroup_roots);

	if (root)
		*root = (struct criu_pair){.first = controller, .second = path};
	return arena_check(instance->arena, err);
}

/* The processes go to where criu is now, in every tree: lines "4:cpu,cpuacct:/hull/ID", and "0::/hull/ID" for v2. */
static int name_cgroups(struct instance *instance, struct err *err)
{
	const char *name = arena_printf(instance->arena, "/proc/%d/cgroup", instance->restoration->criu.pid);
	char *text;
	size_t len;
	int result = name ? file_read(instance->arena, AT_FDCWD, name, CGROUP_BYTES, &text, &len, err)
			  : arena_check(instance->arena, err);

	for (char *line; result >= 0 && (line = strsep(&text, "\n"));) {
		char *controllers, *path = line;

		(void)strsep(&path, ":");
		controllers = path ? strsep(&path, ":") : NULL;
		if (!controllers || !path)
			continue;
		if (!*controllers)
			result = add_cgroup_root(instance, NULL, path, err);
		for (char *one; *controllers && result >= 0 && (one = strsep(&controllers, ","));) {
			result = add_cgroup_root(instance, one, path, err);
			if (!controllers)
				break;
		}
	}
	return result;
}

static int complete_options(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct criu_options *options = &restoration->options;
	mounts_seen host;
	int result;

	*options = restoration->request->work.options;
	options->images_fd = CRIU_IMAGES;
	options->work_fd = CRIU_WORK;
	options->log_file = LOG_FILE;
	options->log_level = LOG_LEVEL;
	options->root = STAGE "/" STAGE_ROOT;
	options->notify = true;
	options->as_sibling = true;
	options->orphan_terminal = true;
	options->evasive_devices = true;
	options->external_masters = true;
	result = mounts_seen_of(instance->arena, 0, &host, err);
	if (result >= 0)
		result = criu_mounts_outside(instance->arena, instance->plan, STAGE, &host, &options->external_mounts,
					     &restoration->views, err);
	if (result >= 0)
		result = give_streams(instance, err);
	if (result >= 0)
		result = give_namespaces(instance, err);
	return result < 0 ? result : arena_check(instance->arena, err);
}

/* --- CRIU ------------------------------------------------------------------------------------------------------------- */

static int failed(const struct instance *instance, const struct criu_answer *answer, struct err *err)
{
	const struct checkpoint_folders *folders = &instance->restoration->folders;

	return criu_failed(answer, folders->work, folders->log_folder, LOG_FILE, err);
}

/* Goes along with CRIU up to a step (NULL: to its end). The last notification is not answered yet: what follows may still fail. */
static int accompany(struct instance *instance, const char *step, struct criu_answer *answer, struct err *err)
{
	struct criu *criu = &instance->restoration->criu;

	for (;;) {
		int fd, result = criu_listen(criu, answer, &fd, err);

		if (result >= 0 && fd >= 0 && strcmp(answer->step, "orphan-pts-master") == 0) {
			scope_fd(&instance->terminal);
			instance->terminal = fd_take(&fd);
		}
		scope_fd(&fd);
		if (result >= 0 && !answer->success)
			return failed(instance, answer, err);
		if (result >= 0 && answer->kind != CRIU_NOTIFY && step)
			return err_say(err, EPROTO, "criu is through before it has told of '%s'", step);
		if (result < 0 || answer->kind != CRIU_NOTIFY || (step && strcmp(answer->step, step) == 0))
			return result;
		result = criu_reply(criu, true, err);
		if (result < 0)
			return result;
	}
}

/* Known from here on, so that whoever finds the record of a restore that was killed knows whom to end. */
static int keep_first_process(struct instance *instance, const struct criu_answer *answer, struct err *err)
{
	if (answer->pid <= 0)
		return err_say(err, EPROTO, "criu does not tell the pid of the first process");
	instance->init = instance->record.init.pid = answer->pid;
	if (proc_start_time(answer->pid, &instance->record.init.start_ticks) < 0)
		return err_say(err, ESRCH, "the container's first process has just ended");
	instance->init_pidfd = proc_open(answer->pid, instance->record.init.start_ticks);
	if (instance->init_pidfd == -ESRCH)
		return err_say(err, ESRCH, "the container's first process has just ended");
	return lifecycle_write(&instance->record, instance->state_fd, err);
}

static int restore_criu(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct criu_start start = {
		.program = restoration->program,
		.images = restoration->request->work.images,
		.work = restoration->folders.log_folder,
		.gifts = restoration->gifts,
		.prepare = stage_mounts,
		.context = instance,
	};
	struct criu_answer answer;
	int result = complete_options(instance, err);

	start.gift_count = restoration->gift_count;
	if (result >= 0)
		result = criu_begin(&start, &restoration->criu, err);
	if (result >= 0)
		result = cg_join(instance->cgroup, restoration->criu.pid, err);
	if (result >= 0)
		result = name_cgroups(instance, err);
	if (result >= 0)
		result = criu_ask(&restoration->criu, CRIU_RESTORE, &restoration->options, err);
	if (result >= 0)
		result = accompany(instance, "setup-namespaces", &answer, err);
	if (result >= 0)
		result = keep_first_process(instance, &answer, err);
	/* It took a copy with it, which is gone with its mount namespace. */
	scope_fd(&instance->root_fd);
	instance->root_fd = -1;
	if (result < 0)
		criu_close(&restoration->criu);
	return result;
}

static int restore_criu_undo(struct instance *instance, struct err *err)
{
	(void)err;
	criu_close(&instance->restoration->criu);
	return 0;
}

/* --- Hooks, ready, go ------------------------------------------------------------------------------------------------- */

static int restore_hooks(struct instance *instance, struct err *err)
{
	int result;

	instance->hooked = true;
	result = steps_run_hooks(instance, HOOK_PRESTART, RECORD_CREATING, instance->init, err);
	if (result >= 0)
		result = steps_run_hooks(instance, HOOK_CREATE_RUNTIME, RECORD_CREATING, instance->init, err);
	return result < 0 ? result : criu_reply(&instance->restoration->criu, true, err);
}

static int restore_ready(struct instance *instance, struct err *err)
{
	struct criu_answer answer;
	int result = accompany(instance, "post-restore", &answer, err);

	return result < 0 ? result : steps_hand_out(instance, 0, err);
}

static int restore_go(struct instance *instance, struct err *err)
{
	struct criu_answer answer;
	int result = lifecycle_enter(&instance->record, instance->state_fd, RECORD_RUNNING, err);

	if (result >= 0)
		result = criu_reply(&instance->restoration->criu, true, err);
	if (result >= 0)
		result = accompany(instance, NULL, &answer, err);
	if (result < 0)
		return result;
	criu_wait(&instance->restoration->criu);
	steps_poststart(instance);
	return 0;
}

/* --- The table -------------------------------------------------------------------------------------------------------- */

/*
 * As in a creation: the record first. CRIU is put into the cgroup before it makes anything, so that all of it can be found and ended there.
 */
static const struct phase phases[] = {
	{"record", step_record, step_record_undo},
	{"sources", step_sources, NULL},
	{"streams", step_streams, NULL},
	{"ids", restore_ids, NULL},
	{"root", step_root, NULL},
	{"mount-points", restore_mount_points, NULL},
	{"cgroup", step_cgroup, step_cgroup_undo},
	{"criu", restore_criu, restore_criu_undo},
	{"hooks", restore_hooks, NULL},
	{"ready", restore_ready, step_pid_file_undo},
	{"go", restore_go, NULL},
};

int restore_instance(const struct restore_request *request, struct arena *arena, struct instance *ret, struct err *err)
{
	struct restoration restoration = {.request = request, .folders = CHECKPOINT_FOLDERS_INIT, .criu = CRIU_INIT};
	int result;

	instance_init(ret, arena, request->creation.store);
	ret->plan = request->creation.plan;
	ret->request = &request->creation;
	ret->restoration = &restoration;
	result = host_require(err);
	if (result >= 0)
		result = restore_look(ret, err);
	if (result >= 0)
		result = phases_run(phases, ARRAY_SIZE(phases), ret, err);
	ret->request = NULL;
	ret->restoration = NULL;
	criu_close(&restoration.criu);
	checkpoint_close(&restoration.folders);
	if (result < 0) {
		step_poststop(ret);
		instance_close(ret);
	}
	return result;
}
