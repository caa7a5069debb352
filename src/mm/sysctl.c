/* sysctl.c -- what can be tuned at run time: the names, their ranges, what a write does.
 *
 * Called by drivers through include/numabox/system.h, and by system.c right after boot. A
 * write reads its numbers as the kernel's integer handlers do (blanks, a sign, decimal, 0x or 0 for
 * octal; text after the last wanted number is ignored when a blank parts it), changes everything
 * or nothing, and computes with the pages that are managed now.
 * Unlike in Linux, reading lowmem_reserve_ratio computes nothing again: nb_sysctl_read() is a
 * look from outside.
 * Source: kernel/sysctl.c, vm_table and proc_dointvec_minmax(); mm/page_alloc.c, the
 * *_sysctl_handler()s; facts 2.1, 2.2, 2.4, 3.3, 3.5, 5.5.
 */
#include <numabox/file.h>

#include <numabox/compaction.h>

#include "base/fmt.h"
#include "mm/boot.h"
#include "mm/compaction.h"
#include "mm/overcommit.h"
#include "mm/pcp.h"
#include "mm/sysfs.h"

enum id {
	MIN_FREE_KBYTES,
	LOWMEM_RESERVE_RATIO,
	WATERMARK_SCALE_FACTOR,
	WATERMARK_BOOST_FACTOR,
	PERCPU_PAGELIST_HIGH_FRACTION,
	ZONE_RECLAIM_MODE,
	NUMA_STAT,
	NUMA_ZONELIST_ORDER,
	SWAPPINESS,
	MIN_UNMAPPED_RATIO,
	MIN_SLAB_RATIO,
	NUMA_BALANCING,
	PAGE_CLUSTER,
	PANIC_ON_OOM,
	OOM_KILL_ALLOCATING_TASK,
	COMPACTION_PROACTIVENESS,
	EXTFRAG_THRESHOLD,
	COMPACT_MEMORY,
	COMPACT_UNEVICTABLE_ALLOWED,
	DIRTY_RATIO,
	DIRTY_BACKGROUND_RATIO,
	DIRTY_BYTES,
	DIRTY_BACKGROUND_BYTES,
	DIRTY_EXPIRE_CENTISECS,
	DIRTY_WRITEBACK_CENTISECS,
	DROP_CACHES,
	OVERCOMMIT_MEMORY, /* from here on as enum nb_overcommit_knob */
	OVERCOMMIT_RATIO,
	OVERCOMMIT_KBYTES,
	ADMIN_RESERVE_KBYTES,
	USER_RESERVE_KBYTES,
	NR_SYSCTLS
};

struct sysctl {
	const char *name;
	unsigned since; /* first kernel, as nb_kernel_profile.version */
	bool numa;      /* kernels without NUMA lack it */
	int64_t min, max;
};

