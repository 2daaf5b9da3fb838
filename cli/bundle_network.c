// SPDX-License-Identifier: GPL-2.0-or-later
/* Which network, which names, which ports. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/bundle_parts.h"
#include "cli/instance.h"
#include "cli/ports.h"
#include "net/hosts.h"

/* --- Mode --------------------------------------------------------------------------------------------------------- */

static int choose_mode(struct bundling *b, struct err *err)
{
	const char *mode = b->options->network, *container = bundle_container_mode(mode);
	struct extension_network *network = &b->extension->network;

	if (!mode || strcmp(mode, "bridge") == 0)
		network->mode = NETWORK_BRIDGE;
	else if (strcmp(mode, "none") == 0)
		network->mode = NETWORK_NONE;
	else if (strcmp(mode, "host") == 0)
		network->mode = NETWORK_HOST;
	else if (!text_is_empty(container))
		network->mode = NETWORK_CONTAINER;
	else
		return err_say(err, EINVAL,
			       "option '--network' does not take '%s': bridge, none, host or container:NAME", mode);
	network->container = container;
	network->ip = b->options->ip;
	network->mac = b->options->mac;
	if (network->mode != NETWORK_BRIDGE &&
	    (b->options->ports.count || b->options->publish_all || b->options->ip || b->options->mac))
		return err_say(err, EINVAL,
			       "with '--network %s' there is no address of its own to publish or to choose", mode);
	return 0;
}

/* --- Names -------------------------------------------------------------------------------------------------------- */

static int choose_hostname(struct bundling *b, struct err *err)
{
	const struct run_options *o = b->options;

	if (bundle_is_host(o->uts)) {
		if (o->hostname || o->domainname)
			return err_say(err, EINVAL,
				       "with '--uts host' the %s is the host's: '--%s' cannot be had besides",
				       o->hostname ? "hostname" : "domain name",
				       o->hostname ? "hostname" : "domainname");
		return 0;
	}
	if (o->domainname && hosts_check_name(o->domainname, err) < 0)
		return err_wrap(err, "option '--domainname'");
	b->config->hostname = o->hostname ? o->hostname : arena_strndup(b->arena, b->request->id, 12);
	b->config->domainname = o->domainname;
	return arena_check(b->arena, err);
}

/* Another container's network has another container's names. */
static int share_files(struct bundling *b, struct err *err)
{
	struct instance_view other;
	int result = instance_look(b->request->call, b->request->stores, b->extension->network.container, &other, err);

	if (result >= 0)
		b->extension->network.files = other.extension->network.files;
	return result;
}

static int choose_files(struct bundling *b, struct err *err)
{
	struct extension_network_files *files = &b->extension->network.files;
	const char *folder = b->request->data_dir;

	if (b->extension->network.mode == NETWORK_CONTAINER)
		return share_files(b, err);
	files->hosts = arena_printf(b->arena, "%s/hosts", folder);
	files->hostname = b->config->hostname ? arena_printf(b->arena, "%s/hostname", folder) : NULL;
	files->resolv_conf = arena_printf(b->arena, "%s/resolv.conf", folder);
	return arena_check(b->arena, err);
}

/* --- Sysctls ------------------------------------------------------------------------------------------------------ */

/*
 * In a network of its own, a program needs no capability for what harms nobody there: ping without raw sockets, ports
 * below 1024 as any user. The groups are those that every range of ids has. '--sysctl' comes later and wins.
 */
static int choose_sysctls(struct bundling *b, struct err *err)
{
	enum extension_network_mode mode = b->extension->network.mode;

	if (mode != NETWORK_BRIDGE && mode != NETWORK_NONE)
		return 0;
	if (strmap_set(b->arena, &b->os->sysctl, "net.ipv4.ping_group_range", "0 65535") < 0 ||
	    strmap_set(b->arena, &b->os->sysctl, "net.ipv4.ip_unprivileged_port_start", "0") < 0)
		return arena_check(b->arena, err);
	return 0;
}

/* --- Ports -------------------------------------------------------------------------------------------------------- */

static bool is_published(const struct extension_network *network, const struct extension_port *port)
{
	for (size_t i = 0; i < network->ports.count; i++)
		if (network->ports.items[i].container_port == port->container_port &&
		    network->ports.items[i].protocol == port->protocol)
			return true;
	return false;
}

/* PORT[-PORT][/udp]: without a place on the host, which is still to be chosen. */
static int take_exposed(struct bundling *b, const char *words, struct extension_network *to, struct err *err)
{
	if (strchr(words, ':') || !(*words >= '0' && *words <= '9'))
		return err_say(err, EINVAL, "option '--expose': '%s': want PORT[-PORT][/udp]: see '--publish'", words);
	return ports_parse(b->arena, "--expose", words, to, err);
}

/* What the image and the user expose, unless the user has said where it is to be. */
static int publish_exposed(struct bundling *b, const struct extension_network *own, struct err *err)
{
	const struct strv *images = b->request->image ? &b->request->image->config.exposed_ports : &(struct strv){0};
	struct extension_network *network = &b->extension->network, all = *own;
	int result = 0;

	for (size_t i = 0; result >= 0 && i < images->count; i++)
		result = ports_parse(b->arena, "--publish-all", images->items[i], &all, err);
	for (size_t i = 0; result >= 0 && i < all.ports.count; i++) {
		struct extension_port *port;

		if (is_published(network, &all.ports.items[i]))
			continue;
		port = LIST_ADD(b->arena, &network->ports);
		if (port)
			*port = all.ports.items[i];
		result = arena_check(b->arena, err);
	}
	return result;
}

static int choose_ports(struct bundling *b, struct err *err)
{
	struct extension_network exposed = {0};
	int result = 0;

	for (size_t i = 0; result >= 0 && i < b->options->ports.count; i++)
		result = ports_parse(b->arena, "--publish", b->options->ports.items[i], &b->extension->network, err);
	for (size_t i = 0; result >= 0 && i < b->options->exposed.count; i++)
		result = take_exposed(b, b->options->exposed.items[i], &exposed, err);
	return result >= 0 && b->options->publish_all ? publish_exposed(b, &exposed, err) : result;
}

int bundle_network(struct bundling *b, struct err *err)
{
	struct extension_network *network = &b->extension->network;
	int result = choose_mode(b, err);

	if (result >= 0)
		result = choose_sysctls(b, err);
	if (result >= 0)
		result = choose_hostname(b, err);
	if (result >= 0)
		result = choose_files(b, err);
	network->dns = b->options->dns;
	network->dns_search = b->options->dns_search;
	network->dns_options = b->options->dns_options;
	network->add_hosts = b->options->add_hosts;
	return result < 0 ? result : choose_ports(b, err);
}
