/* policies.c -- random policies, cpusets, forks and moves of pages by a few processes on random
 * machines.
 *
 * After each call everything is recounted (nb_system_check()) and each process's pages are gone
 * through: a page that came into being lies inside the mask that binds it and inside its process's
 * cpuset, or is where it was before; a page that was there has not moved unless the call moves
 * pages. In the end all processes go, and every page is back. The seed is printed; NUMABOX_SEED
 * repeats a run.
 */
#include "base/mask.h"
#include "mm/lru.h"
#include "mm/nodemask.h"
#include "mm/rmap.h"
#include "mm/shared_policy.h"

#include <numabox/cpuset.h>
#include <numabox/mempolicy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE UINT64_C(4096)
#define PAGES 96u
#define BASE UINT64_C(0x10000000000)
#define TASKS 4u
#define MAX_NODES 6u

struct box {
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	unsigned nr_nodes;
	struct nb_task *task[TASKS];
	/* frames before the call */
	nb_pfn_t before[TASKS][PAGES];
	uint64_t free_pages;
};

static uint64_t rng;
static unsigned looked_at; /* pages that came under BIND */

static unsigned pick(unsigned n)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(rng >> 33) % n;
}

static struct nb_nodemask some_nodes(const struct box *b)
{
	struct nb_nodemask m = {{0}};

	/* now and then nodes that are not there */
	m.bits[0] = pick(1u << (b->nr_nodes + (pick(8) == 0)));
	return m;
}

static void boot(struct box *b)
{
	struct nb_error err = {0};
	uint64_t at = 0;

	memset(b, 0, sizeof(*b));
	nb_port_posix(&b->port, false);
	b->m = nb_machine_new(&b->port);
	b->m->profile = nb_kernel_by_key(pick(2) ? "6.12" : "6.1");
	b->nr_nodes = 2 + pick(MAX_NODES - 1);
	for (int i = 0; i < (int)b->nr_nodes; i++) {
		uint64_t size = (uint64_t)(1 + pick(3)) << 26;
		struct nb_node node = {.id = i, .online = true};
		struct nb_mem_range range = {.start = at, .end = at + size, .nid = i};
		struct nb_cpu cpu = {.id = i,
				     .nid = i,
				     .online = true,
				     .package = -1,
				     .die = -1,
				     .cluster = -1,
				     .core = -1,
				     .llc = -1};

		at += size;
		assert_int_equal(nb_machine_add_node(b->m, &node), 0);
		if (i == 0 || pick(6)) /* some have no memory */
			assert_int_equal(nb_machine_add_range(b->m, &range), 0);
		assert_int_equal(nb_machine_add_cpu(b->m, &cpu), 0);
	}
	if (nb_machine_seal(b->m, &err) || nb_system_boot(&b->port, b->m, NULL, &b->sys, &err))
		fail_msg("%s", err.text);
}

static uint64_t free_pages(struct box *b)
{
	struct nb_system_info info;

	nb_lru_add_drain_all(b->sys);
	nb_drain_pages(b->sys, -1);
	nb_system_info(b->sys, &info);
	return info.free_pages;
}

static void remember(struct box *b)
{
	for (unsigned k = 0; k < TASKS; k++) {
		for (unsigned i = 0; b->task[k] && i < PAGES; i++)
			b->before[k][i] = nb_task_pfn(b->task[k], BASE + i * PAGE);
	}
}

/* A page came: is it where it may be? */
static void check_new(struct box *b, struct nb_task *t, uint64_t addr, int nid)
{
	const struct nb_vma *v = nb_vma_find(t->mm, addr);
	struct nb_mempolicy *pol;
	uint64_t index;

	(void)b;
	assert_non_null(v);
	if (!nb_nodemask_test(&t->mems_allowed, nid))
		fail_msg("a page on node %d, outside the cpuset", nid);
	pol = nb_vma_policy(t, v, addr, 0, &index);
	looked_at += pol && pol->mode == NB_MPOL_BIND;
	if (pol && pol->mode == NB_MPOL_BIND && nb_nodes_intersect(&pol->nodes, &t->mems_allowed) &&
	    !nb_nodemask_test(&pol->nodes, nid))
		fail_msg("a page on node %d, outside its BIND mask", nid);
	nb_mpol_put(t->sys, pol);
}

