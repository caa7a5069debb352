/* whole.c -- everything at once: processes, files, huge pages, policies, cpusets, swap, daemons and
 * kernel allocations on random machines, whose pages hold bytes.
 *
 * Machines have 1 to 8 unequal nodes, some without memory, some without CPUs, with and without
 * ZONE_MOVABLE, under several kernels. A model knows for each process and page what must be read
 * there. After each step nb_system_check() recounts everything, and a process reads some of its
 * pages; new private pages of a process lie inside the mask that binds them and inside its cpuset.
 * In the end all goes, and every page is back. The seed is printed; NUMABOX_SEED repeats a run,
 * NUMABOX_STEPS sets its length.
 */
#include "whole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <numabox/compaction.h>
#include <numabox/hugetlb.h>
#include <numabox/oom.h>
#include <numabox/reclaim.h>

#include "mm/hugetlb.h"
#include "mm/huge_memory.h"
#include "mm/lru.h"
#include "mm/nodemask.h"
#include "mm/writeback.h"

#define MACHINES 10u
#define STEPS 260u
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define DIR "/sys/kernel/mm/transparent_hugepage/"

uint64_t whole_pick(struct whole *w, uint64_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (w->rng >> 11) % n;
}

struct nb_nodemask whole_nodes(struct whole *w)
{
	return sysbox_mask(whole_pick(w, UINT64_C(1) << (w->nr_nodes + (whole_pick(w, 8) == 0))));
}

void whole_check(struct whole *w)
{
	struct nb_error err = {0};

	if (nb_system_check(w->sys, &err))
		fail_msg("machine %u (%s; %s; %s), step %u, %s: %s", w->machine, w->nodes,
			 w->kernel, w->cmdline, w->step, w->did, err.text);
}

void whole_leave(struct whole *w, struct process *p)
{
	(void)w;
	nb_task_exit(p->task);
	nb_task_put(p->task);
	memset(p, 0, sizeof(*p));
}

void whole_bury(struct whole *w)
{
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (w->process[i].task && !nb_task_alive(w->process[i].task)) {
			w->kills++;
			whole_leave(w, &w->process[i]);
		}
	}
}

/* ---- the machine ---- */

/* "96M:1 0:2 37M:0": node 0 has enough for the rest to live on. */
static void shape(struct whole *w)
{
	static const char *const kernels[] = {"6.12", "6.18", "6.1", "6.8", "5.10", "4.18"};
	static const char *const words[] = {"",
					    "kernelcore=24M",
					    "movablecore=40%",
					    "kernelcore=60%",
					    "transparent_hugepage=always la57",
					    "hugepages=3"};
	unsigned at = 0;

	w->nr_nodes = 1 + (unsigned)whole_pick(w, 8);
	for (unsigned i = 0; i < w->nr_nodes; i++) {
		unsigned size = i && whole_pick(w, 5) == 0 ? 0 : 3 + (unsigned)whole_pick(w, 29);
		unsigned cpus = i && whole_pick(w, 4) == 0 ? 0 : 1 + (unsigned)whole_pick(w, 2);

		at += (unsigned)snprintf(w->nodes + at, sizeof(w->nodes) - at, "%s%uM:%u",
					 i ? " " : "", i ? size : size + 20, cpus);
		w->nr_cpus += cpus;
	}
	w->kernel = kernels[whole_pick(w, 6)];
	w->cmdline = words[whole_pick(w, 6)];
}

static void wait_for(void *ctx, struct nb_task *t, enum nb_wait_reason reason, uint64_t until_ns)
{
	struct whole *w = ctx;

	(void)t;
	(void)reason;
	if (!w->sys) /* in the middle of boot */
		return;
	if (until_ns == UINT64_MAX || until_ns > nb_system_time_ns(w->sys) + 200000000)
		until_ns = nb_system_time_ns(w->sys) + 200000000;
	for (unsigned n = 0; n < 1000; n++) {
		uint64_t next = nb_writeback_step(w->sys);

		if (next > until_ns)
			break;
		if (next > nb_system_time_ns(w->sys))
			nb_system_set_time_ns(w->sys, next);
	}
	if (until_ns > nb_system_time_ns(w->sys))
		nb_system_set_time_ns(w->sys, until_ns);
}

