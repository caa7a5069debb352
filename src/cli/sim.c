/* sim.c -- the command `sim`: a Lua scenario, or a plain touch under numactl's options.
 *
 * Reads options, opens the machine, hands both to nb_sim_run() and prints the report.
 */
#include "cli/cmd.h"
#include "cli/onmachine.h"
#include "cli/out.h"
#include "cli/scenario_head.h"
#include "cli/views.h"

#include "base/fmt.h"
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sim_args {
	struct nb_common common;
	struct nb_numactl_options numactl;
	const char *policies;
	bool fresh, quiet;
	const char *seed, *trace, *time_limit, *memory_limit;
	struct nb_opt_list views;
};

#define AT(field) offsetof(struct sim_args, field)
static const struct nb_opt options[] = {
	{0, "interleave", "NODES", NB_OPT_STRING, AT(numactl.interleave),
	 "pages in turn over the nodes", NB_COMPLETE_NONE, NULL},
	{0, "weighted-interleave", "NODES", NB_OPT_STRING, AT(numactl.weighted_interleave),
	 "in turn by the nodes' weights", NB_COMPLETE_NONE, NULL},
	{0, "membind", "NODES", NB_OPT_STRING, AT(numactl.membind), "pages from these nodes only",
	 NB_COMPLETE_NONE, NULL},
	{0, "preferred", "NODE", NB_OPT_STRING, AT(numactl.preferred),
	 "pages from this node first, then as it falls back", NB_COMPLETE_NONE, NULL},
	{0, "preferred-many", "NODES", NB_OPT_STRING, AT(numactl.preferred_many),
	 "pages from these nodes first", NB_COMPLETE_NONE, NULL},
	{0, "localalloc", NULL, NB_OPT_FLAG, AT(numactl.localalloc),
	 "pages from the node of the CPU that touches", NB_COMPLETE_NONE, NULL},
	{0, "cpunodebind", "NODES", NB_OPT_STRING, AT(numactl.cpunodebind),
	 "run on CPUs of these nodes", NB_COMPLETE_NONE, NULL},
	{0, "physcpubind", "CPUS", NB_OPT_STRING, AT(numactl.physcpubind), "run on these CPUs",
	 NB_COMPLETE_NONE, NULL},
	{0, "policies", "LIST", NB_OPT_STRING, AT(policies),
	 "the same touch under each of these, one row each: default,bind=1,preferred=1,"
	 "interleave=all",
	 NB_COMPLETE_NONE, NULL},
	{0, "fresh", NULL, NB_OPT_FLAG, AT(fresh),
	 "on a capture: boot by rule instead of beginning at the observed state", NB_COMPLETE_NONE,
	 NULL},
	{0, "seed", "N", NB_OPT_STRING, AT(seed), "of every choice left to chance; default 0",
	 NB_COMPLETE_NONE, NULL},
	{0, "view", "VIEW", NB_OPT_LIST, AT(views),
	 "print this view of the machine after the run; may be repeated", NB_COMPLETE_VIEW, NULL},
	{'q', "quiet", NULL, NB_OPT_FLAG, AT(quiet),
	 "no report, only what the scenario prints itself", NB_COMPLETE_NONE, NULL},
	{0, "trace", "FILE", NB_OPT_STRING, AT(trace),
	 "write the engine's events there, in ftrace's text form", NB_COMPLETE_FILE, NULL},
	{0, "time-limit", "SECONDS", NB_OPT_STRING, AT(time_limit),
	 "stop a scenario after that much time of this computer; default 25, long calls not "
	 "counted",
	 NB_COMPLETE_NONE, NULL},
	{0, "memory-limit", "SIZE", NB_OPT_STRING, AT(memory_limit),
	 "of a scenario's own data; default 1G", NB_COMPLETE_NONE, NULL},
	{0},
};

static int number(const char *name, const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v;

	if (nb_parse_u64(text, strlen(text), &v) || v > max)
		return nb_complainf("--%s: '%s' is not a number from 0 to %llu", name, text,
				    (unsigned long long)max);
	*ret = v;
	return 0;
}

static int limits(const struct sim_args *a, struct nb_sim_options *opt)
{
	uint64_t v;

	if (a->seed && number("seed", a->seed, UINT64_MAX, &opt->seed))
		return NB_EXIT_WRONG;
	if (a->time_limit) {
		if (number("time-limit", a->time_limit, 86400, &v))
			return NB_EXIT_WRONG;
		if (v == 0)
			return nb_complainf(
				"--time-limit: 0 would stop it at once; 1 to 86400 seconds");
		opt->time_limit_s = (unsigned)v;
		opt->work_limit_s = 0; /* who names a limit means it */
	}
	if (a->memory_limit) {
		if (nb_parse_size(a->memory_limit, strlen(a->memory_limit), &v) || v == 0)
			return nb_complainf("--memory-limit: '%s' is no size such as 64M",
					    a->memory_limit);
		opt->memory_limit_bytes = v;
	}
	return 0;
}

static int work(const struct nb_common *c, struct nb_sim_options *opt)
{
	if (c->args.n == 0)
		return nb_complainf("sim: what to run is missing: SCENARIO.lua, or touch SIZE "
				    "('numabox sim --help')");
	if (strcmp(c->args.v[0], "touch") != 0) {
		opt->scenario = c->args.v[0];
		opt->args = c->args.v + 1;
		opt->nr_args = c->args.n - 1;
		return 0;
	}
	if (c->args.n == 1)
		return nb_complainf("sim: touch needs a size, such as touch 20G");
	opt->sizes = c->args.v + 1;
	opt->nr_sizes = c->args.n - 1;
	return 0;
}

