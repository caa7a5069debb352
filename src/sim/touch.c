/* touch.c -- one task touches SIZE under a policy, or under each of several.
 *
 * Called by sim.c. A run is: boot, task, CPU binding, policy, then for each size mmap and a
 * first touch in address order; what the kernel's daemons are due for in between runs first.
 */
#include "sim/report.h"
#include "sim/run.h"
#include "sim/touch_priv.h"

#include "base/fmt.h"
#include "base/mask.h"
#include "view/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRESS_GRAINS \
	256u /* so often the clock is looked at; progress is told each PROGRESS_MS */
#define PROGRESS_MS 200

/* ---- running ---- */

/* Tells how far the work is, if the last time is long enough ago. */
static void tell(struct nb_touch *r, const struct nb_sim_options *opt)
{
	struct timespec t;
	uint64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (!r->told_ms)
		r->told_ms = ms; /* short work says nothing */
	if (ms - r->told_ms < PROGRESS_MS)
		return;
	r->told_ms = ms;
	r->told = true;
	opt->progress(opt->ctx, r->faulted, r->want_pages);
}

static int touch_range(struct nb_touch *r, const struct nb_sim_options *opt, uint64_t addr,
		       uint64_t bytes)
{
	uint64_t end = addr + bytes;

	for (unsigned grains = 0; addr < end; grains++) {
		nb_sim_run_due(&r->sim, r->task->clock_ns);
		r->ret = nb_sim_touch_grain(r->task, &addr, end, true, &r->faulted);
		if (r->ret)
			return r->ret;
		if (opt->progress && grains % PROGRESS_GRAINS == PROGRESS_GRAINS - 1)
			tell(r, opt);
	}
	return 0;
}

static int touch_all(struct nb_touch *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		     struct nb_error *err)
{
	for (unsigned i = 0; i < opt->nr_sizes; i++) {
		uint64_t addr;
		int ret =
			nb_mmap(r->task->task, 0, sizes[i], NB_PROT_READ | NB_PROT_WRITE, 0, &addr);

		nb_sim_charge_ns(r->task, NB_COST_MMAP_NS);
		if (ret)
			return nb_error_set(err, ret, 0, "touch %s: mmap is refused with %s",
					    opt->sizes[i], nb_errno_name(ret));
		ret = touch_range(r, opt, addr, sizes[i]);
		if (nb_sim_task_killed(r->task)) /* the fault met the OOM killer */
			ret = r->ret = -NB_ENOMEM;
		if (ret == -NB_ENOMEM)
			break;
		if (ret)
			return nb_error_set(err, ret, 0, "touch %s: the fault ends in %s",
					    opt->sizes[i], nb_errno_name(ret));
	}
	if (r->told)
		opt->progress(opt->ctx, r->want_pages, r->want_pages);
	return 0;
}

static int first_cpu(const struct nb_cpumask *cpus)
{
	return (int)nb_cpumask_next(cpus, 0);
}

/* Everything but opening the simulation. */
int nb_touch_work(struct nb_touch *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		  struct nb_error *err)
{
	const struct nb_touch_policy *p = r->policy;
	struct nb_cpumask cpus;
	bool given;
	int ret = nb_touch_cpus(&opt->numactl, &r->sim.cost, &cpus, &given, err);

	if (ret)
		return ret;
	ret = nb_sim_task_new(&r->sim, first_cpu(&cpus), "touch", &r->task);
	if (ret)
		return nb_error_set(err, ret, 0, "no task on CPU %d: %s", first_cpu(&cpus),
				    nb_errno_name(ret));
	if (given)
		ret = nb_sched_setaffinity(r->task->task, &cpus);
	if (!ret && p->mode != NB_MPOL_DEFAULT)
		ret = nb_set_mempolicy(r->task->task, p->mode,
				       nb_nodemask_empty(&p->nodes) ? NULL : &p->nodes);
	if (ret)
		return nb_error_set(err, ret, 0, "%s: this kernel refuses it with %s", p->label,
				    nb_errno_name(ret));
	for (unsigned i = 0; i < opt->nr_sizes; i++)
		r->want_bytes += sizes[i];
	r->want_pages = r->want_bytes / r->sim.cost.page_bytes;
	return touch_all(r, opt, sizes, err);
}

