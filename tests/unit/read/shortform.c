/* shortform.c -- "2x32G:8,dist=21": what each word describes, and what wrong ones are told. */
#include "form.h"
#include "read/shortform.h"

static const struct {
	const char *word, *ranges, *cpus, *distances;
} good[] = {
	{"2x32G", "0:0-0x7fffffff 0:0x100000000-0x87fffffff 1:0x880000000-0x107fffffff", "0-3|4-7|",
	 ""},
	{"2x32G:8,dist=21", "0:0-0x7fffffff 0:0x100000000-0x87fffffff 1:0x880000000-0x107fffffff",
	 "0-7|8-15|", "10 21 21 10"},
	/* RAM without a hole: the textbook's 64 GiB. */
	{"64G,hole=0", "0:0-0xfffffffff", "0-3|", ""},
	{"1x64G:2,hole=0", "0:0-0xfffffffff", "0-1|", ""},
	{"2x4G,hole=3G", "0:0-0xbfffffff 0:0x100000000-0x13fffffff 1:0x140000000-0x23fffffff",
	 "0-3|4-7|", ""},
	/* Less than 2.75 GiB stays below the hole, as on q35; the next byte does not. */
	{"2x1G", "0:0-0x3fffffff 1:0x40000000-0x7fffffff", "0-3|4-7|", ""},
	{"1x2815M", "0:0-0xafefffff", "0-3|", ""},
	{"1x2816M", "0:0-0x7fffffff 0:0x100000000-0x12fffffff", "0-3|", ""},
	/* A node that ends exactly where the hole begins; one that begins there. */
	{"2x2G", "0:0-0x7fffffff 1:0x100000000-0x17fffffff", "0-3|4-7|", ""},
	{"32G:4+64G:8+512G:0",
	 "0:0-0x7fffffff 0:0x100000000-0x87fffffff 1:0x880000000-0x187fffffff "
	 "2:0x1880000000-0x987fffffff",
	 "0-3|4-11||", ""},
	/* CPUs only */
	{"1G:2+0M:2", "0:0-0x3fffffff", "0-1|2-3|", ""},
	{"2x1G:1+1x512M:0", "0:0-0x3fffffff 1:0x40000000-0x7fffffff 2:0x80000000-0x9fffffff",
	 "0|1||", ""},
	{"1x1.5G:1", "0:0-0x5fffffff", "0|", ""},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct nb_machine *m = read_good(good[i].word);

		check_ranges(m, good[i].ranges);
		check_cpus(m, good[i].cpus);
		check_distances(m, good[i].distances);
		assert_string_equal(m->name, good[i].word);
		assert_int_equal(m->page_shift, 12);
		assert_int_equal(m->memory_source, NB_SOURCE_GIVEN);
		nb_machine_free(m);
	}
}

static const struct {
	const char *word, *says;
} bad[] = {
	{"2x", "\"\" is no size"},
	{"2x32Q", "\"32Q\" is no size"},
	{"2x32G:", "\"\" is no number of CPUs"},
	{"2x32G:x", "\"x\" is no number of CPUs"},
	{"2x32G:9000", "\"9000\" is no number of CPUs; 0 to 8192"},
	{"0x32G", "\"0\" is no number of nodes; 1 to 1024"},
	{"1025x1G", "\"1025\" is no number of nodes"},
	{"1000x1G+25x1G", "more than 1024 nodes"},
	{"1024x1G:9", "9216 CPUs; a machine has at most 8192"},
	{"2x32G+", "\"\" is no size"},
	{"2x32G,dist=9", "dist=9: a distance between nodes is 10 to 255"},
	{"2x32G,dist=256", "dist=256"},
	{"2x32G,dist=x", "dist=x"},
	{"2x32G,hole=5G", "the PCI hole ends at 4G"},
	{"2x32G,hole=4G", "the PCI hole ends at 4G"},
	{"2x32G,hole=1", "not a multiple of 64K"},
	{"2x32G,hole=q", "hole=q: not an address"},
	{"2x32G,far=1", "\"far=1\" is no option of the short form"},
	{"2x32G,", "\"\" is no option of the short form"},
	{"2x0G", "no node has memory"},
	{"2x4097", "not whole pages"},
	{"1x5000T", "more than 2^52 bytes"},
	{"1000x5T", "more than 2^52 bytes"},
	{"1x99999999999T", "does not fit into 64 bits"},
	{"1x99999999999999999999G", "does not fit into 64 bits"},
	{"2x20T", "16384 GiB"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nb_error err;
		struct nb_machine *m = read_word(bad[i].word, &err);

		if (m || !strstr(err.text, bad[i].says))
			fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].word, err.text, bad[i].says);
		assert_string_equal(err.file, bad[i].word);
	}
}

static void test_looks_like(void **state)
{
	static const char *const yes[] = {"2x32G",      "2x", "32G", "32G:4+1G",
					  "64G,hole=0", "5",  "1.5G"};
	static const char *const no[] = {"host", "x2",     "2socket.yaml", "32G.yaml", "2-nodes/",
					 "3com", "2xfile", "qemu:-m 4G",   ""};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(nb_shortform_looks_like(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(nb_shortform_looks_like(no[i]));
}

/* Each CPU is a core of its own, a node is a package with one last-level cache. */
static void test_topology(void **state)
{
	struct nb_machine *m = read_good("2x1G:3");

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(m->cpus[i].package, i / 3);
		assert_int_equal(m->cpus[i].core, i % 3);
		assert_int_equal(m->cpus[i].llc, i / 3);
	}
	nb_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_looks_like),
		cmocka_unit_test(test_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
