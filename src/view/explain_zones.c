/* explain_zones.c -- `explain zones`: how physical memory is cut into zones; `explain pfn`: what a
 * frame number says by itself, and where that frame lies.
 *
 * Zone limits are the architecture's, clamped to the memory that is there; a node's part of a zone
 * is where the two overlap. Source: facts 1.1 to 1.3.
 */
#include "base/mask.h"
#include "view/explain.h"
#include "view/summary.h"
#include "view/view.h"
#include <inttypes.h>

static const char *why_zone(const struct nb_system_info *info, int t)
{
	switch (t) {
	case NB_ZONE_DMA:
		return info->arch == NB_ARCH_ARM64 ? "what the narrowest device reaches"
						   : "the first 16 MiB, all that ISA devices reach";
	case NB_ZONE_DMA32:
		return "up to 4 GiB, all that a 32-bit device reaches; it begins where DMA ends, a "
		       "DMA32 request may use both";
	case NB_ZONE_NORMAL:
		return info->arch == NB_ARCH_I386 || info->arch == NB_ARCH_I386PAE
			       ? "what the kernel maps directly on a 32-bit machine"
			       : "all above";
	case NB_ZONE_HIGHMEM:
		return "what a 32-bit kernel cannot map all the time";
	default:
		return "";
	}
}

static void limits(const struct nb_explain_ask *a, const struct nb_system_info *info,
		   struct nb_sheet *s)
{
	nb_sheet_heading(s, "Zone limits of %s", nb_arch_name(info->arch));
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		nb_pfn_t lo = info->zone_low_pfn[t], hi = info->zone_high_pfn[t];
		struct nb_words w = {0};

		if (!(info->zones >> t & 1) || t >= NB_ZONE_MOVABLE)
			continue;
		if (lo >= hi) {
			nb_sheet_step(s, "%s: none on this machine (%s).",
				      nb_zone_name((enum nb_zone_type)t), why_zone(info, t));
			continue;
		}
		nb_sheet_step(s,
			      "%s: addresses 0x%" PRIx64 " to 0x%" PRIx64 ", frames %" PRIu64
			      " to %" PRIu64 ": %s - %s = %s (%s).",
			      nb_zone_name((enum nb_zone_type)t), lo << info->page_shift,
			      (hi << info->page_shift) - 1, lo, hi - 1,
			      nb_bytes(&w, hi << info->page_shift),
			      nb_bytes(&w, lo << info->page_shift), nb_pages(&w, a->sys, hi - lo),
			      why_zone(info, t));
	}
}

/* Memory as the kernel has it, and the holes below its end. */
static void holes(const struct nb_explain_ask *a, const struct nb_system_info *info,
		  struct nb_sheet *s)
{
	json_t *list = json_array();
	unsigned n;
	const struct nb_mem_range *r = nb_system_memblock(a->sys, &n);
	uint64_t end = 0, missing = 0;

	nb_sheet_heading(s, "Where memory is");
	for (unsigned i = 0; i < n; i++) {
		struct nb_words w = {0};

		if (r[i].start > end) {
			json_t *o = json_object();

			nb_sheet_note(s,
				      "hole   0x%09" PRIx64 " to 0x%09" PRIx64 ": %s without RAM",
				      end, r[i].start - 1, nb_bytes(&w, r[i].start - end));
			nb_put_u64(o, "start", end);
			nb_put_u64(o, "end", r[i].start);
			json_array_append_new(list, o);
			missing += r[i].start - end;
		}
		nb_sheet_note(s, "node %d 0x%09" PRIx64 " to 0x%09" PRIx64 ": %s%s", r[i].nid,
			      r[i].start, r[i].end - 1, nb_bytes(&w, r[i].end - r[i].start),
			      r[i].flags & NB_RANGE_HOTADDED ? ", added after boot" : "");
		if (r[i].end > end)
			end = r[i].end;
	}
	json_object_set_new(s->root, "holes", list);
	if (missing) {
		struct nb_words w = {0};

		nb_sheet_note(
			s,
			"So memory ends at %s although there is less of it: RAM that would lie "
			"in the hole stands above it.",
			nb_bytes(&w, end));
	}
	(void)info;
}

