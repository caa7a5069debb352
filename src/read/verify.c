/* verify.c -- the running comparison: reads, boots, calls the groups, keeps what they find.
 *
 * Called by the command and by tests. Each figure is counted once under its subject; a difference
 * keeps both values as text and the rule that was used.
 */
#include "read/verify.h"
#include "read/verify_priv.h"
#include "view/observed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *format(const char *where, const char *fmt, va_list ap)
{
	struct nb_text t = {0};

	if (where)
		nb_text_printf(&t, "%s: ", where);
	nb_text_vprintf(&t, fmt, ap);
	return t.s;
}

static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 16;
	return nb_xrealloc(v, *cap, size);
}

/* In a step every figure counts as the step's. */
static enum nb_verify_subject subject_of(const struct nb_verify *v, enum nb_verify_subject s)
{
	return v->in_step ? v->step_subject : s;
}

static void add_difference(struct nb_verify *v, enum nb_verify_subject s, char *what,
			   const char *kernel, const char *predicted, bool number, const char *rule)
{
	v->diff = grow(v->diff, v->nr_diff, &v->cap_diff, sizeof(*v->diff));
	v->diff[v->nr_diff++] = (struct nb_verify_difference){
		.subject = s,
		.what = what,
		.kernel = nb_xstrdup(kernel),
		.predicted = nb_xstrdup(predicted),
		.number = number,
		.rule = rule,
	};
}

bool nb_verify_u64(struct nb_verify *v, enum nb_verify_subject s, uint64_t kernel,
		   uint64_t predicted, const char *rule, const char *what, ...)
{
	char k[32], p[32];
	va_list ap;

	s = subject_of(v, s);
	v->row[s].compared++;
	if (kernel == predicted) {
		v->row[s].equal++;
		return true;
	}
	snprintf(k, sizeof(k), "%" PRIu64, kernel);
	snprintf(p, sizeof(p), "%" PRIu64, predicted);
	va_start(ap, what);
	add_difference(v, s, format(v->where, what, ap), k, p, true, rule);
	va_end(ap);
	return false;
}

bool nb_verify_text(struct nb_verify *v, enum nb_verify_subject s, const char *kernel,
		    const char *predicted, const char *rule, const char *what, ...)
{
	va_list ap;

	s = subject_of(v, s);
	v->row[s].compared++;
	if (!strcmp(kernel, predicted)) {
		v->row[s].equal++;
		return true;
	}
	va_start(ap, what);
	add_difference(v, s, format(v->where, what, ap), kernel, predicted, false, rule);
	va_end(ap);
	return false;
}

void nb_verify_skip(struct nb_verify *v, enum nb_verify_subject s, uint64_t count, const char *why,
		    const char *what, ...)
{
	va_list ap;
	size_t i;

	s = subject_of(v, s);
	for (i = 0; i < v->nr_aside; i++) {
		if (v->aside[i].subject == s && !strcmp(v->aside[i].why, why)) {
			v->aside[i].count += count;
			return;
		}
	}
	v->aside = grow(v->aside, v->nr_aside, &v->cap_aside, sizeof(*v->aside));
	va_start(ap, what);
	v->aside[v->nr_aside++] = (struct nb_verify_aside){
		.subject = s, .why = why, .count = count, .first = format(v->where, what, ap)};
	va_end(ap);
}

void nb_verify_absent(struct nb_verify *v, const char *file)
{
	v->absent = grow(v->absent, v->nr_absent, &v->cap_absent, sizeof(*v->absent));
	v->absent[v->nr_absent++] = nb_xstrdup(file);
}

void nb_verify_note(struct nb_verify *v, const char *fmt, ...)
{
	va_list ap;

	v->note = grow(v->note, v->nr_note, &v->cap_note, sizeof(*v->note));
	va_start(ap, fmt);
	v->note[v->nr_note++] = format(NULL, fmt, ap);
	va_end(ap);
}

