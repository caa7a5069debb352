/* page_alloc.c -- requests: which zone they get, what is counted, what a free refuses. */
#include "allocbox.h"

#include "mm/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;

/* Two nodes of 4 GiB with two CPUs each; node 0 has DMA, DMA32, Normal. */
static const struct allocbox_spec two = {
	.ranges = "0 1000-9efff, 0 100000-7fffffff, 0 100000000-17fffffff, 1 180000000-27fffffff",
	.facts = "0 DMA 3840, 0 DMA32 520192, 0 Normal 524288, 1 Normal 1048576",
	.cpus = 2,
};

static uint64_t numa(int nid, enum nb_zone_type zone, enum nb_numa_event ev)
{
	struct nb_zone_info info;

	assert_int_equal(nb_zone_info(box.sys, nid, zone, &info), 0);
	return info.numa[ev];
}

/* Zones by flags; a device's mask is never exceeded. */
static void zones_by_flags(void **state)
{
	static const struct {
		const char *word;
		nb_pfn_t from, to;
	} cases[] = {
		{"K0", 0x100000, 0x180000},     {"M0", 0x100000, 0x180000},
		{"K0@2", 0x180000, 0x280000},   {"M9@3", 0x180000, 0x280000},
		{"K0@2/0", 0x100000, 0x180000}, {"D0", 0x100, 0x1000},
		{"D3@2", 0x100, 0x1000},        {"D9", 0x200, 0x1000},
		{"L0", 0x1000, 0x80000},        {"L10@3", 0x1000, 0x80000},
		{"T4@0/1", 0x180000, 0x280000},
	};

	(void)state;
	allocbox_boot(&box, &two);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		allocbox_run(&box, cases[i].word);
		assert_in_range(box.pfn[i], cases[i].from, cases[i].to - 1);
	}
	/* all that a DMA request can ever get lies below 16 MiB, all DMA32 below 4 GiB */
	allocbox_run(&box, "D0*5000");
	for (unsigned i = 11; i < box.nr; i++)
		assert_true(box.pfn[i] == NB_NO_PFN || box.pfn[i] < 0x1000);
	assert_true(box.pfn[box.nr - 1] == NB_NO_PFN);
	allocbox_end(&box);
}

static void refused_requests(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = NB_NO_NODE};
	static const struct nb_alloc_request bad[] = {
		{.gfp = NB_GFP_KERNEL, .order = 11, .nid = NB_NO_NODE},
		{.gfp = NB_GFP_KERNEL, .order = 99, .nid = NB_NO_NODE},
		{.gfp = NB_GFP_KERNEL, .cpu = 4, .nid = NB_NO_NODE},
		{.gfp = NB_GFP_KERNEL, .cpu = -1, .nid = NB_NO_NODE},
		{.gfp = NB_GFP_KERNEL, .nid = 2},
		{.gfp = NB_GFP_KERNEL, .nid = -7},
		{.gfp = NB_GFP_KERNEL, .nid = 1 << 20},
		{.gfp = NB_GFP_KERNEL | NB_GFP_BIT_DMA | NB_GFP_BIT_DMA32, .nid = NB_NO_NODE},
	};

	(void)state;
	allocbox_boot(&box, &two);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(nb_alloc_pages(box.sys, &bad[i]), NB_NO_PFN);
	assert_int_not_equal(nb_alloc_pages(box.sys, &rq), NB_NO_PFN);
	allocbox_end(&box);
}

