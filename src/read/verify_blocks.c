/* verify_blocks.c -- a machine out of the boot map and a list of memory blocks' states.
 *
 * Called by verify_steps.c. memory_blocks.txt has a line a block: its number, "online" or
 * "offline", and valid_zones: the zone it is in when online. The boot map cut down to the online
 * blocks, with the managed pages that the step's zoneinfo shows, is booted by rule: after a block
 * changes the kernel runs init_per_zone_wmark_min() again with exactly these (facts 12.4).
 */
#include "read/verify_blocks.h"
#include "base/fmt.h"
#include "read/capture_priv.h"

#include <stdlib.h>
#include <string.h>

enum block_state { BLOCK_UNLISTED, BLOCK_OFFLINE, BLOCK_KERNEL, BLOCK_MOVABLE };

struct blocks {
	uint64_t block_bytes;
	uint8_t *state; /* enum block_state by block number */
	size_t n;
};

#define MAX_BLOCKS ((size_t)1 << 22)

/* "12 online Movable": false for any other line. */
static bool parse_line(const char *s, size_t n, uint64_t *ret_block, enum block_state *ret_state)
{
	const char *blank = memchr(s, ' ', n);
	size_t used;

	if (!blank || nb_parse_u64(s, (size_t)(blank - s), ret_block))
		return false;
	used = (size_t)(blank - s) + 1;
	s += used;
	n -= used;
	if (n >= 7 && !memcmp(s, "offline", 7))
		*ret_state = BLOCK_OFFLINE;
	else if (n >= 14 && !memcmp(s, "online Movable", 14))
		*ret_state = BLOCK_MOVABLE;
	else if (n >= 6 && !memcmp(s, "online", 6))
		*ret_state = BLOCK_KERNEL;
	else
		return false;
	return true;
}

static int read_blocks(struct nb_verify *v, const char *step, struct blocks *b)
{
	size_t len, pos = 0, n;
	const char *text, *s;
	enum block_state state;
	uint64_t block;

	memset(b, 0, sizeof(*b));
	if (nb_tree_read(v->tree, "sys/devices/system/memory/block_size_bytes", &text, &len))
		return -NB_ENOENT;
	b->block_bytes = strtoull(text, NULL, 16);
	if (!b->block_bytes || b->block_bytes & (b->block_bytes - 1))
		return -NB_EINVAL;
	if (nb_tree_readf(v->tree, &text, &len, "steps/%s/memory_blocks.txt", step))
		return -NB_ENOENT;
	while (nb_next_line(text, len, &pos, &s, &n)) {
		if (!parse_line(s, n, &block, &state) || block >= MAX_BLOCKS)
			continue;
		if (block >= b->n) {
			b->state = nb_xrealloc(b->state, block + 1, 1);
			memset(b->state + b->n, BLOCK_UNLISTED, block + 1 - b->n);
			b->n = block + 1;
		}
		b->state[block] = (uint8_t)state;
	}
	return b->n ? 0 : -NB_EINVAL;
}

static enum block_state state_at(const struct blocks *b, uint64_t address)
{
	uint64_t i = address / b->block_bytes;

	return i < b->n ? (enum block_state)b->state[i] : BLOCK_UNLISTED;
}

/* The parts of a boot range that are online, split where the zone class changes. */
static int add_online(struct nb_machine *m, const struct nb_mem_range *r, const struct blocks *b)
{
	uint64_t at = r->start, end;
	int rc = 0;

	while (at < r->end && !rc) {
		enum block_state state = state_at(b, at);
		struct nb_mem_range part = *r;

		end = at;
		while (end < r->end && state_at(b, end) == state)
			end = (end / b->block_bytes + 1) * b->block_bytes;
		part.start = at;
		part.end = end < r->end ? end : r->end;
		part.flags = 0;
		if (state == BLOCK_MOVABLE)
			part.flags = NB_RANGE_HOTADDED | NB_RANGE_MOVABLE;
		if (state != BLOCK_OFFLINE && state != BLOCK_UNLISTED)
			rc = nb_machine_add_range(m, &part);
		at = part.end;
	}
	return rc;
}

/* Managed pages as the step shows them: those of init too, for all was computed anew. */
static int add_facts(struct nb_verify *v, struct nb_machine *m, const char *step)
{
	struct nb_zoneinfo z = {0};
	const char *text;
	size_t len, i;
	int rc;

	if (nb_tree_readf(v->tree, &text, &len, "steps/%s/proc/zoneinfo", step))
		return -NB_ENOENT;
	rc = nb_zoneinfo_parse(text, len, &z, NULL);
	for (i = 0; !rc && i < z.nr_zones; i++) {
		struct nb_zone_fact f = {.nid = z.zones[i].nid,
					 .type = (enum nb_zone_type)z.zones[i].type};

		if (z.zones[i].type < 0 ||
		    !nb_zoneinfo_get(&z.zones[i], NB_ZI_MANAGED, &f.managed_pages))
			continue;
		f.managed_at_init_pages = f.managed_pages;
		f.cma_pages = NB_UNKNOWN;
		rc = nb_machine_add_zone_fact(m, &f);
	}
	nb_zoneinfo_release(&z);
	return rc;
}

