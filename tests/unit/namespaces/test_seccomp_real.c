// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filters under the kernel: loaded in a child that makes real calls, call by call; and notifications to an agent.
 */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespaces/caps.h"
#include "namespaces/seccomp.h"
#include "tests/unit/tap.h"

#define X32_BIT 0x40000000L

struct real_call {
	const char *words;
	long number;
	long args[6];
	/* the errno that the caller must see; 0: success; ANY: whatever the kernel says, but not the filter */
	int error;
};
#define ANY (-1)

/* Runs the call in a child under the filter. The errno it saw, 0, or 1000 + signal. */
static int call_under(const struct confine_filter *filter, unsigned flags, const struct real_call *call)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		long r;

		if (confine_no_new_privs(NULL) < 0 || confine_load(filter, flags, NULL) < 0)
			_exit(255);
		errno = 0;
		r = syscall(call->number, call->args[0], call->args[1], call->args[2], call->args[3], call->args[4],
			    call->args[5]);
		if (call->number == SYS_clone && r == 0)
			syscall(SYS_exit_group, 0);
		syscall(SYS_exit_group, r < 0 ? errno : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_calls(const struct seccomp_profile *profile, const struct real_call *calls, size_t count)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter filter;
	struct err err = ERR_INIT;

	CHECK_INT(seccomp_compile(profile, &arena, &filter, NULL, &err), 0);
	for (size_t i = 0; i < count; i++) {
		int found = call_under(&filter, 0, &calls[i]);

		if (calls[i].error == ANY ? found == EPERM || found >= 255 : found != calls[i].error) {
			tap_fail(__FILE__, __LINE__, calls[i].words);
			printf("#   errno %d, wanted %d\n", found, calls[i].error);
		}
	}
}
#define CHECK_CALLS(profile, calls) check_calls((profile), (calls), sizeof(calls) / sizeof((calls)[0]))

#define HIGH_BIT (1L << 32)