static void boot(struct whole *w)
{
	const struct nb_boot_options opt = {.backed = true, .seed = w->rng};
	struct sysbox_spec spec;
	struct nb_error err = {0};

	shape(w);
	spec = (struct sysbox_spec){
		.nodes = w->nodes, .kernel = w->kernel, .cmdline = *w->cmdline ? w->cmdline : NULL};
	sysbox_machine(&w->box, &spec);
	w->box.port.ctx = w;
	w->box.port.wait = wait_for;
	if (nb_system_boot(&w->box.port, w->box.machine, &opt, &w->box.sys, &err))
		fail_msg("%s: %s", w->nodes, err.text);
	w->sys = w->box.sys;
	w->driven = whole_pick(w, 2);
	if (whole_pick(w, 2)) /* less than 512 MiB: off by default */
		assert_int_equal(nb_sysfs_write(w->sys, NULL, DIR "enabled", "always"), 0);
	if (w->driven) {
		assert_int_equal(nb_kswapd_start(w->sys, NULL, NULL), 0);
		assert_int_equal(nb_kcompactd_start(w->sys, NULL, NULL), 0);
	}
}

static uint64_t free_pages(struct whole *w)
{
	nb_lru_add_drain_all(w->sys);
	return sysbox_free_pages(&w->box);
}

/* ---- what a process reads ---- */

static void read_some(struct whole *w, struct process *p)
{
	unsigned from = (unsigned)whole_pick(w, PAGES), n = 1 + (unsigned)whole_pick(w, 64);

	for (unsigned i = from; i < from + n && i < PAGES; i++) {
		const struct slot *s = &p->slot[i];
		uint64_t faulted, found = 0, want = s->mapped ? whole_value(w, s) : 0;
		int err = nb_touch(p->task, at(i), PAGE, false, &faulted);
		nb_pfn_t pfn;

		if (!nb_task_alive(p->task) || err == -NB_ENOMEM)
			break;
		if (err != (s->mapped && s->prot ? 0 : -NB_EFAULT))
			fail_msg("step %u, %s: reading page %u gives %d", w->step, w->did, i, err);
		if (err)
			continue;
		pfn = nb_task_pfn(p->task, at(i));
		if (pfn != NB_NO_PFN)
			memcpy(&found, (void *)(uintptr_t)nb_page_address(w->sys, pfn), 8);
		if (!s->unknown && found != want)
			fail_msg("machine %u (%s; %s; %s), step %u, %s: page %u reads %llu, not "
				 "%llu",
				 w->machine, w->nodes, w->kernel, w->cmdline, w->step, w->did, i,
				 (unsigned long long)found, (unsigned long long)want);
	}
	whole_bury(w);
}

/* ---- daemons, switches ---- */

static void run_daemons(struct whole *w)
{
	uint64_t now = nb_system_time_ns(w->sys) + 1000000 * (1 + whole_pick(w, 300)), next, n;

	nb_system_set_time_ns(w->sys, now);
	for (unsigned i = 0; w->driven && i < w->nr_nodes; i++) {
		next = now;
		for (n = 0; n < 20 && next <= now; n++) {
			uint64_t scanned;

			if (nb_kswapd_step(w->sys, (int)i, &next, &scanned))
				break;
		}
		next = now;
		for (n = 0; n < 20 && next <= now; n++) {
			uint64_t scanned;

			if (nb_kcompactd_step(w->sys, (int)i, &next, &scanned))
				break;
		}
	}
	(void)nb_writeback_step(w->sys);
	if (whole_pick(w, 3) == 0)
		(void)nb_khugepaged_step(w->sys);
	for (unsigned i = 0; i < w->nr_cpus; i++) {
		if (whole_pick(w, 2))
			(void)nb_vmstat_update(w->sys, (int)i);
	}
}

static void write_sysfs(struct whole *w, const char *path, unsigned v)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", v);
	(void)nb_sysfs_write(w->sys, NULL, path, text);
}

