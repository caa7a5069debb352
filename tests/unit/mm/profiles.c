/* profiles.c -- tests of what the kernel profiles make of one machine: marks, protection, page
 * sets, memoryless nodes. No capture confirms the older ones; the figures are worked out by hand
 * from docs/kernels.md.
 */
#include "sysbox.h"
#include <numabox/gfp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct nb_zone_info zone(const struct sysbox *box, int nid, enum nb_zone_type type)
{
	struct nb_zone_info z;

	assert_int_equal(nb_zone_info(box->sys, nid, type, &z), 0);
	return z;
}

static struct nb_pcp_info pageset(const struct sysbox *box, int nid, enum nb_zone_type type)
{
	struct nb_pcp_info p;

	assert_int_equal(nb_pcp_info(box->sys, nid, type, 0, &p), 0);
	return p;
}

static int64_t min_free(const struct sysbox *box)
{
	struct nb_system_info info;

	nb_system_info(box->sys, &info);
	return (int64_t)info.min_free_kbytes;
}

/* Expect the square root of 1.5 TiB to stop at 64 MiB to 5.7, at 256 MiB since; without huge pages'
 * say, and from 5.16 on with the first high marks left out of the second root. */
static void test_min_free(void **state)
{
	static const struct {
		const char *kernel;
		int64_t least, most;
	} t[] = {
		{"2.6.24", 65536, 65536}, {"3.10", 65536, 65536},   {"4.18", 65536, 65536},
		{"5.4", 65536, 65536},    {"5.10", 159000, 162200}, {"5.15", 159000, 162200},
		{"6.8", 159000, 162200},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct sysbox box;

		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1536G:1",
							.kernel = t[i].kernel,
							.cmdline = "transparent_hugepage=never"});
		if (min_free(&box) < t[i].least || min_free(&box) > t[i].most)
			fail_msg("%s: %lld", t[i].kernel, (long long)min_free(&box));
		sysbox_end(&box);
	}
}

/* Expect huge pages to ask for 11 pageblocks a zone, Movable among them to 5.13: DMA, DMA32, Normal
 * and Movable, 22528 pages against 16896. 2.6.24 has none. */
static void test_thp(void **state)
{
	static const struct {
		const char *kernel;
		int64_t kib;
	} t[] = {
		{"3.10", 90112}, {"4.18", 90112}, {"5.10", 90112}, {"5.15", 67584}, {"6.6", 67584}};
	struct sysbox box;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1",
							.kernel = t[i].kernel,
							.cmdline = "movablecore=4G"});
		if (min_free(&box) != t[i].kib)
			fail_msg("%s: %lld", t[i].kernel, (long long)min_free(&box));
		sysbox_end(&box);
	}
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1", .kernel = "2.6.24"});
	assert_true(min_free(&box) > 16000 && min_free(&box) < 16384);
	sysbox_end(&box);
}

/* Expect the marks' distance to be a thousandth of the zone at least from 4.6 on; half the minimum
 * for both before. */
static void test_marks(void **state)
{
	static const struct {
		const char *kernel;
		bool scaled;
	} t[] = {{"2.6.24", false}, {"3.10", false}, {"4.18", true}, {"5.15", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nb_zone_info z;
		struct sysbox box;
		uint64_t gap;

		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64G:1",
							.kernel = t[i].kernel,
							.cmdline = "transparent_hugepage=never"});
		z = zone(&box, 0, NB_ZONE_NORMAL);
		gap = z.managed_pages / 10000 * 10 + z.managed_pages % 10000 * 10 / 10000;
		if (!t[i].scaled)
			gap = z.wmark_pages[NB_WMARK_MIN] / 4;
		assert_int_equal(z.wmark_pages[NB_WMARK_LOW], z.wmark_pages[NB_WMARK_MIN] + gap);
		sysbox_end(&box);
	}
}

/* Expect a full Movable zone of a 64-bit kernel to get its share of the minimum to 6.5, and 128
 * pages at most since. */
static void test_movable(void **state)
{
	static const struct {
		const char *kernel;
		bool share;
	} t[] = {{"4.18", true}, {"6.1", true}, {"6.6", false}, {"6.12", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nb_zone_info z;
		struct sysbox box;

		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1",
							.kernel = t[i].kernel,
							.cmdline = "movablecore=8G"});
		z = zone(&box, 0, NB_ZONE_MOVABLE);
		if (t[i].share)
			assert_true(z.wmark_pages[NB_WMARK_MIN] > 5000);
		else
			assert_int_equal(z.wmark_pages[NB_WMARK_MIN], 128);
		sysbox_end(&box);
	}
}

/* Expect a zone without pages below one that has some (all of Normal is Movable) to have a
 * protection to 5.7. */
