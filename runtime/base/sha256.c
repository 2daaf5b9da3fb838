// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/sha256.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 64

/* The fractional parts of the cube roots of the first 64 primes (section 4.2.2). */
static const uint32_t CONSTANTS[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, unsigned by)
{
	return word >> by | word << (32 - by);
}

/* Section 6.2.2, step 1. */
static void expand(const uint8_t *block, uint32_t schedule[static ROUNDS])
{
	for (unsigned i = 0; i < 16; i++) {
		uint32_t word;

		memcpy(&word, block + (size_t)i * sizeof(word), sizeof(word));
		schedule[i] = be32toh(word);
	}
	for (unsigned i = 16; i < ROUNDS; i++) {
		uint32_t early = schedule[i - 15], late = schedule[i - 2];

		schedule[i] = schedule[i - 16] + (rotate(early, 7) ^ rotate(early, 18) ^ early >> 3) + schedule[i - 7] +
			      (rotate(late, 17) ^ rotate(late, 19) ^ late >> 10);
	}
}

/* Steps 2 to 4, for one block. */
static void take_block(uint32_t state[static 8], const uint8_t *block)
{
	uint32_t schedule[ROUNDS], v[8];

	expand(block, schedule);
	memcpy(v, state, sizeof(v));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
		uint32_t first = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + choice +
				 CONSTANTS[i] + schedule[i];
		uint32_t second = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + majority;

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += first;
		v[0] = first + second;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_begin(struct sha256 *sha)
{
	*sha = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
					 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	size_t held = sha->total_bytes % SHA256_BLOCK_BYTES;

	sha->total_bytes += len;
	while (len > 0) {
		size_t part = SHA256_BLOCK_BYTES - held < len ? SHA256_BLOCK_BYTES - held : len;

		/* A whole block is read where it lies. */
		if (part == SHA256_BLOCK_BYTES) {
			take_block(sha->state, from);
		} else {
			memcpy(sha->block + held, from, part);
			if (held + part == SHA256_BLOCK_BYTES)
				take_block(sha->state, sha->block);
		}
		from += part;
		len -= part;
		held = 0;
	}
}

/* Section 5.1.1: a one bit, zeros, and the length in bits fill the last block. */
void sha256_end(struct sha256 *sha, char to[static SHA256_HEX_BYTES])
{
	static const uint8_t padding[SHA256_BLOCK_BYTES] = {0x80};
	uint64_t bits = htobe64(sha->total_bytes * 8);
	size_t held = sha->total_bytes % SHA256_BLOCK_BYTES;

	sha256_add(sha, padding, (held < 56 ? 56 : 56 + SHA256_BLOCK_BYTES) - held);
	sha256_add(sha, &bits, sizeof(bits));
	for (unsigned i = 0; i < 8; i++)
		(void)snprintf(to + (size_t)i * 8, 9, "%08x", sha->state[i]);
}

int sha256_file(int fd, const char *what, char to[static SHA256_HEX_BYTES], struct err *err)
{
	static char chunk[256 << 10];
	struct sha256 sha;
	off_t offset = 0;
	ssize_t len;

	sha256_begin(&sha);
	while ((len = pread(fd, chunk, sizeof(chunk), offset)) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return err_set(err, errno, "read '%s'", what);
		sha256_add(&sha, chunk, (size_t)len);
		offset += len;
	}
	sha256_end(&sha, to);
	return 0;
}