static void print_out(void *ctx, const char *s, size_t len)
{
	fwrite(s, 1, len, ctx);
}

static void flush_out(void *ctx)
{
	fflush(ctx);
}

static void progress(void *ctx, uint64_t done, uint64_t all)
{
	(void)ctx;
	fprintf(stderr, "\r%3u %%", (unsigned)(all ? done * 100 / all : 100));
	if (done >= all)
		fputs("\r     \r", stderr);
	fflush(stderr);
}

static int simulate(struct nb_sim_options *opt)
{
	struct nb_error err = {0};
	struct nb_text t = {0};
	int status = nb_sim_run(opt, &t, &err);

	fflush(stdout);
	if (status == NB_EXIT_WRONG)
		nb_complain(&err);
	else if (nb_out(&t))
		status = NB_EXIT_WRONG;
	nb_text_release(&t);
	return status;
}

static int run_on(struct nb_onmachine *om, struct sim_args *a, struct nb_sim_options *opt)
{
	struct nb_sysctl_setting *s;
	struct nb_error err = {0};
	unsigned n;
	int status;

	if (nb_sysctl_settings(&a->common.sysctl, &s, &n, &err))
		return nb_complain(&err);
	opt->machine = om->machine;
	opt->capture = om->capture;
	opt->sysctls = s;
	opt->nr_sysctls = n;
	status = simulate(opt);
	nb_sysctl_settings_free(s, n);
	return status;
}

/* On the machine of the command line, else on the scenario's own, else on this computer. */
static int open_and_run(struct sim_args *a, struct nb_sim_options *opt)
{
	struct nb_scenario_head head = {0};
	struct nb_error err = {0};
	struct nb_onmachine om;
	int status;

	if ((opt->scenario && nb_scenario_head_apply(&head, opt->scenario, &a->common, &err)) ||
	    nb_onmachine_open(&om, &a->common, a->fresh, false, &err)) {
		nb_scenario_head_release(&head);
		return nb_complain(&err);
	}
	status = run_on(&om, a, opt);
	if (status != NB_EXIT_WRONG && !a->quiet)
		nb_onmachine_note_profile(&om);
	nb_onmachine_close(&om);
	nb_scenario_head_release(&head);
	return status;
}

static int run(struct nb_common *c)
{
	struct sim_args *a = (struct sim_args *)(void *)c;
	struct nb_sim_options opt;
	struct nb_error err = {0};

	nb_sim_options_init(&opt);
	opt.fresh = a->fresh;
	opt.quiet = a->quiet;
	opt.numactl = a->numactl;
	opt.policies = a->policies;
	opt.json = c->json;
	opt.trace = a->trace;
	opt.views = a->views.v;
	opt.nr_views = a->views.n;
	opt.print = print_out;
	opt.flush = flush_out;
	opt.ctx = c->json ? stderr : stdout;
	if (isatty(STDERR_FILENO))
		opt.progress = progress;
	if (limits(a, &opt) || work(c, &opt))
		return NB_EXIT_WRONG;
	for (unsigned i = 0; i < a->views.n; i++) {
		if (nb_views_check(a->views.v[i], &err))
			return nb_complain(&err);
	}
	return open_and_run(a, &opt);
}

static const char *const synopsis[] = {"[options] SCENARIO.lua [arguments]",
				       "[options] touch SIZE...", NULL};
static const struct nb_cmd_example examples[] = {
	{"numabox sim -m 2x32G --cpunodebind=0 --membind=1 touch 20G",
	 "One task on node 0 touches 20 GiB bound to node 1: where the pages land, what woke, and "
	 "what an access costs."},
	{"numabox sim -m 2x32G,dist=21 --policies default,bind=1,preferred=1,interleave=all touch "
	 "40G",
	 "The same touch under four policies, one row each."},
	{"numabox sim -m customer.tar.gz first-touch.lua 8G",
	 "A Lua scenario on a captured machine, beginning at the state that was observed there."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_sim = {
	.name = "sim",
	.brief = "run work on the machine and say where its pages land and what it costs",
	.synopsis = synopsis,
	.description =
		"Boots the machine and runs work on it: a scenario in Lua, or one task that maps "
		"and touches SIZE bytes for each SIZE, page by page. The options that numactl has, "
		"in their long form, say on which CPUs the task runs and which memory policy it "
		"has. The report says how many pages landed on which node and in which zone, the "
		"fallback order, the counters, what woke, and the average latency of an access.\n"
		"\n"
		"On a capture the run begins at the observed state: its free blocks, watermarks "
		"and reserves; --fresh boots by rule instead.\n"
		"\n"
		"Without -m a scenario runs on the machine that it names for itself, in a comment "
		"line at its top: -- numabox: -m 2x32G,hole=0 (with the other options of a machine "
		"where it needs them); else on this computer.\n"
		"\n"
		"Scenarios have no os and no io beyond print, and are stopped past their limits. "
		"The status is 1 when one of a scenario's expect() failed.",
	.options = options,
	.machine = true,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct sim_args),
	.run = run,
};
