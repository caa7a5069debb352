/* memblock.c -- memory as boot sees it: RAM with its nodes, in address order.
 *
 * nb_boot_memory() is the first step of boot: RAM from the firmware map (e820.c), nodes from
 * SRAT, numa=fake or nothing (numa.c), and from both sys->memblock: sorted, without overlaps, whole
 * pages, neighbours of one node and one kind joined, RAM that no node covers left out. Ranges that
 * came after boot stand there too, flagged NB_RANGE_HOTADDED. Cost is O(n log n) in ranges. Source:
 * mm/memblock.c, arch/x86/mm/numa.c:numa_register_memblks(); facts 1.2, 1.3, 12.4.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/boot.h"
#include "mm/memblock.h"

int nb_regions_add(struct nb_arena *a, struct nb_regions *l, const struct nb_mem_range *r)
{
	if (r->start >= r->end)
		return 0;
	if (l->nr == l->cap) {
		unsigned cap = l->cap ? 2 * l->cap : 16;
		struct nb_mem_range *v = nb_arena_alloc(a, cap * sizeof(*v));

		if (!v)
			return -NB_ENOMEM;
		if (l->nr)
			memcpy(v, l->v, l->nr * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->nr++] = *r;
	return 0;
}

static int cmp_start(const void *a, const void *b)
{
	const struct nb_mem_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

int nb_regions_sort(struct nb_arena *a, struct nb_regions *l)
{
	void *tmp;
	unsigned i = 1;

	while (i < l->nr && l->v[i - 1].start <= l->v[i].start)
		i++;
	if (i >= l->nr)
		return 0;
	tmp = nb_arena_alloc(a, l->nr * sizeof(*l->v));
	if (!tmp)
		return -NB_ENOMEM;
	nb_sort(l->v, l->nr, sizeof(*l->v), tmp, cmp_start);
	return 0;
}

void nb_regions_join(struct nb_regions *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->nr; i++) {
		struct nb_mem_range *last = n ? &l->v[n - 1] : NULL, *r = &l->v[i];

		if (last && last->end == r->start && last->type == r->type && last->nid == r->nid &&
		    last->flags == r->flags)
			last->end = r->end;
		else
			l->v[n++] = *r;
	}
	l->nr = n;
}

int nb_regions_paint(struct nb_arena *a, struct nb_regions *list, const struct nb_regions *painters)
{
	struct nb_regions out = {0};
	unsigned p = 0;
	int err = 0;

	for (unsigned i = 0; i < list->nr; i++) {
		struct nb_mem_range rest = list->v[i];

		while (p < painters->nr && painters->v[p].end <= rest.start)
			p++;
		/* A painter may reach into the next range: `q` walks, `p` stays. */
		for (unsigned q = p; !err && q < painters->nr && painters->v[q].start < rest.end;
		     q++) {
			const struct nb_mem_range *paint = &painters->v[q];
			struct nb_mem_range piece = rest;

			if (paint->start > rest.start) {
				piece.end = paint->start;
				err = nb_regions_add(a, &out, &piece);
				piece = rest;
				piece.start = paint->start;
			}
			if (paint->end < piece.end)
				piece.end = paint->end;
			if (paint->nid != NB_NO_NODE)
				piece.nid = paint->nid;
			piece.flags |= paint->flags;
			if (!err)
				err = nb_regions_add(a, &out, &piece);
			rest.start = piece.end;
		}
		if (!err)
			err = nb_regions_add(a, &out, &rest);
		if (err)
			return err;
	}
	*list = out;
	return 0;
}

