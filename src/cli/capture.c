/* capture.c -- the command `capture`: saves this computer for every other command.
 *
 * What is read and what is left out stands in src/host; here are the options and the words. The
 * name of what was written is the result; what could not be read goes to standard error.
 */
#include "cli/cmd.h"
#include "cli/out.h"

#include "host/capture.h"
#include "view/view.h"

#include <time.h>

struct capture_args {
	struct nb_common common;
	const char *output, *root;
};

static const struct nb_opt options[] = {
	{'o', "output", "FILE", NB_OPT_STRING, offsetof(struct capture_args, output),
	 "where to: DIR, FILE.tar[.gz|.bz2|.xz|.zst] or FILE.yaml; default: "
	 "numabox-DATE-TIME.tar.gz here",
	 NB_COMPLETE_FILE, NULL},
	{0, "root", "DIR", NB_OPT_STRING, offsetof(struct capture_args, root),
	 "read DIR/proc and DIR/sys instead of /proc and /sys", NB_COMPLETE_FILE, NULL},
	{0},
};

/* Archives are named after the moment: a second capture must not replace the first. */
static void default_name(char *buf, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(buf, size, "numabox-%Y%m%d-%H%M%S.tar.gz", &tm);
}

static void as_json(const char *path, const struct nb_text *notes, struct nb_text *out)
{
	json_t *j = json_object(), *list = json_array();
	const char *line;
	size_t pos = 0, len;

	while (nb_next_line(nb_text_str(notes), notes->len, &pos, &line, &len))
		json_array_append_new(list, json_stringn(line, len));
	json_object_set_new(j, "path", json_string(path));
	json_object_set_new(j, "notes", list);
	nb_json_write(j, out);
	json_decref(j);
}

static int report(const struct nb_common *c, const char *path, const struct nb_text *notes)
{
	struct nb_text out = {0};
	const char *line;
	size_t pos = 0, len;
	int status;

	if (c->json) {
		as_json(path, notes, &out);
	} else {
		while (nb_next_line(nb_text_str(notes), notes->len, &pos, &line, &len))
			nb_complainf("%.*s", (int)len, line);
		nb_text_printf(&out, "%s\n", path);
	}
	status = nb_out(&out);
	nb_text_release(&out);
	return status;
}

static int run(struct nb_common *c)
{
	const struct capture_args *a = (const struct capture_args *)(const void *)c;
	char moment[64];
	const char *path = a->output;
	struct nb_text notes = {0};
	struct nb_error err = {0};
	struct nb_port port;
	int status;

	if (c->args.n)
		return nb_complainf("capture takes no argument '%s': -o %s says where to",
				    c->args.v[0], c->args.v[0]);
	if (path && !path[0])
		return nb_complainf("--output: an empty name");
	if (!path) {
		default_name(moment, sizeof(moment));
		path = moment;
	}
	nb_port_posix(&port, false);
	if (nb_host_capture(&port, a->root, path, &notes, &err))
		status = nb_complain(&err);
	else
		status = report(c, path, &notes);
	nb_text_release(&notes);
	return status;
}

static const char *const synopsis[] = {"[-o DIR | FILE.tar.gz | FILE.yaml]", NULL};
static const struct nb_cmd_example examples[] = {
	{"sudo numabox capture -o server.tar.gz",
	 "As root: free lists by migrate type, zone ranges and the boot log too."},
	{"numabox capture -o server && numabox show -m server zoneinfo",
	 "Into a directory, and back."},
	{"numabox capture -o server.yaml",
	 "Hardware and settings alone, as a machine file to read and change by hand."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_capture = {
	.name = "capture",
	.brief = "save this computer, complete enough for every other command",
	.synopsis = synopsis,
	.description =
		"Saves what /proc and /sys say of this computer's memory, nodes and CPUs, and the "
		"lines of the boot log that speak of them, into a directory, an archive or a "
		"machine file, by the name given. It loads again anywhere with -m.\n"
		"\n"
		"An ordinary user can capture; what only root may read is left out and named on "
		"standard error. Nothing that names the owner or opens a door is saved: no host "
		"name, no address, no serial number, no process, and words of the kernel command "
		"line that sound like a secret are masked.",
	.options = options,
	.json = true,
	.examples = examples,
	.args_size = sizeof(struct capture_args),
	.run = run,
};
