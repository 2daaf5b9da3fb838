// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/catalog.h"

#include <errno.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "images/gc.h"
#include "tests/unit/images/scratch.h"

#define SAME63 "23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"
#define ID_A   "sha256:a" SAME63
#define ID_B   "sha256:b" SAME63
#define ID_AB  "sha256:ab3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"
#define HEX(c) c SAME63

struct store {
	struct scratch scratch;
	char path[512];
	struct arena arena;
	struct err err;
};

static struct store open_store(void)
{
	struct store store = {.scratch = scratch_open()};

	(void)scratch_path(&store.scratch, "images", store.path);
	CHECK_INT(catalog_prepare(store.path, &store.err), 0);
	return store;
}

static void close_store(struct store *store)
{
	arena_free(&store->arena);
	scratch_close(&store->scratch);
}
#define CLEANUP_STORE CLEANUP(close_store)

static void add_layer(struct store *store, const char *hex)
{
	char path[700];

	(void)snprintf(path, sizeof(path), "%s/layers/%s", store->path, hex);
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
	CHECK(setxattr(path, "trusted.hull.bytes", "10", 2, 0) == 0);
}

static bool has(const struct store *store, const char *folder, const char *name)
{
	char path[700];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", store->path, folder, name);
	return access(path, F_OK) == 0;
}

/* An image of these layers, bottom first, given by the first digit of their diff IDs. */
static void put(struct store *store, const char *id, const char *layers, const char *name)
{
	struct image_config config = {.user = "app"};
	struct strv diff_ids = {0};
	struct catalog_entry entry =
		{.id = id, .manifest = ID_B, .config = &config, .diff_ids = &diff_ids, .size_bytes = 42, .name = name};

	for (; *layers; layers++) {
		const char *diff_id = arena_printf(&store->arena, "sha256:%c%s", *layers, SAME63);

		add_layer(store, diff_id + strlen("sha256:"));
		CHECK_INT(strv_add(&store->arena, &diff_ids, diff_id), 0);
	}
	CHECK_INT(catalog_put(store->path, &entry, &store->err), 0);
}

static int find(struct store *store, const char *words, struct image *image)
{
	store->err = ERR_INIT;
	return catalog_find(&store->arena, store->path, words, image, &store->err);
}

static void test_finding(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct image image;
	char wanted[700];

	put(&store, ID_A, "123", "localhost/app:1");
	CHECK_INT(find(&store, "app:1", &image), 0);
	CHECK_STR(image.id, ID_A);
	CHECK_STR(image.manifest, ID_B);
	CHECK_INT(image.size_bytes, 42);
	CHECK_STR(image.config.user, "app");
	CHECK_INT(image.layer_count, 3);
	(void)snprintf(wanted, sizeof(wanted), "%s/layers/%s", store.path, HEX("3")); /* the top */
	CHECK_STR(image.layers[0], wanted);
	CHECK(image.layers[3] == NULL);
	CHECK_STR(image.names.items[0], "localhost/app:1");
	CHECK_INT(find(&store, "localhost/app:1", &image), 0);
	CHECK_INT(find(&store, ID_A, &image), 0);
	CHECK_INT(image.names.count, 0);
	CHECK_INT(find(&store, "a23", &image), 0);
	CHECK_INT(find(&store, "sha256:a2", &image), -ENOENT); /* too short for an id */
	CHECK_INT(find(&store, "app@" ID_B, &image), 0);
	CHECK_INT(find(&store, "app:other@" ID_B, &image), 0);
	CHECK_INT(find(&store, "app@" ID_A, &image), -ENOENT);
	CHECK_INT(find(&store, "other@" ID_B, &image), -ENOENT);
	CHECK_INT(find(&store, "app", &image), -ENOENT);
	CHECK_HAS(store.err.msg, "image 'app' not found in the store: see 'hull images'");
	CHECK_INT(find(&store, "docker.io/library/app:1", &image), -ENOENT);
	CHECK_INT(find(&store, "No Name", &image), -EINVAL);
	CHECK_INT(find(&store, "../../ids/x", &image), -EINVAL);
}

