/* build_sets.c -- a build-like workload on two nodes: how much page sets take and give back.
 *
 * Which blocks were free when the trace begins is not known, so frames cannot be predicted; what is
 * known is each set's count and high (before/proc/zoneinfo). From there every request, refill, free
 * and drain of the trace is done to our sets, and the portions compared: refills by
 * nb_pcp_refill(), drains by nb_pcp_settle(), each from the state that the kernel's own events lead
 * to. Within a refill the order of frames is judged by the rule that one block is split at a time:
 * a frame that its predecessor's block still holds must be the next one. Lists hold pages of our
 * own, whose frames mean nothing.
 */
#include "mm/pcp.h"
#include "read/capture.h"
#include "read/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS = 2, RUN = 4096 };

struct line {
	char kind; /* A F Z D */
	int cpu;
	nb_pfn_t pfn;
	unsigned order, type, refill;
};

/* The Z or D events that wait for their request, or stand behind their free. */
struct portion {
	struct line l[RUN];
	unsigned n;
};

static struct nb_port port;
static struct nb_machine *machine;
static struct nb_system *sys;
static struct nb_capture *capture;
static struct portion refill[CPUS];
static unsigned drained[CPUS]; /* by our last free */
static struct {
	unsigned refills, refills_equal, drains, drains_equal, next, next_equal, forced;
} score;

static struct nb_zone *zone_of(nb_pfn_t pfn)
{
	struct nb_zone *z;

	assert_non_null(nb_pfn_to_page(sys, pfn, &z));
	return z;
}

static bool parse(const char *text, struct line *l)
{
	static const char *const names[] = {
		" mm_page_alloc: ", " mm_page_free: ", " mm_page_alloc_zone_locked: ",
		" mm_page_pcpu_drain: "};
	const char *s = strchr(text, '['), *p = strstr(text, "pfn=");

	memset(l, 0, sizeof(*l));
	for (unsigned i = 0; i < 4; i++)
		l->kind = strstr(text, names[i]) ? "AFZD"[i] : l->kind;
	if (!l->kind || !s || !p)
		return false;
	l->cpu = atoi(s + 1);
	l->pfn = strtoull(p + 4, NULL, 16);
	sscanf(p, "%*s order=%u", &l->order);
	s = strstr(text, "migratetype=");
	if (s)
		l->type = (unsigned)atoi(s + 12);
	s = strstr(text, "percpu_refill=");
	if (s)
		l->refill = (unsigned)atoi(s + 14);
	return l->cpu < CPUS;
}

static unsigned order_of(unsigned list)
{
	return list < NB_MIGRATE_PCPTYPES * NB_PCP_ORDERS ? list / NB_MIGRATE_PCPTYPES
							  : sys->pageblock_order;
}

/* Moves a page of ours between the zone's free lists and a list of the set; the count is the
 * caller's. */
static void put(struct nb_zone *z, struct nb_pcp *pcp, unsigned list, int cpu)
{
	enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
	unsigned order = order_of(list);

	nb_zone_lock(z, cpu);
	struct nb_page *p = nb_rmqueue(z, order, NB_MIGRATE_MOVABLE, 0, &mode);

	nb_zone_unlock(z);
	assert_non_null(p);
	nb_page_set_flags(p, PG_PCP | order | NB_MIGRATE_MOVABLE << PG_MT_SHIFT | z->page_bits);
	nb_list_add_head(z->mem_map, &pcp->list[list], p);
}

static void drop(struct nb_zone *z, struct nb_pcp *pcp, unsigned list, int cpu)
{
	struct nb_page *p = nb_link_page(z->mem_map, pcp->list[list].first);

	nb_list_del(z->mem_map, &pcp->list[list], p);
	nb_zone_lock(z, cpu);
	nb_free_one_page(z, p, order_of(list), NB_MIGRATE_MOVABLE, NB_FPI_NONE);
	nb_zone_unlock(z);
}

/* Takes 1 << order pages out of the set: out of `list`, or in single pages out of what there is:
 * the first requests come out of lists whose beginning nobody told. */
