/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network that an instance is put on, and what its keeper is asked to do. Both are hull.json's; a plain bundle has
 * neither.
 */
#include <inttypes.h>
#include <string.h>

#include "net/hosts.h"
#include "runtime/base/process.h"
#include "runtime/spec/plan_parts.h"

#define DEFAULT_STOP_SECONDS 10
#define MAX_STOP_SECONDS     INT32_MAX
#define DEFAULT_DETACH_KEYS  "ctrl-p,ctrl-q"

/* Which network namespace a mode goes with. */
static const struct {
	enum ns_how how;
	const char *words;
	enum plan_net_kind kind;
} modes[] = {
	[NETWORK_BRIDGE] = {NS_FRESH, "a network namespace of its own", PLAN_NET_ATTACH},
	[NETWORK_NONE] = {NS_FRESH, "a network namespace of its own", PLAN_NET_LOOPBACK},
	[NETWORK_HOST] = {NS_HOST, "the host's network namespace", PLAN_NET_UNTOUCHED},
	[NETWORK_CONTAINER] = {NS_JOIN, "another container's network namespace", PLAN_NET_UNTOUCHED},
};

static int check_mode(const struct planning *p, const struct extension_network *network, struct err *err)
{
	const char *name = extension_network_mode_name(network->mode);

	if (p->plan->namespaces.kind[NS_NET].how != modes[network->mode].how)
		return err_say(err, EINVAL, "hull.json: network.mode: '%s' needs %s", name, modes[network->mode].words);
	if (network->mode == NETWORK_BRIDGE)
		return 0;
	if (network->ports.count)
		return err_say(err, EINVAL, "hull.json: network.ports: with network '%s' no port can be published",
			       name);
	if (network->ip || network->mac || network->name)
		return err_say(err, EINVAL, "hull.json: network: ip, mac and name are for a bridge, not for '%s'",
			       name);
	if ((network->mode == NETWORK_CONTAINER) != !text_is_empty(network->container))
		return err_say(err, EINVAL, "hull.json: network.container: goes with mode 'container'");
	return 0;
}

static int take_ports(struct planning *p, const struct extension_network *network, struct net_request *to,
		      struct err *err)
{
	struct net_port *ports = arena_array(p->arena, network->ports.count + 1, sizeof(*ports));

	if (!ports)
		return plan_no_memory(p, err);
	for (size_t i = 0; i < network->ports.count; i++) {
		const struct extension_port *from = &network->ports.items[i];
		int r = net_host_ip_parse(from->host_ip ? from->host_ip : "", &ports[i].host_ip, err);

		if (r < 0)
			return err_wrap(err, "hull.json: network.ports[%zu].hostIP", i);
		ports[i].host_port = from->host_port;
		ports[i].container_port = from->container_port;
		ports[i].udp = from->protocol == PROTOCOL_UDP;
	}
	to->ports = ports;
	to->port_count = network->ports.count;
	return 0;
}

static int check_each(const char *member, const struct strv *words, int (*check)(const char *words, struct err *err),
		      struct err *err)
{
	for (size_t i = 0; i < words->count; i++)
		if (check(words->items[i], err) < 0)
			return err_wrap(err, "hull.json: network.%s[%zu]", member, i);
	return 0;
}

/* Lines of /etc/hosts and resolv.conf: a word with a newline in it must not become a line of its own. */
static int take_names(struct planning *p, const struct extension_network *network, struct err *err)
{
	bool gateway = network->mode == NETWORK_BRIDGE;
	int r = check_each("dns", &network->dns, hosts_check_server, err);

	if (r == 0)
		r = check_each("dnsSearch", &network->dns_search, hosts_check_search, err);
	if (r == 0)
		r = check_each("dnsOptions", &network->dns_options, hosts_check_option, err);
	for (size_t i = 0; r == 0 && i < network->add_hosts.count; i++) {
		r = hosts_check_extra(network->add_hosts.items[i], gateway, err);
		if (r < 0)
			return err_wrap(err, "hull.json: network.addHosts[%zu]", i);
	}
	p->plan->net.files = network->files;
	p->plan->net.dns = network->dns;
	p->plan->net.dns_search = network->dns_search;
	p->plan->net.dns_options = network->dns_options;
	p->plan->net.add_hosts = network->add_hosts;
	return r;
}

