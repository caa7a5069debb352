/* report_causes.c -- why a request failed, ranked, and what would have let it succeed.
 *
 * Called by report_explain.c. A cause is one function: it says how strongly the report speaks for
 * it (0: not at all) and what the evidence is. A remedy is a change that is replayed: the machine
 * is rebuilt with it and the request made.
 */
#include "read/report_explain.h"
#include "base/mask.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LITTLE_KIB 16384u /* page sets and drift account for that much */
#define KNOWN(x) ((x) != NB_REPORT_UNKNOWN)

struct finding {
	const char *key;
	unsigned weight; /* 0 .. 100 */
	struct nb_text text;
};

/* ---- causes ---- */

static void memcg_limit(const struct nb_report_case *c, struct finding *f)
{
	const struct nb_report *r = c->r;

	if (r->constraint != NB_CONSTRAINT_MEMCG)
		return;
	f->weight = 100;
	nb_text_puts(&f->text, "limit, not NUMA: the memory cgroup");
	if (r->memcg[0])
		nb_text_printf(&f->text, " %s", r->memcg);
	nb_text_puts(&f->text, " had used up its limit");
	if (KNOWN(r->memcg_limit))
		nb_text_printf(&f->text, " of %" PRIu64 " KiB", r->memcg_limit);
	if (KNOWN(r->memcg_usage))
		nb_text_printf(&f->text, " (usage %" PRIu64 " KiB)", r->memcg_usage);
	nb_text_puts(&f->text,
		     ". The machine's own memory plays no part: raise the container's limit "
		     "(memory.max), or find what grew");
}

/* Pages above the high mark in zones that policy or cpuset closed. */
static int64_t room_behind(const struct nb_report_case *c, enum nb_probe_verdict v, int *nid)
{
	int64_t best = 0;

	for (unsigned i = 0; i < c->nr_v; i++) {
		const struct nb_zone_probe *z = &c->v[i].z;
		const struct nb_report_zone *t = c->v[i].told;
		int64_t room;

		if (z->verdict != v || !t || !KNOWN(t->high))
			continue;
		room = z->free_pages - (int64_t)(t->high / c->page_kib);
		if (room > best) {
			best = room;
			*nid = z->nid;
		}
	}
	return best;
}

/* A report leaves out nodes that the request may not use, but counts the free pages of all. */
static uint64_t free_elsewhere_kib(const struct nb_report_case *c)
{
	uint64_t told = 0, all;

	if (!KNOWN(c->r->free_pages) || c->r->free_pages >= UINT64_C(1) << 48)
		return 0;
	all = c->r->free_pages * c->page_kib;
	for (unsigned i = 0; i < c->r->nr_zones; i++)
		if (c->r->zones[i].has_zone && KNOWN(c->r->zones[i].free) &&
		    c->r->zones[i].free < UINT64_C(1) << 50)
			told += c->r->zones[i].free;
	return all > told + LITTLE_KIB ? all - told : 0;
}

static void bound(const struct nb_report_case *c, struct finding *f, enum nb_probe_verdict v,
		  const char *what, const char *advice, bool said)
{
	int nid = NB_NO_NODE;
	int64_t room = room_behind(c, v, &nid);

	if (room > 0) {
		f->weight = 95;
		nb_text_printf(&f->text,
			       "%s: it was bound to nodes that were full while node %d had %" PRId64
			       " KiB free above its high mark. %s",
			       what, nid, room * c->page_kib, advice);
	} else if (said && free_elsewhere_kib(c)) {
		f->weight = 92;
		nb_text_printf(
			&f->text,
			"%s, says the kernel: its nodes were full, while %" PRIu64
			" KiB were free on nodes that the report leaves out (its total of free "
			"pages counts them). %s",
			what, free_elsewhere_kib(c), advice);
	} else if (said) {
		f->weight = 80;
		nb_text_printf(&f->text,
			       "%s, says the kernel; only these nodes are in the report. %s", what,
			       advice);
	}
}

static void policy(const struct nb_report_case *c, struct finding *f)
{
	bound(c, f, NB_PROBE_NODEMASK, "memory policy",
	      "MPOL_BIND (numactl --membind) does not fall back; --preferred does",
	      c->r->constraint == NB_CONSTRAINT_POLICY);
}

static void cpuset(const struct nb_report_case *c, struct finding *f)
{
	bound(c, f, NB_PROBE_CPUSET, "cpuset", "Add nodes to its cpuset.mems",
	      c->r->constraint == NB_CONSTRAINT_CPUSET);
}

