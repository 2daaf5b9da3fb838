// SPDX-License-Identifier: GPL-2.0-or-later
/* SHA-256 by the standard's examples, and in pieces of every size. */
#include "runtime/base/sha256.h"

#include "runtime/base/fd.h"
#include "tests/unit/tap.h"

static const char *digest(const void *bytes, size_t len, size_t piece)
{
	static char hex[SHA256_HEX_BYTES];
	struct sha256 sha;

	sha256_begin(&sha);
	for (size_t done = 0; done < len; done += piece)
		sha256_add(&sha, (const char *)bytes + done, piece < len - done ? piece : len - done);
	sha256_end(&sha, hex);
	return hex;
}

static void test_examples(void)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	CHECK_STR(digest("", 0, 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_STR(digest("abc", 3, 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_STR(digest(two_blocks, strlen(two_blocks), 100),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_pieces(void)
{
	static char many[1000];
	char whole[SHA256_HEX_BYTES];

	memset(many, 'a', sizeof(many));
	for (size_t len = 0; len < 200; len++) {
		(void)strcpy(whole, digest(many, len, 1000));
		for (size_t piece = 1; piece < 130; piece++)
			if (strcmp(digest(many, len, piece), whole) != 0)
				tap_fail(__FILE__, __LINE__, "pieces make another digest");
	}
	CHECK_STR(digest(many, sizeof(many), 7), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void test_file(void)
{
	CLEANUP_FD int fd = fd_memory("test", "abc", 3, NULL);
	char hex[SHA256_HEX_BYTES];
	struct err err = ERR_INIT;

	CHECK(fd >= 0 && lseek(fd, 2, SEEK_SET) == 2);
	CHECK_INT(sha256_file(fd, "test", hex, &err), 0);
	CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_INT(sha256_file(-1, "nothing", hex, &err), -EBADF);
	CHECK_HAS(err.msg, "nothing");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_examples), TAP_CASE(test_pieces), TAP_CASE(test_file));
}
