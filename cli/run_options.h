/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of `run` and `create`: Docker's names wherever Docker has the option. */
#ifndef HULL_CLI_RUN_OPTIONS_H
#define HULL_CLI_RUN_OPTIONS_H

#include "cli/options.h"

struct run_options {
	/* This command */
	bool detach, remove;
	struct strv attach; /* the streams; none is named: all */
	const char *name, *cid_file, *detach_keys, *pull, *platform;

	/* The process */
	bool interactive, tty, init;
	const char *workdir, *user, *entrypoint, *stop_signal, *stop_timeout, *oom_score_adj;
	struct strv env, env_files, groups, ulimits;

	/* The root and what is mounted there */
	bool read_only, rootfs;
	struct strv volumes, volumes_from, mounts, tmpfs, devices;
	const char *shm_size;

	/* The network */
	bool publish_all;
	const char *network, *hostname, *domainname, *ip, *mac;
	struct strv ports, exposed, dns, dns_search, dns_options, add_hosts;

	/* The strength of isolation */
	const char *isolation, *vm_backend, *vm_image, *vm_image_format, *kernel;

	/* Rights */
	bool privileged;
	struct strv cap_add, cap_drop, security, sysctls;
	const char *userns, *cgroupns, *ipc, *pid, *uts;

	/* Limits */
	const char *memory, *memory_swap, *memory_reservation, *cpus, *cpu_quota, *cpu_period, *cpu_shares,
		*cpuset_cpus, *cpuset_mems, *pids_limit;

	/* The keeper */
	const char *restart;
	struct strv labels, log_options;
};

/* For `create`: all but --detach. For `run`: all. For `update`: the limits. */
extern const struct option_row run_rows[], create_rows[], update_rows[];

#endif
