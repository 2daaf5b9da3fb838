// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/bundle_request.h"

#include <errno.h>
#include <string.h>

const char *bundle_container_mode(const char *mode)
{
	return mode && text_starts(mode, "container:") ? mode + strlen("container:") : NULL;
}

bool bundle_is_host(const char *mode)
{
	return mode && strcmp(mode, "host") == 0;
}

bool bundle_is_machine(const struct run_options *options)
{
	return options->isolation && strcmp(options->isolation, "vm") == 0;
}

/* A machine's privileges are in its guest, whose ids are not the host's whatever the jail's are. */
bool bundle_wants_host_ids(const struct run_options *options)
{
	return (options->privileged && !bundle_is_machine(options)) || bundle_is_host(options->userns);
}

int bundle_joined(const struct run_options *options, const char **ret_container, struct err *err)
{
	const struct {
		const char *option, *mode;
	} modes[] = {{"network", options->network}, {"ipc", options->ipc}, {"pid", options->pid}};

	*ret_container = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *container = bundle_container_mode(modes[i].mode);

		if (!container)
			continue;
		if (!*container)
			return err_say(err, EINVAL, "option '--%s': '%s' does not name a container", modes[i].option,
				       modes[i].mode);
		/* Its user namespace is joined as well, and there can be only one of those. */
		if (*ret_container && strcmp(*ret_container, container) != 0)
			return err_say(err, EINVAL,
				       "the namespaces of two containers, '%s' and '%s', cannot be joined at once",
				       *ret_container, container);
		*ret_container = container;
	}
	if (*ret_container && (options->userns || options->privileged))
		return err_say(err, EINVAL,
			       "with container:%s its user namespace is joined too: '--%s' cannot be had besides",
			       *ret_container, options->userns ? "userns" : "privileged");
	return 0;
}