int plan_network(struct planning *p, struct err *err)
{
	const struct extension_network *network = p->extension ? &p->extension->network : NULL;
	struct plan_net *to = &p->plan->net;
	int r;

	to->from_inside = p->host->rootless || p->host->nested;
	if (!network) {
		to->kind = p->plan->namespaces.kind[NS_NET].how == NS_FRESH ? PLAN_NET_LOOPBACK : PLAN_NET_UNTOUCHED;
		return 0;
	}
	r = check_mode(p, network, err);
	if (r == 0)
		r = take_names(p, network, err);
	if (r < 0)
		return r;
	to->kind = modes[network->mode].kind;
	if (to->kind != PLAN_NET_ATTACH)
		return 0;
	to->request = (struct net_request){
		.instance = p->host->id,
		.name = network->name,
		.state_dir = p->host->net_state_dir,
		.want_ip = network->ip,
		.want_mac = network->mac,
	};
	r = take_ports(p, network, &to->request, err);
	if (r == 0)
		r = net_check(&to->request, err);
	return r < 0 ? err_wrap(err, "network") : 0;
}

/* --- interfaces of the host --------------------------------------------------------------------------------------- */

int plan_net_devices(struct planning *p, struct err *err)
{
	size_t count = p->os->net_devices.count;
	struct net_move *moves;

	if (count == 0)
		return 0;
	if (p->plan->namespaces.kind[NS_NET].how == NS_HOST)
		return err_say(err, EINVAL,
			       "linux.netDevices: needs a network namespace in linux.namespaces: '%s' is on the host "
			       "already",
			       p->os->net_devices.items[0].host_name);
	if (p->host->rootless)
		return err_say(err, EPERM,
			       "linux.netDevices: an unprivileged caller cannot move interfaces of the host");
	moves = arena_array(p->arena, count, sizeof(*moves));
	if (!moves)
		return plan_no_memory(p, err);
	for (size_t i = 0; i < count; i++)
		moves[i] = (struct net_move){.host_name = p->os->net_devices.items[i].host_name,
					     .name = p->os->net_devices.items[i].name};
	p->plan->net.moves = moves;
	p->plan->net.move_count = count;
	return net_move_check(moves, count, err) < 0 ? err_wrap(err, "linux.netDevices") : 0;
}

/* --- the keeper --------------------------------------------------------------------------------------------------- */

static int take_stop(const struct extension *extension, struct plan_keeper *to, struct err *err)
{
	struct opt_i64 timeout = extension->stop_timeout;
	int signal = SIGTERM;

	if (!text_is_empty(extension->stop_signal))
		signal = proc_signal_parse(extension->stop_signal);
	if (signal <= 0)
		return err_say(err, EINVAL, "hull.json: stopSignal: '%s' is no signal", extension->stop_signal);
	if (timeout.set && (timeout.value < -1 || timeout.value > MAX_STOP_SECONDS))
		return err_say(err, EINVAL, "hull.json: stopTimeout: %" PRId64 " seconds: want -1 (for ever) or more",
			       timeout.value);
	if (!timeout.set)
		timeout.value = DEFAULT_STOP_SECONDS;
	to->stop_signal = signal;
	to->stop_timeout_ms = timeout.value < 0 ? -1 : timeout.value * 1000;
	return 0;
}

int plan_keeping(struct planning *p, struct err *err)
{
	const struct extension *extension = p->extension;
	struct plan_keeper *to = &p->plan->keeper;

	if (!extension)
		return 0;
	*to = (struct plan_keeper){
		.log_path = extension->log.path,
		.log_max_bytes = extension->log.max_bytes,
		.log_max_files = extension->log.max_files,
		.restart = extension->restart.policy,
		.restart_max_retries = extension->restart.max_retries,
		.auto_remove = extension->auto_remove,
		.interactive = extension->interactive,
		.detach_keys = extension->detach_keys ? extension->detach_keys : DEFAULT_DETACH_KEYS,
	};
	if (to->log_path && plan_want_absolute("hull.json: log.path", to->log_path, err) < 0)
		return -EINVAL;
	if (to->restart != RESTART_ON_FAILURE && to->restart_max_retries)
		return err_say(err, EINVAL, "hull.json: restart.maxRetries: goes with 'on-failure' only");
	if (to->restart != RESTART_NO && to->auto_remove)
		return err_say(err, EINVAL, "hull.json: restart.policy: '%s' contradicts autoRemove",
			       extension_restart_policy_name(to->restart));
	return take_stop(extension, to, err);
}
