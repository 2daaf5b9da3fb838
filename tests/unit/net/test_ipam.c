/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ipam.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "runtime/base/file.h"
#include "tests/unit/tap.h"

static struct err err;
static char folder[] = "/tmp/hull-ipam-XXXXXX";
static const struct address_subnet subnet = {.base = 0x0a620000, .prefix_len = IPAM_PREFIX_LEN};

static void begin(struct ipam *ipam)
{
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	CHECK(mkdtemp(folder) != NULL);
	CHECK_INT(ipam_open(ipam, folder, true, &err), 0);
	CHECK_INT(ipam->fd, -1);
	CHECK_INT(ipam_set_up(ipam, "hull0", &subnet, &err), 0);
}

static void end(void)
{
	CHECK_INT(file_remove_tree(AT_FDCWD, folder, &err), 0);
}

static void test_take_and_free(void)
{
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
	char holder[IPAM_HOLDER_BYTES], too_long[IPAM_HOLDER_BYTES + 1];
	unsigned first, second;

	begin(&ipam);
	first = ipam_next_free(&ipam);
	CHECK_INT(first, IPAM_FIRST_SLOT);
	CHECK_INT(ipam_take(&ipam, first, "one", &err), 0);
	second = ipam_next_free(&ipam);
	CHECK(second != first);
	CHECK_INT(ipam_take(&ipam, second, "two", &err), 0);

	/* Another process sees the same. */
	ipam_close(&ipam);
	CHECK_INT(ipam_open(&ipam, folder, false, &err), 0);
	CHECK_INT(ipam_used(&ipam), 2);
	CHECK_STR(ipam.bridge, "hull0");
	CHECK_INT(ipam.subnet.base, subnet.base);
	ipam_holder(&ipam, first, holder);
	CHECK_STR(holder, "one");
	CHECK_INT(ipam_slot(&ipam, ipam_address(&ipam, second)), second);

	/* One that leaves counts, but has no holder; a free one comes last in turn. */
	CHECK_INT(ipam_set(&ipam, first, IPAM_LEAVING, &err), 0);
	ipam_holder(&ipam, first, holder);
	CHECK_STR(holder, "");
	CHECK_INT(ipam_used(&ipam), 2);
	CHECK_INT(ipam_set(&ipam, first, IPAM_FREE, &err), 0);
	CHECK_INT(ipam_used(&ipam), 1);
	CHECK(ipam_next_free(&ipam) != first);

	memset(too_long, 'x', IPAM_HOLDER_BYTES);
	too_long[IPAM_HOLDER_BYTES] = 0;
	CHECK_INT(ipam_take(&ipam, first, too_long, &err), -EINVAL);
	CHECK_INT(ipam_take(&ipam, first, "", &err), -EINVAL);
	CHECK_INT(ipam_used(&ipam), 1);
	end();
}

static void test_edges(void)
{
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;

	begin(&ipam);
	CHECK_INT(ipam_slot(&ipam, subnet.base), 0);
	CHECK_INT(ipam_slot(&ipam, subnet.base + IPAM_GATEWAY_SLOT), 0);
	CHECK_INT(ipam_slot(&ipam, subnet.base + IPAM_SLOTS - 1), 0);
	CHECK_INT(ipam_slot(&ipam, subnet.base + IPAM_SLOTS), 0);
	CHECK_INT(ipam_slot(&ipam, subnet.base - 1), 0);
	CHECK_INT(ipam_slot(&ipam, subnet.base + IPAM_LAST_SLOT), IPAM_LAST_SLOT);
	/* Every slot once, then none. */
	for (unsigned i = IPAM_FIRST_SLOT; i <= IPAM_LAST_SLOT; i++) {
		unsigned slot = ipam_next_free(&ipam);

		if (slot < IPAM_FIRST_SLOT || slot > IPAM_LAST_SLOT || ipam_state(&ipam, slot) != IPAM_FREE ||
		    ipam_take(&ipam, slot, "x", &err) < 0) {
			CHECK(!"a free slot");
			break;
		}
	}
	CHECK_INT(ipam_next_free(&ipam), 0);
	CHECK_INT(ipam_used(&ipam), IPAM_LAST_SLOT - IPAM_FIRST_SLOT + 1);
	ipam.next = UINT32_MAX;
	CHECK_INT(ipam_set(&ipam, 77, IPAM_FREE, &err), 0);
	CHECK_INT(ipam_next_free(&ipam), 77);
	end();
}

