/* numa_maps.c -- tests of src/view/numa_maps.c and numastat_pid.c. */
#include "form.h"

#include "box.h"
#include "view/numa_maps.h"
#include "recorded_text.h"
#include <stdio.h>
#include <stdlib.h>

/* Lines of 6.12 and 6.1 kernels: every word in its place. */
static void test_real_lines(void **state)
{
	static const char text[] =
		"00400000 default file=/bin/swaptest\n"
		"00401000 default file=/bin/swaptest dirty=16 active=15 N0=16 kernelpagesize_kB=4\n"
		"004aa000 default file=/bin/swaptest anon=2 dirty=1 swapcache=1 active=1 N0=2 "
		"kernelpagesize_kB=4\n"
		"0a6f8000 default heap anon=1 dirty=1 active=0 N0=1 kernelpagesize_kB=4\n"
		"7f0000000000 prefer (many)=static:0-1,3 anon=24 dirty=24 active=12 N2=12 N3=12 "
		"kernelpagesize_kB=4\n"
		"7f23c37ac000 weighted interleave:0-3 anon=84 dirty=84 N0=84 kernelpagesize_kB=4\n"
		"7f23d0000000 interleave:0-1 file=/anon_hugepage\\040(deleted) huge anon=12 "
		"dirty=12 "
		"N0=6 N1=6 kernelpagesize_kB=2048\n"
		"7fa3ac7f1000 default file=/usr/lib/libc.so.6 mapped=38 mapmax=22 N0=38 "
		"kernelpagesize_kB=4\n"
		"7ffc9ada7000 default stack anon=2 dirty=2 active=1 N0=2 kernelpagesize_kB=4\n";
	struct nb_numa_maps m;

	(void)state;
	EXPECT_BACK(text, &m, nb_numa_maps_parse, nb_numa_maps_print);
	assert_int_equal(m.nr_lines, 9);
	for (size_t i = 0; i < m.nr_lines; i++)
		assert_null(m.lines[i].raw);
	assert_string_equal(m.lines[4].policy, "prefer (many)=static:0-1,3");
	assert_int_equal(m.lines[4].nodes[1].nid, 3);
	assert_int_equal(m.lines[4].nodes[1].pages, 12);
	assert_int_equal(m.lines[7].mapmax, 22);
	assert_true(m.lines[6].huge && m.lines[3].heap && m.lines[8].stack);
	nb_numa_maps_release(&m);
}

static void test_unknown(void **state)
{
	struct nb_numa_maps m;

	(void)state;
	EXPECT_BACK("00400000 default anon=1 later=2 N0=1 kernelpagesize_kB=4\n00500", &m,
		    nb_numa_maps_parse, nb_numa_maps_print);
	assert_non_null(m.lines[0].raw);
	assert_true(m.cut);
	nb_numa_maps_release(&m);
	EXPECT_REFUSED("", 0, &m, nb_numa_maps_parse, 0, "no mapping");
	EXPECT_REFUSED("00400000 default\nzz default\n", 28, &m, nb_numa_maps_parse, 2,
		       "an address and a policy");
}

