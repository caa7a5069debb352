/* summary_json.c -- the overview's figures as JSON: pages and bytes, and where they come from. */
#include "base/mask.h"
#include "view/summary.h"
#include "view/view.h"

static json_t *kernel_json(const struct nb_machine *m, const struct nb_system_info *info)
{
	const struct nb_kernel_profile *p = info->profile;
	json_t *j = json_object();

	json_object_set_new(j, "profile", json_string(p->key));
	json_object_set_new(j, "release", nb_json_string(m->release));
	json_object_set_new(j, "exact", json_boolean(m->profile_exact || !*m->release));
	json_object_set_new(j, "confirmed",
			    json_boolean(info->arch != NB_ARCH_OTHER && p->confirmed[info->arch]));
	json_object_set_new(j, "cmdline", nb_json_string(m->cmdline));
	return j;
}

static json_t *node_json(const struct nb_system *sys, const struct nb_node_info *ni)
{
	json_t *j = json_object(), *cpus = json_array(), *row = json_array();
	unsigned cpu;

	nb_for_each_cpu_in (cpu, &ni->cpus)
		json_array_append_new(cpus, json_integer(cpu));
	for (unsigned k = 0; k < nb_system_nr_nodes(sys); k++)
		json_array_append_new(row, json_integer(nb_system_distance(
						   sys, ni->nid, nb_system_node_id(sys, k))));
	json_object_set_new(j, "node", json_integer(ni->nid));
	json_object_set_new(j, "cpus", cpus);
	json_object_set_new(j, "start_pfn", nb_json_u64(ni->start_pfn));
	json_object_set_new(j, "spanned_pages", nb_json_u64(ni->spanned_pages));
	json_object_set_new(j, "present_pages", nb_json_u64(ni->present_pages));
	json_object_set_new(j, "managed_pages", nb_json_u64(ni->managed_pages));
	json_object_set_new(j, "free_pages", nb_json_u64(ni->free_pages));
	json_object_set_new(j, "distances", row);
	return j;
}

static json_t *zone_json(const struct nb_zone_info *z)
{
	json_t *j = json_object();

	json_object_set_new(j, "node", json_integer(z->nid));
	json_object_set_new(j, "zone", json_string(nb_zone_name(z->type)));
	json_object_set_new(j, "start_pfn", nb_json_u64(z->start_pfn));
	json_object_set_new(j, "spanned_pages", nb_json_u64(z->spanned_pages));
	json_object_set_new(j, "present_pages", nb_json_u64(z->present_pages));
	json_object_set_new(j, "absent_pages", nb_json_u64(z->spanned_pages - z->present_pages));
	json_object_set_new(j, "managed_pages", nb_json_u64(z->managed_pages));
	json_object_set_new(j, "managed_source", json_string(nb_source_name(z->managed_source)));
	json_object_set_new(j, "free_pages", nb_json_u64(z->free_pages));
	json_object_set_new(j, "min_pages", nb_json_u64(z->wmark_pages[NB_WMARK_MIN]));
	json_object_set_new(j, "low_pages", nb_json_u64(z->wmark_pages[NB_WMARK_LOW]));
	json_object_set_new(j, "high_pages", nb_json_u64(z->wmark_pages[NB_WMARK_HIGH]));
	return j;
}

static json_t *memmap_json(const struct nb_system *sys, const struct nb_system_info *info)
{
	json_t *j = json_object();
	struct nb_memmap_cost c;

	nb_memmap_cost(sys, &c);
	json_object_set_new(j, "struct_page_bytes", json_integer(c.struct_page_bytes));
	json_object_set_new(j, "flat_bytes", nb_json_u64(c.flat_bytes));
	json_object_set_new(j, "per_node_bytes", nb_json_u64(c.per_node_bytes));
	json_object_set_new(j, "sparse_bytes", nb_json_u64(c.sparse_bytes));
	json_object_set_new(j, "numabox_bytes", nb_json_u64(c.ours_bytes));
	json_object_set_new(j, "numabox_page_bytes", json_integer(info->nr_page_descriptor_bytes));
	json_object_set_new(j, "pfn_bits", json_integer(c.pfn_bits));
	return j;
}

static json_t *messages_json(const struct nb_system *sys)
{
	json_t *a = json_array();
	const char *msg;

	for (unsigned i = 0; (msg = nb_system_message(sys, i)); i++)
		json_array_append_new(a, nb_json_string(msg));
	return a;
}

static json_t *notes_json(const struct nb_machine *m)
{
	json_t *j = json_array();

	for (unsigned i = 0; i < m->nr_notes; i++)
		json_array_append_new(j, nb_json_string(m->notes[i]));
	return j;
}

json_t *nb_summary_json(const struct nb_system *sys)
{
	const struct nb_machine *m = nb_system_machine(sys);
	json_t *j = json_object(), *nodes = json_array(), *zones = json_array();
	struct nb_system_info info;

	nb_system_info(sys, &info);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		int nid = nb_system_node_id(sys, i);
		struct nb_node_info ni;

		if (!nb_node_info(sys, nid, &ni))
			json_array_append_new(nodes, node_json(sys, &ni));
		for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
			struct nb_zone_info zi;

			if (info.zones >> z & 1 &&
			    !nb_zone_info(sys, nid, (enum nb_zone_type)z, &zi) && zi.populated)
				json_array_append_new(zones, zone_json(&zi));
		}
	}
	json_object_set_new(j, "name", nb_json_string(m->name));
	json_object_set_new(j, "origin", nb_json_string(m->origin ? m->origin : ""));
	json_object_set_new(j, "arch", json_string(nb_arch_name(info.arch)));
	json_object_set_new(j, "kernel", kernel_json(m, &info));
	json_object_set_new(j, "page_bytes", json_integer(1 << info.page_shift));
	json_object_set_new(j, "cpus_online", json_integer(info.nr_cpus_online));
	json_object_set_new(j, "present_pages", nb_json_u64(info.present_pages));
	json_object_set_new(j, "managed_pages", nb_json_u64(info.managed_pages));
	json_object_set_new(j, "free_pages", nb_json_u64(info.free_pages));
	json_object_set_new(j, "min_free_kib", nb_json_u64(info.min_free_kbytes));
	json_object_set_new(j, "totalreserve_pages", nb_json_u64(info.totalreserve_pages));
	json_object_set_new(j, "memory_source", json_string(nb_source_name(m->memory_source)));
	json_object_set_new(j, "distance_source", json_string(nb_source_name(m->distance_source)));
	json_object_set_new(j, "nodes", nodes);
	json_object_set_new(j, "zones", zones);
	json_object_set_new(j, "mem_map", memmap_json(sys, &info));
	json_object_set_new(j, "known_from", notes_json(m));
	json_object_set_new(j, "messages", messages_json(sys));
	return j;
}