/* The words that shape ZONE_MOVABLE are left out: the blocks say what became of it. */
static int add_cmdline(struct nb_verify *v, struct nb_machine *m)
{
	const char *s = v->machine->cmdline;
	struct nb_text t = {0};
	int rc;

	while (*s) {
		size_t n = strcspn(s, " ");

		if (strncmp(s, "movable", 7) && strncmp(s, "kernelcore=", 11))
			nb_text_printf(&t, "%.*s ", (int)n, s);
		s += n + strspn(s + n, " ");
	}
	rc = nb_machine_add_cmdline(m, nb_text_str(&t));
	nb_text_release(&t);
	return rc;
}

static int add_hardware(const struct nb_verify *v, struct nb_machine *m)
{
	const struct nb_machine *from = v->machine;
	unsigned i;
	int rc = 0;

	m->name = nb_machine_strdup(m, from->name);
	m->release = nb_machine_strdup(m, from->release);
	m->arch = from->arch;
	m->arch_name = nb_machine_strdup(m, from->arch_name ? from->arch_name : "");
	m->page_shift = from->page_shift;
	m->profile = from->profile;
	m->lowmem_end = from->lowmem_end;
	m->dma_limit = from->dma_limit;
	for (i = 0; i < from->nr_nodes && !rc; i++)
		rc = nb_machine_add_node(m, &from->nodes[i]);
	for (i = 0; i < from->nr_cpus && !rc; i++)
		rc = nb_machine_add_cpu(m, &from->cpus[i]);
	if (!rc && from->distances)
		rc = nb_machine_set_distances(m, from->distances, from->nr_nodes);
	return rc;
}

static int boot_left(struct nb_verify *v, const char *step, const struct blocks *b,
		     struct nb_system **ret_sys)
{
	struct nb_machine *m = nb_machine_new(v->port);
	const struct nb_mem_range *r;
	struct nb_error err = {0};
	unsigned n, i;
	int rc;

	if (!m)
		return -NB_ENOMEM;
	rc = add_hardware(v, m);
	r = nb_system_memblock(v->sys, &n);
	for (i = 0; i < n && !rc; i++)
		rc = add_online(m, &r[i], b);
	rc = rc ? rc : add_cmdline(v, m);
	rc = rc ? rc : add_facts(v, m, step);
	rc = rc ? rc : nb_machine_seal(m, &err);
	rc = rc ? rc : nb_system_boot(v->port, m, NULL, ret_sys, &err);
	if (rc) {
		nb_machine_free(m);
		return rc;
	}
	v->step_machine = nb_xrealloc(v->step_machine, v->nr_step_machines + 1, sizeof(m));
	v->step_machine[v->nr_step_machines++] = m;
	return 0;
}

static bool same_blocks(const struct blocks *a, const struct blocks *b)
{
	return a->n == b->n && !memcmp(a->state, b->state, a->n);
}

/* As the capture itself shows its blocks? */
static bool same_as_captured(const struct nb_verify *v, const struct blocks *now)
{
	const struct nb_capture *c = v->capture;
	size_t i;

	for (i = 0; i < c->nr_blocks; i++) {
		enum block_state s = state_at(now, c->blocks[i].start);

		if (s == BLOCK_OFFLINE || (s == BLOCK_MOVABLE) != c->blocks[i].movable)
			return false;
	}
	return true;
}

/* Has no block changed from the first step up to `step`? */
static bool unchanged(struct nb_verify *v, const char *step, const struct blocks *now)
{
	size_t nr, i;
	const char *const *steps = nb_tree_list(v->tree, "steps", &nr);
	bool same = same_as_captured(v, now);

	for (i = 0; i < nr && same; i++) {
		struct blocks b;

		if (!read_blocks(v, steps[i], &b))
			same = same_blocks(&b, now);
		free(b.state);
		if (!strcmp(steps[i], step))
			break;
	}
	return same;
}

bool nb_verify_blocks_change(struct nb_verify *v)
{
	size_t nr, i;
	const char *const *steps = nb_tree_list(v->tree, "steps", &nr);
	bool change = false;

	for (i = 0; i < nr && !change; i++) {
		struct blocks b;

		change = !read_blocks(v, steps[i], &b) && !unchanged(v, steps[i], &b);
		free(b.state);
	}
	return change;
}

int nb_verify_boot_blocks(struct nb_verify *v, const char *step, struct nb_system **ret_sys)
{
	struct blocks b;
	char buf[256];
	int rc = read_blocks(v, step, &b);

	if (!rc && unchanged(v, step, &b)) {
		rc = nb_system_boot(v->port, v->machine, NULL, ret_sys, NULL);
		if (!rc &&
		    nb_sysctl_read(*ret_sys, "vm.lowmem_reserve_ratio", buf, sizeof(buf)) > 0)
			nb_sysctl_write(*ret_sys, "vm.lowmem_reserve_ratio", buf, NULL);
	} else if (!rc) {
		rc = boot_left(v, step, &b, ret_sys);
	}
	if (rc)
		nb_verify_note(v, "steps/%s: its memory blocks cannot be booted (%s)", step,
			       nb_errno_name(rc));
	free(b.state);
	return rc;
}
