/* doctor.c -- runs the checks, and prints what they found.
 *
 * Called by the command `doctor`. To add a check: its function in one of doctor_*.c, its line in
 * doctor_priv.h, its row below, its paragraph in docs/doctor.md.
 */
#include "read/doctor.h"
#include "read/doctor_priv.h"
#include "view/view.h"
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *what;
	void (*fn)(struct nb_doctor *d);
} checks[] = {
	{"low_zones", "zones under their marks while other nodes have memory", nb_check_low_zones},
	{"bound_tasks", "tasks bound to nodes that are short", nb_check_bound_tasks},
	{"imbalance", "one node full, another empty", nb_check_imbalance},
	{"hugepages", "pools of huge pages, node by node", nb_check_hugepages},
	{"min_free", "vm.min_free_kbytes against the machine", nb_check_min_free},
	{"scale_factor", "does kswapd start early enough", nb_check_scale_factor},
	{"fragmentation", "free memory in pieces", nb_check_fragmentation},
	{"distances", "the distance matrix", nb_check_distances},
	{"zone_reclaim", "vm.zone_reclaim_mode", nb_check_zone_reclaim},
	{"page_cache", "page cache that crowds a node's tasks out", nb_check_page_cache},
	{"numa_miss", "pages that came from elsewhere than wanted", nb_check_numa_miss},
	{"topology", "nodes without memory or CPUs, sockets without nodes", nb_check_topology},
	{"kernel_words", "words of the command line that hide memory or nodes",
	 nb_check_kernel_words},
	{"gave_up", "nodes that kswapd has given up", nb_check_gave_up},
	{"movable", "memory that the kernel itself may not use", nb_check_movable},
	{"swap", "swapping while memory is free", nb_check_swap},
	{"slab", "kernel memory that cannot be freed", nb_check_slab},
	{"reports", "failure reports in the kernel's log", nb_check_reports},
};
#define NR_CHECKS (sizeof(checks) / sizeof(checks[0]))

/* ---- findings ---- */

static char *format(const char *fmt, va_list ap)
{
	struct nb_text t = {0};
	char *s;

	nb_text_vprintf(&t, fmt, ap);
	s = nb_xstrdup(nb_text_str(&t));
	nb_text_release(&t);
	return s;
}

void nb_doctor_add(struct nb_doctor *d, enum nb_severity s, int nid, const char *fmt, ...)
{
	struct nb_finding *f;
	va_list ap;

	d->findings = nb_xrealloc(d->findings, d->nr_findings + 1, sizeof(*d->findings));
	f = &d->findings[d->nr_findings++];
	*f = (struct nb_finding){.check = d->check, .severity = s, .nid = nid};
	va_start(ap, fmt);
	f->title = format(fmt, ap);
	va_end(ap);
}

static void append(char ***list, unsigned *n, char *s)
{
	*list = nb_xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = s;
}

void nb_doctor_evidence(struct nb_doctor *d, const char *fmt, ...)
{
	struct nb_finding *f = &d->findings[d->nr_findings - 1];
	va_list ap;

	va_start(ap, fmt);
	append(&f->evidence, &f->nr_evidence, format(fmt, ap));
	va_end(ap);
}

void nb_doctor_try(struct nb_doctor *d, const char *fmt, ...)
{
	struct nb_finding *f = &d->findings[d->nr_findings - 1];
	va_list ap;

	va_start(ap, fmt);
	append(&f->advice, &f->nr_advice, format(fmt, ap));
	va_end(ap);
}

void nb_doctor_skip(struct nb_doctor *d, const char *fmt, ...)
{
	va_list ap;

	d->skipped = nb_xrealloc(d->skipped, d->nr_skipped + 1, sizeof(*d->skipped));
	va_start(ap, fmt);
	d->skipped[d->nr_skipped++] = (struct nb_skipped){d->check, format(fmt, ap)};
	va_end(ap);
}

/* ---- what is seen ---- */

