/* pcp_setup.c -- how many pages a page set takes at once, and how many it may hold.
 *
 * Called by boot and by sysctls that change a zone's pages or marks; sets that exist already get
 * the new limits. A batch goes by the zone's pages; the highest number by the low mark, or by a
 * fraction of the zone, shared by the CPUs of its node. Units: base pages. Source:
 * mm/page_alloc.c: zone_batchsize(), zone_highsize(), setup_zone_pageset(),
 * zone_set_pageset_high_and_batch(); facts 5.5.
 */
#include "mm/pcp.h"

#include "mm/boot.h"
#include "mm/vmstat.h"

void nb_pcp_set_limits(const struct nb_zone *z, struct nb_pcp *pcp)
{
	pcp->batch = z->pageset_batch;
	pcp->high_min = z->pageset_high_min;
	pcp->high_max = z->pageset_high_max;
	if (z->sys->profile->pcp_style == NB_PCP_FIXED)
		pcp->high = z->pageset_high_max;
}

int nb_pcp_info(const struct nb_system *sys, int nid, enum nb_zone_type type, int cpu,
		struct nb_pcp_info *ret_info)
{
	struct nb_pgdat *pgdat = nb_node_data(sys, nid);

	if (!pgdat)
		return -NB_ENODEV;
	if ((unsigned)type >= NB_MAX_NR_ZONES || cpu < 0 || cpu >= (int)sys->nr_cpu_ids)
		return -NB_EINVAL;
	struct nb_zone *z = &pgdat->zone[type];
	struct nb_pcp *pcp = nb_zone_pcp_peek(z, cpu);
	struct nb_pcp unused = {.count = 0};

	if (!pcp) {
		pcp = &unused;
		nb_pcp_set_limits(z, pcp);
	}
	nb_pcp_lock(pcp, sys);
	*ret_info = (struct nb_pcp_info){.count = (unsigned)pcp->count,
					 .high = (unsigned)pcp->high,
					 .batch = (unsigned)pcp->batch,
					 .high_min = (unsigned)pcp->high_min,
					 .high_max = (unsigned)pcp->high_max};
	nb_pcp_unlock(pcp);
	return 0;
}

/* Managed pages of now, or of the time when boot set page sets: before init memory was freed. */
static uint64_t managed(const struct nb_zone *z, bool at_init)
{
	return at_init && z->managed_at_init_pages != NB_UNKNOWN ? z->managed_at_init_pages
								 : z->managed_pages;
}

/* The pages that a zone's sets are sized by. Kernels that size them before deferred struct pages
 * are there, and never again, know one section of a node's last zone, up to its border. */
static uint64_t sized_by(const struct nb_zone *z, bool at_init)
{
	unsigned shift = z->sys->machine->arch == NB_ARCH_ARM64 ? 30 : 27; /* SECTION_SIZE_BITS */
	uint64_t n = managed(z, at_init), section = UINT64_C(1) << (shift - z->sys->page_shift);
	nb_pfn_t end = nb_zone_end_pfn(z), known = z->zone_start_pfn + section;

	if (!z->sys->profile->pcp_before_deferred ||
	    end < z->pgdat->node_start_pfn + z->pgdat->node_spanned_pages)
		return n;
	known = (known + section - 1) & ~(section - 1);
	return known < end && n > known - z->zone_start_pfn ? known - z->zone_start_pfn : n;
}

/* 0 for zones below 8 MiB or so. Source: zone_batchsize(). */
static int raw_batch_of(const struct nb_zone *z, bool at_init)
{
	uint64_t cap = ((uint64_t)z->sys->profile->pcp_batch_max_kib << 10) >> z->sys->page_shift;
	uint64_t b = sized_by(z, at_init) >> 10;

	b = (b < cap ? b : cap) / 4;
	if (b < 1)
		b = 1;
	b += b / 2;
	while (b & (b - 1))
		b &= b - 1;
	return (int)b - 1;
}

static int batch_of(const struct nb_zone *z, bool at_init)
{
	return nb_pcp_max(raw_batch_of(z, at_init), 1);
}

/* Source: zone_highsize(); before 5.14 some batches, none where the batch is 1 for want of any. */
static int high_of(const struct nb_zone *z, int batch, unsigned fraction, bool at_init)
{
	const struct nb_system *sys = z->sys;
	uint64_t cpus = nb_cpumask_weight(&z->pgdat->cpus);
	uint64_t total =
		fraction ? managed(z, at_init) / fraction : nb_wmark_pages(z, NB_WMARK_LOW);

	if (sys->profile->pcp_high_batches && !fraction)
		return (int)sys->profile->pcp_high_batches * raw_batch_of(z, at_init);
	if (!cpus)
		cpus = sys->nr_cpus_online ? sys->nr_cpus_online : 1;
	total /= cpus;
	if (total > INT32_MAX / 2)
		total = INT32_MAX / 2;
	return nb_pcp_max((int)total, batch * 4);
}

static void setup_zone(struct nb_zone *z, bool at_init)
{
	struct nb_system *sys = z->sys;
	unsigned fraction = sys->tune.percpu_pagelist_high_fraction;
	bool tuned = sys->profile->pcp_style == NB_PCP_AUTO && !fraction;
	_Atomic(struct nb_pcp *) *sets = atomic_load_explicit(&z->pageset, memory_order_acquire);

	z->pageset_batch = batch_of(z, at_init);
	z->pageset_high_min = high_of(z, z->pageset_batch, fraction, at_init);
	z->pageset_high_max =
		tuned ? high_of(z, z->pageset_batch, 8, at_init) : z->pageset_high_min;
	for (unsigned cpu = 0; sets && cpu < sys->nr_cpu_ids; cpu++) {
		struct nb_pcp *pcp = atomic_load_explicit(&sets[cpu], memory_order_acquire);

		if (!pcp)
			continue;
		nb_pcp_lock(pcp, sys);
		nb_pcp_set_limits(z, pcp);
		nb_pcp_unlock(pcp);
	}
}

static void setup_all(struct nb_system *sys, bool at_init)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (z->present_pages)
				setup_zone(z, at_init);
		}
	}
}

void nb_setup_per_cpu_pagesets(struct nb_system *sys)
{
	setup_all(sys, false);
}

void nb_boot_per_cpu_pagesets(struct nb_system *sys)
{
	setup_all(sys, true);
}
