/* Memory cgroups: the tree, charges, limits, reclaim of a group alone, its kills. */
#include "pressbox.h"

#include "mm/memcg.h"

#include <numabox/error.h>
#include <numabox/mempolicy.h>

#define MIB (1u << 20)
#define PAGES(mib) ((uint64_t)(mib)*MIB / PAGE)

static void sound(const struct pressbox *p)
{
	struct nb_error err = {0};

	if (nb_system_check(p->sys, &err))
		fail_msg("%s", err.text);
}

static struct nb_memcg *group(struct pressbox *p, const char *name)
{
	struct nb_memcg *cg;

	assert_int_equal(nb_memcg_create(nb_memcg_root(p->sys), name, &cg), 0);
	return cg;
}

static struct nb_memcg_info info_of(const struct nb_memcg *cg)
{
	struct nb_memcg_info info;

	nb_memcg_info(cg, &info);
	return info;
}

/* Names, members and life of groups. */
static void test_tree(void **state)
{
	struct nb_memcg *a, *b, *c;
	struct nb_task *child;
	struct pressbox p;
	char path[64];

	(void)state;
	pressbox_open(&p, "64M:1", false);
	assert_false(nb_memcg_in_use(p.sys));
	a = group(&p, "a");
	assert_true(nb_memcg_in_use(p.sys));
	assert_int_equal(nb_memcg_create(nb_memcg_root(p.sys), "a", &c), -NB_EEXIST);
	assert_int_equal(nb_memcg_create(nb_memcg_root(p.sys), "", &c), -NB_EINVAL);
	assert_int_equal(nb_memcg_create(nb_memcg_root(p.sys), "x/y", &c), -NB_EINVAL);
	assert_int_equal(nb_memcg_create(a, "b", &b), 0);
	nb_memcg_path(b, path, sizeof(path));
	assert_string_equal(path, "/a/b");
	nb_memcg_path(nb_memcg_root(p.sys), path, sizeof(path));
	assert_string_equal(path, "/");
	assert_ptr_equal(nb_memcg_find(a, "b"), b);
	assert_ptr_equal(nb_memcg_next(nb_memcg_root(p.sys), NULL), a);
	assert_ptr_equal(nb_memcg_next(nb_memcg_root(p.sys), a), b);
	assert_null(nb_memcg_next(nb_memcg_root(p.sys), b));
	assert_int_equal(nb_memcg_attach(b, p.t), 0);
	assert_ptr_equal(nb_task_memcg(p.t), b);
	assert_int_equal(nb_task_fork(p.t, &child), 0);
	assert_ptr_equal(nb_task_memcg(child), b);
	assert_int_equal(info_of(b).nr_tasks, 2);
	assert_int_equal(nb_memcg_remove(b), -NB_EBUSY);
	assert_int_equal(nb_memcg_remove(a), -NB_EBUSY);
	nb_task_exit(child);
	nb_task_put(child);
	assert_int_equal(nb_memcg_attach(nb_memcg_root(p.sys), p.t), 0);
	assert_null(nb_task_memcg(p.t));
	assert_int_equal(nb_memcg_remove(b), 0);
	assert_null(nb_memcg_find(a, "b"));
	assert_int_equal(nb_memcg_remove(a), 0);
	sound(&p);
	pressbox_close(&p);
}

/* 64 pages are charged at a time; the rest waits in the CPU's stock, and what goes is given back at
 * once. Page tables pay, too. */
static void test_batches(void **state)
{
	struct nb_memcg *cg;
	struct pressbox p;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	cg = group(&p, "a");
	assert_int_equal(nb_memcg_attach(cg, p.t), 0);
	a = pressbox_map(&p, 1024);
	assert_int_equal(pressbox_fill(&p, a, 1), 1);
	/* one page and three tables, of a batch of 64 */
	assert_int_equal(info_of(cg).usage, 64);
	assert_int_equal(info_of(cg).kmem_usage, 3);
	(void)pressbox_fill(&p, a, 60);
	assert_int_equal(info_of(cg).usage, 64);
	(void)pressbox_fill(&p, a, 62);
	assert_int_equal(info_of(cg).usage, 128);
	assert_int_equal(info_of(nb_memcg_root(p.sys)).usage, 128);
	sound(&p);
	nb_munmap(p.t, a, 62 * PAGE);
	/* pages go at once; of a table freed with them the charge waits in the stock */
	assert_int_equal(info_of(cg).usage, 66);
	sound(&p);
	assert_int_equal(info_of(cg).peak, 128);
	pressbox_close(&p);
}

