/* report_usage.c -- where the memory went: the causes of a failure that are about what memory is
 * used for, not about the request.
 *
 * Called by report_causes.c. Only zones that may serve the request count: a request for low memory
 * is not helped by what is free above. Counters that the report has of the machine as a whole are
 * used where all its zones are open to the request. Units: KiB.
 * Source: mm/show_mem.c; mm/memcontrol.c, mem_cgroup_print_oom_meminfo(); facts 12.9 to 12.11.
 */
#include "read/report_cause.h"
#include "view/view.h"
#include <inttypes.h>

#define NO_LIMIT_KIB (UINT64_C(1) << 50)

static bool sane(uint64_t kib)
{
	return NB_REPORT_TOLD(kib) && kib < UINT64_C(1) << 50;
}

/* Is the zone one that may serve the request? Without a rebuilt machine all count. */
static bool open_zone(const struct nb_report_case *c, const struct nb_report_zone *z)
{
	for (unsigned i = 0; i < c->nr_v; i++)
		if (c->v[i].told == z)
			return !c->v[i].closed;
	return !c->nr_v;
}

static bool all_open(const struct nb_report_case *c)
{
	for (unsigned i = 0; i < c->nr_v; i++)
		if (c->v[i].closed && c->v[i].told && c->v[i].told->has_zone)
			return false;
	return true;
}

int64_t nb_report_room_pages(const struct nb_report_case *c)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < c->nr_v; i++) {
		const struct nb_report_zone *t = c->v[i].told;
		int64_t room;

		if (c->v[i].z.verdict != NB_PROBE_PASSES || !t || !sane(t->high))
			continue;
		room = c->v[i].z.free_pages - c->v[i].z.reserve_pages -
		       (int64_t)(t->high / c->page_kib);
		sum += room > 0 ? room : 0;
	}
	return sum;
}

bool nb_report_has_room(const struct nb_report_case *c)
{
	return nb_report_room_pages(c) > 0;
}

uint64_t nb_report_free_elsewhere_kib(const struct nb_report_case *c)
{
	uint64_t told = 0, all;

	if (!NB_REPORT_TOLD(c->r->free_pages) || c->r->free_pages >= UINT64_C(1) << 48)
		return 0;
	all = c->r->free_pages * c->page_kib;
	for (unsigned i = 0; i < c->r->nr_zones; i++)
		if (c->r->zones[i].has_zone && sane(c->r->zones[i].free))
			told += c->r->zones[i].free;
	return all > told + NB_REPORT_LITTLE_KIB ? all - told : 0;
}

static uint64_t kib_of(const struct nb_report_case *c, uint64_t pages)
{
	return NB_REPORT_TOLD(pages) && pages < UINT64_C(1) << 48 ? pages * c->page_kib : 0;
}

uint64_t nb_report_reclaimable_kib(const struct nb_report_case *c)
{
	uint64_t kib = 0;

	for (unsigned i = 0; i < c->r->nr_zones; i++)
		if (sane(c->r->zones[i].file) && open_zone(c, &c->r->zones[i]))
			kib += c->r->zones[i].file;
	return kib || !all_open(c) ? kib : kib_of(c, c->r->file_pages);
}

/* ---- one use of memory ---- */

typedef uint64_t zone_kib_fn(const struct nb_report_zone *z);

static uint64_t zone_managed(const struct nb_report_zone *z)
{
	return z->managed;
}

static uint64_t zone_free(const struct nb_report_zone *z)
{
	return z->free;
}

static uint64_t zone_anon(const struct nb_report_zone *z)
{
	return z->anon;
}

static uint64_t zone_unevictable(const struct nb_report_zone *z)
{
	return z->unevictable;
}

static uint64_t zone_slab_reclaimable(const struct nb_report_zone *z)
{
	return z->slab_reclaimable;
}

static uint64_t zone_slab_unreclaimable(const struct nb_report_zone *z)
{
	return z->slab_unreclaimable;
}

/* The kernel's own objects are never in high or Movable memory. */
static bool slab_all_open(const struct nb_report_case *c)
{
	for (unsigned i = 0; i < c->nr_v; i++)
		if (c->v[i].closed && c->v[i].told && c->v[i].told->has_zone &&
		    c->v[i].z.zone < NB_ZONE_HIGHMEM)
			return false;
	return true;
}

