/* page_calls.c -- the page allocator's calls beside alloc_pages and free_pages.
 *
 * Thin: single pages, pages of a node, pages by address, exact sizes, splitting. Each comes down to
 * nb_alloc_pages() and nb_free_pages(), and counts what they count. Source: include/linux/gfp.h;
 * mm/page_alloc.c: __get_free_pages(), free_pages(), split_page(), make_alloc_exact(),
 * alloc_pages_exact(), free_pages_exact().
 */
#include <numabox/page_alloc.h>

#include "mm/page_alloc.h"
#include "mm/page_check.h"

/* From then on alloc_pages_exact() gives its surplus to the tails of the free lists; before, one
 * page after the other to the page sets. */
#define EXACT_TO_TAIL_SINCE 6000

nb_pfn_t nb_alloc_pages_node(struct nb_system *sys, int cpu, int nid, nb_gfp_t gfp, unsigned order)
{
	const struct nb_alloc_request rq = {.gfp = gfp, .order = order, .cpu = cpu, .nid = nid};

	return nb_alloc_pages(sys, &rq);
}

nb_pfn_t nb_alloc_page(struct nb_system *sys, int cpu, nb_gfp_t gfp)
{
	return nb_alloc_pages_node(sys, cpu, NB_NO_NODE, gfp, 0);
}

uint64_t nb_get_free_pages(struct nb_system *sys, int cpu, nb_gfp_t gfp, unsigned order)
{
	nb_pfn_t pfn = nb_alloc_pages_node(sys, cpu, NB_NO_NODE,
					   gfp & ~(nb_gfp_t)NB_GFP_BIT_HIGHMEM, order);

	return pfn == NB_NO_PFN ? 0 : nb_page_address(sys, pfn);
}

uint64_t nb_get_free_page(struct nb_system *sys, int cpu, nb_gfp_t gfp)
{
	return nb_get_free_pages(sys, cpu, gfp, 0);
}

uint64_t nb_get_zeroed_page(struct nb_system *sys, int cpu, nb_gfp_t gfp)
{
	return nb_get_free_pages(sys, cpu, gfp | NB_GFP_BIT_ZERO, 0);
}

uint64_t nb_get_dma_pages(struct nb_system *sys, int cpu, nb_gfp_t gfp, unsigned order)
{
	return nb_get_free_pages(sys, cpu, gfp | NB_GFP_BIT_DMA, order);
}

int nb_free_pages_addr(struct nb_system *sys, int cpu, uint64_t addr, unsigned order)
{
	nb_pfn_t pfn;

	if (!addr)
		return 0;
	pfn = nb_address_to_pfn(sys, addr);
	return pfn == NB_NO_PFN ? -NB_EINVAL : nb_free_pages(sys, cpu, pfn, order);
}

int nb_split_page(struct nb_system *sys, nb_pfn_t pfn, unsigned order)
{
	struct nb_zone *z;
	struct nb_page *page = nb_pfn_to_page(sys, pfn, &z);

	if (!page || nb_bad_free(sys, pfn, order) || (nb_page_flags(page) & PG_COMPOUND))
		return -NB_EINVAL;
	/* From the last on: a page that heads a block hides those behind it. */
	for (uint32_t i = 1u << order; i-- > 1;) {
		page[i].refcount = 1;
		page[i].mapcount = 0;
		page[i].mapping = 0;
		page[i].index = 0;
		nb_page_set_flags(page + i, PG_ALLOCATED | z->page_bits);
	}
	nb_page_set_flags(page, nb_page_flags(page) & ~PG_ORDER_MASK);
	return 0;
}

/* Pages that `bytes` take, and the order of a block that holds them. */
static uint64_t pages_of(const struct nb_system *sys, uint64_t bytes, unsigned *ret_order)
{
	uint64_t pages = (bytes >> sys->page_shift) +
			 ((bytes & ((UINT64_C(1) << sys->page_shift) - 1)) != 0);

	*ret_order = 0;
	while (*ret_order < 63 && UINT64_C(1) << *ret_order < pages)
		(*ret_order)++;
	return pages;
}

uint64_t nb_alloc_pages_exact(struct nb_system *sys, int cpu, uint64_t bytes, nb_gfp_t gfp)
{
	unsigned order;
	uint64_t pages = pages_of(sys, bytes, &order), addr;
	struct nb_zone *z;

	if (!pages)
		return 0;
	addr = nb_get_free_pages(sys, cpu, gfp & ~(nb_gfp_t)NB_GFP_BIT_COMP, order);
	if (!addr)
		return 0;
	nb_pfn_t pfn = nb_address_to_pfn(sys, addr);
	struct nb_page *page = nb_pfn_to_page(sys, pfn, &z);

	nb_split_page(sys, pfn, order);
	for (uint64_t i = pages; i < UINT64_C(1) << order; i++) {
		if (sys->profile->version >= EXACT_TO_TAIL_SINCE)
			nb_free_page_to_tail(z, page + i, cpu);
		else
			nb_free_pages(sys, cpu, pfn + i, 0);
	}
	return addr;
}

int nb_free_pages_exact(struct nb_system *sys, int cpu, uint64_t addr, uint64_t bytes)
{
	nb_pfn_t pfn = nb_address_to_pfn(sys, addr);
	unsigned order;
	uint64_t pages = pages_of(sys, bytes, &order);

	if (pfn == NB_NO_PFN || (unsigned)cpu >= sys->nr_cpu_ids || order > sys->max_order)
		return -NB_EINVAL;
	for (uint64_t i = 0; i < pages; i++) {
		if (nb_bad_free(sys, pfn + i, 0)) {
			nb_report_bad_page(sys, cpu, pfn + i, 0, nb_bad_free(sys, pfn + i, 0));
			return -NB_EINVAL;
		}
	}
	for (uint64_t i = 0; i < pages; i++)
		nb_free_pages(sys, cpu, pfn + i, 0);
	return 0;
}
