/* frag_lists.c -- see frag_lists.h. */
#include "frag_lists.h"

#include "mm/compaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct frag_trace tr;

unsigned number(const char *text, const char *name)
{
	const char *s = strstr(text, name);

	return s ? (unsigned)strtoul(s + strlen(name), NULL, 0) : 0;
}

uint64_t pfn_of(const char *text, const char *name)
{
	const char *s = strstr(text, name);

	return s ? strtoull(s + strlen(name), NULL, 16) : 0;
}

static bool parse(const char *event, struct step *s)
{
	static const struct {
		const char *name;
		char kind;
	} kinds[] = {{"mm_page_alloc: ", 'A'},
		     {"mm_page_free: ", 'F'},
		     {"mm_page_alloc_zone_locked: ", 'Z'},
		     {"mm_page_pcpu_drain: ", 'D'},
		     {"mm_page_alloc_extfrag: ", 'X'},
		     {"mm_compaction_", 'C'},
		     {"mm_vmscan_wakeup_kswapd: ", 'C'},
		     {"mm_vmscan_kswapd_", 'C'}};

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds) && !s->kind; i++)
		if (!strncmp(event, kinds[i].name, strlen(kinds[i].name)))
			s->kind = kinds[i].kind;
	if (!s->kind)
		return false;
	if (s->kind == 'C') {
		s->text = strdup(event);
		return true;
	}
	s->pfn = pfn_of(event, "pfn=0x");
	s->order = (uint8_t)number(event, s->kind == 'X' ? "alloc_order=" : " order=");
	s->mt = (uint8_t)number(event, s->kind == 'X' ? "alloc_migratetype=" : " migratetype=");
	if (s->kind == 'X') {
		s->more = (uint8_t)number(event, "fallback_order=");
		if (!number(event, "change_ownership="))
			s->more = 0;
	}
	return s->pfn < FRAMES;
}

void frag_read(const char *name)
{
	FILE *f = play_open(name, "trace.gz", true);
	char line[1024];

	assert_non_null(f);
	memset(&tr, 0, sizeof(tr));
	memset(tr.first, 0xff, sizeof(tr.first));
	while (fgets(line, sizeof(line), f) && tr.nr < EVENTS) {
		char *event = strstr(line, ": "), *cpu = strstr(line, " [");

		if (line[0] == '#' || !event || !cpu || !parse(event + 2, &tr.step[tr.nr]))
			continue;
		while (cpu > line && *cpu != '-')
			cpu--;
		tr.step[tr.nr++].pid = atoi(cpu + 1);
	}
	pclose(f);
	for (int i = tr.nr; i-- > 0;) {
		if (tr.step[i].kind == 'C')
			continue;
		for (unsigned k = 0; k < 1u << tr.step[i].order; k++) {
			nb_pfn_t pfn = (tr.step[i].pfn + k) % FRAMES;

			assert_true(tr.nr_entries < ENTRIES);
			tr.entry[tr.nr_entries] = (struct entry){i, tr.first[pfn]};
			tr.first[pfn] = tr.nr_entries++;
		}
	}
}

/* What happens next to a frame after step `now`, which never goes back; 0: nothing. */
static char next_kind(nb_pfn_t pfn, int now)
{
	int e = tr.first[pfn];

	while (e >= 0 && tr.entry[e].step <= now)
		e = tr.entry[e].next;
	tr.first[pfn] = e;
	return e < 0 ? '\0' : tr.step[tr.entry[e].step].kind;
}

/* ---- the lists ---- */

struct nb_page *page_of(nb_pfn_t pfn, struct nb_zone **ret_zone, uint32_t *ret_dense)
{
	struct nb_page *p = nb_pfn_to_page(play.sys, pfn, ret_zone);

	if (p)
		*ret_dense = nb_page_dense((*ret_zone)->mem_map, p);
	return p;
}

