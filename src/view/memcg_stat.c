/* memcg_stat.c -- memory.stat, memory.numa_stat, and the statistics of an OOM report.
 *
 * See memcg.h. Which lines there are, and in which order, is the kernel version's; what the engine
 * does not model is 0. v1's files have names of their own.
 * Source: mm/memcontrol.c: memory_stats[], memcg_vm_event_stat[], memory_stat_format(),
 * memory_numa_stat_show(), mem_cgroup_print_oom_meminfo(); mm/memcontrol-v1.c:
 * memcg1_stat_format(), memcg_numa_stat_show().
 */
#include "view/memcg.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#define OLD_REPORT_BEFORE 5000u /* "Task in ... killed as a result of limit of ..." */
#define LINES_SINCE 5003u       /* statistics as memory.stat has them */
#define WHOLE_SINCE 6004u       /* before, the log cut them: one record is no longer */
#define LOG_RECORD_TEXT 989u    /* LOG_LINE_MAX, less its 0 byte and the level */
#define EVENTS_LAST_SINCE 5019u /* pgscan, pgsteal, then the rest */

#define OF(field) offsetof(struct nb_memcg_stat, field)
#define COUNT(c) (OF(count) + (c) * sizeof(uint64_t))
#define NONE SIZE_MAX /* not modelled: 0 */

enum unit { BYTES, PAGES };

struct line {
	const char *name;
	size_t at;
	enum unit unit;
	bool numa; /* in memory.numa_stat, too */
	unsigned since;
};

static const struct line state[] = {
	{"anon", OF(anon), BYTES, true, 0},
	{"file", OF(file), BYTES, true, 0},
	{"kernel", OF(pagetables), BYTES, false, 5018},
	{"kernel_stack", NONE, BYTES, true, 0},
	{"pagetables", OF(pagetables), BYTES, true, 5011},
	{"sec_pagetables", NONE, BYTES, true, 6001},
	{"percpu", NONE, BYTES, false, 5009},
	{"sock", NONE, BYTES, false, 0},
	{"vmalloc", NONE, BYTES, false, 5017},
	{"shmem", OF(shmem), BYTES, true, 0},
	{"zswap", NONE, BYTES, false, 5019},
	{"zswapped", NONE, BYTES, false, 5019},
	{"file_mapped", OF(file_mapped), BYTES, true, 0},
	{"file_dirty", OF(file_dirty), BYTES, true, 0},
	{"file_writeback", OF(file_writeback), BYTES, true, 0},
	{"swapcached", OF(swapcached), BYTES, true, 5011},
	{"anon_thp", OF(anon_thp), BYTES, true, 0},
	{"file_thp", NONE, BYTES, true, 5011},
	{"shmem_thp", NONE, BYTES, true, 5011},
	{"inactive_anon", OF(inactive_anon), BYTES, true, 0},
	{"active_anon", OF(active_anon), BYTES, true, 0},
	{"inactive_file", OF(inactive_file), BYTES, true, 0},
	{"active_file", OF(active_file), BYTES, true, 0},
	{"unevictable", OF(unevictable), BYTES, true, 0},
	{"slab_reclaimable", NONE, BYTES, true, 0},
	{"slab_unreclaimable", NONE, BYTES, true, 0},
	{"slab", NONE, BYTES, false, 0},
	{"workingset_refault_anon", OF(refault[0]), PAGES, true, 5009},
	{"workingset_refault_file", OF(refault[1]), PAGES, true, 5009},
	{"workingset_activate_anon", OF(activate[0]), PAGES, true, 5009},
	{"workingset_activate_file", OF(activate[1]), PAGES, true, 5009},
	{"workingset_restore_anon", OF(restore[0]), PAGES, true, 5009},
	{"workingset_restore_file", OF(restore[1]), PAGES, true, 5009},
	{"workingset_nodereclaim", NONE, PAGES, true, 0},
	{"pgdemote_kswapd", NONE, PAGES, true, 6012},
	{"pgdemote_direct", NONE, PAGES, true, 6012},
	{"pgdemote_khugepaged", NONE, PAGES, true, 6012},
	{"pgdemote_proactive", NONE, PAGES, true, 6016},
	{"pgpromote_success", NONE, PAGES, true, 6012},
};

