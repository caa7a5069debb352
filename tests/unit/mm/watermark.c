/* watermark.c -- marks and reserves: the arithmetic, by hand. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct nb_zone_info zone(const struct sysbox *box, int nid, enum nb_zone_type type)
{
	struct nb_zone_info z;

	assert_int_equal(nb_zone_info(box->sys, nid, type, &z), 0);
	return z;
}

static uint64_t min_free(const struct sysbox *box)
{
	struct nb_system_info info;

	nb_system_info(box->sys, &info);
	return info.min_free_kbytes;
}

static void write_ok(struct sysbox *box, const char *name, const char *value)
{
	struct nb_error err = {0};

	if (nb_sysctl_write(box->sys, name, value, &err))
		fail_msg("%s", err.text);
}

/* Two pageblocks a zone and nine more: 11 x 512 pages x 4 zones (DMA, DMA32, two Normal). */
static void test_thp_share_counts_zones(void **state)
{
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "32G:4 32G:4"});
	assert_int_equal(min_free(&box), 4 * 11 * 512 * 4);
	sysbox_end(&box);
}

/* Never: the root of low memory, taken again with the first high marks left out. Below 512 MiB the
 * first root stays, whatever the option says. */
static void test_root_without_thp(void **state)
{
	struct nb_zone_info z;
	struct sysbox box;
	uint64_t first, managed;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1G:1",
						.cmdline = "transparent_hugepage=never"});
	managed = zone(&box, 0, NB_ZONE_DMA).managed_pages +
		  zone(&box, 0, NB_ZONE_DMA32).managed_pages;
	assert_int_equal(managed, 262144 - 262144 / 64);
	/* sqrt(1032192 KiB x 16) = 4063; then the same less the high marks: */
	assert_true(min_free(&box) < 4063 && min_free(&box) > 4043);
	sysbox_end(&box);

	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "256M:1"});
	assert_int_equal(min_free(&box), 2031); /* sqrt(258048 x 16) */
	z = zone(&box, 0, NB_ZONE_DMA32);
	first = 507 * z.managed_pages / 64512;
	assert_int_equal(z.wmark_pages[NB_WMARK_MIN], first);
	sysbox_end(&box);
}

static void test_thp_share_is_capped(void **state)
{
	struct sysbox box;

	(void)state;
	/* 32 nodes of 64 MiB: 33 zones want 743,424 KiB; a twentieth of 2 GiB is less. */
	sysbox_boot(&box, &(struct sysbox_spec){
				  .nodes = "64M:1 64M:1 64M:1 64M:1 64M:1 64M:1 64M:1 64M:1 "
					   "64M:1 64M:1 64M:1 64M:1 64M:1 64M:1 64M:1 64M:1"});
	assert_true(min_free(&box) < (1024 << 10) / 20 && min_free(&box) > (1024 << 10) / 21);
	sysbox_end(&box);
}

/* managed 8123456, min 12345: the gap is a thousandth of the zone, more than a quarter of min. */
static void test_gap_is_the_greater(void **state)
{
	struct nb_zone_info z;
	struct sysbox box;
	struct nb_zone *raw;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "32G:1"});
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		nb_node_data(box.sys, 0)->zone[t].managed_pages = 0;
	raw = &nb_node_data(box.sys, 0)->zone[NB_ZONE_NORMAL];
	raw->managed_pages = 8123456;
	write_ok(&box, "vm.min_free_kbytes", "49380");
	z = zone(&box, 0, NB_ZONE_NORMAL);
	assert_int_equal(z.wmark_pages[NB_WMARK_MIN], 12345);
	assert_int_equal(z.wmark_pages[NB_WMARK_LOW], 20468);
	assert_int_equal(z.wmark_pages[NB_WMARK_HIGH], 28591);
	assert_int_equal(z.wmark_pages[NB_WMARK_PROMO], 36714);
	write_ok(&box, "vm.watermark_scale_factor", "1");
	z = zone(&box, 0, NB_ZONE_NORMAL);
	assert_int_equal(z.wmark_pages[NB_WMARK_LOW], 12345 + 12345 / 4);
	/* What was done to the zone is for this test only: the end's check would find it. */
	nb_system_shutdown(box.sys);
	nb_machine_free(box.machine);
}

