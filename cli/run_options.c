// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/run_options.h"

#include <errno.h>
#include <string.h>

#include "cli/machine.h"
#include "namespaces/tty.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

/* --- Checks of single values: what is wrong with a word is said before anything is done --------------------------- */

static int check_size(const char *words, struct err *err)
{
	uint64_t bytes;

	return text_size(words, &bytes) < 0
		       ? err_say(err, EINVAL, "'%s' is no size: want something like 64m or 1g", words)
		       : 0;
}

static int check_swap(const char *words, struct err *err)
{
	return strcmp(words, "-1") == 0 ? 0 : check_size(words, err);
}

static int check_cpus(const char *words, struct err *err)
{
	uint64_t thousandths;

	return text_fixed(words, 3, &thousandths) < 0 || thousandths < 10
		       ? err_say(err, EINVAL, "'%s' is no number of CPUs: want 0.01 or more, as 0.5 or 2", words)
		       : 0;
}

static int check_number(const char *words, struct err *err)
{
	int64_t number;

	return text_i64(words, &number) < 0 ? err_say(err, EINVAL, "'%s' is no number", words) : 0;
}

static int check_signal(const char *words, struct err *err)
{
	return proc_signal_parse(words) < 0 ? err_say(err, EINVAL, "'%s' is no signal", words) : 0;
}

static int check_keys(const char *words, struct err *err)
{
	struct tty_keys keys;

	return tty_keys_parse(words, &keys, err);
}

static int check_restart(const char *words, struct err *err)
{
	uint32_t retries;

	static const char *const policies[] = {"no", "always", "unless-stopped", "on-failure"};

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (strcmp(words, policies[i]) == 0)
			return 0;
	if (text_starts(words, "on-failure:") && text_u32(words + strlen("on-failure:"), &retries) == 0)
		return 0;
	return err_say(err, EINVAL, "'%s' is no restart policy: no, on-failure, on-failure:N, always or unless-stopped",
		       words);
}

static int check_pull(const char *words, struct err *err)
{
	if (strcmp(words, "always") == 0)
		return err_say(err, ENOTSUP,
			       "'always' cannot be had: hull talks to no registry: take the image from a file, by "
			       "'hull "
			       "image import FILE'");
	return strcmp(words, "missing") == 0 || strcmp(words, "never") == 0
		       ? 0
		       : err_say(err, EINVAL, "'%s' is neither missing nor never", words);
}

/* 'always' has a refusal of its own. */
static const char *const pull_words[] = {"missing", "never", NULL};
static const char *const userns_words[] = {"auto", "host", NULL};
static const char *const own_or_host[] = {"private", "host", NULL};
static const char *const isolation_words[] = {"ns", "vm", NULL};
static const char *const only_host[] = {"host", NULL};

#define STRING(name, letter, field, argument, help)                                                          \
	{                                                                                                    \
		name, letter, OPTION_STRING, offsetof(struct run_options, field), argument, help, NULL, NULL \
	}
#define CHOICE(name, field, argument, help, words)                                                       \
	{                                                                                                \
		name, 0, OPTION_STRING, offsetof(struct run_options, field), argument, help, words, NULL \
	}
#define CHECKED(name, letter, field, argument, help, check)                                                    \
	{                                                                                                      \
		name, letter, OPTION_CHECKED, offsetof(struct run_options, field), argument, help, NULL, check \
	}
#define LIST(name, letter, field, argument, help)                                                          \
	{                                                                                                  \
		name, letter, OPTION_LIST, offsetof(struct run_options, field), argument, help, NULL, NULL \
	}
#define FLAG(name, letter, field, help)                                                                \
	{                                                                                              \
		name, letter, OPTION_FLAG, offsetof(struct run_options, field), NULL, help, NULL, NULL \
	}

