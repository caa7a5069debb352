/* balancing_scan.c -- NUMA balancing's walk: which entries get a hint, and when.
 *
 * Called by the driver through nb_task_tick(), as the task runs; units and names as balancing.h.
 * A walk covers up to 256 MiB of present pages (eight times that of address space) and goes on
 * where the last one ended; when it has come round, the sequence number of the address space goes
 * up. Entries get no hint where the page could not be moved or is where a single-threaded task
 * runs. Times are those of the driver, not rounded to ticks as jiffies are. Source:
 * kernel/sched/fair.c, task_tick_numa(), task_numa_work(), vma_is_accessed(),
 * task_nr_scan_windows(); mm/mprotect.c, change_pte_range(); facts 10.2.
 */
#include "base/mem.h"
#include "mm/balancing.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

#define NS_PER_MS UINT64_C(1000000)
#define TICK_NS (4 * NS_PER_MS) /* HZ=250 */
#define MAX_SCAN_WINDOW_MIB 2560u
#define VMA_PIDS_SINCE 6004u
#define VMA_SEQ_SINCE 6007u   /* prev_scan_seq, and VMAs that nobody touched are forced in turn */
#define PREFERRED_SINCE 3008u /* the default policy balances */

/* Bytes of the counts behind a task's or a group's state. */
static size_t fault_bytes(const struct nb_system *sys)
{
	return sizeof(uint64_t) * NB_NUMAB_KINDS * 2 * sys->nr_pgdat;
}

size_t nb_numab_bytes(const struct nb_system *sys)
{
	return sizeof(struct nb_numab) + fault_bytes(sys);
}

size_t nb_numa_group_bytes(const struct nb_system *sys)
{
	return sizeof(struct nb_numa_group) + fault_bytes(sys);
}

static uint64_t scan_pages(const struct nb_mm *mm)
{
	return (uint64_t)NB_NUMAB_SCAN_SIZE_MIB << (20 - mm->shape.page_shift);
}

static uint64_t scan_windows(const struct nb_task *t)
{
	uint64_t window = scan_pages(t->mm), rss = t->mm->rss_pages;

	return rss ? (rss + window - 1) / window : 1;
}

unsigned nb_numab_scan_min_ms(const struct nb_task *t)
{
	unsigned floor = 1000 / (MAX_SCAN_WINDOW_MIB / NB_NUMAB_SCAN_SIZE_MIB);
	uint64_t ms = NB_NUMAB_SCAN_PERIOD_MIN_MS / scan_windows(t);

	return ms > floor ? (unsigned)ms : floor;
}

/* A period that grows with the tasks of the group and the part of its faults that is shared. */
static uint64_t group_period(const struct nb_task *t, uint64_t period)
{
	const struct nb_numa_group *g = t->numab ? t->numab->group : NULL;
	uint64_t shared = 0, private = 0;

	if (!g)
		return period;
	for (unsigned i = 0; i < t->sys->nr_pgdat; i++) {
		shared += g->fault[i * 2];
		private += g->fault[i * 2 + 1];
	}
	return period * g->nr_tasks * (shared + 1) / (private + shared + 1);
}

unsigned nb_numab_scan_max_ms(const struct nb_task *t)
{
	uint64_t min = nb_numab_scan_min_ms(t);
	uint64_t max = NB_NUMAB_SCAN_PERIOD_MAX_MS / scan_windows(t);

	if (t->numab && t->numab->group) {
		uint64_t group = group_period(t, NB_NUMAB_SCAN_PERIOD_MAX_MS);

		max = group > max ? group : max;
	}
	return (unsigned)(max > min ? max : min);
}

static unsigned scan_start_ms(const struct nb_task *t)
{
	uint64_t min = nb_numab_scan_min_ms(t);
	uint64_t group = t->numab->group ? group_period(t, NB_NUMAB_SCAN_PERIOD_MIN_MS) : 0;

	return (unsigned)(group > min ? group : min);
}

struct nb_numab *nb_numab_get(struct nb_task *t)
{
	if (!t->numab) {
		t->numab = nb_pool_get(t->sys, &nb_task_side(t->sys)->numab_pool);
		if (t->numab) {
			t->numab->preferred_nid = NB_NO_NODE;
			t->numab->scan_period_ms = NB_NUMAB_SCAN_DELAY_MS;
			t->numab->placed_ns = t->sys->time_ns;
		}
	}
	return t->numab;
}

uint64_t nb_numab_pid_bit(int pid)
{
	return UINT64_C(1) << ((uint32_t)pid * 0x61c88647u >> 26);
}