/* moves: pages may have gone elsewhere; who: whose new pages are known to follow from its state. */
static void check(struct box *b, bool moves, unsigned who)
{
	struct nb_error err = {0};

	if (nb_system_check(b->sys, &err))
		fail_msg("%s", err.text);
	for (unsigned k = 0; k < TASKS; k++) {
		struct nb_task *t = b->task[k];

		for (unsigned i = 0; t && i < PAGES; i++) {
			uint64_t addr = BASE + i * PAGE;
			nb_pfn_t now = nb_task_pfn(t, addr);

			if (now == NB_NO_PFN || now == b->before[k][i])
				continue;
			if (b->before[k][i] != NB_NO_PFN && !moves && k != who)
				fail_msg("a page moved by itself");
			if (!moves && k == who)
				check_new(b, t, addr, nb_task_node(t, addr));
		}
	}
}

static void some_range(uint64_t *addr, uint64_t *len)
{
	unsigned from = pick(PAGES);

	*addr = BASE + from * PAGE;
	*len = (1 + pick(PAGES - from)) * PAGE;
}

static const int modes[] = {NB_MPOL_DEFAULT,        NB_MPOL_PREFERRED,          NB_MPOL_BIND,
			    NB_MPOL_BIND,           NB_MPOL_INTERLEAVE,         NB_MPOL_LOCAL,
			    NB_MPOL_PREFERRED_MANY, NB_MPOL_WEIGHTED_INTERLEAVE};

static int some_mode(void)
{
	static const int flags[] = {0, 0, NB_MPOL_F_STATIC_NODES, NB_MPOL_F_RELATIVE_NODES};

	return modes[pick(8)] | flags[pick(4)];
}

static void touch_some(struct box *b, unsigned k)
{
	uint64_t addr, len, got;

	some_range(&addr, &len);
	(void)nb_touch(b->task[k], addr, len, pick(4) != 0, &got);
	check(b, false, k);
}

static void bind_some(struct box *b, unsigned k)
{
	struct nb_nodemask m = some_nodes(b);
	unsigned flags = pick(3) ? pick(8) : 0;
	uint64_t addr, len;
	int err;

	some_range(&addr, &len);
	err = nb_mbind(b->task[k], addr, len, some_mode(), &m, flags);
	assert_true(err == 0 || err == -NB_EINVAL || err == -NB_EFAULT || err == -NB_EIO ||
		    err == -NB_EPERM);
	check(b, flags & (NB_MPOL_MF_MOVE | NB_MPOL_MF_MOVE_ALL), TASKS);
}

static void move_some(struct box *b, unsigned k)
{
	uint64_t pages[40];
	int nodes[40], status[40];
	unsigned n = 1 + pick(40);

	for (unsigned i = 0; i < n; i++) {
		pages[i] = BASE + pick(PAGES) * PAGE;
		nodes[i] = i && pick(3) ? nodes[i - 1] : (int)pick(b->nr_nodes);
		status[i] = -1000;
	}
	if (nb_move_pages(b->task[k], b->task[pick(TASKS)], n, pages, nodes, status,
			  pick(2) ? NB_MPOL_MF_MOVE : NB_MPOL_MF_MOVE_ALL) == 0) {
		for (unsigned i = 0; i < n; i++)
			assert_true(status[i] == nodes[i] || status[i] < 0);
	}
	check(b, true, TASKS);
}

