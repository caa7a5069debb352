/* first_frames.c -- a kernel's first minutes, page by page: which frames leave the free lists, in
 * which portions.
 *
 * The early-* traces begin at trace_init(); the boot log tells what was free then (play.h). From
 * there each request and free of the trace is done by the engine, and its frame, the refills of
 * page sets (their size, and the frames in their order), their drains and the claims of pageblocks
 * are compared with what the kernel did. Where they differ our state is set to the kernel's, and
 * the next event is judged from there. What no event tells is inferred by rule, and counted:
 *   - pages taken before the trace begins: each type's lists are used up to its first traced frame
 *   - alloc_pages_bulk() (vmalloc, kernel stacks) has no event: pages of the set that stand before
 *     the traced one, and whose next event is a free, were taken so
 *   - when page sets get their sizes: just before the first refill that shows it
 *   - pages of reserved memory that are freed for the first time
 *   - drains that the vmstat worker made: those not in the task of the free before them
 *   - alloc_pages_exact(): a page is freed out of a larger block
 */
#include "play.h"
#include "trace_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { MOVES = 8192 };

struct moves {
	struct event m[MOVES];
	unsigned n;
};

/* How many of each were compared, and how many were equal. */
struct score {
	unsigned n, equal;
};

static struct {
	struct moves ours, theirs;
	bool sized;         /* page sets have left the boot sets */
	unsigned drain_run; /* D events behind the present one */
	struct score requests, frames, first_frames, refills, refill_sizes, drains, drain_sizes,
		claims;
	unsigned until_first; /* requests before the first that differed */
} t;

static void record(void *ctx, const struct nb_event *ev)
{
	struct moves *m = ctx;
	struct event *x = &m->m[m->n++];

	assert_true(m->n < MOVES);
	*x = (struct event){.pfn = ev->field[0], .order = (unsigned)ev->field[1]};
	switch (ev->kind) {
	case NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED:
		x->kind = 'Z';
		x->type = (unsigned)ev->field[2];
		x->more = (unsigned)ev->field[3];
		break;
	case NB_EV_MM_PAGE_PCPU_DRAIN:
		x->kind = 'D';
		x->type = (unsigned)ev->field[2];
		break;
	default:
		x->kind = 'X';
		x->type = (unsigned)(ev->field[2] * 100 + ev->field[4] * 10 + ev->field[5]);
		x->more = (unsigned)ev->field[7];
	}
}

static unsigned taken(const struct moves *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n; i++)
		n += m->m[i].kind != 'D';
	return n;
}

static const struct event *first_taken(const struct moves *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (m->m[i].kind != 'D')
			return &m->m[i];
	}
	return NULL;
}

static struct nb_list *set_list(const struct event *l)
{
	unsigned i = nb_pcp_list_of(l->order, (enum nb_migratetype)l->type);

	return &nb_zone_pcp(l->pfn ? play_zone_of(l->pfn) : play.zone, 0)->list[i];
}

/* The first frame of a request's list; NB_NO_PFN: none. */
static nb_pfn_t first_of(const struct event *l)
{
	nb_link_t first = set_list(l)->first;

	return first ? nb_zone_page_pfn(play_zone_of(l->pfn),
					nb_link_page(play.zone->mem_map, first))
		     : NB_NO_PFN;
}

static bool in_set(const struct event *l)
{
	for (nb_link_t x = set_list(l)->first; x;) {
		const struct nb_page *p = nb_link_page(play.zone->mem_map, x);

		if (nb_zone_page_pfn(play_zone_of(l->pfn), p) == l->pfn)
			return true;
		x = p->next;
	}
	return false;
}

/* One page by alloc_pages_bulk(), which leaves the count of recent frees alone. */
static void take_silently(const struct nb_alloc_request *rq)
{
	struct nb_pcp *pcp = nb_zone_pcp(play.zone, 0);
	int16_t free_count = pcp->free_count;

	nb_alloc_pages(play.sys, rq);
	pcp->free_count = free_count;
	play.silent++;
}

