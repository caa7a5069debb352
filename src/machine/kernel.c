/* kernel.c -- the kernel profiles, and what depends on the architecture alone.
 *
 * Called while a machine is sealed and by boot. Constant tables: a new version is a new entry here,
 * never an if elsewhere. 6.12, 6.1 and 6.18 were compared with captured kernels (the `confirmed`
 * column); 2.6.24 and 2.6.7 rest on documents of their time. Source: facts 1-5, oracle/README.md.
 */
#include "base/fmt.h"

#include <numabox/kernel.h>

#define ZONE_BIT(t) (1u << NB_ZONE_##t)

static const struct nb_kernel_profile profiles[] = {
	{
		.key = "6.12",
		.version = 6012,
		.confirmed = {[NB_ARCH_X86_64] = true, [NB_ARCH_ARM64] = true},
		.movable_is_highmem = true,
		.coverage_by_region = true,
		.mirror_checked = true,
		.fake_from_first_byte = true,
		.zonelist_style = NB_ZONELIST_LOAD_ONE,
		.node_load_kept = true,
		.min_free_kbytes_max = 262144,
		.has_thp = true,
		.watermark_scale_max = 3000,
		.has_boost = true,
		.has_scale_factor = true,
		.has_promo = true,
		.pcp_style = NB_PCP_AUTO,
		.pcp_batch_max_kib = 1024,
		.pcp_orders = true,
		.gfp_nowait_nowarn = true,
		.reserve_style = NB_RESERVE_FLAGS,
		.below_high_first = true,
		.highatomic_free_only = true,
		.claim_whole_block = true,
		.deferred_max_order = true,
		.memmap_struct_page_bytes = 64,
		.memmap_struct_page_bytes_32 = 40,
		.zoneinfo_format = 0,
	},
	{
		.key = "6.1",
		.version = 6001,
		.confirmed =
			{[NB_ARCH_X86_64] = true, [NB_ARCH_I386] = true, [NB_ARCH_I386PAE] = true},
		.memoryless_own_first = true,
		.managed_less_memmap = true,
		.zonelist_style = NB_ZONELIST_LOAD_ONE,
		.node_load_kept = true,
		.min_free_kbytes_max = 262144,
		.has_thp = true,
		.watermark_scale_max = 3000,
		.has_boost = true,
		.has_scale_factor = true,
		.pcp_style = NB_PCP_FIXED,
		.pcp_batch_max_kib = 1024,
		.pcp_orders = true,
		.gfp_atomic_bit = true,
		.reserve_style = NB_RESERVE_FLAGS,
		.memmap_struct_page_bytes = 64,
		.memmap_struct_page_bytes_32 = 40,
		.zoneinfo_format = 1,
	},
	{
		.key = "6.18",
		.version = 6018,
		.confirmed = {[NB_ARCH_X86_64] = true},
		.movable_is_highmem = true,
		.coverage_by_region = true,
		.mirror_checked = true,
		.fake_from_first_byte = true,
		.zonelist_style = NB_ZONELIST_LOAD_ONE,
		.node_load_kept = true,
		.min_free_kbytes_max = 262144,
		.has_thp = true,
		.watermark_scale_max = 3000,
		.has_boost = true,
		.has_scale_factor = true,
		.has_promo = true,
		.pcp_style = NB_PCP_AUTO,
		.pcp_batch_max_kib = 1024,
		.pcp_orders = true,
		.gfp_nowait_nowarn = true,
		.reserve_style = NB_RESERVE_FLAGS,
		.below_high_first = true,
		.highatomic_free_only = true,
		.claim_whole_block = true,
		.deferred_max_order = true,
		.memmap_struct_page_bytes = 64,
		.memmap_struct_page_bytes_32 = 40,
		.zoneinfo_format = 2,
	},
	{
		.key = "2.6.24",
		.version = 2624,
		.zones_absent = ZONE_BIT(DEVICE),
		.memoryless_own_first = true,
		.memoryless_hidden = true,
		.managed_less_memmap = true,
		.zonelist_style = NB_ZONELIST_LOAD_OLD,
		.zone_order_option = true,
		.min_free_kbytes_max = 65536,
		.reserve_floor_one = true,
		.default_reclaim_distance = 20,
		.pcp_style = NB_PCP_FIXED,
		.pcp_batch_max_kib = 512,
		.pcp_high_batches = 6,
		.gfp_old_numbers = true,
		.reserve_style = NB_RESERVE_HARDER,
		.memmap_struct_page_bytes = 56,
		.memmap_struct_page_bytes_32 = 32,
		.zoneinfo_format = 3,
	},
	{
		.key = "2.6.7",
		.version = 2607,
		.zones_absent = ZONE_BIT(DMA32) | ZONE_BIT(MOVABLE) | ZONE_BIT(DEVICE),
		.memoryless_own_first = true,
		.memoryless_hidden = true,
		.managed_less_memmap = true,
		.zonelist_style = NB_ZONELIST_ROUND_ROBIN,
		.min_free_kbytes_max = 16384,
		.reserve_floor_one = true,
		.marks_are_multiples = true,
		.min_free_root_factor = 1,
		.no_mobility_grouping = true,
		.pcp_style = NB_PCP_FIXED,
		.pcp_batch_max_kib = 512,
		.pcp_high_batches = 6,
		.gfp_old_numbers = true,
		.reserve_style = NB_RESERVE_HARDER,
		.memmap_struct_page_bytes = 56,
		.memmap_struct_page_bytes_32 = 32,
		.zoneinfo_format = 4,
	},
};

