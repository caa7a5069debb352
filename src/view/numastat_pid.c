/* numastat_pid.c -- the table of `numastat -p PID`, made of a task's numa_maps.
 *
 * Called through numa_maps.h. A line counts as Huge, Heap, Stack or else Private; pages times their
 * size, in MiB with two digits. Source: numactl 2.0.16, numastat.c, show_process_info().
 */
#include "view/numa_maps.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB 1048576.0

static const char *const row_name[NB_NR_PID_ROWS] = {"Huge", "Heap", "Stack", "Private"};

static enum nb_numastat_pid_row row_of(const struct nb_numa_maps_line *l)
{
	if (l->huge)
		return NB_PID_HUGE;
	if (l->heap)
		return NB_PID_HEAP;
	return l->stack ? NB_PID_STACK : NB_PID_PRIVATE;
}

void nb_numastat_pid_from(const struct nb_numa_maps *m, int pid, const char *comm, const int *nids,
			  size_t nr_nodes, unsigned page_bytes, struct nb_numastat_pid *p)
{
	*p = (struct nb_numastat_pid){.pid = pid, .nr_nodes = nr_nodes};
	snprintf(p->comm, sizeof(p->comm), "%s", comm);
	p->nids = nb_xcalloc(nr_nodes + 1, sizeof(*p->nids));
	memcpy(p->nids, nids, nr_nodes * sizeof(*nids));
	p->mb = nb_xcalloc(nr_nodes * NB_NR_PID_ROWS + 1, sizeof(*p->mb));
	for (size_t i = 0; i < m->nr_lines; i++) {
		const struct nb_numa_maps_line *l = &m->lines[i];
		double size = l->kernelpagesize_kib ? (double)l->kernelpagesize_kib * 1024
						    : (double)page_bytes;

		for (size_t k = 0; k < l->nr_nodes; k++)
			for (size_t n = 0; n < nr_nodes; n++)
				if (nids[n] == l->nodes[k].nid)
					p->mb[row_of(l) * nr_nodes + n] +=
						(double)l->nodes[k].pages * size / MIB;
	}
}

void nb_numastat_pid_release(struct nb_numastat_pid *p)
{
	free(p->nids);
	free(p->mb);
	*p = (struct nb_numastat_pid){0};
}

static double total(const struct nb_numastat_pid *p, int row, int node)
{
	double sum = 0;

	for (size_t r = 0; r < NB_NR_PID_ROWS; r++)
		for (size_t n = 0; n < p->nr_nodes; n++)
			if ((row < 0 || (int)r == row) && (node < 0 || (int)n == node))
				sum += p->mb[r * p->nr_nodes + n];
	return sum;
}

static void rule(const struct nb_numastat_pid *p, const char *label, struct nb_text *out)
{
	nb_text_printf(out, "%-17s", label);
	for (size_t n = 0; n <= p->nr_nodes; n++)
		nb_text_puts(out, " ---------------");
	nb_text_puts(out, "\n");
}

static void row(const struct nb_numastat_pid *p, const char *label, int r, struct nb_text *out)
{
	nb_text_printf(out, "%-17s", label);
	for (size_t n = 0; n < p->nr_nodes; n++)
		nb_text_printf(out, "%16.2f", total(p, r, (int)n));
	nb_text_printf(out, "%16.2f\n", total(p, r, -1));
}

void nb_numastat_pid_print(const struct nb_numastat_pid *p, struct nb_text *out)
{
	nb_text_printf(out, "\nPer-node process memory usage (in MBs) for PID %d (%s)\n%-17s",
		       p->pid, p->comm, "");
	for (size_t n = 0; n < p->nr_nodes; n++) {
		char head[24];

		snprintf(head, sizeof(head), "Node %d", p->nids[n]);
		nb_text_printf(out, "%16s", head);
	}
	nb_text_printf(out, "%16s\n", "Total");
	rule(p, "", out);
	for (int r = 0; r < NB_NR_PID_ROWS; r++)
		row(p, row_name[r], r, out);
	rule(p, "----------------", out);
	row(p, "Total", -1, out);
}

/* ---- parser ---- */

/* "1.50": hundredths, so that what is printed comes back the same. */
static bool hundredths(struct nb_cursor *c, double *ret)
{
	uint64_t whole, part;
	const char *at;

	if (!nb_cur_max(c, UINT64_C(1) << 40, &whole) || !nb_cur_lit(c, "."))
		return false;
	at = c->p;
	if (!nb_cur_max(c, 99, &part) || c->p - at != 2)
		return false;
	*ret = (double)whole + (double)part / 100;
	return true;
}