/* At its limit a group reclaims its own cache and leaves others' alone. */
static void test_own_reclaim(void **state)
{
	for (unsigned gen = 0; gen < 2; gen++) {
		struct nb_address_space *mine, *other;
		struct nb_memcg_stat st;
		struct nb_file_info info;
		struct nb_memcg *cg;
		struct pressbox p;
		uint64_t n;

		(void)state;
		pressbox_open(&p, "128M:2", gen);
		assert_int_equal(nb_file_create(p.sys, "other", 16 * MIB, &other), 0);
		assert_int_equal(nb_file_read(p.t, other, 0, NULL, 16 * MIB, &n), 0);
		cg = group(&p, "a");
		assert_int_equal(nb_memcg_write(cg, NB_MEMCG_MAX, PAGES(8), 0), 0);
		assert_int_equal(nb_memcg_attach(cg, p.t), 0);
		assert_int_equal(nb_file_create(p.sys, "mine", 32 * MIB, &mine), 0);
		assert_int_equal(nb_file_read(p.t, mine, 0, NULL, 32 * MIB, &n), 0);
		assert_int_equal(n, 32 * MIB);
		assert_true(info_of(cg).usage <= PAGES(8));
		assert_true(info_of(cg).usage > PAGES(7));
		assert_true(info_of(cg).event[NB_MEMCG_EV_MAX] > 0);
		assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM], 0);
		nb_file_info(other, &info);
		assert_int_equal(info.cached_pages, PAGES(16));
		assert_int_equal(nb_memcg_stat(cg, NB_NO_NODE, &st), 0);
		assert_true(st.file > PAGES(7) && st.file <= PAGES(8));
		assert_int_equal(st.anon, 0);
		assert_true(st.count[NB_MEMCG_PGSTEAL_DIRECT] >= PAGES(24));
		sound(&p);
		nb_file_put(mine);
		nb_file_put(other);
		sound(&p);
		pressbox_close(&p);
	}
}

/* Without swap or cache the largest of the group is killed, whatever else there is on the machine.
 */
static void test_kill(void **state)
{
	struct nb_task *big, *small;
	struct nb_memcg *cg;
	struct pressbox p;
	enum nb_oom_constraint c;
	uint64_t a, n;
	int pid;

	(void)state;
	pressbox_open(&p, "128M:2", true);
	a = pressbox_map(&p, PAGES(32));
	assert_int_equal(pressbox_fill(&p, a, PAGES(32)), PAGES(32)); /* in no group */
	cg = group(&p, "a");
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_MAX, PAGES(8), 0), 0);
	assert_int_equal(nb_task_create(p.sys, 0, "big", &big), 0);
	assert_int_equal(nb_task_create(p.sys, 0, "small", &small), 0);
	assert_int_equal(nb_memcg_attach(cg, big), 0);
	assert_int_equal(nb_memcg_attach(cg, small), 0);
	assert_int_equal(nb_mmap(big, 0, 6 * MIB, 3, 0, &a), 0);
	assert_int_equal(nb_touch(big, a, 6 * MIB, true, &n), 0);
	assert_int_equal(nb_mmap(small, 0, 4 * MIB, 3, 0, &a), 0);
	assert_int_equal(nb_touch(small, a, 4 * MIB, true, &n), 0);
	assert_false(nb_task_alive(big));
	assert_true(nb_task_alive(small));
	assert_true(nb_oom_kill_at(p.sys, 0, &pid, &c));
	assert_int_equal(c, NB_CONSTRAINT_MEMCG);
	assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM], 1);
	assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM_KILL], 1);
	sound(&p);
	/* alone it kills itself, and its fault fails */
	assert_int_equal(nb_mmap(small, 0, 16 * MIB, 3, 0, &a), 0);
	assert_int_equal(nb_touch(small, a, 16 * MIB, true, &n), -NB_ENOMEM);
	assert_false(nb_task_alive(small));
	nb_memcg_drain_stocks(cg);
	assert_int_equal(info_of(cg).usage, 0);
	nb_task_put(big);
	nb_task_put(small);
	sound(&p);
	pressbox_close(&p);
}

