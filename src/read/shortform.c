/* shortform.c -- the reader of "2x32G:8,dist=21" (grammar in shortform.h).
 *
 * Two passes over the terms: the first adds up the memory, which decides where the PCI hole lies,
 * the second adds nodes, CPUs and ranges. CPUs are numbered node after node; each is a core of its
 * own, and a node is a package with one last-level cache.
 */
#include "read/shortform.h"

#include "base/fmt.h"
#include "base/hosted/text.h"
#include "read/ram_layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CPUS 4

struct term {
	uint64_t count, bytes, cpus;
};

struct shortform {
	struct term *terms;
	unsigned nr_terms;
	uint64_t nr_nodes, nr_cpus, total_bytes;
	uint64_t distance; /* 0: not told */
	uint64_t hole;
	bool has_hole;
};

bool nb_shortform_looks_like(const char *word)
{
	size_t i = 0;

	if (!isdigit((unsigned char)word[0]))
		return false;
	while (isdigit((unsigned char)word[i]) || word[i] == '.')
		i++;
	if (word[i] == 'x' || word[i] == 'X')
		return word[i + 1] == '\0' || isdigit((unsigned char)word[i + 1]);
	if (word[i] && strchr("kKmMgGtTpP", word[i]))
		i++;
	return word[i] == '\0' || strchr("+:,", word[i]);
}

static int bad_size(int rc, const char *s, size_t len, struct nb_error *err)
{
	if (rc == -NB_ERANGE)
		return nb_error_set(err, rc, 0, "size %.*s does not fit into 64 bits", (int)len, s);
	return nb_error_set(
		err, -NB_EINVAL, 0,
		"\"%.*s\" is no size; a node is a number with M, G or T, as in 2x32G:8,dist=21",
		(int)len, s);
}

/* One term: [COUNTx]SIZE[:CPUS]. */
static int read_term(const char *s, size_t len, struct term *t, struct nb_error *err)
{
	const char *x = memchr(s, 'x', len), *colon;
	size_t n;
	int rc;

	t->count = 1;
	t->cpus = DEFAULT_CPUS;
	if (x) {
		n = (size_t)(x - s);
		if (nb_parse_u64(s, n, &t->count) || !t->count || t->count > NB_MAX_NODES)
			return nb_error_set(
				err, -NB_EINVAL, 0,
				"\"%.*s\" is no number of nodes; 1 to %d nodes, as in 2x32G",
				(int)n, s, NB_MAX_NODES);
		s = x + 1;
		len -= n + 1;
	}
	colon = memchr(s, ':', len);
	n = colon ? (size_t)(colon - s) : len;
	rc = nb_parse_size(s, n, &t->bytes);
	if (rc)
		return bad_size(rc, s, n, err);
	if (!colon)
		return 0;
	s = colon + 1;
	len -= n + 1;
	if (nb_parse_u64(s, len, &t->cpus) || t->cpus > NB_MAX_CPUS)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"\"%.*s\" is no number of CPUs; 0 to %d CPUs a node, as in 2x32G:8",
			(int)len, s, NB_MAX_CPUS);
	return 0;
}

/* Adds up what the terms say; the sums cannot wrap, the limits are checked term by term. */
static int count_term(struct shortform *f, const struct term *t, struct nb_error *err)
{
	uint64_t bytes;

	f->nr_nodes += t->count;
	if (f->nr_nodes > NB_MAX_NODES)
		return nb_error_set(err, -NB_EINVAL, 0, "more than %d nodes", NB_MAX_NODES);
	f->nr_cpus += t->count * t->cpus;
	if (f->nr_cpus > NB_MAX_CPUS)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"%llu CPUs; a machine has at most %d (2x32G:8 gives 8 CPUs to each node)",
			(unsigned long long)f->nr_cpus, NB_MAX_CPUS);
	if (__builtin_mul_overflow(t->count, t->bytes, &bytes) ||
	    __builtin_add_overflow(f->total_bytes, bytes, &f->total_bytes) ||
	    f->total_bytes > NB_RAM_LAYOUT_MAX)
		return nb_error_set(err, -NB_ERANGE, 0,
				    "memory adds up to more than 2^52 bytes (4096T), the end of "
				    "physical addresses");
	return 0;
}

