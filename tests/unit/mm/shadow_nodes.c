/* shadow_nodes.c -- tests of src/mm/shadow_nodes.c: what is left of a file that went by. */
#include "mm/shadow_nodes.h"
#include "pressbox.h"

#define NODE_PAGES UINT64_C(64)

static struct nb_address_space *file(struct pressbox *p, uint64_t pages)
{
	struct nb_address_space *f;

	assert_int_equal(nb_file_create(p->sys, "f", pages * PAGE, &f), 0);
	return f;
}

static void read_pages(struct pressbox *p, struct nb_address_space *f, uint64_t from, uint64_t n)
{
	uint64_t got;

	assert_int_equal(nb_file_read(p->t, f, from * PAGE, NULL, n * PAGE, &got), 0);
	assert_int_equal(got, n * PAGE);
}

static uint64_t nodes(const struct pressbox *p, uint64_t *ret_dropped)
{
	struct nb_lru_info info;

	assert_int_equal(nb_lru_info(p->sys, 0, NB_ZONE_DMA32, &info), 0);
	if (ret_dropped)
		*ret_dropped = info.shadow_nodes_dropped;
	return info.shadow_nodes;
}

/* Reclaim takes the cached page at index, leaving a shadow. */
static void evict(struct pressbox *p, struct nb_address_space *f, uint64_t index)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_as_find(f, index, &z, NULL);

	assert_non_null(page);
	nb_put_page(p->sys, z, page, 0);
	assert_true(nb_lru_isolate(p->sys, z, page));
	assert_int_equal(nb_reclaim_page(p->sys, z, page, 0), 1);
}

/* A node waits while it holds nothing but shadows: not with a page beside them, not when it is
 * gone. */
static void test_listed(void **state)
{
	struct nb_address_space *f;
	struct pressbox p;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	f = file(&p, 2 * NODE_PAGES);
	read_pages(&p, f, 0, 2 * NODE_PAGES);
	nb_lru_add_drain_all(p.sys);
	for (uint64_t i = 0; i < NODE_PAGES; i++) {
		assert_int_equal(nodes(&p, NULL), 0);
		evict(&p, f, i);
	}
	assert_int_equal(nodes(&p, NULL), 1);
	read_pages(&p, f, 5, 1);
	assert_int_equal(nodes(&p, NULL), 0);
	nb_lru_add_drain_all(p.sys);
	evict(&p, f, 5);
	assert_int_equal(nodes(&p, NULL), 1);
	assert_int_equal(nb_file_truncate(p.t, f, 10 * PAGE), 0);
	assert_int_equal(nodes(&p, NULL), 1);
	assert_int_equal(nb_file_truncate(p.t, f, 0), 0);
	assert_int_equal(nodes(&p, NULL), 0);
	nb_file_put(f);
	pressbox_close(&p);
}

/* A file that is dropped takes its nodes off the list. */
static void test_file_goes(void **state)
{
	struct nb_address_space *f;
	struct pressbox p;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	f = file(&p, 100000);
	read_pages(&p, f, 0, 100000);
	assert_true(nodes(&p, NULL) > 1000);
	nb_file_put(f);
	assert_int_equal(nodes(&p, NULL), 0);
	pressbox_close(&p);
}

/* A long stream: never many more nodes than an eighth of the lists' pages; the oldest went, and
 * what they knew of is no refault. The youngest still are. */
static void test_stream(void **state)
{
	(void)state;
	for (int gen = 0; gen < 2; gen++) {
		uint64_t n = 400000, dropped, pages = 0, before;
		struct nb_address_space *f;
		struct nb_lru_info info;
		struct pressbox p;

		pressbox_open(&p, "64M:1", gen);
		f = file(&p, n);
		read_pages(&p, f, 0, n);
		for (unsigned lru = 0; lru < NB_NR_LRU; lru++)
			pages += pressbox_lru(&p, 0, (enum nb_lru)lru);
		assert_in_range(nodes(&p, &dropped), pages / 8 - 128, pages / 8 + 256);
		/* those at the border are evicted in part */
		assert_in_range(nodes(&p, NULL) + dropped, (n - pages) / NODE_PAGES - 64,
				(n - pages) / NODE_PAGES);
		assert_int_equal(nb_system_check(p.sys, NULL), 0);
		assert_int_equal(nb_lru_info(p.sys, 0, NB_ZONE_DMA32, &info), 0);
		before = info.refault[1];
		read_pages(&p, f, 0, 640);
		assert_int_equal(nb_lru_info(p.sys, 0, NB_ZONE_DMA32, &info), 0);
		assert_int_equal(info.refault[1], before);
		read_pages(&p, f, n - pages - 640, 640);
		assert_int_equal(nb_lru_info(p.sys, 0, NB_ZONE_DMA32, &info), 0);
		assert_true(info.refault[1] > before);
		nb_file_put(f);
		pressbox_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_file_goes),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
