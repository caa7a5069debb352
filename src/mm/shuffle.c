/* shuffle.c -- page_alloc.shuffle=1: max-order blocks in random order.
 *
 * Called at the end of nb_boot_free_lists() when the command line asks for it. The kernel's
 * algorithm with the system's seed for its random numbers. Every block becomes an element of its
 * own, so this costs O(blocks) descriptors. Later frees of max-order blocks go to a random end
 * (buddy.c). Source: mm/shuffle.c: __shuffle_zone(); facts 5.4.
 */
#include "mm/boot.h"
#include "mm/buddy.h"
#include "mm/event.h"

#define SHUFFLE_TRIES 10

static void insert_after(struct nb_page *map, struct nb_list *l, struct nb_page *page,
			 nb_link_t after)
{
	if (!after) {
		nb_list_add_head(map, l, page);
		return;
	}
	struct nb_page *prev = nb_link_page(map, after);

	if (!prev->next) {
		nb_list_add_tail(map, l, page);
		return;
	}
	page->prev = after;
	page->next = prev->next;
	nb_link_page(map, prev->next)->prev = nb_page_link(map, page);
	prev->next = nb_page_link(map, page);
}

/* Makes every block of an extent an element, in the same order. */
static bool split_extent(struct nb_zone *z, struct nb_list *l, struct nb_page *head)
{
	unsigned order = z->sys->max_order;
	uint64_t blocks = head->index;
	int64_t step = (head->flags & PG_DESCENDING ? -1 : 1) * (INT64_C(1) << order);
	uint32_t flags = head->flags & ~(uint32_t)(PG_EXTENT | PG_DESCENDING);
	struct nb_page *at = head;

	nb_page_set_flags(head, flags);
	for (uint64_t i = 1; i < blocks; i++) {
		struct nb_page *next = at + step;

		if (!nb_map_commit(z->pgdat, nb_page_dense(z->mem_map, next), 1u << order))
			return false;
		nb_page_set_flags(next, flags);
		insert_after(z->mem_map, l, next, nb_page_link(z->mem_map, at));
		at = next;
	}
	return true;
}

static bool split_extents(struct nb_zone *z, struct nb_list *l)
{
	nb_link_t next;

	for (nb_link_t link = l->first; link; link = next) {
		struct nb_page *page = nb_link_page(z->mem_map, link);

		next = page->next;
		if ((page->flags & PG_EXTENT) && !split_extent(z, l, page))
			return false;
	}
	return true;
}

/* The free max-order block at pfn, or NULL. */
static struct nb_page *free_block(struct nb_zone *z, nb_pfn_t pfn)
{
	struct nb_zone *of;
	struct nb_page *page = nb_pfn_to_page(z->sys, pfn, &of);

	if (!page || of != z || !nb_map_is_committed(z->pgdat, nb_page_dense(z->mem_map, page)))
		return NULL;
	return (page->flags & PG_BUDDY) && nb_page_order(page) == z->sys->max_order ? page : NULL;
}

static void swap_blocks(struct nb_page *map, struct nb_list *l, struct nb_page *a,
			struct nb_page *b)
{
	if (b->next == nb_page_link(map, a)) {
		struct nb_page *t = a;

		a = b;
		b = t;
	}
	nb_link_t before_a = a->prev, before_b = b->prev;

	nb_list_del(map, l, a);
	if (before_b == nb_page_link(map, a)) {
		insert_after(map, l, a, nb_page_link(map, b));
		return;
	}
	nb_list_del(map, l, b);
	insert_after(map, l, a, before_b);
	insert_after(map, l, b, before_a);
}

static void shuffle_zone(struct nb_zone *z)
{
	unsigned order = z->sys->max_order;
	uint64_t pages = UINT64_C(1) << order;

	for (nb_pfn_t pfn = (z->zone_start_pfn + pages - 1) & ~(pages - 1);
	     pfn < nb_zone_end_pfn(z); pfn += pages) {
		struct nb_page *a = free_block(z, pfn), *b = NULL;

		for (unsigned try = 0; a && try < SHUFFLE_TRIES; try++) {
			uint64_t offset = nb_random(&z->rng) % z->spanned_pages;

			b = free_block(z, z->zone_start_pfn + (offset & ~(pages - 1)));
			if (b && b != a)
				break;
			b = NULL;
		}
		if (b && nb_page_mt(a) == nb_page_mt(b))
			swap_blocks(z->mem_map, &z->free_area[order].free_list[nb_page_mt(a)], a,
				    b);
	}
}

bool nb_shuffle_free_lists(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
			if (!split_extents(z, &z->free_area[sys->max_order].free_list[mt]))
				return false;
		}
		if (z->managed_pages)
			shuffle_zone(z);
	}
	return true;
}
