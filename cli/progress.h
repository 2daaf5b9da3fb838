/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person sees who waits for images to come in. */
#ifndef HULL_CLI_PROGRESS_H
#define HULL_CLI_PROGRESS_H

#include "images/helper.h"

/* Shows layers as they are unpacked and made into disks, on a terminal; warnings always. */
struct image_watch progress_watch(void);

#endif
