/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instances come and go, are killed, are many; and what they held, or what others have taken away, is put right. */
#include "tests/unit/net/network_fixture.h"

static bool wait_gone(const char *ifname)
{
	for (int i = 0; i < 3000 && if_nametoindex(ifname); i++)
		usleep(10000);
	return if_nametoindex(ifname) == 0;
}

static bool is_two(const char *instance, void *context)
{
	(*(int *)context)++;
	return strcmp(instance, "two") == 0;
}

static void test_detach_and_collect(void)
{
	const struct net_port ports[] = {tcp(8080, 80), tcp(8081, 80)};
	CLEANUP_FD int a = -1, b = -1, c = -1;
	struct net_lease first, second, third;
	int asked = 0;

	world_begin();
	ATTACH_OK(attach("one", ports, 1, &a, &first));
	ATTACH_OK(attach("two", ports + 1, 1, &b, &second));
	/* Somebody else's address stays, whoever asks, however often. */
	CHECK_INT(net_detach(world_state, "two", &first, ports, 1, &err), 0);
	CHECK_INT(sh("nft list map inet hull ports | grep -q 8080"), 0);

	/* Nobody holds "one", but its interface is there: the port is free, the address is not. */
	CHECK_INT(net_collect(world_state, is_two, &asked, &err), 0);
	CHECK_INT(asked, 2);
	CHECK(sh("nft list map inet hull ports | grep -q 8080") != 0);
	CHECK_INT(sh("nft list map inet hull ports | grep -q 8081"), 0);
	CHECK_INT(used(), 2);
	close(fd_take(&a));
	CHECK(wait_gone(first.veth));
	CHECK_INT(net_collect(world_state, is_two, &asked, &err), 0);
	CHECK_INT(used(), 1);

	CHECK_INT(net_detach(world_state, "two", &second, ports + 1, 1, &err), 0);
	CHECK_INT(net_detach(world_state, "two", &second, ports + 1, 1, &err), 0);
	CHECK_INT(used(), 1);
	/* The address of one that leaves is not given away while its interface is there. */
	ATTACH_OK(attach("three", ports, 2, &c, &third));
	CHECK(strcmp(third.ip, second.ip) != 0);
	CHECK_INT(net_detach(world_state, "two", &second, ports + 1, 1, &err), 0);
	CHECK_INT(sh("nft list map inet hull ports | grep -q 8081"), 0);
	world_end();
}

/* What a kill between the kernel and the file leaves: a port that only the kernel knows, of a holder that is gone. */
static void test_collect_after_kill(void)
{
	const struct net_port port = tcp(8080, 80);
	CLEANUP_FD int a = -1;
	struct net_lease lease;
	int asked = 0;

	world_begin();
	ATTACH_OK(attach("one", &port, 1, &a, &lease));
	sh("rm %s/ports-*", world_state);
	CHECK_INT(net_collect(world_state, is_two, &asked, &err), 0);
	CHECK(sh("nft list map inet hull ports | grep -q 8080") != 0);
	world_end();
}

static bool is_nobody(const char *instance __attribute__((unused)), void *context __attribute__((unused)))
{
	return false;
}

/* kill -9 at any time of an attachment: what is left is collected once the namespace is gone. */
static void test_kill_anywhere(void)
{
	const struct net_port port = tcp(8080, 80);
	CLEANUP_FD int first = -1;
	struct net_lease lease;
	unsigned finished = 0, begun = 0;

	world_begin();
	ATTACH_OK(attach("first", NULL, 0, &first, &lease));
	close(fd_take(&first));
	for (unsigned round = 0; round < 60; round++) {
		int ns = world_instance_ns();
		const struct net_request request = {.instance = "victim",
						    .state_dir = world_state,
						    .ports = &port,
						    .port_count = 1};
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			_exit(net_attach(&request, ns, &lease, NULL) < 0);
		usleep(round * 30);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(ns);
		finished += WIFEXITED(status);
		CHECK(!WIFEXITED(status) || WEXITSTATUS(status) == 0);
		begun += sh("nft list map inet hull ports | grep -q 8080") == 0;
		CHECK_INT(net_collect(world_state, is_nobody, NULL, &err), 0);
		CHECK(sh("nft list map inet hull ports | grep -q 8080") != 0);
	}
	printf("# of 60, %u were further than the port, %u had finished\n", begun, finished);
	for (unsigned i = 0; i < 3000 && used() > 0; i++) {
		usleep(10000);
		CHECK_INT(net_collect(world_state, is_nobody, NULL, &err), 0);
	}
	CHECK_INT(used(), 0);
	CHECK_INT(sh("test $(ip -o link show master hull0 | wc -l) = 0"), 0);
	CHECK_INT(sh("test $(ls -A %s | grep -c -e ports -e tmp) = 0", world_state), 0);
	world_end();
}

