/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking this process's executable out of reach without executing it again. For sealed.c alone.
 */
#ifndef HULL_RUNTIME_CORE_SEALED_PLACE_H
#define HULL_RUNTIME_CORE_SEALED_PLACE_H

/*
 * Makes `view`, a readable descriptor of the very file that this process runs from, through another mount, what
 * /proc/self/exe and all mappings of the program lead to. The process must have one thread, and CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE in its user namespace. 0 or -errno; after an error the process goes on as before, from the
 * file that it was started from.
 */
int sealed_move_to(int view);

#endif
