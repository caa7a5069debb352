/* recorded.c -- see recorded.h. */
#include "recorded.h"

#include "base/hosted/text.h"
#include "play.h"

#include <numabox/system.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIDS = 1 << 15 };

static uint64_t field(const char *s, const char *name)
{
	const char *p = strstr(s, name);

	return p ? strtoull(p + strlen(name), NULL, 0) : 0;
}

static unsigned list_of(const char *s)
{
	static const char *const name[] = {"inactive_anon", "active_anon", "inactive_file",
					   "active_file"};
	const char *p = strstr(s, "lru=");

	for (unsigned i = 0; p && i < 4; i++) {
		if (!strncmp(p + 4, name[i], strlen(name[i])))
			return i;
	}
	return (unsigned)field(s, "lru=");
}

/* "zone=DMA32 " */
static unsigned zone_of(const char *s)
{
	const char *p = strstr(s, "zone=");

	for (unsigned t = 0; p && t < NB_MAX_NR_ZONES; t++) {
		const char *name = nb_zone_name((enum nb_zone_type)t);

		if (!strncmp(p + 5, name, strlen(name)) && p[5 + strlen(name)] == ' ')
			return t;
	}
	return NB_MAX_NR_ZONES;
}

static void parse_io(struct rec_event *e, const char *s)
{
	unsigned long long minor, sector, n;
	char op[16];

	if (sscanf(s, "%*u,%llu %15s %*u () %llu + %llu", &minor, op, &sector, &n) == 4) {
		e->a[0] = sector;
		e->a[1] = n;
		e->a[2] = minor;
		e->a[3] = op[0] == 'W';
	}
}

struct form {
	const char *event;
	enum rec_kind kind;
	const char *field[7];
};

static const struct form forms[] = {
	{"mm_page_alloc", REC_ALLOC, {"pfn=", "order=", NULL}},
	{"mm_page_free", REC_FREE, {"pfn=", "order="}},
	{"mm_page_alloc_zone_locked", REC_TAKEN, {"pfn=", "order="}},
	{"mm_page_alloc_extfrag",
	 REC_STOLEN,
	 {"pfn=", "alloc_order=", "change_ownership=", "fallback_order="}},
	{"mm_page_pcpu_drain", REC_DRAINED, {"pfn=", "order="}},
	{"mm_filemap_add_to_page_cache", REC_ADD, {"pfn=", "ofs="}},
	{"mm_filemap_delete_from_page_cache", REC_DELETE, {"pfn=", "ofs="}},
	{"mm_lru_insertion", REC_INSERT, {"pfn=", "lru="}},
	{"mm_lru_activate", REC_ACTIVATE, {"pfn="}},
	{"mm_vmscan_wakeup_kswapd", REC_WAKEUP, {"nid=", "order="}},
	{"mm_vmscan_kswapd_wake", REC_WAKE, {"nid=", "order="}},
	{"mm_vmscan_kswapd_sleep", REC_SLEEP, {"nid="}},
	{"mm_vmscan_direct_reclaim_begin", REC_DIRECT, {"order="}},
	{"mm_vmscan_direct_reclaim_end", REC_DIRECT_END, {"nr_reclaimed="}},
	{"mm_vmscan_lru_isolate",
	 REC_ISOLATE,
	 {"classzone=", "order=", "nr_requested=", "nr_scanned=", "nr_skipped=", "nr_taken="}},
	{"mm_vmscan_lru_shrink_inactive",
	 REC_INACTIVE,
	 {"nid=", "nr_scanned=", "nr_reclaimed=", "priority="}},
	{"mm_vmscan_lru_shrink_active",
	 REC_ACTIVE,
	 {"nid=", "nr_taken=", "nr_active=", "nr_deactivated=", "priority="}},
	{"mm_vmscan_write_folio", REC_WRITE, {"pfn="}},
	{"page_fault_user", REC_FAULT, {"address=", "error_code="}},
	{"block_rq_issue", REC_IO, {NULL}},
	{"tracing_mark_write", REC_MARK, {"phase "}},
	{"mark_victim", REC_KILL, {NULL}},
	{"mm_compaction_begin", REC_COMPACT, {NULL}},
	{"mm_page_free_batched", REC_BATCHED, {"pfn="}},
	{"reclaim_retry_zone",
	 REC_RETRY,
	 {"node=", "zone=", "order=", "reclaimable=", "available=", "min_wmark=", "wmark_check="}},
	{"mm_compaction_fast_isolate_freepages",
	 REC_TAKE_FREE,
	 {"range=(", "~ ", "nr_scanned=", "nr_taken="}},
	{"mm_compaction_isolate_freepages",
	 REC_TAKE_FREE,
	 {"range=(", "~ ", "nr_scanned=", "nr_taken="}},
};

