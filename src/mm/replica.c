/* replica.c -- see replica.h: made by readers, ended by the first writer.
 *
 * A copy is made at a lookup that only reads, when the page lies on another node than the reader's
 * CPU and is clean, whole and held by nobody but its cache and its mappings. It comes from that
 * node alone or not at all: a copy is no reason to reclaim. Writers, truncation and a shared
 * mapping that turns writable collapse; reclaim takes copies one by one, and where it takes the
 * master a copy becomes it. Source: facts 12.1; the paper of 2004, 3.3.
 */
#include "mm/replica.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/writeback.h"

#define COPY_GFP                                                                       \
	((NB_GFP_HIGHUSER_MOVABLE & ~(nb_gfp_t)NB_GFP_RECLAIM) | NB_GFP_BIT_THISNODE | \
	 NB_GFP_BIT_NOWARN | NB_GFP_BIT_NOMEMALLOC)
#define KERNEL_GFP (NB_GFP_KERNEL | NB_GFP_BIT_THISNODE | NB_GFP_BIT_NOWARN | NB_GFP_BIT_NORETRY)
#define DEFAULT_KERNEL_BYTES (UINT64_C(16) << 20)

/* ---- options ---- */

static unsigned words_of(const char *s, size_t len)
{
	static const char *const word[] = {"cache", "text", "kernel"};
	unsigned what = 0;

	while (len) {
		size_t n = 0;

		while (n < len && s[n] != ',')
			n++;
		for (unsigned i = 0; i < 3; i++)
			what |= nb_str_is(s, n, word[i]) ? 1u << i : 0;
		s += n + (n < len);
		len -= n + (n < len);
	}
	return what;
}

struct nb_replication *nb_replication_new(struct nb_system *sys)
{
	struct nb_replication *r = nb_system_alloc(sys, sizeof(*r));

	if (r)
		nb_pool_init(&r->pool, sizeof(struct nb_replica));
	return r;
}

void nb_replication_boot(struct nb_system *sys)
{
	size_t len = 0;
	const char *opt = nb_machine_option(sys->machine, "replicate=", &len);
	unsigned what = opt ? words_of(opt, len) : 0;

	if (what && nb_set_replication(sys, what, 0))
		nb_boot_message(sys, "replicate=: no memory for the kernel's text on every node");
}

static void free_kernel(struct nb_system *sys, struct nb_replication *r)
{
	while (r->nr_kernel) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_pfn_to_page(sys, r->kernel[--r->nr_kernel], &z);

		page->refcount = 0;
		nb_free_page_block(z, page, r->kernel_order, nb_file_cpu(sys, NULL));
	}
}

/* Every node with memory but the first gets blocks for so many bytes. */
static int copy_kernel(struct nb_system *sys, struct nb_replication *r, uint64_t bytes)
{
	unsigned order =
		sys->pageblock_order < sys->max_order ? sys->pageblock_order : sys->max_order;
	uint64_t block = UINT64_C(1) << (order + sys->page_shift), n = (bytes + block - 1) / block;
	uint64_t nodes = nb_nodemask_weight(&sys->memory_nodes);
	unsigned nid, first = nb_nodemask_next(&sys->memory_nodes, 0);

	if (n > UINT32_MAX / (nodes ? nodes : 1))
		return -NB_EINVAL;
	r->kernel = nb_system_alloc(sys, (size_t)(n * nodes + 1) * sizeof(*r->kernel));
	if (!r->kernel)
		return -NB_ENOMEM;
	r->kernel_order = order;
	nb_for_each_node_in (nid, &sys->memory_nodes) {
		for (uint64_t i = 0; nid != first && i < n; i++) {
			nb_pfn_t pfn = nb_alloc_pages_node(sys, nb_file_cpu(sys, NULL), (int)nid,
							   KERNEL_GFP, order);

			if (pfn == NB_NO_PFN) {
				free_kernel(sys, r);
				return -NB_ENOMEM;
			}
			r->kernel[r->nr_kernel++] = pfn;
		}
	}
	return 0;
}

