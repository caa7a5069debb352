/* huge.c -- random work on huge pages: pools, reservations, transparent ones, several processes.
 *
 * After each step counts equal recounts (nb_system_check(), which proves pools, address spaces,
 * leaves that wait behind huge pages), and every page that a model knows of is still where the
 * model says, whatever was split, shared, moved by mremap or collapsed around it. In the end
 * everything goes and every page is free again. The seed is printed; NUMABOX_SEED sets it.
 */
#include "../unit/mm/sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <numabox/file.h>
#include <numabox/hugetlb.h>
#include <numabox/mempolicy.h>

#include "mm/huge_memory.h"
#include "mm/hugetlb.h"

#define HUGE (UINT64_C(2) << 20)
#define PAGE UINT64_C(4096)
#define BASE UINT64_C(0x10000000)
#define AREAS 6u /* of anonymous memory, 4 huge pages each, far apart */
#define AREA_PAGES 4u
#define POOL_MAPS 6u /* of hugetlb */
#define TASKS 3u
#define DIR "/sys/kernel/mm/transparent_hugepage/"
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

struct pool_map {
	uint64_t addr, pages;
};

struct world {
	struct sysbox box;
	struct nb_task *task[TASKS];
	struct pool_map map[TASKS][POOL_MAPS];
	uint64_t rng, free_pages;
	unsigned step;
	char did[96];
};

static uint64_t roll(struct world *w, uint64_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng % n;
}

static uint64_t area(struct world *w)
{
	return BASE + roll(w, AREAS) * 64 * HUGE;
}

/* A range inside an area: whole huge pages half of the time. */
static void range(struct world *w, uint64_t *addr, uint64_t *len)
{
	uint64_t unit = roll(w, 2) ? HUGE : PAGE, units = AREA_PAGES * HUGE / unit;
	uint64_t first = roll(w, units);

	*addr = area(w) + first * unit;
	*len = (1 + roll(w, units - first)) * unit;
}

static void check(struct world *w)
{
	struct nb_error err = {0};

	if (nb_system_check(w->box.sys, &err))
		fail_msg("step %u, %s: %s", w->step, w->did, err.text);
}

static void write_sysfs(struct world *w, struct nb_task *t, const char *path, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	snprintf(w->did, sizeof(w->did), "%s > %s", text, path + 16);
	assert_int_equal(nb_sysfs_write(w->box.sys, t, path, text), 0);
}

static void do_pool(struct world *w, struct nb_task *t)
{
	static const char *const files[] = {
		POOL "nr_hugepages",
		POOL "nr_hugepages_mempolicy",
		POOL "nr_overcommit_hugepages",
		"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages",
		"/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages",
	};

	write_sysfs(w, t, files[roll(w, 5)], roll(w, 40));
}

static void do_policy(struct world *w, struct nb_task *t)
{
	static const int modes[] = {NB_MPOL_DEFAULT,   NB_MPOL_BIND,           NB_MPOL_INTERLEAVE,
				    NB_MPOL_PREFERRED, NB_MPOL_PREFERRED_MANY, NB_MPOL_LOCAL};
	int mode = modes[roll(w, 6)];
	struct nb_nodemask mask = sysbox_mask(1 + roll(w, 3));
	bool none = mode == NB_MPOL_DEFAULT || mode == NB_MPOL_LOCAL;

	snprintf(w->did, sizeof(w->did), "set_mempolicy(%d)", mode);
	(void)nb_set_mempolicy(t, mode, none ? NULL : &mask); /* not every kernel has each */
}

static void do_pool_map(struct world *w, unsigned k)
{
	struct pool_map *m = &w->map[k][roll(w, POOL_MAPS)];
	int flags = NB_MAP_HUGETLB | (roll(w, 3) ? NB_MAP_PRIVATE : NB_MAP_SHARED) |
		    (roll(w, 3) ? 0 : NB_MAP_NORESERVE) | (roll(w, 4) ? 0 : NB_MAP_POPULATE);
	uint64_t faulted, first;
	struct nb_nodemask one = sysbox_mask(1 + roll(w, 2));

	if (!m->pages) {
		m->pages = 1 + roll(w, 8);
		snprintf(w->did, sizeof(w->did), "mmap %" PRIu64 " huge", m->pages);
		if (nb_mmap(w->task[k], 0, m->pages * HUGE, NB_PROT_READ | NB_PROT_WRITE, flags,
			    &m->addr))
			m->pages = 0;
		return;
	}
	first = roll(w, m->pages);
	switch (roll(w, 5)) {
	case 0:
		snprintf(w->did, sizeof(w->did), "munmap the end of a huge mapping");
		assert_int_equal(
			nb_munmap(w->task[k], m->addr + first * HUGE, (m->pages - first) * HUGE),
			0);
		m->pages = first;
		break;
	case 1:
		snprintf(w->did, sizeof(w->did), "dontneed of huge pages");
		(void)nb_madvise(w->task[k], m->addr + first * HUGE, HUGE, NB_MADV_DONTNEED);
		break;
	case 2:
		snprintf(w->did, sizeof(w->did), "mbind of huge pages");
		(void)nb_mbind(w->task[k], m->addr, m->pages * HUGE, NB_MPOL_BIND, &one,
			       NB_MPOL_MF_MOVE);
		break;
	default:
		snprintf(w->did, sizeof(w->did), "touch huge pages");
		(void)nb_touch(w->task[k], m->addr + first * HUGE, (m->pages - first) * HUGE,
			       roll(w, 2), &faulted);
		break;
	}
}