static void test_empty_zone(void **state)
{
	static const struct {
		const char *kernel;
		bool reserves;
	} t[] = {{"3.10", true}, {"5.4", true}, {"5.10", false}, {"6.1", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nb_zone_info normal, movable;
		unsigned seen = 0;
		struct sysbox box;

		/* all above 4 GiB is Movable */
		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8G:1 2G:1",
							.kernel = t[i].kernel,
							.cmdline = "kernelcore=4G"});
		for (int nid = 0; nid < 2; nid++) {
			normal = zone(&box, nid, NB_ZONE_NORMAL);
			movable = zone(&box, nid, NB_ZONE_MOVABLE);
			if (normal.managed_pages || !movable.managed_pages)
				continue;
			seen++;
			assert_int_equal(normal.protection_pages[NB_ZONE_MOVABLE],
					 t[i].reserves ? movable.managed_pages / 32 : 0);
		}
		assert_int_equal(seen, 2);
		sysbox_end(&box);
	}
}

/* Expect batches of 31 to 4.18, 63 since; highs of six batches to 5.13 and 0 where the batch was
 * rounded to nothing. A zone that deferred initialisation would cut has the batch of its first
 * section in 4.18. */
static void test_pagesets(void **state)
{
	static const struct {
		const char *kernel;
		unsigned dma_high, dma32_batch, dma32_high, normal_batch;
	} t[] = {
		{"2.6.24", 0, 31, 186, 31}, {"3.10", 0, 31, 186, 31}, {"4.18", 0, 31, 186, 7},
		{"4.19", 0, 63, 378, 63},   {"5.4", 0, 63, 378, 63},  {"5.10", 0, 63, 378, 63},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nb_pcp_info p;
		struct sysbox box;

		sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1", .kernel = t[i].kernel});
		p = pageset(&box, 0, NB_ZONE_DMA);
		assert_int_equal(p.batch, 1);
		assert_int_equal(p.high, t[i].dma_high);
		p = pageset(&box, 0, NB_ZONE_DMA32);
		assert_int_equal(p.batch, t[i].dma32_batch);
		assert_int_equal(p.high, t[i].dma32_high);
		p = pageset(&box, 0, NB_ZONE_NORMAL);
		assert_int_equal(p.batch, t[i].normal_batch);
		assert_int_equal(p.high, t[i].normal_batch * 6);
		sysbox_end(&box);
	}
}

/* Expect x86 to hide a node without memory before 4.9, and the node to lead its own list to 6.6. */
static void test_memoryless(void **state)
{
	static const struct {
		const char *kernel;
		unsigned nodes, first;
	} t[] = {{"3.10", 1, 0}, {"4.18", 2, 1}, {"6.6", 2, 1}, {"6.8", 2, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nb_node_info n;
		struct sysbox box;

		sysbox_boot(&box,
			    &(struct sysbox_spec){.nodes = "2G:1 0:1", .kernel = t[i].kernel});
		assert_int_equal(nb_system_nr_nodes(box.sys), t[i].nodes);
		if (t[i].nodes == 2) {
			assert_int_equal(nb_node_info(box.sys, 1, &n), 0);
			assert_int_equal(n.fallback[0], t[i].first);
		}
		sysbox_end(&box);
	}
}

/* Expect the masks of reports as each kernel numbers them: 0x280da, 0x6200ca and 0x100cca are an
 * anonymous page's request in 3.10, 4.18 and 5.1 and later. */
static void test_gfp_numbers(void **state)
{
	static const struct {
		const char *kernel;
		uint32_t raw;
		nb_gfp_t gfp;
	} t[] = {
		{"3.10", 0x280da, NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_ZERO},
		{"3.10", 0xd0, NB_GFP_KERNEL},
		{"3.10", 0x20, NB_GFP_BIT_HIGH},
		{"4.18", 0x6200ca, NB_GFP_HIGHUSER_MOVABLE},
		{"4.18", 0x6000c0, NB_GFP_KERNEL},
		{"4.19", 0x480020, NB_GFP_ATOMIC},
		{"5.4", 0x100cca, NB_GFP_HIGHUSER_MOVABLE},
		{"5.15", 0xa20, NB_GFP_ATOMIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct nb_kernel_profile *p = nb_kernel_by_key(t[i].kernel);

		assert_int_equal(nb_gfp_from_kernel(t[i].raw, p), t[i].gfp);
		assert_int_equal(nb_gfp_to_kernel(t[i].gfp, p), t[i].raw);
	}
}

/* Expect every profile to boot on every architecture with every page size it has. */
static void test_all_boot(void **state)
{
	const struct nb_kernel_profile *p;

	(void)state;
	for (unsigned i = 0; (p = nb_kernel_at(i)); i++) {
		for (int arch = 0; arch < NB_NR_ARCH; arch++) {
			struct sysbox box;

			sysbox_boot(&box, &(struct sysbox_spec){.nodes = "3G:2 1G:2",
								.kernel = p->key,
								.arch = (enum nb_arch)arch});
			assert_true(min_free(&box) >= 128);
			sysbox_end(&box);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_min_free),    cmocka_unit_test(test_thp),
		cmocka_unit_test(test_marks),       cmocka_unit_test(test_movable),
		cmocka_unit_test(test_empty_zone),  cmocka_unit_test(test_pagesets),
		cmocka_unit_test(test_memoryless),  cmocka_unit_test(test_all_boot),
		cmocka_unit_test(test_gfp_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
