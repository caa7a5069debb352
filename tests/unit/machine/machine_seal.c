/* machine_seal.c -- tests of src/machine/machine_seal.c: each wrong machine is refused with a
 * message that names line, field, what was found and what would be right; and stays unsealed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/machine.h>

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

static struct nb_port port;

static struct nb_machine *machine(void)
{
	struct nb_machine *m;

	nb_port_posix(&port, false);
	m = nb_machine_new(&port);
	assert_non_null(m);
	m->file = "test.yaml";
	return m;
}

static void node(struct nb_machine *m, int id, unsigned line)
{
	struct nb_node n = {.id = id, .online = true, .line = line};

	assert_int_equal(nb_machine_add_node(m, &n), 0);
}

static void cpu(struct nb_machine *m, int id, int nid, unsigned line)
{
	struct nb_cpu c = {.id = id, .nid = nid, .online = true, .line = line};

	assert_int_equal(nb_machine_add_cpu(m, &c), 0);
}

static void range(struct nb_machine *m, int nid, uint64_t start, uint64_t end, unsigned line)
{
	struct nb_mem_range r = {.start = start, .end = end, .nid = nid, .line = line};

	assert_int_equal(nb_machine_add_range(m, &r), 0);
}

/* The machine is refused at `line` with a text that holds all of the words (parted by '|'). */
static void refused(struct nb_machine *m, unsigned line, const char *words)
{
	struct nb_error err = {0};
	char word[128];

	assert_int_equal(nb_machine_seal(m, &err), -NB_EINVAL);
	assert_false(m->sealed);
	assert_string_equal(err.file, "test.yaml");
	assert_int_equal(err.line, line);
	while (*words) {
		size_t n = strcspn(words, "|");

		memcpy(word, words, n);
		word[n] = '\0';
		if (!strstr(err.text, word))
			fail_msg("\"%s\" lacks \"%s\"", err.text, word);
		words += n + (words[n] == '|');
	}
	nb_machine_free(m);
}

static void test_nodes(void **state)
{
	struct nb_machine *m = machine();

	(void)state;
	node(m, 1000000, 4);
	range(m, 1000000, 0, MIB, 4);
	refused(m, 4, "node id 1000000|0 to 1023");

	m = machine();
	node(m, 0, 1);
	node(m, -5, 2);
	range(m, 0, 0, MIB, 1);
	refused(m, 2, "node id -5");

	m = machine();
	node(m, 3, 1);
	node(m, 3, 2);
	range(m, 3, 0, MIB, 1);
	refused(m, 2, "node id 3|twice");
}

static void test_cpus(void **state)
{
	struct nb_machine *m = machine();

	(void)state;
	node(m, 0, 1);
	node(m, 1, 2);
	range(m, 0, 0, MIB, 1);
	cpu(m, 4, 0, 1);
	cpu(m, 4, 1, 2);
	refused(m, 2, "CPU 4|node 0|node 1");

	m = machine();
	node(m, 0, 1);
	range(m, 0, 0, MIB, 1);
	cpu(m, 8192, 0, 7);
	refused(m, 7, "CPU 8192|0 to 8191");

	m = machine();
	node(m, 0, 1);
	range(m, 0, 0, MIB, 1);
	cpu(m, 1, 9, 8);
	refused(m, 8, "CPU 1|node 9|does not exist");
}

static void reserved(struct nb_machine *m, uint64_t start, uint64_t end, unsigned line)
{
	struct nb_mem_range r = {.start = start,
				 .end = end,
				 .type = NB_MEM_RESERVED,
				 .nid = NB_NO_NODE,
				 .line = line};

	assert_int_equal(nb_machine_add_reserved(m, &r), 0);
}

/* Reserved ranges: any bytes, in any order, each byte once. */
static void test_reserved(void **state)
{
	struct nb_machine *m = machine();

	(void)state;
	range(m, 0, 0, MIB, 1);
	reserved(m, 0x1000, 0x1010, 2);
	reserved(m, 0x1010, 0x1011, 3);
	reserved(m, 0, 0x123, 4);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	assert_int_equal(m->reserved[0].end, 0x123);
	assert_int_equal(m->reserved[2].end, 0x1011);
	nb_machine_free(m);

	m = machine();
	range(m, 0, 0, MIB, 1);
	reserved(m, 0x1000, 0x1011, 2);
	reserved(m, 0x1010, 0x1012, 3);
	refused(m, 3, "reserved|0x1000-0x1010|0x1010-0x1011|overlap");

	m = machine();
	range(m, 0, 0, MIB, 1);
	reserved(m, 0x1000, 0x1000, 5);
	refused(m, 5, "reserved|empty");

	m = machine();
	range(m, 0, 0, MIB, 1);
	reserved(m, 0x1000, (UINT64_C(1) << 52) + 1, 6);
	refused(m, 6, "reserved|2^52");
}

