/* dmesg.c -- a boot log: whatever stands in it, the facts taken are ones that can be. */
#include "read/dmesg.h"
#include <stdlib.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct nb_ranges *l, bool has_node)
{
	for (size_t i = 0; i < l->n; i++) {
		must(l->v[i].start < l->v[i].end);
		must(l->v[i].line > 0);
		must(has_node ? l->v[i].nid >= 0 && l->v[i].nid < NB_MAX_NODES
			      : l->v[i].nid == NB_NO_NODE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_dmesg d;

	nb_dmesg_parse((const char *)data, size, &d);
	check(&d.e820, false);
	check(&d.taken, false);
	check(&d.mirror, false);
	check(&d.reservations.ranges, false);
	for (size_t i = 1; i < d.reservations.ranges.n; i++)
		must(d.reservations.ranges.v[i - 1].end < d.reservations.ranges.v[i].start);
	check(&d.srat, true);
	check(&d.early, true);
	for (size_t i = 0; i < d.nr_cpus; i++)
		must(d.cpus[i].nid >= 0 && d.cpus[i].nid < NB_MAX_NODES);
	for (size_t i = 0; i < d.nr_smp; i++)
		must(d.smp[i].id < NB_MAX_CPUS);
	must(d.page_shift == 0 || d.page_shift == 12 || d.page_shift == 14 || d.page_shift == 16);
	nb_dmesg_release(&d);
	return 0;
}
