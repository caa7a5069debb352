/* numabox/kernel.h -- kernel versions are data.
 *
 * A profile holds everything in which one kernel differs from another, so that
 * no code asks for a version number. Profiles are constant tables
 * (src/machine/kernel.c); one is chosen per machine. Threads: read only.
 */
#ifndef NUMABOX_KERNEL_H
#define NUMABOX_KERNEL_H

#include <numabox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nb_arch {
	NB_ARCH_X86_64,
	NB_ARCH_I386,    /* two-level paging, HIGHMEM4G; no NUMA in Debian's flavour */
	NB_ARCH_I386PAE, /* HIGHMEM64G */
	NB_ARCH_ARM64,
	NB_ARCH_ARM,   /* 32-bit Android-like: Normal and HighMem only */
	NB_ARCH_OTHER, /* zones not modelled: one plain Normal zone a node */
	NB_NR_ARCH
};

/* How the node lists are ordered and loaded. Source: facts 3.2, 3.3. */
enum nb_zonelist_style {
	NB_ZONELIST_ROUND_ROBIN, /* 2.6.7: node+1, node+2, ..., distance ignored */
	NB_ZONELIST_LOAD_OLD,    /* to 5.18: load starts at nr_online_nodes and sinks */
	NB_ZONELIST_LOAD_ONE,    /* load += 1 where the distance changes */
};

/* Auto-tuned per-CPU page sets came with 6.7. Source: facts 5.5. */
enum nb_pcp_style { NB_PCP_FIXED, NB_PCP_AUTO };

/* How a kernel numbers the request flags. Source: include/linux/gfp.h of each. */
enum nb_gfp_numbers {
	NB_GFP_NUMBERS_5_1, /* the engine's own: 5.1 and later */
	NB_GFP_NUMBERS_2_6, /* Movable is 0x100000 */
	NB_GFP_NUMBERS_3_10,
	NB_GFP_NUMBERS_4_18, /* to 5.0 */
};

/* How reserves may be dipped into. Source: facts 2.6. */
enum nb_reserve_style {
	NB_RESERVE_HARDER, /* vanilla to 6.2: ALLOC_HIGH, ALLOC_HARDER */
	NB_RESERVE_FLAGS,  /* 6.3 and Debian's 6.1.y: MIN_RESERVE, NON_BLOCK, OOM */
};

/* Which items the text forms of /proc have, and in which order (src/view/names.c). */
enum nb_text_format {
	NB_TEXT_6_12,
	NB_TEXT_6_1,
	NB_TEXT_6_18,
	NB_TEXT_2_6_24,
	NB_TEXT_2_6_7,
	NB_TEXT_3_10,
	NB_TEXT_4_18, /* to 4.20 */
	NB_TEXT_5_4,
	NB_TEXT_5_10,
	NB_TEXT_5_15,
	NB_TEXT_6_6,
	NB_TEXT_6_8,
	NB_NR_TEXT_FORMATS
};

struct nb_kernel_profile {
	const char *key;  /* "6.12" */
	unsigned version; /* major * 1000 + minor (2.x.y: 2000 + x * 100 + y), for choosing
			     the nearest */
	unsigned since; /* first release, numbered likewise, that is nearer to this profile than to
			   any older one: see nb_kernel_nearest() */
	bool confirmed[NB_NR_ARCH]; /* some capture in the tests confirms it there */

	/* boot and zones */
	unsigned zones_absent;     /* mask of enum nb_zone_type that this kernel did not know yet */
	bool movable_is_highmem;   /* Movable: min = clamp(managed/1024,32,128) always */
	bool memoryless_own_first; /* a memoryless node leads its own zonelist (to 6.6) */
	bool memoryless_hidden;    /* x86 before 4.9: no such node, its CPUs move */
	bool managed_less_memmap;  /* "Total pages" leaves out the mem_map (to 6.11) */
	bool coverage_by_region; /* SRAT dropped if more than 1 MiB is uncovered (6.8); before: from
				    1 MiB on */
	bool mirror_checked;     /* kernelcore=mirror is ignored without mirrored memory (6.3) */
	bool fake_from_first_byte; /* numa=fake starts at the first RAM byte (6.12) */
	enum nb_zonelist_style zonelist_style;
	bool zone_order_option; /* numa_zonelist_order=zone exists (before 4.14) */

