/* pagetable.c -- see pagetable.h.
 *
 * Tables are made by the first fault below them, highest first, and freed with the mapping when no
 * other mapping shares them (between the end of the one before and the start of the one after), as
 * Linux does. Units: addresses in bytes.
 * Source: mm/memory.c, __handle_mm_fault(), free_pgd_range(); include/asm-generic/pgalloc.h;
 * facts 10.1.
 */
#include "mm/pagetable.h"

#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"

#define LA57_SINCE 4017u

bool nb_pt_is_la57(const struct nb_system *sys)
{
	const struct nb_machine *m = sys->machine;
	bool cpus = m->la57 || nb_machine_option(m, "la57", NULL);

	return m->arch == NB_ARCH_X86_64 && cpus && !nb_machine_option(m, "no5lvl", NULL) &&
	       sys->profile->version >= LA57_SINCE;
}

/* User address space ends a page below half of 48 bits on x86-64, at 3 GiB on 32-bit kernels. With
 * five levels it would end below half of 57; here where a page's index (40 bits) ends. */
struct nb_pt_shape nb_pt_shape(const struct nb_system *sys, uint64_t *ret_task_size)
{
	uint8_t page_shift = (uint8_t)sys->page_shift;
	struct nb_pt_shape s = {
		.levels = 4, .page_shift = page_shift, .bits = (uint8_t)(page_shift - 3)};

	s.root_bits = s.bits;
	*ret_task_size = (UINT64_C(1) << 47) - (UINT64_C(1) << page_shift);
	switch (sys->machine->arch) {
	case NB_ARCH_I386:
		s = (struct nb_pt_shape){2, page_shift, 10, 10};
		*ret_task_size = UINT64_C(0xc0000000);
		break;
	case NB_ARCH_I386PAE:
		s = (struct nb_pt_shape){3, page_shift, 9, 2};
		*ret_task_size = UINT64_C(0xc0000000);
		break;
	case NB_ARCH_ARM:
		s = (struct nb_pt_shape){2, page_shift, 9, 11};
		*ret_task_size = UINT64_C(0xbf000000);
		break;
	case NB_ARCH_ARM64:
		*ret_task_size = UINT64_C(1) << 48;
		if (page_shift == 14) { /* three levels of 11 bits */
			s.levels = 3;
			*ret_task_size = UINT64_C(1) << 47;
		} else if (page_shift == 16) {
			s.levels = 3;
			s.root_bits = 6;
		}
		break;
	default:
		if (nb_pt_is_la57(sys)) {
			s.levels = 5;
			*ret_task_size = (NB_PAGE_INDEX_MASK + 1) << page_shift;
		}
		break;
	}
	return s;
}

size_t nb_pt_table_bytes(const struct nb_pt_shape *shape)
{
	return sizeof(struct nb_ptable) + (sizeof(uint64_t) << shape->bits);
}

/* log2 of the bytes that an entry of a table at `level` covers; leaves are level 0. */
static unsigned entry_shift(const struct nb_mm *mm, unsigned level)
{
	return mm->shape.page_shift + mm->shape.bits * level;
}

unsigned nb_pt_entry_index(const struct nb_mm *mm, unsigned level, uint64_t addr)
{
	unsigned bits = level == mm->shape.levels - 1u ? mm->shape.root_bits : mm->shape.bits;

	return (unsigned)(addr >> entry_shift(mm, level)) & ((1u << bits) - 1);
}

static struct nb_ptable *child(const struct nb_ptable *table, unsigned i)
{
	uint64_t entry = table->entry[i];

	return nb_pt_is_huge(entry) ? NULL : (struct nb_ptable *)(uintptr_t)entry;
}

struct nb_ptable *nb_pt_table(const struct nb_mm *mm, uint64_t addr, unsigned down_to)
{
	struct nb_ptable *table = mm->root;

	for (unsigned level = mm->shape.levels - 1u; table && level > down_to; level--)
		table = child(table, nb_pt_entry_index(mm, level, addr));
	return table;
}

