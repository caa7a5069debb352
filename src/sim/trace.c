/* trace.c -- the engine's events as ftrace's text, so that the tools for kernel traces read them.
 *
 * Called by recorder.c; the fields of reclaim's and compaction's events stand in trace_reclaim.c,
 * those of files in trace_form.c. A line is what trace_print_context() and the event's own print
 * format make: task-123     [000]
 * .....     0.000123: mm_page_alloc: page=0x... pfn=0x1234 ... What the engine has no notion of is
 * filled by rule: `page` is where the memory map would hold the frame on x86-64 with 64-byte
 * descriptors; the context letters are the usual ones of each event. Source: 6.12
 * include/trace/events/{kmem,vmscan,oom,compaction,migrate,...}.h, print formats as the kernel
 * itself gives them (event format files).
 */
#include "sim/recorder.h"

#include "base/hosted/text.h"

#include <numabox/gfp.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ISOLATE_MODE_UNTIL 6007u
#define VMEMMAP_START UINT64_C(0xffffea0000000000)

struct nb_trace {
	FILE *file;
	char *path;
	struct nb_trace_env env;
	unsigned nr_cpus;
	uint64_t written;
};

static const char legend[] = "#                                _-----=> irqs-off/BH-disabled\n"
			     "#                               / _----=> need-resched\n"
			     "#                              | / _---=> hardirq/softirq\n"
			     "#                              || / _--=> preempt-depth\n"
			     "#                              ||| / _-=> migrate-disable\n"
			     "#                              |||| /     delay\n"
			     "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
			     "#              | |         |   |||||     |         |\n";

static void write_header(struct nb_trace *t)
{
	char counts[64];

	snprintf(counts, sizeof(counts), "%" PRIu64 "/%" PRIu64, t->written, t->written);
	fprintf(t->file,
		"# tracer: nop\n#\n# entries-in-buffer/entries-written: %-41s #P:%u\n#\n%s", counts,
		t->nr_cpus, legend);
}

int nb_recorder_trace(struct nb_recorder *r, const char *path,
		      const struct nb_kernel_profile *profile, unsigned nr_cpus,
		      unsigned page_shift, struct nb_error *err)
{
	FILE *f = fopen(path, "w");
	struct nb_trace *t;

	if (!f) {
		int e = errno;

		nb_error_file(err, path);
		return nb_error_set(err, -e, 0, "cannot write the trace: %s", strerror(e));
	}
	t = nb_xcalloc(1, sizeof(*t));
	*t = (struct nb_trace){.file = f,
			       .path = nb_xstrdup(path),
			       .env = {.profile = profile, .page_shift = page_shift},
			       .nr_cpus = nr_cpus};
	write_header(t);
	r->trace = t;
	return 0;
}

int nb_recorder_trace_end(struct nb_recorder *r, struct nb_error *err)
{
	struct nb_trace *t = r->trace;
	int ret = 0, bad;

	if (!t)
		return 0;
	r->trace = NULL;
	if (fseek(t->file, 0, SEEK_SET) == 0) /* a pipe keeps the zeros */
		write_header(t);
	bad = ferror(t->file);
	if (fclose(t->file) || bad) {
		nb_error_file(err, t->path);
		ret = nb_error_set(err, -NB_EIO, 0, "the trace could not be written to its end");
	}
	free(t->path);
	free(t);
	return ret;
}

/* Context letters: irqs off, need-resched, irq, preempt depth, migrate-disable. */
static const char *context(enum nb_event_kind kind)
{
	switch (kind) {
	case NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED:
	case NB_EV_MM_PAGE_PCPU_DRAIN:
	case NB_EV_MM_PAGE_ALLOC_EXTFRAG:
	case NB_EV_MM_LRU_INSERTION:
		return "d..3."; /* under the zone's lock, or the lists' */
	case NB_EV_MM_PAGE_FREE_BATCHED:
		return "...2.";
	case NB_EV_MM_LRU_ACTIVATE:
	case NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE:
		return "d..2.";
	case NB_EV_MM_VMSCAN_LRU_ISOLATE:
		return "d..1.";
	case NB_EV_OOM_KILL:
		return "...1.";
	case NB_EV_PAGE_FAULT_USER:
		return "d....";
	default:
		return ".....";
	}
}

static uint64_t page_address(uint64_t pfn)
{
	return VMEMMAP_START + pfn * 64;
}

