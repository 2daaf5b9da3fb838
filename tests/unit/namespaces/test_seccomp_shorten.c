// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program that is loaded against the one that libseccomp and hull have put together: the same answers, run through
 * an interpreter, for every number.
 */
#include "namespaces/seccomp_shorten.h"

#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdlib.h>

#include "namespaces/caps.h"
#include "namespaces/seccomp_ranges.h"
#include "tests/unit/namespaces/bpf.h"
#include "tests/unit/tap.h"

#define NUMBERS_LAST 620 /* beyond every architecture's own */

static struct sock_filter load(size_t offset)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static struct sock_filter give(uint32_t value)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value);
}

static void check_alike(const struct confine_filter *plain, const struct confine_filter *brief, int turns,
			const char *words)
{
	struct choices c = {.seed = 7};
	struct seccomp_data data;

	if (bpf_agree(&c, plain, brief, NUMBERS_LAST, turns, &data))
		return;
	tap_fail(__FILE__, __LINE__, words);
	printf("#   architecture %#x, number %d, arguments %#llx %#llx %#llx: %#x, should be %#x\n", data.arch, data.nr,
	       data.args[0], data.args[1], data.args[2], bpf_run(brief, &data), bpf_run(plain, &data));
}

/* Compiles both ways. Returns how many instructions are loaded. */
static size_t check_profile(const struct seccomp_profile *profile, int turns, const char *words)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter plain, brief;
	struct err err = ERR_INIT;

	if (seccomp_compile_plain(profile, &arena, &plain, NULL, &err) < 0 ||
	    seccomp_compile(profile, &arena, &brief, NULL, &err) < 0) {
		tap_fail(__FILE__, __LINE__, err.msg);
		return 0;
	}
	CHECK(brief.count <= plain.count);
	check_alike(&plain, &brief, turns, words);
	return brief.count;
}

/* What engines bring along for their containers has three architectures: hull's own list with the same. */
static void test_usual(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	uint32_t archs[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
	struct seccomp_profile profile;
	size_t one, three;

	CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
	one = check_profile(&profile, 4, "hull's own list is another after shortening");
	profile.architectures = archs;
	profile.architecture_count = 2;
	three = check_profile(&profile, 4, "the list for three architectures is another after shortening");
	printf("# %zu instructions, %zu for three architectures\n", one, three);
	CHECK(one < 130);
	CHECK(three < 355);
}

/* Any actions (notify, log and trace among them), conditions, architectures. */
static void test_made_up_profiles(void)
{
	for (uint32_t seed = 1; seed <= 120; seed++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct choices c = {.seed = seed * 7919};
		struct seccomp_profile profile;
		char words[48];

		choose_profile(&c, &arena, &profile);
		snprintf(words, sizeof(words), "profile %u is another after shortening", seed);
		(void)check_profile(&profile, 1, words);
	}
}

static const char *name_of(int number)
{
	return seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
}

/* A value of its own for each call: nothing can be joined, and the returns are farther away than a branch reaches. */
static void test_far_returns(void)
{
	struct seccomp_rule rules[330];
	const char *names[330];
	uint32_t archs[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_KILL_PROCESS,
					  .architectures = archs,
					  .architecture_count = 2,
					  .rules = rules};

	for (int number = 0; number < 330; number++) {
		names[profile.rule_count] = name_of(number);
		if (!names[profile.rule_count])
			continue;
		rules[profile.rule_count] = (struct seccomp_rule){&names[profile.rule_count],
								  1,
								  SECCOMP_DO_ERRNO,
								  true,
								  1 + (uint32_t)number,
								  NULL,
								  0};
		profile.rule_count++;
	}
	CHECK(profile.rule_count > 300);
	CHECK(check_profile(&profile, 1, "far returns are mixed up") > 0);
	for (size_t i = 0; i < profile.rule_count; i++)
		free((char *)(uintptr_t)names[i]);
}

/* Programs as nobody writes them: any branches and loads, one behind the other. */
static size_t make_up_program(struct choices *c, struct sock_filter *code, size_t count)
{
	static const uint16_t tests[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	static const uint32_t values[] =
		{0, 1, 2, 100, 101, 600, 0x40000000, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, UINT32_MAX - 1, UINT32_MAX};
	size_t at = 0;

	code[at++] = load(choose(c, 2) ? offsetof(struct seccomp_data, nr) : offsetof(struct seccomp_data, arch));
	while (at < count - 1) {
		uint32_t behind = (uint32_t)(count - at - 1), what = choose(c, 16),
			 value = values[choose(c, ARRAY_SIZE(values))];
		uint16_t test = tests[choose(c, what == 15 ? 4 : 3)];

		if (what < 2)
			code[at] = give(SECCOMP_RET_ERRNO | choose(c, 5));
		else if (what == 2)
			code[at] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, choose(c, behind < 4 ? behind : 4));
		else if (what == 3)
			code[at] = load(16 + 4 * choose(c, 12));
		else if (what < 6)
			code[at] = load(what == 4 ? offsetof(struct seccomp_data, nr)
						  : offsetof(struct seccomp_data, arch));
		else if (what == 6 && choose(c, 4) == 0)
			code[at] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value);
		else
			code[at] = (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | test | BPF_K), value,
								(uint8_t)choose(c, behind < 6 ? behind : 6),
								(uint8_t)choose(c, behind < 6 ? behind : 6));
		at++;
	}
	code[at++] = give(SECCOMP_RET_ALLOW);
	return at;
}

