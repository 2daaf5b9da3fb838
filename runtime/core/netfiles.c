// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/netfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/hosts.h"
#include "runtime/base/fd.h"
#include "runtime/base/scope.h"

/* The whole name, where there is a domain and they are one together. */
static const char *add_domain(const struct plan *plan, struct text *whole)
{
	struct err ignored = ERR_INIT;

	if (!plan->hostname || !plan->domainname || strchr(plan->hostname, '.'))
		return plan->hostname;
	text_addf(whole, "%s.%s", plan->hostname, plan->domainname);
	return hosts_check_name(text_get(whole), &ignored) < 0 ? plan->hostname : text_get(whole);
}

static int make_hosts(const struct plan *plan, const struct net_lease *lease, struct text *to, struct err *err)
{
	CLEANUP_TEXT struct text whole = TEXT_INIT;
	const struct plan_net *net = &plan->net;
	struct hosts_request request = {
		.hostname = add_domain(plan, &whole),
		.ip = lease ? lease->ip : NULL,
		.gateway = lease ? lease->gateway : NULL,
		.extra = (const char *const *)net->add_hosts.items,
		.extra_count = net->add_hosts.count,
	};

	return hosts_make(&request, to, err);
}

static int make_hostname(const struct plan *plan, const struct net_lease *lease, struct text *to, struct err *err)
{
	(void)lease;
	return plan->hostname ? hosts_make_hostname(plan->hostname, to, err) : 0;
}

static int make_resolv_conf(const struct plan *plan, const struct net_lease *lease, struct text *to, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct plan_net *net = &plan->net;
	struct resolv_request request = {
		.servers = (const char *const *)net->dns.items,
		.server_count = net->dns.count,
		.searches = (const char *const *)net->dns_search.items,
		.search_count = net->dns_search.count,
		.options = (const char *const *)net->dns_options.items,
		.option_count = net->dns_options.count,
		.share_host = plan->namespaces.kind[NS_NET].how == NS_HOST,
	};
	int result = hosts_read_resolv(&arena, &request, err);

	(void)lease;
	return result < 0 ? result : hosts_make_resolv(&request, to, NULL, err);
}

/* One row a file. */
struct netfile {
	const char *path;
	int (*make)(const struct plan *plan, const struct net_lease *lease, struct text *to, struct err *err);
};
#define NETFILE_COUNT 3
#define NETFILES(plan)                                                                              \
	{                                                                                           \
		{(plan)->net.files.hosts, make_hosts}, {(plan)->net.files.hostname, make_hostname}, \
			{(plan)->net.files.resolv_conf, make_resolv_conf},                          \
	}

int netfiles_prepare(const struct plan *plan, struct err *err)
{
	const struct netfile files[NETFILE_COUNT] = NETFILES(plan);

	for (size_t i = 0; i < NETFILE_COUNT; i++) {
		CLEANUP_FD int fd = -1;

		if (!files[i].path)
			continue;
		fd = open(files[i].path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return err_set(err, errno, "make '%s'", files[i].path);
		/* Whatever the umask: the program reads them, and it need not be root. */
		if (fchmod(fd, 0644) < 0)
			return err_set(err, errno, "change the mode of '%s'", files[i].path);
	}
	return 0;
}

/*
 * An instance that is started again keeps its file, and whatever the program wrote into hosts before is gone: the
 * address is another one.
 */
static int write_one(const struct plan *plan, const struct netfile *file, const struct net_lease *lease,
		     struct err *err)
{
	CLEANUP_TEXT struct text contents = TEXT_INIT;
	CLEANUP_FD int fd = -1;
	struct stat before;
	int result = file->make(plan, lease, &contents, err);

	if (result < 0)
		return result;
	fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", file->path);
	/* Truncated only where there is something: file systems take that for a wish to have it on the disk soon. */
	if (fstat(fd, &before) == 0 && before.st_size > 0 && ftruncate(fd, 0) < 0)
		return err_set(err, errno, "truncate '%s'", file->path);
	result = fd_write_all(fd, text_get(&contents), contents.len);
	return result < 0 ? err_set(err, -result, "write '%s'", file->path) : 0;
}

int netfiles_write(const struct plan *plan, const struct net_lease *lease, struct err *err)
{
	const struct netfile files[NETFILE_COUNT] = NETFILES(plan);

	for (size_t i = 0; i < NETFILE_COUNT; i++) {
		int result = files[i].path ? write_one(plan, &files[i], lease, err) : 0;

		if (result < 0)
			return result;
	}
	return 0;
}
