/* numabox/gfp.h -- request flags, in the bits of Linux 6.1.
 *
 * The engine's numbering is 6.1's (facts 4.1); a profile's own numbers are
 * translated where text is read or written (nb_gfp_from_kernel()).
 */
#ifndef NUMABOX_GFP_H
#define NUMABOX_GFP_H

#include <numabox/kernel.h>
#include <numabox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t nb_gfp_t;

enum {
	NB_GFP_BIT_DMA = 0x1,
	NB_GFP_BIT_HIGHMEM = 0x2,
	NB_GFP_BIT_DMA32 = 0x4,
	NB_GFP_BIT_MOVABLE = 0x8,
	NB_GFP_BIT_RECLAIMABLE = 0x10,
	NB_GFP_BIT_HIGH = 0x20,
	NB_GFP_BIT_IO = 0x40,
	NB_GFP_BIT_FS = 0x80,
	NB_GFP_BIT_ZERO = 0x100,
	NB_GFP_BIT_ATOMIC = 0x200, /* gone in 6.3 */
	NB_GFP_BIT_DIRECT_RECLAIM = 0x400,
	NB_GFP_BIT_KSWAPD_RECLAIM = 0x800,
	NB_GFP_BIT_WRITE = 0x1000,
	NB_GFP_BIT_NOWARN = 0x2000,
	NB_GFP_BIT_RETRY_MAYFAIL = 0x4000,
	NB_GFP_BIT_NOFAIL = 0x8000,
	NB_GFP_BIT_NORETRY = 0x10000,
	NB_GFP_BIT_MEMALLOC = 0x20000,
	NB_GFP_BIT_COMP = 0x40000,
	NB_GFP_BIT_NOMEMALLOC = 0x80000,
	NB_GFP_BIT_HARDWALL = 0x100000,
	NB_GFP_BIT_THISNODE = 0x200000,
	NB_GFP_BIT_ACCOUNT = 0x400000,
	NB_GFP_BIT_ZEROTAGS = 0x800000,
};

#define NB_GFP_RECLAIM (NB_GFP_BIT_DIRECT_RECLAIM | NB_GFP_BIT_KSWAPD_RECLAIM)
#define NB_GFP_ATOMIC (NB_GFP_BIT_HIGH | NB_GFP_BIT_ATOMIC | NB_GFP_BIT_KSWAPD_RECLAIM)
#define NB_GFP_KERNEL (NB_GFP_RECLAIM | NB_GFP_BIT_IO | NB_GFP_BIT_FS)
#define NB_GFP_NOWAIT NB_GFP_BIT_KSWAPD_RECLAIM
#define NB_GFP_NOIO NB_GFP_RECLAIM
#define NB_GFP_NOFS (NB_GFP_RECLAIM | NB_GFP_BIT_IO)
#define NB_GFP_USER (NB_GFP_KERNEL | NB_GFP_BIT_HARDWALL)
#define NB_GFP_DMA NB_GFP_BIT_DMA
#define NB_GFP_DMA32 NB_GFP_BIT_DMA32
#define NB_GFP_HIGHUSER (NB_GFP_USER | NB_GFP_BIT_HIGHMEM)
#define NB_GFP_HIGHUSER_MOVABLE (NB_GFP_HIGHUSER | NB_GFP_BIT_MOVABLE)
#define NB_GFP_TRANSHUGE_LIGHT                                                                     \
	((NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP | NB_GFP_BIT_NOMEMALLOC | NB_GFP_BIT_NOWARN) & \
	 ~(nb_gfp_t)NB_GFP_RECLAIM)
#define NB_GFP_TRANSHUGE (NB_GFP_TRANSHUGE_LIGHT | NB_GFP_BIT_DIRECT_RECLAIM)

/* Highest zone a request may use on a kernel that configures `zones` (a mask of
 * nb_arch_zones()), or -NB_EINVAL for an illegal combination. Source: facts 4.2. */
int nb_gfp_zone(nb_gfp_t gfp, unsigned zones);

/* Migrate type of a request: (MOVABLE|RECLAIMABLE) >> 3. Source: facts 4.2. */
enum nb_migratetype nb_gfp_migratetype(nb_gfp_t gfp);

/* Reads "GFP_KERNEL|__GFP_ZERO", either vocabulary (today's and 2.4/2.6's: __GFP_WAIT,
 * __GFP_COLD, __GFP_REPEAT, ...), or a number "0xcc0" (in the engine's bits).
 * 0, or -NB_EINVAL with *ret_bad at the first unknown word. */
int nb_gfp_parse(const char *text, nb_gfp_t *ret_gfp, const char **ret_bad);

/* Writes the flags as %pGg does: composites first, "|" between. Returns the length
 * that the whole text has (cut at n-1 with a final NUL, as snprintf). Source: facts 12.9. */
size_t nb_gfp_format(nb_gfp_t gfp, const struct nb_kernel_profile *profile, char *buf, size_t n);

/* From and to the numbers that a profile's kernel prints. */
nb_gfp_t nb_gfp_from_kernel(uint32_t raw, const struct nb_kernel_profile *profile);
/* The other way: the engine's flags as that kernel numbers them. */
uint32_t nb_gfp_to_kernel(nb_gfp_t gfp, const struct nb_kernel_profile *profile);

#ifdef __cplusplus
}
#endif
#endif
