/* first_frames.c -- a kernel's first minutes, page by page: which frames leave the free lists, in
 * which portions.
 *
 * The early-* traces begin at trace_init(). The boot log's memblock calls (memblock=debug) tell
 * what was free then; from there the trace's requests and frees are done again here, and the
 * frames, the refills of page sets, their drains and the claims of pageblocks are compared one by
 * one. What no event tells is inferred by rule, and counted:
 *   - pages taken before the trace begins: each type's lists are used up to its first traced frame
 *   - alloc_pages_bulk() (vmalloc, kernel stacks) has no event: pages of the set that stand before
 * the traced one were taken so
 *   - when page sets get their sizes: just before the first refill that shows it
 *   - pages of reserved memory that are freed for the first time
 * After the first request whose frame differs nothing is compared any more: the tests ask how far
 * that is.
 */
#include "mm/boot.h"
#include "mm/pcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES = 256, MOVES = 4096, SECTION_PAGES = 32768 };

struct range {
	uint64_t start, end; /* bytes */
};

/* A frame that left or entered the free lists. */
struct move {
	char kind; /* Z taken, D drained, X claimed */
	nb_pfn_t pfn;
	unsigned order, type, more;
};

struct moves {
	struct move m[MOVES];
	unsigned n;
};

struct play {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	struct nb_zone *zone; /* the node's last */
	struct range memory[RANGES], reserved[RANGES];
	unsigned nr_memory, nr_reserved;
	nb_pfn_t first_deferred;
	struct moves ours, theirs;
	bool sized; /* page sets have left the boot sets */
	unsigned requests, portions, silent;
};

static struct play play;

static FILE *open_oracle(const char *trace, const char *file, bool gz)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/traces/%s/%s", oracle ? oracle : "", trace, file);
	f = fopen(path, "r");
	if (!f || !gz)
		return f;
	fclose(f);
	char command[4200];

	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	return popen(command, "r");
}

/* Takes [start, end) out of a set of ranges. */
static void cut(struct range *r, unsigned *n, uint64_t start, uint64_t end)
{
	unsigned old = *n;

	for (unsigned i = 0; i < old; i++) {
		if (r[i].end <= start || r[i].start >= end)
			continue;
		if (r[i].start < start && r[i].end > end)
			r[(*n)++] = (struct range){end, r[i].end};
		if (r[i].start < start)
			r[i].end = start;
		else
			r[i].start = r[i].end < end ? r[i].end : end;
	}
	assert_true(*n < RANGES - 1);
}

static void read_boot_log(const char *trace)
{
	FILE *f = open_oracle(trace, "snap/dmesg", false);
	unsigned long long a, b;
	char line[1024];
	const char *s;

	if (!f)
		skip();
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "MEMBLOCK configuration"))
			play.nr_memory = play.nr_reserved = 0;
		else if ((s = strstr(line, " memory[")) && (s = strchr(s + 8, '[')) &&
			 sscanf(s, "[%llx-%llx]", &a, &b) == 2)
			play.memory[play.nr_memory++] = (struct range){a, b + 1};
		else if ((s = strstr(line, " reserved[")) && (s = strchr(s + 10, '[')) &&
			 sscanf(s, "[%llx-%llx]", &a, &b) == 2)
			play.reserved[play.nr_reserved++] = (struct range){a, b + 1};
		else if ((s = strstr(line, "memblock_reserve: [")) &&
			 sscanf(s + 18, "[%llx-%llx]", &a, &b) == 2)
			play.reserved[play.nr_reserved++] = (struct range){a, b + 1};
		else if ((s = strstr(line, "memblock_phys_free: [")) &&
			 sscanf(s + 20, "[%llx-%llx]", &a, &b) == 2)
			cut(play.reserved, &play.nr_reserved, a, b + 1);
		assert_true(play.nr_reserved < RANGES && play.nr_memory < RANGES);
	}
	fclose(f);
}

