/* whole_work.c -- what processes do in whole.c: each call's errors are the model's, but that memory
 * may run out. */
#include "whole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#include <numabox/balancing.h>
#include <numabox/compaction.h>
#include <numabox/cpuset.h>
#include <numabox/mempolicy.h>

#include "mm/mempolicy.h"
#include "mm/nodemask.h"
#include "mm/pt_huge.h"
#include "mm/rmap.h"
#include "mm/shared_policy.h"

/* The process ended over it: killed, or given up where no memory was left half way. */
static bool is_gone(struct whole *w, struct process *p, int err)
{
	if (nb_task_alive(p->task) && err != -NB_ENOMEM)
		return false;
	whole_leave(w, p);
	return true;
}

static void expect(const struct whole *w, int err, int want)
{
	if (err != want)
		fail_msg("machine %u, step %u, %s: %d, should be %d", w->machine, w->step, w->did,
			 err, want);
}

static void forget(struct process *p, unsigned from, unsigned n)
{
	memset(&p->slot[from], 0, n * sizeof(p->slot[0]));
}

/* Pages of private mappings of files that were copied by the way (mlock, populate): theirs is what
 * the file had. */
static void learn_copies(struct whole *w, struct process *p)
{
	for (unsigned i = 0; i < PAGES; i++) {
		struct slot *s = &p->slot[i];
		struct nb_zone *z;
		uint64_t pte;

		if (!s->mapped || s->shared || s->object < 0 || s->own)
			continue;
		pte = nb_pt_lookup(p->task->mm, at(i));
		if (nb_pte_pfn(pte) == NB_NO_PFN ||
		    !(nb_page_flags(nb_pfn_to_page(w->sys, nb_pte_pfn(pte), &z)) & PG_ANON))
			continue;
		s->value = whole_value(w, s);
		s->own = true;
	}
}

static void do_map(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	static const uint8_t prots[] = {3, 3, 3, 3, 1, 0};
	struct slot like = {.mapped = true,
			    .prot = prots[whole_pick(w, 6)],
			    .object =
				    (int8_t)(whole_pick(w, 3) ? -1 : (int)whole_pick(w, OBJECTS))};
	int flags = NB_MAP_FIXED | (whole_pick(w, 8) ? 0 : NB_MAP_POPULATE), err;
	uint64_t addr;

	w->did = like.object < 0 ? "mmap" : "mmap of a file";
	if (like.object >= 0) {
		like.shared = whole_pick(w, 2);
		like.off = (uint16_t)whole_pick(w, OBJECT_PAGES);
		n = n < OBJECT_PAGES - like.off ? n : OBJECT_PAGES - like.off;
		err = nb_mmap_file(p->task, w->object[like.object].as, like.off * PAGE, at(from),
				   n * PAGE, like.prot,
				   flags | (like.shared ? NB_MAP_SHARED : NB_MAP_PRIVATE), &addr);
	} else {
		err = nb_mmap(p->task, at(from), n * PAGE, like.prot, flags | NB_MAP_PRIVATE,
			      &addr);
	}
	if (is_gone(w, p, err))
		return;
	expect(w, err, 0);
	for (unsigned i = from; i < from + n; i++, like.off++)
		p->slot[i] = like;
}

/* A page that came where none was lies where it may. */
static void check_place(struct whole *w, struct process *p, unsigned i)
{
	const struct nb_vma *v = nb_vma_find(p->task->mm, at(i));
	int nid = nb_task_node(p->task, at(i));
	struct nb_mempolicy *pol;
	uint64_t index;

	if (nid < 0 || !v)
		return;
	pol = nb_vma_policy(p->task, v, at(i), 0, &index);
	if (!nb_nodemask_test(&p->task->mems_allowed, nid) ||
	    (pol && pol->mode == NB_MPOL_BIND &&
	     nb_nodes_intersect(&pol->nodes, &p->task->mems_allowed) &&
	     !nb_nodemask_test(&pol->nodes, nid)))
		fail_msg("step %u: page %u is on node %d, where it must not be", w->step, i, nid);
	nb_mpol_put(w->sys, pol);
}

static void do_write(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	w->did = "writes";
	for (unsigned i = from; i < from + n; i++) {
		struct slot *s = &p->slot[i];
		bool fresh = !nb_pt_lookup(p->task->mm, at(i)) && s->object < 0;
		uint64_t faulted, total, free, cached;
		int err = nb_touch(p->task, at(i), PAGE, true, &faulted);

		if (!nb_task_alive(p->task) || err == -NB_ENOMEM)
			return;
		expect(w, err, s->mapped && s->prot & NB_PROT_WRITE ? 0 : -NB_EFAULT);
		if (err)
			continue;
		w->stamp++;
		memcpy((void *)(uintptr_t)nb_page_address(w->sys, nb_task_pfn(p->task, at(i))),
		       &w->stamp, 8);
		if (s->object >= 0 && s->shared) {
			w->object[s->object].value[s->off] = w->stamp;
		} else {
			s->value = w->stamp;
			s->own = true;
			s->unknown = false;
		}
		nb_swap_totals(w->sys, &total, &free, &cached);
		if (fresh && !total)
			check_place(w, p, i);
	}
}

