/* report_causes.c -- why a request failed, ranked, and what would have let it succeed.
 *
 * Called by report_explain.c. A cause is one function: it says how strongly the report speaks for
 * it (0: not at all) and what the evidence is. A remedy is a change that is replayed: the machine
 * is rebuilt with it and the request made.
 */
#include "read/report_cause.h"
#include "base/mask.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- causes ---- */

/* Pages above the high mark in zones that policy or cpuset closed. */
static int64_t room_behind(const struct nb_report_case *c, enum nb_probe_verdict v, int *nid)
{
	int64_t best = 0;

	for (unsigned i = 0; i < c->nr_v; i++) {
		const struct nb_zone_probe *z = &c->v[i].z;
		const struct nb_report_zone *t = c->v[i].told;
		int64_t room;

		if (z->verdict != v || !t || !NB_REPORT_TOLD(t->high))
			continue;
		room = z->free_pages - (int64_t)(t->high / c->page_kib);
		if (room > best) {
			best = room;
			*nid = z->nid;
		}
	}
	return best;
}

static void bound(const struct nb_report_case *c, struct nb_report_finding *f,
		  enum nb_probe_verdict v, const char *what, const char *advice, bool said)
{
	int nid = NB_NO_NODE;
	int64_t room = room_behind(c, v, &nid);

	if (room > 0) {
		f->weight = 95;
		nb_text_printf(&f->text,
			       "%s: it was bound to nodes that were full while node %d had %" PRId64
			       " KiB free above its high mark. %s",
			       what, nid, room * c->page_kib, advice);
	} else if (said && nb_report_free_elsewhere_kib(c)) {
		f->weight = 92;
		nb_text_printf(
			&f->text,
			"%s, says the kernel: its nodes were full, while %" PRIu64
			" KiB were free on nodes that the report leaves out (its total of free "
			"pages counts them). %s",
			what, nb_report_free_elsewhere_kib(c), advice);
	} else if (said) {
		f->weight = 80;
		nb_text_printf(&f->text,
			       "%s, says the kernel; only these nodes are in the report. %s", what,
			       advice);
	}
}

static void policy(const struct nb_report_case *c, struct nb_report_finding *f)
{
	bound(c, f, NB_PROBE_NODEMASK, "memory policy",
	      "MPOL_BIND (numactl --membind) does not fall back; --preferred does",
	      c->r->constraint == NB_CONSTRAINT_POLICY);
}

static void cpuset(const struct nb_report_case *c, struct nb_report_finding *f)
{
	bound(c, f, NB_PROBE_CPUSET, "cpuset", "Add nodes to its cpuset.mems",
	      c->r->constraint == NB_CONSTRAINT_CPUSET);
}

static void fragmentation(const struct nb_report_case *c, struct nb_report_finding *f)
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

static void low_zone(const struct nb_report_case *c, struct nb_report_finding *f)
{
	int nid = NB_NO_NODE;
	int64_t room = room_behind(c, NB_PROBE_TOO_HIGH, &nid);

	if (room * c->page_kib <= NB_REPORT_LITTLE_KIB || nb_report_has_room(c))
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

static void reserve(const struct nb_report_case *c, struct nb_report_finding *f)
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

static void kept_pages(const struct nb_report_case *c, struct nb_report_finding *f)
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

static void atomic_burst(const struct nb_report_case *c, struct nb_report_finding *f)
{
	uint64_t kib = nb_report_reclaimable_kib(c);

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

static void harmless(const struct nb_report_case *c, struct nb_report_finding *f)
{
	if (!(c->gfp & NB_GFP_BIT_NORETRY) || c->r->kind != NB_REPORT_FAILURE || !c->r->order)
		return;
	f->weight = 20;
	nb_text_puts(&f->text,
		     "the caller has a fallback (__GFP_NORETRY) and takes smaller blocks then: "
		     "often nothing to be done");
}

static void came_free(const struct nb_report_case *c, struct nb_report_finding *f)
{
	int64_t room = nb_report_room_pages(c) * c->page_kib;

	if (!c->nr_pass)
		return;
	f->weight = room > 0 ? 82 : 50;
	if (room <= 0) {
		nb_text_puts(&f->text,
			     "by the report's numbers some zone could just serve it: memory came "
			     "free between the failure and the report, or was in other CPUs' page "
			     "sets");
		return;
	}
	nb_text_printf(&f->text,
		       "it was a matter of moments: when the report was written, %" PRId64
		       " KiB were free above the high marks of zones that may serve it. ",
		       room);
	nb_text_puts(&f->text, c->r->kind == NB_REPORT_OOM
				       ? "Look for a kill shortly before: its victim's memory came "
					 "back while this one was being chosen"
				       : "Page cache was reclaimed, or a task ended, just then");
}

/* ---- ranking ---- */

typedef void cause_fn(const struct nb_report_case *c, struct nb_report_finding *f);
static const struct {
	const char *key;
	cause_fn *fn;
} causes[] = {
	{"memcg_limit", nb_report_cause_memcg},
	{"memory_policy", policy},
	{"cpuset", cpuset},
	{"fragmentation", fragmentation},
	{"atomic_burst", atomic_burst},
	{"low_zone", low_zone},
	{"exhausted", nb_report_cause_exhausted},
	{"slab", nb_report_cause_slab},
	{"hugepages", nb_report_cause_hugepages},
	{"shmem", nb_report_cause_shmem},
	{"swapoff", nb_report_cause_swapoff},
	{"kept_pages", kept_pages},
	{"lowmem_reserve", reserve},
	{"came_free", came_free},
	{"has_fallback", harmless},
};
#define NR_CAUSES (sizeof(causes) / sizeof(causes[0]))

void nb_report_causes(const struct nb_report_case *c, struct nb_sheet *s)
{
	struct nb_report_finding f[NR_CAUSES];
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
