/* tasks.c -- random mappings, policies and touches against a model that knows each page by itself.
 *
 * The model holds 192 pages of address space across a page-table border: is it mapped, writable,
 * bound how, and what is there. Memory is never short, so every page's node follows from its
 * policy, its address and the CPU alone. The seed is printed; NUMABOX_SEED repeats a run.
 */
#include "mm/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE UINT64_C(4096)
#define PAGES 192u
#define BASE (UINT64_C(0x10000000000) - PAGES / 2 * PAGE)
#define NODES 4
enum { ABSENT = -2, ZERO = -14 /* -NB_EFAULT */ };

struct policy {
	int mode;
	uint64_t mask;
};

struct model {
	struct {
		bool mapped, writable;
		struct policy policy; /* mode -1: the task's */
		int there;            /* node, ABSENT or ZERO */
	} page[PAGES];
	struct policy task;
	int cpu;
};

static uint64_t rng;

static unsigned pick(unsigned n)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(rng >> 33) % n;
}

static int nth_bit(uint64_t mask, unsigned n)
{
	int bit = __builtin_ctzll(mask);

	while (n--) {
		mask &= mask - 1;
		bit = __builtin_ctzll(mask);
	}
	return bit;
}

/* All nodes are 20 apart, so the lists are 0 1 2 3, 1 2 3 0, ... */
static int nearest(int local, uint64_t mask)
{
	for (int i = 0; i < NODES; i++) {
		if (mask >> ((local + i) % NODES) & 1)
			return (local + i) % NODES;
	}
	return local;
}

static int node_for(const struct model *m, unsigned i)
{
	const struct policy *p = m->page[i].policy.mode >= 0 ? &m->page[i].policy : &m->task;
	int local = m->cpu;

	switch (p->mode) {
	case NB_MPOL_PREFERRED:
		return __builtin_ctzll(p->mask);
	case NB_MPOL_BIND:
	case NB_MPOL_PREFERRED_MANY:
		return nearest(local, p->mask);
	case NB_MPOL_INTERLEAVE:
	case NB_MPOL_WEIGHTED_INTERLEAVE:
		return nth_bit(p->mask, (unsigned)((BASE / PAGE + i) %
						   (unsigned)__builtin_popcountll(p->mask)));
	default:
		return local;
	}
}

static struct policy random_policy(void)
{
	struct policy p = {(int)pick(NB_MPOL_MAX), 1 + pick((1u << NODES) - 1)};

	if (p.mode == NB_MPOL_DEFAULT || p.mode == NB_MPOL_LOCAL)
		p.mask = 0;
	return p;
}

static void do_touch(struct model *m, struct nb_task *t, unsigned from, unsigned n)
{
	bool write = pick(4) != 0;
	uint64_t want = 0, got;
	int err = 0;

	for (unsigned i = from; i < from + n && !err; i++) {
		if (!m->page[i].mapped || (write && !m->page[i].writable)) {
			err = -NB_EFAULT;
			break;
		}
		if (m->page[i].there >= 0 || (!write && m->page[i].there == ZERO))
			continue;
		m->page[i].there = write ? node_for(m, i) : ZERO;
		want++;
	}
	assert_int_equal(nb_touch(t, BASE + from * PAGE, n * PAGE, write, &got), err);
	assert_int_equal(got, want);
}

static void do_map(struct model *m, struct nb_task *t, unsigned from, unsigned n)
{
	bool writable = pick(8) != 0;
	uint64_t addr;

	assert_int_equal(nb_mmap(t, BASE + from * PAGE, n * PAGE,
				 NB_PROT_READ | (writable ? NB_PROT_WRITE : 0), NB_MAP_FIXED,
				 &addr),
			 0);
	for (unsigned i = from; i < from + n; i++) {
		m->page[i].mapped = true;
		m->page[i].writable = writable;
		m->page[i].policy.mode = -1;
		m->page[i].there = ABSENT;
	}
}

static void do_unmap(struct model *m, struct nb_task *t, unsigned from, unsigned n)
{
	assert_int_equal(nb_munmap(t, BASE + from * PAGE, n * PAGE), 0);
	for (unsigned i = from; i < from + n; i++) {
		m->page[i].mapped = false;
		m->page[i].there = ABSENT;
	}
}