static void test_made_up_programs(void)
{
	struct choices c = {.seed = 99};
	unsigned shorter = 0;

	for (int i = 0; i < 3000; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct sock_filter code[80];
		struct confine_filter plain = {code, make_up_program(&c, code, 8 + choose(&c, 70))}, brief;

		CHECK_INT(seccomp_shorten(&plain, &arena, &brief, NULL), 0);
		shorter += brief.count < plain.count;
		for (int turn = 0; turn < 400; turn++) {
			struct seccomp_data data = {
				.nr = (int)choose_constant(&c, &plain),
				.arch = choose(&c, 3) ? choose_constant(&c, &plain) : AUDIT_ARCH_X86_64,
			};

			if (bpf_agree_on(&c, &plain, &brief, &data))
				continue;
			tap_fail(__FILE__, __LINE__, "a made-up program is another after shortening");
			printf("#   program %d, architecture %#x, number %#x\n", i, data.arch, (unsigned)data.nr);
			return;
		}
	}
	printf("# %u of 3000 became shorter\n", shorter);
	CHECK(shorter > 1000);
}

/* A program of its own against what becomes of it. How many instructions that has. */
static size_t check_program(const struct sock_filter *code, size_t count, const char *words)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter plain = {(struct sock_filter *)(uintptr_t)code, count}, brief;

	CHECK_INT(seccomp_shorten(&plain, &arena, &brief, NULL), 0);
	check_alike(&plain, &brief, 8, words);
	return brief.count;
}

/* Two ends that differ in one thing only are two. */
static void test_nearly_alike(void)
{
	static const uint16_t tests[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	const uint32_t argument = offsetof(struct seccomp_data, args);

	for (size_t one = 0; one < ARRAY_SIZE(tests); one++)
		for (size_t other = 0; other < ARRAY_SIZE(tests); other++)
			for (uint32_t value = 7; value <= 8; value++) {
				const struct sock_filter code[] = {
					load(offsetof(struct seccomp_data, nr)),
					BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 2),
					load(argument),
					BPF_JUMP(BPF_JMP | tests[one] | BPF_K, 7, 6, 7),
					BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 6),
					load(argument),
					BPF_JUMP(BPF_JMP | tests[other] | BPF_K, value, 3, 4),
					give(SECCOMP_RET_LOG),
					give(SECCOMP_RET_LOG),
					give(SECCOMP_RET_LOG),
					give(SECCOMP_RET_ALLOW),
					give(SECCOMP_RET_KILL_PROCESS),
				};

				(void)check_program(code, ARRAY_SIZE(code), "two comparisons are taken for one");
			}
}

/*
 * The fewest instructions there can be: the number is not loaded where nobody asks for it, and one number amid others
 * takes one comparison.
 */
static void test_fewest(void)
{
	const struct sock_filter architecture[] = {load(offsetof(struct seccomp_data, arch)),
						   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
						   give(SECCOMP_RET_ALLOW),
						   give(SECCOMP_RET_LOG),
						   give(SECCOMP_RET_LOG),
						   give(SECCOMP_RET_KILL_PROCESS)},
				 number[] = {load(offsetof(struct seccomp_data, nr)),
					     BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 5, 0, 4),
					     BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 5, 3, 0),
					     give(SECCOMP_RET_ALLOW),
					     give(SECCOMP_RET_LOG),
					     give(SECCOMP_RET_LOG),
					     give(SECCOMP_RET_KILL_PROCESS)};

	CHECK_INT(check_program(architecture, ARRAY_SIZE(architecture), "an architecture is mixed up"), 4);
	CHECK_INT(check_program(number, ARRAY_SIZE(number), "a number is mixed up"), 4);
}