/* KiB in the open zones; where a zone does not tell, the whole machine's pages if all are open. */
static uint64_t used_kib(const struct nb_report_case *c, zone_kib_fn *of, uint64_t all_pages)
{
	bool slab = of == zone_slab_reclaimable || of == zone_slab_unreclaimable;
	uint64_t kib = 0;

	for (unsigned i = 0; i < c->r->nr_zones; i++) {
		const struct nb_report_zone *z = &c->r->zones[i];

		if (!z->has_zone || !open_zone(c, z))
			continue;
		if (!sane(of(z)))
			return (slab ? slab_all_open(c) : all_open(c)) ? kib_of(c, all_pages) : 0;
		kib += of(z);
	}
	return kib;
}

struct usage {
	uint64_t all, known; /* of the open zones; known: the sum of the parts */
	struct nb_text words;
};

static void add_share(struct usage *u, const char *name, uint64_t kib, bool part_of_another)
{
	struct nb_text *t = &u->words;

	if (!part_of_another)
		u->known += kib;
	if (u->all && kib * 20 > u->all)
		nb_text_printf(t, "%s%s %.0f %%", t->len ? ", " : "", name,
			       100.0 * (double)kib / (double)u->all);
}

static void shares(const struct nb_report_case *c, struct usage *u)
{
	const struct nb_report *r = c->r;
	bool whole = all_open(c);

	u->all = used_kib(c, zone_managed, NB_REPORT_UNKNOWN);
	add_share(u, "anonymous memory", used_kib(c, zone_anon, r->anon_pages), false);
	add_share(u, "page cache", nb_report_reclaimable_kib(c), false);
	add_share(u, "locked or otherwise unevictable",
		  used_kib(c, zone_unevictable, r->unevictable_pages), false);
	add_share(u, "shared memory and tmpfs", whole ? kib_of(c, r->shmem_pages) : 0, true);
	add_share(u, "slab that can be shrunk (inodes, dentries)",
		  used_kib(c, zone_slab_reclaimable, r->slab_reclaimable_pages), false);
	add_share(u, "slab that cannot be freed",
		  used_kib(c, zone_slab_unreclaimable, r->slab_unreclaimable_pages), false);
	add_share(u, "slab", slab_all_open(c) ? kib_of(c, r->slab_pages) : 0, false);
	add_share(u, "page tables", whole ? kib_of(c, r->pagetables_pages) : 0, false);
	add_share(u, "huge pages set aside", whole ? r->hugepages_kib : 0, false);
	add_share(u, "free", used_kib(c, zone_free, NB_REPORT_UNKNOWN), false);
	if (u->known < u->all && whole && !nb_report_free_elsewhere_kib(c) &&
	    NB_REPORT_TOLD(r->anon_pages) &&
	    (NB_REPORT_TOLD(r->slab_unreclaimable_pages) || NB_REPORT_TOLD(r->slab_pages)))
		add_share(u, "taken by nobody that the report names (drivers, vmalloc, a balloon)",
			  u->all - u->known, true);
}

/* ---- causes ---- */

static void largest_task(const struct nb_report_case *c, struct nb_text *t, const char *head)
{
	const struct nb_report *r = c->r;

	if (r->nr_tasks)
		nb_text_printf(t, ". %s: %s (pid %" PRIu64 ") with %" PRIu64 " KiB", head,
			       r->tasks[0].name, r->tasks[0].pid,
			       r->tasks[0].rss_pages * c->page_kib);
}

void nb_report_cause_exhausted(const struct nb_report_case *c, struct nb_report_finding *f)
{
	const struct nb_report *r = c->r;
	struct usage u = {0};

	if (!c->rebuilt && r->constraint == NB_CONSTRAINT_NONE) {
		f->weight = 60;
		nb_text_puts(&f->text, "the machine as a whole was out of memory, says the kernel; "
				       "without its Mem-Info nothing tells where it went");
		return;
	}
	if (r->constraint == NB_CONSTRAINT_MEMCG || !c->rebuilt || !c->nr_short ||
	    nb_report_has_room(c))
		return;
	shares(c, &u);
	if (u.all && (r->kind == NB_REPORT_OOM || nb_report_reclaimable_kib(c) * 20 <= u.all)) {
		f->weight = r->kind == NB_REPORT_OOM ? 75 : 45;
		nb_text_printf(&f->text, "%s used up: of %" PRIu64 " KiB %s",
			       all_open(c) ? "memory is" : "the zones that it may use are", u.all,
			       u.words.len ? nb_text_str(&u.words) : "no large part is named");
		if (NB_REPORT_TOLD(r->total_swap) && !r->swapoff)
			nb_text_printf(&f->text,
				       r->total_swap ? "; swap: %" PRIu64 " of %" PRIu64 " KiB free"
						     : "; there is no swap",
				       r->free_swap, r->total_swap);
		largest_task(c, &f->text, "The largest task");
	}
	nb_text_release(&u.words);
}

