/* report_machine.c -- builds and boots the machine of a failure report.
 *
 * Called by report_explain.c, once for what happened and once for each what-if. A report tells how
 * many blocks are free of each order and which migrate types are among them, not how many of each:
 * one block is given to each type told, the rest to the first of them, and pages of CMA and of
 * the high-order atomic reserve up to their own counts. Source: facts 12.10.
 */
#include "read/report_machine.h"
#include "base/hosted/text.h"
#include <string.h>

#define MAX_DROPS 64u
#define ATOMIC_BIT_SINCE 4004u
#define FIRST_KSWAPD_RECLAIM 0x2000000u /* the bit as it was first numbered, in 4.4 */
#define PC_LOW_PAGES 3840u              /* from 1 MiB to 16 MiB */
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

const struct nb_kernel_profile *nb_report_profile(const struct nb_report *r, const char *kernel)
{
	const struct nb_kernel_profile *p = kernel ? nb_kernel_by_key(kernel) : NULL;
	/* masks were printed without names before 4.6; KSWAPD_RECLAIM came with 4.4 */
	bool nameless = r->has_gfp && !r->gfp_names[0];
	const char *form = r->early                            ? "2.6.20"
			   : !nameless                         ? NULL
			   : r->gfp_raw & FIRST_KSWAPD_RECLAIM ? "4.4"
							       : "3.10";

	if (!p && (r->release[0] || form))
		p = nb_kernel_nearest(r->release[0] ? r->release : form, NULL);
	return p ? p : nb_kernel_at(0);
}

/* The names count where they are told: numbers moved between kernels, names hardly did. */
nb_gfp_t nb_report_gfp(const struct nb_report *r, const struct nb_kernel_profile *p)
{
	const char *bad;
	nb_gfp_t gfp;

	if (r->gfp_names[0] && !nb_gfp_parse(r->gfp_names, &gfp, &bad))
		return gfp;
	gfp = nb_gfp_from_kernel(r->gfp_raw, p);
	/* before 4.4 kswapd was always woken, and who could not wait was atomic by that */
	if (p->version < ATOMIC_BIT_SINCE && !(gfp & NB_GFP_BIT_DIRECT_RECLAIM))
		gfp |= NB_GFP_BIT_KSWAPD_RECLAIM | NB_GFP_BIT_ATOMIC;
	return gfp;
}

static bool has_zone(const struct nb_report *r, int type)
{
	for (unsigned i = 0; i < r->nr_zones; i++)
		if (r->zones[i].type == type && r->zones[i].has_zone)
			return true;
	return false;
}

static enum nb_arch arch_of(const struct nb_report *r, unsigned page_kib)
{
	uint64_t kib = 0;

	for (unsigned i = 0; i < r->nr_zones; i++)
		if (r->zones[i].has_zone)
			kib += r->zones[i].present;
	if (r->dma_is_low)
		return NB_ARCH_ARM;
	if (has_zone(r, NB_ZONE_HIGHMEM))
		return kib > 4 * GIB / 1024 || strstr(r->release, "pae") ? NB_ARCH_I386PAE
									 : NB_ARCH_I386;
	for (unsigned i = 0; i < r->nr_zones; i++)
		if (r->zones[i].type == NB_ZONE_DMA && r->zones[i].has_zone &&
		    r->zones[i].present > 16 * MIB / 1024)
			return NB_ARCH_ARM64; /* not a PC's 16 MiB */
	if (page_kib != 4 || strstr(r->release, "arm64") || strstr(r->release, "aarch64"))
		return NB_ARCH_ARM64;
	return NB_ARCH_X86_64;
}

/* Next free address of each kind of zone. */
struct layout {
	uint64_t next[NB_MAX_NR_ZONES];
	uint64_t end[NB_MAX_NR_ZONES]; /* 0: no limit */
};