unsigned nb_regions_first_past(const struct nb_regions *l, uint64_t addr)
{
	unsigned lo = 0, hi = l->nr;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (l->v[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool nb_regions_overlap(const struct nb_regions *l, uint64_t start, uint64_t end)
{
	unsigned i = nb_regions_first_past(l, start);

	return start < end && i < l->nr && l->v[i].start < end;
}

uint64_t nb_regions_bytes(const struct nb_regions *l, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;
	unsigned lo = nb_regions_first_past(l, start);

	for (; lo < l->nr && l->v[lo].start < end; lo++) {
		uint64_t s = l->v[lo].start > start ? l->v[lo].start : start;
		uint64_t e = l->v[lo].end < end ? l->v[lo].end : end;

		sum += e - s;
	}
	return sum;
}

int nb_sort_by_node(struct nb_system *sys, struct nb_node_ranges *ret)
{
	unsigned *first = nb_arena_alloc(sys->arena, (sys->nr_pgdat + 2) * sizeof(*first));
	unsigned *index = nb_arena_alloc(sys->arena, (sys->nr_memblock + 1) * sizeof(*index));
	nb_pfn_t start, end;

	if (!first || !index)
		return -NB_ENOMEM;
	/* Counted two places on, so that first[] is right once the index is filled. */
	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		if (nb_memblock_pfns(sys, i, &start, &end))
			first[nb_node_data(sys, sys->memblock[i].nid)->index + 2]++;
	}
	for (unsigned n = 2; n < sys->nr_pgdat + 2; n++)
		first[n] += first[n - 1];
	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		if (nb_memblock_pfns(sys, i, &start, &end))
			index[first[nb_node_data(sys, sys->memblock[i].nid)->index + 1]++] = i;
	}
	ret->first = first;
	ret->index = index;
	return 0;
}

/* Hot-pluggable ranges of the SRAT (or of the node ranges), joined where they overlap. */
static int hotplug_ranges(struct nb_layout_boot *b, struct nb_regions *out)
{
	const struct nb_mem_range *v = b->from_firmware ? b->m->affinity : b->m->ranges;
	unsigned nr = b->from_firmware ? b->m->nr_affinity : b->m->nr_ranges, n = 0;
	int err = 0;

	for (unsigned i = 0; i < nr && !err; i++) {
		struct nb_mem_range r = {.start = v[i].start,
					 .end = v[i].end,
					 .nid = NB_NO_NODE,
					 .flags = NB_RANGE_HOTPLUG};

		if ((v[i].flags & (NB_RANGE_HOTPLUG | NB_RANGE_HOTADDED)) == NB_RANGE_HOTPLUG)
			err = nb_regions_add(b->arena, out, &r);
	}
	if (!err)
		err = nb_regions_sort(b->arena, out);
	for (unsigned i = 0; i < out->nr && !err; i++) {
		if (n && out->v[n - 1].end >= out->v[i].start) {
			if (out->v[i].end > out->v[n - 1].end)
				out->v[n - 1].end = out->v[i].end;
		} else {
			out->v[n++] = out->v[i];
		}
	}
	out->nr = n;
	return err;
}

/* Did the kernel use memory of this range before it knew of nodes? The first page of all always;
 * its image and the initrd where the machine says, on x86 else the image at 16 MiB. */
static bool used_early(const struct nb_layout_boot *b, const struct nb_mem_range *r)
{
	const struct nb_machine *m = b->m;

	if (r->start == b->dram_start)
		return true;
	for (unsigned i = 0; i < m->nr_early; i++) {
		if (m->early[i].start < r->end && m->early[i].end > r->start)
			return true;
	}
	return !m->nr_early && nb_arch_is_x86(m->arch) && r->start <= 0x1000000 &&
	       r->end > 0x1000000;
}

/* A node with such memory cannot be unplugged: its flag goes.
 * Source: numa_clear_kernel_node_hotplug(). */
static void clear_kernel_node_hotplug(const struct nb_layout_boot *b)
{
	struct nb_nodemask kernel_nodes = {{0}};

	for (unsigned i = 0; i < b->ram.nr; i++) {
		if (b->ram.v[i].nid >= 0 && used_early(b, &b->ram.v[i]))
			nb_nodemask_set(&kernel_nodes, b->ram.v[i].nid);
	}
	for (unsigned i = 0; i < b->ram.nr; i++) {
		struct nb_mem_range *r = &b->ram.v[i];

		if (r->nid >= 0 && nb_nodemask_test(&kernel_nodes, r->nid))
			r->flags &= ~(unsigned)NB_RANGE_HOTPLUG;
	}
}

/* RAM that no node covers is nobody's: Linux keeps it in memblock and never uses it. */
static void drop_uncovered(struct nb_regions *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->nr; i++) {
		if (l->v[i].nid != NB_NO_NODE)
			l->v[n++] = l->v[i];
	}
	l->nr = n;
}

