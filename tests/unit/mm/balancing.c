/* balancing.c -- pages follow the task that uses them: when they are looked at, when they move,
 * when they stay. Time and run time are driven by hand, as the simulator does. */
#include "sysbox.h"

#include <numabox/balancing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define PAGES UINT64_C(2048)
#define MS UINT64_C(1000000)

struct bench {
	struct sysbox box;
	struct nb_task *t;
	uint64_t addr, now_ms;
};

/* A task on CPU `cpu` whose pages lie on node `nid`. CPUs 0 and 1 are those of nodes 0 and 1. */
static void begin(struct bench *b, const char *kernel, int cpu, uint64_t nid)
{
	struct nb_nodemask m = sysbox_mask(UINT64_C(1) << nid);
	uint64_t n;

	memset(b, 0, sizeof(*b));
	sysbox_boot(&b->box, &(struct sysbox_spec){.nodes = "256M:1 256M:1", .kernel = kernel});
	assert_int_equal(nb_task_create(b->box.sys, cpu, "t", &b->t), 0);
	assert_int_equal(nb_set_mempolicy(b->t, NB_MPOL_BIND, &m), 0);
	assert_int_equal(nb_mmap(b->t, 0, PAGES * PAGE, NB_PROT_READ | NB_PROT_WRITE, 0, &b->addr),
			 0);
	assert_int_equal(nb_touch(b->t, b->addr, PAGES * PAGE, true, &n), 0);
	assert_int_equal(nb_task_node_pages(b->t, (int)nid), PAGES);
	assert_int_equal(nb_set_mempolicy(b->t, NB_MPOL_DEFAULT, NULL), 0);
}

static void end(struct bench *b)
{
	struct nb_error err = {0};

	assert_int_equal(nb_system_check(b->box.sys, &err), 0);
	nb_task_exit(b->t);
	nb_task_put(b->t);
	assert_int_equal(nb_system_check(b->box.sys, &err), 0);
	sysbox_end(&b->box);
}

/* The task uses all its pages every 10 ms, for so long. */
static void work(struct bench *b, unsigned ms)
{
	uint64_t n;

	for (unsigned i = 0; i < ms; i += 10) {
		b->now_ms += 10;
		nb_system_set_time_ns(b->box.sys, b->now_ms * MS);
		nb_task_tick(b->t, b->now_ms * MS);
		assert_int_equal(nb_touch(b->t, b->addr, PAGES * PAGE, true, &n), 0);
	}
}

static void test_pages_come(void **state)
{
	static const char *const kernels[] = {"6.12", "6.1", "4.18"};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct nb_task_balancing info;
		struct bench b;

		begin(&b, kernels[k], 0, 1);
		work(&b, 990);
		/* nothing in the first second */
		assert_int_equal(sysbox_event(b.box.sys, "numa_pte_updates"), 0);
		assert_int_equal(nb_task_node_pages(b.t, 1), PAGES);
		work(&b, 2000);
		assert_int_equal(nb_task_node_pages(b.t, 0), PAGES);
		assert_int_equal(sysbox_event(b.box.sys, "numa_pte_updates"), PAGES);
		/* one fault a page, counted by where the page was before */
		assert_int_equal(sysbox_event(b.box.sys, "numa_hint_faults"), PAGES);
		assert_int_equal(sysbox_event(b.box.sys, "numa_hint_faults_local"), 0);
		assert_int_equal(sysbox_event(b.box.sys, "numa_pages_migrated"), PAGES);
		assert_int_equal(sysbox_event(b.box.sys, "pgmigrate_success"), PAGES);
		/* and then there is nothing to look at any more */
		work(&b, 20000);
		assert_int_equal(sysbox_event(b.box.sys, "numa_pte_updates"), PAGES);
		assert_true(nb_task_balancing(b.t, &info));
		assert_true(info.scan_seq > 1);
		assert_int_equal(info.pages_migrated, PAGES);
		end(&b);
	}
}

static void test_off(void **state)
{
	struct nb_error err = {0};
	struct bench b;

	(void)state;
	begin(&b, NULL, 0, 1);
	assert_int_equal(nb_sysctl_write(b.box.sys, "kernel.numa_balancing", "0", &err), 0);
	work(&b, 5000);
	assert_int_equal(sysbox_event(b.box.sys, "numa_pte_updates"), 0);
	assert_int_equal(nb_task_node_pages(b.t, 1), PAGES);
	end(&b);
}

