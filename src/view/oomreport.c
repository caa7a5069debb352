/* oomreport.c -- see oomreport.h.
 *
 * The memory part is showmem's, without the nodes that the request's mask leaves out and the zones
 * above the request's. Numbers are pages or KiB, as in each line's format.
 */
#include "view/oomreport.h"

#include "base/mask.h"
#include "view/memcg.h"
#include "view/showmem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FILTERS_SINCE 6001u   /* zones above the request's, nodes without any, pools by node */
#define RSS_PARTS_SINCE 6008u /* rss_anon, rss_file, rss_shmem in the table of tasks */

static uint64_t rss(const struct nb_oom_task *t)
{
	return t->rss_anon + t->rss_file + t->rss_shmem;
}

static void add_nodes(struct nb_text *out, const struct nb_nodemask *m)
{
	char list[4096];

	if (!m) {
		nb_text_puts(out, "(null)");
		return;
	}
	nb_bits_format_list(m->bits, NB_MAX_NODES, list, sizeof(list));
	nb_text_puts(out, list);
}

static void print_head(const struct nb_system_info *info, const struct nb_oom_report *r,
		       struct nb_text *out)
{
	char gfp[512];

	nb_gfp_format(r->gfp, info->profile, gfp, sizeof(gfp));
	nb_text_printf(out, "%s invoked oom-killer: gfp_mask=%#x(%s), order=%u, oom_score_adj=%d\n",
		       r->has_invoker ? r->invoker.comm : "swapper/0",
		       nb_gfp_to_kernel(r->gfp, info->profile), gfp, r->order,
		       r->invoker.oom_score_adj);
}

/* Has the node memory in a zone that the request could use? */
static bool node_serves(const struct nb_system *sys, int nid, const struct nb_oom_report *r)
{
	struct nb_zone_info z;

	for (unsigned t = 0; t <= r->highest_zoneidx; t++) {
		if (!nb_zone_info(sys, nid, (enum nb_zone_type)t, &z) && z.managed_pages)
			return true;
	}
	return false;
}

/* Does the report leave this line out? */
static bool filtered(const struct nb_system *sys, const struct nb_showmem_line *l,
		     const struct nb_oom_report *r)
{
	const struct nb_nodemask *nodes = r->nodemask ? r->nodemask : r->mems_allowed;
	struct nb_system_info info;
	bool newer;

	nb_system_info(sys, &info);
	newer = info.profile->version >= FILTERS_SINCE;
	if (l->kind != NB_SHOWMEM_NODE && l->kind != NB_SHOWMEM_ZONE &&
	    l->kind != NB_SHOWMEM_BUDDY && l->kind != NB_SHOWMEM_HUGE &&
	    l->kind != NB_SHOWMEM_RESERVE)
		return false;
	if ((newer || l->kind != NB_SHOWMEM_HUGE) && l->nid >= 0 && nodes &&
	    !nb_nodemask_test(nodes, (unsigned)l->nid))
		return true;
	if (!newer)
		return false;
	return l->type > (int)r->highest_zoneidx ||
	       (l->kind == NB_SHOWMEM_NODE && !node_serves(sys, l->nid, r));
}

/* The sum counts page sets of those zones alone that are shown. */
static void sum_page_sets(struct nb_showmem *shown, unsigned page_kib)
{
	struct nb_item *sum = NULL;
	uint64_t kib = 0;

	for (size_t i = 0; i < shown->nr_lines; i++) {
		struct nb_showmem_line *l = &shown->lines[i];

		if (l->kind == NB_SHOWMEM_ZONE)
			kib += nb_items_value(&l->items, "free_pcp", 0);
		for (size_t k = 0; l->kind == NB_SHOWMEM_GLOBAL && k < l->items.n; k++) {
			if (l->items.v[k].name && !strcmp(l->items.v[k].name, "free_pcp"))
				sum = &l->items.v[k];
		}
	}
	if (sum)
		sum->value = kib / page_kib;
}

static void print_memory(const struct nb_system *sys, const struct nb_oom_report *r,
			 struct nb_text *out)
{
	struct nb_showmem s = {0};
	struct nb_showmem shown;
	struct nb_system_info info;
	size_t kept = 0;

	nb_system_info(sys, &info);
	nb_showmem_on_cpu(sys, r->cpu, &s);
	shown = s;
	shown.lines = nb_xcalloc(s.nr_lines ? s.nr_lines : 1, sizeof(*s.lines));
	for (size_t i = 0; i < s.nr_lines; i++) {
		/* a zone's reserve goes with it */
		if (!filtered(sys, &s.lines[i], r) && !(s.lines[i].kind == NB_SHOWMEM_RESERVE &&
							i && filtered(sys, &s.lines[i - 1], r)))
			shown.lines[kept++] = s.lines[i];
	}
	shown.nr_lines = kept;
	sum_page_sets(&shown, 1u << (info.page_shift - 10));
	nb_showmem_print(&shown, out);
	free(shown.lines);
	nb_showmem_release(&s);
}

