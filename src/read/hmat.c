/* hmat.c -- bytes of an HMAT into homes and values.
 *
 * Layout: ACPI 6.4, 5.2.28: after the header and four bytes, structures of type (2 bytes), 2
 * reserved, length (4). Type 0: proximity domain attributes; type 1: locality latency and
 * bandwidth; others are passed over. Rounding and what counts as "not told":
 * drivers/acpi/numa/hmat.c, hmat_normalize(), hmat_add_locality().
 */
#include "read/hmat.h"
#include "base/hosted/text.h"
#include "read/acpi_priv.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 36
#define PROCESSOR_VALID 1u

static uint32_t le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static void *grown(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 16;
	return nb_xrealloc(v, *cap, size);
}

static void add_home(struct nb_hmat *h, const uint8_t *e, size_t len)
{
	if (len < 24 || !(le16(e + 8) & PROCESSOR_VALID))
		return;
	h->home = grown(h->home, h->nr_homes, &h->cap_homes, sizeof(*h->home));
	h->home[h->nr_homes++] =
		(struct nb_hmat_home){.memory = le32(e + 16), .processor = le32(e + 12)};
}

static void add_initiator(struct nb_hmat *h, uint32_t pxm)
{
	size_t i = h->nr_initiators;

	while (i && h->initiator[i - 1] > pxm)
		i--;
	if (i && h->initiator[i - 1] == pxm)
		return;
	h->initiator =
		grown(h->initiator, h->nr_initiators, &h->cap_initiators, sizeof(*h->initiator));
	memmove(h->initiator + i + 1, h->initiator + i,
		(h->nr_initiators++ - i) * sizeof(*h->initiator));
	h->initiator[i] = pxm;
}

static void add_value(struct nb_hmat *h, enum nb_hmat_kind kind, uint32_t initiator,
		      uint32_t target, uint32_t value)
{
	h->value = grown(h->value, h->nr_values, &h->cap_values, sizeof(*h->value));
	h->value[h->nr_values] =
		(struct nb_hmat_value){kind, initiator, target, value, h->nr_values};
	h->nr_values++;
}

/* Latencies: revision 1 in tenths of ns, later ones in ps, both rounded up; bandwidths as they are.
 */
static uint32_t normalise(uint32_t entry, uint64_t base, bool latency, unsigned revision)
{
	uint64_t value;

	if (!entry || entry == 0xffff || base > UINT32_MAX / entry)
		return 0;
	value = entry * base;
	if (latency && revision == 1)
		return value < 10 ? 0 : (uint32_t)((value + 9) / 10);
	return (uint32_t)(latency ? (value + 999) / 1000 : value);
}

/* Data types: 0 access, 1 read, 2 write latency; 3 to 5 the same of bandwidth. */
static void add_locality(struct nb_hmat *h, const uint8_t *e, size_t len, unsigned revision)
{
	uint64_t initiators, targets, i, k;
	const uint8_t *il, *tl, *entry;
	unsigned type, what;

	if (len < 32)
		return;
	type = e[9];
	initiators = le32(e + 12);
	targets = le32(e + 16);
	if (initiators > len || targets > len || type > 5 ||
	    32 + 4 * (initiators + targets) + 2 * initiators * targets > len)
		return;
	il = e + 32;
	tl = il + 4 * initiators;
	entry = tl + 4 * targets;
	what = type % 3;
	for (i = 0; i < initiators; i++) {
		if (le32(il + 4 * i) >= NB_MAX_PXM)
			continue;
		add_initiator(h, le32(il + 4 * i));
		for (k = 0; k < targets && !(e[8] & 0xf); k++) { /* 0: memory, not a cache of it */
			uint32_t value = normalise(le16(entry + 2 * (i * targets + k)),
						   le64(e + 24), type < 3, revision);
			enum nb_hmat_kind kind =
				type < 3 ? NB_HMAT_READ_LATENCY : NB_HMAT_READ_BANDWIDTH;

			if (what != 2)
				add_value(h, kind, le32(il + 4 * i), le32(tl + 4 * k), value);
			if (what != 1)
				add_value(h, (enum nb_hmat_kind)(kind + 1), le32(il + 4 * i),
					  le32(tl + 4 * k), value);
		}
	}
}

static int by_key(const void *a, const void *b)
{
	const struct nb_hmat_value *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->initiator != y->initiator)
		return x->initiator < y->initiator ? -1 : 1;
	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int parse(const uint8_t *t, size_t len, struct nb_hmat *h)
{
	size_t at, l, n;

	if (len < HEADER + 4 || memcmp(t, "HMAT", 4) != 0)
		return -NB_EINVAL;
	n = le32(t + 4);
	if (n > len || n < HEADER + 4)
		return -NB_EINVAL;
	for (at = HEADER + 4; at + 8 <= n; at += l) {
		l = le32(t + at + 4);
		if (l < 8 || l > n - at)
			return -NB_EINVAL;
		if (le16(t + at) == 0)
			add_home(h, t + at, l);
		else if (le16(t + at) == 1)
			add_locality(h, t + at, l, t[8]);
	}
	return 0;
}

int nb_hmat_parse(const char *text, size_t len, struct nb_hmat *h)
{
	struct nb_text bytes = {0};
	int rc;

	memset(h, 0, sizeof(*h));
	if (nb_acpi_base64_decode(text, len, &bytes))
		rc = parse((const uint8_t *)nb_text_str(&bytes), bytes.len, h);
	else
		rc = parse((const uint8_t *)text, len, h);
	nb_text_release(&bytes);
	if (rc)
		nb_hmat_release(h);
	if (h->nr_values)
		qsort(h->value, h->nr_values, sizeof(*h->value), by_key);
	return rc;
}

void nb_hmat_release(struct nb_hmat *h)
{
	free(h->value);
	free(h->home);
	free(h->initiator);
	memset(h, 0, sizeof(*h));
}

uint32_t nb_hmat_home(const struct nb_hmat *h, uint32_t memory)
{
	size_t i;

	for (i = h->nr_homes; i--;) { /* the last entry counts */
		if (h->home[i].memory == memory)
			return h->home[i].processor;
	}
	return NB_HMAT_NO_PXM;
}

/* The first value whose key is not below `key`. */
static size_t lower_bound(const struct nb_hmat *h, const struct nb_hmat_value *key)
{
	size_t from = 0, to = h->nr_values;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (by_key(&h->value[mid], key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

uint32_t nb_hmat_value(const struct nb_hmat *h, enum nb_hmat_kind kind, uint32_t initiator,
		       uint32_t target)
{
	struct nb_hmat_value past = {kind, initiator, target, 0, SIZE_MAX};
	size_t i = lower_bound(h, &past);
	const struct nb_hmat_value *x = i ? &h->value[i - 1] : NULL;

	return x && x->kind == kind && x->initiator == initiator && x->target == target ? x->value
											: 0;
}

bool nb_hmat_has(const struct nb_hmat *h, enum nb_hmat_kind kind)
{
	struct nb_hmat_value first = {.kind = kind};
	size_t i = lower_bound(h, &first);

	return i < h->nr_values && h->value[i].kind == kind;
}
