/* system.c -- a booted machine: its beginning, its end, and the readers of nodes and zones.
 *
 * Called by drivers and views through include/numabox/system.h. Boot runs the steps of boot.h in
 * their order; each fills its own fields, all memory comes from the system's arena (the memory map
 * from reservations of its own), so that shutdown gives back everything at once, also after a step
 * that failed. The readers change nothing; those that may run beside the allocator take a zone's
 * lock for the counts that belong together. Units: pages.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/overcommit.h"
#include "mm/boot.h"
#include "mm/filemap.h"
#include "mm/buddy.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/oom.h"
#include "mm/memcg.h"
#include "mm/swap_area.h"
#include "mm/vmscan.h"
#include "mm/compaction.h"
#include "mm/linear.h"
#include "mm/pcp.h"
#include "mm/replica.h"

static int boot_steps(struct nb_system *sys, struct nb_error *err)
{
	static int (*const steps[])(struct nb_system *, struct nb_error *) = {
		nb_boot_memory,   nb_boot_zones,     nb_boot_memory_map,
		nb_boot_reserved, nb_boot_zonelists, nb_boot_watermarks,
	};
	int ret;

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ret = steps[i](sys, err);
		if (ret)
			return ret;
	}
	nb_boot_per_cpu_pagesets(sys);
	ret = nb_lru_boot(sys);
	if (!ret)
		ret = nb_boot_free_lists(sys, err);
	if (ret)
		return ret;
	nb_vmscan_boot(sys);
	ret = nb_oom_boot(sys);
	if (ret)
		return ret;
	nb_hugetlb_boot(sys);
	ret = nb_thp_boot(sys);
	if (ret)
		return ret;
	nb_compaction_boot(sys);
	return nb_sysctl_apply_machine(sys, err);
}

int nb_system_boot(const struct nb_port *port, const struct nb_machine *m,
		   const struct nb_boot_options *opt, struct nb_system **ret_sys,
		   struct nb_error *err)
{
	struct nb_arena *arena;
	struct nb_system *sys;
	int ret;

	if (!m->sealed)
		return nb_error_set(err, -NB_EINVAL, 0, "the machine is not sealed yet");
	arena = nb_arena_new(port);
	sys = arena ? nb_arena_alloc(arena, sizeof(*sys)) : NULL;
	if (!sys) {
		if (arena)
			nb_arena_free(arena);
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for the system");
	}
	sys->port_copy = *port;
	sys->port = &sys->port_copy;
	sys->arena = arena;
	sys->machine = m;
	sys->profile = m->profile;
	sys->zones = nb_kernel_zones(m->profile, m->arch);
	sys->page_shift = m->page_shift;
	sys->max_order = nb_arch_max_order(m->arch, m->page_shift);
	sys->pageblock_order = nb_arch_pageblock_order(m->arch, m->page_shift);
#ifdef NB_DEBUG
	sys->debug = true;
#endif
	if (opt) {
		sys->debug |= opt->debug;
		sys->rng = opt->seed;
		nb_system_set_sink(sys, opt->sink);
	}
	memset(sys->node_index, 0xff, sizeof(sys->node_index));
	nb_sysctl_defaults(sys);
	ret = boot_steps(sys, err);
	if (!ret)
		ret = nb_boot_linear_map(sys, opt && opt->backed, err);
	nb_choose_path(sys);
	if (ret) {
		nb_system_shutdown(sys);
		return err && !err->code ? nb_error_set(err, ret, 0, "no memory for the system")
					 : ret;
	}
	nb_replication_boot(sys);
	*ret_sys = sys;
	return 0;
}

void nb_system_shutdown(struct nb_system *sys)
{
	if (!sys)
		return;
	nb_release_linear_map(sys);
	nb_release_memcg(sys);
	nb_release_swap(sys);
	nb_release_memory_map(sys);
	nb_arena_free(sys->arena);
}

void nb_boot_message(struct nb_system *sys, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t len;
	char *copy;

	if (sys->nr_messages >= NB_MAX_MESSAGES)
		return;
	va_start(ap, fmt);
	len = nb_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	copy = nb_system_alloc(sys, len + 1);
	if (!copy)
		return;
	memcpy(copy, line, len);
	sys->message[sys->nr_messages++] = copy;
}

const char *nb_system_message(const struct nb_system *sys, unsigned i)
{
	return i < sys->nr_messages ? sys->message[i] : NULL;
}

const struct nb_machine *nb_system_machine(const struct nb_system *sys)
{
	return sys->machine;
}

void nb_system_set_sink(struct nb_system *sys, const struct nb_sink *sink)
{
	if (sink && sink->event)
		sys->sink = *sink;
	else
		memset(&sys->sink, 0, sizeof(sys->sink));
	memset(&sys->counted, 0, sizeof(sys->counted));
	nb_choose_path(sys);
}

uint64_t nb_system_time_ns(const struct nb_system *sys)
{
	return sys->time_ns;
}

void nb_system_set_time_ns(struct nb_system *sys, uint64_t ns)
{
	if (ns <= sys->time_ns)
		return;
	sys->time_ns = ns;
	/* what devices have written by now shows, whoever drives the system and however */
	nb_swap_poll(sys, false);
	nb_disk_passes(sys);
}

