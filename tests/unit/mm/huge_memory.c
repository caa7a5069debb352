/* Transparent huge pages: faults, placement, splits, fork, collapse. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#include <numabox/hugetlb.h>

#include "mm/huge_memory.h"
#include "mm/vmstat.h"

#define MIB (UINT64_C(1) << 20)
#define HUGE (2 * MIB)
#define BASE UINT64_C(0x10000000)
#define DIR "/sys/kernel/mm/transparent_hugepage/"

static const struct sysbox_spec two_nodes = {.nodes = "1G:2 1G:2",
					     .cmdline = "transparent_hugepage=always"};

struct thp {
	struct sysbox box;
	struct nb_task *t;
	uint64_t free_pages;
};

static void begin(struct thp *s, const struct sysbox_spec *spec)
{
	memset(s, 0, sizeof(*s));
	sysbox_boot(&s->box, spec);
	s->free_pages = sysbox_free_pages(&s->box);
	assert_int_equal(nb_task_create(s->box.sys, 0, "t", &s->t), 0);
}

static void check(struct thp *s)
{
	struct nb_error err = {0};

	if (nb_system_check(s->box.sys, &err))
		fail_msg("%s", err.text);
}

static void end(struct thp *s)
{
	check(s);
	nb_task_exit(s->t);
	nb_task_put(s->t);
	nb_thp_shrink_zero(s->box.sys);
	nb_drain_pages(s->box.sys, -1);
	assert_int_equal(sysbox_free_pages(&s->box), s->free_pages);
	sysbox_end(&s->box);
}

static uint64_t map(struct thp *s, uint64_t addr, uint64_t len)
{
	assert_int_equal(
		nb_mmap(s->t, addr, len, NB_PROT_READ | NB_PROT_WRITE, NB_MAP_FIXED, &addr), 0);
	return addr;
}

static uint64_t touch(struct thp *s, uint64_t addr, uint64_t len, bool write)
{
	uint64_t faulted;

	assert_int_equal(nb_touch(s->t, addr, len, write, &faulted), 0);
	return faulted;
}

static uint64_t event(const struct thp *s, enum nb_vm_event_item item)
{
	return nb_vm_event_sum(s->box.sys, item);
}

/* Expect one fault a huge page, inside the VMA alone: the ragged edges get base pages. */
static void test_fault(void **state)
{
	struct thp s;
	uint64_t a;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE + 3 * 4096, 4 * HUGE);
	assert_int_equal(touch(&s, a, 4 * HUGE, true), (512 - 3) + 3 + 3);
	assert_int_equal(event(&s, NB_VM_THP_FAULT_ALLOC), 3);
	assert_int_equal(nb_task_rss_pages(s.t), 4 * 512);
	assert_int_equal(nb_task_pfn(s.t, BASE + HUGE + 5 * 4096),
			 nb_task_pfn(s.t, BASE + HUGE) + 5);
	assert_int_equal(touch(&s, a, 4 * HUGE, true), 0);
	check(&s);
	assert_int_equal(nb_munmap(s.t, a, 4 * HUGE), 0);
	assert_int_equal(s.t->mm->nr_ptables, 0);
	end(&s);
}

static void test_settings(void **state)
{
	static const struct {
		const char *enabled, *text;
		int ret;
		unsigned plain, advised; /* huge pages of 2 */
	} cases[] = {
		{"always\n", "[always] madvise never\n", 0, 2, 2},
		{"madvise", "always [madvise] never\n", 0, 0, 2},
		{"never", "always madvise [never]\n", 0, 0, 0},
		{"sometimes", "always madvise [never]\n", -NB_EINVAL, 0, 0},
	};
	struct thp s;
	char buf[64];

	(void)state;
	begin(&s, &two_nodes);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t a = map(&s, BASE, 2 * HUGE), b = map(&s, BASE + 64 * MIB, 2 * HUGE);
		uint64_t before = event(&s, NB_VM_THP_FAULT_ALLOC);

		assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "enabled", cases[i].enabled),
				 cases[i].ret);
		assert_true(nb_sysfs_read(s.box.sys, DIR "enabled", buf, sizeof(buf)) > 0);
		assert_string_equal(buf, cases[i].text);
		touch(&s, a, 2 * HUGE, true);
		assert_int_equal(event(&s, NB_VM_THP_FAULT_ALLOC) - before, cases[i].plain);
		assert_int_equal(nb_madvise(s.t, b, 2 * HUGE, NB_MADV_HUGEPAGE), 0);
		touch(&s, b, 2 * HUGE, true);
		assert_int_equal(event(&s, NB_VM_THP_FAULT_ALLOC) - before,
				 cases[i].plain + cases[i].advised);
		nb_munmap(s.t, a, 2 * HUGE);
		nb_munmap(s.t, b, 2 * HUGE);
	}
	assert_true(nb_sysfs_read(s.box.sys, DIR "defrag", buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "always defer defer+madvise [madvise] never\n");
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "defrag", "defer+madvise"), 0);
	assert_int_equal(s.box.sys->tune.thp_defrag, NB_THP_DEFRAG_DEFER_MADVISE);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "hpage_pmd_size", "1"), -NB_EACCES);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "khugepaged/max_ptes_none", "512"),
			 -NB_EINVAL);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "khugepaged/max_ptes_none", "0"), 0);
	end(&s);
}

