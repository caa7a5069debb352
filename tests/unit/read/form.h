/* form.h -- what the tests of the machine forms share: read a word, look at what came out.
 *
 * Included by one test program each; read_word() gives a sealed machine or NULL and *err.
 */
#ifndef TESTS_UNIT_READ_FORM_H
#define TESTS_UNIT_READ_FORM_H

#include "base/hosted/text.h"
#include "base/mask.h"
#include "read/machine.h"
#include "read/yaml.h"

#include <numabox/machine.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline struct nb_port *test_port(void)
{
	static struct nb_port port;

	nb_port_posix(&port, false);
	return &port;
}

static inline struct nb_machine *read_word(const char *word, struct nb_error *err)
{
	struct nb_machine *m = NULL;
	int rc;

	memset(err, 0, sizeof(*err));
	rc = nb_read_machine(test_port(), word, NULL, &m, NULL, err);
	assert_int_equal(rc, err->code);
	assert_true(!rc == (m != NULL));
	return m;
}

static inline struct nb_machine *read_good(const char *word)
{
	struct nb_error err;
	struct nb_machine *m = read_word(word, &err);

	if (!m)
		fail_msg("%s: %s:%u: %s", word, err.file, err.line, err.text);
	return m;
}

/* A machine file from a text. */
static inline struct nb_machine *read_text(const char *yaml, struct nb_error *err)
{
	struct nb_machine *m = nb_machine_new(test_port());
	int rc;

	memset(err, 0, sizeof(*err));
	rc = nb_read_yaml(m, "m.yaml", yaml, strlen(yaml), err);
	if (!rc)
		rc = nb_machine_seal(m, err);
	assert_int_equal(rc, err->code);
	if (!rc)
		return m;
	nb_machine_free(m);
	return NULL;
}

/* "0:0x0-0x7fffffff 1:0x80000000-0xffffffff": ranges with their nodes. */
static inline void put_ranges(struct nb_text *t, const struct nb_mem_range *r, unsigned n)
{
	nb_text_clear(t);
	for (unsigned i = 0; i < n; i++)
		nb_text_printf(t, "%s%d:%#llx-%#llx", i ? " " : "", r[i].nid,
			       (unsigned long long)r[i].start, (unsigned long long)r[i].end - 1);
}

static inline void check_ranges(const struct nb_machine *m, const char *expected)
{
	struct nb_text t = {0};

	put_ranges(&t, m->ranges, m->nr_ranges);
	assert_string_equal(nb_text_str(&t), expected);
	nb_text_release(&t);
}

/* "0-3|4-7|": the CPUs of each node, in order. */
static inline void check_cpus(const struct nb_machine *m, const char *expected)
{
	struct nb_text t = {0};

	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct nb_cpumask mask = {{0}};
		char list[512];

		for (unsigned k = 0; k < m->nr_cpus; k++) {
			if (m->cpus[k].nid == m->nodes[i].id)
				nb_cpumask_set(&mask, m->cpus[k].id);
		}
		nb_bits_format_list(mask.bits, NB_MAX_CPUS, list, sizeof(list));
		nb_text_printf(&t, "%s|", list);
	}
	assert_string_equal(nb_text_str(&t), expected);
	nb_text_release(&t);
}

/* "10 21 21 10", or "" without a matrix. */
static inline void check_distances(const struct nb_machine *m, const char *expected)
{
	struct nb_text t = {0};

	for (unsigned i = 0; m->distances && i < m->nr_nodes * m->nr_nodes; i++)
		nb_text_printf(&t, "%s%u", i ? " " : "", m->distances[i]);
	assert_string_equal(nb_text_str(&t), expected);
	nb_text_release(&t);
}

#endif
