/* whole.h -- the world of whole.c, and what its processes do (whole_work.c). */
#ifndef TESTS_PROPERTY_WHOLE_H
#define TESTS_PROPERTY_WHOLE_H

#include "../unit/mm/sysbox.h"

#include <numabox/file.h>
#include <numabox/memcg.h>
#include <numabox/swap.h>

#define PAGE UINT64_C(4096)
#define HUGE (UINT64_C(2) << 20)
#define PAGES 3072u /* 6 huge pages, across a border of tables */
#define BASE (UINT64_C(0x10000000000) - PAGES / 2 * PAGE)
#define PROCESSES 4u
#define OBJECTS 4u /* files: on the disk, in memory, ... */
#define OBJECT_PAGES 256u
#define BLOCKS 24u
#define POOL_MAPS 3u

/* A page of a process's address space. */
struct slot {
	bool mapped, locked, dontfork, wipe;
	bool own;     /* private: its value is its own, not its file's */
	bool unknown; /* MADV_FREE: what it was, or zero */
	bool shared;
	uint8_t prot;
	int8_t object; /* -1: anonymous */
	uint16_t off;  /* in it, pages */
	uint64_t value;
};

struct process {
	struct nb_task *task; /* NULL: none */
	struct slot slot[PAGES];
	struct {
		uint64_t addr, pages;
	} pool[POOL_MAPS]; /* of hugetlb */
	uint64_t ran_ns;
};

struct whole {
	struct sysbox box;
	struct nb_system *sys;
	char nodes[128];
	const char *kernel, *cmdline, *did;
	unsigned nr_nodes, nr_cpus, machine, step, kills;
	bool driven;
	struct nb_memcg *group; /* NULL: none yet */
	uint64_t rng, stamp;
	struct process process[PROCESSES];
	struct {
		struct nb_address_space *as;
		uint64_t value[OBJECT_PAGES];
	} object[OBJECTS];
	struct {
		nb_pfn_t pfn; /* + 1; 0: none */
		unsigned order;
	} block[BLOCKS];
	nb_pfn_t before[PAGES];
};

static inline uint64_t at(unsigned i)
{
	return BASE + i * PAGE;
}

/* What must be read there. */
static inline uint64_t whole_value(const struct whole *w, const struct slot *s)
{
	if (s->object >= 0 && (s->shared || !s->own))
		return w->object[s->object].value[s->off];
	return s->value;
}

uint64_t whole_pick(struct whole *w, uint64_t n);
/* Now and then with a node that is not there. */
struct nb_nodemask whole_nodes(struct whole *w);
void whole_check(struct whole *w);
void whole_leave(struct whole *w, struct process *p);
/* Whom the OOM killer took. */
void whole_bury(struct whole *w);

/* whole_work.c: a random call on the process's memory; on where it lies; on a file. */
void whole_work(struct whole *w, struct process *p);
void whole_place(struct whole *w, struct process *p);
void whole_file(struct whole *w, struct process *p);

#endif