static void test_the_manifest_is_kept(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct image_config config = {0};
	struct strv diff_ids = {0};
	struct catalog_entry again = {.id = ID_A, .config = &config, .diff_ids = &diff_ids, .name = "localhost/app:2"};
	struct image image;

	put(&store, ID_A, "1", "localhost/app:1");
	CHECK_INT(catalog_put(store.path, &again, &store.err), 0);
	CHECK_INT(find(&store, "app:2", &image), 0);
	CHECK_STR(image.manifest, ID_B);
}

static void test_which_name_goes_first(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct image image;

	put(&store, ID_B, "1", "docker.io/library/abc:latest");
	CHECK_INT(find(&store, "abc", &image), 0);
	CHECK_STR(image.id, ID_B);
	put(&store, ID_A, "1", "localhost/abc:latest");
	CHECK_INT(find(&store, "abc", &image), 0);
	CHECK_STR(image.id, ID_A);
	put(&store, "sha256:abc456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", "1", NULL);
	CHECK_INT(find(&store, "abc", &image), 0);
	CHECK_STR(image.id, ID_A); /* a name goes before an id */
	CHECK_INT(find(&store, "abc4", &image), 0);
	CHECK_STR(image.id, "sha256:abc456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0");
}

static void test_ambiguous_ids(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct image image;

	put(&store, ID_AB, "1", NULL);
	put(&store, "sha256:ab3f56789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", "1", NULL);
	CHECK_INT(find(&store, "ab3", &image), -EEXIST);
	CHECK_HAS(store.err.msg, "several images");
	CHECK_INT(find(&store, "ab34", &image), 0);
}

static void test_repeated_and_hidden_layers(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct image image;
	char path[700];

	/* Overlay refuses a folder twice: the upper occurrence stays. */
	put(&store, ID_A, "12131", "localhost/twice:latest");
	CHECK_INT(find(&store, "twice", &image), 0);
	CHECK_INT(image.layer_count, 3);
	CHECK_HAS(image.layers[0], "/layers/" HEX("1"));
	CHECK_HAS(image.layers[1], "/layers/" HEX("3"));
	CHECK_HAS(image.layers[2], "/layers/" HEX("2"));
	/* Overlay does not ask whether a layer's root is opaque. */
	add_layer(&store, HEX("5"));
	(void)snprintf(path, sizeof(path), "%s/layers/%s", store.path, HEX("5"));
	CHECK(setxattr(path, IMAGE_OPAQUE_XATTR, "y", 1, 0) == 0);
	put(&store, ID_B, "456", "localhost/opaque:latest");
	CHECK_INT(find(&store, "opaque", &image), 0);
	CHECK_INT(image.layer_count, 2);
	CHECK_HAS(image.layers[1], "/layers/" HEX("5"));
}

static void test_listing_and_tagging(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct image *images, image;
	size_t count;

	CHECK_INT(catalog_list(&store.arena, "/nonexistent", &images, &count, &store.err), 0);
	CHECK_INT(count, 0);
	put(&store, ID_A, "1", "localhost/one:latest");
	put(&store, ID_B, "2", NULL);
	CHECK_INT(catalog_tag(store.path, "one", "q.io/one:2", &store.err), 0);
	CHECK_INT(catalog_list(&store.arena, store.path, &images, &count, &store.err), 0);
	CHECK_INT(count, 2);
	CHECK_STR(images[0].id, ID_B); /* the newest */
	CHECK_INT(images[0].names.count, 0);
	CHECK_INT(images[1].names.count, 2);
	CHECK(strv_has(&images[1].names, "q.io/one:2"));
	/* A name moves. */
	CHECK_INT(catalog_tag(store.path, "b23", "q.io/one:2", &store.err), 0);
	CHECK_INT(find(&store, "q.io/one:2", &image), 0);
	CHECK_STR(image.id, ID_B);
	CHECK_INT(catalog_tag(store.path, "missing", "x", &store.err), -ENOENT);
	CHECK_INT(catalog_tag(store.path, "one", "X", &store.err), -EINVAL);
}