static const struct sysctl sysctls[NR_SYSCTLS] = {
	[MIN_FREE_KBYTES] = {"vm.min_free_kbytes", 2605, false, 0, INT32_MAX},
	[LOWMEM_RESERVE_RATIO] = {"vm.lowmem_reserve_ratio", 2611, false, INT32_MIN, INT32_MAX},
	[WATERMARK_SCALE_FACTOR] = {"vm.watermark_scale_factor", 4006, false, 1, 3000},
	[WATERMARK_BOOST_FACTOR] = {"vm.watermark_boost_factor", 5000, false, 0, INT32_MAX},
	[PERCPU_PAGELIST_HIGH_FRACTION] = {"vm.percpu_pagelist_high_fraction", 5014, false, 0,
					   INT32_MAX},
	[ZONE_RECLAIM_MODE] = {"vm.zone_reclaim_mode", 2616, true, 0, INT32_MAX},
	[NUMA_STAT] = {"vm.numa_stat", 4015, true, 0, 1},
	[NUMA_ZONELIST_ORDER] = {"vm.numa_zonelist_order", 2623, true, 0, 0},
	[SWAPPINESS] = {"vm.swappiness", 2600, false, 0, 200},
	[MIN_UNMAPPED_RATIO] = {"vm.min_unmapped_ratio", 2618, true, 0, 100},
	[MIN_SLAB_RATIO] = {"vm.min_slab_ratio", 2619, true, 0, 100},
	[COMPACTION_PROACTIVENESS] = {"vm.compaction_proactiveness", 5009, false, 0, 100},
	[EXTFRAG_THRESHOLD] = {"vm.extfrag_threshold", 2635, false, 0, 1000},
	[COMPACT_MEMORY] = {"vm.compact_memory", 2635, false, 1, 1},
	[COMPACT_UNEVICTABLE_ALLOWED] = {"vm.compact_unevictable_allowed", 4001, false, 0, 1},
	[NUMA_BALANCING] = {"kernel.numa_balancing", 3008, true, 0, 4},
	[DIRTY_RATIO] = {"vm.dirty_ratio", 2605, false, 0, 100},
	[DIRTY_BACKGROUND_RATIO] = {"vm.dirty_background_ratio", 2605, false, 0, 100},
	[DIRTY_BYTES] = {"vm.dirty_bytes", 2629, false, 0, INT64_MAX},
	[DIRTY_BACKGROUND_BYTES] = {"vm.dirty_background_bytes", 2629, false, 1, INT64_MAX},
	[DIRTY_EXPIRE_CENTISECS] = {"vm.dirty_expire_centisecs", 2605, false, 0, INT32_MAX},
	[DIRTY_WRITEBACK_CENTISECS] = {"vm.dirty_writeback_centisecs", 2605, false, 0, INT32_MAX},
	[DROP_CACHES] = {"vm.drop_caches", 2616, false, 1, 4},
	[OVERCOMMIT_MEMORY] = {"vm.overcommit_memory", 2600, false, 0, 2},
	[OVERCOMMIT_RATIO] = {"vm.overcommit_ratio", 2600, false, INT32_MIN, INT32_MAX},
	[OVERCOMMIT_KBYTES] = {"vm.overcommit_kbytes", 3014, false, 0, INT64_MAX},
	[ADMIN_RESERVE_KBYTES] = {"vm.admin_reserve_kbytes", 3010, false, 0, INT64_MAX},
	[USER_RESERVE_KBYTES] = {"vm.user_reserve_kbytes", 3010, false, 0, INT64_MAX},
	[PAGE_CLUSTER] = {"vm.page-cluster", 2605, false, 0, 31},
	[PANIC_ON_OOM] = {"vm.panic_on_oom", 2618, false, 0, 2},
	[OOM_KILL_ALLOCATING_TASK] = {"vm.oom_kill_allocating_task", 2624, false, 0, INT32_MAX},
};

#define HIGH_FRACTION_MIN 8 /* MIN_PERCPU_PAGELIST_HIGH_FRACTION */
#define SWAPPINESS_200_SINCE 5008u
#define NUMA_BALANCING_4_SINCE 5018u
#define NUMBER_CHARS_MAX 21u /* longer ones are refused unread */

bool nb_sysctl_has_numa(const struct nb_system *sys)
{
	enum nb_arch arch = sys->machine->arch;

	return arch != NB_ARCH_I386 && arch != NB_ARCH_I386PAE && arch != NB_ARCH_ARM;
}

static bool known_here(const struct nb_system *sys, unsigned id)
{
	return sys->profile->version >= sysctls[id].since &&
	       (!sysctls[id].numa || nb_sysctl_has_numa(sys));
}

static int64_t max_of(const struct nb_system *sys, unsigned id)
{
	unsigned version = sys->profile->version;

	switch (id) {
	case WATERMARK_SCALE_FACTOR:
		return sys->profile->watermark_scale_max;
	case SWAPPINESS:
		return version >= SWAPPINESS_200_SINCE ? 200 : 100;
	case NUMA_BALANCING:
		return version >= NUMA_BALANCING_4_SINCE ? 4 : 1;
	default:
		return sysctls[id].max;
	}
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* One whole number up to `max` (INT32_MAX: as proc_dointvec reads it). 0, -NB_ENOENT when the text
 * is at its end, -NB_EINVAL. */
static int read_int(const char **text, int64_t max, int64_t *ret)
{
	const char *s = *text, *digits;
	uint64_t v = 0, base = 10;
	bool minus = false;

	while (blank(*s))
		s++;
	if (!*s)
		return -NB_ENOENT;
	digits = s;
	if (*s == '-') {
		minus = true;
		s++;
	}
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	for (*ret = -1;; s++) {
		uint64_t d = *s >= '0' && *s <= '9'   ? (uint64_t)(*s - '0')
			     : *s >= 'a' && *s <= 'f' ? (uint64_t)(*s - 'a' + 10)
			     : *s >= 'A' && *s <= 'F' ? (uint64_t)(*s - 'A' + 10)
						      : 16;
		if (d >= base)
			break;
		*ret = 0;
		if (v > ((uint64_t)max + minus - d) / base)
			return -NB_EINVAL;
		v = v * base + d;
	}
	if (*ret < 0 || (*s && !blank(*s)) || (size_t)(s - digits) > NUMBER_CHARS_MAX)
		return -NB_EINVAL;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	*text = s;
	return 0;
}

static int not_a_number(const struct sysctl *s, const char *value, struct nb_error *err)
{
	return nb_error_set(err, -NB_EINVAL, 0, "%s: '%.*s' is no whole number", s->name, 60,
			    value);
}

static void marks_again(struct nb_system *sys)
{
	nb_setup_per_zone_wmarks(sys, false);
	nb_setup_per_cpu_pagesets(sys);
}

static int write_ratios(struct nb_system *sys, const char *value, struct nb_error *err)
{
	unsigned ratio[NB_MAX_NR_ZONES];
	bool any = false;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		int64_t v;
		int ret;

		ratio[t] = sys->tune.lowmem_reserve_ratio[t];
		if (!nb_zone_configured(sys, (enum nb_zone_type)t))
			continue;
		ret = read_int(&value, INT32_MAX, &v);
		if (ret == -NB_ENOENT && any)
			continue;
		if (ret)
			return not_a_number(&sysctls[LOWMEM_RESERVE_RATIO], value, err);
		any = true;
		ratio[t] = v < 1 ? sys->profile->reserve_floor_one : (unsigned)v;
	}
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		sys->tune.lowmem_reserve_ratio[t] = ratio[t];
	nb_setup_per_zone_lowmem_reserve(sys, false);
	return 0;
}

