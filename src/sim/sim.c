/* sim.c -- `numabox sim` as a function: opens, runs, reports.
 *
 * Called by src/cli/sim.c. Touch runs stand in touch.c.
 */
#include "sim/sim.h"

#include "sim/report.h"
#include "sim/run.h"
#include "sim/scenario.h"
#include "sim/touch.h"

#include "view/view.h"

#include <inttypes.h>

void nb_sim_options_init(struct nb_sim_options *opt)
{
	*opt = (struct nb_sim_options){
		.time_limit_s = NB_SIM_TIME_LIMIT_S,
		.work_limit_s = NB_SIM_WORK_LIMIT_S,
		.memory_limit_bytes = NB_SIM_MEMORY_LIMIT_BYTES,
	};
}

/* ---- run.h ---- */

int nb_run_open(struct nb_sim *s, const struct nb_sim_options *opt, struct nb_error *err)
{
	struct nb_sim_begin b = {.machine = opt->machine,
				 .capture = opt->capture,
				 .fresh = opt->fresh,
				 .sysctls = opt->sysctls,
				 .nr_sysctls = opt->nr_sysctls,
				 .seed = opt->seed};
	struct nb_system_info info;
	int ret, nid;

	for (unsigned i = 0; i < opt->nr_views; i++) /* before hours of work, not after */
		if (!nb_view_find(opt->views[i], &nid, err))
			return -NB_EINVAL;
	ret = nb_sim_open(s, &b, err);
	if (ret || !opt->trace)
		return ret;
	nb_system_info(s->sys, &info);
	ret = nb_recorder_trace(&s->rec, opt->trace, info.profile, info.nr_cpus_online,
				info.page_shift, err);
	if (ret)
		nb_sim_close(s);
	else
		nb_sim_listen(s);
	return ret;
}

int nb_run_views(const struct nb_sim *s, const struct nb_sim_options *opt, struct nb_text *out,
		 struct nb_error *err)
{
	const struct nb_view_source src = {.sys = s->sys};

	for (unsigned i = 0; i < opt->nr_views; i++) {
		int nid;
		const struct nb_view *v = nb_view_find(opt->views[i], &nid, err);
		int ret;

		if (!v)
			return -NB_EINVAL;
		nb_text_puts(out, "\n");
		ret = nb_view_render(v, nid, &src, NB_VIEW_TEXT, out, err);
		if (ret)
			return ret;
	}
	return 0;
}

int nb_run_views_json(const struct nb_sim *s, const struct nb_sim_options *opt, json_t *o,
		      struct nb_error *err)
{
	const struct nb_view_source src = {.sys = s->sys};
	json_t *views, *one;

	if (!opt->nr_views)
		return 0;
	views = json_object();
	json_object_set_new(o, "views", views);
	for (unsigned i = 0; i < opt->nr_views; i++) {
		int nid;
		const struct nb_view *v = nb_view_find(opt->views[i], &nid, err);
		int ret = v ? nb_view_json(v, nid, &src, &one, err) : -NB_EINVAL;

		if (ret)
			return ret;
		json_object_set_new(views, opt->views[i], one);
	}
	return 0;
}

/* ---- scenarios ---- */

static void to_text(void *ctx, const char *s, size_t len)
{
	nb_text_add(ctx, s, len);
}

static int report_scenario(const struct nb_sim *s, const struct nb_sim_options *opt,
			   const struct nb_scenario_result *r, struct nb_text *out,
			   struct nb_error *err)
{
	int ret;

	if (opt->json) {
		json_t *o = nb_report_json(s, r->held, r->failed);

		ret = nb_run_views_json(s, opt, o, err);
		if (!ret)
			nb_json_write(o, out);
		json_decref(o);
		return ret;
	}
	if (!opt->quiet) {
		nb_text_puts(out, "\n");
		nb_report_tasks(s, out);
		nb_report_numastat(s, out);
		nb_report_woke(s, out);
		nb_text_puts(out, "virtual time: ");
		nb_text_time(out, s->now_ns);
		nb_text_puts(out, "\n");
	}
	if (!opt->quiet && r->left)
		nb_text_printf(out,
			       "%u spawned function%s had not ended: machine:run() waits for "
			       "them\n",
			       r->left, r->left == 1 ? "" : "s");
	if (r->failed || (r->held && !opt->quiet))
		nb_text_printf(out, "expectations: %" PRIu64 " held, %" PRIu64 " failed\n", r->held,
			       r->failed);
	return nb_run_views(s, opt, out, err);
}

static int run_scenario(const struct nb_sim_options *opt, struct nb_text *out, struct nb_error *err)
{
	struct nb_scenario_result result = {0};
	struct nb_text report = {0};
	struct nb_sim s;
	int ret = nb_run_open(&s, opt, err);

	if (ret)
		return 2;
	if (opt->print)
		ret = nb_scenario_run(&s, opt, opt->print, opt->ctx, &result, err);
	else
		ret = nb_scenario_run(&s, opt, to_text, out, &result, err);
	if (!ret)
		ret = report_scenario(&s, opt, &result, &report, err);
	if (!ret)
		ret = nb_recorder_trace_end(&s.rec, err);
	if (!ret)
		nb_text_add(out, nb_text_str(&report), report.len);
	nb_text_release(&report);
	nb_sim_close(&s);
	return ret ? 2 : result.failed > 0;
}

int nb_sim_run(const struct nb_sim_options *opt, struct nb_text *out, struct nb_error *err)
{
	struct nb_error local = {0};

	if (!err)
		err = &local;
	return opt->scenario ? run_scenario(opt, out, err) : nb_touch_run(opt, out, err);
}
