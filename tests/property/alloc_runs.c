/* alloc_runs.c -- page by page and in runs: the same frames, lists and counters.
 *
 * Refills and drains of single pages move whole runs at once where nobody listens to their events,
 * and calls take a shorter way. Two systems of one machine do the same work, one listened to; every
 * frame, every list in its order, every page set and every counter that a CPU keeps back must be
 * equal. The other one is not listened to, or for numbers alone after some events: then these must
 * be equal too. SEED=n draws another run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/pcp.h"

enum { HELD = 30000, STEPS = 60000, CPUS = 3, KEEP = 700 };

static struct nb_port port;
static struct nb_machine *machine;
static struct nb_system *quick, *told;
static struct nb_event_tally quick_tally, told_tally;
static uint64_t quick_heard;
static nb_pfn_t held[HELD];
static uint8_t orders[HELD];
static unsigned nr;
static uint64_t state;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static void ignore(void *ctx, const struct nb_event *ev)
{
	(void)ev;
	if (ctx)
		++*(uint64_t *)ctx;
}

static void listen(bool counted)
{
	const struct nb_sink all = {
		.event = ignore, .wanted = NB_EVENT_SET_ALL, .tally = &told_tally};
	const struct nb_sink few = {.event = ignore,
				    .ctx = &quick_heard,
				    .wanted = NB_EVENT_SET_ALL,
				    .tally = &quick_tally,
				    .counted = NB_EVENT_SET_ALL,
				    .keep = KEEP};

	quick_heard = 0;
	memset(&quick_tally, 0, sizeof(quick_tally));
	memset(&told_tally, 0, sizeof(told_tally));
	nb_system_set_sink(told, &all);
	if (counted)
		nb_system_set_sink(quick, &few);
}

/* How far a CPU may drift, as it changes when kswapd wakes. */
static void change_thresholds(void)
{
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		int threshold = (int)draw(3) ? (int)draw(90) : 0;

		quick->pgdat[0]->zone[t].stat_threshold = threshold;
		told->pgdat[0]->zone[t].stat_threshold = threshold;
	}
}