static int remove_image(struct store *store, const char *words, bool force, struct catalog_removal *removal)
{
	store->err = ERR_INIT;
	return catalog_remove(&store->arena, store->path, words, force, removal, &store->err);
}

static void test_removing(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct catalog_removal removal;
	struct image image;

	put(&store, ID_A, "1", "localhost/one:latest");
	CHECK_INT(catalog_tag(store.path, "one", "two", &store.err), 0);
	CHECK_INT(remove_image(&store, "a23", false, &removal), -EBUSY);
	CHECK_HAS(store.err.msg, "has 2 names");
	CHECK_INT(remove_image(&store, "one", false, &removal), 0);
	CHECK_STR(removal.untagged.items[0], "localhost/one:latest");
	CHECK_STR(removal.id, "");
	CHECK_INT(find(&store, "one", &image), -ENOENT);
	CHECK_INT(remove_image(&store, "two", false, &removal), 0);
	CHECK_STR(removal.id, ID_A);
	CHECK_INT(find(&store, ID_A, &image), -ENOENT);
	CHECK_INT(remove_image(&store, "two", false, &removal), -ENOENT);
	put(&store, ID_A, "1", "localhost/one:latest");
	CHECK_INT(catalog_tag(store.path, "one", "two", &store.err), 0);
	CHECK_INT(remove_image(&store, "a23", true, &removal), 0);
	CHECK_INT(removal.untagged.count, 2);
	CHECK_INT(find(&store, "two", &image), -ENOENT);
}

static void test_holding(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct catalog_removal removal;
	struct strv holds = {0};

	put(&store, ID_A, "1", "localhost/one:latest");
	CHECK_INT(catalog_hold(store.path, ID_A, "web", &store.err), 0);
	CHECK_INT(catalog_hold(store.path, ID_A, "web", &store.err), 0);
	CHECK_INT(catalog_hold(store.path, ID_B, "other", &store.err), -ENOENT);
	CHECK_INT(catalog_hold(store.path, ID_A, "../web", &store.err), -EINVAL);
	CHECK_INT(catalog_holds(&store.arena, store.path, &holds, &store.err), 0);
	CHECK_INT(holds.count, 1);
	CHECK_STR(holds.items[0], "web=" ID_A);
	CHECK_INT(remove_image(&store, "one", false, &removal), -EBUSY);
	CHECK_HAS(store.err.msg, "used by container 'web'");
	CHECK_INT(remove_image(&store, ID_A, false, &removal), -EBUSY);
	CHECK_INT(catalog_release(store.path, "web", &store.err), 0);
	CHECK_INT(catalog_release(store.path, "web", &store.err), 0);
	CHECK_INT(remove_image(&store, "one", false, &removal), 0);
}

static bool is_kept(const char *instance, void *context)
{
	return strcmp(instance, context) == 0;
}

static void test_sweeping_holds(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct strv holds = {0};
	char kept[] = "kept";

	put(&store, ID_A, "1", NULL);
	CHECK_INT(catalog_hold(store.path, ID_A, "kept", &store.err), 0);
	CHECK_INT(catalog_hold(store.path, ID_A, "dead", &store.err), 0);
	CHECK_INT(catalog_sweep_holds(store.path, is_kept, kept, &store.err), 1);
	CHECK_INT(catalog_holds(&store.arena, store.path, &holds, &store.err), 0);
	CHECK_INT(holds.count, 1);
}