/* A read maps the huge page of zeros; a write to it takes one base page before 6.13. */
static void test_zero_page(void **state)
{
	struct thp s;
	uint64_t a;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE, 2 * HUGE);
	assert_int_equal(touch(&s, a, 2 * HUGE, false), 2);
	assert_int_equal(event(&s, NB_VM_THP_ZERO_PAGE_ALLOC), 1);
	assert_int_equal(nb_task_rss_pages(s.t), 0);
	assert_int_equal(nb_task_node(s.t, a), -NB_EFAULT);
	check(&s);
	touch(&s, a + 4096, 1, true);
	assert_int_equal(nb_task_rss_pages(s.t), 1);
	assert_int_equal(event(&s, NB_VM_THP_SPLIT_PMD), 1);
	assert_int_equal(nb_task_node(s.t, a + 4096), 0);
	end(&s);
}

/* The policy's node alone first; interleaving goes by huge pages. */
static void test_policy(void **state)
{
	struct nb_nodemask both = sysbox_mask(3), one = sysbox_mask(2);
	struct thp s;
	uint64_t a;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE, 4 * HUGE);
	assert_int_equal(nb_mbind(s.t, a, 4 * HUGE, NB_MPOL_INTERLEAVE, &both, 0), 0);
	touch(&s, a, 4 * HUGE, true);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(nb_task_node(s.t, a + i * HUGE), (BASE / HUGE + i) % 2);
	assert_int_equal(nb_set_mempolicy(s.t, NB_MPOL_BIND, &one), 0);
	a = map(&s, BASE + 64 * MIB, HUGE);
	touch(&s, a, HUGE, true);
	assert_int_equal(nb_task_node(s.t, a), 1);
	/* and they move */
	assert_int_equal(nb_mbind(s.t, BASE, 4 * HUGE, NB_MPOL_BIND, &one, 2), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(nb_task_node(s.t, BASE + i * HUGE), 1);
	assert_int_equal(s.t->mm->huge_entries, 5);
	end(&s);
}

/* What cuts a huge page makes base pages of it, where they are. */
static void test_split(void **state)
{
	struct thp s;
	nb_pfn_t pfn;
	uint64_t a;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE, 4 * HUGE);
	touch(&s, a, 4 * HUGE, true);
	pfn = nb_task_pfn(s.t, a);
	assert_int_equal(nb_munmap(s.t, a + 4096, 4096), 0);
	check(&s);
	assert_int_equal(nb_task_pfn(s.t, a), pfn);
	assert_int_equal(nb_task_pfn(s.t, a + 2 * 4096), pfn + 2);
	assert_int_equal(s.t->mm->huge_entries, 3);
	assert_int_equal(nb_madvise(s.t, a + HUGE + 8192, 8192, NB_MADV_DONTNEED), 0);
	assert_int_equal(s.t->mm->huge_entries, 2);
	assert_int_equal(nb_mprotect(s.t, a + 2 * HUGE, 4096, NB_PROT_READ), 0);
	assert_int_equal(s.t->mm->huge_entries, 1);
	assert_int_equal(nb_mprotect(s.t, a + 3 * HUGE, HUGE, NB_PROT_READ), 0);
	assert_int_equal(s.t->mm->huge_entries, 1);
	assert_int_equal(nb_task_rss_pages(s.t), 4 * 512 - 3);
	assert_int_equal(event(&s, NB_VM_THP_SPLIT_PMD), 3);
	end(&s);
}

