/* mask.h -- node and CPU sets, and the list form "0-3,8" that Linux prints them in.
 *
 * Called by every floor. Both mask types are arrays of uint64_t words, bit i of
 * word i / 64; the nb_bits_*() functions work on either through (bits, nbits).
 */
#ifndef NB_BASE_MASK_H
#define NB_BASE_MASK_H

#include <numabox/types.h>

static inline bool nb_bit_test(const uint64_t *bits, unsigned i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static inline void nb_bit_set(uint64_t *bits, unsigned i)
{
	bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void nb_bit_clear(uint64_t *bits, unsigned i)
{
	bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* First set bit at or after `from`, or nbits. nbits is a multiple of 64. */
unsigned nb_bits_next(const uint64_t *bits, unsigned nbits, unsigned from);
unsigned nb_bits_weight(const uint64_t *bits, unsigned nbits);
bool nb_bits_empty(const uint64_t *bits, unsigned nbits);

/* Prints "0-3,8" (nothing for an empty set), NUL-terminated, cut at n - 1.
 * Returns the length of the whole text. Source: lib/vsprintf.c, %*pbl. */
size_t nb_bits_format_list(const uint64_t *bits, unsigned nbits, char *buf, size_t n);

/* Reads the list form, "all" excluded; blanks and a final newline may surround it; an empty
 * text is the empty set. 0; -NB_EINVAL for bad syntax or a descending range; -NB_ERANGE
 * for a number >= nbits. *bits is set only on success. */
int nb_bits_parse_list(const char *text, size_t len, uint64_t *bits, unsigned nbits);

#define nb_nodemask_test(m, i) nb_bit_test((m)->bits, (unsigned)(i))
#define nb_nodemask_set(m, i) nb_bit_set((m)->bits, (unsigned)(i))
#define nb_nodemask_clear(m, i) nb_bit_clear((m)->bits, (unsigned)(i))
#define nb_nodemask_next(m, from) nb_bits_next((m)->bits, NB_MAX_NODES, (unsigned)(from))
#define nb_nodemask_weight(m) nb_bits_weight((m)->bits, NB_MAX_NODES)
#define nb_nodemask_empty(m) nb_bits_empty((m)->bits, NB_MAX_NODES)
#define nb_cpumask_test(m, i) nb_bit_test((m)->bits, (unsigned)(i))
#define nb_cpumask_set(m, i) nb_bit_set((m)->bits, (unsigned)(i))
#define nb_cpumask_clear(m, i) nb_bit_clear((m)->bits, (unsigned)(i))
#define nb_cpumask_next(m, from) nb_bits_next((m)->bits, NB_MAX_CPUS, (unsigned)(from))
#define nb_cpumask_weight(m) nb_bits_weight((m)->bits, NB_MAX_CPUS)
#define nb_cpumask_empty(m) nb_bits_empty((m)->bits, NB_MAX_CPUS)

#define nb_for_each_node_in(i, m) \
	for ((i) = nb_nodemask_next(m, 0); (i) < NB_MAX_NODES; (i) = nb_nodemask_next(m, (i) + 1))
#define nb_for_each_cpu_in(i, m) \
	for ((i) = nb_cpumask_next(m, 0); (i) < NB_MAX_CPUS; (i) = nb_cpumask_next(m, (i) + 1))

#endif
