/* page.h -- from a frame to its descriptor, zone and node, and back.
 *
 * Called by all of src/mm. Constant time: through the section table; a section that mixes
 * zones, nodes or holes costs a binary search over the memory ranges. A descriptor may be read only
 * where nb_map_is_committed() says so; the holder of a page knows.
 */
#ifndef NB_MM_PAGE_H
#define NB_MM_PAGE_H

#include "mm/page_share.h"

#define nb_likely(x) __builtin_expect(!!(x), 1)
#define nb_unlikely(x) __builtin_expect(!!(x), 0)

/* section.c: where the section table does not know. NULL for a hole. */
struct nb_page *nb_section_search(const struct nb_system *sys, nb_pfn_t pfn,
				  struct nb_zone **ret_zone);
/* section.c: pfn of a dense number, by binary search over the node's runs. */
nb_pfn_t nb_dense_to_pfn(const struct nb_pgdat *pgdat, uint32_t dense);
/* section.c: makes descriptors [dense, dense + pages) usable, and the flags of their pageblocks.
 * Idempotent; any thread. false without host memory. */
bool nb_map_commit_slow(struct nb_pgdat *pgdat, uint32_t dense, uint32_t pages);

/* Descriptor and zone of a present frame; NULL for a hole. Reserved frames are present. */
static inline struct nb_page *nb_pfn_to_page(const struct nb_system *sys, nb_pfn_t pfn,
					     struct nb_zone **ret_zone)
{
	uint64_t s = pfn >> sys->section_shift;

	if (nb_unlikely(s >= sys->nr_sections))
		return NULL;
	const struct nb_section *sec = &sys->section[s];
	if (nb_unlikely(!sec->zone))
		return nb_section_search(sys, pfn, ret_zone);
	*ret_zone = sec->zone;
	return (struct nb_page *)(sec->map + pfn * sizeof(struct nb_page));
}

static inline uint32_t nb_page_dense(const struct nb_page *map, const struct nb_page *page)
{
	return (uint32_t)(page - map);
}

static inline nb_link_t nb_page_link(const struct nb_page *map, const struct nb_page *page)
{
	return nb_page_dense(map, page) + 1;
}

/* The page behind a link that is not 0. */
static inline struct nb_page *nb_link_page(struct nb_page *map, nb_link_t link)
{
	return map + (link - 1);
}

static inline nb_pfn_t nb_zone_page_pfn(const struct nb_zone *z, const struct nb_page *page)
{
	uint32_t dense = nb_page_dense(z->mem_map, page);

	if (nb_likely(z->one_run))
		return dense + z->pfn_delta;
	return nb_dense_to_pfn(z->pgdat, dense);
}

static inline bool nb_map_is_committed(const struct nb_pgdat *pgdat, uint32_t dense)
{
	uint32_t step = dense / NB_MAP_STEP_PAGES;

	return atomic_load_explicit(&pgdat->mem_map_committed[step / 64], memory_order_acquire) >>
		       (step % 64) &
	       1;
}

/* section.c: makes the types of the pageblocks of [dense, dense + pages) usable, without
 * descriptors. */
bool nb_pageblock_commit(struct nb_pgdat *pgdat, uint64_t dense, uint64_t pages);

/* Makes the descriptors of a whole max-order block usable. */
static inline bool nb_map_commit(struct nb_pgdat *pgdat, uint32_t dense, uint32_t pages)
{
	if (nb_likely(nb_map_is_committed(pgdat, dense) &&
		      nb_map_is_committed(pgdat, dense + pages - 1)))
		return true;
	return nb_map_commit_slow(pgdat, dense, pages);
}

/* flags of a page that somebody else may own and change: merging looks at buddies, claiming at
 * whole pageblocks. Owners write them through nb_page_set_flags() for the same reason; on one
 * thread both are plain moves. */
static inline uint32_t nb_page_flags(const struct nb_page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED);
}

static inline void nb_page_set_flags(struct nb_page *page, uint32_t flags)
{
	__atomic_store_n(&page->flags, flags, __ATOMIC_RELAXED);
}

static inline unsigned nb_flags_order(uint32_t flags)
{
	return flags & PG_ORDER_MASK;
}

static inline unsigned nb_page_order(const struct nb_page *page)
{
	return nb_flags_order(nb_page_flags(page));
}

static inline enum nb_migratetype nb_page_mt(const struct nb_page *page)
{
	return (enum nb_migratetype)((nb_page_flags(page) & PG_MT_MASK) >> PG_MT_SHIFT);
}

/* Zone of a page that heads a block, from its flags. */
static inline struct nb_zone *nb_page_zone(struct nb_pgdat *pgdat, const struct nb_page *page)
{
	return &pgdat->zone[(nb_page_flags(page) & PG_ZONE_MASK) >> PG_ZONE_SHIFT];
}

/* Migrate type of the pageblock around a dense number whose descriptors are committed. */
static inline enum nb_migratetype nb_pageblock_mt(const struct nb_zone *z, uint32_t dense)
{
	uint32_t i = dense >> z->sys->pageblock_order;

	return (enum nb_migratetype)(
		atomic_load_explicit(&z->pgdat->pageblock_flags[i], memory_order_relaxed) ^
		NB_MIGRATE_MOVABLE);
}

/* The same for any page of the zone, for readers off the hot path. */
static inline enum nb_migratetype nb_pageblock_mt_any(const struct nb_zone *z, uint32_t dense)
{
	uint32_t chunk = (dense >> z->sys->pageblock_order) / 65536;

	if (!nb_bit_test(z->pgdat->pageblock_committed, chunk))
		return NB_MIGRATE_MOVABLE;
	return nb_pageblock_mt(z, dense);
}

/* Retypes one pageblock and keeps the zone's counts. Under the zone's lock. */
void nb_set_pageblock_mt(struct nb_zone *z, uint32_t dense, enum nb_migratetype mt);

/* Lists of pages. A page is on at most one. */
static inline void nb_list_add_head(struct nb_page *map, struct nb_list *l, struct nb_page *page)
{
	nb_link_t link = nb_page_link(map, page);

	page->prev = 0;
	page->next = l->first;
	if (l->first)
		nb_link_page(map, l->first)->prev = link;
	else
		l->last = link;
	l->first = link;
}

static inline void nb_list_add_tail(struct nb_page *map, struct nb_list *l, struct nb_page *page)
{
	nb_link_t link = nb_page_link(map, page);

	page->next = 0;
	page->prev = l->last;
	if (l->last)
		nb_link_page(map, l->last)->next = link;
	else
		l->first = link;
	l->last = link;
}

static inline void nb_list_del(struct nb_page *map, struct nb_list *l, struct nb_page *page)
{
	if (page->prev)
		nb_link_page(map, page->prev)->next = page->next;
	else
		l->first = page->next;
	if (page->next)
		nb_link_page(map, page->next)->prev = page->prev;
	else
		l->last = page->prev;
}

/* Puts `to` where `from` stands. */
static inline void nb_list_replace(struct nb_page *map, struct nb_list *l, struct nb_page *from,
				   struct nb_page *to)
{
	nb_link_t link = nb_page_link(map, to);

	to->prev = from->prev;
	to->next = from->next;
	if (to->prev)
		nb_link_page(map, to->prev)->next = link;
	else
		l->first = link;
	if (to->next)
		nb_link_page(map, to->next)->prev = link;
	else
		l->last = link;
}

#endif
