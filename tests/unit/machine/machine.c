/* machine.c -- tests of src/machine/machine.c: what goes in comes out, sorted and complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/machine.h>

static struct nb_port port;

static int set_up(void **state)
{
	nb_port_posix(&port, false);
	*state = nb_machine_new(&port);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	nb_machine_free(*state);
	return 0;
}

static void add_range(struct nb_machine *m, int nid, uint64_t start, uint64_t end)
{
	struct nb_mem_range r = {.start = start, .end = end, .nid = nid};

	assert_int_equal(nb_machine_add_range(m, &r), 0);
}

/* Expect an almost empty description to become a whole machine. */
static void test_completed(void **state)
{
	struct nb_machine *m = *state;
	struct nb_error err = {0};

	add_range(m, 3, 0, 1 << 20);
	add_range(m, 1, 1 << 20, 2 << 20);
	assert_int_equal(nb_machine_seal(m, &err), 0);
	assert_int_equal(m->nr_nodes, 2);
	assert_int_equal(m->nodes[0].id, 1);
	assert_int_equal(m->nodes[1].id, 3);
	assert_int_equal(m->nr_cpus, 1);
	assert_int_equal(m->cpus[0].nid, 1);
	assert_string_equal(m->profile->key, "6.12");
	assert_true(m->profile_exact);
	assert_string_equal(m->arch_name, "x86_64");
	assert_string_equal(m->name, "machine");
	assert_int_equal(nb_machine_distance(m, 1, 1), 10);
	assert_int_equal(nb_machine_distance(m, 1, 3), 20);
	assert_int_equal(nb_machine_latency_ps(m, 1, 3), 160000);
	assert_int_equal(nb_machine_node_index(m, 3), 1);
	assert_int_equal(nb_machine_node_index(m, 2), -1);
	assert_int_equal(nb_machine_seal(m, &err), 0);
}

static void test_profile_of_release(void **state)
{
	struct nb_machine *m = *state;

	m->release = nb_machine_strdup(m, "6.1.0-56-amd64");
	add_range(m, 0, 0, 1 << 20);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	assert_string_equal(m->profile->key, "6.1");
	assert_true(m->profile_exact);
}

static void test_profile_chosen(void **state)
{
	struct nb_machine *m = *state;

	m->release = nb_machine_strdup(m, "6.1.0-56-amd64");
	m->profile = nb_kernel_by_key("2.6.7");
	add_range(m, 0, 0, 1 << 20);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	assert_string_equal(m->profile->key, "2.6.7");
	assert_false(m->profile_exact);
}

/* Expect thousands of entries in any order to come out in order, with all their fields. */
static void test_many(void **state)
{
	struct nb_machine *m = *state;
	struct nb_error err = {0};

	for (int i = 1023; i >= 0; i--) {
		struct nb_node n = {.id = i, .online = i % 2};

		assert_int_equal(nb_machine_add_node(m, &n), 0);
		add_range(m, i, (uint64_t)i << 36, (uint64_t)(i + 1) << 36);
	}
	for (int i = 0; i < NB_MAX_CPUS; i++) {
		struct nb_cpu c = {.id = i * 5 % NB_MAX_CPUS, .nid = i % 1024, .core = i};

		assert_int_equal(nb_machine_add_cpu(m, &c), 0);
	}
	assert_int_equal(nb_machine_seal(m, &err), 0);
	for (int i = 0; i < 1024; i++) {
		assert_int_equal(m->nodes[i].id, i);
		assert_int_equal(m->nodes[i].online, i % 2);
		assert_int_equal(m->ranges[i].nid, i);
		assert_int_equal(nb_machine_node_index(m, i), i);
	}
	for (int i = 0; i < NB_MAX_CPUS; i++) {
		assert_int_equal(m->cpus[i].id, i);
		assert_int_equal(m->cpus[i].core * 5 % NB_MAX_CPUS, i);
	}
}

static void test_matrices(void **state)
{
	struct nb_machine *m = *state;
	static const uint8_t d[] = {10, 21, 31, 10};
	static const uint32_t ps[] = {70000, 0, 130000, 90000};
	static const uint64_t bw[] = {1, 2, 3, 4};

	add_range(m, 7, 0, 1 << 20);
	add_range(m, 2, 1 << 20, 2 << 20);
	assert_int_equal(nb_machine_set_distances(m, d, 2), 0);
	assert_int_equal(nb_machine_set_latencies(m, ps, 2), 0);
	assert_int_equal(nb_machine_set_bandwidths(m, bw, 2), 0);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	assert_int_equal(nb_machine_distance(m, 2, 7), 21);
	assert_int_equal(nb_machine_distance(m, 7, 2), 31);
	assert_int_equal(nb_machine_distance(m, 7, 99), 20);
	assert_int_equal(nb_machine_latency_ps(m, 2, 2), 70000);
	assert_int_equal(nb_machine_latency_ps(m, 2, 7), 168000); /* not told: 80 ns x 21 / 10 */
	assert_int_equal(nb_machine_latency_ps(m, 7, 2), 130000);
	assert_int_equal(m->bandwidth_bytes[2], 3);
}

static void test_facts_sysctls_words(void **state)
{
	struct nb_machine *m = *state;
	struct nb_zone_fact f = {.nid = 0, .type = NB_ZONE_NORMAL, .managed_pages = 5};
	struct nb_zone_fact g = {.nid = 0, .type = NB_ZONE_DMA, .managed_pages = 3};

	add_range(m, 0, 0, 1 << 20);
	assert_int_equal(nb_machine_add_zone_fact(m, &f), 0);
	assert_int_equal(nb_machine_add_zone_fact(m, &g), 0);
	assert_int_equal(nb_machine_add_sysctl(m, "vm.swappiness", "10", 4), 0);
	assert_int_equal(nb_machine_add_cmdline(m, "quiet"), 0);
	assert_int_equal(nb_machine_add_cmdline(m, "numa=off mem=1G"), 0);
	assert_int_equal(nb_machine_seal(m, NULL), 0);
	assert_int_equal(nb_machine_zone_fact(m, 0, NB_ZONE_NORMAL)->managed_pages, 5);
	assert_int_equal(nb_machine_zone_fact(m, 0, NB_ZONE_DMA)->managed_pages, 3);
	assert_null(nb_machine_zone_fact(m, 0, NB_ZONE_MOVABLE));
	assert_null(nb_machine_zone_fact(m, 1, NB_ZONE_DMA));
	assert_string_equal(m->sysctls[0].name, "vm.swappiness");
	assert_string_equal(m->sysctls[0].value, "10");
	assert_string_equal(m->cmdline, "quiet numa=off mem=1G");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_completed), CASE(test_profile_of_release), CASE(test_profile_chosen),
		CASE(test_many),      CASE(test_matrices),           CASE(test_facts_sysctls_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
