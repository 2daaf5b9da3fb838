// SPDX-License-Identifier: GPL-2.0-or-later
/* OCI's words for actions, operators, architectures and flags. */
#include <assert.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "namespaces/seccomp_words.h"
#include "runtime/base/scope.h"

/*
 * The word lists are the tables: a position is the value, or the index into the values beside it. NULL-terminated for
 * `features`.
 */
static const char *const action_words[] = {"SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS",
					   "SCMP_ACT_TRAP",	   "SCMP_ACT_ERRNO",
					   "SCMP_ACT_TRACE",	   "SCMP_ACT_ALLOW",
					   "SCMP_ACT_LOG",	   "SCMP_ACT_NOTIFY",
					   "SCMP_ACT_KILL",	   NULL};
static_assert(ARRAY_SIZE(action_words) == SECCOMP_ACTION_COUNT + 2, "a word for each action, and KILL for KILL_THREAD");

static const char *const op_words[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	   "SCMP_CMP_EQ",
				       "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL};
static_assert(ARRAY_SIZE(op_words) == SECCOMP_OP_COUNT + 1, "a word for each operator");

static const char *const arch_words[] = {"SCMP_ARCH_X86",      "SCMP_ARCH_X86_64",	"SCMP_ARCH_X32",
					 "SCMP_ARCH_ARM",      "SCMP_ARCH_AARCH64",	"SCMP_ARCH_MIPS",
					 "SCMP_ARCH_MIPS64",   "SCMP_ARCH_MIPS64N32",	"SCMP_ARCH_MIPSEL",
					 "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
					 "SCMP_ARCH_PPC64",    "SCMP_ARCH_PPC64LE",	"SCMP_ARCH_S390",
					 "SCMP_ARCH_S390X",    "SCMP_ARCH_PARISC",	"SCMP_ARCH_PARISC64",
					 "SCMP_ARCH_RISCV64",  "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
					 "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB",	NULL};
/* Those that libseccomp 2.5 has no token for get one of ours; as none of them can run here, they are never compiled. */
#define ARCH_FOREIGN UINT32_C(0xffffff00)
static const uint32_t arch_tokens[] = {SCMP_ARCH_X86,	   SCMP_ARCH_X86_64,	  SCMP_ARCH_X32,
				       SCMP_ARCH_ARM,	   SCMP_ARCH_AARCH64,	  SCMP_ARCH_MIPS,
				       SCMP_ARCH_MIPS64,   SCMP_ARCH_MIPS64N32,	  SCMP_ARCH_MIPSEL,
				       SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC,
				       SCMP_ARCH_PPC64,	   SCMP_ARCH_PPC64LE,	  SCMP_ARCH_S390,
				       SCMP_ARCH_S390X,	   SCMP_ARCH_PARISC,	  SCMP_ARCH_PARISC64,
				       SCMP_ARCH_RISCV64,  ARCH_FOREIGN | 0,	  ARCH_FOREIGN | 1,
				       ARCH_FOREIGN | 2,   ARCH_FOREIGN | 3};
static_assert(ARRAY_SIZE(arch_words) == ARRAY_SIZE(arch_tokens) + 1, "a token for each architecture");

static const char *const flag_words[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					 "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
					 NULL};
static const unsigned flag_values[] = {SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG,
				       SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV};
static_assert(ARRAY_SIZE(flag_words) == ARRAY_SIZE(flag_values) + 1, "a value for each flag");

static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -EINVAL;
}

int seccomp_parse_action(const char *word, enum seccomp_action *ret)
{
	int index = word_index(action_words, word);

	if (index < 0)
		return index;
	*ret = index == SECCOMP_ACTION_COUNT ? SECCOMP_DO_KILL_THREAD : (enum seccomp_action)index;
	return 0;
}

int seccomp_parse_op(const char *word, enum seccomp_op *ret)
{
	int index = word_index(op_words, word);

	if (index < 0)
		return index;
	*ret = (enum seccomp_op)index;
	return 0;
}

int seccomp_parse_arch(const char *word, uint32_t *ret)
{
	int index = word_index(arch_words, word);

	if (index < 0)
		return index;
	*ret = arch_tokens[index];
	return 0;
}

int seccomp_parse_flag(const char *word, unsigned *ret)
{
	int index = word_index(flag_words, word);

	if (index < 0)
		return index;
	*ret = flag_values[index];
	return 0;
}

const char *const *seccomp_action_words(void)
{
	return action_words;
}
const char *const *seccomp_op_words(void)
{
	return op_words;
}
const char *const *seccomp_arch_words(void)
{
	return arch_words;
}
const char *const *seccomp_flag_words(void)
{
	return flag_words;
}