static void begin_layout(struct layout *l, enum nb_arch arch, uint64_t low_bytes)
{
	*l = (struct layout){0};
	l->next[NB_ZONE_DMA] = 4096;
	l->end[NB_ZONE_DMA] = 16 * MIB;
	l->next[NB_ZONE_DMA32] = 16 * MIB;
	l->end[NB_ZONE_DMA32] = 4 * GIB;
	l->next[NB_ZONE_NORMAL] = 4 * GIB;
	if (arch == NB_ARCH_ARM64) {
		l->next[NB_ZONE_DMA] = 0;
		l->end[NB_ZONE_DMA] = GIB;
		l->next[NB_ZONE_DMA32] = GIB;
	}
	if (arch == NB_ARCH_ARM) {
		l->next[NB_ZONE_NORMAL] = 0;
		l->next[NB_ZONE_HIGHMEM] = low_bytes;
	}
	if (arch == NB_ARCH_I386 || arch == NB_ARCH_I386PAE) {
		l->next[NB_ZONE_NORMAL] = 16 * MIB;
		l->end[NB_ZONE_NORMAL] = 16 * MIB + low_bytes;
		l->next[NB_ZONE_HIGHMEM] = 16 * MIB + low_bytes;
	}
}

static uint64_t align_up(uint64_t x, uint64_t a)
{
	return (x + a - 1) / a * a;
}

static uint64_t pages_of(uint64_t kib, unsigned page_kib)
{
	return kib / page_kib;
}

static int add_zone(struct nb_machine *m, struct layout *l, const struct nb_report_zone *z,
		    unsigned page_kib, uint64_t *movable_at, struct nb_error *err)
{
	uint64_t managed = pages_of(z->managed, page_kib);
	uint64_t present = pages_of(z->present, page_kib);
	bool pc_low = z->type == NB_ZONE_DMA && m->arch != NB_ARCH_ARM64 && page_kib == 4 &&
		      present > PC_LOW_PAGES && present < 4096;

	/* what a PC reserves of its first 640 KiB lies anywhere there: it is left out */
	if (pc_low && managed > PC_LOW_PAGES)
		present = managed;
	/* up to 2.6 the zone had frame 0, too, which is never given out */
	if (z->type == NB_ZONE_DMA && m->arch != NB_ARCH_ARM64 && present == 4096 && page_kib == 4)
		present = managed = 4095;
	uint64_t bytes = present * page_kib * 1024;
	struct nb_mem_range range = {.type = NB_MEM_RAM, .nid = z->nid};
	struct nb_zone_fact fact = {.nid = z->nid, .type = (enum nb_zone_type)z->type};
	uint64_t *at = z->type == NB_ZONE_MOVABLE ? movable_at : &l->next[z->type];

	if (!bytes)
		return 0;
	if (bytes >> 46)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "node %d zone %s: present:%llukB is no size of memory", z->nid,
				    nb_zone_name((enum nb_zone_type)z->type),
				    (unsigned long long)z->present);
	range.start = *at;
	range.end = range.start + bytes;
	if (l->end[z->type] && range.end > l->end[z->type])
		return nb_error_set(err, -NB_EINVAL, 0,
				    "node %d zone %s: %llu KiB do not fit below %llu MiB", z->nid,
				    nb_zone_name((enum nb_zone_type)z->type),
				    (unsigned long long)z->present,
				    (unsigned long long)(l->end[z->type] / MIB));
	if (z->type == NB_ZONE_MOVABLE)
		range.flags = NB_RANGE_HOTADDED | NB_RANGE_MOVABLE;
	*at = align_up(range.end, 64 * MIB);
	if (z->type == NB_ZONE_DMA || z->type == NB_ZONE_DMA32)
		*at = align_up(range.end, 4 * MIB);
	fact.managed_pages = fact.managed_at_init_pages = managed;
	fact.present_pages = present;
	if (pc_low) {
		/* a PC's: up to 640 KiB, and from 1 MiB on */
		struct nb_mem_range high = range;

		range.end = range.start + (present - PC_LOW_PAGES) * 4096;
		high.start = MIB;
		high.end = 16 * MIB;
		if (nb_machine_add_range(m, &high))
			return -NB_ENOMEM;
	}
	return nb_machine_add_range(m, &range) || nb_machine_add_zone_fact(m, &fact) ? -NB_ENOMEM
										     : 0;
}

static int add_nodes(struct nb_machine *m, const struct nb_report *r)
{
	struct nb_nodemask seen = {0};
	int rc = 0;

	for (unsigned i = 0; i < r->nr_zones; i++) {
		int nid = r->zones[i].nid;

		if (seen.bits[nid / 64] >> nid % 64 & 1)
			continue;
		seen.bits[nid / 64] |= UINT64_C(1) << nid % 64;
		rc |= nb_machine_add_node(m, &(struct nb_node){.id = nid, .online = true});
		rc |= nb_machine_add_cpu(m, &(struct nb_cpu){.id = nid,
							     .nid = nid,
							     .online = true,
							     .package = -1,
							     .die = -1,
							     .cluster = -1,
							     .core = -1,
							     .llc = -1});
	}
	return rc;
}

