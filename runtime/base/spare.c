/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/spare.h"

#include <stddef.h>
#include <stdlib.h>

#include "runtime/base/sanitized.h"

#define KEPT_MAX 8

static _Thread_local struct {
	void *blocks[KEPT_MAX];
	unsigned count, max;
} kept;

void spare_keep(void)
{
	/* A sanitizer only sees what is used after it was freed where it was. */
	kept.max = IS_SANITIZED ? 0 : KEPT_MAX;
}

void *spare_take(void)
{
	return kept.count > 0 ? kept.blocks[--kept.count] : malloc(SPARE_BYTES);
}

void spare_give(void *block)
{
	if (kept.count < kept.max)
		kept.blocks[kept.count++] = block;
	else
		free(block);
}