#define NR_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

const struct nb_kernel_profile *nb_kernel_at(unsigned i)
{
	return i < NR_PROFILES ? &profiles[i] : NULL;
}

const struct nb_kernel_profile *nb_kernel_by_key(const char *key)
{
	for (unsigned i = 0; i < NR_PROFILES; i++) {
		if (nb_strcmp(profiles[i].key, key) == 0)
			return &profiles[i];
	}
	return NULL;
}

/* One number of a release string and the dot after it; -1: no number here. */
static int release_part(const char **s)
{
	int v = 0;

	if (**s < '0' || **s > '9')
		return -1;
	for (; **s >= '0' && **s <= '9'; ++*s) {
		if (v < 100000)
			v = v * 10 + (**s - '0');
	}
	if (**s == '.')
		++*s;
	return v;
}

/* Version number of struct nb_kernel_profile out of a release string; 0: none. */
static unsigned release_version(const char *s)
{
	int major = release_part(&s), minor = release_part(&s), patch;

	if (major < 0)
		return 0;
	if (minor < 0)
		minor = 0;
	if (major != 2)
		return (unsigned)major * 1000 + (unsigned)(minor > 999 ? 999 : minor);
	patch = release_part(&s);
	return 2000 + (unsigned)minor * 100 + (unsigned)(patch < 0 ? 0 : patch);
}

/* Kernels that carry large parts of later versions: RHEL and its kin, Oracle's UEK, SLES. */
static bool is_vendor_backport(const char *release)
{
	for (; *release; release++) {
		if (nb_strncmp(release, ".el", 3) == 0 && release[3] >= '0' && release[3] <= '9')
			return true;
		if (nb_strcmp(release, "-default") == 0 || nb_strncmp(release, "uek", 3) == 0)
			return true;
	}
	return false;
}

const struct nb_kernel_profile *nb_kernel_nearest(const char *release, bool *ret_exact)
{
	unsigned version = release ? release_version(release) : 0;
	const struct nb_kernel_profile *best = NULL, *lowest = &profiles[0];

	if (!version)
		return NULL;
	for (unsigned i = 0; i < NR_PROFILES; i++) {
		const struct nb_kernel_profile *p = &profiles[i];

		if (p->version < lowest->version)
			lowest = p;
		if (p->version <= version && (!best || p->version > best->version))
			best = p;
	}
	if (!best)
		best = lowest;
	if (ret_exact)
		*ret_exact = best->version == version && !is_vendor_backport(release);
	return best;
}

unsigned nb_arch_zones(enum nb_arch arch)
{
	switch (arch) {
	case NB_ARCH_X86_64:
	case NB_ARCH_ARM64:
		return ZONE_BIT(DMA) | ZONE_BIT(DMA32) | ZONE_BIT(NORMAL) | ZONE_BIT(MOVABLE) |
		       ZONE_BIT(DEVICE);
	case NB_ARCH_I386:
	case NB_ARCH_I386PAE:
		return ZONE_BIT(DMA) | ZONE_BIT(NORMAL) | ZONE_BIT(HIGHMEM) | ZONE_BIT(MOVABLE);
	case NB_ARCH_ARM:
		return ZONE_BIT(NORMAL) | ZONE_BIT(HIGHMEM) | ZONE_BIT(MOVABLE);
	default:
		return ZONE_BIT(NORMAL) | ZONE_BIT(MOVABLE);
	}
}

unsigned nb_kernel_zones(const struct nb_kernel_profile *profile, enum nb_arch arch)
{
	return nb_arch_zones(arch) & ~profile->zones_absent;
}

unsigned nb_arch_max_order(enum nb_arch arch, unsigned page_shift)
{
	if (arch == NB_ARCH_ARM64 && page_shift == 14)
		return 11;
	if (arch == NB_ARCH_ARM64 && page_shift == 16)
		return 13;
	return 10;
}

unsigned nb_arch_pageblock_order(enum nb_arch arch, unsigned page_shift)
{
	switch (arch) {
	case NB_ARCH_X86_64:
	case NB_ARCH_I386PAE:
		return 9;
	case NB_ARCH_ARM64:
		/* A PMD maps a page of entries of 8 bytes: order page_shift - 3. */
		return page_shift - 3 < nb_arch_max_order(arch, page_shift)
			       ? page_shift - 3
			       : nb_arch_max_order(arch, page_shift);
	default:
		return nb_arch_max_order(arch, page_shift);
	}
}

const char *nb_arch_name(enum nb_arch arch)
{
	switch (arch) {
	case NB_ARCH_X86_64:
		return "x86_64";
	case NB_ARCH_I386:
	case NB_ARCH_I386PAE:
		return "i386";
	case NB_ARCH_ARM64:
		return "arm64";
	case NB_ARCH_ARM:
		return "arm";
	default:
		return "other";
	}
}
