/* yaml.c -- machine files: what each key does, and that what the writer writes reads back the same.
 */
#include "form.h"
#include "read/capture.h"

#include <dirent.h>

static struct nb_machine *good(const char *yaml)
{
	struct nb_error err;
	struct nb_machine *m = read_text(yaml, &err);

	if (!m)
		fail_msg("line %u: %s\n%s", err.line, err.text, yaml);
	return m;
}

/* The example of the reference. */
static void test_example(void **state)
{
	struct nb_machine *m =
		good("machine:\n"
		     "  name: two-socket\n"
		     "  arch: x86_64\n"
		     "  kernel: { version: 6.12, cmdline: \"movablecore=8G\", sysctl: { "
		     "vm.min_free_kbytes: 67584 } }\n"
		     "  nodes:\n"
		     "    - { id: 0, cpus: 0-3, memory: 32G }                  # laid out from "
		     "address 0\n"
		     "    - { id: 1, cpus: 4-7, ranges: [ 0x880000000-0x107fffffff ] }\n"
		     "  distances: [ [10, 21], [21, 10] ]\n"
		     "  latency_ns: { local: 80 }\n"
		     "  bandwidth: { local: 50G }\n"
		     "  reserved: [ { range: 0x7d5fc0-0x7d5ff7 }, { range: 0-0xfff } ]\n"
		     "  zones:\n"
		     "    - { node: 0, zone: DMA, managed: 3840 }\n");

	(void)state;
	assert_string_equal(m->name, "two-socket");
	assert_int_equal(m->arch, NB_ARCH_X86_64);
	assert_string_equal(m->release, "6.12");
	assert_string_equal(m->profile->key, "6.12");
	assert_string_equal(m->cmdline, "movablecore=8G");
	assert_int_equal(m->nr_sysctls, 1);
	assert_string_equal(m->sysctls[0].name, "vm.min_free_kbytes");
	assert_string_equal(m->sysctls[0].value, "67584");
	assert_int_equal(m->sysctls[0].line, 4);
	check_ranges(m, "0:0-0x7fffffff 0:0x100000000-0x87fffffff 1:0x880000000-0x107fffffff");
	check_cpus(m, "0-3|4-7|");
	check_distances(m, "10 21 21 10");
	assert_int_equal(m->distance_source, NB_SOURCE_GIVEN);
	assert_int_equal(m->local_latency_ps, 80000);
	assert_null(m->latency_ps);
	assert_true(m->local_bandwidth_bytes == UINT64_C(50) << 30);
	assert_int_equal(m->nr_reserved, 2);
	assert_int_equal(m->reserved[0].end, 0x1000);
	assert_int_equal(m->reserved[1].start, 0x7d5fc0);
	assert_int_equal(m->reserved[1].end, 0x7d5ff8);
	assert_int_equal(m->nr_zone_facts, 1);
	assert_int_equal(m->zone_facts[0].managed_pages, 3840);
	assert_true(m->zone_facts[0].managed_at_init_pages == NB_UNKNOWN);
	nb_machine_free(m);
}

#define TWO "machine:\n  nodes: [ { cpus: 0-3, memory: 1G }, { cpus: 4-7, memory: 1G } ]\n"

/* Ids by default are positions; gaps are fine; matrices follow ascending ids whatever the file's
 * order. */
static void test_nodes(void **state)
{
	struct nb_machine *m = good("machine:\n  nodes:\n    - { id: 8, memory: 1G, cpus: 3 }\n"
				    "    - { id: 2, memory: 1G, generic_initiator: true }\n"
				    "    - { id: 5, cpus: 0-1, online: false }\n"
				    "  cpus_without_node: 7\n"
				    "  distances: [ [10, 25, 28], [52, 10, 58], [82, 85, 10] ]\n");

	(void)state;
	check_ranges(m, "8:0-0x3fffffff 2:0x40000000-0x7fffffff");
	check_cpus(m, "|0-1|3|");
	assert_int_equal(nb_machine_distance(m, 2, 5), 25);
	assert_int_equal(nb_machine_distance(m, 8, 2), 82);
	assert_true(m->nodes[0].generic_initiator);
	assert_false(m->nodes[1].online);
	assert_int_equal(m->cpus[3].id, 7);
	assert_int_equal(m->cpus[3].nid, NB_NO_NODE);
	nb_machine_free(m);
	m = good(TWO);
	assert_int_equal(m->nodes[0].id, 0);
	assert_int_equal(m->nodes[1].id, 1);
	assert_null(m->distances);
	nb_machine_free(m);
}

