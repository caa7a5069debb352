/* lumpy.c -- lumpy reclaim of the 2.6 kernels: whole blocks go, and how many pages that costs. */
#include "sysbox.h"

#include <numabox/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)

struct bench {
	struct sysbox box;
	struct nb_task *t;
	struct nb_address_space *f;
};

/* All memory is a file's cache, whose pages became old in another order than that in which they
 * lie: they were read one by one into frames that others gave back at random. */
static void fill(struct bench *b, const char *kernel)
{
	static nb_pfn_t pfn[1 << 16];
	struct nb_alloc_request rq = {.gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_NOWARN |
					     NB_GFP_BIT_NORETRY};
	uint64_t n = 0, x = 1, bytes;

	sysbox_boot(&b->box, &(struct sysbox_spec){.nodes = "128M:1", .kernel = kernel});
	assert_int_equal(nb_task_create(b->box.sys, 0, "t", &b->t), 0);
	assert_int_equal(nb_file_create(b->box.sys, "f", UINT64_C(256) << 20, &b->f), 0);
	while (n < sizeof(pfn) / sizeof(*pfn) &&
	       (pfn[n] = nb_alloc_pages(b->box.sys, &rq)) != NB_NO_PFN)
		n++;
	for (unsigned i = 0; i < 1024; i++) /* above the marks */
		assert_int_equal(nb_free_pages(b->box.sys, 0, pfn[--n], 0), 0);
	for (uint64_t left = n; left; left--) {
		uint64_t i;

		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		i = (x >> 33) % left;
		assert_int_equal(nb_free_pages(b->box.sys, 0, pfn[i], 0), 0);
		pfn[i] = pfn[left - 1];
		/* far apart, so that nothing is read ahead */
		assert_int_equal(nb_file_read(b->t, b->f, left * 2 * PAGE, NULL, PAGE, &bytes), 0);
	}
}

static void end(struct bench *b)
{
	struct nb_error err = {0};

	if (nb_system_check(b->box.sys, &err))
		fail_msg("%s", err.text);
	nb_task_exit(b->t);
	nb_task_put(b->t);
	nb_file_put(b->f);
	sysbox_end(&b->box);
}

static uint64_t pages_for(const char *kernel, unsigned order, bool *ret_got)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL | NB_GFP_BIT_RETRY_MAYFAIL |
					     NB_GFP_BIT_NOWARN,
				      .order = order};
	struct nb_alloc_request rest = {.gfp = NB_GFP_BIT_MEMALLOC | NB_GFP_BIT_NOWARN};
	struct bench b;
	uint64_t before, stolen;

	fill(&b, kernel);
	while (nb_alloc_pages(b.box.sys, &rest) != NB_NO_PFN)
		;
	before = sysbox_event(b.box.sys, "pgsteal_direct") +
		 sysbox_event(b.box.sys, "pgsteal_kswapd");
	*ret_got = nb_alloc_pages(b.box.sys, &rq) != NB_NO_PFN;
	stolen = sysbox_event(b.box.sys, "pgsteal_direct") +
		 sysbox_event(b.box.sys, "pgsteal_kswapd") - before;
	end(&b);
	return stolen;
}

static void test_blocks(void **state)
{
	static const unsigned orders[] = {3, 5, 8};
	uint64_t block;
	bool got;

	(void)state;
	for (unsigned i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		block = UINT64_C(1) << orders[i];
		/* a block comes together, some of it free already, and little more is lost than the
		 * marks ask for */
		assert_in_range(pages_for("2.6.24", orders[i], &got), block / 2, 8 * block + 1024);
		assert_true(got);
		/* without it memory is freed by age, one page here, one there */
		assert_true(pages_for("2.6.7", orders[i], &got) > 0);
		assert_false(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
