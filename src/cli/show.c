/* show.c -- the command `show`: boots the machine and prints views of it.
 *
 * With --observed nothing is booted: the capture's own reports go through the same printers.
 * One view alone is printed bare, byte for byte as Linux would; several get a heading each.
 */
#include "cli/cmd.h"
#include "cli/onmachine.h"
#include "cli/out.h"
#include "cli/views.h"

#include "base/fmt.h"
#include "read/capture.h"
#include "view/observed.h"
#include "view/view.h"

#include <string.h>

struct show_args {
	struct nb_common common;
	bool observed;
};

static const struct nb_opt options[] = {
	{0, "observed", NULL, NB_OPT_FLAG, offsetof(struct show_args, observed),
	 "what the capture says, through the same printers; nothing is computed", NB_COMPLETE_NONE,
	 NULL},
	{0},
};

static int text_views(const struct show_args *a, const struct nb_view_source *src,
		      struct nb_text *out, struct nb_error *err)
{
	const struct nb_opt_list *names = &a->common.args;
	bool color = nb_out_color(&a->common);

	for (unsigned i = 0; i < names->n; i++) {
		int nid, rc;
		const struct nb_view *v = nb_view_find(names->v[i], &nid, err);

		if (!v)
			return -NB_EINVAL;
		if (names->n > 1) {
			char heading[128];

			nb_snprintf(heading, sizeof(heading), "%s==> %s <==", i ? "\n" : "",
				    names->v[i]);
			nb_out_heading(out, color, heading);
		}
		rc = nb_view_render(v, nid, src, NB_VIEW_TEXT, out, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* One view is its object; several are one object with a member each. */
static int json_views(const struct show_args *a, const struct nb_view_source *src,
		      struct nb_text *out, struct nb_error *err)
{
	const struct nb_opt_list *names = &a->common.args;
	json_t *all = json_object();
	int rc = 0;

	for (unsigned i = 0; i < names->n && !rc; i++) {
		int nid;
		const struct nb_view *v = nb_view_find(names->v[i], &nid, err);
		json_t *one = NULL;

		rc = v ? nb_view_json(v, nid, src, &one, err) : -NB_EINVAL;
		if (rc)
			break;
		if (names->n == 1)
			nb_json_write(one, out);
		json_object_set_new(all, names->v[i], one);
	}
	if (!rc && names->n > 1)
		nb_json_write(all, out);
	json_decref(all);
	return rc;
}

static int render(const struct show_args *a, const struct nb_onmachine *om,
		  const struct nb_view_source *src)
{
	struct nb_error err = {0};
	struct nb_text t = {0};
	int rc = a->common.json ? json_views(a, src, &t, &err) : text_views(a, src, &t, &err);
	int status;

	nb_error_file(&err, om->machine->origin);
	status = rc ? nb_complain(&err) : nb_out(&t);
	nb_text_release(&t);
	return status;
}

static int show_observed(const struct show_args *a, struct nb_onmachine *om)
{
	struct nb_observed obs = {0};
	struct nb_view_source src = {.observed = &obs};
	struct nb_error err = {0};
	int status;

	if (!om->capture)
		return nb_complainf("--observed needs a capture: %s is a description, nothing was "
				    "observed on it",
				    a->common.machine);
	if (nb_capture_observed(om->capture, &obs, &err))
		status = nb_complain(&err);
	else
		status = render(a, om, &src);
	nb_observed_release(&obs);
	return status;
}

static int show_booted(const struct show_args *a, struct nb_onmachine *om)
{
	struct nb_view_source src = {0};
	struct nb_error err = {0};
	int status;

	if (nb_onmachine_boot(om, &err))
		return nb_complain(&err);
	src.sys = om->sys;
	src.captured = om->capture != NULL;
	status = render(a, om, &src);
	for (unsigned i = 0; i < a->common.args.n && status == NB_EXIT_OK; i++) {
		if (strcmp(a->common.args.v[i], "summary") == 0)
			return status; /* which says it itself */
	}
	if (status == NB_EXIT_OK)
		nb_onmachine_note_profile(om);
	return status;
}

static int run(struct nb_common *c)
{
	const struct show_args *a = (const struct show_args *)(const void *)c;
	struct nb_onmachine om;
	struct nb_error err = {0};
	int status;

	if (c->args.n == 0 && a->observed)
		return nb_complainf(
			"--observed needs a VIEW that a capture can hold, such as zoneinfo");
	if (c->args.n == 0)
		nb_opt_list_add(&c->args, nb_views_name(0));
	for (unsigned i = 0; i < c->args.n; i++) {
		if (nb_views_check(c->args.v[i], &err))
			return nb_complain(&err);
	}
	if (nb_onmachine_open(&om, c, false, true, &err))
		return nb_complain(&err);
	status = a->observed ? show_observed(a, &om) : show_booted(a, &om);
	nb_onmachine_close(&om);
	return status;
}

static const char *const synopsis[] = {"[options] [VIEW...]", NULL};
static const struct nb_cmd_example examples[] = {
	{"numabox show",
	 "This computer: its nodes and zones, and what is known and what is guessed."},
	{"numabox show -m 2x32G,dist=21 zonelists",
	 "In which order two nodes fall back on each other."},
	{"numabox show -m sosreport.tar.xz --sysctl vm.min_free_kbytes=1048576 zoneinfo",
	 "The watermarks that a customer's machine would have with another min_free_kbytes."},
	{"numabox show --json zoneinfo | jq '.zones[] | select(.free_pages < .low_pages)'",
	 "Zones of this computer below their low watermark, for a script."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_show = {
	.name = "show",
	.brief = "boot the machine and print views of it",
	.synopsis = synopsis,
	.description =
		"Boots the machine and prints views of it; without VIEW, the summary. Watermarks, "
		"reserves, page sets, spans and fallback orders are always computed, from "
		"hardware, command line, sysctls and (where a capture has them) managed pages, "
		"never copied from what the capture printed.\n"
		"\n"
		"VIEW is one of:\n"
		"\n"
		"@VIEWS@\n"
		"N stands for a node's number. One view alone is printed as Linux prints it, byte "
		"for byte; several get a heading each, and with --json one object with a member "
		"each.",
	.options = options,
	.machine = true,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct show_args),
	.run = run,
};
