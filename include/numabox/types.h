/* numabox/types.h -- the words that every other header speaks.
 *
 * Callers: everybody. Memory: none is allocated here.
 * Units:   a page is the machine's base page (4, 16 or 64 KiB); an order is
 *          log2(pages); a pfn is physical address >> page shift. Names end in
 *          their unit (_pages, _bytes, _kib, _ns) where the type has none.
 * Errors:  functions return 0 or a negative errno with Linux's number (NB_E*);
 *          results come back through ret_*, last, untouched on failure.
 */
#ifndef NUMABOX_TYPES_H
#define NUMABOX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NB_MAX_NODES 1024 /* 1 << NODES_SHIFT of Debian's amd64 kernels */
#define NB_MAX_CPUS 8192
#define NB_NR_ORDERS 14 /* room for arm64 with 64 KiB pages: orders 0..13 */
#define NB_NO_NODE (-1)

/* A page frame number; NB_NO_PFN is no frame. */
typedef uint64_t nb_pfn_t;
#define NB_NO_PFN UINT64_MAX

/* Linux's errno numbers, so that the core needs no libc. Returned negated. */
enum nb_errno {
	NB_EPERM = 1,
	NB_ENOENT = 2,
	NB_ESRCH = 3,
	NB_EINTR = 4,
	NB_EIO = 5,
	NB_E2BIG = 7,
	NB_EBADF = 9,
	NB_EAGAIN = 11,
	NB_ENOMEM = 12,
	NB_EACCES = 13,
	NB_EFAULT = 14,
	NB_EBUSY = 16,
	NB_EEXIST = 17,
	NB_ENODEV = 19,
	NB_ENOTDIR = 20,
	NB_EISDIR = 21,
	NB_EINVAL = 22,
	NB_EFBIG = 27,
	NB_ENOSPC = 28,
	NB_ERANGE = 34,
	NB_ENAMETOOLONG = 36,
	NB_ENOSYS = 38,
	NB_ELOOP = 40,
	NB_EOVERFLOW = 75,
	NB_EOPNOTSUPP = 95,
};

/* Zone classes in the kernel's order. A kernel configures some of them (see
 * struct nb_kernel_profile); the numbering here never changes.
 * Source: include/linux/mmzone.h, enum zone_type; facts 1.1. */
enum nb_zone_type {
	NB_ZONE_DMA,
	NB_ZONE_DMA32,
	NB_ZONE_NORMAL,
	NB_ZONE_HIGHMEM,
	NB_ZONE_MOVABLE,
	NB_ZONE_DEVICE,
	NB_MAX_NR_ZONES
};

/* What may stand in a pageblock. Source: facts 5.1. */
enum nb_migratetype {
	NB_MIGRATE_UNMOVABLE,
	NB_MIGRATE_MOVABLE,
	NB_MIGRATE_RECLAIMABLE,
	NB_MIGRATE_PCPTYPES,
	NB_MIGRATE_HIGHATOMIC = NB_MIGRATE_PCPTYPES,
	NB_MIGRATE_CMA,
	NB_MIGRATE_ISOLATE,
	NB_MIGRATE_TYPES
};

/* The marks of a zone, in pages. Source: facts 2.2. */
enum nb_wmark { NB_WMARK_MIN, NB_WMARK_LOW, NB_WMARK_HIGH, NB_WMARK_PROMO, NB_NR_WMARK };

/* A set of node ids, 0 .. NB_MAX_NODES-1. */
struct nb_nodemask {
	uint64_t bits[NB_MAX_NODES / 64];
};

/* A set of CPU numbers, 0 .. NB_MAX_CPUS-1. */
struct nb_cpumask {
	uint64_t bits[NB_MAX_CPUS / 64];
};

/* Name of a zone as Linux prints it: "DMA", "DMA32", "Normal", "HighMem",
 * "Movable", "Device"; "?" for anything else. */
const char *nb_zone_name(enum nb_zone_type type);

/* The zone of that name (exact case), or -NB_EINVAL. `len` bytes are read. */
int nb_zone_by_name(const char *name, size_t len);

/* Name of a migrate type as pagetypeinfo prints it: "Unmovable", ...; "?". */
const char *nb_migratetype_name(enum nb_migratetype type);

/* Symbolic name of an errno number, either sign: "ENOMEM"; "E?" if unknown. */
const char *nb_errno_name(int err);

#ifdef __cplusplus
}
#endif
#endif