/* memory.oom.group: all of it goes at once. */
static void test_oom_group(void **state)
{
	struct nb_task *t[2];
	struct nb_memcg *cg;
	struct pressbox p;
	uint64_t a, n;

	(void)state;
	pressbox_open(&p, "64M:1", true);
	cg = group(&p, "a");
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_MAX, PAGES(4), 0), 0);
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_OOM_GROUP, 1, 0), 0);
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_OOM_GROUP, 2, 0), -NB_EINVAL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(nb_task_create(p.sys, 0, "t", &t[i]), 0);
		assert_int_equal(nb_memcg_attach(cg, t[i]), 0);
	}
	assert_int_equal(nb_mmap(t[0], 0, 8 * MIB, 3, 0, &a), 0);
	assert_int_equal(nb_touch(t[0], a, 8 * MIB, true, &n), -NB_ENOMEM);
	assert_false(nb_task_alive(t[0]));
	assert_false(nb_task_alive(t[1]));
	assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM_KILL], 2);
	assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM_GROUP_KILL], 1);
	nb_task_put(t[0]);
	nb_task_put(t[1]);
	sound(&p);
	pressbox_close(&p);
}

/* With swap the group's pages go out, up to memory.swap.max; what comes back is charged again. */
static void test_swap(void **state)
{
	for (unsigned gen = 0; gen < 2; gen++) {
		struct nb_memcg *cg;
		struct pressbox p;
		uint64_t a, n;

		(void)state;
		pressbox_open(&p, "128M:2", gen);
		(void)pressbox_swapon(&p, PAGES(64), 5, NB_SWAP_SSD);
		cg = group(&p, "a");
		assert_int_equal(nb_memcg_write(cg, NB_MEMCG_MAX, PAGES(8), 0), 0);
		assert_int_equal(nb_memcg_attach(cg, p.t), 0);
		a = pressbox_map(&p, PAGES(16));
		assert_int_equal(pressbox_fill(&p, a, PAGES(16)), PAGES(16));
		assert_true(info_of(cg).usage <= PAGES(8));
		assert_true(info_of(cg).swap_usage >= PAGES(8) - 64);
		assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM], 0);
		sound(&p);
		assert_int_equal(nb_touch(p.t, a, 16 * MIB, false, &n),
				 0); /* back, and others out */
		sound(&p);
		/* no more slots than that: then it is killed */
		assert_int_equal(nb_memcg_write(cg, NB_MEMCG_SWAP_MAX, PAGES(10), 0), 0);
		a = pressbox_map(&p, PAGES(32));
		(void)pressbox_fill(&p, a, PAGES(32));
		assert_false(nb_task_alive(p.t));
		assert_int_equal(info_of(cg).event[NB_MEMCG_EV_OOM_KILL], 1);
		/* but for slots that CPUs keep to give them back together */
		assert_true(info_of(cg).swap_usage <= NB_SWAP_SLOTS_CACHE);
		sound(&p);
		pressbox_close(&p);
	}
}

/* A limit counts what is below it; a lower limit than what is in use is pressed down to. */
static void test_hierarchy(void **state)
{
	struct nb_address_space *f;
	struct nb_memcg *a, *b;
	struct pressbox p;
	uint64_t n;

	(void)state;
	pressbox_open(&p, "128M:2", false);
	a = group(&p, "a");
	assert_int_equal(nb_memcg_create(a, "b", &b), 0);
	assert_int_equal(nb_memcg_write(a, NB_MEMCG_MAX, PAGES(8), 0), 0);
	assert_int_equal(nb_memcg_attach(b, p.t), 0);
	assert_int_equal(nb_file_create(p.sys, "f", 32 * MIB, &f), 0);
	assert_int_equal(nb_file_read(p.t, f, 0, NULL, 32 * MIB, &n), 0);
	assert_true(info_of(a).usage <= PAGES(8));
	assert_int_equal(info_of(a).usage, info_of(b).usage);
	assert_true(info_of(a).event_local[NB_MEMCG_EV_MAX] > 0);
	assert_int_equal(info_of(b).event[NB_MEMCG_EV_MAX], 0);
	assert_int_equal(nb_memcg_write(b, NB_MEMCG_MAX, PAGES(2), 0), 0);
	assert_true(info_of(b).usage <= PAGES(2));
	assert_int_equal(nb_memcg_write(b, NB_MEMCG_MAX, NB_MEMCG_MAX_PAGES + 1, 0), -NB_EINVAL);
	assert_int_equal(nb_memcg_write(nb_memcg_root(p.sys), NB_MEMCG_MAX, 1, 0), -NB_EINVAL);
	assert_int_equal(nb_memcg_write(b, NB_MEMCG_SWAPPINESS, 1, 0), -NB_EINVAL); /* v1's */
	/* removed, its cache stays charged above until it is reclaimed */
	assert_int_equal(nb_file_read(p.t, f, 0, NULL, MIB, &n), 0);
	assert_int_equal(nb_memcg_attach(a, p.t), 0);
	assert_int_equal(nb_memcg_remove(b), 0);
	assert_true(info_of(a).usage > 0);
	assert_int_equal(nb_memcg_reclaim(a, PAGES(2), 0, &n), -NB_EAGAIN);
	assert_true(info_of(a).usage < 64);
	sound(&p);
	nb_file_put(f);
	pressbox_close(&p);
}

