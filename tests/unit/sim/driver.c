/* driver.c -- tests of src/sim/driver.c: what is due runs first, time never goes back, faults are
 * charged to where the pages came from.
 */
#include "simtest.h"

#define PAGE 4096u

/* A daemon that writes down when it ran, and wants to run again some times. */
struct daemon {
	struct nb_due due;
	struct nb_sim *sim;
	char name;
	unsigned again;
	uint64_t every;
};

static char ran[64];
static size_t nr_ran;

static void run_daemon(struct nb_due *due)
{
	struct daemon *d = due->ctx;

	assert_int_equal(d->sim->now_ns, due->time_ns);
	assert_int_equal(nb_system_time_ns(d->sim->sys), due->time_ns);
	ran[nr_ran++] = d->name;
	if (d->again--)
		nb_clock_set(&d->sim->clock, due, due->time_ns + d->every);
}

static void make(struct daemon *d, struct nb_sim *s, enum nb_due_kind kind, int node, char name)
{
	*d = (struct daemon){.sim = s, .name = name};
	nb_due_init(&s->clock, &d->due, kind, node, run_daemon, d);
}

/* Expect daemons before `t` in order, those at `t` and after not, and a task in between to stop it.
 */
static void due_first(void **state)
{
	struct daemon a, b, c, task;
	struct simtest t;

	(void)state;
	nr_ran = 0;
	simtest_open(&t, "2x256M");
	make(&a, &t.sim, NB_DUE_KSWAPD, 1, 'a');
	make(&b, &t.sim, NB_DUE_KSWAPD, 0, 'b');
	make(&c, &t.sim, NB_DUE_KCOMPACTD, 0, 'c');
	make(&task, &t.sim, NB_DUE_TASK, 0, 't');
	b.again = 2;
	b.every = 30;
	nb_clock_set(&t.sim.clock, &a.due, 10);
	nb_clock_set(&t.sim.clock, &b.due, 10);
	nb_clock_set(&t.sim.clock, &c.due, 40);
	assert_false(nb_sim_run_due(&t.sim, 10));
	assert_int_equal(nr_ran, 0);
	assert_false(nb_sim_run_due(&t.sim, 41));
	assert_memory_equal(ran, "babc", 4);
	nb_clock_set(&t.sim.clock, &task.due, 50);
	assert_true(nb_sim_run_due(&t.sim, 100)); /* b is due at 70, behind the task */
	assert_int_equal(nr_ran, 4);
	nb_clock_clear(&t.sim.clock, &task.due);
	assert_false(nb_sim_run_due(&t.sim, 100));
	assert_int_equal(nr_ran, 5);
	simtest_close(&t);
}

/* Expect port.wait() to run the daemons up to its time and no task. */
static void waiting(void **state)
{
	struct daemon a, task;
	struct simtest t;

	(void)state;
	nr_ran = 0;
	simtest_open(&t, "2x256M");
	make(&a, &t.sim, NB_DUE_KSWAPD, 0, 'a');
	make(&task, &t.sim, NB_DUE_TASK, 0, 't');
	a.again = 10;
	a.every = 10;
	nb_clock_set(&t.sim.clock, &a.due, 10);
	t.sim.port.wait(t.sim.port.ctx, NULL, NB_WAIT_THROTTLE, 35);
	assert_int_equal(nr_ran, 3);
	assert_int_equal(t.sim.now_ns, 35);
	nb_clock_set(&t.sim.clock, &task.due, 37);
	t.sim.port.wait(t.sim.port.ctx, NULL, NB_WAIT_IO, 60);
	assert_int_equal(nr_ran, 3); /* the task stands first, and waits for its turn */
	assert_int_equal(t.sim.now_ns, 60);
	/* who reclaims is at work that long by itself */
	t.sim.port.wait(t.sim.port.ctx, NULL, NB_WAIT_RECLAIM, 60);
	assert_int_equal(t.sim.now_ns, 60 + NB_COST_RECLAIM_NS);
	nb_sim_set_now(&t.sim, 20);
	assert_int_equal(t.sim.now_ns, 60 + NB_COST_RECLAIM_NS); /* never back */
	nb_clock_clear(&t.sim.clock, &task.due);
	nb_clock_clear(&t.sim.clock, &a.due);
	simtest_close(&t);
}

static uint64_t touch(struct nb_sim_task *t, uint64_t addr, uint64_t bytes)
{
	uint64_t end = addr + bytes, faulted = 0;

	while (addr < end)
		assert_int_equal(nb_sim_touch_grain(t, &addr, end, true, &faulted), 0);
	return faulted;
}