static void fragmentation(const struct nb_report_case *c, struct finding *f)
{
	int64_t spare = 0;
	int largest = -1;

	if (!c->nr_pieces)
		return;
	for (unsigned i = 0; i < c->nr_v; i++) {
		if (c->v[i].z.verdict != NB_PROBE_PIECES)
			continue;
		if (c->v[i].z.spare_pages > spare)
			spare = c->v[i].z.spare_pages;
		if (c->v[i].z.largest_order > largest)
			largest = c->v[i].z.largest_order;
	}
	f->weight = 90;
	nb_text_printf(&f->text,
		       "fragmentation: enough is free (%" PRId64
		       " KiB above all marks in one zone), but "
		       "in pieces of order %d at most where order %u was asked for. ",
		       spare * c->page_kib, largest, c->r->order);
	nb_text_puts(
		&f->text,
		c->q.may_compact
			? "It could compact and found nothing to move: unmovable pages hold the "
			  "pageblocks"
			: "It could not wait for compaction: ask for less at once (order 0, "
			  "kvmalloc), or keep blocks together beforehand "
			  "(vm.compaction_proactiveness, vm.min_free_kbytes)");
}

static void low_zone(const struct nb_report_case *c, struct finding *f)
{
	int nid = NB_NO_NODE;
	int64_t room = room_behind(c, NB_PROBE_TOO_HIGH, &nid);

	if (room <= 0 || c->nr_pass)
		return;
	f->weight = 85;
	nb_text_printf(
		&f->text,
		"zone: its flags allow no zone above %s, which was short, while higher zones had "
		"%" PRId64 " KiB free on node %d. ",
		nb_zone_name(c->q.highest_zone), room * c->page_kib, nid);
	nb_text_puts(&f->text,
		     c->q.highest_zone == NB_ZONE_NORMAL
			     ? "Kernel memory cannot use high or Movable memory: less of that "
			       "(a 64-bit kernel, a smaller movablecore=) leaves more"
			     : "A device with a wider DMA mask, or an IOMMU, would not ask "
			       "for low memory");
}

static void reserve(const struct nb_report_case *c, struct finding *f)
{
	for (unsigned i = 0; i < c->nr_v; i++) {
		const struct nb_zone_probe *z = &c->v[i].z;

		if (z->verdict != NB_PROBE_SHORT || !z->reserve_pages ||
		    z->spare_pages + z->reserve_pages <= 0)
			continue;
		f->weight = 25;
		nb_text_clear(&f->text);
		nb_text_printf(
			&f->text,
			"lowmem reserve: node %d %s had room above its mark, but keeps %" PRId64
			" pages back from requests that could have used a higher zone "
			"(vm.lowmem_reserve_ratio). That is right as long as low memory is scarce",
			z->nid, nb_zone_name(z->zone), z->reserve_pages);
	}
}

static void kept_pages(const struct nb_report_case *c, struct finding *f)
{
	for (unsigned i = 0; i < c->nr_v; i++) {
		const struct nb_zone_probe *z = &c->v[i].z;
		int64_t kept = z->highatomic_pages + z->cma_pages;

		if (z->verdict != NB_PROBE_SHORT || !kept || z->spare_pages + kept <= 0)
			continue;
		f->weight = 60;
		nb_text_clear(&f->text);
		nb_text_printf(&f->text,
			       "kept apart: of node %d %s's free pages %" PRId64
			       " are for high-order atomic requests and %" PRId64
			       " are CMA's, which this request may not use",
			       z->nid, nb_zone_name(z->zone), z->highatomic_pages, z->cma_pages);
	}
}

static uint64_t reclaimable_kib(const struct nb_report_case *c)
{
	uint64_t kib = 0;

	for (unsigned i = 0; i < c->r->nr_zones; i++)
		if (KNOWN(c->r->zones[i].file) && c->r->zones[i].file < UINT64_C(1) << 50)
			kib += c->r->zones[i].file;
	if (!kib && KNOWN(c->r->file_pages) && c->r->file_pages < UINT64_C(1) << 48)
		kib = c->r->file_pages * c->page_kib;
	return kib;
}

