/* system.c -- boot as a whole, its failures, and the readers. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void test_readers(void **state)
{
	static const uint8_t d[] = {10, 17, 28, 10};
	struct nb_system_info info;
	struct nb_node_info node;
	struct nb_zone_info z;
	uint64_t sum = 0;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "8G:2 4G:0", .distances = d});
	assert_ptr_equal(nb_system_machine(box.sys), box.machine);
	assert_int_equal(nb_system_nr_nodes(box.sys), 2);
	assert_int_equal(nb_system_node_id(box.sys, 1), 1);
	assert_int_equal(nb_system_node_id(box.sys, 2), NB_NO_NODE);
	assert_int_equal(nb_system_distance(box.sys, 0, 1), 17);
	assert_int_equal(nb_system_distance(box.sys, 1, 0), 28);

	assert_int_equal(nb_node_info(box.sys, 1, &node), 0);
	assert_true(node.online && node.has_memory && node.has_normal_memory && !node.has_cpu);
	assert_int_equal(node.present_pages, 1048576);
	assert_int_equal(node.free_pages, node.managed_pages);
	assert_int_equal(nb_node_info(box.sys, 2, &node), -NB_ENODEV);
	assert_int_equal(nb_node_info(box.sys, -1, &node), -NB_ENODEV);

	assert_int_equal(nb_zone_info(box.sys, 2, NB_ZONE_DMA, &z), -NB_ENODEV);
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_HIGHMEM, &z), -NB_EINVAL);
	assert_int_equal(nb_zone_info(box.sys, 0, NB_MAX_NR_ZONES, &z), -NB_EINVAL);
	assert_int_equal(nb_zone_info(box.sys, 0, NB_ZONE_MOVABLE, &z), 0);
	assert_false(z.populated);
	assert_int_equal(nb_zone_info(box.sys, 1, NB_ZONE_NORMAL, &z), 0);
	assert_true(z.populated);
	for (unsigned o = 0; o < NB_NR_ORDERS; o++)
		sum += z.nr_free[o] << o;
	assert_int_equal(sum, z.free_pages);

	nb_system_info(box.sys, &info);
	assert_int_equal(info.nr_cpus_online, 2);
	assert_int_equal(info.nr_page_descriptor_bytes, 32);
	assert_int_equal(info.present_pages, 3 * 1048576);
	assert_true(info.committed_bytes > 0 && info.committed_bytes < 4 << 20);
	sysbox_end(&box);
}

static void test_time_never_goes_back(void **state)
{
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	assert_int_equal(nb_system_time_ns(box.sys), 0);
	nb_system_set_time_ns(box.sys, 500);
	nb_system_set_time_ns(box.sys, 400);
	assert_int_equal(nb_system_time_ns(box.sys), 500);
	sysbox_end(&box);
}

static void test_messages(void **state)
{
	struct sysbox box;
	unsigned n = 0;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	while (nb_system_message(box.sys, n))
		n++;
	nb_boot_message(box.sys, "node %d says %s", 3, "so");
	assert_string_equal(nb_system_message(box.sys, n), "node 3 says so");
	for (unsigned i = 0; i < 2 * NB_MAX_MESSAGES; i++)
		nb_boot_message(box.sys, "again");
	assert_null(nb_system_message(box.sys, NB_MAX_MESSAGES));
	sysbox_end(&box);
}

static void test_two_systems_share_nothing(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .order = 4, .nid = 0};
	struct nb_system *other;
	struct nb_system_info a, b;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	assert_int_equal(nb_system_boot(&box.port, box.machine, NULL, &other, NULL), 0);
	assert_true(nb_alloc_pages(box.sys, &rq) != NB_NO_PFN);
	nb_system_info(box.sys, &a);
	nb_system_info(other, &b);
	assert_true(a.free_pages < b.free_pages);
	assert_int_equal(nb_sysctl_write(other, "vm.swappiness", "1", NULL), 0);
	assert_int_equal(box.sys->tune.swappiness, 60);
	nb_system_shutdown(other);
	sysbox_end(&box);
}

/* A port that runs dry: boot must fail cleanly at each possible place. */
struct miser {
	struct nb_port real;
	unsigned left;
};

static void *miser_reserve(void *ctx, size_t bytes)
{
	struct miser *m = ctx;

	return m->left && m->left-- ? m->real.reserve(m->real.ctx, bytes) : NULL;
}

static int miser_commit(void *ctx, void *p, size_t bytes)
{
	struct miser *m = ctx;

	return m->left && m->left-- ? m->real.commit(m->real.ctx, p, bytes) : -NB_ENOMEM;
}

static void miser_release(void *ctx, void *p, size_t bytes)
{
	struct miser *m = ctx;

	m->real.release(m->real.ctx, p, bytes);
}

static void test_boot_without_memory(void **state)
{
	struct sysbox box;
	unsigned failed = 0;

	(void)state;
	sysbox_machine(&box, &(struct sysbox_spec){.nodes = "64G:2 64G:2"});
	for (unsigned n = 0; n < 1000; n++) {
		struct miser m = {.real = box.port, .left = n};
		struct nb_port port = {.ctx = &m,
				       .reserve = miser_reserve,
				       .commit = miser_commit,
				       .release = miser_release};
		struct nb_error err = {0};
		int ret = nb_system_boot(&port, box.machine, NULL, &box.sys, &err);

		if (!ret) {
			nb_system_shutdown(box.sys);
			break;
		}
		assert_int_equal(ret, -NB_ENOMEM);
		assert_true(err.text[0] != '\0');
		failed++;
	}
	assert_true(failed > 2 && failed < 999);
	nb_machine_free(box.machine);
}

static void test_unsealed_machine(void **state)
{
	struct nb_error err = {0};
	struct nb_machine *m;
	struct nb_system *sys;
	struct nb_port port;

	(void)state;
	nb_port_posix(&port, false);
	m = nb_machine_new(&port);
	assert_int_equal(nb_system_boot(&port, m, NULL, &sys, &err), -NB_EINVAL);
	nb_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers),
		cmocka_unit_test(test_time_never_goes_back),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_two_systems_share_nothing),
		cmocka_unit_test(test_boot_without_memory),
		cmocka_unit_test(test_unsealed_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
