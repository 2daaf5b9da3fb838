// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/defaults.h"

#include "namespaces/caps.h"

static const struct {
	const char *destination, *type, *source, *options;
} mounts[] = {
	{"/proc", "proc", "proc", "nosuid,noexec,nodev"},
	{"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
	{"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
	{"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"},
	{"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
	{"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
	{"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"},
};

/* What they show of the host's memory, firmware, keys or hardware is nobody's business inside. */
static const char *const masked[] = {
	"/proc/acpi",	    "/proc/asound",	   "/proc/interrupts", "/proc/kcore",
	"/proc/keys",	    "/proc/latency_stats", "/proc/scsi",       "/proc/sched_debug",
	"/proc/timer_list", "/proc/timer_stats",   "/sys/firmware",    "/sys/devices/virtual/powercap",
};

/* Writing there would change the host. */
static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* Memory devices, the terminal, pseudo-terminals: what programs expect, and nothing that is hardware. */
static const struct config_device_rule device_rules[] = {
	{.allow = false, .access = "rwm"},
	{.allow = true,
	 .type = "c",
	 .access = "m"}, /* making a node is harmless, opening it is what the other rules decide */
	{.allow = true, .type = "b", .access = "m"},
	{.allow = true, .type = "c", .major = {true, 1}, .minor = {true, 3}, .access = "rwm"}, /* null */
	{.allow = true, .type = "c", .major = {true, 1}, .minor = {true, 5}, .access = "rwm"}, /* zero */
	{.allow = true, .type = "c", .major = {true, 1}, .minor = {true, 7}, .access = "rwm"}, /* full */
	{.allow = true, .type = "c", .major = {true, 1}, .minor = {true, 8}, .access = "rwm"}, /* random */
	{.allow = true, .type = "c", .major = {true, 1}, .minor = {true, 9}, .access = "rwm"}, /* urandom */
	{.allow = true, .type = "c", .major = {true, 5}, .minor = {true, 0}, .access = "rwm"}, /* tty */
	{.allow = true, .type = "c", .major = {true, 5}, .minor = {true, 2}, .access = "rwm"}, /* ptmx */
	{.allow = true, .type = "c", .major = {true, 136}, .access = "rwm"},		       /* pts */
};

int defaults_add_mount(struct arena *arena, struct config *config, const char *destination, const char *type,
		       const char *source, const char *options, struct err *err)
{
	struct config_mount *mount = LIST_ADD(arena, &config->mounts);

	if (mount) {
		mount->destination = destination;
		mount->type = type;
		mount->source = source;
		(void)strv_split(arena, &mount->options, options, ",", false);
	}
	return arena_check(arena, err);
}

int defaults_add_mounts(struct arena *arena, struct config *config, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		(void)defaults_add_mount(arena, config, mounts[i].destination, mounts[i].type, mounts[i].source,
					 mounts[i].options, err);
	return arena_check(arena, err);
}

int defaults_add_masks(struct arena *arena, struct config_linux *to, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		(void)strv_add(arena, &to->masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_SIZE(readonly); i++)
		(void)strv_add(arena, &to->readonly_paths, readonly[i]);
	return arena_check(arena, err);
}

int defaults_add_namespace(struct arena *arena, struct config_linux *to, const char *type, const char *path,
			   struct err *err)
{
	struct config_namespace *ns = LIST_ADD(arena, &to->namespaces);

	if (ns)
		*ns = (struct config_namespace){.type = type, .path = path};
	return arena_check(arena, err);
}

int defaults_set_caps(struct arena *arena, uint64_t mask, struct config_process *process, struct err *err)
{
	struct config_capabilities *caps = ARENA_NEW(arena, struct config_capabilities);

	process->capabilities = caps;
	for (int number = 0; caps && number < 64; number++) {
		if (!(mask & CAPS_BIT(number)) || !caps_name(number))
			continue;
		(void)strv_add(arena, &caps->bounding, caps_name(number));
		(void)strv_add(arena, &caps->effective, caps_name(number));
		(void)strv_add(arena, &caps->permitted, caps_name(number));
	}
	return arena_check(arena, err);
}

int defaults_add_device_rules(struct arena *arena, struct config_resources *resources, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(device_rules); i++) {
		struct config_device_rule *rule = LIST_ADD(arena, &resources->devices);

		if (rule)
			*rule = device_rules[i];
	}
	return arena_check(arena, err);
}
