/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hull-vmm: the first process of a micro-VM's jail. It reads what the machine is to be from descriptor 3
 * (runtime/vm/request.h), becomes its monitor or starts QEMU as that, and ends as the guest's first program did: with
 * its exit code, 128 + the signal's number, or 125 and one line on standard error when the machine failed.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/vm/monitor.h"
#include "runtime/vm/qemu.h"
#include "runtime/vm/request.h"

static int run(struct err *err)
{
	static struct arena arena;
	static struct vm_request request;
	int r = fd_secure_stdio(err);

	if (r == 0)
		r = vm_request_read(&arena, VM_REQUEST_FD, &request, err);
	if (r < 0)
		return r;
	return request.backend == VM_BACKEND_QEMU ? qemu_run(&request, err) : monitor_run(&request, err);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int code;

	(void)argv;
	log_setup("hull", -1, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
	if (argc != 1) {
		(void)fputs("hull-vmm: runs a micro-VM for hull, which starts it; its request is descriptor 3\n",
			    stderr);
		return ERR_EXIT_FAILED;
	}
	code = run(&err);
	if (code < 0) {
		/* Not log_err(): what it asks the kernel, to explain an error, may be forbidden to it by now. */
		log_line(LOG_LEVEL_ERROR, "%s", err.msg);
		code = err.exit_code ? err.exit_code : ERR_EXIT_FAILED;
	}
	monitor_leave(code);
}