/* From EVENTS_LAST_SINCE on, behind pgscan and pgsteal. */
static const struct line events[] = {
	{"pswpin", COUNT(NB_MEMCG_PSWPIN), PAGES, false, 6012},
	{"pswpout", COUNT(NB_MEMCG_PSWPOUT), PAGES, false, 6012},
	{"pgscan_kswapd", COUNT(NB_MEMCG_PGSCAN_KSWAPD), PAGES, false, 0},
	{"pgscan_direct", COUNT(NB_MEMCG_PGSCAN_DIRECT), PAGES, false, 0},
	{"pgscan_khugepaged", NONE, PAGES, false, 6002},
	{"pgscan_proactive", NONE, PAGES, false, 6016},
	{"pgsteal_kswapd", COUNT(NB_MEMCG_PGSTEAL_KSWAPD), PAGES, false, 0},
	{"pgsteal_direct", COUNT(NB_MEMCG_PGSTEAL_DIRECT), PAGES, false, 0},
	{"pgsteal_khugepaged", NONE, PAGES, false, 6002},
	{"pgsteal_proactive", NONE, PAGES, false, 6016},
	{"pgfault", COUNT(NB_MEMCG_PGFAULT), PAGES, false, 0},
	{"pgmajfault", COUNT(NB_MEMCG_PGMAJFAULT), PAGES, false, 0},
	{"pgrefill", COUNT(NB_MEMCG_PGREFILL), PAGES, false, 0},
	{"pgactivate", COUNT(NB_MEMCG_PGACTIVATE), PAGES, false, 0},
	{"pgdeactivate", COUNT(NB_MEMCG_PGDEACTIVATE), PAGES, false, 0},
	{"pglazyfree", COUNT(NB_MEMCG_PGLAZYFREE), PAGES, false, 0},
	{"pglazyfreed", COUNT(NB_MEMCG_PGLAZYFREED), PAGES, false, 0},
	{"swpin_zero", NONE, PAGES, false, 6012},
	{"swpout_zero", NONE, PAGES, false, 6012},
	{"zswpin", NONE, PAGES, false, 5019},
	{"zswpout", NONE, PAGES, false, 5019},
	{"zswpwb", NONE, PAGES, false, 6008},
	{"thp_fault_alloc", COUNT(NB_MEMCG_THP_FAULT_ALLOC), PAGES, false, 0},
	{"thp_collapse_alloc", NONE, PAGES, false, 0},
	{"thp_swpout", NONE, PAGES, false, 6007},
	{"thp_swpout_fallback", NONE, PAGES, false, 6007},
	{"numa_pages_migrated", NONE, PAGES, false, 6012},
	{"numa_pte_updates", NONE, PAGES, false, 6012},
	{"numa_hint_faults", NONE, PAGES, false, 6012},
};

#define NR(a) (sizeof(a) / sizeof(*(a)))

struct kernel {
	unsigned version, page_shift;
};

static struct kernel kernel_of(const struct nb_system *sys)
{
	struct nb_system_info info;

	nb_system_info(sys, &info);
	return (struct kernel){info.profile->version, info.page_shift};
}

static uint64_t value(const struct nb_memcg_stat *st, const struct line *l, unsigned shift)
{
	uint64_t v =
		l->at == NONE ? 0 : *(const uint64_t *)(const void *)((const char *)st + l->at);

	return l->unit == BYTES ? v << shift : v;
}

static void print_lines(const struct nb_memcg_stat *st, const struct line *line, size_t n,
			const struct kernel *k, struct nb_text *out)
{
	for (size_t i = 0; i < n; i++) {
		if (k->version >= line[i].since)
			nb_text_printf(out, "%s %" PRIu64 "\n", line[i].name,
				       value(st, &line[i], k->page_shift));
	}
}

static void print_v2(const struct nb_memcg_stat *st, const struct kernel *k, struct nb_text *out)
{
	uint64_t scan = st->count[NB_MEMCG_PGSCAN_KSWAPD] + st->count[NB_MEMCG_PGSCAN_DIRECT];
	uint64_t steal = st->count[NB_MEMCG_PGSTEAL_KSWAPD] + st->count[NB_MEMCG_PGSTEAL_DIRECT];

	print_lines(st, state, NR(state), k, out);
	if (k->version >= EVENTS_LAST_SINCE) {
		nb_text_printf(out, "pgscan %" PRIu64 "\npgsteal %" PRIu64 "\n", scan, steal);
		print_lines(st, events, NR(events), k, out);
		return;
	}
	nb_text_printf(out,
		       "pgfault %" PRIu64 "\npgmajfault %" PRIu64 "\npgrefill %" PRIu64
		       "\npgscan %" PRIu64 "\npgsteal %" PRIu64 "\npgactivate %" PRIu64
		       "\npgdeactivate %" PRIu64 "\npglazyfree %" PRIu64 "\npglazyfreed %" PRIu64
		       "\nthp_fault_alloc %" PRIu64 "\nthp_collapse_alloc 0\n",
		       st->count[NB_MEMCG_PGFAULT], st->count[NB_MEMCG_PGMAJFAULT],
		       st->count[NB_MEMCG_PGREFILL], scan, steal, st->count[NB_MEMCG_PGACTIVATE],
		       st->count[NB_MEMCG_PGDEACTIVATE], st->count[NB_MEMCG_PGLAZYFREE],
		       st->count[NB_MEMCG_PGLAZYFREED], st->count[NB_MEMCG_THP_FAULT_ALLOC]);
}

