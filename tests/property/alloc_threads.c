/* alloc_threads.c -- a small machine under pressure from several threads, a CPU each.
 *
 * Beside threads.c, which trades pages on a large machine: here memory is short, so that every
 * thread goes through fallback, reserves, the slow path and drains of each other's page sets, with
 * all orders. Each thread marks its pages in a shared map, a byte a frame, and finds nobody else's
 * mark there. In the end all is free and every invariant holds. SEED=n draws another run; `make
 * check` also runs it under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/page_alloc.h>
#include <pthread.h>

enum { CPUS = 4, STEPS = 40000, HELD = 512, FRAMES = 3 * 8192 };

static struct nb_port port;
static struct nb_machine *machine;
static struct nb_system *sys;
static _Atomic uint8_t owner[FRAMES + 4096];
static _Atomic unsigned failures;

struct worker {
	int cpu;
	uint64_t state;
	nb_pfn_t pfn[HELD];
	unsigned order[HELD], nr;
};

static uint64_t draw(struct worker *w, uint64_t below)
{
	w->state ^= w->state << 13;
	w->state ^= w->state >> 7;
	w->state ^= w->state << 17;
	return (w->state >> 11) % below;
}

static void mark(struct worker *w, nb_pfn_t pfn, unsigned order, uint8_t from, uint8_t to)
{
	(void)w;
	for (nb_pfn_t p = pfn; p < pfn + (UINT64_C(1) << order); p++) {
		if (atomic_exchange_explicit(&owner[p], to, memory_order_relaxed) != from)
			failures++;
	}
}

static void give_back(struct worker *w, unsigned i)
{
	mark(w, w->pfn[i], w->order[i], (uint8_t)(w->cpu + 1), 0);
	if (nb_free_pages(sys, w->cpu, w->pfn[i], w->order[i]))
		failures++;
	w->nr--;
	w->pfn[i] = w->pfn[w->nr];
	w->order[i] = w->order[w->nr];
}

/* Several at once, an exact size, a block cut into pages; each page is then held by itself. */
static void others(struct worker *w)
{
	const struct nb_alloc_request rq = {
		.gfp = NB_GFP_HIGHUSER_MOVABLE, .cpu = w->cpu, .nid = NB_NO_NODE};
	nb_pfn_t pfn[32];
	unsigned n = 0;

	memset(pfn, 0xff, sizeof(pfn));
	if (w->nr + 32 > HELD)
		return;
	if (draw(w, 2)) {
		n = nb_alloc_pages_bulk(sys, &rq, 1 + (unsigned)draw(w, 32), pfn);
	} else if (draw(w, 2)) {
		uint64_t addr;

		n = 1 + (unsigned)draw(w, 31);
		addr = nb_alloc_pages_exact(sys, w->cpu, n * UINT64_C(4096), NB_GFP_KERNEL);
		n = addr ? n : 0;
		for (unsigned i = 0; i < n; i++)
			pfn[i] = nb_address_to_pfn(sys, addr) + i;
	} else {
		pfn[0] = nb_alloc_pages_node(sys, w->cpu, NB_NO_NODE, NB_GFP_KERNEL, 3);
		n = pfn[0] == NB_NO_PFN ? 0 : 8;
		for (unsigned i = 1; i < n; i++)
			pfn[i] = pfn[0] + i;
		if (n && nb_split_page(sys, pfn[0], 3))
			failures++;
	}
	for (unsigned i = 0; i < n; i++) {
		mark(w, pfn[i], 0, 0, (uint8_t)(w->cpu + 1));
		w->pfn[w->nr] = pfn[i];
		w->order[w->nr++] = 0;
	}
}

static void step(struct worker *w)
{
	static const nb_gfp_t kinds[] = {NB_GFP_KERNEL,
					 NB_GFP_HIGHUSER_MOVABLE,
					 NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE,
					 NB_GFP_ATOMIC,
					 NB_GFP_NOWAIT,
					 NB_GFP_KERNEL | NB_GFP_BIT_MEMALLOC,
					 NB_GFP_KERNEL | NB_GFP_BIT_DMA};
	struct nb_alloc_request rq = {
		.gfp = kinds[draw(w, 7)],
		.order = (unsigned)(draw(w, 4) ? draw(w, 4) : draw(w, 11)),
		.cpu = w->cpu,
		.nid = draw(w, 3) ? NB_NO_NODE : (int)draw(w, 2),
	};
	nb_pfn_t pfn;

	switch (draw(w, 3000)) {
	case 0:
		nb_drain_pages(sys, -1);
		break;
	case 1:
	case 2:
	case 3:
		nb_vmstat_update(sys, w->cpu);
		break;
	default:
		if (draw(w, 60) == 0)
			others(w);
	}
	if (w->nr && (w->nr == HELD || draw(w, 100) < 46)) {
		give_back(w, (unsigned)draw(w, w->nr));
		return;
	}
	pfn = nb_alloc_pages(sys, &rq);
	if (pfn == NB_NO_PFN)
		return;
	mark(w, pfn, rq.order, 0, (uint8_t)(w->cpu + 1));
	w->pfn[w->nr] = pfn;
	w->order[w->nr++] = rq.order;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct nb_zone_info info;

	for (unsigned i = 0; i < STEPS; i++) {
		step(w);
		if (i % 512 == 0 && nb_zone_info(sys, w->cpu % 2, NB_ZONE_DMA32, &info))
			failures++;
	}
	while (w->nr)
		give_back(w, w->nr - 1);
	return NULL;
}

static void boot(void)
{
	struct nb_error err = {0};
	struct nb_mem_range r[] = {{.start = 1 << 20, .end = 48 << 20, .nid = 0},
				   {.start = 48 << 20, .end = 96 << 20, .nid = 1}};

	nb_port_posix(&port, true);
	machine = nb_machine_new(&port);
	for (int i = 0; i < 2; i++) {
		struct nb_node node = {.id = i, .online = true};

		assert_int_equal(nb_machine_add_node(machine, &node), 0);
		assert_int_equal(nb_machine_add_range(machine, &r[i]), 0);
	}
	for (int i = 0; i < CPUS; i++) {
		struct nb_cpu c = {.id = i,
				   .nid = i % 2,
				   .online = true,
				   .package = -1,
				   .die = -1,
				   .cluster = -1,
				   .core = -1,
				   .llc = -1};

		assert_int_equal(nb_machine_add_cpu(machine, &c), 0);
	}
	if (nb_machine_seal(machine, &err) || nb_system_boot(&port, machine, NULL, &sys, &err))
		fail_msg("%s", err.text);
}

static void under_pressure(void **state)
{
	const char *text = getenv("SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
	static struct worker worker[CPUS];
	pthread_t thread[CPUS];
	struct nb_error err = {0};
	struct nb_system_info before, after;

	(void)state;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	boot();
	nb_system_info(sys, &before);
	for (int i = 0; i < CPUS; i++) {
		worker[i] = (struct worker){.cpu = i,
					    .state = (seed * CPUS + (unsigned)i + 1) *
						     UINT64_C(0x9e3779b97f4a7c15)};
		assert_int_equal(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
	}
	for (int i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(failures, 0);
	if (nb_system_check(sys, &err))
		fail_msg("%s", err.text);
	nb_drain_pages(sys, -1);
	if (nb_system_check(sys, &err))
		fail_msg("drained: %s", err.text);
	nb_system_info(sys, &after);
	assert_int_equal(after.free_pages, before.free_pages);
	nb_system_shutdown(sys);
	nb_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(under_pressure)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
