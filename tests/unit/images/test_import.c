// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/import.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "images/catalog.h"
#include "images/digest.h"
#include "images/gc.h"
#include "tests/unit/images/scratch.h"

/* A store, and what imports told. */
struct session {
	struct scratch scratch;
	char store[512];
	struct arena arena;
	struct strv ids, names, warnings;
	size_t existing;
	struct err err;
};

static struct session open_session(void)
{
	struct session s = {.scratch = scratch_open()};

	(void)scratch_path(&s.scratch, "images", s.store);
	return s;
}

static void close_session(struct session *s)
{
	arena_free(&s->arena);
	scratch_close(&s->scratch);
}
#define CLEANUP_SESSION CLEANUP(close_session)

static void take_event(const struct image_event *event, void *context)
{
	struct session *s = context;

	if (event->kind == IMAGE_EVENT_IMAGE) {
		(void)strv_add(&s->arena, &s->ids, event->what);
		(void)strv_add(&s->arena, &s->names, event->name ? event->name : "(none)");
	}
	if (event->kind == IMAGE_EVENT_WARNING)
		(void)strv_add(&s->arena, &s->warnings, event->what);
	s->existing += event->kind == IMAGE_EVENT_EXISTS;
}

static int import(struct session *s, const char *source, struct image_import request)
{
	struct image_watch watch = {take_event, s};
	char path[512];

	s->err = ERR_INIT;
	s->ids = s->names = s->warnings = (struct strv){0};
	request.source = scratch_path(&s->scratch, source, path);
	return import_run(s->store, &request, &watch, &s->err);
}
#define IMPORT(s, source, ...) import(s, source, (struct image_import){__VA_ARGS__})

static void make_rootfs(struct text *tar, const char *contents)
{
	tar_put(tar, &(struct tar_entry)ENTRY("./", '5'));
	tar_put(tar, &(struct tar_entry)ENTRY("./etc/", '5'));
	tar_put(tar, &(struct tar_entry)ENTRY("./etc/file", '0', .data = contents));
	tar_end(tar);
}

static size_t count_in(const struct session *s, const char *folder)
{
	char path[700];
	const struct dirent *entry;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", s->store, folder);
	CLEANUP_DIR DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	return count;
}

/* Nothing of a failed import is to be seen, and nothing is left. */
static void check_empty(const struct session *s)
{
	CHECK_INT(count_in(s, "ids"), 0);
	CHECK_INT(count_in(s, "names"), 0);
	CHECK_INT(count_in(s, "tmp"), 0);
	CHECK_INT(count_in(s, "layers"), 0);
}

static void test_rootfs_tar(void)
{
	CLEANUP_SESSION struct session s = open_session();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	static const char *const CHANGES[] = {"CMD [\"sh\"]", "EXPOSE 80", NULL};
	struct image image;
	char path[700];

	make_rootfs(&tar, "hello");
	scratch_write(&s.scratch, "root.tar", tar.data, tar.len);
	CHECK_INT(IMPORT(&s, "root.tar", .name = "app:1", .changes = CHANGES), 0);
	CHECK_INT(catalog_find(&s.arena, s.store, "app:1", &image, &s.err), 0);
	CHECK_STR(image.id, s.ids.items[0]);
	CHECK_INT(image.layer_count, 1);
	CHECK_INT(image.size_bytes, 5);
	CHECK_STR(image.config.cmd.items[0], "sh");
	CHECK_STR(image.config.exposed_ports.items[0], "80/tcp");
	(void)snprintf(path, sizeof(path), "%s/etc/file", image.layers[0]);
	CHECK(access(path, F_OK) == 0);
	CHECK_INT(count_in(&s, "tmp"), 0);
	/* The same once more is the same image, and takes no more room. */
	CHECK_INT(IMPORT(&s, "root.tar", .name = "app:1", .changes = CHANGES), 0);
	CHECK_STR(s.ids.items[0], image.id);
	CHECK_INT(count_in(&s, "layers"), 1);
	/* Bad changes and names are refused before anything is there. */
	CHECK_INT(IMPORT(&s, "root.tar", .name = "UPPER"), -EINVAL);
	CHECK_INT(IMPORT(&s, "root.tar", .changes = (const char *const[]){"EXPOSE 0", NULL}), -EINVAL);
	CHECK_INT(IMPORT(&s, "root.tar", .changes = (const char *const[]){"WORKDIR srv", NULL}), -EINVAL);
	CHECK_INT(count_in(&s, "ids"), 1);
}

