/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the systemd driver says to systemd: names, places, properties.
 */
#include "cgroups/systemd_unit.h"
#include "tests/unit/tap.h"

static struct err err;

static const struct {
	const char *path;
	bool user;
	const char *name, *slice, *place;
} names[] = {
	{"system.slice:hull:a", false, "hull-a.scope", "system.slice", "/system.slice/hull-a.scope"},
	{":hull:a", false, "hull-a.scope", "system.slice", "/system.slice/hull-a.scope"},
	{":hull:a", true, "hull-a.scope", "user.slice", "/user.slice/hull-a.scope"},
	{"a-b-c.slice::x", false, "x.scope", "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice/x.scope"},
	{"-.slice:p:x", false, "p-x.scope", "-.slice", "/p-x.scope"},
	{"m.slice:libpod:1f2e", false, "libpod-1f2e.scope", "m.slice", "/m.slice/libpod-1f2e.scope"},
	{"m.slice:p:a+b_c.d", false, "p-a\\x2bb_c.d.scope", "m.slice", "/m.slice/p-a\\x2bb_c.d.scope"},
};

static void test_names(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct cg_unit unit = {0};

		CHECK_INT(cg_unit_parse(&arena, names[i].path, names[i].user, &unit, &err), 0);
		CHECK_STR(unit.name, names[i].name);
		CHECK_STR(unit.slice, names[i].slice);
		CHECK_STR(cg_unit_place(&arena, &unit), names[i].place);
	}
}

static void test_refused_names(void)
{
	static const char *const paths[] = {
		"/a/b",		 "a.slice",	  "a.slice:b",	   "a.slice:b:c:d",  "a.slice:b:",
		"a:b:c",	 ".slice:b:c",	  "-a.slice:b:c",  "a--b.slice:b:c", "a-.slice:b:c",
		"a/b.slice:b:c", "a.slice:b:c/d", "a.slice:b c:d", "a.slice:b:\n",   "../a.slice:b:c",
	};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct cg_unit unit = {0};

		if (cg_unit_parse(&arena, paths[i], false, &unit, &err) != -EINVAL)
			printf("# '%s'\n", paths[i]);
		CHECK_INT(cg_unit_parse(&arena, paths[i], false, &unit, &err), -EINVAL);
		CHECK_HAS(err.msg, "cgroup path");
	}
}

static const struct cg_device_rule rules[] = {
	{false, 'a', -1, -1, true, true, true},
	{true, 'c', 1, 3, true, true, true},
	{true, 'b', -1, -1, false, false, true},
};

static const struct cg_unified files[] = {{"memory.high", "4096"}, {"pids.max", "max"}, {"memory.oom.group", "1"}};

static const struct cg_limits limits = {
	.memory_limit = {true, 1000},
	.memory_reservation = {true, -1},
	.memory_swap = {true, 3000},
	.cpu_shares = {true, 1024},
	.cpu_quota_us = {true, 33333},
	.cpu_period_us = {true, 50000},
	.cpuset_cpus = "0-1",
	.pids_limit = {true, -1},
	.devices = rules,
	.device_count = ARRAY_SIZE(rules),
	.unified = files,
	.unified_count = ARRAY_SIZE(files),
};

static void check_properties(enum cg_layout_kind kind, const char *const *wanted)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct cg_layout layout = {.kind = kind};
	struct strv found = {0};
	size_t count = 0;

	CHECK_INT(cg_unit_properties(&arena, &limits, &layout, &found, &err), 0);
	for (; wanted[count]; count++)
		CHECK_STR(count < found.count ? found.items[count] : "", wanted[count]);
	CHECK_INT(found.count, count);
}

static void test_what_a_unit_has_from_its_start(void)
{
	static const struct cg_unified none[] = {{"memory.high", "1"}}, off[] = {{"memory.oom.group", "0"}};
	const struct cg_limits of_none = {.unified = none, .unified_count = 1},
			       of_off = {.unified = off, .unified_count = 1};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv found = {0};

	CHECK_INT(cg_unit_first_properties(&arena, NULL, &found, &err), 0);
	CHECK_INT(cg_unit_first_properties(&arena, &of_none, &found, &err), 0);
	CHECK_INT(found.count, 0);
	CHECK_INT(cg_unit_first_properties(&arena, &limits, &found, &err), 0);
	CHECK_INT(cg_unit_first_properties(&arena, &of_off, &found, &err), 0);
	CHECK_INT(found.count, 2);
	CHECK_STR(found.count > 0 ? found.items[0] : "", "253?OOMPolicy=s:kill");
	CHECK_STR(found.count > 1 ? found.items[1] : "", "253?OOMPolicy=s:continue");
}

static void test_properties(void)
{
	static const char *const v2[] = {
		"MemoryMax=t:1000",
		"MemoryLow=t:0",
		"MemorySwapMax=t:2000",
		"CPUWeight=t:100",
		"CPUQuotaPeriodUSec=t:50000",
		"CPUQuotaPerSecUSec=t:670000",
		"AllowedCPUs=bits:0-1",
		"TasksMax=t:18446744073709551615",
		"MemoryHigh=t:4096",
		"TasksMax=t:18446744073709551615",
		NULL,
	};
	static const char *const v1[] = {
		"MemoryLimit=t:1000",
		"CPUShares=t:1024",
		"CPUQuotaPeriodUSec=t:50000",
		"CPUQuotaPerSecUSec=t:670000",
		"TasksMax=t:18446744073709551615",
		"DevicePolicy=s:strict",
		"DeviceAllow=devices:/dev/char/1:3 rwm;block-* m;",
		"MemoryHigh=t:4096",
		"TasksMax=t:18446744073709551615",
		NULL,
	};

	check_properties(CG_LAYOUT_V2, v2);
	check_properties(CG_LAYOUT_HYBRID, v1);
}

static const struct {
	const char *name, *value, *property; /* property NULL: refused */
} annotations[] = {
	{"SendSIGHUP", "true", "SendSIGHUP=b:true"},
	{"CollectMode", "'inactive-or-failed'", "CollectMode=s:inactive-or-failed"},
	{"Description", "\"a: b=c\"", "Description=s:a: b=c"},
	{"TimeoutStopUSec", "uint64 123", "TimeoutStopUSec=t:123"},
	{"TimeoutStopSec", "uint64 7", "TimeoutStopUSec=t:7000000"},
	{"TimeoutStopSec", "7", "TimeoutStopUSec=t:7000000"},
	{"LimitX", "-5", "LimitX=i:-5"},
	{"LimitX", "int64 -5", "LimitX=x:-5"},
	{"LimitX", "double 0.5", "LimitX=d:0.5"},
	{"After", "['a.service', 'b.service']", "After=as:a.service b.service"},
	{"Description", "words", NULL},
	{"Description", "'words", NULL},
	{"Description", "'words' more", NULL},
	{"Description", "", NULL},
	{"After", "['a b']", NULL},
	{"After", "['a'", NULL},
	{"TimeoutStopSec", "-7", NULL},
	{"A=b", "true", NULL},
	{"", "true", NULL},
};

static void test_annotations(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++) {
		struct strv found = {0};
		int r = cg_unit_take_property(&arena, annotations[i].name, annotations[i].value, &found, &err);

		CHECK_INT(r, annotations[i].property ? 0 : -EINVAL);
		CHECK_STR(found.count ? found.items[0] : "", annotations[i].property ? annotations[i].property : "");
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_names), TAP_CASE(test_refused_names), TAP_CASE(test_properties),
		       TAP_CASE(test_what_a_unit_has_from_its_start), TAP_CASE(test_annotations));
}
