/* mempolicy_call.c -- get_mempolicy() in full, and the policy calls with a program's own arguments.
 *
 * Called by drivers through include/numabox/mempolicy.h. What a call does is elsewhere (task.c,
 * mbind.c, migrate_pages.c, move_pages.c); here stand the order in which arguments are looked at
 * and what is read of the program's memory when. Source: mm/mempolicy.c, do_get_mempolicy(),
 * kernel_get_mempolicy(), kernel_mbind(), kernel_migrate_pages(); facts 6.2, 6.6.
 */
#include "base/mem.h"
#include "mm/nodemask.h"
#include "mm/page.h"
#include "mm/rmap.h"
#include "mm/shared_policy.h"
#include "mm/usermem.h"

#define GET_FLAGS (NB_MPOL_F_NODE | NB_MPOL_F_ADDR | NB_MPOL_F_MEMS_ALLOWED)
#define KERNEL_IMAGE UINT64_C(0x1000000) /* holds the page of zeros */

/* The node that the page of zeros lies on: where the kernel's image was loaded. */
static int zero_page_node(const struct nb_system *sys)
{
	struct nb_zone *z = NULL;

	if (nb_pfn_to_page(sys, KERNEL_IMAGE >> sys->page_shift, &z))
		return z->pgdat->nid;
	return (int)nb_nodemask_next(&sys->memory_nodes, 0);
}

/* The node of the page at addr, which is read if need be. Source: lookup_node(). */
static int node_at(struct nb_task *t, uint64_t addr)
{
	uint64_t faulted;
	int err = nb_touch(t, addr, 1, false, &faulted);

	if (err)
		return err;
	err = nb_task_node(t, addr);
	return err < 0 ? zero_page_node(t->sys) : err;
}

static int get_node(struct nb_task *t, uint64_t addr, uint64_t flags, int *ret_node)
{
	int nid = flags & NB_MPOL_F_ADDR ? node_at(t, addr) : nb_mpol_next_node(t);

	if (nid < 0)
		return flags & NB_MPOL_F_ADDR ? nid : -NB_EINVAL;
	*ret_node = nid;
	return 0;
}

/* What the VMA at addr says for it, with a reference; NULL: nothing. */
static int policy_at(struct nb_task *t, uint64_t addr, struct nb_mempolicy **ret_pol)
{
	const struct nb_vma *v = nb_vma_find(t->mm, addr);

	if (!v)
		return -NB_EFAULT;
	*ret_pol = nb_vma_own_policy(v, addr);
	return 0;
}

int nb_get_mempolicy_flags(struct nb_task *t, uint64_t addr, uint64_t flags, int *ret_mode,
			   struct nb_nodemask *ret_nodes)
{
	struct nb_mempolicy *pol = t->policy;
	int err = 0, mode;

	if (!t->alive)
		return -NB_ESRCH;
	if (flags & ~(uint64_t)GET_FLAGS)
		return -NB_EINVAL;
	if (flags & NB_MPOL_F_MEMS_ALLOWED) {
		if (flags & (NB_MPOL_F_NODE | NB_MPOL_F_ADDR))
			return -NB_EINVAL;
		if (ret_mode)
			*ret_mode = NB_MPOL_DEFAULT;
		if (ret_nodes)
			*ret_nodes = t->mems_allowed;
		return 0;
	}
	if (!(flags & NB_MPOL_F_ADDR) && addr)
		return -NB_EINVAL;
	if (flags & NB_MPOL_F_ADDR) {
		nb_mm_lock(t->mm, t->cpu);
		err = policy_at(t, addr, &pol);
		nb_mm_unlock(t->mm);
		if (err)
			return err;
	} else {
		nb_mpol_get(pol);
	}
	nb_mpol_show(pol, &mode, NULL);
	if (flags & NB_MPOL_F_NODE)
		err = get_node(t, addr, flags, &mode);
	if (!err) {
		nb_mpol_show(pol, NULL, ret_nodes);
		if (ret_mode)
			*ret_mode = mode;
	}
	nb_mpol_put(t->sys, pol);
	return err;
}

int nb_sys_get_mempolicy(struct nb_task *t, struct nb_user policy, struct nb_user nmask,
			 uint64_t maxnode, uint64_t addr, uint64_t flags)
{
	struct nb_nodemask nodes;
	int err, mode;

	if (!nb_user_null(&nmask) && maxnode < nb_node_ids(t->sys))
		return -NB_EINVAL;
	err = nb_get_mempolicy_flags(t, addr, flags, &mode, &nodes);
	if (err)
		return err;
	if (!nb_user_null(&policy) && nb_user_write(&policy, 0, &mode, sizeof(mode)))
		return -NB_EFAULT;
	return nb_user_null(&nmask) ? 0 : nb_user_put_nodes(t->sys, &nmask, maxnode, &nodes);
}

int nb_sys_set_mempolicy(struct nb_task *t, int mode, struct nb_user nmask, uint64_t maxnode)
{
	struct nb_nodemask nodes;
	int err = nb_mpol_check_mode(t->sys, mode);

	if (!err)
		err = nb_user_get_nodes(t->sys, &nmask, maxnode, &nodes);
	return err ? err : nb_set_mempolicy(t, mode, &nodes);
}

int nb_sys_mbind(struct nb_task *t, uint64_t addr, uint64_t length_bytes, uint64_t mode,
		 struct nb_user nmask, uint64_t maxnode, unsigned flags)
{
	struct nb_nodemask nodes;
	int err = nb_mpol_check_mode(t->sys, (int)mode);

	if (!err)
		err = nb_user_get_nodes(t->sys, &nmask, maxnode, &nodes);
	return err ? err : nb_mbind(t, addr, length_bytes, (int)mode, &nodes, flags);
}

int nb_sys_set_mempolicy_home_node(struct nb_task *t, uint64_t addr, uint64_t length_bytes,
				   uint64_t home_node, uint64_t flags)
{
	return nb_set_mempolicy_home_node(t, addr, length_bytes,
					  home_node < NB_MAX_NODES ? (int)home_node : NB_NO_NODE,
					  flags != 0);
}

/* A process without a struct nb_task: init's pages are not ours, a kernel thread has none. */
static int migrate_system_task(const struct nb_task *t, int pid, const struct nb_nodemask *to)
{
	struct nb_nodemask left;

	if (t->uid != 0)
		return -NB_EPERM;
	if (!nb_nodes_and(&left, to, &t->mems_allowed))
		return -NB_EINVAL;
	return pid == NB_KTHREADD_PID ? -NB_EINVAL : 0;
}

int nb_sys_migrate_pages(struct nb_task *t, int pid, uint64_t maxnode, struct nb_user old_nodes,
			 struct nb_user new_nodes)
{
	struct nb_nodemask from, to;
	struct nb_task *target;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	err = nb_user_get_nodes(t->sys, &old_nodes, maxnode, &from);
	if (!err)
		err = nb_user_get_nodes(t->sys, &new_nodes, maxnode, &to);
	if (!err)
		err = nb_find_task(t, pid, &target);
	if (err)
		return err;
	return target ? nb_migrate_pages(t, target, &from, &to) : migrate_system_task(t, pid, &to);
}
