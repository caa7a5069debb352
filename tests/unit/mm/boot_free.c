/* boot_free.c -- the free lists right after boot, machine by machine. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;

struct boot_lists {
	struct allocbox_spec spec;
	int nid;
	enum nb_zone_type zone;
	const char *lists;
	uint64_t blocks[NB_MIGRATE_TYPES]; /* of pagetypeinfo */
};

static const struct boot_lists cases[] = {
	/* QEMU's low memory: the kernel keeps the first MiB, pageblock 0 begins in a hole and stays
	   unmovable */
	{{.ranges = "0 1000-9efff, 0 100000-7ffdefff", .facts = "0 DMA 3840, 0 DMA32 503500"},
	 0,
	 NB_ZONE_DMA,
	 "8U:100 9M:200 10M:400*3",
	 {1, 7}},
	/* the rest of the reserved pages are the zone's highest: 0x7ffdf - 16671 = 0x7bec0 */
	{{.ranges = "0 1000-9efff, 0 100000-7ffdefff", .facts = "0 DMA 3840, 0 DMA32 503488"},
	 0,
	 NB_ZONE_DMA32,
	 "6M:7be80 7M:7be00 9M:7bc00 10M:1000*491",
	 {0, 1016}},
	/* nothing reserved: the whole first MiB is free in the chunks that its alignment gives */
	{{.ranges = "0 1000-9efff, 0 100000-3fffff", .facts = "0 DMA 926"},
	 0,
	 NB_ZONE_DMA,
	 "0U:1,9e 1U:2,9c 2U:4,98 3U:8,90 4U:10,80 5U:20 6U:40 8U:100 9M:200",
	 {1, 1}},
	/* two ranges, one list in address order; leftovers at both ends of each, those of the
	 * pageblock that begins in the hole unmovable */
	{{.ranges = "0 40000000-407fefff, 0 40c01000-41000fff", .facts = "0 DMA32 3071"},
	 0,
	 NB_ZONE_DMA32,
	 "0U:40c01 0M:407fe,41000 1U:40c02 1M:407fc 2U:40c04 2M:407f8 3U:40c08 3M:407f0 4U:40c10 "
	 "4M:407e0 5U:40c20 5M:407c0 6U:40c40 6M:40780 7U:40c80 7M:40700 8U:40d00 8M:40600 "
	 "9M:40400,40e00 10M:40000",
	 {0}},
	/* high memory is given page by page to the heads: highest block first */
	{{.ranges = "0 1000-9efff, 0 100000-41ffefff",
	  .arch = NB_ARCH_I386PAE,
	  .facts = "0 DMA 3840, 0 Normal 225280, 0 HighMem 40959",
	  .lowmem_end = 0x38000000},
	 0,
	 NB_ZONE_HIGHMEM,
	 "0M:41ffe 1M:41ffc 2M:41ff8 3M:41ff0 4M:41fe0 5M:41fc0 6M:41f80 7M:41f00 8M:41e00 "
	 "9M:41c00 "
	 "10M:41800*-39",
	 {0, 80}},
	/* CMA: whole pageblocks at the top, on a list of their own */
	{{.ranges = "0 40000000-4fffffff", .arch = NB_ARCH_ARM64, .facts = "0 DMA 65000 cma 4096"},
	 0,
	 NB_ZONE_DMA,
	 "3M:4fde0 5M:4fdc0 6M:4fd80 7M:4fd00 8M:4fc00 10M:40000*59 10C:4f800*-4",
	 {0, 120, 0, 0, 8}},
	{{.ranges = "0 40000000-4fffffff", .arch = NB_ARCH_ARM64, .facts = "0 DMA 65500 cma 4096"},
	 0,
	 NB_ZONE_DMA,
	 "2M:4ffd8 3M:4ffd0 4M:4ffc0 6M:4ff80 7M:4ff00 8M:4fe00 9M:4ec00 9C:4fc00,4ee00 "
	 "10M:40000*59 "
	 "10C:4f800*-3",
	 {0, 120, 0, 0, 8}},
};

static void lists_after_boot(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		allocbox_boot(&box, &cases[i].spec);
		assert_string_equal(allocbox_lists(&box, cases[i].nid, cases[i].zone),
				    cases[i].lists);
		const struct nb_zone *z = allocbox_zone(&box, cases[i].nid, cases[i].zone);

		for (unsigned mt = 0; cases[i].blocks[1] && mt < NB_MIGRATE_TYPES; mt++)
			assert_int_equal(z->nr_pageblocks[mt], cases[i].blocks[mt]);
		assert_int_equal(z->nr_free_pages, z->managed_pages);
		allocbox_end(&box);
	}
}

