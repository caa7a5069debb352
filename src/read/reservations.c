/* reservations.c -- memblock's reservations out of a boot log with memblock=debug.
 *
 * Called by dmesg.c with each line in turn; reservations.h has the rule of what counts as known.
 * First the dump, then what is reserved and freed behind it; whatever does not fit makes the whole
 * unknown. Source of the forms: mm/memblock.c of 5.10, 6.1, 6.12.
 */
#include "read/reservations.h"
#include "read/capture_priv.h"
#include <stdlib.h>
#include <string.h>

#define MAX_ADDRESS (UINT64_C(1) << 52)

/* What stands behind `begin`, or NULL if the line begins otherwise. */
static const char *after(const char *text, size_t len, const char *begin)
{
	size_t n = strlen(begin);

	return len >= n && !memcmp(text, begin, n) ? text + n : NULL;
}

/* "0x1f": the digits' end, or NULL. */
static const char *hex(const char *p, const char *end, uint64_t *ret)
{
	uint64_t v = 0;
	const char *first;

	if (end - p < 3 || p[0] != '0' || p[1] != 'x')
		return NULL;
	for (first = p += 2; p < end; p++) {
		int digit = *p >= '0' && *p <= '9'   ? *p - '0'
			    : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
						     : -1;

		if (digit < 0)
			break;
		if (v >> 60)
			return NULL;
		v = v << 4 | (unsigned)digit;
	}
	*ret = v;
	return p > first ? p : NULL;
}

/* "[0xSTART-0xEND]", END inclusive, *ret_end exclusive; an empty range is one, too. */
static bool range(const char *p, const char *end, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t last;

	if (!p || p == end || *p++ != '[')
		return false;
	p = hex(p, end, ret_start);
	if (!p || p == end || *p++ != '-')
		return false;
	p = hex(p, end, &last);
	if (!p || p == end || *p != ']')
		return false;
	*ret_end = last + 1;
	return *ret_end >= *ret_start && *ret_end <= MAX_ADDRESS;
}

static void reserve(struct nb_reservations *r, const char *p, const char *end, unsigned line)
{
	uint64_t from, to;

	if (!range(p, end, &from, &to) || r->ranges.n >= NB_RANGES_MAX)
		r->broken = true;
	else
		nb_ranges_add(&r->ranges, from, to, NB_MEM_RESERVED, NB_NO_NODE, 0, line);
}

static void give_back(struct nb_reservations *r, const char *p, const char *end)
{
	uint64_t from, to;

	if (!range(p, end, &from, &to) || r->frees++ >= NB_FREES_MAX)
		r->broken = true;
	else if (from < to)
		nb_ranges_cut(&r->ranges, from, to);
	if (r->ranges.n >= NB_RANGES_MAX)
		r->broken = true;
}

/* The dump begins anew: what was lost before it does not matter. */
static void begin_dump(struct nb_reservations *r)
{
	nb_reservations_release(r);
	r->dumped = true;
}

/* "reserved.cnt  = 0x4" */
static void read_count(struct nb_reservations *r, const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '='))
		p++;
	if (!hex(p, end, &r->told))
		r->broken = true;
}

/* "0x1]\t[0x...-0x...], 0x... bytes flags: 0x0", the tab perhaps escaped */
static void read_dumped(struct nb_reservations *r, const char *p, const char *end, unsigned line)
{
	reserve(r, memchr(p, '[', (size_t)(end - p)), end, line);
	r->seen++;
}

void nb_reservations_line(struct nb_reservations *r, const char *text, size_t len, unsigned line)
{
	const char *end = text + len, *p;

	if (r->ended)
		return;
	if (after(text, len, "MEMBLOCK configuration:"))
		begin_dump(r);
	else if (!r->dumped)
		return;
	else if ((p = after(text, len, "memblock_reserve: ")))
		reserve(r, p, end, line);
	else if ((p = after(text, len, "memblock_phys_free: ")) ||
		 (p = after(text, len, "memblock_free: ")))
		give_back(r, p, end);
	else if ((p = after(text, len, "reserved.cnt")))
		read_count(r, p, end);
	else if ((p = after(text, len, "reserved[")))
		read_dumped(r, p, end, line);
	else if (after(text, len, "SLUB: ") || after(text, len, "Memory: "))
		r->ended = true;
}

static int cmp_start(const void *a, const void *b)
{
	const struct nb_mem_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Sorts, and joins what overlaps or touches. */
static void join(struct nb_ranges *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), cmp_start);
	for (size_t i = 0; i < l->n; i++) {
		if (!n || l->v[n - 1].end < l->v[i].start)
			l->v[n++] = l->v[i];
		else if (l->v[n - 1].end < l->v[i].end)
			l->v[n - 1].end = l->v[i].end;
	}
	l->n = n;
}

void nb_reservations_finish(struct nb_reservations *r, const char *release)
{
	bool old = release && *release >= '0' && *release <= '4' && release[1] == '.';

	if (!r->dumped || !r->ended || r->broken || r->seen != r->told || old)
		nb_reservations_release(r);
	join(&r->ranges);
}

void nb_reservations_release(struct nb_reservations *r)
{
	nb_ranges_release(&r->ranges);
	memset(r, 0, sizeof(*r));
}