/*
 * As check_program(), for the machine's own architecture alone, numbers up to `last`, and two values of the first
 * argument.
 */
static size_t check_numbers(const struct sock_filter *code, size_t count, int last, const char *words)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter plain = {(struct sock_filter *)(uintptr_t)code, count}, brief;
	struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64};

	CHECK_INT(seccomp_shorten(&plain, &arena, &brief, NULL), 0);
	for (data.nr = 0; data.nr <= last; data.nr++)
		for (data.args[0] = 7; data.args[0] <= 8; data.args[0]++)
			if (bpf_run(&plain, &data) != bpf_run(&brief, &data)) {
				tap_fail(__FILE__, __LINE__, words);
				return 0;
			}
	/* Who jumps to a return could return at once. */
	for (size_t at = 0; brief.count < count && at < brief.count; at++)
		CHECK(brief.instructions[at].code != (BPF_JMP | BPF_JA) ||
		      brief.instructions[at + 1 + brief.instructions[at].k].code != (BPF_RET | BPF_K));
	return brief.count;
}

/*
 * Ends at every distance from what branches to them: returns of their own, one return that many share, and one end that
 * many share and that is none.
 */
static void test_distances(void)
{
	for (size_t numbers = 60; numbers < 330; numbers++) {
		struct sock_filter code[2 * 330 + 6];
		size_t count = 0;

		code[count++] = load(offsetof(struct seccomp_data, nr));
		for (size_t i = 0; i < numbers; i++) {
			size_t behind = 2 * (numbers - i - 1) + 1;

			code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)i, 0, 1);
			code[count++] =
				i % 3 == 0 ? (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)behind)
					   : give(i % 3 == 1 ? SECCOMP_RET_LOG : SECCOMP_RET_ERRNO | (uint32_t)(i + 1));
		}
		code[count++] = give(SECCOMP_RET_KILL_PROCESS);
		code[count++] = load(offsetof(struct seccomp_data, args));
		code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1);
		code[count++] = give(SECCOMP_RET_ALLOW);
		code[count++] = give(SECCOMP_RET_TRAP);
		CHECK(check_numbers(code, count, (int)numbers, "an end that is far away is mixed up") < count);
	}
}

/*
 * More ranges, more architectures, and more architectures with numbers of their own, than there is room for: left as
 * they are.
 */
static void test_too_many(void)
{
	static struct sock_filter code[8192];
	const size_t group = 249;
	size_t count = 0;

	code[count++] = load(offsetof(struct seccomp_data, nr));
	/* Groups, each with a return in reach: every other number is allowed. */
	for (uint32_t number = 0; count + group + 3 < ARRAY_SIZE(code);) {
		for (size_t i = 0; i < group; i++, number += 2)
			code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number,
								     (uint8_t)(group - i), 0);
		code[count++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
		code[count++] = give(SECCOMP_RET_ALLOW);
	}
	code[count++] = give(SECCOMP_RET_KILL_PROCESS);
	CHECK(count > 8000);
	CHECK_INT(check_numbers(code, count, 20, "too many ranges are mixed up"), count);
	for (int with_numbers = 0; with_numbers < 2; with_numbers++) {
		count = 0;
		code[count++] = load(offsetof(struct seccomp_data, arch));
		for (uint32_t i = 0; i < 200; i++) {
			code[count++] =
				(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2 * i, 0, with_numbers ? 4 : 1);
			if (with_numbers) {
				code[count++] = load(offsetof(struct seccomp_data, nr));
				code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1);
				code[count++] = give(SECCOMP_RET_ALLOW);
			}
			code[count++] = give(SECCOMP_RET_ERRNO | (i + 1));
		}
		code[count++] = give(SECCOMP_RET_KILL_PROCESS);
		CHECK_INT(check_numbers(code, count, 20, "too many architectures are mixed up"), count);
	}
}

/*
 * As many as there is room for are read, and one more is not: architectures, each with an answer of its own, and
 * instructions that do nothing.
 */
