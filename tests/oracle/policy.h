/* policy.h -- recorded runs of memory policies, booted and played again.
 *
 * A run is a directory (or an archive of one) with machine.json, numactl--hardware,
 * before/proc/zoneinfo and one file of cases for each kind, a JSON object a line. The machine is
 * made of what these say, and each case is played by the calls that the recorder made: its C source
 * is ../shared/oracle/scripts/poltest.c. docs/policies.md says what is compared and what is not.
 */
#ifndef TESTS_ORACLE_POLICY_H
#define TESTS_ORACLE_POLICY_H

#include <jansson.h>
#include <numabox/cpuset.h>
#include <numabox/file.h>
#include <numabox/mempolicy.h>

#define PAGE UINT64_C(4096)
#define HUGE_PAGES 512u
#define HUGE (HUGE_PAGES * PAGE)
#define MAX_RUN_NODES 64

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	char *path; /* a directory, or an archive, whose files are all held */
	struct run_file {
		char name[64];
		char *text;
	} file[16];
	unsigned nr_files;
	char name[128];
	/* as the recorder numbered them: nodes with memory, nodes with CPUs, a node's first CPU */
	int memn[MAX_RUN_NODES], cpn[MAX_RUN_NODES], cpu_of[MAX_RUN_NODES];
	unsigned nm, nc, nr_nodes;
	uint64_t memmask;
	const char *case_name;
	/* where interleaving begins, for cases that hold no address: the k-th huge page, page or
	 * inode from the usual one on */
	unsigned phase;
	bool quiet; /* a trial: differences are counted only */
	unsigned trial_compared, trial_different;
	uint8_t weight[MAX_RUN_NODES];
	void *state; /* of a file's cases */
};

extern unsigned policy_compared, policy_different, policy_left_out, policy_waiting;

/* Fails the test when the run cannot be read or booted. */
void run_boot(struct run *r, const char *path);
void run_end(struct run *r);
/* A fresh system of the run's machine, before memory has been touched. */
void run_again(struct run *r);
/* A file's text, which the run holds; NULL: there is none. */
const char *text_of(struct run *r, const char *name);
/* Calls fn for each case of a file; false: the run has none. */
bool run_each(struct run *r, const char *file, void (*fn)(struct run *r, json_t *o));
/* Plays a case; where it has no address, as often as it takes to find the phase of interleaving. */
void run_case(struct run *r, json_t *o, void (*play)(struct run *r, json_t *o));

const char *str(json_t *o, const char *key);
int64_t num(json_t *o, const char *key);
struct nb_nodemask mask_of(uint64_t bits);
/* The mode of the name that the recorder gives it. */
int mode_by_name(const char *name);

/* Counts a comparison, tells of a difference. */
void equal(struct run *r, const char *what, int64_t ours, int64_t theirs);
void equal_text(struct run *r, const char *what, const char *ours, const char *theirs);
/* Against {"ret":…,"errno":…} under `key`. */
void equal_ret(struct run *r, json_t *o, const char *key, int ours);
/* get_mempolicy() of the task, or of an address, against the object under `key`. */
void equal_policy(struct run *r, struct nb_task *t, uint64_t addr, json_t *o, const char *key);
/* Where `n` pages are, against what show() wrote under `key`. */
void equal_pages(struct run *r, struct nb_task *t, uint64_t addr, uint64_t n, json_t *o,
		 const char *key);
void equal_where(struct run *r, struct nb_task *t, uint64_t addr, uint64_t n, uint64_t step,
		 json_t *where);
/* The numa_maps line of the mapping at addr. */
void equal_maps(struct run *r, struct nb_task *t, uint64_t addr, json_t *o, const char *key);

/* A process of the recorder's on a node's first CPU, with a page of its own near where mappings go,
 * so that upper page tables are there. */
struct nb_task *child_on(struct run *r, int node);
void child_end(struct nb_task *t);
/* n pages where the case says (the object under `key`), or else on a huge page's border. */
uint64_t mk(struct run *r, struct nb_task *t, uint64_t n, json_t *o, const char *key);
void touch(struct nb_task *t, uint64_t addr, uint64_t pages);

void play_alloc(struct run *r, json_t *o);
void play_error(struct run *r, json_t *o);
void play_move(struct run *r, json_t *o);
void play_fork(struct run *r, json_t *o);
void play_cpuset(struct run *r, json_t *o);
void play_shm(struct run *r, json_t *o);
void play_huge(struct run *r, json_t *o);
void play_pool(struct run *r, json_t *o);
void play_big(struct run *r, json_t *o);
void play_overflow(struct run *r, json_t *o);
/* What play_error() keeps from row to row. */
void errors_begin(struct run *r);
void errors_end(struct run *r);

#endif