int nb_set_replication(struct nb_system *sys, unsigned what, uint64_t kernel_bytes)
{
	struct nb_file_side *side = nb_file_side(sys);
	struct nb_replication *r = side ? side->replication : NULL;
	int err;

	if (what & ~(unsigned)(NB_REPLICATE_CACHE | NB_REPLICATE_TEXT | NB_REPLICATE_KERNEL))
		return -NB_EINVAL;
	if (!r)
		return -NB_ENOMEM;
	if (what & NB_REPLICATE_KERNEL && !r->nr_kernel) {
		err = copy_kernel(sys, r, kernel_bytes ? kernel_bytes : DEFAULT_KERNEL_BYTES);
		if (err)
			return err;
	}
	if (!(what & NB_REPLICATE_KERNEL))
		free_kernel(sys, r);
	r->what = what;
	return 0;
}

/* ---- chains; all under the file's lock ---- */

static struct nb_replica *chain_of(const struct nb_address_space *as, uint64_t index)
{
	uint64_t e = as->replicas.root ? nb_radix_load(&as->replicas, index) : 0;

	return (struct nb_replica *)(uintptr_t)(nb_radix_number(e) << 2);
}

static void set_chain(struct nb_address_space *as, uint64_t index, struct nb_replica *r)
{
	if (r)
		(void)nb_radix_replace(&as->replicas, index, nb_radix_value((uintptr_t)r >> 2));
	else
		(void)nb_radix_erase(as->sys, &as->replicas, index);
}

static struct nb_replication *side_of(const struct nb_address_space *as)
{
	return as->sys->files->replication;
}

static void count(struct nb_address_space *as, struct nb_zone *z, int64_t n)
{
	nb_stat_add(as->sys, &side_of(as)->pages, n);
	nb_stat_add(as->sys, &z->nr_repl, n);
	nb_stat_add(as->sys, &z->nr_file, n);
}

/* Takes one out of its chain; it is a copy no more. */
static void unchain(struct nb_address_space *as, uint64_t index, struct nb_replica *r)
{
	struct nb_replica *head = chain_of(as, index), **link = &head;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	set_chain(as, index, head);
	count(as, r->zone, -1);
	nb_pool_put(as->sys, &side_of(as)->pool, r);
}

bool nb_replica_detach(struct nb_address_space *as, struct nb_page *page)
{
	uint64_t index = nb_page_index(page);

	for (struct nb_replica *r = chain_of(as, index); r; r = r->next) {
		if (r->page != page)
			continue;
		unchain(as, index, r);
		nb_stat_add(as->sys, &side_of(as)->reclaimed, 1);
		return true;
	}
	return false;
}

struct nb_page *nb_replica_promote(struct nb_address_space *as, uint64_t index,
				   struct nb_zone **ret_zone)
{
	struct nb_replica *r = chain_of(as, index);
	struct nb_page *page;

	if (!r)
		return NULL;
	page = r->page;
	*ret_zone = r->zone;
	unchain(as, index, r);
	return page;
}

/* ---- readers ---- */

static struct nb_page *find_on(struct nb_address_space *as, uint64_t index, int nid,
			       struct nb_zone **ret_zone)
{
	struct nb_page *page = NULL;

	nb_lock(&as->lock, as->sys->port);
	for (struct nb_replica *r = chain_of(as, index); r && !page; r = r->next) {
		if (r->zone->pgdat->nid != nid)
			continue;
		page = r->page;
		*ret_zone = r->zone;
		nb_get_page(as->sys, page);
	}
	nb_unlock(&as->lock, as->sys->port);
	return page;
}

/* Has the task a node of its own where a copy of a page in `z` could be? *ret_copy: the one that
 * is there, with a reference, or NULL. */
static bool has_nearer(const struct nb_task *t, struct nb_address_space *as,
		       const struct nb_zone *z, const struct nb_page *page,
		       struct nb_zone **ret_zone, struct nb_page **ret_copy)
{
	int nid = nb_task_local_node(t);

	if (z->pgdat->nid == nid || !nb_nodemask_test(&as->sys->memory_nodes, nid))
		return false;
	*ret_copy = find_on(as, nb_page_index(page), nid, ret_zone);
	return true;
}

struct nb_page *nb_replica_mapped_near(const struct nb_task *t, struct nb_address_space *as,
				       struct nb_zone **zone, struct nb_page *page)
{
	struct nb_zone *z = NULL;
	struct nb_page *copy;

	if (!has_nearer(t, as, *zone, page, &z, &copy))
		return page;
	nb_put_page(as->sys, *zone, page, t->cpu);
	if (copy) {
		nb_stat_add(as->sys, &side_of(as)->faults, 1);
		*zone = z;
	}
	return copy;
}

