/* smaps_fill.c -- /proc/PID/smaps and the memory lines of status, of a task of a booted system.
 *
 * Which lines there are follows the kernel's version; ProtectionKey is a matter of the processor
 * and left out. Source: fs/proc/task_mmu.c, __show_smap(), show_smap_vma_flags(), task_mem().
 */
#include "view/numa_maps.h"
#include "view/scan.h"
#include "view/smaps.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Since when a line is there, as nb_kernel_profile.version. */
#define PSS_DIRTY_SINCE 6000u
#define KSM_SINCE 6006u
#define FILE_PMD_SINCE 5004u
#define SHMEM_PMD_SINCE 4008u
#define LAZY_FREE_SINCE 4012u
#define HUGETLB_SINCE 4004u
#define SWAP_PSS_SINCE 4003u
#define THP_ELIGIBLE_SINCE 5000u
#define VM_FLAGS_SINCE 3008u

static void kib(struct nb_smaps_vma *v, const char *name, uint64_t value)
{
	nb_items_add(&v->items, name, value)->kib = true;
}

static void lines(struct nb_smaps_vma *v, const struct nb_vma_pages *p, unsigned page_kib,
		  const struct nb_kernel_profile *prof)
{
	unsigned ver = prof->version;
	uint64_t rss = p->shared_clean + p->shared_dirty + p->private_clean + p->private_dirty;

	kib(v, "Size", (v->end - v->start) >> 10);
	kib(v, "KernelPageSize", p->kernel_page_bytes >> 10);
	kib(v, "MMUPageSize", p->mmu_page_bytes >> 10);
	kib(v, "Rss", rss * page_kib);
	kib(v, "Pss", p->pss_bytes >> 10);
	if (ver >= PSS_DIRTY_SINCE)
		kib(v, "Pss_Dirty", p->pss_dirty_bytes >> 10);
	kib(v, "Shared_Clean", p->shared_clean * page_kib);
	kib(v, "Shared_Dirty", p->shared_dirty * page_kib);
	kib(v, "Private_Clean", p->private_clean * page_kib);
	kib(v, "Private_Dirty", p->private_dirty * page_kib);
	kib(v, "Referenced", p->referenced * page_kib);
	/* hugetlb pages count in their two lines alone */
	kib(v, "Anonymous", p->shared_hugetlb || p->private_hugetlb ? 0 : p->anon * page_kib);
	if (ver >= KSM_SINCE)
		kib(v, "KSM", p->ksm * page_kib);
	if (ver >= LAZY_FREE_SINCE)
		kib(v, "LazyFree", p->lazyfree * page_kib);
	kib(v, "AnonHugePages", p->anon_huge * page_kib);
	if (ver >= SHMEM_PMD_SINCE)
		kib(v, "ShmemPmdMapped", p->shmem_huge * page_kib);
	if (ver >= FILE_PMD_SINCE)
		kib(v, "FilePmdMapped", p->file_huge * page_kib);
	if (ver >= HUGETLB_SINCE) {
		kib(v, "Shared_Hugetlb", p->shared_hugetlb * page_kib);
		kib(v, "Private_Hugetlb", p->private_hugetlb * page_kib);
	}
	kib(v, "Swap", p->swap * page_kib);
	if (ver >= SWAP_PSS_SINCE)
		kib(v, "SwapPss", p->swap_pss_bytes >> 10);
	kib(v, "Locked", p->locked_pss_bytes >> 10);
}

/* The flags in the order of their bits. Every mapping may be made readable, writable, executable.
 */
static void flags(const struct nb_vma_info *v, struct nb_text *t)
{
	const struct {
		bool on;
		const char *word;
	} word[] = {
		{v->prot & NB_PROT_READ, "rd"},
		{v->prot & NB_PROT_WRITE, "wr"},
		{v->prot & NB_PROT_EXEC, "ex"},
		{v->shared, "sh"},
		{true, "mr"},
		{true, "mw"},
		{true, "me"},
		{v->shared, "ms"},
		{v->flags & NB_VMA_GROWSDOWN, "gd"},
		{v->flags & NB_VMA_LOCKED, "lo"},
		{v->flags & NB_VMA_SEQ_READ, "sr"},
		{v->flags & NB_VMA_RAND_READ, "rr"},
		{v->flags & NB_VMA_DONTFORK, "dc"},
		{v->flags & NB_VMA_HUGETLB, "de"},
		{v->flags & NB_VMA_LOCKONFAULT, "lf"},
		{v->flags & NB_VMA_ACCOUNT, "ac"},
		{v->flags & NB_VMA_NORESERVE, "nr"},
		{v->flags & NB_VMA_HUGETLB, "ht"},
		{v->flags & NB_VMA_WIPEONFORK, "wf"},
		{v->flags & NB_VMA_DONTDUMP, "dd"},
		{true, "sd"},
		{v->flags & NB_VMA_HUGEPAGE, "hg"},
		{v->flags & NB_VMA_NOHUGEPAGE, "nh"},
	};

	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		if (word[i].on)
			nb_text_printf(t, "%s ", word[i].word);
}

