/* hugetlb.c -- pools of huge pages: which sizes there are, their lists and counts.
 *
 * Called by hugetlb_pool.c, hugetlb_fault.c and views. A page in a pool is one allocated block (or,
 * of a gigantic size, a row of blocks of the highest order) whose head carries PG_HUGETLB and the
 * number of its pool. What is free lies in its node's list, last in first out.
 * Units: huge pages; nodes by position. Source: mm/hugetlb.c: hugetlb_add_hstate(),
 * enqueue_hugetlb_folio(), dequeue_hugetlb_folio_node_exact(), alloc_buddy_hugetlb_folio();
 * arch/x86/mm/hugetlbpage.c; arch/arm64/mm/hugetlbpage.c.
 */
#include "mm/hugetlb.h"

#include "base/fmt.h"
#include "mm/page_alloc.h"
#include "mm/vmstat.h"

#define MOVABLE_SINCE 4016u  /* as nb_kernel_profile.version */
#define GIGANTIC_SINCE 3016u /* without being asked for on the command line */

static void add_hstate(struct nb_hugetlb *s, uint64_t bytes)
{
	struct nb_system *sys = s->sys;
	struct nb_hstate *h = &s->hstate[s->nr_hstates];
	unsigned order = 0;

	while (UINT64_C(1) << (order + sys->page_shift) < bytes)
		order++;
	h->order = order;
	h->gigantic = order > sys->max_order;
	h->kib = bytes >> 10;
	h->nr_node = nb_system_alloc(sys, sys->nr_pgdat * sizeof(*h->nr_node));
	h->free_node = nb_system_alloc(sys, sys->nr_pgdat * sizeof(*h->free_node));
	h->surplus_node = nb_system_alloc(sys, sys->nr_pgdat * sizeof(*h->surplus_node));
	h->list = nb_system_alloc(sys, sys->nr_pgdat * sizeof(*h->list));
	if (!h->nr_node || !h->free_node || !h->surplus_node || !h->list)
		return;
	h->next_nid_to_alloc = h->next_nid_to_free =
		(int)nb_nodemask_next(&sys->memory_nodes, 0) % NB_MAX_NODES;
	s->nr_hstates++;
}

/* Is the size named by hugepagesz= or default_hugepagesz=? */
static bool on_cmdline(const struct nb_system *sys, const char *option, uint64_t bytes)
{
	size_t len, used;
	const char *s = nb_machine_option(sys->machine, option, &len);

	return s && nb_memparse(s, len, &used) == bytes;
}

static void add_sizes(struct nb_hugetlb *s)
{
	const uint64_t gib = UINT64_C(1) << 30, mib = UINT64_C(1) << 20;
	const struct nb_system *sys = s->sys;
	enum nb_arch arch = sys->machine->arch;
	uint64_t pmd = UINT64_C(1) << (2 * sys->page_shift - 3);

	if (arch == NB_ARCH_I386)
		pmd = 4 * mib;
	else if (arch != NB_ARCH_X86_64 && arch != NB_ARCH_ARM64)
		pmd = 2 * mib;
	if (arch == NB_ARCH_X86_64 &&
	    (sys->profile->version >= GIGANTIC_SINCE || on_cmdline(sys, "hugepagesz=", gib)))
		add_hstate(s, gib);
	if (arch == NB_ARCH_ARM64) {
		add_hstate(s, sys->page_shift == 16 ? 16 * gib : gib);
		if (sys->page_shift == 12)
			add_hstate(s, 32 * mib);
	}
	s->default_hstate = s->nr_hstates;
	add_hstate(s, pmd);
	if (arch == NB_ARCH_ARM64)
		add_hstate(s, sys->page_shift == 12 ? 64 << 10 : 2 * mib);
	for (unsigned i = 0; i < s->nr_hstates; i++) {
		if (on_cmdline(sys, "default_hugepagesz=", s->hstate[i].kib << 10))
			s->default_hstate = i;
	}
}

struct nb_hugetlb *nb_hugetlb_make(struct nb_system *sys)
{
	enum nb_arch arch = sys->machine->arch;
	struct nb_hugetlb *s = NULL;

