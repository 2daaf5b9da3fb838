/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/tap.h"

#include <sys/mount.h>

#include "namespaces/mount_options.h"

static int parse(struct arena *arena, const char *words, struct mount_options *ret, struct err *err)
{
	struct strv list = {0};

	CHECK(strv_split(arena, &list, words, " ", false) == 0);
	return mount_options_parse(arena, &list, ret, err);
}

static void test_flags_and_data(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct mount_options o;

	CHECK_INT(parse(&arena, "nosuid strictatime mode=755 size=65536k sync", &o, &err), 0);
	CHECK_INT(o.one.set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
	CHECK_INT(o.super_flags, MS_SYNCHRONOUS);
	CHECK_STR(o.data, "mode=755,size=65536k");
	CHECK_INT(parse(&arena, "rbind rro rprivate ridmap nosuid", &o, &err), 0);
	CHECK(o.bind && o.bind_tree && o.idmap == MOUNT_IDMAP_TREE && !o.data);
	CHECK_INT(o.tree.set, MOUNT_ATTR_RDONLY);
	CHECK_INT(o.one.set, MOUNT_ATTR_NOSUID);
	CHECK_INT(o.propagation, MS_PRIVATE | MS_REC);
	CHECK_INT(parse(&arena, "", &o, &err), 0);
	CHECK(!o.one.set && !o.one.clear && !o.bind && !o.propagation);
}

static void test_the_last_one_wins(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct mount_options o;

	CHECK_INT(parse(&arena, "ro rw", &o, NULL), 0);
	CHECK_INT(o.one.set, 0);
	CHECK_INT(o.one.clear, MOUNT_ATTR_RDONLY);
	CHECK_INT(parse(&arena, "rw ro", &o, NULL), 0);
	CHECK_INT(o.one.set, MOUNT_ATTR_RDONLY);
	CHECK_INT(o.one.clear, 0);
	CHECK_INT(parse(&arena, "noatime strictatime", &o, NULL), 0);
	CHECK_INT(o.one.set, MOUNT_ATTR_STRICTATIME);
	CHECK_INT(parse(&arena, "noatime relatime", &o, NULL), 0);
	CHECK_INT(o.one.set, 0);
	CHECK_INT(o.one.clear, MOUNT_ATTR__ATIME);
	CHECK_INT(parse(&arena, "sync async lazytime", &o, NULL), 0);
	CHECK_INT(o.super_flags, MS_LAZYTIME);
}

static bool same_change(const struct mount_change *one, const struct mount_change *other)
{
	return one->set == other->set && one->clear == other->clear;
}

static bool same(const struct mount_options *one, const struct mount_options *other)
{
	return same_change(&one->one, &other->one) && same_change(&one->tree, &other->tree) &&
	       one->super_flags == other->super_flags && one->propagation == other->propagation &&
	       one->idmap == other->idmap && one->bind == other->bind && one->bind_tree == other->bind_tree &&
	       one->remount == other->remount && one->copy_up == other->copy_up &&
	       one->source_nofollow == other->source_nofollow;
}

/* What is said of the options of any two words is the same options again. */
static void test_words_and_back(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *const *known = mount_options_known();

	for (size_t one = 0; known[one]; one++) {
		for (size_t other = 0; known[other]; other++) {
			const char *both = arena_printf(&arena, "%s %s", known[one], known[other]), *word;
			struct mount_options options, again;
			struct strv words = {0};
			size_t at = 0;

			/* Some want a bind beside them, some want none. */
			if (parse(&arena, both, &options, NULL) < 0 &&
			    parse(&arena, arena_printf(&arena, "rbind %s", both), &options, NULL) < 0)
				continue;
			while ((word = mount_options_word(&options, &at)))
				(void)strv_add(&arena, &words, word);
			CHECK_INT(mount_options_parse(&arena, &words, &again, NULL), 0);
			CHECK(same(&options, &again));
			CHECK(words.count <= 3);
		}
	}
	CHECK_STR(mount_propagation_name((uint64_t)mount_propagation_parse("rslave")), "rslave");
	CHECK(!mount_propagation_name(0));
}

static void test_nonsense_is_refused(void)
{
	static const char *const bad[][2] = {
		{"bind size=5", "size=5"},	  {"rbind tmpcopyup", "tmpcopyup"},   {"idmap", "idmap"},
		{"src-nofollow", "src-nofollow"}, {"bind no-such-option", "no-such"},
	};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct mount_options o;
	char *empty[] = {(char[]){""}, NULL};
	char long_word[5000];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(parse(&arena, bad[i][0], &o, &err), -EINVAL);
		CHECK_HAS(err.msg, bad[i][1]);
	}
	CHECK_INT(mount_options_parse(&arena, &(struct strv){.items = empty, .count = 1}, &o, NULL), -EINVAL);
	memset(long_word, 'x', sizeof(long_word));
	long_word[sizeof(long_word) - 1] = '\0';
	CHECK_INT(parse(&arena, long_word, &o, NULL), -EINVAL);
}

/* Every word that the specification names is in the table, and the table is sorted (it is searched by halves). */
static void test_the_table(void)
{
	static const char *const words[] = {
		"async",
		"atime",
		"bind",
		"defaults",
		"dev",
		"diratime",
		"dirsync",
		"exec",
		"iversion",
		"lazytime",
		"loud",
		"mand",
		"noatime",
		"nodev",
		"nodiratime",
		"noexec",
		"noiversion",
		"nolazytime",
		"nomand",
		"norelatime",
		"nostrictatime",
		"nosuid",
		"nosymfollow",
		"private",
		"ratime",
		"rbind",
		"rdev",
		"rdiratime",
		"relatime",
		"remount",
		"rexec",
		"rnoatime",
		"rnodev",
		"rnodiratime",
		"rnoexec",
		"rnorelatime",
		"rnostrictatime",
		"rnosuid",
		"rnosymfollow",
		"ro",
		"rprivate",
		"rrelatime",
		"rro",
		"rrw",
		"rshared",
		"rslave",
		"rstrictatime",
		"rsuid",
		"rsymfollow",
		"runbindable",
		"rw",
		"shared",
		"silent",
		"slave",
		"strictatime",
		"suid",
		"symfollow",
		"sync",
		"tmpcopyup",
		"unbindable",
		"idmap",
		"ridmap",
		"src-nofollow",
	};
	const char *const *known = mount_options_known();
	size_t count = 0;

	for (; known[count]; count++)
		CHECK(count == 0 || strcmp(known[count - 1], known[count]) < 0);
	CHECK_INT(count, ARRAY_SIZE(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		bool found = false;

		for (size_t k = 0; k < count; k++)
			found |= strcmp(known[k], words[i]) == 0;
		if (!found)
			tap_fail(__FILE__, __LINE__, words[i]);
	}
	CHECK_INT(mount_propagation_parse("rslave"), MS_SLAVE | MS_REC);
	CHECK_INT(mount_propagation_parse("ro"), -EINVAL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_flags_and_data), TAP_CASE(test_the_last_one_wins), TAP_CASE(test_words_and_back),
		       TAP_CASE(test_nonsense_is_refused), TAP_CASE(test_the_table));
}