static void atomic_burst(const struct nb_report_case *c, struct finding *f)
{
	uint64_t kib = reclaimable_kib(c);

	if (c->q.may_reclaim || !c->nr_short || !c->rebuilt)
		return;
	f->weight = kib > 16384 ? 88 : 60;
	nb_text_printf(
		&f->text,
		"a burst that could not wait: free memory was at the reserve, and kswapd had not "
		"caught up. %" PRIu64
		" KiB of page cache could be reclaimed%s. Raise vm.min_free_kbytes or "
		"vm.watermark_scale_factor, so that kswapd starts earlier",
		kib, kib > 16384 ? ", so it is a matter of time, not of size" : "");
}

static void harmless(const struct nb_report_case *c, struct finding *f)
{
	if (!(c->gfp & NB_GFP_BIT_NORETRY) || c->r->kind != NB_REPORT_FAILURE || !c->r->order)
		return;
	f->weight = 20;
	nb_text_puts(&f->text,
		     "the caller has a fallback (__GFP_NORETRY) and takes smaller blocks then: "
		     "often nothing to be done");
}

static void came_free(const struct nb_report_case *c, struct finding *f)
{
	if (!c->nr_pass)
		return;
	f->weight = 50;
	nb_text_puts(&f->text,
		     "by the report's numbers some zone could serve it: memory came free between "
		     "the failure and the report, or was in other CPUs' page sets");
}

/* ---- true exhaustion, and what has taken the memory ---- */

static uint64_t kib_of(const struct nb_report_case *c, uint64_t pages)
{
	return KNOWN(pages) && pages < UINT64_C(1) << 48 ? pages * c->page_kib : 0;
}

/* Of the zones that the report has; the global count speaks of all nodes. */
static uint64_t anon_kib(const struct nb_report_case *c)
{
	uint64_t kib = 0;

	for (unsigned i = 0; i < c->r->nr_zones; i++) {
		uint64_t v = c->r->zones[i].anon;

		if (!c->r->zones[i].has_zone)
			continue;
		if (!KNOWN(v) || v >= UINT64_C(1) << 50)
			return kib_of(c, c->r->anon_pages);
		kib += v;
	}
	return kib;
}

static uint64_t managed_kib(const struct nb_report_case *c)
{
	uint64_t kib = 0;

	for (unsigned i = 0; i < c->r->nr_zones; i++)
		if (c->r->zones[i].has_zone && KNOWN(c->r->zones[i].managed) &&
		    c->r->zones[i].managed < UINT64_C(1) << 50)
			kib += c->r->zones[i].managed;
	return kib;
}

static void add_share(struct nb_text *t, const char *name, uint64_t kib, uint64_t all)
{
	if (all && kib * 20 > all)
		nb_text_printf(t, "%s%s %.0f %%", t->len ? ", " : "", name,
			       100.0 * (double)kib / (double)all);
}

static void exhausted(const struct nb_report_case *c, struct finding *f)
{
	const struct nb_report *r = c->r;
	uint64_t all = managed_kib(c), cache = reclaimable_kib(c), known;
	struct nb_text t = {0};

	if (!c->rebuilt && r->constraint == NB_CONSTRAINT_NONE) {
		f->weight = 60;
		nb_text_puts(&f->text, "the machine as a whole was out of memory, says the kernel; "
				       "without its Mem-Info nothing tells where it went");
		return;
	}
	if (r->constraint == NB_CONSTRAINT_MEMCG || !c->rebuilt || !c->nr_short || !all)
		return;
	if (cache * 20 > all && !(r->kind == NB_REPORT_OOM))
		return;
	known = anon_kib(c) + cache + kib_of(c, r->slab_reclaimable_pages) +
		kib_of(c, r->slab_unreclaimable_pages) + kib_of(c, r->free_pages) +
		kib_of(c, r->pagetables_pages) + kib_of(c, r->unevictable_pages) + r->hugepages_kib;
	f->weight = r->kind == NB_REPORT_OOM ? 75 : 45;
	add_share(&t, "anonymous memory", anon_kib(c), all);
	add_share(&t, "page cache", cache, all);
	add_share(&t, "shared memory and tmpfs", kib_of(c, r->shmem_pages), all);
	add_share(&t, "slab that cannot be freed", kib_of(c, r->slab_unreclaimable_pages), all);
	add_share(&t, "page tables", kib_of(c, r->pagetables_pages), all);
	add_share(&t, "huge pages set aside", r->hugepages_kib, all);
	if (known < all && !free_elsewhere_kib(c) && KNOWN(r->anon_pages) &&
	    KNOWN(r->slab_unreclaimable_pages))
		add_share(&t, "taken by nobody that the report names (drivers, vmalloc, a balloon)",
			  all - known, all);
	nb_text_printf(&f->text, "memory is used up: of %" PRIu64 " KiB %s", all,
		       t.len ? nb_text_str(&t) : "no large part is named");
	if (KNOWN(r->total_swap))
		nb_text_printf(&f->text,
			       r->total_swap ? "; swap: %" PRIu64 " of %" PRIu64 " KiB free"
					     : "; there is no swap",
			       r->free_swap, r->total_swap);
	if (r->nr_tasks)
		nb_text_printf(
			&f->text, ". The largest task: %s (pid %" PRIu64 ") with %" PRIu64 " KiB",
			r->tasks[0].name, r->tasks[0].pid, r->tasks[0].rss_pages * c->page_kib);
	nb_text_release(&t);
}

