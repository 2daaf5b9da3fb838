/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'hull run' and 'hull create' ask of a machine: options that go with it alone, and what this host has for it. */
#ifndef HULL_CLI_RUN_MACHINE_H
#define HULL_CLI_RUN_MACHINE_H

#include "cli/bundle_request.h"

/*
 * What a start would lack is said before anything is made. Fills the request's vm_image, where one is asked for. 0, or
 * -errno with words; also where a container is to be one of these things.
 */
int run_machine_find(struct bundle_request *request, struct err *err);

#endif
