/* showmem_fill.c -- the Mem-Info report out of a booted system, as sysrq-m prints it.
 *
 * Called through nb_showmem_from_system(). Lines and their order are 6.1's to 6.18's; older
 * profiles get the same lines. "local_pcp" is that of the CPU that prints it. What the engine
 * does not count is 0. Source: mm/show_mem.c, show_free_areas(), __show_mem(); facts 12.10.
 */
#include "base/mask.h"
#include "view/formats.h"
#include "view/names.h"
#include "view/scan.h"
#include "view/showmem.h"
#include "view/stats.h"

#include <numabox/hugetlb.h>

#include <numabox/swap.h>

struct fill {
	const struct nb_system *sys;
	struct nb_showmem *s;
	struct nb_system_info info;
	struct nb_cpumask cpus;
	int cpu; /* that prints the report */
	bool numa;
};

static struct nb_showmem_line *add_line(struct fill *f, enum nb_showmem_kind kind)
{
	struct nb_showmem_line *l =
		nb_append(&f->s->lines, &f->s->nr_lines, &f->s->cap_lines, sizeof(*l));

	l->kind = kind;
	l->nid = NB_NO_NODE;
	l->type = -1;
	return l;
}

static void add(struct nb_showmem_line *l, const char *name, uint64_t value)
{
	nb_items_add(&l->items, name, value);
}

/* In KiB. */
static void add_kib(const struct fill *f, struct nb_showmem_line *l, const char *name,
		    uint64_t pages)
{
	add(l, name, pages << (f->info.page_shift - 10));
}

/* Pages in the zone's page sets: all CPUs', and of the one that prints. */
static uint64_t pcp_pages(const struct fill *f, int nid, enum nb_zone_type type,
			  uint64_t *ret_local)
{
	uint64_t sum = 0;
	unsigned cpu;

	*ret_local = 0;
	nb_for_each_cpu_in (cpu, &f->cpus) {
		struct nb_pcp_info pcp;

		if (nb_pcp_info(f->sys, nid, type, (int)cpu, &pcp))
			continue;
		sum += pcp.count;
		if ((int)cpu == f->cpu)
			*ret_local = pcp.count;
	}
	return sum;
}

/* Calls fn for every populated zone, nodes and zones ascending. */
static void each_zone(struct fill *f, void (*fn)(struct fill *, const struct nb_zone_info *))
{
	for (unsigned i = 0; i < nb_system_nr_nodes(f->sys); i++) {
		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone_info z;

			if (f->info.zones >> t & 1 &&
			    !nb_zone_info(f->sys, nb_system_node_id(f->sys, i),
					  (enum nb_zone_type)t, &z) &&
			    z.populated)
				fn(f, &z);
		}
	}
}

static void add_global(struct fill *f, const struct nb_stats *s)
{
	bool sec = nb_prints(f->info.profile, NB_F_FROM_6_1); /* a line of its own for bounce */
	const struct {
		const char *name;
		uint64_t value;
		bool last;      /* of its line */
		unsigned since; /* formats that have it, 0: all */
	} part[] = {
		{"active_anon", s->active_anon_pages, false, 0},
		{"inactive_anon", s->inactive_anon_pages, false, 0},
		{"isolated_anon", s->isolated_anon_pages, true, 0},
		{"active_file", s->active_file_pages, false, 0},
		{"inactive_file", s->inactive_file_pages, false, 0},
		{"isolated_file", s->isolated_file_pages, true, 0},
		{"unevictable", s->unevictable_pages, false, 0},
		{"dirty", s->dirty_pages, false, 0},
		{"writeback", s->writeback_pages, true, 0},
		{"slab_reclaimable", s->slab_reclaimable_pages, false, 0},
		{"slab_unreclaimable", s->slab_unreclaimable_pages, true, 0},
		{"mapped", s->mapped_pages, false, 0},
		{"shmem", s->shmem_pages, false, 0},
		{"pagetables", s->page_table_pages, sec, 0},
		{"sec_pagetables", 0, false, NB_F_FROM_6_1},
		{"bounce", 0, true, 0},
		{"kernel_misc_reclaimable", 0, true, NB_F_FROM_6_1},
	};
	struct nb_showmem_line *l = NULL;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		if (part[i].since && !nb_prints(f->info.profile, part[i].since))
			continue;
		if (!l) {
			l = add_line(f, NB_SHOWMEM_GLOBAL);
			l->continued = i != 0;
		}
		add(l, part[i].name, part[i].value);
		if (part[i].last)
			l = NULL;
	}
}