	if (arch != NB_ARCH_ARM && arch != NB_ARCH_OTHER)
		s = nb_system_alloc(sys, sizeof(*s));
	if (!s)
		return NULL;
	s->sys = sys;
	nb_pool_init(&s->region_pool, sizeof(struct nb_region));
	nb_pool_init(&s->map_pool, sizeof(struct nb_resv_map));
	nb_pool_init(&s->subpool_pool, sizeof(struct nb_subpool));
	nb_pool_init(&s->file_pool, sizeof(struct nb_huge_file));
	nb_pool_init(&s->mount_pool, sizeof(struct nb_hugetlbfs));
	add_sizes(s);
	if (s->default_hstate >= s->nr_hstates)
		return NULL;
	sys->hugetlb = s;
	return s;
}

struct nb_hstate *nb_hstate_by_bytes(const struct nb_system *sys, uint64_t bytes)
{
	struct nb_hugetlb *s = sys->hugetlb;

	for (unsigned i = 0; s && i < s->nr_hstates; i++) {
		if (nb_hstate_bytes(sys, &s->hstate[i]) == bytes)
			return &s->hstate[i];
	}
	return NULL;
}

nb_gfp_t nb_hstate_gfp(const struct nb_system *sys, const struct nb_hstate *h)
{
	bool movable = sys->profile->version >= MOVABLE_SINCE && !h->gigantic;

	return (movable ? NB_GFP_HIGHUSER_MOVABLE : NB_GFP_HIGHUSER) | NB_GFP_BIT_COMP |
	       NB_GFP_BIT_NOWARN;
}

void nb_hstate_enqueue(struct nb_hstate *h, struct nb_zone *z, struct nb_page *page)
{
	unsigned node = z->pgdat->index;

	page->refcount = 0;
	page->mapcount = 0;
	page->mapping = 0;
	page->index = 0;
	nb_page_set_flags(page, page->flags & ~(uint32_t)(PG_ANON | PG_DIRTY | PG_REFERENCED |
							  PG_ACTIVE | PG_SWAPBACKED));
	nb_list_add_head(z->mem_map, &h->list[node], page);
	h->free++;
	h->free_node[node]++;
}

struct nb_page *nb_hstate_dequeue_node(struct nb_system *sys, struct nb_hstate *h, unsigned node,
				       struct nb_zone **ret_zone)
{
	struct nb_pgdat *p = sys->pgdat[node];
	struct nb_page *page;

	if (!h->list[node].first)
		return NULL;
	page = nb_link_page(p->mem_map, h->list[node].first);
	nb_list_del(p->mem_map, &h->list[node], page);
	page->refcount = 1;
	h->free--;
	h->free_node[node]--;
	*ret_zone = nb_page_zone(p, page);
	return page;
}

void nb_hstate_remove(struct nb_hstate *h, struct nb_zone *z, bool surplus)
{
	unsigned node = z->pgdat->index;

	if (surplus) {
		h->surplus--;
		h->surplus_node[node]--;
	}
	h->nr--;
	h->nr_node[node]--;
}

struct nb_page *nb_hstate_alloc_buddy(struct nb_system *sys, struct nb_hstate *h, nb_gfp_t gfp,
				      int nid, const struct nb_nodemask *mask, int cpu,
				      struct nb_task *task, struct nb_zone **ret_zone)
{
	struct nb_alloc_request rq = {
		.gfp = gfp,
		.order = h->order,
		.cpu = cpu,
		.nid = nid == NB_NO_NODE ? sys->cpu_to_node[cpu] : nid,
		.nodemask = mask,
		.task = task,
	};
	struct nb_page *page;
	nb_pfn_t pfn;

	if (h->gigantic)
		return nb_alloc_gigantic(sys, h, gfp, rq.nid, mask, cpu, ret_zone);
	pfn = nb_alloc_pages(sys, &rq);
	nb_count_vm_event(sys, cpu,
			  pfn == NB_NO_PFN ? NB_VM_HTLB_BUDDY_PGALLOC_FAIL
					   : NB_VM_HTLB_BUDDY_PGALLOC);
	if (pfn == NB_NO_PFN)
		return NULL;
	page = nb_pfn_to_page(sys, pfn, ret_zone);
	nb_page_set_hstate(sys, page, h);
	nb_page_set_flags(page, page->flags | PG_HUGETLB | PG_COMPOUND);
	return page;
}

