/* capture.c -- a saved tree: lines "=== PATH" part the files of one input.
 *
 * It may be refused with a reason. A machine that comes out of it and seals must boot, take on the
 * state that the capture shows without breaking an invariant, and come back from a machine file.
 */
#include "machine_form.h"
#include "read/capture.h"

#include <numabox/system.h>

/* More than this takes the host's memory, not the reader's care. */
#define BOOT_BYTES_MAX (UINT64_C(1) << 44)

static struct nb_tree *split(const char *text, size_t len)
{
	struct nb_tree *t = nb_tree_new_empty("fuzz");
	const char *path = NULL, *body = text, *line;
	size_t pos = 0, n, path_len = 0;

	for (;;) {
		size_t at = pos;
		bool more = nb_next_line(text, len, &pos, &line, &n);

		if (more && (n < 5 || memcmp(line, "=== ", 4)))
			continue;
		if (path && path_len < NB_TREE_MAX_PATH && !memchr(path, '\0', path_len)) {
			char *name = nb_xstrndup(path, path_len);

			nb_tree_add(t, name, body, (size_t)(text + (more ? at : len) - body));
			free(name);
		}
		if (!more)
			break;
		path = line + 4;
		path_len = n - 4;
		body = text + pos;
	}
	nb_tree_expand(t);
	return t;
}

static uint64_t memory(const struct nb_machine *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->nr_ranges; i++)
		sum += m->ranges[i].end - m->ranges[i].start;
	for (unsigned i = 0; i < m->nr_firmware; i++)
		sum += m->firmware[i].end - m->firmware[i].start;
	return sum;
}

static void boot(const struct nb_port *port, const struct nb_machine *m, struct nb_capture *c)
{
	struct nb_error err = {0};
	struct nb_system *sys;
	int rc = nb_system_boot(port, m, NULL, &sys, &err);

	must(!rc || (err.code == rc && err.text[0]));
	if (rc)
		return;
	rc = nb_capture_apply_observed(c, sys, &err);
	must(!rc || (err.code == rc && err.text[0]));
	err = (struct nb_error){0};
	must(!nb_system_check(sys, &err));
	nb_system_shutdown(sys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_error err = {0};
	struct nb_capture *c;
	struct nb_machine *m;
	struct nb_port port;
	int rc;

	nb_port_posix(&port, false);
	rc = nb_capture_from_tree(split((const char *)data, size), &c, &err);
	must(!rc || (err.code == rc && err.text[0]));
	if (rc)
		return 0;
	m = nb_machine_new(&port);
	must(m != NULL);
	rc = nb_capture_to_machine(c, m, false, &err);
	must(!rc || (err.code == rc && err.text[0]));
	if (!rc) {
		rc = nb_machine_seal(m, &err);
		must(!rc || (err.code == rc && err.text[0]));
	}
	if (!rc) {
		reread(&port, m);
		if (memory(m) < BOOT_BYTES_MAX)
			boot(&port, m, c);
	}
	nb_machine_free(m);
	nb_capture_free(c);
	return 0;
}