/* The first page of memory that is handed out is the lowest leftover; then the lowest whole block.
 */
static void first_pages(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 40800000-48ffefff",
						    .facts = "0 DMA32 34815"});
	assert_string_equal(allocbox_run(&box, "M10*2 M4"), "40800 40c00 48fe0");
	allocbox_end(&box);
}

static uint32_t flags_at(nb_pfn_t pfn)
{
	struct nb_page_info info;

	assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
	return info.flags & (NB_PAGE_FREE | NB_PAGE_RESERVED | NB_PAGE_SYSTEM);
}

/* One zone, in which three ranges are reserved: the edges, part of a page, a whole block. */
#define RANGES "0 40000000-40ffffff"
#define RESERVED "40000000-400fffff, 40400123-40400200, 40800000-40bfffff"
#define LISTS                                                                               \
	"0M:40401 1M:40402 2M:40404 3M:40408 4M:40410 5M:40420 6M:40440 7M:40480 8M:40100," \
	"40500 9M:40200,40600 10M:40c00"
#define FREE_PAGES (4096 - 256 - 1 - 1024)

/* Memory is freed around what was reserved; nothing else being told, that is what is managed. */
static void around_reserved(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = RANGES, .reserved = RESERVED});
	const struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), LISTS);
	assert_int_equal(z->managed_pages, FREE_PAGES);
	assert_int_equal(z->managed_at_init_pages, FREE_PAGES);
	assert_int_equal(z->managed_source, NB_SOURCE_COMPUTED);
	assert_int_equal(z->later_pages, 0);
	assert_int_equal(flags_at(0x40000), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x400ff), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40100), NB_PAGE_FREE);
	assert_int_equal(flags_at(0x40400), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40401), NB_PAGE_FREE);
	assert_int_equal(flags_at(0x40bff), NB_PAGE_RESERVED);
	assert_string_equal(allocbox_run(&box, "M0 M10 M10"), "40401 40c00 -");
	allocbox_end(&box);
}

/* More is managed than was freed: boot gave it back later, and the system uses it. */
static void given_back_later(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = RANGES,
						    .reserved = RESERVED,
						    .facts = "0 DMA32 2915"});
	const struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), LISTS);
	assert_int_equal(z->managed_pages, 2915);
	assert_int_equal(z->later_pages, 2915 - FREE_PAGES);
	assert_int_equal(z->nr_free_pages, FREE_PAGES);
	assert_int_equal(flags_at(0x40c00 - 101), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40c00 - 100), NB_PAGE_SYSTEM);
	assert_int_equal(flags_at(0x40bff), NB_PAGE_SYSTEM);
	allocbox_end(&box);

	/* The initrd's pages come first, then the image's, then any. */
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = RANGES,
						    .reserved = RESERVED,
						    .early = "40800000-408fffff, 40010000-4001ffff",
						    .facts = "0 DMA32 3088"});
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), LISTS);
	assert_int_equal(flags_at(0x4000f), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40010), NB_PAGE_SYSTEM);
	assert_int_equal(flags_at(0x4001f), NB_PAGE_SYSTEM);
	assert_int_equal(flags_at(0x40020), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40800), NB_PAGE_SYSTEM);
	assert_int_equal(flags_at(0x408ff), NB_PAGE_SYSTEM);
	assert_int_equal(flags_at(0x40bfe), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40bff), NB_PAGE_SYSTEM);
	allocbox_end(&box);
}