static void test_ranges(void **state)
{
	struct nb_machine *m = machine();

	(void)state;
	range(m, 0, 0, 4 * MIB, 1);
	range(m, 0, 2 * MIB, 6 * MIB, 2);
	refused(m, 2, "0x0-0x3fffff|0x200000-0x5fffff|node 0|overlap");

	m = machine();
	range(m, 0, 0, 16 * MIB, 1);
	range(m, 1, 2 * MIB, 3 * MIB, 2);
	refused(m, 2, "0x200000-0x2fffff|node 0|node 1");

	/* The widest one so far counts, not the neighbour. */
	m = machine();
	range(m, 0, 0, 16 * MIB, 1);
	range(m, 0, 16 * MIB, 17 * MIB, 2);
	range(m, 1, 10 * MIB, 11 * MIB, 3);
	refused(m, 3, "0xa00000-0xafffff");

	m = machine();
	range(m, 0, 4 * MIB, 4 * MIB, 5);
	refused(m, 5, "empty");

	m = machine();
	range(m, 0, 4 * MIB, 2 * MIB, 5);
	refused(m, 5, "0x400000|ends before it starts");

	m = machine();
	range(m, 0, 0, MIB + 5, 5);
	refused(m, 5, "whole pages|4096");

	m = machine();
	range(m, 0, 4096 * TIB, 4097 * TIB, 5);
	refused(m, 5, "2^52");

	m = machine();
	node(m, 0, 1);
	range(m, 0, 0, MIB, 1);
	range(m, 3, MIB, 2 * MIB, 6);
	refused(m, 6, "node 3|does not exist");

	m = machine();
	node(m, 0, 1);
	range(m, NB_NO_NODE, 0, MIB, 6);
	refused(m, 6, "no node");
}

static void test_amounts(void **state)
{
	struct nb_machine *m = machine();

	(void)state;
	node(m, 0, 1);
	cpu(m, 0, 0, 1);
	refused(m, 0, "memory|no node has any");

	m = machine();
	range(m, 0, 0, 16 * TIB, 5);
	refused(m, 5, "node 0|16384 GiB");

	m = machine();
	range(m, 0, 0, 8 * TIB, 5);
	range(m, 0, 9 * TIB, 17 * TIB, 6);
	refused(m, 6, "node 0|pages");

	/* 16 TiB less two pages is the most. */
	m = machine();
	range(m, 0, 0, 16 * TIB - 8192, 5);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	nb_machine_free(m);
}

static void test_distances(void **state)
{
	static const uint8_t diagonal[] = {10, 20, 20, 11}, low[] = {10, 9, 20, 10};
	static const uint8_t good[] = {10, 255, 11, 10};
	struct nb_machine *m = machine();

	(void)state;
	range(m, 0, 0, MIB, 1);
	range(m, 4, MIB, 2 * MIB, 1);
	nb_machine_set_distances(m, diagonal, 2);
	refused(m, 0, "distances|node 4|11|10 would be right");

	m = machine();
	range(m, 0, 0, MIB, 1);
	range(m, 4, MIB, 2 * MIB, 1);
	nb_machine_set_distances(m, low, 2);
	refused(m, 0, "distances|node 0|node 4|9|10 to 255");

	m = machine();
	range(m, 0, 0, MIB, 1);
	nb_machine_set_distances(m, good, 2);
	refused(m, 0, "distances|2 rows|1 nodes|1 x 1");

	m = machine();
	range(m, 0, 0, MIB, 1);
	range(m, 4, MIB, 2 * MIB, 1);
	nb_machine_set_distances(m, good, 2);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	nb_machine_free(m);
}

static void test_facts(void **state)
{
	struct nb_zone_fact high = {.nid = 0, .type = NB_ZONE_HIGHMEM, .line = 9};
	struct nb_zone_fact twice = {.nid = 0, .type = NB_ZONE_DMA, .line = 9};
	struct nb_machine *m = machine();

	(void)state;
	range(m, 0, 0, MIB, 1);
	nb_machine_add_zone_fact(m, &high);
	refused(m, 9, "x86_64|HighMem");

	m = machine();
	range(m, 0, 0, MIB, 1);
	nb_machine_add_zone_fact(m, &twice);
	nb_machine_add_zone_fact(m, &twice);
	refused(m, 9, "node 0|zone DMA|twice");
}

static void test_basics(void **state)
{
	struct nb_machine *m = machine();

	(void)state;
	range(m, 0, 0, MIB, 1);
	m->page_shift = 13;
	refused(m, 0, "page size|4, 16 or 64 KiB");

	m = machine();
	range(m, 0, 0, MIB, 1);
	m->page_shift = 16;
	refused(m, 0, "64 KiB|x86_64");

	m = machine();
	m->arch = NB_ARCH_ARM64;
	m->page_shift = 16;
	range(m, 0, 0, MIB, 1);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	nb_machine_free(m);
}

static void test_firmware(void **state)
{
	struct nb_mem_range ram = {.start = 0, .end = 16 * MIB, .nid = NB_NO_NODE};
	struct nb_mem_range none = {.start = MIB, .end = MIB, .nid = NB_NO_NODE, .line = 3};
	struct nb_mem_range far = {.start = 0, .end = MIB, .nid = 5, .line = 4};
	struct nb_machine *m = machine();

	(void)state;
	nb_machine_add_firmware(m, &ram);
	range(m, 0, 32 * MIB, 48 * MIB, 8);
	refused(m, 8, "hot-added");

	m = machine();
	nb_machine_add_firmware(m, &ram);
	nb_machine_add_firmware(m, &none);
	refused(m, 3, "firmware map");

	m = machine();
	node(m, 0, 1);
	nb_machine_add_firmware(m, &ram);
	nb_machine_add_affinity(m, &far);
	refused(m, 4, "affinity|node 5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),    cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_ranges),   cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_amounts),  cmocka_unit_test(test_distances),
		cmocka_unit_test(test_facts),    cmocka_unit_test(test_basics),
		cmocka_unit_test(test_firmware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
