/* explain.c -- the command `explain`: works a calculation out on the machine, step by step; or
 * reads a failure report of a real kernel out (explain_report.c).
 *
 * Here are the topics' table and the options; the derivations stand in view/explain_*.c and
 * sim/explain_cost.c.
 */
#include "cli/cmd.h"
#include "cli/explain.h"
#include "cli/onmachine.h"
#include "cli/out.h"
#include "cli/suggest.h"

#include "base/fmt.h"
#include "base/mask.h"
#include "read/capture.h"
#include "sim/explain_cost.h"
#include "sim/touch.h"
#include "view/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct explain_args {
	struct nb_common common;
	const char *gfp, *order, *cpu, *node, *zone, *policy;
	struct nb_opt_list free;
	bool fresh;
};

#define AT(field) offsetof(struct explain_args, field)
static const struct nb_opt options[] = {
	{0, "gfp", "FLAGS", NB_OPT_STRING, AT(gfp),
	 "placement: the request's flags, as in GFP_ATOMIC or \"GFP_KERNEL|__GFP_THISNODE\"; "
	 "default GFP_HIGHUSER_MOVABLE, a user's page",
	 NB_COMPLETE_NONE, NULL},
	{0, "order", "N", NB_OPT_STRING, AT(order),
	 "placement: 2^N pages in one block; default 0, one page", NB_COMPLETE_NONE, NULL},
	{0, "cpu", "N", NB_OPT_STRING, AT(cpu), "the CPU that asks; default the first",
	 NB_COMPLETE_NONE, NULL},
	{0, "node", "N", NB_OPT_STRING, AT(node),
	 "this node alone; placement: the caller asks for this node (alloc_pages_node)",
	 NB_COMPLETE_NONE, NULL},
	{0, "zone", "NAME", NB_OPT_STRING, AT(zone), "this zone alone", NB_COMPLETE_WORDS,
	 "DMA DMA32 Normal HighMem Movable"},
	{0, "policy", "POLICY", NB_OPT_STRING, AT(policy),
	 "placement: the task's memory policy, as in bind=1, preferred=0, interleave=all, local",
	 NB_COMPLETE_NONE, NULL},
	{0, "free", "PAGES", NB_OPT_LIST, AT(free),
	 "watermarks: what that many free pages would mean; several with commas", NB_COMPLETE_NONE,
	 NULL},
	{0, "fresh", NULL, NB_OPT_FLAG, AT(fresh),
	 "on a capture: boot by rule instead of beginning at the observed state", NB_COMPLETE_NONE,
	 NULL},
	{0},
};

typedef int topic_fn(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
typedef int cost_fn(const struct nb_explain_ask *a, const struct nb_cost *c, struct nb_sheet *s,
		    struct nb_error *err);

static const struct topic {
	const char *name, *brief;
	topic_fn *fn;
	cost_fn *cost;
} topics[] = {
	{"latency", "what a remote access costs: once, a million and a billion times", NULL,
	 nb_explain_latency},
	{"zones", "where the zones' bounds are, with the holes, and whether it adds up",
	 nb_explain_zones, NULL},
	{"watermarks", "min, low and high of each zone, and what free pages between them mean",
	 nb_explain_watermarks, NULL},
	{"minfree", "where min_free_kbytes comes from, and how zones share it", nb_explain_minfree,
	 NULL},
	{"placement", "where one request's page comes from, each zone's test with its numbers",
	 nb_explain_placement, NULL},
	{"fallback", "in which order nodes and zones are tried", nb_explain_fallback, NULL},
	{"pfn", "what a frame number says, and where it lies", nb_explain_pfn, NULL},
	{"bandwidth", "what memory bandwidth is known, and what distance says of it", NULL,
	 nb_explain_bandwidth},
	{"numastat", "what each counter counts, with the machine's values", nb_explain_numastat,
	 NULL},
	{"buddyinfo", "every line of /proc/buddyinfo read out and judged", nb_explain_buddyinfo,
	 NULL},
};
#define NR_TOPICS (sizeof(topics) / sizeof(topics[0]))

static const struct topic *topic_by_name(const char *name)
{
	for (size_t i = 0; i < NR_TOPICS; i++)
		if (strcmp(topics[i].name, name) == 0)
			return &topics[i];
	return NULL;
}

static int list_topics(const struct nb_common *c)
{
	struct nb_text t = {0};
	int status;

	if (c->json) {
		json_t *o = json_object(), *list = json_array();

		for (size_t i = 0; i < NR_TOPICS; i++)
			json_array_append_new(list, json_pack("{s:s, s:s}", "topic", topics[i].name,
							      "brief", topics[i].brief));
		json_object_set_new(o, "topics", list);
		nb_json_write(o, &t);
		json_decref(o);
	} else {
		for (size_t i = 0; i < NR_TOPICS; i++)
			nb_text_printf(&t, "%-12s%s\n", topics[i].name, topics[i].brief);
	}
	status = nb_out(&t);
	nb_text_release(&t);
	return status;
}

/* Neither a topic nor a file. */
static int unknown(const char *name)
{
	struct nb_nearest near;
	struct nb_text all = {0};
	char hint[100];
	int status;

	nb_nearest_init(&near, name);
	for (size_t i = 0; i < NR_TOPICS; i++) {
		nb_nearest_try(&near, topics[i].name);
		nb_text_printf(&all, "%s%s", i ? ", " : "", topics[i].name);
	}
	status = nb_complainf("'%s' is neither a topic nor a file with a report%s; topics: %s",
			      name, nb_nearest_text(&near, hint, sizeof(hint)), nb_text_str(&all));
	nb_text_release(&all);
	return status;
}

static int number(const char *what, const char *text, uint64_t max, uint64_t *ret,
		  struct nb_error *err)
{
	if (nb_parse_u64(text, strlen(text), ret) || *ret > max)
		return nb_error_set(err, -NB_EINVAL, 0, "%s: '%s' is not a number from 0 to %llu",
				    what, text, (unsigned long long)max);
	return 0;
}

/* "14000,12000" appended to *list. */
static int free_pages(const char *text, uint64_t **list, unsigned *n, struct nb_error *err)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		uint64_t v;

		if (nb_parse_u64(text, len, &v) || v >> 52)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "--free: '%.*s' is not a number of pages",
					    (int)(len > 40 ? 40 : len), text);
		*list = nb_xrealloc(*list, *n + 1, sizeof(**list));
		(*list)[(*n)++] = v;
		text += len;
		text += *text == ',';
	}
	return 0;
}

