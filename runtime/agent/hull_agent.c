// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hull-agent: the first process of a guest. It runs from the kernel's initial ramfs, makes the container's world out of
 * disks and shared folders, runs the program in it as any container's, and speaks with the host over one stream
 * (runtime/vm/agent_protocol.h).
 *
 * Whatever happens, it ends by powering the machine off: a first process that exits is a panic.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"

static struct agent agent;

/* What it has to say goes to the machine's console; where that is missing, to nobody. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct err ignored = ERR_INIT;

	for (int number = 1; fd >= 0 && number <= 2; number++)
		(void)fd_place(fd, number);
	if (fd > 2)
		(void)close(fd);
	(void)fd_secure_stdio(&ignored);
}

/* When memory runs out, the container's processes go, not the one that reports it. */
static void protect(void)
{
	(void)file_write_value(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
	(void)umask(022);
}

static int load_base_modules(struct err *err)
{
	int result = boot_load_modules("base", err);

	if (result >= 0 && boot_has_word(AGENT_VSOCK_WORD))
		result = boot_load_modules("vsock", err);
	return result;
}

/*
 * A kernel that has found no timer comes as far as this on the interrupts of its devices alone, and not past the
 * shortest sleep. Who watches over the boot from outside begins such a machine anew, as long as it has not heard of the
 * agent.
 */
static void await_timer(void)
{
	const struct timespec moment = {.tv_nsec = 1000};

	(void)nanosleep(&moment, NULL);
}

static int run(struct err *err)
{
	int result = boot_mounts(err);

	open_console();
	if (result < 0)
		return result;
	protect();
	result = boot_leave_ramfs(err);
	if (result >= 0)
		result = load_base_modules(err);
	if (result >= 0)
		result = agent.channel.fd = channel_open(err);
	if (result < 0)
		return result;
	await_timer();
	return serve(&agent, err);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (getpid() != 1) {
		(void)fprintf(stderr, AGENT_MARK "it is the first process of a machine's guest, and nothing else\n");
		return ERR_EXIT_FAILED;
	}
	log_setup("hull-agent", -1, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	agent.store.fd = -1;
	if (run(&err) < 0)
		log_err(&err);
	sync();
	(void)reboot(RB_POWER_OFF);
	for (;;)
		(void)pause();
}