static int write_order(struct nb_system *sys, const char *value, struct nb_error *err)
{
	bool old = sys->profile->zone_order_option, before = sys->tune.zone_order;
	size_t n = 0;

	if (!nb_zonelist_set_order(sys, value[0]))
		return nb_error_set(err, -NB_EINVAL, 0,
				    "vm.numa_zonelist_order: '%.*s' is no order of this kernel; "
				    "%sdefault and node are right",
				    60, value, old ? "zone, " : "");
	if (!old)
		return 0;
	while (value[n] && value[n] != '\n' && n + 1 < sizeof(sys->tune.zonelist_order_text)) {
		sys->tune.zonelist_order_text[n] = value[n];
		n++;
	}
	sys->tune.zonelist_order_text[n] = '\0';
	return before == sys->tune.zone_order ? 0 : nb_build_all_zonelists(sys);
}

/* numastat begins at zero again. */
static void clear_numa(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];
		_Atomic(struct nb_pcp *) *sets = atomic_load(&z->pageset);

		for (unsigned e = 0; e < NB_NR_NUMA_EVENTS; e++)
			z->numa_base[e] = 0;
		for (unsigned cpu = 0; sets && cpu < sys->nr_cpu_ids; cpu++) {
			struct nb_pcp *pcp = atomic_load(&sets[cpu]);

			if (pcp)
				nb_pcp_zero_numa(pcp);
		}
	}
}

static void store(struct nb_system *sys, unsigned id, unsigned v)
{
	struct nb_tunables *t = &sys->tune;

	switch (id) {
	case MIN_FREE_KBYTES:
		t->min_free_kbytes = t->user_min_free_kbytes = v;
		marks_again(sys);
		break;
	case WATERMARK_SCALE_FACTOR:
		t->watermark_scale_factor = v;
		marks_again(sys);
		break;
	case WATERMARK_BOOST_FACTOR:
		t->watermark_boost_factor = v;
		break;
	case PERCPU_PAGELIST_HIGH_FRACTION:
		t->percpu_pagelist_high_fraction = v;
		nb_setup_per_cpu_pagesets(sys);
		break;
	case ZONE_RECLAIM_MODE:
		t->zone_reclaim_mode = v;
		break;
	case NUMA_STAT:
		if (t->numa_stat && !v)
			clear_numa(sys);
		t->numa_stat = v;
		break;
	case SWAPPINESS:
		t->swappiness = v;
		break;
	case PAGE_CLUSTER:
		t->page_cluster = v;
		break;
	case PANIC_ON_OOM:
		t->panic_on_oom = v;
		break;
	case OOM_KILL_ALLOCATING_TASK:
		t->oom_kill_allocating_task = v;
		break;
	case MIN_UNMAPPED_RATIO:
		t->min_unmapped_ratio = v;
		nb_setup_reclaim_ratios(sys);
		break;
	case MIN_SLAB_RATIO:
		t->min_slab_ratio = v;
		nb_setup_reclaim_ratios(sys);
		break;
	case COMPACTION_PROACTIVENESS:
		t->compaction_proactiveness = v;
		nb_kcompactd_trigger(sys);
		break;
	case EXTFRAG_THRESHOLD:
		t->extfrag_threshold = v;
		break;
	case COMPACT_UNEVICTABLE_ALLOWED:
		t->compact_unevictable_allowed = v;
		break;
	case COMPACT_MEMORY:
		(void)nb_compact_node(sys, -1, 0);
		break;
	default:
		t->numa_balancing = v;
		break;
	}
}

