// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/reword.h"

#include <string.h>

#include "cli/run_options.h"
#include "tests/unit/tap.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What is said of `msg` when `words` are the options of 'run'. In the arena. */
static const char *reword(struct arena *arena, const char *words, const char *msg)
{
	static const struct command command = {.name = "run", .options = run_rows};
	struct run_options options = {0};
	const struct options_parsing how = {
		.tables = (const struct option_row *const[]){run_rows, NULL},
		.structs = (void *[]){&options},
	};
	struct command_call call = {.command = &command, .arena = arena, .options = &options};
	struct strv argv = {0}, operands = {0};
	struct err err = ERR_INIT;

	CHECK_INT(strv_split(arena, &argv, words, " ", false), 0);
	CHECK_INT(options_parse(arena, &how, (int)argv.count, argv.items, &operands, &err), 0);
	(void)err_say(&err, 22, "%s", msg);
	reword_error(&call, &err);
	return arena_strdup(arena, err.msg);
}

static void test_options_and_their_values_are_named(void)
{
	static const struct {
		const char *options, *msg, *want;
	} rows[] = {
		{"--dns 1.1.1.1 --dns bad", "hull.json: network.dns[1]: DNS server 'bad' is no address",
		 "option '--dns': DNS server 'bad' is no address"},
		{"--ulimit nofile=5:1", "process.rlimits[0]: soft 5 is above hard 1",
		 "option '--ulimit': 'nofile=5:1': soft 5 is above hard 1"},
		{"--cpuset-cpus a", "linux.resources: limit 'cpu.cpus': 'a' is no list",
		 "option '--cpuset-cpus': 'a' is no list"},
		{"-m 1k", "linux.resources.memory.limit: 1024 bytes are too little",
		 "option '--memory': '1k': 1024 bytes are too little"},
		{"--cpus 65", "linux.resources.cpu.quota: a machine has 1 to 64",
		 "option '--cpus': '65': a machine has 1 to 64"},
		{"--vm-image /etc", "vm.image.path: '/etc': it is no regular file",
		 "option '--vm-image': '/etc': it is no regular file"},
		{"--vm-image i --vm-image-format vhd", "backend 'kvm': vm.image.format: 'vhd' is for backend 'qemu'",
		 "option '--vm-image-format': 'vhd' is for backend 'qemu'"},
		/* One list after the other, and the last of several contexts. */
		{"-v a:/a --mount x --tmpfs /t", "hull.json: volumes[1]: hull.json: volumes[1].destination: bad",
		 "option '--mount': 'x': bad"},
		{"-v a:/a --mount x --tmpfs /t", "hull.json: volumes[2]: bad", "option '--tmpfs': '/t': bad"},
		{"-v a:/a", "hull.json: volumes[1]: bad", "hull.json: volumes[1]: bad"}, /* the image's */
		{"--sysctl a.b=1 --sysctl c.d=2", "linux.sysctl: sysctl 'c.d' is nobody's",
		 "option '--sysctl': 'c.d=2': sysctl 'c.d' is nobody's"},
		{"-v a:/x --tmpfs /y:size=z", "root file system: mount on '/y': bad",
		 "option '--tmpfs': '/y:size=z': mount on '/y': bad"},
		{"--ulimit core=1 --ulimit memlock=-1", "RLIMIT_MEMLOCK: no",
		 "option '--ulimit': 'memlock=-1': RLIMIT_MEMLOCK: no"},
		{"--ip 1.2", "network: '1.2' is no address", "option '--ip': '1.2' is no address"},
		{"--mac-address x --ip 1.2.3.4", "network: 'x' is no address",
		 "option '--mac-address': 'x' is no address"},
		{"--hostname a,b", "host name 'a,b': no", "option '--hostname': host name 'a,b': no"},
		{"-m 6m", "the process ended: killed, since its memory limit is too little",
		 "option '--memory': '6m': the process ended: killed, since its memory limit is too little"},
		{"-u 1:", "user '1:': no", "option '--user': user '1:': no"},
		{"-u 1:2:3", "group '2:3': no", "option '--user': '1:2:3': group '2:3': no"},
		{"-u=", "user '': no", "option '--user': user '': no"},
		/* Not about what was asked for. */
		{"-u 12", "user '1': no", "user '1': no"},
		{"--dns 1.1.1.1", "user 'x' is not there", "user 'x' is not there"},
		{"--sysctl a.b=1", "sysctl 'x.y' is nobody's", "sysctl 'x.y' is nobody's"},
		{"", "hull.json: network.dns[0]: bad", "hull.json: network.dns[0]: bad"},
		{"--dns 1", "option '--dns': hull.json: network.dns[0]: bad",
		 "option '--dns': hull.json: network.dns[0]: bad"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;

		CHECK_STR(reword(&arena, rows[i].options, rows[i].msg), rows[i].want);
	}
}

static void test_ids_are_short_or_what_the_user_calls_them(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;

	CHECK_STR(reword(&arena, "", "container '" ID "' ends, not '/x/" ID "' and '" ID "'"),
		  "container '0123456789ab' ends, not '/x/" ID "' and '0123456789ab'");
	(void)err_say(&err, 22, "container '" ID "': '" ID "x' and '" ID "'");
	reword_container(ID, "web", &err);
	CHECK_STR(err.msg, "container 'web': '" ID "x' and 'web'");
}

static void test_what_grows_too_long_is_cut(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < 2 * ERR_MSG_BYTES; i++)
		text_add(&words, "x");
	CHECK_INT(strlen(reword(&arena, arena_printf(&arena, "--dns %s", text_get(&words)),
				"hull.json: network.dns[0]: bad")),
		  ERR_MSG_BYTES - 1);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_options_and_their_values_are_named),
		       TAP_CASE(test_ids_are_short_or_what_the_user_calls_them),
		       TAP_CASE(test_what_grows_too_long_is_cut));
}