static void test_ranges(void **state)
{
	struct nb_machine *m =
		good("machine:\n  hole: 3G\n  nodes:\n"
		     "    - { memory: 4G, hotplug: true }\n"
		     "    - mirror: true\n      ranges:\n        - 6G+1G\n"
		     "        - { range: 0x200000000-0x23fffffff, mirror: false, hotplug: true }\n"
		     "        - { range: 16G+1G, hotadded: true, movable: true }\n");

	(void)state;
	check_ranges(m, "0:0-0xbfffffff 0:0x100000000-0x13fffffff 1:0x180000000-0x1bfffffff "
			"1:0x200000000-0x23fffffff 1:0x400000000-0x43fffffff");
	assert_int_equal(m->ranges[0].flags, NB_RANGE_HOTPLUG);
	assert_int_equal(m->ranges[1].flags, NB_RANGE_HOTPLUG);
	assert_int_equal(m->ranges[2].flags, NB_RANGE_MIRROR);
	assert_int_equal(m->ranges[3].flags, NB_RANGE_HOTPLUG);
	assert_int_equal(m->ranges[4].flags,
			 NB_RANGE_MIRROR | NB_RANGE_HOTADDED | NB_RANGE_MOVABLE);
	nb_machine_free(m);
}

static void test_hardware(void **state)
{
	struct nb_machine *m = good("machine:\n  nodes: [ { cpus: 0 }, { cpus: 1 } ]\n  firmware:\n"
				    "    - { range: 0x0-0x9fbff, type: usable }\n"
				    "    - { range: 0x9fc00-0x9ffff, type: reserved }\n"
				    "    - { range: 1M-0x7fffffff, type: usable }\n"
				    "    - { range: 0x100000000-0x17fffffff, type: pmem }\n"
				    "  affinity:\n"
				    "    - { node: 1, range: 1G+1G, hotplug: true }\n"
				    "    - { node: 0, range: 0-0x3fffffff, nonvolatile: true }\n");

	(void)state;
	assert_int_equal(m->nr_firmware, 4);
	assert_int_equal(m->firmware[1].type, NB_MEM_RESERVED);
	assert_int_equal(m->firmware[3].type, NB_MEM_PMEM);
	assert_int_equal(m->firmware[0].nid, NB_NO_NODE);
	/* in the order met */
	assert_int_equal(m->affinity[0].nid, 1);
	assert_int_equal(m->affinity[0].flags, NB_RANGE_HOTPLUG);
	assert_int_equal(m->affinity[1].flags, NB_RANGE_NONVOLATILE);
	nb_machine_free(m);
}

static void test_costs(void **state)
{
	struct nb_machine *m = good(TWO "  latency_ns: [ [80, 140.5], [0, 80.125] ]\n"
					"  bandwidth: { local: 10G, remote: 5G }\n");

	(void)state;
	assert_int_equal(m->latency_ps[1], 140500);
	assert_int_equal(m->latency_ps[3], 80125);
	/* an entry that is not told: local x distance / 10 */
	assert_int_equal(nb_machine_latency_ps(m, 1, 0), 160000);
	assert_true(m->bandwidth_bytes[0] == UINT64_C(10) << 30);
	assert_true(m->bandwidth_bytes[1] == UINT64_C(5) << 30);
	nb_machine_free(m);
	m = good(TWO "  latency_ns: { local: 0.5, matrix: [ [1, 2], [3, 4] ] }\n");
	assert_int_equal(m->local_latency_ps, 500);
	assert_int_equal(m->latency_ps[2], 3000);
	nb_machine_free(m);
}

static void test_topology(void **state)
{
	struct nb_machine *m =
		good(TWO "  topology: { packages: 2, dies: 2, cores: 1, threads: 2 }\n");
	static const int dies[] = {0, 0, 1, 1, 0, 0, 1, 1};

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(m->cpus[i].package, i / 4);
		assert_int_equal(m->cpus[i].die, dies[i]);
		assert_int_equal(m->cpus[i].llc, i / 2);
		assert_int_equal(m->cpus[i].core, i / 2 % 2);
	}
	nb_machine_free(m);
	m = good(TWO "  topology:\n    - { cpus: 0-7, package: 3 }\n    - { cpus: \"2,6\", core: "
		     "1, online: false }\n");
	assert_int_equal(m->cpus[0].package, 3);
	assert_int_equal(m->cpus[0].core, -1);
	assert_true(m->cpus[0].online);
	assert_int_equal(m->cpus[6].core, 1);
	assert_false(m->cpus[6].online);
	nb_machine_free(m);
}

