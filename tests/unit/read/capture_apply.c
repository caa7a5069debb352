/* capture_apply.c -- tests of src/read/capture_apply.c: a booted system takes on its capture's
 * state. */
#include <numabox/reclaim.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree_of.h"

#define E820                                                              \
	"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n" \
	"BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable\n"
#define ZONEINFO                                                                                   \
	"Node 0, zone      DMA\n  pages free     3840\n        boost    0\n        min      100\n" \
	"        low      125\n        high     150\n        promo    175\n"                       \
	"        spanned  4095\n        present  3998\n        managed  3840\n        cma      "   \
	"0\n"                                                                                      \
	"        protection: (0, 970, 970, 970, 970)\n      nr_free_pages 3840\n"                  \
	"      numa_hit     7\n      numa_local   5\n  start_pfn:           1\n"                   \
	"Node 0, zone    DMA32\n  pages free     5000\n        boost    1000\n"                    \
	"        min      7000\n        low      8500\n        high     10000\n"                   \
	"        spanned  258048\n        present  258048\n        managed  248000\n"              \
	"        cma      0\n        protection: (0, 0, 11, 12, 13)\n      numa_hit     1234\n"    \
	"  start_pfn:           4096\n"
#define BUDDY                                                                                      \
	"Node 0, zone      DMA      0      0      0      0      0      0      0      0      0    " \
	"  1      3 \n"                                                                            \
	"Node 0, zone    DMA32     40     20     10      0      0      0      0      0      0    " \
	"  0    110 \n"
#define TYPES                                                                                      \
	"Page block order: 9\nPages per block:  512\n\n"                                           \
	"Free pages count per migrate type at order       0      1      2      3      4      5   " \
	"   6      7      8      9     10 \n"                                                      \
	"Node    0, zone      DMA, type    Unmovable      0      0      0      0      0      0   " \
	"   0      0      0      0      0 \n"                                                      \
	"Node    0, zone      DMA, type      Movable      0      0      0      0      0      0   " \
	"   0      0      0      1      3 \n"                                                      \
	"Node    0, zone    DMA32, type    Unmovable     30      0     10      0      0      0   " \
	"   0      0      0      0      0 \n"                                                      \
	"Node    0, zone    DMA32, type      Movable     10     20      0      0      0      0   " \
	"   0      0      0      0   >100 \n"                                                      \
	"\nNumber of blocks type     Unmovable      Movable \n"                                    \
	"Node 0, zone      DMA            1            7 \n"                                       \
	"Node 0, zone    DMA32           20          484 \n"

struct booted {
	struct made m;
	struct nb_system *sys;
};

static void boot(struct booted *b, const struct text_file *files)
{
	struct nb_error err = {0};

	must_make(&b->m, files);
	if (nb_system_boot(&b->m.port, b->m.machine, NULL, &b->sys, &err))
		fail_msg("%s", err.text);
}

static void end(struct booted *b)
{
	nb_system_shutdown(b->sys);
	unmake(&b->m);
}

static struct nb_zone_info info(const struct booted *b, enum nb_zone_type type)
{
	struct nb_zone_info i;

	assert_int_equal(nb_zone_info(b->sys, 0, type, &i), 0);
	return i;
}

static void test_by_type(void **state)
{
	struct booted b;
	struct nb_zone_info i;

	(void)state;
	boot(&b, (struct text_file[]){{"dmesg", E820},
				      {"proc/zoneinfo", ZONEINFO},
				      {"proc/pagetypeinfo", TYPES},
				      {"proc/buddyinfo", BUDDY},
				      {NULL, NULL}});
	assert_int_equal(nb_capture_apply_observed(b.m.capture, b.sys, NULL), 0);
	if (!has_note(&b.m, "state: 2 zones set to proc/pagetypeinfo"))
		fail_msg("%s", nb_capture_note(b.m.capture, b.m.machine->nr_notes));
	i = info(&b, NB_ZONE_DMA32);
	assert_int_equal(i.nr_free_by_type[NB_MIGRATE_UNMOVABLE][0], 30);
	assert_int_equal(i.nr_free_by_type[NB_MIGRATE_UNMOVABLE][2], 10);
	assert_int_equal(i.nr_free_by_type[NB_MIGRATE_MOVABLE][0], 10);
	assert_int_equal(i.nr_free_by_type[NB_MIGRATE_MOVABLE][1], 20);
	/* pagetypeinfo stopped counting at 100; buddyinfo knows */
	assert_int_equal(i.nr_free_by_type[NB_MIGRATE_MOVABLE][10], 110);
	assert_int_equal(i.free_pages, 40 + 2 * 20 + 4 * 10 + 110 * 1024);
	assert_int_equal(i.boost_pages, 1000);
	assert_int_equal(i.wmark_pages[NB_WMARK_MIN], 7000);
	assert_int_equal(i.wmark_pages[NB_WMARK_HIGH], 10000);
	assert_int_equal(i.wmark_pages[NB_WMARK_PROMO],
			 11500); /* one gap further where not printed */
	assert_int_equal(i.protection_pages[NB_ZONE_NORMAL], 11);
	assert_int_equal(i.protection_pages[NB_ZONE_MOVABLE], 12);
	assert_int_equal(i.protection_pages[NB_ZONE_DEVICE], 13);
	assert_int_equal(i.numa[NB_NUMA_HIT], 1234);
	i = info(&b, NB_ZONE_DMA);
	assert_int_equal(i.free_pages, 512 + 3 * 1024);
	assert_int_equal(i.wmark_pages[NB_WMARK_PROMO], 175);
	assert_int_equal(i.numa[NB_NUMA_LOCAL], 5);
	assert_int_equal(nb_system_check(b.sys, NULL), 0);
	end(&b);
}

