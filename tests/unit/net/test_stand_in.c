/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine in the place of a namespace's interfaces: what it is told of them, and whose packets it gets. */
#include "net/stand_in.h"

#include "net/tap.h"
#include "tests/unit/net/world.h"

#define FRAME_BYTES 64

static int instance = -1;
static char path[64];

/* A pair with both ends in the instance: what goes into one end's tap has to come out of the other's. */
static void begin(void)
{
	world_begin();
	scope_fd(&instance);
	instance = world_instance_ns();
	CHECK(instance >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", instance);
	world_enter(instance);
	CHECK_INT(sh("ip link set lo up && ip link add eth0 mtu 1400 type veth peer name eth1 && ip link set eth1 up "
		     "&& ip link set eth0 up"),
		  0);
	CHECK_INT(sh("ip address add 192.0.2.5/24 dev eth0 && ip address add 2001:db8::5/64 dev eth0 nodad"), 0);
	CHECK_INT(sh("ip route add 198.51.100.1 dev eth0 && ip route add default via 198.51.100.1 && ip -6 route add "
		     "default via 2001:db8::1"),
		  0);
	world_enter(world_host);
}

static const struct interface *find(const struct stand_in *place, const char *name, int *ret_tap)
{
	for (unsigned i = 0; i < place->count; i++)
		if (strcmp(place->interfaces[i].name, name) == 0) {
			*ret_tap = place->taps[i];
			return &place->interfaces[i];
		}
	return NULL;
}

static void leave(struct stand_in *place)
{
	for (unsigned i = 0; i < place->count; i++)
		scope_fd(&place->taps[i]);
}

/* A frame of a kind that no kernel sends by itself, as a machine's card writes it. */
static bool passes(int from, int to)
{
	uint8_t sent[TAP_HEADER_BYTES + FRAME_BYTES] = {0}, got[2048];
	uint64_t tries = ANSWER_MS / 10;

	memset(sent + TAP_HEADER_BYTES, 0xff, 6);
	sent[TAP_HEADER_BYTES + 6] = 2;
	sent[TAP_HEADER_BYTES + 12] = 0x88;
	sent[TAP_HEADER_BYTES + 13] = 0xb5;
	sent[TAP_HEADER_BYTES + FRAME_BYTES - 1] = 77;
	if (write(from, sent, sizeof(sent)) != (ssize_t)sizeof(sent))
		return false;
	while (tries-- > 0) {
		struct pollfd poller = {.fd = to, .events = POLLIN};
		ssize_t len = poll(&poller, 1, 10) > 0 ? read(to, got, sizeof(got)) : 0;

		if (len == (ssize_t)sizeof(sent) &&
		    memcmp(got + TAP_HEADER_BYTES, sent + TAP_HEADER_BYTES, FRAME_BYTES) == 0)
			return true;
	}
	return false;
}

static bool has_route(const struct interface *interface, const char *to, const char *via)
{
	for (unsigned i = 0; i < interface->route_count; i++)
		if (strcmp(interface->routes[i].to, to) == 0 && strcmp(interface->routes[i].via, via) == 0)
			return true;
	return false;
}

static void test_what_it_is_told(void)
{
	struct err err = ERR_INIT;
	struct stand_in place;
	const struct interface *eth0;
	int tap = -1;

	begin();
	CHECK_INT(net_stand_in(path, &place, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(place.count, 2);
	eth0 = find(&place, "eth0", &tap);
	CHECK(eth0 && tap >= 0);
	if (eth0) {
		CHECK_INT(eth0->mtu, 1400);
		CHECK_INT(eth0->address_count, 2);
		CHECK_STR(eth0->addresses[0], "192.0.2.5/24");
		CHECK_STR(eth0->addresses[1], "2001:db8::5/64");
		CHECK_INT(eth0->route_count, 3);
		CHECK(has_route(eth0, "0.0.0.0/0", "198.51.100.1"));
		CHECK(has_route(eth0, "198.51.100.1/32", ""));
		CHECK(has_route(eth0, "::/0", "2001:db8::1"));
	}
	leave(&place);
}

static void test_packets(void)
{
	struct err err = ERR_INIT;
	struct stand_in place, second;
	char missed[IF_NAMESIZE] = "";
	int one = -1, other = -1;

	begin();
	CHECK_INT(net_stand_in_missed(path, missed, &err), 1);
	CHECK_STR(missed, "eth1");
	CHECK_INT(net_stand_in(path, &place, &err), 0);
	CHECK_INT(net_stand_in_missed(path, missed, &err), 0);
	CHECK(find(&place, "eth0", &one) && find(&place, "eth1", &other));
	CHECK(passes(one, other));
	CHECK(passes(other, one));
	/* One machine at a time; the place of one that has ended is free. */
	CHECK_INT(net_stand_in(path, &second, &err), -EBUSY);
	CHECK(strstr(err.msg, "another machine's already"));
	CHECK(passes(one, other));
	leave(&place);
	err_clear(&err);
	CHECK_INT(net_stand_in(path, &second, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK(find(&second, "eth0", &one) && find(&second, "eth1", &other));
	CHECK(passes(one, other));
	leave(&second);
}

/*
 * The taps of a machine that has lost its interfaces are nobody's interfaces: the next one stands for what is new, and
 * for nothing else.
 */
static void test_taps_are_left_out(void)
{
	struct err err = ERR_INIT;
	struct stand_in place, second;
	int tap = -1;

	begin();
	CHECK_INT(net_stand_in(path, &place, &err), 0);
	world_enter(instance);
	CHECK_INT(sh("ip link delete eth0 && ip link add eth2 type veth peer name eth3 && ip link set eth2 up && ip "
		     "link set eth3 up"),
		  0);
	world_enter(world_host);
	CHECK_INT(net_stand_in(path, &second, &err), 0);
	CHECK_INT(second.count, 2);
	CHECK(find(&second, "eth2", &tap) && find(&second, "eth3", &tap));
	leave(&second);
	leave(&place);
}

static void test_refused(void)
{
	struct err err = ERR_INIT;
	struct stand_in place;

	begin();
	CHECK_INT(net_stand_in("/proc/self/ns/net", &place, &err), -ENOTSUP);
	CHECK(strstr(err.msg, "the host's network"));
	err_clear(&err);
	CHECK_INT(net_stand_in("/nosuch", &place, &err), -ENOENT);
	err_clear(&err);
	CHECK_INT(net_stand_in("/proc/self/ns/mnt", &place, &err), -EINVAL);
	for (int i = 0; i < 3; i++) {
		world_enter(instance);
		CHECK_INT(sh("ip link add d%d type veth peer name e%d && ip link set d%d up && ip link set e%d up", i,
			     i, i, i),
			  0);
		world_enter(world_host);
	}
	err_clear(&err);
	CHECK_INT(net_stand_in(path, &place, &err), -E2BIG);
	for (unsigned i = 0; i < STAND_IN_INTERFACES; i++)
		CHECK_INT(place.taps[i], -1);
}

/* What a guest makes of it, here with an interface of this namespace. */
static void test_set(void)
{
	CLEANUP_NETLINK struct netlink netlink = NETLINK_INIT;
	struct err err = ERR_INIT;
	struct stand_in place;
	struct interface wrong = {.name = "eth7", .address_count = 1, .addresses = {"192.0.2.300/24"}};
	const struct interface *eth0;
	struct link link;
	int tap = -1;

	begin();
	CHECK_INT(net_stand_in(path, &place, &err), 0);
	eth0 = find(&place, "eth0", &tap);
	CHECK_INT(sh("ip link add card type veth peer name far && ip link set far up"), 0);
	CHECK_INT(netlink_open(&netlink, NETLINK_ROUTE, &err), 0);
	CHECK_INT(link_get(&netlink, "card", &link, &err), 0);
	CHECK_INT(interface_set(&netlink, link.index, eth0, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(sh("ip -o address show eth0 | grep -q '192.0.2.5/24 brd 192.0.2.255'"), 0);
	CHECK_INT(sh("ip -o address show eth0 | grep -q '2001:db8::5/64 scope global nodad'"), 0);
	CHECK_INT(sh("ip -o link show eth0 | grep -q 'mtu 1400'"), 0);
	CHECK_INT(sh("ip route | grep -q '^default via 198.51.100.1 dev eth0'"), 0);
	CHECK_INT(sh("ip -6 route | grep -q '^default via 2001:db8::1 dev eth0'"), 0);
	CHECK_INT(interface_set(&netlink, link.index, &wrong, &err), -EINVAL);
	CHECK(strstr(err.msg, "interface 'eth7': '192.0.2.300/24' is no address with a prefix"));
	leave(&place);
}

int main(void)
{
	int failed = TAP_RUN(TAP_CASE(test_what_it_is_told), TAP_CASE(test_packets), TAP_CASE(test_taps_are_left_out),
			     TAP_CASE(test_refused), TAP_CASE(test_set));

	scope_fd(&instance);
	world_end();
	return failed;
}