/* What contradicts puts all ranges out of use, and the rule places reserved pages. */
static void contradictions(void **state)
{
	static const struct allocbox_spec specs[] = {
		{.ranges = RANGES, .reserved = RESERVED, .facts = "0 DMA32 2814"},
		{.ranges = RANGES, .reserved = RESERVED, .facts = "0 DMA32 3000 cma 512"},
		{.ranges = RANGES, .reserved = RESERVED, .cmdline = "hugepagesz=1G hugepages=1"},
		{.ranges = "0 100000000-7ffffffff",
		 .reserved = "100000000-7ffffffff",
		 .facts = "0 Normal 7000000"},
		{.ranges = RANGES, .reserved = "0-fff, 41000000-41ffffff"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		allocbox_boot(&box, &specs[i]);
		enum nb_zone_type type = i == 3 ? NB_ZONE_NORMAL : NB_ZONE_DMA32;
		const struct nb_zone *z = allocbox_zone(&box, 0, type);

		assert_int_equal(box.sys->nr_reserved, 0);
		assert_int_equal(z->later_pages, 0);
		assert_int_equal(z->nr_free_pages, z->managed_pages);
		assert_int_equal(flags_at(z->zone_start_pfn), NB_PAGE_FREE);
		allocbox_end(&box);
	}
}

/* A late pageblock that begins in reserved pages stays unmovable, until 6.15. */
static void late_blocks(void **state)
{
	static const struct {
		const char *kernel;
		uint64_t unmovable;
	} kernels[] = {{"6.12", 3}, {"6.18", 0}};

	(void)state;
	for (unsigned i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		allocbox_boot(&box, &(struct allocbox_spec){
					    .ranges = "0 100000000-11fffffff",
					    .reserved = "104000000-1047fffff, 10fff0000-110400fff",
					    .kernel = kernels[i].kernel});
		const struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

		assert_int_equal(z->nr_pageblocks[NB_MIGRATE_UNMOVABLE], kernels[i].unmovable);
		assert_int_equal(z->nr_pageblocks[NB_MIGRATE_MOVABLE], 256 - kernels[i].unmovable);
		assert_int_equal(z->nr_free_pages, z->managed_pages);
		allocbox_end(&box);
	}
}

/* Late memory begins once a section's worth of pages has been initialised; holes are none. */
static void late_past_a_hole(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){
				    .ranges = "0 100000000-103ffffff, 0 110000000-11fffffff",
				    .reserved = "110000000-1103fffff, 118000000-1181fffff"});
	const struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

	/* the hole in the first section counts, too */
	assert_int_equal(z->nr_pageblocks[NB_MIGRATE_UNMOVABLE], 32 + 1);
	allocbox_end(&box);
}

/* An observed state keeps off what was reserved for good. */
static void observed_around_reserved(void **state)
{
	struct nb_zone_observed obs = {0};
	struct nb_error err = {0};

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = RANGES,
						    .reserved = RESERVED,
						    .facts = "0 DMA32 2915"});
	obs.nr_free_by_type[NB_MIGRATE_MOVABLE][0] = 5;
	obs.nr_free_by_type[NB_MIGRATE_MOVABLE][9] = 2;
	obs.nr_free_by_type[NB_MIGRATE_MOVABLE][10] = 1;
	if (nb_zone_set_observed(box.sys, 0, NB_ZONE_DMA32, &obs, &err))
		fail_msg("%s", err.text);
	const struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	assert_int_equal(z->nr_free_pages, 5 + 2 * 512 + 1024);
	assert_int_equal(z->managed_pages, 2915);
	assert_int_equal(flags_at(0x40000), NB_PAGE_RESERVED);
	assert_int_equal(flags_at(0x40400), NB_PAGE_RESERVED);
	allocbox_end(&box);
}

/* Random ranges, byte by byte: a page is free unless one touches it. */
static void random_reservations(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		static bool taken[4096];
		char text[1024], facts[64];
		uint64_t at = 0x40000000, n = 0, later = round % 3 * 7;
		size_t len = 0;

		memset(taken, 0, sizeof(taken));
		for (unsigned i = 0; i < 12; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			uint64_t start = at + (seed >> 33) % (round % 2 ? 0x180000 : 0x8000);
			uint64_t size = (seed >> 45) % (round % 5 ? 0x3000 : 0x100000);

			at = start + size + 1;
			if (at >= 0x41000000)
				break;
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llx-%llx",
						len ? ", " : "", (unsigned long long)start,
						(unsigned long long)at - 1);
			for (uint64_t p = start >> 12; p <= (at - 1) >> 12; p++)
				taken[p - 0x40000] = true;
		}
		for (unsigned i = 0; i < 4096; i++)
			n += !taken[i];
		later = later < 4096 - n ? later : 4096 - n;
		snprintf(facts, sizeof(facts), "0 DMA32 %llu", (unsigned long long)(n + later));
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = RANGES,
							    .reserved = text,
							    .facts = round % 4 ? facts : NULL});
		const struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
		uint64_t system = 0;

		assert_int_equal(z->nr_free_pages, n);
		for (unsigned i = 0; i < 4096; i++) {
			system += flags_at(0x40000 + i) == NB_PAGE_SYSTEM;
			assert_int_equal(flags_at(0x40000 + i) == NB_PAGE_FREE, !taken[i]);
		}
		assert_int_equal(system, round % 4 ? later : 0);
		allocbox_end(&box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_after_boot),    cmocka_unit_test(first_pages),
		cmocka_unit_test(around_reserved),     cmocka_unit_test(given_back_later),
		cmocka_unit_test(contradictions),      cmocka_unit_test(late_blocks),
		cmocka_unit_test(late_past_a_hole),    cmocka_unit_test(observed_around_reserved),
		cmocka_unit_test(random_reservations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