static void take(struct nb_zone *z, struct nb_pcp *pcp, unsigned list, int cpu)
{
	int pages = 1 << order_of(list);

	if (pcp->list[list].first) {
		drop(z, pcp, list, cpu);
		pcp->count -= pages;
		return;
	}
	score.forced++;
	for (unsigned l = 0; l < 3 && pages; l++) {
		while (pages && pcp->list[l].first) {
			drop(z, pcp, l, cpu);
			pcp->count--;
			pages--;
		}
	}
}

/* Does a refill, and brings the set to the size that the kernel's has. */
static void do_refill(struct nb_zone *z, struct nb_pcp *pcp, unsigned list, const struct line *l,
		      unsigned theirs)
{
	int before = pcp->count;

	/* The kernel found the list empty: what we have there lies in another type's. */
	while (pcp->list[list].first) {
		drop(z, pcp, list, l->cpu);
		for (unsigned i = 0; i < 1u << l->order; i++)
			put(z, pcp, list == 0, l->cpu);
		score.forced++;
	}
	nb_pcp_refill(z, pcp, l->order, (enum nb_migratetype)l->type, 0, l->cpu);
	unsigned ours = (unsigned)(pcp->count - before) >> l->order;

	score.refills++;
	score.refills_equal += ours == theirs;
	if (ours != theirs && getenv("VERBOSE"))
		print_message("# refill of order %u: ours %u theirs %u; count %d high %d (%d-%d) "
			      "batch %d factor %u\n",
			      l->order, ours, theirs, before, pcp->high, pcp->high_min,
			      pcp->high_max, pcp->batch, pcp->alloc_factor);
	for (; ours > theirs; ours--, pcp->count -= 1 << l->order)
		drop(z, pcp, list, l->cpu);
	for (; ours < theirs; ours++, pcp->count += 1 << l->order)
		put(z, pcp, list, l->cpu);
}

/* A frame whose lower neighbour was the one before, and is not the last of its block of `order +
 * 1`, has to follow it. */
static void judge_order(const struct portion *p)
{
	for (unsigned i = 1; i < p->n; i++) {
		nb_pfn_t before = p->l[i - 1].pfn, step = UINT64_C(1) << p->l[i].order;

		if (before & step)
			continue; /* its block is used up: the next may be any */
		score.next++;
		score.next_equal += p->l[i].pfn == before + step;
	}
}

static void request(const struct line *l)
{
	struct portion *p = &refill[l->cpu];

	if (!nb_pcp_allowed_order(sys, l->order) || l->type >= NB_MIGRATE_PCPTYPES || !l->pfn) {
		p->n = 0;
		return;
	}
	struct nb_zone *z = zone_of(p->n ? p->l[0].pfn : l->pfn);
	struct nb_pcp *pcp = nb_zone_pcp(z, l->cpu);
	unsigned list = nb_pcp_list_of(l->order, (enum nb_migratetype)l->type);

	pcp->free_count >>= 1;
	if (p->n && p->l[0].refill && p->l[0].order == l->order) {
		judge_order(p);
		do_refill(z, pcp, list, l, p->n);
	}
	p->n = 0;
	take(z, pcp, list, l->cpu);
}

static void record(void *ctx, const struct nb_event *ev)
{
	(void)ctx;
	drained[ev->cpu] += 1;
}

/* `theirs`: blocks that the kernel drained then. */
static void do_free(const struct line *l, unsigned theirs)
{
	struct nb_zone *z = zone_of(l->pfn);
	struct nb_pcp *pcp = nb_zone_pcp(z, l->cpu);

	if (!nb_pcp_allowed_order(sys, l->order))
		return;
	unsigned list = nb_pcp_list_of(l->order, NB_MIGRATE_MOVABLE);

	put(z, pcp, list, l->cpu);
	pcp->count += 1 << l->order;
	drained[l->cpu] = 0;
	nb_pcp_settle(z, pcp, l->order, list, l->cpu);
	if (!theirs && !drained[l->cpu])
		return;
	score.drains++;
	score.drains_equal += theirs == drained[l->cpu];
	if (theirs != drained[l->cpu] && getenv("VERBOSE"))
		print_message("# drain: ours %u theirs %u; count %d high %d free %d\n",
			      drained[l->cpu], theirs, pcp->count, pcp->high, pcp->free_count);
	for (unsigned i = drained[l->cpu]; i < theirs && pcp->list[list].first; i++)
		take(z, pcp, list, l->cpu);
	for (unsigned i = theirs; i < drained[l->cpu]; i++, pcp->count += 1)
		put(z, pcp, 1, l->cpu);
}

