/* swapin.c -- where pages are after they were swapped out and touched again: every recorded case.
 *
 * Each line of $NUMABOX_ORACLE/policy/swapin-*: two regions A and B under their policies are
 * touched, paged out, and touched again in some pattern, perhaps by another CPU or under another
 * task policy. The cases of a directory are played one after the other on one machine, as they were
 * recorded: on a disk that turns the slots decide which pages come back together, and those hang on
 * what was in use, in batches of CPUs, and given back before. Everything is compared page by page:
 * nodes, slots where they were recorded, and the counts of reads, faults and hits.
 *
 * Beside A and B the recorded program had pages of its own in the same group: where its counters
 * say that they were reclaimed, too, four pages below A went out after B and were read again in an
 * order of their own, the same each time.
 */
#include "../unit/mm/sysbox.h"
#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swap_area.h"
#include "mm/vmstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define A_BASE UINT64_C(0x10000000)
#define B_BASE UINT64_C(0x40000000)
#define OWN_BASE UINT64_C(0x600000)
#define OWN_PAGES 16
#define MAX_PAGES 1024

struct play {
	struct sysbox box;
	struct nb_task *t;
	unsigned pages, own; /* of a region; the program's own that went out */
	int cpu;
	unsigned compared, equal;
	uint64_t before[4]; /* the counted events */
};

/* What is counted, under the recording's names. */
static const struct {
	const char *name;
	enum nb_vm_event_item event;
} counted[] = {{"pswpin", NB_VM_PSWPIN},
	       {"swap_ra", NB_VM_SWAP_RA},
	       {"swap_ra_hit", NB_VM_SWAP_RA_HIT},
	       {"pgmajfault", NB_VM_PGMAJFAULT}};

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void set_policy(struct play *p, const char *name)
{
	static const struct {
		const char *name;
		int mode;
		uint64_t mask;
	} known[] = {
		{"default", NB_MPOL_DEFAULT, 0}, {"bind0", NB_MPOL_BIND, 1},
		{"bind1", NB_MPOL_BIND, 2},      {"ilv", NB_MPOL_INTERLEAVE, 3},
		{"pref0", NB_MPOL_PREFERRED, 1}, {"pref1", NB_MPOL_PREFERRED, 2},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct nb_nodemask m = sysbox_mask(known[i].mask);

		if (strcmp(name, known[i].name))
			continue;
		assert_int_equal(nb_set_mempolicy(p->t, known[i].mode, known[i].mask ? &m : NULL),
				 0);
		return;
	}
	fail_msg("unknown policy %s", name);
}

static void touch(struct play *p, uint64_t base, unsigned page, bool write)
{
	uint64_t n;

	assert_int_equal(nb_touch(p->t, base + page * PAGE, PAGE, write, &n), 0);
}

static void run_on(struct play *p, int cpu)
{
	struct nb_cpumask m;

	memset(&m, 0, sizeof(m));
	nb_cpumask_set(&m, (unsigned)cpu);
	assert_int_equal(nb_sched_setaffinity(p->t, &m), 0);
}

static void page_out(struct play *p, uint64_t addr)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(p->box.sys, nb_task_pfn(p->t, addr), &z);

	nb_lru_add_drain_all(p->box.sys);
	assert_true(nb_lru_isolate(p->box.sys, z, page));
	(void)p->box.sys->hooks.reclaim_page(p->box.sys, z, page, p->cpu);
}

/* What reclaim of the cgroup did afterwards: pages that are only cached go. */
static void drop_cached(struct play *p)
{
	struct nb_system *sys = p->box.sys;

	nb_swap_poll(sys, true);
	nb_lru_add_drain_all(sys);
	for (uint64_t slot = 1; slot < sys->swap->area[0]->opt.pages; slot++) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_swap_cached_page(sys, sys->swap->area[0], slot, &z);

		if (page && nb_lru_isolate(sys, z, page))
			(void)sys->hooks.reclaim_page(sys, z, page, p->cpu);
	}
	assert_int_equal(sys->swap->nr_cached, 0);
}

static void fill_and_swap_out(struct play *p, const json_t *o)
{
	bool alternate = strncmp(str(o, "first_touch"), "alternate", 9) == 0;

	for (unsigned i = 0; i < p->own; i++)
		touch(p, OWN_BASE, i, true);
	for (unsigned i = 0; i < p->pages; i++) {
		touch(p, A_BASE, i, true);
		if (alternate)
			touch(p, B_BASE, i, true);
	}
	for (unsigned i = 0; !alternate && i < p->pages; i++)
		touch(p, B_BASE, i, true);
	for (unsigned i = 0; i < p->pages; i++) {
		page_out(p, A_BASE + i * PAGE);
		if (alternate)
			page_out(p, B_BASE + i * PAGE);
	}
	for (unsigned i = 0; !alternate && i < p->pages; i++)
		page_out(p, B_BASE + i * PAGE);
	for (unsigned i = 0; i < p->own; i++)
		page_out(p, OWN_BASE + i * PAGE);
	drop_cached(p);
}

