// SPDX-License-Identifier: GPL-2.0-or-later
/* Between a program's terminal and its user: bytes both ways, keys that detach, sizes, and ends. */
#include "namespaces/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static int ended_how;

static void ended(struct loop *loop, struct tty_relay *relay, enum tty_end how)
{
	(void)relay;
	ended_how = (int)how;
	loop_stop(loop, 0);
}

/* A shell script on a pair, its keys from `typed`, what the user sees in `seen`. The way it ended. */
static int relay_script(const char *script, const char *typed, size_t typed_len, char *seen, size_t room, int size_from)
{
	int master, slave, in[2], out[2];
	struct tty_keys keys;
	struct tty_relay relay;
	struct tty_relay_request request;
	struct loop loop;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_INT(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	CHECK_INT(fcntl(out[1], F_SETPIPE_SZ, 1 << 20) < 0, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)close(master);
		if (tty_make_controlling(slave, NULL) < 0)
			_exit(1);
		(void)close(slave);
		execlp("sh", "sh", "-c", script, (char *)NULL);
		_exit(2);
	}
	(void)close(slave);
	CHECK_INT(write(in[1], typed, typed_len), typed_len);
	CHECK_INT(tty_keys_parse(TTY_KEYS_DEFAULT, &keys, NULL), 0);
	request = (struct tty_relay_request){.master = master,
					     .input = in[0],
					     .output = out[1],
					     .size_from = size_from,
					     .keys = &keys,
					     .ended = ended};
	ended_how = -1;
	CHECK_INT(loop_open(&loop, NULL), 0);
	CHECK_INT(tty_relay_start(&loop, &relay, &request, NULL), 0);
	CHECK_INT(loop_run(&loop, NULL), 0);
	loop_close(&loop);
	(void)close(master);
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out[1]);
	while (len < room - 1 && (n = read(out[0], seen + len, room - 1 - len)) > 0)
		len += (size_t)n;
	seen[len] = '\0';
	(void)close(out[0]);
	(void)kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
	return ended_how;
}

static void test_relay_to_the_end(void)
{
	char seen[4096];

	CHECK_INT(relay_script("stty -echo; read word; echo got $word", "hello\n", 6, seen, sizeof(seen), -1),
		  TTY_END_HANGUP);
	CHECK_HAS(seen, "got hello\r\n");
}

static void test_relay_detaches(void)
{
	char seen[4096];

	CHECK_INT(relay_script("stty raw -echo; echo ready; exec cat", "abc\020\021never", 10, seen, sizeof(seen), -1),
		  TTY_END_DETACHED);
	CHECK(strstr(seen, "never") == NULL);
}

/* More than any buffer holds, both ways: nothing is lost. */
static void test_relay_of_much(void)
{
	static char seen[600000], typed[30000];
	size_t lines = 0;

	memset(typed, 'k', sizeof(typed));
	for (size_t i = 99; i < sizeof(typed); i += 100)
		typed[i] = '\n';
	CHECK_INT(relay_script("stty -echo -opost; seq 1 50000; head -n 300 | wc -c", typed, sizeof(typed), seen,
			       sizeof(seen), -1),
		  TTY_END_HANGUP);
	for (char *at = seen; *at; at++)
		lines += *at == '\n';
	CHECK_HAS(seen, "\n50000\n");
	CHECK(lines >= 50000);
	CHECK_HAS(seen, "\n30000\n");
}

static void test_relay_follows_the_size(void)
{
	struct tty_size size = {33, 99};
	char seen[4096];
	int master, slave;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_INT(tty_set_size(master, size, NULL), 0);
	CHECK_INT(relay_script("read x; stty size", "\n", 1, seen, sizeof(seen), slave), TTY_END_HANGUP);
	CHECK_HAS(seen, "33 99");
	(void)close(master);
	(void)close(slave);
}

struct resizer {
	struct loop_timer timer;
	int from;
};

static void resize(struct loop *loop, struct loop_timer *timer)
{
	(void)loop;
	(void)tty_set_size(((struct resizer *)(void *)timer)->from, (struct tty_size){11, 22}, NULL);
	(void)raise(SIGWINCH);
}

static void stop_late(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, 0);
}

static void test_relay_resizes(void)
{
	int master, slave, user_master, user_slave;
	struct loop_timer late;
	struct resizer resizer;
	struct tty_relay relay;
	struct tty_size size = {0};
	struct loop loop;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL) | openpty(&user_master, &user_slave, NULL, NULL, NULL), 0);
	CHECK_INT(loop_open(&loop, NULL), 0);
	CHECK_INT(tty_relay_start(&loop, &relay,
				  &(struct tty_relay_request){.master = master,
							      .input = -1,
							      .output = user_slave,
							      .size_from = user_slave},
				  NULL),
		  0);
	resizer.from = user_slave;
	resizer.timer.expired = resize;
	late.expired = stop_late;
	CHECK_INT(loop_timer_open(&loop, &resizer.timer, NULL) | loop_timer_open(&loop, &late, NULL), 0);
	CHECK_INT(loop_timer_set(&resizer.timer, 1) | loop_timer_set(&late, 30), 0);
	CHECK_INT(loop_run(&loop, NULL), 0);
	CHECK_INT(tty_get_size(slave, &size, NULL), 0);
	CHECK_INT(size.rows, 11);
	CHECK_INT(size.columns, 22);
	tty_relay_stop(&loop, &relay);
	tty_relay_stop(&loop, &relay);
	loop_timer_close(&loop, &resizer.timer);
	loop_timer_close(&loop, &late);
	loop_close(&loop);
	(void)close(master);
	(void)close(slave);
	(void)close(user_master);
	(void)close(user_slave);
}

static void test_relay_refuses_a_file(void)
{
	int master, slave, file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	struct err err = ERR_INIT;
	struct tty_relay relay;
	struct loop loop;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_INT(loop_open(&loop, NULL), 0);
	CHECK(tty_relay_start(&loop, &relay, &(struct tty_relay_request){master, file, 1, -1, NULL, ended, NULL},
			      &err) < 0);
	CHECK_HAS(err.msg, "standard input is a file");
	loop_close(&loop);
	(void)close(file);
	(void)close(master);
	(void)close(slave);
}

int main(void)
{
	(void)alarm(60);
	return TAP_RUN(TAP_CASE(test_relay_to_the_end), TAP_CASE(test_relay_detaches), TAP_CASE(test_relay_of_much),
		       TAP_CASE(test_relay_follows_the_size), TAP_CASE(test_relay_resizes),
		       TAP_CASE(test_relay_refuses_a_file));
}
