/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instance uses, made ready to be shown: for a table, and as a document. */
#ifndef HULL_CLI_FIGURES_H
#define HULL_CLI_FIGURES_H

#include "cli/instance_view.h"
#include "runtime/base/text.h"
#include "runtime/core/usage.h"

/* What is CG_STAT_UNKNOWN is not known. */
struct figures {
	uint64_t cpu_ns, cpu_centi; /* hundredths of a percent of one CPU */
	uint64_t memory_usage, memory_limit, memory_centi;
	uint64_t received, sent, read, written, pids, pids_limit;
	const struct usage *usage;
};
/* Nothing is known: of one that has ended. */
extern const struct figures figures_unknown;

/* All but cpu_centi, for which two looks are needed. `usage` is borrowed. */
struct figures figures_of(const struct usage *usage);

/*
 * A share in words, "12.34%"; a pair of sizes, "1 MiB / 2 MiB"; a count. What is not known is "--". In the arena; NULL:
 * no memory.
 */
const char *figures_share(struct arena *arena, uint64_t centi);
const char *figures_pair(struct arena *arena, uint64_t one, uint64_t other);
const char *figures_count(struct arena *arena, uint64_t count);
/* One object of `hull stats --format json`. What is not known is left out. */
void figures_document(const struct instance_view *view, const struct figures *figures, struct text *to);

#endif