uint64_t nb_verify_compared(const struct nb_verify *v)
{
	uint64_t n = 0;
	unsigned s;

	for (s = 0; s < NB_VS_NR; s++)
		n += v->row[s].compared;
	return n;
}

uint64_t nb_verify_nr_differences(const struct nb_verify *v)
{
	return v->nr_diff;
}

/* Says which kernel's rules were used, where that is not plain. */
static void note_profile(struct nb_verify *v)
{
	const struct nb_kernel_profile *p = v->machine->profile;

	if (!v->machine->profile_exact)
		nb_verify_note(v, "kernel %s has no profile of its own: the nearest, %s, is used",
			       v->machine->release[0] ? v->machine->release : "(unknown)", p->key);
	if (!v->machine->profile_exact || !p->confirmed[v->machine->arch])
		nb_verify_note(v,
			       "no captured kernel in the tests confirms profile %s for %s on %s: "
			       "all predictions here rest on it",
			       p->key, v->machine->release[0] ? v->machine->release : "this kernel",
			       v->machine->arch_name ? v->machine->arch_name
						     : nb_arch_name(v->machine->arch));
}

static void compare_all(struct nb_verify *v)
{
	const char *note;
	size_t i;

	for (i = 0; (note = nb_capture_note(v->capture, i)); i++)
		nb_verify_note(v, "%s", note);
	note_profile(v);
	nb_verify_settle(v);
	nb_verify_layout(v);
	if (v->obs->has_zoneinfo)
		nb_verify_zoneinfo(v, &v->obs->zoneinfo);
	else
		nb_verify_absent(v, "proc/zoneinfo");
	nb_verify_lists(v);
	nb_verify_nodes(v);
	nb_verify_blocks(v);
	nb_verify_tiers(v);
	nb_verify_free_memory(v);
	nb_verify_sums(v);
	nb_verify_recomputed(v);
	nb_verify_steps(v);
	nb_verify_estimates(v);
}

int nb_verify_run(const struct nb_port *port, const struct nb_machine *m, struct nb_capture *c,
		  struct nb_verify **ret, struct nb_error *err)
{
	struct nb_verify *v = nb_xcalloc(1, sizeof(*v));
	int rc;

	v->port = port;
	v->machine = m;
	v->capture = c;
	v->tree = nb_capture_tree(c);
	v->obs = nb_xcalloc(1, sizeof(*v->obs));
	rc = nb_capture_observed(c, v->obs, err);
	if (!rc)
		rc = nb_system_boot(port, m, NULL, &v->sys, err);
	if (!rc) {
		compare_all(v);
		if (!nb_verify_compared(v))
			rc = nb_error_set(err, -NB_ENOENT, 0,
					  "nothing to compare: proc/zoneinfo, a boot log or "
					  "sys/devices/system/node would be right");
	}
	if (rc) {
		nb_verify_free(v);
		return rc;
	}
	*ret = v;
	return 0;
}

static void free_strings(char **s, size_t n)
{
	while (n)
		free(s[--n]);
	free(s);
}

void nb_verify_free(struct nb_verify *v)
{
	size_t i;

	if (!v)
		return;
	if (v->sys)
		nb_system_shutdown(v->sys);
	nb_observed_release(v->obs);
	free(v->obs);
	for (i = 0; i < v->nr_step_machines; i++)
		nb_machine_free(v->step_machine[i]);
	free(v->step_machine);
	for (i = 0; i < v->nr_diff; i++) {
		free(v->diff[i].what);
		free(v->diff[i].kernel);
		free(v->diff[i].predicted);
	}
	free(v->diff);
	for (i = 0; i < v->nr_aside; i++)
		free(v->aside[i].first);
	free(v->aside);
	free(v->estimate);
	free_strings(v->absent, v->nr_absent);
	free_strings(v->note, v->nr_note);
	free(v);
}