/* Refills of single pages before a request of another order: alloc_pages_bulk() emptied the set. */
static void take_refilled(const struct event *l)
{
	static const nb_gfp_t gfp[] = {NB_GFP_KERNEL, NB_GFP_HIGHUSER_MOVABLE,
				       NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE};
	unsigned want = 0, type = 0;

	for (unsigned i = 0; i < t.theirs.n; i++) {
		const struct event *m = &t.theirs.m[i];

		if (m->kind != 'Z' || m->order || !m->more)
			continue;
		want++;
		type = m->type;
	}
	for (unsigned i = 0; l->order && i < 4000 && taken(&t.ours) < want; i++) {
		struct nb_alloc_request rq = {.gfp = gfp[type % 3], .nid = NB_NO_NODE};

		take_silently(&rq);
	}
}

/* Pages that alloc_pages_bulk() took before this request. */
static void take_bulk(const struct event *l, const struct nb_alloc_request *rq)
{
	for (unsigned i = 0; i < 4000 && !l->order; i++) {
		unsigned want = taken(&t.theirs), have = taken(&t.ours);
		nb_pfn_t first = first_of(l);

		if (first == l->pfn && have >= want)
			return;
		if (first == NB_NO_PFN && !have && want && first_taken(&t.theirs)->pfn == l->pfn)
			return;
		if (have >= want && !in_set(l))
			return;
		char next = first == NB_NO_PFN ? 'F' : trace_next(first);

		if (next && next != 'F')
			return;
		take_silently(rq);
	}
}

static bool same_move(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->pfn == b->pfn && a->order == b->order &&
	       a->type == b->type && a->more == b->more;
}

static bool same_moves(void)
{
	bool same = t.ours.n == t.theirs.n;

	for (unsigned i = 0; same && i < t.ours.n; i++)
		same = same_move(&t.ours.m[i], &t.theirs.m[i]);
	return same;
}

/* Sizes the sets when a refill of more than a page shows that it has been done: as zone_batchsize()
 * of what is managed by then. */
static void size_by_trace(const struct event *l)
{
	unsigned want = taken(&t.theirs);
	struct nb_zone *z = play.zone;

	if (!want || first_taken(&t.theirs)->kind != 'Z' || !first_taken(&t.theirs)->more)
		return;
	if (!t.sized && want > 1) {
		struct nb_pcp *pcp = nb_zone_pcp(z, 0);

		nb_setup_per_cpu_pagesets(play.sys);
		t.sized = true;
		play_set_marks();
		/* With a batch of 1 the refill before, of a single page, was the first of the new
		 * size. */
		if (pcp->batch == 1) {
			pcp->high = pcp->high_min + 1;
			pcp->alloc_factor = 1;
		}
		return;
	}
	/* After deferred pages have come the zone is larger, and so is a refill of order 2 or 3. */
	uint64_t managed = 0;

	for (unsigned o = 0; o <= 10; o++)
		managed += z->free_area[o].nr_free << o;
	int batch = z->pageset_batch;

	if (t.sized && l->order >= 2 && l->order <= 3 &&
	    want == (unsigned)(batch * 2 + 1) >> l->order &&
	    want != (unsigned)(batch >> l->order) && want > 2)
		play_size_sets(batch * 2 + 1, z->pageset_high_min * 2, (int)(managed / 8));
}

/* A free of a page that was reserved until now: boot's own, and what init gives back. */
static void first_free(const struct event *l)
{
	struct nb_zone *z;
	struct nb_page *p = nb_pfn_to_page(play.sys, l->pfn, &z);
	uint32_t dense = nb_page_dense(z->mem_map, p);

	assert_true(nb_map_commit(z->pgdat, dense & ~1023u, 1024));
	if (l->deferred) {
		play_free_range(l->pfn, l->pfn + (UINT64_C(1) << l->order));
		z->managed_pages += UINT64_C(1) << l->order;
		return;
	}
	play_put_allocated(l->pfn, l->order);
	nb_free_pages(play.sys, 0, l->pfn, l->order);
}