/* clang-format off */
#define COMMON_ROWS \
	LIST("add-host", 0, add_hosts, "NAME:IP", "a line of /etc/hosts; host-gateway is an address too"), \
	LIST("cap-add", 0, cap_add, "CAP", "a capability more, or ALL (within the user namespace)"), \
	LIST("cap-drop", 0, cap_drop, "CAP", "a capability less, or ALL"), \
	CHOICE("cgroupns", cgroupns, "MODE", \
	       "own or the host's cgroup namespace (host: it sees all cgroups' names)", own_or_host), \
	STRING("cidfile", 0, cid_file, "FILE", "write the container's id there"), \
	CHECKED("cpu-period", 0, cpu_period, "MICROSECONDS", "what --cpu-quota is a part of (default 100000)", \
	        check_number), \
	CHECKED("cpu-quota", 0, cpu_quota, "MICROSECONDS", \
	        "at most this much CPU time in every period; -1: any; as --cpus, which is both in one", check_number), \
	CHECKED("cpu-shares", 'c', cpu_shares, "N", "weight of CPU time (1024 is usual)", check_number), \
	CHECKED("cpus", 0, cpus, "N", \
	        "at most so many CPUs' time, as 0.5; a machine has that many, rounded up (default 1)", check_cpus), \
	STRING("cpuset-cpus", 0, cpuset_cpus, "LIST", "run on these CPUs, as 0-3,7"), \
	STRING("cpuset-mems", 0, cpuset_mems, "LIST", "take memory from these nodes"), \
	CHECKED("detach-keys", 0, detach_keys, "KEYS", "keys that detach (default ctrl-p,ctrl-q)", check_keys), \
	LIST("device", 0, devices, "HOST[:INSIDE[:rwm]]", "give access to a device of the host"), \
	LIST("dns", 0, dns, "IP", "name server, instead of the host's"), \
	LIST("dns-option", 0, dns_options, "OPTION", "option of resolv.conf"), \
	LIST("dns-search", 0, dns_search, "DOMAIN", "search domain; '.' is none"), \
	STRING("domainname", 0, domainname, "DOMAIN", "what comes behind the hostname in its whole name"), \
	STRING("entrypoint", 0, entrypoint, "PROGRAM", "instead of the image's entry point; '' is none"), \
	LIST("env", 'e', env, "NAME[=VALUE]", "environment; without a value: the caller's"), \
	LIST("env-file", 0, env_files, "FILE", "environment, a NAME=VALUE a line"), \
	LIST("expose", 0, exposed, "PORT[/udp]", \
	     "a port more for --publish-all; others on the bridge reach every port anyway"), \
	LIST("group-add", 0, groups, "GROUP", "one more group for the process: a name of the image, or a number"), \
	STRING("hostname", 'h', hostname, "NAME", "hostname (default: the beginning of the id)"), \
	FLAG("init", 0, init, "a small init comes first: it reaps zombies and passes signals on"), \
	FLAG("interactive", 'i', interactive, "keep standard input open"), \
	STRING("ip", 0, ip, "IP", "address on the bridge"), \
	STRING("ipc", 0, ipc, "MODE", "private, host (shares the host's memory segments) or container:NAME"), \
	CHOICE("isolation", isolation, "STRENGTH", \
	       "ns: a container (default); vm: a machine with a kernel of its own", isolation_words), \
	STRING("kernel", 0, kernel, "KERNEL", \
	       "with isolation vm: a kernel of 'hull kernel ls' (default: the default one)"), \
	LIST("label", 'l', labels, "KEY[=VALUE]", "a label"), \
	LIST("log-opt", 0, log_options, "KEY=VALUE", "max-size=SIZE (default 10m), max-file=N (default 5)"), \
	STRING("mac-address", 0, mac, "MAC", "address of the interface"), \
	CHECKED("memory", 'm', memory, "SIZE", \
	        "at most this much memory, as 64m (6m is the least); a machine's size (default 512m, the least is " \
	        "64m, or what its kernel needs)", check_size), \
	CHECKED("memory-reservation", 0, memory_reservation, "SIZE", \
	        "kept to when the host is short of memory", check_size), \
	CHECKED("memory-swap", 0, memory_swap, "SIZE", "memory and swap together; -1: any swap", check_swap), \
	LIST("mount", 0, mounts, "type=TYPE,...", "bind, volume or tmpfs, with source=, target=, readonly ..."), \
	STRING("name", 0, name, "NAME", "a name to call it by"), \
	STRING("net", 0, network, "MODE", "the same as --network"), \
	STRING("network", 0, network, "MODE", "bridge, none, host (no isolation of the network) or container:NAME"), \
	CHECKED("oom-score-adj", 0, oom_score_adj, "N", \
	        "-1000 to 1000: who is killed first when memory is out", check_number), \
	STRING("pid", 0, pid, "MODE", "host (sees every process of the host) or container:NAME"), \
	CHECKED("pids-limit", 0, pids_limit, "N", "at most so many processes; -1: any number", check_number), \
	STRING("platform", 0, platform, "OS/ARCH[/VARIANT]", \
	       "what the image has to be for, as linux/amd64; one for another platform is an error"), \
	FLAG("privileged", 0, privileged, \
	     "DANGER: the host's user ids, every capability and device: root inside is root outside; with " \
	     "isolation vm, of the guest's alone"), \
	LIST("publish", 'p', ports, "[IP:]HOST:INSIDE[/udp]", "a port of the host leads to a port inside"), \
	FLAG("publish-all", 'P', publish_all, \
	     "every port that the image or --expose tells, on free ports of the host"), \
	{"pull", 0, OPTION_CHECKED, offsetof(struct run_options, pull), "WHEN", \
	 "nothing is fetched ever: an image that is not there is an error either way", pull_words, check_pull}, \
	FLAG("read-only", 0, read_only, "the root cannot be written to"), \
	CHECKED("restart", 0, restart, "POLICY", \
	        "no, on-failure[:N], always, or unless-stopped, which is the same: a stopped one stays so", \
	        check_restart), \
	FLAG("rm", 0, remove, "remove the container at its end"), \
	FLAG("rootfs", 0, rootfs, "IMAGE is a folder of the host, which is the root itself"), \
	LIST("security-opt", 0, security, "OPTION", \
	     "seccomp=FILE, seccomp=unconfined, no-new-privileges=false, apparmor=PROFILE; unconfined and false " \
	     "take a protection away"), \
	CHECKED("shm-size", 0, shm_size, "SIZE", "of /dev/shm (default 64m)", check_size), \
	CHECKED("stop-signal", 0, stop_signal, "SIGNAL", "what 'stop' sends", check_signal), \
	CHECKED("stop-timeout", 0, stop_timeout, "SECONDS", \
	        "how long 'stop' waits before it kills; -1: for ever", check_number), \
	LIST("sysctl", 0, sysctls, "NAME=VALUE", \
	     "a kernel parameter of its own namespaces; of a machine any, since its kernel is its own"), \
	LIST("tmpfs", 0, tmpfs, "DIR[:OPTIONS]", "an empty folder in memory"), \
	FLAG("tty", 't', tty, "with a terminal"), \
	LIST("ulimit", 0, ulimits, "NAME=SOFT[:HARD]", "a resource limit, as nofile=1024"), \
	STRING("user", 'u', user, "USER[:GROUP]", "who runs it: names of the image, or numbers"), \
	CHOICE("userns", userns, "MODE", \
	       "auto: ids of its own; host: DANGER, root inside is the host's root", userns_words), \
	CHOICE("uts", uts, "MODE", "host: the host's hostname", only_host), \
	LIST("volume", 'v', volumes, "SOURCE:DIR[:OPTIONS]", \
	     "a named volume or a folder of the host; ro, idmap (DANGER: setuid files made inside are the host's), " \
	     "U (change owners)"), \
	LIST("volumes-from", 0, volumes_from, "CONTAINER[:ro]", \
	     "the volumes of another container, where it has them; what is named here comes before"), \
	CHOICE("vm-backend", vm_backend, "BACKEND", \
	       "with isolation vm: what runs it (default: see 'hull vm backends')", machine_backends), \
	STRING("vm-image", 0, vm_image, "FILE", \
	       "with isolation vm: the machine's own root, which is only read (default: it is in memory)"), \
	CHOICE("vm-image-format", vm_image_format, "FORMAT", \
	       "what --vm-image is written in (default raw; the others run on backend qemu)", disk_format_words), \
	STRING("workdir", 'w', workdir, "DIR", "working directory"), \
	OPTIONS_END

