/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instance is attached: what it has, who reaches it, what it reaches, and what that costs. */
#include "tests/unit/net/network_fixture.h"

/*
 * A neighbour on another interface of the host: 203.0.113.2, the host is 203.0.113.1, and it routes everything to the
 * host.
 */
static int lan(void)
{
	int ns = world_instance_ns();

	sh("ip link add lan type veth peer name eth0 netns /proc/%d/fd/%d && ip addr add 203.0.113.1/24 dev lan && ip "
	   "link set lan up",
	   getpid(), ns);
	world_enter(ns);
	sh("ip addr add 203.0.113.2/24 dev eth0 && ip link set eth0 up && ip route add default via 203.0.113.1");
	world_enter(world_host);
	return ns;
}

static void test_attach(void)
{
	CLEANUP_FD int a = -1, b = -1, listener = -1;
	struct net_lease first, second;

	world_begin();
	ATTACH_OK(attach("one", NULL, 0, &a, &first));
	ATTACH_OK(attach("two", NULL, 0, &b, &second));
	CHECK(strcmp(first.ip, second.ip) != 0);
	CHECK(strcmp(first.mac, second.mac) != 0);
	CHECK_STR(first.gateway, second.gateway);
	CHECK_INT(first.prefix_len, 20);
	CHECK(if_nametoindex(first.veth) != 0);
	CHECK_INT(used(), 2);

	world_enter(a);
	CHECK_INT(sh("ip -o addr show dev eth0 | grep -q 'inet %s/20 '", first.ip), 0);
	CHECK_INT(sh("ip -o link show dev eth0 | grep -q %s", first.mac), 0);
	CHECK_INT(sh("ip route | grep -q '^default via %s dev eth0'", first.gateway), 0);
	CHECK_INT(sh("ip -o addr show dev lo | grep -q 127.0.0.1"), 0);
	CHECK(sh("ip -o -6 addr show dev eth0 | grep -q inet6") != 0);
	world_enter(world_host);
	CHECK(sh("ip -o -6 addr show dev hull0 | grep -q inet6") != 0);
	CHECK(sh("ip -o -6 addr show dev %s | grep -q inet6", first.veth) != 0);
	CHECK_INT(sh("ip -d -o link show dev hull0 | grep -q 'mcast_snooping 0 '"), 0);

	listener = world_listen(b, "0.0.0.0", 80);
	CHECK_INT(world_connect(a, second.ip, 80, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), first.ip);
	CHECK_INT(world_connect(world_host, second.ip, 80, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), first.gateway);
	CHECK_INT(world_connect(a, second.ip, 81, ANSWER_MS), -ECONNREFUSED);
	world_end();
}

static void test_wishes(void)
{
	CLEANUP_FD int ns = world_instance_ns(), other = world_instance_ns();
	struct net_request request = {.instance = "one",
				      .want_mac = "02:00:00:00:12:34",
				      .ifname = "net7",
				      .mtu = 1400};
	struct net_lease lease;
	char wanted[16];

	world_begin();
	request.state_dir = world_state;
	ATTACH_OK(net_attach(&request, ns, &lease, &err));
	CHECK_STR(lease.mac, "02:00:00:00:12:34");
	world_enter(ns);
	CHECK_INT(sh("ip -o link show dev net7 | grep -q 'mtu 1400 .*02:00:00:00:12:34'"), 0);
	world_enter(world_host);

	snprintf(wanted, sizeof(wanted), "%.*s.77", (int)(strrchr(lease.ip, '.') - lease.ip), lease.ip);
	request = (struct net_request){.instance = "two", .state_dir = world_state, .want_ip = wanted};
	ATTACH_OK(net_attach(&request, other, &lease, &err));
	CHECK_STR(lease.ip, wanted);
	request.ifname = "eth1";
	CHECK_INT(net_attach(&request, other, &lease, &err), -EADDRINUSE);
	CHECK_HAS(err.msg, "in use");
	request.want_ip = "8.8.8.8";
	CHECK_INT(net_attach(&request, other, &lease, &err), -EADDRNOTAVAIL);
	CHECK_INT(used(), 2);
	world_end();
}