/* ---- the call ---- */

static int read_sizes(const struct nb_sim_options *opt, uint64_t *sizes, struct nb_error *err)
{
	uint64_t sum = 0;

	if (!opt->nr_sizes)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "touch: the size is missing, as in touch 20G");
	for (unsigned i = 0; i < opt->nr_sizes; i++) {
		const char *s = opt->sizes[i];

		if (nb_parse_size(s, strlen(s), &sizes[i]) || !sizes[i] ||
		    sizes[i] > (UINT64_C(1) << 56) - sum)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "touch: '%s' is no size such as 20G or 512M", s);
		sum += sizes[i];
	}
	return 0;
}

static void memory_nodes(const struct nb_sim *s, struct nb_nodemask *nodes)
{
	struct nb_node_info info;

	*nodes = (struct nb_nodemask){0};
	for (unsigned i = 0; i < s->cost.nr_nodes; i++)
		if (!nb_node_info(s->sys, s->cost.node_id[i], &info) && info.has_memory)
			nb_nodemask_set(nodes, info.nid);
}

static int read_policies(const struct nb_sim *s, const struct nb_sim_options *opt,
			 struct nb_touch_policy **ret_p, unsigned *ret_n, struct nb_error *err)
{
	struct nb_nodemask memory;
	struct nb_touch_policy one;
	int ret;

	memory_nodes(s, &memory);
	ret = nb_touch_policy_numactl(&opt->numactl, &memory, &one, err);
	if (ret)
		return ret;
	if (opt->policies) {
		if (one.mode != NB_MPOL_DEFAULT)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "--policies and %s: give one of them", one.label);
		return nb_touch_policy_list(opt->policies, &memory, ret_p, ret_n, err);
	}
	*ret_p = nb_xcalloc(1, sizeof(one));
	**ret_p = one;
	*ret_n = 1;
	return 0;
}

static int run_one(struct nb_touch *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		   struct nb_text *out, struct nb_error *err)
{
	int ret = nb_touch_work(r, opt, sizes, err);
	json_t *o;

	if (ret)
		return ret;
	if (opt->json) {
		o = nb_report_json(&r->sim, 0, 0);
		json_object_set_new(o, "policy", json_string(r->policy->label));
		json_object_set_new(o, "out_of_memory", json_boolean(r->ret == -NB_ENOMEM));
		ret = nb_run_views_json(&r->sim, opt, o, err);
		if (!ret)
			nb_json_write(o, out);
		json_decref(o);
		return ret;
	}
	nb_touch_report(r, opt, out);
	return nb_run_views(&r->sim, opt, out, err);
}

int nb_touch_run(const struct nb_sim_options *opt, struct nb_text *out, struct nb_error *err)
{
	struct nb_touch r = {0};
	struct nb_touch_policy *p = NULL;
	uint64_t *sizes = nb_xcalloc(opt->nr_sizes + 1, sizeof(*sizes));
	unsigned n = 0;
	int ret = read_sizes(opt, sizes, err);

	if (!ret)
		ret = nb_run_open(&r.sim, opt, err);
	if (ret)
		goto out;
	ret = read_policies(&r.sim, opt, &p, &n, err);
	if (!ret) {
		r.policy = p;
		ret = opt->policies ? nb_touch_compare(&r, opt, sizes, p, n, out, err)
				    : run_one(&r, opt, sizes, out, err);
	}
	if (!ret)
		ret = nb_recorder_trace_end(&r.sim.rec, err);
	nb_sim_close(&r.sim);
out:
	free(p);
	free(sizes);
	if (ret)
		return 2;
	return r.ret == -NB_ENOMEM && !opt->policies;
}