/* Expect each fault to cost what its node costs: 500 ns + 64 lines, ten at once. */
static void charges(const char *spec, unsigned far_distance)
{
	const uint64_t near_ns = 500 + 64 * 80 / 10, far_ns = 500 + 64 * (8 * far_distance) / 10;
	struct nb_nodemask both = {{3}}, far = {{2}};
	struct nb_sim_task *t;
	struct simtest s;
	uint64_t a, before;

	simtest_open(&s, spec);
	assert_int_equal(nb_sim_task_new(&s.sim, 0, "t", &t), 0);
	assert_int_equal(nb_mmap(t->task, 0, 8 << 20, 3, 0, &a), 0);
	before = t->clock_ns;
	assert_int_equal(touch(t, a, 1 << 20), 256);
	assert_int_equal(t->clock_ns - before, 256 * near_ns);
	before = t->clock_ns;
	assert_int_equal(touch(t, a, 1 << 20), 0); /* nothing new, nothing to pay */
	assert_int_equal(t->clock_ns, before);
	assert_int_equal(nb_set_mempolicy(t->task, NB_MPOL_INTERLEAVE, &both), 0);
	assert_int_equal(touch(t, a + PAGE / 2, 2 << 20), 257); /* ends inside a page */
	assert_int_equal(t->clock_ns - before,
			 nb_task_node_pages(t->task, 1) * far_ns +
				 (257 - nb_task_node_pages(t->task, 1)) * near_ns);
	assert_int_equal(nb_set_mempolicy(t->task, NB_MPOL_BIND, &far), 0);
	before = t->clock_ns;
	assert_int_equal(touch(t, a + (4 << 20), PAGE), 1);
	assert_int_equal(t->clock_ns - before, far_ns);
	assert_int_equal(t->faults, 256 + 257 + 1);
	simtest_close(&s);
}

static void charges_by_counts(void **state)
{
	(void)state;
	charges("2x256M,dist=20", 20);
}

/* More nodes than are counted at each grain: pages are looked at one by one. */
static void charges_by_page(void **state)
{
	(void)state;
	charges("20x64M:1,dist=20", 20);
}

/* Expect figures of an ended task to be those from before its end. */
static void ended(void **state)
{
	struct nb_sim_task *t;
	uint64_t a, pages[2];
	struct simtest s;

	(void)state;
	simtest_open(&s, "2x256M");
	assert_int_equal(nb_sim_task_new(&s.sim, 99, "t", &t), -NB_EINVAL);
	assert_int_equal(nb_sim_task_new(&s.sim, 5, "t", &t), 0);
	assert_int_equal(nb_mmap(t->task, 0, 1 << 20, 3, 0, &a), 0);
	touch(t, a, 1 << 20);
	nb_sim_task_end(t);
	nb_sim_task_end(t);
	assert_false(nb_task_alive(t->task));
	nb_sim_task_pages(t, pages);
	assert_int_equal(pages[0], 0);
	assert_int_equal(pages[1], 256);
	assert_true(nb_sim_task_latency_ns(t) == 80.0);
	assert_int_equal(nb_sim_task_node(t), 1);
	simtest_close(&s);
}

static void out_of_memory(void **state)
{
	struct nb_nodemask one = {{2}};
	uint64_t a, end, faulted = 0;
	struct nb_sim_task *t;
	struct simtest s;
	int ret = 0;

	(void)state;
	simtest_open(&s, "2x64M");
	assert_int_equal(nb_sim_task_new(&s.sim, 0, "t", &t), 0);
	assert_int_equal(nb_set_mempolicy(t->task, NB_MPOL_BIND, &one), 0);
	assert_int_equal(nb_mmap(t->task, 0, 80 << 20, 3, 0, &a), 0);
	end = a + (80 << 20);
	while (a < end && !ret)
		ret = nb_sim_touch_grain(t, &a, end, true, &faulted);
	assert_int_equal(ret, -NB_ENOMEM);
	assert_true(faulted > 10000 && faulted < 16384);
	assert_int_equal(t->faults, faulted);
	simtest_close(&s);
}

/* Expect the sets of a CPU that was at work to shrink once a second, until nothing changes any
 * more, and then no entry in the clock: hours of idle time cost nothing. */
static void vmstat_workers(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = 1, .cpu = 0};
	static nb_pfn_t pfn[3000];
	struct nb_pcp_info before, after;
	struct simtest t;
	uint64_t ticks = 0;

	(void)state;
	simtest_open(&t, "2x4G");
	for (int i = 0; i < 3000; i++)
		pfn[i] = nb_alloc_pages(t.sim.sys, &rq);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(nb_free_pages(t.sim.sys, 0, pfn[i], 0), 0);
	assert_int_equal(nb_pcp_info(t.sim.sys, 1, NB_ZONE_NORMAL, 0, &before), 0);
	assert_true(before.count > 0);
	nb_sim_run_due(&t.sim, 1);
	assert_int_equal(nb_clock_first(&t.sim.clock)->time_ns, 1000000000);
	nb_sim_run_due(&t.sim, 4000000001); /* a set of another node: empty after three rounds */
	assert_int_equal(nb_pcp_info(t.sim.sys, 1, NB_ZONE_NORMAL, 0, &after), 0);
	assert_int_equal(after.count, 0);
	for (uint64_t s = 5; nb_clock_first(&t.sim.clock) && s < 500; s++, ticks++)
		nb_sim_run_due(&t.sim, s * 1000000000 + 1);
	assert_true(ticks < 100);
	assert_null(nb_clock_first(&t.sim.clock));
	simtest_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_first),
		cmocka_unit_test(waiting),
		cmocka_unit_test(charges_by_counts),
		cmocka_unit_test(charges_by_page),
		cmocka_unit_test(ended),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(vmstat_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
