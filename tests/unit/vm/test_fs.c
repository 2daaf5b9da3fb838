/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device, vhost-user and the server's process, as a whole: what a driver puts into a ring is answered by a process
 * of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/vm/filters.h"
#include "runtime/vm/fs.h"
#include "runtime/vm/fs_server.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define REQUESTS 1U /* the queue */

static struct {
	struct guest guest;
	struct fs_device fs;
	int silences; /* so often was it told that there are none */
	char folder[64];
	int root_fd, server_pidfd, socket_fd;
	pid_t server;
	uint64_t request_gpa, reply_gpa;
} world;

static void start_server(bool read_only)
{
	struct fs_server_share share = {.read_only = read_only};
	struct fs_server server = {.shares = &share, .count = 1, .proc_fd = -1};
	struct err err = ERR_INIT;
	int pair[2];

	memset(&world, 0, sizeof(world));
	snprintf(world.folder, sizeof(world.folder), "/tmp/hull-fs.XXXXXX");
	CHECK(mkdtemp(world.folder) != NULL);
	world.root_fd = open(world.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(sock_pair(pair, &err), 0);
	share.root_fd = world.root_fd;
	share.socket_fd = pair[0];
	world.server = fs_server_start(&server, &world.server_pidfd, &err);
	CHECK(world.server > 0);
	close(pair[0]);
	world.socket_fd = pair[1];
}

/* It ends by itself when the last front end is gone. */
static void end_server(int wanted_status)
{
	int status = -1;

	CHECK_INT(proc_wait_end(world.server_pidfd, 5000), 0);
	CHECK_INT(proc_wait(world.server, &status), 0);
	CHECK_INT(status, wanted_status);
	close(world.server_pidfd);
	close(world.root_fd);
	CHECK_INT(rmdir(world.folder), 0);
}

static void silent(void *user, const struct err *err)
{
	(void)user;
	world.silences++;
	CHECK_INT(err->code, ETIMEDOUT);
	CHECK_STR(err->msg, "the server of its volumes does not answer");
}

static int open_device(int socket_fd, const char *tag, unsigned patience_ms, struct err *err)
{
	struct fs_device_config config = {
		.socket_fd = socket_fd,
		.tag = tag,
		.patience_ms = patience_ms,
		.silent = silent,
	};

	return fs_device_open(&world.fs, &config, &world.guest.loop, &world.guest.memory, err);
}

static void begin_with_patience(bool read_only, unsigned patience_ms)
{
	struct err err = ERR_INIT;

	start_server(read_only);
	guest_open_shared(&world.guest, 1 << 20);
	CHECK_INT(open_device(world.socket_fd, "data", patience_ms, &err), 0);
	CHECK_STR(err.msg, "");
	guest_attach(&world.guest, &world.fs.device);
	CHECK(guest_start(&world.guest, ~UINT64_C(0), 64));
	world.request_gpa = guest_alloc(&world.guest, 65536);
	world.reply_gpa = guest_alloc(&world.guest, 65536);
}

static void begin(bool read_only)
{
	begin_with_patience(read_only, 0);
}

static void finish(void)
{
	guest_close(&world.guest);
	fs_device_close(&world.fs);
	end_server(0);
}

/* The reply's error; its body is at reply_gpa behind the header. */
static int ask(uint32_t opcode, uint64_t node, const void *arg, size_t arg_bytes, const char *text, size_t text_bytes)
{
	struct fuse_in_header in = {.len = (uint32_t)(sizeof(in) + arg_bytes + text_bytes),
				    .opcode = opcode,
				    .unique = 5,
				    .nodeid = node};
	uint8_t *to = guest_at(&world.guest, world.request_gpa);
	struct fuse_out_header out = {0};
	uint32_t written = 0;
	uint16_t head;

	memcpy(to, &in, sizeof(in));
	if (arg_bytes > 0)
		memcpy(to + sizeof(in), arg, arg_bytes);
	memcpy(to + sizeof(in) + arg_bytes, text, text_bytes);
	guest_add(&world.guest, REQUESTS,
		  (struct guest_buffer[]){{world.request_gpa, in.len, false}, {world.reply_gpa, 65536, true}}, 2);
	CHECK(guest_wait(&world.guest, REQUESTS, &head, &written));
	memcpy(&out, guest_at(&world.guest, world.reply_gpa), sizeof(out));
	CHECK_INT(out.len, written);
	CHECK_INT(out.unique, 5);
	return out.error;
}

static int init_session(void)
{
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION};

	return ask(FUSE_INIT, 0, &in, sizeof(in), "", 0);
}