static const char *const stream_words[] = {"stdin", "stdout", "stderr", NULL};

const struct option_row run_rows[] = {
	{"attach", 'a', OPTION_LIST, offsetof(struct run_options, attach), "STREAM",
	 "only this stream is the caller's, and others that are named so; without an output: the id is printed",
	 stream_words, NULL},
	FLAG("detach", 'd', detach, "run in the background, and print the id"),
	COMMON_ROWS
};
const struct option_row create_rows[] = {COMMON_ROWS};
const struct option_row update_rows[] = {
	CHECKED("cpu-period", 0, cpu_period, "MICROSECONDS", "what --cpu-quota is a part of", check_number),
	CHECKED("cpu-quota", 0, cpu_quota, "MICROSECONDS", "at most this much CPU time in every period; -1: any",
	        check_number),
	CHECKED("cpu-shares", 'c', cpu_shares, "N", "weight of CPU time (1024 is usual)", check_number),
	CHECKED("cpus", 0, cpus, "N",
	        "at most so many CPUs' time, as 0.5; of a machine that runs at most those it has", check_cpus),
	STRING("cpuset-cpus", 0, cpuset_cpus, "LIST", "run on these CPUs, as 0-3,7"),
	STRING("cpuset-mems", 0, cpuset_mems, "LIST", "take memory from these nodes"),
	CHECKED("memory", 'm', memory, "SIZE",
	        "at most this much memory; 0: no bound; of a machine that runs at most what it was born with",
	        check_size),
	CHECKED("memory-reservation", 0, memory_reservation, "SIZE",
	        "kept to when the host is short of memory", check_size),
	CHECKED("memory-swap", 0, memory_swap, "SIZE", "memory and swap together; -1: any swap", check_swap),
	CHECKED("pids-limit", 0, pids_limit, "N", "at most so many processes; -1: any number", check_number),
	OPTIONS_END
};
/* clang-format on */
