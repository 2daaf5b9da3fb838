/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One tar stream into one folder. The stream is hostile: nothing outside the folder is touched, whatever it says.
 *
 * What is kept: names, contents, holes, owners, modes with setuid and setgid bits, times, hard links, fifos,
 * and of the extended attributes security.capability and user.*.
 *
 * What is refused, with the entry named: absolute names and names with "..", hard links to what is not in this stream,
 * the root as anything but a folder, kinds that tar does not know in layers (sockets), and more than the limits. A
 * symlink among an entry's parents is followed as if the folder were "/".
 *
 * What is left out, and counted: device nodes (a container gets its devices from hull, never from an image: the store
 * holds none but whiteouts), other extended attributes (trusted.overlay.* from a stranger would redirect the overlay).
 *
 * A later entry of the same name replaces the earlier one.
 *
 * Layers also have whiteouts (OCI image specification, layer.md): ".wh.NAME" becomes overlay's whiteout, a character
 * device 0:0 called NAME, and ".wh..wh..opq" becomes the attribute trusted.overlay.opaque of its folder. They speak of
 * lower layers only: what the same stream puts beside them stays.
 */
#ifndef HULL_IMAGES_UNPACK_H
#define HULL_IMAGES_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "images/archive.h"
#include "runtime/base/err.h"

#define UNPACK_DEFAULT_MAX_BYTES   ((uint64_t)64 << 30)
#define UNPACK_DEFAULT_MAX_ENTRIES ((uint64_t)4 << 20)

struct unpack_limits {
	uint64_t max_bytes;   /* of all files together, a sparse file counted with its holes */
	uint64_t max_entries; /* of the stream */
};

enum unpack_kind {
	UNPACK_LAYER, /* with whiteouts, owners and attributes */
	UNPACK_FILES, /* an archive of archives on its way: all is root's, nothing has a meaning, fifos are refused */
};

struct unpack_counts {
	uint64_t entries, bytes;
	uint64_t devices_left_out, xattrs_left_out;
};

/*
 * Unpacks all entries below `rootfd`, an empty folder. 0, or -errno with words; then the folder holds half of it, and
 * is to be removed.
 */
int unpack(struct archive_reader *reader, int rootfd, enum unpack_kind kind, const struct unpack_limits *limits,
	   struct unpack_counts *ret, struct err *err);

#endif