/* Ratio and bytes exclude each other: the one that is given makes the other 0.
 * Source: dirty_ratio_handler(), dirty_bytes_handler(). */
static void store_dirty(struct nb_system *sys, unsigned id, uint64_t v)
{
	struct nb_tunables *t = &sys->tune;

	switch (id) {
	case DIRTY_RATIO:
		t->dirty_ratio = (unsigned)v;
		t->dirty_bytes = 0;
		break;
	case DIRTY_BACKGROUND_RATIO:
		t->dirty_background_ratio = (unsigned)v;
		t->dirty_background_bytes = 0;
		break;
	case DIRTY_BYTES:
		t->dirty_bytes = v;
		t->dirty_ratio = 0;
		break;
	case DIRTY_BACKGROUND_BYTES:
		t->dirty_background_bytes = v;
		t->dirty_background_ratio = 0;
		break;
	case DIRTY_EXPIRE_CENTISECS:
		t->dirty_expire_centisecs = (unsigned)v;
		break;
	case DIRTY_WRITEBACK_CENTISECS:
		t->dirty_writeback_centisecs = (unsigned)v;
		break;
	default:
		t->drop_caches = (unsigned)v;
		nb_drop_caches(sys, (unsigned)v);
		break;
	}
}

static int write_number(struct nb_system *sys, unsigned id, const char *value, struct nb_error *err)
{
	const struct sysctl *s = &sysctls[id];
	const char *text = value;
	int64_t v, max = max_of(sys, id);
	int64_t min = id == DIRTY_BYTES ? INT64_C(2) << sys->page_shift : s->min;

	if (read_int(&text, max > INT32_MAX ? max : INT32_MAX, &v))
		return not_a_number(s, value, err);
	if (v < min || v > max)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s: %lld is out of range; %lld to %lld is right", s->name,
				    (long long)v, (long long)min, (long long)max);
	if (id == PERCPU_PAGELIST_HIGH_FRACTION && v && v < HIGH_FRACTION_MIN)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s: %lld is out of range; 0, or %d and more is right", s->name,
				    (long long)v, HIGH_FRACTION_MIN);
	if (id >= OVERCOMMIT_MEMORY)
		nb_overcommit_set(sys, id - OVERCOMMIT_MEMORY, v);
	else if (id >= DIRTY_RATIO)
		store_dirty(sys, id, (uint64_t)v);
	else
		store(sys, id, (unsigned)v);
	return 0;
}

/* Changes of one character that turn a into b, counted up to 63 characters. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[64], la = (unsigned)nb_strlen(a), lb = (unsigned)nb_strlen(b);

	if (la > 63 || lb > 63)
		return 64;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned best = diag + (a[i - 1] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

/* The names that this kernel has, each behind a blank. */
static const char *known_names(const struct nb_system *sys, char *buf, size_t size)
{
	size_t at = 0;

	for (unsigned id = 0; id < NR_SYSCTLS; id++)
		if (known_here(sys, id) && at < size)
			at += (size_t)nb_snprintf(buf + at, size - at, " %s", sysctls[id].name);
	return buf;
}

static int unknown(const struct nb_system *sys, const char *name, struct nb_error *err)
{
	unsigned best = NR_SYSCTLS, least = 0;

	for (unsigned id = 0; id < NR_SYSCTLS; id++) {
		const char *s = sysctls[id].name, *bare = s;
		unsigned d;

		while (*bare != '.')
			bare++;
		if (!nb_strcmp(name, s))
			return nb_error_set(err, -NB_ENOENT, 0,
					    "%s: this kernel (%s, %s) has no such sysctl", s,
					    sys->profile->key, nb_arch_name(sys->machine->arch));
		d = nb_strcmp(name, bare + 1) ? edit_distance(name, s) : 0;
		if (best == NR_SYSCTLS || d < least) {
			best = id;
			least = d;
		}
	}
	if (least <= nb_strlen(name) / 3)
		return nb_error_set(err, -NB_ENOENT, 0, "unknown sysctl '%.*s'; did you mean %s?",
				    60, name, sysctls[best].name);
	return nb_error_set(err, -NB_ENOENT, 0, "unknown sysctl '%.*s'; known are%s", 60, name,
			    known_names(sys, (char[1024]){0}, 1024));
}

