/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "runtime/base/file.h"

#define LABEL_MAX	 63
#define SERVERS_MAX	 3 /* MAXNS of <resolv.h>: resolvers read no more */
#define RESOLV_MAX_BYTES 65536
#define HOST_GATEWAY	 "host-gateway"

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels with single dots between them; a name that ends with a dot is a whole one. */
static bool is_name(const char *words, size_t len, size_t max)
{
	size_t label = 0;

	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (words[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_name_char(words[i]) || (label == 0 && words[i] == '-') || ++label > LABEL_MAX) {
			return false;
		}
	}
	return true;
}

int hosts_check_name(const char *hostname, struct err *err)
{
	if (is_name(hostname, strlen(hostname), HOSTS_NAME_MAX))
		return 0;
	return err_say(err, EINVAL,
		       "host name '%s': letters, digits, '-', '_' and single dots are possible, up to %d characters",
		       hostname, HOSTS_NAME_MAX);
}

/* An IPv4 or IPv6 address that is written as it is; a zone ("%eth0") would mean nothing in another namespace. */
static bool is_address(const char *words)
{
	struct in6_addr parsed;

	return inet_pton(AF_INET, words, &parsed) == 1 || inet_pton(AF_INET6, words, &parsed) == 1;
}

/* --add-host's words, taken apart. Names have no ':' or '=', so the first of either ends the name. */
struct extra {
	char name[256];
	char address[INET6_ADDRSTRLEN];
	bool is_gateway;
};

static int parse_extra(const char *words, struct extra *ret, struct err *err)
{
	size_t name_len = strcspn(words, ":=");
	const char *address = words[name_len] ? words + name_len + 1 : "";
	size_t len = strlen(address);

	*ret = (struct extra){.is_gateway = strcmp(address, HOST_GATEWAY) == 0};
	if (!is_name(words, name_len, sizeof(ret->name) - 1))
		return err_say(err, EINVAL, "added host '%s': NAME:ADDRESS is needed, and this is no name", words);
	memcpy(ret->name, words, name_len);
	if (ret->is_gateway)
		return 0;
	if (len > 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len < sizeof(ret->address))
		memcpy(ret->address, address, len);
	if (!is_address(ret->address))
		return err_say(err, EINVAL, "added host '%s': NAME:ADDRESS is needed, and this is no address", words);
	return 0;
}

static int no_gateway(const char *words, struct err *err)
{
	return err_say(err, EINVAL, "added host '%s': there is no gateway without a network of one's own", words);
}

int hosts_check_extra(const char *words, bool have_gateway, struct err *err)
{
	struct extra extra;
	int ret = parse_extra(words, &extra, err);

	return ret == 0 && extra.is_gateway && !have_gateway ? no_gateway(words, err) : ret;
}

/* The instance's own line: the whole name, and its first label when that is shorter. */
static int add_own_line(const struct hosts_request *request, struct text *to, struct err *err)
{
	const char *ip = text_is_empty(request->ip) ? "127.0.1.1" : request->ip;
	size_t first_label = strcspn(request->hostname, ".");
	int ret = hosts_check_name(request->hostname, err);

	if (ret < 0)
		return ret;
	if (!is_address(ip))
		return err_say(err, EINVAL, "'%s' is no address for /etc/hosts", ip);
	text_addf(to, "%s\t%s", ip, request->hostname);
	if (request->hostname[first_label])
		text_addf(to, " %.*s", (int)first_label, request->hostname);
	text_add(to, "\n");
	return 0;
}

int hosts_make(const struct hosts_request *request, struct text *to, struct err *err)
{
	text_add(to, "127.0.0.1\tlocalhost\n"
		     "::1\tlocalhost ip6-localhost ip6-loopback\n"
		     "fe00::0\tip6-localnet\n"
		     "ff02::1\tip6-allnodes\n"
		     "ff02::2\tip6-allrouters\n");
	/* What a user adds stands before the instance's own name, so that the first match is the user's. */
	for (size_t i = 0; i < request->extra_count; i++) {
		struct extra extra;
		int ret = parse_extra(request->extra[i], &extra, err);

		if (ret < 0)
			return ret;
		if (extra.is_gateway && text_is_empty(request->gateway))
			return no_gateway(request->extra[i], err);
		text_addf(to, "%s\t%s\n", extra.is_gateway ? request->gateway : extra.address, extra.name);
	}
	if (!text_is_empty(request->hostname)) {
		int ret = add_own_line(request, to, err);

		if (ret < 0)
			return ret;
	}
	return text_check(to, err);
}

int hosts_make_hostname(const char *hostname, struct text *to, struct err *err)
{
	int ret = hosts_check_name(hostname, err);

	if (ret < 0)
		return ret;
	text_addf(to, "%s\n", hostname);
	return text_check(to, err);
}

int hosts_check_server(const char *words, struct err *err)
{
	return is_address(words) ? 0 : err_say(err, EINVAL, "DNS server '%s' is no IPv4 or IPv6 address", words);
}

int hosts_check_search(const char *words, struct err *err)
{
	if (strcmp(words, ".") == 0 || is_name(words, strlen(words), 253))
		return 0;
	return err_say(err, EINVAL, "DNS search domain '%s' is no domain name", words);
}

int hosts_check_option(const char *words, struct err *err)
{
	size_t len = strlen(words);

	for (size_t i = 0; i < len; i++) {
		if (!is_name_char(words[i]) && words[i] != ':')
			len = 0;
	}
	if (len > 0 && len <= LABEL_MAX)
		return 0;
	return err_say(err, EINVAL, "DNS option '%s': NAME or NAME:VALUE is needed, as in resolv.conf(5)", words);
}