static void eater(const struct nb_report_case *c, struct finding *f, uint64_t kib, unsigned percent,
		  const char *words)
{
	uint64_t all = managed_kib(c);

	if (!all || kib * 100 < all * percent || c->r->constraint == NB_CONSTRAINT_MEMCG)
		return;
	f->weight = 70;
	nb_text_printf(&f->text, "%s: %" PRIu64 " KiB, %.0f %% of memory", words, kib,
		       100.0 * (double)kib / (double)all);
}

static void slab_leak(const struct nb_report_case *c, struct finding *f)
{
	eater(c, f, kib_of(c, c->r->slab_unreclaimable_pages), 25,
	      "the kernel's own objects (slab_unreclaimable; slabtop tells which; a leak grows "
	      "without end)");
}

static void huge_pools(const struct nb_report_case *c, struct finding *f)
{
	eater(c, f, c->r->hugepages_kib, 30,
	      "huge pages set aside for hugetlb, of use to nobody else (vm.nr_hugepages, by node "
	      "in "
	      "sysfs)");
}

static void tmpfs(const struct nb_report_case *c, struct finding *f)
{
	eater(c, f, kib_of(c, c->r->shmem_pages), 40,
	      "shared memory and tmpfs files (df -t tmpfs, ipcs -m), which only swap can take");
}

/* ---- ranking ---- */

typedef void cause_fn(const struct nb_report_case *c, struct finding *f);
static const struct {
	const char *key;
	cause_fn *fn;
} causes[] = {
	{"memcg_limit", memcg_limit},
	{"memory_policy", policy},
	{"cpuset", cpuset},
	{"fragmentation", fragmentation},
	{"atomic_burst", atomic_burst},
	{"low_zone", low_zone},
	{"exhausted", exhausted},
	{"slab", slab_leak},
	{"hugepages", huge_pools},
	{"shmem", tmpfs},
	{"kept_pages", kept_pages},
	{"lowmem_reserve", reserve},
	{"came_free", came_free},
	{"has_fallback", harmless},
};
#define NR_CAUSES (sizeof(causes) / sizeof(causes[0]))

void nb_report_causes(const struct nb_report_case *c, struct nb_sheet *s)
{
	struct finding f[NR_CAUSES];
	json_t *list = json_array();
	bool any = false;

	memset(f, 0, sizeof(f));
	for (size_t i = 0; i < NR_CAUSES; i++) {
		f[i].key = causes[i].key;
		causes[i].fn(c, &f[i]);
	}
	nb_sheet_heading(s, "Likeliest causes, the likeliest first");
	for (;;) {
		size_t best = NR_CAUSES;
		json_t *o;

		for (size_t i = 0; i < NR_CAUSES; i++)
			if (f[i].weight && (best == NR_CAUSES || f[i].weight > f[best].weight))
				best = i;
		if (best == NR_CAUSES)
			break;
		nb_sheet_step(s, "%s.", nb_text_str(&f[best].text));
		o = json_object();
		nb_put_str(o, "cause", f[best].key);
		nb_put_str(o, "text", nb_text_str(&f[best].text));
		nb_put_u64(o, "weight", f[best].weight);
		json_array_append_new(list, o);
		f[best].weight = 0;
		any = true;
	}
	if (!any)
		nb_sheet_note(s, "The report does not tell enough: its Mem-Info is missing.");
	for (size_t i = 0; i < NR_CAUSES; i++)
		nb_text_release(&f[i].text);
	json_object_set_new(s->root, "causes", list);
}
