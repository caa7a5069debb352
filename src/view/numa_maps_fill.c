/* numa_maps_fill.c -- /proc/PID/numa_maps of a task of a booted system.
 *
 * Called by t:numa_maps() and numastat -p. The engine counts as fs/proc/task_mmu.c does
 * (nb_task_vma_pages()), in base pages; a hugetlb line counts huge ones. Source: facts 6.7.
 */
#include "view/numa_maps.h"
#include "view/scan.h"
#include <numabox/probe.h>
#include <stdlib.h>
#include <string.h>

/* A path as seq_file_path() writes it: blanks, tabs, newlines, '=' and backslashes in octal. */
static const char *escaped(struct nb_strings *p, const char *path)
{
	struct nb_text t = {0};
	const char *s;

	for (; *path; path++) {
		if (strchr(" \t\n=\\", *path))
			nb_text_printf(&t, "\\%03o", (unsigned)(unsigned char)*path);
		else
			nb_text_add(&t, path, 1);
	}
	s = nb_strings_intern(p, nb_text_str(&t), t.len);
	nb_text_release(&t);
	return s;
}

const char *nb_vma_path(const struct nb_vma_info *v, struct nb_text *t)
{
	static const char *const nameless[] = {"/dev/zero", "/SYSV", "/memfd:", "/anon_hugepage"};

	if (!v->file_name)
		return NULL;
	nb_text_clear(t);
	nb_text_puts(t, v->file_name);
	for (size_t i = 0; i < sizeof(nameless) / sizeof(*nameless); i++)
		if (strncmp(v->file_name, nameless[i], strlen(nameless[i])) == 0 &&
		    !strstr(v->file_name, " (deleted)"))
			nb_text_puts(t, " (deleted)");
	return nb_text_str(t);
}

static void fill_pages(const struct nb_vma_pages *pg, uint64_t unit, struct nb_numa_maps_line *l)
{
	uint64_t pages = pg->pages / unit;

	if (!pages)
		return;
	l->anon = pg->anon / unit;
	l->dirty = pg->dirty / unit;
	if (pages != l->anon && pages != l->dirty)
		l->mapped = pages;
	l->mapmax = pg->mapcount_max > 1 ? pg->mapcount_max : 0;
	l->swapcache = pg->swapcache / unit;
	l->active = pg->active / unit;
	l->has_active = l->active < pages && !l->huge;
	l->writeback = pg->writeback / unit;
	for (int nid = 0; nid < NB_MAX_NODES; nid++) {
		struct nb_numa_maps_node *n;

		if (!pg->node_pages[nid])
			continue;
		n = nb_append(&l->nodes, &l->nr_nodes, &l->cap_nodes, sizeof(*n));
		n->nid = nid;
		n->pages = pg->node_pages[nid] / unit;
	}
	l->kernelpagesize_kib = pg->kernel_page_bytes / 1024;
}

void nb_numa_maps_from_task(const struct nb_system *sys, const struct nb_task *t,
			    struct nb_numa_maps *m)
{
	struct nb_vma_pages *pg = nb_xcalloc(1, sizeof(*pg));
	struct nb_system_info info;
	struct nb_vma_info v;

	*m = (struct nb_numa_maps){0};
	nb_system_info(sys, &info);
	for (unsigned i = 0; nb_task_vma(t, i, &v); i++) {
		struct nb_numa_maps_line *l =
			nb_append(&m->lines, &m->nr_lines, &m->cap_lines, sizeof(*l));
		struct nb_text policy = {0}, path = {0};
		struct nb_nodemask nodes = {0};
		int mode = NB_MPOL_DEFAULT;

		nb_probe_policy(t, v.start, &mode, &nodes);
		nb_mpol_text(mode, &nodes, info.profile, &policy);
		l->start = v.start;
		l->policy = nb_strings_intern(&m->strings, nb_text_str(&policy), policy.len);
		l->file = v.file_name ? escaped(&m->strings, nb_vma_path(&v, &path)) : NULL;
		l->heap = v.flags & NB_VMA_HEAP;
		l->stack = v.flags & NB_VMA_STACK;
		l->huge = v.flags & NB_VMA_HUGETLB;
		if (nb_task_vma_pages(t, i, pg))
			fill_pages(pg, l->huge ? pg->kernel_page_bytes >> info.page_shift : 1, l);
		nb_text_release(&policy);
		nb_text_release(&path);
	}
	free(pg);
}
