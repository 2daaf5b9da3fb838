// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "cli/verbs.h"

#define NO_REGISTRY "hull talks to no registry: take an image from a file, by 'hull image import FILE'"
#define NO_BUILDER  "build with buildah, podman or docker, and take what they save in by 'hull image import FILE'"
#define ONE_NETWORK "there is one network, and '--network' of 'hull run' says how it is used"
#define SAID_ALONE  "leave the word 'container' out: see 'hull --help'"

const struct absent_command hull_absent[] = {
	/* registries */
	{"pull", NO_REGISTRY},
	{"image pull", NO_REGISTRY},
	{"push", NO_REGISTRY},
	{"image push", NO_REGISTRY},
	{"search", NO_REGISTRY},
	{"login", NO_REGISTRY},
	{"logout", NO_REGISTRY},
	/* images */
	{"build", NO_BUILDER},
	{"image build", NO_BUILDER},
	{"buildx", NO_BUILDER},
	{"commit", NO_BUILDER},
	{"save", "images are not written out: keep the files that 'hull image import' takes in"},
	{"image save", "images are not written out: keep the files that 'hull image import' takes in"},
	{"load", "'hull image import FILE' takes in what 'save' has written"},
	{"image load", "'hull image import FILE' takes in what 'save' has written"},
	{"import", "say 'hull image import FILE'"},
	{"history", "'hull image inspect IMAGE' shows what is known of an image"},
	{"image history", "'hull image inspect IMAGE' shows what is known of an image"},
	{"image prune", "'hull rmi IMAGE' removes an image, and at once all that only it has used"},
	/* containers */
	{"container ls", "say 'hull ps'"},
	{"container list", "say 'hull ps'"},
	{"container ps", "say 'hull ps'"},
	{"container prune", "say 'hull rm $(hull ps -aq --filter status=exited)'"},
	{"container", SAID_ALONE},
	{"ls", "say 'hull ps', 'hull image ls' or 'hull volume ls'"},
	{"cp", "'hull exec -i NAME tar -x' takes an archive's files in, 'hull exec NAME tar -c PATH' gives them out; "
	       "'-v' shares a folder"},
	{"diff", "what a container has written is a folder: see 'hull inspect -f {{.Paths.Upper}} NAME'"},
	{"export", "'hull exec NAME tar -c PATH' gives files out as an archive"},
	{"checkpoint", "'hull-oci checkpoint' does that, of containers that 'hull-oci' has made"},
	{"container checkpoint", "'hull-oci checkpoint' does that, of containers that 'hull-oci' has made"},
	/* the rest */
	{"network", ONE_NETWORK},
	{"events", "there is no daemon to tell of them: 'hull wait NAME' waits for an end, 'hull ps' shows what is"},
	{"system prune", "'hull rm', 'hull rmi' and 'hull volume prune' remove what is not needed"},
	{"system", "'hull info' shows what is here"},
	{NULL, NULL},
};
