// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any profile of system calls: the program that is loaded answers as the one that it was made of, for the calls that
 * either says something about. And any bytes as a program: it is made shorter with the same answers, or left as it is.
 */
#include "namespaces/seccomp_shorten.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/namespaces/bpf.h"

#define CALLS	  300
#define CODE_MAX  512
#define FROM_CODE 0x80 /* in the first byte */

static void compare(struct choices *c, const struct confine_filter *plain, const struct confine_filter *brief)
{
	static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM,
					 AUDIT_ARCH_AARCH64};

	if (brief->count > plain->count)
		abort();
	for (int i = 0; i < CALLS; i++) {
		struct seccomp_data call = {
			.nr = (int)choose_constant(c, plain),
			.arch = choose(c, 8) ? archs[choose(c, ARRAY_SIZE(archs))] : choose_constant(c, plain),
		};

		if (!bpf_agree_on(c, plain, brief, &call))
			abort();
	}
}

static void fuzz_profile(struct choices *c)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	struct confine_filter plain, brief;

	choose_profile(c, &arena, &profile);
	if (seccomp_compile_plain(&profile, &arena, &plain, NULL, NULL) < 0)
		return;
	if (seccomp_shorten(&plain, &arena, &brief, NULL) < 0)
		abort();
	compare(c, &plain, &brief);
}

static void fuzz_code(struct choices *c)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct sock_filter code[CODE_MAX];
	struct confine_filter plain = {.instructions = code}, brief;

	while (c->left >= sizeof(*code) && plain.count < CODE_MAX) {
		memcpy(&code[plain.count++], c->bytes, sizeof(*code));
		c->bytes += sizeof(*code);
		c->left -= sizeof(*code);
	}
	if (seccomp_shorten(&plain, &arena, &brief, NULL) < 0)
		abort();
	if (brief.instructions != plain.instructions)
		compare(c, &plain, &brief);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices c = {.bytes = data + 1, .left = size - 1, .seed = 1};

	if (size < 2)
		return 0;
	if (data[0] & FROM_CODE)
		fuzz_code(&c);
	else
		fuzz_profile(&c);
	return 0;
}
