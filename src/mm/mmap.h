/* mmap.h -- calls on address ranges, for each other: all under the mm's lock.
 *
 * mmap.c, unmap.c, touch.c, mprotect.c, mremap.c, madvise.c, mlock.c, brk.c; files and shared
 * memory map through nb_do_mmap(). Addresses in bytes, ends exclusive.
 */
#ifndef NB_MM_MMAP_H
#define NB_MM_MMAP_H

#include "mm/task.h"
#include "mm/vma.h"

#define NB_MMAP_MIN_ADDR UINT64_C(65536)     /* vm.mmap_min_addr */
#define NB_STACK_LIMIT (UINT64_C(8) << 20)   /* RLIMIT_STACK */
#define NB_MEMLOCK_LIMIT (UINT64_C(8) << 20) /* RLIMIT_MEMLOCK, for users other than root */

static inline uint64_t nb_mm_page_bytes(const struct nb_mm *mm)
{
	return UINT64_C(1) << mm->shape.page_shift;
}

/* Whole pages; 0 when it is past 64 bits. */
static inline uint64_t nb_mm_round_up(const struct nb_mm *mm, uint64_t bytes)
{
	return (bytes + nb_mm_page_bytes(mm) - 1) & ~(nb_mm_page_bytes(mm) - 1);
}

/* May a mapping that asks for addr, whole pages, be there, if it is free? Not across the window's
 * end. Source: mmap_address_hint_valid(). */
static inline bool nb_mm_hint_fits(const struct nb_mm *mm, uint64_t addr, uint64_t len)
{
	return addr >= NB_MMAP_MIN_ADDR && addr <= mm->task_size - len &&
	       (addr > mm->map_window) == (addr + len > mm->map_window);
}

static inline bool nb_mm_is_unaligned(const struct nb_mm *mm, uint64_t addr)
{
	return addr & (nb_mm_page_bytes(mm) - 1);
}

/* mmap.c. A mapping of `file` (NULL: anonymous) from page pgoff on; takes a reference of its own.
 * Flags and errors are mmap's. *ret_populate: it wants its pages now (nb_populate(), whose errors
 * mmap ignores). */
int nb_do_mmap(struct nb_task *t, struct nb_address_space *file, uint64_t pgoff, uint64_t addr,
	       uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr, bool *ret_populate);
/* All of it, lock and populating included, for calls of other files. */
int nb_mmap_object(struct nb_task *t, struct nb_address_space *file, uint64_t pgoff, uint64_t addr,
		   uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr);
/* mmap.c. A free range for `len` bytes: at addr where flags say so or it is free; chosen else. 0,
 * -NB_EINVAL, -NB_ENOMEM, -NB_EPERM. */
int nb_map_place(const struct nb_mm *mm, uint64_t addr, uint64_t len, int flags,
		 uint64_t *ret_addr);
/* May the task lock `pages` more? Source: mlock_future_ok(). */
bool nb_mlock_allowed(const struct nb_task *t, uint64_t pages);

/* unmap.c */
int nb_do_munmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes);
/* Unmaps everything, for the last task of an address space. */
void nb_mm_unmap_all(struct nb_task *t);

/* touch.c. Faults in [start, end), as mlock and MAP_POPULATE do: writing where a private mapping
 * may be written, reading else. Errors of single VMAs are passed over when `ignore`. 0, -NB_EFAULT,
 * -NB_ENOMEM. Source: __mm_populate(). */
int nb_populate(struct nb_task *t, uint64_t start, uint64_t end, bool ignore);
/* Grows a stack VMA down to addr. Its VMA, or NULL: it may not. Source: expand_downwards(). */
struct nb_vma *nb_expand_stack(struct nb_task *t, uint64_t addr);

/* mlock.c. The lock bits of [start, end) of v become `flags` (NB_VM_LOCKED, NB_VM_LOCKONFAULT), its
 * pages follow. Returns the VMA that covers the range now; NULL: -NB_ENOMEM.
 * Source: mlock_fixup(). */
struct nb_vma *nb_mlock_fixup(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
			      unsigned flags);
/* A page that a locked VMA maps, or does no more. */
void nb_mlock_page(struct nb_task *t, struct nb_zone *z, struct nb_page *page);
void nb_munlock_page(struct nb_task *t, struct nb_zone *z, struct nb_page *page);

#endif
