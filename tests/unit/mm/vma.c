/* vma.c -- the tree of mappings against a plain list, splitting and merging. */
#include "sysbox.h"
#include "mm/vma.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define SLOTS 64u

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static struct nb_task *new_task(struct sysbox *box)
{
	struct nb_task *t;

	assert_int_equal(nb_task_create(box->sys, 0, "vma", &t), 0);
	return t;
}

/* Depth and what each node says of its subtree. */
static unsigned check_node(const struct nb_vma *v, unsigned *count)
{
	unsigned l, r, before = *count;

	if (!v)
		return 0;
	l = check_node(v->left, count);
	++*count;
	r = check_node(v->right, count);
	assert_int_equal(v->sub_count, *count - before);
	assert_true(l <= r + 1 && r <= l + 1);
	assert_int_equal(v->height, 1 + (l > r ? l : r));
	return v->height;
}

static uint64_t slot_addr(unsigned i)
{
	return (i + 16) * PAGE;
}

/* The same questions answered by looking at each slot in turn. */
static uint64_t plain_gap(const bool *used, uint64_t len, unsigned low, unsigned high, bool top)
{
	unsigned n = (unsigned)(len / PAGE);

	for (unsigned k = 0; high >= n && k <= high - n - low; k++) {
		unsigned i = top ? high - n - k : low + k, j = 0;

		while (j < n && !used[i + j])
			j++;
		if (j == n)
			return slot_addr(i);
	}
	return 0;
}

static void test_tree_against_a_list(void **state)
{
	bool used[SLOTS] = {false};
	struct nb_vma *at[SLOTS] = {NULL};
	unsigned seed = 7, count;
	struct sysbox box;
	struct nb_mm *mm;
	struct nb_task *t;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	t = new_task(&box);
	mm = t->mm;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = next_random(&seed) % SLOTS, low = next_random(&seed) % SLOTS,
			 high = low + next_random(&seed) % (SLOTS - low) + 1;
		uint64_t len = (1 + next_random(&seed) % 6) * PAGE;

		if (at[i]) {
			nb_vma_remove(mm, at[i]);
			nb_vma_free(mm, at[i]);
			at[i] = NULL;
		} else {
			at[i] = nb_pool_get(box.sys, &nb_task_side(box.sys)->vma_pool);
			at[i]->start = slot_addr(i);
			at[i]->end = slot_addr(i + 1);
			nb_vma_insert(mm, at[i]);
		}
		used[i] = at[i] != NULL;
		if (high - low >= len / PAGE) {
			assert_int_equal(
				nb_vma_gap_topdown(mm, len, slot_addr(low), slot_addr(high)),
				plain_gap(used, len, low, high, true));
			assert_int_equal(
				nb_vma_gap_bottomup(mm, len, slot_addr(low), slot_addr(high)),
				plain_gap(used, len, low, high, false));
		}
		assert_ptr_equal(nb_vma_find(mm, slot_addr(i) + 1), at[i]);
	}
	count = 0;
	check_node(mm->vmas, &count);
	assert_int_equal(count, mm->nr_vmas);
	count = 0;
	for (unsigned i = 0; i < SLOTS; i++) {
		if (at[i])
			assert_ptr_equal(nb_vma_at(mm, count++), at[i]);
	}
	assert_null(nb_vma_at(mm, count));
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

static unsigned nr_vmas(const struct nb_task *t)
{
	struct nb_vma_info info;
	unsigned n = 0;

	while (nb_task_vma(t, n, &info))
		n++;
	return n;
}

/* mbind in the middle parts a mapping in three; taking it back joins them again. */
static void test_split_and_merge(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1), m1 = sysbox_mask(2);
	struct nb_vma_info info;
	struct sysbox box;
	struct nb_task *t;
	uint64_t a, b;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	t = new_task(&box);
	assert_int_equal(nb_mmap(t, 0, 10 * PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_mmap(t, 0, 10 * PAGE, 3, 0, &b), 0);
	assert_int_equal(b, a - 10 * PAGE);
	assert_int_equal(nr_vmas(t), 1); /* next to each other and alike */
	assert_int_equal(nb_mbind(t, a, 2 * PAGE, NB_MPOL_BIND, &m0, 0), 0);
	assert_int_equal(nr_vmas(t), 3);
	assert_true(nb_task_vma(t, 1, &info));
	assert_int_equal(info.start, a);
	assert_int_equal(info.end, a + 2 * PAGE);
	assert_int_equal(info.policy_mode, NB_MPOL_BIND);
	assert_int_equal(info.policy_nodes.bits[0], 1);
	assert_true(nb_task_vma(t, 2, &info));
	assert_int_equal(info.policy_mode, -1);
	/* the same again on its neighbour: one piece */
	assert_int_equal(nb_mbind(t, a + 2 * PAGE, PAGE, NB_MPOL_BIND, &m0, 0), 0);
	assert_int_equal(nr_vmas(t), 3);
	assert_int_equal(nb_mbind(t, a + PAGE, PAGE, NB_MPOL_BIND, &m1, 0), 0);
	assert_int_equal(nr_vmas(t), 5);
	assert_int_equal(nb_mbind(t, b, 20 * PAGE, NB_MPOL_DEFAULT, NULL, 0), 0);
	assert_int_equal(nr_vmas(t), 1);
	assert_int_equal(nb_munmap(t, b + 3 * PAGE, 4 * PAGE), 0);
	assert_int_equal(nr_vmas(t), 2);
	/* another protection does not merge */
	assert_int_equal(nb_mmap(t, b + 3 * PAGE, 4 * PAGE, NB_PROT_READ, NB_MAP_FIXED, &a), 0);
	assert_int_equal(nr_vmas(t), 3);
	assert_int_equal(nb_mmap(t, b + 3 * PAGE, 4 * PAGE, 3, NB_MAP_FIXED, &a), 0);
	assert_int_equal(nr_vmas(t), 1);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

/* Linux allows 65,530 mappings; one more is -ENOMEM and changes nothing. */
static void test_too_many(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);
	struct sysbox box;
	struct nb_task *t;
	uint64_t a, i;
	int err = 0;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	t = new_task(&box);
	assert_int_equal(nb_mmap(t, 0, 80000 * PAGE, 3, NB_MAP_NORESERVE, &a), 0);
	for (i = 1; !err && i < 80000; i += 2)
		err = nb_mbind(t, a + i * PAGE, PAGE, NB_MPOL_BIND, &m0, 0);
	assert_int_equal(err, -NB_ENOMEM);
	assert_in_range(t->mm->nr_vmas, NB_MAX_MAP_COUNT - 1, NB_MAX_MAP_COUNT);
	assert_int_equal(nb_munmap(t, a, 80000 * PAGE), 0);
	assert_int_equal(t->mm->nr_vmas, 0);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_against_a_list),
		cmocka_unit_test(test_split_and_merge),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
