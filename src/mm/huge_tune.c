/* huge_tune.c -- when huge pages are used: /sys/kernel/mm/transparent_hugepage and the command
 * line.
 *
 * Called by boot, by faults, and by sysfs.c. A machine begins with `enabled` at madvise unless its
 * command line says otherwise (docs/deviations.md); with less than 512 MiB everything is off. A
 * write to `enabled` starts or stops khugepaged, which raises min_free_kbytes.
 * Source: mm/huge_memory.c: hugepage_init(), setup_transparent_hugepage(), enabled_store(),
 * vma_thp_gfp_mask(); mm/khugepaged.c, start_stop_khugepaged(); facts 4.1.
 */
#include "mm/huge_memory.h"

#include "base/fmt.h"
#include "mm/boot.h"
#include "mm/sysfs.h"

#define DIR "/sys/kernel/mm/transparent_hugepage/"
#define DEFER_SINCE 4006u /* as nb_kernel_profile.version */
#define DEFER_MADVISE_SINCE 4012u

static const char *const enabled_words[] = {"never", "madvise", "always"};
static const char *const defrag_words[] = {"never", "madvise", "defer+madvise", "defer", "always"};

int nb_thp_boot(struct nb_system *sys)
{
	struct nb_tunables *t = &sys->tune;
	unsigned pages = 1u << (sys->page_shift - 3);
	const char *opt;
	size_t len;

	if (!sys->profile->has_thp || sys->machine->arch == NB_ARCH_ARM ||
	    sys->machine->arch == NB_ARCH_OTHER)
		return 0;
	sys->thp = nb_system_alloc(sys, sizeof(*sys->thp));
	if (!sys->thp)
		return -NB_ENOMEM;
	opt = nb_machine_option(sys->machine, "transparent_hugepage=", &len);
	t->thp_enabled = NB_THP_MADVISE;
	t->thp_defrag =
		sys->profile->version >= DEFER_SINCE ? NB_THP_DEFRAG_MADVISE : NB_THP_DEFRAG_ALWAYS;
	if (opt && nb_str_is(opt, len, "always"))
		t->thp_enabled = NB_THP_ALWAYS;
	if (opt && nb_str_is(opt, len, "never"))
		t->thp_enabled = NB_THP_NEVER;
	sys->thp->use_zero_page = true;
	if (!t->thp_always_or_madvise && t->thp_enabled != NB_THP_NEVER) { /* too little memory */
		t->thp_enabled = NB_THP_NEVER;
		t->thp_defrag = NB_THP_DEFRAG_NEVER;
		sys->thp->use_zero_page = false;
	}
	sys->thp->zero_pfn = NB_NO_PFN;
	sys->thp->daemon = (struct nb_khugepaged){
		.defrag = true,
		.pages_to_scan = pages * 8,
		.scan_sleep_ms = 10000,
		.alloc_sleep_ms = 60000,
		.max_ptes_none = pages - 1,
		.max_ptes_swap = pages / 8,
		.max_ptes_shared = pages / 2,
		.last_node = NB_NO_NODE,
	};
	return 0;
}

bool nb_thp_enabled(const struct nb_vma *v)
{
	const struct nb_system *sys = v->mm->sys;

	if (v->shared || v->file || v->flags & (NB_VM_NOHUGEPAGE | NB_VM_HUGETLB))
		return false;
	return sys->tune.thp_enabled == NB_THP_ALWAYS ||
	       (sys->tune.thp_enabled == NB_THP_MADVISE && v->flags & NB_VM_HUGEPAGE);
}

nb_gfp_t nb_thp_gfp(const struct nb_vma *v)
{
	bool advised = v->flags & NB_VM_HUGEPAGE;

	switch (v->mm->sys->tune.thp_defrag) {
	case NB_THP_DEFRAG_ALWAYS:
		return NB_GFP_TRANSHUGE | (advised ? 0u : NB_GFP_BIT_NORETRY);
	case NB_THP_DEFRAG_DEFER:
		return NB_GFP_TRANSHUGE_LIGHT | NB_GFP_BIT_KSWAPD_RECLAIM;
	case NB_THP_DEFRAG_DEFER_MADVISE:
		return NB_GFP_TRANSHUGE_LIGHT | (advised ? (nb_gfp_t)NB_GFP_BIT_DIRECT_RECLAIM
							 : (nb_gfp_t)NB_GFP_BIT_KSWAPD_RECLAIM);
	case NB_THP_DEFRAG_MADVISE:
		return NB_GFP_TRANSHUGE_LIGHT |
		       (advised ? (nb_gfp_t)NB_GFP_BIT_DIRECT_RECLAIM : 0u);
	default:
		return NB_GFP_TRANSHUGE_LIGHT;
	}
}

/* The numbers: name, where they are, greatest value (0: one bit). */
struct number {
	const char *name;
	uint64_t *value;
	bool *flag;
	bool read_only;
	uint64_t max;
};

