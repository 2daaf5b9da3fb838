/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: every word, words that are none, clients of bad manners. */
#include "runtime/vm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/hv_fake.h"

static struct machine machine;
static struct hv_fake fake;
static struct balloon balloon;
static struct control control;
static unsigned paused_times, resumed_times;
static pthread_t loop_thread;
static int folder_fd, listen_fd, end;

static void paused(bool is_paused)
{
	if (is_paused)
		paused_times++;
	else
		resumed_times++;
}

static void *loop_main(void *argument)
{
	struct err err = ERR_INIT;

	(void)argument;
	end = machine_run(&machine, &err);
	return NULL;
}

static void begin(void)
{
	struct machine_request request = {.memory_bytes = 8 << 20, .cpus = 2, .serial_out_fd = -1};
	struct err err = ERR_INIT;
	char folder[] = "/tmp/hull-control.XXXXXX";

	hv_fake_open(&fake);
	paused_times = resumed_times = 0;
	if (!mkdtemp(folder) || (folder_fd = open(folder, O_PATH | O_CLOEXEC)) < 0)
		abort();
	listen_fd = sock_listen(folder_fd, "control", &err);
	if (listen_fd < 0 || machine_make(&machine, &fake.hv, &request, &err) < 0)
		abort();
	balloon_open(&balloon, &machine.loop, &machine.memory);
	if (machine_add(&machine, &balloon.device, &err) < 0 ||
	    vm_control_open(&control, listen_fd, &machine, &balloon, paused, &err) < 0 ||
	    machine_start(&machine, &err) < 0 || pthread_create(&loop_thread, NULL, loop_main, NULL) != 0)
		abort();
	machine_resume(&machine);
	(void)rmdir(folder); /* fails: the socket's name goes at the end */
}

static void finish(void)
{
	machine_stop(&machine, MACHINE_POWER_OFF, NULL);
	(void)pthread_join(loop_thread, NULL);
	vm_control_close(&control);
	machine_free(&machine);
	balloon_close(&balloon);
	(void)close(listen_fd);
	char name[64], path[64];
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", folder_fd);
	len = readlink(name, path, sizeof(path) - 1);
	(void)unlinkat(folder_fd, "control", 0);
	(void)close(folder_fd);
	if (len > 0) {
		path[len] = '\0';
		CHECK_INT(rmdir(path), 0);
	}
}