static int fill(struct nb_machine *m, const struct nb_report *r, unsigned page_kib,
		struct nb_error *err)
{
	uint64_t low = 0, movable_at;
	struct layout l;

	for (unsigned i = 0; i < r->nr_zones; i++)
		if (r->zones[i].type == NB_ZONE_NORMAL && r->zones[i].has_zone)
			low += r->zones[i].present * 1024;
	begin_layout(&l, m->arch, align_up(low, 4 * MIB));
	if (m->arch == NB_ARCH_I386 || m->arch == NB_ARCH_I386PAE || m->arch == NB_ARCH_ARM)
		m->lowmem_end = l.next[NB_ZONE_HIGHMEM];
	if (m->arch == NB_ARCH_ARM64)
		m->dma_limit =
			has_zone(r, NB_ZONE_DMA) && has_zone(r, NB_ZONE_DMA32) ? GIB : 4 * GIB;
	if (m->arch == NB_ARCH_ARM64 && !has_zone(r, NB_ZONE_DMA32))
		l.end[NB_ZONE_DMA] = 4 * GIB;
	for (unsigned i = 0; i < r->nr_zones; i++) {
		int rc = 0;

		if (r->zones[i].has_zone && r->zones[i].type != NB_ZONE_MOVABLE)
			rc = add_zone(m, &l, &r->zones[i], page_kib, NULL, err);
		if (rc)
			return rc;
	}
	movable_at = 4 * GIB;
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		movable_at = l.next[t] > movable_at ? l.next[t] : movable_at;
	movable_at = align_up(movable_at, 2 * GIB);
	for (unsigned i = 0; i < r->nr_zones; i++) {
		int rc = 0;

		if (r->zones[i].has_zone && r->zones[i].type == NB_ZONE_MOVABLE)
			rc = add_zone(m, &l, &r->zones[i], page_kib, &movable_at, err);
		movable_at = align_up(movable_at, 2 * GIB);
		if (rc)
			return rc;
	}
	return add_nodes(m, r);
}

/* ---- the state ---- */

/* Blocks of one order dealt out over the types that the report names. */
static void deal(const struct nb_report_zone *z, unsigned o, uint64_t *highatomic, uint64_t *cma,
		 struct nb_zone_observed *obs)
{
	static const unsigned main_types[] = {NB_MIGRATE_MOVABLE, NB_MIGRATE_UNMOVABLE,
					      NB_MIGRATE_RECLAIMABLE};
	uint64_t left = z->nr_free[o];
	unsigned letters = z->letters[o], first = NB_MIGRATE_MOVABLE;
	uint64_t *special[] = {highatomic, cma};
	const unsigned special_mt[] = {NB_MIGRATE_HIGHATOMIC, NB_MIGRATE_CMA};
	bool any_main = false;

	for (unsigned i = 0; i < 3; i++)
		any_main |= letters >> main_types[i] & 1;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = *special[i] >> o;

		if (!(letters >> special_mt[i] & 1))
			continue;
		if (any_main && n >= left)
			n = left ? left - 1 : 0;
		if (!any_main || n > left)
			n = left;
		obs->nr_free_by_type[special_mt[i]][o] = n;
		*special[i] -= n << o < *special[i] ? n << o : *special[i];
		left -= n;
	}
	for (unsigned i = 3; i-- > 0;) {
		if (!(letters >> main_types[i] & 1))
			continue;
		first = main_types[i];
		if (left) {
			obs->nr_free_by_type[main_types[i]][o]++;
			left--;
		}
	}
	obs->nr_free_by_type[first][o] += left;
}

/* The report's lowmem_reserve[] counts that kernel's own zones. */
static void reserves(const struct nb_system *sys, const struct nb_report *r,
		     const struct nb_report_zone *z, uint64_t *ret)
{
	struct nb_system_info info;
	unsigned at = r->dma_is_low ? 1 : 0; /* its own DMA, which a Normal request may not use */

	nb_system_info(sys, &info);
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		ret[t] = 0;
		if (!(info.zones >> t & 1))
			continue;
		if (at < z->nr_reserve)
			ret[t] = z->reserve_pages[at];
		at++;
	}
}