static void record(void *ctx, const struct nb_event *ev)
{
	struct moves *m = ctx;
	struct move *x = &m->m[m->n++];

	assert_true(m->n < MOVES);
	*x = (struct move){.pfn = ev->field[0], .order = (unsigned)ev->field[1]};
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

/* Batch and bounds of the zone's sets; batch 1 and 0 .. 0 are the boot sets'. */
static void size_sets(int batch, int min, int max)
{
	struct nb_pcp *pcp = nb_zone_pcp(play.zone, 0);

	play.zone->pageset_batch = pcp->batch = batch;
	play.zone->pageset_high_min = pcp->high_min = min;
	play.zone->pageset_high_max = pcp->high_max = max;
}

static void take_for_good(struct nb_page *p, unsigned order)
{
	nb_page_set_flags(p, PG_ALLOCATED | order | play.zone->page_bits);
	p->refcount = 1;
	p->mapcount = 0;
	p->mapping = 0;
}

static void free_range(nb_pfn_t pfn, nb_pfn_t end)
{
	while (pfn < end) {
		unsigned order = (unsigned)__builtin_ctzll(pfn | 1024);
		struct nb_zone *z;
		struct nb_page *p = nb_pfn_to_page(play.sys, pfn, &z);

		while (pfn + (UINT64_C(1) << order) > end)
			order--;
		assert_non_null(p);
		uint32_t dense = nb_page_dense(z->mem_map, p);

		assert_true(nb_map_commit(z->pgdat, dense & ~1023u, 1024));
		nb_zone_lock(z, 0);
		nb_free_one_page(z, p, order, nb_pageblock_mt(z, dense), NB_FPI_TO_TAIL);
		nb_zone_unlock(z);
		pfn += UINT64_C(1) << order;
	}
}

/* Frees what memblock has free below `end`. A range that is smaller than a page on either side
 * counts as reserved. */
static uint64_t free_memory(nb_pfn_t end)
{
	struct range r[RANGES];
	unsigned n = play.nr_memory;
	uint64_t pages = 0, low = 0;

	memcpy(r, play.memory, sizeof(r));
	for (unsigned i = 0; i < play.nr_reserved; i++)
		cut(r, &n, play.reserved[i].start, play.reserved[i].end);
	/* ascending: the lowest that is not done yet */
	for (;;) {
		unsigned next = n;

		for (unsigned i = 0; i < n; i++) {
			if (r[i].start < r[i].end && r[i].start >= low &&
			    (next == n || r[i].start < r[next].start))
				next = i;
		}
		if (next == n)
			return pages;
		nb_pfn_t from = (r[next].start + 4095) >> 12, to = r[next].end >> 12;

		low = r[next].end;
		if (to > end)
			to = end;
		if (from < to) {
			free_range(from, to);
			if (from >= play.zone->zone_start_pfn)
				pages += to - from;
		}
	}
}

static void boot(void)
{
	struct nb_error err = {0};
	struct nb_node node = {.id = 0, .online = true};
	struct nb_cpu cpu = {
		.online = true, .package = -1, .die = -1, .cluster = -1, .core = -1, .llc = -1};

	nb_port_posix(&play.port, false);
	play.machine = nb_machine_new(&play.port);
	assert_int_equal(nb_machine_add_node(play.machine, &node), 0);
	assert_int_equal(nb_machine_add_cpu(play.machine, &cpu), 0);
	for (unsigned i = 0; i < play.nr_memory; i++) {
		struct nb_mem_range r = {.start = (play.memory[i].start + 4095) & ~UINT64_C(4095),
					 .end = play.memory[i].end & ~UINT64_C(4095)};

		assert_int_equal(nb_machine_add_range(play.machine, &r), 0);
	}
	if (nb_machine_seal(play.machine, &err) ||
	    nb_system_boot(&play.port, play.machine, NULL, &play.sys, &err))
		fail_msg("%s", err.text);
	play.zone = &play.sys->pgdat[0]->zone[NB_ZONE_DMA32];
}

/* Empties the lists that boot has made, and makes those that the log tells of. */
static void begin(void)
{
	nb_pfn_t end = nb_zone_end_pfn(play.zone);
	uint64_t pages;

	for (unsigned i = 0; i < NB_NR_ORDERS * NB_MIGRATE_TYPES * 2; i++) {
		struct nb_zone *z = &play.sys->pgdat[0]->zone[i % 2 ? NB_ZONE_DMA : NB_ZONE_DMA32];
		unsigned order = i / 2 / NB_MIGRATE_TYPES;
		enum nb_migratetype mt = (enum nb_migratetype)(i / 2 % NB_MIGRATE_TYPES);

		nb_zone_lock(z, 0);
		while (z->free_area[order].free_list[mt].first) {
			assert_non_null(nb_free_list_take(z, order, mt));
			nb_account_free(z, mt, -(INT64_C(1) << order));
		}
		nb_zone_unlock(z);
		memset(z->wmark, 0, sizeof(z->wmark));
		memset(z->lowmem_reserve, 0, sizeof(z->lowmem_reserve));
	}
	/* The last zone's pages are initialised up to the first section border after one section's
	 * worth. */
	play.first_deferred = (play.zone->zone_start_pfn + SECTION_PAGES + SECTION_PAGES - 1) /
			      SECTION_PAGES * SECTION_PAGES;
	if (play.first_deferred > end)
		play.first_deferred = end;
	pages = free_memory(play.first_deferred);
	size_sets(1, 0, 0);
	play.zone->managed_pages = pages;
}

/* What each type took before the trace began: everything up to its first traced frame. */
static void take_untraced(enum nb_migratetype mt, nb_pfn_t first)
{
	for (;;) {
		enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
		struct nb_page *p;

		nb_zone_lock(play.zone, 0);
		p = nb_rmqueue(play.zone, 0, mt, 0, &mode);
		assert_non_null(p);
		if (nb_zone_page_pfn(play.zone, p) == first) {
			nb_free_one_page(play.zone, p, 0, mt, NB_FPI_NONE);
			nb_zone_unlock(play.zone);
			return;
		}
		take_for_good(p, 0);
		nb_zone_unlock(play.zone);
		assert_true(++play.silent < 100000);
	}
}

struct line {
	char kind; /* A request, F free, and those of moves */
	nb_pfn_t pfn;
	unsigned order, type, more;
	bool deferred;
	char gfp[400];
};

static unsigned field(const char *line, const char *name)
{
	const char *s = strstr(line, name);

	return s ? (unsigned)strtoul(s + strlen(name), NULL, 0) : 0;
}

/* The next event of the trace; false at its end. */
static bool next_line(FILE *f, struct line *l)
{
	static const struct {
		const char *name;
		char kind;
	} kinds[] = {{" mm_page_alloc: ", 'A'},
		     {" mm_page_free: ", 'F'},
		     {" mm_page_alloc_zone_locked: ", 'Z'},
		     {" mm_page_pcpu_drain: ", 'D'},
		     {" mm_page_alloc_extfrag: ", 'X'}};
	char text[1024];
	const char *s;

	while (fgets(text, sizeof(text), f)) {
		memset(l, 0, sizeof(*l));
		for (unsigned i = 0; i < 5 && !l->kind; i++)
			l->kind = strstr(text, kinds[i].name) ? kinds[i].kind : '\0';
		s = strstr(text, "pfn=");
		if (!l->kind || !s)
			continue;
		l->pfn = strtoull(s + 4, NULL, 16);
		l->order = field(text, l->kind == 'X' ? "alloc_order=" : " order=");
		l->type = field(text, " migratetype=");
		l->more = field(text, "percpu_refill=");
		l->deferred = strstr(text, "pgdatinit") != NULL;
		s = strstr(text, "gfp_flags=");
		if (s)
			sscanf(s, "gfp_flags=%399s", l->gfp);
		if (l->kind == 'X') {
			l->type = field(text, "fallback_order=") * 100 +
				  field(text, "alloc_migratetype=") * 10 +
				  field(text, "fallback_migratetype=");
			l->more = field(text, "change_ownership=");
		}
		return true;
	}
	return false;
}

static unsigned taken(const struct moves *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n; i++)
		n += m->m[i].kind != 'D';
	return n;
}