static bool title(struct nb_cursor *c, struct nb_numastat_pid *p)
{
	const char *comm;
	uint64_t pid;
	size_t n;

	if (!nb_cur_lit(c, "Per-node process memory usage (in MBs) for PID ") ||
	    !nb_cur_max(c, INT32_MAX, &pid) || !nb_cur_lit(c, " ("))
		return false;
	comm = c->p;
	n = (size_t)(c->end - comm);
	if (n < 1 || comm[n - 1] != ')' || n > sizeof(p->comm))
		return false;
	p->pid = (int)pid;
	snprintf(p->comm, sizeof(p->comm), "%.*s", (int)n - 1, comm);
	return true;
}

static bool header(struct nb_cursor c, struct nb_numastat_pid *p)
{
	size_t n = 0;

	for (;;) {
		uint64_t nid;

		nb_cur_blanks(&c);
		if (nb_cur_lit(&c, "Total"))
			return n > 0 && nb_cur_end(&c);
		if (n == NB_MAX_NODES || !nb_cur_lit(&c, "Node ") ||
		    !nb_cur_max(&c, NB_MAX_NODES - 1, &nid))
			return false;
		p->nids = nb_xrealloc(p->nids, n + 1, sizeof(*p->nids));
		p->nids[n++] = (int)nid;
		p->nr_nodes = n;
	}
}

static bool values(struct nb_cursor c, struct nb_numastat_pid *p, const char *label, double *to)
{
	double ignored;

	if (!nb_cur_lit(&c, label))
		return false;
	for (size_t n = 0; n < p->nr_nodes; n++)
		if (!nb_cur_blanks(&c) || !hundredths(&c, to ? &to[n] : &ignored))
			return false;
	return nb_cur_blanks(&c) && hundredths(&c, &ignored) && nb_cur_end(&c);
}

static int refuse(const struct nb_scan *sc, struct nb_error *err)
{
	return nb_scan_fail(sc, err, "numastat -p",
			    "its title, a line of nodes, Huge, Heap, Stack, Private, Total");
}

static int table(struct nb_scan *sc, struct nb_numastat_pid *p, struct nb_error *err)
{
	struct nb_cursor c;

	if (!nb_scan_line(sc) || (sc->n == 0 && !nb_scan_line(sc)))
		return refuse(sc, err);
	c = nb_cursor(sc->s, sc->n);
	if (!title(&c, p) || !nb_scan_line(sc) || !header(nb_cursor(sc->s, sc->n), p) ||
	    !nb_scan_line(sc))
		return refuse(sc, err);
	p->mb = nb_xcalloc(p->nr_nodes * NB_NR_PID_ROWS, sizeof(*p->mb));
	for (size_t r = 0; r < NB_NR_PID_ROWS; r++)
		if (!nb_scan_line(sc) ||
		    !values(nb_cursor(sc->s, sc->n), p, row_name[r], &p->mb[r * p->nr_nodes]))
			return refuse(sc, err);
	if (!nb_scan_line(sc) || !nb_scan_line(sc) ||
	    !values(nb_cursor(sc->s, sc->n), p, "Total", NULL))
		return refuse(sc, err);
	return 0;
}

int nb_numastat_pid_parse(const char *text, size_t len, struct nb_numastat_pid *p,
			  struct nb_error *err)
{
	struct nb_scan sc;
	int ret;

	*p = (struct nb_numastat_pid){0};
	ret = nb_scan_begin(&sc, text, len, err);
	if (!ret)
		ret = table(&sc, p, err);
	if (ret)
		nb_numastat_pid_release(p);
	return ret;
}

json_t *nb_numastat_pid_json(const struct nb_numastat_pid *p)
{
	json_t *j = json_object(), *nodes = json_array();

	json_object_set_new(j, "pid", json_integer(p->pid));
	json_object_set_new(j, "comm", nb_json_string(p->comm));
	for (size_t n = 0; n < p->nr_nodes; n++) {
		static const char *const key[NB_NR_PID_ROWS] = {"huge_mib", "heap_mib", "stack_mib",
								"private_mib"};
		json_t *o = json_object();

		json_object_set_new(o, "node", json_integer(p->nids[n]));
		for (size_t r = 0; r < NB_NR_PID_ROWS; r++)
			json_object_set_new(o, key[r], json_real(p->mb[r * p->nr_nodes + n]));
		json_object_set_new(o, "total_mib", json_real(total(p, -1, (int)n)));
		json_array_append_new(nodes, o);
	}
	json_object_set_new(j, "nodes", nodes);
	json_object_set_new(j, "total_mib", json_real(total(p, -1, -1)));
	return j;
}
