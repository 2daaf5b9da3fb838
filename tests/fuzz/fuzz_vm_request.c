/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a machine's request: read or refused, the same when written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/vm/request.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text once = TEXT_INIT, twice = TEXT_INIT;
	struct vm_request request, again;
	struct err err = ERR_INIT;

	if (vm_request_parse(&arena, (const char *)data, size, &request, &err) < 0) {
		fuzz_want(err.code > 0 && !strchr(err.msg, '\n'), "an error without words");
		return 0;
	}
	fuzz_want(request.cpus >= 1 && request.cpus <= VM_MAX_CPUS && request.disk_count <= VM_MAX_DISKS &&
			  request.nic_count <= VM_MAX_NICS && request.volume_count <= VM_MAX_VOLUMES,
		  "out of bounds");
	vm_request_write(&request, &once);
	fuzz_want(vm_request_parse(&arena, text_get(&once), once.len, &again, &err) == 0, err.msg);
	vm_request_write(&again, &twice);
	fuzz_want(strcmp(text_get(&once), text_get(&twice)) == 0, "written differently");
	return 0;
}
