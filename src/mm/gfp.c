/* gfp.c -- request flags: their zones and types, their names, their numbers in each kernel.
 *
 * Called by the allocator (at boot, for its table), by scenarios and readers that name flags, and
 * by writers that print them. The engine's bits are those of Linux 6.1; kernels from 6.10 on number
 * the bits from ZEROTAGS up differently, and the oldest ones altogether. Source:
 * include/linux/gfp_types.h, include/trace/events/mmflags.h; facts 4.1, 4.2, 12.9.
 */
#include <numabox/gfp.h>

#include "base/fmt.h"

/* Lowest four bits to zone: the highest zone a request may use. -1: no such combination. Source:
 * facts 4.2. */
static const int8_t zone_of_bits[16] = {
	[0x0] = NB_ZONE_NORMAL,
	[0x1] = NB_ZONE_DMA,
	[0x2] = NB_ZONE_HIGHMEM,
	[0x3] = -1,
	[0x4] = NB_ZONE_DMA32,
	[0x5] = -1,
	[0x6] = -1,
	[0x7] = -1,
	[0x8] = NB_ZONE_NORMAL,
	[0x9] = NB_ZONE_DMA,
	[0xa] = NB_ZONE_MOVABLE,
	[0xb] = -1,
	[0xc] = NB_ZONE_DMA32,
	[0xd] = -1,
	[0xe] = -1,
	[0xf] = -1,
};

int nb_gfp_zone(nb_gfp_t gfp, unsigned zones)
{
	int zone = zone_of_bits[gfp & 0xf];

	if (zone < 0)
		return -NB_EINVAL;
	if (zone == NB_ZONE_MOVABLE || (zones >> zone & 1))
		return zone;
	/* A 64-bit kernel without DMA32 (2.6.7 knew no such flag): only DMA surely lies below 4
	 * GiB. Low memory of a 32-bit kernel does anyway. */
	if (zone == NB_ZONE_DMA32 && (zones >> NB_ZONE_DMA & 1) && !(zones >> NB_ZONE_HIGHMEM & 1))
		return NB_ZONE_DMA;
	return NB_ZONE_NORMAL;
}

enum nb_migratetype nb_gfp_migratetype(nb_gfp_t gfp)
{
	unsigned mt = gfp >> 3 & 3;

	return mt < NB_MIGRATE_PCPTYPES ? (enum nb_migratetype)mt : NB_MIGRATE_UNMOVABLE;
}

struct gfp_name {
	const char *name;
	nb_gfp_t gfp;
};

#define GFP_KERNEL_ACCOUNT (NB_GFP_KERNEL | NB_GFP_BIT_ACCOUNT)

