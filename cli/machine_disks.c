// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/machine.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "images/disk.h"

int machine_disks(struct arena *arena, const char *images, const struct strv *lowers, const char *data_dir,
		  struct plan_vm_host *ret, struct err *err)
{
	const char *const *layers = (const char *const *)lowers->items;
	const struct image_watch watch = progress_watch();
	struct disk_writable writable;
	struct disks disks;
	int result = disk_layers(arena, images, layers, lowers->count, &watch, &disks, err);

	output_progress("%s", "");
	for (size_t i = 0; result >= 0 && i < disks.count; i++)
		if (strv_add(arena, &ret->layers, disks.paths[i]) < 0)
			result = arena_check(arena, err);
	if (result < 0 || !data_dir)
		return result;
	ret->upper = arena_printf(arena, "%s/" MACHINE_UPPER, data_dir);
	result = arena_check(arena, err);
	if (result >= 0)
		result = disk_writable_like(layers[0], DISK_DEFAULT_BYTES, &writable, err);
	return result < 0 ? result : disk_writable(ret->upper, &writable, err);
}