struct nb_ptable *nb_pt_mapping(const struct nb_mm *mm, uint64_t addr, unsigned *ret_i)
{
	struct nb_ptable *table = nb_pt_table(mm, addr, 1);
	uint64_t entry;

	if (!table)
		return NULL;
	*ret_i = nb_pt_entry_index(mm, 1, addr);
	entry = table->entry[*ret_i];
	if (nb_pt_is_huge(entry))
		return table;
	*ret_i = nb_pt_index(mm, addr);
	return (struct nb_ptable *)(uintptr_t)entry;
}

struct nb_ptable *nb_pt_leaf(const struct nb_mm *mm, uint64_t addr)
{
	return nb_pt_table(mm, addr, 0);
}

struct nb_ptable *nb_pt_next_leaf(const struct nb_mm *mm, uint64_t *addr, uint64_t end)
{
	while (*addr < end) {
		struct nb_ptable *table = mm->root;
		unsigned level = mm->shape.levels - 1u;

		while (table && level > 0) {
			struct nb_ptable *next = child(table, nb_pt_entry_index(mm, level, *addr));

			if (!next)
				break;
			table = next;
			level--;
		}
		if (!table)
			return NULL;
		if (level == 0)
			return table;
		*addr = ((*addr >> entry_shift(mm, level)) + 1) << entry_shift(mm, level);
	}
	return NULL;
}

/* The page that holds the table: GFP_PGTABLE_USER, by the task's policy. The root, and what PAE
 * makes together with it, belongs to the birth of the process and is not accounted. */
static bool account(struct nb_task *t, struct nb_ptable *table, unsigned level)
{
	struct nb_system *sys = t->sys;
	enum nb_arch arch = sys->machine->arch;
	bool i386 = arch == NB_ARCH_I386 || arch == NB_ARCH_I386PAE;
	struct nb_alloc_request rq = {
		.gfp = NB_GFP_KERNEL | NB_GFP_BIT_ZERO | NB_GFP_BIT_ACCOUNT,
		.cpu = t->cpu,
		.nid = NB_NO_NODE,
		.task = t,
	};
	struct nb_page *page;
	struct nb_zone *z;

	table->pfn = NB_NO_PFN;
	if (arch == NB_ARCH_I386PAE && level == 1)
		return true;
	if (i386 && level == 0)
		rq.gfp |= NB_GFP_BIT_HIGHMEM; /* CONFIG_HIGHPTE */
	table->pfn = nb_alloc_pages(sys, &rq);
	if (table->pfn == NB_NO_PFN || !nb_pfn_to_page(sys, table->pfn, &z))
		return false;
	page = nb_pfn_to_page(sys, table->pfn, &z);
	if (!nb_memcg_charge_kmem(t, z, page)) {
		nb_free_page_block(z, page, 0, t->cpu);
		return false;
	}
	nb_stat_add(sys, &z->nr_pagetable, 1);
	return true;
}

static void free_table(struct nb_task *t, struct nb_ptable *table)
{
	struct nb_system *sys = t->sys;
	struct nb_page *page;
	struct nb_zone *z = NULL;

	if (table->pfn != NB_NO_PFN) {
		page = nb_pfn_to_page(sys, table->pfn, &z);
		nb_stat_add(sys, &z->nr_pagetable, -1);
		nb_memcg_uncharge(z, page, 0, t->cpu);
		nb_free_page_block(z, page, 0, t->cpu);
	}
	nb_mm_add(&t->mm->nr_ptables, -1);
	nb_pool_put(sys, &nb_task_side(sys)->table_pool, table);
}

struct nb_ptable *nb_pt_new_leaf(struct nb_task *t, struct nb_mm *mm)
{
	struct nb_pool *pool = &nb_task_side(t->sys)->table_pool;
	struct nb_ptable *leaf = nb_pool_get(t->sys, pool);

