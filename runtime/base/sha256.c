// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/sha256.h"

#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <unistd.h>

static void end(SHA2_CTX *sha, char to[static SHA256_HEX_BYTES])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256Final(digest, sha);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(to + 2 * i, 3, "%02x", digest[i]);
}

void sha256_of(const void *bytes, size_t len, char to[static SHA256_HEX_BYTES])
{
	SHA2_CTX sha;

	SHA256Init(&sha);
	SHA256Update(&sha, bytes, len);
	end(&sha, to);
}

int sha256_file(int fd, const char *what, char to[static SHA256_HEX_BYTES], struct err *err)
{
	static uint8_t chunk[256 << 10];
	SHA2_CTX sha;
	off_t offset = 0;
	ssize_t len;

	SHA256Init(&sha);
	while ((len = pread(fd, chunk, sizeof(chunk), offset)) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return err_set(err, errno, "read '%s'", what);
		SHA256Update(&sha, chunk, (size_t)len);
		offset += len;
	}
	end(&sha, to);
	return 0;
}
