/* fragmentation.h -- is the free memory of use? numabox's own view of buddyinfo.
 *
 * Callers: show, explain buddyinfo. For each zone: free memory, the share that lies in single
 * pages, the largest free block, and the kernel's two indices per order; then a judgement with its
 * reason.
 */
#ifndef NB_VIEW_FRAGMENTATION_H
#define NB_VIEW_FRAGMENTATION_H

#include "view/buddyinfo.h"

enum nb_frag_verdict {
	NB_FRAG_EMPTY,     /* nothing is free */
	NB_FRAG_GOOD,      /* most free memory serves a huge page */
	NB_FRAG_WORN,      /* huge pages are getting scarce */
	NB_FRAG_SCATTERED, /* a surplus of single pages: the danger sign */
};

struct nb_frag_zone {
	const struct nb_buddyinfo_row *row;
	uint64_t free_pages;
	double single_fraction;        /* of the free pages that are in order-0 blocks, 0..1 */
	double huge_unusable_fraction; /* of the free pages of no use to a pageblock, 0..1 */
	int largest_order;             /* of a free block; -1 none */
	enum nb_frag_verdict verdict;
};

/* `huge_order`: the order that counts as huge (pageblock order; 9 on x86). */
void nb_frag_judge(const struct nb_buddyinfo_row *row, unsigned huge_order,
		   struct nb_frag_zone *ret);
const char *nb_frag_verdict_name(enum nb_frag_verdict v);
void nb_fragmentation_print(const struct nb_buddyinfo *b, unsigned huge_order, unsigned page_kib,
			    struct nb_text *out);
json_t *nb_fragmentation_json(const struct nb_buddyinfo *b, unsigned huge_order, unsigned page_kib);

#endif
