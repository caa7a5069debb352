/* page_check.c -- every way in which a free can be wrong is refused, named, told of, and changes
 * nothing. */
#include "allocbox.h"

#include "mm/page_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;

static const struct allocbox_spec spec = {
	.ranges = "0 1000-9efff, 0 100000-7ffffff",
	.facts = "0 DMA 3840, 0 DMA32 28000",
	.debug = true,
};

static struct nb_page *page_at(nb_pfn_t pfn)
{
	struct nb_zone *z;

	return nb_pfn_to_page(box.sys, pfn, &z);
}

/* Refused, with that event and that text. */
static void refused(nb_pfn_t pfn, unsigned order, enum nb_bad_page reason, const char *text)
{
	struct nb_error err = {0};
	char want[128];

	allocbox_record(&box, UINT64_C(1) << NB_EV_BAD_PAGE | UINT64_C(1) << NB_EV_MM_PAGE_FREE);
	assert_int_equal(nb_free_pages(box.sys, 0, pfn, order), -NB_EINVAL);
	snprintf(want, sizeof(want), "bad_page %llx %x %x\n", (unsigned long long)pfn, order,
		 (unsigned)reason);
	assert_string_equal(allocbox_events(&box), want);
	assert_int_equal(nb_free_pages_why(box.sys, pfn, order, &err), -NB_EINVAL);
	if (!strstr(err.text, text))
		fail_msg("%s: should speak of: %s", err.text, text);
	allocbox_check(&box);
}

static void every_way(void **state)
{
	(void)state;
	allocbox_boot(&box, &spec);
	allocbox_run(&box, "K0 K3 M4 K6");
	nb_pfn_t a = box.pfn[0], b = box.pfn[1], big = box.pfn[2];

	refused(a, 1, NB_BAD_ORDER, "order 1, but it was allocated with order 0");
	refused(b, 2, NB_BAD_ORDER, "order 2, but it was allocated with order 3");
	refused(b + 1, 0, NB_BAD_TAIL, "not the first of its block");
	refused(b + 4, 2, NB_BAD_TAIL, "not the first of its block");
	refused(0x9f, 0, NB_BAD_FOREIGN, "not the allocator's");
	refused(0x8000, 0, NB_BAD_FOREIGN, "not the allocator's");
	refused(0x1fffffffff, 0, NB_BAD_FOREIGN, "not the allocator's");
	refused(0x10, 0, NB_BAD_FOREIGN, "reserved at boot");
	refused(0x6000, 0, NB_BAD_FREE, "lies in a free block"); /* never touched */
	page_at(a)->refcount = 2;
	refused(a, 0, NB_BAD_REFCOUNT, "refcount 2, should be 1");
	page_at(a)->refcount = 1;
	page_at(a)->mapcount = 3;
	refused(a, 0, NB_BAD_MAPCOUNT, "mapcount 3, should be 0");
	page_at(a)->mapcount = 0;
	page_at(a)->flags |= PG_LRU;
	refused(a, 0, NB_BAD_LRU, "on an LRU list");
	page_at(a)->flags &= ~(uint32_t)PG_LRU;
	assert_int_equal(nb_free_pages_why(box.sys, a, 0, NULL), 0);
	assert_int_equal(nb_free_pages(box.sys, 0, a, 0), 0);
	refused(a, 0, NB_BAD_FREE, "freed twice: it lies in a page set");
	assert_int_equal(nb_free_pages(box.sys, 0, big, 4), 0);
	refused(big, 4, NB_BAD_FREE, "freed twice: it ");
	nb_drain_pages(box.sys, -1);
	refused(a, 0, NB_BAD_FREE, "freed twice: it ");
	allocbox_end(&box);
}

/* The same frees are refused by a system that does not look closely; it only does not tell. */
static void quiet(void **state)
{
	struct allocbox_spec s = spec;

	(void)state;
	s.debug = false;
	allocbox_boot(&box, &s);
	allocbox_run(&box, "K0 K3");
	box.sys->debug = false; /* also in a debug build */
	allocbox_record(&box, UINT64_C(1) << NB_EV_BAD_PAGE);
	assert_int_equal(nb_free_pages(box.sys, 0, box.pfn[0], 1), -NB_EINVAL);
	assert_int_equal(nb_free_pages(box.sys, 0, box.pfn[1] + 1, 0), -NB_EINVAL);
	assert_string_equal(allocbox_events(&box), "");
	allocbox_end(&box);
}

/* Another's write into a block's descriptors shows when it is freed, or handed out. */
static void interior(void **state)
{
	(void)state;
	allocbox_boot(&box, &spec);
	allocbox_run(&box, "K3 K4");
	page_at(box.pfn[0] + 5)->flags = PG_ALLOCATED;
	allocbox_record(&box, UINT64_C(1) << NB_EV_BAD_PAGE);
	assert_int_equal(nb_free_pages(box.sys, 0, box.pfn[0], 3), -NB_EINVAL);
	assert_non_null(strstr(allocbox_events(&box), "bad_page"));
	assert_int_equal(nb_bad_free(box.sys, box.pfn[0], 3), NB_BAD_INTERIOR);
	page_at(box.pfn[0] + 5)->flags = 0;
	assert_int_equal(nb_free_pages(box.sys, 0, box.pfn[1], 4), 0);
	page_at(box.pfn[1] + 1)->flags = PG_ALLOCATED;
	allocbox_record(&box, UINT64_C(1) << NB_EV_BAD_PAGE);
	allocbox_run(&box, "K4");
	assert_int_equal(box.pfn[2], box.pfn[1]);
	assert_non_null(strstr(allocbox_events(&box), "bad_page"));
	page_at(box.pfn[1] + 1)->flags = 0;
	allocbox_end(&box);
}

/* Blocks from before observation began are nobody's to free. */
static void observed(void **state)
{
	struct nb_zone_observed obs = {.nr_pageblocks = {0}};
	struct nb_zone_info info;

	(void)state;
	allocbox_boot(&box, &spec);
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_DMA32, &info), 0);
	memcpy(obs.nr_pageblocks, info.nr_pageblocks, sizeof(obs.nr_pageblocks));
	obs.nr_free_by_type[NB_MIGRATE_MOVABLE][10] = 3;
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, NULL), 0);
	unsigned system_frames = 0;

	for (nb_pfn_t pfn = 0x1000; pfn < 0x7000; pfn += 0x400) {
		struct nb_page_info p;

		if (nb_page_info(box.sys, pfn, &p) || !(p.flags & NB_PAGE_SYSTEM))
			continue;
		system_frames++;
		refused(pfn, 10, NB_BAD_SYSTEM, "before observation");
	}
	assert_true(system_frames > 5);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way),
		cmocka_unit_test(quiet),
		cmocka_unit_test(interior),
		cmocka_unit_test(observed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
