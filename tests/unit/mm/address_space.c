/* address_space.c -- pages in and out of a file's cache by hand: references, marks, shadows,
 * replacement; and the checker finds what is wrong.
 */
#include "filebox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct nb_page *new_page(struct filebox *b, int nid, struct nb_zone **z)
{
	nb_pfn_t pfn = nb_alloc_pages_node(b->sys, 0, nid, NB_GFP_HIGHUSER_MOVABLE, 0);

	assert_int_not_equal(pfn, NB_NO_PFN);
	return nb_pfn_to_page(b->sys, pfn, z);
}

static void test_insert_remove(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_zone *z, *z2, *found;
	struct nb_page *page, *other;
	uint64_t shadow = 99;

	(void)state;
	filebox_boot(&b, "64M:1 64M:1", NULL, false);
	as = filebox_file(&b, 100);
	page = new_page(&b, 1, &z);
	assert_int_equal(nb_as_insert(as, 7, z, page, &shadow), 0);
	assert_int_equal(shadow, 0);
	assert_int_equal(page->refcount, 2);
	assert_ptr_equal(nb_page_as(b.sys, page), as);
	assert_ptr_equal(nb_as_find(as, 7, &found, NULL), page);
	assert_ptr_equal(z, found);
	assert_int_equal(page->refcount, 3);
	nb_put_page(b.sys, z, page, 0);
	assert_null(nb_as_find(as, 8, &found, &shadow));
	other = new_page(&b, 0, &z2);
	assert_int_equal(nb_as_insert(as, 7, z2, other, NULL), -NB_EEXIST);
	assert_int_equal(other->refcount, 1);
	filebox_check(&b);
	/* with one more reference than ours it is in use */
	assert_false(nb_as_remove_if_unused(as, z, page, 0, 5));
	assert_true(nb_as_remove_if_unused(as, z, page, 1, 5));
	assert_int_equal(as->nrpages, 0);
	assert_int_equal(as->nrshadows, 1);
	assert_null(nb_as_find(as, 7, &found, &shadow));
	assert_int_equal(shadow, 5);
	assert_null(nb_page_as(b.sys, page));
	filebox_check(&b);
	nb_put_page(b.sys, z, page, 0);
	nb_put_page(b.sys, z, page, 0);
	assert_int_equal(nb_as_insert(as, 7, z2, other, &shadow), 0);
	assert_int_equal(shadow, 5);
	assert_int_equal(as->nrshadows, 0);
	nb_put_page(b.sys, z2, other, 0);
	nb_file_put(as);
	filebox_end(&b);
}

static void test_marks(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_zone *z;
	struct nb_page *page;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 100);
	filebox_read(&b, as, 3, 1);
	page = nb_as_find(as, 3, &z, NULL);
	assert_true(nb_as_set_dirty(z, page, 0));
	assert_false(nb_as_set_dirty(z, page, 0));
	assert_false(nb_as_remove_if_unused(as, z, page, 1, 1)); /* dirty: it must not go */
	assert_true(nb_as_start_writeback(z, page, 0));
	assert_true(nb_as_clear_dirty(z, page));
	assert_false(nb_as_clear_dirty(z, page));
	assert_false(nb_as_remove_if_unused(as, z, page, 1, 1)); /* nor while it is written */
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_writeback)), 1);
	assert_true(nb_as_end_writeback(z, page, 0));
	assert_true(nb_as_remove_if_unused(as, z, page, 1, 1));
	assert_false(nb_as_set_dirty(z, page, 0)); /* it belongs to nobody now */
	nb_put_page(b.sys, z, page, 0);
	nb_put_page(b.sys, z, page, 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* Another page takes the place, dirty and all; counters move to its zone. */
static void test_replace(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_zone *z, *z2;
	struct nb_page *page, *to;

	(void)state;
	filebox_boot(&b, "64M:1 64M:1", NULL, false);
	as = filebox_file(&b, 100);
	filebox_write(&b, as, 3, 1);
	page = nb_as_find(as, 3, &z, NULL);
	to = new_page(&b, 1, &z2);
	nb_get_page(b.sys, page);
	assert_int_equal(nb_as_replace(as, z, page, z2, to, 1), -NB_EAGAIN); /* in use */
	nb_put_page(b.sys, z, page, 0);
	assert_int_equal(nb_as_replace(as, z, page, z2, to, 1), 0);
	assert_int_equal(nb_file_node(as, 3), 1);
	assert_int_equal(page->refcount, 1);
	assert_int_equal(to->refcount, 2);
	assert_true(to->flags & PG_DIRTY);
	assert_false(page->flags & PG_DIRTY);
	assert_int_equal(z2->nr_dirty, 1);
	assert_int_equal(z->nr_dirty, 0);
	filebox_check(&b);
	nb_put_page(b.sys, z, page, 0);
	nb_put_page(b.sys, z2, to, 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* Memory files have no disk: a flag, no marks, no counters. */
static void test_memory_is_not_written_back(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_shmem(&b, 4, NULL);
	filebox_write(&b, as, 0, 4);
	assert_int_equal(as->nr_dirty, 0);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_dirty)), 0);
	assert_false(nb_radix_marked(&as->pages, NB_MARK_DIRTY));
	nb_file_put(as);
	filebox_end(&b);
}

static void test_check_finds(void **state)
{
	struct nb_error err = {0};
	struct filebox b;
	struct nb_address_space *as;
	struct nb_zone *z;
	struct nb_page *page;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 100);
	filebox_read(&b, as, 3, 1);
	page = nb_as_find(as, 3, &z, NULL);
	nb_put_page(b.sys, z, page, 0);
	page->flags |= PG_DIRTY; /* without its mark */
	assert_int_equal(nb_address_space_check(as, &err), -NB_EIO);
	page->flags &= ~(uint32_t)PG_DIRTY;
	page->index++;
	assert_int_equal(nb_address_space_check(as, &err), -NB_EIO);
	page->index--;
	as->nrpages++;
	assert_int_equal(nb_address_space_check(as, &err), -NB_EIO);
	as->nrpages--;
	assert_int_equal(nb_address_space_check(as, &err), 0);
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert_remove),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_memory_is_not_written_back),
		cmocka_unit_test(test_check_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
