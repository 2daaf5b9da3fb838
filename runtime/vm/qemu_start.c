/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes of a machine of QEMU's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/vm/fs_server.h"
#include "runtime/vm/qemu_parts.h"

#define MEASURE_NS 10000000 /* over what time the processor's pace is measured */

struct pace {
	uint64_t ticks, ns;
};

static struct pace look_at_clocks(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (struct pace){.ticks = __rdtsc(), .ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec};
}

/* The host's ticks are the guest's, emulated or not. */
static uint64_t measure_tsc_khz(struct pace began)
{
	struct pace now = look_at_clocks();

	if (now.ns - began.ns < MEASURE_NS) {
		struct timespec rest = {.tv_nsec = (long)(MEASURE_NS - (now.ns - began.ns))};

		(void)nanosleep(&rest, NULL);
		now = look_at_clocks();
	}
	return now.ns > began.ns ? (now.ticks - began.ticks) * 1000000 / (now.ns - began.ns) : 0;
}

static int socket_pair(int *ret_ours, int *ret_theirs, struct err *err)
{
	int ends[2], result = sock_pair(ends, err);

	if (result < 0)
		return result;
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return 0;
}

/* The server alone keeps the capabilities of the jail: it is born before they are given up. */
static int start_file_server(struct running *r, struct err *err)
{
	const struct vm_request *request = r->request;
	struct fs_server_share shares[VM_MAX_VOLUMES];
	struct fs_server server = {.shares = shares, .count = request->volume_count, .proc_fd = -1};
	int result = 0;

	for (unsigned i = 0; i < request->volume_count && result >= 0; i++) {
		shares[i] = (struct fs_server_share){.read_only = request->volumes[i].read_only};
		result = socket_pair(&shares[i].socket_fd, &r->ends.volumes[i], err);
		if (result >= 0)
			result = shares[i].root_fd = file_open_dir(AT_FDCWD, request->volumes[i].path, err);
	}
	if (result < 0 || request->volume_count == 0)
		return result;
	result = r->server_pid = fs_server_start(&server, &r->server.fd, err);
	for (unsigned i = 0; i < request->volume_count; i++) {
		(void)close(shares[i].socket_fd);
		(void)close(shares[i].root_fd);
	}
	return result;
}

static int drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return err_set(err, errno, "give up capabilities");
	/* Else the kernel would give them back to root at the exec. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_set(err, errno, "give up new privileges") : 0;
}

/*
 * What QEMU has, a guest that breaks out of it has: nothing but what its machine is made of. This process was given
 * more, which is not closed by an exec.
 */
static void pass_on(const struct running *r)
{
	const struct vm_request *request = r->request;
	struct err err = ERR_INIT;

	if (fd_cloexec_from(STDERR_FILENO + 1, &err) < 0) {
		dprintf(STDERR_FILENO, "cannot %s\n", err.msg);
		_exit(ERR_EXIT_FAILED);
	}
	(void)fd_set_cloexec(r->ends.agent, false);
	(void)fd_set_cloexec(r->ends.qmp, false);
	(void)fd_set_cloexec(r->ends.console, false);
	for (unsigned i = 0; i < request->disk_count; i++)
		(void)fd_set_cloexec(request->disks[i].fd, false);
	for (unsigned i = 0; i < request->nic_count; i++)
		(void)fd_set_cloexec(request->nics[i].tap_fd, false);
	for (unsigned i = 0; i < request->volume_count; i++)
		(void)fd_set_cloexec(r->ends.volumes[i], false);
}

static __attribute__((noreturn)) void become_qemu(const struct running *r, const struct strv *command, int nothing,
						  int words)
{
	static char *const no_environment[] = {NULL};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	proc_reset_signals();
	(void)fd_place(nothing, STDIN_FILENO);
	(void)fd_place(words, STDOUT_FILENO);
	(void)fd_place(words, STDERR_FILENO);
	pass_on(r);
	(void)execve(command->items[0], command->items, no_environment);
	dprintf(STDERR_FILENO, "cannot execute '%s': %s\n", command->items[0], strerror(errno));
	_exit(ERR_EXIT_FAILED);
}

static int start_qemu(struct running *r, struct err *err)
{
	struct proc_clone how = {.cgroup_fd = -1, .ret_pidfd = &r->process.fd};
	struct strv command = {0};
	/* Nothing to read: the jail has no /dev/null. */
	CLEANUP_FD int nothing = fd_memory("nothing", "", 0, err);
	int words[2], result = nothing;

	if (result >= 0)
		result = qemu_command(r->arena, r->request, &r->ends, &command, err);
	if (result < 0)
		return result;
	if (pipe2(words, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	r->words.source.fd = words[0];
	r->pid = proc_clone(&how);
	if (r->pid == 0)
		become_qemu(r, &command, nothing, words[1]);
	(void)close(words[1]);
	if (r->pid < 0)
		return err_set(err, -r->pid, "start QEMU");
	return r->process.fd < 0 ? err_say(err, ENOTSUP, "this kernel has no pidfds") : 0;
}

/* What is QEMU's is not kept: the end of its streams would never show. */
static void close_far_ends(struct running *r)
{
	(void)close(r->ends.agent);
	(void)close(r->ends.qmp);
	(void)close(r->ends.console);
	for (unsigned i = 0; i < r->request->volume_count; i++)
		(void)close(r->ends.volumes[i]);
	for (unsigned i = 0; i < r->request->disk_count; i++)
		(void)close(r->request->disks[i].fd);
	for (unsigned i = 0; i < r->request->nic_count; i++)
		(void)close(r->request->nics[i].tap_fd);
}

int qemu_start(struct running *r, struct err *err)
{
	struct pace began = look_at_clocks();
	int result = start_file_server(r, err);

	if (result >= 0)
		result = drop_capabilities(err);
	if (result >= 0)
		result = socket_pair(&r->agent_fd, &r->ends.agent, err);
	if (result >= 0)
		result = socket_pair(&r->qmp.source.fd, &r->ends.qmp, err);
	if (result >= 0)
		result = socket_pair(&r->console.source.fd, &r->ends.console, err);
	r->ends.tsc_khz = measure_tsc_khz(began);
	qemu_boot_prepare(r);
	if (result >= 0)
		result = start_qemu(r, err);
	if (result >= 0)
		close_far_ends(r);
	return result;
}