/* May the mapping's pages be moved, and does the policy in force want it? Source: vma_migratable(),
 * vma_policy_mof(). */
static bool wanted(const struct nb_task *t, const struct nb_vma *v)
{
	const struct nb_mempolicy *pol = v->policy ? v->policy : t->policy;

	if (v->flags & NB_VM_HUGETLB || !(v->prot & (NB_PROT_READ | NB_PROT_WRITE | NB_PROT_EXEC)))
		return false;
	/* program text and other files that are only read are copies everywhere soon */
	if (v->file && !(v->prot & NB_PROT_WRITE) && v->prot & NB_PROT_READ)
		return false;
	return !pol || pol->flags & NB_MPOL_F_NUMA_BALANCING;
}

/* Gives the entry a hint if its page may be better elsewhere. `home`: pages of this node stay;
 * NB_NO_NODE: none do. */
static bool hint_entry(struct nb_mm *mm, const struct nb_vma *v, uint64_t *entry, int home)
{
	nb_pfn_t pfn = nb_pte_pfn(*entry);
	struct nb_page *page;
	struct nb_zone *z = NULL;

	if (pfn == NB_NO_PFN || *entry & NB_PTE_HINT)
		return false;
	page = nb_pfn_to_page(mm->sys, pfn, &z);
	/* before the descriptor is looked at: most pages are at home */
	if (!page || home == z->pgdat->nid)
		return false;
	if (!v->shared && nb_page_mapcount(page) > 1)
		return false;
	if (!(nb_page_flags(page) & (PG_ANON | PG_SWAPBACKED)) && nb_page_flags(page) & PG_DIRTY)
		return false;
	*entry |= NB_PTE_HINT;
	return true;
}

/* Hints of [start, end) of v; how many. Source: change_prot_numa(). */
static uint64_t hint_range(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	int home = mm->users == 1 ? nb_task_local_node(t) : NB_NO_NODE;
	uint64_t page = UINT64_C(1) << mm->shape.page_shift, n = 0;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		for (; start < stop && start < end; start += page, i++)
			n += hint_entry(mm, v, &leaf->entry[i], home);
	}
	nb_count_vm_events(t->sys, t->cpu, NB_VM_NUMA_PTE_UPDATES, n);
	return n;
}

static struct nb_numab_vma *vma_state(struct nb_task *t, struct nb_vma *v)
{
	const uint64_t delay = NB_NUMAB_SCAN_DELAY_MS * NS_PER_MS;
	struct nb_numab_vma *s = v->numab;

	if (s)
		return s;
	s = v->numab = nb_pool_get(t->sys, &nb_task_side(t->sys)->numab_vma_pool);
	if (!s)
		return NULL;
	s->start_scan_seq = t->mm->numa_scan_seq;
	s->next_scan_ns = t->sys->time_ns + delay;
	s->pids_reset_ns = s->next_scan_ns + 4 * delay;
	s->prev_scan_seq = t->mm->numa_scan_seq - 1;
	return s;
}

void nb_numab_vma_free(struct nb_mm *mm, struct nb_vma *v)
{
	if (v->numab)
		nb_pool_put(mm->sys, &nb_task_side(mm->sys)->numab_vma_pool, v->numab);
	v->numab = NULL;
}

/* Did this task touch the mapping lately, as far as known? */
static bool vma_accessed(const struct nb_task *t, const struct nb_numab_vma *s)
{
	unsigned seq = t->mm->numa_scan_seq;

	if (seq - s->start_scan_seq < 2)
		return true;
	if ((s->pids_active[0] | s->pids_active[1]) & nb_numab_pid_bit(t->pid))
		return true;
	/* nobody came for it while every thread had its turn */
	return t->sys->profile->version >= VMA_SEQ_SINCE && seq > s->prev_scan_seq + t->mm->users;
}

enum vma_turn { TURN_NO, TURN_YES, TURN_NOT_MINE };

static enum vma_turn whose_turn(struct nb_task *t, struct nb_vma *v, bool forced)
{
	unsigned seq = t->mm->numa_scan_seq, version = t->sys->profile->version;
	uint64_t now = t->sys->time_ns;
	struct nb_numab_vma *s;

	if (!wanted(t, v))
		return TURN_NO;
	if (version < VMA_PIDS_SINCE)
		return TURN_YES;
	s = vma_state(t, v);
	if (!s || (seq && now < s->next_scan_ns))
		return TURN_NO;
	if (seq && now > s->pids_reset_ns) {
		s->pids_reset_ns += 4 * NB_NUMAB_SCAN_DELAY_MS * NS_PER_MS;
		s->pids_active[0] = s->pids_active[1];
		s->pids_active[1] = 0;
	}
	if (version >= VMA_SEQ_SINCE && s->prev_scan_seq == seq)
		return TURN_NO;
	return forced || vma_accessed(t, s) ? TURN_YES : TURN_NOT_MINE;
}