static void test_arches(void **state)
{
	struct nb_machine *m = good("machine:\n  arch: arm64\n  page_size: 64K\n  dma_limit: 1G\n"
				    "  nodes: [ { ranges: [ 1G+2G ] } ]\n");

	(void)state;
	assert_int_equal(m->arch, NB_ARCH_ARM64);
	assert_int_equal(m->page_shift, 16);
	assert_int_equal(m->dma_limit, 1 << 30);
	nb_machine_free(m);
	m = good("machine:\n  arch: i386pae\n  lowmem_end: 0x37bfe000\n  nodes: [ { memory: 1G } "
		 "]\n");
	assert_int_equal(m->arch, NB_ARCH_I386PAE);
	assert_int_equal(m->lowmem_end, 0x37bfe000);
	nb_machine_free(m);
	m = good("machine:\n  arch: s390x\n  nodes: [ { memory: 1G } ]\n");
	assert_int_equal(m->arch, NB_ARCH_OTHER);
	assert_string_equal(m->arch_name, "s390x");
	nb_machine_free(m);
}

/* Anchors are YAML's own way to say a thing once. */
static void test_aliases(void **state)
{
	struct nb_machine *m =
		good("machine:\n  nodes: [ { memory: &size 1G }, { memory: *size } ]\n"
		     "  distances: &d [ [10, 20], [20, 10] ]\n  latency_ns: *d\n");

	(void)state;
	check_ranges(m, "0:0-0x3fffffff 1:0x40000000-0x7fffffff");
	assert_int_equal(m->latency_ps[1], 20000);
	nb_machine_free(m);
}

static bool same_ranges(const struct nb_mem_range *a, const struct nb_mem_range *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (a[i].start != b[i].start || a[i].end != b[i].end || a[i].type != b[i].type ||
		    a[i].nid != b[i].nid || a[i].flags != b[i].flags)
			return false;
	}
	return true;
}

static bool same_cpus(const struct nb_machine *a, const struct nb_machine *b)
{
	for (unsigned i = 0; i < a->nr_cpus; i++) {
		const struct nb_cpu *x = &a->cpus[i], *y = &b->cpus[i];

		if (x->id != y->id || x->nid != y->nid || x->online != y->online ||
		    x->package != y->package || x->die != y->die || x->cluster != y->cluster ||
		    x->core != y->core || x->llc != y->llc)
			return false;
	}
	return true;
}

static bool same_facts(const struct nb_machine *a, const struct nb_machine *b)
{
	for (unsigned i = 0; i < a->nr_zone_facts; i++) {
		const struct nb_zone_fact *x = &a->zone_facts[i], *y = &b->zone_facts[i];

		if (x->nid != y->nid || x->type != y->type ||
		    x->managed_pages != y->managed_pages ||
		    x->managed_at_init_pages != y->managed_at_init_pages ||
		    x->cma_pages != y->cma_pages || x->present_pages != y->present_pages)
			return false;
	}
	return true;
}

static bool same_matrix(const void *a, const void *b, unsigned n, size_t size)
{
	return !a == !b && (!a || !memcmp(a, b, (size_t)n * n * size));
}

/* Writes the machine, reads that, and wants the same machine; then frees the first. */
static void round_trip(struct nb_machine *m, const char *name)
{
	struct nb_text t = {0};
	struct nb_machine *b;

	nb_write_yaml(m, &t);
	b = good(nb_text_str(&t));
	if (strcmp(b->name, m->name) || b->arch != m->arch || b->page_shift != m->page_shift ||
	    b->profile != m->profile || strcmp(b->cmdline, m->cmdline) ||
	    b->nr_nodes != m->nr_nodes || b->nr_cpus != m->nr_cpus || !same_cpus(m, b) ||
	    b->nr_ranges != m->nr_ranges || !same_ranges(m->ranges, b->ranges, m->nr_ranges) ||
	    b->nr_firmware != m->nr_firmware ||
	    !same_ranges(m->firmware, b->firmware, m->nr_firmware) ||
	    b->nr_reserved != m->nr_reserved ||
	    !same_ranges(m->reserved, b->reserved, m->nr_reserved) ||
	    b->nr_affinity != m->nr_affinity ||
	    !same_ranges(m->affinity, b->affinity, m->nr_affinity) ||
	    !same_matrix(m->distances, b->distances, m->nr_nodes, 1) ||
	    !same_matrix(m->latency_ps, b->latency_ps, m->nr_nodes, 4) ||
	    !same_matrix(m->bandwidth_bytes, b->bandwidth_bytes, m->nr_nodes, 8) ||
	    b->local_latency_ps != m->local_latency_ps ||
	    b->local_bandwidth_bytes != m->local_bandwidth_bytes ||
	    b->nr_zone_facts != m->nr_zone_facts || !same_facts(m, b) ||
	    b->lowmem_end != m->lowmem_end || b->dma_limit != m->dma_limit ||
	    b->nr_sysctls > m->nr_sysctls)
		fail_msg("%s: does not read back the same:\n%s", name, nb_text_str(&t));
	nb_text_release(&t);
	nb_machine_free(b);
	nb_machine_free(m);
}