/* memory.high reclaims on the way back, kills nobody, and makes wait who is far above it. */
static void test_high(void **state)
{
	struct nb_address_space *f;
	struct nb_memcg *cg;
	struct pressbox p;
	uint64_t a, n;

	(void)state;
	pressbox_open(&p, "128M:2", true);
	cg = group(&p, "a");
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_HIGH, PAGES(4), 0), 0);
	assert_int_equal(nb_memcg_attach(cg, p.t), 0);
	assert_int_equal(nb_file_create(p.sys, "f", 16 * MIB, &f), 0);
	assert_int_equal(nb_mmap_file(p.t, f, 0, 0, 16 * MIB, NB_PROT_READ, NB_MAP_SHARED, &a), 0);
	assert_int_equal(nb_touch(p.t, a, 16 * MIB, false, &n), 0);
	assert_true(info_of(cg).usage <= PAGES(4) + 128);
	assert_true(info_of(cg).event[NB_MEMCG_EV_HIGH] > 0);
	a = pressbox_map(&p, PAGES(12));
	assert_int_equal(pressbox_fill(&p, a, PAGES(12)), PAGES(12));
	assert_true(nb_task_alive(p.t));
	assert_true(info_of(cg).usage >= PAGES(12));
	sound(&p);
	nb_file_put(f);
	pressbox_close(&p);
}

/* kswapd leaves alone what memory.min protects, as long as there is something else. */
static void test_protection(void **state)
{
	for (unsigned gen = 0; gen < 2; gen++) {
		struct nb_address_space *f[2];
		struct nb_file_info info;
		struct nb_memcg *cg[2];
		struct pressbox p;
		uint64_t n, a;

		(void)state;
		pressbox_open(&p, "128M:2", gen);
		cg[0] = group(&p, "kept");
		cg[1] = group(&p, "other");
		assert_int_equal(
			nb_memcg_write(cg[0], gen ? NB_MEMCG_LOW : NB_MEMCG_MIN, PAGES(24), 0), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(nb_memcg_attach(cg[i], p.t), 0);
			assert_int_equal(nb_file_create(p.sys, "f", 20 * MIB, &f[i]), 0);
			assert_int_equal(nb_file_read(p.t, f[i], 0, NULL, 20 * MIB, &n), 0);
		}
		assert_int_equal(nb_memcg_attach(nb_memcg_root(p.sys), p.t), 0);
		nb_lru_add_drain_all(p.sys);
		a = pressbox_map(&p, PAGES(90));
		assert_int_equal(pressbox_fill(&p, a, PAGES(90)), PAGES(90));
		nb_file_info(f[0], &info);
		assert_int_equal(info.cached_pages, PAGES(20));
		nb_file_info(f[1], &info);
		assert_true(info.cached_pages < PAGES(18));
		sound(&p);
		nb_file_put(f[0]);
		nb_file_put(f[1]);
		pressbox_close(&p);
	}
}