static void sum_pcp(struct fill *f, const struct nb_zone_info *z)
{
	struct nb_showmem_line *l = &f->s->lines[f->s->nr_lines - 1];
	uint64_t local;

	l->items.v[1].value += pcp_pages(f, z->nid, z->type, &local);
}

static void add_free(struct fill *f, const struct nb_stats *s)
{
	struct nb_showmem_line *l = add_line(f, NB_SHOWMEM_GLOBAL);

	l->continued = true;
	add(l, "free", s->free_pages);
	add(l, "free_pcp", 0);
	add(l, "free_cma", s->free_cma_pages);
	each_zone(f, sum_pcp);
}

static void add_node(struct fill *f, int nid)
{
	static const char *const zero[] = {"shmem_thp", "shmem_pmdmapped", "anon_thp",
					   "writeback_tmp"};
	struct nb_showmem_line *l = add_line(f, NB_SHOWMEM_NODE);
	struct nb_stats s = {0};

	l->nid = nid;
	nb_stats_add_node(&s, f->sys, nid);
	add_kib(f, l, "active_anon", s.active_anon_pages);
	add_kib(f, l, "inactive_anon", s.inactive_anon_pages);
	add_kib(f, l, "active_file", s.active_file_pages);
	add_kib(f, l, "inactive_file", s.inactive_file_pages);
	add_kib(f, l, "unevictable", s.unevictable_pages);
	add_kib(f, l, "isolated(anon)", s.isolated_anon_pages);
	add_kib(f, l, "isolated(file)", s.isolated_file_pages);
	add_kib(f, l, "mapped", s.mapped_pages);
	add_kib(f, l, "dirty", s.dirty_pages);
	add_kib(f, l, "writeback", s.writeback_pages);
	add_kib(f, l, "shmem", s.shmem_pages);
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		add(l, zero[i], 0);
	add(l, "kernel_stack", s.kernel_stack_kib);
	add_kib(f, l, "pagetables", s.page_table_pages);
	if (nb_prints(f->info.profile, NB_F_FROM_6_1))
		add(l, "sec_pagetables", 0);
	l->has_unreclaimable = true;
	l->all_unreclaimable = s.unreclaimable;
	l->unreclaimable_at = l->items.n;
	if (nb_prints(f->info.profile, NB_F_6_18))
		add(l, "Balloon", 0);
}

static void add_zone(struct fill *f, const struct nb_zone_info *z)
{
	struct nb_showmem_line *l = add_line(f, NB_SHOWMEM_ZONE);
	struct nb_stats s = {0};
	uint64_t pcp, local;

	nb_stats_add_zone(&s, &f->info, z);
	pcp = pcp_pages(f, z->nid, z->type, &local);
	l->nid = f->numa ? z->nid : NB_NO_NODE;
	l->zone = nb_zone_name(z->type);
	l->type = z->type;
	add_kib(f, l, "free", z->free_pages);
	if (nb_prints(f->info.profile, NB_F_FROM_6_1))
		add_kib(f, l, "boost", z->boost_pages);
	add_kib(f, l, "min", z->wmark_pages[NB_WMARK_MIN]);
	add_kib(f, l, "low", z->wmark_pages[NB_WMARK_LOW]);
	add_kib(f, l, "high", z->wmark_pages[NB_WMARK_HIGH]);
	add_kib(f, l, "reserved_highatomic", z->nr_highatomic_pages);
	if (nb_prints(f->info.profile, NB_F_6_18)) {
		uint64_t n = 0;

		for (unsigned o = 0; o < NB_NR_ORDERS; o++)
			n += z->nr_free_by_type[NB_MIGRATE_HIGHATOMIC][o] << o;
		add_kib(f, l, "free_highatomic", n);
	}
	add_kib(f, l, "active_anon", s.active_anon_pages);
	add_kib(f, l, "inactive_anon", s.inactive_anon_pages);
	add_kib(f, l, "active_file", s.active_file_pages);
	add_kib(f, l, "inactive_file", s.inactive_file_pages);
	add_kib(f, l, "unevictable", s.unevictable_pages);
	add_kib(f, l, "writepending", s.dirty_pages + s.writeback_pages);
	add_kib(f, l, "present", z->present_pages);
	add_kib(f, l, "managed", z->managed_pages);
	add_kib(f, l, "mlocked", s.mlocked_pages);
	add(l, "bounce", 0);
	add_kib(f, l, "free_pcp", pcp);
	add_kib(f, l, "local_pcp", local);
	add_kib(f, l, "free_cma", s.free_cma_pages);
	l = add_line(f, NB_SHOWMEM_RESERVE);
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		if (f->info.zones >> t & 1)
			l->v[l->nr++] = z->protection_pages[t];
}

