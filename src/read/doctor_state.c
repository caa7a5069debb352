/* doctor_state.c -- checks of what is in memory: pieces, huge pages, tasks, swap, slab, reports.
 *
 * Called by doctor.c.
 */
#include "read/doctor_priv.h"
#include "read/kernel_log.h"
#include "read/report_explain.h"
#include "view/extfrag.h"
#include "view/fragmentation.h"
#include "view/numa_maps.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MIN_FREE_MIB 64u /* fragmentation of less says nothing */
#define MAX_TASKS 4096u  /* whose numa_maps are read */
#define MAX_LISTED 8u    /* that are named */
#define SHOWN_REPORTS 4u /* of a log */

void nb_check_fragmentation(struct nb_doctor *d)
{
	const struct nb_buddyinfo *b = &d->obs.buddyinfo;
	struct nb_system_info info;

	if (!d->obs.has_buddyinfo) {
		nb_doctor_skip(d, "no proc/buddyinfo");
		return;
	}
	nb_system_info(d->sys, &info);
	for (size_t i = 0; i < b->nr_rows; i++) {
		const struct nb_buddyinfo_row *r = &b->rows[i];
		struct nb_frag_zone f;
		unsigned none = 0;

		if (!r->nr_orders)
			continue;
		nb_frag_judge(r, info.pageblock_order, &f);
		while (none < r->nr_orders && nb_extfrag_index(r->nr_free, r->nr_orders, none) < 0)
			none++;
		if (f.verdict != NB_FRAG_SCATTERED || none > info.pageblock_order ||
		    f.free_pages * d->page_kib / 1024 < MIN_FREE_MIB)
			continue;
		nb_doctor_add(
			d, NB_SEVERITY_WARNING, r->nid,
			"free memory of node %d zone %s is in pieces: order %u will fail or wait",
			r->nid, r->zone, none);
		nb_doctor_evidence(d,
				   "%" PRIu64
				   " MiB free, %.0f %% of it in single pages, none in blocks of "
				   "%" PRIu64 " KiB or more",
				   f.free_pages * d->page_kib / 1024, 100 * f.single_fraction,
				   (UINT64_C(1) << none) * d->page_kib);
		nb_doctor_evidence(
			d,
			"the kernel's index for that order is %.3f: towards 1, memory is there "
			"but in pieces",
			nb_extfrag_index(r->nr_free, r->nr_orders, none) / 1000.0);
		nb_doctor_try(
			d, "echo 1 > /proc/sys/vm/compact_memory shows what compaction can mend; "
			   "vm.compaction_proactiveness=50 does it beforehand");
		nb_doctor_try(d,
			      "set huge pages aside at boot (hugepages=), not from running memory");
	}
}

/* ---- huge pages ---- */

static int64_t pool(struct nb_doctor *d, int nid, const char *size, const char *file)
{
	int64_t v;

	return nb_tree_numberf(d->tree, &v, "sys/devices/system/node/node%d/hugepages/%s/%s", nid,
			       size, file)
		       ? -1
		       : v;
}

static void one_size(struct nb_doctor *d, const char *size)
{
	int64_t least = INT64_MAX, most = -1, all = 0, surplus = 0;
	int low = NB_NO_NODE, high = NB_NO_NODE, dry = NB_NO_NODE, wet = NB_NO_NODE;

	for (unsigned i = 0; i < nb_system_nr_nodes(d->sys); i++) {
		int nid = nb_system_node_id(d->sys, i);
		int64_t n = pool(d, nid, size, "nr_hugepages"),
			fr = pool(d, nid, size, "free_hugepages");
		int64_t s = pool(d, nid, size, "surplus_hugepages");

		if (n < 0 || !nb_node_kib(d, nid, "MemTotal"))
			continue;
		all += n;
		surplus += s > 0 ? s : 0;
		if (n < least) {
			least = n;
			low = nid;
		}
		if (n > most) {
			most = n;
			high = nid;
		}
		if (n && fr == 0)
			dry = nid;
		if (fr > 0)
			wet = nid;
	}
	if (all && low != high && most > least + least / 4 + 1) {
		nb_doctor_add(d, NB_SEVERITY_WARNING, low, "the pools of %s are uneven", size);
		nb_doctor_evidence(d, "node %d has %" PRId64 " pages, node %d %" PRId64, low, least,
				   high, most);
		nb_doctor_try(d,
			      "echo N > /sys/devices/system/node/node%d/hugepages/%s/nr_hugepages",
			      low, size);
		nb_doctor_try(
			d,
			"hugepages=%d:N,%d:N on the command line takes them before memory is in "
			"pieces",
			low, high);
	}
	if (dry != NB_NO_NODE && wet != NB_NO_NODE) {
		nb_doctor_add(d, NB_SEVERITY_WARNING, dry,
			      "node %d has used up its %s while node %d has some free", dry, size,
			      wet);
		nb_doctor_evidence(
			d,
			"a task bound to node %d gets SIGBUS at its next fault there, or is "
			"served from afar",
			dry);
		nb_doctor_try(d, "more pages on node %d, or run the task on node %d", dry, wet);
	}
	if (surplus) {
		nb_doctor_add(d, NB_SEVERITY_NOTE, NB_NO_NODE,
			      "%" PRId64 " surplus pages of %s are in use", surplus, size);
		nb_doctor_evidence(
			d,
			"taken from running memory beyond the pool (vm.nr_overcommit_hugepages)");
	}
}

