/* types.c -- names of the words in <numabox/types.h>.
 *
 * Called by every floor that prints or reads Linux's text. Constant tables only. Source of the
 * names: mm/page_alloc.c (zone_names, migratetype_names), facts 1.1, 5.1 and 12.6.
 */
#include "base/fmt.h"

#include <numabox/types.h>

static const char *const zone_names[NB_MAX_NR_ZONES] = {
	[NB_ZONE_DMA] = "DMA",         [NB_ZONE_DMA32] = "DMA32",     [NB_ZONE_NORMAL] = "Normal",
	[NB_ZONE_HIGHMEM] = "HighMem", [NB_ZONE_MOVABLE] = "Movable", [NB_ZONE_DEVICE] = "Device",
};

static const char *const migratetype_names[NB_MIGRATE_TYPES] = {
	[NB_MIGRATE_UNMOVABLE] = "Unmovable",
	[NB_MIGRATE_MOVABLE] = "Movable",
	[NB_MIGRATE_RECLAIMABLE] = "Reclaimable",
	[NB_MIGRATE_HIGHATOMIC] = "HighAtomic",
	[NB_MIGRATE_CMA] = "CMA",
	[NB_MIGRATE_ISOLATE] = "Isolate",
};

const char *nb_zone_name(enum nb_zone_type type)
{
	return (unsigned)type < NB_MAX_NR_ZONES ? zone_names[type] : "?";
}

int nb_zone_by_name(const char *name, size_t len)
{
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (nb_str_is(name, len, zone_names[t]))
			return t;
	}
	return -NB_EINVAL;
}

const char *nb_migratetype_name(enum nb_migratetype type)
{
	return (unsigned)type < NB_MIGRATE_TYPES ? migratetype_names[type] : "?";
}

const char *nb_errno_name(int err)
{
	switch (err < 0 ? -(int64_t)err : err) {
	case 0:
		return "0";
	case NB_EPERM:
		return "EPERM";
	case NB_ENOENT:
		return "ENOENT";
	case NB_ESRCH:
		return "ESRCH";
	case NB_EINTR:
		return "EINTR";
	case NB_EIO:
		return "EIO";
	case NB_E2BIG:
		return "E2BIG";
	case NB_EBADF:
		return "EBADF";
	case NB_EAGAIN:
		return "EAGAIN";
	case NB_ENOMEM:
		return "ENOMEM";
	case NB_EACCES:
		return "EACCES";
	case NB_EFAULT:
		return "EFAULT";
	case NB_EBUSY:
		return "EBUSY";
	case NB_EEXIST:
		return "EEXIST";
	case NB_ENODEV:
		return "ENODEV";
	case NB_ENOTDIR:
		return "ENOTDIR";
	case NB_EISDIR:
		return "EISDIR";
	case NB_EINVAL:
		return "EINVAL";
	case NB_EFBIG:
		return "EFBIG";
	case NB_ENOSPC:
		return "ENOSPC";
	case NB_ERANGE:
		return "ERANGE";
	case NB_ENAMETOOLONG:
		return "ENAMETOOLONG";
	case NB_ENOSYS:
		return "ENOSYS";
	case NB_ELOOP:
		return "ELOOP";
	case NB_EOVERFLOW:
		return "EOVERFLOW";
	case NB_EOPNOTSUPP:
		return "EOPNOTSUPP";
	default:
		return "E?";
	}
}