/* The lines of a resolv.conf that count, as lists. Words point into the arena. */
struct resolv {
	struct strv servers, searches, options;
};

static bool is_loopback(const char *address)
{
	struct in6_addr ipv6;
	struct in_addr ipv4;

	if (inet_pton(AF_INET, address, &ipv4) == 1)
		return ntohl(ipv4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &ipv6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&ipv6) || (IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == 127);
}

static int take_words(struct arena *arena, struct strv *to, const struct strv *line,
		      int (*check)(const char *words, struct err *err))
{
	for (size_t i = 1; i < line->count; i++) {
		if (check(line->items[i], NULL) == 0 && strv_add(arena, to, line->items[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * Of the host's file; what cannot be understood is left out, as resolvers do. A later "search" or "domain" replaces
 * an earlier one.
 */
static int take_line(struct arena *arena, struct resolv *to, const char *line, bool keep_loopback)
{
	struct strv words = {0};

	if (strv_split(arena, &words, line, " \t\r", false) < 0)
		return -ENOMEM;
	if (words.count < 2 || words.items[0][0] == '#' || words.items[0][0] == ';')
		return 0;
	if (strcmp(words.items[0], "nameserver") == 0) {
		const char *server = words.items[1];

		if (!is_address(server) || (is_loopback(server) && !keep_loopback))
			return 0;
		return strv_add(arena, &to->servers, server);
	}
	if (strcmp(words.items[0], "options") == 0)
		return take_words(arena, &to->options, &words, hosts_check_option);
	if (strcmp(words.items[0], "search") == 0 || strcmp(words.items[0], "domain") == 0) {
		to->searches = (struct strv){0};
		return take_words(arena, &to->searches, &words, hosts_check_search);
	}
	return 0;
}

static int parse_resolv(struct arena *arena, const char *contents, bool keep_loopback, struct resolv *ret)
{
	struct strv lines = {0};

	*ret = (struct resolv){0};
	if (text_is_empty(contents))
		return 0;
	if (strv_split(arena, &lines, contents, "\n", false) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < lines.count; i++) {
		if (take_line(arena, ret, lines.items[i], keep_loopback) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * The host's settings. One whose servers are all on loopback asks a stub of its own that no other namespace can
 * reach: then what systemd-resolved itself asks stands in, when it is known.
 */
static int host_resolv(struct arena *arena, const struct resolv_request *request, struct resolv *ret)
{
	if (parse_resolv(arena, request->host_conf, request->share_host, ret) < 0)
		return -ENOMEM;
	if (ret->servers.count > 0 || text_is_empty(request->upstream_conf))
		return 0;
	return parse_resolv(arena, request->upstream_conf, request->share_host, ret);
}

/* The user's list in place of the host's, every word checked. */
static int replace_list(struct arena *arena, struct strv *list, const char *const *words, size_t count,
			int (*check)(const char *words, struct err *err), struct err *err)
{
	if (count > 0)
		*list = (struct strv){0};
	for (size_t i = 0; i < count; i++) {
		int ret = check(words[i], err);

		if (ret < 0)
			return ret;
		if (strv_add(arena, list, words[i]) < 0)
			return err_set(err, ENOMEM, "resolv.conf");
	}
	return 0;
}

static void add_list(struct text *to, const char *keyword, const struct strv *list)
{
	if (list->count == 0)
		return;
	text_add(to, keyword);
	for (size_t i = 0; i < list->count; i++)
		text_addf(to, " %s", list->items[i]);
	text_add(to, "\n");
}

int hosts_make_resolv(const struct resolv_request *request, struct text *to, size_t *ret_servers, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct resolv resolv;
	int ret = host_resolv(&arena, request, &resolv);

	if (ret < 0)
		return err_set(err, ENOMEM, "resolv.conf");
	ret = replace_list(&arena, &resolv.servers, request->servers, request->server_count, hosts_check_server, err);
	if (ret == 0)
		ret = replace_list(&arena, &resolv.searches, request->searches, request->search_count,
				   hosts_check_search, err);
	if (ret == 0)
		ret = replace_list(&arena, &resolv.options, request->options, request->option_count, hosts_check_option,
				   err);
	if (ret < 0)
		return ret;
	if (resolv.servers.count > SERVERS_MAX)
		resolv.servers.count = SERVERS_MAX;
	for (size_t i = 0; i < resolv.servers.count; i++)
		text_addf(to, "nameserver %s\n", resolv.servers.items[i]);
	if (resolv.searches.count != 1 || strcmp(resolv.searches.items[0], ".") != 0)
		add_list(to, "search", &resolv.searches);
	add_list(to, "options", &resolv.options);
	if (ret_servers)
		*ret_servers = resolv.servers.count;
	return text_check(to, err);
}

static int read_optional(struct arena *arena, const char *path, const char **ret, struct err *err)
{
	struct err failed = ERR_INIT;
	char *data = NULL;
	size_t len;
	int code = file_read(arena, AT_FDCWD, path, RESOLV_MAX_BYTES, &data, &len, &failed);

	*ret = data;
	return code < 0 && code != -ENOENT ? err_say(err, -code, "%s", failed.msg) : 0;
}

int hosts_read_resolv(struct arena *arena, struct resolv_request *request, struct err *err)
{
	struct resolv resolv;
	int ret = read_optional(arena, "/etc/resolv.conf", &request->host_conf, err);

	if (ret < 0)
		return ret;
	if (parse_resolv(arena, request->host_conf, request->share_host, &resolv) < 0)
		return err_set(err, ENOMEM, "/etc/resolv.conf");
	if (resolv.servers.count > 0)
		return 0;
	return read_optional(arena, "/run/systemd/resolve/resolv.conf", &request->upstream_conf, err);
}
