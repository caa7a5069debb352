/* simtest.h -- machines and runs for the tests of src/sim. */
#ifndef SIMTEST_H
#define SIMTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "read/machine.h"
#include "sim/driver.h"
#include "sim/sim.h"

#include <jansson.h>

/* A machine by its short form (or any form of -m). Free it with simtest_free(). */
static inline struct nb_machine *simtest_machine(struct nb_port *port, const char *spec)
{
	struct nb_read_options opt = {0};
	struct nb_error err = {0};
	struct nb_machine *m = NULL;

	nb_port_posix(port, false);
	if (nb_read_machine(port, spec, &opt, &m, NULL, &err))
		fail_msg("%s: %s", spec, err.text);
	return m;
}

/* A simulation on a machine of its own. */
struct simtest {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_sim sim;
};

static inline void simtest_open(struct simtest *t, const char *spec)
{
	struct nb_error err = {0};

	t->machine = simtest_machine(&t->port, spec);
	if (nb_sim_open(&t->sim, &(struct nb_sim_begin){.machine = t->machine}, &err))
		fail_msg("%s: %s", spec, err.text);
}

static inline void simtest_close(struct simtest *t)
{
	struct nb_error err = {0};

	if (nb_system_check(t->sim.sys, &err))
		fail_msg("%s", err.text);
	nb_sim_close(&t->sim);
	nb_machine_free(t->machine);
}

/* Writes a text to a file of its own and returns the name, which the caller unlinks and frees. */
static inline char *simtest_file(const char *text)
{
	char *name = nb_xstrdup("/tmp/numabox-sim-XXXXXX");
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return name;
}

/* Runs a scenario given as text; the exit status; everything printed and reported in *out. */
static inline int simtest_scenario(const char *spec, const char *code, struct nb_sim_options *opt,
				   struct nb_text *out, struct nb_error *err)
{
	struct nb_port port;
	struct nb_machine *m = simtest_machine(&port, spec);
	char *file = simtest_file(code);
	int status;

	opt->machine = m;
	opt->scenario = file;
	status = nb_sim_run(opt, out, err);
	unlink(file);
	free(file);
	nb_machine_free(m);
	return status;
}

/* Expect a scenario to print exactly this, and to hold. */
static inline void simtest_prints(const char *spec, const char *code, const char *want)
{
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err = {0};
	int status;

	nb_sim_options_init(&opt);
	opt.quiet = true;
	status = simtest_scenario(spec, code, &opt, &out, &err);
	assert_string_equal(err.text, "");
	assert_string_equal(nb_text_str(&out), want);
	assert_int_equal(status, 0);
	nb_text_release(&out);
}

/* Expect a scenario to be refused at `line` with this in the message. */
static inline void simtest_fails(const char *spec, const char *code, unsigned line,
				 const char *part)
{
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err = {0};

	nb_sim_options_init(&opt);
	assert_int_equal(simtest_scenario(spec, code, &opt, &out, &err), 2);
	if (!strstr(err.text, part) || err.line != line)
		fail_msg("'%s' failed at line %u with '%s', not at %u with '%s'", code, err.line,
			 err.text, line, part);
	nb_text_release(&out);
}

#endif