static void test_policy_text(void **state)
{
	static const struct {
		int mode;
		uint64_t nodes;
		const char *kernel, *want;
	} c[] = {
		{NB_MPOL_DEFAULT, 0, "6.12", "default"},
		{NB_MPOL_LOCAL, 0, "6.12", "local"},
		{NB_MPOL_PREFERRED, 2, "6.12", "prefer:1"},
		{NB_MPOL_BIND | NB_MPOL_F_STATIC_NODES, 0xd, "6.12", "bind=static:0,2-3"},
		{NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING, 1, "6.12", "bind=balancing:0"},
		{NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING, 3, "6.1", "bind=balancing:0-1"},
		{NB_MPOL_BIND | NB_MPOL_F_RELATIVE_NODES | NB_MPOL_F_NUMA_BALANCING, 1, "6.12",
		 "bind=relative|balancing:0"},
		{NB_MPOL_PREFERRED_MANY, 3, "6.12", "prefer (many):0-1"},
		{NB_MPOL_WEIGHTED_INTERLEAVE, 0xf, "6.12", "weighted interleave:0-3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct nb_nodemask m = {.bits = {c[i].nodes}};
		struct nb_text t = {0};

		nb_mpol_text(c[i].mode, &m, nb_kernel_by_key(c[i].kernel), &t);
		assert_string_equal(nb_text_str(&t), c[i].want);
		nb_text_release(&t);
	}
}

/* What numastat 2.0.16 printed of a process whose numa_maps had these pages. */
static void test_numastat_p(void **state)
{
	static const char maps[] =
		"00400000 default heap anon=256 dirty=256 N0=256 kernelpagesize_kB=4\n"
		"7f00 default stack anon=27 dirty=27 active=1 N0=27 kernelpagesize_kB=4\n"
		"7f10 default anon=100 dirty=100 N0=60 N1=40 kernelpagesize_kB=4\n"
		"7f20 default file=/x huge anon=3 dirty=3 N1=3 kernelpagesize_kB=2048\n";
	static const char want[] =
		"\nPer-node process memory usage (in MBs) for PID 12662 (m)\n"
		"                           Node 0          Node 1           Total\n"
		"                  --------------- --------------- ---------------\n"
		"Huge                         0.00            6.00            6.00\n"
		"Heap                         1.00            0.00            1.00\n"
		"Stack                        0.11            0.00            0.11\n"
		"Private                      0.23            0.16            0.39\n"
		"----------------  --------------- --------------- ---------------\n"
		"Total                        1.34            6.16            7.50\n";
	static const int nids[] = {0, 1};
	struct nb_numastat_pid p;
	struct nb_numa_maps m;
	struct nb_text t = {0};
	json_t *j;

	(void)state;
	assert_int_equal(nb_numa_maps_parse(maps, sizeof(maps) - 1, &m, NULL), 0);
	nb_numastat_pid_from(&m, 12662, "m", nids, 2, 4096, &p);
	nb_numastat_pid_print(&p, &t);
	assert_string_equal(nb_text_str(&t), want);
	j = nb_numastat_pid_json(&p);
	assert_true(json_real_value(json_object_get(json_array_get(json_object_get(j, "nodes"), 1),
						    "huge_mib")) == 6.0);
	json_decref(j);
	nb_numastat_pid_release(&p);
	nb_numa_maps_release(&m);
	/* and it is read back */
	assert_int_equal(nb_numastat_pid_parse(nb_text_str(&t), t.len, &p, NULL), 0);
	assert_int_equal(p.pid, 12662);
	assert_string_equal(p.comm, "m");
	assert_int_equal(p.nr_nodes, 2);
	assert_true(p.mb[NB_PID_PRIVATE * 2 + 1] > 0.159 && p.mb[NB_PID_PRIVATE * 2 + 1] < 0.161);
	nb_numastat_pid_release(&p);
	EXPECT_REFUSED("\nPer-node\n", 10, &p, nb_numastat_pid_parse, 2, "title");
	EXPECT_REFUSED(nb_text_str(&t), t.len - 30, &p, nb_numastat_pid_parse, 10, "Total");
	nb_text_release(&t);
}

/* What kernels wrote comes back the same, and every line by rule. */
static void test_recorded(void **state)
{
	char path[128];
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct nb_numa_maps m;
		char *text;
		size_t len;

		snprintf(path, sizeof(path), "traces/swap-n1-classic-sw60/phases/%s/numa_maps",
			 phases[i]);
		text = recorded(path, &len);
		if (!text)
			continue;
		seen++;
		EXPECT_BACK(text, &m, nb_numa_maps_parse, nb_numa_maps_print);
		for (size_t k = 0; k < m.nr_lines; k++)
			assert_null(m.lines[k].raw);
		nb_numa_maps_release(&m);
		free(text);
	}
	if (!seen)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_lines), cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_unknown),    cmocka_unit_test(test_policy_text),
		cmocka_unit_test(test_numastat_p),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
