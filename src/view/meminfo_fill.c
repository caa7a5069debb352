/* meminfo_fill.c -- /proc/meminfo and a node's out of a booted system.
 *
 * Called through meminfo.h. The lists follow the profile's text format; what the engine does not
 * count is 0. Source: fs/proc/meminfo.c, drivers/base/node.c; mm/show_mem.c, si_mem_available()
 * (facts 2.5); mm/util.c, vm_commit_limit().
 */
#include "view/meminfo.h"
#include "view/formats.h"
#include "view/names.h"
#include "view/stats.h"
#include <numabox/hugetlb.h>
#include <stdlib.h>

#include <numabox/swap.h>

struct fill {
	const struct nb_system *sys;
	struct nb_meminfo *m;
	struct nb_system_info info;
	struct nb_stats s;
	bool old; /* 2.6.24 and before */
	unsigned label_width;
};

static void add(struct fill *f, const char *name, uint64_t pages)
{
	struct nb_item *it = nb_items_add(&f->m->items, name, pages << (f->info.page_shift - 10));

	it->kib = true;
	it->label_width = (uint8_t)f->label_width;
}

static void add_kib(struct fill *f, const char *name, uint64_t kib)
{
	add(f, name, 0);
	f->m->items.v[f->m->items.n - 1].value = kib;
}

/* Items of one kernel list at once, all 0. */
static void add_zero(struct fill *f, const char *const *names)
{
	for (; *names; names++)
		add(f, *names, 0);
}

/* Items of 0 that not all kernels have; the list ends with a NULL name. */
struct since {
	unsigned formats;
	const char *name;
};

static void add_since(struct fill *f, const struct since *items)
{
	for (; items->name; items++)
		if (nb_prints(f->info.profile, items->formats))
			add(f, items->name, 0);
}

static void add_count(struct fill *f, const char *name, unsigned label_width, uint64_t value)
{
	struct nb_item *it = nb_items_add(&f->m->items, name, value);

	it->label_width = (uint8_t)label_width;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? 0 : a - b;
}