static void test_folder(void)
{
	CLEANUP_SESSION struct session s = open_session();
	struct image image;
	struct stat st;
	char path[700];
	char first[IMAGE_ID_BYTES];

	CHECK(mkdirat(s.scratch.fd, "root", 0755) == 0 && mkdirat(s.scratch.fd, "root/bin", 0755) == 0);
	CHECK(fchmodat(s.scratch.fd, "root/bin", 01777, 0) == 0);
	scratch_write(&s.scratch, "root/bin/su", "program", 7);
	CHECK(fchmodat(s.scratch.fd, "root/bin/su", 04755, 0) == 0);
	CHECK(linkat(s.scratch.fd, "root/bin/su", s.scratch.fd, "root/bin/su2", 0) == 0);
	CHECK(symlinkat("/etc/passwd", s.scratch.fd, "root/link") == 0);
	CHECK(mknodat(s.scratch.fd, "root/null", S_IFCHR | 0666, 0x103) == 0);
	CHECK_INT(IMPORT(&s, "root", .name = "tree"), 0);
	CHECK_INT(catalog_find(&s.arena, s.store, "tree", &image, &s.err), 0);
	(void)snprintf(path, sizeof(path), "%s/bin/su2", image.layers[0]);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode, S_IFREG | 04755);
	CHECK_INT(st.st_nlink, 2);
	(void)snprintf(path, sizeof(path), "%s/bin", image.layers[0]);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 01777);
	(void)snprintf(path, sizeof(path), "%s/null", image.layers[0]);
	CHECK(lstat(path, &st) < 0);
	(void)snprintf(path, sizeof(path), "%s/link", image.layers[0]);
	CHECK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
	(void)text_copy(first, sizeof(first), image.id);
	CHECK_INT(IMPORT(&s, "root", .name = "tree"), 0);
	CHECK_STR(s.ids.items[0], first);
	CHECK(IMPORT(&s, "missing") < 0);
	CHECK_HAS(s.err.msg, "open '");
}

/* --- an OCI layout, by hand --- */

static const char *put_blob(struct session *s, const char *layout, const void *bytes, size_t len)
{
	char digest[REFERENCE_DIGEST_BYTES], name[256];

	CHECK_INT(digest_of(bytes, len, digest, &s->err), 0);
	(void)snprintf(name, sizeof(name), "%s/blobs/sha256/%s", layout, digest + strlen("sha256:"));
	scratch_write(&s->scratch, name, bytes, len);
	return arena_printf(&s->arena, "\"digest\":\"%s\",\"size\":%zu", digest, len);
}

struct layout {
	const char *name;
	const char *diff_id;  /* instead of the true one */
	const char *platform; /* of the manifest, in the index */
	const char *ref;      /* the annotation */
	const char *type;     /* of the layer */
};

