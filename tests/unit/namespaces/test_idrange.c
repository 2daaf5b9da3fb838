/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "namespaces/idrange.h"
#include "runtime/base/scope.h"

static char dir[64], file[128];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/hull-idrange-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/idranges", dir);
}

static void teardown(void)
{
	unlink(file);
	CHECK(rmdir(dir) == 0);
}

static uint32_t take(const char *holder)
{
	struct err err = ERR_INIT;
	uint32_t base = 0;

	if (idrange_take(file, holder, FILE_DURABLE, NULL, &base, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	return base;
}

static void test_taking_and_giving_back(void)
{
	struct err err = ERR_INIT;
	uint32_t base = 0;
	struct stat info;

	setup();
	CHECK_INT(idrange_find(file, "a", &base, &err), -ENOENT);
	CHECK_INT(idrange_release(file, "a", &err), 0);
	CHECK_INT(take("a"), 0x70000000);
	CHECK_INT(take("b"), 0x70010000);
	CHECK_INT(take("ab"), 0x70020000);
	CHECK_INT(take("a"), 0x70000000);
	CHECK(idrange_find(file, "b", &base, &err) == 0 && base == 0x70010000);
	CHECK_INT(idrange_release(file, "a", &err), 0);
	CHECK_INT(idrange_release(file, "a", &err), 0);
	CHECK_INT(idrange_find(file, "a", &base, &err), -ENOENT);
	CHECK(idrange_find(file, "ab", &base, &err) == 0 && base == 0x70020000);
	CHECK_INT(take("c"), 0x70000000);
	CHECK(stat(file, &info) == 0 && (info.st_mode & 07777) == 0600);
	teardown();
}

static bool is_even(const char *holder, void *context)
{
	(*(int *)context)++;
	return (holder[strlen(holder) - 1] - '0') % 2 == 0;
}

static void test_all_of_them_and_collecting(void)
{
	struct err err = ERR_INIT;
	char holder[32];
	uint32_t base = 0;
	int asked = 0;
	int count = (int)((IDRANGE_END - IDRANGE_FIRST) / IDRANGE_SIZE);

	setup();
	for (int i = 0; i < count; i++) {
		snprintf(holder, sizeof(holder), "holder-%d", i);
		if (take(holder) != IDRANGE_FIRST + (uint32_t)i * IDRANGE_SIZE) {
			CHECK(!"the lowest free one");
			break;
		}
	}
	CHECK_INT(idrange_take(file, "one-more", FILE_DURABLE, NULL, &base, &err), -ENOSPC);
	CHECK_HAS(err.msg, "4095");
	CHECK(idrange_find(file, "holder-4094", &base, &err) == 0 && base == 0x7ffe0000);
	CHECK_INT(idrange_collect(file, is_even, &asked, &err), 2047);
	CHECK_INT(asked, count);
	CHECK_INT(take("one-more"), 0x70010000);
	teardown();
}

static void test_bad_holders_and_files(void)
{
	static const char *const bad[] = {"", "a b", "a\n", "\x01", "\xc3\xa4"};
	struct err err = ERR_INIT;
	uint32_t base = 0;
	char longest[IDRANGE_HOLDER_BYTES + 2];
	FILE *stream;

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(idrange_take(file, bad[i], FILE_DURABLE, NULL, &base, &err), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[IDRANGE_HOLDER_BYTES + 1] = '\0';
	CHECK_INT(idrange_take(file, longest, FILE_DURABLE, NULL, &base, &err), -EINVAL);
	longest[IDRANGE_HOLDER_BYTES] = '\0';
	CHECK_INT(take(longest), 0x70000000);
	CHECK_INT(take(longest), 0x70000000);
	CHECK_INT(take("y"), 0x70010000);
	/* A crash in the middle of growing leaves half a line, which nobody holds. */
	CHECK(truncate(file, 64 * 128 + 60) == 0);
	CHECK_INT(take("z"), 0x70020000);
	stream = fopen(file, "we");
	CHECK(stream && fputs("not a table", stream) >= 0);
	for (int i = 0; stream && i < 200; i++)
		fputc('x', stream);
	if (stream)
		fclose(stream);
	CHECK_INT(idrange_take(file, "a", FILE_DURABLE, NULL, &base, &err), -EINVAL);
	CHECK_HAS(err.msg, "damaged");
	teardown();
}

static const char *remembered(uint32_t base, void *context)
{
	(*(unsigned *)context)++;
	return base == 0x70000000 ? "a" : base == 0x70020000 ? "c" : NULL;
}

/* The file is lost: who is known to have a range keeps it, and is asked for only when lines are made. */
static void test_a_lost_file(void)
{
	struct err err = ERR_INIT;
	unsigned asked = 0;
	const struct idrange_witness witness = {remembered, &asked};
	static const struct {
		const char *holder;
		uint32_t base;
	} expected[] = {{"new", 0x70010000}, {"c", 0x70020000}, {"newer", 0x70030000}, {"a", 0x70000000}};

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		uint32_t base = 0;

		CHECK_INT(idrange_take(file, expected[i].holder, FILE_DURABLE, &witness, &base, &err), 0);
		CHECK_INT(base, expected[i].base);
	}
	CHECK_INT(asked, 64);
	teardown();
}

/* 8 processes take 20 each at once: 160 different ones. */
static void test_many_at_once(void)
{
	bool seen[200] = {false};
	uint32_t base = 0;
	char holder[32];

	setup();
	fflush(stdout);
	for (int p = 0; p < 8; p++)
		if (fork() == 0) {
			for (int i = 0; i < 20; i++) {
				snprintf(holder, sizeof(holder), "p%d-%d", p, i);
				(void)take(holder);
			}
			_exit(tap_failures);
		}
	for (int p = 0; p < 8; p++) {
		int status = -1;

		CHECK(wait(&status) > 0 && status == 0);
	}
	for (int p = 0; p < 8; p++)
		for (int i = 0; i < 20; i++) {
			snprintf(holder, sizeof(holder), "p%d-%d", p, i);
			CHECK_INT(idrange_find(file, holder, &base, NULL), 0);
			base = (base - IDRANGE_FIRST) / IDRANGE_SIZE;
			CHECK(base < 160 && !seen[base]);
			seen[base % 200] = true;
		}
	teardown();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_taking_and_giving_back), TAP_CASE(test_all_of_them_and_collecting),
		       TAP_CASE(test_bad_holders_and_files), TAP_CASE(test_a_lost_file), TAP_CASE(test_many_at_once));
}
