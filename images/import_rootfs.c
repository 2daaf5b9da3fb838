// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A root file system as an image of one layer: from a tar stream, or from a folder, which is imported as the tar that
 * it would be.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "images/archive.h"
#include "images/import_source.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"

static int put_layer(struct importer *im, const struct layer *layer, struct err *err)
{
	/* Without a creation time: the same tree is the same image, however often it is imported. */
	struct import_image image = {.layers = ARENA_NEW(&im->arena, struct layer)};

	if (!image.layers)
		return arena_check(&im->arena, err);
	*image.layers = *layer;
	image.config.architecture = manifest_host_architecture();
	image.config.os = "linux";
	if (strv_add(&im->arena, &image.diff_ids, layer->diff_id) < 0)
		return arena_check(&im->arena, err);
	return import_ready(im, &image, err);
}

int import_rootfs(struct importer *im, int fd, const char *what, struct err *err)
{
	struct stat st;
	struct layer layer;
	struct layer_source source = {.fd = fd, .what = what};
	int r;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		source.size_bytes = (uint64_t)st.st_size;
	r = layers_stage(&im->staging, &source, &im->limits, im->watch, &layer, err);
	return r < 0 ? r : put_layer(im, &layer, err);
}

/* --- a folder --- */

/* Ends with the process: writes the tar to one pipe, and what went wrong to the other. */
_Noreturn static void run_writer(int dirfd, const char *what, int out_fd, int error_fd)
{
	struct err failure = ERR_INIT;

	if (archive_write_folder(dirfd, what, out_fd, &failure) < 0) {
		(void)fd_write_all(error_fd, &failure, sizeof(failure));
		_exit(1);
	}
	_exit(0);
}

/* The writer's own words, if it failed: the reader only sees a stream that ends too early. */
static int end_writer(pid_t pid, int error_fd, int r, struct err *err)
{
	struct err failure;
	int status = 0, waited = proc_wait(pid, &status);

	if (waited < 0 && r >= 0)
		return err_set(err, -waited, "wait for the process that reads the folder");
	if (fd_read_all(error_fd, &failure, sizeof(failure)) == 0 && failure.code != EPIPE) {
		*err = failure;
		return -err->code;
	}
	if (r >= 0 && status != 0)
		return err_say(err, EIO, "the process that reads the folder ended early");
	return r;
}

int import_rootfs_folder(struct importer *im, int dirfd, struct err *err)
{
	const char *what = im->request->source;
	CLEANUP_FD int in = -1;
	CLEANUP_FD int out = -1;
	CLEANUP_FD int error_in = -1;
	CLEANUP_FD int error_out = -1;
	struct layer layer;
	int data[2], errors[2], r;
	pid_t pid;

	if (pipe2(data, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	in = data[0];
	out = data[1];
	if (pipe2(errors, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	error_in = errors[0];
	error_out = errors[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0) {
		(void)close(in);
		(void)signal(SIGPIPE, SIG_IGN);
		run_writer(dirfd, what, out, error_out);
	}
	scope_fd(&out);
	scope_fd(&error_out);
	out = error_out = -1;
	r = layers_stage(&im->staging, &(struct layer_source){.fd = in, .what = what}, &im->limits, im->watch, &layer,
			 err);
	/* A writer that still writes sees that nobody reads. */
	scope_fd(&in);
	in = -1;
	r = end_writer(pid, error_in, r, err);
	return r < 0 ? r : put_layer(im, &layer, err);
}
