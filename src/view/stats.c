/* stats.c -- engine counters under the kernel's names; fills vmstat and the nodes' counters. */
#include "view/stats.h"
#include "view/formats.h"
#include "view/names.h"
#include "view/summary.h"
#include "view/vmstat.h"

#include <numabox/file.h>

#include <numabox/reclaim.h>
#include <stddef.h>
#include <string.h>

static uint64_t blocks_to_pages(const uint64_t *nr_free, unsigned from)
{
	uint64_t n = 0;

	for (unsigned o = from; o < NB_NR_ORDERS; o++)
		n += nr_free[o] << o;
	return n;
}

void nb_stats_add_zone(struct nb_stats *s, const struct nb_system_info *info,
		       const struct nb_zone_info *z)
{
	s->managed_pages += z->managed_pages;
	s->present_pages += z->present_pages;
	s->free_pages += z->free_pages;
	if (z->type == NB_ZONE_HIGHMEM ||
	    (z->type == NB_ZONE_MOVABLE && info->movable_zone == NB_ZONE_HIGHMEM)) {
		s->high_managed_pages += z->managed_pages;
		s->high_free_pages += z->free_pages;
	}
	s->free_blocks_pages += blocks_to_pages(z->nr_free, info->pageblock_order);
	s->cma_pages += z->cma_pages;
	s->free_cma_pages += blocks_to_pages(z->nr_free_by_type[NB_MIGRATE_CMA], 0);
	s->anon_pages += z->anon_pages;
	s->anon_thps += z->anon_thps;
	s->file_pages += z->file_pages;
	s->inactive_anon_pages += z->lru_pages[0];
	s->active_anon_pages += z->lru_pages[1];
	s->inactive_file_pages += z->lru_pages[2];
	s->active_file_pages += z->lru_pages[3];
	s->unevictable_pages += z->lru_pages[4];
	s->mapped_pages += z->mapped_pages;
	s->shmem_pages += z->shmem_pages;
	s->mlocked_pages += z->mlocked_pages;
	s->dirty_pages += z->dirty_pages;
	s->writeback_pages += z->writeback_pages;
	s->dirtied_pages += z->dirtied_pages;
	s->written_pages += z->written_pages;
	s->page_table_pages += z->pagetable_pages;
	s->low_wmark_pages += z->wmark_pages[NB_WMARK_LOW];
	for (unsigned i = 0; i < NB_NR_NUMA_EVENTS; i++)
		s->numa[i] += z->numa[i];
}

/* What belongs to the node as a whole, out of any of its zones, and the zones' swap caches. */
static void add_reclaim(struct nb_stats *s, const struct nb_system *sys, int nid)
{
	struct nb_lru_info l = {0}, zone;

	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (nb_lru_info(sys, nid, (enum nb_zone_type)t, &zone))
			continue;
		s->swapcached_pages += zone.swapcached_pages;
		l = zone;
	}
	s->isolated_anon_pages += l.isolated_anon;
	s->isolated_file_pages += l.isolated_file;
	for (int i = 0; i < 2; i++) {
		s->refault[i] += l.refault[i];
		s->activate[i] += l.activate[i];
		s->restore[i] += l.restore[i];
	}
	s->shadow_nodes += l.shadow_nodes;
	s->shadow_nodes_dropped += l.shadow_nodes_dropped;
	s->vmscan_write += l.vmscan_write;
	s->vmscan_immediate += l.vmscan_immediate;
	s->unreclaimable |= l.kswapd_failures >= 16; /* MAX_RECLAIM_RETRIES */
}

/* What was in use before observation. */
static void add_use(struct nb_stats *s, const struct nb_node_use *u)
{
	if (!u)
		return;
	s->slab_reclaimable_pages += u->slab_reclaimable_pages;
	s->slab_unreclaimable_pages += u->slab_unreclaimable_pages;
	s->kernel_stack_kib += u->kernel_stack_kib;
	s->page_table_pages += u->page_table_pages;
	s->anon_pages += u->anon_pages;
	s->mapped_pages += u->mapped_pages;
	s->shmem_pages += u->shmem_pages;
	s->file_pages += u->shmem_pages;
}

int nb_stats_add_node(struct nb_stats *s, const struct nb_system *sys, int nid)
{
	struct nb_system_info info;
	struct nb_zone_info zone;
	bool found = false;

	nb_system_info(sys, &info);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		int id = nb_system_node_id(sys, i);

		if (nid != NB_NO_NODE && id != nid)
			continue;
		found = true;
		add_reclaim(s, sys, id);
		add_use(s, nb_node_observed_use(sys, id));
		for (int t = 0; t < NB_MAX_NR_ZONES; t++)
			if (info.zones >> t & 1 &&
			    !nb_zone_info(sys, id, (enum nb_zone_type)t, &zone))
				nb_stats_add_zone(s, &info, &zone);
	}
	return found ? 0 : -NB_ENODEV;
}