static void one_zone(const struct nb_explain_ask *a, const struct nb_system_info *info,
		     const struct nb_zone_info *z, struct nb_sheet *s, json_t *zones)
{
	uint64_t absent = z->spanned_pages - z->present_pages;
	nb_pfn_t end = z->start_pfn + z->spanned_pages;
	json_t *o = json_object();
	struct nb_words w = {0};

	nb_sheet_step(s,
		      "Node %d %s: frames %" PRIu64 " to %" PRIu64 " (0x%" PRIx64 " to 0x%" PRIx64
		      "): spanned %" PRIu64 ", less %" PRIu64 " in holes = present %" PRIu64
		      ", of which the kernel manages %s%s.",
		      z->nid, nb_zone_name(z->type), z->start_pfn, end - 1,
		      z->start_pfn << info->page_shift, (end << info->page_shift) - 1,
		      z->spanned_pages, absent, z->present_pages,
		      nb_pages(&w, a->sys, z->managed_pages),
		      z->managed_source == NB_SOURCE_ESTIMATED ? " (estimated)" : "");
	nb_put_i64(o, "node", z->nid);
	nb_put_str(o, "zone", nb_zone_name(z->type));
	nb_put_u64(o, "start_pfn", z->start_pfn);
	nb_put_u64(o, "end_pfn", end);
	nb_put_u64(o, "start", z->start_pfn << info->page_shift);
	nb_put_u64(o, "end", end << info->page_shift);
	nb_put_u64(o, "spanned_pages", z->spanned_pages);
	nb_put_u64(o, "absent_pages", absent);
	nb_put_u64(o, "present_pages", z->present_pages);
	nb_put_u64(o, "managed_pages", z->managed_pages);
	json_array_append_new(zones, o);
}

/* DMA and DMA32 belong to whoever has memory below 4 GiB. */
static void low_nodes(const struct nb_explain_ask *a, const struct nb_system_info *info,
		      struct nb_sheet *s)
{
	unsigned with = 0, n = nb_system_nr_nodes(a->sys);

	if (n < 2 || !(info->zones & 1u << NB_ZONE_DMA32))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct nb_zone_info z;

		if (!nb_zone_info(a->sys, nb_system_node_id(a->sys, i), NB_ZONE_DMA32, &z))
			with += z.populated;
	}
	if (with)
		nb_sheet_note(
			s,
			"%u of %u nodes %s a DMA32 zone: those with memory below 4 GiB. A node "
			"that lies wholly above has Normal alone.",
			with, n, with == 1 ? "has" : "have");
}

int nb_explain_zones(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	struct nb_system_info info;
	json_t *zones = json_array();
	uint64_t present = 0, managed = 0;
	struct nb_words w = {0};

	(void)err;
	nb_system_info(a->sys, &info);
	json_object_set_new(s->root, "zones", zones);
	holes(a, &info, s);
	limits(a, &info, s);
	nb_sheet_heading(s, "Each node's part");
	for (unsigned i = 0; i < nb_system_nr_nodes(a->sys); i++) {
		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone_info z;

			if (nb_zone_info(a->sys, nb_system_node_id(a->sys, i), (enum nb_zone_type)t,
					 &z) ||
			    !z.populated)
				continue;
			one_zone(a, &info, &z, s, zones);
			present += z.present_pages;
			managed += z.managed_pages;
		}
	}
	low_nodes(a, &info, s);
	nb_sheet_heading(s, "Does it add up?");
	nb_sheet_step(s, "All zones together: %s present, %" PRIu64 " managed.",
		      nb_pages(&w, a->sys, present), managed);
	nb_sheet_step(
		s,
		"%s / %u KiB = %" PRIu64 " pages: %s. What is present but not managed holds the "
		"kernel, its memory map (a struct page each) and what boot reserved.",
		nb_bytes(&w, info.present_pages << info.page_shift), 1u << (info.page_shift - 10),
		info.present_pages, present == info.present_pages ? "equal" : "NOT equal");
	nb_put_u64(s->root, "present_pages", present);
	nb_put_u64(s->root, "managed_pages", managed);
	nb_put_u64(s->root, "page_kib", 1u << (info.page_shift - 10));
	return 0;
}

/* ---- pfn ---- */

static unsigned bits_of(uint64_t x)
{
	unsigned n = 0;

	for (; x; x >>= 1)
		n++;
	return n;
}

static void alignment(const struct nb_system_info *info, nb_pfn_t pfn, struct nb_sheet *s,
		      json_t *o)
{
	unsigned order = 0;
	json_t *buddies = json_array();
	struct nb_text list = {0};

	while (order < info->max_order && !(pfn >> order & 1))
		order++;
	nb_sheet_step(s,
		      "The number ends in %u zero bits%s: it may begin a block of up to order %u "
		      "(%" PRIu64 " pages).",
		      order, order == info->max_order ? " or more" : "", order,
		      UINT64_C(1) << order);
	for (unsigned i = 0; i <= order && i < info->max_order; i++) {
		nb_text_printf(&list, "%s%" PRIu64, i ? ", " : "", pfn ^ UINT64_C(1) << i);
		json_array_append_new(buddies, nb_json_u64(pfn ^ UINT64_C(1) << i));
	}
	nb_sheet_step(s, "Its buddy of order n is frame XOR 2^n; from order 0 on: %s.",
		      nb_text_str(&list));
	nb_text_release(&list);
	nb_put_u64(o, "aligned_order", order);
	json_object_set_new(o, "buddies", buddies);
}