static void test_round_trip(void **state)
{
	static const char *const words[] = {
		"2x32G:8,dist=21",
		"32G:4+64G:8+512G:0",
		"qemu:-m 8G -smp 8,sockets=2,cores=2,threads=2 -numa node,mem=4G -numa node,mem=4G "
		"-numa dist,src=0,dst=1,val=25",
		"qemu:qemu-system-aarch64 -M virt -m 2G -kernel vmlinuz-6.12.9-arm64-16k -append "
		"'a=\"b\\\\c'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		round_trip(read_good(words[i]), words[i]);
	round_trip(good("machine:\n  name: \"q\\\"u\\\\o\\te \\xe9 \\u20ac \\ufeff \\x85\"\n"
			"  kernel: { version: 6.1.0-56-amd64, cmdline: \"a=b 'c' # d\", sysctl: { "
			"a: 1, b: \"x y\" } }\n"
			"  nodes: [ { cpus: 1, memory: 1G, online: false, generic_initiator: true "
			"}, { id: 9 } ]\n"
			"  cpus_without_node: 3-4\n  topology: [ { cpus: 3, core: 1, online: false "
			"} ]\n"
			"  latency_ns: { local: 90.125, matrix: [ [1.5, 0], [3, 4] ] }\n"
			"  bandwidth: { local: 7, matrix: [ [1, 0], [3, 4] ] }\n"
			"  reserved: [ { range: 0x0-0xfffff }, { range: 0x7d5fc0-0x7d5ff7 } ]\n"
			"  zones: [ { node: 9, zone: Movable, cma: 3 } ]\n"),
		   "everything");
}

/* Bytes that YAML cannot hold become U+FFFD, and the file stays readable. */
static void test_not_utf8(void **state)
{
	struct nb_machine *m = nb_machine_new(test_port()), *b;
	struct nb_node node = {.online = true};
	struct nb_mem_range r = {.end = 1 << 30};
	struct nb_text t = {0};

	(void)state;
	nb_machine_add_cmdline(m, "a=\xc3\xa9 b=\xff\xc3 c=\x01 d=\xed\xa0\x80");
	nb_machine_add_node(m, &node);
	nb_machine_add_range(m, &r);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	nb_write_yaml(m, &t);
	b = good(nb_text_str(&t));
	assert_string_equal(b->cmdline, "a=\xc3\xa9 b=\xef\xbf\xbd\xef\xbf\xbd c=\x01 "
					"d=\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	nb_text_release(&t);
	nb_machine_free(b);
	nb_machine_free(m);
}

/* Every captured machine whose name ends so, written and read. */
static void round_trip_all(const char *dir, const char *suffix)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);
	unsigned done = 0;

	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name), end = strlen(suffix);
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && len >= end &&
		    !strcmp(names[i]->d_name + len - end, suffix)) {
			round_trip(read_good(path), path);
			done++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (!done)
		skip();
}

static void test_captured(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/machines",
		 getenv("NUMABOX_TESTS") ? getenv("NUMABOX_TESTS") : ".");
	round_trip_all(path, ".tar.gz");
}

static void test_snapshots(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/snapshots",
		 getenv("NUMABOX_ORACLE") ? getenv("NUMABOX_ORACLE") : ".");
	round_trip_all(path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),    cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_ranges),     cmocka_unit_test(test_hardware),
		cmocka_unit_test(test_costs),      cmocka_unit_test(test_topology),
		cmocka_unit_test(test_arches),     cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_captured),   cmocka_unit_test(test_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