static void test_default_for_real(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	const struct real_call calls[] = {
		{"getpid", SYS_getpid, {0}, 0},
		{"a plain fork", SYS_clone, {SIGCHLD}, 0},
		{"clone with a user namespace", SYS_clone, {SIGCHLD | CLONE_NEWUSER}, EPERM},
		{"clone with a mount namespace", SYS_clone, {SIGCHLD | CLONE_NEWNS}, EPERM},
		{"clone with a network namespace", SYS_clone, {SIGCHLD | CLONE_NEWNET}, EPERM},
		{"clone with a cgroup namespace and a high bit",
		 SYS_clone,
		 {SIGCHLD | CLONE_NEWCGROUP | HIGH_BIT},
		 EPERM},
		{"clone3", SYS_clone3, {0}, ENOSYS},
		{"unshare", SYS_unshare, {CLONE_NEWUSER}, EPERM},
		{"setns", SYS_setns, {0}, EPERM},
		{"mount", SYS_mount, {0}, EPERM},
		{"umount", SYS_umount2, {0}, EPERM},
		{"bpf", SYS_bpf, {0}, EPERM},
		{"perf_event_open", SYS_perf_event_open, {0}, EPERM},
		{"keyctl", SYS_keyctl, {0}, EPERM},
		{"add_key", SYS_add_key, {0}, EPERM},
		{"request_key", SYS_request_key, {0}, EPERM},
		{"userfaultfd", SYS_userfaultfd, {0}, EPERM},
		{"io_uring_setup", SYS_io_uring_setup, {0}, EPERM},
		{"io_uring_enter", SYS_io_uring_enter, {0}, EPERM},
		{"kexec_load", SYS_kexec_load, {0}, EPERM},
		{"init_module", SYS_init_module, {0}, EPERM},
		{"swapon", SYS_swapon, {0}, EPERM},
		{"reboot", SYS_reboot, {0}, EPERM},
		{"settimeofday", SYS_settimeofday, {0}, EPERM},
		{"open_by_handle_at", SYS_open_by_handle_at, {0}, EPERM},
		{"listns, a newer call that is refused", 470, {0}, EPERM},
		{"mseal, a newer call that is allowed", 462, {0}, ANY},
		{"statmount, allowed", 457, {0}, ANY},
		{"a call of the future", 480, {0}, ENOSYS},
		{"a call of the far future", 100000, {0}, ENOSYS},
		{"an x32 getpid", X32_BIT + SYS_getpid, {0}, ENOSYS},
		{"personality: asking", SYS_personality, {0xffffffffL}, 0},
		{"personality: asking, sign-extended", SYS_personality, {-1}, 0},
		{"personality: Linux", SYS_personality, {PER_LINUX}, 0},
		{"personality: 32-bit names", SYS_personality, {PER_LINUX32}, 0},
		{"personality: no address randomisation", SYS_personality, {ADDR_NO_RANDOMIZE}, EPERM},
		{"personality: executable reads", SYS_personality, {READ_IMPLIES_EXEC}, EPERM},
		{"personality: executable reads and a high bit",
		 SYS_personality,
		 {READ_IMPLIES_EXEC | HIGH_BIT},
		 EPERM},
		{"socket: unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, 0},
		{"socket: inet", SYS_socket, {AF_INET, SOCK_STREAM, 0}, 0},
		{"socket: inet6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, 0},
		{"socket: netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, 0},
		{"socket: vsock", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}, EPERM},
		{"socket: alg", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}, EPERM},
		{"socket: alg and a high bit", SYS_socket, {AF_ALG | HIGH_BIT, SOCK_SEQPACKET, 0}, EPERM},
		{"socket: vsock and the highest bit", SYS_socket, {AF_VSOCK | LONG_MIN, SOCK_STREAM, 0}, EPERM},
		{"socket: rds", SYS_socket, {AF_RDS, SOCK_SEQPACKET, 0}, EPERM},
	};

	CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
	CHECK_INT(seccomp_check(&profile, NULL), 0);
	CHECK_CALLS(&profile, calls);
}

/* The same calls with the capabilities that make them useful: the kernel decides, not the filter. */
static void test_default_with_capabilities(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	const struct real_call calls[] = {
		{"clone with a UTS namespace", SYS_clone, {SIGCHLD | CLONE_NEWUTS}, 0},
		{"clone3 stays", SYS_clone3, {0}, ENOSYS},
		{"unshare", SYS_unshare, {CLONE_NEWUTS}, 0},
		{"mount", SYS_mount, {0}, ANY},
		{"bpf", SYS_bpf, {-1}, ANY},
		{"settimeofday", SYS_settimeofday, {1, 1}, ANY},
		{"listns", 470, {0}, ANY},
		{"io_uring_setup stays", SYS_io_uring_setup, {0}, EPERM},
		{"keyctl stays", SYS_keyctl, {0}, EPERM},
	};

	CHECK_INT(seccomp_default(&arena, UINT64_MAX, &profile, NULL), 0);
	CHECK_CALLS(&profile, calls);
}

/* A 32-bit call from a 64-bit program: int 0x80 with another meaning for every number. */
static void test_wrong_architecture_is_killed(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	struct confine_filter filter;
	int status = 0;
	pid_t pid;

	CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
	CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
	pid = fork();
	if (pid == 0) {
		long r = 20; /* i386's getpid */

		if (confine_no_new_privs(NULL) < 0 || confine_load(&filter, 0, NULL) < 0)
			_exit(255);
		__asm__ volatile("int $0x80" : "+a"(r)::"memory", "r8", "r9", "r10", "r11");
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		SKIP("this kernel runs no 32-bit calls at all");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* One profile for each action, on getppid. */
static struct seccomp_profile one_rule(struct seccomp_rule *rule, enum seccomp_action action, uint32_t errno_ret)
{
	static const char *const names[] = {"getppid"};

	*rule = (struct seccomp_rule){names, 1, action, errno_ret != 0, errno_ret, NULL, 0};
	return (struct seccomp_profile){.default_action = SECCOMP_DO_ALLOW,
					.rules = rule,
					.rule_count = 1,
					.listener_path = action == SECCOMP_DO_NOTIFY ? "/none" : NULL};
}

static void test_actions(void)
{
	static const struct {
		const char *word;
		uint32_t errno_ret;
		int found;
	} actions[] = {
		{"SCMP_ACT_KILL", 0, 1000 + SIGSYS},
		{"SCMP_ACT_KILL_THREAD", 0, 1000 + SIGSYS},
		{"SCMP_ACT_KILL_PROCESS", 0, 1000 + SIGSYS},
		{"SCMP_ACT_TRAP", 0, 1000 + SIGSYS},
		{"SCMP_ACT_ERRNO", 0, EPERM},
		{"SCMP_ACT_ERRNO", EXDEV, EXDEV},
		{"SCMP_ACT_TRACE", 0, ENOSYS}, /* no tracer is there */
		{"SCMP_ACT_TRACE", 7, ENOSYS},
		{"SCMP_ACT_ALLOW", 0, 0},
		{"SCMP_ACT_LOG", 0, 0},
	};
	static const struct real_call call = {"getppid", SYS_getppid, {0}, 0};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_rule rule;
		struct seccomp_profile profile;
		enum seccomp_action action;
		struct confine_filter filter;

		CHECK_INT(seccomp_parse_action(actions[i].word, &action), 0);
		profile = one_rule(&rule, action, actions[i].errno_ret);
		CHECK_INT(seccomp_check(&profile, NULL), 0);
		CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
		CHECK_INT(call_under(&filter, 0, &call), actions[i].found);
	}
}

/* As default action, with one call allowed: what gets past is the one call. */
static void test_default_actions(void)
{
	static const char *const names[] = {"exit_group", "getpid", "futex", "rt_sigreturn"};
	static const struct seccomp_rule rule = {names, 4, SECCOMP_DO_ALLOW, false, 0, NULL, 0};
	static const struct real_call refused = {"getppid", SYS_getppid, {0}, 0},
				      allowed = {"getpid", SYS_getpid, {0}, 0};
	static const struct {
		enum seccomp_action action;
		uint32_t errno_ret;
		int found;
	} actions[] = {
		{SECCOMP_DO_KILL_THREAD, 0, 1000 + SIGSYS},
		{SECCOMP_DO_KILL_PROCESS, 0, 1000 + SIGSYS},
		{SECCOMP_DO_TRAP, 0, 1000 + SIGSYS},
		{SECCOMP_DO_ERRNO, 0, EPERM},
		{SECCOMP_DO_ERRNO, 77, 77},
		{SECCOMP_DO_TRACE, 0, ENOSYS},
		{SECCOMP_DO_LOG, 0, 0},
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_profile profile = {.default_action = actions[i].action,
						  .has_default_errno = actions[i].errno_ret != 0,
						  .default_errno = actions[i].errno_ret,
						  .rules = &rule,
						  .rule_count = 1};
		struct confine_filter filter;

		CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
		CHECK_INT(call_under(&filter, 0, &refused), actions[i].found);
		CHECK_INT(call_under(&filter, 0, &allowed), 0);
	}
}

/* The first rule that holds decides; conditions on one argument twice are alternatives. */
static void test_order_of_rules(void)
{
	static const char *const prctl_name[] = {"prctl"}, *const alarm_name[] = {"alarm"};
	static const struct seccomp_arg get_name = {0, SECCOMP_OP_EQ, PR_GET_NAME, 0};
	static const struct seccomp_arg five_or_six[] = {{0, SECCOMP_OP_EQ, 5, 0}, {0, SECCOMP_OP_EQ, 6, 0}};
	static const struct seccomp_rule rules[] = {
		{prctl_name, 1, SECCOMP_DO_ERRNO, true, 71, &get_name, 1},
		{prctl_name, 1, SECCOMP_DO_ALLOW, false, 0, NULL, 0},
		{alarm_name, 1, SECCOMP_DO_ERRNO, true, 72, five_or_six, 2},
	};
	static const struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW,
						       .rules = rules,
						       .rule_count = 3};
	static const struct real_call calls[] = {
		{"prctl: the one that is refused", SYS_prctl, {PR_GET_NAME, 0}, 71},
		{"prctl: another", SYS_prctl, {PR_GET_DUMPABLE}, 0},
		{"prctl: differs in the high half only", SYS_prctl, {PR_GET_NAME | HIGH_BIT, 0}, ANY},
		{"alarm 5", SYS_alarm, {5}, 72},
		{"alarm 6", SYS_alarm, {6}, 72},
		{"alarm 7", SYS_alarm, {7}, 0},
	};

	CHECK_CALLS(&profile, calls);
}

/* Every flag of OCI is taken by the kernel with a filter. */
static void test_flags(void)
{
	static const char *const words[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
	static const struct real_call call = {"getppid", SYS_getppid, {0}, 0};

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_rule rule;
		struct seccomp_profile profile = one_rule(&rule, SECCOMP_DO_ERRNO, EXDEV);
		struct confine_filter filter;

		CHECK_INT(seccomp_parse_flag(words[i], &profile.flags), 0);
		CHECK_INT(seccomp_check(&profile, NULL), 0);
		CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
		CHECK_INT(call_under(&filter, seccomp_load_flags(&profile), &call), EXDEV);
	}
}

/* A process under a notifying filter, its listener handed to an agent's socket as OCI says, and the agent's answer. */
static int notified_child(const char *agent_path)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_rule rule;
	struct seccomp_profile profile = one_rule(&rule, SECCOMP_DO_NOTIFY, 0);
	struct confine_filter filter;
	int listener;

	profile.flags = SECCOMP_FILTER_FLAG_TSYNC | (1u << 5); /* with WAIT_KILLABLE_RECV */
	if (seccomp_check(&profile, NULL) < 0 || seccomp_compile(&profile, &arena, &filter, NULL, NULL) < 0 ||
	    confine_no_new_privs(NULL) < 0)
		return 1;
	listener = confine_load(&filter, seccomp_load_flags(&profile), NULL);
	if (listener < 0 || seccomp_listener_send(agent_path, listener, "{\"state\":1}", 11, NULL) < 0)
		return 2;
	(void)close(listener);
	return (int)syscall(SYS_getppid) == 4321 ? 0 : 3;
}