static void test_limits(void)
{
	static struct sock_filter code[SECCOMP_PROGRAM_MAX + 1];
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter brief;

	for (size_t ranges = SECCOMP_SPACES_MAX - 1; ranges <= SECCOMP_SPACES_MAX + 1; ranges++) {
		size_t count = 0;

		code[count++] = load(offsetof(struct seccomp_data, arch));
		/* The last range is that of all that are not named. */
		for (uint32_t i = 0; i < ranges - 1; i++) {
			code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 2);
			code[count++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
			code[count++] = give(SECCOMP_RET_ERRNO | (i + 1));
		}
		code[count++] = give(SECCOMP_RET_KILL_PROCESS);
		CHECK((check_program(code, count, "an architecture is mixed up") < count) ==
		      (ranges <= SECCOMP_SPACES_MAX));
	}
	for (size_t count = SECCOMP_PROGRAM_MAX; count <= SECCOMP_PROGRAM_MAX + 1; count++) {
		const struct confine_filter plain = {code, count};

		for (size_t at = 0; at < count - 1; at++)
			code[at] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
		code[count - 1] = give(SECCOMP_RET_ALLOW);
		CHECK_INT(seccomp_shorten(&plain, &arena, &brief, NULL), 0);
		CHECK_INT(brief.count, count == SECCOMP_PROGRAM_MAX ? 1 : count);
	}
}

/* What is not understood stays as it is, and so does what is short already. */
static void test_left_alone(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	/* Branches and jumps to behind the end; each is followed by more than it would be without. */
	const struct sock_filter if_so[] = {load(0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 3, 0), give(1), give(1),
					    give(1)},
				 if_not[] = {load(0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 3), give(1), give(1),
					     give(1)},
				 jump[] = {load(0), BPF_STMT(BPF_JMP | BPF_JA, 3), give(1), give(1), give(1)},
				 at_once[] = {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), give(1), give(2), give(2),
					      give(2)},
				 constant[] = {BPF_STMT(BPF_LD | BPF_IMM, 0),
					       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
					       give(1),
					       give(2),
					       give(2),
					       give(2)};
	const struct sock_filter scratch[] = {load(0), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0),
					      give(SECCOMP_RET_ALLOW)},
				 computed[] = {load(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
					       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), give(SECCOMP_RET_ALLOW),
					       give(SECCOMP_RET_KILL)},
				 beyond[] = {load(0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 9),
					     give(SECCOMP_RET_ALLOW)},
				 endless[] = {give(SECCOMP_RET_ALLOW), load(0)}, brief[] = {give(SECCOMP_RET_ALLOW)};
	const struct confine_filter programs[] = {{scratch, ARRAY_SIZE(scratch)},  {computed, ARRAY_SIZE(computed)},
						  {beyond, ARRAY_SIZE(beyond)},	   {endless, ARRAY_SIZE(endless)},
						  {brief, ARRAY_SIZE(brief)},	   {NULL, 0},
						  {if_so, ARRAY_SIZE(if_so)},	   {if_not, ARRAY_SIZE(if_not)},
						  {jump, ARRAY_SIZE(jump)},	   {at_once, ARRAY_SIZE(at_once)},
						  {constant, ARRAY_SIZE(constant)}};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct confine_filter ret;

		CHECK_INT(seccomp_shorten(&programs[i], &arena, &ret, NULL), 0);
		CHECK(ret.instructions == programs[i].instructions && ret.count == programs[i].count);
	}
}

static void test_without_memory(void)
{
	CLEANUP_ARENA struct arena roomy = ARENA_INIT;
	struct seccomp_profile profile;
	struct confine_filter plain, brief;
	int result = -1, failures = 0;

	CHECK_INT(seccomp_default(&roomy, caps_default(), &profile, NULL), 0);
	CHECK_INT(seccomp_compile_plain(&profile, &roomy, &plain, NULL, NULL), 0);
	for (size_t bytes = 1; result < 0; bytes += bytes / 16 + 100) {
		CLEANUP_ARENA struct arena arena = {.max_bytes = bytes};
		struct err err = ERR_INIT;

		result = seccomp_shorten(&plain, &arena, &brief, &err);
		CHECK(result == 0 || (result == -ENOMEM && strstr(err.msg, "no memory")));
		CHECK(result < 0 || brief.count < plain.count);
		if (result == 0)
			check_alike(&plain, &brief, 1, "little memory makes another program");
		failures += result < 0;
	}
	CHECK(failures > 20);
	CHECK_INT(seccomp_shorten(&plain, &roomy, &brief, NULL), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_usual), TAP_CASE(test_made_up_profiles), TAP_CASE(test_far_returns),
		       TAP_CASE(test_made_up_programs), TAP_CASE(test_nearly_alike), TAP_CASE(test_fewest),
		       TAP_CASE(test_distances), TAP_CASE(test_too_many), TAP_CASE(test_limits),
		       TAP_CASE(test_left_alone), TAP_CASE(test_without_memory));
}