static void marks(const struct nb_report_zone *z, unsigned page_kib, uint64_t *w)
{
	uint64_t boost = z->boost;
	const uint64_t v[] = {z->min, z->low, z->high};

	for (unsigned i = 0; i < 3; i++)
		w[i] = v[i] == NB_REPORT_UNKNOWN
			       ? 0
			       : pages_of(v[i] - (boost < v[i] ? boost : v[i]), page_kib);
	w[NB_WMARK_PROMO] = w[NB_WMARK_HIGH] + (w[NB_WMARK_HIGH] - w[NB_WMARK_LOW]);
}

static void change_zone(const struct nb_report_change *c, const struct nb_report_zone *z,
			struct nb_zone_observed *obs)
{
	if (!c || c->type != z->type || c->nid != z->nid)
		return;
	obs->nr_free_by_type[NB_MIGRATE_MOVABLE][0] += c->single_pages;
	if (c->block_order >= 0 && c->block_order < NB_NR_ORDERS)
		obs->nr_free_by_type[NB_MIGRATE_UNMOVABLE][c->block_order]++;
}

static void pageblocks(const struct nb_system *sys, const struct nb_report_zone *z,
		       unsigned page_kib, struct nb_zone_observed *obs)
{
	uint64_t total = 0, high = pages_of(z->reserved_highatomic, page_kib), cma = 0;
	struct nb_system_info info;
	struct nb_zone_info now;

	nb_system_info(sys, &info);
	if (nb_zone_info(sys, z->nid, (enum nb_zone_type)z->type, &now))
		return;
	for (unsigned t = 0; t < NB_MIGRATE_TYPES; t++)
		total += now.nr_pageblocks[t];
	high = (high + (UINT64_C(1) << info.pageblock_order) - 1) >> info.pageblock_order;
	for (unsigned o = 0; o <= info.max_order; o++)
		cma += obs->nr_free_by_type[NB_MIGRATE_CMA][o] << o;
	cma = (cma + (UINT64_C(1) << info.pageblock_order) - 1) >> info.pageblock_order;
	if (!high && !cma)
		return;
	if (high + cma > total)
		return;
	obs->nr_pageblocks[NB_MIGRATE_HIGHATOMIC] = high;
	obs->nr_pageblocks[NB_MIGRATE_CMA] = cma;
	obs->nr_pageblocks[NB_MIGRATE_MOVABLE] = total - high - cma;
}

/* Free blocks of the ordinary types count as movable ones. */
static void all_movable(struct nb_zone_observed *obs)
{
	for (unsigned o = 0; o < NB_NR_ORDERS; o++) {
		uint64_t *v[] = {&obs->nr_free_by_type[NB_MIGRATE_UNMOVABLE][o],
				 &obs->nr_free_by_type[NB_MIGRATE_RECLAIMABLE][o]};

		for (unsigned i = 0; i < 2; i++) {
			obs->nr_free_by_type[NB_MIGRATE_MOVABLE][o] += *v[i];
			*v[i] = 0;
		}
	}
}

/* One of the smallest free blocks goes. False: none is left. */
static bool drop_smallest(struct nb_zone_observed *obs)
{
	for (unsigned o = 0; o < NB_NR_ORDERS; o++) {
		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
			if (!obs->nr_free_by_type[mt][o])
				continue;
			obs->nr_free_by_type[mt][o]--;
			return true;
		}
	}
	return false;
}