/* A page takes its charge along to another node, a huge page to its pieces. */
static void test_moves(void **state)
{
	struct nb_memcg_stat st;
	struct nb_memcg *cg;
	struct pressbox p;
	uint64_t a, usage;
	struct nb_nodemask from = {{1}}, to = {{2}};

	(void)state;
	pressbox_open(&p, "600M:1 64M:1", false);
	cg = group(&p, "a");
	assert_int_equal(nb_memcg_attach(cg, p.t), 0);
	a = pressbox_map(&p, 300);
	(void)pressbox_fill(&p, a, 300);
	usage = info_of(cg).usage;
	assert_int_equal(nb_memcg_stat(cg, 0, &st), 0);
	assert_int_equal(st.anon, 300);
	assert_int_equal(nb_migrate_pages(p.t, p.t, &from, &to), 0);
	assert_int_equal(nb_memcg_stat(cg, 1, &st), 0);
	assert_int_equal(st.anon, 300);
	assert_int_equal(nb_memcg_stat(cg, 0, &st), 0);
	assert_int_equal(st.anon, 0);
	assert_int_equal(info_of(cg).usage, usage);
	assert_int_equal(nb_memcg_stat(cg, 7, &st), -NB_ENODEV);
	sound(&p);
	nb_munmap(p.t, a, 300 * PAGE);
	assert_int_equal(nb_mmap(p.t, 0, 8 * MIB, 3, 0, &a), 0);
	assert_int_equal(nb_madvise(p.t, a, 8 * MIB, NB_MADV_HUGEPAGE), 0);
	(void)pressbox_fill(&p, a, PAGES(8));
	assert_int_equal(nb_memcg_stat(cg, NB_NO_NODE, &st), 0);
	assert_int_equal(st.anon, PAGES(8));
	assert_int_equal(st.anon_thp, PAGES(8));
	assert_int_equal(st.count[NB_MEMCG_THP_FAULT_ALLOC], 4);
	nb_munmap(p.t, a, PAGE); /* one falls apart */
	sound(&p);
	assert_int_equal(nb_memcg_stat(cg, NB_NO_NODE, &st), 0);
	assert_int_equal(st.anon, PAGES(8) - 1);
	assert_int_equal(st.anon_thp, PAGES(6));
	pressbox_close(&p);
}

/* v1: memory and swap are one count with a limit of its own; a limit that does not fit is refused.
 */
static void test_v1(void **state)
{
	struct nb_memcg *cg;
	struct pressbox p;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "128M:2", false);
	(void)pressbox_swapon(&p, PAGES(64), 5, NB_SWAP_SSD);
	assert_int_equal(nb_memcg_use_v1(p.sys, true), 0);
	cg = group(&p, "a");
	assert_int_equal(nb_memcg_use_v1(p.sys, false), -NB_EBUSY);
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_HIGH, 1, 0), -NB_EINVAL); /* v2's */
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_SWAP_MAX, PAGES(4), 0), -NB_EINVAL);
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_MAX, PAGES(4), 0), 0);
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_SWAP_MAX, PAGES(12), 0), 0);
	assert_int_equal(nb_memcg_attach(cg, p.t), 0);
	a = pressbox_map(&p, PAGES(8));
	assert_int_equal(pressbox_fill(&p, a, PAGES(8)), PAGES(8));
	assert_true(info_of(cg).usage <= PAGES(4));
	assert_true(info_of(cg).swap_usage >= PAGES(8));
	sound(&p);
	/* nothing can be reclaimed of both together */
	assert_int_equal(nb_memcg_write(cg, NB_MEMCG_SWAP_MAX, PAGES(5), 0), -NB_EBUSY);
	assert_int_equal(nb_memcg_read(cg, NB_MEMCG_SWAP_MAX), PAGES(12));
	a = pressbox_map(&p, PAGES(8));
	(void)pressbox_fill(&p, a, PAGES(8));
	assert_false(nb_task_alive(p.t)); /* memory and swap together are at their limit */
	assert_true(info_of(cg).swap_usage <= info_of(cg).usage + NB_SWAP_SLOTS_CACHE);
	sound(&p);
	pressbox_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),        cmocka_unit_test(test_batches),
		cmocka_unit_test(test_own_reclaim), cmocka_unit_test(test_kill),
		cmocka_unit_test(test_oom_group),   cmocka_unit_test(test_swap),
		cmocka_unit_test(test_hierarchy),   cmocka_unit_test(test_high),
		cmocka_unit_test(test_protection),  cmocka_unit_test(test_moves),
		cmocka_unit_test(test_v1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
