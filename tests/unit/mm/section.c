/* section.c -- frames, descriptors and zones: where one is, the others are found. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;

/* Every frame of every range has a descriptor of its own that leads back to it, and frames outside
 * have none. */
static void frames_and_descriptors(void **state)
{
	static const struct {
		const char *ranges;
		unsigned page_shift;
		enum nb_arch arch;
		struct {
			nb_pfn_t pfn;
			int nid; /* -1: a hole */
			enum nb_zone_type zone;
		} want[12];
	} cases[] = {
		{"0 1000-9efff, 0 100000-7fffffff, 0 100000000-13fffffff",
		 12,
		 NB_ARCH_X86_64,
		 {{0, -1, 0},
		  {1, 0, NB_ZONE_DMA},
		  {0x9e, 0, NB_ZONE_DMA},
		  {0x9f, -1, 0},
		  {0xff, -1, 0},
		  {0x100, 0, NB_ZONE_DMA},
		  {0xfff, 0, NB_ZONE_DMA},
		  {0x1000, 0, NB_ZONE_DMA32},
		  {0x7ffff, 0, NB_ZONE_DMA32},
		  {0x80000, -1, 0},
		  {0x100000, 0, NB_ZONE_NORMAL},
		  {0x140000, -1, 0}}},
		/* nodes that take turns, and a border inside a max-order block */
		{"0 0-3fffff, 1 400000-7fefff, 0 7ff000-bfffff, 1 c00000-ffffff",
		 12,
		 NB_ARCH_X86_64,
		 {{0, 0, NB_ZONE_DMA},
		  {0x3ff, 0, NB_ZONE_DMA},
		  {0x400, 1, NB_ZONE_DMA},
		  {0x7fe, 1, NB_ZONE_DMA},
		  {0x7ff, 0, NB_ZONE_DMA},
		  {0x800, 0, NB_ZONE_DMA},
		  {0xbff, 0, NB_ZONE_DMA},
		  {0xc00, 1, NB_ZONE_DMA},
		  {0xfff, 1, NB_ZONE_DMA},
		  {0x1000, -1, 0},
		  {UINT64_MAX, -1, 0},
		  {UINT64_MAX - 1, -1, 0}}},
		{"0 40000000-7fffffff",
		 16,
		 NB_ARCH_ARM64,
		 {{0, -1, 0},
		  {1, -1, 0},
		  {0x4000, 0, NB_ZONE_DMA},
		  {0x7fff, 0, NB_ZONE_DMA},
		  {0x8000, -1, 0},
		  {2, -1, 0},
		  {3, -1, 0},
		  {4, -1, 0},
		  {5, -1, 0},
		  {6, -1, 0},
		  {7, -1, 0},
		  {8, -1, 0}}},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = cases[i].ranges,
							    .arch = cases[i].arch,
							    .page_shift = cases[i].page_shift});
		for (unsigned k = 0; k < 12; k++) {
			struct nb_zone *z = NULL;
			struct nb_page *p = nb_pfn_to_page(box.sys, cases[i].want[k].pfn, &z);

			if (cases[i].want[k].nid < 0) {
				assert_null(p);
				continue;
			}
			assert_non_null(p);
			assert_int_equal(z->pgdat->nid, cases[i].want[k].nid);
			assert_int_equal(z->type, cases[i].want[k].zone);
			assert_true(p >= z->mem_map);
			assert_true(nb_page_dense(z->mem_map, p) < z->pgdat->mem_map_pages);
			assert_int_equal(nb_zone_page_pfn(z, p), cases[i].want[k].pfn);
		}
		allocbox_end(&box);
	}
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Random ranges of 4 KiB .. 64 MiB on three nodes, with holes: the map agrees with the list of
 * ranges. */
static void random_ranges(void **state)
{
	enum { RANGES = 48 };
	uint64_t seed = 0x9e3779b97f4a7c15u;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		nb_pfn_t start[RANGES], end[RANGES], at = next(&seed) % 4096;
		char text[RANGES * 48] = "";
		int nid[RANGES];

		for (unsigned i = 0; i < RANGES; i++) {
			nid[i] = i < 3 ? (int)i : (int)(next(&seed) % 3);
			start[i] = at;
			end[i] = at + 1 + next(&seed) % (next(&seed) % 4 ? 3000 : 16384);
			at = end[i] + (next(&seed) % 2 ? next(&seed) % 5000 : 0);
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d %llx-%llx",
				 i ? ", " : "", nid[i], (unsigned long long)start[i] << 12,
				 ((unsigned long long)end[i] << 12) - 1);
		}
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = text});
		for (unsigned i = 0; i < RANGES; i++) {
			nb_pfn_t probe[] = {start[i], end[i] - 1,
					    start[i] + next(&seed) % (end[i] - start[i])};
			struct nb_zone *z;

			for (unsigned k = 0; k < 3; k++) {
				struct nb_page *p = nb_pfn_to_page(box.sys, probe[k], &z);

				assert_non_null(p);
				assert_int_equal(z->pgdat->nid, nid[i]);
				assert_int_equal(nb_zone_page_pfn(z, p), probe[k]);
			}
			if (i + 1 < RANGES && end[i] < start[i + 1])
				assert_null(nb_pfn_to_page(box.sys, end[i], &z));
		}
		allocbox_end(&box);
	}
}

/* Numbers are given to max-order blocks that hold something: a hole of whole blocks costs none. */
static void holes_cost_nothing(void **state)
{
	(void)state;
	allocbox_boot(&box,
		      &(struct allocbox_spec){.ranges = "0 100000-3fffff, 0 40000000-407fffff, "
							"0 10000000000-100003fffff"});
	struct nb_pgdat *p = nb_node_data(box.sys, 0);

	assert_int_equal(p->mem_map_pages, 1024 + 2048 + 1024);
	assert_int_equal(p->nr_runs, 3);
	assert_int_equal(nb_dense_to_pfn(p, 1024), 0x40000);
	assert_int_equal(nb_dense_to_pfn(p, 3071), 0x407ff);
	assert_int_equal(nb_dense_to_pfn(p, 3072), 0x10000000);
	allocbox_end(&box);
}

/* Booting touches a step of descriptors for each list element, whatever the size. */
static void boot_commits_little(void **state)
{
	struct nb_system_info info;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 0-ffffffffff"}); /* 1 TiB */
	nb_system_info(box.sys, &info);
	assert_int_equal(info.present_pages, UINT64_C(1) << 28);
	assert_true(info.committed_bytes < 2 << 20);
	allocbox_end(&box);
}

static int fail_commit(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)p;
	(void)bytes;
	return -NB_ENOMEM;
}

/* A host without memory for descriptors makes a request fail, and nothing is lost. */
static void no_host_memory(void **state)
{
	int (*commit)(void *, void *, size_t);

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-4ffffff",
						    .facts = "0 DMA32 16384"});
	assert_string_equal(allocbox_run(&box, "K10 K10"), "1000 1400");
	/* two blocks' descriptors make one step of 64 KiB */
	commit = box.sys->port_copy.commit;
	box.sys->port_copy.commit = fail_commit;
	assert_string_equal(allocbox_run(&box, "K10 K10 M0"), "1800 - -");
	allocbox_check(&box);
	box.sys->port_copy.commit = commit;
	assert_string_equal(allocbox_run(&box, "K10"), "1c00");
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_and_descriptors), cmocka_unit_test(random_ranges),
		cmocka_unit_test(holes_cost_nothing),     cmocka_unit_test(boot_commits_little),
		cmocka_unit_test(no_host_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
