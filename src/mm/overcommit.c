/* overcommit.c -- how much memory may be promised. See overcommit.h.
 *
 * Nothing is charged here: the sum follows from what VMAs and memory files there are, so that it
 * cannot go wrong, and a call asks before it makes one. With threads two calls may pass the last
 * pages of the limit at once. Linux's sum is a per-CPU counter that may be off by a batch per CPU;
 * here it is exact. Units: pages; the sysctls' KiB.
 * Source: mm/util.c, __vm_enough_memory(), vm_commit_limit(), overcommit_*_handler(); mm/mmap.c,
 * init_admin_reserve(), init_user_reserve(); mm/shmem.c, shmem_acct_size(), shmem_acct_blocks().
 */
#include "mm/overcommit.h"

#include "mm/address_space.h"
#include "mm/buddy.h"
#include "mm/hugetlb.h"
#include "mm/swap.h"
#include "mm/vma.h"

#define SIMPLE_GUESS_SINCE 5002u /* before: by what is free or could be freed */
#define RESERVES_SINCE 3010u     /* before: 1/32 of the rest */
#define ADMIN_RESERVE_MAX_KIB (INT64_C(1) << 13)
#define USER_RESERVE_MAX_KIB (INT64_C(1) << 17)

static int64_t to_pages(const struct nb_system *sys, int64_t kib)
{
	return kib >> (sys->page_shift - 10);
}

static uint64_t totalram(const struct nb_system *sys)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++)
		n += sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES].managed_pages;
	return n;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void nb_overcommit_init(struct nb_system *sys)
{
	int64_t free_kib = (int64_t)(totalram(sys) << (sys->page_shift - 10));

	sys->tune.overcommit_memory = NB_OVERCOMMIT_GUESS;
	sys->tune.overcommit_ratio = 50;
	sys->tune.admin_reserve_kbytes = least(free_kib / 32, ADMIN_RESERVE_MAX_KIB);
	sys->tune.user_reserve_kbytes = least(free_kib / 32, USER_RESERVE_MAX_KIB);
}

void nb_overcommit_set(struct nb_system *sys, enum nb_overcommit_knob knob, int64_t v)
{
	struct nb_tunables *t = &sys->tune;

	switch (knob) {
	case NB_OVERCOMMIT_MEMORY:
		t->overcommit_memory = (unsigned)v;
		break;
	case NB_OVERCOMMIT_RATIO:
		t->overcommit_ratio = v;
		t->overcommit_kbytes = 0;
		break;
	case NB_OVERCOMMIT_KBYTES:
		t->overcommit_kbytes = v;
		t->overcommit_ratio = 0;
		break;
	case NB_OVERCOMMIT_ADMIN_RESERVE:
		t->admin_reserve_kbytes = v;
		break;
	default:
		t->user_reserve_kbytes = v;
		break;
	}
}

int64_t nb_overcommit_get(const struct nb_system *sys, enum nb_overcommit_knob knob)
{
	const struct nb_tunables *t = &sys->tune;

	switch (knob) {
	case NB_OVERCOMMIT_MEMORY:
		return t->overcommit_memory;
	case NB_OVERCOMMIT_RATIO:
		return t->overcommit_ratio;
	case NB_OVERCOMMIT_KBYTES:
		return t->overcommit_kbytes;
	case NB_OVERCOMMIT_ADMIN_RESERVE:
		return t->admin_reserve_kbytes;
	default:
		return t->user_reserve_kbytes;
	}
}

/* Base pages in all pools. */
static uint64_t hugetlb_pages(const struct nb_system *sys)
{
	const struct nb_hugetlb *s = sys->hugetlb;
	uint64_t n = 0;

	for (unsigned i = 0; s && i < s->nr_hstates; i++)
		n += s->hstate[i].nr << s->hstate[i].order;
	return n;
}

uint64_t nb_commit_limit(const struct nb_system *sys)
{
	uint64_t ram = totalram(sys), huge = hugetlb_pages(sys);
	uint64_t of = ram > huge ? ram - huge : 0;
	uint64_t limit = sys->tune.overcommit_kbytes
				 ? (uint64_t)to_pages(sys, sys->tune.overcommit_kbytes)
				 : of * (uint64_t)sys->tune.overcommit_ratio / 100;

	return limit + nb_swap_pages_total(sys);
}

