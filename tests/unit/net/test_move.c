/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces moved into a namespace and back: names, addresses, and that a failure leaves all where it was. */
#include "net/link.h"
#include "net/move.h"
#include "tests/unit/net/world.h"

static int instance = -1;

/* A pair na-nb on the host, na up and with addresses that last and some that do not. */
static void make_interfaces(void)
{
	CHECK_INT(sh("ip link add na type veth peer name nb && ip link set nb up && ip link set na up mtu 1400"), 0);
	CHECK_INT(sh("ip address add 192.0.2.5/24 brd + dev na && ip address add 192.0.2.9 peer 192.0.2.10/32 dev na"),
		  0);
	CHECK_INT(sh("ip address add 2001:db8::5/64 dev na nodad && ip address add 192.0.2.77/24 dev na valid_lft 600 "
		     "preferred_lft 600"),
		  0);
	CHECK_INT(sh("ip address add 169.254.7.7/16 scope link dev na"), 0);
}

static void begin(void)
{
	world_begin();
	scope_fd(&instance);
	instance = world_instance_ns();
	CHECK(instance >= 0);
	make_interfaces();
}

/* Whether what `ip` says in a namespace has these words. */
static bool says(int ns, const char *command, const char *words)
{
	char output[4096] = "";
	FILE *pipe;
	size_t len;

	world_enter(ns);
	pipe = popen(command, "r");
	len = pipe ? fread(output, 1, sizeof(output) - 1, pipe) : 0;
	output[len] = '\0';
	if (pipe)
		pclose(pipe);
	world_enter(world_host);
	return strstr(output, words) != NULL;
}

static void test_move_and_back(void)
{
	static const struct net_move moves[] = {{"na", "inside0"}, {"nb", NULL}};
	struct net_moved moved[2];
	struct err err = ERR_INIT;

	begin();
	CHECK_INT(net_move_in(moves, 2, instance, moved, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK(!says(world_host, "ip -o link", "na@") && !says(world_host, "ip -o link", "nb@"));
	CHECK(says(instance, "ip -o link show inside0", "mtu 1400"));
	CHECK(says(instance, "ip -o link show inside0", ",UP"));
	CHECK(says(instance, "ip -o link show nb", ",UP"));
	CHECK(says(instance, "ip -o address show inside0", "192.0.2.5/24 brd 192.0.2.255"));
	CHECK(says(instance, "ip -o address show inside0", "192.0.2.9 peer 192.0.2.10/32"));
	CHECK(says(instance, "ip -o address show inside0", "2001:db8::5/64"));
	CHECK(!says(instance, "ip -o address show inside0", "192.0.2.77"));
	CHECK(!says(instance, "ip -o address show inside0", "169.254.7.7"));
	CHECK_INT(net_move_back(moved, 2, instance, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK(says(world_host, "ip -o address show na", "192.0.2.5/24 brd 192.0.2.255"));
	CHECK(says(world_host, "ip -o address show na", "2001:db8::5/64"));
	CHECK(says(world_host, "ip -o link show na", ",UP"));
	CHECK(says(world_host, "ip -o link show nb", ",UP"));
	CHECK(!says(instance, "ip -o link", "inside0"));
	/* Nothing is there any more: nothing to do. */
	CHECK_INT(net_move_back(moved, 2, instance, &err), 0);
}

static void test_templates(void)
{
	static const struct net_move moves[] = {{"na", "eth%d"}, {"nb", "eth%d"}};
	struct net_moved moved[2];
	struct err err = ERR_INIT;

	begin();
	world_enter(instance);
	CHECK_INT(sh("ip link add eth0 type veth peer name other"), 0);
	world_enter(world_host);
	CHECK_INT(net_move_in(moves, 2, instance, moved, &err), 0);
	CHECK_STR(moved[0].name, "eth1");
	CHECK_STR(moved[1].name, "eth2");
	CHECK(says(instance, "ip -o address show eth1", "192.0.2.5/24"));
}

/* A port goes back to its bridge, and one that was down is down. */
static void test_state_before(void)
{
	static const struct net_move moves[] = {{"nb", "x"}};
	struct net_moved moved[1];
	struct err err = ERR_INIT;

	begin();
	CHECK_INT(sh("ip link add br0 type bridge && ip link set nb down && ip link set nb master br0"), 0);
	CHECK_INT(net_move_in(moves, 1, instance, moved, &err), 0);
	CHECK(says(instance, "ip -o link show x", ",UP"));
	CHECK_INT(net_move_back(moved, 1, instance, &err), 0);
	CHECK(says(world_host, "ip -o link show nb", "master br0"));
	CHECK(says(world_host, "ip -o link show nb", "state DOWN"));
}

static void test_all_or_none(void)
{
	static const struct net_move missing[] = {{"na", "x"}, {"none", "y"}};
	static const struct net_move taken[] = {{"na", "x"}, {"nb", "eth0"}};
	struct net_moved moved[2];
	struct err err = ERR_INIT;

	begin();
	CHECK_INT(net_move_in(missing, 2, instance, moved, &err), -ENODEV);
	CHECK_HAS(err.msg, "interface 'none': ");
	CHECK(says(world_host, "ip -o address show na", "192.0.2.5/24"));
	CHECK(!says(instance, "ip -o link", "x@"));
	world_enter(instance);
	CHECK_INT(sh("ip link add eth0 type veth peer name other"), 0);
	world_enter(world_host);
	err_clear(&err);
	CHECK_INT(net_move_in(taken, 2, instance, moved, &err), -EEXIST);
	CHECK_HAS(err.msg, "interface 'nb': there is an interface 'eth0' already");
	CHECK(says(world_host, "ip -o address show na", "192.0.2.5/24"));
	CHECK(says(world_host, "ip -o link show nb", ",UP"));
	CHECK(says(instance, "ip -o link", "eth0@"));
}

static void test_too_many_addresses(void)
{
	static const struct net_move moves[] = {{"na", "x"}};
	struct net_moved moved[1];
	struct err err = ERR_INIT;

	begin();
	CHECK_INT(sh("for i in $(seq 1 70); do echo address add 198.51.100.$i/24 dev na; done | ip -batch -"), 0);
	CHECK_INT(net_move_in(moves, 1, instance, moved, &err), -E2BIG);
	CHECK_HAS(err.msg, "interface 'na': list its addresses");
	CHECK(says(world_host, "ip -o address show na to 198.51.100.70", "198.51.100.70/24"));
}

int main(void)
{
	int failed = TAP_RUN(TAP_CASE(test_move_and_back), TAP_CASE(test_templates), TAP_CASE(test_state_before),
			     TAP_CASE(test_all_or_none), TAP_CASE(test_too_many_addresses));

	scope_fd(&instance);
	world_end();
	return failed;
}