/* Bit 0 of the file chooses the form of the lists; without it, or with nonsense, the kernel's own.
 */
static void generations(const char *text, bool on)
{
	struct booted b;

	boot(&b, (struct text_file[]){{"dmesg", E820},
				      {"proc/zoneinfo", ZONEINFO},
				      {"proc/buddyinfo", BUDDY},
				      {text ? "sys/kernel/mm/lru_gen/enabled" : NULL, text},
				      {NULL, NULL}});
	assert_true(nb_lru_gen_enabled(b.sys)); /* 6.12 begins so */
	assert_int_equal(nb_capture_apply_observed(b.m.capture, b.sys, NULL), 0);
	assert_int_equal(nb_lru_gen_enabled(b.sys), on);
	assert_int_equal(has_note(&b.m, "lists of reclaim: classic"), !on);
	end(&b);
}

static void test_generations(void **state)
{
	(void)state;
	generations(NULL, true);
	generations("0x0007\n", true);
	generations("0x0006\n", false);
	generations("0x0000\n", false);
	generations("yes\n", true);
	generations("", true);
}

/* As an ordinary user there is no pagetypeinfo. */
static void test_buddyinfo_alone(void **state)
{
	struct booted b;
	struct nb_zone_info i;

	(void)state;
	boot(&b, (struct text_file[]){{"dmesg", E820},
				      {"proc/zoneinfo", ZONEINFO},
				      {"proc/buddyinfo", BUDDY},
				      {NULL, NULL}});
	assert_int_equal(nb_capture_apply_observed(b.m.capture, b.sys, NULL), 0);
	assert_true(has_note(&b.m, "state: 2 zones set to proc/buddyinfo"));
	i = info(&b, NB_ZONE_DMA32);
	assert_int_equal(i.nr_free_by_type[NB_MIGRATE_MOVABLE][0], 40);
	assert_int_equal(i.nr_free[10], 110);
	end(&b);
}

static void test_nothing_to_apply(void **state)
{
	struct nb_error err = {0};
	struct booted b;
	uint64_t before;

	(void)state;
	boot(&b, (struct text_file[]){{"dmesg", E820}, {"proc/zoneinfo", ZONEINFO}, {NULL, NULL}});
	before = info(&b, NB_ZONE_DMA32).free_pages;
	assert_int_equal(nb_capture_apply_observed(b.m.capture, b.sys, &err), -NB_ENOENT);
	assert_non_null(strstr(err.text, "--fresh"));
	assert_int_equal(info(&b, NB_ZONE_DMA32).free_pages, before);
	end(&b);
}

/* Counts that the zone cannot hold: it stays as booted, and the note says so. */
static void test_too_much(void **state)
{
	struct booted b;
	uint64_t before;

	(void)state;
	boot(&b, (struct text_file[]){{"dmesg", E820},
				      {"proc/zoneinfo", ZONEINFO},
				      {"proc/buddyinfo",
				       "Node 0, zone    DMA32     40     20     10      0     "
				       " 0      0      0      0      0      0    99999 \n"},
				      {NULL, NULL}});
	before = info(&b, NB_ZONE_DMA32).free_pages;
	assert_int_equal(nb_capture_apply_observed(b.m.capture, b.sys, NULL), 0);
	assert_int_equal(info(&b, NB_ZONE_DMA32).free_pages, before);
	assert_true(has_note(&b.m, "zone DMA32: left as booted"));
	end(&b);
}

static void test_broken(void **state)
{
	struct nb_error err = {0};
	struct booted b;

	(void)state;
	boot(&b, (struct text_file[]){{"dmesg", E820},
				      {"proc/zoneinfo", ZONEINFO},
				      {"proc/buddyinfo", "noise\n"},
				      {NULL, NULL}});
	assert_int_equal(nb_capture_apply_observed(b.m.capture, b.sys, &err), -NB_EINVAL);
	assert_string_equal(err.file, "made/proc/buddyinfo");
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_type),         cmocka_unit_test(test_generations),
		cmocka_unit_test(test_buddyinfo_alone), cmocka_unit_test(test_nothing_to_apply),
		cmocka_unit_test(test_too_much),        cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