/* Names that are printed, composites first. Source: mmflags.h, gfpflag_string. */
static const struct gfp_name printed[] = {
	{"GFP_TRANSHUGE", NB_GFP_TRANSHUGE},
	{"GFP_TRANSHUGE_LIGHT", NB_GFP_TRANSHUGE_LIGHT},
	{"GFP_HIGHUSER_MOVABLE", NB_GFP_HIGHUSER_MOVABLE},
	{"GFP_HIGHUSER", NB_GFP_HIGHUSER},
	{"GFP_USER", NB_GFP_USER},
	{"GFP_KERNEL_ACCOUNT", GFP_KERNEL_ACCOUNT},
	{"GFP_KERNEL", NB_GFP_KERNEL},
	{"GFP_NOFS", NB_GFP_NOFS},
	{"GFP_ATOMIC", NB_GFP_ATOMIC},
	{"GFP_NOIO", NB_GFP_NOIO},
	{"GFP_NOWAIT", NB_GFP_NOWAIT},
	{"GFP_DMA", NB_GFP_BIT_DMA},
	{"__GFP_HIGHMEM", NB_GFP_BIT_HIGHMEM},
	{"GFP_DMA32", NB_GFP_BIT_DMA32},
	{"__GFP_HIGH", NB_GFP_BIT_HIGH},
	{"__GFP_ATOMIC", NB_GFP_BIT_ATOMIC},
	{"__GFP_IO", NB_GFP_BIT_IO},
	{"__GFP_FS", NB_GFP_BIT_FS},
	{"__GFP_NOWARN", NB_GFP_BIT_NOWARN},
	{"__GFP_RETRY_MAYFAIL", NB_GFP_BIT_RETRY_MAYFAIL},
	{"__GFP_NOFAIL", NB_GFP_BIT_NOFAIL},
	{"__GFP_NORETRY", NB_GFP_BIT_NORETRY},
	{"__GFP_COMP", NB_GFP_BIT_COMP},
	{"__GFP_ZERO", NB_GFP_BIT_ZERO},
	{"__GFP_NOMEMALLOC", NB_GFP_BIT_NOMEMALLOC},
	{"__GFP_MEMALLOC", NB_GFP_BIT_MEMALLOC},
	{"__GFP_HARDWALL", NB_GFP_BIT_HARDWALL},
	{"__GFP_THISNODE", NB_GFP_BIT_THISNODE},
	{"__GFP_RECLAIMABLE", NB_GFP_BIT_RECLAIMABLE},
	{"__GFP_MOVABLE", NB_GFP_BIT_MOVABLE},
	{"__GFP_ACCOUNT", NB_GFP_BIT_ACCOUNT},
	{"__GFP_WRITE", NB_GFP_BIT_WRITE},
	{"__GFP_RECLAIM", NB_GFP_RECLAIM},
	{"__GFP_DIRECT_RECLAIM", NB_GFP_BIT_DIRECT_RECLAIM},
	{"__GFP_KSWAPD_RECLAIM", NB_GFP_BIT_KSWAPD_RECLAIM},
	{"__GFP_ZEROTAGS", NB_GFP_BIT_ZEROTAGS},
};

/* Names that are read only: other spellings, and those of 2.4 and 2.6. What a word asked for then
 * is said in today's flags; hints that do nothing any more are 0. */
static const struct gfp_name aliases[] = {
	{"__GFP_DMA", NB_GFP_BIT_DMA},
	{"__GFP_DMA32", NB_GFP_BIT_DMA32},
	{"__GFP_WAIT", NB_GFP_RECLAIM},
	{"__GFP_COLD", 0},
	{"__GFP_REPEAT", NB_GFP_BIT_RETRY_MAYFAIL},
	{"__GFP_NO_GROW", 0},
	{"__GFP_NOTRACK", 0},
	{"__GFP_OTHER_NODE", 0},
	{"__GFP_NO_KSWAPD", 0},
	{"__GFP_KMEMCG", NB_GFP_BIT_ACCOUNT},
	{"__GFP_EMERGENCY", NB_GFP_BIT_MEMALLOC},
	{"__GFP_HIGHIO", NB_GFP_BIT_IO},
	{"__GFP_SKIP_KASAN", 0},
	{"__GFP_SKIP_ZERO", 0},
	{"__GFP_NOLOCKDEP", 0},
	{"__GFP_NO_OBJ_EXT", 0},
	{"GFP_TEMPORARY", NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE},
	{"GFP_IOFS", NB_GFP_BIT_IO | NB_GFP_BIT_FS},
	{"GFP_BUFFER", NB_GFP_NOIO},
	{"GFP_KSWAPD", NB_GFP_KERNEL},
	{"GFP_NFS", NB_GFP_KERNEL},
	{"GFP_THISNODE", NB_GFP_BIT_THISNODE | NB_GFP_BIT_NOWARN | NB_GFP_BIT_NORETRY},
	{"GFP_ZONEMASK", NB_GFP_BIT_DMA | NB_GFP_BIT_HIGHMEM},
};

/* The flag of that name, or -1. */
static int64_t gfp_by_name(const char *s, size_t len)
{
	for (unsigned i = 0; i < sizeof(printed) / sizeof(printed[0]); i++) {
		if (nb_str_is(s, len, printed[i].name))
			return printed[i].gfp;
	}
	for (unsigned i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (nb_str_is(s, len, aliases[i].name))
			return aliases[i].gfp;
	}
	uint64_t v;

	if (len && s[0] >= '0' && s[0] <= '9' && nb_parse_u64(s, len, &v) == 0 && v <= UINT32_MAX)
		return (int64_t)v;
	return -1;
}

