/* gfp.c -- request flags: zones, types, words, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <numabox/gfp.h>

static void zones(void **state)
{
	const unsigned amd64 = nb_arch_zones(NB_ARCH_X86_64), i386 = nb_arch_zones(NB_ARCH_I386);
	static const struct {
		nb_gfp_t bits;
		int amd64, i386;
	} cases[] = {
		{0x0, NB_ZONE_NORMAL, NB_ZONE_NORMAL},
		{0x1, NB_ZONE_DMA, NB_ZONE_DMA},
		{0x2, NB_ZONE_NORMAL, NB_ZONE_HIGHMEM},
		{0x3, -NB_EINVAL, -NB_EINVAL},
		{0x4, NB_ZONE_DMA32, NB_ZONE_NORMAL},
		{0x5, -NB_EINVAL, -NB_EINVAL},
		{0x6, -NB_EINVAL, -NB_EINVAL},
		{0x7, -NB_EINVAL, -NB_EINVAL},
		{0x8, NB_ZONE_NORMAL, NB_ZONE_NORMAL},
		{0x9, NB_ZONE_DMA, NB_ZONE_DMA},
		{0xa, NB_ZONE_MOVABLE, NB_ZONE_MOVABLE},
		{0xb, -NB_EINVAL, -NB_EINVAL},
		{0xc, NB_ZONE_DMA32, NB_ZONE_NORMAL},
		{0xd, -NB_EINVAL, -NB_EINVAL},
		{0xe, -NB_EINVAL, -NB_EINVAL},
		{0xf, -NB_EINVAL, -NB_EINVAL},
		{NB_GFP_HIGHUSER_MOVABLE, NB_ZONE_MOVABLE, NB_ZONE_MOVABLE},
		{NB_GFP_KERNEL, NB_ZONE_NORMAL, NB_ZONE_NORMAL},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nb_gfp_zone(cases[i].bits, amd64), cases[i].amd64);
		assert_int_equal(nb_gfp_zone(cases[i].bits, i386), cases[i].i386);
	}
	/* without DMA32, on 64 bits: what a 32-bit device reaches is surely DMA alone */
	assert_int_equal(nb_gfp_zone(NB_GFP_DMA32, amd64 & ~(1u << NB_ZONE_DMA32)), NB_ZONE_DMA);
	assert_int_equal(nb_gfp_zone(NB_GFP_DMA32, 1u << NB_ZONE_NORMAL), NB_ZONE_NORMAL);
}

static void types(void **state)
{
	(void)state;
	assert_int_equal(nb_gfp_migratetype(NB_GFP_KERNEL), NB_MIGRATE_UNMOVABLE);
	assert_int_equal(nb_gfp_migratetype(NB_GFP_HIGHUSER_MOVABLE), NB_MIGRATE_MOVABLE);
	assert_int_equal(nb_gfp_migratetype(NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE),
			 NB_MIGRATE_RECLAIMABLE);
	assert_int_equal(nb_gfp_migratetype(NB_GFP_BIT_MOVABLE | NB_GFP_BIT_RECLAIMABLE),
			 NB_MIGRATE_UNMOVABLE);
}

/* The numbers that allocation failure reports and traces print. */
static void known_numbers(void **state)
{
	(void)state;
	assert_int_equal(NB_GFP_KERNEL, 0xcc0);
	assert_int_equal(NB_GFP_ATOMIC, 0xa20);
	assert_int_equal(NB_GFP_NOFS, 0xc40);
	assert_int_equal(NB_GFP_HIGHUSER_MOVABLE, 0x100cca);
	assert_int_equal(NB_GFP_TRANSHUGE_LIGHT, 0x1c20ca);
	assert_int_equal(NB_GFP_TRANSHUGE, 0x1c24ca);
}

static void words(void **state)
{
	static const struct {
		const char *text;
		nb_gfp_t gfp;
	} cases[] = {
		{"GFP_KERNEL", 0xcc0},
		{"GFP_KERNEL|__GFP_ZERO", 0xdc0},
		{" GFP_USER | __GFP_THISNODE ", 0x300cc0},
		{"0xcc0", 0xcc0},
		{"0", 0},
		{"0xcc0|__GFP_DMA", 0xcc1},
		{"GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO", 0x140dca},
		{"GFP_DMA32", 4},
		{"__GFP_DMA32", 4},
		/* 2.4 and 2.6 */
		{"__GFP_WAIT|__GFP_IO|__GFP_FS", 0xcc0},
		{"GFP_KERNEL|__GFP_COLD", 0xcc0},
		{"GFP_KERNEL|__GFP_REPEAT", 0x4cc0},
		{"GFP_TEMPORARY", 0xcd0},
		{"GFP_NOIO|__GFP_NO_GROW", 0xc00},
	};
	static const struct {
		const char *text;
		size_t bad;
	} wrong[] = {{"", 0},
		     {"GFP_KERNAL", 0},
		     {"GFP_KERNEL|", 11},
		     {"GFP_KERNEL||__GFP_IO", 11},
		     {"gfp_kernel", 0},
		     {"GFP_KERNEL|__GFP_X", 11},
		     {"0x100000000", 0},
		     {"-1", 0},
		     {"GFP_KERNEL __GFP_IO", 0}};
	nb_gfp_t gfp;
	const char *bad;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nb_gfp_parse(cases[i].text, &gfp, &bad), 0);
		assert_int_equal(gfp, cases[i].gfp);
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gfp = 77;
		assert_int_equal(nb_gfp_parse(wrong[i].text, &gfp, &bad), -NB_EINVAL);
		assert_int_equal(gfp, 77);
		assert_int_equal(bad - wrong[i].text, wrong[i].bad);
	}
}

