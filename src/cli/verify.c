/* verify.c -- the command `verify`: predicts what the captured kernel printed, and compares.
 *
 * All comparing is done in read/verify.h; here are the options and the exit status.
 */
#include "cli/cmd.h"
#include "cli/onmachine.h"
#include "cli/out.h"
#include "read/verify.h"
#include "view/view.h"

static int print(const struct nb_common *c, const struct nb_verify *v)
{
	struct nb_text out = {0};
	int status;

	if (c->json) {
		json_t *j = nb_verify_json(v);

		nb_json_write(j, &out);
		json_decref(j);
	} else {
		nb_verify_print(v, nb_out_color(c), &out);
	}
	status = nb_out(&out);
	nb_text_release(&out);
	if (status == NB_EXIT_OK && nb_verify_nr_differences(v))
		status = NB_EXIT_NO;
	return status;
}

static int verify_capture(const struct nb_common *c, struct nb_onmachine *om)
{
	struct nb_verify *v;
	struct nb_error err = {0};
	int status;

	if (!om->capture)
		return nb_complainf("verify needs a capture: %s is a description, nothing was "
				    "observed on it",
				    c->machine);
	if (nb_verify_run(&om->port, om->machine, om->capture, &v, &err)) {
		nb_error_file(&err, om->machine->origin);
		return nb_complain(&err);
	}
	status = print(c, v);
	nb_verify_free(v);
	return status;
}

static int run(struct nb_common *c)
{
	return nb_on_capture(c, "verify", verify_capture);
}

static const char *const synopsis[] = {"[options]", NULL};
static const struct nb_cmd_example examples[] = {
	{"numabox verify", "Does this computer's kernel do what the rules say?"},
	{"numabox verify -m sosreport.tar.xz", "The same for a customer's machine."},
	{"numabox verify --json -m capture.tar.gz | jq .differences",
	 "Each figure that differs, with both values and the rule, for a script."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_verify = {
	.name = "verify",
	.brief = "predict every number that a captured kernel printed, and compare",
	.synopsis = synopsis,
	.description =
		"Boots the capture's machine by the rules of its kernel and compares each figure "
		"that follows from hardware, command line, sysctls and managed pages with the one "
		"that the kernel printed: zone and node ranges, spans, min_free_kbytes, "
		"watermarks, reserves, page sets, fallback orders, node files, memory blocks, "
		"memory "
		"tiers, numactl's text, MemAvailable, fragmentation indices, and sums between the "
		"files. Equal means equal: there is no tolerance.\n"
		"\n"
		"Prints a table by subject, then every difference with both values and the rule "
		"that was used, what could not be predicted and why, and which files are absent. A "
		"second table estimates each zone's managed pages from hardware alone and states "
		"the error; no equality is claimed there. docs/verify.md tells the rules. Exit "
		"status 1 if anything differs.",
	.machine = true,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct nb_common),
	.run = run,
};
