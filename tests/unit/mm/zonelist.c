/* zonelist.c -- the order in which nodes are tried. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_order(const struct sysbox *box, int nid, const char *want)
{
	char got[256] = "";
	struct nb_node_info info;
	size_t len = 0;

	assert_int_equal(nb_node_info(box->sys, nid, &info), 0);
	for (unsigned i = 0; i < info.nr_fallback; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%d", i ? " " : "",
					info.fallback[i]);
	assert_string_equal(got, want);
}

/* All distances equal: each node goes on with the next higher one and wraps. */
static void test_flat_rotates(void **state)
{
	static const uint8_t d[] = {10, 20, 20, 20, 20, 10, 20, 20, 20, 20, 10, 20, 20, 20, 20, 10};
	struct sysbox box;

	(void)state;
	sysbox_boot(&box,
		    &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1 64M:1", .distances = d});
	expect_order(&box, 0, "0 1 2 3");
	expect_order(&box, 1, "1 2 3 0");
	expect_order(&box, 3, "3 0 1 2");
	sysbox_end(&box);
}

static void test_memoryless_node(void **state)
{
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 0:1 64M:1", .kernel = "6.1"});
	expect_order(&box, 1, "1 2 0");
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 0:1 64M:1", .kernel = "6.12"});
	expect_order(&box, 1, "2 0");
	sysbox_end(&box);
}

/* The kernel's own way of choosing, place by place, written down as the facts tell it. */
static void naive_orders(unsigned n, const uint8_t *d, int order[24][24])
{
	unsigned load[24] = {0};

	for (unsigned from = 0; from < n; from++) {
		bool used[24] = {false};
		unsigned prev = from;

		for (unsigned place = 0; place < n; place++) {
			unsigned best = n, least = 0;

			for (unsigned i = 0; i < n; i++) {
				unsigned val =
					(d[from * n + i] + (i < from)) * NB_MAX_NODES + load[i];

				if (!used[i] && (best == n || val < least)) {
					best = i;
					least = val;
				}
			}
			if (place == 0)
				best = from;
			used[best] = true;
			order[from][place] = (int)best;
			if (d[from * n + best] != d[from * n + prev])
				load[best]++;
			prev = best;
		}
	}
}

static void test_same_as_place_by_place(void **state)
{
	unsigned seed = 12345;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned n = 2 + round % 23;
		char nodes[24 * 8] = "";
		uint8_t d[24 * 24];
		int order[24][24];
		struct sysbox box;

		for (unsigned i = 0; i < n; i++) {
			strcat(nodes, "8M:1 ");
			for (unsigned j = 0; j < n; j++) {
				seed = seed * 1103515245u + 12345u;
				d[i * n + j] = (uint8_t)(i == j ? 10
								: 11 + (seed >>
									16) % (round % 2 ? 4 : 60));
			}
		}
		naive_orders(n, d, order);
		sysbox_boot(&box, &(struct sysbox_spec){.nodes = nodes, .distances = d});
		for (unsigned i = 0; i < n; i++) {
			struct nb_node_info info;

			assert_int_equal(nb_node_info(box.sys, (int)i, &info), 0);
			assert_int_equal(info.nr_fallback, n);
			assert_memory_equal(info.fallback, order[i], n * sizeof(int));
		}
		sysbox_end(&box);
	}
}

static void test_round_robin_ignores_distance(void **state)
{
	static const uint8_t d[] = {10, 40, 15, 40, 10, 15, 15, 15, 10};
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){
				  .nodes = "64M:1 64M:1 64M:1", .distances = d, .kernel = "2.6.7"});
	expect_order(&box, 0, "0 1 2");
	expect_order(&box, 2, "2 0 1");
	sysbox_end(&box);
}

/* The zones of node 0's list as "NODE:ZONE". */
static void zones_of(const struct sysbox *box, char *buf, size_t n)
{
	size_t len = 0;

	for (const struct nb_zoneref *z = nb_node_data(box->sys, 0)->zonelist; z->zone; z++) {
		assert_int_equal(z->nid, z->zone->pgdat->nid);
		assert_int_equal(z->zone_idx, z->zone->type);
		len += (size_t)snprintf(buf + len, n - len, "%s%d:%s", len ? " " : "", z->nid,
					nb_zone_name(z->zone_idx));
	}
}

