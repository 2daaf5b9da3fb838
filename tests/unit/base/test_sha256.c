// SPDX-License-Identifier: GPL-2.0-or-later
/* SHA-256 by the standard's examples, and of files of more than one chunk. */
#include "runtime/base/sha256.h"

#include "runtime/base/fd.h"
#include "tests/unit/tap.h"

static const char *digest(const void *bytes, size_t len)
{
	static char hex[SHA256_HEX_BYTES];

	sha256_of(bytes, len, hex);
	return hex;
}

static void test_examples(void)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	CHECK_STR(digest("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_STR(digest("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_STR(digest(two_blocks, strlen(two_blocks)),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_file(void)
{
	CLEANUP_FD int fd = fd_memory("test", "abc", 3, NULL);
	char hex[SHA256_HEX_BYTES];
	struct err err = ERR_INIT;

	CHECK(fd >= 0 && lseek(fd, 2, SEEK_SET) == 2);
	CHECK_INT(sha256_file(fd, "test", hex, &err), 0);
	CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	static char many[300000];
	CLEANUP_FD int large = fd_memory("large", many, sizeof(many), NULL);

	CHECK_INT(sha256_file(large, "large", hex, &err), 0);
	CHECK_STR(hex, digest(many, sizeof(many)));
	CHECK_INT(sha256_file(-1, "nothing", hex, &err), -EBADF);
	CHECK_HAS(err.msg, "nothing");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_examples), TAP_CASE(test_file));
}
