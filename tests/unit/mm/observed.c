/* observed.c -- a zone takes on free blocks as they were seen. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;

/* "4M:7 10U:2" */
static void read_counts(struct nb_zone_observed *obs, const char *s)
{
	memset(obs, 0, sizeof(*obs));
	while (*s) {
		unsigned order, n;
		char type;

		assert_int_equal(sscanf(s, "%u%c:%u", &order, &type, &n), 3);
		obs->nr_free_by_type[strchr("UMEHCI", type) - "UMEHCI"][order] = n;
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
}

static void expect_counts(const struct nb_zone_observed *obs, int nid, enum nb_zone_type type)
{
	struct nb_zone_info info;
	uint64_t pages = 0;

	assert_int_equal(nb_zone_info(box.sys, nid, type, &info), 0);
	assert_memory_equal(info.nr_free_by_type, obs->nr_free_by_type,
			    sizeof(info.nr_free_by_type));
	for (unsigned k = 0; k < NB_NR_ORDERS; k++) {
		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++)
			pages += obs->nr_free_by_type[mt][k] << k;
	}
	assert_int_equal(info.free_pages, pages);
	allocbox_check(&box);
}

/* Zones of 8 whole blocks from 0x1000, and what fits them. */
static void counts_that_fit(void **state)
{
	static const struct {
		const char *counts, *lists;
	} cases[] = {
		{"10M:8", "10M:1000*8"},
		{"10M:3", "10M:2400*3"},
		{"", ""},
		/* the split block lies below the free ones; upper halves are free */
		{"0M:1 10M:2", "0M:2401 10M:2800*2"},
		{"0M:2 3U:1 9M:1 10U:1 10M:1", "0M:2401,2403 3U:2008 9M:2200 10U:2800 10M:2c00"},
		{"8M:2 8U:2", "8U:2900,2b00 8M:2d00,2f00"},
		/* as many small blocks as there can be: every second page */
		{"0M:4096", NULL},
		{"0M:1024 0U:1024 0E:1024 0H:512 1M:255 9U:1", NULL},
		/* two free halves of one block, since one never merges */
		{"9M:8 9H:8", NULL},
	};
	struct nb_zone_observed obs;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_error err = {0};

		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-2ffffff",
							    .facts = "0 DMA32 8192"});
		read_counts(&obs, cases[i].counts);
		if (nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, &err))
			fail_msg("case %u: %s", i, err.text);
		expect_counts(&obs, 0, NB_ZONE_DMA32);
		if (cases[i].lists)
			assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), cases[i].lists);
		allocbox_end(&box);
	}
}

/* What cannot be: refused, and nothing is changed. */
static void counts_that_do_not_fit(void **state)
{
	static const char *const cases[] = {
		"10M:9",         "9M:17",      "0M:4097",      "11M:1",
		"13U:1",         "10M:8 0M:1", "9M:8 0U:4096", "8M:16 7M:16 0M:8000",
		"0M:4294967295",
	};
	struct nb_zone_observed obs;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-2ffffff",
						    .facts = "0 DMA32 8192"});
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_error err = {0};

		read_counts(&obs, cases[i]);
		if (nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, &err) != -NB_EINVAL)
			fail_msg("case %u was taken", i);
		assert_non_null(strstr(err.text, "DMA32"));
		assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "10M:1000*8");
		allocbox_check(&box);
	}
	read_counts(&obs, "10M:1");
	assert_int_equal(nb_zone_set_observed(box.sys, 1, NB_ZONE_DMA32, &obs, NULL), -NB_EINVAL);
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_MAX_NR_ZONES, &obs, NULL), -NB_EINVAL);
	allocbox_run(&box, "M4");
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, NULL), -NB_EBUSY);
	allocbox_end(&box);
}

/* Edges hold free blocks where nothing else can: x86's DMA zone, quite free. */
static void edges(void **state)
{
	struct nb_zone_observed obs;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000-9efff, 0 100000-8ffffff",
						    .facts = "0 DMA 3840"});
	read_counts(&obs, "6U:1 7U:1 9M:1 10M:3");
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA, &obs, NULL), 0);
	expect_counts(&obs, 0, NB_ZONE_DMA);
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA), "6U:140 7U:180 9M:200 10M:400*3");
	allocbox_end(&box);
}