void nb_hstate_free_buddy(struct nb_system *sys, struct nb_hstate *h, struct nb_zone *z,
			  struct nb_page *page, int cpu)
{
	if (h->gigantic) {
		nb_free_gigantic(sys, h, z, page, cpu);
		return;
	}
	page->mapcount = 0;
	page->mapping = 0;
	page->cpupid = 0;
	nb_page_set_flags(page, PG_ALLOCATED | z->page_bits | h->order);
	nb_free_page_block(z, page, h->order, cpu);
}

bool nb_hugetlb_info(const struct nb_system *sys, unsigned i, int nid,
		     struct nb_hugetlb_info *ret_info)
{
	const struct nb_hugetlb *s = sys->hugetlb;
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	const struct nb_hstate *h;

	if (!s || i >= s->nr_hstates || (nid != NB_NO_NODE && !p))
		return false;
	h = &s->hstate[i];
	*ret_info = (struct nb_hugetlb_info){
		.page_bytes = nb_hstate_bytes(sys, h),
		.nr = p ? h->nr_node[p->index] : h->nr,
		.free = p ? h->free_node[p->index] : h->free,
		.surplus = p ? h->surplus_node[p->index] : h->surplus,
		.resv = p ? 0 : h->resv,
		.overcommit = p ? 0 : h->overcommit,
		.is_default = i == s->default_hstate,
	};
	return true;
}

static int wrong(struct nb_error *err, const struct nb_hstate *h, const char *what, uint64_t got,
		 uint64_t want)
{
	return nb_error_set(err, -NB_EIO, 0, "hugepages-%llukB: %s is %llu and should be %llu",
			    (unsigned long long)h->kib, what, (unsigned long long)got,
			    (unsigned long long)want);
}

static int check_list(const struct nb_system *sys, const struct nb_hstate *h, unsigned node,
		      struct nb_error *err)
{
	struct nb_page *map = sys->pgdat[node]->mem_map;
	uint64_t n = 0;

	for (nb_link_t link = h->list[node].first; link; link = nb_link_page(map, link)->next) {
		const struct nb_page *page = nb_link_page(map, link);

		if ((page->flags & (PG_HUGETLB | PG_ALLOCATED)) != (PG_HUGETLB | PG_ALLOCATED))
			return wrong(err, h, "flags of a free page", page->flags, PG_HUGETLB);
		if (page->refcount || page->mapcount)
			return wrong(err, h, "references of a free page", page->refcount, 0);
		if (++n > h->free_node[node])
			break;
	}
	return n == h->free_node[node]
		       ? 0
		       : wrong(err, h, "pages in a node's list", n, h->free_node[node]);
}

int nb_hugetlb_check(const struct nb_system *sys, struct nb_error *err)
{
	const struct nb_hugetlb *s = sys->hugetlb;

	for (unsigned i = 0; s && i < s->nr_hstates; i++) {
		const struct nb_hstate *h = &s->hstate[i];
		uint64_t nr = 0, free = 0, surplus = 0;

		for (unsigned n = 0; n < sys->nr_pgdat; n++) {
			int ret = check_list(sys, h, n, err);

			if (ret)
				return ret;
			if (h->free_node[n] > h->nr_node[n])
				return wrong(err, h, "pages of a node", h->nr_node[n],
					     h->free_node[n]);
			nr += h->nr_node[n];
			free += h->free_node[n];
			surplus += h->surplus_node[n];
		}
		if (nr != h->nr || free != h->free || surplus != h->surplus)
			return wrong(err, h, "sum over the nodes", nr, h->nr);
		if (h->surplus > h->nr)
			return wrong(err, h, "surplus pages", h->surplus, h->nr);
		if (h->resv > h->free)
			return wrong(err, h, "reserved pages", h->resv, h->free);
	}
	return 0;
}
