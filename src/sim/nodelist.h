/* nodelist.h -- numactl's way of naming nodes and CPUs.
 *
 * Called by touch.c for --membind=, --cpunodebind=, --physcpubind= and their kin.
 *   0-2,5    these        all   all allowed      same   those of the option before
 *   !0       all allowed but these
 *   +0-1     the first two of the allowed ones (numbers count within the allowed set); !+0 too
 * A number that is not allowed is an error; one inside a range is left out, as numactl does.
 * Source: numactl(8); libnuma's numa_parse_nodestring().
 */
#ifndef NB_SIM_NODELIST_H
#define NB_SIM_NODELIST_H

#include <numabox/error.h>
#include <numabox/types.h>

/* Reads `text` into bits[nbits / 64]. `allowed` is what may be named, `before` the set of the
 * option before (NULL: none, then "same" is an error); `what` names the things ("nodes with
 * memory", "CPUs"), `option` the option in messages ("--membind"). 0, or -NB_EINVAL with *err;
 * *bits is set only on success. */
int nb_nodelist_parse(const char *text, const char *option, const char *what,
		      const uint64_t *allowed, const uint64_t *before, uint64_t *bits,
		      unsigned nbits, struct nb_error *err);

#endif
