// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Image names: whatever is accepted, formatted and parsed again is the same name, and can be a file's name below
 * names/.
 */
#include <stdlib.h>
#include <string.h>

#include "images/reference.h"
#include "runtime/base/text.h"
#include "tests/fuzz/fuzz.h"

static void check_full_name(const struct reference *ref)
{
	char words[REFERENCE_BYTES], again[REFERENCE_BYTES];
	struct reference parsed;

	(void)reference_format(ref, words);
	if (reference_parse(words, &parsed, NULL) < 0 || strcmp(reference_format(&parsed, again), words) != 0)
		abort();
	/* With ',' for '/' it is one component, which is neither hidden nor "..". */
	if (strchr(words, ',') || words[0] == '.' || words[0] == '/')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reference ref, candidates[REFERENCE_MAX_CANDIDATES];
	struct err err = ERR_INIT;
	char words[1024];
	const char *hex;

	if (size >= sizeof(words))
		return 0;
	memcpy(words, data, size);
	words[size] = '\0';
	(void)reference_is_digest(words);
	(void)reference_is_id(words, &hex);
	if (reference_parse(words, &ref, &err) < 0) {
		if (err.code == 0 || strchr(err.msg, '\n'))
			abort();
		return 0;
	}
	for (int i = reference_candidates(&ref, candidates); i-- > 0;)
		check_full_name(&candidates[i]);
	return 0;
}