void nb_check_hugepages(struct nb_doctor *d)
{
	const char *const *sizes = NULL;
	size_t n = 0;

	for (unsigned i = 0; i < nb_system_nr_nodes(d->sys) && !n; i++) {
		struct nb_text path = {0};

		nb_text_printf(&path, "sys/devices/system/node/node%d/hugepages",
			       nb_system_node_id(d->sys, i));
		sizes = nb_tree_list(d->tree, nb_text_str(&path), &n);
		nb_text_release(&path);
	}
	if (!n) {
		nb_doctor_skip(d, "no hugepages directory of a node");
		return;
	}
	for (size_t i = 0; i < n && i < 16; i++)
		one_size(d, sizes[i]);
}

/* ---- tasks ---- */

/* Is a node short: no zone of it above its low mark? */
static bool node_short(const struct nb_doctor *d, int nid)
{
	struct nb_seen_zone z;
	bool any = false, low = true;

	for (size_t i = 0; nb_seen_zone(d, i, &z); i++) {
		if (z.zone->nid != nid || z.managed < 4096)
			continue;
		any = true;
		low &= z.free <= z.low;
	}
	return any && low;
}

/* The node that "bind:1" alone names, or NB_NO_NODE. */
static int bound_to(const char *policy)
{
	const char *colon;
	char *end;
	long nid;

	if (strncmp(policy, "bind", 4) != 0 || !(colon = strchr(policy, ':')))
		return NB_NO_NODE;
	nid = strtol(colon + 1, &end, 10);
	return *end || nid < 0 || nid >= NB_MAX_NODES ? NB_NO_NODE : (int)nid;
}

static void one_task(struct nb_doctor *d, const char *pid, unsigned *found)
{
	struct nb_numa_maps m;
	const char *text;
	uint64_t pages = 0;
	size_t len;
	int nid = NB_NO_NODE;

	if (nb_tree_readf(d->tree, &text, &len, "proc/%s/numa_maps", pid) ||
	    nb_numa_maps_parse(text, len, &m, NULL))
		return;
	for (size_t i = 0; i < m.nr_lines; i++) {
		int to = m.lines[i].policy ? bound_to(m.lines[i].policy) : NB_NO_NODE;

		if (to == NB_NO_NODE || !node_short(d, to))
			continue;
		nid = to;
		for (size_t k = 0; k < m.lines[i].nr_nodes; k++)
			pages += m.lines[i].nodes[k].pages;
	}
	nb_numa_maps_release(&m);
	if (nid == NB_NO_NODE || ++*found > MAX_LISTED)
		return;
	nb_doctor_add(d, NB_SEVERITY_PROBLEM, nid, "process %s is bound to node %d, which is short",
		      pid, nid);
	nb_doctor_evidence(d,
			   "bind:%d over %" PRIu64
			   " resident pages in its numa_maps; node %d is under its "
			   "low marks",
			   nid, pages, nid);
	nb_doctor_evidence(
		d, "a bound task reclaims, swaps, and is killed there although other nodes have "
		   "memory");
	nb_doctor_try(d, "migratepages %s %d OTHER, and numactl --preferred in place of --membind",
		      pid, nid);
}

void nb_check_bound_tasks(struct nb_doctor *d)
{
	const char *const *names;
	unsigned found = 0, seen = 0;
	size_t n;

	if (!d->obs.has_zoneinfo)
		return;
	names = nb_tree_list(d->tree, "proc", &n);
	for (size_t i = 0; i < n && seen < MAX_TASKS; i++) {
		char path[64];

		if ((names[i][0] < '1' || names[i][0] > '9') && strcmp(names[i], "self") != 0)
			continue;
		snprintf(path, sizeof(path), "proc/%.32s/numa_maps", names[i]);
		if (!nb_tree_has(d->tree, path))
			continue;
		seen++;
		one_task(d, names[i], &found);
	}
	if (!seen)
		nb_doctor_skip(d, "no numa_maps of a process");
	if (found > MAX_LISTED) {
		nb_doctor_add(d, NB_SEVERITY_PROBLEM, NB_NO_NODE,
			      "%u more processes are bound like that", found - MAX_LISTED);
	}
}