static void where(const struct nb_explain_ask *a, const struct nb_system_info *info, nb_pfn_t pfn,
		  struct nb_sheet *s, json_t *o)
{
	unsigned section = nb_section_shift(info) - info->page_shift;
	nb_pfn_t block = pfn >> info->pageblock_order << info->pageblock_order;
	struct nb_page_info page;
	struct nb_words w = {0};

	nb_sheet_step(s,
		      "Section %" PRIu64 " of the memory map (%s each), pageblock %" PRIu64
		      " (frames %" PRIu64 " to %" PRIu64 ").",
		      pfn >> section, nb_bytes(&w, UINT64_C(1) << nb_section_shift(info)),
		      pfn >> info->pageblock_order, block,
		      block + (UINT64_C(1) << info->pageblock_order) - 1);
	nb_put_u64(o, "section", pfn >> section);
	nb_put_u64(o, "pageblock", pfn >> info->pageblock_order);
	if (nb_page_info(a->sys, pfn, &page)) {
		nb_sheet_step(s, "No memory is there: a hole, or past the end of RAM.");
		nb_put_bool(o, "present", false);
		return;
	}
	nb_put_bool(o, "present", true);
	nb_put_i64(o, "node", page.nid);
	nb_put_str(o, "zone", nb_zone_name(page.zone));
	nb_put_str(o, "migratetype", nb_migratetype_name(page.migratetype));
	nb_sheet_step(s, "It belongs to node %d, zone %s; its pageblock holds %s pages.", page.nid,
		      nb_zone_name(page.zone), nb_migratetype_name(page.migratetype));
	nb_sheet_step(s, "Now it is %s.",
		      page.flags & NB_PAGE_RESERVED ? "reserved: present, but never given to the "
						      "allocator"
		      : page.flags & (NB_PAGE_BUDDY | NB_PAGE_FREE) ? "free, in the buddy lists"
		      : page.flags & NB_PAGE_PCP                    ? "free, in a CPU's page set"
		      : page.flags & NB_PAGE_SYSTEM ? "in use since before observation began"
						    : "in use");
}

int nb_explain_pfn(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	struct nb_system_info info;
	json_t *list = json_array();
	struct nb_words w = {0};

	(void)err;
	nb_system_info(a->sys, &info);
	nb_sheet_heading(s, "Frame numbers of this machine");
	nb_sheet_step(
		s,
		"A frame number is the physical address without its lowest %u bits: address / "
		"%s.",
		info.page_shift, nb_bytes(&w, UINT64_C(1) << info.page_shift));
	nb_sheet_step(s,
		      "Memory ends at %s, so the highest frame is %" PRIu64 " (0x%" PRIx64
		      "): %u bits.",
		      nb_bytes(&w, info.max_pfn << info.page_shift), info.max_pfn - 1,
		      info.max_pfn - 1, bits_of(info.max_pfn - 1));
	nb_sheet_step(s, "32 bits would do for 2^32 x %s = %s.",
		      nb_bytes(&w, UINT64_C(1) << info.page_shift),
		      nb_bytes(&w, UINT64_C(1) << (32 + info.page_shift)));
	nb_put_u64(s->root, "max_pfn", info.max_pfn);
	nb_put_u64(s->root, "pfn_bits", bits_of(info.max_pfn - 1));
	json_object_set_new(s->root, "pfns", list);
	for (unsigned i = 0; i < a->nr_pfns; i++) {
		nb_pfn_t pfn = a->pfns[i];
		json_t *o = json_object();
		struct nb_words v = {0};

		nb_sheet_heading(s, "Frame %" PRIu64 " (0x%" PRIx64 ")", pfn, pfn);
		nb_sheet_step(s, "Addresses 0x%" PRIx64 " to 0x%" PRIx64 ", %s from the beginning.",
			      pfn << info.page_shift,
			      (pfn << info.page_shift) + (UINT64_C(1) << info.page_shift) - 1,
			      nb_bytes(&v, pfn << info.page_shift));
		nb_put_u64(o, "pfn", pfn);
		nb_put_u64(o, "address", pfn << info.page_shift);
		where(a, &info, pfn, s, o);
		alignment(&info, pfn, s, o);
		json_array_append_new(list, o);
	}
	if (!a->nr_pfns)
		nb_sheet_note(s, "'explain pfn N' says where frame N lies.");
	return 0;
}
