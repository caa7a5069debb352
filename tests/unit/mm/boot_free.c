/* boot_free.c -- the free lists right after boot, machine by machine. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_after_boot),
		cmocka_unit_test(first_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