bool nb_replica_wanted(const struct nb_address_space *as, const struct nb_vma *v)
{
	unsigned what = side_of(as)->what;

	if (!(what & (NB_REPLICATE_CACHE | NB_REPLICATE_TEXT)) || as->kind != NB_AS_FILE)
		return false;
	if (v && v->prot & NB_PROT_WRITE)
		return false;
	return what & NB_REPLICATE_CACHE || (v && v->prot & NB_PROT_EXEC);
}

/* May the master be copied? We hold one reference of it. Under the lock. */
static bool copyable(const struct nb_address_space *as, const struct nb_page *page, uint64_t index)
{
	return nb_page_owner(page) == as->rmap.handle && nb_page_index(page) == index &&
	       !(nb_page_flags(page) & (PG_DIRTY | PG_WRITEBACK)) &&
	       !nb_radix_get_mark(&as->pages, index, NB_MARK_READING) &&
	       nb_page_refcount(page) == 2 + (uint32_t)nb_page_mapcount(page);
}

/* Puts a fresh page into the chain. false: the master was written to or went meanwhile. */
static bool enchain(struct nb_address_space *as, struct nb_page *master, uint64_t index,
		    struct nb_replica *r)
{
	bool ok;

	nb_lock(&as->lock, as->sys->port);
	ok = copyable(as, master, index);
	for (const struct nb_replica *o = chain_of(as, index); ok && o; o = o->next)
		ok = o->zone->pgdat != r->zone->pgdat;
	r->next = chain_of(as, index);
	if (ok && !r->next)
		ok = !nb_radix_store(as->sys, &as->replicas, index, 0,
				     nb_radix_value((uintptr_t)r >> 2), NULL);
	else if (ok)
		set_chain(as, index, r);
	if (ok) {
		nb_page_set_owner(r->page, as->rmap.handle);
		nb_page_set_index(as->sys, r->page, index);
		nb_get_page(as->sys, r->page);
		count(as, r->zone, 1);
	}
	nb_unlock(&as->lock, as->sys->port);
	return ok;
}

/* A new copy on the task's node, with a reference for the caller; NULL: there is none. */
static struct nb_page *make(struct nb_task *t, struct nb_address_space *as, const struct nb_zone *z,
			    struct nb_page *master, struct nb_zone **ret_zone)
{
	struct nb_system *sys = as->sys;
	struct nb_replication *side = side_of(as);
	uint64_t index = nb_page_index(master);
	struct nb_replica *r;
	struct nb_page *page;
	nb_pfn_t pfn = nb_alloc_pages_node(sys, t->cpu, nb_task_local_node(t), COPY_GFP, 0);

	if (pfn == NB_NO_PFN) {
		nb_stat_add(sys, &side->failed, 1);
		return NULL;
	}
	page = nb_pfn_to_page(sys, pfn, ret_zone);
	r = nb_pool_get(sys, &side->pool);
	if (r)
		*r = (struct nb_replica){.zone = *ret_zone, .page = page};
	if (sys->backed)
		memcpy(nb_page_bytes(*ret_zone, page), nb_page_bytes(z, master),
		       (size_t)1 << sys->page_shift);
	if (!r || !enchain(as, master, index, r)) {
		if (r)
			nb_pool_put(sys, &side->pool, r);
		nb_put_page(sys, *ret_zone, page, t->cpu);
		return NULL;
	}
	nb_lru_add(sys, *ret_zone, page, t->cpu);
	nb_stat_add(sys, &side->made, 1);
	return page;
}

struct nb_page *nb_replica_near(struct nb_task *t, struct nb_address_space *as, bool fault,
				struct nb_zone **zone, struct nb_page *page)
{
	struct nb_replication *side = side_of(as);
	struct nb_zone *z = NULL;
	struct nb_page *copy;

	if (!has_nearer(t, as, *zone, page, &z, &copy))
		return page;
	if (!copy)
		copy = make(t, as, *zone, page, &z);
	if (!copy)
		return page;
	nb_stat_add(as->sys, fault ? &side->faults : &side->reads, 1);
	nb_put_page(as->sys, *zone, page, t->cpu);
	*zone = z;
	return copy;
}

