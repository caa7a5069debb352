/* hwloc_form.c -- synthetic strings and XML exports as machines, and the bounds before hwloc. */
#include "form.h"
#include "read/hwloc_form.h"

#include <hwloc.h>
#include <hwloc/distances.h>
#include <hwloc/export.h>

static const struct {
	const char *word, *ranges, *cpus;
} good[] = {
	{"hwloc:node:2(memory=4GiB) core:2 pu:2",
	 "0:0-0x7fffffff 0:0x100000000-0x17fffffff 1:0x180000000-0x27fffffff", "0-3|4-7|"},
	/* hwloc's own default is 1 GiB a node */
	{"hwloc:node:2 pu:3", "0:0-0x3fffffff 1:0x40000000-0x7fffffff", "0-2|3-5|"},
	{"hwloc:pack:2 [numa(memory=1GiB)] core:1 pu:2", "0:0-0x3fffffff 1:0x40000000-0x7fffffff",
	 "0-1|2-3|"},
	/* Linux's numbers are the os_index */
	{"hwloc:node:2 pu:2(indexes=0,2,1,3)", "0:0-0x3fffffff 1:0x40000000-0x7fffffff",
	 "0,2|1,3|"},
	/* Two memories near the same CPUs: the CPUs are of the first. */
	{"hwloc:pack:1 [numa(memory=1GiB)] [numa(memory=512MiB)] pu:2",
	 "0:0-0x3fffffff 1:0x40000000-0x5fffffff", "0-1||"},
};

static void test_synthetic(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct nb_machine *m = read_good(good[i].word);

		check_ranges(m, good[i].ranges);
		check_cpus(m, good[i].cpus);
		nb_machine_free(m);
	}
}

static void test_topology(void **state)
{
	struct nb_machine *m = read_good("hwloc:pack:2 die:2 l3:1 core:2 pu:2");

	(void)state;
	assert_int_equal(m->nr_cpus, 16);
	assert_int_equal(m->cpus[0].core, m->cpus[1].core);
	assert_int_not_equal(m->cpus[1].core, m->cpus[2].core);
	assert_int_equal(m->cpus[7].package, 0);
	assert_int_equal(m->cpus[8].package, 1);
	assert_int_equal(m->cpus[3].llc, 0);
	assert_int_equal(m->cpus[4].llc, 1);
	nb_machine_free(m);
}

static const struct {
	const char *word, *says;
} bad[] = {
	{"hwloc:", "not an hwloc synthetic description"},
	{"hwloc:foo", "not an hwloc synthetic description"},
	{"hwloc:node:0 1", "not an hwloc synthetic description"},
	{"hwloc:node:1000 core:1000 pu:1000", "more than 8192 CPUs"},
	{"hwloc:9999", "9999: more than 2048 objects below one"},
	{"hwloc:99999999999999999999", "more than 2048 objects"},
	{"hwloc:node:2 pu:2(indexes=0,1,2,99999999)", "indexes: 99999999 is more than 65536"},
	{"hwloc:node:2 pu:1(indexes=0,9000)", "CPU 9000: CPU numbers go from 0 to 8191"},
	{"hwloc:node:2(indexes=0,1024) pu:1", "node id 1024: node ids go from 0 to 1023"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nb_error err;
		struct nb_machine *m = read_word(bad[i].word, &err);

		if (m || !strstr(err.text, bad[i].says))
			fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].word, err.text, bad[i].says);
	}
}

/* An export with distances, as lstopo writes one. */
static char *export_xml(const char *synthetic, const hwloc_uint64_t *values)
{
	hwloc_distances_add_handle_t handle;
	hwloc_topology_t t;
	hwloc_obj_t nodes[2];
	char *xml, *copy;
	int len;

	assert_int_equal(hwloc_topology_init(&t), 0);
	assert_int_equal(hwloc_topology_set_synthetic(t, synthetic), 0);
	assert_int_equal(hwloc_topology_load(t), 0);
	nodes[0] = hwloc_get_obj_by_type(t, HWLOC_OBJ_NUMANODE, 0);
	nodes[1] = hwloc_get_obj_by_type(t, HWLOC_OBJ_NUMANODE, 1);
	handle = hwloc_distances_add_create(
		t, "NUMALatency",
		HWLOC_DISTANCES_KIND_FROM_USER | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
	assert_non_null(handle);
	assert_int_equal(hwloc_distances_add_values(t, handle, 2, nodes,
						    (hwloc_uint64_t *)(uintptr_t)values, 0),
			 0);
	assert_int_equal(hwloc_distances_add_commit(t, handle, 0), 0);
	hwloc_obj_add_info(hwloc_get_root_obj(t), "Architecture", "aarch64");
	hwloc_obj_add_info(hwloc_get_root_obj(t), "OSName", "Linux");
	hwloc_obj_add_info(hwloc_get_root_obj(t), "OSRelease", "6.1.0-56-arm64");
	assert_int_equal(hwloc_topology_export_xmlbuffer(t, &xml, &len, 0), 0);
	copy = nb_xstrdup(xml);
	hwloc_free_xmlbuffer(t, xml);
	hwloc_topology_destroy(t);
	return copy;
}

static void test_xml(void **state)
{
	static const hwloc_uint64_t slit[] = {10, 21, 22, 10}, seconds[] = {1, 2, 3, 4};
	char *xml = export_xml("node:2(memory=3GiB) pu:2", slit);
	struct nb_machine *m = nb_machine_new(test_port());
	struct nb_error err = {0};

	(void)state;
	if (nb_read_hwloc_xml(m, xml, strlen(xml), &err) || nb_machine_seal(m, &err))
		fail_msg("%s", err.text);
	check_cpus(m, "0-1|2-3|");
	check_distances(m, "10 21 22 10");
	/* The hole is a PC's; this is none. */
	check_ranges(m, "0:0-0xbfffffff 1:0xc0000000-0x17fffffff");
	assert_int_equal(m->arch, NB_ARCH_ARM64);
	assert_string_equal(m->release, "6.1.0-56-arm64");
	nb_machine_free(m);
	free(xml);
	/* Values that are no distances of a SLIT are left out. */
	xml = export_xml("node:2(memory=1GiB) pu:2", seconds);
	m = nb_machine_new(test_port());
	assert_int_equal(nb_read_hwloc_xml(m, xml, strlen(xml), NULL), 0);
	assert_null(m->distances);
	nb_machine_free(m);
	free(xml);
}

static const char *xml_says(const char *xml, struct nb_error *err)
{
	struct nb_machine *m = nb_machine_new(test_port());

	memset(err, 0, sizeof(*err));
	assert_int_not_equal(nb_read_hwloc_xml(m, xml, strlen(xml), err), 0);
	nb_machine_free(m);
	return err->text;
}

static void test_bad_xml(void **state)
{
	struct nb_error err;

	(void)state;
	assert_non_null(strstr(xml_says("", &err), "not an hwloc XML export"));
	assert_non_null(strstr(xml_says("<x/>", &err), "not an hwloc XML export"));
	assert_non_null(strstr(xml_says("<object os_index=\"99999999\"/>", &err),
			       "os_index: more than 65536"));
	assert_non_null(
		strstr(xml_says("<distances2 nbobjs=\"999999\"/>", &err), "nbobjs: more than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_synthetic), cmocka_unit_test(test_topology),
		cmocka_unit_test(test_bad),       cmocka_unit_test(test_xml),
		cmocka_unit_test(test_bad_xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
