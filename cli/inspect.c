// SPDX-License-Identifier: GPL-2.0-or-later
/* inspect */
#include <errno.h>
#include <string.h>

#include "cli/instance_settle.h"
#include "cli/listing.h"
#include "cli/lost.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "runtime/spec/config.h"
#include "runtime/spec/plan_vm.h"

/* One container's document in the making. */
struct inspecting {
	struct json_writer w;
	struct arena *arena;
	const struct hull *hull;
	const struct instance_view *view;
	const struct config *config;
};

/* --- Parts -------------------------------------------------------------------------------------------------------- */

static void put_state(struct inspecting *in)
{
	const struct instance_view *view = in->view;
	bool up = instance_is_up(view), ended = view->now.status == RECORD_STOPPED && view->now.exit.known;
	struct json_writer *w = &in->w;

	json_open(w, "state");
	json_put_string(w, "status", words_state(view));
	json_put_bool(w, "running", up);
	json_put_bool(w, "paused", up && view->now.status == RECORD_PAUSED);
	json_put_bool(w, "restarting", view->restarting);
	json_put_bool(w, "unattended", view->now.unattended);
	json_put_i64(w, "pid", up ? view->record.init.pid : 0);
	json_put_i64(w, "keeperPid", up && !view->now.unattended ? view->record.keeper.pid : 0);
	words_put_exit_code(w, "exitCode", view);
	if (ended && view->now.exit.signal)
		json_put_i64(w, "signal", view->now.exit.signal);
	else
		json_put_string(w, "signal", NULL);
	json_put_bool(w, "oomKilled", ended && view->now.exit.oom);
	json_put_string(w, "error", ended && view->now.exit.words[0] ? view->now.exit.words : NULL);
	json_put_string(w, "cause", ended && view->now.exit.cause[0] ? view->now.exit.cause : NULL);
	words_put_time(w, "startedAt", view->has_record ? view->record.started : view->last.started);
	words_put_time(w, "finishedAt", up ? 0 : view->now.finished);
	json_put_u64(w, "restartCount", view->last.restart_count);
	json_close(w);
}

static void put_image(struct inspecting *in)
{
	json_open(&in->w, "image");
	json_put_string(&in->w, "name", in->view->extension->image.name);
	json_put_string(&in->w, "id", in->view->extension->image.id);
	json_close(&in->w);
}

/* A container has none of it. The backend is chosen anew at each start: the record tells which one it has become. */
static void put_vm(struct inspecting *in)
{
	const struct extension *extension = in->view->extension;
	const struct extension_vm *vm = &extension->vm;
	struct json_writer *w = &in->w;

	if (extension->isolation != ISOLATION_VM) {
		json_put_string(w, "vm", NULL);
		return;
	}
	json_open(w, "vm");
	json_put_string(w, "backend", in->view->has_record ? in->view->record.backend : vm->backend);
	json_put_string(w, "kernel", vm->kernel);
	if (vm->image) {
		json_open(w, "image");
		json_put_string(w, "path", vm->image->path);
		json_put_string(w, "format", vm->image->format);
		json_close(w);
	} else {
		json_put_string(w, "image", NULL);
	}
	json_close(w);
}

static void put_config(struct inspecting *in)
{
	const struct extension *extension = in->view->extension;
	const struct config_process *process = in->config->process;
	struct json_writer *w = &in->w;

	json_open(w, "config");
	json_put_string(w, "image", extension->image.name);
	json_put_strv(w, "command", &process->args);
	json_put_strv(w, "env", &process->env);
	json_put_string(w, "workdir", process->cwd);
	json_put_string(w, "user",
			extension->user_words ? extension->user_words
					      : arena_printf(in->arena, "%u:%u", process->user.uid, process->user.gid));
	json_put_string(w, "hostname", in->config->hostname);
	json_put_bool(w, "tty", process->terminal);
	json_put_bool(w, "interactive", extension->interactive);
	json_put_bool(w, "init", extension->init);
	json_put_bool(w, "readOnly", in->config->root && in->config->root->readonly);
	json_put_bool(w, "autoRemove", extension->auto_remove);
	json_put_string(w, "stopSignal", extension->stop_signal ? extension->stop_signal : "SIGTERM");
	json_put_i64(w, "stopTimeoutSeconds", extension->stop_timeout.set ? extension->stop_timeout.value : 10);
	words_put_map(w, "labels", &extension->labels);
	json_close(w);
}

static void put_restart(struct inspecting *in)
{
	json_open(&in->w, "restart");
	json_put_string(&in->w, "policy", extension_restart_policy_name(in->view->extension->restart.policy));
	json_put_u64(&in->w, "maxRetries", in->view->extension->restart.max_retries);
	json_close(&in->w);
}