static void make_layout(struct session *s, const struct layout *how)
{
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	const char *layer, *config, *manifest, *words;
	char diff_id[REFERENCE_DIGEST_BYTES], path[256];
	static const char *const FOLDERS[] = {"", "/blobs", "/blobs/sha256"};

	for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", how->name, FOLDERS[i]);
		CHECK(mkdirat(s->scratch.fd, path, 0755) == 0);
	}
	make_rootfs(&tar, "oci");
	CHECK_INT(digest_of(tar.data, tar.len, diff_id, &s->err), 0);
	layer = put_blob(s, how->name, tar.data, tar.len);
	words = arena_printf(&s->arena, "{\"os\":\"linux\",\"config\":{},\"rootfs\":{\"diff_ids\":[\"%s\",\"%s\"]}}",
			     how->diff_id ? how->diff_id : diff_id, how->diff_id ? how->diff_id : diff_id);
	config = put_blob(s, how->name, words, strlen(words));
	words = arena_printf(&s->arena,
			     "{\"schemaVersion\":2,\"config\":{%s},\"layers\":[{\"mediaType\":\"%s\",%s},{"
			     "\"mediaType\":\"%s\",%s}]}",
			     config, how->type ? how->type : "application/vnd.oci.image.layer.v1.tar", layer,
			     how->type ? how->type : "application/vnd.oci.image.layer.v1.tar", layer);
	manifest = put_blob(s, how->name, words, strlen(words));
	words = arena_printf(&s->arena,
			     "{\"schemaVersion\":2,\"manifests\":[{%s%s%s,\"annotations\":{\"org.opencontainers.image."
			     "ref.name\":\"%s\"}}]}",
			     manifest, how->platform ? ",\"platform\":" : "", how->platform ? how->platform : "",
			     how->ref ? how->ref : "latest");
	(void)snprintf(path, sizeof(path), "%s/index.json", how->name);
	scratch_write(&s->scratch, path, words, strlen(words));
	(void)snprintf(path, sizeof(path), "%s/oci-layout", how->name);
	scratch_write(&s->scratch, path, "{\"imageLayoutVersion\":\"1.0.0\"}", 30);
}

static void test_oci_layout(void)
{
	CLEANUP_SESSION struct session s = open_session();
	struct image image;

	make_layout(&s, &(struct layout){.name = "app", .ref = "1.0"});
	CHECK_INT(IMPORT(&s, "app", .format = IMAGE_FORMAT_AUTO), 0);
	CHECK_STR(s.names.items[0], "localhost/app:1.0");
	CHECK_INT(catalog_find(&s.arena, s.store, "app:1.0", &image, &s.err), 0);
	CHECK_INT(image.layer_count, 1); /* it is twice in the manifest */
	CHECK(*image.manifest);
	CHECK_INT(count_in(&s, "blobs/sha256"), 2);
	CHECK_INT(IMPORT(&s, "app", .name = "other"), 0);
	CHECK_STR(s.names.items[0], "localhost/other:latest");
	CHECK_INT(s.existing, 1);
	/* Changed, it is another image, and no manifest describes it. */
	CHECK_INT(IMPORT(&s, "app", .name = "changed", .changes = (const char *const[]){"USER me", NULL}), 0);
	CHECK_INT(catalog_find(&s.arena, s.store, "changed", &image, &s.err), 0);
	CHECK_STR(image.manifest, "");
	CHECK_STR(image.config.user, "me");
}

