/* cpuset_rules.c -- see cpuset_rules.h.
 *
 * v1 keeps the tree ordered: a child has no node, CPU or exclusiveness that its parent lacks. In v2
 * what is written is a wish, and only siblings that claim something for themselves are in its way.
 */
#include "mm/cpuset_rules.h"

#include "mm/nodemask.h"

bool nb_cpus_subset(const struct nb_cpumask *a, const struct nb_cpumask *of)
{
	for (unsigned i = 0; i < NB_MAX_CPUS / 64; i++) {
		if (a->bits[i] & ~of->bits[i])
			return false;
	}
	return true;
}

bool nb_cpus_intersect(const struct nb_cpumask *a, const struct nb_cpumask *b)
{
	for (unsigned i = 0; i < NB_MAX_CPUS / 64; i++) {
		if (a->bits[i] & b->bits[i])
			return true;
	}
	return false;
}

void nb_cpus_and(struct nb_cpumask *ret, const struct nb_cpumask *a, const struct nb_cpumask *b)
{
	for (unsigned i = 0; i < NB_MAX_CPUS / 64; i++)
		ret->bits[i] = a->bits[i] & b->bits[i];
}

bool nb_cpuset_is_v1(const struct nb_cpuset *cs)
{
	return nb_task_side(cs->sys)->cpusets_v1;
}

static struct nb_cpuset_trial as_it_is(const struct nb_cpuset *cs)
{
	return (struct nb_cpuset_trial){&cs->mems, &cs->cpus, cs->flags};
}

/* Source: is_cpuset_subset(). */
static bool fits(const struct nb_cpuset_trial *in, const struct nb_cpuset_trial *out)
{
	const unsigned exclusive = NB_CPUSET_CPU_EXCLUSIVE | NB_CPUSET_MEM_EXCLUSIVE;

	return nb_cpus_subset(in->cpus, out->cpus) && nb_nodes_subset(in->mems, out->mems) &&
	       !(in->flags & ~out->flags & exclusive);
}

/* Source: validate_change_legacy(). */
static int validate_v1(const struct nb_cpuset *cs, const struct nb_cpuset_trial *trial)
{
	struct nb_cpuset_trial other;

	for (const struct nb_cpuset *c = cs->child; c; c = c->next) {
		other = as_it_is(c);
		if (!fits(&other, trial))
			return -NB_EBUSY;
	}
	if (!cs->parent)
		return 0;
	other = as_it_is(cs->parent);
	return fits(trial, &other) ? 0 : -NB_EACCES;
}

/* Does a sibling, or the trial, want for itself what both have? */
static bool overlaps(const struct nb_cpuset_trial *trial, const struct nb_cpuset *sibling)
{
	unsigned flags = trial->flags | sibling->flags;

	if (flags & NB_CPUSET_CPU_EXCLUSIVE && nb_cpus_intersect(trial->cpus, &sibling->cpus))
		return true;
	return flags & NB_CPUSET_MEM_EXCLUSIVE && nb_nodes_intersect(trial->mems, &sibling->mems);
}

int nb_cpuset_validate(const struct nb_cpuset *cs, const struct nb_cpuset_trial *trial)
{
	int err = nb_cpuset_is_v1(cs) ? validate_v1(cs, trial) : 0;

	if (err || !cs->parent)
		return err;
	if (nb_cpuset_nr_tasks(cs)) {
		if (!nb_cpumask_empty(&cs->cpus) && nb_cpumask_empty(trial->cpus))
			return -NB_ENOSPC;
		if (!nb_nodemask_empty(&cs->mems) && nb_nodemask_empty(trial->mems))
			return -NB_ENOSPC;
	}
	for (const struct nb_cpuset *c = cs->parent->child; c; c = c->next) {
		if (c != cs && overlaps(trial, c))
			return -NB_EINVAL;
	}
	return 0;
}