static void test_movable_zone_by_kernel(void **state)
{
	struct sysbox box;

	(void)state;
	/* 6.12: like highmem, 32 to 128 whatever its size; an empty one shows 32. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:1 2G:1", .cmdline = "movablecore=1G"});
	assert_int_equal(zone(&box, 1, NB_ZONE_MOVABLE).wmark_pages[NB_WMARK_MIN],
			 zone(&box, 1, NB_ZONE_MOVABLE).managed_pages / 1024);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:1 2G:1", .cmdline = "movablecore=2G"});
	assert_int_equal(zone(&box, 1, NB_ZONE_MOVABLE).wmark_pages[NB_WMARK_MIN], 128);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:1"});
	assert_int_equal(zone(&box, 0, NB_ZONE_MOVABLE).wmark_pages[NB_WMARK_MIN], 32);
	assert_int_equal(zone(&box, 0, NB_ZONE_MOVABLE).wmark_pages[NB_WMARK_HIGH], 32);
	sysbox_end(&box);
	/* 6.1: a share like the others', and 0 when empty. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:1 2G:1",
						.cmdline = "movablecore=1G",
						.kernel = "6.1"});
	assert_true(zone(&box, 1, NB_ZONE_MOVABLE).wmark_pages[NB_WMARK_MIN] > 1000);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:1", .kernel = "6.1"});
	assert_int_equal(zone(&box, 0, NB_ZONE_MOVABLE).wmark_pages[NB_WMARK_MIN], 0);
	sysbox_end(&box);
}

static void test_reserve_of_own_node_only(void **state)
{
	struct nb_zone_info dma, dma32, normal;
	uint64_t normal_pages;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8G:1 64G:1"});
	dma = zone(&box, 0, NB_ZONE_DMA);
	dma32 = zone(&box, 0, NB_ZONE_DMA32);
	normal_pages = zone(&box, 0, NB_ZONE_NORMAL).managed_pages;
	assert_int_equal(dma.protection_pages[NB_ZONE_DMA], 0);
	assert_int_equal(dma.protection_pages[NB_ZONE_DMA32], dma32.managed_pages / 256);
	assert_int_equal(dma.protection_pages[NB_ZONE_NORMAL],
			 (dma32.managed_pages + normal_pages) / 256);
	/* Empty upper zones repeat the sum. */
	assert_int_equal(dma.protection_pages[NB_ZONE_MOVABLE],
			 dma.protection_pages[NB_ZONE_NORMAL]);
	assert_int_equal(dma32.protection_pages[NB_ZONE_NORMAL], normal_pages / 256);
	normal = zone(&box, 1, NB_ZONE_NORMAL);
	assert_int_equal(normal.protection_pages[NB_ZONE_MOVABLE], 0);
	write_ok(&box, "vm.lowmem_reserve_ratio", "128 0");
	assert_int_equal(zone(&box, 0, NB_ZONE_DMA).protection_pages[NB_ZONE_DMA32],
			 dma32.managed_pages / 128);
	assert_int_equal(zone(&box, 0, NB_ZONE_DMA32).protection_pages[NB_ZONE_NORMAL], 0);
	sysbox_end(&box);
}

/* totalreserve: per zone the greatest reserve and the high mark, at most the zone. */
static void test_totalreserve(void **state)
{
	struct nb_system_info info;
	struct nb_node_info node;
	uint64_t want = 0;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8G:1"});
	for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_MOVABLE; t++) {
		struct nb_zone_info z;
		uint64_t n;

		if (nb_zone_info(box.sys, 0, (enum nb_zone_type)t, &z))
			continue;
		n = z.protection_pages[NB_ZONE_MOVABLE] + z.wmark_pages[NB_WMARK_HIGH];
		want += n < z.managed_pages ? n : z.managed_pages;
	}
	nb_system_info(box.sys, &info);
	assert_int_equal(info.totalreserve_pages, want);
	assert_int_equal(nb_node_info(box.sys, 0, &node), 0);
	assert_int_equal(node.totalreserve_pages, want);
	sysbox_end(&box);
}