/* RAM cut by node blocks and hot-pluggable ranges. */
static int assign_nodes(struct nb_layout_boot *b)
{
	struct nb_regions blocks = {0}, hotplug = {0};
	int err = 0;

	for (unsigned i = 0; i < b->blocks.nr && !err; i++) {
		struct nb_mem_range r = b->blocks.v[i];

		r.flags = 0;
		err = nb_regions_add(b->arena, &blocks, &r);
	}
	if (!err)
		err = nb_regions_sort(b->arena, &blocks);
	if (!err)
		err = nb_regions_paint(b->arena, &b->ram, &blocks);
	if (!err)
		err = hotplug_ranges(b, &hotplug);
	if (!err && hotplug.nr)
		err = nb_regions_paint(b->arena, &b->ram, &hotplug);
	if (err)
		return err;
	if (hotplug.nr)
		clear_kernel_node_hotplug(b);
	drop_uncovered(&b->ram);
	nb_regions_join(&b->ram);
	return 0;
}

/* Memory that was onlined after boot. Its node may not exist in this boot (numa=off). */
static int add_hot_added(struct nb_layout_boot *b)
{
	struct nb_regions added = {0}, all = {0};
	int err = 0;

	for (unsigned i = 0; i < b->m->nr_ranges && !err; i++) {
		struct nb_mem_range r = b->m->ranges[i];

		if (!(r.flags & NB_RANGE_HOTADDED) || r.type != NB_MEM_RAM)
			continue;
		if (!nb_nodemask_test(&b->parsed, r.nid))
			r.nid = (int)nb_nodemask_next(&b->parsed, 0);
		if (nb_regions_overlap(&b->ram, r.start, r.end))
			return nb_error_set(
				b->err, -NB_EINVAL, r.line,
				"ranges: 0x%llx-0x%llx is said to be hot-added, but is RAM at boot",
				(unsigned long long)r.start, (unsigned long long)r.end - 1);
		err = nb_regions_add(b->arena, &added, &r);
	}
	for (unsigned i = 0, j = 0; !err && i + j < b->ram.nr + added.nr;) {
		bool old = j == added.nr || (i < b->ram.nr && b->ram.v[i].start < added.v[j].start);

		err = nb_regions_add(b->arena, &all, old ? &b->ram.v[i++] : &added.v[j++]);
	}
	b->ram = all;
	return err;
}

static int check_node_sizes(const struct nb_layout_boot *b)
{
	uint64_t pages[NB_MAX_NODES] = {0};

	for (unsigned i = 0; i < b->ram.nr; i++) {
		const struct nb_mem_range *r = &b->ram.v[i];

		pages[r->nid] += (r->end - r->start) >> b->sys->page_shift;
		if (pages[r->nid] > NB_MAX_NODE_PAGES)
			return nb_error_set(b->err, -NB_EOVERFLOW, r->line,
					    "memory of node %d: more than %llu pages, the most "
					    "that a node can hold",
					    r->nid, (unsigned long long)NB_MAX_NODE_PAGES);
	}
	return 0;
}

int nb_boot_memory(struct nb_system *sys, struct nb_error *err)
{
	struct nb_layout_boot *b = nb_arena_alloc(sys->arena, sizeof(*b));
	int ret;

	if (!b)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for the layout");
	b->sys = sys;
	b->m = sys->machine;
	b->arena = sys->arena;
	b->err = err;
	b->from_firmware = b->m->nr_firmware != 0;
	ret = nb_boot_ram(b);
	if (!ret && !b->ram.nr)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "memory: the command line leaves none (mem=, memmap=)");
	if (!ret)
		ret = nb_boot_numa(b);
	if (!ret)
		ret = assign_nodes(b);
	if (!ret && !b->ram.nr)
		ret = nb_error_set(err, -NB_EINVAL, 0, "memory: no RAM belongs to a node");
	if (!ret)
		ret = add_hot_added(b);
	if (!ret)
		ret = check_node_sizes(b);
	sys->memblock = b->ram.v;
	sys->nr_memblock = b->ram.nr;
	if (!ret)
		ret = nb_boot_nodes(b);
	if (ret == -NB_ENOMEM)
		nb_error_set(err, ret, 0, "no memory for the layout");
	return ret;
}
