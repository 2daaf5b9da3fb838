// SPDX-License-Identifier: GPL-2.0-or-later
/* What a plan says of processes: the first one, those of exec, and hooks. */
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/spec/plan_case.h"

static void test_process(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct plan_process *process;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.host = LSM,
				     .linux_ = "'personality':{'domain':'LINUX32'}",
				     .process = "'cwd':'/w','args':['sh','-c',''],"
						"'terminal':true,'consoleSize':{'height':25,'width':80},"
						"'env':['A=b','novalue','=x','C='],"
						"'user':{'uid':1,'gid':2,'umask':18,'additionalGids':[3,4]},"
						"'rlimits':[{'type':'RLIMIT_NOFILE','soft':10,"
						"'hard':18446744073709551615}],"
						"'noNewPrivileges':true,'oomScoreAdj':-1000,"
						"'apparmorProfile':'p','selinuxLabel':'l',"
						"'scheduler':{'policy':'SCHED_BATCH','nice':5,"
						"'flags':['SCHED_FLAG_RESET_ON_FORK']},"
						"'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':4},"
						"'execCPUAffinity':{'initial':'0','final':'0-1'}"},
		  &plan))
		return;
	process = &plan.process;
	CHECK(plan.has_process && process->terminal && process->no_new_privs);
	CHECK_INT(process->rows, 25);
	CHECK_INT(process->env.count, 2);
	CHECK(warned(&plan, "process.env[1]: 'novalue' is not NAME=VALUE"));
	CHECK(warned(&plan, "process.env[2]"));
	CHECK_INT(process->groups.items[1], 4);
	CHECK(process->limits.has_umask && process->limits.umask == 022);
	CHECK_INT(process->limits.rlimits[0].resource, RLIMIT_NOFILE);
	CHECK(process->limits.rlimits[0].hard == LIMITS_UNLIMITED);
	CHECK_INT(process->limits.oom_score_adj, -1000);
	CHECK_INT(process->limits.scheduler->policy, SCHED_BATCH);
	CHECK_INT(process->limits.io_priority->level, 4);
	CHECK(process->limits.has_personality);
	CHECK_STR(process->apparmor_profile, "p");
	CHECK_STR(process->exec_cpus_final, "0-1");
	/* An instance's own process is not bound by what is for exec. */
	CHECK(!process->limits.cpus);
	/* No capabilities in the document: none are given. */
	CHECK_INT(process->caps.bounding | process->caps.effective | process->caps.permitted, 0);
	CHECK(!process->seccomp);
}

static void test_capabilities(void)
{
	static const char words[] = PROCESS("'capabilities':{'bounding':['CAP_CHOWN','CAP_KILL','CAP_MOON'],"
					    "'permitted':['CAP_CHOWN','CAP_MOON'],"
					    "'effective':['CAP_CHOWN','CAP_KILL'],'inheritable':['CAP_CHOWN'],"
					    "'ambient':['CAP_CHOWN','CAP_KILL']}");
	static const char no_inheritable[] = PROCESS("'capabilities':{'bounding':['CAP_CHOWN'],"
						     "'permitted':['CAP_CHOWN'],'effective':['CAP_CHOWN'],"
						     "'ambient':['CAP_CHOWN']}");
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena, (struct plan_case){.process = words}, &plan))
		return;
	CHECK_INT(plan.process.caps.bounding, CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_KILL));
	CHECK_INT(plan.process.caps.effective, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(plan.process.caps.ambient, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(plan.warnings.count, 3);
	CHECK(warned(&plan, "'CAP_MOON' is not known here"));
	CHECK(warned(&plan, "CAP_KILL left out: effective, but not permitted"));
	CHECK(warned(&plan, "CAP_KILL left out: ambient, but not both"));
	/* An ambient set beside an empty inheritable one is what engines write that mean none. */
	if (!make(&arena, (struct plan_case){.process = no_inheritable}, &plan))
		return;
	CHECK_INT(plan.process.caps.ambient, 0);
	CHECK_INT(plan.warnings.count, 0);
	/* What the caller does not have it cannot give, except in a user namespace of the instance's own. */
	if (!make(&arena, (struct plan_case){.host = FEW_CAPS, .process = words}, &plan))
		return;
	CHECK_INT(plan.process.caps.bounding, CAPS_BIT(CAP_CHOWN));
	CHECK(warned(&plan, "CAP_KILL left out: this process does not have them to give"));
	if (!make(&arena,
		  (struct plan_case){.host = FEW_CAPS, .namespaces = WITH_USER, .linux_ = MAPPED, .process = words},
		  &plan))
		return;
	CHECK_INT(plan.process.caps.bounding, CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_KILL));
}