/* Fork shares; the first write splits for both and copies one base page; later ones are reused. */
static void test_fork(void **state)
{
	struct nb_task *child;
	uint64_t a, faulted;
	struct thp s;
	nb_pfn_t pfn;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE, 2 * HUGE);
	touch(&s, a, 2 * HUGE, true);
	pfn = nb_task_pfn(s.t, a);
	assert_int_equal(nb_task_fork(s.t, &child), 0);
	assert_int_equal(nb_task_pfn(child, a + 4096), pfn + 1);
	check(&s);
	assert_int_equal(nb_touch(child, a, 1, true, &faulted), 0);
	assert_int_not_equal(nb_task_pfn(child, a), pfn);
	assert_int_equal(nb_task_pfn(child, a + 4096), pfn + 1);
	assert_int_equal(nb_task_pfn(s.t, a), pfn);
	assert_int_equal(child->mm->huge_entries, 1);
	assert_int_equal(s.t->mm->huge_entries, 1);
	check(&s);
	nb_task_exit(child);
	nb_task_put(child);
	touch(&s, a + HUGE, HUGE, true); /* nobody else has it: stays huge */
	assert_int_equal(s.t->mm->huge_entries, 1);
	end(&s);
}

/* A range that moves takes its huge pages along where both ends are aligned. */
static void test_move(void **state)
{
	struct thp s;
	nb_pfn_t pfn;
	uint64_t a, to;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE, 2 * HUGE);
	touch(&s, a, 2 * HUGE, true);
	pfn = nb_task_pfn(s.t, a);
	assert_int_equal(nb_mremap(s.t, a, 2 * HUGE, 2 * HUGE, NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED,
				   BASE + 64 * MIB, &to),
			 0);
	assert_int_equal(nb_task_pfn(s.t, to + 4096), pfn + 1);
	assert_int_equal(s.t->mm->huge_entries, 2);
	check(&s);
	assert_int_equal(nb_mremap(s.t, to, 2 * HUGE, 2 * HUGE, NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED,
				   BASE + 4096, &to),
			 0);
	assert_int_equal(nb_task_pfn(s.t, to + 4096), pfn + 1);
	assert_int_equal(s.t->mm->huge_entries, 0);
	assert_int_equal(nb_task_rss_pages(s.t), 1024);
	end(&s);
}

static void test_locked(void **state)
{
	struct thp s;
	uint64_t a;

	(void)state;
	begin(&s, &two_nodes);
	a = map(&s, BASE, 2 * HUGE);
	touch(&s, a, HUGE, true);
	assert_int_equal(nb_mlock(s.t, a, 2 * HUGE), 0);
	assert_int_equal(s.t->mm->huge_entries, 2);
	check(&s);
	assert_int_equal(nb_munlock(s.t, a + 4096, 4096), 0);
	assert_int_equal(s.t->mm->huge_entries, 1);
	check(&s);
	assert_int_equal(nb_madvise(s.t, a, HUGE, NB_MADV_COLLAPSE), -NB_EINVAL);
	assert_int_equal(nb_munlock(s.t, a, 2 * HUGE), 0);
	assert_int_equal(nb_madvise(s.t, a, 2 * HUGE, NB_MADV_COLLAPSE), 0);
	assert_int_equal(s.t->mm->huge_entries, 2);
	end(&s);
}

/* khugepaged: base pages become huge where most of them are. */
static void test_collapse(void **state)
{
	struct nb_nodemask one = sysbox_mask(2);
	struct thp s;
	uint64_t a;

	(void)state;
	begin(&s, &two_nodes);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "enabled", "never"), 0);
	a = map(&s, BASE, 3 * HUGE);
	assert_int_equal(nb_mbind(s.t, a, HUGE, NB_MPOL_BIND, &one, 0), 0);
	touch(&s, a, 2 * HUGE, true);
	touch(&s, a + 2 * HUGE, 4096, true);
	assert_int_equal(nb_khugepaged_step(s.box.sys), UINT64_MAX);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, DIR "enabled", "always"), 0);
	assert_int_equal(nb_khugepaged_step(s.box.sys), UINT64_C(10000000000));
	check(&s);
	assert_int_equal(s.t->mm->huge_entries, 3);
	assert_int_equal(nb_task_node(s.t, a), 1);
	assert_int_equal(nb_task_node(s.t, a + HUGE), 0);
	assert_int_equal(nb_task_rss_pages(s.t), 3 * 512);
	assert_int_equal(nb_khugepaged_step(s.box.sys), UINT64_C(10000000000));
	assert_int_equal(event(&s, NB_VM_THP_COLLAPSE_ALLOC), 3);
	/* asleep when there is nothing left to look at */
	assert_int_equal(nb_munmap(s.t, a, 3 * HUGE), 0);
	nb_system_set_time_ns(s.box.sys, UINT64_C(20000000000));
	assert_int_equal(nb_khugepaged_step(s.box.sys), UINT64_MAX);
	end(&s);
}