static void change_setting(struct whole *w)
{
	static const struct {
		const char *name, *value;
	} set[] = {
		{"kernel.numa_balancing", "1"}, {"kernel.numa_balancing", "0"},
		{"vm.zone_reclaim_mode", "1"},  {"vm.zone_reclaim_mode", "0"},
		{"vm.swappiness", "100"},       {"vm.swappiness", "0"},
		{"vm.swappiness", "60"},        {"vm.compact_memory", "1"},
		{"vm.drop_caches", "1"},        {"vm.min_free_kbytes", "512"},
		{"vm.min_free_kbytes", "3000"}, {"vm.watermark_boost_factor", "0"},
	};
	static const char *const enabled[] = {"always", "madvise", "never"};
	struct nb_error err = {0};
	unsigned i = (unsigned)whole_pick(w, 16);

	if (i < 12)
		(void)nb_sysctl_write(w->sys, set[i].name, set[i].value, &err);
	else if (i == 12)
		(void)nb_sysfs_write(w->sys, NULL, DIR "enabled", enabled[whole_pick(w, 3)]);
	else if (i == 13)
		(void)nb_lru_gen_set_enabled(w->sys, whole_pick(w, 2));
	else if (i == 14)
		write_sysfs(w, POOL "nr_hugepages", (unsigned)whole_pick(w, 12));
	else
		write_sysfs(w, POOL "nr_overcommit_hugepages", (unsigned)whole_pick(w, 6));
}

static void change_swap(struct whole *w)
{
	struct nb_swap_options opt = {.pages = 2 + whole_pick(w, 12000),
				      .priority = (int)whole_pick(w, 4) - 1,
				      .device = (enum nb_swap_device)whole_pick(w, 3),
				      .write_ns = whole_pick(w, 2) * 100000};
	unsigned area;

	if (whole_pick(w, 5) < 3)
		(void)nb_swapon(w->sys, &opt, &area);
	else
		(void)nb_swapoff(w->sys, (unsigned)whole_pick(w, 4));
}

/* The kernel's own pages, of all orders and kinds. */
static void kernel_pages(struct whole *w)
{
	static const nb_gfp_t gfps[] = {
		NB_GFP_KERNEL,   NB_GFP_ATOMIC,
		NB_GFP_HIGHUSER, NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE,
		NB_GFP_NOFS,     NB_GFP_KERNEL | NB_GFP_BIT_NORETRY | NB_GFP_BIT_COMP};
	unsigned i = (unsigned)whole_pick(w, BLOCKS), cpu = (unsigned)whole_pick(w, w->nr_cpus);

	if (w->block[i].pfn) {
		assert_int_equal(
			nb_free_pages(w->sys, (int)cpu, w->block[i].pfn - 1, w->block[i].order), 0);
		w->block[i].pfn = 0;
		return;
	}
	w->block[i].order = (unsigned)whole_pick(w, whole_pick(w, 4) ? 4 : 10);
	w->block[i].pfn =
		1 + nb_alloc_pages_node(w->sys, (int)cpu, whole_pick(w, 2) ? NB_NO_NODE : 0,
					gfps[whole_pick(w, 6)], w->block[i].order);
	if (w->block[i].pfn == NB_NO_PFN + 1)
		w->block[i].pfn = 0;
}

/* ---- the run ---- */

static void new_process(struct whole *w)
{
	unsigned cpu = (unsigned)whole_pick(w, w->nr_cpus);
	struct process *p = &w->process[whole_pick(w, PROCESSES)];

	if (!p->task)
		assert_int_equal(nb_task_create(w->sys, (int)cpu, "whole", &p->task), 0);
}