static void test_zone_order_of_old_kernels(void **state)
{
	static const char by_zone[] = "0:Normal 1:Normal 0:DMA32 0:DMA",
			  by_node[] = "0:Normal 0:DMA32 0:DMA 1:Normal";
	struct nb_error err = {0};
	struct sysbox box;
	char got[256];

	(void)state;
	/* By itself it keeps the small low zones: zone order. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1 16G:1", .kernel = "2.6.24"});
	zones_of(&box, got, sizeof(got));
	assert_string_equal(got, by_zone);
	assert_int_equal(nb_sysctl_write(box.sys, "vm.numa_zonelist_order", "node", &err), 0);
	zones_of(&box, got, sizeof(got));
	assert_string_equal(got, by_node);
	assert_int_equal(nb_sysctl_write(box.sys, "vm.numa_zonelist_order", "Zone", &err), 0);
	zones_of(&box, got, sizeof(got));
	assert_string_equal(got, by_zone);
	sysbox_end(&box);

	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1 16G:1",
						.kernel = "2.6.24",
						.cmdline = "numa_zonelist_order=node"});
	zones_of(&box, got, sizeof(got));
	assert_string_equal(got, by_node);
	sysbox_end(&box);

	/* Low memory is most of it: node order. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "4G:1 2G:1", .kernel = "2.6.24"});
	zones_of(&box, got, sizeof(got));
	assert_string_equal(got, "0:DMA32 0:DMA 1:Normal");
	assert_false(box.sys->tune.zone_order);
	sysbox_end(&box);

	/* The option is gone in 4.14. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1 16G:1",
						.cmdline = "numa_zonelist_order=zone"});
	zones_of(&box, got, sizeof(got));
	assert_string_equal(got, by_node);
	assert_int_equal(nb_sysctl_write(box.sys, "vm.numa_zonelist_order", "zone", &err),
			 -NB_EINVAL);
	assert_int_equal(nb_sysctl_write(box.sys, "vm.numa_zonelist_order", "Default", &err), 0);
	sysbox_end(&box);
}

static void test_nofallback_and_policy_zone(void **state)
{
	struct nb_system_info info;
	const struct nb_zoneref *z;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "16G:1 16G:1"});
	z = nb_node_data(box.sys, 1)->zonelist_nofallback;
	assert_ptr_equal(z[0].zone, &nb_node_data(box.sys, 1)->zone[NB_ZONE_NORMAL]);
	assert_null(z[1].zone);
	nb_system_info(box.sys, &info);
	assert_int_equal(info.policy_zone, NB_ZONE_NORMAL);
	assert_int_equal(info.nr_zonelists, 2);
	assert_true(info.mobility_grouping);
	assert_int_equal(info.vm_total_pages, info.present_pages);
	sysbox_end(&box);

	/* ZONE_MOVABLE is no policy zone. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "2G:1 2G:1", .cmdline = "movablecore=1G"});
	nb_system_info(box.sys, &info);
	assert_int_equal(info.policy_zone, NB_ZONE_DMA32);
	sysbox_end(&box);

	/* 8 MiB are too few to part them by mobility: five types, 2 MiB each. */
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8M:1"});
	nb_system_info(box.sys, &info);
	assert_false(info.mobility_grouping);
	sysbox_end(&box);
}

/* 2.6.24 switches zone reclaim on where a node is farther than 20. */
static void test_old_zone_reclaim_by_distance(void **state)
{
	static const uint8_t far_off[] = {10, 21, 21, 10};
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){
				  .nodes = "1G:1 1G:1", .kernel = "2.6.24", .distances = far_off});
	assert_int_equal(box.sys->tune.zone_reclaim_mode, 1);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1G:1 1G:1", .kernel = "2.6.24"});
	assert_int_equal(box.sys->tune.zone_reclaim_mode, 0);
	sysbox_end(&box);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "1G:1 1G:1", .distances = far_off});
	assert_int_equal(box.sys->tune.zone_reclaim_mode, 0);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flat_rotates),
		cmocka_unit_test(test_memoryless_node),
		cmocka_unit_test(test_same_as_place_by_place),
		cmocka_unit_test(test_round_robin_ignores_distance),
		cmocka_unit_test(test_zone_order_of_old_kernels),
		cmocka_unit_test(test_nofallback_and_policy_zone),
		cmocka_unit_test(test_old_zone_reclaim_by_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