static void test_collecting(void)
{
	CLEANUP_STORE struct store store = open_store();
	struct catalog_removal removal;
	char path[700];

	put(&store, ID_A, "12", "localhost/one:latest");
	put(&store, ID_B, "13", "localhost/two:latest");
	add_layer(&store, HEX("9"));
	(void)snprintf(path, sizeof(path), "%s/tmp/import.1", store.path);
	CHECK(mkdir(path, 0700) == 0);
	CHECK_INT(catalog_hold(store.path, ID_A, "web", &store.err), 0);
	CHECK_INT(gc_run(store.path, NULL, &store.err), 0);
	CHECK(has(&store, "layers", HEX("1")) && has(&store, "layers", HEX("2")) && has(&store, "layers", HEX("3")));
	CHECK(!has(&store, "layers", HEX("9")));
	CHECK(!has(&store, "tmp", "import.1"));
	/* By force an image goes out of sight, but its layers stay as long as they are used. */
	CHECK_INT(remove_image(&store, "one", true, &removal), 0);
	CHECK_INT(remove_image(&store, "two", true, &removal), 0);
	CHECK_INT(gc_run(store.path, NULL, &store.err), 0);
	CHECK(has(&store, "layers", HEX("1")) && has(&store, "layers", HEX("2")));
	CHECK(!has(&store, "layers", HEX("3")));
	/* Another start of the instance goes on holding it; nobody else gets it. */
	CHECK_INT(catalog_hold(store.path, ID_A, "web", &store.err), 0);
	CHECK_INT(catalog_hold(store.path, ID_A, "other", &store.err), -ENOENT);
	CHECK_INT(catalog_release(store.path, "web", &store.err), 0);
	CHECK_INT(gc_run(store.path, NULL, &store.err), 0);
	CHECK(!has(&store, "layers", HEX("1")) && !has(&store, "layers", HEX("2")));
	CHECK(!has(&store, "removed", HEX("a") ".json"));
	CHECK_INT(gc_run("/nonexistent", NULL, &store.err), 0);
}

/* Who makes something is not disturbed: gc waits for the lock. */
static void test_gc_waits_for_imports(void)
{
	CLEANUP_STORE struct store store = open_store();
	int lock = catalog_lock_shared(store.path, &store.err), status = 0;
	pid_t pid;

	add_layer(&store, HEX("9"));
	pid = fork();
	if (pid == 0) {
		(void)alarm(60);
		(void)close(lock); /* inherited, it would be held by whoever waits for it */
		_exit(gc_run(store.path, NULL, &store.err) < 0);
	}
	(void)usleep(50000);
	CHECK(has(&store, "layers", HEX("9")));
	CHECK_INT(waitpid(pid, &status, WNOHANG), 0);
	(void)close(lock);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	CHECK(!has(&store, "layers", HEX("9")));
}

static void test_folders_are_private(void)
{
	CLEANUP_STORE struct store store = open_store();
	static const char *const FOLDERS[] = {"", "layers", "blobs", "blobs/sha256", "names", "ids", "tmp", "trash"};
	struct stat st;
	char path[700];

	for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", store.path, FOLDERS[i]);
		CHECK_INT(stat(path, &st), 0);
		CHECK_INT(st.st_mode & 07777, 0700);
	}
}

static void test_damaged_records(void)
{
	static const char *const RECORDS[] = {
		"",
		"{",
		"{}",
		"[]",
		"{\"id\":\"x\"}",
		"{\"id\":\"" ID_A "\",\"size\":1,\"imported_ns\":1,\"layers\":[\"../../etc\"],\"image\":{}}",
		"{\"id\":\"" ID_A "\",\"size\":1,\"imported_ns\":1,\"layers\":[]}",
	};
	CLEANUP_STORE struct store store = open_store();
	struct image image;
	char path[700];

	for (size_t i = 0; i < ARRAY_SIZE(RECORDS); i++) {
		(void)snprintf(path, sizeof(path), "images/ids/%s.json", HEX("a"));
		scratch_write(&store.scratch, path, RECORDS[i], strlen(RECORDS[i]));
		CHECK(find(&store, ID_A, &image) < 0);
		CHECK(store.err.code != ENOENT);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_finding), TAP_CASE(test_the_manifest_is_kept),
		       TAP_CASE(test_which_name_goes_first), TAP_CASE(test_ambiguous_ids),
		       TAP_CASE(test_repeated_and_hidden_layers), TAP_CASE(test_listing_and_tagging),
		       TAP_CASE(test_removing), TAP_CASE(test_holding), TAP_CASE(test_sweeping_holds),
		       TAP_CASE(test_collecting), TAP_CASE(test_gc_waits_for_imports),
		       TAP_CASE(test_folders_are_private), TAP_CASE(test_damaged_records));
}