/* How much a walk may still do. */
struct budget {
	int64_t pages, virtual_pages;
};

/* Walks one VMA from *start; false when the budget ended inside it, at *start. */
static bool walk_vma(struct nb_task *t, struct nb_vma *v, uint64_t *start, struct budget *left)
{
	unsigned shift = t->mm->shape.page_shift;
	uint64_t huge = UINT64_C(1) << (t->sys->pageblock_order + shift);

	if (*start < v->start)
		*start = v->start;
	while (*start < v->end) {
		uint64_t end = *start + ((uint64_t)left->pages << shift);

		end = (end + huge - 1) & ~(huge - 1);
		if (end > v->end)
			end = v->end;
		if (hint_range(t, v, *start, end))
			left->pages -= (int64_t)((end - *start) >> shift);
		left->virtual_pages -= (int64_t)((end - *start) >> shift);
		*start = end;
		if (left->pages <= 0 || left->virtual_pages <= 0)
			return false;
	}
	if (v->numab)
		v->numab->prev_scan_seq = t->mm->numa_scan_seq;
	return true;
}

/* Walks from `start` on. true: the end of the address space was reached; *ret_next is where to go
 * on otherwise. `forced`: one mapping that nobody touched gets its turn. */
static bool walk(struct nb_task *t, uint64_t start, bool forced, bool *ret_skipped,
		 struct budget *left, uint64_t *ret_next)
{
	struct nb_vma *v;

	while ((v = nb_vma_first_above(t->mm, start))) {
		enum vma_turn turn = whose_turn(t, v, forced);

		*ret_skipped |= turn == TURN_NOT_MINE;
		if (turn != TURN_YES) {
			start = v->end;
			continue;
		}
		if (!walk_vma(t, v, &start, left) || forced) {
			*ret_next = start;
			return false;
		}
	}
	return true;
}

/* Source: task_numa_work(). */
static void numa_work(struct nb_task *t, struct nb_numab *nb)
{
	struct nb_mm *mm = t->mm;
	struct budget left = {.pages = (int64_t)scan_pages(mm)};
	uint64_t start = mm->numa_scan_offset, next = 0;
	bool skipped = false, end;

	left.virtual_pages = 8 * left.pages;
	if (!nb->scan_period_max_ms) {
		nb->scan_period_max_ms = nb_numab_scan_max_ms(t);
		nb->scan_period_ms = scan_start_ms(t);
	}
	mm->numa_next_scan_ns = t->sys->time_ns + nb->scan_period_ms * NS_PER_MS;
	nb->node_stamp_ns += 2 * TICK_NS;
	if (!nb_vma_first_above(mm, start)) {
		mm->numa_scan_seq++;
		start = 0;
	}
	end = walk(t, start, false, &skipped, &left, &next);
	if (end && skipped && t->sys->profile->version >= VMA_SEQ_SINCE)
		end = walk(t, start, true, &skipped, &left, &next);
	if (end)
		mm->numa_scan_seq++;
	mm->numa_scan_offset = end ? 0 : next;
}

void nb_task_tick(struct nb_task *t, uint64_t runtime_ns)
{
	struct nb_system *sys = t->sys;
	struct nb_numab *nb;

	if (!(sys->tune.numa_balancing & 1) || !t->alive || sys->nr_pgdat < 2 ||
	    sys->profile->version < PREFERRED_SINCE)
		return;
	nb = nb_numab_get(t);
	if (!nb)
		return;
	nb->runtime_ns = runtime_ns;
	if (runtime_ns <= nb->node_stamp_ns + nb->scan_period_ms * NS_PER_MS)
		return;
	if (!nb->node_stamp_ns)
		nb->scan_period_ms = scan_start_ms(t);
	nb->node_stamp_ns += nb->scan_period_ms * NS_PER_MS;
	nb_mm_lock(t->mm, t->cpu);
	if (!t->mm->numa_next_scan_ns)
		t->mm->numa_next_scan_ns = t->mm->born_ns + NB_NUMAB_SCAN_DELAY_MS * NS_PER_MS;
	if (sys->time_ns >= t->mm->numa_next_scan_ns)
		numa_work(t, nb);
	nb_mm_unlock(t->mm);
}
