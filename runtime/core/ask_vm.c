// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is asked of a machine that runs: of the agent in its guest by way of the router, and of the cgroup that all of
 * it is in on this host.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/control.h"
#include "runtime/core/usage.h"
#include "runtime/vm/agent_client.h"

#define STATS_TIMEOUT_MS 5000
#define STATS_MAX_BYTES	 65536
#define ANSWER_MAX_BYTES ((size_t)8 << 20)
#define WORDS_MAX_BYTES	 ((size_t)4 << 10)

int vm_connect_agent(const struct store *store, const struct record *record, struct err *err)
{
	CLEANUP_FD int folder = store_find(store, record->id, err);

	return folder < 0 ? folder : agent_client_connect(folder, err);
}

/* --- Figures ------------------------------------------------------------------------------------------------------ */

static int read_inside(const struct store *store, const struct record *record, struct arena *arena,
		       struct guest_stats *ret, struct err *err)
{
	CLEANUP_FD int agent = vm_connect_agent(store, record, err);
	char *words = arena_alloc(arena, STATS_MAX_BYTES);
	ssize_t len;

	if (agent < 0 || !words)
		return agent < 0 ? agent : arena_check(arena, err);
	len = agent_client_stats(agent, STATS_TIMEOUT_MS, words, STATS_MAX_BYTES, err);
	return len < 0 ? (int)len : guest_stats_parse(arena, words, (size_t)len, ret, err);
}

int vm_usage(const struct store *store, const struct control_view *view, struct arena *arena, struct usage *ret,
	     struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result = cgroup_open_recorded(&view->record, &cgroup, err);

	if (result >= 0)
		result = cg_stat(cgroup, &ret->machine, err);
	if (result < 0)
		return result;
	ret->is_machine = true;
	ret->is_known = view->now.status == RECORD_RUNNING;
	return ret->is_known ? read_inside(store, &view->record, arena, &ret->inside, err) : 0;
}

/* --- Questions ---------------------------------------------------------------------------------------------------- */

/* A file that grows no further, whatever a guest has to say. */
static int open_room(size_t bytes, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return err_set(err, errno, "make a memory file");
	return fd_take(&fd);
}

/* What was written there. */
static int read_room(int fd, struct arena *arena, char **ret, struct err *err)
{
	off_t len = lseek(fd, 0, SEEK_CUR);
	char *words = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);

	if (!words)
		return len < 0 ? err_set(err, errno, "read the machine's answer") : arena_check(arena, err);
	if (pread(fd, words, (size_t)len, 0) != len)
		return err_set(err, EIO, "read the machine's answer");
	words[len] = '\0';
	*ret = words;
	return 0;
}

/* Its first line. */
static int say_what_it_said(const char *words, int code, struct err *err)
{
	if (!*words)
		return err_say(err, EIO, "the machine's agent ended with %d over a question", code);
	return err_say(err, EIO, "in the machine: %.*s", (int)strcspn(words, "\n"), words);
}

/* Asks, and waits for all of the answer. Signals keep what they do to the caller: it can always be interrupted. */
int vm_ask(const struct store *store, const struct record *record, const struct guest_exec *question,
	   struct arena *arena, char **ret_answer, struct err *err)
{
	CLEANUP_FD int agent = vm_connect_agent(store, record, err);
	CLEANUP_FD int answer = agent < 0 ? -1 : open_room(ANSWER_MAX_BYTES, err);
	CLEANUP_FD int words = answer < 0 ? -1 : open_room(WORDS_MAX_BYTES, err);
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct agent_client_result end;
	sigset_t none;
	char *complaint;
	int result = agent < 0 ? agent : answer < 0 ? answer : words;

	(void)sigemptyset(&none);
	if (result >= 0)
		result = guest_exec_write(question, &document, err);
	if (result >= 0) {
		const struct agent_client_request request = {
			.fd = agent,
			.document = document.data,
			.document_len = document.len,
			.stdio = {-1, answer, words},
			.raw_fd = -1,
			.signals = &none,
		};

		result = agent_client_run(&request, &end, err);
	}
	if (result >= 0)
		result = read_room(answer, arena, ret_answer, err);
	if (result >= 0)
		result = read_room(words, arena, &complaint, err);
	return result < 0 || end.code == 0 ? result : say_what_it_said(complaint, end.code, err);
}

int vm_processes(const struct store *store, const struct control_view *view, struct arena *arena, process_rows *ret,
		 struct err *err)
{
	const struct guest_exec question = {.version = GUEST_VERSION, .question = GUEST_ASKS_PROCESSES};
	char *answer;
	int result;

	if (view->now.status == RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is paused: nobody answers in the machine", view->record.id);
	result = vm_ask(store, &view->record, &question, arena, &answer, err);
	return result < 0 ? result : processes_parse(arena, answer, ret, err);
}
