/* machine.c -- building a machine and asking it.
 *
 * Called by readers (adders), boot and views (questions). All memory is the machine's arena; arrays
 * grow by doubling inside it, their capacity follows from the count: a power of two, 8 at least.
 * Checks stand in machine_seal.c.
 */
#include "base/arena.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "machine/machine_priv.h"

struct nb_machine *nb_machine_new(const struct nb_port *port)
{
	struct nb_arena *arena = nb_arena_new(port);
	struct nb_machine *m = arena ? nb_arena_alloc(arena, sizeof(*m)) : NULL;

	if (!m) {
		nb_arena_free(arena);
		return NULL;
	}
	m->arch = NB_ARCH_X86_64;
	m->page_shift = 12;
	m->release = "";
	m->cmdline = "";
	m->local_latency_ps = NB_DEFAULT_LOCAL_LATENCY_PS;
	m->port = port;
	m->arena = arena;
	return m;
}

void nb_machine_free(struct nb_machine *m)
{
	if (m)
		nb_arena_free(m->arena);
}

const char *nb_machine_strdup(struct nb_machine *m, const char *s)
{
	size_t n = nb_strlen(s) + 1;
	char *p = nb_arena_alloc(m->arena, n);

	if (p)
		memcpy(p, s, n);
	return p;
}

int nb_machine_append(struct nb_machine *m, void *array, unsigned *nr, size_t size, const void *x)
{
	void *old, *fresh;

	memcpy(&old, array, sizeof(old));
	if (*nr == 0 || (*nr >= 8 && (*nr & (*nr - 1)) == 0)) {
		fresh = nb_arena_alloc(m->arena, (*nr ? 2 * (size_t)*nr : 8) * size);
		if (!fresh)
			return -NB_ENOMEM;
		if (*nr)
			memcpy(fresh, old, *nr * size);
		memcpy(array, &fresh, sizeof(fresh));
		old = fresh;
	}
	memcpy((char *)old + *nr * size, x, size);
	++*nr;
	return 0;
}

#define APPEND(m, array, nr, x) nb_machine_append(m, &(m)->array, &(m)->nr, sizeof(*(m)->array), x)

int nb_machine_add_node(struct nb_machine *m, const struct nb_node *x)
{
	return APPEND(m, nodes, nr_nodes, x);
}

int nb_machine_add_cpu(struct nb_machine *m, const struct nb_cpu *x)
{
	return APPEND(m, cpus, nr_cpus, x);
}

int nb_machine_add_firmware(struct nb_machine *m, const struct nb_mem_range *x)
{
	return APPEND(m, firmware, nr_firmware, x);
}

int nb_machine_add_affinity(struct nb_machine *m, const struct nb_mem_range *x)
{
	return APPEND(m, affinity, nr_affinity, x);
}

int nb_machine_add_range(struct nb_machine *m, const struct nb_mem_range *x)
{
	return APPEND(m, ranges, nr_ranges, x);
}

int nb_machine_add_zone_fact(struct nb_machine *m, const struct nb_zone_fact *x)
{
	return APPEND(m, zone_facts, nr_zone_facts, x);
}

int nb_machine_add_early(struct nb_machine *m, const struct nb_early_load *x)
{
	return APPEND(m, early, nr_early, x);
}

int nb_machine_add_reserved(struct nb_machine *m, const struct nb_mem_range *x)
{
	return APPEND(m, reserved, nr_reserved, x);
}

int nb_machine_add_sysctl(struct nb_machine *m, const char *name, const char *value, unsigned line)
{
	struct nb_sysctl_setting x = {nb_machine_strdup(m, name), nb_machine_strdup(m, value),
				      line};

	if (!x.name || !x.value)
		return -NB_ENOMEM;
	return APPEND(m, sysctls, nr_sysctls, &x);
}

int nb_machine_add_note(struct nb_machine *m, const char *sentence)
{
	const char *copy = nb_machine_strdup(m, sentence);

	return copy ? APPEND(m, notes, nr_notes, &copy) : -NB_ENOMEM;
}

/* A copy of an n x n matrix in the machine's memory. */
static void *copy_matrix(struct nb_machine *m, const void *from, unsigned n, size_t size)
{
	size_t bytes = (size_t)n * n * size;
	void *p = nb_arena_alloc(m->arena, bytes);

	if (p && bytes)
		memcpy(p, from, bytes);
	return p;
}

int nb_machine_set_distances(struct nb_machine *m, const uint8_t *d, unsigned n)
{
	uint8_t *p = copy_matrix(m, d, n, sizeof(*d));

	if (!p)
		return -NB_ENOMEM;
	m->distances = p;
	m->nr_distances = n;
	return 0;
}

int nb_machine_set_latencies(struct nb_machine *m, const uint32_t *ps, unsigned n)
{
	uint32_t *p = copy_matrix(m, ps, n, sizeof(*ps));

	if (!p)
		return -NB_ENOMEM;
	m->latency_ps = p;
	m->nr_latencies = n;
	return 0;
}

int nb_machine_set_bandwidths(struct nb_machine *m, const uint64_t *bytes, unsigned n)
{
	uint64_t *p = copy_matrix(m, bytes, n, sizeof(*bytes));

	if (!p)
		return -NB_ENOMEM;
	m->bandwidth_bytes = p;
	m->nr_bandwidths = n;
	return 0;
}

int nb_machine_add_cmdline(struct nb_machine *m, const char *words)
{
	size_t a = nb_strlen(m->cmdline), b = nb_strlen(words);
	char *p = nb_arena_alloc(m->arena, a + b + 2);

	if (!p)
		return -NB_ENOMEM;
	nb_snprintf(p, a + b + 2, "%s%s%s", m->cmdline, a && b ? " " : "", words);
	m->cmdline = p;
	return 0;
}

int nb_machine_node_index(const struct nb_machine *m, int nid)
{
	unsigned lo = 0, hi = m->nr_nodes;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (m->nodes[mid].id == nid)
			return (int)mid;
		if (m->nodes[mid].id < nid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

unsigned nb_machine_distance(const struct nb_machine *m, int from, int to)
{
	int i, j;

	if (m->distances) {
		i = nb_machine_node_index(m, from);
		j = nb_machine_node_index(m, to);
		if (i >= 0 && j >= 0)
			return m->distances[(size_t)i * m->nr_nodes + (size_t)j];
	}
	return from == to ? NB_LOCAL_DISTANCE : NB_REMOTE_DISTANCE;
}

uint64_t nb_machine_latency_ps(const struct nb_machine *m, int from, int to)
{
	int i = nb_machine_node_index(m, from), j = nb_machine_node_index(m, to);

	if (m->latency_ps && i >= 0 && j >= 0) {
		uint32_t ps = m->latency_ps[(size_t)i * m->nr_nodes + (size_t)j];

		if (ps)
			return ps;
	}
	return (uint64_t)m->local_latency_ps * nb_machine_distance(m, from, to) / NB_LOCAL_DISTANCE;
}

const struct nb_zone_fact *nb_machine_zone_fact(const struct nb_machine *m, int nid,
						enum nb_zone_type type)
{
	unsigned lo = 0, hi = m->nr_zone_facts;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		const struct nb_zone_fact *f = &m->zone_facts[mid];

		if (f->nid == nid && f->type == type)
			return f;
		if (f->nid < nid || (f->nid == nid && f->type < type))
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
