/* fault_file.c -- faults in mappings of files and of shared memory.
 *
 * Called by fault.c for an empty entry, by cow.c for a write to a shared page, under the mm's lock.
 * A read maps the cache's page, and those around it that are there already; a write to a private
 * mapping copies it to a page of its own, taken first; a write to a shared one makes the page dirty
 * and the entry writable. A page on a disk comes with waiting, in which the entry may change.
 * Units: page offsets, addresses in bytes.
 * Source: mm/memory.c, do_read_fault(), do_fault_around(), do_cow_fault(), do_shared_fault(),
 * wp_page_shared(), finish_fault(); mm/filemap.c, filemap_map_pages(); facts 10.1.
 */
#include "mm/fault.h"
#include "mm/file_event.h"
#include "mm/filemap.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

#define FAULT_AROUND_SINCE 3015u

/* Entries of a shared mapping are writable before they are written to where nobody needs to know:
 * memory is not written back. Source: vma_wants_writenotify(). */
static unsigned read_bits(const struct nb_vma *v)
{
	unsigned bits = NB_PTE_PRESENT | NB_PTE_ACCESSED;

	if (v->shared && v->prot & NB_PROT_WRITE && nb_as_is_shmem(v->file))
		bits |= NB_PTE_WRITE;
	return bits;
}

/* The cache's page, which is locked, and whose reference becomes the entry's. */
static void map_page(struct nb_task *t, struct nb_vma *v, struct nb_zone *z, struct nb_page *page,
		     struct nb_ptable *leaf, unsigned i, unsigned bits)
{
	nb_rmap_add_file(v, z, page, 1);
	if (nb_unlikely(v->flags & NB_VM_LOCKED))
		nb_mlock_page(t, z, page);
	nb_pt_set(leaf, i, nb_pte_make(nb_zone_page_pfn(z, page), bits));
}

/* Entries around addr, of one leaf and inside the VMA, whose pages are there. */
static void fault_around(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
			 unsigned i)
{
	unsigned shift = v->mm->shape.page_shift, n = NB_FAULT_AROUND_BYTES >> shift;
	uint64_t before = (addr - v->start) >> shift, behind = (v->end - addr) >> shift;
	unsigned from, to;

	if (n <= 1 || t->sys->profile->version < FAULT_AROUND_SINCE)
		return;
	from = i & ~(n - 1);
	if (before < i - from)
		from = i - (unsigned)before;
	to = from + n < 1u << v->mm->shape.bits ? from + n : 1u << v->mm->shape.bits;
	if (behind < to - i)
		to = i + (unsigned)behind;
	for (unsigned k = from; k < to; k++) {
		struct nb_zone *z = NULL;
		struct nb_page *page;

		if (leaf->entry[k])
			continue;
		page = nb_file_mappable(t, v, nb_vma_pgoff(v, addr) + k - i, &z);
		if (!page)
			continue;
		map_page(t, v, z, page, leaf, k, read_bits(v));
		nb_page_unlock(t->sys, page);
	}
	nb_event_range(v->file, NB_EV_MM_FILEMAP_MAP_PAGES, nb_vma_pgoff(v, addr) + from - i,
		       nb_vma_pgoff(v, addr) + to - 1 - i, t);
}

static int read_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		      unsigned i)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;
	int err;

	fault_around(t, v, addr, leaf, i);
	if (leaf->entry[i])
		return 0;
	err = nb_file_fault(t, v, addr, &z, &page);
	if (err < 0)
		return err;
	if (nb_likely(!leaf->entry[i])) {
		map_page(t, v, z, page, leaf, i, read_bits(v));
		nb_page_unlock(t->sys, page);
		return 0;
	}
	nb_page_unlock(t->sys, page);
	nb_put_page(t->sys, z, page, t->cpu);
	return 0;
}

static int private_write(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
			 unsigned i)
{
	struct nb_zone *z = NULL, *filez = NULL;
	struct nb_page *page, *file;
	nb_pfn_t pfn;
	int err;

	if (nb_anon_prepare(v))
		return -NB_ENOMEM;
	pfn = nb_fault_alloc(t, v, addr, NB_GFP_HIGHUSER_MOVABLE);
	if (pfn == NB_NO_PFN)
		return -NB_ENOMEM;
	page = nb_pfn_to_page(t->sys, pfn, &z);
	err = nb_file_fault(t, v, addr, &filez, &file);
	if (err >= 0) {
		nb_copy_page_bytes(filez, file, z, page);
		nb_page_unlock(t->sys, file);
		nb_put_page(t->sys, filez, file, t->cpu);
	}
	if (err < 0 || leaf->entry[i]) {
		nb_put_page(t->sys, z, page, t->cpu);
		return err < 0 ? err : 0;
	}
	nb_fault_map_anon(t, v, addr, z, page, leaf, i);
	return 0;
}

static int shared_write(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
			unsigned i)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;
	int err = nb_file_fault(t, v, addr, &z, &page), newly;
	bool mapped;

	if (err < 0)
		return err;
	newly = nb_file_mkwrite(t, z, page);
	mapped = newly >= 0 && !leaf->entry[i];
	if (mapped)
		map_page(t, v, z, page, leaf, i, read_bits(v) | NB_PTE_WRITE | NB_PTE_DIRTY);
	nb_page_unlock(t->sys, page);
	if (!mapped)
		nb_put_page(t->sys, z, page, t->cpu);
	if (newly > 0)
		nb_balance_dirty(t, 1);
	return 0;
}

int nb_fault_file(struct nb_task *t, struct nb_vma *v, uint64_t addr, bool write,
		  struct nb_ptable *leaf, unsigned i)
{
	if (!write)
		return read_fault(t, v, addr, leaf, i);
	if (v->shared)
		return shared_write(t, v, addr, leaf, i);
	return private_write(t, v, addr, leaf, i);
}

void nb_wp_shared(struct nb_task *t, struct nb_vma *v, struct nb_zone *z, struct nb_page *page,
		  struct nb_ptable *leaf, unsigned i)
{
	uint64_t pte = leaf->entry[i];
	int newly;

	(void)v;
	nb_get_page(t->sys, page);
	nb_page_lock(t->sys, page);
	newly = nb_file_mkwrite(t, z, page);
	/* a collapse of copies may have taken it away */
	if (newly >= 0 && (leaf->entry[i] ^ pte) >> NB_PTE_SHIFT == 0 &&
	    leaf->entry[i] & NB_PTE_PRESENT) {
		leaf->entry[i] |= NB_PTE_WRITE | NB_PTE_DIRTY | NB_PTE_ACCESSED;
		nb_count_vm_event(t->sys, t->cpu, NB_VM_PGREUSE);
	}
	nb_page_unlock(t->sys, page);
	if (newly > 0)
		nb_balance_dirty(t, 1);
	nb_put_page(t->sys, z, page, t->cpu);
}