/* Packets that are only bridged pass the ruleset too where br_netfilter is on: everything must work both ways. */
static void check_publish(int bridge_netfilter)
{
	const struct net_port ports[] = {tcp(8080, 80), {.host_port = 5353, .container_port = 53, .udp = true}};
	CLEANUP_FD int neighbour = -1, web = -1, other = -1, listener = -1, server = -1, client = -1;
	struct sockaddr_in address = world_address("127.0.0.1", 5353), own = world_address("0.0.0.0", 53);
	struct net_lease lease, second;
	char words[8] = "";

	world_begin();
	if (bridge_netfilter >= 0)
		sh("echo %d >/proc/sys/net/bridge/bridge-nf-call-iptables", bridge_netfilter);
	neighbour = lan();
	ATTACH_OK(attach("web", ports, 2, &web, &lease));
	ATTACH_OK(attach("other", NULL, 0, &other, &second));
	listener = world_listen(web, "0.0.0.0", 80);

	CHECK_INT(world_connect(world_host, "127.0.0.1", 8080, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), lease.gateway);
	CHECK_INT(world_connect(world_host, "203.0.113.1", 8080, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), "203.0.113.1");
	CHECK_INT(world_connect(neighbour, "203.0.113.1", 8080, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), "203.0.113.2");
	CHECK_INT(world_connect(web, "203.0.113.1", 8080, ANSWER_MS), 0); /* its own */
	CHECK_STR(world_accept(listener), lease.gateway);
	CHECK_INT(world_connect(web, lease.gateway, 8080, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), lease.gateway);
	for (int i = 0; i < 3; i++) { /* more than once: no redirect must have led astray */
		CHECK_INT(world_connect(other, "203.0.113.1", 8080, ANSWER_MS), 0);
		CHECK_STR(world_accept(listener), lease.gateway);
	}
	CHECK_INT(world_connect(neighbour, "203.0.113.1", 8081, ANSWER_MS), -ECONNREFUSED);

	server = world_socket(web, SOCK_DGRAM);
	client = world_socket(world_host, SOCK_DGRAM);
	CHECK_INT(bind(server, (struct sockaddr *)&own, sizeof(own)), 0);
	CHECK_INT(sendto(client, "hull", 4, 0, (struct sockaddr *)&address, sizeof(address)), 4);
	CHECK_INT(poll(&(struct pollfd){.fd = server, .events = POLLIN}, 1, ANSWER_MS), 1);
	CHECK_INT(recv(server, words, sizeof(words), 0), 4);

	CHECK_INT(net_detach(world_state, "web", &lease, ports, 2, &err), 0);
	CHECK_INT(world_connect(world_host, "127.0.0.1", 8080, ANSWER_MS), -ECONNREFUSED);
	world_end();
}

static void test_publish(void)
{
	const bool has_switch = access("/proc/sys/net/bridge/bridge-nf-call-iptables", W_OK) == 0;

	check_publish(has_switch ? 0 : -1);
	if (has_switch)
		check_publish(1);
}

static void test_publish_at_address(void)
{
	const struct net_port at = {.host_ip = htonl(INADDR_LOOPBACK), .host_port = 8080, .container_port = 80};
	const struct net_port nowhere = {.host_ip = htonl(0xcb007163), .host_port = 8080, .container_port = 80};
	CLEANUP_FD int neighbour = -1, web = -1, none = -1, listener = -1;
	struct net_lease lease;

	world_begin();
	neighbour = lan();
	ATTACH_OK(attach("web", &at, 1, &web, &lease));
	listener = world_listen(web, "0.0.0.0", 80);
	CHECK_INT(world_connect(world_host, "127.0.0.1", 8080, ANSWER_MS), 0);
	CHECK_INT(world_connect(neighbour, "203.0.113.1", 8080, ANSWER_MS), -ECONNREFUSED);
	CHECK_INT(attach("none", &nowhere, 1, &none, &lease), -EADDRNOTAVAIL);
	CHECK_HAS(err.msg, "203.0.113.99:8080");
	CHECK_INT(used(), 1);
	world_end();
}