/* Everything that one run holds on to. */
struct session {
	struct nb_onmachine om;
	struct nb_sim sim;
	struct nb_observed observed;
	struct nb_explain_ask ask;
	struct nb_sim_task *task;
	uint64_t *free_pages, *pfns;
	char label[80];
};

static int cpu_of(const struct explain_args *a, struct session *s, struct nb_error *err)
{
	uint64_t v = 0;

	if (a->cpu) {
		if (number("--cpu", a->cpu, NB_MAX_CPUS - 1, &v, err))
			return -NB_EINVAL;
		if (nb_cost_cpu_node(&s->sim.cost, (int)v) == NB_NO_NODE)
			return nb_error_set(err, -NB_EINVAL, 0, "--cpu: this machine has no CPU %s",
					    a->cpu);
	} else {
		while (v + 1 < s->sim.cost.nr_cpus && s->sim.cost.cpu_node[v] == NB_NO_NODE)
			v++;
	}
	s->ask.cpu = (int)v;
	return 0;
}

static int node_and_zone(const struct explain_args *a, struct session *s, struct nb_error *err)
{
	uint64_t v;

	s->ask.node = NB_NO_NODE;
	s->ask.zone = -1;
	if (a->node) {
		if (number("--node", a->node, NB_MAX_NODES - 1, &v, err))
			return -NB_EINVAL;
		if (nb_cost_position(&s->sim.cost, (int)v) < 0)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "--node: this machine has no node %s", a->node);
		s->ask.node = (int)v;
	}
	if (a->zone)
		s->ask.zone = nb_zone_by_name(a->zone, strlen(a->zone));
	return 0;
}

static int request(const struct explain_args *a, struct session *s, struct nb_error *err)
{
	struct nb_system_info info;
	const char *bad;
	uint64_t v;

	nb_system_info(s->sim.sys, &info);
	s->ask.gfp = NB_GFP_HIGHUSER_MOVABLE;
	if (a->gfp && nb_gfp_parse(a->gfp, &s->ask.gfp, &bad))
		return nb_error_set(err, -NB_EINVAL, 0,
				    "--gfp: unknown flag at '%.40s'; known are names such as "
				    "GFP_KERNEL, GFP_ATOMIC, __GFP_THISNODE, joined by |",
				    bad);
	if (a->order) {
		if (number("--order", a->order, info.max_order, &v, err))
			return -NB_EINVAL;
		s->ask.order = (unsigned)v;
	}
	return 0;
}

