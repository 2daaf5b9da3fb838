/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hull-systemd: asks systemd for what the systemd cgroup driver needs, over D-Bus. A program of its own, since
 * libsystemd is a shared library only and costs a start more than all else together; run by cgroups/systemd.c alone.
 *
 *     hull-systemd system|user start UNIT PROPERTY...   makes a scope around this very process, and stays in it until
 *                                                       it is killed
 *     hull-systemd system|user set UNIT PROPERTY...     changes properties, until the next boot
 *     hull-systemd system|user attach UNIT PID          moves a process into the unit's cgroup
 *     hull-systemd system|user stop UNIT                stops it and forgets that it failed; a unit that is not there
 *                                                       is stopped already
 *
 * PROPERTY is NAME=TYPE:VALUE, see properties below; 253?NAME=TYPE:VALUE is left out where systemd is older than 253.
 * The answer is one line on stdout: "ok PATH" (the unit's cgroup, for start), "ok", or "failed WORDS".
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT	"/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

/* A busy machine's systemd takes its time; one that is stuck must not hold the caller for ever. */
#define JOB_SECONDS    20
#define MAX_LIST_BYTES 1024

/* Says it on stdout, in one line. */
static int fail(int error, const char *what, const char *words)
{
	printf("failed %s: %s\n", what, words ? words : strerror(error < 0 ? -error : error));
	return EXIT_FAILURE;
}

/* --- properties --------------------------------------------------------------------------------------------------- */

static int append_bool(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "b", strcmp(value, "true") == 0);
}

static int append_string(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "s", value);
}

static int append_u32(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "u", (uint32_t)strtoul(value, NULL, 10));
}

static int append_i32(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "i", (int32_t)strtol(value, NULL, 10));
}

static int append_u64(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "t", (uint64_t)strtoull(value, NULL, 10));
}

static int append_i64(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "x", (int64_t)strtoll(value, NULL, 10));
}

static int append_double(sd_bus_message *m, const char *value)
{
	return sd_bus_message_append(m, "v", "d", strtod(value, NULL));
}

/* "a b c": words of their own. */
static int append_strings(sd_bus_message *m, const char *value)
{
	char words[MAX_LIST_BYTES], *position = NULL;
	int r = sd_bus_message_open_container(m, 'v', "as");

	if (strlen(value) >= sizeof(words))
		return -E2BIG;
	strcpy(words, value);
	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "s");
	for (char *word = strtok_r(words, " ", &position); word && r >= 0; word = strtok_r(NULL, " ", &position))
		r = sd_bus_message_append(m, "s", word);
	r = r < 0 ? r : sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* "0-3,7" as systemd wants it: a bit for each, the lowest first. */
static int append_bits(sd_bus_message *m, const char *value)
{
	uint8_t bits[MAX_LIST_BYTES] = {0};
	size_t used = 0;
	int r;

	for (const char *at = value; *at;) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (end == at || last < first || last >= sizeof(bits) * 8)
			return -EINVAL;
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= (uint8_t)(1 << (i % 8));
		used = last / 8 + 1 > used ? last / 8 + 1 : used;
		at = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			return -EINVAL;
	}
	r = sd_bus_message_open_container(m, 'v', "ay");
	r = r < 0 ? r : sd_bus_message_append_array(m, 'y', bits, used);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* "/dev/char/1:3 rwm;char-pts rw" */
static int append_devices(sd_bus_message *m, const char *value)
{
	int r = sd_bus_message_open_container(m, 'v', "a(ss)");

	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "(ss)");
	while (*value && r >= 0) {
		char node[128], access[8];
		int len = 0;

		if (sscanf(value, "%127[^ ;] %7[rwm]%n", node, access, &len) != 2)
			return -EINVAL;
		r = sd_bus_message_append(m, "(ss)", node, access);
		value += len;
		value += *value == ';';
	}
	r = r < 0 ? r : sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static const struct {
	const char *type;
	int (*append)(sd_bus_message *m, const char *value);
} properties[] = {
	{"b", append_bool},    {"s", append_string},	    {"u", append_u32},	  {"i", append_i32},
	{"t", append_u64},     {"x", append_i64},	    {"d", append_double}, {"as", append_strings},
	{"bits", append_bits}, {"devices", append_devices},
};