static void test_requests(void)
{
	struct fuse_mkdir_in in = {.mode = 0755};
	struct stat status;

	begin(false);
	CHECK_INT(init_session(), 0);
	CHECK_INT(ask(FUSE_MKDIR, FUSE_ROOT_ID, &in, sizeof(in), "made", 5), 0);
	CHECK_INT(fstatat(world.root_fd, "made", &status, 0), 0);
	CHECK_INT(ask(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "none", 5), -ENOENT);
	CHECK_INT(ask(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "..", 3), -EINVAL);
	CHECK(guest_edges(&world.guest) > 0);
	CHECK(guest_interrupt(&world.guest) & VQ_INTERRUPT_USED);
	CHECK_INT(ask(FUSE_RMDIR, FUSE_ROOT_ID, NULL, 0, "made", 5), 0);
	CHECK(!guest_needs_reset(&world.guest));
	finish();
}

static void test_configuration(void)
{
	struct virtio_fs_config config;

	begin(true);
	guest_config(&world.guest, 0, &config.tag[0], 4);
	CHECK(memcmp(config.tag, "data", 4) == 0);
	guest_config(&world.guest, offsetof(struct virtio_fs_config, num_request_queues), &config.num_request_queues,
		     4);
	CHECK_INT(config.num_request_queues, 1);
	CHECK_INT(init_session(), 0);
	CHECK_INT(ask(FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, "file", 5), -EROFS);
	finish();
}

static void test_tags(void)
{
	static const char *const tags[] = {"", "a-tag-that-is-longer-than-36-characters"};

	guest_open_shared(&world.guest, 1 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(open_device(-1, tags[i], 0, &err), -EINVAL);
		CHECK_HAS(err.msg, "want 1 to 36 bytes");
	}
	guest_close(&world.guest);
}

/*
 * A driver that begins anew finds a server that has forgotten nothing that it should know, and nothing that it should
 * not.
 */
static void test_resets(void)
{
	begin(false);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(init_session(), 0);
		CHECK_INT(ask(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "none", 5), -ENOENT);
		guest_reset(&world.guest);
		CHECK(guest_start(&world.guest, ~UINT64_C(0), i == 1 ? 16 : 128));
	}
	CHECK_INT(init_session(), 0);
	finish();
}

static void test_server_dies(void)
{
	begin(false);
	CHECK_INT(init_session(), 0);
	CHECK_INT(proc_signal(world.server_pidfd, SIGKILL), 0);
	for (int i = 0; i < 100 && !guest_needs_reset(&world.guest); i++)
		(void)guest_turn(&world.guest, 50);
	CHECK(guest_needs_reset(&world.guest));
	guest_reset(&world.guest);
	guest_close(&world.guest);
	fs_device_close(&world.fs);
	end_server(SIGKILL);
}

/* One that stands still is asked once, and no answer of its is taken any more. */
#define SHORT_MS 200

static void stop_server(void)
{
	int status = 0;

	CHECK_INT(proc_signal(world.server_pidfd, SIGSTOP), 0);
	CHECK(waitpid(world.server, &status, WUNTRACED) == world.server && WIFSTOPPED(status));
}

/* The question that it finds is answered to nobody. */
static void finish_with_stopped_server(void)
{
	guest_close(&world.guest);
	fs_device_close(&world.fs);
	CHECK_INT(proc_signal(world.server_pidfd, SIGCONT), 0);
	end_server(1 << 8);
}

