/* smaps.c -- tests of src/view/smaps.c. */
#include "form.h"

#include "box.h"
#include "view/smaps.h"
#include "recorded_text.h"
#include <stdio.h>
#include <stdlib.h>

static const char smaps[] =
	"00401000-0047d000 r-xp 00001000 00:02 33                                 /bin/swaptest\n"
	"Size:                496 kB\n"
	"KernelPageSize:        4 kB\n"
	"MMUPageSize:           4 kB\n"
	"Rss:                  64 kB\n"
	"Pss:                  64 kB\n"
	"Shared_Dirty:          8 kB\n"
	"Private_Dirty:        56 kB\n"
	"THPeligible:           0\n"
	"ProtectionKey:         0\n"
	"VmFlags: rd ex mr mw me sd \n"
	"7f23e4053000-7f23e4057000 rw-p 00000000 00:00 0 \n"
	"Size:                 16 kB\n"
	"Rss:                  12 kB\n"
	"Private_Dirty:        12 kB\n"
	"VmFlags: rd wr mr mw me ac sd \n"
	"7ffc9ad87000-7ffc9ada8000 rw-s 00000000 00:01 7                          /SYSV00001234 "
	"(deleted)\n"
	"Size:                132 kB\n"
	"7ffc9ada8000-7ffc9adc9000 rw-p 00000000 00:00 0                          [stack]\n"
	"Size:                132 kB\n"
	"Rss:                   8 kB\n";

static void test_smaps(void **state)
{
	struct nb_smaps s;
	uint64_t v;

	(void)state;
	EXPECT_BACK(smaps, &s, nb_smaps_parse, nb_smaps_print);
	assert_int_equal(s.nr_vmas, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_null(s.vmas[i].raw);
		assert_int_equal(nb_items_nr_raw(&s.vmas[i].items), 0);
	}
	assert_true(nb_items_get(&s.vmas[0].items, "Rss", &v) && v == 64);
	assert_string_equal(s.vmas[0].vm_flags, "rd ex mr mw me sd ");
	assert_string_equal(s.vmas[3].name, "[stack]");
	nb_smaps_release(&s);
}

/* As pmap -x of procps 4.0.2 prints the same process. */
static void test_pmap(void **state)
{
	static const char want[] =
		"212:   swaptest\n"
		"Address           Kbytes     RSS   Dirty Mode  Mapping\n"
		"0000000000401000     496      64      64 r-x-- swaptest\n"
		"00007f23e4053000      16      12      12 rw---   [ anon ]\n"
		"00007ffc9ad87000     132       0       0 rw-s-   [ shmid=0x7 ]\n"
		"00007ffc9ada8000     132       8       0 rw---   [ stack ]\n"
		"---------------- ------- ------- ------- \n"
		"total kB             776      84      76\n";
	struct nb_text t = {0};
	struct nb_smaps s;

	(void)state;
	assert_int_equal(nb_smaps_parse(smaps, sizeof(smaps) - 1, &s, NULL), 0);
	nb_pmap_print(&s, 212, "swaptest", &t);
	assert_string_equal(nb_text_str(&t), want);
	nb_text_clear(&t);
	nb_maps_print(&s, &t);
	nb_smaps_release(&s);
	/* maps is smaps without what stands below */
	EXPECT_BACK(nb_text_str(&t), &s, nb_smaps_parse, nb_smaps_print);
	assert_int_equal(s.nr_vmas, 4);
	nb_smaps_release(&s);
	nb_text_release(&t);
}

static void test_odd(void **state)
{
	struct nb_smaps s;

	(void)state;
	EXPECT_BACK("00401000-0047d000 r-xp 00001000 00:02 33 /too/near\nNew: line\nRss: 4 kB\n"
		    "VmFlags: rd \nmore\n00500000-0051",
		    &s, nb_smaps_parse, nb_smaps_print);
	assert_non_null(s.vmas[0].raw);
	assert_true(s.cut);
	nb_smaps_release(&s);
	EXPECT_REFUSED("", 0, &s, nb_smaps_parse, 0, "no mapping");
	EXPECT_REFUSED("Rss: 4 kB\n", 10, &s, nb_smaps_parse, 1, "a mapping first");
}

/* What kernels wrote comes back the same, and every line by rule. */
static void test_recorded(void **state)
{
	char path[128];
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct nb_smaps m;
		char *text;
		size_t len;

		snprintf(path, sizeof(path), "traces/swap-n1-classic-sw60/phases/%s/smaps",
			 phases[i]);
		text = recorded(path, &len);
		if (!text)
			continue;
		seen++;
		EXPECT_BACK(text, &m, nb_smaps_parse, nb_smaps_print);
		for (size_t k = 0; k < m.nr_vmas; k++) {
			assert_null(m.vmas[k].raw);
			assert_int_equal(nb_items_nr_raw(&m.vmas[k].items), 0);
		}
		nb_smaps_release(&m);
		free(text);
	}
	if (!seen)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smaps),
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_pmap),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