static void put_network(struct inspecting *in)
{
	const struct extension_network *network = &in->view->extension->network;
	const struct record_net none = {0}, *net = instance_is_up(in->view) ? &in->view->record.net : &none;
	struct json_writer *w = &in->w;

	json_open(w, "network");
	json_put_string(w, "mode", extension_network_mode_name(network->mode));
	json_put_string(w, "name", net->name);
	json_put_string(w, "container", network->container);
	json_put_string(w, "ip", net->ip);
	json_put_u64(w, "prefixLength", net->prefix_len);
	json_put_string(w, "gateway", net->gateway);
	json_put_string(w, "mac", net->mac);
	json_put_string(w, "hostInterface", net->veth);
	words_put_ports(w, "ports", network);
	json_close(w);
}

/* The same under the names that scripts for Docker ask for. */
static void put_network_settings(struct inspecting *in)
{
	const struct record_net none = {0}, *net = instance_is_up(in->view) ? &in->view->record.net : &none;
	struct json_writer *w = &in->w;

	json_open(w, "networkSettings");
	json_put_string(w, "ipAddress", net->ip);
	json_put_u64(w, "ipPrefixLen", net->prefix_len);
	json_put_string(w, "gateway", net->gateway);
	json_put_string(w, "macAddress", net->mac);
	json_close(w);
}

static void put_mounts(struct inspecting *in)
{
	const struct extension *extension = in->view->extension;
	struct json_writer *w = &in->w;

	json_open_array(w, "mounts");
	for (size_t i = 0; i < extension->volumes.count; i++) {
		const struct extension_volume *volume = &extension->volumes.items[i];

		json_open(w, NULL);
		json_put_string(w, "type", extension_volume_kind_name(volume->kind));
		json_put_string(w, "name", volume->name);
		json_put_string(w, "source", volume->source);
		json_put_string(w, "destination", volume->destination);
		json_put_bool(w, "readOnly", volume->read_only);
		json_put_bool(w, "idmap", volume->idmap);
		json_put_strv(w, "options", &volume->options);
		json_close(w);
	}
	json_close_array(w);
}

static void put_i64(struct json_writer *w, const char *key, const struct opt_i64 *value)
{
	if (value->set)
		json_put_i64(w, key, value->value);
	else
		json_put_string(w, key, NULL);
}

static void put_u64(struct json_writer *w, const char *key, const struct opt_u64 *value)
{
	if (value->set)
		json_put_u64(w, key, value->value);
	else
		json_put_string(w, key, NULL);
}

/* A machine always has a size: where nobody said one, that of the plan. */
static struct opt_i64 memory_limit(const struct inspecting *in, const struct config_resources *limits)
{
	if (in->view->extension->isolation != ISOLATION_VM ||
	    (limits->memory.limit.set && limits->memory.limit.value > 0))
		return limits->memory.limit;
	return (struct opt_i64){.set = true, .value = PLAN_VM_MEMORY_BYTES};
}

static void put_limits(struct inspecting *in)
{
	static const struct config_resources nothing;
	const struct config_linux *os = in->config->linux_;
	const struct config_resources *limits = os && os->resources ? os->resources : &nothing;
	const struct opt_i64 memory = memory_limit(in, limits);
	struct json_writer *w = &in->w;

	json_open(w, "limits");
	put_i64(w, "memoryBytes", &memory);
	put_i64(w, "memorySwapBytes", &limits->memory.swap);
	put_i64(w, "memoryReservationBytes", &limits->memory.reservation);
	put_u64(w, "cpuShares", &limits->cpu.shares);
	put_i64(w, "cpuQuotaUs", &limits->cpu.quota);
	put_u64(w, "cpuPeriodUs", &limits->cpu.period);
	json_put_string(w, "cpusetCpus", limits->cpu.cpus);
	json_put_string(w, "cpusetMems", limits->cpu.mems);
	put_i64(w, "pids", &limits->pids.limit);
	json_close(w);
}

static void put_ids(struct inspecting *in)
{
	const struct extension_id_range *range = in->view->extension->id_range;

	json_open(&in->w, "idRange");
	json_put_u64(&in->w, "base", range ? range->base : 0);
	json_put_u64(&in->w, "size", range ? range->size : 0);
	json_close(&in->w);
}

static void put_paths(struct inspecting *in)
{
	const struct extension *extension = in->view->extension;
	struct json_writer *w = &in->w;

	json_open(w, "paths");
	json_put_string(w, "data", in->view->data_dir);
	json_put_string(w, "state", arena_printf(in->arena, "%s/instances/%s", in->hull->root, in->view->id));
	json_put_string(w, "config", arena_printf(in->arena, "%s/config.json", in->view->data_dir));
	json_put_string(w, "extension", arena_printf(in->arena, "%s/" EXTENSION_FILE, in->view->data_dir));
	json_put_string(w, "log", extension->log.path);
	json_put_string(w, "rootfs",
			extension->root.lowers.count == 0 && in->config->root ? in->config->root->path : NULL);
	json_put_string(w, "upper", extension->root.upper);
	json_put_strv(w, "layers", &extension->root.lowers);
	json_put_string(w, "cgroup", in->config->linux_ ? in->config->linux_->cgroups_path : NULL);
	json_close(w);
}