static const struct event *find(const struct moves *m, char kind, nb_pfn_t pfn, unsigned order)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (m->m[i].kind == kind && m->m[i].pfn == pfn && m->m[i].order == order)
			return &m->m[i];
	}
	return NULL;
}

/* Brings our state to the kernel's, after moves that differ. */
static void follow(const struct event *l, nb_pfn_t got)
{
	for (unsigned i = 0; i < t.theirs.n; i++) {
		const struct event *m = &t.theirs.m[i];

		if (m->kind == 'X' && m->more)
			nb_set_pageblock_mt(play.zone, (uint32_t)(m->pfn - play.zone->pfn_delta),
					    (enum nb_migratetype)(m->type / 10 % 10));
		else if (m->kind == 'Z' && m->more && !play_in_set(m->pfn, m->order) &&
			 m->pfn != l->pfn)
			play_put_in_set(m->pfn, m->order, (enum nb_migratetype)m->type, true);
		else if (m->kind == 'D' && play_in_set(m->pfn, m->order))
			play_put_free(m->pfn, m->order);
	}
	for (unsigned i = 0; i < t.ours.n; i++) {
		const struct event *m = &t.ours.m[i];

		if (m->kind == 'Z' && m->pfn != got && !find(&t.theirs, 'Z', m->pfn, m->order) &&
		    play_in_set(m->pfn, m->order))
			play_put_free(m->pfn, m->order);
		else if (m->kind == 'D' && !find(&t.theirs, 'D', m->pfn, m->order))
			play_put_in_set(m->pfn, m->order, (enum nb_migratetype)m->type, true);
	}
	if (l->kind != 'A' || got == l->pfn)
		return;
	if (got != NB_NO_PFN) {
		bool fresh = find(&t.ours, 'Z', got, l->order) != NULL;

		if (fresh && !find(&t.theirs, 'Z', got, l->order))
			play_put_free(got, l->order);
		else
			play_put_in_set(got, l->order, (enum nb_migratetype)l->type, false);
	}
	play_put_allocated(l->pfn, l->order);
}

static void count(struct score *s, bool equal)
{
	s->n++;
	s->equal += equal;
}

/* Compares blocks of one kind, in their order. */
static void compare(char kind, struct score *sizes, struct score *whole)
{
	unsigned ours = 0, theirs = 0, equal = 0, k = 0;

	for (unsigned i = 0; i < t.ours.n; i++)
		ours += t.ours.m[i].kind == kind;
	for (unsigned i = 0; i < t.theirs.n; i++) {
		const struct event *m = &t.theirs.m[i];

		if (m->kind != kind)
			continue;
		theirs++;
		while (k < t.ours.n && t.ours.m[k].kind != kind)
			k++;
		bool same = k < t.ours.n && same_move(m, &t.ours.m[k++]);

		equal += same;
		if (kind == 'X')
			count(&t.claims, same);
		if (kind != 'Z')
			continue;
		count(&t.frames, same);
		if (t.first_frames.n < 1000)
			count(&t.first_frames, same);
	}
	if (kind == 'X' || (!theirs && !ours))
		return;
	count(sizes, ours == theirs);
	count(whole, ours == theirs && equal == theirs);
}

static bool verbose;

