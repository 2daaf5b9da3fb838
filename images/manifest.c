// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/manifest.h"

#include <errno.h>
#include <string.h>

#include "images/reference.h"
#include "runtime/base/scope.h"

#define INDEX_MAX_MANIFESTS 1024

static const char *const INDEX_TYPES[] = {
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
};

/* Absent members leave *ret as it was. */
static int optional_string(const struct json *object, const char *key, const char **ret, struct err *err)
{
	const struct json *value = json_get(object, key);

	if (!value || value->type == JSON_NULL)
		return 0;
	return json_string(value, ret, err);
}

static int read_platform(const struct json *descriptor, struct image_blob *blob, struct err *err)
{
	const struct json *platform = json_get(descriptor, "platform");
	int r;

	if (!platform)
		return 0;
	r = json_want(platform, JSON_OBJECT, err);
	if (r >= 0)
		r = optional_string(platform, "architecture", &blob->architecture, err);
	if (r >= 0)
		r = optional_string(platform, "variant", &blob->variant, err);
	if (r >= 0)
		r = optional_string(platform, "os", &blob->os, err);
	return r;
}

static int read_descriptor(const struct json *value, const char *what, const struct json *container,
			   struct image_blob *ret, struct err *err)
{
	struct image_blob blob = {0};
	const struct json *digest, *size;
	const struct json *notes;
	int r;

	if (!value)
		return json_complain(container, err, "'%s' is missing", what);
	r = json_want(value, JSON_OBJECT, err);
	if (r < 0)
		return r;
	digest = json_get(value, "digest");
	size = json_get(value, "size");
	if (!digest || !size)
		return json_complain(value, err, "a descriptor needs a digest and a size");
	r = json_string(digest, &blob.digest, err);
	if (r >= 0 && !reference_is_digest(blob.digest))
		r = json_complain(digest, err, "not a sha256 or sha512 digest");
	if (r >= 0)
		r = json_u64(size, &blob.size, err);
	if (r >= 0)
		r = optional_string(value, "mediaType", &blob.media_type, err);
	if (r >= 0)
		r = read_platform(value, &blob, err);
	notes = json_get(value, "annotations");
	if (r >= 0 && notes && notes->type == JSON_OBJECT) {
		r = optional_string(notes, "org.opencontainers.image.ref.name", &blob.name, err);
		/* The name in full, where its writer knew it: the other may be only a tag. */
		if (r >= 0)
			r = optional_string(notes, "io.containerd.image.name", &blob.name, err);
	}
	if (r >= 0)
		*ret = blob;
	return r < 0 ? r : 0;
}

static int read_descriptors(struct arena *arena, const struct json *document, const char *key, size_t max,
			    struct image_blob **ret, size_t *ret_count, struct err *err)
{
	const struct json *list = json_get(document, key);
	struct image_blob *blobs;
	size_t count = 0;
	int r;

	if (!list)
		return json_complain(document, err, "'%s' is missing", key);
	r = json_want(list, JSON_ARRAY, err);
	if (r < 0)
		return r;
	if (list->children.count > max)
		return json_complain(list, err, "has %zu members, more than %zu", list->children.count, max);
	blobs = arena_array(arena, list->children.count, sizeof(*blobs));
	if (!blobs && list->children.count > 0)
		return arena_check(arena, err);
	json_each (item, list) {
		r = read_descriptor(item, key, list, &blobs[count++], err);
		if (r < 0)
			return r;
	}
	*ret = blobs;
	*ret_count = count;
	return 0;
}

static int check_schema(const struct json *document, struct err *err)
{
	const struct json *version;
	uint32_t number;
	int r = json_want(document, JSON_OBJECT, err);

	if (r < 0)
		return r;
	version = json_get(document, "schemaVersion");
	if (!version)
		return json_complain(document, err, "'schemaVersion' is missing");
	r = json_u32(version, &number, err);
	if (r >= 0 && number != 2)
		r = json_complain(version, err, "want 2, found %u", number);
	return r < 0 ? r : 0;
}

bool manifest_is_index(const struct json *document)
{
	const struct json *type = json_get(document, "mediaType");

	for (size_t i = 0; type && type->type == JSON_STRING && i < ARRAY_SIZE(INDEX_TYPES); i++)
		if (strcmp(type->string, INDEX_TYPES[i]) == 0)
			return true;
	return !type && json_get(document, "manifests") && !json_get(document, "layers");
}

int manifest_read_index(struct arena *arena, const struct json *document, struct image_index *ret, struct err *err)
{
	int r = check_schema(document, err);

	if (r < 0)
		return r;
	return read_descriptors(arena, document, "manifests", INDEX_MAX_MANIFESTS, &ret->manifests, &ret->count, err);
}

int manifest_read(struct arena *arena, const struct json *document, struct image_manifest *ret, struct err *err)
{
	struct image_manifest manifest = {0};
	int r = check_schema(document, err);

	if (r >= 0)
		r = read_descriptor(json_get(document, "config"), "config", document, &manifest.config, err);
	if (r >= 0)
		r = read_descriptors(arena, document, "layers", MANIFEST_MAX_LAYERS, &manifest.layers,
				     &manifest.layer_count, err);
	if (r >= 0)
		*ret = manifest;
	return r < 0 ? r : 0;
}