static void do_area(struct world *w, struct nb_task *t)
{
	const int rw = NB_PROT_READ | NB_PROT_WRITE;
	struct nb_nodemask one = sysbox_mask(1 + roll(w, 2));
	uint64_t addr, len, got;
	unsigned what = (unsigned)roll(w, 12);

	range(w, &addr, &len);
	snprintf(w->did, sizeof(w->did), "%u on %#" PRIx64 " + %#" PRIx64, what, addr, len);
	switch (what) {
	case 0:
		(void)nb_munmap(t, addr, len);
		break;
	case 1:
		(void)nb_madvise(t, addr, len, NB_MADV_DONTNEED);
		break;
	case 2:
		(void)nb_mprotect(t, addr, len, roll(w, 2) ? NB_PROT_READ : rw);
		break;
	case 3:
		(void)nb_madvise(t, addr, len, roll(w, 2) ? NB_MADV_HUGEPAGE : NB_MADV_NOHUGEPAGE);
		break;
	case 4:
		(void)nb_mbind(t, addr, len, NB_MPOL_BIND, &one, NB_MPOL_MF_MOVE);
		break;
	case 5:
		(void)nb_madvise(t, addr, len, NB_MADV_COLLAPSE);
		break;
	case 6:
		(void)(roll(w, 2) ? nb_mlock(t, addr, len) : nb_munlock(t, addr, len));
		break;
	case 7:
		(void)nb_mremap(t, addr, len, len, NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED,
				area(w) + 32 * HUGE + roll(w, 4) * (roll(w, 2) ? HUGE : PAGE),
				&got);
		break;
	case 8:
		addr = area(w);
		(void)nb_mmap(t, addr, AREA_PAGES * HUGE, rw, NB_MAP_FIXED, &addr);
		break;
	default:
		(void)nb_touch(t, addr, len, roll(w, 4) != 0, &got);
		break;
	}
}

static void do_family(struct world *w, unsigned k)
{
	unsigned other = 1 + (unsigned)roll(w, TASKS - 1);

	if (k == other)
		return;
	snprintf(w->did, sizeof(w->did), "fork of %u in place of %u", k, other);
	if (w->task[other]) {
		nb_task_exit(w->task[other]);
		nb_task_put(w->task[other]);
		memset(w->map[other], 0, sizeof(w->map[other]));
		w->task[other] = NULL;
	}
	if (nb_task_fork(w->task[k], &w->task[other]))
		return;
	memcpy(w->map[other], w->map[k], sizeof(w->map[k]));
}

static void do_step(struct world *w)
{
	static const char *const enabled[] = {"always", "always", "madvise", "never"};
	unsigned k = (unsigned)roll(w, TASKS);

	if (!w->task[k])
		k = 0;
	switch (roll(w, 20)) {
	case 0:
		do_pool(w, w->task[k]);
		break;
	case 1:
		do_policy(w, w->task[k]);
		break;
	case 2:
		do_family(w, k);
		break;
	case 3:
		snprintf(w->did, sizeof(w->did), "khugepaged");
		nb_system_set_time_ns(w->box.sys,
				      nb_system_time_ns(w->box.sys) + UINT64_C(11000000000));
		(void)nb_khugepaged_step(w->box.sys);
		break;
	case 4:
		assert_int_equal(
			nb_sysfs_write(w->box.sys, NULL, DIR "enabled", enabled[roll(w, 4)]), 0);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		do_pool_map(w, k);
		break;
	default:
		do_area(w, w->task[k]);
		break;
	}
}

static void run(uint64_t seed, const char *kernel, unsigned steps)
{
	struct sysbox_spec spec = {.nodes = "768M:2 768M:2", .kernel = kernel};
	struct world w = {.rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};

	sysbox_boot(&w.box, &spec);
	w.free_pages = sysbox_free_pages(&w.box);
	assert_int_equal(nb_task_create(w.box.sys, 0, "huge", &w.task[0]), 0);
	for (w.step = 0; w.step < steps; w.step++) {
		do_step(&w);
		check(&w);
	}
	for (unsigned k = 0; k < TASKS; k++) {
		if (!w.task[k])
			continue;
		nb_task_exit(w.task[k]);
		nb_task_put(w.task[k]);
	}
	snprintf(w.did, sizeof(w.did), "the end");
	/* what is left as surplus on a node without pages has to be wanted first, as in Linux */
	write_sysfs(&w, NULL, POOL "nr_hugepages", nb_hstate_by_bytes(w.box.sys, HUGE)->nr);
	write_sysfs(&w, NULL, POOL "nr_hugepages", 0);
	nb_thp_shrink_zero(w.box.sys);
	nb_drain_pages(w.box.sys, -1);
	check(&w);
	assert_int_equal(nb_hstate_by_bytes(w.box.sys, HUGE)->resv, 0);
	assert_int_equal(nb_hstate_by_bytes(w.box.sys, HUGE)->nr, 0);
	assert_int_equal(sysbox_free_pages(&w.box), w.free_pages);
	sysbox_end(&w.box);
}

static void test_random(void **state)
{
	static const char *const kernels[] = {"6.12", "6.1", "6.18", "4.18"};
	const char *given = getenv("NUMABOX_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 20240521;

	(void)state;
	print_message("# seed %" PRIu64 "\n", seed);
	for (unsigned i = 0; i < 4; i++)
		run(seed + i, kernels[i], 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests_name("property/huge", tests, NULL, NULL);
}
