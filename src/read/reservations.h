/* reservations.h -- what memblock had reserved when boot gave memory to the page allocator.
 *
 * Called by dmesg.c, line after line; capture_reserved.c gives the outcome to the machine.
 * Source:  the boot log of a kernel with memblock=debug on its command line: the dump behind
 *          "MEMBLOCK configuration:", then each memblock_reserve and memblock_phys_free
 *          (memblock_free before 5.17) up to "SLUB:" or "Memory:", which follow
 *          memblock_free_all(). Forms of 5.0 and later; older ones print some ends exclusively.
 * Rule:    all or nothing. A log that lacks its beginning or its end, a dump with fewer lines than
 *          it says, a line cut short: then what was reserved is not known.
 * Bounds:  NB_RANGES_MAX ranges and NB_FREES_MAX frees; more than that is not known either.
 * Units:   bytes, ends exclusive.
 */
#ifndef NB_READ_RESERVATIONS_H
#define NB_READ_RESERVATIONS_H

#include <numabox/machine.h>

/* A growing list of ranges. Kernels keep at most some thousand (E820_MAX_ENTRIES is 3,200 with
 * 1,024 nodes); what comes beyond NB_RANGES_MAX is not added. */
#define NB_RANGES_MAX 16384
struct nb_ranges {
	struct nb_mem_range *v;
	size_t n, cap;
};
void nb_ranges_add(struct nb_ranges *l, uint64_t start, uint64_t end, enum nb_mem_type type,
		   int nid, unsigned flags, unsigned line);
void nb_ranges_release(struct nb_ranges *l);

#define NB_FREES_MAX 4096

struct nb_reservations {
	struct nb_ranges
		ranges; /* after nb_reservations_finish(): sorted, joined; empty: unknown */
	/* while lines come */
	uint64_t told;  /* reserved ranges of the last dump, as it says */
	size_t seen;    /* and as it lists them */
	unsigned frees; /* since */
	bool dumped, ended, broken;
};

/* One line without time stamp; lines of other kinds change nothing. */
void nb_reservations_line(struct nb_reservations *r, const char *text, size_t len, unsigned line);
/* At the end of the log. `release` as in "Linux version"; NULL: unknown. */
void nb_reservations_finish(struct nb_reservations *r, const char *release);
void nb_reservations_release(struct nb_reservations *r);

#endif