static void test_damage(void)
{
	static const char junk[8192] = "hullnet";
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
	char holder[IPAM_HOLDER_BYTES];

	CHECK_INT(ipam_open(&ipam, "/tmp/hull-ipam-is-not-there", false, &err), -ENOENT);
	begin(&ipam);
	CHECK_INT(ipam_take(&ipam, 9, "one", &err), 0);
	/* Cut off behind the states: somebody holds it, nobody knows who. */
	CHECK_INT(ftruncate(ipam.fd, 8192), 0);
	ipam_holder(&ipam, 9, holder);
	CHECK_STR(holder, "");
	ipam_close(&ipam);
	CHECK_INT(file_replace(AT_FDCWD, "/dev/null/x", junk, 1, 0600, FILE_VOLATILE, &err) < 0, 1);
	ipam.dir_fd = open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	CHECK_INT(file_replace(ipam.dir_fd, "addresses", junk, sizeof(junk), 0600, FILE_VOLATILE, &err), 0);
	ipam_close(&ipam);
	CHECK_INT(ipam_open(&ipam, folder, false, &err), 0);
	CHECK_INT(ipam.fd, -1);
	end();
}

/* Takes and gives back, for ever; its own slots carry its name. */
static void churn(unsigned number)
{
	char name[16];

	snprintf(name, sizeof(name), "child%u", number);
	for (;;) {
		CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
		unsigned slot;

		if (ipam_open(&ipam, folder, false, NULL) < 0 || ipam.fd < 0)
			_exit(1);
		slot = ipam_next_free(&ipam);
		if (ipam_take(&ipam, slot, name, NULL) < 0 || (slot % 3 && ipam_set(&ipam, slot, IPAM_FREE, NULL) < 0))
			_exit(1);
		for (unsigned other = IPAM_FIRST_SLOT; other <= IPAM_LAST_SLOT; other++)
			(void)(ipam_used(&ipam) > 900 && ipam_set(&ipam, other, IPAM_FREE, NULL));
	}
}

/* kill -9 at any time: whoever comes next finds every slot either free or held by somebody who took it. */
static void test_kill(void)
{
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;

	begin(&ipam);
	ipam_close(&ipam);
	for (unsigned round = 0; round < 60; round++) {
		pid_t pid = fork();

		if (pid == 0)
			churn(round);
		usleep(500 + round * 50);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		CHECK_INT(ipam_open(&ipam, folder, false, &err), 0);
		CHECK(ipam.fd >= 0);
		for (unsigned slot = IPAM_FIRST_SLOT; slot <= IPAM_LAST_SLOT; slot++) {
			char holder[IPAM_HOLDER_BYTES];

			if (ipam_state(&ipam, slot) == IPAM_FREE)
				continue;
			ipam_holder(&ipam, slot, holder);
			CHECK(ipam_state(&ipam, slot) == IPAM_HELD && strncmp(holder, "child", 5) == 0);
		}
		ipam_close(&ipam);
	}
	end();
}

/* Two at once never get the same slot. */
static void test_lock(void)
{
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
	pid_t pids[8];

	begin(&ipam);
	ipam_close(&ipam);
	for (unsigned i = 0; i < 8; i++) {
		pids[i] = fork();
		for (unsigned n = 0; pids[i] == 0 && n < 50; n++) {
			CLEANUP_IPAM struct ipam own = IPAM_INIT;

			if (ipam_open(&own, folder, false, NULL) < 0 ||
			    ipam_take(&own, ipam_next_free(&own), "x", NULL) < 0)
				_exit(1);
		}
		if (pids[i] == 0)
			_exit(0);
	}
	for (unsigned i = 0; i < 8; i++) {
		int status = -1;

		waitpid(pids[i], &status, 0);
		CHECK_INT(status, 0);
	}
	CHECK_INT(ipam_open(&ipam, folder, false, &err), 0);
	CHECK_INT(ipam_used(&ipam), 400);
	end();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_take_and_free), TAP_CASE(test_edges), TAP_CASE(test_damage), TAP_CASE(test_kill),
		       TAP_CASE(test_lock));
}