int nb_gfp_parse(const char *text, nb_gfp_t *ret_gfp, const char **ret_bad)
{
	const char *s = text;
	nb_gfp_t gfp = 0;

	for (;;) {
		while (*s == ' ')
			s++;
		size_t len = 0, word;

		while (s[len] && s[len] != '|')
			len++;
		for (word = len; word && s[word - 1] == ' ';)
			word--;
		int64_t v = gfp_by_name(s, word);

		if (v < 0) {
			if (ret_bad)
				*ret_bad = s;
			return -NB_EINVAL;
		}
		gfp |= (nb_gfp_t)v;
		if (!s[len])
			break;
		s += len + 1;
	}
	*ret_gfp = gfp;
	return 0;
}

struct out {
	char *buf;
	size_t n, len;
};

static void put(struct out *o, const char *s)
{
	for (; *s; s++, o->len++) {
		if (o->len + 1 < o->n)
			o->buf[o->len] = *s;
	}
}

/* A composite as that kernel defines it. */
static nb_gfp_t printed_gfp(const struct gfp_name *p, const struct nb_kernel_profile *profile)
{
	if (!profile->gfp_atomic_bit && nb_strcmp(p->name, "GFP_ATOMIC") == 0)
		return NB_GFP_ATOMIC & ~(nb_gfp_t)NB_GFP_BIT_ATOMIC;
	if (profile->gfp_nowait_nowarn && nb_strcmp(p->name, "GFP_NOWAIT") == 0)
		return NB_GFP_NOWAIT | NB_GFP_BIT_NOWARN;
	return p->gfp;
}

size_t nb_gfp_format(nb_gfp_t gfp, const struct nb_kernel_profile *profile, char *buf, size_t n)
{
	struct out o = {.buf = buf, .n = n};
	char hex[16];

	if (!profile)
		profile = nb_kernel_at(0);
	if (!profile->gfp_atomic_bit)
		gfp &= ~(nb_gfp_t)NB_GFP_BIT_ATOMIC;
	if (!gfp)
		put(&o, "none");
	for (unsigned i = 0; gfp && i < sizeof(printed) / sizeof(printed[0]); i++) {
		nb_gfp_t mask = printed_gfp(&printed[i], profile);

		if ((gfp & mask) != mask)
			continue;
		if (o.len)
			put(&o, "|");
		put(&o, printed[i].name);
		gfp &= ~mask;
	}
	if (gfp) {
		nb_snprintf(hex, sizeof(hex), "%s%#x", o.len ? "|" : "", gfp);
		put(&o, hex);
	}
	if (n)
		buf[o.len < n ? o.len : n - 1] = '\0';
	return o.len;
}

/* Numbers of one era; what is left out has no meaning here. The zones' bits are the same in all. */
struct gfp_number {
	uint32_t raw;
	nb_gfp_t gfp;
};

/* Bits 4 .. 9 of kernels before 4.4 or so: WAIT, HIGH, IO, FS, COLD, NOWARN, then the hints.
 * Source: include/linux/gfp.h of 2.6.24 and 2.6.7. */
static const struct gfp_number numbers_2_6[] = {
	{0x10, NB_GFP_RECLAIM},
	{0x20, NB_GFP_BIT_HIGH},
	{0x40, NB_GFP_BIT_IO},
	{0x80, NB_GFP_BIT_FS},
	{0x200, NB_GFP_BIT_NOWARN},
	{0x400, NB_GFP_BIT_RETRY_MAYFAIL},
	{0x800, NB_GFP_BIT_NOFAIL},
	{0x1000, NB_GFP_BIT_NORETRY},
	{0x4000, NB_GFP_BIT_COMP},
	{0x8000, NB_GFP_BIT_ZERO},
	{0x10000, NB_GFP_BIT_NOMEMALLOC},
	{0x20000, NB_GFP_BIT_HARDWALL},
	{0x40000, NB_GFP_BIT_THISNODE},
	{0x80000, NB_GFP_BIT_RECLAIMABLE},
	{0x100000, NB_GFP_BIT_MOVABLE},
	{0, 0},
};

