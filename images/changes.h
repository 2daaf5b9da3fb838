/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes to an image's config, in the words of a Containerfile: CMD ENTRYPOINT ENV EXPOSE LABEL STOPSIGNAL USER VOLUME
 * WORKDIR.
 */
#ifndef HULL_IMAGES_CHANGES_H
#define HULL_IMAGES_CHANGES_H

#include "images/manifest.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/*
 * Applies one instruction ("CMD [\"sh\"]"). The result is not yet checked: write it and read it back with
 * manifest_read_config(). -EINVAL with the instruction in the words.
 */
int changes_apply(struct arena *arena, struct image_config *config, const char *instruction, struct err *err);

#endif
