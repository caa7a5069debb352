/* pt_move.c -- page-table entries move from one place of an address space to another.
 *
 * Called by mremap.c, under the mm's lock. As far as both places are aligned alike, whole tables
 * change their parent; else leaf entries are moved one by one, into tables that are made where they
 * are missing. No page is touched: mapcounts and references stay. What is not present (swap
 * entries) moves as well. Units: bytes. Source: mm/mremap.c, move_page_tables(),
 * move_normal_pmd(), move_normal_pud(), move_ptes().
 */
#include "mm/huge_memory.h"
#include "mm/pagetable.h"

/* log2 of what an entry of a table at `level` covers. */
static unsigned shift_of(const struct nb_mm *mm, unsigned level)
{
	return mm->shape.page_shift + mm->shape.bits * level;
}

/* The table that the entry at `level` leads to changes its parent. false: not this way. */
static bool move_table(struct nb_task *t, uint64_t from, uint64_t to, uint64_t len, unsigned level)
{
	struct nb_mm *mm = t->mm;
	uint64_t span = UINT64_C(1) << shift_of(mm, level);
	struct nb_ptable *old_table, *new_table;
	unsigned i = nb_pt_entry_index(mm, level, from), j = nb_pt_entry_index(mm, level, to);

	if (level >= mm->shape.levels - 1u || (from | to) & (span - 1) || len < span)
		return false;
	old_table = nb_pt_table(mm, from, level);
	if (!old_table || !old_table->entry[i] || nb_pt_is_huge(old_table->entry[i]))
		return false;
	new_table = nb_pt_make_table(t, mm, to, level);
	if (!new_table || new_table->entry[j])
		return false;
	new_table->entry[j] = old_table->entry[i];
	old_table->entry[i] = 0;
	old_table->nr--;
	new_table->nr++;
	return true;
}

/* Up to n entries of one leaf. */
static int move_entries(struct nb_task *t, struct nb_ptable *leaf, uint64_t from, uint64_t to,
			uint64_t n)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *dst = nb_pt_make_leaf(t, to);
	unsigned i = nb_pt_index(mm, from), j = nb_pt_index(mm, to);

	if (!dst)
		return -NB_ENOMEM;
	for (; n; n--, i++, j++) {
		if (!leaf->entry[i])
			continue;
		nb_pt_set(dst, j, leaf->entry[i]);
		nb_pt_set(leaf, i, 0);
	}
	return 0;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int nb_pt_move_range(struct nb_task *t, uint64_t from, uint64_t to, uint64_t len)
{
	struct nb_mm *mm = t->mm;
	uint64_t end = from + len, span = nb_pt_leaf_span(mm), n;

	for (; from < end; from += n, to += n) {
		struct nb_ptable *leaf;
		int err;

		n = 0;
		if (mm->huge_entries && nb_thp_move(t, from, to, end - from))
			n = span;
		for (unsigned level = 2; level && !n; level--) {
			if (move_table(t, from, to, end - from, level))
				n = UINT64_C(1) << shift_of(mm, level);
		}
		if (n)
			continue;
		n = min64(span - (from & (span - 1)), span - (to & (span - 1)));
		n = min64(n, end - from);
		leaf = nb_pt_leaf(mm, from);
		if (!leaf)
			continue;
		err = move_entries(t, leaf, from, to, n >> mm->shape.page_shift);
		if (err)
			return err;
	}
	return 0;
}