void nb_report_cause_memcg(const struct nb_report_case *c, struct nb_report_finding *f)
{
	const struct nb_report *r = c->r;
	bool swap_told = NB_REPORT_TOLD(r->memcg_swap_limit) && NB_REPORT_TOLD(r->memcg_swap_usage);

	if (r->constraint != NB_CONSTRAINT_MEMCG)
		return;
	f->weight = 100;
	nb_text_puts(&f->text, "limit, not NUMA: the memory cgroup");
	if (r->memcg[0])
		nb_text_printf(&f->text, " %s", r->memcg);
	nb_text_puts(&f->text, " had used up its limit");
	if (NB_REPORT_TOLD(r->memcg_limit))
		nb_text_printf(&f->text, " of %" PRIu64 " KiB", r->memcg_limit);
	if (NB_REPORT_TOLD(r->memcg_usage))
		nb_text_printf(&f->text, " (usage %" PRIu64 " KiB)", r->memcg_usage);
	if (swap_told && r->memcg_swap_is_both && r->memcg_swap_limit < NO_LIMIT_KIB)
		nb_text_printf(&f->text,
			       "; memory and swap together %" PRIu64 " of %" PRIu64 " KiB",
			       r->memcg_swap_usage, r->memcg_swap_limit);
	else if (swap_told && !r->memcg_swap_is_both && !r->memcg_swap_limit)
		nb_text_puts(&f->text, "; it may not swap (its swap limit is 0)");
	nb_text_puts(&f->text,
		     ". The machine's own memory plays no part: raise the container's limit "
		     "(memory.max), or find what grew");
	largest_task(c, &f->text, "The largest task in it");
}

static void eater(const struct nb_report_case *c, struct nb_report_finding *f, uint64_t kib,
		  unsigned percent, const char *words)
{
	uint64_t all = used_kib(c, zone_managed, NB_REPORT_UNKNOWN);

	if (!all || kib * 100 < all * percent || c->r->constraint == NB_CONSTRAINT_MEMCG)
		return;
	f->weight = 70;
	nb_text_printf(&f->text, "%s: %" PRIu64 " KiB, %.0f %% of memory", words, kib,
		       100.0 * (double)kib / (double)all);
}

void nb_report_cause_slab(const struct nb_report_case *c, struct nb_report_finding *f)
{
	eater(c, f, used_kib(c, zone_slab_unreclaimable, c->r->slab_unreclaimable_pages), 25,
	      "the kernel's own objects (slab_unreclaimable; slabtop tells which; a leak grows "
	      "without end)");
}

void nb_report_cause_hugepages(const struct nb_report_case *c, struct nb_report_finding *f)
{
	if (all_open(c))
		eater(c, f, c->r->hugepages_kib, 30,
		      "huge pages set aside for hugetlb, of use to nobody else (vm.nr_hugepages, "
		      "by "
		      "node in sysfs)");
}

void nb_report_cause_shmem(const struct nb_report_case *c, struct nb_report_finding *f)
{
	if (all_open(c))
		eater(c, f, kib_of(c, c->r->shmem_pages), 40,
		      "shared memory and tmpfs files (df -t tmpfs, ipcs -m), which only swap can "
		      "take");
}

void nb_report_cause_swapoff(const struct nb_report_case *c, struct nb_report_finding *f)
{
	if (!c->r->swapoff)
		return;
	f->weight = 78;
	nb_text_puts(
		&f->text,
		"a swap area was being given up (the report's free swap is below zero): swapoff "
		"takes all that is in it back into memory, which did not hold it");
}
