// SPDX-License-Identifier: GPL-2.0-or-later
/* vm backends */
#include "cli/hull.h"
#include "cli/machine.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "runtime/vm/last_words.h"

struct backends_options {
	const char *format;
};
static const struct option_row backends_rows[] = {
	OUTPUT_FORMAT_LIST(struct backends_options, format),
	OPTIONS_END,
};

enum column { COLUMN_NAME, COLUMN_WORKS, COLUMN_CHOSEN, COLUMN_WHY, COLUMN_ID, COLUMN_COUNT };
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_NAME] = {"Name", "NAME", true},
	[COLUMN_WORKS] = {"Works", "WORKS", true},
	[COLUMN_CHOSEN] = {"Default", "DEFAULT", true},
	[COLUMN_WHY] = {"Words", "WHAT IT IS, OR WHY IT DOES NOT WORK", true},
	[COLUMN_ID] = {"ID", "NAME", false},
};

static int show(const struct machine_backend *backend, bool chosen, struct output *output, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	const char *cells[COLUMN_COUNT];

	cells[COLUMN_NAME] = cells[COLUMN_ID] = backend->name;
	cells[COLUMN_WORKS] = backend->works ? "yes" : "no";
	cells[COLUMN_CHOSEN] = chosen ? "*" : "";
	cells[COLUMN_WHY] = backend->words;
	json_open(&w, NULL);
	json_put_string(&w, "name", backend->name);
	json_put_bool(&w, "works", backend->works);
	json_put_bool(&w, "default", chosen);
	json_put_string(&w, "words", backend->words);
	json_close(&w);
	return output_add(output, cells, &document, err);
}

static int run_backends(struct command_call *call, struct err *err)
{
	const struct backends_options *options = call->options;
	const struct machine_wish wish = {.root = hull_of(call)->root};
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct machine_backend backends[2];
	bool found = false;
	int result = output_begin(&output, call->arena, columns, options->format, false, err);

	if (result >= 0)
		result = stores_open(call, &stores, err);
	if (result >= 0)
		result = machine_list(call->arena, &wish, backends, err);
	for (size_t i = 0; i < ARRAY_SIZE(backends) && result >= 0; i++) {
		result = show(&backends[i], backends[i].works && !found, &output, err);
		found |= backends[i].works;
	}
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_vm_backends = {
	.name = "vm backends",
	.operands = "",
	.summary = "List what can run machines, and whether it works here",
	.description =
		"The first that works is what 'hull run --isolation vm' takes where nobody says otherwise. Of /dev/kvm "
		"it is tried out whether a kernel could boot there; what was found holds until the next boot.\n"
		"\n"
		"A guest of QEMU's that stands still before it is up is begun anew, three times at most: a kernel does "
		"that when it has found no timer, which a busy host can keep an emulated one from. With any backend "
		"one that is not up after ten minutes is given up; a machine that is paused counts none. Either ends "
		"with exit code 125 and a line, which 'hull inspect' shows too (state.error, state.cause). So it does "
		"of what a guest does to its machine before its program has ended, which has exit codes of its "
		"own: " GUEST_ENDS_HELP
		"all the rest 125. QEMU calls a triple fault a reset, unless it emulates. Backend 'kvm' knows of ELF "
		"kernels alone why they panicked, and so whether for want of memory: a bzImage moves itself in its "
		"memory.\n"
		"\n"
		"An image of the machine's own root ('hull run --vm-image', vm.image of config.json) is raw with kvm. "
		"With qemu it may be qcow2, vdi, vmdk (of one sparse file) or vhd, too, and one of these takes the "
		"machine there.\n"
		"\n"
		"Fields of templates: .Name .Works .Default .Words, and the members of the JSON: an array of objects "
		"with name, works, default and words.",
	.examples = "hull vm backends",
	.options = backends_rows,
	.options_bytes = sizeof(struct backends_options),
	.max_operands = 0,
	.run = run_backends,
};