static void do_protect(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	static const uint8_t prots[] = {3, 3, 1, 0};
	uint8_t prot = prots[whole_pick(w, 4)];
	unsigned i = from;
	int err;

	w->did = "mprotect";
	err = nb_mprotect(p->task, at(from), n * PAGE, prot);
	while (i < from + n && p->slot[i].mapped)
		p->slot[i++].prot = prot;
	if (!nb_task_alive(p->task))
		return;
	expect(w, err, i < from + n ? -NB_ENOMEM : 0);
}

static void do_lock(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	bool lock = whole_pick(w, 3) == 0;
	unsigned i = from;
	int err;

	w->did = lock ? "mlock" : "munlock";
	err = lock ? nb_mlock(p->task, at(from), n * PAGE)
		   : nb_munlock(p->task, at(from), n * PAGE);
	while (i < from + n && p->slot[i].mapped)
		p->slot[i++].locked = lock;
	if (!nb_task_alive(p->task) || (lock && (err == -NB_ENOMEM || err == -NB_EAGAIN)))
		return;
	expect(w, err, i < from + n ? -NB_ENOMEM : 0);
}

/* DONTNEED and FREE change what is read; both stop at the first VMA that they are not for. */
static void do_drop(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	bool lazy = whole_pick(w, 2);
	int want = 0, err;

	w->did = lazy ? "MADV_FREE" : "MADV_DONTNEED";
	err = nb_madvise(p->task, at(from), n * PAGE, lazy ? NB_MADV_FREE : NB_MADV_DONTNEED);
	for (unsigned i = from; i < from + n; i++) {
		struct slot *s = &p->slot[i];

		if (!s->mapped) {
			want = -NB_ENOMEM;
			continue;
		}
		if (s->locked || (lazy && s->object >= 0)) {
			want = -NB_EINVAL;
			break;
		}
		if (lazy) {
			s->unknown = true;
			continue;
		}
		s->value = 0;
		s->own = s->unknown = false;
	}
	if (!is_gone(w, p, err == want ? 0 : err))
		expect(w, err, want);
}

static void do_advise(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	static const int advice[] = {
		NB_MADV_DONTFORK,   NB_MADV_DOFORK,        NB_MADV_WIPEONFORK,
		NB_MADV_KEEPONFORK, NB_MADV_SEQUENTIAL,    NB_MADV_NORMAL,
		NB_MADV_HUGEPAGE,   NB_MADV_HUGEPAGE,      NB_MADV_NOHUGEPAGE,
		NB_MADV_COLD,       NB_MADV_PAGEOUT,       NB_MADV_PAGEOUT,
		NB_MADV_WILLNEED,   NB_MADV_POPULATE_READ, NB_MADV_POPULATE_WRITE,
		NB_MADV_COLLAPSE,   NB_MADV_COLLAPSE,      NB_MADV_PAGEOUT};
	int what = advice[whole_pick(w, 18)], err;

	w->did = "madvise";
	err = nb_madvise(p->task, at(from), n * PAGE, what);
	if (what == NB_MADV_DONTFORK || what == NB_MADV_DOFORK)
		for (unsigned i = from; i < from + n; i++)
			p->slot[i].dontfork = p->slot[i].mapped && what == NB_MADV_DONTFORK;
	if (what != NB_MADV_WIPEONFORK && what != NB_MADV_KEEPONFORK)
		return;
	for (unsigned i = from; i < from + n; i++) {
		if (p->slot[i].mapped && p->slot[i].object >= 0 && what == NB_MADV_WIPEONFORK) {
			expect(w, err, -NB_EINVAL);
			return;
		}
		p->slot[i].wipe = p->slot[i].mapped && what == NB_MADV_WIPEONFORK;
	}
}