/* The first frame taken, past drains. */
static const struct move *first_taken(const struct moves *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (m->m[i].kind != 'D')
			return &m->m[i];
	}
	return NULL;
}

static struct nb_list *set_list(const struct line *l)
{
	unsigned i = nb_pcp_list_of(l->order, (enum nb_migratetype)l->type);

	return &nb_zone_pcp(play.zone, 0)->list[i];
}

static bool is_first(const struct line *l)
{
	nb_link_t first = set_list(l)->first;

	return first &&
	       nb_zone_page_pfn(play.zone, nb_link_page(play.zone->mem_map, first)) == l->pfn;
}

static bool in_set(const struct line *l)
{
	for (nb_link_t x = set_list(l)->first; x;) {
		const struct nb_page *p = nb_link_page(play.zone->mem_map, x);

		if (nb_zone_page_pfn(play.zone, p) == l->pfn)
			return true;
		x = p->next;
	}
	return false;
}

/* Refills of single pages before a request of another order: alloc_pages_bulk() emptied the set. */
static void take_refilled(const struct line *l)
{
	static const nb_gfp_t gfp[] = {NB_GFP_KERNEL, NB_GFP_HIGHUSER_MOVABLE,
				       NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE};
	unsigned want = 0, type = 0;

	for (unsigned i = 0; i < play.theirs.n; i++) {
		const struct move *m = &play.theirs.m[i];

		if (m->kind != 'Z' || m->order || !m->more)
			continue;
		want++;
		type = m->type;
	}
	for (unsigned i = 0; l->order && i < 4000 && taken(&play.ours) < want; i++) {
		struct nb_alloc_request rq = {.gfp = gfp[type % 3], .nid = NB_NO_NODE};

		nb_alloc_pages(play.sys, &rq);
		play.silent++;
	}
}