const struct nb_mem_range *nb_system_memblock(const struct nb_system *sys, unsigned *ret_n)
{
	*ret_n = sys->nr_memblock;
	return sys->memblock;
}

unsigned nb_system_nr_nodes(const struct nb_system *sys)
{
	return sys->nr_pgdat;
}

int nb_system_node_id(const struct nb_system *sys, unsigned i)
{
	return i < sys->nr_pgdat ? sys->pgdat[i]->nid : NB_NO_NODE;
}

unsigned nb_system_distance(const struct nb_system *sys, int from, int to)
{
	const struct nb_pgdat *a = nb_node_data(sys, from), *b = nb_node_data(sys, to);

	if (sys->distances && a && b)
		return sys->distances[(size_t)a->index * sys->nr_pgdat + b->index];
	return nb_machine_distance(sys->machine, from, to);
}

/* N_CPU: set where the boot CPU counts as the node's, before the others come up, and then for the
 * one node that each CPU calls its own. These differ under numa=fake, where a CPU stands in the
 * mask of every fake node of its physical one. Source: mm/vmstat.c, init_cpu_node_state(),
 * vmstat_cpu_online(); docs/linux-notes.md. */
static bool node_has_cpu(const struct nb_system *sys, const struct nb_pgdat *p)
{
	unsigned cpu;

	for (unsigned i = 0; i < sys->machine->nr_cpus; i++) {
		if (!sys->machine->cpus[i].online)
			continue;
		if (nb_cpumask_test(&p->cpus, sys->machine->cpus[i].id))
			return true;
		break; /* the boot CPU alone */
	}
	nb_for_each_cpu_in (cpu, &p->cpus) {
		if (cpu < sys->nr_cpu_ids && sys->cpu_to_node[cpu] == p->nid)
			return true;
	}
	return false;
}

int nb_node_info(const struct nb_system *sys, int nid, struct nb_node_info *ret_info)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);

	if (!p)
		return -NB_ENODEV;
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->nid = nid;
	ret_info->online = p->online;
	ret_info->has_memory = p->node_present_pages != 0;
	ret_info->cpus = p->cpus;
	ret_info->has_cpu = node_has_cpu(sys, p);
	ret_info->start_pfn = p->node_start_pfn;
	ret_info->spanned_pages = p->node_spanned_pages;
	ret_info->present_pages = p->node_present_pages;
	ret_info->totalreserve_pages = p->totalreserve_pages;
	ret_info->movable_start_pfn = p->movable_start_pfn;
	ret_info->fallback = p->fallback;
	ret_info->nr_fallback = p->nr_fallback;
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const struct nb_zone *z = &p->zone[t];

		ret_info->managed_pages += z->managed_pages;
		ret_info->free_pages += nb_zone_free_pages(z);
		ret_info->has_normal_memory |= t <= NB_ZONE_NORMAL && z->present_pages;
	}
	return 0;
}

static void copy_free_counts(struct nb_zone *z, struct nb_zone_info *info)
{
	nb_lock(&z->lock, z->sys->port);
	for (unsigned o = 0; o < NB_NR_ORDERS; o++) {
		info->nr_free[o] = z->free_area[o].nr_free;
		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++)
			info->nr_free_by_type[mt][o] = z->free_area[o].nr_free_type[mt];
	}
	memcpy(info->nr_pageblocks, z->nr_pageblocks, sizeof(info->nr_pageblocks));
	info->free_pages = nb_zone_free_pages(z);
	info->boost_pages = atomic_load_explicit(&z->watermark_boost, memory_order_relaxed);
	for (unsigned w = 0; w < NB_NR_WMARK; w++)
		info->wmark_pages[w] = z->wmark[w] + info->boost_pages;
	nb_unlock(&z->lock, z->sys->port);
}

static void sum_numa(const struct nb_zone *z, uint64_t *numa)
{
	_Atomic(struct nb_pcp *) *sets = atomic_load_explicit(&z->pageset, memory_order_acquire);

	memcpy(numa, z->numa_base, sizeof(z->numa_base));
	for (unsigned cpu = 0; sets && cpu < z->sys->nr_cpu_ids; cpu++) {
		struct nb_pcp *pcp = atomic_load_explicit(&sets[cpu], memory_order_acquire);

		for (unsigned e = 0; pcp && e < NB_NR_NUMA_EVENTS; e++)
			numa[e] += nb_pcp_numa(pcp, (enum nb_numa_event)e);
	}
}

