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

#define MAX_PFN (UINT64_C(1) << 40)

enum { MAX_ZONES = NB_MAX_NODES * NB_MAX_NR_ZONES };

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

void nb_capture_error_file(const struct nb_capture *c, struct nb_error *err, const char *path)
{
	const char *origin = nb_tree_kind(c->tree) == NB_TREE_HOST ? "" : nb_tree_origin(c->tree);
	size_t n = strlen(origin);
	struct nb_text t = {0};

	nb_text_printf(&t, "%s%s%s", origin, n && origin[n - 1] == '/' ? "" : "/", path);
	nb_error_file(err, nb_text_str(&t));
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

/* A report's text: 1 with *text set; 0 if there is none, or not for our eyes; an error for a name
 * under which something else than a file stands, which no kernel and no copy of it leaves. */
static int report(struct nb_capture *c, const char *path, const char **text, size_t *len,
		  struct nb_error *err)
{
	int bad = nb_tree_read(c->tree, path, text, len);
	const char *why = bad == -NB_EFBIG   ? "is larger than 64 MiB"
			  : bad == -NB_ELOOP ? "is a loop of links"
					     : "is no regular file";

	if (!bad)
		return *len > 0;
	if (bad == -NB_EACCES || bad == -NB_EPERM || bad == -NB_EIO)
		return 0;
	if (bad == -NB_ENOENT || bad == -NB_ENOTDIR) {
		if (nb_tree_kind(c->tree) == NB_TREE_HOST || !nb_tree_has(c->tree, path))
			return 0;
		why = "is a link that leads nowhere within the capture";
	}
	nb_error_set(err, bad == -NB_EFBIG ? bad : -NB_EINVAL, 0,
		     "%s %s; a copy of the kernel's "
		     "file would be right",
		     path, why);
	nb_error_file(err, nb_tree_origin(c->tree));
	return bad == -NB_EFBIG ? bad : -NB_EINVAL;
}

/* Numbers that no machine can have: they would only do harm later, without a line to point at. */
static int check_zones(const struct nb_zoneinfo *zi, struct nb_error *err)
{
	static const enum nb_zoneinfo_field fields[] = {NB_ZI_SPANNED, NB_ZI_PRESENT, NB_ZI_MANAGED,
							NB_ZI_START_PFN};

	if (zi->nr_zones > MAX_ZONES)
		return nb_error_set(err, -NB_EINVAL, zi->zones[MAX_ZONES].line,
				    "more than %d zones; %d nodes of %d zones are the most",
				    MAX_ZONES, NB_MAX_NODES, NB_MAX_NR_ZONES);
	for (size_t i = 0; i < zi->nr_zones; i++) {
		const struct nb_zoneinfo_zone *z = &zi->zones[i];
		uint64_t v;

		if (z->nid < 0 || z->nid >= NB_MAX_NODES)
			return nb_error_set(err, -NB_EINVAL, z->line,
					    "node %d; node ids go from 0 to %d", z->nid,
					    NB_MAX_NODES - 1);
		for (size_t k = 0; k < sizeof(fields) / sizeof(*fields); k++)
			if (nb_zoneinfo_get(z, fields[k], &v) && v > MAX_PFN)
				return nb_error_set(err, -NB_EINVAL, z->line,
						    "node %d, zone %s: %s is %llu; physical "
						    "addresses end at 2^52",
						    z->nid, z->name,
						    nb_zoneinfo_field_key(fields[k]),
						    (unsigned long long)v);
	}
	return 0;
}

static int read_reports(struct nb_capture *c, struct nb_error *err)
{
	const char *text;
	size_t len;
	int got = report(c, "dmesg", &text, &len, err);

	if (got > 0) {
		nb_dmesg_parse(text, len, &c->dmesg);
		c->has_dmesg = true;
	}
	if (got >= 0)
		got = report(c, "proc/zoneinfo", &text, &len, err);
	if (got > 0) {
		got = nb_zoneinfo_parse(text, len, &c->zoneinfo, err);
		c->has_zoneinfo = !got;
		if (!got)
			got = check_zones(&c->zoneinfo, err);
		if (got)
			nb_capture_error_file(c, err, "proc/zoneinfo");
	}
	if (got >= 0)
		got = report(c, "proc/iomem", &text, &len, err);
	if (got > 0) {
		got = nb_iomem_parse(text, len, &c->iomem, err);
		c->has_iomem = !got && !c->iomem.hidden;
		if (got)
			nb_capture_error_file(c, err, "proc/iomem");
	}
	return got < 0 ? got : 0;
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
	if (c->iomem.hidden)
		nb_capture_add_note(c, "proc/iomem: addresses are hidden without privilege");
	c->nr_open_notes = c->nr_notes;
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