/* ---- swap, slab, reports ---- */

void nb_check_swap(struct nb_doctor *d)
{
	uint64_t total = NB_UNKNOWN, fr = NB_UNKNOWN, mem = NB_UNKNOWN, mem_free = NB_UNKNOWN;
	uint64_t out = nb_seen_vmstat(d, "pswpout");

	if (!d->obs.has_meminfo) {
		nb_doctor_skip(d, "no proc/meminfo");
		return;
	}
	nb_items_get(&d->obs.meminfo.items, "SwapTotal", &total);
	nb_items_get(&d->obs.meminfo.items, "SwapFree", &fr);
	nb_items_get(&d->obs.meminfo.items, "MemTotal", &mem);
	nb_items_get(&d->obs.meminfo.items, "MemFree", &mem_free);
	if (total == NB_UNKNOWN || fr == NB_UNKNOWN || mem == NB_UNKNOWN ||
	    mem_free == NB_UNKNOWN || !total || fr > total)
		return;
	if (nb_percent(total - fr, total) < 10 || nb_percent(mem_free, mem) < 15 ||
	    nb_system_nr_nodes(d->sys) < 2)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
		      "swap is in use although %.0f %% of memory is free",
		      nb_percent(mem_free, mem));
	nb_doctor_evidence(d, "%" PRIu64 " of %" PRIu64 " MiB of swap are used",
			   (total - fr) / 1024, total / 1024);
	if (out != NB_UNKNOWN)
		nb_doctor_evidence(d, "%" PRIu64 " pages were swapped out since boot", out);
	nb_doctor_try(
		d,
		"look for bound tasks and for vm.zone_reclaim_mode: a full node swaps while others "
		"have room");
}

void nb_check_slab(struct nb_doctor *d)
{
	uint64_t slab = NB_UNKNOWN, mem = NB_UNKNOWN;

	if (!d->obs.has_meminfo)
		return;
	nb_items_get(&d->obs.meminfo.items, "SUnreclaim", &slab);
	nb_items_get(&d->obs.meminfo.items, "MemTotal", &mem);
	if (slab == NB_UNKNOWN || mem == NB_UNKNOWN || nb_percent(slab, mem) < 20)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
		      "%.0f %% of memory are kernel objects that cannot be freed",
		      nb_percent(slab, mem));
	nb_doctor_evidence(d, "SUnreclaim is %" PRIu64 " of %" PRIu64 " MiB", slab / 1024,
			   mem / 1024);
	nb_doctor_try(d, "slabtop -s c names the caches; one that only grows is a leak");
}

/* What was asked for, and the first sentence of the likeliest cause. */
static void report_evidence(struct nb_doctor *d, const char *log, const struct nb_report *r)
{
	struct nb_sheet s;
	const char *cause, *stop;

	nb_sheet_init(&s, "report", false);
	nb_report_explain(r, NULL, &s);
	cause = json_string_value(
		json_object_get(json_array_get(json_object_get(s.root, "causes"), 0), "text"));
	stop = cause ? strstr(cause, ". ") : NULL;
	nb_doctor_evidence(d, "%s line %u: %s, order %u%s%s%.*s", log, r->line, r->comm, r->order,
			   r->kind == NB_REPORT_OOM ? ", OOM" : "", cause ? ": " : "",
			   !cause ? 0
			   : stop ? (int)(stop - cause)
				  : (int)strlen(cause),
			   cause ? cause : "");
	nb_sheet_release(&s);
}

void nb_check_reports(struct nb_doctor *d)
{
	struct nb_reports r;
	const char *log;
	unsigned kills = 0;

	if (nb_kernel_log_reports(d->tree, &r, &log)) {
		if (!log)
			nb_doctor_skip(d, "no dmesg");
		return;
	}
	for (unsigned i = 0; i < r.n; i++)
		kills += r.v[i].kind == NB_REPORT_OOM;
	nb_doctor_add(d, kills ? NB_SEVERITY_PROBLEM : NB_SEVERITY_WARNING, NB_NO_NODE,
		      "the kernel's log tells of %u failed allocation%s%s", r.n,
		      r.n == 1 ? "" : "s", kills ? ", the OOM killer among them" : "");
	for (unsigned i = 0; i < r.n && i < SHOWN_REPORTS; i++)
		report_evidence(d, log, &r.v[i]);
	if (nb_tree_kind(d->tree) == NB_TREE_HOST)
		nb_doctor_try(d, "dmesg | numabox explain -");
	else
		nb_doctor_try(d, "numabox explain %s", nb_tree_origin(d->tree));
	nb_reports_release(&r);
}
