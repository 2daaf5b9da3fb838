/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much goes through a machine's disk and network. As process 1 of a guest: takes the modules in, measures, says a
 * line for each figure on the serial port, and resets the machine. With the word `serve`: the other end of the network,
 * on the host's side of the bridge.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <net/route.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SERIAL	     0x3f8
#define PORT	     5001
#define HOST	     "10.9.0.1"
#define GUEST	     "10.9.0.2"
#define MIB	     (1UL << 20)
#define DISK_BYTES   (32 * MIB) /* as large as the disk */
#define LARGE	     (256UL << 10)
#define SMALL	     4096UL
#define SMALL_TIMES  1500
#define STREAM_BYTES (16 * MIB)

static uint8_t buffer[LARGE] __attribute__((aligned(4096)));
static int in_guest;

static void say(const char *words)
{
	if (!in_guest)
		(void)fputs(words, stderr);
	for (; in_guest && *words; words++)
		outb((unsigned char)*words, SERIAL);
}

static _Noreturn void leave(void)
{
	if (in_guest)
		(void)reboot(LINUX_REBOOT_CMD_RESTART);
	exit(1);
}

static long must(long result, const char *what)
{
	char words[128];

	if (result >= 0)
		return result;
	(void)snprintf(words, sizeof(words), "failed: %s: %s\n", what, strerror(errno));
	say(words);
	leave();
}

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void figure(const char *name, uint64_t bytes, double began)
{
	char words[128];

	(void)snprintf(words, sizeof(words), "speed %s %.3f\n", name, (double)bytes / (double)MIB / (now() - began));
	say(words);
}

/* --- the disk ----------------------------------------------------------------------------------------------------- */

static void pass(int disk, int writes, uint64_t at, size_t bytes)
{
	long done = writes ? pwrite(disk, buffer, bytes, (off_t)at) : pread(disk, buffer, bytes, (off_t)at);

	must(done == (long)bytes ? 0 : -1, "the disk");
}

static void in_order(int disk, int writes, const char *name)
{
	double began = now();

	for (uint64_t at = 0; at < DISK_BYTES; at += LARGE)
		pass(disk, writes, at, LARGE);
	must(fsync(disk), "flush the disk");
	figure(name, DISK_BYTES, began);
}

static void scattered(int disk, int writes, const char *name)
{
	uint32_t random = 1;
	double began = now();

	for (int i = 0; i < SMALL_TIMES; i++) {
		random = random * 1664525 + 1013904223;
		pass(disk, writes, (random >> 8) % (DISK_BYTES / SMALL) * SMALL, SMALL);
	}
	figure(name, SMALL_TIMES * SMALL, began);
}

static void measure_disk(void)
{
	int disk = (int)must(open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC), "/dev/vda");

	in_order(disk, 1, "disk-write");
	in_order(disk, 0, "disk-read");
	scattered(disk, 1, "disk-write-4k");
	scattered(disk, 0, "disk-read-4k");
}

/* --- the network -------------------------------------------------------------------------------------------------- */

static struct sockaddr_in address_of(const char *words)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	(void)inet_pton(AF_INET, words, &address.sin_addr);
	return address;
}

static void raise_interface(const char *name, const char *own)
{
	struct ifreq request = {0};
	struct sockaddr_in address = address_of(own), mask = address_of("255.255.255.0");
	int fd = (int)must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	(void)strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	must(ioctl(fd, SIOCSIFADDR, &request), "set an address");
	memcpy(&request.ifr_netmask, &mask, sizeof(mask));
	must(ioctl(fd, SIOCSIFNETMASK, &request), "set a netmask");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	must(ioctl(fd, SIOCSIFFLAGS, &request), "raise the interface");
	(void)close(fd);
}

static void send_all(int fd, uint64_t bytes)
{
	while (bytes > 0)
		bytes -= (uint64_t)must(write(fd, buffer, bytes < LARGE ? bytes : LARGE), "send");
}

static uint64_t receive_all(int fd)
{
	uint64_t bytes = 0;
	long got;

	while ((got = must(read(fd, buffer, LARGE), "receive")) > 0)
		bytes += (uint64_t)got;
	return bytes;
}

static int call_host(char wish)
{
	struct sockaddr_in address = address_of(HOST);
	int fd = -1;

	for (int i = 0; i < 50; i++) {
		fd = (int)must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			break;
		(void)close(fd);
		fd = -1;
		(void)usleep(100000);
	}
	must(fd, "reach the host");
	must(write(fd, &wish, 1), "send");
	return fd;
}

/* The host says when it has all: until then it is under way. */
static void measure_network(void)
{
	int fd = call_host('r');
	double began = now();
	char byte;

	send_all(fd, STREAM_BYTES);
	must(shutdown(fd, SHUT_WR), "send");
	must(read(fd, &byte, 1) == 1 ? 0 : -1, "hear that all is there");
	figure("net-send", STREAM_BYTES, began);
	(void)close(fd);
	fd = call_host('s');
	began = now();
	must(receive_all(fd) == STREAM_BYTES ? 0 : -1, "receive all");
	figure("net-receive", STREAM_BYTES, began);
}

static void serve(void)
{
	struct sockaddr_in address = address_of(HOST);
	int listening = (int)must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"), on = 1;

	must(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "socket");
	must(bind(listening, (struct sockaddr *)&address, sizeof(address)), "bind");
	must(listen(listening, 1), "listen");
	for (;;) {
		int fd = (int)must(accept(listening, NULL, NULL), "accept");
		char wish = 0;

		if (read(fd, &wish, 1) == 1 && wish == 's')
			send_all(fd, STREAM_BYTES);
		else if (wish == 'r' && receive_all(fd) == STREAM_BYTES)
			must(write(fd, &wish, 1), "answer");
		(void)close(fd);
	}
}

/* --- process 1 ---------------------------------------------------------------------------------------------------- */

static void take_modules(void)
{
	FILE *order = fopen("/modules/order", "re");
	char name[64], path[96];

	must(order ? 0 : -1, "/modules/order");
	while (fscanf(order, "%63s", name) == 1) {
		int fd;

		(void)snprintf(path, sizeof(path), "/modules/%s.ko", name);
		fd = (int)must(open(path, O_RDONLY | O_CLOEXEC), path);
		must(syscall(SYS_finit_module, fd, "", 0), name);
		(void)close(fd);
	}
	(void)fclose(order);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		serve();
	in_guest = getpid() == 1;
	must(iopl(3), "iopl");
	must(mount("dev", "/dev", "devtmpfs", 0, NULL), "mount /dev");
	take_modules();
	measure_disk();
	raise_interface("lo", "127.0.0.1");
	raise_interface("eth0", GUEST);
	measure_network();
	leave();
}
