/* memcg.c -- the short files of a memory cgroup: settings, counters, events.
 *
 * See memcg.h. One table holds each file's name under the rules of v2 and of v1, and what it tells.
 * Source: mm/memcontrol.c: memory_files[], swap_files[], memory_events_show(),
 * seq_puts_memcg_tunable(); mm/memcontrol-v1.c: mem_cgroup_legacy_files[], memsw_files[].
 */
#include "view/memcg.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define PEAK_SINCE 5019u
#define V1_UNLIMITED UINT64_C(9223372036854771712)

enum what { KNOB, INFO, NUMBER };

struct file {
	const char *name;
	bool v1;
	enum what what;
	unsigned at;    /* enum nb_memcg_knob; offset in struct nb_memcg_info */
	unsigned since; /* kernel version */
};
#define INFO_OF(field) offsetof(struct nb_memcg_info, field)

static const struct file files[] = {
	{"memory.current", false, INFO, INFO_OF(usage), 0},
	{"memory.peak", false, INFO, INFO_OF(peak), PEAK_SINCE},
	{"memory.min", false, KNOB, NB_MEMCG_MIN, 0},
	{"memory.low", false, KNOB, NB_MEMCG_LOW, 0},
	{"memory.high", false, KNOB, NB_MEMCG_HIGH, 0},
	{"memory.max", false, KNOB, NB_MEMCG_MAX, 0},
	{"memory.oom.group", false, NUMBER, NB_MEMCG_OOM_GROUP, 0},
	{"memory.swap.current", false, INFO, INFO_OF(swap_usage), 0},
	{"memory.swap.peak", false, INFO, INFO_OF(swap_peak), 6005},
	{"memory.swap.high", false, KNOB, NB_MEMCG_SWAP_HIGH, 5008},
	{"memory.swap.max", false, KNOB, NB_MEMCG_SWAP_MAX, 0},
	{"memory.usage_in_bytes", true, INFO, INFO_OF(usage), 0},
	{"memory.max_usage_in_bytes", true, INFO, INFO_OF(peak), 0},
	{"memory.limit_in_bytes", true, KNOB, NB_MEMCG_MAX, 0},
	{"memory.memsw.usage_in_bytes", true, INFO, INFO_OF(swap_usage), 0},
	{"memory.memsw.max_usage_in_bytes", true, INFO, INFO_OF(swap_peak), 0},
	{"memory.memsw.limit_in_bytes", true, KNOB, NB_MEMCG_SWAP_MAX, 0},
	{"memory.kmem.usage_in_bytes", true, INFO, INFO_OF(kmem_usage), 0},
	{"memory.swappiness", true, NUMBER, NB_MEMCG_SWAPPINESS, 0},
};

static const struct file *find(const struct nb_system *sys, const char *name)
{
	struct nb_system_info info;

	nb_system_info(sys, &info);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (files[i].v1 == nb_memcg_is_v1(sys) && !strcmp(files[i].name, name) &&
		    info.profile->version >= files[i].since)
			return &files[i];
	}
	return NULL;
}

enum nb_memcg_knob nb_memcg_file_knob(const struct nb_system *sys, const char *name,
				      bool *ret_pages)
{
	const struct file *f = find(sys, name);

	if (!f || f->what == INFO)
		return NB_NR_MEMCG_KNOBS;
	*ret_pages = f->what == KNOB;
	return (enum nb_memcg_knob)f->at;
}

static void print_limit(uint64_t pages, unsigned shift, bool v1, struct nb_text *out)
{
	if (pages >= NB_MEMCG_MAX_PAGES && !v1)
		nb_text_puts(out, "max\n");
	else
		nb_text_printf(out, "%" PRIu64 "\n",
			       pages >= NB_MEMCG_MAX_PAGES ? V1_UNLIMITED : pages << shift);
}

/* Lines "name n" of the events [from, to). */
static void print_events(const uint64_t *event, unsigned from, unsigned to, unsigned version,
			 struct nb_text *out)
{
	static const struct {
		const char *name;
		unsigned since;
	} line[NB_NR_MEMCG_EVENTS] = {
		{"low", 0},     {"high", 0},     {"max", 0},
		{"oom", 0},     {"oom_kill", 0}, {"oom_group_kill", 5017},
		{"high", 5008}, {"max", 0},      {"fail", 0},
	};

	for (unsigned i = from; i < to; i++) {
		if (version >= line[i].since)
			nb_text_printf(out, "%s %" PRIu64 "\n", line[i].name, event[i]);
	}
}

/* The files that are more than one number; false: none of them. */
static bool print_long(const struct nb_system *sys, const struct nb_memcg *cg,
		       const struct nb_memcg_info *g, const char *name, struct nb_text *out)
{
	struct nb_system_info info;
	bool v1 = nb_memcg_is_v1(sys);

	nb_system_info(sys, &info);
	if (!strcmp(name, "memory.stat"))
		nb_memcg_stat_print(sys, cg, out);
	else if (!strcmp(name, "memory.numa_stat"))
		nb_memcg_numa_stat_print(sys, cg, out);
	else if (!v1 && !strcmp(name, "memory.events"))
		print_events(g->event, 0, NB_MEMCG_EV_SWAP_HIGH, info.profile->version, out);
	else if (!v1 && !strcmp(name, "memory.events.local"))
		print_events(g->event_local, 0, NB_MEMCG_EV_SWAP_HIGH, info.profile->version, out);
	else if (!v1 && !strcmp(name, "memory.swap.events"))
		print_events(g->event, NB_MEMCG_EV_SWAP_HIGH, NB_NR_MEMCG_EVENTS,
			     info.profile->version, out);
	else if (v1 && !strcmp(name, "memory.failcnt"))
		nb_text_printf(out, "%" PRIu64 "\n", g->failcnt);
	else if (v1 && !strcmp(name, "memory.memsw.failcnt"))
		nb_text_printf(out, "%" PRIu64 "\n", g->swap_failcnt);
	else
		return false;
	return true;
}

bool nb_memcg_file(const struct nb_system *sys, const struct nb_memcg *cg, const char *name,
		   struct nb_text *out)
{
	const struct file *f = find(sys, name);
	struct nb_system_info info;
	struct nb_memcg_info g;

	nb_system_info(sys, &info);
	nb_memcg_info(cg, &g);
	if (!f)
		return print_long(sys, cg, &g, name, out);
	if (f->what == KNOB)
		print_limit(nb_memcg_read(cg, (enum nb_memcg_knob)f->at), info.page_shift, f->v1,
			    out);
	else if (f->what == NUMBER)
		nb_text_printf(out, "%" PRIu64 "\n", nb_memcg_read(cg, (enum nb_memcg_knob)f->at));
	else
		nb_text_printf(out, "%" PRIu64 "\n",
			       *(const uint64_t *)(const void *)((const char *)&g + f->at)
				       << info.page_shift);
	return true;
}
