/* movable.c -- where ZONE_MOVABLE begins on each node.
 *
 * Called by zone.c once the zones' possible ranges are known. kernelcore= or movablecore= (a size
 * or a share) spread memory that the kernel itself may use over the nodes with memory, from the
 * bottom of each; kernelcore=mirror leaves it the mirrored memory; movable_node gives hot-pluggable
 * memory away. The result is rounded up to a max-order block; a start past the node's end means
 * none. Units: pfns, pages. Source: mm/mm_init.c:find_zone_movable_pfns_for_nodes(); facts 1.5.
 */
#include "base/fmt.h"
#include "mm/boot.h"
#include "mm/memblock.h"

struct core_request {
	uint64_t kernel_pages, movable_pages;
	uint64_t kernel_percent, movable_percent;
	bool mirror;
};

/* A comma-separated list with the word in it. */
static bool list_has(const char *s, size_t len, const char *word)
{
	while (len) {
		size_t n = 0;

		while (n < len && s[n] != ',')
			n++;
		if (nb_str_is(s, n, word))
			return true;
		n += n < len;
		s += n;
		len -= n;
	}
	return false;
}

static void read_amount(const struct nb_system *sys, const char *s, size_t len, uint64_t *pages,
			uint64_t *percent)
{
	size_t used;
	uint64_t v = nb_strtoull(s, len, &used);

	if (used < len && s[used] == '%') {
		*percent = v;
		return;
	}
	*pages = nb_memparse(s, len, &used) >> sys->page_shift;
	*percent = 0;
}

static struct core_request read_request(const struct nb_system *sys)
{
	struct core_request r = {0};
	size_t pos = 0, len;
	const char *s;

	while ((s = nb_machine_option_next(sys->machine, "kernelcore=", &pos, &len))) {
		if (list_has(s, len, "mirror"))
			r.mirror = true;
		else
			read_amount(sys, s, len, &r.kernel_pages, &r.kernel_percent);
	}
	pos = 0;
	while ((s = nb_machine_option_next(sys->machine, "movablecore=", &pos, &len)))
		read_amount(sys, s, len, &r.movable_pages, &r.movable_percent);
	return r;
}

static void lower_start(struct nb_system *sys, int nid, nb_pfn_t pfn)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);

	if (!p->movable_start_pfn || pfn < p->movable_start_pfn)
		p->movable_start_pfn = pfn;
}

static void start_at_hotplug(struct nb_system *sys)
{
	nb_pfn_t start, end;

	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		if (nb_memblock_pfns(sys, i, &start, &end) &&
		    sys->memblock[i].flags & NB_RANGE_HOTPLUG)
			lower_start(sys, sys->memblock[i].nid, start);
	}
}

/* false: kernelcore=mirror is not in force. */
static bool start_at_unmirrored(struct nb_system *sys)
{
	nb_pfn_t start, end, low_end = (UINT64_C(1) << 32) >> sys->page_shift;
	bool any = false, low = false;

	for (unsigned i = 0; i < sys->nr_memblock; i++)
		any |= nb_memblock_pfns(sys, i, &start, &end) &&
		       sys->memblock[i].flags & NB_RANGE_MIRROR;
	if (!any && sys->profile->mirror_checked) {
		nb_boot_message(sys, "The system has no mirror memory, ignore kernelcore=mirror.");
		return false;
	}
	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		if (!nb_memblock_pfns(sys, i, &start, &end) ||
		    sys->memblock[i].flags & NB_RANGE_MIRROR)
			continue;
		if (start < low_end)
			low = true;
		else
			lower_start(sys, sys->memblock[i].nid, start);
	}
	if (low)
		nb_boot_message(sys, "This configuration results in unmirrored kernel memory.");
	return true;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How much the kernel is to keep for itself, in all; 0: nothing was asked. */
