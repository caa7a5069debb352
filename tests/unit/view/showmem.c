/* showmem.c -- tests of src/view/showmem.c and showmem_fill.c. */
#include "form.h"

#include "box.h"
#include "view/showmem.h"

static const char report[] =
	"Mem-Info:\n"
	"active_anon:93936 inactive_anon:0 isolated_anon:0\n"
	" free:851 free_pcp:1764 free_cma:0\n"
	"Node 0 active_anon:165052kB shmem_thp:0kB all_unreclaimable? yes\n"
	"Node 1 active_anon:1kB shmem_thp: 0kB all_unreclaimable? no Balloon:0kB\n"
	"Node 0 DMA free:784kB boost:0kB reserved_highatomic:0KB managed:15360kB\n"
	"lowmem_reserve[]: 0 191 191\n"
	"Node 0 DMA: 0*4kB 1*8kB (M) 2*16kB (UMEHCI) = 40kB\n"
	"Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=1048576kB\n"
	"1736 total pagecache pages\n"
	"0 pages in swap cache\n"
	"Free swap  = 0kB\n"
	"Total swap = 8kB\n"
	"130938 pages RAM\n"
	"0 pages HighMem/MovableOnly\n"
	"11997 pages reserved\n"
	"0 pages hwpoisoned\n";

static const struct nb_showmem_line *first(const struct nb_showmem *s, enum nb_showmem_kind kind)
{
	for (size_t i = 0; i < s->nr_lines; i++)
		if (s->lines[i].kind == kind)
			return &s->lines[i];
	fail_msg("no line of kind %d", kind);
	return NULL;
}

static void test_report(void **state)
{
	const struct nb_showmem_line *l;
	struct nb_showmem s;

	(void)state;
	EXPECT_BACK(report, &s, nb_showmem_parse, nb_showmem_print);
	assert_int_equal(nb_showmem_nr_raw(&s), 0);
	assert_int_equal(s.used, strlen(report));
	l = first(&s, NB_SHOWMEM_ZONE);
	assert_int_equal(l->nid, 0);
	assert_string_equal(l->zone, "DMA");
	assert_int_equal(nb_items_value(&l->items, "managed", 0), 15360);
	l = first(&s, NB_SHOWMEM_RESERVE);
	assert_string_equal(l->zone, "DMA"); /* of the zone before it */
	assert_int_equal(l->nr, 3);
	l = first(&s, NB_SHOWMEM_BUDDY);
	assert_int_equal(l->v[2], 2);
	assert_int_equal(l->letters[1], 1 << NB_MIGRATE_MOVABLE);
	assert_int_equal(l->letters[2], (1 << NB_MIGRATE_TYPES) - 1);
	assert_int_equal(l->total_kib, 40);
	l = first(&s, NB_SHOWMEM_NODE);
	assert_true(l->has_unreclaimable && l->all_unreclaimable);
	nb_showmem_release(&s);
}

/* Expect the report to be found in a log, its stamps off, and to end where it ends. */
static void test_in_a_log(void **state)
{
	static const char log[] = "[    1.0] Node 0 is fine\n[   34.2] Mem-Info:\n"
				  "[   34.2] active_anon:5 free:6\n[   34.2]  unevictable:0\n"
				  "[   34.2] Tasks state (memory values in pages):\n"
				  "[   34.2] 7 pages RAM\n";
	struct nb_text t = {0};
	struct nb_showmem s;

	(void)state;
	assert_int_equal(nb_showmem_parse(log, strlen(log), &s, NULL), 0);
	nb_showmem_print(&s, &t);
	assert_string_equal(nb_text_str(&t), "Mem-Info:\nactive_anon:5 free:6\n unevictable:0\n");
	assert_memory_equal(log + s.used, "[   34.2] Tasks", 15);
	nb_text_release(&t);
	nb_showmem_release(&s);
	assert_int_equal(nb_showmem_parse("x\n", 2, &s, NULL), -NB_ENOENT);
}

/* Expect part of a report, as people paste them, and kernels without NUMA's "Node N". */
static void test_parts(void **state)
{
	static const char part[] = "Normal free:784kB min:88kB\nlowmem_reserve[]: 0 7\n"
				   "Normal: 1*4kB (U) 0*8kB = 4kB\n";
	struct nb_showmem s;

	(void)state;
	EXPECT_BACK(part, &s, nb_showmem_parse, nb_showmem_print);
	assert_int_equal(s.lines[0].nid, NB_NO_NODE);
	assert_string_equal(s.lines[0].zone, "Normal");
	nb_showmem_release(&s);
}

/* Expect the system's own report to read back, with its zones' figures. */
static void test_from_system(void **state)
{
	const struct nb_showmem_line *l;
	struct nb_zone_info z;
	struct nb_showmem s;
	struct box b;
	char *text = box_view("6.12", NB_ARCH_X86_64, "sysrq-m");

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	assert_int_equal(nb_zone_info(b.sys, 0, NB_ZONE_DMA, &z), 0);
	box_shutdown(&b);
	EXPECT_BACK(text, &s, nb_showmem_parse, nb_showmem_print);
	assert_int_equal(nb_showmem_nr_raw(&s), 0);
	assert_int_equal(s.used, strlen(text));
	l = first(&s, NB_SHOWMEM_ZONE);
	assert_int_equal(nb_items_value(&l->items, "managed", 0), z.managed_pages * 4);
	assert_int_equal(nb_items_value(&l->items, "min", 0), z.wmark_pages[NB_WMARK_MIN] * 4);
	l = first(&s, NB_SHOWMEM_BUDDY);
	assert_int_equal(l->total_kib, z.free_pages * 4);
	assert_non_null(strstr(text, "Node 2 hugepages_total=0 hugepages_free=0 hugepages_surp=0 "
				     "hugepages_size=2048kB\n"));
	nb_showmem_release(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_in_a_log),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_from_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
