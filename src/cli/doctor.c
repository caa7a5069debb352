/* doctor.c -- the command `doctor`: findings on a captured machine, with evidence and what to try.
 *
 * The checks stand in src/read/doctor*.c; here are the options and the exit status.
 */
#include "cli/cmd.h"
#include "cli/onmachine.h"
#include "cli/out.h"
#include "read/doctor.h"
#include "view/view.h"

static int print(const struct nb_common *c, const struct nb_doctor *d)
{
	struct nb_text out = {0};
	int status;

	if (c->json) {
		json_t *j = nb_doctor_json(d);

		nb_json_write(j, &out);
		json_decref(j);
	} else {
		nb_doctor_print(d, nb_out_color(c), &out);
	}
	status = nb_out(&out);
	nb_text_release(&out);
	if (status == NB_EXIT_OK && nb_doctor_nr_serious(d))
		status = NB_EXIT_NO;
	return status;
}

static int examine(const struct nb_common *c, struct nb_onmachine *om)
{
	struct nb_error err = {0};
	struct nb_doctor *d;
	int status;

	if (!om->capture)
		return nb_complainf(
			"doctor needs a capture: %s is a description, nothing was observed "
			"on it",
			c->machine);
	if (nb_onmachine_boot(om, &err))
		return nb_complain(&err);
	if (nb_doctor_run(om->machine, om->capture, om->sys, &d, &err)) {
		nb_error_file(&err, om->machine->origin);
		return nb_complain(&err);
	}
	status = print(c, d);
	nb_doctor_free(d);
	return status;
}

static int run(struct nb_common *c)
{
	return nb_on_capture(c, "doctor", examine);
}

static const char *const synopsis[] = {"[options]", NULL};
static const struct nb_cmd_example examples[] = {
	{"numabox doctor", "What stands out on this computer?"},
	{"numabox doctor -m sosreport.tar.xz",
	 "The same of a customer's machine: each finding with its evidence and what to try."},
	{"numabox doctor --json -m capture.tar.gz | jq -r '.findings[].title'",
	 "The titles alone, for a script."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_doctor = {
	.name = "doctor",
	.brief = "findings on a capture, each with its evidence and something to try",
	.synopsis = synopsis,
	.description =
		"Looks at a captured machine as a support engineer would: zones under their marks "
		"while other nodes have memory, tasks bound to such a node, uneven pools of huge "
		"pages, min_free_kbytes and watermark_scale_factor against the machine, free "
		"memory in pieces, odd distances, zone_reclaim_mode, page cache that crowds tasks "
		"out, numa_miss, nodes without memory, and more (docs/doctor.md lists the "
		"checks).\n"
		"\n"
		"Findings are problems (hurt now), warnings (will hurt under load) and notes. Each "
		"has its evidence in numbers and commands or settings to try. A check whose files "
		"the capture lacks is named at the end. Exit status 1 if there is a problem or a "
		"warning.",
	.machine = true,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct nb_common),
	.run = run,
};
