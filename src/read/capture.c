/* capture.c -- opening a capture: its files, and those reports that the machine is built from.
 *
 * Called through capture.h. What is parsed here is parsed once; zoneinfo, iomem and the firmware's
 * tables must be what their names say (else an error that names file and line), while a file that
 * is missing or may not be read is none.
 */
#include "read/capture_priv.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void nb_capture_add_note(struct nb_capture *c, const char *fmt, ...)
{
	struct nb_text t = {0};
	va_list ap;

	va_start(ap, fmt);
	nb_text_vprintf(&t, fmt, ap);
	va_end(ap);
	c->notes = nb_xrealloc(c->notes, c->nr_notes + 1, sizeof(*c->notes));
	c->notes[c->nr_notes++] = nb_xstrdup(nb_text_str(&t));
	nb_text_release(&t);
}

const char *nb_capture_note(const struct nb_capture *c, size_t i)
{
	return i < c->nr_notes ? c->notes[i] : NULL;
}

struct nb_tree *nb_capture_tree(struct nb_capture *c)
{
	return c->tree;
}

/* The recorder's own note. One that is no JSON object is passed over: it is a note. */
static void read_json(struct nb_capture *c)
{
	const char *text, *s;
	size_t len;
	json_t *root;

	if (nb_tree_read(c->tree, "machine.json", &text, &len))
		return;
	root = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	s = json_string_value(json_object_get(root, "cmdline"));
	if (s)
		c->json_cmdline = nb_xstrdup(s);
	s = json_string_value(json_object_get(root, "arch"));
	if (s)
		c->json_arch = nb_xstrdup(s);
	s = json_string_value(json_object_get(root, "kernel_image"));
	if (s && !strncmp(s, "vmlinuz-", 8))
		c->json_release = nb_xstrdup(s + 8);
	if (!c->json_release)
		s = json_string_value(json_object_get(root, "kernel"));
	if (!c->json_release && !s)
		s = json_string_value(json_object_get(root, "kernel_key"));
	if (!c->json_release && s)
		c->json_release = nb_xstrdup(s);
	if (json_integer_value(json_object_get(root, "page_size")) > 0)
		c->json_page_size =
			(unsigned)json_integer_value(json_object_get(root, "page_size"));
	json_decref(root);
}

/* The tables, as base64 or bytes of a saved tree, or as the kernel shows them. A broken table is
 * what the kernel would throw away: noted, and done without. */
static void read_acpi(struct nb_capture *c)
{
	static const char *const names[] = {"SRAT", "SLIT", "HMAT", "APIC"};
	static const char *const forms[] = {"acpi/%s.b64", "acpi/%s", "acpi/%s.bin",
					    "sys/firmware/acpi/tables/%s"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (size_t j = 0; j < sizeof(forms) / sizeof(*forms); j++) {
			struct nb_error why = {0};
			const char *bytes;
			char path[64];
			size_t len;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(path, sizeof(path), forms[j], names[i]);
#pragma GCC diagnostic pop
			if (nb_tree_read(c->tree, path, &bytes, &len))
				continue;
			if (!c->acpi)
				c->acpi = nb_acpi_new();
			if (nb_acpi_add(c->acpi, path, bytes, len, &why))
				nb_capture_add_note(c, "%s: not used: %s", path, why.text);
			break;
		}
	}
	if (c->acpi) {
		unsigned n;

		nb_acpi_memory(c->acpi, &n);
		c->acpi_srat = n > 0;
	}
}

static int read_reports(struct nb_capture *c, struct nb_error *err)
{
	const char *text;
	size_t len;
	int bad;

	if (!nb_tree_read(c->tree, "dmesg", &text, &len)) {
		nb_dmesg_parse(text, len, &c->dmesg);
		c->has_dmesg = true;
	}
	if (!nb_tree_read(c->tree, "proc/zoneinfo", &text, &len) && len) {
		bad = nb_zoneinfo_parse(text, len, &c->zoneinfo, err);
		if (bad) {
			nb_error_file(err, "proc/zoneinfo");
			return bad;
		}
		c->has_zoneinfo = true;
	}
	if (!nb_tree_read(c->tree, "proc/iomem", &text, &len) && len) {
		bad = nb_iomem_parse(text, len, &c->iomem, err);
		if (bad) {
			nb_error_file(err, "proc/iomem");
			return bad;
		}
		c->has_iomem = !c->iomem.hidden;
	}
	return 0;
}

int nb_capture_from_tree(struct nb_tree *tree, struct nb_capture **ret_capture,
			 struct nb_error *err)
{
	struct nb_capture *c = nb_xcalloc(1, sizeof(*c));
	int bad;

	c->tree = tree;
	bad = read_reports(c, err);
	if (bad) {
		nb_capture_free(c);
		return bad;
	}
	read_json(c);
	read_acpi(c);
	nb_capture_find_online(c);
	nb_capture_find_devicetree(c);
	*ret_capture = c;
	return 0;
}

int nb_capture_open(const char *path, struct nb_capture **ret_capture, struct nb_error *err)
{
	struct nb_tree *tree;
	int bad = nb_tree_open(path, &tree, err);

	return bad ? bad : nb_capture_from_tree(tree, ret_capture, err);
}

int nb_capture_host(struct nb_capture **ret_capture, struct nb_error *err)
{
	struct nb_tree *tree;
	int bad = nb_tree_open_host(NULL, &tree, err);

	return bad ? bad : nb_capture_from_tree(tree, ret_capture, err);
}

void nb_capture_free(struct nb_capture *c)
{
	if (!c)
		return;
	nb_dmesg_release(&c->dmesg);
	if (c->has_zoneinfo)
		nb_zoneinfo_release(&c->zoneinfo);
	if (c->has_iomem || c->iomem.hidden)
		nb_iomem_release(&c->iomem);
	nb_acpi_free(c->acpi);
	nb_ranges_release(&c->devicetree);
	free(c->json_cmdline);
	free(c->json_release);
	free(c->json_arch);
	free(c->blocks);
	for (size_t i = 0; i < c->nr_notes; i++)
		free(c->notes[i]);
	free(c->notes);
	nb_tree_close(c->tree);
	free(c);
}