static bool number_of(struct nb_system *sys, const char *name, struct number *ret)
{
	struct nb_khugepaged *d = &sys->thp->daemon;
	uint64_t pages = UINT64_C(1) << (sys->page_shift - 3);
	const struct number all[] = {
		{"use_zero_page", NULL, &sys->thp->use_zero_page, false, 1},
		{"khugepaged/defrag", NULL, &d->defrag, false, 1},
		{"khugepaged/pages_to_scan", &d->pages_to_scan, NULL, false, UINT32_MAX},
		{"khugepaged/scan_sleep_millisecs", &d->scan_sleep_ms, NULL, false, UINT32_MAX},
		{"khugepaged/alloc_sleep_millisecs", &d->alloc_sleep_ms, NULL, false, UINT32_MAX},
		{"khugepaged/max_ptes_none", &d->max_ptes_none, NULL, false, pages - 1},
		{"khugepaged/max_ptes_swap", &d->max_ptes_swap, NULL, false, pages - 1},
		{"khugepaged/max_ptes_shared", &d->max_ptes_shared, NULL, false, pages - 1},
		{"khugepaged/pages_collapsed", &d->pages_collapsed, NULL, true, 0},
		{"khugepaged/full_scans", &d->full_scans, NULL, true, 0},
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!nb_strcmp(name, all[i].name)) {
			*ret = all[i];
			return true;
		}
	}
	return false;
}

/* The name below the directory, where this kernel has one. */
static const char *name_of(const struct nb_system *sys, const char *path)
{
	size_t n = sizeof(DIR) - 1;

	return sys->thp && !nb_strncmp(path, DIR, n) ? path + n : NULL;
}

/* "always [madvise] never": strongest first. */
static int read_words(const struct nb_system *sys, const char *const *words, unsigned n,
		      unsigned now, char *buf, size_t size)
{
	size_t at = 0;

	for (unsigned i = n; i-- > 0;) {
		bool defer = words == defrag_words &&
			     (i == NB_THP_DEFRAG_DEFER || i == NB_THP_DEFRAG_DEFER_MADVISE);
		unsigned since = i == NB_THP_DEFRAG_DEFER ? DEFER_SINCE : DEFER_MADVISE_SINCE;

		if (defer && sys->profile->version < since)
			continue;
		at += nb_snprintf(at < size ? buf + at : NULL, at < size ? size - at : 0,
				  i == now ? "%s[%s]" : "%s%s", at ? " " : "", words[i]);
	}
	at += nb_snprintf(at < size ? buf + at : NULL, at < size ? size - at : 0, "\n");
	return (int)at;
}

int nb_thp_sysfs_read(const struct nb_system *sys, const char *path, char *buf, size_t n)
{
	const char *name = name_of(sys, path);
	struct number num;

	if (!name)
		return -NB_ENOENT;
	if (!nb_strcmp(name, "enabled"))
		return read_words(sys, enabled_words, 3, sys->tune.thp_enabled, buf, n);
	if (!nb_strcmp(name, "defrag")) {
		/* the kernel's order: always defer defer+madvise madvise never */
		return read_words(sys, defrag_words, 5, sys->tune.thp_defrag, buf, n);
	}
	if (!nb_strcmp(name, "hpage_pmd_size"))
		return (int)nb_snprintf(buf, n, "%llu\n", 1ull << (2 * sys->page_shift - 3));
	if (!number_of((struct nb_system *)(uintptr_t)sys, name, &num))
		return -NB_ENOENT;
	return (int)nb_snprintf(buf, n, "%llu\n",
				(unsigned long long)(num.flag ? *num.flag : *num.value));
}

static int write_enabled(struct nb_system *sys, const char *text)
{
	int i = nb_sysfs_word(text, enabled_words, 3);

	if (i < 0)
		return -NB_EINVAL;
	sys->tune.thp_enabled = (uint8_t)i;
	sys->tune.thp_always_or_madvise = i != NB_THP_NEVER;
	nb_thp_start_stop(sys);
	return 0;
}

static int write_number(const struct number *num, const char *text)
{
	uint64_t v;
	int err;

	if (num->read_only)
		return -NB_EACCES;
	err = nb_sysfs_read_ulong(text, &v);
	if (err || v > num->max)
		return -NB_EINVAL;
	if (num->flag)
		*num->flag = v != 0;
	else
		*num->value = v;
	return 0;
}

int nb_thp_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path,
		       const char *text)
{
	const char *name = name_of(sys, path);
	struct number num;
	int i;

	if (!name)
		return -NB_ENOENT;
	if (task && task->uid)
		return -NB_EACCES;
	if (!nb_strcmp(name, "enabled"))
		return write_enabled(sys, text);
	if (!nb_strcmp(name, "defrag")) {
		i = nb_sysfs_word(text, defrag_words, 5);
		if (i < 0)
			return -NB_EINVAL;
		sys->tune.thp_defrag = (uint8_t)i;
		return 0;
	}
	if (!nb_strcmp(name, "hpage_pmd_size"))
		return -NB_EACCES;
	return number_of(sys, name, &num) ? write_number(&num, text) : -NB_ENOENT;
}

bool nb_thp_sysfs_path(const struct nb_system *sys, unsigned i, char *buf, size_t n)
{
	static const char *const names[] = {
		"enabled",
		"defrag",
		"use_zero_page",
		"hpage_pmd_size",
		"khugepaged/defrag",
		"khugepaged/pages_to_scan",
		"khugepaged/scan_sleep_millisecs",
		"khugepaged/alloc_sleep_millisecs",
		"khugepaged/max_ptes_none",
		"khugepaged/max_ptes_swap",
		"khugepaged/max_ptes_shared",
		"khugepaged/pages_collapsed",
		"khugepaged/full_scans",
	};

	if (!sys->thp || i >= sizeof(names) / sizeof(names[0]))
		return false;
	(void)nb_snprintf(buf, n, DIR "%s", names[i]);
	return true;
}