static void test_port_taken(void)
{
	const struct net_port ports[] = {tcp(8079, 79), tcp(8080, 80)}, host_port = tcp(8090, 80),
			      twice[] = {tcp(1, 2), tcp(1, 3)};
	CLEANUP_FD int a = -1, b = -1, listener = -1;
	struct net_lease lease;

	world_begin();
	listener = world_listen(world_host, "127.0.0.1", 8090);
	ATTACH_OK(attach("one", ports + 1, 1, &a, &lease));
	CHECK_INT(attach("two", ports, 2, &b, &lease), -EADDRINUSE);
	CHECK_HAS(err.msg, "0.0.0.0:8080/tcp");
	CHECK_HAS(err.msg, "another instance");
	CHECK_INT(attach("two", &host_port, 1, &b, &lease), -EADDRINUSE);
	CHECK_HAS(err.msg, "0.0.0.0:8090/tcp");
	CHECK_HAS(err.msg, "process of the host");
	CHECK_INT(attach("two", twice, 2, &b, &lease), -EINVAL);
	/* All or none, and nothing stays: 8079 is not published, no address is held, no interface is there. */
	CHECK(sh("nft list map inet hull ports | grep -q 8079") != 0);
	CHECK_INT(used(), 1);
	CHECK_INT(sh("test $(ip -o link show type veth | grep -c hull0-) -le 1"), 0);
	ATTACH_OK(attach("two", ports, 1, &b, &lease));
	world_end();
}

static void test_failed_attach_leaves_nothing(void)
{
	const struct net_port port = tcp(8080, 80);
	CLEANUP_FD int a = -1;
	struct net_request request = {.instance = "again", .ports = &port, .port_count = 1};
	struct net_lease lease;

	world_begin();
	ATTACH_OK(attach("one", NULL, 0, &a, &lease));
	request.state_dir = world_state;
	CHECK_INT(net_attach(&request, a, &lease, &err), -EEXIST); /* eth0 is there */
	CHECK_INT(used(), 1);
	CHECK(sh("nft list map inet hull ports | grep -q 8080") != 0);
	CHECK_INT(sh("test $(ip -o link show master hull0 | wc -l) = 1"), 0);
	request.ifname = "eth1";
	sh("nsenter --net=/proc/%d/fd/%d ip route del default", getpid(), a);
	ATTACH_OK(net_attach(&request, a, &lease, &err));
	/* The last step fails (there is a default route): the pair, the port and the address are taken back. */
	request.ifname = "eth2";
	request.instance = "third";
	CHECK_INT(net_detach(world_state, "again", &lease, &port, 1, &err), 0);
	CHECK(net_attach(&request, a, &lease, &err) < 0);
	CHECK_HAS(err.msg, "default route");
	CHECK_INT(sh("test $(ip -o link show master hull0 | wc -l) = 2"), 0);
	CHECK(sh("nft list map inet hull ports | grep -q 8080") != 0);
	world_end();
}

/*
 * CVE-2020-8558: an instance that sends to the host's 127.0.0.1. Each protection is taken away in turn, to see that
 * the attack is real.
 */