static void do_move(struct whole *w, struct process *p, unsigned from, unsigned n)
{
	static struct slot moved[PAGES];
	unsigned to = (unsigned)whole_pick(w, PAGES - n + 1);
	uint64_t got;
	int err;

	if (whole_pick(w, 2)) /* whole tables move */
		to = from % 512 + to / 512 * 512;
	if (to + n > PAGES)
		return;
	w->did = "mremap";
	err = nb_mremap(p->task, at(from), n * PAGE, n * PAGE, NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED,
			at(to), &got);
	if (is_gone(w, p, err))
		return;
	if (!err) {
		memcpy(moved, &p->slot[from], n * sizeof(moved[0]));
		forget(p, from, n);
		memcpy(&p->slot[to], moved, n * sizeof(moved[0]));
		return;
	}
	assert_true(err == -NB_EINVAL || err == -NB_EFAULT);
	for (unsigned i = to; i < to + n; i++) { /* what was there may have gone before */
		if (!nb_vma_find(p->task->mm, at(i)))
			forget(p, i, 1);
	}
}

static void do_fork(struct whole *w, struct process *p)
{
	struct process *c = NULL;
	struct nb_task *child;

	for (unsigned i = 0; i < PROCESSES && !c; i++)
		c = w->process[i].task ? NULL : &w->process[i];
	if (!c) {
		if (whole_pick(w, 3) == 0) {
			w->did = "exit";
			whole_leave(w, p);
		}
		return;
	}
	w->did = "fork";
	if (nb_task_fork(p->task, &child))
		return;
	*c = *p;
	c->task = child;
	c->ran_ns = 0;
	for (unsigned i = 0; i < PAGES; i++) {
		struct slot *s = &c->slot[i];

		if (s->dontfork)
			memset(s, 0, sizeof(*s));
		else if (s->wipe)
			s->value = 0, s->unknown = false;
		s->locked = false;
	}
}

static void do_pool(struct whole *w, struct process *p)
{
	unsigned k = (unsigned)whole_pick(w, POOL_MAPS);
	uint64_t *addr = &p->pool[k].addr, *pages = &p->pool[k].pages, first, faulted;

	w->did = "huge pages of a pool";
	if (!*pages) {
		*pages = 1 + whole_pick(w, 4);
		if (nb_mmap(p->task, 0, *pages * HUGE, 3,
			    NB_MAP_HUGETLB | (whole_pick(w, 2) ? NB_MAP_PRIVATE : NB_MAP_SHARED) |
				    (whole_pick(w, 3) ? 0 : NB_MAP_NORESERVE),
			    addr))
			*pages = 0;
		return;
	}
	first = whole_pick(w, *pages);
	if (whole_pick(w, 3)) {
		(void)nb_touch(p->task, *addr + first * HUGE, (*pages - first) * HUGE,
			       whole_pick(w, 2), &faulted);
		return;
	}
	expect(w, nb_munmap(p->task, *addr + first * HUGE, (*pages - first) * HUGE), 0);
	*pages = first;
}

void whole_work(struct whole *w, struct process *p)
{
	bool huge = whole_pick(w, 3) == 0;
	unsigned unit = huge ? 512 : 1, units = PAGES / unit,
		 first = (unsigned)whole_pick(w, units);
	unsigned most = huge ? 3 : 80, n = 1 + (unsigned)whole_pick(w, most), from = first * unit;
	uint64_t faulted;

	n = (n < units - first ? n : units - first) * unit;
	switch (whole_pick(w, 20)) {
	case 0:
	case 1:
		do_map(w, p, from, n);
		break;
	case 2:
		w->did = "munmap";
		if (!is_gone(w, p, nb_munmap(p->task, at(from), n * PAGE)))
			forget(p, from, n);
		break;
	case 3:
		do_protect(w, p, from, n);
		break;
	case 4:
		do_lock(w, p, from, n);
		break;
	case 5:
	case 6:
		do_drop(w, p, from, n);
		break;
	case 7:
	case 8:
	case 9:
		do_advise(w, p, from, n);
		break;
	case 10:
	case 11:
		do_move(w, p, from, n);
		break;
	case 12:
		do_fork(w, p);
		break;
	case 13:
		do_pool(w, p);
		break;
	case 14:
		w->did = "reads";
		(void)nb_touch(p->task, at(from), n * PAGE, false, &faulted);
		break;
	default:
		do_write(w, p, from, n);
		break;
	}
	if (p->task && nb_task_alive(p->task))
		learn_copies(w, p);
}

static const int modes[] = {NB_MPOL_DEFAULT,        NB_MPOL_PREFERRED,          NB_MPOL_BIND,
			    NB_MPOL_BIND,           NB_MPOL_INTERLEAVE,         NB_MPOL_LOCAL,
			    NB_MPOL_PREFERRED_MANY, NB_MPOL_WEIGHTED_INTERLEAVE};

static int some_mode(struct whole *w)
{
	static const int flags[] = {0, 0, NB_MPOL_F_STATIC_NODES, NB_MPOL_F_RELATIVE_NODES};

	return modes[whole_pick(w, 8)] | flags[whole_pick(w, 4)];
}