bool nb_seen_zone(const struct nb_doctor *d, size_t i, struct nb_seen_zone *ret)
{
	const struct nb_zoneinfo *zi = &d->obs.zoneinfo;

	for (size_t k = 0; d->obs.has_zoneinfo && k < zi->nr_zones; k++) {
		const struct nb_zoneinfo_zone *z = &zi->zones[k];
		uint64_t present = 0;

		if (!nb_zoneinfo_get(z, NB_ZI_PRESENT, &present) || !present || i--)
			continue;
		*ret = (struct nb_seen_zone){.zone = z};
		nb_zoneinfo_get(z, NB_ZI_FREE, &ret->free);
		nb_zoneinfo_get(z, NB_ZI_MIN, &ret->min);
		nb_zoneinfo_get(z, NB_ZI_LOW, &ret->low);
		nb_zoneinfo_get(z, NB_ZI_HIGH, &ret->high);
		nb_zoneinfo_get(z, NB_ZI_BOOST, &ret->boost);
		ret->managed = present;
		nb_zoneinfo_get(z, NB_ZI_MANAGED, &ret->managed);
		return true;
	}
	return false;
}

int64_t nb_seen_room(const struct nb_doctor *d, int nid)
{
	struct nb_seen_zone z;
	int64_t room = -1;

	for (size_t i = 0; nb_seen_zone(d, i, &z); i++) {
		if (z.zone->nid != nid)
			continue;
		room = room < 0 ? 0 : room;
		if (z.free > z.high)
			room += (int64_t)(z.free - z.high);
	}
	return room;
}

uint64_t nb_node_kib(const struct nb_doctor *d, int nid, const char *name)
{
	const struct nb_observed_node *n = nb_observed_node(&d->obs, nid);
	uint64_t v = NB_UNKNOWN;

	if (n && n->has_meminfo)
		nb_items_get(&n->meminfo.items, name, &v);
	return v;
}

uint64_t nb_seen_vmstat(const struct nb_doctor *d, const char *name)
{
	return d->obs.has_vmstat ? nb_items_value(&d->obs.vmstat.items, name, NB_UNKNOWN)
				 : NB_UNKNOWN;
}

uint64_t nb_seen_numastat(const struct nb_doctor *d, int nid, const char *name)
{
	const struct nb_observed_node *n = nb_observed_node(&d->obs, nid);

	return n && n->has_numastat ? nb_items_value(&n->numastat.items, name, NB_UNKNOWN)
				    : NB_UNKNOWN;
}

double nb_percent(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0.0;
}

/* ---- the run ---- */

static int worse_first(const void *a, const void *b)
{
	const struct nb_finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	return 0;
}

/* Stable, worst first. */
static void sort(struct nb_doctor *d)
{
	for (unsigned i = 1; i < d->nr_findings; i++) {
		struct nb_finding f = d->findings[i];
		unsigned k = i;

		for (; k && worse_first(&d->findings[k - 1], &f) > 0; k--)
			d->findings[k] = d->findings[k - 1];
		d->findings[k] = f;
	}
}

int nb_doctor_run(const struct nb_machine *m, struct nb_capture *c, struct nb_system *sys,
		  struct nb_doctor **ret, struct nb_error *err)
{
	struct nb_doctor *d = nb_xcalloc(1, sizeof(*d));
	int rc;

	d->capture = c;
	d->tree = nb_capture_tree(c);
	d->machine = m;
	d->sys = sys;
	d->page_kib = 1u << (m->page_shift - 10);
	rc = nb_capture_observed(c, &d->obs, err);
	if (rc) {
		nb_doctor_free(d);
		return rc;
	}
	for (size_t i = 0; i < NR_CHECKS; i++) {
		d->check = checks[i].name;
		checks[i].fn(d);
	}
	sort(d);
	*ret = d;
	return 0;
}

void nb_doctor_free(struct nb_doctor *d)
{
	for (unsigned i = 0; i < d->nr_findings; i++) {
		struct nb_finding *f = &d->findings[i];

		for (unsigned k = 0; k < f->nr_evidence; k++)
			free(f->evidence[k]);
		for (unsigned k = 0; k < f->nr_advice; k++)
			free(f->advice[k]);
		free(f->evidence);
		free(f->advice);
		free(f->title);
	}
	for (unsigned i = 0; i < d->nr_skipped; i++)
		free(d->skipped[i].why);
	free(d->skipped);
	free(d->findings);
	nb_observed_release(&d->obs);
	free(d);
}