static void test_host_loopback_is_out_of_reach(void)
{
	const struct net_port port = tcp(8080, 80);
	CLEANUP_FD int evil = -1, listener = -1;
	struct net_lease lease;

	world_begin();
	ATTACH_OK(attach("evil", &port, 1, &evil, &lease));
	listener = world_listen(world_host, "127.0.0.1", 9999);
	world_enter(evil);
	sh("ip link set lo down; ip addr flush dev lo; ip route add 127.0.0.1/32 via %s dev eth0 src %s", lease.gateway,
	   lease.ip);
	sh("echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet");
	world_enter(world_host);
	CHECK_INT(sh("grep -q 1 /proc/sys/net/ipv4/conf/hull0/route_localnet"), 0);
	CHECK_INT(world_connect(evil, "127.0.0.1", 9999, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(sh("nft flush chain inet hull input"), 0);
	CHECK_INT(world_connect(evil, "127.0.0.1", 9999, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(sh("nft flush chain inet hull guard"), 0);
	CHECK_INT(world_connect(evil, "127.0.0.1", 9999, ANSWER_MS), 0);
	world_end();
}

static void test_host_services_are_out_of_reach(void)
{
	CLEANUP_FD int evil = -1, neighbour = -1, listener = -1;
	struct net_lease lease;

	world_begin();
	neighbour = lan();
	ATTACH_OK(attach("evil", NULL, 0, &evil, &lease));
	listener = world_listen(world_host, "0.0.0.0", 9999);
	CHECK_INT(world_connect(evil, lease.gateway, 9999, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(world_connect(evil, "203.0.113.1", 9999, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(world_connect(neighbour, "203.0.113.1", 9999, ANSWER_MS), 0);
	CHECK_INT(sh("nft flush chain inet hull input"), 0);
	CHECK_INT(world_connect(evil, lease.gateway, 9999, ANSWER_MS), 0);
	world_end();
}

static void test_unpublished_ports_are_out_of_reach(void)
{
	const struct net_port port = tcp(8080, 80);
	CLEANUP_FD int web = -1, neighbour = -1, published = -1, unpublished = -1;
	struct net_lease lease;

	world_begin();
	neighbour = lan();
	ATTACH_OK(attach("web", &port, 1, &web, &lease));
	published = world_listen(web, "0.0.0.0", 80);
	unpublished = world_listen(web, "0.0.0.0", 81);
	CHECK_INT(world_connect(neighbour, "203.0.113.1", 8080, ANSWER_MS), 0);
	CHECK_INT(world_connect(neighbour, lease.ip, 81, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(world_connect(neighbour, lease.ip, 80, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(sh("nft flush chain inet hull forward"), 0);
	CHECK_INT(world_connect(neighbour, lease.ip, 81, ANSWER_MS), 0);
	world_end();
}

static void test_outgoing(void)
{
	CLEANUP_FD int a = -1, neighbour = -1, listener = -1;
	struct net_lease lease;

	world_begin();
	neighbour = lan();
	ATTACH_OK(attach("one", NULL, 0, &a, &lease));
	listener = world_listen(neighbour, "0.0.0.0", 80);
	CHECK_INT(world_connect(a, "203.0.113.2", 80, ANSWER_MS), 0);
	CHECK_STR(world_accept(listener), "203.0.113.1");
	/* An address that nobody gave it is not let out. */
	world_enter(a);
	sh("ip addr add 198.51.100.9/32 dev eth0; ip route replace default via %s dev eth0 src 198.51.100.9",
	   lease.gateway);
	world_enter(world_host);
	sh("ip route add 198.51.100.9/32 dev hull0");
	CHECK_INT(world_connect(a, "203.0.113.2", 80, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(sh("nft flush chain bridge hull ports"), 0);
	CHECK_INT(world_connect(a, "203.0.113.2", 80, SILENCE_MS), -ETIMEDOUT);
	CHECK_INT(sh("nft flush chain inet hull guard"), 0);
	CHECK_INT(world_connect(a, "203.0.113.2", 80, ANSWER_MS), 0);
	world_end();
}

static void test_subnet_avoids_routes(void)
{
	CLEANUP_FD int a = -1, b = -1;
	struct net_lease first, second;

	world_begin();
	sh("ip link add d0 type bridge; ip link set d0 up; ip route add 0.0.0.0/1 dev d0; ip route add 10.0.0.0/8 dev "
	   "d0");
	ATTACH_OK(attach("one", NULL, 0, &a, &first));
	CHECK(strncmp(first.ip, "10.", 3) != 0);
	/* The state is what counts from then on, whatever routes come. */
	sh("ip route add 172.16.0.0/12 dev d0");
	ATTACH_OK(attach("two", NULL, 0, &b, &second));
	CHECK_STR(first.gateway, second.gateway);
	world_end();

	world_begin();
	sh("ip link add d0 type bridge; ip link set d0 up; for r in 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16; do ip "
	   "route add $r dev d0; done");
	CHECK_INT(attach("one", NULL, 0, &a, &first), -EADDRNOTAVAIL);
	CHECK_HAS(err.msg, "routed elsewhere");
	CHECK(if_nametoindex("hull0") == 0);
	world_end();
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double least(const double *costs, size_t count)
{
	double found = costs[0];

	for (size_t i = 1; i < count; i++)
		found = costs[i] < found ? costs[i] : found;
	return found;
}

/*
 * The thousandth port costs what the first did: the least of 20, before and behind a thousand. What else the machine
 * does meanwhile may lengthen any of them, and even their median.
 */
static void test_cost_of_a_port(void)
{
	enum { TRIES = 20, MANY = 1000 };
	static struct net_port many[MANY];
	double few_us[TRIES], many_us[TRIES];
	CLEANUP_FD int holder = -1;
	struct net_lease lease;

	world_begin();
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < TRIES; i++) {
			const struct net_port port = tcp(100 + pass * TRIES + i, 80);
			CLEANUP_FD int ns = world_instance_ns();
			const struct net_request request = {.instance = "x",
							    .state_dir = world_state,
							    .ports = &port,
							    .port_count = 1};
			double before = now_us();

			ATTACH_OK(net_attach(&request, ns, &lease, &err));
			(pass ? many_us : few_us)[i] = now_us() - before;
		}
		for (unsigned i = 0; i < MANY; i++)
			many[i] = tcp(10000 + i, 80);
		if (pass == 0)
			ATTACH_OK(attach("many", many, MANY, &holder, &lease));
	}
	printf("# an attachment with one port: %.0f us with few, %.0f us with a thousand more\n", least(few_us, TRIES),
	       least(many_us, TRIES));
	CHECK(least(many_us, TRIES) < 2 * least(few_us, TRIES));
	world_end();
}

static void test_check(void)
{
	const struct net_port zero = tcp(0, 80);
	const struct net_request bad[] = {
		{.instance = ""},
		{.instance = "x", .name = "office"},
		{.instance = "x", .bridge = "longerthan9"},
		{.instance = "x", .bridge = "../x"},
		{.instance = "x", .ifname = "lo"},
		{.instance = "x", .ifname = "a b"},
		{.instance = "x", .ifname = "0123456789abcdef"},
		{.instance = "x", .want_ip = "10.0.0"},
		{.instance = "x", .want_ip = "::1"},
		{.instance = "x", .want_mac = "01:00:00:00:00:01"},
		{.instance = "x", .want_mac = "02:00:00:00:00"},
		{.instance = "x", .want_mac = "00:00:00:00:00:00"},
		{.instance = "x", .mtu = 67},
		{.instance = "x", .mtu = 65536},
		{.instance = "x", .ports = &zero, .port_count = 1},
	};
	uint32_t ip = 1;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (net_check(&bad[i], &err) == 0)
			printf("# row %zu\n", i);
		CHECK(net_check(&bad[i], &err) < 0);
	}
	CHECK_INT(net_check(&(struct net_request){.instance = "x",
						  .name = "bridge",
						  .mtu = 9000,
						  .want_ip = "10.0.0.1"},
			    &err),
		  0);
	CHECK_INT(net_host_ip_parse("", &ip, &err), 0);
	CHECK_INT(ip, 0);
	CHECK_INT(net_host_ip_parse("127.0.0.1", &ip, &err), 0);
	CHECK_INT(ntohl(ip), INADDR_LOOPBACK);
	CHECK_INT(net_host_ip_parse("::1", &ip, &err), -EAFNOSUPPORT);
	CHECK_HAS(err.msg, "IPv4");
	CHECK_INT(net_host_ip_parse("localhost", &ip, &err), -EINVAL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_check), TAP_CASE(test_attach), TAP_CASE(test_wishes), TAP_CASE(test_publish),
		       TAP_CASE(test_publish_at_address), TAP_CASE(test_port_taken),
		       TAP_CASE(test_failed_attach_leaves_nothing), TAP_CASE(test_host_loopback_is_out_of_reach),
		       TAP_CASE(test_host_services_are_out_of_reach), TAP_CASE(test_unpublished_ports_are_out_of_reach),
		       TAP_CASE(test_outgoing), TAP_CASE(test_subnet_avoids_routes), TAP_CASE(test_cost_of_a_port));
}