/* v1's kinds, in its order. */
static const struct line v1_state[] = {
	{"cache", OF(file), BYTES, true, 0},
	{"rss", OF(anon), BYTES, true, 0},
	{"rss_huge", OF(anon_thp), BYTES, false, 0},
	{"shmem", OF(shmem), BYTES, false, 0},
	{"mapped_file", OF(file_mapped), BYTES, false, 0},
	{"dirty", OF(file_dirty), BYTES, false, 0},
	{"writeback", OF(file_writeback), BYTES, false, 0},
};

static const struct line v1_lists[] = {
	{"inactive_anon", OF(inactive_anon), BYTES, false, 0},
	{"active_anon", OF(active_anon), BYTES, false, 0},
	{"inactive_file", OF(inactive_file), BYTES, false, 0},
	{"active_file", OF(active_file), BYTES, false, 0},
	{"unevictable", OF(unevictable), BYTES, true, 0},
};

static uint64_t v1_swap_bytes(const struct nb_memcg *cg, unsigned shift)
{
	struct nb_memcg_info g;

	nb_memcg_info(cg, &g);
	return (g.swap_usage > g.usage ? g.swap_usage - g.usage : 0) << shift;
}

static void print_v1(const struct nb_memcg *cg, const struct nb_memcg_stat *st,
		     const struct kernel *k, struct nb_text *out)
{
	print_lines(st, v1_state, NR(v1_state), k, out);
	nb_text_printf(out,
		       "workingset_refault_anon %" PRIu64 "\nworkingset_refault_file %" PRIu64
		       "\nswap %" PRIu64 "\nswapcached %" PRIu64
		       "\npgpgin 0\npgpgout 0\npgfault %" PRIu64 "\npgmajfault %" PRIu64 "\n",
		       st->refault[0], st->refault[1], v1_swap_bytes(cg, k->page_shift),
		       st->swapcached << k->page_shift, st->count[NB_MEMCG_PGFAULT],
		       st->count[NB_MEMCG_PGMAJFAULT]);
	print_lines(st, v1_lists, NR(v1_lists), k, out);
}

void nb_memcg_stat_print(const struct nb_system *sys, const struct nb_memcg *cg,
			 struct nb_text *out)
{
	struct kernel k = kernel_of(sys);
	struct nb_memcg_stat st;

	(void)nb_memcg_stat(cg, NB_NO_NODE, &st);
	if (nb_memcg_is_v1(sys))
		print_v1(cg, &st, &k, out);
	else
		print_v2(&st, &k, out);
}

/* v1: pages by kind and node, the total first. */
static void print_numa_v1(const struct nb_memcg_stat *st, const int *nid, unsigned n,
			  struct nb_text *out)
{
	static const char *const kind[] = {"total", "file", "anon", "unevictable"};

	for (unsigned i = 0; i < 4; i++) {
		struct nb_text nodes = {0};
		uint64_t sum = 0;

		for (unsigned k = 0; k < n; k++) {
			uint64_t file = st[k].inactive_file + st[k].active_file;
			uint64_t anon = st[k].inactive_anon + st[k].active_anon;
			uint64_t v = i == 1 ? file : i == 2 ? anon : st[k].unevictable;

			if (!i)
				v = file + anon + st[k].unevictable;
			sum += v;
			nb_text_printf(&nodes, " N%d=%" PRIu64, nid[k], v);
		}
		nb_text_printf(out, "%s=%" PRIu64 "%s\n", kind[i], sum, nb_text_str(&nodes));
		nb_text_release(&nodes);
	}
}

void nb_memcg_numa_stat_print(const struct nb_system *sys, const struct nb_memcg *cg,
			      struct nb_text *out)
{
	struct kernel k = kernel_of(sys);
	struct nb_memcg_stat *st = nb_xcalloc(NB_MAX_NODES, sizeof(*st));
	int *nid = nb_xcalloc(NB_MAX_NODES, sizeof(*nid));
	struct nb_node_info node;
	unsigned n = 0;

