/* bad_input.c -- machine files with one thing wrong each: the message names line and key, says what
 * was found and what would be right.
 */
#include "form.h"

/* A good file around one wrong thing; "@" stands for the start of the wrong line. */
#define NODE0 "machine:\n  nodes:\n    - { id: 0, cpus: 0-1, memory: 1G }\n"
#define NODES NODE0 "    - { id: 1, cpus: 2-3, memory: 1G }\n"

static const struct {
	const char *yaml;
	unsigned line;
	const char *says[4];
} bad[] = {
	/* YAML itself */
	{"", 1, {"is empty", "machine:"}},
	{"machine: {\n  nodes: [ }\n", 2, {"not YAML"}},
	{"machine:\n\tnodes: 1\n", 2, {"not YAML"}},
	{"machine:\n  nodes: \x01\n", 0, {"not YAML"}},
	{"machine:\n  name: \"\xff\"\n", 0, {"not YAML"}},
	{"machine: { nodes: [ { memory: 1G } ] }\n---\nx\n", 2, {"second document"}},
	{"machine:\n  nodes: &a [ *b ]\n", 2, {"not YAML", "alias"}},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	 1,
	 {"nested more than 32 levels"}},
	/* the shape */
	{"- 1\n", 1, {"is a list; a mapping"}},
	{"nodes: []\n", 1, {"unknown key \"nodes\"", "machine"}},
	{"machine: 3\n", 1, {"machine: is a plain value; a mapping"}},
	{"machine:\n  name: x\n", 2, {"machine: nodes is missing"}},
	{"machine:\n  nodes: 3\n", 2, {"machine.nodes: is a plain value; a list"}},
	{"machine:\n  nodes: []\n",
	 2,
	 {"machine.nodes: is empty; a machine has at least one node"}},
	{"machine:\n  nodes: [ 3 ]\n", 2, {"machine.nodes[0]: is a plain value; a mapping"}},
	{"machine:\n  nodes: &a [ *a ]\n", 2, {"machine.nodes[0]: is a list; a mapping"}},
	{"machine:\n  name: [ a ]\n  nodes: []\n", 2, {"machine.name: is a list; a plain value"}},
	{"machine:\n  name: \"a\\0b\"\n  nodes: []\n", 2, {"machine.name: holds a NUL byte"}},
	/* keys */
	{NODES "  distance: [[10, 20], [20, 10]]\n",
	 5,
	 {"machine: unknown key \"distance\"", "the keys here are name, arch", "distances"}},
	{"machine:\n  nodes:\n    - { id: 0, cpu: 0-3, memory: 1G }\n",
	 3,
	 {"machine.nodes[0]: unknown key \"cpu\"", "cpus, memory, ranges"}},
	{NODES "  name: a\n  name: b\n", 6, {"name stands twice; it stands in line 5 already"}},
	{NODES "  kernel: { versoin: 6.1 }\n",
	 5,
	 {"machine.kernel: unknown key \"versoin\"", "version, cmdline, sysctl"}},
	{NODES "  zones: [ { node: 0, zone: Normal, manged: 3 } ]\n",
	 5,
	 {"machine.zones[0]: unknown key \"manged\"", "managed"}},
	{NODES "  ? [ a ]\n  : 3\n", 5, {"is a list; a plain value"}},
	/* identity */
	{NODES "  arch: x86-64\n",
	 5,
	 {"machine.arch: \"x86-64\" is no architecture", "x86_64, i386"}},
	{NODES "  page_size: 8K\n", 5, {"machine.page_size: 8192 bytes; 4K, 16K or 64K"}},
	{NODES "  page_size: 16K\n", 0, {"page size: 16 KiB; x86_64 has pages of 4 KiB"}},
	{NODES "  kernel: { version: latest }\n",
	 5,
	 {"machine.kernel.version: \"latest\" is no kernel version"}},
	{NODES "  kernel: { sysctl: 3 }\n",
	 5,
	 {"machine.kernel.sysctl: is a plain value; a mapping"}},
	/* nodes */
	{"machine:\n  nodes:\n    - { id: 1000000, memory: 1G }\n",
	 3,
	 {"machine.nodes[0].id: 1000000; node ids go from 0 to 1023"}},
	{"machine:\n  nodes:\n    - { id: -1, memory: 1G }\n",
	 3,
	 {"-1; node ids go from 0 to 1023"}},
	{NODE0 "    - { id: 0, memory: 1G }\n",
	 4,
	 {"machine.nodes[1]: id 0 is that of the node in line 3"}},
	{"machine:\n  nodes:\n    - { id: 0, cpus: 3-1, memory: 1G }\n",
	 3,
	 {"machine.nodes[0].cpus: \"3-1\" is no list of CPUs; 0-3,8"}},
	{"machine:\n  nodes:\n    - { id: 0, cpus: 8192, memory: 1G }\n",
	 3,
	 {"8192; CPU numbers go from 0 to 8191"}},
	{NODE0 "    - { id: 1, cpus: 1-2, memory: 1G }\n",
	 4,
	 {"CPU 1 stands in node 0 and in node 1"}},
	{"machine:\n  nodes:\n    - { id: 0, cpus: 0 }\n",
	 3,
	 {"no node has memory", "memory: SIZE"}},
	{"machine:\n  nodes:\n    - { id: 0, online: maybe, memory: 1G }\n",
	 3,
	 {"machine.nodes[0].online: \"maybe\"; true or false"}},
	/* sizes and ranges */
	{"machine:\n  nodes:\n    - { id: 0, memory: 32Q }\n",
	 3,
	 {"machine.nodes[0].memory: \"32Q\" is no size", "such as 32G"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 99999999T }\n",
	 3,
	 {"99999999T overflows 64 bits"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 16777216T }\n", 3, {"overflows 64 bits"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 4097T }\n", 3, {"past 2^52"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 3000T }\n    - { id: 1, memory: 3000T }\n",
	 4,
	 {"past 2^52"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 17T }\n",
	 3,
	 {"memory of node 0", "16384 GiB"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 5000 }\n",
	 3,
	 {"5000 bytes is not whole pages of 4096"}},
	{"machine:\n  nodes:\n    - id: 0\n      memory: 1G\n      ranges: [ 0-0xfff ]\n",
	 5,
	 {"ranges: stands beside memory in line 4"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 1G ] }\n",
	 3,
	 {"machine.nodes[0].ranges[0]: \"1G\" is no range"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 2G-1G ] }\n",
	 3,
	 {"2G-1G: ends before it starts"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 0+0 ] }\n", 3, {"0+0 is empty"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 0-0xffffffffffffffff ] }\n",
	 3,
	 {"past 2^52"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 1G+0xffffffffffffffff ] }\n",
	 3,
	 {"overflow 64 bits"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 0-0x10000000000000 ] }\n", 3, {"past 2^52"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 0-0x10000 ] }\n", 3, {"not whole pages"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ { hotplug: true } ] }\n",
	 3,
	 {"machine.nodes[0].ranges[0]: range is missing"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ { range: 0+1G, movable: true } ] }\n",
	 3,
	 {"movable: is said of memory that was added after boot"}},
	{"machine:\n  nodes:\n    - id: 0\n      ranges:\n        - 0x0-0x3fffffff\n        - "
	 "0x3ffff000-0x7fffffff\n",
	 6,
	 {"overlap", "of node 0"}},
	{"machine:\n  nodes:\n    - { id: 0, ranges: [ 0x0-0x3fffffff ] }\n    - { id: 1, ranges: "
	 "[ 0x3ffff000-0x7fffffff ] }\n",
	 4,
	 {"0x3ffff000-0x3fffffff is in node 0 and in node 1"}},
	{"machine:\n  nodes:\n    - { id: 0, memory: 4G }\n    - { id: 1, ranges: [ 4G+1G ] }\n",
	 0,
	 {"in node 1 and in node 0"}},
	{NODES "  hole: 5G\n", 5, {"the PCI hole ends at 4G"}},
	/* matrices */
	{NODES "  distances: [[10, 20]]\n",
	 5,
	 {"machine.distances: 1 rows for 2 nodes; 2 rows of 2 numbers"}},
	{NODES "  distances:\n    - [10, 20]\n    - [20, 10, 30]\n",
	 7,
	 {"row of node 1 has 3 numbers for 2 nodes"}},
	{NODES "  distances:\n    - [10, 20]\n    - 20\n", 7, {"is a plain value; a list"}},
	{NODES "  distances:\n    - [10, 20]\n    - [20, 11]\n",
	 7,
	 {"node 1 to itself is 11; the diagonal is 10"}},
	{NODES "  distances:\n    - [10, 9]\n    - [20, 10]\n",
	 6,
	 {"node 0 to node 1 is 9; 10 to 255"}},
	{NODES "  distances:\n    - [10, 20]\n    - [256, 10]\n",
	 7,
	 {"node 1 to node 0 is 256; 10 to 255"}},
	{NODES "  distances:\n    - [10, far]\n    - [20, 10]\n", 6, {"node 0 to node 1 is far"}},
	{NODES "  latency_ns: fast\n", 5, {"machine.latency_ns: is a plain value; a list"}},
	{NODES "  latency_ns: { local: fast }\n",
	 5,
	 {"machine.latency_ns.local: \"fast\"; nanoseconds"}},
	{NODES "  latency_ns: { local: 0 }\n", 5, {"machine.latency_ns.local: \"0\"; nanoseconds"}},
	{NODES "  latency_ns: { local: 5000000 }\n", 5, {"nanoseconds up to 4000000"}},
	{NODES "  latency_ns: [[80, 1.2345], [80, 80]]\n", 5, {"at most three decimals"}},
	{NODES "  latency_ns: { remote: 140, matrix: [[1, 1], [1, 1]] }\n",
	 5,
	 {"stands beside remote"}},
	{NODES "  bandwidth: { local: 0 }\n", 5, {"machine.bandwidth.local: 0 bytes a second"}},
	{NODES "  bandwidth: [[1G, 1G]]\n", 5, {"machine.bandwidth: 1 rows for 2 nodes"}},
	/* topology */
	{NODES "  topology: { packages: 2, cores: 3 }\n",
	 5,
	 {"2 packages x 1 dies x 1 clusters x 3 cores x 1 threads", "the 4 CPUs"}},
	{NODES "  topology: { threads: 0 }\n", 5, {"machine.topology.threads: 0; a number from 1"}},
	{NODES "  topology: [ { cpus: 3-4, core: 1 } ]\n",
	 5,
	 {"machine.topology[0]: cpus: CPU 4 is of no node"}},
	{NODES "  topology: [ { core: 1 } ]\n", 5, {"cpus is missing"}},
	/* tables and facts */
	{NODES "  firmware: [ { range: 0-0xfff, type: ram } ]\n",
	 5,
	 {"machine.firmware[0].type: \"ram\"; usable, reserved"}},
	{NODES "  firmware: [ { range: 0-0xfff, type: usable } ]\n",
	 3,
	 {"takes only hot-added ranges"}},
	{NODES "  affinity: [ { node: 7, range: 0-0xfff } ]\n",
	 5,
	 {"node 7, which does not exist"}},
	{NODES "  zones: [ { node: 0, zone: DMA16 } ]\n",
	 5,
	 {"machine.zones[0].zone: \"DMA16\" is no zone"}},
	{NODES "  zones: [ { node: 0, zone: HighMem } ]\n", 5, {"x86_64 has no zone HighMem"}},
	{NODES "  zones: [ { node: 4, zone: DMA } ]\n",
	 5,
	 {"machine.zones[0]: node: 4 does not exist"}},
	{NODES "  zones:\n    - { node: 0, zone: DMA }\n    - { node: 0, zone: DMA }\n",
	 7,
	 {"stands twice"}},
	{NODES "  zones: [ { node: 0, zone: DMA, managed: -1 } ]\n",
	 5,
	 {"managed: -1; a number from 0"}},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nb_error err;
		struct nb_machine *m = read_text(bad[i].yaml, &err);

		if (m)
			fail_msg("taken: %s", bad[i].yaml);
		for (size_t k = 0; k < 4 && bad[i].says[k]; k++) {
			if (!strstr(err.text, bad[i].says[k]))
				fail_msg("%s\n\"%s\" lacks \"%s\"", bad[i].yaml, err.text,
					 bad[i].says[k]);
		}
		if (bad[i].line && err.line != bad[i].line)
			fail_msg("%s\n\"%s\" is said of line %u instead of %u", bad[i].yaml,
				 err.text, err.line, bad[i].line);
		assert_string_equal(err.file, "m.yaml");
	}
}

