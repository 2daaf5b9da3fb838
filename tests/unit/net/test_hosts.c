/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/hosts.h"

#include "tests/unit/tap.h"

static struct err err;
#define LIST(...)             \
	(const char *const[]) \
	{                     \
		__VA_ARGS__   \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_hosts(void)
{
	CLEANUP_TEXT struct text text = TEXT_INIT, alone = TEXT_INIT;
	const struct hosts_request request = {
		.hostname = "web.example",
		.ip = "10.98.0.7",
		.gateway = "10.98.0.1",
		.extra = LIST("db:10.0.0.5", "six=2001:db8::1", "box:[2001:db8::2]", "host:host-gateway"),
		.extra_count = 4,
	};

	CHECK_INT(hosts_make(&request, &text, &err), 0);
	CHECK_HAS(text_get(&text), "127.0.0.1\tlocalhost\n");
	CHECK_HAS(text_get(&text), "\n10.0.0.5\tdb\n2001:db8::1\tsix\n2001:db8::2\tbox\n10.98.0.1\thost\n");
	CHECK_HAS(text_get(&text), "\n10.98.0.7\tweb.example web\n");
	CHECK_INT(hosts_make(&(struct hosts_request){.hostname = "a"}, &alone, &err), 0);
	CHECK_HAS(text_get(&alone), "\n127.0.1.1\ta\n");
}

static void test_hosts_refuse(void)
{
	static const char *const bad[] = {
		"",
		"db",
		":10.0.0.1",
		"db:",
		"db:10.0.0",
		"db:10.0.0.1\n1.1.1.1 bank",
		"d b:1.1.1.1",
		"d\nb:1.1.1.1",
		"db:1.1.1.1 x",
		"db:fe80::1%eth0",
		"-db:1.1.1.1",
		"a..b:1.1.1.1",
		"db:[1.1.1.1",
		"#db:1.1.1.1",
		"db:HOST-GATEWAY",
		"db:1111111111111111111111111111111111111111111111111111111111111",
	};
	CLEANUP_TEXT struct text text = TEXT_INIT;

	for (size_t i = 0; i < COUNT(bad); i++) {
		err_clear(&err);
		CHECK_INT(hosts_check_extra(bad[i], true, &err), -EINVAL);
		CHECK_INT(hosts_make(&(struct hosts_request){.extra = LIST(bad[i]), .extra_count = 1}, &text, &err),
			  -EINVAL);
		CHECK_HAS(err.msg, "added host");
	}
	CHECK_INT(hosts_check_extra("db:host-gateway", true, &err), 0);
	CHECK_INT(hosts_check_extra("db:host-gateway", false, &err), -EINVAL);
	CHECK_INT(hosts_make(&(struct hosts_request){.hostname = "a", .ip = "1.1.1.1 x"}, &text, &err), -EINVAL);
}

static void test_hostname(void)
{
	static const char *const bad[] = {"",
					  "a b",
					  "a\n",
					  ".a",
					  "a..b",
					  "-a",
					  "\xc3\xa4",
					  "a/b",
					  "0123456789012345678901234567890123456789012345678901234567890123.",
					  "0123456789012345678901234567890123456789012345678901234567890123"};
	CLEANUP_TEXT struct text text = TEXT_INIT;

	CHECK_INT(hosts_make_hostname("web_1.example", &text, &err), 0);
	CHECK_STR(text_get(&text), "web_1.example\n");
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_INT(hosts_check_name(bad[i], &err), -EINVAL);
}

static void test_resolv_of_the_host(void)
{
	static const char host[] = "# by hand\nnameserver 127.0.0.53\nnameserver  9.9.9.9 # odd\n"
				   "domain old\nsearch one.example two.example\noptions ndots:2 edns0\n"
				   "nameserver ::1\nnameserver 2001:db8::53\nsortlist 1.2.3.4\nnameserver "
				   "bad\nnameserver 1.1.1.1\nnameserver 8.8.4.4\n";
	CLEANUP_TEXT struct text text = TEXT_INIT, shared = TEXT_INIT;
	size_t servers = 0;

	CHECK_INT(hosts_make_resolv(&(struct resolv_request){.host_conf = host}, &text, &servers, &err), 0);
	CHECK_INT(servers, 3);
	CHECK_STR(text_get(&text), "nameserver 9.9.9.9\nnameserver 2001:db8::53\nnameserver 1.1.1.1\n"
				   "search one.example two.example\noptions ndots:2 edns0\n");
	CHECK_INT(hosts_make_resolv(&(struct resolv_request){.host_conf = host, .share_host = true}, &shared, &servers,
				    &err),
		  0);
	CHECK_HAS(text_get(&shared), "nameserver 127.0.0.53\nnameserver 9.9.9.9\nnameserver ::1\n");
}

static void test_resolv_behind_a_stub(void)
{
	const struct resolv_request stub = {.host_conf = "nameserver 127.0.0.53\nsearch stub\n",
					    .upstream_conf = "nameserver 192.0.2.53\nsearch lan\n"};
	const struct resolv_request nothing = {.host_conf = "nameserver 127.0.0.53\nsearch stub\n"};
	CLEANUP_TEXT struct text text = TEXT_INIT, none = TEXT_INIT;
	size_t servers = 9;

	CHECK_INT(hosts_make_resolv(&stub, &text, &servers, &err), 0);
	CHECK_STR(text_get(&text), "nameserver 192.0.2.53\nsearch lan\n");
	CHECK_INT(hosts_make_resolv(&nothing, &none, &servers, &err), 0);
	CHECK_INT(servers, 0);
	CHECK_STR(text_get(&none), "search stub\n");
}

static void test_resolv_of_the_user(void)
{
	const struct resolv_request request = {
		.servers = LIST("127.0.0.1", "2001:db8::1"),
		.server_count = 2,
		.searches = LIST("."),
		.search_count = 1,
		.options = LIST("ndots:5", "rotate"),
		.option_count = 2,
		.host_conf = "nameserver 9.9.9.9\nsearch host\noptions edns0\n",
	};
	CLEANUP_TEXT struct text text = TEXT_INIT;

	CHECK_INT(hosts_make_resolv(&request, &text, NULL, &err), 0);
	CHECK_STR(text_get(&text), "nameserver 127.0.0.1\nnameserver 2001:db8::1\noptions ndots:5 rotate\n");
}

static void test_resolv_refuses(void)
{
	CLEANUP_TEXT struct text text = TEXT_INIT;

	CHECK_INT(hosts_check_server("9.9.9.9\nsearch evil", &err), -EINVAL);
	CHECK_INT(hosts_check_server("localhost", &err), -EINVAL);
	CHECK_INT(hosts_check_server("", &err), -EINVAL);
	CHECK_INT(hosts_check_search("a b", &err), -EINVAL);
	CHECK_INT(hosts_check_search("a\nnameserver 6.6.6.6", &err), -EINVAL);
	CHECK_INT(hosts_check_search("example.org.", &err), 0);
	CHECK_INT(hosts_check_option("ndots:1\n", &err), -EINVAL);
	CHECK_INT(hosts_check_option("", &err), -EINVAL);
	CHECK_INT(hosts_make_resolv(&(struct resolv_request){.servers = LIST("x"), .server_count = 1}, &text, NULL,
				    &err),
		  -EINVAL);
	CHECK_HAS(err.msg, "DNS server 'x'");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_hosts), TAP_CASE(test_hosts_refuse), TAP_CASE(test_hostname),
		       TAP_CASE(test_resolv_of_the_host), TAP_CASE(test_resolv_behind_a_stub),
		       TAP_CASE(test_resolv_of_the_user), TAP_CASE(test_resolv_refuses));
}