static void set_type(nb_pfn_t pfn, enum nb_migratetype mt)
{
	struct nb_zone *z;
	uint32_t dense;

	if (!page_of(pfn, &z, &dense) || nb_pageblock_mt_any(z, dense) == mt)
		return;
	assert_true(nb_map_commit(z->pgdat, dense & ~1023u, 1024));
	nb_zone_lock(z, 0);
	nb_set_pageblock_mt(z, dense, mt);
	nb_zone_unlock(z);
}

static void claim(const struct step *s)
{
	struct nb_zone *z;
	uint64_t movable;
	uint32_t dense;

	play_put_allocated(s->pfn, s->order);
	for (nb_pfn_t pfn = nb_block_start(s->pfn, HUGE);
	     s->more &&
	     pfn < nb_block_start(s->pfn, HUGE) + (1u << (s->more > HUGE ? s->more : HUGE));
	     pfn += HUGE_PAGES) {
		struct nb_page *p = page_of(pfn, &z, &dense);

		nb_zone_lock(z, 0);
		(void)nb_move_freepages_block(z, p, (enum nb_migratetype)s->mt, &movable);
		nb_zone_unlock(z);
		set_type(pfn, (enum nb_migratetype)s->mt);
	}
}

/* What was free when tracing began: blocks as large as they merge. */
void frag_begin(void)
{
	nb_drain_all_pages(play.sys, 0);
	play_empty_lists();
	/* types first: what a pageblock's first event says of it */
	for (int i = tr.nr; i-- > 0;)
		if (tr.step[i].kind == 'Z' || tr.step[i].kind == 'D')
			set_type(tr.step[i].pfn, (enum nb_migratetype)tr.step[i].mt);
	for (nb_pfn_t pfn = 0; pfn < FRAMES; pfn++) {
		char kind = next_kind(pfn, -1);

		if (kind == 'Z' || kind == 'X')
			play_put_free(pfn, 0);
	}
}

static bool is_free(nb_pfn_t pfn)
{
	struct nb_zone *z;
	uint32_t dense;
	struct nb_page *p = page_of(pfn, &z, &dense);

	for (unsigned o = 0; p && o <= play.sys->max_order; o++) {
		const struct nb_page *head = z->mem_map + (dense & ~((1u << o) - 1));

		if (nb_page_flags(head) & PG_BUDDY && nb_page_order(head) == o)
			return true;
	}
	return false;
}

/* Compaction took n pages of [low, high): those that will be freed next. */
void frag_take_targets(nb_pfn_t low, nb_pfn_t high, unsigned n, int now)
{
	while (high > low && n) {
		high--;
		if (next_kind(high, now) == 'F' && is_free(high)) {
			play_put_allocated(high, 0);
			n--;
		}
	}
}

void frag_move(const struct step *s, int runner)
{
	switch (s->kind) {
	case 'Z':
		if (s->order == HUGE)
			tr.huge[s->pfn] = true;
		play_put_allocated(s->pfn, s->order);
		break;
	case 'X':
		if (s->order == HUGE)
			tr.huge[s->pfn] = true;
		claim(s);
		break;
	case 'F':
		if (nb_pcp_allowed_order(play.sys, s->order))
			break;
		play_put_free(s->pfn, s->order);
		break;
	case 'D':
		tr.huge[s->pfn] = false;
		set_type(s->pfn, (enum nb_migratetype)s->mt);
		/* what a request's own run merges, it keeps: play_put_free() is on CPU 0 */
		play.zone->capture.cpu = s->pid != runner;
		play_put_free(s->pfn, s->order);
		break;
	case 'A': /* no event took it: captured */
		if (s->order == HUGE && !tr.huge[s->pfn]) {
			play_put_allocated(s->pfn, s->order);
			tr.huge[s->pfn] = true;
		}
		break;
	default:
		break;
	}
}

void frag_release(void)
{
	for (int i = 0; i < tr.nr; i++)
		free(tr.step[i].text);
}