static void refused_frees(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	allocbox_run(&box, "K0 K3 M4");
	nb_pfn_t a = box.pfn[0], b = box.pfn[1];
	struct nb_zone *z;
	struct nb_page *p = nb_pfn_to_page(box.sys, a, &z);

	assert_int_equal(nb_free_pages(box.sys, 0, a, 1), -NB_EINVAL);     /* another order */
	assert_int_equal(nb_free_pages(box.sys, 0, b + 1, 0), -NB_EINVAL); /* not the first page */
	assert_int_equal(nb_free_pages(box.sys, 0, b, 2), -NB_EINVAL);
	assert_int_equal(nb_free_pages(box.sys, 0, 0, 0), -NB_EINVAL); /* a hole */
	assert_int_equal(nb_free_pages(box.sys, 0, 0x80000, 0), -NB_EINVAL);
	assert_int_equal(nb_free_pages(box.sys, 0, NB_NO_PFN, 0), -NB_EINVAL);
	assert_int_equal(nb_free_pages(box.sys, 0, 0x9e, 0), -NB_EINVAL);     /* reserved */
	assert_int_equal(nb_free_pages(box.sys, 0, 0x27ffff, 0), -NB_EINVAL); /* never touched */
	assert_int_equal(nb_free_pages(box.sys, 0, a + 1, 0), -NB_EINVAL);    /* in a page set */
	assert_int_equal(nb_free_pages(box.sys, 4, a, 0), -NB_EINVAL);        /* no such CPU */
	p->mapcount = 1;
	assert_int_equal(nb_free_pages(box.sys, 0, a, 0), -NB_EINVAL);
	p->mapcount = 0;
	p->refcount = 2;
	assert_int_equal(nb_free_pages(box.sys, 0, a, 0), -NB_EINVAL);
	p->refcount = 1;
	allocbox_check(&box);
	assert_int_equal(nb_free_pages(box.sys, 0, a, 0), 0);
	assert_int_equal(nb_free_pages(box.sys, 0, a, 0), -NB_EINVAL); /* twice */
	allocbox_run(&box, "-1 -2");
	assert_int_equal(nb_free_pages(box.sys, 0, box.pfn[2], 4), -NB_EINVAL);
	allocbox_end(&box);
}

/* numastat: hit and miss against the node that was wanted, local and other against the CPU's. */
static void numa_counters(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	allocbox_run(&box, "K0 K0 K3 M10");
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_HIT),
			 4); /* one a block, whatever its order */
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_LOCAL), 4);
	allocbox_run(&box, "K0/1 K0@2/0");
	assert_int_equal(numa(1, NB_ZONE_NORMAL, NB_NUMA_HIT), 1);
	assert_int_equal(numa(1, NB_ZONE_NORMAL, NB_NUMA_OTHER), 1);
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_HIT), 5);
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_OTHER), 1);
	/* wanted from node 1, which has no DMA32: the first zone of the list is the one that is
	 * wanted */
	allocbox_run(&box, "L0@2/1");
	assert_int_equal(numa(0, NB_ZONE_DMA32, NB_NUMA_HIT), 1);
	assert_int_equal(numa(0, NB_ZONE_DMA32, NB_NUMA_MISS), 0);
	/* node 1 full: miss there, foreign here */
	struct nb_zone *z = allocbox_zone(&box, 1, NB_ZONE_NORMAL);
	uint64_t low = z->wmark[NB_WMARK_LOW];

	z->wmark[NB_WMARK_LOW] = z->wmark[NB_WMARK_HIGH] = z->managed_pages;
	allocbox_run(&box, "K4@2");
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_MISS), 1);
	assert_int_equal(numa(1, NB_ZONE_NORMAL, NB_NUMA_FOREIGN), 1);
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_OTHER), 2);
	z->wmark[NB_WMARK_LOW] = low;
	box.sys->tune.numa_stat = false;
	allocbox_run(&box, "K0 K0/1 K4");
	assert_int_equal(numa(0, NB_ZONE_NORMAL, NB_NUMA_HIT), 5);
	allocbox_end(&box);
}

/* A node list restricts a request; __GFP_THISNODE to one node. */
static void nodemask(void **state)
{
	struct nb_nodemask mask = {{2}};
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = NB_NO_NODE, .nodemask = &mask};
	struct nb_page_info info;

	(void)state;
	allocbox_boot(&box, &two);
	assert_int_equal(nb_page_info(box.sys, nb_alloc_pages(box.sys, &rq), &info), 0);
	assert_int_equal(info.nid, 1);
	assert_int_equal(numa(1, NB_ZONE_NORMAL, NB_NUMA_HIT), 1);
	mask.bits[0] = 0;
	assert_int_equal(nb_alloc_pages(box.sys, &rq), NB_NO_PFN);
	/* node 1 has no DMA memory of its own */
	rq = (struct nb_alloc_request){.gfp = NB_GFP_KERNEL | NB_GFP_BIT_DMA | NB_GFP_BIT_THISNODE,
				       .nid = 1};
	assert_int_equal(nb_alloc_pages(box.sys, &rq), NB_NO_PFN);
	allocbox_end(&box);
}