static void do_mbind(struct model *m, struct nb_task *t, unsigned from, unsigned n)
{
	struct policy p = random_policy();
	struct nb_nodemask mask = {{p.mask}};
	bool move = pick(3) == 0;
	unsigned mapped = 0;
	int err = 0;

	for (unsigned i = from; i < from + n; i++)
		mapped += m->page[i].mapped;
	if (p.mode == NB_MPOL_DEFAULT ? !mapped : mapped < n)
		err = -NB_EFAULT;
	assert_int_equal(nb_mbind(t, BASE + from * PAGE, n * PAGE, p.mode, &mask, move ? 2 : 0),
			 err);
	for (unsigned i = from; !err && i < from + n; i++) {
		if (!m->page[i].mapped)
			continue;
		m->page[i].policy = p;
		if (p.mode == NB_MPOL_DEFAULT)
			m->page[i].policy.mode = -1;
		if (move && m->page[i].there >= 0 && !(p.mask >> m->page[i].there & 1))
			m->page[i].there = node_for(m, i);
	}
}

static void do_task(struct model *m, struct nb_task *t)
{
	struct nb_cpumask cpus = {{0}};
	struct nb_nodemask mask;

	if (pick(2)) {
		m->cpu = (int)pick(NODES);
		cpus.bits[0] = 1u << m->cpu;
		assert_int_equal(nb_sched_setaffinity(t, &cpus), 0);
		return;
	}
	m->task = random_policy();
	mask = (struct nb_nodemask){{m->task.mask}};
	assert_int_equal(nb_set_mempolicy(t, m->task.mode, &mask), 0);
}

static void compare(const struct model *m, struct nb_system *sys, struct nb_task *t)
{
	uint64_t rss = 0;
	struct nb_error err = {0};

	for (unsigned i = 0; i < PAGES; i++) {
		int want = m->page[i].mapped ? m->page[i].there : -NB_EFAULT;

		assert_int_equal(nb_task_node(t, BASE + i * PAGE), want);
		rss += m->page[i].there >= 0;
	}
	assert_int_equal(nb_task_rss_pages(t), rss);
	if (nb_system_check(sys, &err))
		fail_msg("%s", err.text);
}

static void play(struct nb_system *sys, unsigned steps)
{
	struct model m = {.task = {NB_MPOL_DEFAULT, 0}};
	struct nb_task *t;

	for (unsigned i = 0; i < PAGES; i++)
		m.page[i].there = ABSENT;
	assert_int_equal(nb_task_create(sys, 0, "random", &t), 0);
	for (unsigned step = 0; step < steps; step++) {
		unsigned from = pick(PAGES), n = 1 + pick(PAGES - from);

		switch (pick(8)) {
		case 0:
		case 1:
			do_map(&m, t, from, n);
			break;
		case 2:
			do_unmap(&m, t, from, n > 20 ? n / 8 : n);
			break;
		case 3:
		case 4:
			do_mbind(&m, t, from, n);
			break;
		case 5:
			do_task(&m, t);
			break;
		default:
			do_touch(&m, t, from, n);
			break;
		}
		compare(&m, sys, t);
	}
	nb_task_exit(t);
	nb_task_put(t);
}

static void boot(struct nb_port *port, struct nb_machine **m, struct nb_system **sys)
{
	struct nb_error err = {0};

	nb_port_posix(port, false);
	*m = nb_machine_new(port);
	for (int i = 0; i < NODES; i++) {
		struct nb_node node = {.id = i, .online = true};
		struct nb_mem_range range = {
			.start = (uint64_t)i << 26, .end = (uint64_t)(i + 1) << 26, .nid = i};
		struct nb_cpu cpu = {.id = i,
				     .nid = i,
				     .online = true,
				     .package = -1,
				     .die = -1,
				     .cluster = -1,
				     .core = -1,
				     .llc = -1};

		assert_int_equal(nb_machine_add_node(*m, &node), 0);
		assert_int_equal(nb_machine_add_range(*m, &range), 0);
		assert_int_equal(nb_machine_add_cpu(*m, &cpu), 0);
	}
	if (nb_machine_seal(*m, &err) || nb_system_boot(port, *m, NULL, sys, &err))
		fail_msg("%s", err.text);
}

static void test_random(void **state)
{
	const char *given = getenv("NUMABOX_SEED");
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	(void)state;
	print_message("# NUMABOX_SEED=%llu\n", (unsigned long long)seed);
	rng = seed;
	boot(&port, &m, &sys);
	for (unsigned round = 0; round < 10; round++)
		play(sys, 150);
	nb_system_shutdown(sys);
	nb_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