static size_t format_kmem(char *buf, size_t n, const struct nb_event *ev, const char *gfp)
{
	const uint64_t *f = ev->field;
	size_t at = (size_t)snprintf(buf, n, "page=%016" PRIx64 " pfn=0x%" PRIx64 " ",
				     page_address(f[0]), f[0]);

	if (at >= n)
		return at;
	buf += at;
	n -= at;
	switch (ev->kind) {
	case NB_EV_MM_PAGE_ALLOC:
		return at + (size_t)snprintf(buf, n, "order=%d migratetype=%d gfp_flags=%s",
					     (int)f[1], (int)f[3], gfp);
	case NB_EV_MM_PAGE_FREE:
		return at + (size_t)snprintf(buf, n, "order=%d", (int)f[1]);
	case NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED:
		return at + (size_t)snprintf(buf, n, "order=%u migratetype=%d percpu_refill=%d",
					     (unsigned)f[1], (int)f[2], (int)f[3]);
	case NB_EV_MM_PAGE_PCPU_DRAIN:
		return at +
		       (size_t)snprintf(buf, n, "order=%d migratetype=%d", (int)f[1], (int)f[2]);
	case NB_EV_MM_PAGE_ALLOC_EXTFRAG:
		return at + (size_t)snprintf(buf, n,
					     "alloc_order=%d fallback_order=%d pageblock_order=%d "
					     "alloc_migratetype=%d fallback_migratetype=%d "
					     "fragmenting=%d change_ownership=%d",
					     (int)f[1], (int)f[2], (int)f[3], (int)f[4], (int)f[5],
					     (int)f[6], (int)f[7]);
	default: /* NB_EV_MM_PAGE_FREE_BATCHED */
		return at + (size_t)snprintf(buf, n, "order=0");
	}
}

/* Which field of an event holds request flags; -1: none. */
static int gfp_field(enum nb_event_kind kind)
{
	const struct nb_event_desc *d = nb_event_desc(kind);

	for (unsigned i = 0; i < d->nr_fields; i++)
		if (!strcmp(d->field[i], "gfp_flags") || !strcmp(d->field[i], "gfp_mask"))
			return (int)i;
	return -1;
}

static size_t reclaim_fields(char *buf, size_t n, const struct nb_event *ev, const char *gfp,
			     const struct nb_trace_env *env)
{
	static const char mode[] = "isolate_mode=0 "; /* mapped pages are taken too */
	size_t at = 0;

	if (ev->kind == NB_EV_MM_VMSCAN_LRU_ISOLATE && env->profile->version < ISOLATE_MODE_UNTIL)
		at = (size_t)snprintf(buf, n, "%s", mode);
	return at + nb_trace_reclaim_fields(buf + (at < n ? at : n), at < n ? n - at : 0, ev, gfp,
					    page_address(ev->field[0]));
}

size_t nb_trace_fields(char *buf, size_t n, const struct nb_event *ev,
		       const struct nb_trace_env *env)
{
	const uint64_t *f = ev->field;
	char gfp[512] = "none";
	int at = gfp_field(ev->kind);
	size_t len;

	if (nb_trace_form_fields(buf, n, ev, env, &len))
		return len;
	if (at >= 0 && f[at])
		nb_gfp_format((nb_gfp_t)f[at], env->profile, gfp, sizeof(gfp));
	switch (ev->kind) {
	case NB_EV_MM_VMSCAN_WAKEUP_KSWAPD:
		return (size_t)snprintf(buf, n, "nid=%d order=%d gfp_flags=%s", (int)f[0],
					(int)f[2], gfp);
	case NB_EV_MM_VMSCAN_KSWAPD_WAKE:
		return (size_t)snprintf(buf, n, "nid=%d order=%d", (int)f[0], (int)f[2]);
	case NB_EV_MM_VMSCAN_KSWAPD_SLEEP:
		return (size_t)snprintf(buf, n, "nid=%d", (int)f[0]);
	case NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN:
		return (size_t)snprintf(buf, n, "order=%d gfp_flags=%s", (int)f[0], gfp);
	case NB_EV_MM_VMSCAN_DIRECT_RECLAIM_END:
		return (size_t)snprintf(buf, n, "nr_reclaimed=%" PRIu64, f[0]);
	case NB_EV_MM_COMPACTION_TRY_TO_COMPACT:
		return (size_t)snprintf(buf, n, "order=%d gfp_mask=%s priority=%d", (int)f[0], gfp,
					(int)f[2]);
	case NB_EV_PAGE_FAULT_USER:
		return (size_t)snprintf(
			buf, n, "address=0x%" PRIx64 " ip=0x%" PRIx64 " error_code=0x%" PRIx64,
			f[0], f[1], f[2]);
	case NB_EV_MM_PAGE_ALLOC:
	case NB_EV_MM_PAGE_FREE:
	case NB_EV_MM_PAGE_FREE_BATCHED:
	case NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED:
	case NB_EV_MM_PAGE_PCPU_DRAIN:
	case NB_EV_MM_PAGE_ALLOC_EXTFRAG:
		return format_kmem(buf, n, ev, gfp);
	default:
		return reclaim_fields(buf, n, ev, gfp, env);
	}
}

void nb_trace_event(struct nb_trace *t, const struct nb_recorder *r, const struct nb_event *ev)
{
	char fields[1024];
	uint64_t us = ev->time_ns / 1000;

	/* the events that name a task have its pid first */
	t->env.comm = nb_recorder_comm(r, (int)ev->field[0]);
	nb_trace_fields(fields, sizeof(fields), ev, &t->env);
	fprintf(t->file, "%16s-%-7d [%03d] %s %5" PRIu64 ".%06" PRIu64 ": %s: %s\n",
		nb_recorder_comm(r, ev->pid), ev->pid, ev->cpu, context(ev->kind), us / 1000000,
		us % 1000000, nb_event_desc(ev->kind)->name, fields);
	t->written++;
}