/* A memory cgroup, its limit, its members. */
static void change_group(struct whole *w, struct process *p)
{
	struct nb_memcg *root = nb_memcg_root(w->sys);
	uint64_t pages;

	if (!w->group) {
		assert_int_equal(nb_memcg_create(root, "group", &w->group), 0);
		return;
	}
	switch (whole_pick(w, 6)) {
	case 0:
		assert_int_equal(nb_memcg_attach(root, p->task), 0);
		break;
	case 1:
		pages = whole_pick(w, 4) ? 1000 + whole_pick(w, 8 * PAGES) : NB_MEMCG_MAX_PAGES;
		assert_int_equal(nb_memcg_write(w->group, NB_MEMCG_MAX, pages, 0), 0);
		break;
	case 2:
		(void)nb_memcg_reclaim(w->group, whole_pick(w, 200), 0, &pages);
		break;
	default:
		assert_int_equal(nb_memcg_attach(w->group, p->task), 0);
		break;
	}
}

static void step(struct whole *w)
{
	struct process *p = &w->process[whole_pick(w, PROCESSES)];

	w->did = "a new process";
	if (!p->task)
		new_process(w);
	else
		switch (whole_pick(w, 16)) {
		case 0:
			w->did = "daemons";
			run_daemons(w);
			break;
		case 1:
			w->did = "a setting";
			change_setting(w);
			break;
		case 2:
			w->did = "swap areas";
			change_swap(w);
			break;
		case 3:
			w->did = "kernel pages";
			kernel_pages(w);
			break;
		case 4:
		case 5:
			whole_place(w, p);
			break;
		case 6:
			whole_file(w, p);
			break;
		case 7:
			w->did = "a group";
			change_group(w, p);
			break;
		default:
			whole_work(w, p);
			break;
		}
	whole_bury(w);
}

static void end(struct whole *w)
{
	w->did = "the end";
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (w->process[i].task)
			whole_leave(w, &w->process[i]);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (w->block[i].pfn)
			assert_int_equal(
				nb_free_pages(w->sys, 0, w->block[i].pfn - 1, w->block[i].order),
				0);
	}
	whole_check(w);
	for (unsigned i = 0; i < OBJECTS; i++)
		nb_file_put(w->object[i].as);
	nb_disk_complete(w->sys, UINT64_MAX); /* requests hold their files */
	assert_null(nb_file_at(w->sys, 0));
	for (unsigned a = 0; a < NB_MAX_SWAPFILES; a++)
		(void)nb_swapoff(w->sys, a);
	write_sysfs(w, POOL "nr_overcommit_hugepages", 0);
	write_sysfs(w, POOL "nr_hugepages", (unsigned)nb_hstate_by_bytes(w->sys, HUGE)->nr);
	write_sysfs(w, POOL "nr_hugepages", 0);
	nb_thp_shrink_zero(w->sys);
	whole_check(w);
}

static void play(struct whole *w, unsigned steps)
{
	uint64_t pool, before;

	boot(w);
	pool = nb_hstate_by_bytes(w->sys, HUGE)->nr;
	before = free_pages(w) + pool * (HUGE / PAGE);
	for (unsigned i = 0; i < OBJECTS; i++)
		assert_int_equal(i % 2 ? nb_shmem_create(w->sys, "memory", OBJECT_PAGES * PAGE,
							 NULL, &w->object[i].as)
				       : nb_file_create(w->sys, "file", OBJECT_PAGES * PAGE,
							&w->object[i].as),
				 0);
	for (w->step = 0; w->step < steps; w->step++) {
		struct process *p;

		step(w);
		whole_check(w);
		p = &w->process[whole_pick(w, PROCESSES)];
		if (p->task)
			read_some(w, p);
	}
	end(w);
	assert_int_equal(free_pages(w), before);
	sysbox_end(&w->box);
}

static void test_random(void **state)
{
	const char *given = getenv("NUMABOX_SEED"), *steps = getenv("NUMABOX_STEPS");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	struct whole *w = calloc(1, sizeof(*w));
	unsigned kills = 0;

	(void)state;
	assert_non_null(w);
	print_message("# NUMABOX_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < MACHINES; i++) {
		memset(w, 0, sizeof(*w));
		w->machine = i;
		w->rng = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		play(w, steps ? (unsigned)strtoul(steps, NULL, 0) : STEPS);
		kills += w->kills;
	}
	print_message("# %u processes killed\n", kills);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests_name("property/whole", tests, NULL, NULL);
}
