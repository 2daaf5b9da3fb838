/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/base/scope.h"

/*
 * A system call that is there refuses senseless arguments with EINVAL, before it looks at permissions; one that is
 * missing is ENOSYS, and one that a seccomp filter keeps from us is mostly EPERM. So EINVAL is the only answer that
 * means yes, and asking changes nothing.
 */
static bool is_there(long answer)
{
	return answer < 0 && errno == EINVAL;
}

static bool probe_clone3(void)
{
	return is_there(syscall(SYS_clone3, NULL, 0));
}

static bool probe_openat2(void)
{
	return is_there(syscall(SYS_openat2, -1, "", NULL, 0));
}

static bool probe_pidfd(void)
{
	return is_there(syscall(SYS_pidfd_open, -1, 0));
}

static bool probe_close_range(void)
{
	return is_there(syscall(SYS_close_range, 1, 0, 0));
}

/*
 * fsopen, fsmount and move_mount ask for permission before they look at their arguments; these two came with them and
 * do not.
 */
static bool probe_fsopen(void)
{
	return is_there(syscall(SYS_fsconfig, -1, 0, NULL, NULL, 0)) && is_there(syscall(SYS_open_tree, -1, "", ~0U));
}

static bool probe_mount_setattr(void)
{
	return is_there(syscall(SYS_mount_setattr, -1, "", ~0U, NULL, 0));
}

/*
 * For what no system call tells without doing it. A distribution that backported it gets the older way, which works
 * too.
 */
static bool kernel_at_least(unsigned major, unsigned minor)
{
	unsigned found_major, found_minor;

	if (sscanf(host_kernel(), "%u.%u", &found_major, &found_minor) != 2)
		return false;
	return found_major > major || (found_major == major && found_minor >= minor);
}

/*
 * The request is older than the exit status in its answer, and the answer for a living process does not show the
 * difference.
 */
static bool probe_pidfd_exit(void)
{
	return kernel_at_least(6, 15) && host_has(HOST_PIDFD);
}

static bool has_namespace_file(const char *path)
{
	return access(path, F_OK) == 0;
}

/*
 * An administrator forbids them with a limit of none; the kernel has no other way to say so than to fail when one is
 * made.
 */
static bool probe_user_ns(void)
{
	CLEANUP_FD int fd = -1;
	char limit = '0';

	if (!has_namespace_file("/proc/self/ns/user"))
		return false;
	fd = open("/proc/sys/user/max_user_namespaces", O_RDONLY | O_CLOEXEC);
	return fd < 0 || read(fd, &limit, 1) != 1 || limit != '0';
}

static bool probe_time_ns(void)
{
	return has_namespace_file("/proc/self/ns/time");
}

static bool probe_cgroup_ns(void)
{
	return has_namespace_file("/proc/self/ns/cgroup");
}

static bool probe_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/*
 * Layers by descriptor came with Linux 6.13, but only since 6.15 may the descriptor be of a mount that is attached
 * nowhere. Whether it may shows only when the file system is created, so the version has to answer.
 */
static bool probe_overlay_fd_layers(void)
{
	return kernel_at_least(6, 15) && host_has(HOST_FSOPEN);
}

static const struct {
	const char *name;
	bool (*probe)(void);
} facts[HOST_FACT_COUNT] = {
	[HOST_CLONE3] = {"clone3", probe_clone3},
	[HOST_OPENAT2] = {"openat2", probe_openat2},
	[HOST_PIDFD] = {"pidfd", probe_pidfd},
	[HOST_CLOSE_RANGE] = {"close_range", probe_close_range},
	[HOST_FSOPEN] = {"fsopen", probe_fsopen},
	[HOST_MOUNT_SETATTR] = {"mount_setattr", probe_mount_setattr},
	[HOST_PIDFD_EXIT] = {"pidfd_exit", probe_pidfd_exit},
	[HOST_USER_NS] = {"user_ns", probe_user_ns},
	[HOST_TIME_NS] = {"time_ns", probe_time_ns},
	[HOST_CGROUP_NS] = {"cgroup_ns", probe_cgroup_ns},
	[HOST_SECCOMP] = {"seccomp", probe_seccomp},
	[HOST_OVERLAY_FD_LAYERS] = {"overlay_fd_layers", probe_overlay_fd_layers},
};

static enum { NOT_ASKED, IS_THERE, IS_MISSING } answers[HOST_FACT_COUNT];

static int override_one(const char *word, size_t len)
{
	for (unsigned i = 0; i < HOST_FACT_COUNT; i++) {
		size_t name_len = strlen(facts[i].name);

		if (len != name_len + 2 || memcmp(word, facts[i].name, name_len) != 0 || word[name_len] != '=')
			continue;
		if (word[len - 1] != '0' && word[len - 1] != '1')
			return -EINVAL;
		answers[i] = word[len - 1] == '1' ? IS_THERE : IS_MISSING;
		return 0;
	}
	return -EINVAL;
}

int host_override(const char *words)
{
	memset(answers, 0, sizeof(answers));
	while (words && *words) {
		size_t len = strcspn(words, ",");

		if (override_one(words, len) < 0)
			return -EINVAL;
		words += len + (words[len] == ',');
	}
	return 0;
}

/* A test with a misspelt fact would pass without testing anything: better that it dies. */
static void override_from_environment(void)
{
#ifdef HULL_TESTING
	static bool done;

	if (done)
		return;
	done = true;
	const char *words = getenv("HULL_TEST_HOST");
	if (words && host_override(words) < 0)
		abort();
#endif
}

bool host_has(enum host_fact fact)
{
	override_from_environment();
	if (answers[fact] == NOT_ASKED) {
		int saved = errno;

		answers[fact] = facts[fact].probe() ? IS_THERE : IS_MISSING;
		errno = saved;
	}
	return answers[fact] == IS_THERE;
}

const char *host_fact_name(enum host_fact fact)
{
	return facts[fact].name;
}

unsigned host_cpus(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online > 0 ? (unsigned)online : 1;
}

/* The kernel gives its first namespaces fixed numbers (PROC_USER_INIT_INO). */
bool host_in_user_namespace(void)
{
	const ino_t first = 0xEFFFFFFD;
	struct stat own;

	return stat("/proc/self/ns/user", &own) == 0 && own.st_ino != first;
}

uint64_t host_memory_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 ? 0 : (uint64_t)info.totalram * info.mem_unit;
}

/* The bounding set answers for every capability the kernel knows, held or not, and with an error for the others. */
static bool kernel_knows_cap(uint64_t cap)
{
	return prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
}

uint64_t host_cap_last(void)
{
	static uint64_t last;

	if (last)
		return last;
	last = CAP_LAST_CAP;
	while (last > 0 && !kernel_knows_cap(last))
		last--;
	while (last < 63 && kernel_knows_cap(last + 1))
		last++;
	return last;
}

uint64_t host_caps_permitted(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, halves) < 0)
		return 0;
	return (uint64_t)halves[1].permitted << 32 | halves[0].permitted;
}

const char *host_kernel(void)
{
	static struct utsname name;

	if (!*name.release && uname(&name) < 0)
		return "unknown";
	return name.release;
}
