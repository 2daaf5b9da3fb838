/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/address.h"

#include "tests/unit/tap.h"

static void test_words(void)
{
	static const char *const bad[] = {"",		"10.0.0", "10.0.0.256", "10.0.0.1 ",
					  "10.0.0.1/8", "::1",	  "0x0a000001", "010.0.0.1"};
	char words[16];
	uint32_t address = 0;

	CHECK_INT(address_parse("10.98.15.254", &address), 0);
	CHECK_INT(address, 0x0a620ffe);
	CHECK_STR(address_words(address, words), "10.98.15.254");
	CHECK_STR(address_words(UINT32_MAX, words), "255.255.255.255");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(address_parse(bad[i], &address), -EINVAL);
}

static void test_mac(void)
{
	static const char *const bad[] = {"",
					  "02:68:0a:62:00",
					  "02:68:0a:62:00:0",
					  "02:68:0a:62:00:07:08",
					  "0268.0a62.0007",
					  "02:68:0a:62:00:0g",
					  "03:68:0a:62:00:07",
					  "00:00:00:00:00:00",
					  "ff:ff:ff:ff:ff:ff",
					  "2:680:a:62:00:07",
					  ":2:68:0a:62:00:0"};
	uint8_t mac[LINK_MAC_BYTES], other[LINK_MAC_BYTES];
	char words[18];

	address_mac(0x0a620007, mac);
	CHECK_STR(address_mac_words(mac, words), "02:68:0a:62:00:07");
	CHECK_INT(address_parse_mac("02:68:0A:62:00:07", other), 0);
	CHECK_INT(memcmp(mac, other, sizeof(mac)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(address_parse_mac(bad[i], other), -EINVAL);
}

static void test_ranges(void)
{
	const struct address_subnet subnet = {.base = 0x0a620000, .prefix_len = 20};
	const struct address_subnet wider = {.base = 0x0a000000, .prefix_len = 8},
				    inside = {.base = 0x0a620f00, .prefix_len = 24};
	const struct address_subnet next = {.base = 0x0a621000, .prefix_len = 20}, all = {.base = 0, .prefix_len = 0};

	CHECK(address_in(&subnet, 0x0a620000) && address_in(&subnet, 0x0a620fff));
	CHECK(!address_in(&subnet, 0x0a621000) && !address_in(&subnet, 0x0a61ffff));
	CHECK(address_overlap(&subnet, &wider) && address_overlap(&wider, &subnet));
	CHECK(address_overlap(&subnet, &inside) && address_overlap(&inside, &subnet));
	CHECK(!address_overlap(&subnet, &next) && !address_overlap(&next, &subnet));
	CHECK(address_overlap(&subnet, &all) && address_overlap(&all, &subnet));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_words), TAP_CASE(test_mac), TAP_CASE(test_ranges));
}