void nb_stats_apply(const struct nb_stats *s, struct nb_items *items)
{
	const struct {
		const char *name;
		uint64_t value;
	} known[] = {
		{"nr_free_pages", s->free_pages},
		{"nr_free_pages_blocks", s->free_blocks_pages},
		{"nr_zone_inactive_anon", s->inactive_anon_pages},
		{"nr_zone_active_anon", s->active_anon_pages},
		{"nr_zone_inactive_file", s->inactive_file_pages},
		{"nr_zone_active_file", s->active_file_pages},
		{"nr_zone_unevictable", s->unevictable_pages},
		{"nr_zone_write_pending", s->dirty_pages + s->writeback_pages},
		{"nr_mlock", s->mlocked_pages},
		{"nr_free_cma", s->free_cma_pages},
		{"numa_hit", s->numa[NB_NUMA_HIT]},
		{"numa_miss", s->numa[NB_NUMA_MISS]},
		{"numa_foreign", s->numa[NB_NUMA_FOREIGN]},
		{"numa_interleave", s->numa[NB_NUMA_INTERLEAVE]},
		{"numa_local", s->numa[NB_NUMA_LOCAL]},
		{"numa_other", s->numa[NB_NUMA_OTHER]},
		{"nr_inactive_anon", s->inactive_anon_pages},
		{"nr_active_anon", s->active_anon_pages},
		{"nr_inactive_file", s->inactive_file_pages},
		{"nr_active_file", s->active_file_pages},
		{"nr_inactive", s->inactive_anon_pages + s->inactive_file_pages},
		{"nr_active", s->active_anon_pages + s->active_file_pages},
		{"nr_anon_pages", s->anon_pages},
		{"nr_anon_transparent_hugepages", s->anon_thps},
		{"nr_file_pages", s->file_pages},
		{"nr_page_table_pages", s->page_table_pages},
		{"nr_slab_reclaimable", s->slab_reclaimable_pages},
		{"nr_slab_unreclaimable", s->slab_unreclaimable_pages},
		{"nr_kernel_stack", s->kernel_stack_kib},
		{"nr_unevictable", s->unevictable_pages},
		{"nr_mapped", s->mapped_pages},
		{"nr_shmem", s->shmem_pages},
		{"nr_dirty", s->dirty_pages},
		{"nr_writeback", s->writeback_pages},
		{"nr_dirtied", s->dirtied_pages},
		{"nr_written", s->written_pages},
		{"nr_isolated_anon", s->isolated_anon_pages},
		{"nr_isolated_file", s->isolated_file_pages},
		{"workingset_nodes", s->shadow_nodes},
		{"workingset_nodereclaim", s->shadow_nodes_dropped},
		{"workingset_refault", s->refault[0] + s->refault[1]},
		{"workingset_activate", s->activate[0] + s->activate[1]},
		{"workingset_restore", s->restore[0] + s->restore[1]},
		{"workingset_refault_anon", s->refault[0]},
		{"workingset_refault_file", s->refault[1]},
		{"workingset_activate_anon", s->activate[0]},
		{"workingset_activate_file", s->activate[1]},
		{"workingset_restore_anon", s->restore[0]},
		{"workingset_restore_file", s->restore[1]},
		{"nr_vmscan_write", s->vmscan_write},
		{"nr_vmscan_immediate_reclaim", s->vmscan_immediate},
		{"nr_swapcached", s->swapcached_pages},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		nb_items_set(items, known[i].name, known[i].value);
}

void nb_stats_apply_events(const struct nb_system *sys, struct nb_items *items)
{
	const char *name;
	uint64_t value;

	for (unsigned i = 0; nb_vm_event(sys, i, &name, &value); i++)
		nb_items_set(items, name, value);
}

static void writeback(const struct nb_system *sys, const struct nb_system_info *info,
		      struct nb_items *items)
{
	struct nb_memmap_cost cost;
	uint64_t thresh, background;

	nb_writeback_limits(sys, &thresh, &background);
	nb_items_set(items, "nr_dirty_threshold", thresh);
	nb_items_set(items, "nr_dirty_background_threshold", background);
	nb_memmap_cost(sys, &cost);
	nb_items_set(items, "nr_memmap_pages", cost.hotadded_bytes >> info->page_shift);
	nb_items_set(items, "nr_memmap_boot_pages",
		     (cost.sparse_bytes - cost.hotadded_bytes) >> info->page_shift);
}

void nb_vmstat_from_system(const struct nb_system *sys, struct nb_counters *c)
{
	struct nb_stats s = {0};
	struct nb_system_info info;

	*c = (struct nb_counters){0};
	nb_system_info(sys, &info);
	nb_stats_add_node(&s, sys, NB_NO_NODE);
	nb_names_add(&c->items, &c->strings, NB_NAMES_ZONE, &info);
	nb_names_add(&c->items, &c->strings, NB_NAMES_NUMA, &info);
	nb_names_add(&c->items, &c->strings, NB_NAMES_NODE, &info);
	nb_names_add(&c->items, &c->strings, NB_NAMES_WRITEBACK, &info);
	nb_names_add(&c->items, &c->strings, NB_NAMES_EVENT, &info);
	nb_stats_apply(&s, &c->items);
	nb_stats_apply_events(sys, &c->items);
	writeback(sys, &info, &c->items);
}

int nb_node_vmstat_from_system(const struct nb_system *sys, int nid, struct nb_counters *c)
{
	struct nb_stats s = {0};
	struct nb_system_info info;

	*c = (struct nb_counters){0};
	nb_system_info(sys, &info);
	if (nb_stats_add_node(&s, sys, nid))
		return -NB_ENODEV;
	nb_names_add(&c->items, &c->strings, NB_NAMES_ZONE, &info);
	nb_names_add(&c->items, &c->strings, NB_NAMES_NUMA, &info);
	nb_names_add(&c->items, &c->strings, NB_NAMES_NODE, &info);
	nb_stats_apply(&s, &c->items);
	return 0;
}

int nb_node_numastat_from_system(const struct nb_system *sys, int nid, struct nb_counters *c)
{
	static const char *const name[NB_NR_NUMA_EVENTS] = {"numa_hit",     "numa_miss",
							    "numa_foreign", "interleave_hit",
							    "local_node",   "other_node"};
	struct nb_stats s = {0};

	*c = (struct nb_counters){0};
	if (nb_stats_add_node(&s, sys, nid))
		return -NB_ENODEV;
	for (unsigned i = 0; i < NB_NR_NUMA_EVENTS; i++)
		nb_items_add(&c->items, name[i], s.numa[i]);
	return 0;
}
