/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container has when nobody says otherwise: mounts, hidden paths, capabilities, as parts of a config.json.
 * `hull-oci spec` prints them, `hull run` starts from them.
 */
#ifndef HULL_CLI_DEFAULTS_H
#define HULL_CLI_DEFAULTS_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/spec/config.h"

/* Adds the basic mounts: /proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys, /sys/fs/cgroup. 0 or -ENOMEM. */
int defaults_add_mounts(struct arena *arena, struct config *config, struct err *err);
/* Adds one mount; `options` are words with commas between. 0 or -ENOMEM. */
int defaults_add_mount(struct arena *arena, struct config *config, const char *destination, const char *type,
		       const char *source, const char *options, struct err *err);
/* Adds the paths of /proc and /sys that tell of, or reach, the host. 0 or -ENOMEM. */
int defaults_add_masks(struct arena *arena, struct config_linux *to, struct err *err);
/* Adds a fresh namespace of OCI's type, or one to join when `path` is not NULL. 0 or -ENOMEM. */
int defaults_add_namespace(struct arena *arena, struct config_linux *to, const char *type, const char *path,
			   struct err *err);
/* Capability sets with these bits: bounding, effective, permitted. 0 or -ENOMEM. */
int defaults_set_caps(struct arena *arena, uint64_t mask, struct config_process *process, struct err *err);
/* No device but the usual ones: rules of an allow-list that begins with 'deny all'. 0 or -ENOMEM. */
int defaults_add_device_rules(struct arena *arena, struct config_resources *resources, struct err *err);

#define DEFAULT_PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#endif
