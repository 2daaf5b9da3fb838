// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/reference.h"

#include <errno.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX128 HEX64 HEX64
#define A16    "aaaaaaaaaaaaaaaa"
#define A64    A16 A16 A16 A16
#define A128   A64 A64
#define PARTS  "abcdefghi/abcdefghi/abcdefghi/abcdefghi/abcdefghi/"

static void test_names_and_what_they_mean(void)
{
	static const struct {
		const char *words, *first, *second;
	} ROWS[] = {
		{"busybox", "localhost/busybox:latest", "docker.io/library/busybox:latest"},
		{"busybox:1.36", "localhost/busybox:1.36", "docker.io/library/busybox:1.36"},
		{"team/app", "localhost/team/app:latest", "docker.io/team/app:latest"},
		{"localhost/busybox", "localhost/busybox:latest", NULL},
		{"docker.io/busybox", "docker.io/library/busybox:latest", NULL},
		{"index.docker.io/busybox:1", "docker.io/library/busybox:1", NULL},
		{"docker.io/team/app", "docker.io/team/app:latest", NULL},
		{"quay.io/a/b/c:v1.0_x-y", "quay.io/a/b/c:v1.0_x-y", NULL},
		{"registry:5000/app", "registry:5000/app:latest", NULL},
		{"registry:5000/app:tag", "registry:5000/app:tag", NULL},
		{"[::1]:5000/app", "[::1]:5000/app:latest", NULL},
		{"Host/app", "Host/app:latest", NULL},
		{"a/b.c__d-e---f", "localhost/a/b.c__d-e---f:latest", "docker.io/a/b.c__d-e---f:latest"},
		{"app@sha256:" HEX64, "localhost/app@sha256:" HEX64, "docker.io/library/app@sha256:" HEX64},
		{"q.io/app:1@sha512:" HEX128, "q.io/app:1@sha512:" HEX128, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		struct reference ref, candidates[REFERENCE_MAX_CANDIDATES];
		char words[REFERENCE_BYTES];
		struct err err = ERR_INIT;
		int count;

		CHECK_INT(reference_parse(ROWS[i].words, &ref, &err), 0);
		count = reference_candidates(&ref, candidates);
		CHECK_INT(count, ROWS[i].second ? 2 : 1);
		CHECK_STR(reference_format(&candidates[0], words), ROWS[i].first);
		if (ROWS[i].second)
			CHECK_STR(reference_format(&candidates[1], words), ROWS[i].second);
	}
}

static void test_refused_names(void)
{
	static const char *const ROWS[] = {
		"",
		"/",
		"/app",
		"app/",
		"a//b",
		"App",
		"app:",
		"app:.tag",
		"app:-tag",
		"app:ta g",
		"app:" A128 "a",
		"a..b/c",
		"quay.io/a..b",
		"quay.io/a___b",
		"quay.io/-a",
		"quay.io/a-",
		"quay.io/a_.b",
		"quay.io/",
		"a.b__c/d",
		"-host.io/app",
		"host.io:/app",
		"host.io:0/app",
		"host.io:65536/app",
		"host.io:x/app",
		"[::1/app",
		"[zz]/app",
		"app@",
		"app@sha256:abc",
		"app@md5:0123",
		"app@sha256:" HEX64 "0",
		"app@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"app@sha256:" HEX64 "@sha256:" HEX64,
		"app\n",
		"../app",
		"a,b",
		"a%2fb",
		HEX64,
		A128 A128,
		"docker.io/" PARTS PARTS PARTS PARTS PARTS "abcdef",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		struct reference ref = {.tag = "kept"};
		struct err err = ERR_INIT;
		int r = reference_parse(ROWS[i], &ref, &err);

		CHECK_INT(r, -EINVAL);
		if (r == 0)
			printf("#   accepted '%s'\n", ROWS[i]);
		CHECK_INT(err.code, EINVAL);
		CHECK_STR(ref.tag, "kept");
	}
}

static void test_import_names(void)
{
	struct err err = ERR_INIT;
	struct reference ref, candidates[REFERENCE_MAX_CANDIDATES];
	char words[REFERENCE_BYTES];

	CHECK_INT(reference_for_import("debian:12", &ref, &err), 0);
	CHECK_STR(reference_format(&ref, words), "localhost/debian:12");
	CHECK_STR(reference_familiar(&ref, words), "debian:12");
	CHECK_INT(reference_for_import("docker.io/debian", &ref, &err), 0);
	CHECK_STR(reference_familiar(&ref, words), "docker.io/library/debian:latest");
	/* Without a registry it fits, with one it does not. */
	CHECK_INT(reference_parse(A128 A64 A16 A16 A16, &ref, &err), 0);
	CHECK_INT(reference_candidates(&ref, candidates), 1);
	CHECK_STR(candidates[0].registry, "localhost");
	CHECK_INT(reference_for_import(A128 A64 A16 A16 A16 "aaaaaaaa", &ref, &err), -EINVAL);
	CHECK_INT(reference_for_import("app@sha256:" HEX64, &ref, &err), -EINVAL);
}

static void test_ids(void)
{
	const char *hex;

	CHECK(reference_is_id("abc", &hex));
	CHECK_STR(hex, "abc");
	CHECK(reference_is_id("sha256:" HEX64, &hex));
	CHECK_STR(hex, HEX64);
	CHECK(!reference_is_id("ab", &hex));
	CHECK(!reference_is_id("xyz", &hex));
	CHECK(!reference_is_id("ABC", &hex));
	CHECK(!reference_is_id("sha256:", &hex));
	CHECK(!reference_is_id(HEX64 "0", &hex));
	CHECK(reference_is_digest("sha256:" HEX64));
	CHECK(reference_is_digest("sha512:" HEX128));
	CHECK(!reference_is_digest("sha512:" HEX64));
	CHECK(!reference_is_digest(NULL));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_names_and_what_they_mean), TAP_CASE(test_refused_names),
		       TAP_CASE(test_import_names), TAP_CASE(test_ids));
}