/* The program goes on: it needs its own pages. */
static void touch_own(struct play *p)
{
	static const unsigned order[] = {2, 3, 1, 0};

	for (unsigned i = 0; i < 4 && p->own; i++) {
		if (order[i] < p->own)
			touch(p, OWN_BASE, order[i], false);
	}
	for (unsigned i = 4; i < p->own; i++)
		touch(p, OWN_BASE, i, false);
}

static void touch_pattern(struct play *p, int64_t pattern)
{
	unsigned n = p->pages;

	switch (pattern) {
	case 1: /* the middle page of A, then B, then A */
		touch(p, A_BASE, n / 2, false);
		for (unsigned i = 0; i < n; i++)
			touch(p, B_BASE, i, false);
		for (unsigned i = 0; i < n; i++)
			touch(p, A_BASE, i, false);
		return;
	case 2: /* every eighth of A, then B, then A */
		for (unsigned i = 0; i < n; i += 8)
			touch(p, A_BASE, i, false);
		for (unsigned i = 0; i < n; i++)
			touch(p, B_BASE, i, false);
		for (unsigned i = 0; i < n; i++)
			touch(p, A_BASE, i, false);
		return;
	case 3: /* down, A written (half of the cached pages go), B read */
		for (unsigned i = n; i--;)
			touch(p, A_BASE, i, true);
		for (unsigned i = n; i--;)
			touch(p, B_BASE, i, false);
		return;
	default:
		for (unsigned i = 0; i < n; i++)
			touch(p, pattern == 4 ? B_BASE : A_BASE, i, false);
		for (unsigned i = 0; i < n; i++)
			touch(p, pattern == 4 ? A_BASE : B_BASE, i, false);
		return;
	}
}

/* Page by page against run lengths [["node", n, pages], ...], as far as these go; and the nodes'
 * sums against {"0": pages, ...}. */
static void compare(struct play *p, uint64_t base, const json_t *runs, const json_t *sums)
{
	unsigned at = 0, on[2] = {0, 0};
	const json_t *r;
	size_t i;

	json_array_foreach(runs, i, r)
	{
		int64_t node = json_integer_value(json_array_get(r, 1));

		for (int64_t k = json_integer_value(json_array_get(r, 2)); k--; at++)
			p->equal += nb_task_node(p->t, base + at * PAGE) == (int)node;
	}
	p->compared += at + 2;
	for (unsigned k = 0; k < p->pages; k++)
		on[nb_task_node(p->t, base + k * PAGE) == 1]++;
	p->equal += on[0] == (unsigned)num(sums, "0");
	p->equal += on[1] == (unsigned)num(sums, "1");
}

static void compare_slots(struct play *p, uint64_t base, const json_t *slots)
{
	const json_t *r;
	size_t i;

	json_array_foreach(slots, i, r)
	{
		uint64_t slot = 0;
		unsigned area;

		(void)nb_task_swap_slot(p->t, base + i * PAGE, &area, &slot);
		p->equal += slot == (uint64_t)json_integer_value(r);
		p->compared++;
	}
}

static void begin_counting(struct play *p)
{
	for (unsigned i = 0; i < 4; i++)
		p->before[i] = nb_vm_event_sum(p->box.sys, counted[i].event);
}

static void compare_counts(struct play *p, const json_t *delta)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t n = nb_vm_event_sum(p->box.sys, counted[i].event) - p->before[i];

		p->equal += n == (uint64_t)num(delta, counted[i].name);
		p->compared++;
	}
}

static void boot(struct play *p, enum nb_swap_device device)
{
	struct nb_swap_options opt = {.pages = 262144, .priority = -1, .device = device};
	unsigned area;

	sysbox_boot(&p->box, &(struct sysbox_spec){.nodes = "384M:1 384M:1"});
	assert_int_equal(nb_swapon(p->box.sys, &opt, &area), 0);
}

static void make(struct play *p, const json_t *o)
{
	const json_t *vma = json_object_get(o, "vma_A");
	uint64_t a = A_BASE, b = B_BASE, own = OWN_BASE;

	assert_int_equal(nb_task_create(p->box.sys, (int)num(o, "cpu"), "swaptest", &p->t), 0);
	assert_int_equal(nb_mmap(p->t, own, OWN_PAGES * PAGE, 3, NB_MAP_FIXED, &own), 0);
	assert_int_equal(nb_mmap(p->t, a, p->pages * PAGE, 3, NB_MAP_FIXED, &a), 0);
	assert_int_equal(nb_mmap(p->t, b, p->pages * PAGE, 3, NB_MAP_FIXED, &b), 0);
	set_policy(p, str(o, "task_policy"));
	if (num(vma, "mode") >= 0) {
		struct nb_nodemask m = sysbox_mask((uint64_t)num(vma, "mask"));

		assert_int_equal(nb_mbind(p->t, a, p->pages * PAGE, (int)num(vma, "mode"), &m, 0),
				 0);
	}
}

