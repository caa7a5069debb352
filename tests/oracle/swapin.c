/* swapin.c -- where pages are after they were swapped out and touched again: every recorded case.
 *
 * Each line of $NUMABOX_ORACLE/policy/swapin-*: two regions A and B under their policies are
 * touched, paged out, and touched again in some pattern, perhaps by another CPU or under another
 * task policy. Where nothing is read ahead (page-cluster 0), or along the address space (a device
 * that does not turn), every page's node follows and is compared. On a disk that turns the slots
 * decide, which a recording does not tell: there it is compared which pages the node can be known
 * of, and the rest is reported.
 */
#include "../unit/mm/sysbox.h"
#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swap_area.h"

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
#define MAX_PAGES 1024

struct play {
	struct sysbox box;
	struct nb_task *t;
	unsigned pages;
	unsigned compared, equal;
};

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
	(void)p->box.sys->hooks.reclaim_page(p->box.sys, z, page, 0);
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
			(void)sys->hooks.reclaim_page(sys, z, page, 0);
	}
	assert_int_equal(sys->swap->nr_cached, 0);
}

static void fill_and_swap_out(struct play *p, const json_t *o)
{
	bool alternate = strncmp(str(o, "first_touch"), "alternate", 9) == 0;

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
	drop_cached(p);
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
	case 3: /* down, writing */
		for (unsigned i = n; i--;)
			touch(p, A_BASE, i, true);
		for (unsigned i = n; i--;)
			touch(p, B_BASE, i, true);
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

static void boot(struct play *p, enum nb_swap_device device, const char *cluster)
{
	struct nb_swap_options opt = {.pages = 16384, .priority = -1, .device = device};
	unsigned area;

	sysbox_boot(&p->box, &(struct sysbox_spec){.nodes = "384M:1 384M:1"});
	assert_int_equal(nb_sysctl_write(p->box.sys, "vm.page-cluster", cluster, NULL), 0);
	assert_int_equal(nb_swapon(p->box.sys, &opt, &area), 0);
}

static void make(struct play *p, const json_t *o)
{
	const json_t *vma = json_object_get(o, "vma_A");
	uint64_t a = A_BASE, b = B_BASE;

	assert_int_equal(nb_task_create(p->box.sys, (int)num(o, "cpu"), "swaptest", &p->t), 0);
	assert_int_equal(nb_mmap(p->t, a, p->pages * PAGE, 3, NB_MAP_FIXED, &a), 0);
	assert_int_equal(nb_mmap(p->t, b, p->pages * PAGE, 3, NB_MAP_FIXED, &b), 0);
	set_policy(p, str(o, "task_policy"));
	if (num(vma, "mode") >= 0) {
		struct nb_nodemask m = sysbox_mask((uint64_t)num(vma, "mask"));

		assert_int_equal(nb_mbind(p->t, a, p->pages * PAGE, (int)num(vma, "mode"), &m, 0),
				 0);
	}
}

/* A case; pages equal, of all. */
static void play_case(struct play *p, const json_t *o)
{
	const char *later = str(o, "task_policy_at_swapin");
	unsigned before = p->equal, compared = p->compared;

	p->pages = (unsigned)num(o, "pages_each");
	assert_in_range(p->pages, 1, MAX_PAGES);
	make(p, o);
	fill_and_swap_out(p, o);
	run_on(p, (int)num(o, "touch_cpu"));
	if (strcmp(later, str(o, "task_policy")))
		set_policy(p, later);
	touch_pattern(p, num(o, "pattern"));
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
	assert_int_equal(p->box.sys->swap->nr_free,
			 p->box.sys->swap->nr_total - p->box.sys->swap->cpu[0]->nr -
				 (p->box.sys->swap->cpu[1] ? p->box.sys->swap->cpu[1]->nr : 0));
}

/* All lines of a file. */
static void play_file(const char *path, struct play *p, enum nb_swap_device device,
		      const char *cluster)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	if (!f)
		return;
	boot(p, device, cluster);
	while (getline(&line, &cap, f) > 0) {
		json_t *o = json_loads(line, 0, NULL);

		if (o && json_object_get(o, "A_end"))
			play_case(p, o);
		json_decref(o);
	}
	free(line);
	fclose(f);
	sysbox_end(&p->box);
}

static void each_run(struct play *exact, struct play *disk)
{
	const char *root = getenv("NUMABOX_ORACLE");
	char dir[512], path[1100];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/policy", root ? root : "");
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		bool turns = strstr(e->d_name, "rot") != NULL;

		if (strncmp(e->d_name, "swapin-", 7))
			continue;
		snprintf(path, sizeof(path), "%s/%s/swapin-page-cluster-0.jsonl", dir, e->d_name);
		play_file(path, exact, turns ? NB_SWAP_ROTATIONAL : NB_SWAP_SSD, "0");
		snprintf(path, sizeof(path), "%s/%s/swapin.jsonl", dir, e->d_name);
		play_file(path, turns ? disk : exact, turns ? NB_SWAP_ROTATIONAL : NB_SWAP_SSD,
			  "3");
	}
	if (d)
		closedir(d);
}

static void test_swapin(void **state)
{
	struct play exact = {.compared = 0}, disk = {.compared = 0};

	(void)state;
	each_run(&exact, &disk);
	if (!exact.compared)
		skip();
	print_message("# %u of %u nodes as recorded; on a disk that turns %u of %u\n", exact.equal,
		      exact.compared, disk.equal, disk.compared);
	assert_int_equal(exact.equal, exact.compared);
	assert_true(disk.equal * 10 >= disk.compared * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_swapin)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
