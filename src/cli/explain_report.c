/* explain_report.c -- `explain FILE`: reads a kernel log, or a capture's, and explains each failure
 * report in it.
 *
 * Called by explain.c. Reading and judging stand in src/read/report*.c.
 */
#include "cli/explain.h"
#include "cli/out.h"
#include "read/kernel_log.h"
#include "read/report_explain.h"
#include "view/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LOG_BYTES ((size_t)256 << 20)

int nb_explain_read(const char *path, struct nb_text *t)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char buf[16384];
	size_t n;
	int rc = 0;

	if (!f)
		return nb_complainf("%s: %s", path, strerror(errno));
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
		if (t->len + n > MAX_LOG_BYTES) {
			rc = nb_complainf("%s: more than 256 MiB; cut the log around the report",
					  path);
			break;
		}
		nb_text_add(t, buf, n);
	}
	if (!rc && ferror(f))
		rc = nb_complainf("%s: %s", path, strerror(errno));
	if (f != stdin)
		fclose(f);
	return rc;
}

static int explain_all(const struct nb_common *c, const struct nb_reports *r)
{
	json_t *all = json_object(), *list = json_array();
	struct nb_text out = {0};
	int status;

	json_object_set_new(all, "topic", json_string("report"));
	json_object_set_new(all, "reports", list);
	for (unsigned i = 0; i < r->n; i++) {
		struct nb_sheet s;

		nb_sheet_init(&s, "report", nb_out_color(c));
		nb_report_explain(&r->v[i], c->kernel, &s);
		nb_text_printf(&out, "%s%s", i ? "\n\n" : "", nb_text_str(&s.text));
		json_array_append(list, s.root);
		nb_sheet_release(&s);
	}
	if (r->more)
		nb_complainf(
			"note: the log holds more than %u reports; the first ones are explained",
			r->n);
	if (c->json) {
		nb_text_clear(&out);
		nb_json_write(all, &out);
	}
	status = nb_out(&out);
	json_decref(all);
	nb_text_release(&out);
	return status;
}

static int explain_log(const struct nb_common *c, const char *path)
{
	struct nb_error err = {0};
	struct nb_text text = {0};
	struct nb_reports r;
	int status = nb_explain_read(path, &text);

	if (!status && nb_reports_parse(nb_text_str(&text), text.len, &r, &err)) {
		nb_error_file(&err, path);
		status = nb_complain(&err);
	} else if (!status) {
		status = explain_all(c, &r);
		nb_reports_release(&r);
	}
	nb_text_release(&text);
	return status;
}

/* A directory, or a file that is an archive: its own logs are meant. */
static bool is_capture(const char *path)
{
	struct nb_error ignored = {0};
	struct nb_tree *t;
	struct stat st;

	if (strcmp(path, "-") == 0 || stat(path, &st))
		return false;
	if (S_ISDIR(st.st_mode))
		return true;
	if (!S_ISREG(st.st_mode) || nb_tree_open(path, &t, &ignored))
		return false;
	nb_tree_close(t);
	return true;
}

static int explain_capture(const struct nb_common *c, const char *path)
{
	struct nb_error err = {0};
	struct nb_reports r;
	struct nb_tree *t;
	const char *log;
	int status;

	if (nb_tree_open(path, &t, &err)) {
		nb_error_file(&err, path);
		return nb_complain(&err);
	}
	if (!nb_kernel_log_reports(t, &r, &log)) {
		status = explain_all(c, &r);
		nb_reports_release(&r);
	} else if (log) {
		status = nb_complainf("%s: no failure report in %s or another log", path, log);
	} else {
		status = nb_complainf("%s: no log in it (dmesg; kern.log, messages or syslog of "
				      "var/log; a journal)",
				      path);
	}
	nb_tree_close(t);
	return status;
}

int nb_explain_file(const struct nb_common *c, const char *path)
{
	return is_capture(path) ? explain_capture(c, path) : explain_log(c, path);
}
