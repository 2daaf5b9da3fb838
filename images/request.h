/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an import is asked to do: said by the command line, done by the hull-image program.
 */
#ifndef HULL_IMAGES_REQUEST_H
#define HULL_IMAGES_REQUEST_H

#include <stdint.h>

enum image_format {
	IMAGE_FORMAT_AUTO, /* looked at: oci-layout and index.json, else manifest.json, else a root file system */
	IMAGE_FORMAT_ROOTFS,
	IMAGE_FORMAT_OCI,
	IMAGE_FORMAT_DOCKER,
	IMAGE_FORMAT_COUNT
};
/* "auto" "rootfs" "oci" "docker". -EINVAL for other words. */
int image_format_parse(const char *words);
const char *image_format_name(enum image_format format);

struct image_import {
	const char *source; /* a directory, a tar file (plain, gzip, xz, zstd, bzip2), or "-": standard input */
	const char *name;   /* what to call it, or NULL: the names that the source itself gives, else none */
	/* which image of a source that holds several, by a name or tag that the source gives; NULL: all */
	const char *reference;
	enum image_format format;
	/*
	 * Changes to the config of the image, as `docker import --change` takes them: "CMD [\"sh\"]", "ENTRYPOINT …",
	 * "ENV A=1 B=2", "EXPOSE 80/tcp", "LABEL a=b", "STOPSIGNAL TERM", "USER app", "VOLUME /data", "WORKDIR /srv".
	 * NULL-terminated, or NULL.
	 */
	const char *const *changes;
	uint64_t max_bytes;   /* bound of what one layer may unpack to; 0: the default of images/unpack.h */
	uint64_t max_entries; /* likewise, files of one layer */
};

#endif