static bool parse_event(struct rec_event *e, const char *name, size_t len, const char *s)
{
	const struct form *f = forms, *end = forms + sizeof(forms) / sizeof(*forms);

	while (f < end && (strlen(f->event) != len || strncmp(f->event, name, len) != 0))
		f++;
	if (f == end || (f->kind == REC_BATCHED && !e->kswapd))
		return false;
	e->kind = (uint8_t)f->kind;
	for (unsigned i = 0; i < 7 && f->field[i]; i++)
		e->a[i] = field(s, f->field[i]);
	if (f->kind == REC_RETRY)
		e->a[1] = zone_of(s);
	else if (f->kind == REC_ADD || f->kind == REC_DELETE)
		e->a[1] >>= 12;
	else if (f->kind == REC_ALLOC)
		e->a[2] = strstr(s, "MOVABLE") != NULL;
	else if (f->kind == REC_ISOLATE)
		e->a[6] = list_of(s);
	else if (f->kind == REC_WAKEUP)
		e->a[2] = !strstr(s, "gfp_flags=none");
	else if (f->kind == REC_IO)
		parse_io(e, s);
	else if (f->kind == REC_MARK)
		e->a[1] = strstr(s, " recorded") != NULL;
	return true;
}

/* "  comm-PID  [CPU] flags  SECONDS: event: fields" */
static bool parse_line(struct rec_event *e, const char *line, const char *worker, uint8_t *last_cpu)
{
	const char *dash = strstr(line, " ["), *s, *colon;
	char *after;

	if (line[0] == '#' || !dash)
		return false;
	*e = (struct rec_event){.cpu = (uint8_t)strtoul(dash + 2, NULL, 10)};
	s = strchr(dash, ']') + 2;
	while (dash > line && *dash != '-')
		dash--;
	e->pid = atoi(dash + 1);
	e->cpu_before = last_cpu[e->pid & (PIDS - 1)] ? last_cpu[e->pid & (PIDS - 1)] - 1 : e->cpu;
	last_cpu[e->pid & (PIDS - 1)] = e->cpu + 1;
	line += strspn(line, " ");
	e->kswapd = !strncmp(line, "kswapd", 6);
	e->kcompactd = !strncmp(line, "kcompactd", 9);
	e->worker =
		(size_t)(dash - line) == strlen(worker) && !strncmp(line, worker, strlen(worker));
	s = strchr(s, ' ');
	if (!s)
		return false;
	e->t_us = (uint64_t)(strtod(s, &after) * 1e6 + 0.5);
	s = after + strspn(after, ": ");
	colon = strchr(s, ':');
	return colon && parse_event(e, s, (size_t)(colon - s), colon);
}

void recorded_read(struct recorded *r, const char *name, const char *worker)
{
	FILE *f = play_open(name, "trace.gz", true);
	uint8_t *last_cpu = nb_xcalloc(PIDS, 1); /* + 1 */
	char line[1024];

	*r = (struct recorded){0};
	while (f && fgets(line, sizeof(line), f)) {
		if (r->nr == r->cap) {
			r->cap = r->cap ? 2 * r->cap : 65536;
			r->ev = nb_xrealloc(r->ev, r->cap, sizeof(*r->ev));
		}
		if (parse_line(&r->ev[r->nr], line, worker, last_cpu))
			r->nr++;
	}
	if (f)
		pclose(f);
	free(last_cpu);
}

void recorded_free(struct recorded *r)
{
	free(r->ev);
	*r = (struct recorded){0};
}

uint64_t recorded_counter(const char *name, const char *file, const char *what)
{
	FILE *f = play_open(name, file, false);
	unsigned long long value = 0, v;
	char line[256], key[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%127s %llu", key, &v) == 2 && !strcmp(key, what))
			value = v;
	}
	if (f)
		fclose(f);
	return value;
}

int64_t recorded_growth(const char *name, const char *what)
{
	return (int64_t)recorded_counter(name, "after/proc/vmstat", what) -
	       (int64_t)recorded_counter(name, "before/proc/vmstat", what);
}

int64_t recorded_zone(const char *name, const char *file, int nid, const char *zone,
		      const char *figure)
{
	FILE *f = play_open(name, file, false);
	char line[256], type[32] = "", *s;
	int64_t found = -1;
	int node = -1;

	while (f && fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "Node %d, zone %31s", &node, type);
		s = line + strspn(line, " ");
		if (found < 0 && node == nid && !strcmp(type, zone) &&
		    !strncmp(s, figure, strlen(figure)) && s[strlen(figure)] == ' ')
			found = strtoll(s + strlen(figure), NULL, 10);
	}
	if (f)
		fclose(f);
	return found;
}

char *recorded_job(const char *name)
{
	FILE *f = play_open(name, "machine.json", false);
	json_t *o = f ? json_loadf(f, 0, NULL) : NULL;
	const char *job = json_string_value(json_object_get(o, "job"));
	const char *begin = job ? strstr(job, "\nbegin\n") : NULL;
	char *copy = nb_xstrdup(begin ? begin : "");

	json_decref(o);
	if (f)
		fclose(f);
	return copy;
}

bool recorded_lru_gen(const char *name)
{
	FILE *f = play_open(name, "sysctl.txt", false);
	bool on = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "lru_gen/enabled = ", 18))
			on = strtoul(line + 18, NULL, 0) & 1;
	}
	if (f)
		fclose(f);
	return on;
}

void recorded_ratio(const char *what, uint64_t theirs, uint64_t ours)
{
	printf("#   %-28s %10llu %10llu  %.3f\n", what, (unsigned long long)theirs,
	       (unsigned long long)ours, theirs ? (double)ours / (double)theirs : 1.0);
}