static unsigned find(const struct nb_system *sys, const char *name)
{
	for (unsigned id = 0; id < NR_SYSCTLS; id++) {
		if (!nb_strcmp(name, sysctls[id].name) && known_here(sys, id))
			return id;
	}
	return NR_SYSCTLS;
}

/* Names that hugetlb_sysfs.c has. */
static int write_elsewhere(struct nb_system *sys, const char *name, const char *value,
			   struct nb_error *err)
{
	int ret = nb_hugetlb_sysctl_write(sys, NULL, name, value);

	if (ret == -NB_ENOENT)
		return unknown(sys, name, err);
	return ret ? nb_error_set(err, ret, 0, "%s: '%.*s' is no count of huge pages", name, 60,
				  value)
		   : 0;
}

int nb_sysctl_write(struct nb_system *sys, const char *name, const char *value,
		    struct nb_error *err)
{
	unsigned id = find(sys, name);

	switch (id) {
	case NR_SYSCTLS:
		return write_elsewhere(sys, name, value, err);
	case LOWMEM_RESERVE_RATIO:
		return write_ratios(sys, value, err);
	case NUMA_ZONELIST_ORDER:
		return write_order(sys, value, err);
	default:
		return write_number(sys, id, value, err);
	}
}

static int64_t value_of(const struct nb_system *sys, unsigned id)
{
	const struct nb_tunables *t = &sys->tune;

	if (id >= OVERCOMMIT_MEMORY)
		return nb_overcommit_get(sys, id - OVERCOMMIT_MEMORY);
	switch (id) {
	case MIN_FREE_KBYTES:
		return t->min_free_kbytes;
	case WATERMARK_SCALE_FACTOR:
		return t->watermark_scale_factor;
	case WATERMARK_BOOST_FACTOR:
		return t->watermark_boost_factor;
	case PERCPU_PAGELIST_HIGH_FRACTION:
		return t->percpu_pagelist_high_fraction;
	case ZONE_RECLAIM_MODE:
		return t->zone_reclaim_mode;
	case NUMA_STAT:
		return t->numa_stat;
	case SWAPPINESS:
		return t->swappiness;
	case PAGE_CLUSTER:
		return t->page_cluster;
	case PANIC_ON_OOM:
		return t->panic_on_oom;
	case OOM_KILL_ALLOCATING_TASK:
		return t->oom_kill_allocating_task;
	case COMPACTION_PROACTIVENESS:
		return t->compaction_proactiveness;
	case EXTFRAG_THRESHOLD:
		return t->extfrag_threshold;
	case COMPACT_UNEVICTABLE_ALLOWED:
		return t->compact_unevictable_allowed;
	case COMPACT_MEMORY:
		return 0;
	case MIN_UNMAPPED_RATIO:
		return t->min_unmapped_ratio;
	case MIN_SLAB_RATIO:
		return t->min_slab_ratio;
	case DIRTY_RATIO:
		return t->dirty_ratio;
	case DIRTY_BACKGROUND_RATIO:
		return t->dirty_background_ratio;
	case DIRTY_BYTES:
		return (int64_t)t->dirty_bytes;
	case DIRTY_BACKGROUND_BYTES:
		return (int64_t)t->dirty_background_bytes;
	case DIRTY_EXPIRE_CENTISECS:
		return t->dirty_expire_centisecs;
	case DIRTY_WRITEBACK_CENTISECS:
		return t->dirty_writeback_centisecs;
	case DROP_CACHES:
		return t->drop_caches;
	default:
		return t->numa_balancing;
	}
}

int nb_sysctl_read(const struct nb_system *sys, const char *name, char *buf, size_t n)
{
	unsigned id = find(sys, name);
	size_t len = 0;

	if (id == NR_SYSCTLS)
		return nb_hugetlb_sysctl_read(sys, name, buf, n);
	if (id == NUMA_ZONELIST_ORDER)
		return (int)nb_snprintf(
			buf, n, "%s",
			sys->profile->zone_order_option ? sys->tune.zonelist_order_text : "Node");
	if (id != LOWMEM_RESERVE_RATIO)
		return (int)nb_snprintf(buf, n, "%lld", (long long)value_of(sys, id));
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (!nb_zone_configured(sys, (enum nb_zone_type)t))
			continue;
		len += nb_snprintf(len < n ? buf + len : NULL, len < n ? n - len : 0, "%s%u",
				   len ? "\t" : "", sys->tune.lowmem_reserve_ratio[t]);
	}
	return (int)len;
}

const char *nb_sysctl_name(unsigned i)
{
	return i < NR_SYSCTLS ? sysctls[i].name : NULL;
}