	if (leaf && !account(t, leaf, 0)) {
		nb_pool_put(t->sys, pool, leaf);
		leaf = NULL;
	}
	nb_mm_add(&mm->nr_ptables, leaf != NULL);
	return leaf;
}

void nb_pt_drop_leaf(struct nb_task *t, struct nb_ptable *leaf)
{
	free_table(t, leaf);
}

/* The table of level `down_to` that covers addr, made with those above. */
struct nb_ptable *nb_pt_make_table(struct nb_task *t, struct nb_mm *mm, uint64_t addr,
				   unsigned down_to)
{
	struct nb_ptable *table = mm->root;

	for (unsigned level = mm->shape.levels - 1u; level > down_to; level--) {
		unsigned i = nb_pt_entry_index(mm, level, addr);
		struct nb_ptable *next = child(table, i);

		if (!next) {
			struct nb_pool *pool = &nb_task_side(t->sys)->table_pool;

			if (table->entry[i]) /* a huge page: not for this way in */
				return NULL;
			next = nb_pool_get(t->sys, pool);
			if (!next)
				return NULL;
			if (!account(t, next, level - 1)) {
				nb_pool_put(t->sys, pool, next);
				return NULL;
			}
			table->entry[i] = (uintptr_t)next;
			table->nr++;
			nb_mm_add(&mm->nr_ptables, 1);
		}
		table = next;
	}
	return table;
}

struct nb_ptable *nb_pt_make_leaf_in(struct nb_task *t, struct nb_mm *mm, uint64_t addr)
{
	return nb_pt_make_table(t, mm, addr, 0);
}

struct nb_ptable *nb_pt_make_leaf(struct nb_task *t, uint64_t addr)
{
	return nb_pt_make_table(t, t->mm, addr, 0);
}

uint64_t *nb_pt_make_huge_entry(struct nb_task *t, struct nb_mm *mm, uint64_t addr,
				struct nb_ptable **ret_table)
{
	struct nb_ptable *table = nb_pt_make_table(t, mm, addr, 1);

	if (!table)
		return NULL;
	*ret_table = table;
	return &table->entry[nb_pt_entry_index(mm, 1, addr)];
}

uint64_t *nb_pt_huge_entry(const struct nb_mm *mm, uint64_t addr, struct nb_ptable **ret_table)
{
	struct nb_ptable *table = nb_pt_table(mm, addr, 1);

	if (!table)
		return NULL;
	*ret_table = table;
	return &table->entry[nb_pt_entry_index(mm, 1, addr)];
}

/* Frees the children of `table` (at `level`, its first byte at `base`) that [start, end) touches
 * and that lie wholly between floor and ceiling. */
static void free_below(struct nb_task *t, struct nb_ptable *table, unsigned level, uint64_t base,
		       const uint64_t range[2], const uint64_t limit[2])
{
	unsigned shift = entry_shift(t->mm, level);
	uint64_t first = range[0] > base ? (range[0] - base) >> shift : 0;
	unsigned bits =
		level == t->mm->shape.levels - 1u ? t->mm->shape.root_bits : t->mm->shape.bits;

	for (uint64_t i = first; i < UINT64_C(1) << bits; i++) {
		uint64_t from = base + (i << shift), to = from + (UINT64_C(1) << shift);
		struct nb_ptable *next = child(table, (unsigned)i);

		if (from >= range[1])
			return;
		if (!next)
			continue;
		if (level > 1)
			free_below(t, next, level - 1, from, range, limit);
		if (from >= limit[0] && to <= limit[1]) {
			free_table(t, next);
			table->entry[i] = 0;
			table->nr--;
		}
	}
}

void nb_pt_free_range(struct nb_task *t, uint64_t start, uint64_t end, uint64_t floor,
		      uint64_t ceiling)
{
	const uint64_t range[2] = {start, end}, limit[2] = {floor, ceiling};

	if (t->mm->root && start < end)
		free_below(t, t->mm->root, t->mm->shape.levels - 1u, 0, range, limit);
}