/* Normal gives way to DMA32 of its node before it fragments; but leaving the node is worse: when
 * DMA32 is full, types are mixed in Normal before the other node is asked. */
static void nofragment(void **state)
{
	static const char *const ranges[] = {
		"0 80000000-ffffffff, 0 100000000-17fffffff",
		"0 80000000-ffffffff, 0 100000000-17fffffff, 1 180000000-1ffffffff"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		allocbox_boot(&box,
			      &(struct allocbox_spec){.ranges = ranges[i],
						      .facts = "0 Normal 524288, 0 DMA32 524288"});
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

		/* everything of Normal becomes unmovable but for one split movable block */
		nb_zone_lock(z, 0);
		for (unsigned k = 0; k < 511; k++) {
			struct nb_page *p = nb_free_list_take(z, 10, NB_MIGRATE_MOVABLE);

			nb_change_pageblock_range(z, p, 10, NB_MIGRATE_UNMOVABLE);
			nb_free_list_add(z, p, 10, NB_MIGRATE_UNMOVABLE, true);
		}
		nb_zone_unlock(z);
		/* unmovable blocks are whole: a reclaimable request may claim one, NOFRAGMENT or
		 * not */
		allocbox_run(&box, "R4");
		assert_in_range(box.pfn[0], 0x100000, 0x17ffff);
		/* now leave nothing of pageblock size to movable and reclaimable */
		nb_zone_lock(z, 0);
		while (nb_zone_free_mask(z, NB_MIGRATE_UNMOVABLE) >> 10) {
			enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
			struct nb_page *p = nb_rmqueue(z, 8, NB_MIGRATE_UNMOVABLE, 0, &mode);

			nb_page_set_flags(p, PG_ALLOCATED | 8 | z->page_bits);
			while (nb_zone_free_mask(z, NB_MIGRATE_UNMOVABLE) >> 9 & 1) {
				p = nb_free_list_take(z, 9, NB_MIGRATE_UNMOVABLE);
				nb_account_free(z, NB_MIGRATE_UNMOVABLE, -512);
				nb_page_set_flags(p, PG_ALLOCATED | 9 | z->page_bits);
			}
		}
		while (nb_zone_free_mask(z, NB_MIGRATE_MOVABLE) >> 10 ||
		       nb_zone_free_mask(z, NB_MIGRATE_RECLAIMABLE) >> 9) {
			bool movable = nb_zone_free_mask(z, NB_MIGRATE_MOVABLE) >> 10;
			enum nb_migratetype mt =
				movable ? NB_MIGRATE_MOVABLE : NB_MIGRATE_RECLAIMABLE;
			struct nb_page *p = nb_free_list_take(z, movable ? 10 : 9, mt);

			nb_account_free(z, mt, movable ? -1024 : -512);
			nb_page_set_flags(p, PG_ALLOCATED | (movable ? 10 : 9) | z->page_bits);
		}
		nb_zone_unlock(z);
		memset(z->wmark, 0, sizeof(z->wmark));
		allocbox_check(&box);
		struct nb_zone *dma32 = allocbox_zone(&box, 0, NB_ZONE_DMA32);

		for (unsigned k = 0; i && k < NB_NR_WMARK; k++)
			dma32->wmark[k] = dma32->managed_pages;
		/* movable: only unmovable and reclaimable blocks below a pageblock are left in
		 * Normal */
		allocbox_run(&box, "M4");
		assert_in_range(box.pfn[1], i ? 0x100000 : 0x80000, i ? 0x17ffff : 0xfffff);
		allocbox_end(&box);
	}
}