static void answer(int listener)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {0};

	CHECK_INT(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request), 0);
	CHECK_INT(request.data.nr, SYS_getppid);
	response.id = request.id;
	response.val = 4321;
	CHECK_INT(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
}

static void test_listener(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/hull-seccomp-XXXXXX", bytes[64] = "", control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {bytes, sizeof(bytes) - 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), connection, listener = -1, status = 1;
	pid_t pid;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/agent", folder);
	CHECK_INT(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_INT(listen(listening, 1), 0);
	pid = fork();
	if (pid == 0)
		_exit(notified_child(address.sun_path));
	connection = accept(listening, NULL, NULL);
	CHECK_INT(recvmsg(connection, &message, 0), 11);
	CHECK_STR(bytes, "{\"state\":1}");
	if (CMSG_FIRSTHDR(&message))
		memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(listener));
	answer(listener);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 0);
	(void)close(listener);
	(void)close(connection);
	(void)close(listening);
	(void)unlink(address.sun_path);
	(void)rmdir(folder);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_default_for_real), TAP_CASE(test_default_with_capabilities),
		       TAP_CASE(test_wrong_architecture_is_killed), TAP_CASE(test_actions),
		       TAP_CASE(test_default_actions), TAP_CASE(test_order_of_rules), TAP_CASE(test_flags),
		       TAP_CASE(test_listener));
}