static void test_wrong_oci_layouts(void)
{
	static const struct {
		struct layout layout;
		const char *words;
	} ROWS[] = {
		{{.name = "a", .diff_id = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
		 "the layer is damaged or forged"},
		{{.name = "b", .platform = "{\"os\":\"linux\",\"architecture\":\"vax\"}"},
		 "it holds no image for linux/"},
		{{.name = "c", .type = "application/vnd.oci.image.layer.v1.tar+encrypted"}, "which hull does not know"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		CLEANUP_SESSION struct session s = open_session();

		make_layout(&s, &ROWS[i].layout);
		CHECK(IMPORT(&s, ROWS[i].layout.name, .name = "x") < 0);
		CHECK_HAS(s.err.msg, ROWS[i].words);
		check_empty(&s);
	}
}

/* Every blob is checked: a byte changed in any of them is found. */
static void test_damaged_blobs(void)
{
	for (int which = 0; which < 3; which++) {
		CLEANUP_SESSION struct session s = open_session();
		char path[700];
		const struct dirent *entry;
		int seen = 0, fd;

		make_layout(&s, &(struct layout){.name = "app"});
		CLEANUP_DIR DIR *dir = opendir(scratch_path(&s.scratch, "app/blobs/sha256", path));

		while ((entry = readdir(dir)))
			if (entry->d_name[0] != '.' && seen++ == which) {
				fd = openat(dirfd(dir), entry->d_name, O_RDWR);
				CHECK(pwrite(fd, "~", 1, 20) == 1);
				(void)close(fd);
			}
		CHECK_INT(seen, 3);
		CHECK(IMPORT(&s, "app", .name = "x") < 0);
		check_empty(&s);
	}
}

/* A layout whose blob is a link out of it: read as if the layout were "/", it leads nowhere. */
static void test_links_out_of_a_layout(void)
{
	CLEANUP_SESSION struct session s = open_session();

	make_layout(&s, &(struct layout){.name = "app"});
	CHECK(unlinkat(s.scratch.fd, "app/index.json", 0) == 0);
	scratch_write(&s.scratch, "outside.json", "{}", 2);
	CHECK(symlinkat("../outside.json", s.scratch.fd, "app/index.json") == 0);
	CHECK(IMPORT(&s, "app", .format = IMAGE_FORMAT_OCI) < 0);
	CHECK_HAS(s.err.msg, "'index.json' is missing in it");
}

/* The same for each blob, although what the link means outside has the right digest. */
static void test_blobs_that_are_links_out(void)
{
	for (int which = 0; which < 3; which++) {
		CLEANUP_SESSION struct session s = open_session();
		char path[512];
		const struct dirent *entry;
		int seen = 0;

		make_layout(&s, &(struct layout){.name = "app"});
		CLEANUP_DIR DIR *dir = opendir(scratch_path(&s.scratch, "app/blobs/sha256", path));

		while ((entry = readdir(dir)))
			if (entry->d_name[0] != '.' && seen++ == which) {
				CHECK(renameat(dirfd(dir), entry->d_name, s.scratch.fd, "outside") == 0);
				(void)scratch_path(&s.scratch, "outside", path);
				CHECK(symlinkat(path, dirfd(dir), entry->d_name) == 0);
				break;
			}
		CHECK(IMPORT(&s, "app", .name = "x") < 0);
		check_empty(&s);
	}
}

/* --- a docker-archive --- */

static void make_docker(struct session *s, struct text *out, const char *tags, bool forged)
{
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	char diff_id[REFERENCE_DIGEST_BYTES];
	const char *config, *manifest;

	make_rootfs(&tar, "docker");
	CHECK_INT(digest_of(tar.data, forged ? tar.len - 1 : tar.len, diff_id, &s->err), 0);
	config = arena_printf(&s->arena,
			      "{\"os\":\"linux\",\"config\":{\"Cmd\":[\"d\"]},\"rootfs\":{\"diff_ids\":[\"%s\"]}}",
			      diff_id);
	manifest = arena_printf(&s->arena, "[{\"Config\":\"%s.json\",\"RepoTags\":%s,\"Layers\":[\"%s/layer.tar\"]}]",
				diff_id + 7, tags, diff_id + 7);
	/* The layer is a link to where it is, as older versions write it; and what says so comes first. */
	tar_put(out, &(struct tar_entry)ENTRY("manifest.json", '0', .data = manifest));
	tar_put(out, &(struct tar_entry)ENTRY(arena_printf(&s->arena, "%s.json", diff_id + 7), '0', .data = config));
	tar_put(out, &(struct tar_entry)ENTRY(arena_printf(&s->arena, "%s/layer.tar", diff_id + 7), '2',
					      .link = "../blobs/layer"));
	tar_header(out, "blobs/layer", '0', "", &(struct tar_entry){0}, tar.len);
	tar_block(out, tar.data, tar.len);
	tar_end(out);
}

static void test_docker_archive(void)
{
	CLEANUP_SESSION struct session s = open_session();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	struct image image;

	make_docker(&s, &tar, "[\"q.io/app:1\",\"app:2\",\"NOT A NAME\"]", false);
	scratch_write(&s.scratch, "saved.tar", tar.data, tar.len);
	CHECK_INT(IMPORT(&s, "saved.tar", .format = IMAGE_FORMAT_AUTO), 0);
	CHECK_INT(s.names.count, 2);
	CHECK_INT(catalog_find(&s.arena, s.store, "q.io/app:1", &image, &s.err), 0);
	CHECK_STR(image.config.cmd.items[0], "d");
	CHECK_INT(catalog_find(&s.arena, s.store, "app:2", &image, &s.err), 0);
	CHECK_INT(count_in(&s, "tmp"), 0);
}

static void test_wrong_docker_archives(void)
{
	CLEANUP_SESSION struct session s = open_session();
	CLEANUP_TEXT struct text tar = TEXT_INIT;

	make_docker(&s, &tar, "null", true);
	scratch_write(&s.scratch, "saved.tar", tar.data, tar.len);
	CHECK_INT(IMPORT(&s, "saved.tar", .name = "x"), -EBADMSG);
	check_empty(&s);
	text_free(&tar);
	tar_put(&tar, &(struct tar_entry)ENTRY("manifest.json", '0', .data = "[{},{}]"));
	tar_end(&tar);
	scratch_write(&s.scratch, "two.tar", tar.data, tar.len);
	CHECK_INT(IMPORT(&s, "two.tar", .name = "x"), -EINVAL);
	CHECK_HAS(s.err.msg,
		  "holds 2 images, which cannot all be called 'x': choose one, as in 'docker-archive:PATH:NAME', of: ");
	CHECK_INT(IMPORT(&s, "two.tar", .format = IMAGE_FORMAT_OCI), -EINVAL);
	CHECK_HAS(s.err.msg, "'oci-layout' is missing in it");
	check_empty(&s);
}

static void test_hostile_layer_leaves_nothing(void)
{
	CLEANUP_SESSION struct session s = open_session();
	CLEANUP_TEXT struct text tar = TEXT_INIT;

	tar_put(&tar, &(struct tar_entry)ENTRY("fine", '0', .data = "x"));
	tar_put(&tar, &(struct tar_entry)ENTRY("../../evil", '0', .data = "x"));
	tar_end(&tar);
	scratch_write(&s.scratch, "root.tar", tar.data, tar.len);
	CHECK_INT(IMPORT(&s, "root.tar", .name = "x"), -EINVAL);
	CHECK_HAS(s.err.msg, "root.tar': entry '../../evil': the name has a '..' in it");
	check_empty(&s);
	CHECK_INT(IMPORT(&s, "root.tar", .max_entries = 1), -E2BIG);
	check_empty(&s);
}

/* Killed in the middle (it waits for more of a pipe), an import leaves something in tmp/ that the next one sweeps. */
static void test_killed(void)
{
	CLEANUP_SESSION struct session s = open_session();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	char path[512];
	pid_t pid;
	int writer;

	make_rootfs(&tar, "x");
	scratch_write(&s.scratch, "root.tar", tar.data, tar.len);
	CHECK(mkfifo(scratch_path(&s.scratch, "pipe", path), 0600) == 0);
	pid = fork();
	if (pid == 0) {
		(void)alarm(60);
		_exit(IMPORT(&s, "pipe", .format = IMAGE_FORMAT_ROOTFS) < 0);
	}
	writer = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(write(writer, tar.data, 512) == 512);
	for (int i = 0; i < 3000 && count_in(&s, "tmp") == 0; i++)
		(void)usleep(10000);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	(void)close(writer);
	CHECK_INT(count_in(&s, "tmp"), 1);
	CHECK_INT(count_in(&s, "ids"), 0);
	CHECK_INT(IMPORT(&s, "root.tar", .name = "x"), 0);
	CHECK_INT(count_in(&s, "tmp"), 0);
	CHECK_INT(count_in(&s, "ids"), 1);
}

int main(void)
{
	(void)umask(022);
	return TAP_RUN(TAP_CASE(test_rootfs_tar), TAP_CASE(test_folder), TAP_CASE(test_oci_layout),
		       TAP_CASE(test_wrong_oci_layouts), TAP_CASE(test_damaged_blobs),
		       TAP_CASE(test_links_out_of_a_layout), TAP_CASE(test_blobs_that_are_links_out),
		       TAP_CASE(test_docker_archive), TAP_CASE(test_wrong_docker_archives),
		       TAP_CASE(test_hostile_layer_leaves_nothing), TAP_CASE(test_killed));
}
