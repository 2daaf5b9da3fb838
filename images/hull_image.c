// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hull-image: the program that knows archives and digests. hull runs it (images/helper.h), so that a start loads none
 * of its libraries. It writes one JSON object a line to standard output (images/event.h), the last one an error when it
 * fails.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/decompress.h"
#include "images/event.h"
#include "images/gc.h"
#include "images/import.h"
#include "images/kernel_package.h"
#include "images/request.h"
#include "runtime/base/fd.h"
#include "runtime/base/text.h"

#define MAX_CHANGES 256

struct options {
	const char *store;
	struct image_import import;
	struct decompress part;
	const char *changes[MAX_CHANGES + 1];
	size_t change_count;
};

enum {
	OPT_STORE = 1,
	OPT_SOURCE,
	OPT_NAME,
	OPT_REFERENCE,
	OPT_FORMAT,
	OPT_CHANGE,
	OPT_MAX_BYTES,
	OPT_MAX_ENTRIES,
	OPT_TO,
	OPT_OFFSET,
	OPT_BYTES,
};

static const struct option OPTIONS[] = {
	{"store", required_argument, NULL, OPT_STORE},
	{"source", required_argument, NULL, OPT_SOURCE},
	{"name", required_argument, NULL, OPT_NAME},
	{"reference", required_argument, NULL, OPT_REFERENCE},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"change", required_argument, NULL, OPT_CHANGE},
	{"max-bytes", required_argument, NULL, OPT_MAX_BYTES},
	{"max-entries", required_argument, NULL, OPT_MAX_ENTRIES},
	{"to", required_argument, NULL, OPT_TO},
	{"offset", required_argument, NULL, OPT_OFFSET},
	{"bytes", required_argument, NULL, OPT_BYTES},
	{0},
};

/* --- what it tells --- */

static void write_line(struct text *line)
{
	text_add(line, "\n");
	/* Nobody listens any more: the import goes on, for it is asked for all the same. */
	if (!line->failed)
		(void)fd_write_all(STDOUT_FILENO, line->data, line->len);
}

static void tell(const struct image_event *event, void *context)
{
	CLEANUP_TEXT struct text line = TEXT_INIT;

	(void)context;
	event_write(&line, event);
	write_line(&line);
}

static int fail(const struct err *failure)
{
	CLEANUP_TEXT struct text line = TEXT_INIT;

	event_write_error(&line, failure);
	write_line(&line);
	return 1;
}

/* --- what it is asked --- */

static int add_change(struct options *options, const char *change, struct err *err)
{
	if (options->change_count == MAX_CHANGES)
		return err_say(err, E2BIG, "more than %d changes", MAX_CHANGES);
	options->changes[options->change_count++] = change;
	options->import.changes = options->changes;
	return 0;
}

static int take_option(struct options *options, int option, struct err *err)
{
	struct image_import *import = &options->import;
	int r;

	switch (option) {
	case OPT_STORE:
		options->store = optarg;
		return 0;
	case OPT_SOURCE:
		import->source = optarg;
		return 0;
	case OPT_NAME:
		import->name = optarg;
		return 0;
	case OPT_REFERENCE:
		import->reference = optarg;
		return 0;
	case OPT_CHANGE:
		return add_change(options, optarg, err);
	case OPT_FORMAT:
		r = image_format_parse(optarg);
		import->format = r < 0 ? IMAGE_FORMAT_AUTO : (enum image_format)r;
		break;
	case OPT_MAX_BYTES:
		r = text_u64(optarg, &import->max_bytes);
		break;
	case OPT_MAX_ENTRIES:
		r = text_u64(optarg, &import->max_entries);
		break;
	case OPT_TO:
		options->part.to = optarg;
		return 0;
	case OPT_OFFSET:
		r = text_u64(optarg, &options->part.offset);
		break;
	case OPT_BYTES:
		r = text_u64(optarg, &options->part.bytes);
		break;
	default:
		return err_say(err, EINVAL, "unknown option, or one without its value");
	}
	return r < 0 ? err_say(err, EINVAL, "'%s' is no value for this option", optarg) : 0;
}

static int verb_import(const struct options *options, const struct image_watch *watch, struct err *err)
{
	if (!options->import.source)
		return err_say(err, EINVAL, "--source is missing");
	return import_run(options->store, &options->import, watch, err);
}

static int verb_gc(const struct options *options, const struct image_watch *watch, struct err *err)
{
	return gc_run(options->store, watch, err);
}

static int verb_unpack_kernel(const struct options *options, const struct image_watch *watch, struct err *err)
{
	(void)watch;
	return kernel_package_unpack(options->import.source, options->part.to, err);
}

static int verb_decompress(const struct options *options, const struct image_watch *watch, struct err *err)
{
	struct decompress part = options->part;

	(void)watch;
	part.source = options->import.source;
	part.max_bytes = options->import.max_bytes;
	return decompress_file(&part, err);
}

/* Some work in the store, and some from a file to a place. */
static const struct {
	const char *name;
	bool in_store;
	int (*run)(const struct options *options, const struct image_watch *watch, struct err *err);
} VERBS[] = {
	{"import", true, verb_import},
	{"gc", true, verb_gc},
	{"unpack-kernel", false, verb_unpack_kernel},
	{"decompress", false, verb_decompress},
};

static int check_places(const struct options *options, bool in_store, struct err *err)
{
	if (in_store && (!options->store || *options->store != '/'))
		return err_say(err, EINVAL, "--store with an absolute path is missing");
	if (!in_store && (!options->import.source || !options->part.to || *options->part.to != '/'))
		return err_say(err, EINVAL, "--source, or --to with an absolute path is missing");
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	const struct image_watch watch = {.event = tell};
	struct options options = {0};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc - 1, argv + 1, "", OPTIONS, NULL)) != -1)
		if (take_option(&options, option, err) < 0)
			return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(VERBS); i++) {
		if (strcmp(VERBS[i].name, argv[1]) != 0)
			continue;
		if (check_places(&options, VERBS[i].in_store, err) < 0)
			return -err->code;
		return VERBS[i].run(&options, &watch, err);
	}
	return err_say(err, EINVAL, "unknown verb '%s'", argv[1]);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc < 2) {
		(void)fputs("hull-image: a part of hull, which runs it: see 'hull image --help'\n", stderr);
		return 2;
	}
	/* Names in archives are bytes, and UTF-8 where an archive says what they are. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	if (fd_secure_stdio(&err) < 0 || run(argc, argv, &err) < 0)
		return fail(&err);
	return 0;
}