static void migrate_some(struct box *b, unsigned k)
{
	struct nb_nodemask from = some_nodes(b), to = some_nodes(b);
	int ret = nb_migrate_pages(b->task[k], b->task[pick(TASKS)], &from, &to);

	assert_true(ret >= 0 || ret == -NB_EINVAL || ret == -NB_EPERM || ret == -NB_ENOMEM);
	check(b, true, TASKS);
}

static void change_cpuset(struct box *b, unsigned k)
{
	struct nb_nodemask m = some_nodes(b);
	struct nb_cpumask cpus = {{pick(1u << b->nr_nodes)}};
	int err = nb_set_cpuset(b->task[k], pick(4) ? &m : NULL, pick(2) ? &cpus : NULL);

	assert_true(err == 0 || err == -NB_EINVAL || err == -NB_ENOSPC);
	if (!err && nb_nodemask_empty(&b->task[k]->mems_allowed))
		fail_msg("a task without a node");
	check(b, true, TASKS);
}

/* One process ends and comes back as a child of another. */
static void refork(struct box *b, unsigned k)
{
	unsigned parent = (k + 1 + pick(TASKS - 1)) % TASKS;

	nb_task_exit(b->task[k]);
	nb_task_put(b->task[k]);
	assert_int_equal(nb_task_fork(b->task[parent], &b->task[k]), 0);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(nb_task_pfn(b->task[k], BASE + i * PAGE),
				 nb_task_pfn(b->task[parent], BASE + i * PAGE));
	remember(b);
	check(b, false, TASKS);
}

static void remap_some(struct box *b, unsigned k)
{
	uint64_t addr, len, got;

	some_range(&addr, &len);
	if (pick(2))
		assert_int_equal(nb_munmap(b->task[k], addr, len), 0);
	else
		assert_int_equal(nb_mmap(b->task[k], addr, len, 3, NB_MAP_FIXED, &got), 0);
	check(b, false, TASKS);
}

static void step(struct box *b)
{
	struct nb_nodemask m = some_nodes(b);
	unsigned k = pick(TASKS);
	struct nb_cpumask cpus = {{1 + pick((1u << b->nr_nodes) - 1)}};

	remember(b);
	switch (pick(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		touch_some(b, k);
		break;
	case 4:
	case 5:
		bind_some(b, k);
		break;
	case 6:
		(void)nb_set_mempolicy(b->task[k], some_mode(), &m);
		(void)nb_sched_setaffinity(b->task[k], &cpus);
		check(b, false, TASKS);
		break;
	case 7:
		move_some(b, k);
		break;
	case 8:
		migrate_some(b, k);
		break;
	case 9:
		change_cpuset(b, k);
		break;
	case 10:
		if (pick(3) == 0)
			refork(b, k);
		break;
	default:
		remap_some(b, k);
		break;
	}
}

static void play(unsigned steps)
{
	struct box b;

	boot(&b);
	b.free_pages = free_pages(&b);
	for (unsigned k = 0; k < TASKS; k++) {
		uint64_t addr;

		assert_int_equal(nb_task_create(b.sys, (int)pick(b.nr_nodes), "t", &b.task[k]), 0);
		assert_int_equal(nb_mmap(b.task[k], BASE, PAGES * PAGE, 3, NB_MAP_FIXED, &addr), 0);
		nb_task_set_uid(b.task[k], pick(2) * 1000);
	}
	while (steps--)
		step(&b);
	for (unsigned k = 0; k < TASKS; k++) {
		nb_task_exit(b.task[k]);
		nb_task_put(b.task[k]);
	}
	assert_int_equal(free_pages(&b), b.free_pages);
	nb_system_shutdown(b.sys);
	nb_machine_free(b.m);
}

static void test_random(void **state)
{
	const char *given = getenv("NUMABOX_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	(void)state;
	print_message("# NUMABOX_SEED=%llu\n", (unsigned long long)seed);
	rng = seed;
	for (unsigned round = 0; round < 40; round++)
		play(300);
	assert_true(looked_at > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
