/* probe.c -- what probe.h tells is what the allocator then does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm/page_alloc.h"
#include "sysbox.h"

#include <numabox/probe.h>

struct first {
	int nid;
	enum nb_zone_type zone;
	unsigned seen;
};

static bool take_first(void *arg, const struct nb_zone_probe *z)
{
	struct first *f = arg;

	f->seen++;
	if (z->verdict != NB_PROBE_PASSES)
		return true;
	f->nid = z->nid;
	f->zone = z->zone;
	return false;
}

/* Many requests, many states: the zone that the probe names first is the one that gives the page.
 * Expect agreement until everything is gone. */
static void agrees_with_the_allocator(void **state)
{
	static const nb_gfp_t gfps[] = {NB_GFP_KERNEL,
					NB_GFP_ATOMIC,
					NB_GFP_HIGHUSER_MOVABLE,
					NB_GFP_DMA | NB_GFP_KERNEL,
					NB_GFP_DMA32 | NB_GFP_KERNEL,
					NB_GFP_KERNEL | NB_GFP_BIT_THISNODE,
					NB_GFP_NOWAIT};
	static const char *const kernels[] = {"6.12", "6.1", "5.4", "3.10"};
	uint64_t rng = 42;
	unsigned fast = 0, slow = 0, none = 0;

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct sysbox box;

		sysbox_boot(&box,
			    &(struct sysbox_spec){.nodes = "5G:2 256M:1", .kernel = kernels[k]});
		/* take most of it in large blocks, then small ones until all is gone */
		for (unsigned i = 0; i < 6000; i++) {
			struct nb_alloc_request rq = {.nid = NB_NO_NODE};
			struct first f = {.nid = NB_NO_NODE};
			struct nb_page_info info;
			bool by_fast, by_slow = false;
			nb_pfn_t pfn;

			rng = rng * 6364136223846793005u + 1442695040888963407u;
			rq.gfp = gfps[(rng >> 33) % 7] | NB_GFP_BIT_NORETRY;
			rq.order = i < 1200 ? 10 : (unsigned)(rng >> 40) % 11;
			rq.cpu = (int)((rng >> 50) % 3);
			by_fast = nb_probe_walk(box.sys, &rq, NB_UNKNOWN, NB_PROBE_FAST, take_first,
						&f);
			if (!by_fast)
				by_slow = nb_probe_walk(box.sys, &rq, NB_UNKNOWN, NB_PROBE_SLOW,
							take_first, &f);
			pfn = nb_alloc_pages(box.sys, &rq);
			if (!by_fast && !by_slow) {
				assert_true(pfn == NB_NO_PFN);
				none++;
				continue;
			}
			assert_true(pfn != NB_NO_PFN);
			assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
			assert_int_equal(info.nid, f.nid);
			assert_int_equal(info.zone, f.zone);
			fast += by_fast;
			slow += by_slow;
		}
		sysbox_end(&box);
	}
	/* every way out was gone */
	assert_true(fast > 1000 && slow > 10 && none > 100);
}

static void policies(void **state)
{
	struct nb_request_probe q;
	struct nb_nodemask one = sysbox_mask(2), both = sysbox_mask(3);
	struct nb_alloc_request rq = {.gfp = NB_GFP_HIGHUSER_MOVABLE, .nid = NB_NO_NODE};
	struct nb_task *t;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "5G:2 256M:1"});
	assert_int_equal(nb_task_create(box.sys, 0, "t", &t), 0);
	rq.task = t;
	assert_int_equal(nb_probe_request(box.sys, &rq, NB_UNKNOWN, &q), 0);
	assert_int_equal(q.nid, 0);
	assert_false(q.masked);
	assert_true(q.may_oom && q.may_reclaim && !q.costly);

	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &one), 0);
	assert_int_equal(nb_probe_request(box.sys, &rq, NB_UNKNOWN, &q), 0);
	assert_int_equal(q.nid, 0); /* the local node's list, masked */
	assert_true(q.masked && nb_nodemask_test(&q.nodes, 1) && !nb_nodemask_test(&q.nodes, 0));

	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_PREFERRED, &one), 0);
	assert_int_equal(nb_probe_request(box.sys, &rq, NB_UNKNOWN, &q), 0);
	assert_int_equal(q.nid, 1);
	assert_false(q.masked);

	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &both), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct nb_page_info info;
		struct nb_request_probe again;

		assert_int_equal(nb_probe_request(box.sys, &rq, NB_UNKNOWN, &q), 0);
		assert_int_equal(nb_probe_request(box.sys, &rq, NB_UNKNOWN, &again), 0);
		assert_int_equal(q.nid, again.nid); /* the counter stands still */
		assert_int_equal(nb_page_info(box.sys, nb_alloc_pages(box.sys, &rq), &info), 0);
		assert_int_equal(info.nid, q.nid);
		assert_int_equal(nb_probe_request(box.sys, &rq, i, &q), 0);
		assert_int_equal(q.nid, i % 2);
	}
	nb_task_put(t);
	sysbox_end(&box);
}

