/* play.h -- a recorded kernel's page allocator done again by ours, event by event.
 *
 * The boot log's memblock calls (memblock=debug) tell what was free when the lists were made: the
 * engine boots so, and where initialisation is deferred play_begin() takes back what came later.
 * Then first_frames.c sends the trace's requests and frees through the engine and compares. Where
 * they part, the play_put_*() calls bring our state to the kernel's, so that each step is judged
 * given the kernel's own past. One CPU, one zone that matters.
 */
#ifndef TESTS_ORACLE_PLAY_H
#define TESTS_ORACLE_PLAY_H

#include "mm/boot.h"
#include "mm/pcp.h"

#include <stdio.h>

enum { PLAY_RANGES = 256 };

struct range {
	uint64_t start, end; /* bytes */
};

struct play {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	struct nb_zone *zone; /* the node's last */
	struct range memory[PLAY_RANGES], reserved[PLAY_RANGES];
	unsigned nr_memory, nr_reserved;
	char *log; /* the boot log's text */
	size_t log_len;
	nb_pfn_t first_deferred;
	unsigned silent; /* pages that were taken or given without an event: inferred */
};

extern struct play play;

/* A file of a trace under NUMABOX_ORACLE, unpacked if `gz`; NULL: not there. */
FILE *play_open(const char *trace, const char *file, bool gz);
/* Calls play_one() for each trace that is wanted, with its directory and its name; how many there
 * were. */
unsigned play_each(bool (*wanted)(const char *name),
		   void (*play_one)(const char *path, const char *name));
/* Memory and reserved ranges as they stand when memblock is given up; skips the test without. */
void play_read_boot_log(const char *trace);
/* A system with that memory, its lists empty, and then filled as memblock_free_all() does. */
void play_boot(void);
void play_begin(void);
/* Takes everything off the free lists of the node's DMA and DMA32 zones. */
void play_empty_lists(void);
/* The marks that init_per_zone_wmark_min() computes of what is managed now. */
void play_set_marks(void);
struct nb_zone *play_zone_of(nb_pfn_t pfn);
/* Batch and bounds of the zone's sets; batch 1 and 0 .. 0 are the boot sets'. */
void play_size_sets(int batch, int min, int max);
/* What a type took before the trace began: everything up to its first traced frame. */
void play_take_untraced(enum nb_migratetype mt, nb_pfn_t first);
void play_take_for_good(struct nb_page *p, unsigned order);
void play_free_range(nb_pfn_t pfn, nb_pfn_t end);

/* Brings a block to where the kernel has it, wherever ours has it now: out of all lists and handed
 * out, in the page set's list of that type (at its tail or head), or in the free lists. */
void play_put_allocated(nb_pfn_t pfn, unsigned order);
void play_put_in_set(nb_pfn_t pfn, unsigned order, enum nb_migratetype mt, bool tail);
void play_put_free(nb_pfn_t pfn, unsigned order);
/* Does a block of exactly that order lie in the page set? */
bool play_in_set(nb_pfn_t pfn, unsigned order);

#endif