/* What is too much: each is refused before it is held in memory. */
static void test_bounds(void **state)
{
	struct nb_text t = {0};
	struct nb_error err;

	(void)state;
	nb_text_puts(&t, "machine:\n  nodes:\n");
	for (int i = 0; i < 1025; i++)
		nb_text_printf(&t, "    - { id: %d, memory: 1M }\n", i % 1024);
	assert_null(read_text(nb_text_str(&t), &err));
	assert_non_null(strstr(err.text, "1025 nodes; at most 1024"));
	/* A list of aliases costs a few bytes a piece and stands for much. */
	nb_text_clear(&t);
	nb_text_puts(&t, "machine:\n  nodes:\n    - { cpus: &c 0-8191, memory: 1M }\n");
	for (int i = 0; i < 1000; i++)
		nb_text_puts(&t, "    - { cpus: *c }\n");
	assert_null(read_text(nb_text_str(&t), &err));
	assert_non_null(strstr(err.text, "more CPUs than there are CPU numbers"));
	/* libyaml's own work grows with the square of these. */
	nb_text_clear(&t);
	nb_text_puts(&t, "machine:\n");
	for (int i = 0; i < 300; i++)
		nb_text_printf(&t, "  &a%d k%d: 1\n", i, i);
	assert_null(read_text(nb_text_str(&t), &err));
	assert_non_null(strstr(err.text, "more than 256 anchors"));
	nb_text_clear(&t);
	for (int i = 0; i < 100; i++)
		nb_text_printf(&t, "%%TAG !a%d! tag:x\n", i);
	nb_text_puts(&t, "---\nmachine: 1\n");
	assert_null(read_text(nb_text_str(&t), &err));
	assert_non_null(strstr(err.text, "more than 64 directives"));
	nb_text_clear(&t);
	nb_text_puts(&t, "machine: [ ");
	for (unsigned i = 0; i <= NB_YAML_MAX_ITEMS; i++)
		nb_text_puts(&t, "1,");
	assert_null(read_text(nb_text_str(&t), &err));
	assert_int_equal(err.code, -NB_EFBIG);
	nb_text_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad),
					   cmocka_unit_test(test_bounds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