static void put_document(struct inspecting *in)
{
	json_open(&in->w, NULL);
	json_put_string(&in->w, "id", in->view->id);
	json_put_string(&in->w, "name", in->view->extension->name);
	words_put_time(&in->w, "created", in->view->extension->created);
	put_state(in);
	json_put_string(&in->w, "isolation", extension_isolation_name(in->view->extension->isolation));
	put_vm(in);
	put_image(in);
	put_config(in);
	put_restart(in);
	put_network(in);
	put_network_settings(in);
	put_mounts(in);
	put_limits(in);
	put_ids(in);
	put_paths(in);
	json_close(&in->w);
}

/* --- The command -------------------------------------------------------------------------------------------------- */

struct inspection {
	const struct stores *stores;
	struct output *output;
};

static int inspect_one(const struct command_call *call, const char *words, void *user, struct err *err)
{
	const struct inspection *inspection = user;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	CLEANUP_FD int folder = -1;
	struct instance_view view;
	struct inspecting in = {
		.w = {.out = &document},
		.arena = call->arena,
		.hull = hull_of(call),
		.view = &view,
	};
	int result = instance_look(call, inspection->stores, words, &view, err);

	if (result == -ENOENT)
		return err_say(err, ENOENT, "no container '%s': see 'hull ps -a', or 'hull image inspect' for images",
			       words);
	if (result >= 0 && view.lost)
		return lost_refuse(words, err);
	if (result >= 0)
		result = folder = definition_open(&inspection->stores->definitions, view.id, err);
	if (result >= 0)
		result = config_read(call->arena, folder, "config.json", &in.config, NULL, err);
	if (result >= 0 && !in.config->process)
		result = err_say(err, EINVAL, "container '%s': its config.json names no process", words);
	if (result < 0)
		return result;
	put_document(&in);
	return output_add(inspection->output, NULL, &document, err);
}

static int run_inspect(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct inspection inspection = {.stores = &stores, .output = &output};
	int result = stores_open(call, &stores, err);

	if (result < 0)
		return result;
	instance_settle(call, &stores);
	return inspect_each(call, &output, inspect_one, &inspection, err);
}

const struct command verb_inspect = {
	.name = "inspect",
	.operands = "CONTAINER...",
	.summary = "Show all there is to know of containers, as JSON",
	.description = "Prints an array with an object for each container; with a template, a line for each. The "
		       "members are always there; what is not known, or not set, is null.\n"
		       "\n"
		       "id, name, created;\n"
		       "state: status (created, creating, running, paused, restarting, exited), running, paused, "
		       "restarting, unattended (its keeper was killed), pid and keeperPid (of the host; 0 when there "
		       "is none), exitCode, signal (null: ended by itself), oomKilled, error and cause (why a machine "
		       "ended without its program's exit code, as a line and as a word: boot, no-timer, no-start, "
		       "start, panic, memory, power-off, reset, triple-fault, agent-lost, agent-broken, volume-server, "
		       "emulator, monitor; else null), startedAt, finishedAt, restartCount;\n"
		       "isolation: ns (a container) or vm (a machine);\n"
		       "vm (null for a container): backend (null: not chosen yet, it does not run), kernel (null: the "
		       "default one), image (of the machine's own root: path, format; null: it is in memory);\n"
		       "image: name, id;\n"
		       "config: image (its name), command, env, workdir, user, hostname, tty, interactive, init, "
		       "readOnly, autoRemove, stopSignal, stopTimeoutSeconds, labels;\n"
		       "restart: policy, maxRetries;\n"
		       "network: mode, name, container, ip, prefixLength, gateway, mac, hostInterface, ports (hostIp, "
		       "hostPort, containerPort, protocol);\n"
		       "networkSettings: ipAddress, ipPrefixLen, gateway, macAddress (the same by Docker's names);\n"
		       "mounts: type, name, source, destination, readOnly, idmap, options;\n"
		       "limits: memoryBytes (of a machine: its size), memorySwapBytes, memoryReservationBytes, "
		       "cpuShares, cpuQuotaUs, "
		       "cpuPeriodUs, cpusetCpus, cpusetMems, pids;\n"
		       "idRange: base, size (0: the host's ids, or another container's);\n"
		       "paths: data, state, config, extension, log, rootfs, upper, layers, cgroup.",
	.examples = "hull inspect web\nhull inspect --format '{{.State.Status}} {{.Network.IP}}' web\n"
		    "hull inspect --format '{{json .Mounts}}' web",
	.options = inspect_rows,
	.options_bytes = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_inspect,
};
