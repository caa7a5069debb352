/* compare.c -- the command `compare`: two machines or two settings, the same work, side by side; or
 * two captures as they stand.
 *
 * Each side is opened, worked and closed before the next, so that none sees the other. The work's
 * reports are JSON documents; view/side_by_side.h pairs their figures.
 */
#include "cli/cmd.h"
#include "cli/onmachine.h"
#include "cli/out.h"

#include "read/capture.h"
#include "sim/sim.h"
#include "view/observed.h"
#include "view/side_by_side.h"
#include "view/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare_args {
	struct nb_common common;
	const char *kernel_b, *cmdline_b;
	struct nb_opt_list sysctl_b;
	struct nb_numactl_options numactl;
	bool fresh, all;
};

#define AT(field) offsetof(struct compare_args, field)
static const struct nb_opt options[] = {
	{0, "sysctl-b", "NAME=VALUE", NB_OPT_LIST, AT(sysctl_b),
	 "written on the second side only; may be repeated", NB_COMPLETE_SYSCTL, NULL},
	{0, "kernel-b", "VERSION", NB_OPT_STRING, AT(kernel_b), "the second side's kernel",
	 NB_COMPLETE_WORDS, "6.18 6.12 6.8 6.6 6.1 5.15 5.10 5.4 4.19 4.18 3.10 2.6.24 2.6.7"},
	{0, "cmdline-b", "WORDS", NB_OPT_STRING, AT(cmdline_b),
	 "kernel command line words of the second side only", NB_COMPLETE_NONE, NULL},
	{0, "interleave", "NODES", NB_OPT_STRING, AT(numactl.interleave),
	 "touch: pages in turn over the nodes", NB_COMPLETE_NONE, NULL},
	{0, "membind", "NODES", NB_OPT_STRING, AT(numactl.membind),
	 "touch: pages from these nodes only", NB_COMPLETE_NONE, NULL},
	{0, "preferred", "NODE", NB_OPT_STRING, AT(numactl.preferred),
	 "touch: pages from this node first", NB_COMPLETE_NONE, NULL},
	{0, "cpunodebind", "NODES", NB_OPT_STRING, AT(numactl.cpunodebind),
	 "touch: run on CPUs of these nodes", NB_COMPLETE_NONE, NULL},
	{0, "fresh", NULL, NB_OPT_FLAG, AT(fresh),
	 "on captures: boot by rule instead of beginning at the observed state", NB_COMPLETE_NONE,
	 NULL},
	{0, "all", NULL, NB_OPT_FLAG, AT(all), "equal figures too", NB_COMPLETE_NONE, NULL},
	{0},
};

/* One side: its machine and what is put on top, and what came out. */
struct side {
	struct nb_common common; /* machine, kernel, cmdline, sysctls */
	struct nb_text cmdline;
	char label[96];
	json_t *doc;
	struct nb_text printed;
	double uptime; /* of a capture, seconds; 0 unknown */
	int status;    /* of the work */
};

/* ---- the sides' options ---- */

static void copy_sysctls(struct side *s, const struct nb_opt_list *a, const struct nb_opt_list *b)
{
	for (unsigned i = 0; i < a->n; i++)
		nb_opt_list_add(&s->common.sysctl, a->v[i]);
	for (unsigned i = 0; b && i < b->n; i++)
		nb_opt_list_add(&s->common.sysctl, b->v[i]);
}

static void set_side(struct side *s, const struct compare_args *a, const char *machine, bool second)
{
	*s = (struct side){0};
	s->common.machine = machine;
	s->common.arch = a->common.arch;
	s->common.kernel = second && a->kernel_b ? a->kernel_b : a->common.kernel;
	if (a->common.cmdline)
		nb_text_puts(&s->cmdline, a->common.cmdline);
	if (second && a->cmdline_b)
		nb_text_printf(&s->cmdline, "%s%s", s->cmdline.len ? " " : "", a->cmdline_b);
	s->common.cmdline = s->cmdline.len ? nb_text_str(&s->cmdline) : NULL;
	copy_sysctls(s, &a->common.sysctl, second ? &a->sysctl_b : NULL);
}