/* A policy without the balancing flag keeps its pages where they are, looked at by nobody. */
static void test_policies(void **state)
{
	static const struct {
		int mode;
		uint64_t mask;
		uint64_t updates, here;
	} c[] = {
		{NB_MPOL_BIND, 2, 0, 0},
		{NB_MPOL_BIND, 3, 0, 0},
		{NB_MPOL_INTERLEAVE, 3, 0, 0},
		{NB_MPOL_PREFERRED, 2, 0, 0},
		{NB_MPOL_LOCAL, 0, 0, 0},
		{NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING, 3, PAGES, PAGES},
		{NB_MPOL_PREFERRED_MANY | NB_MPOL_F_NUMA_BALANCING, 3, PAGES, PAGES},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct nb_nodemask m = sysbox_mask(c[i].mask);
		struct bench b;

		begin(&b, NULL, 0, 1);
		assert_int_equal(
			nb_mbind(b.t, b.addr, PAGES * PAGE, c[i].mode, c[i].mask ? &m : NULL, 0),
			0);
		work(&b, 5000);
		assert_int_equal(sysbox_event(b.box.sys, "numa_pte_updates"), c[i].updates);
		assert_int_equal(nb_task_node_pages(b.t, 0), c[i].here);
		end(&b);
	}
	/* flagged, but the task's node is not in the mask: hints, and no page moves */
	struct nb_nodemask m = sysbox_mask(2);
	struct bench b;

	begin(&b, NULL, 0, 1);
	assert_int_equal(
		nb_mbind(b.t, b.addr, PAGES * PAGE, NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING, &m, 0),
		0);
	work(&b, 5000);
	assert_true(sysbox_event(b.box.sys, "numa_hint_faults") >= PAGES);
	assert_int_equal(nb_task_node_pages(b.t, 0), 0);
	end(&b);
}

/* Threads on both nodes use the same pages: a page moves only when two faults in a row came from
 * one node, so those that both use do not wander to and fro with each access. */
static void test_threads(void **state)
{
	struct nb_task_balancing info, mine;
	struct nb_task *other;
	struct bench b;
	uint64_t n, moved;

	(void)state;
	begin(&b, NULL, 1, 1);
	assert_int_equal(nb_task_thread(b.t, 0, &other), 0);
	for (unsigned i = 0; i < 3000; i++) {
		b.now_ms += 10;
		nb_system_set_time_ns(b.box.sys, b.now_ms * MS);
		for (unsigned k = 0; k < 2; k++) {
			/* who is the first at a half changes without a beat */
			struct nb_task *t = k ? other : b.t;
			uint64_t half = PAGES / 2 * PAGE;

			nb_task_tick(t, b.now_ms * MS);
			assert_int_equal(
				nb_touch(t, b.addr + (((i * 2654435761u) >> 31) + k) % 2 * half,
					 half, true, &n),
				0);
		}
	}
	moved = sysbox_event(b.box.sys, "numa_pages_migrated");
	assert_true(sysbox_event(b.box.sys, "numa_hint_faults") > PAGES);
	assert_true(moved < sysbox_event(b.box.sys, "numa_hint_faults"));
	assert_true(nb_task_balancing(other, &info));
	assert_true(nb_task_balancing(b.t, &mine));
	/* they found each other */
	assert_true(mine.group_id == nb_task_pid(b.t) || mine.group_id == nb_task_pid(other));
	assert_int_equal(info.group_id, mine.group_id);
	nb_task_exit(other);
	nb_task_put(other);
	end(&b);
}

/* There must be room above the target's high marks. */
static void test_full_target(void **state)
{
	struct nb_nodemask m = sysbox_mask(1);
	struct nb_alloc_request rq = {.gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_THISNODE |
					     NB_GFP_BIT_NOWARN | NB_GFP_BIT_NORETRY};
	struct bench b;

	(void)m;
	(void)state;
	begin(&b, NULL, 0, 1);
	rq.nid = 0;
	while (nb_alloc_pages(b.box.sys, &rq) != NB_NO_PFN)
		;
	work(&b, 3000);
	assert_true(sysbox_event(b.box.sys, "numa_hint_faults") >= PAGES);
	assert_int_equal(sysbox_event(b.box.sys, "numa_pages_migrated"), 0);
	assert_int_equal(nb_task_node_pages(b.t, 1), PAGES);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_come),  cmocka_unit_test(test_off),
		cmocka_unit_test(test_policies),    cmocka_unit_test(test_threads),
		cmocka_unit_test(test_full_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