int nb_zone_info(const struct nb_system *sys, int nid, enum nb_zone_type type,
		 struct nb_zone_info *ret_info)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);
	struct nb_zone *z;

	if (!p)
		return -NB_ENODEV;
	if ((unsigned)type >= NB_MAX_NR_ZONES || !nb_zone_configured(sys, type))
		return -NB_EINVAL;
	z = &p->zone[type];
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->nid = nid;
	ret_info->type = type;
	ret_info->populated = z->present_pages != 0;
	ret_info->start_pfn = z->zone_start_pfn;
	ret_info->spanned_pages = z->spanned_pages;
	ret_info->present_pages = z->present_pages;
	ret_info->managed_pages = z->managed_pages;
	ret_info->cma_pages = z->cma_pages;
	ret_info->managed_at_init_pages = z->managed_at_init_pages;
	ret_info->managed_source = z->managed_source;
	memcpy(ret_info->protection_pages, z->lowmem_reserve, sizeof(z->lowmem_reserve));
	ret_info->nr_highatomic_pages =
		atomic_load_explicit(&z->nr_reserved_highatomic, memory_order_relaxed);
	ret_info->pcp_batch = (unsigned)z->pageset_batch;
	ret_info->pcp_high_min = (unsigned)z->pageset_high_min;
	ret_info->pcp_high_max = (unsigned)z->pageset_high_max;
	ret_info->stat_threshold = (unsigned)z->stat_threshold;
	ret_info->anon_pages = atomic_load_explicit(&z->nr_anon, memory_order_relaxed);
	ret_info->anon_thps = atomic_load_explicit(&z->nr_anon_thps, memory_order_relaxed);
	ret_info->file_pages = atomic_load_explicit(&z->nr_file, memory_order_relaxed);
	ret_info->pagetable_pages = atomic_load_explicit(&z->nr_pagetable, memory_order_relaxed);
	ret_info->mapped_pages = atomic_load_explicit(&z->nr_mapped, memory_order_relaxed);
	ret_info->shmem_pages = atomic_load_explicit(&z->nr_shmem, memory_order_relaxed);
	ret_info->mlocked_pages = atomic_load_explicit(&z->nr_mlock, memory_order_relaxed);
	ret_info->dirty_pages = atomic_load_explicit(&z->nr_dirty, memory_order_relaxed);
	ret_info->writeback_pages = atomic_load_explicit(&z->nr_writeback, memory_order_relaxed);
	ret_info->dirtied_pages = atomic_load_explicit(&z->nr_dirtied, memory_order_relaxed);
	ret_info->written_pages = atomic_load_explicit(&z->nr_written, memory_order_relaxed);
	for (unsigned i = 0; i < NB_NR_LRU; i++)
		ret_info->lru_pages[i] = nb_zone_lru_pages(z, (enum nb_lru)i);
	for (unsigned i = 0; z->pgdat->use && i < 2; i++)
		ret_info->lru_pages[i] += z->pgdat->use->anon_lru_pages[type][i];
	copy_free_counts(z, ret_info);
	sum_numa(z, ret_info->numa);
	return 0;
}

/* What the arena and the committed part of the memory maps take. */
static uint64_t committed_bytes(const struct nb_system *sys)
{
	uint64_t sum = nb_arena_committed(sys->arena);

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		const struct nb_pgdat *p = sys->pgdat[i];
		uint64_t steps = p->mem_map_pages / NB_MAP_STEP_PAGES + 1;

		for (uint64_t w = 0; p->mem_map_committed && w < steps / 64 + 1; w++) {
			uint64_t bits = atomic_load_explicit(&p->mem_map_committed[w],
							     memory_order_relaxed);

			sum += (uint64_t)nb_bits_weight(&bits, 64) * NB_MAP_STEP_PAGES *
			       sizeof(struct nb_page);
		}
	}
	return sum;
}

void nb_system_info(const struct nb_system *sys, struct nb_system_info *ret_info)
{
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->profile = sys->profile;
	ret_info->arch = sys->machine->arch;
	ret_info->zones = sys->zones;
	ret_info->page_shift = sys->page_shift;
	ret_info->max_order = sys->max_order;
	ret_info->pageblock_order = sys->pageblock_order;
	ret_info->max_pfn = sys->max_pfn;
	ret_info->max_low_pfn = sys->max_low_pfn;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		const struct nb_pgdat *p = sys->pgdat[i];

		ret_info->present_pages += p->node_present_pages;
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			ret_info->managed_pages += p->zone[t].managed_pages;
			ret_info->free_pages += nb_zone_free_pages(&p->zone[t]);
		}
	}
	ret_info->totalreserve_pages = sys->totalreserve_pages;
	ret_info->min_free_kbytes = (uint64_t)sys->tune.min_free_kbytes;
	ret_info->vm_total_pages = sys->vm_total_pages;
	ret_info->nr_zonelists = sys->nr_zonelists;
	ret_info->mobility_grouping = sys->mobility_grouping;
	ret_info->policy_zone = sys->policy_zone;
	ret_info->movable_zone = sys->movable_zone;
	memcpy(ret_info->zone_low_pfn, sys->zone_low_pfn, sizeof(sys->zone_low_pfn));
	memcpy(ret_info->zone_high_pfn, sys->zone_high_pfn, sizeof(sys->zone_high_pfn));
	ret_info->nr_cpus_online = sys->nr_cpus_online;
	ret_info->nr_page_descriptor_bytes = sizeof(struct nb_page);
	ret_info->committed_bytes = committed_bytes(sys);
	ret_info->commit_limit_pages = nb_commit_limit(sys);
	ret_info->committed_as_pages = nb_committed(sys);
}
