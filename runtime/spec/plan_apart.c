/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances without a mount namespace of their own: they join one, or stay in the runtime's. Their root is apart from
 * it (namespaces/root_apart.h says how, and what that holds back). What this cannot give is refused here.
 */
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>

#include "runtime/spec/plan_parts.h"

#define SPREADING (MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

/* The process joins it at the very end, with the rights that it has in its user namespace. */
static int check_right_to_join(const struct planning *p, struct err *err)
{
	const struct ns_choice *mounts = &p->plan->namespaces.kind[NS_MOUNT];
	const struct plan_mount_join *there = &p->host->mount_join;

	if (mounts->how != NS_JOIN)
		return 0;
	if (there->why.code) {
		*err = there->why;
		return err_wrap(err, "linux.namespaces");
	}
	if (p->plan->namespaces.kind[NS_USER].how == NS_FRESH)
		return err_say(err, EPERM,
			       "linux.namespaces: a new user namespace has no right to join the mount namespace '%s': "
			       "the user namespace that it belongs to has to be joined, too",
			       mounts->path);
	if (there->is_foreign)
		return err_say(err, EPERM,
			       "linux.namespaces: the mount namespace '%s' belongs to a user namespace in which the "
			       "container has no rights",
			       mounts->path);
	return 0;
}

/* A tree that is in no namespace has no peers: nothing mounted elsewhere shows in it, and nothing of it elsewhere. */
static int check_propagation(const struct planning *p, struct err *err)
{
	static const char why[] = "means nothing without a new mount namespace, where the root has no peers";
	const struct root_request *root = &p->plan->root;

	if (root->propagation & SPREADING)
		return err_say(err, EINVAL, "linux.rootfsPropagation: '%s' %s", p->os->rootfs_propagation, why);
	for (size_t i = 0; i < root->mount_count; i++)
		if (root->mounts[i].options.propagation & SPREADING)
			return err_say(err, EINVAL, "mounts[%zu].options: shared, slave or unbindable %s", i, why);
	return 0;
}

/*
 * AppArmor's rules are about paths, which it takes from the mount namespace. Of a tree that is in none it knows a file
 * by its place in its own file system, and then lets be written what the profile denies by another name.
 */
int plan_check_apart_profile(const char *profile, struct err *err)
{
	if (!profile || strcmp(profile, "unconfined") == 0)
		return 0;
	return err_say(err, ENOTSUP,
		       "process.apparmorProfile: '%s': its paths mean nothing without a new mount namespace, where the "
		       "root is in none",
		       profile);
}

bool plan_could_leave_root(const struct caps_sets *caps)
{
	uint64_t any = caps->bounding | caps->effective | caps->permitted | caps->inheritable | caps->ambient;

	return any & CAPS_BIT(CAP_SYS_ADMIN);
}

/*
 * In the mount namespace of the runtime, and with its user ids, what has CAP_SYS_ADMIN is a setns(2) away from the
 * host's tree. And who sees the host's processes may find among them one in a user namespace that this user id has
 * made: it may join that, by the rules of the kernel has all capabilities there, and can make itself a copy of the
 * host's tree. (Within the container no user namespace can be made: the kernel does not let who has another root than
 * its mount namespace.) Other capabilities that reach the host do so in a mount namespace of the container's own as
 * well.
 */
static int check_hold(const struct planning *p, struct err *err)
{
	const struct ns_set *set = &p->plan->namespaces;

	if (!p->plan->host_mounts)
		return 0;
	if (plan_could_leave_root(&p->plan->process.caps))
		return err_say(err, EPERM,
			       "linux.namespaces: in the runtime's mount namespace a program with CAP_SYS_ADMIN could "
			       "leave its root: a new mount or user namespace is needed, or a program without it");
	if (set->kind[NS_PID].how == NS_HOST)
		return err_say(err, EPERM,
			       "linux.namespaces: in the runtime's mount and pid namespaces a program could leave its "
			       "root by way of the host's processes: a new mount, user or pid namespace is needed");
	return 0;
}

int plan_apart(struct planning *p, struct err *err)
{
	struct ns_choice *mounts = &p->plan->namespaces.kind[NS_MOUNT];
	int r;

	if (!plan_root_is_apart(p->plan))
		return 0;
	/* To stay needs no right, and to join what one is in would. */
	if (p->host->mount_join.is_callers)
		*mounts = (struct ns_choice){.how = NS_HOST};
	p->plan->host_mounts = mounts->how == NS_HOST && !plan_has_user_namespace(p);
	r = check_right_to_join(p, err);
	if (r == 0)
		r = check_propagation(p, err);
	if (r == 0)
		r = plan_check_apart_profile(p->plan->process.apparmor_profile, err);
	return r < 0 ? r : check_hold(p, err);
}