static FILE *open_file(const char *name, bool gz)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[4096], command[4200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/traces/build-n2/%s", oracle ? oracle : "", name);
	f = fopen(path, "r");
	if (!f || !gz)
		return f;
	fclose(f);
	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	return popen(command, "r");
}

/* Each set's count and high when the trace began. */
static void begin_sets(void)
{
	FILE *f = open_file("before/proc/zoneinfo", false);
	struct nb_zone *z = NULL;
	struct nb_pcp *pcp = NULL;
	char text[256], name[32];
	int node, v;

	assert_non_null(f);
	while (fgets(text, sizeof(text), f)) {
		if (sscanf(text, "Node %d, zone %31s", &node, name) == 2)
			z = &nb_node_data(sys, node)->zone[nb_zone_by_name(name, strlen(name))];
		else if (sscanf(text, " cpu: %d", &v) == 1)
			pcp = z && z->managed_pages ? nb_zone_pcp(z, v) : NULL;
		else if (pcp && sscanf(text, " count: %d", &v) == 1)
			while (pcp->count < v) {
				put(z, pcp, (unsigned)pcp->count % 3, 0);
				pcp->count++;
			}
		else if (pcp && sscanf(text, " high: %d", &v) == 1)
			pcp->high = v;
	}
	fclose(f);
}

static void boot(void)
{
	const struct nb_sink sink = {.event = record,
				     .wanted = {{UINT64_C(1) << NB_EV_MM_PAGE_PCPU_DRAIN}}};
	const char *oracle = getenv("NUMABOX_ORACLE");
	struct nb_error err = {0};
	char path[4096];

	snprintf(path, sizeof(path), "%s/traces/build-n2/before", oracle ? oracle : "");
	nb_port_posix(&port, false);
	if (nb_read_machine(&port, path, NULL, &machine, &capture, &err) ||
	    nb_system_boot(&port, machine, NULL, &sys, &err))
		fail_msg("%s", err.text);
	nb_system_set_sink(sys, &sink);
	begin_sets();
}

static void portions(void **state)
{
	FILE *f = open_file("trace.gz", true);
	struct line l, last = {0};
	char text[1024];
	unsigned drains = 0;

	(void)state;
	if (!f)
		skip();
	boot();
	while (fgets(text, sizeof(text), f)) {
		if (!parse(text, &l))
			continue;
		if (l.kind == 'D') {
			drains++;
			continue;
		}
		if (last.kind)
			do_free(&last, drains);
		last.kind = '\0';
		drains = 0;
		if (l.kind == 'A')
			request(&l);
		else if (l.kind == 'F')
			last = l;
		else if (refill[l.cpu].n < RUN)
			refill[l.cpu].l[refill[l.cpu].n++] = l;
	}
	pclose(f);
	print_message("# build-n2: sizes of refills %u of %u, sizes of drains %u of %u, frames "
		      "that follow "
		      "in their block %u of %u; %u taken from elsewhere\n",
		      score.refills_equal, score.refills, score.drains_equal, score.drains,
		      score.next_equal, score.next, score.forced);
	assert_int_equal(score.refills, 96);
	assert_int_equal(score.refills_equal, score.refills);
	assert_int_equal(score.next_equal, score.next);
	assert_true(score.next > 5000);
	assert_int_equal(score.drains, 1);
	nb_system_shutdown(sys);
	nb_machine_free(machine);
	nb_capture_free(capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(portions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