/* An edge of a whole pageblock takes a block of the kind that is wanted more, so that the others
 * pair up. */
static void edges_and_pairs(void **state)
{
	struct nb_zone_observed obs;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1200000-21fffff",
						    .facts = "0 DMA32 4096"});
	/* two edges of order 9 and three whole blocks: 2 + 3 * 2 places */
	read_counts(&obs, "9M:3 9H:5");
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, NULL), 0);
	expect_counts(&obs, 0, NB_ZONE_DMA32);
	allocbox_end(&box);
}

/* Pageblocks, marks, reserves, counters; what is in use is the system's, and nobody can free it. */
static void everything_else(void **state)
{
	static const uint64_t marks[NB_NR_WMARK] = {100, 125, 150, 175};
	static const uint64_t protection[NB_MAX_NR_ZONES] = {0, 0, 77};
	struct nb_zone_observed obs;
	struct nb_zone_info info;
	struct nb_page_info page;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-2ffffff",
						    .facts = "0 DMA32 8192"});
	read_counts(&obs, "0M:5 9H:1 10M:2");
	obs.nr_pageblocks[NB_MIGRATE_UNMOVABLE] = 3;
	obs.nr_pageblocks[NB_MIGRATE_MOVABLE] = 11;
	obs.nr_pageblocks[NB_MIGRATE_RECLAIMABLE] = 1;
	obs.nr_pageblocks[NB_MIGRATE_HIGHATOMIC] = 1;
	obs.wmark_pages = marks;
	obs.protection_pages = protection;
	obs.boost_pages = 512;
	obs.numa[NB_NUMA_HIT] = 1000;
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, NULL), 0);
	expect_counts(&obs, 0, NB_ZONE_DMA32);
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_DMA32, &info), 0);
	assert_memory_equal(info.nr_pageblocks, obs.nr_pageblocks, sizeof(obs.nr_pageblocks));
	assert_int_equal(info.wmark_pages[NB_WMARK_LOW], 125 + 512);
	assert_int_equal(info.boost_pages, 512);
	assert_int_equal(info.protection_pages[NB_ZONE_NORMAL], 77);
	assert_int_equal(info.numa[NB_NUMA_HIT], 1000);
	assert_int_equal(info.nr_highatomic_pages, 512);
	/* types of single pageblocks add up to the same */
	uint64_t by_type[NB_MIGRATE_TYPES] = {0};

	for (nb_pfn_t pfn = 0x1000; pfn < 0x3000; pfn += 512) {
		assert_int_equal(nb_page_info(box.sys, pfn, &page), 0);
		by_type[page.migratetype]++;
	}
	assert_memory_equal(by_type, obs.nr_pageblocks, sizeof(by_type));
	assert_int_equal(nb_page_info(box.sys, 0x1000, &page), 0);
	assert_int_equal(page.flags & NB_PAGE_SYSTEM, NB_PAGE_SYSTEM);
	assert_int_equal(nb_free_pages(box.sys, 0, 0x1000, 0), -NB_EINVAL);
	/* and the rest can be used */
	allocbox_run(&box, "P0*2000");
	allocbox_check(&box);
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, NULL), -NB_EBUSY);
	allocbox_end(&box);
}

/* A terabyte with a few thousand small blocks costs the descriptors of those, not of the zone. */
static void cheap(void **state)
{
	struct nb_zone_observed obs;
	struct nb_system_info info;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 100000000-ffffffffff",
						    .facts = "0 Normal 267386880"});
	read_counts(&obs, "0M:9999 1M:5000 2U:3000 5M:800 9M:12 10M:100000 10U:7");
	assert_int_equal(nb_zone_set_observed(box.sys, 0, NB_ZONE_NORMAL, &obs, NULL), 0);
	expect_counts(&obs, 0, NB_ZONE_NORMAL);
	nb_system_info(box.sys, &info);
	assert_true(info.committed_bytes < 12 << 20);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_that_fit), cmocka_unit_test(counts_that_do_not_fit),
		cmocka_unit_test(edges),           cmocka_unit_test(edges_and_pairs),
		cmocka_unit_test(everything_else), cmocka_unit_test(cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
