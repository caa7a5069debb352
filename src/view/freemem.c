/* freemem.c -- the program free's table out of meminfo: derivation, parser, printer, JSON.
 *
 * Called by view_forms.c. KiB throughout; what free adds up of which lines stands in freemem.h.
 * Source: procps 4, src/free.c and library/meminfo.c.
 */
#include "view/freemem.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>

static const char heading[] =
	"               total        used        free      shared  buff/cache   available\n";

void nb_freemem_from_meminfo(const struct nb_meminfo *m, struct nb_freemem *f)
{
	const struct nb_items *i = &m->items;
	uint64_t available;

	*f = (struct nb_freemem){0};
	f->total_kib = nb_items_value(i, "MemTotal", 0);
	f->free_kib = nb_items_value(i, "MemFree", 0);
	f->shared_kib = nb_items_value(i, "Shmem", 0);
	f->buff_cache_kib = nb_items_value(i, "Buffers", 0) + nb_items_value(i, "Cached", 0) +
			    nb_items_value(i, "SReclaimable", 0);
	/* before 3.14 there is no such line: procps takes what is free */
	available = nb_items_value(i, "MemAvailable", f->free_kib);
	f->available_kib = available > f->total_kib ? f->free_kib : available;
	f->used_kib = f->total_kib - f->available_kib;
	f->swap_total_kib = nb_items_value(i, "SwapTotal", 0);
	f->swap_free_kib = nb_items_value(i, "SwapFree", 0);
	if (f->swap_total_kib > f->swap_free_kib)
		f->swap_used_kib = f->swap_total_kib - f->swap_free_kib;
}

int nb_freemem_parse(const char *text, size_t len, struct nb_freemem *f, struct nb_error *err)
{
	struct nb_freemem got = {0};
	uint64_t *const mem[] = {&got.total_kib,  &got.used_kib,       &got.free_kib,
				 &got.shared_kib, &got.buff_cache_kib, &got.available_kib};
	uint64_t *const swap[] = {&got.swap_total_kib, &got.swap_used_kib, &got.swap_free_kib};
	bool found = false;
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	if (ret)
		return ret;
	while (nb_scan_line(&sc)) {
		struct nb_cursor cur = nb_scan_cursor(&sc);
		bool is_mem = nb_cur_lit(&cur, "Mem:");
		uint64_t *const *v = is_mem ? mem : swap;
		unsigned n = is_mem ? 6 : 3;

		if (!is_mem && !nb_cur_lit(&cur, "Swap:"))
			continue;
		found = found || is_mem;
		for (unsigned i = 0; i < n; i++) {
			nb_cur_blanks(&cur);
			if (!nb_cur_u64(&cur, v[i]))
				return nb_scan_fail(&sc, err, "free", "whole numbers of KiB");
		}
	}
	if (!found)
		return nb_error_set(err, -NB_EINVAL, 0, "found no \"Mem:\" row");
	*f = got;
	return 0;
}

void nb_freemem_print(const struct nb_freemem *f, struct nb_text *out)
{
	nb_text_puts(out, heading);
	nb_text_printf(out,
		       "%-9s%11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64
		       " %11" PRIu64 "\n",
		       "Mem:", f->total_kib, f->used_kib, f->free_kib, f->shared_kib,
		       f->buff_cache_kib, f->available_kib);
	nb_text_printf(out, "%-9s%11" PRIu64 " %11" PRIu64 " %11" PRIu64 "\n",
		       "Swap:", f->swap_total_kib, f->swap_used_kib, f->swap_free_kib);
}

json_t *nb_freemem_json(const struct nb_freemem *f)
{
	json_t *j = json_object(), *mem = json_object(), *swap = json_object();

	json_object_set_new(mem, "total_kib", nb_json_u64(f->total_kib));
	json_object_set_new(mem, "used_kib", nb_json_u64(f->used_kib));
	json_object_set_new(mem, "free_kib", nb_json_u64(f->free_kib));
	json_object_set_new(mem, "shared_kib", nb_json_u64(f->shared_kib));
	json_object_set_new(mem, "buff_cache_kib", nb_json_u64(f->buff_cache_kib));
	json_object_set_new(mem, "available_kib", nb_json_u64(f->available_kib));
	json_object_set_new(swap, "total_kib", nb_json_u64(f->swap_total_kib));
	json_object_set_new(swap, "used_kib", nb_json_u64(f->swap_used_kib));
	json_object_set_new(swap, "free_kib", nb_json_u64(f->swap_free_kib));
	json_object_set_new(j, "mem", mem);
	json_object_set_new(j, "swap", swap);
	return j;
}
