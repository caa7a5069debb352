/* machine_form.h -- what the fuzz targets of the machine forms share.
 *
 * A reader may refuse its input, but then it says why; a machine that it gives and that seals must
 * be written as a machine file which reads and seals again.
 */
#ifndef TESTS_FUZZ_MACHINE_FORM_H
#define TESTS_FUZZ_MACHINE_FORM_H

#include "base/hosted/text.h"
#include "read/yaml.h"

#include <numabox/machine.h>
#include <stdlib.h>
#include <string.h>

static inline void must(bool holds)
{
	if (!holds)
		abort();
}

static inline void reread(const struct nb_port *port, const struct nb_machine *m)
{
	struct nb_machine *again = nb_machine_new(port);
	struct nb_error err = {0};
	struct nb_text text = {0};

	nb_write_yaml(m, &text);
	must(!nb_read_yaml(again, "again", nb_text_str(&text), text.len, &err));
	must(!nb_machine_seal(again, &err));
	must(again->nr_nodes == m->nr_nodes && again->nr_cpus == m->nr_cpus &&
	     again->nr_ranges == m->nr_ranges);
	nb_text_release(&text);
	nb_machine_free(again);
}

static inline int fuzz_machine_form(int (*read)(struct nb_machine *m, const char *text, size_t len,
						struct nb_error *err),
				    const uint8_t *data, size_t size)
{
	/* Readers of texts are given what stands in memory behind a file: a NUL. */
	char *text = nb_xstrndup((const char *)data, size);
	struct nb_error err = {0};
	struct nb_machine *m;
	struct nb_port port;
	int rc;

	nb_port_posix(&port, false);
	m = nb_machine_new(&port);
	must(m != NULL);
	rc = read(m, text, size, &err);
	must(!rc || (err.code == rc && err.text[0]));
	if (!rc) {
		rc = nb_machine_seal(m, &err);
		must(!rc || (err.code == rc && err.text[0]));
	}
	if (!rc)
		reread(&port, m);
	nb_machine_free(m);
	free(text);
	return 0;
}

#endif
