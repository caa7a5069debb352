/* sim.h -- runs work on a booted machine: what `numabox sim` calls.
 *
 * Callers: src/cli/sim.c, later compare and replay; tests.
 * Memory:  every pointer in the options is the caller's and must live until the call returns.
 *          What is written to `out` belongs to the caller.
 * Units:   as in the names. Sizes are texts as the user typed them ("20G").
 * Results: the exit status of the program: 0 done, 1 an expectation of the scenario failed,
 *          2 the call, the scenario or the input is wrong (then *err says what).
 * A limit that a scenario ran past while it was inside a string function ends the process itself:
 * the message on stderr, status 2 (src/sim/watchdog.h).
 */
#ifndef NB_SIM_SIM_H
#define NB_SIM_SIM_H

#include "base/hosted/text.h"

#include <numabox/machine.h>

struct nb_capture; /* src/read: what was observed beside the hardware */

#define NB_SIM_TIME_LIMIT_S 25u  /* default of time_limit_s */
#define NB_SIM_WORK_LIMIT_S 600u /* default of work_limit_s */
/* The limit grows by a millisecond for so many pages that become resident for the first time: 1 TiB
 * may take two minutes more. */
#define NB_SIM_PAGES_PER_MS 2500u
#define NB_SIM_MEMORY_LIMIT_BYTES (UINT64_C(1) << 30) /* default of memory_limit_bytes */
/* Lua instructions that a second of the time limit is good for. They are counted, so that a
 * scenario which loops for ever stops at the same place on a fast and on a slow computer. */
#define NB_SIM_INSTRUCTIONS_PER_S UINT64_C(80000000)

/* numactl's long options, as typed; NULL: not given. At most one memory policy
 * may be given; numactl's node lists: "0-1,4", "all", "!0", "+0", "!+0-1", "same". */
struct nb_numactl_options {
	const char *interleave;
	const char *weighted_interleave;
	const char *preferred;
	const char *preferred_many;
	const char *membind;
	bool localalloc;
	const char *cpunodebind;
	const char *physcpubind;
};

struct nb_sim_options {
	/* Where: a sealed machine, and the capture it came from (NULL: none). On a capture
	 * the run begins at the observed state, unless `fresh`. */
	const struct nb_machine *machine;
	struct nb_capture *capture;
	bool fresh;
	/* --sysctl: written after the beginning, in order. */
	const struct nb_sysctl_setting *sysctls;
	unsigned nr_sysctls;
	uint64_t seed;

	/* What: a scenario file with its arguments ... */
	const char *scenario;
	const char *const *args;
	unsigned nr_args;
	/* ... or (scenario == NULL) `touch SIZE ...` by one task ... */
	struct nb_numactl_options numactl;
	const char *const *sizes;
	unsigned nr_sizes;
	/* ... under each of these policies on a machine of its own, one row each:
	 * "default,bind=1,preferred=1,interleave=all". NULL: only numactl's. */
	const char *policies;

	/* What comes out beside the report. */
	bool json;
	bool quiet;               /* of a scenario: no report, only what it prints itself */
	const char *trace;        /* --trace FILE: ftrace's text form; NULL: none */
	const char *const *views; /* --view: printed after the run */
	unsigned nr_views;

	/* Limits of a scenario; 0: none, where nothing else is said. nb_sim_options_init() sets the
	 * defaults. */
	unsigned time_limit_s;       /* wall time */
	unsigned work_limit_s;       /* what calls that take long may take on top of it */
	uint64_t instruction_limit;  /* 0: time_limit_s * NB_SIM_INSTRUCTIONS_PER_S */
	uint64_t memory_limit_bytes; /* of Lua's own memory */

	/* What the scenario's print() writes, as it comes. NULL: it goes to `out`.
	 * With `json` the caller sends it to stderr, so that stdout is JSON only. */
	void (*print)(void *ctx, const char *s, size_t len);
	/* Makes sure that everything printed so far is out; the watchdog calls it from its
	 * own thread before it ends the process. May be NULL. */
	void (*flush)(void *ctx);
	/* Long work under way: pages touched so far of all. At most some times a second, for a
	 * terminal. May be NULL. */
	void (*progress)(void *ctx, uint64_t done_pages, uint64_t all_pages);
	void *ctx; /* handed to the three */
};

/* Everything zero but the limits, which get their defaults. */
void nb_sim_options_init(struct nb_sim_options *opt);

/* Boots, runs, reports: the report (tables, or JSON with opt->json) is added to *out.
 * On 2 nothing is added, but what the scenario printed before stays printed. */
int nb_sim_run(const struct nb_sim_options *opt, struct nb_text *out, struct nb_error *err);

#endif
