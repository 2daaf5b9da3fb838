// SPDX-License-Identifier: GPL-2.0-or-later
/* Words of limits: one table a kind, all looked up by the same two functions. */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <string.h>
#include <strings.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "namespaces/limits.h"
#include "runtime/base/scope.h"

/* Newer than the headers of a stable distribution. */
#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif
#define MPOL_WEIGHTED_INTERLEAVE_NUMBER 6 /* an enumerator: #ifndef would not see it */
#ifndef SCHED_ISO
#define SCHED_ISO 4 /* reserved: no kernel has it, limits_check() says so */
#endif

struct word {
	const char *name;
	int64_t value;
};

#define WORD(constant)              \
	{                           \
#constant, constant \
	}

static const struct word rlimits[] = {
	WORD(RLIMIT_AS),     WORD(RLIMIT_CORE),	  WORD(RLIMIT_CPU),	   WORD(RLIMIT_DATA),
	WORD(RLIMIT_FSIZE),  WORD(RLIMIT_LOCKS),  WORD(RLIMIT_MEMLOCK),	   WORD(RLIMIT_MSGQUEUE),
	WORD(RLIMIT_NICE),   WORD(RLIMIT_NOFILE), WORD(RLIMIT_NPROC),	   WORD(RLIMIT_RSS),
	WORD(RLIMIT_RTPRIO), WORD(RLIMIT_RTTIME), WORD(RLIMIT_SIGPENDING), WORD(RLIMIT_STACK),
};
static const struct word policies[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	WORD(SCHED_FIFO),
	WORD(SCHED_RR),
	WORD(SCHED_BATCH),
	WORD(SCHED_ISO),
	WORD(SCHED_IDLE),
	WORD(SCHED_DEADLINE),
};
static const struct word scheduler_flags[] = {
	WORD(SCHED_FLAG_RESET_ON_FORK),	 WORD(SCHED_FLAG_RECLAIM),     WORD(SCHED_FLAG_DL_OVERRUN),
	WORD(SCHED_FLAG_KEEP_POLICY),	 WORD(SCHED_FLAG_KEEP_PARAMS), WORD(SCHED_FLAG_UTIL_CLAMP_MIN),
	WORD(SCHED_FLAG_UTIL_CLAMP_MAX),
};
static const struct word io_classes[] = {
	WORD(IOPRIO_CLASS_RT),
	WORD(IOPRIO_CLASS_BE),
	WORD(IOPRIO_CLASS_IDLE),
};
static const struct word memory_modes[] = {
	WORD(MPOL_DEFAULT),    WORD(MPOL_BIND),
	WORD(MPOL_INTERLEAVE), {"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE_NUMBER},
	WORD(MPOL_PREFERRED),  WORD(MPOL_PREFERRED_MANY),
	WORD(MPOL_LOCAL),
};
static const struct word memory_flags[] = {
	WORD(MPOL_F_NUMA_BALANCING),
	WORD(MPOL_F_RELATIVE_NODES),
	WORD(MPOL_F_STATIC_NODES),
};
static const struct word personalities[] = {
	{"LINUX", PER_LINUX},
	{"LINUX32", PER_LINUX32},
};

static int64_t find(const struct word *words, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].name, name) == 0)
			return words[i].value;
	return -EINVAL;
}
#define FIND(table, name) find((table), ARRAY_SIZE(table), (name))

int rlimit_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++)
		if (strcmp(rlimits[i].name, name) == 0 || strcasecmp(rlimits[i].name + strlen("RLIMIT_"), name) == 0)
			return (int)rlimits[i].value;
	return -EINVAL;
}

const char *rlimit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++)
		if (rlimits[i].value == resource)
			return rlimits[i].name;
	return NULL;
}

int limits_parse_policy(const char *word)
{
	return (int)FIND(policies, word);
}

int64_t limits_parse_scheduler_flag(const char *word)
{
	return FIND(scheduler_flags, word);
}

int limits_parse_io_class(const char *word)
{
	return (int)FIND(io_classes, word);
}

int limits_parse_memory_mode(const char *word)
{
	return (int)FIND(memory_modes, word);
}

int limits_parse_memory_flag(const char *word)
{
	return (int)FIND(memory_flags, word);
}

int64_t limits_parse_personality(const char *word)
{
	return FIND(personalities, word);
}

/* The names of a table as a list; filled when first asked. */
static const char *const *names_of(const struct word *words, size_t count, const char **list)
{
	for (size_t i = 0; i < count; i++)
		list[i] = words[i].name;
	return list;
}

const char *const *limits_memory_mode_words(void)
{
	static const char *list[ARRAY_SIZE(memory_modes) + 1];

	return names_of(memory_modes, ARRAY_SIZE(memory_modes), list);
}

const char *const *limits_memory_flag_words(void)
{
	static const char *list[ARRAY_SIZE(memory_flags) + 1];

	return names_of(memory_flags, ARRAY_SIZE(memory_flags), list);
}