static void add_buddy(struct fill *f, const struct nb_zone_info *z)
{
	struct nb_showmem_line *l = add_line(f, NB_SHOWMEM_BUDDY);

	l->nid = f->numa ? z->nid : NB_NO_NODE;
	l->zone = nb_zone_name(z->type);
	l->type = z->type;
	l->block_kib = UINT64_C(1) << (f->info.page_shift - 10);
	l->nr = f->info.max_order + 1;
	for (unsigned o = 0; o < l->nr; o++) {
		l->v[o] = z->nr_free[o];
		l->total_kib += z->nr_free[o] * (l->block_kib << o);
		for (unsigned t = 0; t < NB_MIGRATE_TYPES; t++)
			if (z->nr_free_by_type[t][o])
				l->letters[o] |= (uint8_t)(1u << t);
	}
}

/* Huge page pools, in the kernel's order. */
static void add_huge(struct fill *f, int nid)
{
	struct nb_hugetlb_info p;

	for (unsigned i = 0; nb_hugetlb_info(f->sys, i, nid, &p); i++) {
		struct nb_showmem_line *l = add_line(f, NB_SHOWMEM_HUGE);

		l->nid = nid;
		add(l, "hugepages_total", p.nr);
		add(l, "hugepages_free", p.free);
		add(l, "hugepages_surp", p.surplus);
		add(l, "hugepages_size", p.page_bytes >> 10);
	}
}

static void add_totals(struct fill *f, const struct nb_stats *s)
{
	uint64_t total, free, cached;

	nb_swap_totals(f->sys, &total, &free, &cached);
	add(add_line(f, NB_SHOWMEM_TOTAL), "total pagecache pages", s->file_pages);
	add(add_line(f, NB_SHOWMEM_TOTAL), "pages in swap cache", cached);
	add_kib(f, add_line(f, NB_SHOWMEM_SWAP), "Free swap", free);
	add_kib(f, add_line(f, NB_SHOWMEM_SWAP), "Total swap", total);
	add(add_line(f, NB_SHOWMEM_TOTAL), "pages RAM", s->present_pages);
	add(add_line(f, NB_SHOWMEM_TOTAL), "pages HighMem/MovableOnly", s->high_managed_pages);
	add(add_line(f, NB_SHOWMEM_TOTAL), "pages reserved", s->present_pages - s->managed_pages);
	if (nb_names_cma(f->info.arch))
		add(add_line(f, NB_SHOWMEM_TOTAL), "pages cma reserved", s->cma_pages);
	if (!nb_prints(f->info.profile, NB_F_6_18))
		add(add_line(f, NB_SHOWMEM_TOTAL), "pages hwpoisoned", 0);
}

void nb_showmem_from_system(const struct nb_system *sys, struct nb_showmem *s)
{
	nb_showmem_on_cpu(sys, -1, s);
}

void nb_showmem_on_cpu(const struct nb_system *sys, int cpu, struct nb_showmem *s)
{
	const struct nb_machine *m = nb_system_machine(sys);
	struct fill f = {.sys = sys, .s = s, .cpu = cpu};
	struct nb_stats stats = {0};

	*s = (struct nb_showmem){0};
	nb_system_info(sys, &f.info);
	f.numa = nb_names_numa(f.info.arch);
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		if (!m->cpus[i].online)
			continue;
		nb_cpumask_set(&f.cpus, m->cpus[i].id);
		if (f.cpu < 0)
			f.cpu = m->cpus[i].id;
	}
	nb_stats_add_node(&stats, sys, NB_NO_NODE);
	add_line(&f, NB_SHOWMEM_HEAD);
	add_global(&f, &stats);
	add_free(&f, &stats);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++)
		add_node(&f, nb_system_node_id(sys, i));
	each_zone(&f, add_zone);
	each_zone(&f, add_buddy);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++)
		add_huge(&f, nb_system_node_id(sys, i));
	add_totals(&f, &stats);
}