static int read_option(struct shortform *f, const char *s, size_t len, struct nb_error *err)
{
	int rc;

	if (len > 5 && !strncmp(s, "dist=", 5)) {
		if (nb_parse_u64(s + 5, len - 5, &f->distance) || f->distance < 10 ||
		    f->distance > 255)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "dist=%.*s: a distance between nodes is 10 to 255 (10 "
					    "is local, 255 unreachable)",
					    (int)(len - 5), s + 5);
		return 0;
	}
	if (len > 5 && !strncmp(s, "hole=", 5)) {
		f->has_hole = true;
		rc = nb_parse_size(s + 5, len - 5, &f->hole);
		if (rc)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "hole=%.*s: not an address; hole=3G begins it at 3 "
					    "GiB, hole=0 leaves it out",
					    (int)(len - 5), s + 5);
		return 0;
	}
	return nb_error_set(err, -NB_EINVAL, 0,
			    "\"%.*s\" is no option of the short form; there are dist=N and "
			    "hole=SIZE, as in 2x32G:8,dist=21,hole=3G",
			    (int)len, s);
}

/* The next piece up to `sep`; false when the text has ended. */
static bool next_piece(const char **s, size_t *len, char sep, const char **ret, size_t *ret_len)
{
	const char *end;

	if (!*s)
		return false;
	end = memchr(*s, sep, *len);
	*ret = *s;
	*ret_len = end ? (size_t)(end - *s) : *len;
	*len -= *ret_len + (end ? 1 : 0);
	*s = end ? end + 1 : NULL;
	return true;
}

static int parse(struct shortform *f, const char *s, size_t len, struct nb_error *err)
{
	const char *terms = NULL, *piece;
	size_t terms_len = 0, n;
	int rc;

	next_piece(&s, &len, ',', &terms, &terms_len);
	while (next_piece(&terms, &terms_len, '+', &piece, &n)) {
		if (f->nr_terms == NB_MAX_NODES)
			return nb_error_set(err, -NB_EINVAL, 0, "more than %d nodes", NB_MAX_NODES);
		rc = read_term(piece, n, &f->terms[f->nr_terms], err);
		if (!rc)
			rc = count_term(f, &f->terms[f->nr_terms++], err);
		if (rc)
			return rc;
	}
	while (next_piece(&s, &len, ',', &piece, &n)) {
		rc = read_option(f, piece, n, err);
		if (rc)
			return rc;
	}
	if (!f->total_bytes)
		return nb_error_set(err, -NB_EINVAL, 0, "no node has memory");
	return 0;
}

static int add_node(struct nb_machine *m, const struct term *t, struct nb_ram_layout *l,
		    struct nb_error *err)
{
	int nid = (int)m->nr_nodes;
	struct nb_node node = {.id = nid, .online = true};

	if (nb_machine_add_node(m, &node))
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	for (uint64_t i = 0; i < t->cpus; i++) {
		struct nb_cpu cpu = {
			.id = (int)m->nr_cpus,
			.nid = nid,
			.online = true,
			.package = nid,
			.die = 0,
			.cluster = -1,
			.core = (int)i,
			.llc = nid,
		};

		if (nb_machine_add_cpu(m, &cpu))
			return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	}
	return nb_ram_layout_place(l, m, nid, t->bytes, 0, 0, err);
}

static int set_distances(struct nb_machine *m, uint8_t distance, struct nb_error *err)
{
	unsigned n = m->nr_nodes;
	uint8_t *d = nb_xcalloc((size_t)n * n, 1);
	int rc;

	memset(d, distance, (size_t)n * n);
	for (unsigned i = 0; i < n; i++)
		d[(size_t)i * n + i] = 10;
	rc = nb_machine_set_distances(m, d, n);
	free(d);
	if (rc)
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	m->distance_source = NB_SOURCE_GIVEN;
	return 0;
}

static int build(const struct shortform *f, struct nb_machine *m, struct nb_error *err)
{
	struct nb_ram_layout layout;
	int rc;

	nb_ram_layout_init(&layout, f->total_bytes);
	if (f->has_hole) {
		rc = nb_ram_layout_set_hole(&layout, f->hole, 0, err);
		if (rc)
			return rc;
	}
	for (unsigned i = 0; i < f->nr_terms; i++) {
		for (uint64_t k = 0; k < f->terms[i].count; k++) {
			rc = add_node(m, &f->terms[i], &layout, err);
			if (rc)
				return rc;
		}
	}
	m->memory_source = NB_SOURCE_GIVEN;
	return f->distance ? set_distances(m, (uint8_t)f->distance, err) : 0;
}

int nb_read_shortform(struct nb_machine *m, const char *word, size_t len, struct nb_error *err)
{
	struct shortform f = {.terms = nb_xcalloc(NB_MAX_NODES, sizeof(struct term))};
	int rc;

	rc = parse(&f, word, len, err);
	if (!rc)
		rc = build(&f, m, err);
	free(f.terms);
	return rc;
}