/* NAME=TYPE:VALUE */
static int append_property(sd_bus_message *m, const char *words)
{
	const char *equals = strchr(words, '='), *colon = equals ? strchr(equals, ':') : NULL;
	char name[64], type[16];
	int r;

	if (!colon || (size_t)(equals - words) >= sizeof(name) || (size_t)(colon - equals - 1) >= sizeof(type))
		return -EINVAL;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(equals - words), words);
	(void)snprintf(type, sizeof(type), "%.*s", (int)(colon - equals - 1), equals + 1);
	r = sd_bus_message_open_container(m, 'r', "sv");
	r = r < 0 ? r : sd_bus_message_append(m, "s", name);
	for (size_t i = 0; r >= 0 && i < sizeof(properties) / sizeof(*properties); i++)
		if (strcmp(properties[i].type, type) == 0) {
			r = properties[i].append(m, colon + 1);
			return r < 0 ? r : sd_bus_message_close_container(m);
		}
	return r < 0 ? r : -EINVAL;
}

/* "252.38-1~deb12u1" as 252; 0: it does not say. */
static unsigned long version_of_systemd(sd_bus *bus)
{
	char *words = NULL;
	unsigned long version;

	if (sd_bus_get_property_string(bus, SERVICE, OBJECT, MANAGER, "Version", NULL, &words) < 0)
		return 0;
	version = strtoul(words, NULL, 10);
	free(words);
	return version;
}

/* The property without what it is marked with; NULL: this systemd does not know it, and would refuse all of them. */
static const char *without_mark(sd_bus *bus, const char *words)
{
	char *end;
	unsigned long since = strtoul(words, &end, 10);

	if (end == words || *end != '?')
		return words;
	return version_of_systemd(bus) >= since ? end + 1 : NULL;
}

static int append_properties(sd_bus *bus, sd_bus_message *m, char **words, bool with_self)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (; *words && r >= 0; words++) {
		const char *property = without_mark(bus, *words);

		r = property ? append_property(m, property) : 0;
	}
	if (r >= 0 && with_self)
		r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, (uint32_t)getpid());
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* --- jobs --------------------------------------------------------------------------------------------------------- */

struct job {
	char path[256]; /* empty: not known yet */
	char ended[256], result[32];
};

/*
 * The signal may be ahead of the answer that names the job: systemd sends both, the bus keeps their order, and the
 * answer is first.
 */
static int note_end(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &id, &path, NULL, &result) < 0 || strcmp(path, job->path) != 0)
		return 0;
	(void)snprintf(job->ended, sizeof(job->ended), "%s", path);
	(void)snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

static int watch_jobs(sd_bus *bus, struct job *job)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_match_signal(bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", note_end, job);

	/* Without a subscriber systemd tells nothing. */
	r = r < 0 ? r : sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "Subscribe", &error, NULL, NULL);
	sd_bus_error_free(&error);
	return r;
}

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int wait_for_job(sd_bus *bus, const struct job *job)
{
	uint64_t deadline = now_usec() + JOB_SECONDS * UINT64_C(1000000);

	while (!*job->ended) {
		uint64_t now = now_usec();
		int r = sd_bus_process(bus, NULL);

		if (r == 0 && now >= deadline)
			return -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(bus, deadline - now);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

/* Sends a call whose answer is a job, and waits for the job's end. */
static int run_job(sd_bus *bus, struct job *job, sd_bus_message *call, const char *what)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path;
	int r = sd_bus_call(bus, call, 0, &error, &reply);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return fail(r, what, error.message);
	(void)snprintf(job->path, sizeof(job->path), "%s", path);
	sd_bus_message_unref(reply);
	r = wait_for_job(bus, job);
	if (r < 0)
		return fail(r, what, r == -ETIMEDOUT ? "systemd does not finish the job" : NULL);
	return strcmp(job->result, "done") == 0 ? EXIT_SUCCESS : fail(EIO, what, job->result);
}

/* --- verbs -------------------------------------------------------------------------------------------------------- */

static int tell_cgroup(sd_bus *bus, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *object;
	char *path = NULL;
	int r = sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "GetUnit", &error, &reply, "s", unit);

	r = r < 0 ? r : sd_bus_message_read(reply, "o", &object);
	r = r < 0 ? r
		  : sd_bus_get_property_string(bus, SERVICE, object, SERVICE ".Scope", "ControlGroup", &error, &path);
	if (r < 0)
		return fail(r, "ask for the unit's cgroup", error.message);
	printf("ok %s\n", path);
	return EXIT_SUCCESS;
}

