/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds which range of host ids: 65536 ids for each container, from a file that survives crashes and power loss.
 *
 * Ranges start at 0x70000000 and end below 0x7fff0000 (4095 of them): above what useradd gives out as subordinate ids
 * and what systemd takes for its own containers (524288 to 1879048191), and below 2^31, which some programs take for a
 * sign.
 *
 * The file is a table of fixed lines, one for each range, that say who holds it; a line is changed in place, within one
 * disk sector, under a lock on the file itself, so neither a crash nor two starts at once can tear it.
 */
#ifndef HULL_NAMESPACES_IDRANGE_H
#define HULL_NAMESPACES_IDRANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/file.h"

#define IDRANGE_FIRST	     UINT32_C(0x70000000)
#define IDRANGE_END	     UINT32_C(0x7fff0000) /* the first id that is no longer given out */
#define IDRANGE_SIZE	     UINT32_C(0x10000)
#define IDRANGE_HOLDER_BYTES 127 /* longest name of a holder */

/*
 * Who has a range for certain, told without the file: NULL when nobody is known to. Asked for each range that is added
 * to the file, which is seldom. So a file that was lost or cut short, on a disk that failed or by hand, does not let
 * two containers have one range.
 */
struct idrange_witness {
	const char *(*holder_of)(uint32_t base, void *context);
	void *context;
};

/*
 * Gives the lowest free range to `holder` (an instance's id: printable, no space), and writes that down: FILE_DURABLE
 * so that it survives power loss, FILE_VOLATILE for a holder that does not survive it either. A holder that has one
 * keeps it. `file` is made, mode 0600, where missing; its folder must exist. `witness` may be NULL. -ENOSPC with words
 * when all are held. Any process.
 */
int idrange_take(const char *file, const char *holder, enum file_durability durability,
		 const struct idrange_witness *witness, uint32_t *ret_base, struct err *err);

/* The range of a holder. -ENOENT without words when it has none. */
int idrange_find(const char *file, const char *holder, uint32_t *ret_base, struct err *err);

/* Gives it back. Not having one is success. Only after everything that is owned by the range has been removed. */
int idrange_release(const char *file, const char *holder, struct err *err);

/* Gives back every range whose holder `is_held` denies (asked under the lock). The number that was freed, or -errno. */
int idrange_collect(const char *file, bool (*is_held)(const char *holder, void *context), void *context,
		    struct err *err);

#endif