	for (int i = 0; i < NB_MAX_NODES; i++) {
		/* nodes with memory have statistics */
		if (nb_node_info(sys, i, &node) || !node.present_pages ||
		    nb_memcg_stat(cg, i, &st[n]))
			continue;
		nid[n++] = i;
	}
	if (nb_memcg_is_v1(sys)) {
		print_numa_v1(st, nid, n, out);
	} else {
		for (size_t l = 0; l < NR(state); l++) {
			if (!state[l].numa || k.version < state[l].since)
				continue;
			nb_text_puts(out, state[l].name);
			for (unsigned i = 0; i < n; i++)
				nb_text_printf(out, " N%d=%" PRIu64, nid[i],
					       value(&st[i], &state[l], k.page_shift));
			nb_text_puts(out, "\n");
		}
	}
	free(st);
	free(nid);
}

/* ---- in an OOM report ---- */

static void print_counter(const char *name, uint64_t usage, uint64_t limit, uint64_t failcnt,
			  unsigned kib_shift, struct nb_text *out)
{
	nb_text_printf(out, "%s: usage %" PRIu64 "kB, limit %" PRIu64 "kB, failcnt %" PRIu64 "\n",
		       name, usage << kib_shift, limit << kib_shift, failcnt);
}

/* Up to 5.2: one line a group, of what is its own, in KiB. */
static void print_old_stats(const struct nb_system *sys, const struct nb_memcg *cg,
			    const struct kernel *k, struct nb_text *out)
{
	struct nb_memcg_stat st;
	char path[4096];

	(void)nb_memcg_stat(cg, NB_NO_NODE, &st);
	nb_memcg_path(cg, path, sizeof(path));
	nb_text_printf(out, "Memory cgroup stats for %s:", path);
	for (size_t i = 0; i < NR(v1_state); i++)
		nb_text_printf(out, " %s:%" PRIu64 "KB", v1_state[i].name,
			       value(&st, &v1_state[i], k->page_shift) >> 10);
	nb_text_printf(out, " swap:%" PRIu64 "KB",
		       nb_memcg_is_v1(sys) ? v1_swap_bytes(cg, k->page_shift) >> 10 : 0);
	for (size_t i = 0; i < NR(v1_lists); i++)
		nb_text_printf(out, " %s:%" PRIu64 "KB", v1_lists[i].name,
			       value(&st, &v1_lists[i], k->page_shift) >> 10);
	nb_text_puts(out, "\n");
}

/* As memory.stat, as far as a record of the log holds it. */
static void print_stats(const struct nb_system *sys, const struct nb_memcg *cg,
			const struct kernel *k, struct nb_text *out)
{
	struct nb_text st = {0};
	char path[4096];
	size_t len;

	nb_memcg_path(cg, path, sizeof(path));
	nb_memcg_stat_print(sys, cg, &st);
	nb_text_printf(out, "Memory cgroup stats for %s:\n", path);
	len = st.len;
	if (k->version < WHOLE_SINCE && len > LOG_RECORD_TEXT)
		len = LOG_RECORD_TEXT;
	nb_text_add(out, nb_text_str(&st), len);
	if (len && nb_text_str(&st)[len - 1] != '\n')
		nb_text_puts(out, "\n");
	nb_text_release(&st);
}

void nb_memcg_oom_print(const struct nb_system *sys, const struct nb_memcg *cg,
			const char *task_memcg, struct nb_text *out)
{
	struct kernel k = kernel_of(sys);
	unsigned kib_shift = k.page_shift - 10;
	struct nb_memcg_info g;
	char path[4096];

	nb_memcg_info(cg, &g);
	nb_memcg_path(cg, path, sizeof(path));
	if (k.version < OLD_REPORT_BEFORE)
		nb_text_printf(out, "Task in %s killed as a result of limit of %s\n", task_memcg,
			       path);
	print_counter("memory", g.usage, nb_memcg_read(cg, NB_MEMCG_MAX), g.failcnt, kib_shift,
		      out);
	if (nb_memcg_is_v1(sys) || k.version < LINES_SINCE) {
		print_counter("memory+swap", g.swap_usage, nb_memcg_read(cg, NB_MEMCG_SWAP_MAX),
			      g.swap_failcnt, kib_shift, out);
		print_counter("kmem", g.kmem_usage, NB_MEMCG_MAX_PAGES, 0, kib_shift, out);
	} else {
		print_counter("swap", g.swap_usage, nb_memcg_read(cg, NB_MEMCG_SWAP_MAX),
			      g.swap_failcnt, kib_shift, out);
	}
	if (k.version < LINES_SINCE)
		print_old_stats(sys, cg, &k, out);
	else
		print_stats(sys, cg, &k, out);
}