static int start(sd_bus *bus, const char *unit, char **words)
{
	sd_bus_message *call = NULL;
	struct job job = {0};
	int r = watch_jobs(bus, &job);

	r = r < 0 ? r : sd_bus_message_new_method_call(bus, &call, SERVICE, OBJECT, MANAGER, "StartTransientUnit");
	r = r < 0 ? r : sd_bus_message_append(call, "ss", unit, "fail");
	r = r < 0 ? r : append_properties(bus, call, words, true);
	r = r < 0 ? r : sd_bus_message_append(call, "a(sa(sv))", 0);
	if (r < 0)
		return fail(r, "ask for a scope", NULL);
	r = run_job(bus, &job, call, "start the scope");
	sd_bus_message_unref(call);
	if (r == EXIT_SUCCESS)
		r = tell_cgroup(bus, unit);
	if (r == EXIT_SUCCESS)
		r = fflush(stdout);
	sd_bus_flush_close_unref(bus);
	/*
	 * systemd takes a scope away as soon as it is empty: this process holds the place until the container's first
	 * one is there.
	 */
	if (r != EXIT_SUCCESS)
		return r;
	for (;;)
		(void)pause();
}

static int set(sd_bus *bus, const char *unit, char **words)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(bus, &call, SERVICE, OBJECT, MANAGER, "SetUnitProperties");

	r = r < 0 ? r : sd_bus_message_append(call, "sb", unit, true);
	r = r < 0 ? r : append_properties(bus, call, words, false);
	r = r < 0 ? r : sd_bus_call(bus, call, 0, &error, NULL);
	if (r < 0)
		return fail(r, "set the unit's properties", error.message);
	puts("ok");
	return EXIT_SUCCESS;
}

static int attach(sd_bus *bus, const char *unit, char **words)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint32_t pid = *words ? (uint32_t)strtoul(*words, NULL, 10) : 0;
	int r = sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "AttachProcessesToUnit", &error, NULL, "ssau", unit,
				   "", 1, pid);

	if (r < 0)
		return fail(r, "move a process into the unit", error.message);
	puts("ok");
	return EXIT_SUCCESS;
}

static int stop(sd_bus *bus, const char *unit, char **words)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	struct job job = {0};
	const char *path;
	int r = watch_jobs(bus, &job);

	(void)words;
	r = r < 0 ? r
		  : sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "StopUnit", &error, &reply, "ss", unit,
				       "replace");
	if (r < 0 && !sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit"))
		return fail(r, "stop the unit", error.message);
	if (r >= 0 && sd_bus_message_read(reply, "o", &path) >= 0) {
		(void)snprintf(job.path, sizeof(job.path), "%s", path);
		r = wait_for_job(bus, &job);
		if (r < 0)
			return fail(r, "stop the unit", "systemd does not finish the job");
	}
	/* One that did not fail has nothing to forget. */
	(void)sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
	puts("ok");
	return EXIT_SUCCESS;
}

static const struct {
	const char *name;
	int (*run)(sd_bus *bus, const char *unit, char **words);
} verbs[] = {{"start", start}, {"set", set}, {"attach", attach}, {"stop", stop}};

int main(int argc, char **argv)
{
	bool user = argc > 1 && strcmp(argv[1], "user") == 0;
	sd_bus *bus = NULL;
	int r;

	if (argc < 4)
		return fail(EINVAL, "hull-systemd", "it is run by hull alone");
	r = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
	if (r < 0)
		return fail(r, user ? "connect to the user's systemd (is there a session bus?)" : "connect to systemd",
			    NULL);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(argv[2], verbs[i].name) == 0)
			return verbs[i].run(bus, argv[3], argv + 4);
	return fail(EINVAL, argv[2], NULL);
}
