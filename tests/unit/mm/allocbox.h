/* allocbox.h -- a small machine for tests of the page allocator, driven and read in short words.
 *
 * Every step that fails ends the test. Frames are hex without 0x.
 *
 * allocbox_run() obeys a script of words, and returns what the requests got, parted by blanks, "-"
 * for nothing: K0 M9@1/0 ...  a request: flags, order, CPU (default 0), preferred node (default the
 * CPU's) K KERNEL, M HIGHUSER_MOVABLE, R KERNEL|RECLAIMABLE, A ATOMIC, N NOWAIT, D DMA, L
 * DMA32|KERNEL, T KERNEL|THISNODE, Z KERNEL|NOMEMALLOC... see allocbox.c -3 -3@1        frees what
 * the third request got (from 0, over all runs), on CPU 1 K0*5           five of them drain empties
 * all page sets
 */
#ifndef TESTS_UNIT_MM_ALLOCBOX_H
#define TESTS_UNIT_MM_ALLOCBOX_H

#include "mm/boot.h"
#include "mm/pcp.h"

struct allocbox_spec {
	const char *ranges;   /* "0 1000-9efff, 1 100000-7fffffff": node, first and last byte */
	const char *facts;    /* "0 DMA32 16384, 1 Normal 8000 cma 1024": managed pages */
	const char *reserved; /* "1000-1fff, 77d5fc0-77d5ff7": first and last byte; NULL none */
	const char *early;    /* the same, of what the boot loader put there */
	unsigned cpus;        /* a node; 0: 1 */
	const char *kernel;   /* NULL: 6.12 */
	enum nb_arch arch;
	unsigned page_shift; /* 0: 12 */
	const char *cmdline;
	uint64_t lowmem_end;
	uint64_t seed;
	bool threaded, backed, debug;
};

#define ALLOCBOX_SLOTS 65536

struct allocbox {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	nb_pfn_t pfn[ALLOCBOX_SLOTS];
	uint8_t order[ALLOCBOX_SLOTS];
	unsigned nr;
	char *text;   /* of the last allocbox_run() or allocbox_lists() */
	char *events; /* since allocbox_record(): "name value value ...\n" */
};

void allocbox_boot(struct allocbox *box, const struct allocbox_spec *spec);
/* Proves the system's invariants and gives all back. */
void allocbox_end(struct allocbox *box);
void allocbox_check(struct allocbox *box);

const char *allocbox_run(struct allocbox *box, const char *script);
/* A zone's free lists in their order: "9U:200 10M:400*3 ..." (order, type, blocks; *n an extent,
 * *-n a descending one). */
const char *allocbox_lists(struct allocbox *box, int nid, enum nb_zone_type type);
struct nb_zone *allocbox_zone(struct allocbox *box, int nid, enum nb_zone_type type);
/* Records events of these kinds (a mask of bits by enum nb_event_kind, of the first 64) from now
 * on. */
void allocbox_record(struct allocbox *box, uint64_t kinds);
const char *allocbox_events(const struct allocbox *box);
uint64_t allocbox_vm_event(const struct allocbox *box, const char *name);

#endif
