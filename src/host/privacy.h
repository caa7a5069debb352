/* privacy.h -- what may leave the machine: nothing that names its owner or opens its doors.
 *
 * Called by collect.c on every text that is saved. Rules, stated so that they can be checked:
 *
 *   command line  values of words that sound like a secret (password, token, key, ...), values
 *                 that hold a UUID, a hardware address or an IPv4 address, and host names
 *                 become MASKED; what follows "--" is left out
 *   boot log      only lines about memory, nodes and CPUs are kept; its command lines masked
 *   cpuinfo       lines "Serial" are left out
 *
 * Host names, process lists, addresses of symbols and DMI data are never read in the first place.
 */
#ifndef NB_HOST_PRIVACY_H
#define NB_HOST_PRIVACY_H

#include "base/hosted/text.h"

/* Appends the masked words of a kernel command line. */
void nb_mask_cmdline(const char *line, size_t len, struct nb_text *out);
/* Appends the lines of a boot log that may be kept. */
void nb_filter_log(const char *text, size_t len, struct nb_text *out);
/* Appends cpuinfo without serial numbers. */
void nb_filter_cpuinfo(const char *text, size_t len, struct nb_text *out);

#endif
