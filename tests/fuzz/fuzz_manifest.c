// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Indexes, manifests and image configs: no document does harm, and a config that is accepted is accepted again as it is
 * written.
 */
#include <stdlib.h>

#include "images/changes.h"
#include "images/manifest.h"
#include "tests/fuzz/fuzz.h"

static void write_and_read(struct arena *arena, const struct image_config *config, const struct strv *diff_ids)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out};
	struct image_config again;
	struct strv ids_again;
	const struct json *document;

	manifest_write_config(&w, NULL, config, diff_ids);
	if (out.failed)
		return;
	if (json_parse(arena, out.data, out.len, "config", &document, NULL) < 0 ||
	    manifest_read_config(arena, document, &again, &ids_again, NULL) < 0 ||
	    again.env.count != config->env.count || ids_again.count != diff_ids->count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *document;
	struct image_manifest manifest;
	struct image_index index;
	struct image_config config = {0};
	struct strv diff_ids = {0};
	struct err err = ERR_INIT;
	char *words;

	if (json_parse(&arena, (const char *)data, size, "input", &document, &err) >= 0) {
		(void)manifest_is_index(document);
		(void)manifest_read_index(&arena, document, &index, &err);
		(void)manifest_read(&arena, document, &manifest, &err);
		if (manifest_read_config(&arena, document, &config, &diff_ids, &err) >= 0)
			write_and_read(&arena, &config, &diff_ids);
		return 0;
	}
	words = arena_strndup(&arena, (const char *)data, size);
	if (words)
		(void)changes_apply(&arena, &config, words, &err);
	return 0;
}