/* Every request and free is told of, and base pages are counted by zone. */
static void events_and_counters(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	allocbox_run(&box, "K0");
	uint64_t normal = allocbox_vm_event(&box, "pgalloc_normal");

	allocbox_record(&box, UINT64_C(1) << NB_EV_MM_PAGE_ALLOC | UINT64_C(1)
									   << NB_EV_MM_PAGE_FREE);
	allocbox_run(&box, "K0 M9 L2 -1 -2");
	char want[256];

	snprintf(want, sizeof(want),
		 "mm_page_alloc %llx 0 cc0 0\nmm_page_alloc %llx 9 100cca 1\nmm_page_alloc %llx 2 "
		 "cc4 0\n"
		 "mm_page_free %llx 0\nmm_page_free %llx 9\n",
		 (unsigned long long)box.pfn[1], (unsigned long long)box.pfn[2],
		 (unsigned long long)box.pfn[3], (unsigned long long)box.pfn[1],
		 (unsigned long long)box.pfn[2]);
	assert_string_equal(allocbox_events(&box), want);
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_normal"), normal + 513);
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_dma32"), 4);
	assert_int_equal(allocbox_vm_event(&box, "pgfree"), 513);
	allocbox_end(&box);
}

/* Memory runs out at the min mark, is given back, and all of it can be taken again. */
static void down_to_the_mark(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-4ffffff",
						    .facts = "0 DMA32 16384"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	for (unsigned round = 0; round < 3; round++) {
		unsigned got = 0;

		box.nr = 0;
		allocbox_run(&box, "K0*16384");
		for (unsigned i = 0; i < box.nr; i++)
			got += box.pfn[i] != NB_NO_PFN;
		struct nb_pcp_info p;

		assert_int_equal(nb_pcp_info(box.sys, 0, NB_ZONE_DMA32, 0, &p), 0);
		assert_int_equal(nb_zone_free_pages_snapshot(z) + got + p.count, 16384);
		assert_true(nb_zone_free_pages_snapshot(z) <=
			    z->wmark[NB_WMARK_MIN] + z->watermark_boost);
		assert_true(nb_zone_free_pages_snapshot(z) > z->wmark[NB_WMARK_MIN] / 2);
		for (unsigned i = 0; i < box.nr; i++) {
			if (box.pfn[i] != NB_NO_PFN)
				assert_int_equal(nb_free_pages(box.sys, 0, box.pfn[i], 0), 0);
		}
		nb_drain_pages(box.sys, -1);
		assert_int_equal(nb_zone_free_pages_snapshot(z), 16384);
		allocbox_check(&box);
	}
	assert_int_equal(z->free_area[10].nr_free, 16);
	allocbox_end(&box);
}

static unsigned reclaims;
static int reclaim_result;
static nb_pfn_t reclaimable;

/* What node_reclaim() would do: nothing, or free a block of the node. */
static int fake_node_reclaim(struct nb_system *sys, const struct nb_alloc_context *ac,
			     struct nb_pgdat *pgdat)
{
	(void)pgdat;
	reclaims++;
	if (reclaim_result > 0)
		assert_int_equal(nb_free_pages(sys, ac->cpu, reclaimable, 10), 0);
	return reclaim_result;
}

/* zone_reclaim_mode: a full node near enough is reclaimed before the next is used; whether that
 * helped is seen by its mark. */
static void node_reclaim(void **state)
{
	static const struct {
		unsigned mode, distance;
		int result;
		unsigned calls;
		int nid;
	} cases[] = {
		{0, 10, 1, 0, 0},  /* switched off */
		{1, 10, 1, 1, 1},  /* helped */
		{1, 10, -2, 1, 0}, /* did not scan */
		{1, 10, -1, 1, 0}, /* nothing to reclaim */
		{1, 10, 0, 1, 0},  /* some, not enough */
		{8, 10, 1, 0, 0},  /* no bit of the three */
		{4, 31, 1, 0, 0},  /* the wanted node itself is too far (never so in life) */
	};
	struct nb_page_info info;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t distances[4] = {10, 20, 20, (uint8_t)cases[i].distance};

		allocbox_boot(&box, &two);
		struct nb_zone *z = allocbox_zone(&box, 1, NB_ZONE_NORMAL);

		reclaimable = nb_alloc_pages_node(box.sys, 2, 1, NB_GFP_KERNEL, 10);
		for (unsigned w = 0; w < NB_NR_WMARK; w++)
			z->wmark[w] = nb_zone_free_pages(z) + 100;
		box.sys->distances = distances;
		box.sys->tune.zone_reclaim_mode = cases[i].mode;
		box.sys->hooks.node_reclaim = fake_node_reclaim;
		reclaims = 0;
		reclaim_result = cases[i].result;
		nb_pfn_t pfn = nb_alloc_pages_node(box.sys, 2, 1, NB_GFP_KERNEL, 0);

		assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
		assert_int_equal(info.nid, cases[i].nid);
		assert_int_equal(reclaims, cases[i].calls);
		allocbox_end(&box);
	}
}