/* Memory files whose pages are charged one by one. */
static uint64_t file_pages(const struct nb_system *sys)
{
	struct nb_file_side *side = sys->files;
	uint64_t n = 0;

	if (!side)
		return 0;
	nb_lock(&side->lock, sys->port);
	for (const struct nb_address_space *as = side->files; as; as = as->next) {
		if (nb_as_is_shmem(as) && !as->committed_pages)
			n += nb_as_read(&as->nrpages) +
			     nb_as_read(&as->nrshadows); /* those that are out count, too */
	}
	nb_unlock(&side->lock, sys->port);
	return n;
}

uint64_t nb_committed(const struct nb_system *sys)
{
	return atomic_load_explicit(&sys->committed_pages, memory_order_relaxed) + file_pages(sys);
}

/* What is free, or could be: pages of files, swap, less what zones keep back. Slab is not known. */
static bool enough_before_5_2(const struct nb_system *sys, bool admin, uint64_t pages)
{
	int64_t free = (int64_t)nb_swap_pages_free(sys);

	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		const struct nb_zone *z =
			&sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		free += (int64_t)nb_zone_free_pages(z);
		free += (int64_t)atomic_load_explicit(&z->nr_file, memory_order_relaxed);
		free -= (int64_t)atomic_load_explicit(&z->nr_shmem, memory_order_relaxed);
	}
	free -= (int64_t)sys->totalreserve_pages;
	if (free <= 0)
		return false;
	if (!admin)
		free -= sys->profile->version >= RESERVES_SINCE
				? to_pages(sys, sys->tune.admin_reserve_kbytes)
				: free / 32;
	return free > (int64_t)pages;
}

/* What is promised stays below the limit, with something left for root, and for the user to end a
 * program that grew. */
static bool below_limit(const struct nb_task *t, bool admin, uint64_t pages)
{
	const struct nb_system *sys = t->sys;
	int64_t allowed = (int64_t)nb_commit_limit(sys);
	int64_t mine = (int64_t)(t->mm->total_pages / 32);

	if (sys->profile->version >= RESERVES_SINCE) {
		if (!admin)
			allowed -= to_pages(sys, sys->tune.admin_reserve_kbytes);
		mine = least(mine, to_pages(sys, sys->tune.user_reserve_kbytes));
	} else if (!admin) {
		allowed -= allowed / 32;
	}
	return (int64_t)(nb_committed(sys) + pages) < allowed - mine;
}

int nb_vm_enough_memory(const struct nb_task *t, uint64_t pages)
{
	const struct nb_system *sys = t->sys;
	bool admin = t->uid == 0, enough;

	if (sys->tune.overcommit_memory == NB_OVERCOMMIT_ALWAYS)
		return 0;
	if (sys->tune.overcommit_memory == NB_OVERCOMMIT_NEVER)
		enough = below_limit(t, admin, pages);
	else if (sys->profile->version < SIMPLE_GUESS_SINCE)
		enough = enough_before_5_2(sys, admin, pages);
	else
		enough = pages <= totalram(sys) + nb_swap_pages_total(sys);
	return enough ? 0 : -NB_ENOMEM;
}

bool nb_vma_accountable(const struct nb_vma *v)
{
	return v->prot & NB_PROT_WRITE && !v->shared &&
	       !(v->flags & (NB_VM_NORESERVE | NB_VM_HUGETLB));
}

uint64_t nb_vma_accounted(const struct nb_mm *mm, uint64_t start, uint64_t end)
{
	uint64_t pages = 0;

	for (const struct nb_vma *v = nb_vma_first_above(mm, start); v && v->start < end;
	     v = nb_vma_first_above(mm, v->end)) {
		uint64_t from = v->start > start ? v->start : start;
		uint64_t to = v->end < end ? v->end : end;

		if (v->flags & NB_VM_ACCOUNT)
			pages += (to - from) >> mm->shape.page_shift;
	}
	return pages;
}
