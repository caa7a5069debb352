/* formats.h -- sets of the kernels' text formats, for lists that say which kernel prints what.
 *
 * Used by names.c and the *_fill.c files. The enum's own order is that of the profiles' table, not
 * of time, so "since" and "until" are written out here, once.
 */
#ifndef NB_VIEW_FORMATS_H
#define NB_VIEW_FORMATS_H

#include <numabox/kernel.h>

enum nb_formats {
	NB_F_2_6_7 = 1 << NB_TEXT_2_6_7,
	NB_F_2_6_24 = 1 << NB_TEXT_2_6_24,
	NB_F_3_10 = 1 << NB_TEXT_3_10,
	NB_F_4_18 = 1 << NB_TEXT_4_18,
	NB_F_5_4 = 1 << NB_TEXT_5_4,
	NB_F_5_10 = 1 << NB_TEXT_5_10,
	NB_F_5_15 = 1 << NB_TEXT_5_15,
	NB_F_6_1 = 1 << NB_TEXT_6_1,
	NB_F_6_6 = 1 << NB_TEXT_6_6,
	NB_F_6_8 = 1 << NB_TEXT_6_8,
	NB_F_6_12 = 1 << NB_TEXT_6_12,
	NB_F_6_18 = 1 << NB_TEXT_6_18,

	NB_F_FROM_6_12 = NB_F_6_12 | NB_F_6_18,
	NB_F_FROM_6_8 = NB_F_6_8 | NB_F_FROM_6_12,
	NB_F_FROM_6_6 = NB_F_6_6 | NB_F_FROM_6_8,
	NB_F_FROM_6_1 = NB_F_6_1 | NB_F_FROM_6_6,
	NB_F_FROM_5_15 = NB_F_5_15 | NB_F_FROM_6_1,
	NB_F_FROM_5_10 = NB_F_5_10 | NB_F_FROM_5_15,
	NB_F_FROM_5_4 = NB_F_5_4 | NB_F_FROM_5_10,
	NB_F_FROM_4_18 = NB_F_4_18 | NB_F_FROM_5_4,
	NB_F_FROM_3_10 = NB_F_3_10 | NB_F_FROM_4_18,
	NB_F_FROM_2_6_24 = NB_F_2_6_24 | NB_F_FROM_3_10,

	NB_F_TO_2_6_24 = NB_F_2_6_7 | NB_F_2_6_24,
	NB_F_TO_3_10 = NB_F_TO_2_6_24 | NB_F_3_10,
	NB_F_ALL = NB_F_2_6_7 | NB_F_FROM_2_6_24,
};

/* Does that profile's kernel print in one of these formats? */
static inline bool nb_prints(const struct nb_kernel_profile *p, unsigned formats)
{
	return formats >> p->zoneinfo_format & 1;
}

#endif