/* A task on the CPU with the policy that was asked for. */
static int policy(const struct explain_args *a, struct session *s, struct nb_error *err)
{
	struct nb_nodemask memory = {0};
	struct nb_touch_policy *p;
	unsigned n;
	int ret;

	s->ask.policy = "default";
	for (unsigned i = 0; i < s->sim.cost.nr_nodes; i++) {
		struct nb_node_info node;

		if (!nb_node_info(s->sim.sys, s->sim.cost.node_id[i], &node) && node.has_memory)
			nb_nodemask_set(&memory, (unsigned)node.nid);
	}
	if (nb_sim_task_new(&s->sim, s->ask.cpu, "explain", &s->task))
		return nb_error_set(err, -NB_EINVAL, 0, "no task can run on CPU %d", s->ask.cpu);
	s->ask.task = s->task->task;
	if (!a->policy)
		return 0;
	if (a->node)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "--policy and --node: a caller that names a "
				    "node does not ask the policy; give one of them");
	ret = nb_touch_policy_list(a->policy, &memory, &p, &n, err);
	if (ret)
		return ret;
	if (n > 1)
		ret = nb_error_set(err, -NB_EINVAL, 0, "--policy: one policy, found %u", n);
	else if (nb_set_mempolicy(s->ask.task, p[0].mode, &p[0].nodes))
		ret = nb_error_set(err, -NB_EINVAL, 0, "--policy: this kernel refuses '%s'",
				   a->policy);
	memcpy(s->label, p[0].label, sizeof(s->label));
	s->ask.policy = s->label;
	free(p);
	return ret;
}

static int pfns(const struct nb_common *c, struct session *s, struct nb_error *err)
{
	if (strcmp(c->args.v[0], "pfn") != 0)
		return 0;
	s->pfns = nb_xcalloc(c->args.n, sizeof(*s->pfns));
	for (unsigned i = 1; i < c->args.n; i++) {
		if (number("pfn", c->args.v[i], UINT64_MAX >> 12, &s->pfns[i - 1], err))
			return -NB_EINVAL;
	}
	s->ask.pfns = s->pfns;
	s->ask.nr_pfns = c->args.n - 1;
	return 0;
}

static int read_options(const struct explain_args *a, struct session *s, struct nb_error *err)
{
	unsigned n = 0;

	s->ask.sys = s->sim.sys;
	s->ask.began_observed = s->sim.observed;
	for (unsigned i = 0; i < a->free.n; i++)
		if (free_pages(a->free.v[i], &s->free_pages, &n, err))
			return -NB_EINVAL;
	s->ask.free_pages = s->free_pages;
	s->ask.nr_free_pages = n;
	if (cpu_of(a, s, err) || node_and_zone(a, s, err) || request(a, s, err) ||
	    policy(a, s, err) || pfns(&a->common, s, err))
		return -NB_EINVAL;
	return 0;
}

static int open_sim(const struct explain_args *a, struct session *s, struct nb_error *err)
{
	struct nb_sim_begin b = {
		.machine = s->om.machine, .capture = s->om.capture, .fresh = a->fresh};
	unsigned n;
	struct nb_sysctl_setting *set;
	int ret = nb_sysctl_settings(&a->common.sysctl, &set, &n, err);

	if (ret)
		return ret;
	b.sysctls = set;
	b.nr_sysctls = n;
	ret = nb_sim_open(&s->sim, &b, err);
	nb_sysctl_settings_free(set, n);
	if (!ret && s->om.capture) {
		ret = nb_capture_observed(s->om.capture, &s->observed, err);
		s->ask.observed = &s->observed;
	}
	return ret;
}

/* Lines of a buddyinfo file in place of the machine's own. */
static int given_lines(const char *path, struct session *s)
{
	struct nb_text text = {0};
	struct nb_error err = {0};
	int status = nb_explain_read(path, &text);

	if (!status &&
	    nb_observed_add(&s->observed, "buddyinfo", nb_text_str(&text), text.len, &err)) {
		snprintf(err.file, sizeof(err.file), "%s", path);
		status = nb_complain(&err);
	}
	s->ask.observed = &s->observed;
	s->ask.began_observed = true;
	nb_text_release(&text);
	return status;
}

static int print(const struct nb_common *c, struct nb_sheet *sheet)
{
	struct nb_text t = {0};
	int status;

	if (c->json)
		nb_json_write(sheet->root, &t);
	else
		nb_text_puts(&t, nb_text_str(&sheet->text));
	status = nb_out(&t);
	nb_text_release(&t);
	return status;
}

static int work_out(const struct explain_args *a, const struct topic *topic, struct session *s)
{
	struct nb_error err = {0};
	struct nb_sheet sheet;
	int status, rc;

	if (open_sim(a, s, &err) || read_options(a, s, &err))
		return nb_complain(&err);
	if (topic->fn == nb_explain_buddyinfo && a->common.args.n > 1 &&
	    given_lines(a->common.args.v[1], s))
		return NB_EXIT_WRONG;
	nb_sheet_init(&sheet, topic->name, nb_out_color(&a->common));
	json_object_set_new(sheet.root, "machine", nb_json_string(s->om.machine->name));
	rc = topic->fn ? topic->fn(&s->ask, &sheet, &err)
		       : topic->cost(&s->ask, &s->sim.cost, &sheet, &err);
	status = rc ? nb_complain(&err) : print(&a->common, &sheet);
	nb_sheet_release(&sheet);
	if (status == NB_EXIT_OK)
		nb_onmachine_note_profile(&s->om);
	return status;
}

