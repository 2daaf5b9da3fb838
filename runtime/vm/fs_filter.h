/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls that the server of shared directories makes, and no others: what it is asked ends it there. */
#ifndef HULL_RUNTIME_VM_FS_FILTER_H
#define HULL_RUNTIME_VM_FS_FILTER_H

#include "runtime/base/err.h"

/* Loads the filter for the calling process (it has one thread). Any other call ends the process with SIGSYS. Wants no_new_privs. */
int fs_filter_load(struct err *err);

#endif
