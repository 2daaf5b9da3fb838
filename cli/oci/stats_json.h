/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures of a container as JSON, in the shape that engines know from runc. */
#ifndef HULL_CLI_OCI_STATS_JSON_H
#define HULL_CLI_OCI_STATS_JSON_H

#include "cgroups/cg.h"
#include "cgroups/stats_detail.h"
#include "runtime/base/text.h"

struct stats_interface {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct stats_all {
	struct cg_stat stat;
	struct cg_detail detail;
	const struct stats_interface *interfaces;
	size_t interface_count;
};

/* Adds {"type":"stats","id":…,"data":{…}} and a line end. What is not known is left out. */
void stats_json(const char *id, const struct stats_all *all, struct text *to);

#endif
