/* stripped.c -- the prediction does not stand on the lines that it predicts.
 *
 * Each snapshot is read a second time from a tree in which the boot log has none of the lines on
 * zones, node ranges, fallback orders and boot decisions, and zoneinfo nothing but headings and
 * managed pages. Expect: both machines boot to the same zoneinfo, layout and zonelists, byte for
 * byte.
 */
#define _GNU_SOURCE /* memmem */
#include "base/hosted/text.h"
#include "read/capture.h"
#include "read/machine.h"
#include "view/view.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What the boot log says of its own decisions. */
static const char *const predicted[] = {
	"Zone ranges:",
	"] empty",
	"  DMA ",
	"  DMA32 ",
	"  Normal ",
	"  HighMem ",
	"  Movable ",
	"  Device ",
	"Movable zone start",
	"Early memory node ranges",
	"] Initmem setup node",
	"]   node ",
	"]   Node ",
	"Fallback order for",
	"Built ",
	"Policy zone:",
	"in unavailable ranges",
};

static bool is_predicted(const char *s, size_t n)
{
	unsigned i;

	for (i = 0; i < sizeof(predicted) / sizeof(predicted[0]); i++) {
		if (memmem(s, n, predicted[i], strlen(predicted[i])))
			return true;
	}
	return false;
}

static void strip_dmesg(const char *text, size_t len, struct nb_text *out)
{
	size_t pos = 0, n;
	const char *s;

	while (nb_next_line(text, len, &pos, &s, &n)) {
		if (!is_predicted(s, n))
			nb_text_printf(out, "%.*s\n", (int)n, s);
	}
}

static void strip_zoneinfo(const char *text, size_t len, struct nb_text *out)
{
	size_t pos = 0, n;
	const char *s;

	while (nb_next_line(text, len, &pos, &s, &n)) {
		if (!strncmp(s, "Node ", 5) || memmem(s, n, "managed", 7) ||
		    memmem(s, n, " cma ", 5))
			nb_text_printf(out, "%.*s\n", (int)n, s);
	}
}

/* Everything that the hardware and the settings say, but no report. */
static const char *const kept[] = {
	"proc/version",
	"proc/cmdline",
	"proc/iomem",
	"proc/cpuinfo",
	"machine.json",
	"sysfs.tsv",
	"proc-sys.tsv",
	"derived/firmware_memmap.tsv",
	"derived/memory_blocks.tsv",
	"derived/devicetree_memory.txt",
	"acpi/SRAT.b64",
	"acpi/SLIT.b64",
	"acpi/HMAT.b64",
	"acpi/APIC.b64",
	"sys/devices/system/node/online",
	"sys/devices/system/node/possible",
};

static void copy(struct nb_tree *from, struct nb_tree *to, const char *path)
{
	const char *text;
	size_t len;

	if (!nb_tree_read(from, path, &text, &len))
		nb_tree_add(to, path, text, len);
}

static void copy_nodes(struct nb_tree *from, struct nb_tree *to)
{
	char path[256];
	int i;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "sys/devices/system/node/node%d/cpulist", i);
		copy(from, to, path);
		snprintf(path, sizeof(path), "sys/devices/system/node/node%d/distance", i);
		copy(from, to, path);
	}
}

static struct nb_tree *strip(struct nb_tree *full)
{
	struct nb_tree *t = nb_tree_new_empty("stripped");
	struct nb_text out = {0};
	const char *text;
	size_t len, i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		copy(full, t, kept[i]);
	copy_nodes(full, t);
	if (!nb_tree_read(full, "dmesg", &text, &len)) {
		strip_dmesg(text, len, &out);
		nb_tree_add(t, "dmesg", nb_text_str(&out), out.len);
	}
	nb_text_clear(&out);
	if (!nb_tree_read(full, "proc/zoneinfo", &text, &len)) {
		strip_zoneinfo(text, len, &out);
		nb_tree_add(t, "proc/zoneinfo", nb_text_str(&out), out.len);
	}
	nb_text_release(&out);
	return t;
}

static void boot_and_render(const struct nb_port *port, struct nb_machine *m, struct nb_text *out)
{
	static const char *const views[] = {"zoneinfo", "layout", "zonelists", "hardware"};
	struct nb_view_source src = {0};
	struct nb_error err = {0};
	struct nb_system *sys;
	unsigned i;
	int nid;

	if (nb_system_boot(port, m, NULL, &sys, &err))
		fail_msg("%s", err.text);
	src.sys = sys;
	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		assert_int_equal(nb_view_render(nb_view_find(views[i], &nid, &err), nid, &src,
						NB_VIEW_TEXT, out, &err),
				 0);
	nb_system_shutdown(sys);
}

static void same_without(void **state)
{
	struct nb_text full = {0}, stripped = {0};
	struct nb_capture *c, *s;
	struct nb_machine *m;
	struct nb_error err = {0};
	struct nb_port port;
	int same;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, *state, NULL, &m, &c, &err))
		fail_msg("%s:%u: %s", err.file, err.line, err.text);
	boot_and_render(&port, m, &full);
	nb_machine_free(m);

	m = nb_machine_new(&port);
	if (nb_capture_from_tree(strip(nb_capture_tree(c)), &s, &err) ||
	    nb_capture_to_machine(s, m, false, &err) || nb_machine_seal(m, &err))
		fail_msg("stripped: %s:%u: %s", err.file, err.line, err.text);
	boot_and_render(&port, m, &stripped);
	same = !strcmp(nb_text_str(&full), nb_text_str(&stripped));
	if (!same) /* print_error() would cut them */
		fprintf(stderr, "--- full\n%s--- stripped\n%s", nb_text_str(&full),
			nb_text_str(&stripped));
	nb_machine_free(m);
	nb_capture_free(s);
	nb_capture_free(c);
	nb_text_release(&full);
	nb_text_release(&stripped);
	assert_true(same);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(void)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	struct nb_text dir = {0}, path = {0};
	struct CMUnitTest *test = NULL;
	struct dirent **names;
	int n, i, rc;

	nb_text_printf(&dir, "%s/snapshots", oracle ? oracle : "");
	n = scandir(nb_text_str(&dir), &names, visible, alphasort);
	if (n <= 0) {
		nb_text_release(&dir);
		return 77;
	}
	test = nb_xcalloc((size_t)n, sizeof(*test));
	for (i = 0; i < n; i++) {
		nb_text_clear(&path);
		nb_text_printf(&path, "%s/%s", nb_text_str(&dir), names[i]->d_name);
		test[i].name = names[i]->d_name;
		test[i].test_func = same_without;
		test[i].initial_state = nb_xstrdup(nb_text_str(&path));
	}
	rc = _cmocka_run_group_tests("stripped", test, (size_t)n, NULL, NULL);
	for (i = 0; i < n; i++) {
		free(test[i].initial_state);
		free(names[i]);
	}
	free(names);
	free(test);
	nb_text_release(&dir);
	nb_text_release(&path);
	return rc;
}
