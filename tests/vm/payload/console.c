/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A console, and what an agent says there (runtime/vm/agent_protocol.h): as far as it goes. */
#include "payload.h"

/* Its transmitting queue: port 0 of a console without a driver for more ports, the terminal. */
static uint32_t start_console(void)
{
	uint32_t at = find_device(3);

	start_device(at, 1, 1);
	return at;
}

static void send(uint32_t at, const volatile void *what, uint32_t bytes)
{
	describe(1, 0, what, bytes, 0);
	(void)transfer(at, 1);
}

void try_console(void)
{
	static const char words[] = "through the console\n";

	send(start_console(), words, sizeof(words) - 1);
}

/* What an agent says until the program runs; where it says it. */
static uint32_t say_hello(void)
{
	static const struct {
		uint32_t length, type, process, zero, version;
	} hello = {4, 1, 0, 0, 1};
	uint32_t at = start_console();

	send(at, &hello, sizeof(hello));
	return at;
}

/* As far as the host can tell, a container runs in here. */
void play_agent(void)
{
	static const struct {
		uint32_t length, type, process, zero, pid;
	} started = {4, 32, 1, 0, 1};

	send(say_hello(), &started, sizeof(started));
	wait_for_ever();
}

/* An agent that stops there. */
void play_stuck_agent(void)
{
	(void)say_hello();
	wait_for_ever();
}

/* One whose machine resets, with what looks like the log of a panic in its memory. */
void play_resetting_agent(void)
{
	log_panic();
	(void)say_hello();
	reset_by_keyboard();
}

/* And one of another protocol. */
void play_broken_agent(void)
{
	static const char words[] = "HELO this is somebody else";

	send(start_console(), words, sizeof(words));
	wait_for_ever();
}