/* 0; or -NB_EINVAL: even plain free blocks do not fit. */
static int set_zone(struct nb_system *sys, const struct nb_report *r,
		    const struct nb_report_zone *z, const struct nb_report_change *c,
		    unsigned page_kib, unsigned *approximate)
{
	uint64_t w[NB_NR_WMARK], reserve[NB_MAX_NR_ZONES];
	uint64_t highatomic = pages_of(z->reserved_highatomic, page_kib);
	uint64_t cma = pages_of(z->free_cma, page_kib);
	struct nb_zone_observed obs = {.wmark_pages = w, .protection_pages = reserve};
	struct nb_report_zone plain;
	struct nb_system_info info;

	nb_system_info(sys, &info);
	marks(z, page_kib, w);
	reserves(sys, r, z, reserve);
	if (c && c->no_reserve)
		memset(reserve, 0, sizeof(reserve));
	obs.boost_pages = c && c->no_boost ? 0 : pages_of(z->boost, page_kib);
	if (c && c->no_highatomic) {
		highatomic = 0;
		plain = *z;
		for (unsigned o = 0; o < plain.nr_orders; o++)
			plain.letters[o] &= (uint8_t) ~(1u << NB_MIGRATE_HIGHATOMIC);
		z = &plain;
	}
	for (unsigned o = z->nr_orders; o-- > 0;)
		if (o <= info.max_order)
			deal(z, o, &highatomic, &cma, &obs);
		else if (o - info.max_order < 8 && z->nr_free[o] < UINT64_C(1) << 40)
			/* kernels with larger blocks than the profile's */
			obs.nr_free_by_type[NB_MIGRATE_MOVABLE][info.max_order] +=
				z->nr_free[o] << (o - info.max_order);
	if (!z->nr_orders && z->free != NB_REPORT_UNKNOWN)
		obs.nr_free_by_type[NB_MIGRATE_MOVABLE][0] = pages_of(z->free, page_kib);
	change_zone(c, z, &obs);
	if (!(c && c->no_highatomic))
		pageblocks(sys, z, page_kib, &obs);
	if (!nb_zone_set_observed(sys, z->nid, (enum nb_zone_type)z->type, &obs, NULL))
		return 0;
	/* Once more without types, then without the smallest blocks: where holes and reserved pages
	 * lie is not known, and two free halves of a block cannot stand side by side. */
	memset(obs.nr_pageblocks, 0, sizeof(obs.nr_pageblocks));
	all_movable(&obs);
	(*approximate)++;
	for (unsigned tries = 0; tries < MAX_DROPS; tries++) {
		if (!nb_zone_set_observed(sys, z->nid, (enum nb_zone_type)z->type, &obs, NULL))
			return 0;
		for (unsigned i = 0; i <= tries * tries; i++)
			if (!drop_smallest(&obs))
				return -NB_EINVAL;
	}
	return -NB_EINVAL;
}

static int check(const struct nb_report *r, struct nb_error *err)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < r->nr_zones; i++)
		usable += r->zones[i].has_zone && r->zones[i].min != NB_REPORT_UNKNOWN &&
			  r->zones[i].managed != NB_REPORT_UNKNOWN && r->zones[i].managed;
	if (!usable)
		return nb_error_set(
			err, -NB_EINVAL, r->line,
			"the report has no zone with free, min and managed or present: no "
			"machine can be rebuilt from it");
	return 0;
}

int nb_report_rebuild(const struct nb_report *r, const char *kernel,
		      const struct nb_report_change *change, struct nb_rebuilt *ret,
		      struct nb_error *err)
{
	unsigned page_kib = r->page_kib ? r->page_kib : 4;
	int rc = check(r, err);

	*ret = (struct nb_rebuilt){0};
	if (rc)
		return rc;
	nb_port_posix(&ret->port, false);
	ret->machine = nb_machine_new(&ret->port);
	if (!ret->machine)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory");
	ret->machine->name = nb_machine_strdup(ret->machine, "report");
	ret->machine->release = nb_machine_strdup(ret->machine, r->release);
	ret->machine->profile = nb_report_profile(r, kernel);
	ret->machine->arch = arch_of(r, page_kib);
	while (1u << (ret->machine->page_shift - 10) < page_kib)
		ret->machine->page_shift++;
	rc = fill(ret->machine, r, page_kib, err);
	if (!rc)
		rc = nb_machine_seal(ret->machine, err);
	if (!rc)
		rc = nb_system_boot(&ret->port, ret->machine, NULL, &ret->sys, err);
	for (unsigned i = 0; !rc && i < r->nr_zones; i++)
		if (r->zones[i].has_zone && r->zones[i].managed)
			rc = set_zone(ret->sys, r, &r->zones[i], change, page_kib,
				      &ret->approximate)
				     ? nb_error_set(
					       err, -NB_EINVAL, r->line,
					       "node %d zone %s: its free blocks do not fit its "
					       "managed pages",
					       r->zones[i].nid,
					       nb_zone_name((enum nb_zone_type)r->zones[i].type))
				     : 0;
	if (rc)
		nb_rebuilt_release(ret);
	return rc;
}

void nb_rebuilt_release(struct nb_rebuilt *b)
{
	if (b->sys)
		nb_system_shutdown(b->sys);
	if (b->machine)
		nb_machine_free(b->machine);
	b->sys = NULL;
	b->machine = NULL;
}