static int client(void)
{
	struct err err = ERR_INIT;
	int fd = sock_connect(folder_fd, "control", &err);
	struct timeval patience = {.tv_sec = 10};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The answer to a line, without its end; "" at the end of the stream. */
static const char *ask_bytes(int fd, const char *line, size_t line_len)
{
	static char answer[2048];
	size_t len = 0;

	CHECK_INT(fd_write_all(fd, line, line_len), 0);
	while (len < sizeof(answer) - 1 && recv(fd, answer + len, 1, 0) == 1 && answer[len] != '\n')
		len++;
	answer[len] = '\0';
	return answer;
}

static const char *ask(int fd, const char *line)
{
	return ask_bytes(fd, line, strlen(line));
}

static void test_words(void)
{
	CLEANUP_FD int fd = -1;

	begin();
	fd = client();
	CHECK_HAS(ask(fd, "stats\n"), "\"state\":\"running\",\"cpus\":2,\"memory_bytes\":8388608,\"balloon_bytes\":0");
	CHECK_STR(ask(fd, "pause\n"), "{\"ok\":true}");
	CHECK_STR(ask(fd, "pause\n"), "{\"ok\":true}");
	CHECK_HAS(ask(fd, "stats\n"), "\"state\":\"paused\"");
	CHECK_STR(ask(fd, "resume\n"), "{\"ok\":true}");
	CHECK_STR(ask(fd, "resume\n"), "{\"ok\":true}");
	CHECK_INT(paused_times, 1);
	CHECK_INT(resumed_times, 1);
	CHECK_STR(ask(fd, "balloon 1048576\n"), "{\"ok\":true}");
	CHECK_STR(ask(fd, "stop\n"), "{\"ok\":true}");
	finish();
	CHECK_INT(end, MACHINE_STOPPED);
}

#define NUL_REFUSED "{\"ok\":false,\"error\":\"a line with a NUL byte is no request\"}"

static void test_refused(void)
{
	static const char words[] = "stats\0\n", argument[] = "dirty-rate 1000\0\n", alone[] = "\0\n";
	static const char *const lines[] = {"\n",
					    "Pause\n",
					    "pause now\n",
					    "balloon\n",
					    "balloon -1\n",
					    "balloon x\n",
					    "balloon 8388609\n",
					    "stats \n",
					    "\x01\xff\"\\\n",
					    "dirty-rate\n",
					    "dirty-rate \n",
					    "dirty-rate 0\n",
					    "dirty-rate x\n",
					    "dirty-rate 60001\n"};
	CLEANUP_FD int fd = -1;

	begin();
	fd = client();
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		CHECK_HAS(ask(fd, lines[i]), "{\"ok\":false,\"error\":\"");
	CHECK_STR(ask_bytes(fd, words, sizeof(words) - 1), NUL_REFUSED);
	CHECK_STR(ask_bytes(fd, argument, sizeof(argument) - 1), NUL_REFUSED);
	CHECK_STR(ask_bytes(fd, alone, sizeof(alone) - 1), NUL_REFUSED);
	CHECK_HAS(ask(fd, "stats\nstats\n"), "\"ok\":true");
	CHECK_HAS(ask(fd, ""), "\"ok\":true");
	finish();
}

/* The answer, once it is measured. */
static const char *measured(int fd)
{
	const char *answer = ask(fd, "dirty-rate\n");

	for (int i = 0; i < 1000 && strstr(answer, "measuring"); i++) {
		(void)usleep(1000);
		answer = ask(fd, "dirty-rate\n");
	}
	return answer;
}

/* What processors and devices write, each page once; nothing before it is asked for, and nothing behind. */
static void test_dirty_rate(void)
{
	CLEANUP_FD int fd = -1;

	begin();
	fd = client();
	guest_memory_mark(&machine.memory, 0, 4096);
	CHECK(!machine.memory.written);
	CHECK_STR(ask(fd, "dirty-rate 20\n"), "{\"ok\":true}");
	CHECK_HAS(ask(fd, "dirty-rate 20\n"), "it is being measured already");
	CHECK(fake.slots[0].is_logged && machine.memory.is_logged);
	/* Of these five pages both know one. */
	__atomic_store_n(&fake.slots[0].written, 0xb, __ATOMIC_SEQ_CST);
	guest_memory_mark(&machine.memory, 3 * 4096 + 4095, 2);
	guest_memory_mark(&machine.memory, 8388607, 1);
	guest_memory_mark(&machine.memory, 8388607, 2);
	CHECK_STR(ask(fd, "dirty-rate\n"), "{\"ok\":true,\"status\":\"measuring\"}");
	CHECK_HAS(measured(fd), "{\"ok\":true,\"status\":\"measured\",\"milliseconds\":");
	CHECK_HAS(measured(fd), ",\"bytes\":20480}");
	CHECK(!fake.slots[0].is_logged && !machine.memory.is_logged);
	/* Again, from nothing on. */
	CHECK_STR(ask(fd, "dirty-rate 1\n"), "{\"ok\":true}");
	CHECK_HAS(measured(fd), ",\"bytes\":0}");
	CHECK_STR(ask(fd, "pause\n"), "{\"ok\":true}");
	CHECK_HAS(ask(fd, "dirty-rate 1\n"), "the machine is paused");
	CHECK_STR(ask(fd, "resume\n"), "{\"ok\":true}");
	/* One that fails says so, and leaves nothing on. */
	fake.fail_read = EIO;
	CHECK_STR(ask(fd, "dirty-rate 1\n"), "{\"ok\":true}");
	CHECK_HAS(measured(fd), "{\"ok\":false,\"error\":\"read the log of memory slot 0: ");
	CHECK(!fake.slots[0].is_logged && !machine.memory.is_logged);
	fake.fail_read = 0;
	/* A machine that ends meanwhile. */
	CHECK_STR(ask(fd, "dirty-rate 60000\n"), "{\"ok\":true}");
	finish();
}

/* Of two regions that are to be logged, the second cannot be: then neither is. */
static void test_half_a_log(void)
{
	struct machine_request request = {.memory_bytes = GUEST_LOW_END + (1 << 20), .cpus = 1, .serial_out_fd = -1};
	struct dirty_rate rate = {.machine = &machine};
	struct err err = ERR_INIT;

	hv_fake_open(&fake);
	if (machine_make(&machine, &fake.hv, &request, &err) < 0)
		abort();
	machine.paused = false;
	fake.fail_log = ENOMEM;
	CHECK_INT(dirty_rate_begin(&rate, 1, &err), -ENOMEM);
	CHECK(!fake.slots[0].is_logged && !machine.memory.is_logged);
	CHECK_INT(rate.state, DIRTY_RATE_UNSTARTED);
	fake.fail_log = 0;
	CHECK_INT(dirty_rate_begin(&rate, 1, &err), 0);
	CHECK(fake.slots[0].is_logged && fake.slots[1].is_logged);
	/* The last page of the first region, and the first of the second. */
	guest_memory_mark(&machine.memory, GUEST_LOW_END - 1, 1);
	guest_memory_mark(&machine.memory, GUEST_HIGH_START, 1);
	CHECK(guest_memory_log_take(&machine.memory, 0, GUEST_LOW_END / GUEST_PAGE_BYTES / 64 - 1) == UINT64_C(1)
													      << 63);
	CHECK(guest_memory_log_take(&machine.memory, 1, 0) == 1);
	CHECK(guest_memory_log_take(&machine.memory, 1, 0) == 0);
	dirty_rate_close(&rate);
	machine_free(&machine);
}

/*
 * A line without an end, more clients than there is room for, one that goes away within a line: none disturbs another.
 */
static void test_manners(void)
{
	char endless[CONTROL_LINE_BYTES + 1];
	int many[CONTROL_CLIENTS];
	CLEANUP_FD int extra = -1;

	begin();
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		many[i] = client();
		CHECK_HAS(ask(many[i], "stats\n"), "\"ok\":true");
	}
	extra = client();
	CHECK_STR(ask(extra, ""), "");
	memset(endless, 'x', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	CHECK_STR(ask(many[0], endless), "");
	CHECK_INT(fd_write_all(many[1], "pau", 3), 0);
	(void)close(many[1]);
	CHECK_HAS(ask(many[2], "stats\n"), "running");
	(void)close(many[0]);
	many[0] = client();
	CHECK_HAS(ask(many[0], "stats\n"), "running");
	finish();
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (i != 1)
			(void)close(many[i]);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_words), TAP_CASE(test_refused), TAP_CASE(test_manners), TAP_CASE(test_dirty_rate),
		       TAP_CASE(test_half_a_log));
}