static void differs(const struct event *l, nb_pfn_t got)
{
	if (!verbose)
		return;
	print_message("# %u %c %llx/%u type %u: got %llx\n", trace.at, l->kind,
		      (unsigned long long)l->pfn, l->order, l->type, (unsigned long long)got);
	for (unsigned i = 0; i < (t.ours.n > t.theirs.n ? t.ours.n : t.theirs.n) && i < 12; i++) {
		const struct event *a = &t.ours.m[i], *b = &t.theirs.m[i];

		print_message("#   %c %llx/%u %u.%u   %c %llx/%u %u.%u\n",
			      i < t.ours.n ? a->kind : '-', (unsigned long long)a->pfn, a->order,
			      a->type, a->more, i < t.theirs.n ? b->kind : '-',
			      (unsigned long long)b->pfn, b->order, b->type, b->more);
	}
	for (unsigned i = 0; i < t.ours.n; i++) {
		const struct event *a = &t.ours.m[i], *b = &t.theirs.m[i];

		if (i < t.theirs.n && same_move(a, b))
			continue;
		print_message("#   first at %u: %c %llx/%u %u, next %c\n", i, a->kind,
			      (unsigned long long)a->pfn, a->order, a->type, trace_next(a->pfn));
		if (i < t.theirs.n)
			print_message("#      theirs %c %llx/%u %u, next %c\n", b->kind,
				      (unsigned long long)b->pfn, b->order, b->type,
				      trace_next(b->pfn));
		break;
	}
	const struct nb_pcp *pcp = nb_zone_pcp(play.zone, 0);

	print_message(
		"#   ours %u theirs %u; set: count %d high %d (%d-%d) batch %d factor %u free %d "
		"flags %u; zone %u\n",
		t.ours.n, t.theirs.n, pcp->count, pcp->high, pcp->high_min, pcp->high_max,
		pcp->batch, pcp->alloc_factor, pcp->free_count, pcp->flags,
		atomic_load(&play.zone->flags));
}

static void do_request(const struct event *l)
{
	struct nb_alloc_request rq = {.order = l->order, .nid = NB_NO_NODE};

	if (strcmp(l->gfp, "none") != 0)
		assert_int_equal(nb_gfp_parse(l->gfp, &rq.gfp, NULL), 0);
	size_by_trace(l);
	take_refilled(l);
	if (l->order <= NB_COSTLY_ORDER)
		take_bulk(l, &rq);
	nb_pfn_t got = nb_alloc_pages(play.sys, &rq);
	bool same = got == l->pfn && same_moves();

	if (same && t.requests.equal == t.requests.n)
		t.until_first++;
	count(&t.requests, same);
	compare('X', NULL, NULL);
	compare('Z', &t.refill_sizes, &t.refills);
	compare('D', &t.drain_sizes, &t.drains);
	if (!same) {
		differs(l, got);
		follow(l, got);
	}
	t.ours.n = t.theirs.n = 0;
}

/* Is the page drained by the D events from the present one on? */
static bool drained_next(nb_pfn_t pfn)
{
	if (trace_next(pfn) != 'D')
		return false;
	return (unsigned)trace.next_of[pfn % TRACE_FRAMES] <= trace.at + t.drain_run;
}

static unsigned list_of(const struct event *l)
{
	return nb_pcp_list_of(l->order, (enum nb_migratetype)l->type);
}

/* Before a drain of `drain_run` events that begins with list `start`: single pages of the set that
 * alloc_pages_bulk() has taken since the last request that would have shown it. The next event of
 * such a page is a free; or there is none, and the drain passes over it: it takes a page that lies
 * nearer to the list's head, or goes on to another list. */
static void take_last_bulk(unsigned start, const struct event *last)
{
	unsigned end = (list_of(last) + NB_NR_PCP_LISTS - start) % NB_NR_PCP_LISTS;

	for (unsigned type = 0; type < 3; type++) {
		const struct nb_zone *z = play_zone_of(last->pfn);
		struct nb_list *list = set_list(&(struct event){.type = type, .pfn = last->pfn});
		bool passed = (type + NB_NR_PCP_LISTS - start) % NB_NR_PCP_LISTS < end;

		for (nb_link_t x = list->first; x;) {
			const struct nb_page *p = nb_link_page(z->mem_map, x);
			nb_pfn_t pfn = nb_zone_page_pfn(z, p);
			char next = trace_next(pfn);

			x = p->next;
			passed |= drained_next(pfn);
			if (next != 'F' && (next || !passed))
				continue;
			play_put_allocated(pfn, 0);
			play.silent++;
		}
	}
}

