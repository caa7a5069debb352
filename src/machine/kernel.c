/* kernel.c -- choosing a kernel profile, and what depends on the architecture alone.
 *
 * Called while a machine is sealed and by boot. The profiles themselves stand in kernel_table.c.
 * Source: facts 1-5, oracle/README.md.
 */
#include "base/fmt.h"
#include "machine/kernel_priv.h"

#define ZONE_BIT(t) (1u << NB_ZONE_##t)

const struct nb_kernel_profile *nb_kernel_at(unsigned i)
{
	return i < nb_kernel_nr_profiles ? &nb_kernel_profiles[i] : NULL;
}

const struct nb_kernel_profile *nb_kernel_by_key(const char *key)
{
	for (unsigned i = 0; i < nb_kernel_nr_profiles; i++) {
		if (nb_strcmp(nb_kernel_profiles[i].key, key) == 0)
			return &nb_kernel_profiles[i];
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
	if (minor > 9)
		minor = 9;
	if (patch > 99)
		patch = 99;
	return 2000 + (unsigned)minor * 100 + (unsigned)(patch < 0 ? 0 : patch);
}

/* Kernels that carry large parts of later versions, by what their release strings hold; '#' is
 * one digit. `as` is the version whose rules such a kernel of `version` follows, 0: its own. */
static const struct {
	const char *mark;
	unsigned version, as;
} vendors[] = {
	{".el6", 2632, 2638}, /* RHEL 6: with transparent huge pages */
	{".el#", 0, 0},       /* RHEL and kin */
	{"uek", 0, 0},        /* Oracle */
	{"-default", 0, 0},   /* SUSE */
	{".oe#", 0, 0},       /* openEuler */
	{".an#", 0, 0},       /* Anolis */
	{".ky#", 0, 0},       /* Kylin */
};

static bool starts_with_mark(const char *s, const char *mark)
{
	for (; *mark; mark++, s++) {
		if (*mark == '#' ? *s < '0' || *s > '9' : *s != *mark)
			return false;
	}
	return true;
}

/* Is the release such a vendor's? *version then becomes the one whose rules it follows. */
static bool is_vendor_backport(const char *release, unsigned *version)
{
	for (; *release; release++) {
		for (unsigned i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
			if (!starts_with_mark(release, vendors[i].mark) ||
			    (vendors[i].version && vendors[i].version != *version))
				continue;
			if (vendors[i].as)
				*version = vendors[i].as;
			return true;
		}
	}
	return false;
}

const struct nb_kernel_profile *nb_kernel_nearest(const char *release, bool *ret_exact)
{
	unsigned version = release ? release_version(release) : 0;
	const struct nb_kernel_profile *best = NULL;
	bool vendor;

	if (!version)
		return NULL;
	vendor = is_vendor_backport(release, &version);
	for (unsigned i = 0; i < nb_kernel_nr_profiles; i++) {
		const struct nb_kernel_profile *p = &nb_kernel_profiles[i];

		if (p->since <= version && (!best || p->since > best->since))
			best = p;
	}
	if (ret_exact)
		*ret_exact = best && best->version == version && !vendor;
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
