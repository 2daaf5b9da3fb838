/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures of a container as JSON, in the shape that engines know from runc. */
#ifndef HULL_CLI_OCI_STATS_JSON_H
#define HULL_CLI_OCI_STATS_JSON_H

#include "cgroups/cg.h"
#include "cgroups/stats_detail.h"
#include "net/counters.h"
#include "runtime/base/text.h"

struct stats_all {
	struct cg_stat stat;
	struct cg_detail detail;
	struct net_counters interfaces;
};

/* Adds {"type":"stats","id":…,"data":{…}} and a line end. What is not known is left out. */
void stats_json(const char *id, const struct stats_all *all, struct text *to);

#endif