static void boot(const char *kernel, bool counted)
{
	struct nb_mem_range r[] = {{.start = 0x3000, .end = 0x9f000},
				   {.start = 1 << 20, .end = (100 << 20) + 0x5000}};
	struct nb_node node = {.id = 0, .online = true};
	struct nb_error err = {0};

	machine = nb_machine_new(&port);
	machine->profile = nb_kernel_by_key(kernel);
	assert_int_equal(nb_machine_add_node(machine, &node), 0);
	for (int i = 0; i < CPUS; i++) {
		struct nb_cpu c = {.id = i,
				   .online = true,
				   .package = -1,
				   .die = -1,
				   .cluster = -1,
				   .core = -1,
				   .llc = -1};

		assert_int_equal(nb_machine_add_cpu(machine, &c), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(nb_machine_add_range(machine, &r[i]), 0);
	if (nb_machine_seal(machine, &err) || nb_system_boot(&port, machine, NULL, &quick, &err) ||
	    nb_system_boot(&port, machine, NULL, &told, &err))
		fail_msg("%s", err.text);
	listen(counted);
	change_thresholds();
}

static void same_list(const struct nb_zone *a, const struct nb_zone *b, const struct nb_list *la,
		      const struct nb_list *lb)
{
	nb_link_t x = la->first, y = lb->first;

	assert_int_equal(la->last, lb->last);
	while (x && y) {
		const struct nb_page *p = nb_link_page(a->mem_map, x);
		const struct nb_page *q = nb_link_page(b->mem_map, y);

		assert_int_equal(x, y);
		assert_int_equal(p->flags, q->flags);
		assert_int_equal(p->prev, q->prev);
		x = p->next;
		y = q->next;
	}
	assert_int_equal(x, y);
}

static void same_sets(const struct nb_zone *a, const struct nb_zone *b)
{
	for (int cpu = 0; cpu < CPUS; cpu++) {
		const struct nb_pcp *p = nb_zone_pcp_peek(a, cpu), *q = nb_zone_pcp_peek(b, cpu);

		assert_int_equal(p != NULL, q != NULL);
		if (!p)
			continue;
		for (unsigned l = 0; l < NB_NR_PCP_LISTS; l++)
			same_list(a, b, &p->list[l], &q->list[l]);
		assert_int_equal(p->count, q->count);
		assert_int_equal(p->high, q->high);
		assert_int_equal(p->free_count, q->free_count);
		assert_int_equal(p->alloc_factor, q->alloc_factor);
		assert_int_equal(p->flags, q->flags);
		assert_int_equal(p->free_pages_diff, q->free_pages_diff);
		assert_int_equal(p->pgfree, q->pgfree);
		assert_int_equal(nb_pcp_pgalloc(p), nb_pcp_pgalloc(q));
		for (unsigned e = 0; e < NB_NR_NUMA_EVENTS; e++)
			assert_int_equal(nb_pcp_numa(p, (enum nb_numa_event)e),
					 nb_pcp_numa(q, (enum nb_numa_event)e));
	}
}

/* What was counted in passing is what was told one by one, and no more was heard than wanted. */
static void same_counts(void)
{
	uint64_t heard = 0;

	if (!quick->sink.event)
		return;
	for (int k = 0; k < NB_NR_EVENTS; k++) {
		uint64_t n = told_tally.count[k];

		assert_int_equal(quick_tally.count[k], n);
		heard += n < KEEP ? n : KEEP;
	}
	assert_int_equal(quick_heard, heard);
	assert_int_equal(quick_tally.any, told_tally.any);
	assert_memory_equal(&quick_tally.cpus, &told_tally.cpus, sizeof(quick_tally.cpus));
}

static void same(void)
{
	struct nb_error err = {0};

	same_counts();
	if (nb_system_check(quick, &err) || nb_system_check(told, &err))
		fail_msg("%s", err.text);
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const struct nb_zone *a = &quick->pgdat[0]->zone[t], *b = &told->pgdat[0]->zone[t];

		assert_int_equal(a->nr_free_pages, b->nr_free_pages);
		assert_int_equal(a->watermark_boost, b->watermark_boost);
		assert_int_equal(a->flags, b->flags);
		for (unsigned i = 0; i < NB_NR_ORDERS * NB_MIGRATE_TYPES; i++)
			same_list(
				a, b,
				&a->free_area[i / NB_MIGRATE_TYPES].free_list[i % NB_MIGRATE_TYPES],
				&b->free_area[i / NB_MIGRATE_TYPES]
					 .free_list[i % NB_MIGRATE_TYPES]);
		same_sets(a, b);
	}
}

static void give(unsigned i)
{
	int cpu = (int)draw(CPUS);

	assert_int_equal(nb_free_pages(quick, cpu, held[i], orders[i]), 0);
	assert_int_equal(nb_free_pages(told, cpu, held[i], orders[i]), 0);
	nr--;
	held[i] = held[nr];
	orders[i] = orders[nr];
}

static void take(void)
{
	static const nb_gfp_t kinds[] = {
		NB_GFP_KERNEL,           NB_GFP_HIGHUSER_MOVABLE,
		NB_GFP_HIGHUSER_MOVABLE, NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE,
		NB_GFP_ATOMIC,           NB_GFP_KERNEL | NB_GFP_BIT_DMA};
	const struct nb_alloc_request rq = {.gfp = kinds[draw(6)],
					    .order = draw(5) ? 0 : (unsigned)draw(10),
					    .cpu = (int)draw(CPUS),
					    .nid = draw(2) ? NB_NO_NODE : 0};
	nb_pfn_t a = nb_alloc_pages(quick, &rq), b = nb_alloc_pages(told, &rq);

	assert_int_equal(a, b);
	if (a == NB_NO_PFN)
		return;
	held[nr] = a;
	orders[nr++] = (uint8_t)rq.order;
}

/* Several frees in a row, up or down, as a process that ends gives them. */
static void give_some(void)
{
	unsigned n = 1 + (unsigned)draw(200), at = (unsigned)draw(nr);
	bool up = draw(2);

	while (n-- && at < nr) {
		give(at);
		if (up)
			at++;
		else if (at)
			at--;
	}
}

static void bulk(void)
{
	const struct nb_alloc_request rq = {
		.gfp = NB_GFP_HIGHUSER_MOVABLE, .cpu = (int)draw(CPUS), .nid = NB_NO_NODE};
	unsigned n = 1 + (unsigned)draw(300);
	nb_pfn_t a[300], b[300];

	if (nr + 300 > HELD)
		return;
	memset(a, 0xff, sizeof(a));
	memset(b, 0xff, sizeof(b));
	unsigned got = nb_alloc_pages_bulk(quick, &rq, n, a);

	assert_int_equal(nb_alloc_pages_bulk(told, &rq, n, b), got);
	assert_memory_equal(a, b, sizeof(a));
	for (unsigned i = 0; i < got; i++) {
		held[nr] = a[i];
		orders[nr++] = 0;
	}
}

static void work(unsigned bias)
{
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = (unsigned)draw(1000);
		int cpu = (int)draw(CPUS);

		if (what == 0) {
			nb_vmstat_update(quick, cpu);
			nb_vmstat_update(told, cpu);
		} else if (what == 1 && draw(4) == 0) {
			nb_drain_pages(quick, cpu);
			nb_drain_pages(told, cpu);
		} else if (what == 2 && draw(4) == 0) {
			change_thresholds();
		} else if (what < 8) {
			bulk();
		} else if (what < 12 && nr) {
			give_some();
		} else if ((draw(100) < bias && nr < HELD) || !nr) {
			take();
		} else {
			give(draw(2) ? nr - 1 : (unsigned)draw(nr));
		}
		if (i % 10000 == 0)
			same();
	}
	same();
}

static void lockstep(void **unused)
{
	static const char *const kernels[] = {"6.12", "6.1", "6.18", "5.10"};
	const char *seed = getenv("SEED");

	(void)unused;
	for (unsigned k = 0; k < 8; k++) {
		bool counted = k >= 4;

		state = (seed ? strtoull(seed, NULL, 0) : 1) * 8 + k + 1;
		state *= UINT64_C(0x9e3779b97f4a7c15);
		print_message("# SEED=%s, kernel %s%s\n", seed ? seed : "1", kernels[k % 4],
			      counted ? ", events counted" : "");
		nb_port_posix(&port, false);
		nr = 0;
		boot(kernels[k % 4], counted);
		work(70);
		work(45);
		while (nr)
			give(nr - 1);
		nb_drain_pages(quick, -1);
		nb_drain_pages(told, -1);
		same();
		nb_system_shutdown(quick);
		nb_system_shutdown(told);
		nb_machine_free(machine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lockstep)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
