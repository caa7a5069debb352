/* recorded.h -- a recorded trace of memory under pressure, in memory: what the pressure_*.c tests
 * play. Events that they do not ask for are left out. Call recorded_read(), then go through ev[].
 * Memory: recorded_free(). Pages and frames are the recorded machine's.
 */
#ifndef TESTS_ORACLE_RECORDED_H
#define TESTS_ORACLE_RECORDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rec_kind {
	REC_ALLOC,    /* a: pfn, order, is it movable? */
	REC_FREE,     /* a: pfn, order */
	REC_TAKEN,    /* mm_page_alloc_zone_locked; a: pfn, order */
	REC_STOLEN,   /* mm_page_alloc_extfrag; a: pfn, order, was its pageblock claimed?, order of
		       * the block that was found */
	REC_DRAINED,  /* mm_page_pcpu_drain; a: pfn, order */
	REC_ADD,      /* to the page cache; a: pfn, index */
	REC_DELETE,   /* from it; a: pfn, index */
	REC_INSERT,   /* to a list; a: pfn, list */
	REC_ACTIVATE, /* a: pfn */
	REC_WAKEUP,   /* of kswapd; a: node, order, does a request ask? */
	REC_WAKE,     /* a: node, order */
	REC_SLEEP,    /* a: node */
	REC_DIRECT,   /* direct reclaim begins; a: order */
	REC_DIRECT_END, /* a: pages */
	REC_ISOLATE,    /* a: highest zone, order, wanted, scanned, skipped, taken, list */
	REC_INACTIVE,   /* a: node, scanned, reclaimed, priority */
	REC_ACTIVE,     /* a: node, taken, active, deactivated, priority */
	REC_WRITE,      /* a: pfn */
	REC_FAULT,      /* of a user; a: address, error code */
	REC_IO,         /* a: first sector, sectors, device, is it a write? */
	REC_MARK,       /* a: number in front of the phase's name, is it "recorded"? */
	REC_KILL,
	REC_BATCHED, /* mm_page_free_batched, of kswapd alone: a page that it reclaimed; a: pfn */
	REC_RETRY,   /* reclaim_retry_zone; a: node, zone type, order, reclaimable, available, mark,
		      * is   it enough? */
	REC_TAKE_FREE, /* mm_compaction_[fast_]isolate_freepages; a: first pfn, end, scanned, taken
			*/
	REC_COMPACT,   /* a run of compaction begins */
	REC_KINDS
};

struct rec_event {
	uint8_t kind, cpu;
	uint8_t cpu_before;             /* of the same task's event before, of any kind */
	bool kswapd, kcompactd, worker; /* who: a worker is named as recorded_read() was told */
	int pid;
	uint64_t t_us;
	uint64_t a[7];
};

struct recorded {
	struct rec_event *ev;
	size_t nr, cap;
};

/* traces/NAME/trace.gz; `worker`: the name of the program at work ("work"). */
void recorded_read(struct recorded *r, const char *name, const char *worker);
void recorded_free(struct recorded *r);
/* A counter in a file of the trace ("after/proc/vmstat"), 0 where it is not. */
uint64_t recorded_counter(const char *name, const char *file, const char *what);
/* How much it grew from before/proc/vmstat to after/proc/vmstat. */
int64_t recorded_growth(const char *name, const char *what);
/* A figure ("pages free", "low") of a zone ("DMA32") by a zoneinfo of the trace
 * ("after/proc/zoneinfo"); -1 where it is not. */
int64_t recorded_zone(const char *name, const char *file, int nid, const char *zone,
		      const char *figure);
/* The recorder's job after "begin": the caller frees it. */
char *recorded_job(const char *name);
/* A row of a table: theirs, ours, ours / theirs. */
void recorded_ratio(const char *what, uint64_t theirs, uint64_t ours);
/* Was it recorded with the multi-generation lists? (sysctl.txt) */
bool recorded_lru_gen(const char *name);

#endif
