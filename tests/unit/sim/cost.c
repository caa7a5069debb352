/* cost.c -- tests of src/sim/cost.c: latencies, traffic, averages, by hand-made arithmetic. */
#include "simtest.h"

#include "sim/cost.h"

/* 80 ns local, distance 21: 168 ns, 88 more; a million accesses 0.168 s, a billion 168 s. */
static void by_distance(void **state)
{
	struct simtest t;
	struct nb_cost *c = &t.sim.cost;
	uint64_t half[2] = {1, 1}, mostly[2] = {3, 1}, none[2] = {0, 0};

	(void)state;
	simtest_open(&t, "2x256M,dist=21");
	assert_int_equal(c->nr_nodes, 2);
	assert_int_equal(nb_cost_latency_ps(c, 0, 0), 80000);
	assert_int_equal(nb_cost_latency_ps(c, 0, 1), 168000);
	assert_int_equal(nb_cost_latency_ps(c, 1, 0), 168000);
	assert_int_equal(nb_cost_latency_ps(c, 0, 2), 0);
	assert_int_equal(nb_cost_traffic_ps(c, 0, 1, NB_PATTERN_RANDOM, 64 * 1000000ull),
			 168000ull * 1000000);
	assert_int_equal(nb_cost_traffic_ps(c, 0, 1, NB_PATTERN_RANDOM, 64 * 1000000000ull),
			 168000ull * 1000000000);
	/* ten lines at once */
	assert_int_equal(nb_cost_traffic_ps(c, 0, 0, NB_PATTERN_SEQUENTIAL, 640), 80000);
	assert_true(nb_cost_average_ns(c, 0, half) == 124.0);
	assert_true(nb_cost_average_ns(c, 0, mostly) == 102.0);
	assert_true(nb_cost_average_ns(c, 1, mostly) == 146.0);
	assert_true(nb_cost_average_ns(c, 0, none) == 0.0);
	/* a fault: 500 ns and clearing 4096 bytes at 8 GB/s */
	assert_int_equal(nb_cost_faults_ps(c, 0, 0, 2), 2 * (500000 + 512000));
	assert_int_equal(nb_cost_cpu_node(c, 0), 0);
	assert_int_equal(nb_cost_cpu_node(c, 4), 1);
	assert_int_equal(nb_cost_cpu_node(c, 8), NB_NO_NODE);
	assert_int_equal(nb_cost_cpu_node(c, -1), NB_NO_NODE);
	/* more than 64 bits of ps: the greatest number, not a small one */
	assert_int_equal(nb_cost_traffic_ps(c, 0, 1, NB_PATTERN_RANDOM, UINT64_MAX), UINT64_MAX);
	simtest_close(&t);
}

/* A machine file's own matrix and bandwidth come before the distances. */
static void by_matrix(void **state)
{
	static const char yaml[] = "machine:\n"
				   "  name: told\n"
				   "  nodes:\n"
				   "    - { id: 0, cpus: 0-1, memory: 256M }\n"
				   "    - { id: 1, cpus: 2-3, memory: 256M }\n"
				   "  distances: [ [10, 21], [21, 10] ]\n"
				   "  latency_ns: [ [90, 140], [145, 95] ]\n"
				   "  bandwidth: [ [2G, 1G], [1G, 2G] ]\n";
	char *plain = simtest_file(yaml), *file = nb_xcalloc(1, strlen(plain) + 6);
	struct simtest t;
	struct nb_cost *c = &t.sim.cost;

	(void)state;
	snprintf(file, strlen(plain) + 6, "%s.yaml", plain);
	assert_int_equal(rename(plain, file), 0);
	simtest_open(&t, file);
	assert_int_equal(nb_cost_latency_ps(c, 0, 0), 90000);
	assert_int_equal(nb_cost_latency_ps(c, 0, 1), 140000);
	assert_int_equal(nb_cost_latency_ps(c, 1, 0), 145000);
	assert_int_equal(nb_cost_bandwidth(c, 0, 1), 1u << 30);
	/* 1 GiB at 1 GiB a second, though ten lines at once would be faster */
	assert_int_equal(nb_cost_traffic_ps(c, 0, 1, NB_PATTERN_SEQUENTIAL, 1u << 30),
			 1000000000000ull);
	/* one line after another is slower than that bandwidth: latency rules */
	assert_int_equal(nb_cost_traffic_ps(c, 0, 1, NB_PATTERN_RANDOM, 1u << 30),
			 (1u << 30) / 64 * 140000ull);
	simtest_close(&t);
	unlink(file);
	free(file);
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_distance),
		cmocka_unit_test(by_matrix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
