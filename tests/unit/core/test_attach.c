/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's side of attaching, against the real keeper; the user's terminal is one end of a pseudo-terminal. */
#include <poll.h>
#include <termios.h>

#include "tests/unit/core/keeper_fixture.h"

/* A file without a name. */
static int make_file(void)
{
	return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static const char *contents_of(int fd)
{
	static char data[4096];
	ssize_t n = pread(fd, data, sizeof(data) - 1, 0);

	data[n > 0 ? n : 0] = '\0';
	return data;
}

static struct attach_request request_for(const struct fixture *f, int input, int output, int error)
{
	return (struct attach_request){.fd = f->client,
				       .input = input,
				       .output = output,
				       .error = error,
				       .terminal = -1};
}

static void test_streams_and_code(void)
{
	struct fixture f = {.script = "cat; echo bad >&2; exit 9", .with_input = true, .with_client = true};
	int out = make_file();
	int error = make_file();
	struct attach_request request;
	struct attach_result result;
	struct err err = ERR_INIT;
	int in[2];

	if (!fixture_start(&f))
		return;
	CHECK(pipe2(in, O_CLOEXEC) == 0);
	CHECK(write(in[1], "hello\n", 6) == 6);
	(void)close(in[1]);
	request = request_for(&f, in[0], out, error);
	CHECK_INT(attach_run(&request, &result, &err), 0);
	CHECK(result.known && !result.detached);
	CHECK_INT(result.code, 9);
	CHECK_STR(contents_of(out), "hello\n");
	CHECK_STR(contents_of(error), "bad\n");
	CHECK_INT(fixture_wait(f.keeper), 0);
	(void)close(in[0]);
	(void)close(out);
	(void)close(error);
	fixture_end(&f);
}

/* A file is always readable, which epoll does not take; /dev/null neither. */
static void test_input_from_files(void)
{
	for (int is_null = 0; is_null < 2; is_null++) {
		struct fixture f = {.script = "wc -c", .with_input = true, .with_client = true};
		int out = make_file();
		int in = is_null ? open("/dev/null", O_RDONLY | O_CLOEXEC) : make_file();
		struct attach_request request;
		struct attach_result result;

		if (!fixture_start(&f))
			return;
		if (!is_null)
			CHECK(ftruncate(in, 1000000) == 0);
		request = request_for(&f, in, out, -1);
		CHECK_INT(attach_run(&request, &result, NULL), 0);
		CHECK_STR(contents_of(out), is_null ? "0\n" : "1000000\n");
		CHECK_INT(fixture_wait(f.keeper), 0);
		(void)close(in);
		(void)close(out);
		fixture_end(&f);
	}
}

static void test_killed_program_and_killed_keeper(void)
{
	struct fixture f = {.script = "kill -15 $$", .with_client = true};
	struct attach_request request;
	struct attach_result result;
	struct err err = ERR_INIT;

	if (!fixture_start(&f))
		return;
	request = request_for(&f, -1, -1, -1);
	CHECK_INT(attach_run(&request, &result, &err), 0);
	CHECK_INT(result.code, 143);
	CHECK_INT(result.signal, 15);
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_end(&f);

	f = (struct fixture){.script = FIXTURE_WAIT_FOR_GO "kill -9 $PPID; sleep 0.2", .with_client = true};
	if (!fixture_start(&f))
		return;
	fixture_go(&f);
	request = request_for(&f, -1, -1, -1);
	CHECK_INT(attach_run(&request, &result, &err), -ECONNRESET);
	CHECK_HAS(err.msg, "keeper went away");
	CHECK(!result.known);
	CHECK_INT(fixture_wait(f.keeper), SIGKILL);
	fixture_end(&f);
}

static void test_closed_output(void)
{
	struct fixture f = {.script = "sleep 0.1; echo x; sleep 0.1; exit 1", .with_client = true};
	struct sigaction now;
	struct attach_request request;
	struct attach_result result;
	struct err err = ERR_INIT;
	int out[2];

	if (!fixture_start(&f))
		return;
	CHECK(pipe2(out, O_CLOEXEC) == 0);
	(void)close(out[0]);
	request = request_for(&f, -1, out[1], -1);
	CHECK_INT(attach_run(&request, &result, &err), -EPIPE);
	CHECK(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
	(void)close(out[1]);
	(void)close(f.client);
	f.client = -1;
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_end(&f);
}

static void pass_on(void *user, int signo)
{
	(void)kill(((const struct fixture *)user)->program, signo);
}

static void test_signals_are_passed_on(void)
{
	struct fixture f = {.script = "trap 'exit 42' USR1; : >\"$0/up\"; while :; do sleep 0.02; done",
			    .with_client = true};
	struct attach_request request;
	struct attach_result result;
	pid_t parent = getpid(), sender;
	sigset_t passed_on;

	if (!fixture_start(&f))
		return;
	request = request_for(&f, -1, -1, -1);
	request.signalled = pass_on;
	request.user = &f;
	/* One that comes early waits. */
	(void)sigemptyset(&passed_on);
	(void)sigaddset(&passed_on, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &passed_on, NULL);
	sender = fork();
	if (sender == 0) {
		while (!fixture_has(&f, "up"))
			(void)usleep(2000);
		(void)kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK_INT(attach_run(&request, &result, NULL), 0);
	CHECK_INT(result.code, 42);
	(void)sigprocmask(SIG_UNBLOCK, &passed_on, NULL);
	CHECK_INT(fixture_wait(sender), 0);
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_end(&f);
}

/* What comes out of the user's side of the terminal, until `words` has come or half a minute has passed. */
static bool wait_for(int master, const char *words)
{
	static char seen[4096];
	size_t len = 0;

	for (unsigned tries = 0; tries < 300; tries++) {
		struct pollfd readable = {.fd = master, .events = POLLIN};
		ssize_t n = poll(&readable, 1, 100) > 0 ? read(master, seen + len, sizeof(seen) - 1 - len) : 0;

		len += n > 0 ? (size_t)n : 0;
		seen[len] = '\0';
		if (strstr(seen, words))
			return true;
	}
	printf("# seen: %s\n", seen);
	return false;
}

/* The user: types, changes the window, detaches. The exit code tells at which step something was wrong. */
static int act_as_user(int master, pid_t client)
{
	struct winsize size = {.ws_row = 30, .ws_col = 90};

	if (!wait_for(master, "24 80"))
		return 1;
	(void)ioctl(master, TIOCSWINSZ, &size);
	/* The terminal is not the client's own: the kernel tells only that one's foreground processes. */
	(void)kill(client, SIGWINCH);
	if (write(master, "first\r", 6) != 6 || !wait_for(master, "30 90"))
		return 2;
	/*
	 * Ctrl-C goes to the program's terminal, not to us; ctrl-p alone goes through as well, once something else
	 * follows.
	 */
	if (write(master, "\x10z\r", 3) != 3 || !wait_for(master, "<\x10z>"))
		return 3;
	return write(master, "\x10\x11", 2) == 2 ? 0 : 4;
}

static void test_terminal_and_detaching(void)
{
	struct fixture f = {.script = "size() { until stty size | grep \"$1\"; do sleep 0.02; done; }; stty -echo; "
				      "size '24 80'; read x; size '30 90'; read y; echo \"<$y>\"; read z; exit 8",
			    .with_client = true,
			    .with_terminal = true};
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct termios before, after;
	struct attach_request request;
	struct attach_result result;
	int master, slave, fd;
	pid_t user, parent = getpid();

	CHECK(openpty(&master, &slave, NULL, NULL, &size) == 0);
	CHECK(tcgetattr(slave, &before) == 0);
	if (!fixture_start(&f))
		return;
	user = fork();
	if (user == 0)
		_exit(act_as_user(master, parent));
	request = request_for(&f, slave, slave, -1);
	request.terminal = slave;
	CHECK_INT(attach_run(&request, &result, NULL), 0);
	CHECK(result.detached && !result.known);
	CHECK(tcgetattr(slave, &after) == 0);
	CHECK_INT(after.c_lflag, before.c_lflag);
	CHECK_INT(fixture_wait(user), 0);

	/* It runs on, and one can come back. */
	(void)close(f.client);
	fd = f.client = attach_connect(f.state_fd, NULL);
	CHECK(fd >= 0);
	CHECK(write(master, "\r", 1) == 1);
	CHECK_INT(attach_run(&(struct attach_request){.fd = fd,
						      .input = slave,
						      .output = slave,
						      .error = -1,
						      .terminal = slave},
			     &result, NULL),
		  0);
	CHECK(result.known && result.code == 8);
	CHECK_INT(fixture_wait(f.keeper), 0);
	(void)close(master);
	(void)close(slave);
	fixture_end(&f);
}

static void test_nobody_there(void)
{
	struct err err = ERR_INIT;
	int folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(attach_connect(folder, &err), -ENOENT);
	CHECK_HAS(err.msg, "attach");
	(void)close(folder);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_streams_and_code), TAP_CASE(test_input_from_files),
		       TAP_CASE(test_killed_program_and_killed_keeper), TAP_CASE(test_closed_output),
		       TAP_CASE(test_signals_are_passed_on), TAP_CASE(test_terminal_and_detaching),
		       TAP_CASE(test_nobody_there));
}
