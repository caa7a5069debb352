/* hwloc_form.h -- machines out of hwloc: synthetic strings and XML exports.
 *
 * Called by machine.c and tests. hwloc 2.x does the parsing, with its own discovery of the host
 * off; node numbers, CPU numbers (PU os_index), memory sizes, packages, dies, cores, last-level
 * caches, the NUMALatency matrix and the Latency/Bandwidth attributes are taken over. hwloc knows
 * sizes and not addresses, so memory is laid out (layout.h).
 */
#ifndef NB_READ_HWLOC_FORM_H
#define NB_READ_HWLOC_FORM_H

#include <numabox/machine.h>

/* Fill an empty machine; do not seal it. 0; -NB_EINVAL or -NB_ERANGE with *err. */
int nb_read_hwloc_synthetic(struct nb_machine *m, const char *text, struct nb_error *err);
int nb_read_hwloc_xml(struct nb_machine *m, const char *xml, size_t len, struct nb_error *err);

#endif