static void test_server_hangs_at_reset(void)
{
	uint64_t began_ns;

	begin_with_patience(false, SHORT_MS);
	CHECK_INT(init_session(), 0);
	stop_server();
	began_ns = proc_monotonic_ns();
	guest_reset(&world.guest);
	guest_reset(&world.guest);
	CHECK(proc_monotonic_ns() - began_ns >= SHORT_MS * UINT64_C(1000000));
	CHECK_INT(world.silences, 1);
	CHECK(!guest_start(&world.guest, ~UINT64_C(0), 64));
	CHECK(guest_needs_reset(&world.guest));
	CHECK_INT(world.silences, 1);
	finish_with_stopped_server();
}

static void test_server_hangs_at_start(void)
{
	begin_with_patience(false, SHORT_MS);
	guest_reset(&world.guest);
	stop_server();
	CHECK(!guest_start(&world.guest, ~UINT64_C(0), 64));
	CHECK(guest_needs_reset(&world.guest));
	CHECK_INT(world.silences, 1);
	finish_with_stopped_server();
}

static void test_server_hangs_before_all(void)
{
	struct err err = ERR_INIT;

	start_server(false);
	guest_open_shared(&world.guest, 1 << 20);
	stop_server();
	CHECK_INT(open_device(world.socket_fd, "data", SHORT_MS, &err), -ETIMEDOUT);
	CHECK_STR(err.msg, "the server of its volumes does not answer");
	CHECK_INT(world.silences, 1);
	guest_close(&world.guest);
	CHECK_INT(proc_signal(world.server_pidfd, SIGCONT), 0);
	end_server(1 << 8);
}

/* A chain that leads out of memory stops the queue, and not the server. */
static void test_broken_ring(void)
{
	uint32_t written;
	uint16_t head;

	begin(false);
	guest_add(&world.guest, REQUESTS, (struct guest_buffer[]){{UINT64_C(1) << 40, 4096, false}}, 1);
	CHECK(!guest_used(&world.guest, REQUESTS, &head, &written));
	guest_reset(&world.guest);
	CHECK(guest_start(&world.guest, ~UINT64_C(0), 64));
	CHECK_INT(init_session(), 0);
	finish();
}

/* A front end that does not keep to the protocol loses its connection; the server says so in its status. */
static void test_front_end_misbehaves(void)
{
	uint8_t bytes[12] = {77};

	start_server(false);
	CHECK_INT(send(world.socket_fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	end_server(1 << 8);
	close(world.socket_fd);
}

static void check_line(const char *status, const char *name, uint64_t wanted)
{
	const char *at = strstr(status, name);

	CHECK(at != NULL);
	CHECK_INT(at ? strtoull(at + strlen(name), NULL, 16) : 1, wanted);
}

static void test_confinement(void)
{
	char path[64], status[4096] = "";
	int fd;

	if (geteuid() != 0)
		SKIP("wants root");
	begin(false);
	CHECK_INT(init_session(), 0);
	snprintf(path, sizeof(path), "/proc/%d/status", world.server);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, status, sizeof(status) - 1) > 0);
	close(fd);
	/* CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID, SETFCAP, and FSETID only while it is needed. */
	check_line(status, "CapPrm:", 0x800000db);
	check_line(status, "CapEff:", 0x800000cb);
	check_line(status, "CapInh:", 0);
	if (filter_is_wanted()) {
		check_line(status, "NoNewPrivs:", 1);
		check_line(status, "Seccomp:", 2);
	}
	finish();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_requests), TAP_CASE(test_configuration), TAP_CASE(test_tags),
		       TAP_CASE(test_resets), TAP_CASE(test_server_dies), TAP_CASE(test_server_hangs_at_reset),
		       TAP_CASE(test_server_hangs_at_start), TAP_CASE(test_server_hangs_before_all),
		       TAP_CASE(test_broken_ring), TAP_CASE(test_front_end_misbehaves), TAP_CASE(test_confinement));
}
