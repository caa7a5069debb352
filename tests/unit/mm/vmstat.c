/* vmstat.c -- event counters: names in /proc/vmstat's order, sums over CPUs. */
#include "allocbox.h"
#include "mm/vmstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct allocbox box;

/* Zones that the architecture lacks have no line; no name stands twice. */
static void names(void **state)
{
	static const struct {
		enum nb_arch arch;
		const char *ranges;
		bool dma32, high;
	} cases[] = {{NB_ARCH_X86_64, "0 1000000-8ffffff", true, false},
		     {NB_ARCH_I386, "0 0-8ffffff", false, true}};
	const char *name, *seen[128];
	uint64_t v;

	(void)state;
	for (unsigned c = 0; c < 2; c++) {
		bool dma32 = false, high = false;
		unsigned n = 0;

		allocbox_boot(&box, &(struct allocbox_spec){.ranges = cases[c].ranges,
							    .arch = cases[c].arch,
							    .lowmem_end = 0x9000000});
		for (; nb_vm_event(box.sys, n, &name, &v); n++) {
			assert_int_equal(v, 0);
			for (unsigned i = 0; i < n; i++)
				assert_string_not_equal(seen[i], name);
			seen[n] = name;
			dma32 |= strcmp(name, "allocstall_dma32") == 0;
			high |= strcmp(name, "pgalloc_high") == 0;
		}
		assert_true(n > 30);
		assert_false(nb_vm_event(box.sys, n + 1000, &name, &v));
		assert_int_equal(dma32, cases[c].dma32);
		assert_int_equal(high, cases[c].high);
		allocbox_end(&box);
	}
}

static void sums(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff", .cpus = 3});
	nb_count_vm_event(box.sys, 0, NB_VM_PGFAULT);
	nb_count_vm_events(box.sys, 2, NB_VM_PGFAULT, 41);
	nb_count_vm_events(box.sys, 2, (enum nb_vm_event_item)(NB_VM_ALLOCSTALL + NB_ZONE_MOVABLE),
			   7);
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGFAULT), 42);
	assert_int_equal(allocbox_vm_event(&box, "pgfault"), 42);
	assert_int_equal(allocbox_vm_event(&box, "allocstall_movable"), 7);
	assert_int_equal(allocbox_vm_event(&box, "pgmajfault"), 0);
	allocbox_end(&box);
}

/* Pages are counted by zone where they are handed out, base pages, also past the page sets. */
static void pages(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){
				    .ranges = "0 1000-9efff, 0 100000-8ffffff, 1 9000000-ffffffff",
				    .cpus = 2});
	allocbox_run(&box, "K0 K0@1 K5@3 D1 -0@2 -3");
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_dma32"), 1 + 1 + 32);
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_dma"), 2);
	assert_int_equal(allocbox_vm_event(&box, "pgfree"), 3);
	allocbox_end(&box);
}

static int kept_back(const struct nb_zone *z, int cpu)
{
	const struct nb_pcp *pcp = nb_zone_pcp_peek(z, cpu);

	return pcp ? pcp->free_pages_diff : 0;
}

static void counter_is(uint64_t shown, uint64_t exact)
{
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	struct nb_zone_info info;

	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_DMA32, &info), 0);
	assert_int_equal(info.free_pages, shown);
	assert_int_equal(nb_zone_free_pages_snapshot(z), exact);
	allocbox_check(&box);
}

/* A CPU keeps changes of the free count back up to the threshold; past it all go into the zone's.
 * The vmstat worker puts the rest there, of its own CPU. */
static void drift(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32768",
						    .cpus = 2});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	z->stat_threshold = 20;
	allocbox_run(&box, "K0 K0@1");
	nb_drain_pages(box.sys, -1);
	counter_is(32766, 32766);
	allocbox_run(&box, "K4 K2@1");
	nb_drain_pages(box.sys, 1);
	assert_int_equal(kept_back(z, 0), -16);
	counter_is(32762, 32746);
	allocbox_run(&box, "K4"); /* 32 > 20 */
	assert_int_equal(kept_back(z, 0), 0);
	counter_is(32730, 32730);
	allocbox_run(&box, "-2@1"); /* given back by another CPU: its own part */
	assert_int_equal(kept_back(z, 1), 16);
	assert_int_equal(kept_back(z, 0), 0);
	nb_vmstat_update(box.sys, 0);
	counter_is(32730, 32746);
	nb_vmstat_update(box.sys, 1);
	counter_is(32746, 32746);
	/* at the threshold is not past it */
	z->stat_threshold = 16;
	allocbox_run(&box, "K4");
	assert_int_equal(kept_back(z, 0), -16);
	z->stat_threshold = 0;
	allocbox_run(&box, "K4@1");
	assert_int_equal(kept_back(z, 1), 0);
	allocbox_end(&box);
}

/* A refill of 63 pages changes the count once before 6.10, page by page since: what is left over
 * differs. */
static void refills(void **state)
{
	static const struct {
		const char *kernel;
		int left;
	} cases[] = {{"6.1", 0}, {"6.12", -(63 - 51)}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
							    .facts = "0 DMA32 32768",
							    .kernel = cases[i].kernel});
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
		struct nb_pcp *pcp = nb_zone_pcp(z, 0);

		z->stat_threshold = 50;
		pcp->batch = 63;
		pcp->high = pcp->high_min = pcp->high_max = 1000;
		allocbox_run(&box, "K0");
		assert_int_equal(pcp->count, 62);
		assert_int_equal(pcp->free_pages_diff, cases[i].left);
		counter_is(32768 - 63 - (uint64_t)(int64_t)cases[i].left, 32768 - 63);
		nb_vmstat_update(box.sys, 0);
		allocbox_end(&box);
	}
}

/* Below the drift mark kswapd's test adds up what the counter lacks; requests do not. */
static void near_the_mark(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32768",
						    .cpus = 2});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	z->stat_threshold = 20;
	allocbox_run(&box, "K0");
	nb_drain_pages(box.sys, -1);
	allocbox_run(&box, "K4");
	uint64_t shown = nb_zone_free_pages(z), mark = shown - 10;

	assert_int_equal(nb_zone_free_pages_snapshot(z), shown - 16);
	z->percpu_drift_mark = 0;
	assert_true(nb_zone_watermark_ok_safe(z, 0, mark, NB_ZONE_DMA32));
	z->percpu_drift_mark = shown + 1;
	assert_false(nb_zone_watermark_ok_safe(z, 0, mark, NB_ZONE_DMA32));
	assert_true(nb_zone_watermark_ok(z, 0, mark, NB_ZONE_DMA32, 0));
	z->percpu_drift_mark = shown;
	assert_true(nb_zone_watermark_ok_safe(z, 0, mark, NB_ZONE_DMA32));
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names), cmocka_unit_test(sums),    cmocka_unit_test(pages),
		cmocka_unit_test(drift), cmocka_unit_test(refills), cmocka_unit_test(near_the_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