static void release_side(struct side *s)
{
	nb_opt_list_release(&s->common.sysctl);
	nb_text_release(&s->cmdline);
	nb_text_release(&s->printed);
	json_decref(s->doc);
}

/* What tells the sides apart: the machine's name, or the second's settings. */
static void label_sides(const struct compare_args *a, bool settings, struct side *s)
{
	struct nb_text b = {0};

	if (!settings) {
		for (int i = 0; i < 2; i++) {
			const char *slash = strrchr(s[i].common.machine, '/');

			snprintf(s[i].label, sizeof(s[i].label), "%.90s",
				 slash && slash[1] ? slash + 1 : s[i].common.machine);
		}
		if (strcmp(s[0].label, s[1].label) == 0) {
			snprintf(s[0].label, sizeof(s[0].label), "first");
			snprintf(s[1].label, sizeof(s[1].label), "second");
		}
		return;
	}
	if (a->kernel_b)
		nb_text_printf(&b, "kernel %s", a->kernel_b);
	if (a->cmdline_b)
		nb_text_printf(&b, "%s%s", b.len ? ", " : "", a->cmdline_b);
	for (unsigned i = 0; i < a->sysctl_b.n; i++)
		nb_text_printf(&b, "%s%s", b.len ? ", " : "", a->sysctl_b.v[i]);
	snprintf(s[0].label, sizeof(s[0].label), "as it is");
	snprintf(s[1].label, sizeof(s[1].label), "%.90s", nb_text_str(&b));
	nb_text_release(&b);
}

/* ---- work ---- */

static void collect(void *ctx, const char *text, size_t len)
{
	nb_text_add(ctx, text, len);
}

static int run_work(const struct compare_args *a, const struct nb_onmachine *om,
		    const struct nb_opt_list *work, struct side *s)
{
	struct nb_sim_options opt;
	struct nb_sysctl_setting *set;
	struct nb_error err = {0};
	struct nb_text out = {0};
	unsigned n;

	if (nb_sysctl_settings(&s->common.sysctl, &set, &n, &err))
		return nb_complain(&err);
	nb_sim_options_init(&opt);
	opt.machine = om->machine;
	opt.capture = om->capture;
	opt.fresh = a->fresh;
	opt.sysctls = set;
	opt.nr_sysctls = n;
	opt.json = true;
	opt.print = collect;
	opt.ctx = &s->printed;
	opt.numactl = a->numactl;
	if (strcmp(work->v[0], "touch") == 0) {
		opt.sizes = work->v + 1;
		opt.nr_sizes = work->n - 1;
	} else {
		opt.scenario = work->v[0];
		opt.args = work->v + 1;
		opt.nr_args = work->n - 1;
	}
	s->status = nb_sim_run(&opt, &out, &err);
	nb_sysctl_settings_free(set, n);
	if (s->status == NB_EXIT_WRONG)
		nb_complain(&err);
	else
		s->doc = json_loads(nb_text_str(&out), 0, NULL);
	nb_text_release(&out);
	return s->status == NB_EXIT_WRONG ? NB_EXIT_WRONG : NB_EXIT_OK;
}

/* ---- machines as they stand ---- */

static int add_view(json_t *doc, const char *name, const struct nb_view_source *src,
		    struct nb_error *err)
{
	int nid;
	const struct nb_view *v = nb_view_find(name, &nid, err);
	json_t *j = NULL;
	int rc = v ? nb_view_json(v, nid, src, &j, err) : -NB_EINVAL;

	if (rc == -NB_ENOENT) { /* this capture does not hold it */
		*err = (struct nb_error){0};
		return 0;
	}
	if (!rc)
		json_object_set_new(doc, name, j);
	return rc;
}

