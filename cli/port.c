// SPDX-License-Identifier: GPL-2.0-or-later
/* port */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/operands.h"
#include "cli/output.h"
#include "cli/verbs.h"

struct port_options {
	const char *format;
};
static const struct option_row port_rows[] = {
	OUTPUT_FORMAT_LIST(struct port_options, format),
	OPTIONS_END,
};

enum column { COLUMN_CONTAINER_PORT, COLUMN_HOST_ADDRESS, COLUMN_COUNT };
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_CONTAINER_PORT] = {"ContainerPort", "CONTAINER PORT", true},
	[COLUMN_HOST_ADDRESS] = {"HostAddress", "HOST ADDRESS", true},
};

#define WITH_PORT    "{{.HostAddress}}" /* who asks for one port wants its address alone */
#define WITHOUT_PORT "{{.ContainerPort}} -> {{.HostAddress}}"

/* "80", "80/tcp". *ret_number 0: any. */
static int parse_wanted(struct arena *arena, const char *words, uint32_t *ret_number, enum extension_protocol *ret,
			struct err *err)
{
	size_t len = words ? strcspn(words, "/") : 0;
	const char *number = words ? arena_strndup(arena, words, len) : NULL;

	*ret_number = 0;
	*ret = PROTOCOL_TCP;
	if (!words)
		return 0;
	if (!number)
		return arena_check(arena, err);
	if (strcmp(words + len, "/udp") == 0)
		*ret = PROTOCOL_UDP;
	if (text_u32(number, ret_number) < 0 || *ret_number < 1 || *ret_number > 65535 ||
	    (words[len] && *ret != PROTOCOL_UDP && strcmp(words + len, "/tcp") != 0))
		return err_say(err, EINVAL, "'%s' is no port: want one such as 80 or 53/udp", words);
	return 0;
}

static int add_port(struct arena *arena, const struct extension_port *port, struct output *output, struct err *err)
{
	const char *ip = port->host_ip ? port->host_ip : "0.0.0.0", *protocol = extension_protocol_name(port->protocol);
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	const char *cells[COLUMN_COUNT];

	cells[COLUMN_CONTAINER_PORT] = arena_printf(arena, "%u/%s", port->container_port, protocol);
	cells[COLUMN_HOST_ADDRESS] = arena_printf(arena, "%s:%u", ip, port->host_port);
	json_open(&w, NULL);
	json_put_u64(&w, "containerPort", port->container_port);
	json_put_string(&w, "protocol", protocol);
	json_put_string(&w, "hostIp", ip);
	json_put_u64(&w, "hostPort", port->host_port);
	json_close(&w);
	return output_add(output, cells, &document, err);
}

static int list_ports(const struct command_call *call, const struct instance_view *view, struct output *output,
		      struct err *err)
{
	const char *words = call->operands.count > 1 ? call->operands.items[1] : NULL;
	const struct extension_network *network = &view->extension->network;
	enum extension_protocol protocol;
	uint32_t number;
	size_t found = 0;
	int result = parse_wanted(call->arena, words, &number, &protocol, err);

	for (size_t i = 0; result >= 0 && i < network->ports.count; i++) {
		const struct extension_port *port = &network->ports.items[i];

		if (number && (port->container_port != number || port->protocol != protocol))
			continue;
		found++;
		result = add_port(call->arena, port, output, err);
	}
	if (result >= 0 && number && found == 0)
		return err_say(err, ENOENT, "container '%s': port %s is not published", call->operands.items[0], words);
	return result;
}

static int run_port(struct command_call *call, struct err *err)
{
	const struct port_options *options = call->options;
	const char *usual = call->operands.count > 1 ? WITH_PORT : WITHOUT_PORT;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	const char *words = call->operands.items[0];
	struct instance_view view;
	int result = output_begin(&output, call->arena, columns, options->format ? options->format : usual, false, err);

	if (result >= 0)
		result = operands_instance(call, &stores, &view, err);
	if (result >= 0)
		result = instance_check_running(&view, words, "its ports are not published", err);
	if (result >= 0)
		result = list_ports(call, &view, &output, err);
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_port = {
	.name = "port",
	.operands = "CONTAINER [PORT[/udp]]",
	.summary = "Show where the ports of a container are published",
	.description = "Fields of templates: .ContainerPort .HostAddress, and the members of the JSON: an array of "
		       "objects with containerPort, protocol, hostIp and hostPort.",
	.examples = "hull port web\nhull port web 80",
	.options = port_rows,
	.options_bytes = sizeof(struct port_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = run_port,
};