/* What %pGg prints, by kernel. */
static void printed(void **state)
{
	static const struct {
		const char *kernel;
		nb_gfp_t gfp;
		const char *text;
	} cases[] = {
		{"6.12", 0, "none"},
		{"6.12", 0xcc0, "GFP_KERNEL"},
		{"6.12", 0x140dca, "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO"},
		{"6.1", 0x140dca, "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO"},
		{"6.12", 0x400dc0, "GFP_KERNEL_ACCOUNT|__GFP_ZERO"},
		{"6.12", NB_GFP_TRANSHUGE | NB_GFP_BIT_NORETRY, "GFP_TRANSHUGE|__GFP_NORETRY"},
		{"6.12", NB_GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT"},
		{"6.1", NB_GFP_ATOMIC, "GFP_ATOMIC"},
		{"6.12", NB_GFP_ATOMIC, "GFP_ATOMIC"},
		{"6.12", 0x820, "GFP_ATOMIC"},
		{"6.1", 0x820, "GFP_NOWAIT|__GFP_HIGH"},
		{"6.1", 0x2800, "GFP_NOWAIT|__GFP_NOWARN"},
		{"6.12", 0x2800, "GFP_NOWAIT"},
		{"6.12", 0x800, "__GFP_KSWAPD_RECLAIM"},
		{"6.12", 0x1, "GFP_DMA"},
		{"6.12", 0x2000cc0, "GFP_KERNEL|0x2000000"},
		{"6.12", 0x2000000, "0x2000000"},
	};
	char buf[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = nb_gfp_format(cases[i].gfp, nb_kernel_by_key(cases[i].kernel), buf,
					 sizeof(buf));

		assert_string_equal(buf, cases[i].text);
		assert_int_equal(n, strlen(cases[i].text));
	}
	assert_int_equal(nb_gfp_format(0xcc0, NULL, buf, 5), 10); /* cut off */
	assert_string_equal(buf, "GFP_");
	assert_int_equal(nb_gfp_format(0xcc0, NULL, buf, 0), 10);
}

/* Every printed combination reads back as itself. */
static void there_and_back(void **state)
{
	const struct nb_kernel_profile *k = nb_kernel_by_key("6.1");
	char buf[512];
	nb_gfp_t gfp;

	(void)state;
	for (uint32_t x = 1; x < 0x1000000; x = x * 5 + 3) {
		nb_gfp_format(x & 0xffffff, k, buf, sizeof(buf));
		if (!(x & 0xffffff))
			continue;
		assert_int_equal(nb_gfp_parse(buf, &gfp, NULL), 0);
		assert_int_equal(gfp, x & 0xffffff);
	}
}

/* Numbers of old kernels. 2.6.24: GFP_KERNEL 0xd0, GFP_ATOMIC 0x20, GFP_HIGHUSER_MOVABLE 0x1200d2.
 */
static void old_numbers(void **state)
{
	static const struct {
		uint32_t raw;
		nb_gfp_t gfp;
	} cases[] = {{0xd0, NB_GFP_KERNEL},
		     {0x20, NB_GFP_BIT_HIGH},
		     {0x1200d2, NB_GFP_HIGHUSER_MOVABLE},
		     {0x50, NB_GFP_NOFS},
		     {0x80d0, NB_GFP_KERNEL | NB_GFP_BIT_ZERO}};
	const struct nb_kernel_profile *old = nb_kernel_by_key("2.6.24");

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nb_gfp_from_kernel(cases[i].raw, old), cases[i].gfp);
		assert_int_equal(nb_gfp_to_kernel(cases[i].gfp, old), cases[i].raw);
	}
	assert_int_equal(nb_gfp_from_kernel(0xcc0, nb_kernel_by_key("6.12")), 0xcc0);
	assert_int_equal(nb_gfp_to_kernel(NB_GFP_ATOMIC, nb_kernel_by_key("6.12")), 0x820);
	assert_int_equal(nb_gfp_to_kernel(NB_GFP_ATOMIC, nb_kernel_by_key("6.1")), 0xa20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones),         cmocka_unit_test(types),
		cmocka_unit_test(known_numbers), cmocka_unit_test(words),
		cmocka_unit_test(printed),       cmocka_unit_test(there_and_back),
		cmocka_unit_test(old_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