unsigned nb_doctor_nr_serious(const struct nb_doctor *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->nr_findings; i++)
		n += d->findings[i].severity != NB_SEVERITY_NOTE;
	return n;
}

/* ---- output ---- */

static const char *const severity_name[] = {"note", "warning", "problem"};

static void wrapped(struct nb_text *out, const char *lead, const char *text)
{
	size_t indent = strlen(lead), at = indent;

	nb_text_puts(out, lead);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > indent && at + n + 1 > 98) {
			nb_text_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		if (at > indent) {
			nb_text_puts(out, " ");
			at++;
		}
		nb_text_add(out, text, n);
		at += n;
		text += n;
		text += *text == ' ';
	}
	nb_text_puts(out, "\n");
}

static void print_finding(const struct nb_finding *f, bool colour, struct nb_text *out)
{
	static const char *const style[] = {"\033[1m", "\033[1;33m", "\033[1;31m"};
	struct nb_text lead = {0};

	if (colour)
		nb_text_puts(out, style[f->severity]);
	nb_text_printf(&lead, "%s: ", severity_name[f->severity]);
	wrapped(out, nb_text_str(&lead), f->title);
	if (colour)
		nb_text_puts(out, "\033[0m");
	for (unsigned i = 0; i < f->nr_evidence; i++)
		wrapped(out, "    ", f->evidence[i]);
	for (unsigned i = 0; i < f->nr_advice; i++)
		wrapped(out, "  > ", f->advice[i]);
	nb_text_release(&lead);
}

void nb_doctor_print(const struct nb_doctor *d, bool colour, struct nb_text *out)
{
	unsigned serious = nb_doctor_nr_serious(d);

	for (unsigned i = 0; i < d->nr_findings; i++) {
		print_finding(&d->findings[i], colour, out);
		nb_text_puts(out, "\n");
	}
	nb_text_printf(out, "%zu checks on %s: %u finding%s", NR_CHECKS,
		       d->machine->name ? d->machine->name : "the machine", serious,
		       serious == 1 ? "" : "s");
	if (d->nr_findings > serious)
		nb_text_printf(out, " and %u note%s", d->nr_findings - serious,
			       d->nr_findings - serious == 1 ? "" : "s");
	nb_text_puts(out, "\n");
	for (unsigned i = 0; i < d->nr_skipped; i++)
		nb_text_printf(out, "not looked at: %s (%s)\n", d->skipped[i].check,
			       d->skipped[i].why);
}

static json_t *strings(char *const *v, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, nb_json_string(v[i]));
	return a;
}

json_t *nb_doctor_json(const struct nb_doctor *d)
{
	json_t *j = json_object(), *list = json_array(), *ran = json_array(), *not = json_array();

	json_object_set_new(j, "machine", nb_json_string(d->machine->name));
	for (unsigned i = 0; i < d->nr_findings; i++) {
		const struct nb_finding *f = &d->findings[i];
		json_t *o = json_object();

		json_object_set_new(o, "check", json_string(f->check));
		json_object_set_new(o, "severity", json_string(severity_name[f->severity]));
		if (f->nid != NB_NO_NODE)
			json_object_set_new(o, "node", json_integer(f->nid));
		json_object_set_new(o, "title", nb_json_string(f->title));
		json_object_set_new(o, "evidence", strings(f->evidence, f->nr_evidence));
		json_object_set_new(o, "try", strings(f->advice, f->nr_advice));
		json_array_append_new(list, o);
	}
	json_object_set_new(j, "findings", list);
	for (size_t i = 0; i < NR_CHECKS; i++)
		json_array_append_new(ran, json_pack("{s:s, s:s}", "check", checks[i].name, "about",
						     checks[i].what));
	json_object_set_new(j, "checks", ran);
	for (unsigned i = 0; i < d->nr_skipped; i++)
		json_array_append_new(not, json_pack("{s:s, s:o}", "check", d->skipped[i].check,
						     "why", nb_json_string(d->skipped[i].why)));
	json_object_set_new(j, "not_looked_at", not );
	return j;
}