static void one(const struct nb_system_info *info, const struct nb_vma_info *in,
		const struct nb_vma_pages *p, struct nb_smaps *s)
{
	struct nb_smaps_vma *v = nb_append(&s->vmas, &s->nr_vmas, &s->cap_vmas, sizeof(*v));
	bool anon = !in->file_name;
	uint64_t dev;
	struct nb_text t = {0};

	v->start = in->start;
	v->end = in->end;
	v->known = true;
	v->perms[0] = in->prot & NB_PROT_READ ? 'r' : '-';
	v->perms[1] = in->prot & NB_PROT_WRITE ? 'w' : '-';
	v->perms[2] = in->prot & NB_PROT_EXEC ? 'x' : '-';
	v->perms[3] = in->shared ? 's' : 'p';
	v->inode = anon ? 0 : in->inode;
	dev = anon ? 0 : in->flags & NB_VMA_SHMEM ? NB_SHMEM_DEV : NB_FILE_DEV;
	v->major = (unsigned)(dev >> 20);
	v->minor = (unsigned)dev & 0xfffff;
	v->offset = anon ? 0 : in->pgoff_pages << info->page_shift;
	if (nb_vma_path(in, &t))
		v->name = nb_strings_intern(&s->strings, nb_text_str(&t), t.len);
	else if (in->flags & NB_VMA_HEAP)
		v->name = "[heap]";
	else if (in->flags & NB_VMA_STACK)
		v->name = "[stack]";
	nb_text_clear(&t);
	lines(v, p, 1u << (info->page_shift - 10), info->profile);
	if (info->profile->version >= THP_ELIGIBLE_SINCE)
		nb_items_add(&v->items, "THPeligible", p->thp_eligible);
	if (info->profile->version >= VM_FLAGS_SINCE) {
		flags(in, &t);
		v->vm_flags = nb_strings_intern(&s->strings, nb_text_str(&t), t.len);
	}
	nb_text_release(&t);
}

void nb_smaps_from_task(const struct nb_system *sys, const struct nb_task *t, struct nb_smaps *s)
{
	struct nb_vma_pages *p = nb_xcalloc(1, sizeof(*p));
	struct nb_system_info info;
	struct nb_vma_info v;

	*s = (struct nb_smaps){0};
	nb_system_info(sys, &info);
	for (unsigned i = 0; nb_task_vma(t, i, &v); i++) {
		memset(p, 0, sizeof(*p));
		nb_task_vma_pages(t, i, p);
		one(&info, &v, p, s);
	}
	free(p);
}

void nb_task_status_print(const struct nb_system *sys, const struct nb_task *t, struct nb_text *out)
{
	struct nb_task_memory m;
	struct nb_system_info info;

	nb_system_info(sys, &info);
	nb_task_memory(t, &m);
	unsigned k = info.page_shift - 10;
	const struct {
		const char *name;
		uint64_t pages;
		unsigned since;
	} line[] = {
		{"VmSize:", m.total, 0},
		{"VmLck:", m.locked, 0},
		{"VmRSS:", m.anon + m.file + m.shmem, 0},
		{"RssAnon:", m.anon, 4005},
		{"RssFile:", m.file, 4005},
		{"RssShmem:", m.shmem, 4005},
		{"VmData:", m.data, 0},
		{"VmStk:", m.stack, 0},
		{"VmPTE:", m.page_table_pages, 0},
		{"VmSwap:", m.swap_entries, 2634},
		{"HugetlbPages:", m.hugetlb, 4004},
	};

	for (size_t i = 0; i < sizeof(line) / sizeof(*line); i++)
		if (info.profile->version >= line[i].since)
			nb_text_printf(out, "%s\t%8" PRIu64 " kB\n", line[i].name,
				       line[i].pages << k);
}
