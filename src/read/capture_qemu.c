/* capture_qemu.c -- the hardware out of a recorder's note of the QEMU arguments.
 *
 * Called by capture_machine.c. machine.json's "qemu_args" is used only where the capture itself
 * says nothing of the hardware: no firmware map, no tables, no device tree, no node ranges in a
 * log, no nodes in sysfs. QEMU's own rules (qemu.h) then give firmware map, affinity, distances and
 * CPUs. A recorder that put other ACPI tables in front ("acpi_override_initrd") makes the arguments
 * say too little: then they are not used.
 */
#include "read/capture_priv.h"
#include "read/qemu.h"
#include <jansson.h>
#include <stdlib.h>

enum { MAX_ARGS = 4096 };

static bool knows_hardware(struct nb_capture *c)
{
	return c->has_online || c->acpi || c->dmesg.e820.n || c->dmesg.early.n || c->devicetree.n ||
	       c->has_iomem || nb_tree_has(c->tree, "derived/firmware_memmap.tsv") ||
	       nb_tree_has(c->tree, "sys/firmware/memmap/0");
}

/* The arguments, or NULL; *ret_root is to be released. */
static const json_t *arguments(struct nb_build *b, json_t **ret_root)
{
	const json_t *args, *tables;
	const char *text;
	size_t len;

	*ret_root = NULL;
	if (nb_tree_read(b->t, "machine.json", &text, &len))
		return NULL;
	*ret_root = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	args = json_object_get(*ret_root, "qemu_args");
	tables = json_object_get(*ret_root, "acpi_override_initrd");
	if (!json_is_array(args) || !json_array_size(args) || json_array_size(args) > MAX_ARGS ||
	    (tables && !json_is_null(tables)))
		return NULL;
	return args;
}

static int fill(struct nb_build *b, struct nb_machine *m, const json_t *args)
{
	size_t n = json_array_size(args);
	const char **words = nb_xcalloc(n + 1, sizeof(*words));
	struct nb_error why = {0};
	int bad = 0;

	for (size_t i = 0; i < n && !bad; i++) {
		words[i] = json_string_value(json_array_get(args, i));
		if (!words[i])
			bad = nb_error_set(b->err, -NB_EINVAL, 0,
					   "qemu_args: element %zu is no string; each argument "
					   "must be one",
					   i);
	}
	if (!bad)
		bad = nb_read_qemu(m, words, (unsigned)n, &why);
	if (why.code)
		nb_error_set(b->err, why.code, 0, "qemu_args: %s", why.text);
	if (bad)
		nb_capture_error_file(b->c, b->err, "machine.json");
	free(words);
	return bad;
}

int nb_capture_qemu(struct nb_build *b, bool *ret_used)
{
	const json_t *args;
	json_t *root;
	int bad = 0;

	*ret_used = false;
	if (knows_hardware(b->c))
		return 0;
	args = arguments(b, &root);
	if (args) {
		bad = fill(b, b->m, args);
		*ret_used = !bad;
	}
	json_decref(root);
	if (*ret_used) {
		b->m->cmdline = ""; /* identity adds the capture's own */
		b->m->memory_source = NB_SOURCE_GIVEN;
		nb_capture_add_note(b->c, "memory, CPUs, distances: qemu_args of machine.json");
	}
	return bad;
}

int nb_capture_qemu_distances(struct nb_build *b)
{
	struct nb_machine *m;
	const json_t *args;
	json_t *root;
	int bad = 0;

	args = arguments(b, &root);
	m = args ? nb_machine_new(b->m->port) : NULL;
	if (m && !fill(b, m, args) && m->distances && m->nr_distances == b->m->nr_nodes &&
	    m->nr_nodes == b->m->nr_nodes) {
		bad = nb_machine_set_distances(b->m, m->distances, m->nr_distances);
		b->m->distance_source = NB_SOURCE_GIVEN;
		nb_capture_add_note(b->c, "distances: qemu_args of machine.json");
	}
	nb_machine_free(m);
	json_decref(root);
	return bad;
}
