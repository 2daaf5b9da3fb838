/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan of whatever could be read: no crash, no half-made one, and a printed one that is JSON. */
#ifndef HULL_TESTS_FUZZ_FUZZ_PLAN_H
#define HULL_TESTS_FUZZ_FUZZ_PLAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/spec/plan.h"
#include "tests/fuzz/fuzz.h"

static inline void fuzz_plan(struct arena *arena, const struct config *config, const struct extension *extension,
			     bool rootless)
{
	struct plan_host host = {
		.id = "abc",
		.bundle = "/bundle",
		.net_state_dir = "/run/hull/net",
		.rootless = rootless,
		.uid = rootless ? 1000 : 0,
		.gid = rootless ? 1000 : 0,
		.caps = rootless ? 0 : UINT64_MAX,
		.cap_last = 40,
		.seccomp = true,
		.idmapped_mounts = !rootless,
	};
	CLEANUP_TEXT struct text out = TEXT_INIT;
	const struct json *printed;
	struct plan plan;
	struct err err = ERR_INIT;

	for (int kind = 0; kind < NS_COUNT; kind++)
		host.joined[kind] = kind % 2 ? "/proc/42/ns/x" : NULL;
	if (plan_make(arena, config, extension, &host, &plan, &err) < 0) {
		fuzz_want(err.code > 0 && err.msg[0] && !strchr(err.msg, '\n'), "an error without words");
		return;
	}
	fuzz_want(plan.cgroup.limits == &plan.limits && plan.cgroup.path, "a plan without a cgroup");
	fuzz_want(plan.root.path || plan.root.lower_count, "a plan without a root");
	fuzz_want(!plan.has_process || plan.process.args.count, "a process without a program");
	err_clear(&err);
	/* An arena that is full is no fault of what was printed. */
	if (plan_print(&plan, &out, &err) == 0)
		fuzz_want(json_parse(arena, out.data, out.len, "plan", &printed, &err) == 0 || err.code == ENOMEM ||
				  err.code == EFBIG,
			  err.msg);
}

#endif
