// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

struct range {
	uint32_t first, count;
};

/* "80" or "8000-8010"; "" and "0" are ranges that are still to be chosen (count 0). */
static int parse_range(struct arena *arena, const char *words, struct range *ret)
{
	size_t len = strcspn(words, "-");
	const char *first = arena_strndup(arena, words, len);
	uint32_t last;

	*ret = (struct range){0};
	if (!first)
		return -ENOMEM;
	if (!*words || strcmp(words, "0") == 0)
		return 0;
	if (text_u32(first, &ret->first) < 0 || ret->first < 1 || ret->first > 65535)
		return -EINVAL;
	last = ret->first;
	if (words[len] && (text_u32(words + len + 1, &last) < 0 || last < ret->first || last > 65535))
		return -EINVAL;
	ret->count = last - ret->first + 1;
	return 0;
}

/* A port that nobody listens on now. Whoever is faster in taking it wins, and then publishing it fails, with words. */
static int choose_free(enum extension_protocol protocol, uint32_t *ret_port, struct err *err)
{
	CLEANUP_FD int fd = socket(AF_INET, (protocol == PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return err_set(err, errno, "choose a free port of the host");
	*ret_port = ntohs(address.sin_port);
	return 0;
}

/* Splits [[IP:]HOST:]INSIDE from behind, since an address may have colons itself, in brackets. */
static int split(struct arena *arena, const char *words, const char **ret_ip, const char **ret_host,
		 const char **ret_inside)
{
	const char *inside = strrchr(words, ':'), *host;

	*ret_ip = *ret_host = "";
	*ret_inside = inside ? inside + 1 : words;
	if (!inside)
		return 0;
	for (host = inside; host > words && host[-1] != ':'; host--)
		;
	*ret_host = arena_strndup(arena, host, (size_t)(inside - host));
	if (host > words) {
		size_t len = (size_t)(host - words) - 1;
		bool brackets = words[0] == '[' && len > 1 && words[len - 1] == ']';

		*ret_ip = arena_strndup(arena, words + brackets, len - 2 * brackets);
	}
	return *ret_host && *ret_ip ? 0 : -ENOMEM;
}

static int add(struct arena *arena, struct extension_network *to, const char *ip, const struct range *host,
	       const struct range *inside, enum extension_protocol protocol, struct err *err)
{
	for (uint32_t i = 0; i < inside->count; i++) {
		struct extension_port *port = LIST_ADD(arena, &to->ports);
		uint32_t host_port = host->first + i;

		if (!port)
			return arena_check(arena, err);
		if (host->count == 0) {
			int result = choose_free(protocol, &host_port, err);

			if (result < 0)
				return result;
		}
		*port = (struct extension_port){
			.host_ip = *ip ? ip : NULL,
			.host_port = (uint16_t)host_port,
			.container_port = (uint16_t)(inside->first + i),
			.protocol = protocol,
		};
	}
	return 0;
}

int ports_parse(struct arena *arena, const char *option, const char *words, struct extension_network *to,
		struct err *err)
{
	const char *slash = strrchr(words, '/'), *bare = words, *ip, *host_words, *inside_words;
	enum extension_protocol protocol = PROTOCOL_TCP;
	struct range host, inside;

	if (slash) {
		bare = arena_strndup(arena, words, (size_t)(slash - words));
		if (strcmp(slash, "/udp") == 0)
			protocol = PROTOCOL_UDP;
		else if (strcmp(slash, "/tcp") != 0)
			return err_say(err, EINVAL, "option '%s': '%s': the protocol is tcp or udp", option, words);
	}
	if (!bare || split(arena, bare, &ip, &host_words, &inside_words) < 0)
		return arena_check(arena, err);
	if (parse_range(arena, host_words, &host) < 0 || parse_range(arena, inside_words, &inside) < 0 ||
	    inside.count == 0)
		return err_say(err, EINVAL,
			       "option '%s': '%s': want [[IP:]HOST:]INSIDE[/udp] with ports from 1 to 65535", option,
			       words);
	if (host.count != 0 && host.count != inside.count)
		return err_say(err, EINVAL, "option '%s': '%s': %u ports of the host for %u ports inside", option,
			       words, host.count, inside.count);
	return add(arena, to, ip, &host, &inside, protocol, err);
}