static void add_swap(struct fill *f)
{
	uint64_t total, free, cached;

	nb_swap_totals(f->sys, &total, &free, &cached);
	add(f, "SwapTotal", total);
	add(f, "SwapFree", free);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t available(const struct fill *f)
{
	uint64_t cache = f->s.active_file_pages + f->s.inactive_file_pages;
	uint64_t slab = f->s.slab_reclaimable_pages;

	return less(f->s.free_pages, f->info.totalreserve_pages) +
	       less(cache, smaller(cache / 2, f->s.low_wmark_pages)) +
	       less(slab, smaller(slab / 2, f->s.low_wmark_pages));
}

static void add_slab(struct fill *f)
{
	const struct nb_stats *s = &f->s;

	if (nb_prints(f->info.profile, NB_F_FROM_5_4))
		add(f, "KReclaimable", s->slab_reclaimable_pages);
	add(f, "Slab", s->slab_reclaimable_pages + s->slab_unreclaimable_pages);
	add(f, "SReclaimable", s->slab_reclaimable_pages);
	add(f, "SUnreclaim", s->slab_unreclaimable_pages);
}

static void add_lru(struct fill *f)
{
	const struct nb_stats *s = &f->s;

	add(f, "Active", s->active_anon_pages + s->active_file_pages);
	add(f, "Inactive", s->inactive_anon_pages + s->inactive_file_pages);
	if (f->old)
		return;
	add(f, "Active(anon)", s->active_anon_pages);
	add(f, "Inactive(anon)", s->inactive_anon_pages);
	add(f, "Active(file)", s->active_file_pages);
	add(f, "Inactive(file)", s->inactive_file_pages);
	add(f, "Unevictable", s->unevictable_pages);
	add(f, "Mlocked", s->mlocked_pages);
}

static void add_highlow(struct fill *f)
{
	if (!(f->info.zones >> NB_ZONE_HIGHMEM & 1))
		return;
	add(f, "HighTotal", f->s.high_managed_pages);
	add(f, "HighFree", f->s.high_free_pages);
	add(f, "LowTotal", f->s.managed_pages - f->s.high_managed_pages);
	add(f, "LowFree", f->s.free_pages - f->s.high_free_pages);
}

/* What stands between Unaccepted's place and the huge pages. */
static void add_config(struct fill *f, bool whole)
{
	const struct nb_kernel_profile *p = f->info.profile;

	if (whole && nb_names_cma(f->info.arch) && nb_prints(p, NB_F_FROM_4_18)) {
		add(f, "CmaTotal", f->s.cma_pages);
		add(f, "CmaFree", f->s.free_cma_pages);
	}
	if (nb_prints(p, NB_F_6_6 | NB_F_6_8 | NB_F_6_12) && f->info.arch == NB_ARCH_X86_64)
		add(f, "Unaccepted", 0);
	if (whole && nb_prints(p, NB_F_6_18))
		add(f, "Balloon", 0);
}

static void add_direct_map(struct fill *f)
{
	switch (f->info.arch) {
	case NB_ARCH_X86_64:
		add_zero(f,
			 (const char *const[]){"DirectMap4k", "DirectMap2M", "DirectMap1G", NULL});
		break;
	case NB_ARCH_I386:
		add_zero(f, (const char *const[]){"DirectMap4k", "DirectMap4M", NULL});
		break;
	case NB_ARCH_I386PAE:
		add_zero(f, (const char *const[]){"DirectMap4k", "DirectMap2M", NULL});
		break;
	default:
		break;
	}
}

/* Base pages of all transparent huge pages. */
static uint64_t thp_pages(const struct fill *f)
{
	return f->s.anon_thps << f->info.pageblock_order;
}

/* The pool that meminfo tells of, as a whole or on a node; *ret_kib: what all pools hold. */
static struct nb_hugetlb_info default_pool(const struct fill *f, int nid, uint64_t *ret_kib)
{
	struct nb_hugetlb_info p, found = {.page_bytes = UINT64_C(1) << (f->info.pageblock_order +
									 f->info.page_shift)};

	*ret_kib = 0;
	for (unsigned i = 0; nb_hugetlb_info(f->sys, i, nid, &p); i++) {
		*ret_kib += p.nr * (p.page_bytes >> 10);
		if (p.is_default)
			found = p;
	}
	return found;
}

static void add_hugetlb(struct fill *f)
{
	/* before 2.6.27 labels were 14 wide, and these 17 */
	unsigned width = f->old ? 17 : 19;
	uint64_t kib;
	struct nb_hugetlb_info p = default_pool(f, NB_NO_NODE, &kib);

	add_count(f, "HugePages_Total", width, p.nr);
	add_count(f, "HugePages_Free", width, p.free);
	add_count(f, "HugePages_Rsvd", width, p.resv);
	if (nb_prints(f->info.profile, NB_F_FROM_2_6_24))
		add_count(f, "HugePages_Surp", width, p.surplus);
	add(f, "Hugepagesize", p.page_bytes >> f->info.page_shift);
	if (nb_prints(f->info.profile, NB_F_FROM_4_18))
		add_kib(f, "Hugetlb", kib);
}

/* As Debian's kernels print it: four-level page tables; 16 KiB pages have 47-bit addresses. On
 * 32 bits it depends on the fixmap's size, which is not modelled. */
static uint64_t vmalloc_total_kib(const struct nb_system_info *info)
{
	if (info->arch == NB_ARCH_X86_64)
		return 34359738367;
	if (info->arch == NB_ARCH_ARM64 && info->page_shift == 12)
		return 70863806464;
	if (info->arch == NB_ARCH_ARM64 && info->page_shift == 14)
		return 51804889088;
	return 0;
}

static void fill_new(struct fill *f)
{
	const struct nb_stats *s = &f->s;

	add(f, "MemTotal", s->managed_pages);
	add(f, "MemFree", s->free_pages);
	if (nb_prints(f->info.profile, NB_F_FROM_4_18))
		add(f, "MemAvailable", available(f));
	add(f, "Buffers", 0);
	add(f, "Cached", less(s->file_pages, s->swapcached_pages));
	add(f, "SwapCached", s->swapcached_pages);
	add_lru(f);
	add_highlow(f);
	add_swap(f);
	add_since(f, (const struct since[]){
			     {NB_F_FROM_6_1, "Zswap"}, {NB_F_FROM_6_1, "Zswapped"}, {0, NULL}});
	add(f, "Dirty", s->dirty_pages);
	add(f, "Writeback", s->writeback_pages);
	add(f, "AnonPages", s->anon_pages);
	add(f, "Mapped", s->mapped_pages);
	add(f, "Shmem", s->shmem_pages);
	add_slab(f);
	add_kib(f, "KernelStack", s->kernel_stack_kib);
	add(f, "PageTables", s->page_table_pages);
	add_since(f, (const struct since[]){{NB_F_FROM_6_1, "SecPageTables"},
					    {NB_F_ALL, "NFS_Unstable"},
					    {NB_F_ALL, "Bounce"},
					    {NB_F_ALL, "WritebackTmp"},
					    {0, NULL}});
	add(f, "CommitLimit", f->info.commit_limit_pages);
	add(f, "Committed_AS", f->info.committed_as_pages);
	add_kib(f, "VmallocTotal", vmalloc_total_kib(&f->info));
	add_since(f, (const struct since[]){{NB_F_ALL, "VmallocUsed"},
					    {NB_F_ALL, "VmallocChunk"},
					    {NB_F_FROM_5_4, "Percpu"},
					    {NB_F_ALL & ~NB_F_6_18, "HardwareCorrupted"},
					    {0, NULL}});
	add(f, "AnonHugePages", thp_pages(f));
	add_since(f, (const struct since[]){{NB_F_FROM_4_18, "ShmemHugePages"},
					    {NB_F_FROM_4_18, "ShmemPmdMapped"},
					    {NB_F_FROM_5_4, "FileHugePages"},
					    {NB_F_FROM_5_4, "FilePmdMapped"},
					    {0, NULL}});
	add_config(f, true);
	add_hugetlb(f);
	add_direct_map(f);
}

static void fill_old(struct fill *f)
{
	const struct nb_stats *s = &f->s;
	bool oldest = nb_prints(f->info.profile, NB_F_2_6_7);

	add(f, "MemTotal", s->managed_pages);
	add(f, "MemFree", s->free_pages);
	add(f, "Buffers", 0);
	add(f, "Cached", less(s->file_pages, s->swapcached_pages));
	add(f, "SwapCached", s->swapcached_pages);
	add_lru(f);
	add_highlow(f);
	add_swap(f);
	add(f, "Dirty", s->dirty_pages);
	add(f, "Writeback", s->writeback_pages);
	if (!oldest)
		add(f, "AnonPages", s->anon_pages);
	add(f, "Mapped", s->mapped_pages);
	add(f, "Slab", s->slab_reclaimable_pages + s->slab_unreclaimable_pages);
	if (oldest) {
		add(f, "Committed_AS", f->info.committed_as_pages);
		add(f, "PageTables", s->page_table_pages);
	} else {
		add(f, "SReclaimable", s->slab_reclaimable_pages);
		add(f, "SUnreclaim", s->slab_unreclaimable_pages);
		add(f, "PageTables", s->page_table_pages);
		add_zero(f, (const char *const[]){"NFS_Unstable", "Bounce", NULL});
		add(f, "CommitLimit", f->info.commit_limit_pages);
		add(f, "Committed_AS", f->info.committed_as_pages);
	}
	add_kib(f, "VmallocTotal", vmalloc_total_kib(&f->info));
	add_zero(f, (const char *const[]){"VmallocUsed", "VmallocChunk", NULL});
	add_hugetlb(f);
}

static void fill_begin(struct fill *f, const struct nb_system *sys, struct nb_meminfo *m)
{
	*m = (struct nb_meminfo){.nid = NB_NO_NODE};
	*f = (struct fill){.sys = sys, .m = m};
	nb_system_info(sys, &f->info);
	f->old = nb_prints(f->info.profile, NB_F_TO_2_6_24);
	f->label_width = f->old ? 14 : 16;
}

void nb_meminfo_from_system(const struct nb_system *sys, struct nb_meminfo *m)
{
	struct fill f;

	fill_begin(&f, sys, m);
	nb_stats_add_node(&f.s, sys, NB_NO_NODE);
	if (f.old)
		fill_old(&f);
	else
		fill_new(&f);
}

static void fill_node_new(struct fill *f)
{
	const struct nb_stats *s = &f->s;

	if (nb_prints(f->info.profile, NB_F_FROM_5_15))
		add(f, "SwapCached", s->swapcached_pages);
	add_lru(f);
	add_highlow(f);
	add(f, "Dirty", s->dirty_pages);
	add(f, "Writeback", s->writeback_pages);
	add(f, "FilePages", s->file_pages);
	add(f, "Mapped", s->mapped_pages);
	add(f, "AnonPages", s->anon_pages);
	add(f, "Shmem", s->shmem_pages);
	add_kib(f, "KernelStack", s->kernel_stack_kib);
	add(f, "PageTables", s->page_table_pages);
	add_since(f, (const struct since[]){{NB_F_FROM_6_1, "SecPageTables"},
					    {NB_F_ALL, "NFS_Unstable"},
					    {NB_F_ALL, "Bounce"},
					    {NB_F_ALL, "WritebackTmp"},
					    {0, NULL}});
	add_slab(f);
	add(f, "AnonHugePages", thp_pages(f));
	add_since(f, (const struct since[]){{NB_F_FROM_4_18, "ShmemHugePages"},
					    {NB_F_FROM_4_18, "ShmemPmdMapped"},
					    {0, NULL}});
	if (!nb_prints(f->info.profile, NB_F_FROM_6_12))
		f->label_width = 15; /* these two lack a blank until after 6.8 */
	add_since(f, (const struct since[]){{NB_F_FROM_5_4, "FileHugePages"},
					    {NB_F_FROM_5_4, "FilePmdMapped"},
					    {0, NULL}});
	f->label_width = 16;
	add_config(f, false);
}

static void fill_node_old(struct fill *f)
{
	const struct nb_stats *s = &f->s;

	add_lru(f);
	add_highlow(f);
	if (nb_prints(f->info.profile, NB_F_2_6_7))
		return;
	add(f, "Dirty", s->dirty_pages);
	add(f, "Writeback", s->writeback_pages);
	add(f, "FilePages", s->file_pages);
	add(f, "Mapped", s->mapped_pages);
	add(f, "AnonPages", s->anon_pages);
	add(f, "PageTables", s->page_table_pages);
	add_zero(f, (const char *const[]){"NFS_Unstable", "Bounce", NULL});
	add_slab(f);
}

int nb_node_meminfo_from_system(const struct nb_system *sys, int nid, struct nb_meminfo *m)
{
	struct nb_hugetlb_info pool;
	struct fill f;
	uint64_t kib;

	fill_begin(&f, sys, m);
	if (nb_stats_add_node(&f.s, sys, nid))
		return -NB_ENODEV;
	m->nid = nid;
	if (f.old)
		nb_items_add(&m->items, NULL, 0)->raw = ""; /* as node_read_meminfo() began then */
	add(&f, "MemTotal", f.s.managed_pages);
	add(&f, "MemFree", f.s.free_pages);
	add(&f, "MemUsed", less(f.s.managed_pages, f.s.free_pages));
	if (f.old)
		fill_node_old(&f);
	else
		fill_node_new(&f);
	pool = default_pool(&f, nid, &kib);
	add_count(&f, "HugePages_Total", 17, pool.nr);
	add_count(&f, "HugePages_Free", 17, pool.free);
	if (nb_prints(f.info.profile, NB_F_FROM_2_6_24))
		add_count(&f, "HugePages_Surp", 17, pool.surplus);
	return 0;
}
