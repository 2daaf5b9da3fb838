/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The C library that the static programs have, where that is musl and what is put beside it: this program is linked as
 * they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

#ifdef __GLIBC__

static void test_nothing(void)
{
	SKIP("linked with glibc");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_nothing));
}

#else

int __snprintf_chk(char *to, size_t bytes, int level, size_t room, const char *format, ...);
int __sprintf_chk(char *to, int level, size_t room, const char *format, ...);
void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);

/*
 * Which signal ends a process that does it; 0: it comes through. The process is made as hull makes its own: the C
 * library knows nothing of it.
 */
static int end_of(void (*what)(void))
{
	struct clone_args how = {.exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
	int status = -1;

	if (pid == 0) {
		what();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static char room[8];
/* What the compiler is not to know, which would refuse to build this. */
static char *volatile to = room;
static const char *volatile seven = "1234567", *volatile eight = "12345678";
static volatile size_t nine = 9;

static void print_what_fits(void)
{
	if (__sprintf_chk(to, 1, sizeof(room), "%s", seven) != 7 || __snprintf_chk(to, 8, 1, 8, "%s", eight) != 8 ||
	    __memcpy_chk(to, seven, 8, 8) != room)
		_exit(1);
}

static void print_too_much(void)
{
	(void)__sprintf_chk(to, 1, sizeof(room), "%s", eight);
}

static void claim_too_much(void)
{
	(void)__snprintf_chk(to, nine, 1, sizeof(room), "%s", "1");
}

static void copy_too_much(void)
{
	(void)__memcpy_chk(to, eight, nine, sizeof(room));
}

/* Where nobody asks for it: what the compiler makes of the plain calls. */
static volatile size_t as_much = 8;

static void write_what_fits(void)
{
	memcpy(room, eight, as_much);
	memmove(room, eight, as_much);
	memset(room, 0, as_much);
}

static void write_too_much(void)
{
	memcpy(room, eight, nine);
}

static void move_too_much(void)
{
	memmove(room, eight, nine);
}

static void set_too_much(void)
{
	memset(room, 0, nine);
}

static void test_plain_calls_are_bounded(void)
{
	CHECK_INT(end_of(write_what_fits), 0);
	CHECK_INT(end_of(write_too_much), SIGABRT);
	CHECK_INT(end_of(move_too_much), SIGABRT);
	CHECK_INT(end_of(set_too_much), SIGABRT);
}

static void test_bounds_are_checked(void)
{
	CHECK_INT(end_of(print_what_fits), 0);
	CHECK_INT(end_of(print_too_much), SIGABRT);
	CHECK_INT(end_of(claim_too_much), SIGABRT);
	CHECK_INT(end_of(copy_too_much), SIGABRT);
}

static void send_to_itself(void)
{
	(void)raise(SIGKILL);
}

static void abort_in_vain(void)
{
	sigset_t all;

	(void)signal(SIGABRT, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	abort();
}

/* And not this one, whose id musl remembers: the test would end here. */
static void test_signals_reach_the_process_itself(void)
{
	CHECK_INT(end_of(send_to_itself), SIGKILL);
	CHECK_INT(end_of(abort_in_vain), SIGABRT);
}

static void test_all_signals_are_all_that_others_use(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	for (int signo = 1; signo <= 64; signo++)
		CHECK_INT(sigismember(&all, signo), signo != 32 && signo != 33);
}

static void test_words_of_errors(void)
{
	CHECK_STR(strerror(EBUSY), "Device or resource busy");
	CHECK_STR(strerrordesc_np(ELOOP), "Too many levels of symbolic links");
	CHECK_STR(strerrordesc_np(EUCLEAN), "Structure needs cleaning");
	CHECK_STR(strerror(ENOENT), "No such file or directory");
}

/* A table of functions that the linker makes, and the start calls. */
extern void (*__init_array_start[])(void) __attribute__((visibility("hidden")));

static void write_what_is_fixed(void)
{
	void (**volatile first)(void) = __init_array_start;

	*first = write_what_is_fixed;
}

static void test_relocated_data_is_read_only(void)
{
	CHECK_INT(end_of(write_what_is_fixed), SIGSEGV);
}

static void test_ways_to_open(void)
{
	CHECK_INT(O_ACCMODE, 3);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_bounds_are_checked), TAP_CASE(test_plain_calls_are_bounded),
		       TAP_CASE(test_signals_reach_the_process_itself),
		       TAP_CASE(test_all_signals_are_all_that_others_use), TAP_CASE(test_words_of_errors),
		       TAP_CASE(test_relocated_data_is_read_only), TAP_CASE(test_ways_to_open));
}

#endif