static void do_move_pages(struct whole *w, struct process *p)
{
	uint64_t pages[64];
	int nodes[64], status[64];
	unsigned n = 1 + (unsigned)whole_pick(w, 64), from = (unsigned)whole_pick(w, PAGES - 64);

	for (unsigned i = 0; i < n; i++) {
		pages[i] = at(from + (unsigned)whole_pick(w, 64));
		nodes[i] = i && whole_pick(w, 3) ? nodes[i - 1] : (int)whole_pick(w, w->nr_nodes);
		status[i] = -1000;
	}
	if (nb_move_pages(p->task, p->task, n, pages, nodes, status,
			  whole_pick(w, 2) ? NB_MPOL_MF_MOVE : NB_MPOL_MF_MOVE_ALL) == 0)
		for (unsigned i = 0; i < n; i++)
			assert_true(status[i] == nodes[i] || status[i] < 0);
}

void whole_place(struct whole *w, struct process *p)
{
	struct nb_nodemask a = whole_nodes(w), b = whole_nodes(w);
	unsigned from = (unsigned)whole_pick(w, PAGES), n = 1 + (unsigned)whole_pick(w, 700);
	struct nb_cpumask cpus = {{0}};

	n = n < PAGES - from ? n : PAGES - from;
	switch (whole_pick(w, 9)) {
	case 0:
		w->did = "set_mempolicy";
		(void)nb_set_mempolicy(p->task, some_mode(w), &a);
		break;
	case 1:
	case 2:
		w->did = "mbind";
		(void)nb_mbind(p->task, at(from), n * PAGE, some_mode(w), &a,
			       (unsigned)(whole_pick(w, 3) ? whole_pick(w, 8) : 0));
		break;
	case 3:
		w->did = "migrate_pages";
		(void)nb_migrate_pages(p->task, p->task, &a, &b);
		break;
	case 4:
		w->did = "move_pages";
		do_move_pages(w, p);
		break;
	case 5:
		w->did = "a cpuset";
		(void)nb_set_cpuset(p->task, &a, NULL);
		break;
	case 6:
		w->did = "another CPU";
		cpus.bits[0] = 1 + whole_pick(w, (UINT64_C(1) << w->nr_cpus) - 1);
		(void)nb_sched_setaffinity(p->task, &cpus);
		break;
	case 7:
		w->did = "ticks";
		p->ran_ns += 1000000 * (1 + whole_pick(w, 400));
		nb_system_set_time_ns(w->sys, nb_system_time_ns(w->sys) + 200000000);
		nb_task_tick(p->task, p->ran_ns);
		break;
	default:
		w->did = "compaction";
		(void)nb_compact_node(w->sys, (int)whole_pick(w, w->nr_nodes),
				      nb_task_cpu(p->task));
		break;
	}
}

void whole_file(struct whole *w, struct process *p)
{
	unsigned o = (unsigned)whole_pick(w, OBJECTS), off = (unsigned)whole_pick(w, OBJECT_PAGES);
	unsigned n = 1 + (unsigned)whole_pick(w, OBJECT_PAGES - off);
	struct nb_address_space *as = w->object[o].as;
	uint64_t got = 0, found = 0, *value = w->object[o].value;
	int err;

	switch (whole_pick(w, 7)) {
	case 0:
	case 1:
		w->did = "write";
		w->stamp++;
		err = nb_file_write(p->task, as, off * PAGE, &w->stamp, 8, &got);
		if (got == 8)
			value[off] = w->stamp;
		else
			assert_true(err == -NB_ENOMEM || !nb_task_alive(p->task));
		break;
	case 2:
		w->did = "read";
		err = nb_file_read(p->task, as, off * PAGE, &found, 8, &got);
		if (got == 8)
			assert_int_equal(found, value[off]);
		else
			assert_true(err == -NB_ENOMEM || !nb_task_alive(p->task));
		break;
	case 3:
		w->did = "a hole";
		if (o % 2 == 0)
			break;
		if (!nb_file_fallocate(p->task, as, off * PAGE, n * PAGE, true))
			memset(&value[off], 0, n * sizeof(value[0]));
		break;
	case 4:
		w->did = "fallocate";
		if (o % 2)
			(void)nb_file_fallocate(p->task, as, off * PAGE, n * PAGE, false);
		break;
	case 5:
		w->did = "fsync";
		(void)nb_file_sync(p->task, as);
		break;
	default:
		w->did = "fadvise";
		(void)nb_file_fadvise(p->task, as, off * PAGE, n * PAGE,
				      whole_pick(w, 2) ? NB_FADV_DONTNEED : NB_FADV_WILLNEED);
		break;
	}
}