/* What the capture says of its state and counters. */
static int observed_doc(struct nb_onmachine *om, json_t *doc, struct nb_error *err)
{
	static const char *const names[] = {"meminfo", "numastat", "vmstat", "buddyinfo",
					    "fragmentation"};
	struct nb_observed obs = {0};
	struct nb_view_source src = {.observed = &obs};
	int rc = nb_capture_observed(om->capture, &obs, err);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !rc; i++)
		rc = add_view(doc, names[i], &src, err);
	for (size_t i = 0; i < obs.nr_nodes && !rc; i++) {
		char name[32];

		snprintf(name, sizeof(name), "node/%d/meminfo", obs.nodes[i].nid);
		rc = add_view(doc, name, &src, err);
	}
	nb_observed_release(&obs);
	return rc;
}

/* What follows from hardware and settings: marks, reserves, page sets, fallback. */
static int booted_doc(struct nb_onmachine *om, json_t *doc, struct nb_error *err)
{
	struct nb_view_source src = {0};
	int rc = nb_onmachine_boot(om, err);
	json_t *zones, *z;
	size_t i;

	if (rc)
		return rc;
	src.sys = om->sys;
	rc = add_view(doc, "zoneinfo", &src, err);
	if (!rc)
		rc = add_view(doc, "zonelists", &src, err);
	if (rc)
		return rc;
	/* a booted machine's counters say nothing: page sets and items are left out */
	zones = json_object_get(json_object_get(doc, "zoneinfo"), "zones");
	json_array_foreach(zones, i, z)
	{
		json_object_del(z, "counters");
		json_object_del(z, "node_counters");
		json_object_del(z, "pagesets");
		json_object_del(z, "stats");
		json_object_del(z, "node_stats");
	}
	return 0;
}

static int stand(struct nb_onmachine *om, bool observed, struct side *s)
{
	struct nb_error err = {0};
	const char *text;
	size_t len;
	int rc;

	s->doc = json_object();
	rc = booted_doc(om, s->doc, &err);
	if (!rc && observed) {
		rc = observed_doc(om, s->doc, &err);
		if (!nb_tree_read(nb_capture_tree(om->capture), "proc/uptime", &text, &len))
			s->uptime = strtod(text, NULL);
	}
	return rc ? nb_complain(&err) : NB_EXIT_OK;
}

/* ---- both ---- */

static int one_side(const struct compare_args *a, const struct nb_opt_list *work, bool observed,
		    struct side *s)
{
	struct nb_onmachine om;
	struct nb_error err = {0};
	int status;

	if (nb_onmachine_open(&om, &s->common, a->fresh, work->n == 0, &err))
		return nb_complain(&err);
	status = work->n ? run_work(a, &om, work, s) : stand(&om, observed && om.capture, s);
	nb_onmachine_close(&om);
	return status;
}

static void printed(const struct side *s, struct nb_text *out)
{
	if (strcmp(nb_text_str(&s[0].printed), nb_text_str(&s[1].printed)) == 0) {
		if (s[0].printed.len)
			nb_text_printf(out, "Both printed:\n%s\n", nb_text_str(&s[0].printed));
		return;
	}
	for (int i = 0; i < 2; i++)
		nb_text_printf(out, "%s printed:\n%s\n", s[i].label, nb_text_str(&s[i].printed));
}

static int report(const struct compare_args *a, const struct side *s)
{
	struct nb_side_options opt = {.label_a = s[0].label,
				      .label_b = s[1].label,
				      .all = a->all,
				      .colour = nb_out_color(&a->common)};
	struct nb_text out = {0};
	int status;

	if (s[0].uptime > 0 && s[1].uptime > s[0].uptime)
		opt.seconds = s[1].uptime - s[0].uptime;
	if (a->common.json) {
		json_t *j = nb_side_json(s[0].doc, s[1].doc, &opt);

		if (s[0].printed.len || s[1].printed.len) {
			json_object_set_new(j, "printed_a",
					    nb_json_string(nb_text_str(&s[0].printed)));
			json_object_set_new(j, "printed_b",
					    nb_json_string(nb_text_str(&s[1].printed)));
		}
		nb_json_write(j, &out);
		json_decref(j);
	} else {
		printed(s, &out);
		nb_side_print(s[0].doc, s[1].doc, &opt, &out);
	}
	status = nb_out(&out);
	nb_text_release(&out);
	return status;
}