static const struct gfp_number numbers_3_10[] = {
	{0x8, NB_GFP_BIT_MOVABLE},
	{0x10, NB_GFP_RECLAIM},
	{0x20, NB_GFP_BIT_HIGH},
	{0x40, NB_GFP_BIT_IO},
	{0x80, NB_GFP_BIT_FS},
	{0x200, NB_GFP_BIT_NOWARN},
	{0x400, NB_GFP_BIT_RETRY_MAYFAIL},
	{0x800, NB_GFP_BIT_NOFAIL},
	{0x1000, NB_GFP_BIT_NORETRY},
	{0x2000, NB_GFP_BIT_MEMALLOC},
	{0x4000, NB_GFP_BIT_COMP},
	{0x8000, NB_GFP_BIT_ZERO},
	{0x10000, NB_GFP_BIT_NOMEMALLOC},
	{0x20000, NB_GFP_BIT_HARDWALL},
	{0x40000, NB_GFP_BIT_THISNODE},
	{0x80000, NB_GFP_BIT_RECLAIMABLE},
	{0x1000000, NB_GFP_BIT_WRITE},
	{0, 0},
};

static const struct gfp_number numbers_4_18[] = {
	{0x8, NB_GFP_BIT_MOVABLE},
	{0x10, NB_GFP_BIT_RECLAIMABLE},
	{0x20, NB_GFP_BIT_HIGH},
	{0x40, NB_GFP_BIT_IO},
	{0x80, NB_GFP_BIT_FS},
	{0x100, NB_GFP_BIT_WRITE},
	{0x200, NB_GFP_BIT_NOWARN},
	{0x400, NB_GFP_BIT_RETRY_MAYFAIL},
	{0x800, NB_GFP_BIT_NOFAIL},
	{0x1000, NB_GFP_BIT_NORETRY},
	{0x2000, NB_GFP_BIT_MEMALLOC},
	{0x4000, NB_GFP_BIT_COMP},
	{0x8000, NB_GFP_BIT_ZERO},
	{0x10000, NB_GFP_BIT_NOMEMALLOC},
	{0x20000, NB_GFP_BIT_HARDWALL},
	{0x40000, NB_GFP_BIT_THISNODE},
	{0x80000, NB_GFP_BIT_ATOMIC},
	{0x100000, NB_GFP_BIT_ACCOUNT},
	{0x200000, NB_GFP_BIT_DIRECT_RECLAIM},
	{0x400000, NB_GFP_BIT_KSWAPD_RECLAIM},
	{0, 0},
};
#define SAME_ZONES (NB_GFP_BIT_DMA | NB_GFP_BIT_HIGHMEM | NB_GFP_BIT_DMA32)

/* NULL: the engine's own. */
static const struct gfp_number *numbers_of(const struct nb_kernel_profile *profile)
{
	switch (profile->gfp_numbers) {
	case NB_GFP_NUMBERS_2_6:
		return numbers_2_6;
	case NB_GFP_NUMBERS_3_10:
		return numbers_3_10;
	case NB_GFP_NUMBERS_4_18:
		return numbers_4_18;
	case NB_GFP_NUMBERS_5_1:
		break;
	}
	return NULL;
}

nb_gfp_t nb_gfp_from_kernel(uint32_t raw, const struct nb_kernel_profile *profile)
{
	const struct gfp_number *n = numbers_of(profile);
	nb_gfp_t gfp = raw & SAME_ZONES;

	if (!n)
		return raw;
	for (; n->raw; n++) {
		if (raw & n->raw)
			gfp |= n->gfp;
	}
	return gfp;
}

uint32_t nb_gfp_to_kernel(nb_gfp_t gfp, const struct nb_kernel_profile *profile)
{
	const struct gfp_number *n = numbers_of(profile);
	uint32_t raw = gfp & SAME_ZONES;

	if (!n) {
		if (!profile->gfp_atomic_bit)
			gfp &= ~(nb_gfp_t)NB_GFP_BIT_ATOMIC;
		return gfp;
	}
	for (; n->raw; n++) {
		if (gfp & n->gfp)
			raw |= n->raw;
	}
	return raw;
}
