/* cpuset_rules.h -- may a cpuset be changed so?
 *
 * Called by cpuset.c before it changes anything. Source: kernel/cgroup/cpuset.c, validate_change().
 */
#ifndef NB_MM_CPUSET_RULES_H
#define NB_MM_CPUSET_RULES_H

#include "mm/cpuset.h"

/* What a cpuset would be. */
struct nb_cpuset_trial {
	const struct nb_nodemask *mems;
	const struct nb_cpumask *cpus;
	unsigned flags;
};

/* 0, -NB_EBUSY, -NB_EACCES, -NB_ENOSPC, -NB_EINVAL, in the kernel's order. */
int nb_cpuset_validate(const struct nb_cpuset *cs, const struct nb_cpuset_trial *trial);
bool nb_cpuset_is_v1(const struct nb_cpuset *cs);
/* cpuset.c: tasks that are in it. */
unsigned nb_cpuset_nr_tasks(const struct nb_cpuset *cs);

bool nb_cpus_subset(const struct nb_cpumask *a, const struct nb_cpumask *of);
bool nb_cpus_intersect(const struct nb_cpumask *a, const struct nb_cpumask *b);
/* *ret may be a or b. */
void nb_cpus_and(struct nb_cpumask *ret, const struct nb_cpumask *a, const struct nb_cpumask *b);

#endif
