/* capture_machine.c -- a machine out of a capture: the parts, one after the other.
 *
 * Called through capture.h by the dispatcher of all MACHINE forms, which seals the machine
 * afterwards.
 */
#include "read/capture_priv.h"
#include <stdlib.h>

static void note_unreadable(struct nb_capture *c)
{
	struct nb_text t = {0};
	const char *path;

	for (size_t i = 0; (path = nb_tree_unreadable(c->tree, i)) && i < 12; i++)
		nb_text_printf(&t, "%s%s", i ? ", " : "", path);
	if (t.len)
		nb_capture_add_note(c, "not readable without privilege: %s", t.s);
	nb_text_release(&t);
}

static int read_hardware(struct nb_build *b)
{
	int bad = nb_capture_nodes(b);

	if (!bad)
		bad = nb_capture_distances(b);
	if (!bad)
		bad = nb_capture_cpus(b);
	if (!bad)
		bad = nb_capture_memory(b);
	return bad;
}

int nb_capture_to_machine(struct nb_capture *c, struct nb_machine *m, bool fresh,
			  struct nb_error *err)
{
	struct nb_build b = {.c = c, .t = c->tree, .m = m, .err = err, .fresh = fresh};
	bool used = false;
	int bad;

	while (c->nr_notes > c->nr_open_notes)
		free(c->notes[--c->nr_notes]);
	bad = nb_capture_qemu(&b, &used);
	if (!bad)
		bad = nb_capture_identity(&b);
	if (!bad && !used)
		bad = read_hardware(&b);
	if (!bad)
		bad = nb_capture_facts(&b);
	if (!bad)
		bad = nb_capture_reserved(&b);
	if (!bad && !fresh)
		bad = nb_capture_sysctls(&b);
	note_unreadable(c);
	for (size_t i = 0; i < c->nr_notes && !bad; i++)
		bad = nb_machine_add_note(m, c->notes[i]);
	if (bad)
		nb_error_set(err, bad, 0, "out of memory");
	if (bad)
		nb_error_file(err, nb_tree_origin(c->tree));
	return bad;
}
