/* highatomic.c -- pageblocks kept back for high-order requests that cannot wait.
 *
 * Called by page_alloc.c when such a request got its block: the pageblock around it is set aside,
 * up to about 1 % of the zone. slowpath.c gives blocks back to the wanted type before it gives up.
 * Both take the zone's lock. Units: pages. Invariant: nr_reserved_highatomic >= pages of all
 * HIGHATOMIC pageblocks' share, in whole pageblocks. Source: mm/page_alloc.c:
 * reserve_highatomic_pageblock(), unreserve_highatomic_pageblock(); facts 4.7.
 */
#include "mm/buddy.h"
#include "mm/page_alloc.h"

static uint64_t reserved(const struct nb_zone *z)
{
	return atomic_load_explicit(&z->nr_reserved_highatomic, memory_order_relaxed);
}

static void set_reserved(struct nb_zone *z, uint64_t pages)
{
	atomic_store_explicit(&z->nr_reserved_highatomic, pages, memory_order_relaxed);
}

/* Most pages that may be set aside; 0: the zone is too small. */
static uint64_t limit_of(const struct nb_zone *z)
{
	uint64_t block = UINT64_C(1) << z->sys->pageblock_order, percent = z->managed_pages / 100;

	if (!z->sys->profile->claim_whole_block)
		return percent + block;
	return percent < block ? 0 : (percent + block - 1) & ~(block - 1);
}

void nb_reserve_highatomic(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu)
{
	unsigned pageblock_order = z->sys->pageblock_order;
	uint32_t dense = nb_page_dense(z->mem_map, page);
	uint64_t limit = limit_of(z), movable;

	if (reserved(z) >= limit)
		return;
	nb_zone_lock(z, cpu);
	if (reserved(z) >= limit || nb_pageblock_mt(z, dense) >= NB_MIGRATE_PCPTYPES)
		goto out;
	if (order >= pageblock_order && z->sys->profile->claim_whole_block) {
		nb_change_pageblock_range(z, page, order, NB_MIGRATE_HIGHATOMIC);
		set_reserved(z, reserved(z) + (UINT64_C(1) << order));
		goto out;
	}
	if (nb_move_freepages_block(z, page, NB_MIGRATE_HIGHATOMIC, &movable) < 0)
		goto out;
	nb_set_pageblock_mt(z, dense, NB_MIGRATE_HIGHATOMIC);
	set_reserved(z, reserved(z) + (UINT64_C(1) << pageblock_order));
out:
	nb_zone_unlock(z);
}

/* A free block of the reserve that is at least a pageblock. Before 6.10 only its first pageblock
 * changes type. */
static bool unreserve_large(struct nb_zone *z, unsigned order, enum nb_migratetype mt)
{
	struct nb_page *page = nb_free_list_take(z, order, NB_MIGRATE_HIGHATOMIC);

	if (!page)
		return false;
	nb_change_pageblock_range(
		z, page, z->sys->profile->claim_whole_block ? order : z->sys->pageblock_order, mt);
	nb_account_free(z, NB_MIGRATE_HIGHATOMIC, -(INT64_C(1) << order));
	nb_account_free(z, mt, INT64_C(1) << order);
	nb_free_list_add(z, page, order, mt, true);
	return true;
}

/* Gives the pageblock of the first free block of the reserve to `mt`. */
static bool unreserve_one(struct nb_zone *z, enum nb_migratetype mt)
{
	bool whole = z->sys->profile->claim_whole_block;
	unsigned pageblock_order = z->sys->pageblock_order;

	for (unsigned order = 0; order <= z->sys->max_order; order++) {
		nb_link_t first = z->free_area[order].free_list[NB_MIGRATE_HIGHATOMIC].first;
		uint64_t pages = UINT64_C(1)
				 << (whole && order > pageblock_order ? order : pageblock_order);
		uint64_t movable;

		if (!first)
			continue;
		struct nb_page *page = nb_link_page(z->mem_map, first);
		uint32_t dense = nb_page_dense(z->mem_map, page);

		if (whole || nb_pageblock_mt(z, dense) == NB_MIGRATE_HIGHATOMIC)
			set_reserved(z, reserved(z) - (pages < reserved(z) ? pages : reserved(z)));
		if (order >= pageblock_order)
			return unreserve_large(z, order, mt);
		int64_t moved = nb_move_freepages_block(z, page, mt, &movable);

		if (moved >= 0)
			nb_set_pageblock_mt(z, dense, mt);
		return moved > 0;
	}
	return false;
}

bool nb_unreserve_highatomic(struct nb_system *sys, const struct nb_alloc_context *ac, bool force)
{
	uint64_t block = UINT64_C(1) << sys->pageblock_order;
	const struct nb_zoneref *ref;

	for (ref = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		struct nb_zone *z = ref->zone;

		/* The last pageblock stays unless nothing else helps. */
		if (reserved(z) == 0 || (!force && reserved(z) <= block))
			continue;
		nb_zone_lock(z, ac->cpu);
		bool done = unreserve_one(z, ac->migratetype);

		nb_zone_unlock(z);
		if (done)
			return true;
	}
	return false;
}
