// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/modules.h"

#include <errno.h>
#include <string.h>

/* Far beyond what the table below can lead to: some thirty, and four deep. */
#define MAX_MODULES 128
#define MAX_DEPTH   16

/* What a guest is made of. Optional: a kernel that has none of it is fine, too. */
static const struct {
	const char *name;
	unsigned purposes;
	bool optional;
} WANTED[] = {
	{"virtio_mmio", MODULE_FOR_BASE, false},
	{"virtio_console", MODULE_FOR_BASE, false},
	{"virtio_blk", MODULE_FOR_DISK, false},
	/* What checks ext4's sums is asked for by name, not by dependency; newer kernels have it inside. */
	{"crc32c_generic", MODULE_FOR_DISK, true},
	{"erofs", MODULE_FOR_DISK, false},
	{"ext4", MODULE_FOR_DISK, false},
	{"overlay", MODULE_FOR_DISK, false},
	{"squashfs", MODULE_FOR_IMAGE, true},
	{"virtio_net", MODULE_FOR_NET, false},
	{"vmw_vsock_virtio_transport", MODULE_FOR_VSOCK, false},
	{"virtiofs", MODULE_FOR_VOLUME, false},
	{"virtio_rng", MODULE_FOR_BASE, true},
	{"virtio_balloon", MODULE_FOR_BALLOON, true},
	/* Tells the host that the kernel has panicked. */
	{"pvpanic_mmio", MODULE_FOR_BASE, true},
};

static const char *const PURPOSES[] = {"base", "disk", "net", "vsock", "volume", "balloon", "image"};

const char *module_purpose_words(struct arena *arena, unsigned purposes)
{
	const char *words = "";

	for (unsigned i = 0; words && i < ARRAY_SIZE(PURPOSES); i++)
		if (purposes & 1U << i)
			words = arena_printf(arena, "%s%s%s", words, *words ? "," : "", PURPOSES[i]);
	return words;
}

/* --- the order --- */

/* A module that is being looked at, and the one that asked for it. */
struct step {
	const char *name;
	const struct step *asked_by;
	unsigned depth;
};

struct ordering {
	struct arena *arena;
	const struct module_source *source;
	struct module_order *order;
	struct strv depends[MAX_MODULES]; /* of each in the order */
};

static struct module *find(const struct ordering *o, const char *name)
{
	for (size_t i = 0; i < o->order->count; i++)
		if (strcmp(o->order->items[i].name, name) == 0)
			return &o->order->items[i];
	return NULL;
}

static int append(struct ordering *o, const char *name, const struct strv *depends, unsigned purposes, struct err *err)
{
	size_t count = o->order->count;

	if (count == MAX_MODULES)
		return err_say(err, E2BIG, "a guest would need more than %d modules of this kernel", MAX_MODULES);
	o->order->items[count] = (struct module){arena_strdup(o->arena, name), purposes};
	o->depends[count] = *depends;
	o->order->count++;
	return arena_check(o->arena, err);
}

static int load_info(struct ordering *o, const char *name, struct module_info *ret, struct err *err)
{
	const void *bytes = NULL;
	size_t len = 0;
	int r = o->source->load(o->source->context, name, &bytes, &len, err);

	if (r <= 0)
		return r;
	r = module_info_read(o->arena, bytes, len, ret, err);
	return r < 0 ? err_wrap(err, "module '%s'", name) : 1;
}

static int add(struct ordering *o, const struct step *step, unsigned purposes, struct err *err);

// NOLINTNEXTLINE(misc-no-recursion): as deep as MAX_DEPTH
static int add_depends(struct ordering *o, const struct step *step, const struct strv *depends, unsigned purposes,
		       struct err *err)
{
	for (size_t i = 0; i < depends->count; i++) {
		const struct step next = {depends->items[i], step, step->depth + 1};
		int r = add(o, &next, purposes, err);

		if (r == 0)
			return err_say(err, ENOENT,
				       "the kernel has no module '%s', neither built in nor as a file, which '%s' "
				       "needs",
				       next.name, step->name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_circle(const struct step *step, struct err *err)
{
	for (const struct step *s = step->asked_by; s; s = s->asked_by)
		if (strcmp(s->name, step->name) == 0)
			return err_say(err, ELOOP, "the modules '%s' and '%s' need each other", step->name,
				       step->asked_by->name);
	return step->depth > MAX_DEPTH
		       ? err_say(err, ELOOP, "module '%s' is needed over more than %d others", step->name, MAX_DEPTH)
		       : 0;
}

/* Adds a module behind all that it needs. 1; 0 when there is none of that name. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as MAX_DEPTH
static int add(struct ordering *o, const struct step *step, unsigned purposes, struct err *err)
{
	struct module_info info;
	struct module *known;
	int r = check_circle(step, err);

	if (r < 0)
		return r;
	if (o->source->is_builtin(o->source->context, step->name))
		return 1;
	known = find(o, step->name);
	if (known) {
		/* What it needs is for this purpose, too. */
		bool is_new = (known->purposes & purposes) != purposes;

		known->purposes |= purposes;
		r = is_new ? add_depends(o, step, &o->depends[known - o->order->items], purposes, err) : 0;
		return r < 0 ? r : 1;
	}
	r = load_info(o, step->name, &info, err);
	if (r <= 0)
		return r;
	r = add_depends(o, step, &info.depends, purposes, err);
	if (r >= 0)
		r = append(o, step->name, &info.depends, purposes, err);
	return r < 0 ? r : 1;
}

int modules_order(struct arena *arena, const struct module_source *source, struct module_order *ret, struct err *err)
{
	struct ordering o = {.arena = arena, .source = source, .order = ret};

	*ret = (struct module_order){.items = arena_array(arena, MAX_MODULES, sizeof(*ret->items))};
	if (!ret->items)
		return arena_check(arena, err);
	for (size_t i = 0; i < ARRAY_SIZE(WANTED); i++) {
		const struct step step = {WANTED[i].name, NULL, 0};
		int r = add(&o, &step, WANTED[i].purposes, err);

		if (r == 0 && !WANTED[i].optional)
			return err_say(err, ENOENT,
				       "the kernel has no module '%s', neither built in nor as a file, which guests "
				       "need",
				       WANTED[i].name);
		if (r < 0)
			return r;
	}
	return 0;
}