static bool node_1_is_clean(struct nb_system *sys, struct nb_pgdat *pgdat)
{
	(void)sys;
	return pgdat->nid == 1;
}

static bool none_is_clean(struct nb_system *sys, struct nb_pgdat *pgdat)
{
	(void)sys;
	(void)pgdat;
	return false;
}

/* Pages that will be dirtied keep off nodes with too many such; in need they go there all the same.
 */
static void dirty_nodes(void **state)
{
	struct nb_page_info info;

	(void)state;
	allocbox_boot(&box, &two);
	box.sys->hooks.node_dirty_ok = node_1_is_clean;
	nb_page_info(box.sys, nb_alloc_page(box.sys, 0, NB_GFP_USER | NB_GFP_BIT_WRITE), &info);
	assert_int_equal(info.nid, 1);
	nb_page_info(box.sys, nb_alloc_page(box.sys, 0, NB_GFP_USER), &info);
	assert_int_equal(info.nid, 0);
	box.sys->hooks.node_dirty_ok = none_is_clean;
	nb_page_info(box.sys, nb_alloc_page(box.sys, 0, NB_GFP_USER | NB_GFP_BIT_WRITE), &info);
	assert_int_equal(info.nid, 0);
	allocbox_end(&box);
}

/* A cpuset's nodes: the whole mask without one of the request's own, the common part with. An
 * interrupt's request may leave them in the slow path. */
static void cpuset_nodes(void **state)
{
	struct nb_nodemask both = {{3}};
	struct nb_page_info info;
	struct nb_task *t;

	(void)state;
	allocbox_boot(&box, &two);
	assert_int_equal(nb_task_create(box.sys, 0, "caged", &t), 0);
	t->flags |= NB_PF_CPUSET;
	t->mems_allowed = (struct nb_nodemask){{2}};
	struct nb_alloc_request rq = {.gfp = NB_GFP_USER, .nid = 0, .task = t};

	assert_int_equal(nb_page_info(box.sys, nb_alloc_pages(box.sys, &rq), &info), 0);
	assert_int_equal(info.nid, 1);
	rq.nodemask = &both;
	assert_int_equal(nb_page_info(box.sys, nb_alloc_pages(box.sys, &rq), &info), 0);
	assert_int_equal(info.nid, 1);
	/* its node is full: no way out for what can wait, one for what cannot */
	struct nb_zone *z = allocbox_zone(&box, 1, NB_ZONE_NORMAL);

	for (unsigned w = 0; w < NB_NR_WMARK; w++)
		z->wmark[w] = 4 * z->managed_pages;
	rq.gfp = NB_GFP_USER | NB_GFP_BIT_NORETRY;
	assert_int_equal(nb_alloc_pages(box.sys, &rq), NB_NO_PFN);
	rq.gfp = NB_GFP_ATOMIC;
	assert_int_equal(nb_page_info(box.sys, nb_alloc_pages(box.sys, &rq), &info), 0);
	assert_int_equal(info.nid, 0);
	nb_task_exit(t);
	nb_task_put(t);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_by_flags),   cmocka_unit_test(refused_requests),
		cmocka_unit_test(refused_frees),    cmocka_unit_test(numa_counters),
		cmocka_unit_test(nodemask),         cmocka_unit_test(node_reclaim),
		cmocka_unit_test(dirty_nodes),      cmocka_unit_test(cpuset_nodes),
		cmocka_unit_test(nofragment),       cmocka_unit_test(events_and_counters),
		cmocka_unit_test(down_to_the_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