static void one_zone(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = NB_NO_NODE};
	struct nb_zone_info z;
	struct nb_zone_probe p;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8G:2 8G:1"});
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_NORMAL, &z), 0);
	/* at the mark fails, one page above it passes */
	assert_int_equal(nb_probe_zone(box.sys, &rq, 0, NB_ZONE_NORMAL, NB_PROBE_FAST, NB_WMARK_LOW,
				       z.wmark_pages[NB_WMARK_LOW], &p),
			 0);
	assert_int_equal(p.verdict, NB_PROBE_SHORT);
	assert_int_equal(p.spare_pages, 0);
	assert_int_equal(nb_probe_zone(box.sys, &rq, 0, NB_ZONE_NORMAL, NB_PROBE_FAST, NB_WMARK_LOW,
				       z.wmark_pages[NB_WMARK_LOW] + 1, &p),
			 0);
	assert_int_equal(p.verdict, NB_PROBE_PASSES);
	/* a Normal request in DMA32 leaves the reserve alone */
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_DMA32, &z), 0);
	assert_int_equal(nb_probe_zone(box.sys, &rq, 0, NB_ZONE_DMA32, NB_PROBE_FAST, NB_WMARK_LOW,
				       NB_UNKNOWN, &p),
			 0);
	assert_int_equal(p.reserve_pages, z.protection_pages[NB_ZONE_NORMAL]);
	/* atomic: half the mark, then three quarters of that */
	rq.gfp = NB_GFP_ATOMIC;
	assert_int_equal(nb_probe_zone(box.sys, &rq, 0, NB_ZONE_NORMAL, NB_PROBE_SLOW, NB_WMARK_MIN,
				       NB_UNKNOWN, &p),
			 0);
	{
		int64_t half = p.mark_pages - p.mark_pages / 2;

		assert_int_equal(p.mark_reduced_pages, half - half / 4);
	}
	assert_int_equal(nb_probe_zone(box.sys, &rq, 7, NB_ZONE_NORMAL, NB_PROBE_SLOW, NB_WMARK_MIN,
				       NB_UNKNOWN, &p),
			 -NB_ENODEV);
	rq.order = 99;
	assert_int_equal(nb_probe_request(box.sys, &rq, NB_UNKNOWN, &(struct nb_request_probe){0}),
			 -NB_EINVAL);
	sysbox_end(&box);
}

/* The parts add up to what is in force, on every kernel, by rule and after a write. */
static void marks(void **state)
{
	struct nb_wmark_parts w;
	struct nb_min_free_parts m;
	const struct nb_kernel_profile *prof;

	(void)state;
	for (unsigned k = 0; (prof = nb_kernel_at(k)); k++) {
		struct sysbox box;

		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "5G:2 2G:1",
							.kernel = prof->key,
							.cmdline = "transparent_hugepage=never"});
		nb_probe_min_free(box.sys, &m);
		assert_false(m.thp);
		assert_int_equal(m.again ? m.again_kib : m.clamped_kib, m.in_force_kib);
		sysbox_end(&box);
		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "5G:2 2G:1", .kernel = prof->key});
		nb_probe_min_free(box.sys, &m);
		assert_int_equal(m.thp && m.thp_kib > m.clamped_kib ? m.thp_kib
				 : m.again                          ? m.again_kib
								    : m.clamped_kib,
				 m.in_force_kib);
		assert_false(m.by_user);
		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			if (nb_probe_wmark_parts(box.sys, 0, (enum nb_zone_type)t, &w))
				continue;
			assert_true(w.in_force);
		}
		assert_int_equal(nb_sysctl_write(box.sys, "vm.min_free_kbytes", "67584", NULL), 0);
		nb_probe_min_free(box.sys, &m);
		assert_true(m.by_user);
		assert_int_equal(m.in_force_kib, 67584);
		assert_int_equal(nb_probe_wmark_parts(box.sys, 1, NB_ZONE_NORMAL, &w), 0);
		assert_true(w.in_force);
		assert_int_equal(w.min_free_pages, 16896);
		assert_int_equal(w.min_pages, w.min_free_pages * w.managed_pages / w.lowmem_pages);
		sysbox_end(&box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_allocator),
		cmocka_unit_test(policies),
		cmocka_unit_test(one_zone),
		cmocka_unit_test(marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