/* Pages that alloc_pages_bulk() took before this request. */
static void take_bulk(const struct line *l, const struct nb_alloc_request *rq)
{
	for (unsigned i = 0; i < 4000 && !l->order; i++) {
		unsigned want = taken(&play.theirs), have = taken(&play.ours);

		if (is_first(l) && have >= want)
			return;
		if (!set_list(l)->first && !have && want &&
		    first_taken(&play.theirs)->pfn == l->pfn)
			return;
		if (have >= want && !in_set(l))
			return;
		nb_alloc_pages(play.sys, rq);
		play.silent++;
	}
}

static bool same_moves(void)
{
	const struct moves *a = &play.ours, *b = &play.theirs;
	bool same = a->n == b->n;

	for (unsigned i = 0; same && i < a->n; i++)
		same = a->m[i].kind == b->m[i].kind && a->m[i].pfn == b->m[i].pfn &&
		       a->m[i].order == b->m[i].order && a->m[i].type == b->m[i].type &&
		       a->m[i].more == b->m[i].more;
	return same;
}

/* Sizes the sets when a refill of more than a page shows that it has been done: as zone_batchsize()
 * of what is managed by then. */
static void size_by_trace(const struct line *l)
{
	unsigned want = taken(&play.theirs);
	struct nb_zone *z = play.zone;

	if (!want || first_taken(&play.theirs)->kind != 'Z' || !first_taken(&play.theirs)->more)
		return;
	if (!play.sized && want > 1) {
		struct nb_pcp *pcp = nb_zone_pcp(z, 0);

		nb_setup_per_cpu_pagesets(play.sys);
		play.sized = true;
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

	if (play.sized && l->order >= 2 && l->order <= 3 &&
	    want == (unsigned)(batch * 2 + 1) >> l->order &&
	    want != (unsigned)(batch >> l->order) && want > 2)
		size_sets(batch * 2 + 1, z->pageset_high_min * 2, (int)(managed / 8));
}

/* A free of a page that was reserved until now: boot's own, and what init gives back. */
static void first_free(const struct line *l)
{
	struct nb_zone *z;
	struct nb_page *p = nb_pfn_to_page(play.sys, l->pfn, &z);
	uint32_t dense = nb_page_dense(z->mem_map, p);

	assert_true(nb_map_commit(z->pgdat, dense & ~1023u, 1024));
	/* A pageblock whose first page is reserved when it comes late keeps the type of an empty
	 * table. */
	if (l->deferred && dense % 512 && !nb_page_flags(z->mem_map + dense - dense % 512) &&
	    nb_pageblock_mt(z, dense) == NB_MIGRATE_MOVABLE && !(l->pfn % 512 == 0)) {
		bool first = true;

		for (uint32_t d = dense - dense % 512; d < dense; d++)
			first &= !nb_page_flags(z->mem_map + d);
		if (first)
			nb_set_pageblock_mt(z, dense, NB_MIGRATE_UNMOVABLE);
	}
	if (l->deferred) {
		free_range(l->pfn, l->pfn + (UINT64_C(1) << l->order));
		z->managed_pages += UINT64_C(1) << l->order;
		return;
	}
	nb_page_set_flags(p, PG_ALLOCATED | l->order | z->page_bits);
	p->refcount = 1;
	nb_free_pages(play.sys, 0, l->pfn, l->order);
}

/* Does one request or free; false where it goes another way than the kernel's. */
static bool step(const struct line *l)
{
	struct nb_alloc_request rq = {.order = l->order, .nid = NB_NO_NODE};
	bool same;

	if (l->kind == 'F') {
		struct nb_page_info info;

		nb_page_info(play.sys, l->pfn, &info);
		if (!(info.flags & NB_PAGE_HEAD))
			first_free(l);
		else
			nb_free_pages(play.sys, 0, l->pfn, l->order);
		return true; /* drains have their events after the free: compared at the next
				request */
	} else {
		if (strcmp(l->gfp, "none") != 0)
			assert_int_equal(nb_gfp_parse(l->gfp, &rq.gfp, NULL), 0);
		size_by_trace(l);
		take_refilled(l);
		if (l->order <= NB_COSTLY_ORDER)
			take_bulk(l, &rq);
		same = nb_alloc_pages(play.sys, &rq) == l->pfn && same_moves();
		play.requests += same;
	}
	play.portions += same && play.ours.n;
	play.ours.n = play.theirs.n = 0;
	return same;
}

/* Plays a trace up to the first difference. */
static void run(const char *trace)
{
	struct nb_sink sink = {.ctx = &play.ours,
			       .event = record,
			       .wanted = UINT64_C(1) << NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED |
					 UINT64_C(1) << NB_EV_MM_PAGE_PCPU_DRAIN |
					 UINT64_C(1) << NB_EV_MM_PAGE_ALLOC_EXTFRAG};
	nb_pfn_t first[3] = {NB_NO_PFN, NB_NO_PFN, NB_NO_PFN};
	struct line l;
	FILE *f;

	memset(&play, 0, sizeof(play));
	read_boot_log(trace);
	boot();
	begin();
	f = open_oracle(trace, "trace.gz", true);
	assert_non_null(f);
	/* Types in the order in which their first claims must have come: by address. */
	for (unsigned n = 0; n < 200 && next_line(f, &l); n++) {
		if (l.kind == 'Z' && l.type < 3 && first[l.type] == NB_NO_PFN)
			first[l.type] = l.pfn;
	}
	pclose(f);
	take_untraced(NB_MIGRATE_UNMOVABLE, first[NB_MIGRATE_UNMOVABLE]);
	if (first[NB_MIGRATE_RECLAIMABLE] != NB_NO_PFN)
		take_untraced(NB_MIGRATE_RECLAIMABLE, first[NB_MIGRATE_RECLAIMABLE]);
	nb_system_set_sink(play.sys, &sink);
	f = open_oracle(trace, "trace.gz", true);
	assert_non_null(f);
	while (next_line(f, &l)) {
		if (l.kind == 'A' || l.kind == 'F') {
			if (!step(&l))
				break;
			continue;
		}
		play.theirs.m[play.theirs.n++] =
			(struct move){l.kind, l.pfn, l.order, l.type, l.more};
		assert_true(play.theirs.n < MOVES);
	}
	pclose(f);
	print_message("# %s: %u requests, %u refills, drains and claims alike; %u pages inferred; "
		      "then %c %llx/%u\n",
		      trace, play.requests, play.portions, play.silent, l.kind,
		      (unsigned long long)l.pfn, l.order);
	nb_system_shutdown(play.sys);
	nb_machine_free(play.machine);
}

static void half_a_gibibyte(void **state)
{
	(void)state;
	run("early-n1-smp1");
	assert_true(play.requests >= 560);
	assert_true(play.portions >= 70);
}

static void tiny(void **state)
{
	(void)state;
	run("early-n1-120m-smp1");
	assert_true(play.requests >= 650);
	assert_true(play.portions >= 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_gibibyte),
		cmocka_unit_test(tiny),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