/* Many at once: each gets an address of its own. */
static void test_many_at_once(void)
{
	enum { MANY = 24 };
	int ns[MANY];
	pid_t pids[MANY];
	struct net_lease lease;

	world_begin();
	for (unsigned i = 0; i < MANY; i++) {
		const struct net_port port = tcp(8000 + i, 80);
		const struct net_request request = {.instance = "many",
						    .state_dir = world_state,
						    .ports = &port,
						    .port_count = 1};

		ns[i] = world_instance_ns();
		pids[i] = fork();
		if (pids[i] == 0) {
			int ret = net_attach(&request, ns[i], &lease, &err);

			if (ret < 0)
				printf("# %s\n", err.msg);
			exit(ret < 0);
		}
	}
	for (unsigned i = 0; i < MANY; i++) {
		int status = -1;

		waitpid(pids[i], &status, 0);
		CHECK_INT(status, 0);
		close(ns[i]);
	}
	CHECK_INT(used(), MANY);
	world_end();
}

static void test_flushed_ruleset_comes_back(void)
{
	const struct net_port ports[] =
		{tcp(8080, 80),
		 {.host_ip = htonl(INADDR_LOOPBACK), .host_port = 53, .container_port = 53, .udp = true}};
	CLEANUP_FD int web = -1, other = -1, listener = -1;
	struct net_lease lease, second;

	world_begin();
	ATTACH_OK(attach("web", ports, 2, &web, &lease));
	listener = world_listen(web, "0.0.0.0", 80);
	CHECK_INT(sh("nft list ruleset >%s/before; nft flush ruleset", world_state), 0);
	ATTACH_OK(attach("other", NULL, 0, &other, &second));
	CHECK_INT(sh("nft list ruleset | cmp - %s/before", world_state), 0);
	CHECK_INT(world_connect(world_host, "127.0.0.1", 8080, ANSWER_MS), 0);
	CHECK_INT(sh("ip link set hull0 down; echo 0 >/proc/sys/net/ipv4/ip_forward"), 0);
	CHECK_INT(net_detach(world_state, "other", &second, NULL, 0, &err), 0);
	close(fd_take(&other));
	ATTACH_OK(attach("third", NULL, 0, &other, &second));
	CHECK_INT(world_connect(other, lease.ip, 80, ANSWER_MS), 0);
	CHECK_INT(sh("grep -q 1 /proc/sys/net/ipv4/ip_forward"), 0);
	world_end();
}

static void test_lost_state(void)
{
	CLEANUP_FD int a = -1, b = -1;
	struct net_lease first, second;

	world_begin();
	ATTACH_OK(attach("one", NULL, 0, &a, &first));
	sh("rm %s/addresses", world_state);
	ATTACH_OK(attach("two", NULL, 0, &b, &second));
	CHECK_STR(first.gateway, second.gateway);
	CHECK(strcmp(first.ip, second.ip) != 0);
	world_end();
}

/* As many as a bridge takes, all ends in one namespace; the next one gets an error, and leaves nothing. */
static void test_full_bridge(void)
{
	CLEANUP_FD int ns = world_instance_ns();
	struct net_request request = {.instance = "many"};
	struct net_lease lease;
	char name[16];

	world_begin();
	request.state_dir = world_state;
	request.ifname = name;
	for (unsigned i = 0; i < IPAM_MAX_USED; i++) {
		int ret;

		snprintf(name, sizeof(name), "e%u", i);
		if (i > 0) {
			world_enter(ns);
			sh("ip route del default");
			world_enter(world_host);
		}
		ret = net_attach(&request, ns, &lease, &err);
		if (ret < 0)
			printf("# %u: %s\n", i, err.msg);
		ATTACH_OK(ret);
	}
	CHECK_INT(used(), IPAM_MAX_USED);
	snprintf(name, sizeof(name), "more");
	CHECK_INT(net_attach(&request, ns, &lease, &err), -EXFULL);
	CHECK_HAS(err.msg, "1023");
	CHECK_INT(used(), IPAM_MAX_USED);
	world_end();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_detach_and_collect), TAP_CASE(test_collect_after_kill),
		       TAP_CASE(test_kill_anywhere), TAP_CASE(test_many_at_once),
		       TAP_CASE(test_flushed_ruleset_comes_back), TAP_CASE(test_lost_state),
		       TAP_CASE(test_full_bridge));
}