static int on_topic(struct explain_args *a, const struct topic *topic)
{
	struct session *s = nb_xcalloc(1, sizeof(*s));
	struct nb_error err = {0};
	int status;

	if (nb_onmachine_open(&s->om, &a->common, a->fresh, false, &err)) {
		status = nb_complain(&err);
	} else {
		status = work_out(a, topic, s);
		nb_sim_close(&s->sim);
		nb_onmachine_close(&s->om);
	}
	nb_observed_release(&s->observed);
	free(s->free_pages);
	free(s->pfns);
	free(s);
	return status;
}

static int run(struct nb_common *c)
{
	struct explain_args *a = (struct explain_args *)(void *)c;
	const struct topic *topic;

	if (c->args.n == 0)
		return list_topics(c);
	topic = topic_by_name(c->args.v[0]);
	if (topic && topic->fn == nb_explain_buddyinfo && c->args.n == 2) {
		/* the lines are all that counts: any machine with their page size will do */
		c->machine = c->machine ? c->machine : "1x1G";
		return on_topic(a, topic);
	}
	if (topic && c->args.n > 1 && strcmp(topic->name, "pfn") != 0)
		return nb_complainf("explain %s takes no argument '%s'", topic->name, c->args.v[1]);
	if (topic)
		return on_topic(a, topic);
	if (strcmp(c->args.v[0], "-") != 0 && access(c->args.v[0], F_OK) != 0)
		return unknown(c->args.v[0]);
	return nb_explain_file(c, c->args.v[0]);
}

static const char *const synopsis[] = {"[options] TOPIC", "[options] pfn N...",
				       "[options] buddyinfo FILE", "[options] FILE|CAPTURE", NULL};
static const struct nb_cmd_example examples[] = {
	{"numabox explain watermarks -m 2x32G --node 0 --zone Normal --free 14000,11000,8000",
	 "From min_free_kbytes to the marks of a zone, and what so many free pages would mean."},
	{"numabox explain placement -m customer.tar.gz --gfp GFP_ATOMIC --order 3 --cpu 2",
	 "Which zone would serve a network driver's buffer on that machine as it was, and what the "
	 "others miss."},
	{"numabox explain latency -m 2x32G,dist=21",
	 "What a million and a billion remote accesses cost."},
	{"dmesg | numabox explain -", "Why did that allocation fail, or the OOM killer strike?"},
	{"numabox explain sosreport.tar.xz", "The same from the logs of a customer's machine."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_explain = {
	.name = "explain",
	.brief = "work a calculation out step by step, or read a failure report out",
	.synopsis = synopsis,
	.description =
		"Works out, on the machine that -m names and with its numbers, how the kernel gets "
		"from hardware and settings to what it prints and decides. Without TOPIC, lists "
		"them:\n"
		"\n"
		"  latency      what a remote access costs\n"
		"  zones        where the zones' bounds are\n"
		"  watermarks   min, low and high, and what free pages mean\n"
		"  minfree      where min_free_kbytes comes from\n"
		"  placement    where one request's page comes from\n"
		"  fallback     in which order nodes and zones are tried\n"
		"  pfn          what a frame number says\n"
		"  bandwidth    what memory bandwidth is known\n"
		"  numastat     what each counter counts\n"
		"  buddyinfo    free blocks read out and judged\n"
		"\n"
		"On a capture the machine stands as it was found: free blocks, watermarks, "
		"reserves; --fresh boots by rule instead.\n"
		"\n"
		"buddyinfo FILE reads pasted lines of /proc/buddyinfo in place of a machine's (- "
		"is "
		"standard input).\n"
		"\n"
		"FILE (- is standard input) is a kernel log with a page allocation failure or an "
		"OOM report in it, of any kernel of the last ten years. It is decoded: which "
		"request, which zones could have served it and what each missed by, the likeliest "
		"causes, and what would have let it succeed, checked by replaying the request on a "
		"machine rebuilt from the report. Of a CAPTURE (a directory or an archive, such as "
		"a sosreport) the first log is taken that holds a report: dmesg, kern.log, "
		"messages, syslog, a journal. docs/explain.md tells more.",
	.options = options,
	.machine = true,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct explain_args),
	.run = run,
};