/* A single page that is freed out of the block that was given out last: alloc_pages_exact() keeps
 * the first pages of it, and the others go to the tails of the free lists. */
static bool split_around(nb_pfn_t pfn)
{
	for (unsigned order = 1; order <= 10; order++) {
		nb_pfn_t head = pfn & ~((UINT64_C(1) << order) - 1);
		struct nb_page_info info;

		if (head != pfn && !nb_page_info(play.sys, head, &info) &&
		    (info.flags & NB_PAGE_HEAD) && info.order >= (int)order)
			return nb_split_page(play.sys, head, (unsigned)info.order) == 0;
	}
	return false;
}

/* The list that a freed block goes to. */
static unsigned free_list_of(const struct event *l)
{
	struct nb_zone *z;
	struct nb_page *p = nb_pfn_to_page(play.sys, l->pfn, &z);
	enum nb_migratetype mt = nb_pageblock_mt_any(z, nb_page_dense(z->mem_map, p));

	return nb_pcp_list_of(l->order <= NB_COSTLY_ORDER ? l->order : play.sys->pageblock_order,
			      mt < NB_MIGRATE_PCPTYPES ? mt : NB_MIGRATE_MOVABLE);
}

/* The blocks that a free drained have their events behind it. */
static void do_free(const struct event *l)
{
	struct nb_page_info info;
	struct nb_zone *z;

	t.theirs.n = 0;
	for (t.drain_run = 0; trace.at + t.drain_run + 1 < trace.nr &&
			      trace.ev[trace.at + t.drain_run + 1].kind == 'D';)
		t.drain_run++;
	if (t.drain_run)
		take_last_bulk(free_list_of(l), &trace.ev[trace.at + t.drain_run]);
	nb_page_info(play.sys, l->pfn, &info);
	if (!(info.flags & NB_PAGE_HEAD) && !l->order && split_around(l->pfn))
		nb_free_page_to_tail(play.zone, nb_pfn_to_page(play.sys, l->pfn, &z), 0);
	else if (!(info.flags & NB_PAGE_HEAD) || info.order != (int)l->order)
		first_free(l);
	else
		nb_free_pages(play.sys, 0, l->pfn, l->order);
	while (trace.at + 1 < trace.nr && trace.ev[trace.at + 1].kind == 'D' &&
	       strcmp(trace.ev[trace.at + 1].task, l->task) == 0)
		t.theirs.m[t.theirs.n++] = trace.ev[++trace.at];
	compare('D', &t.drain_sizes, &t.drains);
	if (!same_moves()) {
		differs(l, NB_NO_PFN);
		follow(l, NB_NO_PFN);
	}
	t.ours.n = t.theirs.n = 0;
}

/* Drains that stand alone: the vmstat worker's. */
static void do_worker(void)
{
	struct event l = {.kind = 'D'};

	t.theirs.n = 0;
	for (t.drain_run = 0;
	     trace.at + t.drain_run < trace.nr && trace.ev[trace.at + t.drain_run].kind == 'D';)
		t.drain_run++;
	take_last_bulk(0, &trace.ev[trace.at + t.drain_run - 1]);
	nb_vmstat_update(play.sys, 0);
	for (; trace.at < trace.nr && trace.ev[trace.at].kind == 'D'; trace.at++)
		t.theirs.m[t.theirs.n++] = trace.ev[trace.at];
	trace.at--;
	compare('D', &t.drain_sizes, &t.drains);
	if (!same_moves()) {
		differs(&l, NB_NO_PFN);
		follow(&l, NB_NO_PFN);
	}
	t.ours.n = t.theirs.n = 0;
}

