/* capture.c -- saves the live machine: collect, then write in the form that its name asks for.
 *
 * Called by the command capture. A machine file is made from the collected (and masked) files
 * through the same reader as any capture, so that no form tells more than another.
 */
#include "host/capture.h"
#include "host/collect.h"
#include "host/save.h"
#include "read/capture.h"
#include "read/yaml.h"
#include <string.h>

static bool ends_with(const char *s, const char *ending)
{
	size_t n = strlen(s), k = strlen(ending);

	return n > k && !strcmp(s + n - k, ending);
}

/* The machine that the collected files describe, as a machine file. */
static int to_yaml(const struct nb_port *port, const struct nb_files *files, struct nb_text *out,
		   struct nb_error *err)
{
	struct nb_tree *tree = nb_tree_new_empty("host");
	struct nb_capture *c;
	struct nb_machine *m;
	int bad;

	for (size_t i = 0; i < files->nr; i++)
		nb_tree_add(tree, files->all[i]->path, files->all[i]->data, files->all[i]->len);
	nb_tree_expand(tree);
	bad = nb_capture_from_tree(tree, &c, err);
	if (bad)
		return bad;
	m = nb_machine_new(port);
	bad = m ? nb_capture_to_machine(c, m, false, err)
		: nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	if (!bad)
		bad = nb_machine_seal(m, err);
	if (!bad)
		nb_write_yaml(m, out);
	nb_machine_free(m);
	nb_capture_free(c);
	return bad;
}

int nb_host_capture(const struct nb_port *port, const char *root, const char *out,
		    struct nb_text *notes, struct nb_error *err)
{
	struct nb_files files = {0};
	struct nb_text yaml = {0};
	struct nb_tree *host;
	int bad = nb_tree_open_host(root, &host, err);

	if (bad)
		return bad;
	nb_host_collect(host, &files, notes);
	nb_tree_close(host);
	if (ends_with(out, ".yaml") || ends_with(out, ".yml")) {
		bad = to_yaml(port, &files, &yaml, err);
		if (!bad)
			bad = nb_save_text(out, nb_text_str(&yaml), yaml.len, err);
	} else if (nb_save_is_archive(out)) {
		bad = nb_save_archive(out, &files, err);
	} else {
		bad = nb_save_dir(out, &files, err);
	}
	nb_files_release(&files);
	nb_text_release(&yaml);
	return bad;
}