int nb_replica_node(const struct nb_task *t, struct nb_address_space *as, uint64_t index)
{
	int nid = nb_task_local_node(t);
	bool found = false;

	nb_lock(&as->lock, as->sys->port);
	for (const struct nb_replica *r = chain_of(as, index); r; r = r->next)
		found |= r->zone->pgdat->nid == nid;
	nb_unlock(&as->lock, as->sys->port);
	return found ? nid : NB_NO_NODE;
}

/* ---- ends ---- */

static bool collapse_one(struct nb_address_space *as, uint64_t *index, uint64_t last, int cpu)
{
	struct nb_system *sys = as->sys;
	struct nb_page *page = NULL;
	struct nb_zone *z = NULL;
	uint64_t e;

	nb_lock(&as->lock, sys->port);
	e = nb_radix_next(&as->replicas, index, last);
	if (e) {
		struct nb_replica *r = chain_of(as, *index);

		page = r->page;
		z = r->zone;
		unchain(as, *index, r);
	}
	nb_unlock(&as->lock, sys->port);
	if (!page)
		return false;
	/* Who has it mapped faults again, and gets the master. */
	while (nb_page_mapcount(page) && !nb_try_to_unmap(sys, z, page, cpu, 0, true, NULL, NULL)) {
		if (sys->port->relax)
			sys->port->relax(sys->port->ctx);
	}
	nb_page_set_owner(page, 0);
	nb_put_page(sys, z, page, cpu);
	nb_stat_add(sys, &side_of(as)->collapsed, 1);
	return true;
}

void nb_replica_collapse_range(struct nb_address_space *as, uint64_t first, uint64_t last, int cpu)
{
	uint64_t index = first;

	while (as->replicas.root && collapse_one(as, &index, last, cpu))
		index = first;
}

void nb_replica_collapse(struct nb_address_space *as, uint64_t index, int cpu)
{
	nb_replica_collapse_range(as, index, index, cpu);
}

/* ---- figures ---- */

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void nb_replication_info(const struct nb_system *sys, struct nb_replication_info *ret_info)
{
	const struct nb_replication *r = sys->files ? sys->files->replication : NULL;

	memset(ret_info, 0, sizeof(*ret_info));
	if (!r)
		return;
	*ret_info = (struct nb_replication_info){
		.what = r->what,
		.pages = load(&r->pages),
		.kernel_pages = (uint64_t)r->nr_kernel << r->kernel_order,
		.made = load(&r->made),
		.collapsed = load(&r->collapsed),
		.reclaimed = load(&r->reclaimed),
		.failed = load(&r->failed),
		.reads = load(&r->reads),
		.faults = load(&r->faults),
	};
}

uint64_t nb_node_replicas(const struct nb_system *sys, int nid)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	uint64_t sum = 0;

	for (unsigned i = 0; p && i < NB_MAX_NR_ZONES; i++)
		sum += load(&p->zone[i].nr_repl);
	return sum;
}

int nb_replica_check(const struct nb_address_space *as, struct nb_error *err)
{
	uint64_t index = 0, e;

	while ((e = nb_radix_next(&as->replicas, &index, UINT64_MAX))) {
		uint64_t master = nb_radix_load(&as->pages, index);
		struct nb_zone *z = NULL;
		struct nb_nodemask seen;

		memset(&seen, 0, sizeof(seen));
		if (nb_radix_is_page(master)) {
			(void)nb_pfn_to_page(as->sys, nb_radix_number(master), &z);
			nb_nodemask_set(&seen, z->pgdat->nid);
		}
		for (const struct nb_replica *r = chain_of(as, index); r; r = r->next) {
			int nid = r->zone->pgdat->nid;

			if (!z || nb_nodemask_test(&seen, nid) ||
			    nb_page_owner(r->page) != as->rmap.handle ||
			    nb_page_index(r->page) != index ||
			    nb_page_flags(r->page) & (PG_DIRTY | PG_WRITEBACK) ||
			    nb_page_refcount(r->page) < 1 + (uint32_t)nb_page_mapcount(r->page))
				return nb_error_set(err, -NB_EIO, 0,
						    "file %llu: the copy of page %llu on node %d "
						    "is wrong",
						    (unsigned long long)as->ino,
						    (unsigned long long)index, nid);
			nb_nodemask_set(&seen, nid);
		}
		index++;
	}
	return 0;
}