static void begin(void)
{
	nb_pfn_t first[3] = {NB_NO_PFN, NB_NO_PFN, NB_NO_PFN};

	play_boot();
	play_begin();
	/* Types in the order in which their first claims must have come: by address. */
	for (unsigned i = 0; i < 200 && i < trace.nr; i++) {
		const struct event *l = &trace.ev[i];

		if (l->kind == 'Z' && l->type < 3 && first[l->type] == NB_NO_PFN)
			first[l->type] = l->pfn;
	}
	play_take_untraced(NB_MIGRATE_UNMOVABLE, first[NB_MIGRATE_UNMOVABLE]);
	if (first[NB_MIGRATE_RECLAIMABLE] != NB_NO_PFN)
		play_take_untraced(NB_MIGRATE_RECLAIMABLE, first[NB_MIGRATE_RECLAIMABLE]);
}

static void tell(const char *what, const struct score *s)
{
	print_message("#   %-28s %5u of %5u\n", what, s->equal, s->n);
}

static void run(const char *name)
{
	struct nb_sink sink = {.ctx = &t.ours,
			       .event = record,
			       .wanted = {{UINT64_C(1) << NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED |
					   UINT64_C(1) << NB_EV_MM_PAGE_PCPU_DRAIN |
					   UINT64_C(1) << NB_EV_MM_PAGE_ALLOC_EXTFRAG}}};

	memset(&play, 0, sizeof(play));
	memset(&t, 0, sizeof(t));
	verbose = getenv("VERBOSE") != NULL;
	play_read_boot_log(name);
	trace_read(name);
	begin();
	nb_system_set_sink(play.sys, &sink);
	for (trace.at = 0; trace.at < trace.nr; trace.at++) {
		const struct event *l = &trace.ev[trace.at];

		if (l->kind == 'A')
			do_request(l);
		else if (l->kind == 'F')
			do_free(l);
		else if (l->kind == 'D')
			do_worker();
		else
			t.theirs.m[t.theirs.n++] = *l;
	}
	print_message("# %s: %u requests before the first that differs; %u pages inferred\n", name,
		      t.until_first, play.silent);
	tell("requests", &t.requests);
	tell("first frames off the lists", &t.first_frames);
	tell("frames off the lists", &t.frames);
	tell("sizes of refills", &t.refill_sizes);
	tell("refills, frame by frame", &t.refills);
	tell("sizes of drains", &t.drain_sizes);
	tell("drains, frame by frame", &t.drains);
	tell("claims", &t.claims);
	nb_system_shutdown(play.sys);
	nb_machine_free(play.machine);
	free(play.log);
}

static void half_a_gibibyte(void **state)
{
	(void)state;
	run("early-n1-smp1");
	assert_true(t.until_first >= 3491);
	assert_true(t.requests.equal >= 3751 && t.requests.n == 3754);
	assert_int_equal(t.first_frames.equal, 1000);
	assert_int_equal(t.frames.equal, t.frames.n);
	assert_true(t.refill_sizes.equal >= 100 && t.refill_sizes.n == 103);
	assert_true(t.refills.equal >= 100);
	assert_true(t.drains.equal >= 1 && t.drains.n == 3); /* 495 blocks, one by one */
	assert_int_equal(t.claims.equal, t.claims.n);
}

static void tiny(void **state)
{
	(void)state;
	run("early-n1-120m-smp1");
	assert_true(t.until_first >= 2421);
	assert_true(t.requests.equal >= 3710 && t.requests.n == 3717);
	assert_int_equal(t.first_frames.equal, 1000);
	assert_true(t.frames.equal >= 5000);
	assert_true(t.refill_sizes.equal >= 541 && t.refill_sizes.n == 542);
	assert_true(t.refills.equal >= 537);
	assert_true(t.drains.equal >= 214 && t.drains.n < 250);
	assert_int_equal(t.claims.equal, t.claims.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_gibibyte),
		cmocka_unit_test(tiny),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