static void test_stat_threshold(void **state)
{
	struct sysbox box;

	(void)state;
	/* 2 x fls(CPUs) x (1 + fls(128 MiB units)), at most 125. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "4G:2"});
	assert_int_equal(zone(&box, 0, NB_ZONE_DMA).stat_threshold, 2 * 2 * 1);
	assert_int_equal(zone(&box, 0, NB_ZONE_DMA32).stat_threshold, 2 * 2 * (1 + 5));
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1024G:64"});
	assert_int_equal(zone(&box, 0, NB_ZONE_NORMAL).stat_threshold, 125);
	sysbox_end(&box);
}

/* Old kernels: to 2.6.16 low and high are twice and three times min, and the root has no factor. */
static void test_old_marks(void **state)
{
	struct nb_zone_info z;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1G:1", .kernel = "2.6.7"});
	assert_int_equal(min_free(&box), 1015); /* sqrt(1032192) */
	z = zone(&box, 0, NB_ZONE_NORMAL);
	assert_int_equal(z.wmark_pages[NB_WMARK_LOW], 2 * z.wmark_pages[NB_WMARK_MIN]);
	assert_int_equal(z.wmark_pages[NB_WMARK_HIGH], 3 * z.wmark_pages[NB_WMARK_MIN]);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1G:1", .kernel = "2.6.24"});
	assert_int_equal(min_free(&box), 4063);
	z = zone(&box, 0, NB_ZONE_DMA32);
	assert_int_equal(z.wmark_pages[NB_WMARK_HIGH],
			 z.wmark_pages[NB_WMARK_MIN] + z.wmark_pages[NB_WMARK_MIN] / 2);
	sysbox_end(&box);
}

/* Gigantic pages of the command line are missing from the reserves, not from the marks. */
static void test_gigantic_pages(void **state)
{
	struct nb_zone_info with, without;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "12G:1 8G:1"});
	without = zone(&box, 0, NB_ZONE_DMA32);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){
				  .nodes = "12G:1 8G:1",
				  .cmdline = "default_hugepagesz=1G hugepagesz=1G hugepages=3"});
	with = zone(&box, 0, NB_ZONE_DMA32);
	/* two of three on node 0, in Normal */
	assert_int_equal(without.protection_pages[NB_ZONE_NORMAL] -
				 with.protection_pages[NB_ZONE_NORMAL],
			 2 * 262144 / 256);
	assert_int_equal(with.wmark_pages[NB_WMARK_HIGH], without.wmark_pages[NB_WMARK_HIGH]);
	sysbox_end(&box);
	/* by node, and 2 MiB pages are not gigantic */
	sysbox_boot(
		&box,
		&(struct sysbox_spec){
			.nodes = "12G:1 8G:1",
			.cmdline = "hugepagesz=2M hugepages=100 hugepagesz=1G hugepages=0:1,1:2"});
	with = zone(&box, 0, NB_ZONE_DMA32);
	assert_int_equal(without.protection_pages[NB_ZONE_NORMAL] -
				 with.protection_pages[NB_ZONE_NORMAL],
			 262144 / 256);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thp_share_counts_zones),
		cmocka_unit_test(test_root_without_thp),
		cmocka_unit_test(test_thp_share_is_capped),
		cmocka_unit_test(test_gap_is_the_greater),
		cmocka_unit_test(test_movable_zone_by_kernel),
		cmocka_unit_test(test_reserve_of_own_node_only),
		cmocka_unit_test(test_totalreserve),
		cmocka_unit_test(test_stat_threshold),
		cmocka_unit_test(test_old_marks),
		cmocka_unit_test(test_gigantic_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
