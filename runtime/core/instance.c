// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/instance.h"

#include "runtime/base/scope.h"
#include "runtime/core/unmounting.h"

void instance_init(struct instance *instance, struct arena *arena, const struct store *store)
{
	*instance = (struct instance){
		.arena = arena,
		.store = store,
		.state_fd = -1,
		.sources = ROOT_SOURCES_INIT,
		.streams = STREAMS_INIT,
		.stdio = STDIO_INIT,
		.init_program_fd = -1,
		.given = GIVEN_INIT,
		.remains_fd = -1,
		.mountns_fd = -1,
		.start_fd = -1,
		.sync.fd = -1,
		.init_pidfd = -1,
		.userns_fd = -1,
		.root_fd = -1,
		.terminal = -1,
		.unmounting = ASIDE_INIT,
		.netns_fd = -1,
	};
	for (int kind = 0; kind < NS_COUNT; kind++)
		instance->joins[kind] = -1;
}

static void close_and_forget(int *fd)
{
	scope_fd(fd);
	*fd = -1;
}

void instance_close(struct instance *instance)
{
	cg_close(&instance->cgroup);
	root_sources_close(&instance->sources);
	streams_close(&instance->streams);
	stdio_close(&instance->stdio);
	sync_close(&instance->sync);
	for (int kind = 0; kind < NS_COUNT; kind++)
		close_and_forget(&instance->joins[kind]);
	close_and_forget(&instance->mountns_fd);
	close_and_forget(&instance->init_program_fd);
	given_close(&instance->given);
	close_and_forget(&instance->remains_fd);
	close_and_forget(&instance->start_fd);
	close_and_forget(&instance->init_pidfd);
	close_and_forget(&instance->userns_fd);
	close_and_forget(&instance->root_fd);
	close_and_forget(&instance->terminal);
	unmounting_drop(&instance->unmounting);
	close_and_forget(&instance->netns_fd);
	close_and_forget(&instance->state_fd); /* last: with it goes the lock */
}