static uint64_t kernel_share(const struct nb_system *sys, struct core_request r, uint64_t total)
{
	uint64_t block = UINT64_C(1) << sys->max_order;

	if (r.kernel_percent)
		r.kernel_pages = total * 100 * r.kernel_percent / 10000;
	if (r.movable_percent)
		r.movable_pages = total * 100 * r.movable_percent / 10000;
	if (r.movable_pages) {
		uint64_t movable = (r.movable_pages + block - 1) & ~(block - 1), core;

		core = total - least(movable, total);
		if (core > r.kernel_pages)
			r.kernel_pages = core;
	}
	return r.kernel_pages;
}

/* What one range of a node can give: memory below `usable_start` is the kernel's anyway and counts,
 * of the rest it takes up to *left. Moves the node's Movable start behind what was taken. true: the
 * node has given its part (a range that is all low does not end the walk). */
static bool take_range(struct nb_pgdat *p, nb_pfn_t start, nb_pfn_t end, nb_pfn_t usable_start,
		       uint64_t *left, uint64_t *required)
{
	uint64_t n;

	if (start < p->movable_start_pfn)
		start = p->movable_start_pfn;
	if (start >= end)
		return false;
	if (start < usable_start) {
		n = least(end, usable_start) - start;
		*left -= least(n, *left);
		*required -= least(n, *required);
		if (end <= usable_start) {
			p->movable_start_pfn = end;
			return false;
		}
		start = usable_start;
	}
	n = least(end - start, *left);
	p->movable_start_pfn = start + n;
	*required -= least(n, *required);
	*left -= n;
	return *left == 0;
}

/* Spreads the kernel's share evenly; what a small node cannot give is spread again over the others.
 */
static void spread(struct nb_system *sys, const struct nb_node_ranges *r, uint64_t required,
		   unsigned nr_nodes)
{
	nb_pfn_t usable_start = sys->zone_low_pfn[sys->movable_zone], start, end;

	for (; nr_nodes; nr_nodes--) {
		uint64_t per_node = required / nr_nodes;

		for (unsigned n = 0; n < sys->nr_pgdat; n++) {
			uint64_t left;
			bool done = false;

			if (r->first[n] == r->first[n + 1])
				continue;
			if (required < per_node)
				per_node = required / nr_nodes;
			left = per_node;
			for (unsigned k = r->first[n]; k < r->first[n + 1] && !done; k++) {
				nb_memblock_pfns(sys, r->index[k], &start, &end);
				done = take_range(sys->pgdat[n], start, end, usable_start, &left,
						  &required);
			}
		}
		if (required <= nr_nodes - 1)
			break;
	}
}

static void spread_kernelcore(struct nb_system *sys, const struct core_request *req)
{
	struct nb_node_ranges r;
	uint64_t total = 0, required;
	unsigned nr_nodes = 0;
	nb_pfn_t start, end;

	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		if (nb_memblock_pfns(sys, i, &start, &end))
			total += end - start;
	}
	required = kernel_share(sys, *req, total);
	if (!required || required >= total || nb_sort_by_node(sys, &r))
		return;
	for (unsigned n = 0; n < sys->nr_pgdat; n++)
		nr_nodes += r.first[n] != r.first[n + 1];
	spread(sys, &r, required, nr_nodes);
}

static void round_starts(struct nb_system *sys)
{
	uint64_t block = UINT64_C(1) << sys->max_order;

	for (unsigned n = 0; n < sys->nr_pgdat; n++) {
		struct nb_pgdat *p = sys->pgdat[n];
		nb_pfn_t end = p->node_start_pfn + p->node_spanned_pages;

		p->movable_start_pfn = (p->movable_start_pfn + block - 1) & ~(block - 1);
		if (p->movable_start_pfn >= end)
			p->movable_start_pfn = 0;
	}
}

void nb_find_zone_movable_pfns(struct nb_system *sys, bool *ret_mirror)
{
	struct core_request req;

	*ret_mirror = false;
	if (!nb_zone_configured(sys, NB_ZONE_MOVABLE))
		return;
	req = read_request(sys);
	if (nb_machine_option(sys->machine, "movable_node", NULL))
		start_at_hotplug(sys);
	else if (req.mirror)
		*ret_mirror = start_at_unmirrored(sys);
	else
		spread_kernelcore(sys, &req);
	round_starts(sys);
}
