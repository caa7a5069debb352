/* pagetable.c -- the radix tree: shapes, walking over what is absent, freeing between neighbours.
 */
#include "sysbox.h"
#include "mm/pagetable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define LEAF UINT64_C(2097152)

static struct nb_task *start(struct sysbox *box, enum nb_arch arch)
{
	struct nb_task *t;

	sysbox_boot(box, &(struct sysbox_spec){.nodes = "64M:1", .arch = arch});
	assert_int_equal(nb_task_create(box->sys, 0, "t", &t), 0);
	return t;
}

static void end(struct sysbox *box, struct nb_task *t)
{
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(box);
}

static void test_shapes(void **state)
{
	static const struct {
		enum nb_arch arch;
		unsigned levels, bits, root_bits;
		uint64_t task_size;
	} want[] = {
		{NB_ARCH_X86_64, 4, 9, 9, UINT64_C(0x7ffffffff000)},
		{NB_ARCH_I386, 2, 10, 10, 0xc0000000},
		{NB_ARCH_I386PAE, 3, 9, 2, 0xc0000000},
		{NB_ARCH_ARM64, 4, 9, 9, UINT64_C(1) << 48},
		{NB_ARCH_ARM, 2, 9, 11, 0xbf000000},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct sysbox box;
		struct nb_task *t = start(&box, want[i].arch);
		const struct nb_pt_shape *s = &t->mm->shape;

		assert_int_equal(s->levels, want[i].levels);
		assert_int_equal(s->bits, want[i].bits);
		assert_int_equal(s->root_bits, want[i].root_bits);
		assert_int_equal(t->mm->task_size, want[i].task_size);
		/* the levels reach the end of the address space */
		assert_true(s->page_shift + s->bits * (s->levels - 1u) + s->root_bits >= 32);
		assert_true((want[i].task_size - 1) >>
				    (s->page_shift + s->bits * (s->levels - 1u) + s->root_bits) ==
			    0);
		end(&box, t);
	}
}

static void test_next_leaf_skips_what_is_absent(void **state)
{
	static const uint64_t at[] = {3 * LEAF, 4 * LEAF, UINT64_C(0x4000000000),
				      UINT64_C(0x7fffffe00000)};
	struct nb_ptable *leaf[4];
	struct sysbox box;
	struct nb_task *t = start(&box, NB_ARCH_X86_64);
	uint64_t addr = 0;

	(void)state;
	assert_null(nb_pt_next_leaf(t->mm, &addr, t->mm->task_size));
	for (unsigned i = 0; i < 4; i++) {
		leaf[i] = nb_pt_make_leaf(t, at[i]);
		assert_non_null(leaf[i]);
		assert_ptr_equal(nb_pt_make_leaf(t, at[i] + LEAF - 1), leaf[i]);
		assert_ptr_equal(nb_pt_leaf(t->mm, at[i] + 5000), leaf[i]);
	}
	assert_null(nb_pt_leaf(t->mm, 5 * LEAF));
	addr = 12345;
	for (unsigned i = 0; i < 4; i++) {
		assert_ptr_equal(nb_pt_next_leaf(t->mm, &addr, t->mm->task_size), leaf[i]);
		assert_int_equal(addr, at[i]);
		addr += LEAF;
	}
	addr = 3 * LEAF + 4096; /* inside: from there on */
	assert_ptr_equal(nb_pt_next_leaf(t->mm, &addr, 4 * LEAF), leaf[0]);
	assert_int_equal(addr, 3 * LEAF + 4096);
	addr = 5 * LEAF;
	assert_null(nb_pt_next_leaf(t->mm, &addr, 6 * LEAF));
	end(&box, t);
}

/* Tables that a neighbour still uses stay. */
static void test_free_between_neighbours(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, NB_ARCH_X86_64);
	uint64_t before = sysbox_free_pages(&box);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_non_null(nb_pt_make_leaf(t, i * LEAF));
	assert_int_equal(t->mm->nr_ptables, 2 + 4);
	assert_int_equal(sysbox_free_pages(&box), before - 6);
	/* the one before ends inside leaf 0, the one after begins inside leaf 3 */
	nb_pt_free_range(t, 4096, 3 * LEAF + 4096, 4096, 3 * LEAF + 4096);
	assert_int_equal(t->mm->nr_ptables, 2 + 2);
	assert_non_null(nb_pt_leaf(t->mm, 0));
	assert_null(nb_pt_leaf(t->mm, LEAF));
	assert_non_null(nb_pt_leaf(t->mm, 3 * LEAF));
	nb_pt_free_range(t, 0, 4 * LEAF, 0, UINT64_MAX);
	assert_int_equal(t->mm->nr_ptables, 0);
	assert_int_equal(sysbox_free_pages(&box), before);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_next_leaf_skips_what_is_absent),
		cmocka_unit_test(test_free_between_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