static void print_tasks(const struct nb_system_info *info, const struct nb_oom_report *r,
			struct nb_text *out)
{
	bool parts = info->profile->version >= RSS_PARTS_SINCE;

	nb_text_puts(out, "Tasks state (memory values in pages):\n");
	nb_text_puts(out, parts ? "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file "
				  "rss_shmem pgtables_bytes swapents oom_score_adj name\n"
				: "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents "
				  "oom_score_adj name\n");
	for (unsigned i = 0; i < r->nr_tasks; i++) {
		const struct nb_oom_task *t = &r->tasks[i];

		nb_text_printf(out, "[%7d] %5d %5d %8" PRIu64 " %8" PRIu64, t->pid, (int)t->uid,
			       t->tgid, t->total_vm, rss(t));
		if (parts)
			nb_text_printf(out, " %8" PRIu64 " %8" PRIu64 " %9" PRIu64, t->rss_anon,
				       t->rss_file, t->rss_shmem);
		nb_text_printf(out, " %8" PRIu64 " %8" PRIu64 "         %5d %s\n",
			       t->pgtables_bytes, t->swapents, t->oom_score_adj, t->comm);
	}
}

static void print_killed(const struct nb_system_info *info, const struct nb_oom_task *v,
			 const char *message, struct nb_text *out)
{
	unsigned kib = info->page_shift - 10;

	nb_text_printf(out,
		       "%s: Killed process %d (%s) total-vm:%" PRIu64 "kB, anon-rss:%" PRIu64
		       "kB, file-rss:%" PRIu64 "kB, shmem-rss:%" PRIu64
		       "kB, UID:%u pgtables:%" PRIu64 "kB oom_score_adj:%d\n",
		       message, v->pid, v->comm, v->total_vm << kib, v->rss_anon << kib,
		       v->rss_file << kib, v->rss_shmem << kib, v->uid, v->pgtables_bytes >> 10,
		       v->oom_score_adj);
}

static void print_kill(const struct nb_system_info *info, const struct nb_oom_report *r,
		       struct nb_text *out)
{
	const struct nb_oom_task *v = r->victim;
	char path[4096];

	nb_text_printf(out,
		       "oom-kill:constraint=%s,nodemask=", nb_oom_constraint_name(r->constraint));
	add_nodes(out, r->nodemask);
	nb_text_printf(out, ",cpuset=%s,mems_allowed=", r->cpuset);
	add_nodes(out, r->mems_allowed);
	if (r->oom_memcg) {
		nb_memcg_path(r->oom_memcg, path, sizeof(path));
		nb_text_printf(out, ",oom_memcg=%s", path);
	} else {
		nb_text_puts(out, ",global_oom");
	}
	nb_text_printf(out, ",task_memcg=%s,task=%s,pid=%d,uid=%d\n", r->memcg, v->comm, v->pid,
		       (int)v->uid);
	print_killed(info, v,
		     r->oom_memcg         ? "Memory cgroup out of memory"
		     : r->allocating_task ? "Out of memory (oom_kill_allocating_task)"
					  : "Out of memory",
		     out);
}

/* memory.oom.group: the others that die with the victim. */
static void print_group(const struct nb_system_info *info, const struct nb_oom_report *r,
			struct nb_text *out)
{
	char path[4096];

	if (!r->group)
		return;
	nb_memcg_path(r->group, path, sizeof(path));
	nb_text_printf(out, "Tasks in %s are going to be killed due to memory.oom.group set\n",
		       path);
	for (unsigned i = 0; i < r->nr_tasks; i++) {
		if (r->tasks[i].in_group && r->tasks[i].pid != r->victim->pid)
			print_killed(info, &r->tasks[i], "Memory cgroup out of memory", out);
	}
}

void nb_oomreport_print(const struct nb_system *sys, const struct nb_oom_report *r,
			struct nb_text *out)
{
	struct nb_system_info info;

	nb_system_info(sys, &info);
	print_head(&info, r, out);
	if (r->oom_memcg)
		nb_memcg_oom_print(sys, r->oom_memcg, r->memcg, out);
	else
		print_memory(sys, r, out);
	print_tasks(&info, r, out);
	if (r->victim) {
		print_kill(&info, r, out);
		print_group(&info, r, out);
		return;
	}
	nb_text_puts(out, "Out of memory and no killable processes...\n");
	if (!r->oom_memcg) /* a group may stay as it is; the system may not */
		nb_text_puts(out, "Kernel panic - not syncing: System is deadlocked on memory\n");
}