static void test_capability_that_the_kernel_lacks(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_host host = plan_case_host(0);
	static const char document[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"capabilities\":{\"bounding\":[\"CAP_BPF\"]}}}";
	const struct config *config;
	struct plan plan;
	struct err err = ERR_INIT;

	host.cap_last = 30;
	CHECK_INT(config_parse(&arena, document, strlen(document), "config.json", &config, NULL, &err), 0);
	CHECK_INT(plan_make(&arena, config, NULL, &host, &plan, &err), 0);
	CHECK_INT(plan.process.caps.bounding, 0);
	CHECK(warned(&plan, "'CAP_BPF' is not known here"));
}

static void test_seccomp(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct seccomp_profile *profile;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,"
					       "'architectures':['SCMP_ARCH_X86_64'],'syscalls':["
					       "{'names':['read','write'],'action':'SCMP_ACT_ALLOW'},"
					       "{'names':['clone'],'action':'SCMP_ACT_ERRNO','errnoRet':1,'args':["
					       "{'index':0,'value':2114060288,'valueTwo':7,"
					       "'op':'SCMP_CMP_MASKED_EQ'}]}]}"},
		  &plan))
		return;
	profile = plan.process.seccomp;
	CHECK(profile && profile->default_action == SECCOMP_DO_ERRNO && profile->default_errno == 38);
	CHECK(profile->newer_is_enosys);
	CHECK_INT(profile->rule_count, 2);
	CHECK_STR(profile->rules[0].names[1], "write");
	CHECK(!profile->rules[0].has_errno && profile->rules[1].has_errno);
	CHECK_INT(profile->rules[1].args[0].op, SECCOMP_OP_MASKED_EQ);
	CHECK_INT(profile->rules[1].args[0].value_two, 7);
}

static void test_hooks(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.more = "'hooks':{'createRuntime':[{'path':'/a','args':['x','y'],'timeout':3},"
					     "{'path':'/b'}],'poststop':[{'path':'/c','env':['E=f']}]}"},
		  &plan))
		return;
	CHECK_INT(plan.hooks[HOOK_CREATE_RUNTIME].count, 2);
	CHECK_STR(plan.hooks[HOOK_CREATE_RUNTIME].items[0].args.items[0], "x");
	CHECK_INT(plan.hooks[HOOK_CREATE_RUNTIME].items[0].timeout_ms, 3000);
	CHECK_STR(plan.hooks[HOOK_CREATE_RUNTIME].items[1].args.items[0], "/b");
	CHECK_INT(plan.hooks[HOOK_CREATE_RUNTIME].items[1].timeout_ms, 0);
	CHECK_STR(plan.hooks[HOOK_POSTSTOP].items[0].env.items[0], "E=f");
	CHECK_STR(plan_hook_name(HOOK_POSTSTOP), "poststop");
}

static void test_exec(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct plan_case from = {.namespaces = WITH_USER,
				 .linux_ = MAPPED ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}"};
	static const char good[] =
		"{\"cwd\":\"/"
		"\",\"args\":[\"id\"],\"user\":{\"uid\":5,\"gid\":5},\"execCPUAffinity\":{\"initial\":\"0\"}}";
	static const char bad[] = "{\"cwd\":\"/\",\"args\":[\"id\"],\"user\":{\"uid\":70000,\"gid\":5}}";
	struct plan_host host = plan_case_host(FEW_CAPS);
	const struct config_process *process;
	const struct config *config;
	struct plan_process plan;
	struct strv warnings = {0};
	struct err err = ERR_INIT;

	plan_case_document(&from, &document);
	CHECK_INT(config_parse(&arena, document.data, document.len, "c", &config, NULL, &err), 0);
	CHECK_INT(config_parse_process(&arena, good, strlen(good), "p", &process, &err), 0);
	CHECK_INT(plan_exec(&arena, config, NULL, process, &host, &plan, &warnings, &err), 0);
	CHECK_STR(plan.args.items[0], "id");
	CHECK_INT(plan.uid, 5);
	CHECK(plan.seccomp);
	CHECK_STR(plan.exec_cpus_initial, "0");
	CHECK_INT(config_parse_process(&arena, bad, strlen(bad), "p", &process, &err), 0);
	CHECK_INT(plan_exec(&arena, config, NULL, process, &host, &plan, NULL, &err), -EINVAL);
	CHECK_HAS(err.msg, "70000 is not in linux.uidMappings");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_process), TAP_CASE(test_capabilities),
		       TAP_CASE(test_capability_that_the_kernel_lacks), TAP_CASE(test_seccomp), TAP_CASE(test_hooks),
		       TAP_CASE(test_exec));
}
