/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contents of /etc/hosts, /etc/hostname and /etc/resolv.conf of an instance.
 *
 * Pure but for hosts_read_resolv(): words in, text out. Every word that comes from a user is checked before it is
 * written, so that none can add a line of its own: names are RFC 1123 names (underscore allowed, as everybody allows
 * it), addresses are parsed.
 */
#ifndef HULL_NET_HOSTS_H
#define HULL_NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

#define HOSTS_NAME_MAX 64 /* the kernel's bound for a host name (__NEW_UTS_LEN) */

/* /etc/hosts */
struct hosts_request {
	const char *hostname; /* NULL or "": no line for the instance itself */
	const char *ip;	      /* the instance's address, for its own name; NULL (no network): 127.0.1.1 */
	const char *gateway;  /* what "host-gateway" means; NULL: such an entry is refused */
	/* --add-host, "NAME:ADDRESS" or "NAME=ADDRESS"; the address is IPv4, IPv6 (also in []) or host-gateway */
	const char *const *extra;
	size_t extra_count;
};
/* Adds the whole file to `to`. -EINVAL with words for a bad name or address. */
int hosts_make(const struct hosts_request *request, struct text *to, struct err *err);
/* Checks one word of --add-host. `have_gateway`: host-gateway is possible. For the plan. */
int hosts_check_extra(const char *words, bool have_gateway, struct err *err);

/* /etc/hostname: the name and a newline. */
int hosts_make_hostname(const char *hostname, struct text *to, struct err *err);
/*
 * A host name: 1 to HOSTS_NAME_MAX characters, labels of letters, digits, '-' and '_' with dots between. -EINVAL with
 * words.
 */
int hosts_check_name(const char *hostname, struct err *err);

/* /etc/resolv.conf */
struct resolv_request {
	/* What the user said. Each list that is not empty replaces the host's of that kind. */
	const char *const *servers; /* --dns: IPv4 or IPv6 addresses */
	size_t server_count;
	const char *const *searches; /* --dns-search; a single "." says 'none' */
	size_t search_count;
	const char *const *options; /* --dns-option: "ndots:2" */
	size_t option_count;
	/* The host's own files, as hosts_read_resolv() finds them; NULL or "": not there. */
	const char *host_conf; /* /etc/resolv.conf */
	/* what systemd-resolved itself asks: used in host_conf's place when that names loopback servers only */
	const char *upstream_conf;
	bool share_host; /* the instance is in the host's network: loopback servers are reachable, and kept */
};
/*
 * Adds the whole file to `to`: the host's lines but comments, servers on 127/8 and ::1 left out unless share_host, at
 * most 3 servers (what resolvers read). Lines of the host's that cannot be understood are left out. `*ret_servers`,
 * when not NULL, is how many servers it names: with 0 the instance cannot resolve names, which is worth a warning.
 * -EINVAL with words for a bad word of the user's.
 */
int hosts_make_resolv(const struct resolv_request *request, struct text *to, size_t *ret_servers, struct err *err);
/* Checks single words of --dns, --dns-search, --dns-option. For the plan. */
int hosts_check_server(const char *words, struct err *err);
int hosts_check_search(const char *words, struct err *err);
int hosts_check_option(const char *words, struct err *err);
/*
 * Reads the host's files into host_conf and upstream_conf (the second only when it is needed). Missing files are
 * fine.
 */
int hosts_read_resolv(struct arena *arena, struct resolv_request *request, struct err *err);

#endif
