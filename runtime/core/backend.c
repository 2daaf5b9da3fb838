// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/backend.h"

#include <errno.h>
#include <string.h>

#include "runtime/spec/record.h"

const struct backend_ops *backend_extra;

static const struct backend_ops *const backends[] = {&backend_ns, &backend_kvm, &backend_qemu};

const struct backend_ops *backend_find(const char *name)
{
	if (!name)
		return &backend_ns;
	if (backend_extra && strcmp(backend_extra->name, name) == 0)
		return backend_extra;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

int backend_of(const struct record *record, const struct backend_ops **ret, struct err *err)
{
	*ret = backend_find(record->backend);
	return *ret ? 0
		    : err_say(err, ENOTSUP, "container '%s' is of backend '%s', which this hull does not have",
			      record->id, record->backend);
}

int backend_lacks(const struct backend_ops *backend, const char *what, struct err *err)
{
	return err_say(err, ENOTSUP, "'%s' is not supported by backend '%s'", what, backend->name);
}
