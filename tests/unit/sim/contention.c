/* contention.c -- tests of src/sim/contention.c: who meets whom at a lock, and what it costs. */
#include "simtest.h"

#include "sim/contention.h"

#define PAGE 4096u
#define PAGES 256u

/* Two tasks on CPUs `a` and `b` fault PAGES pages each, grain by grain in turn. */
static void work(struct simtest *t, int a, int b)
{
	int cpu[2] = {a, b};

	for (unsigned i = 0; i < 2; i++) {
		struct nb_sim_task *task;

		assert_int_equal(nb_sim_task_new(&t->sim, cpu[i], "t", &task), 0);
	}
	for (unsigned i = 0; i < 2 * PAGES / NB_SIM_GRAIN_PAGES; i++) {
		struct nb_sim_task *task = t->sim.tasks[i % 2];
		uint64_t addr, n = 0, bytes = NB_SIM_GRAIN_PAGES * PAGE;

		assert_int_equal(
			nb_mmap(task->task, 0, bytes, NB_PROT_READ | NB_PROT_WRITE, 0, &addr), 0);
		assert_int_equal(nb_sim_touch_grain(task, &addr, addr + bytes, true, &n), 0);
		assert_int_equal(n, NB_SIM_GRAIN_PAGES);
	}
}

static uint64_t lru_waited(const struct simtest *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->sim.cost.nr_nodes; i++)
		sum += t->sim.contention->lru[i].waited_ns;
	return sum;
}

static uint64_t time_of(const struct simtest *t)
{
	return t->sim.tasks[0]->clock_ns + t->sim.tasks[1]->clock_ns;
}

static void test_off_costs_nothing(void **state)
{
	struct simtest off, on;

	(void)state;
	simtest_open(&off, "2x1G:2");
	work(&off, 0, 1);
	simtest_open(&on, "2x1G:2");
	nb_contention_start(&on.sim, false, 1);
	work(&on, 0, 1);
	assert_null(off.sim.contention);
	/* all that the locks cost is waiting */
	assert_int_equal(time_of(&on),
			 time_of(&off) + lru_waited(&on) + on.sim.contention->zone[0].waited_ns);
	assert_true(lru_waited(&on) > 0);
	simtest_close(&off);
	simtest_close(&on);
}

static void test_one_lock_or_many(void **state)
{
	struct simtest t;

	(void)state;
	/* CPUs of two nodes never meet at a node's lock */
	simtest_open(&t, "2x1G:2");
	nb_contention_start(&t.sim, false, 1);
	work(&t, 0, 2);
	assert_int_equal(lru_waited(&t), 0);
	assert_true(t.sim.contention->lru[0].taken > 0 && t.sim.contention->lru[1].taken > 0);
	simtest_close(&t);
	/* but at one for all */
	simtest_open(&t, "2x1G:2");
	nb_contention_start(&t.sim, true, 1);
	work(&t, 0, 2);
	assert_true(lru_waited(&t) > 0);
	assert_int_equal(t.sim.contention->lru[1].taken, 0);
	simtest_close(&t);
}

static void test_holds(void **state)
{
	struct simtest t;
	const struct nb_sim_lock *l;
	uint64_t one;

	(void)state;
	simtest_open(&t, "1G:2");
	nb_contention_start(&t.sim, false, 1);
	work(&t, 0, 0);
	l = &t.sim.contention->lru[0];
	one = l->taken;
	assert_int_equal(l->held_ns, one * (NB_HOLD_LOCK_NS + NB_HOLD_LRU_PAGE_NS));
	simtest_close(&t);
	/* a hold that serves more pages is taken less often */
	simtest_open(&t, "1G:2");
	nb_contention_start(&t.sim, false, 16);
	work(&t, 0, 0);
	l = &t.sim.contention->lru[0];
	assert_true(l->taken <= one / 8);
	assert_true(l->held_ns < one * (NB_HOLD_LOCK_NS + NB_HOLD_LRU_PAGE_NS) / 2);
	/* begins anew */
	nb_contention_start(&t.sim, false, 16);
	assert_int_equal(t.sim.contention->lru[0].taken, 0);
	simtest_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_costs_nothing),
		cmocka_unit_test(test_one_lock_or_many),
		cmocka_unit_test(test_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