static int compare(const struct compare_args *a, const char *const machine[2], bool settings,
		   const struct nb_opt_list *work)
{
	struct side s[2];
	int status = NB_EXIT_OK;

	for (int i = 0; i < 2; i++)
		set_side(&s[i], a, machine[i], i == 1);
	label_sides(a, settings, s);
	for (int i = 0; i < 2 && status == NB_EXIT_OK; i++)
		status = one_side(a, work, !settings, &s[i]);
	if (status == NB_EXIT_OK)
		status = report(a, s);
	if (status == NB_EXIT_OK && (s[0].status || s[1].status))
		status = NB_EXIT_NO;
	for (int i = 0; i < 2; i++)
		release_side(&s[i]);
	return status;
}

static int run(struct nb_common *c)
{
	const struct compare_args *a = (const struct compare_args *)(const void *)c;
	bool settings = a->kernel_b || a->cmdline_b || a->sysctl_b.n || c->machine;
	const char *machine[2] = {c->machine ? c->machine : "host",
				  c->machine ? c->machine : "host"};
	struct nb_opt_list work = c->args;

	if (settings && !a->kernel_b && !a->cmdline_b && !a->sysctl_b.n)
		return nb_complainf(
			"compare -m MACHINE needs what the second side has else: --sysctl-b, "
			"--kernel-b or --cmdline-b; two machines stand as arguments");
	if (!settings) {
		if (c->args.n < 2)
			return nb_complainf(
				"compare needs two machines, or -m MACHINE with --sysctl-b, "
				"--kernel-b or --cmdline-b ('numabox compare --help')");
		machine[0] = c->args.v[0];
		machine[1] = c->args.v[1];
		work = (struct nb_opt_list){c->args.v + 2, c->args.n - 2};
	}
	if (work.n == 1 && strcmp(work.v[0], "touch") == 0)
		return nb_complainf("compare: touch needs a size, such as touch 20G");
	return compare(a, machine, settings, &work);
}

static const char *const synopsis[] = {
	"[options] A B [WORK]", "[options] -m MACHINE --sysctl-b NAME=VALUE... [WORK]", NULL};
static const struct nb_cmd_example examples[] = {
	{"numabox compare 2x32G 4x16G touch 40G",
	 "The same touch on two machines: where the pages land and what an access costs."},
	{"numabox compare -m customer.tar.gz --sysctl-b vm.min_free_kbytes=1048576",
	 "Every mark and reserve that another min_free_kbytes would change there."},
	{"numabox compare -m 2x8G --sysctl-b vm.zone_reclaim_mode=1 pressure.lua",
	 "A scenario under two settings, figure by figure."},
	{"numabox compare monday.tar.gz friday.tar.gz",
	 "Two captures of one host: what grew, and how fast."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_compare = {
	.name = "compare",
	.brief = "two machines, settings or captures side by side with the differences",
	.synopsis = synopsis,
	.description =
		"Runs the same work on two machines, or on one machine under two settings, and "
		"prints each figure of the report that differs: pages by node, latencies, numastat "
		"counters, events. -m names the machine of both sides; --sysctl-b, --kernel-b and "
		"--cmdline-b say what the second side has else. Without -m the first two arguments "
		"are the machines. WORK is a scenario with its arguments, or touch SIZE...\n"
		"\n"
		"Without work, compares what follows from hardware and settings (marks, reserves, "
		"spans, fallback orders) and, between two captures, what they saw: meminfo, "
		"numastat, vmstat, buddyinfo. Of one host at two times, differences are also given "
		"a second.\n"
		"\n"
		"The status is 1 when a scenario's expect() failed on a side.",
	.options = options,
	.machine = true,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct compare_args),
	.run = run,
};