	/* watermarks */
	unsigned min_free_kbytes_max; /* upper clamp of the square root, KiB */
	bool thp_zones_all;           /* THP's share counts Movable and HighMem too (before 5.14) */
	unsigned watermark_scale_max; /* greatest watermark_scale_factor */
	bool has_boost;               /* watermark_boost_factor (5.0) */
	bool has_scale_factor;        /* watermark_scale_factor (4.6) */
	bool has_promo;               /* zoneinfo prints promo */
	bool reserve_sparse;          /* empty upper zones reserve 0 instead of the running sum */
	bool has_thp;                 /* transparent huge pages raise min_free_kbytes (2.6.38) */
	bool reserve_floor_one;       /* lowmem_reserve_ratio is at least 1 (before 4.17) */
	bool reserve_of_empty;        /* a zone without pages has a protection too (before 5.8) */
	bool thp_kept_on_hotplug;  /* onlining memory asks khugepaged again (5.10); before, only the
				      square root counts from then on */
	bool thp_off_recalculates; /* THP off takes the square root again (5.16) */
	bool marks_are_multiples;  /* low = 2 min, high = 3 min (to 2.6.16) */
	unsigned min_free_root_factor; /* KiB of low memory times this under the root; 0 is 16 */
	unsigned default_reclaim_distance; /* farther nodes switch zone_reclaim_mode on
					      (before 3.16); 0: never */
	bool no_mobility_grouping;         /* one free list an order (before 2.6.24) */
	bool node_load_kept;               /* node_load goes on from node to node (3.0) */

	/* page sets, requests */
	enum nb_pcp_style pcp_style;
	unsigned pcp_batch_max_kib; /* 1024, 512 before 4.19 */
	unsigned pcp_high_batches;  /* FIXED: high is this many batches (6, before 5.14);
				       0: high is the low mark shared by the node's CPUs */
	bool pcp_before_deferred; /* sized while a node's last zone has one section (before 5.4) */
	bool pcp_orders;          /* lists of orders 1..3 and THP (5.14) */
	bool gfp_atomic_bit;      /* __GFP_ATOMIC exists (4.4 to 6.2) */
	bool gfp_nowait_nowarn;   /* GFP_NOWAIT carries __GFP_NOWARN (6.7) */
	enum nb_gfp_numbers gfp_numbers;
	enum nb_reserve_style reserve_style;
	bool below_high_first;     /* first test the high mark while not BELOW_HIGH (6.7) */
	bool highatomic_free_only; /* watermark leaves out free highatomic pages only */

	/* free lists */
	bool claim_whole_block;  /* 6.10+: a block is claimed whole or pages stay on their list */
	bool deferred_max_order; /* deferred init frees MAX_ORDER chunks (6.12) */
	unsigned memmap_struct_page_bytes;    /* sizeof(struct page), 64-bit */
	unsigned memmap_struct_page_bytes_32; /* the same of the 32-bit kernels */

	/* text formats: see src/view */
	unsigned zoneinfo_format; /* enum nb_text_format: item lists, src/view/names.c */
};

/* The profile of that key ("6.12", "4.18"), or NULL. docs/kernels.md lists them. */
const struct nb_kernel_profile *nb_kernel_by_key(const char *key);

/* The profile whose rules fit a release string ("6.12.113+deb12-amd64", "6.1", "5.14.0-427.el9")
 * best. Each profile owns the releases from its `since` up to the next one's; releases below all
 * get the oldest. A window begins where the rules that figures follow change, so some releases
 * belong to a later profile (5.0 to 5.4, whose boost and batches it has). RHEL 6's kernel carries
 * transparent huge pages and counts as 2.6.38. *ret_exact (may be NULL) says whether that version
 * itself is a profile; kernels of vendors that carry large parts of later versions (RHEL and kin,
 * UEK, SLES, openEuler, Anolis, Kylin) are never exact. NULL when no number can be read. */
const struct nb_kernel_profile *nb_kernel_nearest(const char *release, bool *ret_exact);

/* The `i`th profile from 0, or NULL past the end; the default stands first. */
const struct nb_kernel_profile *nb_kernel_at(unsigned i);

/* Which zones the architecture's kernels configure, bit = enum nb_zone_type. */
unsigned nb_arch_zones(enum nb_arch arch);

/* The same for one kernel: those without the zones that it did not know yet (DMA32 came with
 * 2.6.15, Movable with 2.6.23, Device with 4.5). */
unsigned nb_kernel_zones(const struct nb_kernel_profile *profile, enum nb_arch arch);

/* Highest buddy order (10 with 4 KiB pages, 11 with arm64's 16 KiB, 13 with 64 KiB). */
unsigned nb_arch_max_order(enum nb_arch arch, unsigned page_shift);

/* log2(pages) of a pageblock: the PMD huge page, or the highest order without one. */
unsigned nb_arch_pageblock_order(enum nb_arch arch, unsigned page_shift);

/* "x86_64", "i386" (both), "arm64", "arm", "other". */
const char *nb_arch_name(enum nb_arch arch);

#ifdef __cplusplus
}
#endif
#endif