static uint64_t *bytes(struct thp *s, struct nb_task *t, uint64_t addr)
{
	return (uint64_t *)(uintptr_t)nb_page_address(s->box.sys, nb_task_pfn(t, addr));
}

/* In a system whose pages hold bytes, new huge pages read as zeros, a collapsed range as before,
 * and a copy as the original. */
static void test_bytes(void **state)
{
	static const struct sysbox_spec spec = {
		.nodes = "640M:1", .kernel = "5.4", .cmdline = "transparent_hugepage=always"};
	const struct nb_boot_options opt = {.backed = true};
	struct nb_error err = {0};
	struct nb_task *child;
	struct thp s = {0};
	uint64_t a;

	(void)state;
	sysbox_machine(&s.box, &spec);
	assert_int_equal(nb_system_boot(&s.box.port, s.box.machine, &opt, &s.box.sys, &err), 0);
	s.free_pages = sysbox_free_pages(&s.box);
	assert_int_equal(nb_task_create(s.box.sys, 0, "t", &s.t), 0);
	a = map(&s, BASE, 2 * HUGE);
	for (unsigned round = 0; round < 2; round++) { /* the second on used memory */
		touch(&s, a, 2 * HUGE, true);
		for (uint64_t i = 0; i < 2 * HUGE; i += 4096) {
			assert_int_equal(*bytes(&s, s.t, a + i), 0);
			*bytes(&s, s.t, a + i) = i + 1;
		}
		if (round == 0)
			assert_int_equal(nb_madvise(s.t, a, 2 * HUGE, NB_MADV_DONTNEED), 0);
	}
	/* 5.4 copies a shared huge page as a whole */
	assert_int_equal(nb_task_fork(s.t, &child), 0);
	touch(&s, a, HUGE, true);
	assert_int_not_equal(nb_task_pfn(s.t, a), nb_task_pfn(child, a));
	assert_int_equal(s.t->mm->huge_entries, 2);
	assert_int_equal(*bytes(&s, s.t, a + 5 * 4096), 5 * 4096 + 1);
	nb_task_exit(child);
	nb_task_put(child);
	/* split, with a hole, and collapsed again */
	assert_int_equal(nb_madvise(s.t, a + 7 * 4096, 4096, NB_MADV_DONTNEED), 0);
	assert_int_equal(s.t->mm->huge_entries, 1);
	(void)nb_khugepaged_step(s.box.sys);
	assert_int_equal(s.t->mm->huge_entries, 2);
	for (uint64_t i = 0; i < HUGE; i += 4096)
		assert_int_equal(*bytes(&s, s.t, a + i), i == 7 * 4096 ? 0 : i + 1);
	end(&s);
}

/* Where no huge block is free, base pages have to do. */
static void test_fallback(void **state)
{
	static const struct sysbox_spec spec = {.nodes = "640M:2",
						.cmdline = "transparent_hugepage=always"};
	struct thp s;
	uint64_t a;

	(void)state;
	begin(&s, &spec);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, "/proc/sys/vm/nr_hugepages", "9999"), 0);
	a = map(&s, BASE, 8 * HUGE);
	touch(&s, a, 4096, true);
	assert_int_equal(s.t->mm->huge_entries, 0);
	assert_int_equal(event(&s, NB_VM_THP_FAULT_FALLBACK), 1);
	check(&s);
	nb_munmap(s.t, a, 8 * HUGE);
	assert_int_equal(nb_sysfs_write(s.box.sys, NULL, "/proc/sys/vm/nr_hugepages", "0"), 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault),     cmocka_unit_test(test_settings),
		cmocka_unit_test(test_zero_page), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_split),     cmocka_unit_test(test_fork),
		cmocka_unit_test(test_move),      cmocka_unit_test(test_locked),
		cmocka_unit_test(test_collapse),  cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests_name("mm/huge_memory", tests, NULL, NULL);
}