/* How many of the program's own pages went out: more was stolen than A and B have. */
static unsigned own_pages(const struct play *p, const json_t *o)
{
	int64_t stolen = num(json_object_get(o, "vmstat_delta_pageout"), "pgsteal_anon");
	int64_t own = stolen - 2 * (int64_t)p->pages;

	return own < 0 ? 0 : own > OWN_PAGES ? OWN_PAGES : (unsigned)own;
}

/* Played up to where A and B are touched again. Where slots decide, what came in with the program's
 * own pages is compared. */
static void play_out(struct play *p, const json_t *o, bool by_slot)
{
	make(p, o);
	begin_counting(p);
	fill_and_swap_out(p, o);
	if (by_slot) {
		compare_slots(p, A_BASE, json_object_get(o, "A_slots"));
		compare_slots(p, B_BASE, json_object_get(o, "B_slots"));
	}
	touch_own(p);
	if (by_slot)
		compare_counts(p, json_object_get(o, "vmstat_delta_pageout"));
}

static void play_case(struct play *p, const json_t *o, bool by_slot)
{
	const char *later = str(o, "task_policy_at_swapin");
	unsigned before = p->equal, compared = p->compared;

	p->pages = (unsigned)num(o, "pages_each");
	assert_in_range(p->pages, 1, MAX_PAGES);
	p->cpu = (int)num(o, "cpu");
	p->own = own_pages(p, o);
	play_out(p, o, by_slot);
	run_on(p, (int)num(o, "touch_cpu"));
	if (strcmp(later, str(o, "task_policy")))
		set_policy(p, later);
	begin_counting(p);
	touch_pattern(p, num(o, "pattern"));
	compare_counts(p, json_object_get(o, "vmstat_delta"));
	compare(p, A_BASE, json_object_get(o, "A_end"), json_object_get(o, "per_node_A_end"));
	compare(p, B_BASE, json_object_get(o, "B_end"), json_object_get(o, "per_node_B_end"));
	if (p->equal - before != p->compared - compared)
		print_message("# %s vma_A %lld task %s/%s %s pattern %lld: %u of %u\n",
			      str(o, "tag"), (long long)num(json_object_get(o, "vma_A"), "mode"),
			      str(o, "task_policy"), later, str(o, "first_touch"),
			      (long long)num(o, "pattern"), p->equal - before,
			      p->compared - compared);
	nb_task_exit(p->t);
	nb_task_put(p->t);
}

/* All lines of a file. */
static void play_file(struct play *p, const char *dir, const char *name, const char *cluster,
		      bool by_slot)
{
	char path[1100], *line = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return;
	assert_int_equal(nb_sysctl_write(p->box.sys, "vm.page-cluster", cluster, NULL), 0);
	while (getline(&line, &cap, f) > 0) {
		json_t *o = json_loads(line, 0, NULL);

		if (o && json_object_get(o, "A_end"))
			play_case(p, o, by_slot);
		json_decref(o);
	}
	free(line);
	fclose(f);
}

/* A directory is one boot: swapin.jsonl, then the same without read-ahead. */
static void each_run(struct play *p)
{
	const char *root = getenv("NUMABOX_ORACLE");
	char dir[512], path[1024];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/policy", root ? root : "");
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		bool turns = strstr(e->d_name, "rot") != NULL;
		bool zram = strstr(e->d_name, "zram") != NULL;

		if (strncmp(e->d_name, "swapin-", 7))
			continue;
		boot(p, turns ? NB_SWAP_ROTATIONAL : zram ? NB_SWAP_SYNCHRONOUS : NB_SWAP_SSD);
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		play_file(p, path, "swapin.jsonl", "3", turns);
		play_file(p, path, "swapin-page-cluster-0.jsonl", "0", turns);
		assert_int_equal(nb_system_check(p->box.sys, NULL), 0);
		sysbox_end(&p->box);
	}
	if (d)
		closedir(d);
}

static void test_swapin(void **state)
{
	struct play p = {.compared = 0};

	(void)state;
	each_run(&p);
	if (!p.compared)
		skip();
	print_message("# %u of %u nodes, slots and counts as recorded\n", p.equal, p.compared);
	assert_int_equal(p.equal, p.compared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_swapin)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
