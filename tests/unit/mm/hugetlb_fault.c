/* Mappings of huge pages: every size of every architecture, copies after fork, what kills. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <numabox/file.h>
#include <numabox/mempolicy.h>

#include "mm/hugetlb.h"

#define RW (NB_PROT_READ | NB_PROT_WRITE)

struct huge {
	struct sysbox box;
	struct nb_task *t;
};

static void begin(struct huge *s, const struct sysbox_spec *spec)
{
	memset(s, 0, sizeof(*s));
	sysbox_boot(&s->box, spec);
	assert_int_equal(nb_task_create(s->box.sys, 0, "t", &s->t), 0);
}

static void check(struct huge *s)
{
	struct nb_error err = {0};

	if (nb_system_check(s->box.sys, &err))
		fail_msg("%s", err.text);
}

static void end(struct huge *s)
{
	check(s);
	nb_task_exit(s->t);
	nb_task_put(s->t);
	sysbox_end(&s->box);
}

static void fill(struct huge *s, uint64_t bytes, unsigned pages)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages",
		 (unsigned long long)bytes >> 10);
	snprintf(text, sizeof(text), "%u", pages);
	assert_int_equal(nb_sysfs_write(s->box.sys, NULL, path, text), 0);
	assert_int_equal(nb_hstate_by_bytes(s->box.sys, bytes)->nr, pages);
}

static int flags_of(uint64_t bytes)
{
	return NB_MAP_HUGETLB | __builtin_ctzll(bytes) << NB_MAP_HUGE_SHIFT;
}

/* Each size stands in its tables as far as its address goes, and leaves them again. */
static void test_sizes(void **state)
{
	static const struct {
		const char *name, *kernel;
		enum nb_arch arch;
		unsigned mib_each;
		uint64_t sizes[5];
	} cases[] = {
		{"x86_64", "6.12", NB_ARCH_X86_64, 4096, {1 << 30, 2 << 20}},
		{"i386", "6.1", NB_ARCH_I386, 512, {4 << 20}},
		{"i386 PAE", "6.1", NB_ARCH_I386PAE, 512, {2 << 20}},
		{"arm64", "6.12", NB_ARCH_ARM64, 4096, {1 << 30, 32 << 20, 2 << 20, 64 << 10}},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char nodes[32];
		struct sysbox_spec spec = {
			.nodes = nodes, .kernel = cases[i].kernel, .arch = cases[i].arch};
		struct huge s;

		snprintf(nodes, sizeof(nodes), "%uM:2", cases[i].mib_each);
		begin(&s, &spec);
		for (unsigned k = 0; cases[i].sizes[k]; k++) {
			uint64_t size = cases[i].sizes[k], addr, got;
			nb_pfn_t pfn;

			fill(&s, size, 2);
			assert_int_equal(nb_mmap(s.t, 0, 2 * size, RW, flags_of(size), &addr), 0);
			assert_int_equal(addr & (size - 1), 0);
			assert_int_equal(nb_touch(s.t, addr, 2 * size, true, &got), 0);
			assert_int_equal(got, 2);
			pfn = nb_task_pfn(s.t, addr);
			assert_int_equal(nb_task_pfn(s.t, addr + size - 4096),
					 pfn + size / 4096 - 1);
			assert_int_not_equal(nb_task_pfn(s.t, addr + size), pfn);
			assert_int_equal(s.t->mm->hugetlb_pages, 2 * size / 4096);
			assert_int_equal(nb_task_rss_pages(s.t), 0);
			check(&s);
			assert_int_equal(nb_munmap(s.t, addr + size, 4096), -NB_EINVAL);
			assert_int_equal(nb_munmap(s.t, addr + size, size), 0);
			assert_int_equal(nb_task_pfn(s.t, addr + size), NB_NO_PFN);
			assert_int_equal(nb_munmap(s.t, addr, size), 0);
			assert_int_equal(s.t->mm->hugetlb_pages, 0);
			check(&s);
			fill(&s, size, 0);
		}
		end(&s);
	}
}

/* What the system call itself refuses. */
static void test_refusals(void **state)
{
	static const struct sysbox_spec spec = {.nodes = "512M:2"};
	const uint64_t size = 2 << 20;
	uint64_t addr, got;
	struct huge s;

	(void)state;
	begin(&s, &spec);
	assert_int_equal(nb_mmap(s.t, 0, size, RW, NB_MAP_HUGETLB, &addr), -NB_ENOMEM);
	assert_int_equal(nb_mmap(s.t, 0, 1 << 30, RW, flags_of(1 << 30), &addr), -NB_ENOMEM);
	assert_int_equal(nb_mmap(s.t, 0, 4 << 20, RW, flags_of(4 << 20), &addr), -NB_EINVAL);
	assert_int_equal(nb_mmap(s.t, 0, 0, RW, NB_MAP_HUGETLB, &addr), -NB_EINVAL);
	addr = 0x10001000;
	assert_int_equal(nb_mmap(s.t, addr, size, RW, NB_MAP_HUGETLB | NB_MAP_FIXED, &addr),
			 -NB_EINVAL);
	fill(&s, size, 2);
	/* the length goes up to whole huge pages; a hint that does not fit is only a hint */
	assert_int_equal(nb_mmap(s.t, 0x10001000, 4096, RW, NB_MAP_HUGETLB, &addr), 0);
	assert_int_equal(addr, 0x10200000);
	assert_int_equal(nb_hstate_by_bytes(s.box.sys, size)->resv, 1);
	assert_int_equal(nb_touch(s.t, addr, size, true, &got), 0);
	assert_int_equal(nb_mprotect(s.t, addr, 4096, NB_PROT_READ), -NB_EINVAL);
	assert_int_equal(nb_mprotect(s.t, addr, size, NB_PROT_READ), 0);
	assert_int_equal(nb_touch(s.t, addr, 1, true, &got), -NB_EFAULT);
	assert_int_equal(nb_touch(s.t, addr, 1, false, &got), 0);
	assert_int_equal(nb_mprotect(s.t, addr, size, RW), 0);
	assert_int_equal(nb_touch(s.t, addr, 1, true, &got), 0);
	assert_int_equal(nb_madvise(s.t, addr, 4096, NB_MADV_DONTNEED), 0);
	assert_int_not_equal(nb_task_pfn(s.t, addr), NB_NO_PFN);
	assert_int_equal(nb_madvise(s.t, addr, size, NB_MADV_DONTNEED), 0);
	assert_int_equal(nb_task_pfn(s.t, addr), NB_NO_PFN);
	/* a mapping over it takes it away, reservation and all */
	assert_int_equal(nb_mmap(s.t, addr, size, RW, NB_MAP_FIXED, &addr), 0);
	assert_int_equal(nb_hstate_by_bytes(s.box.sys, size)->resv, 0);
	end(&s);
}

/* The maker of a private mapping copies as long as there are pages that nobody reserved, and then
 * takes them away from its child. */
static void test_fork(void **state)
{
	static const struct sysbox_spec spec = {.nodes = "512M:2"};
	const uint64_t size = 2 << 20;
	struct nb_task *child;
	uint64_t a, got;
	struct huge s;
	nb_pfn_t pfn;

	(void)state;
	begin(&s, &spec);
	fill(&s, size, 3);
	assert_int_equal(nb_mmap(s.t, 0, 2 * size, RW, NB_MAP_HUGETLB, &a), 0);
	assert_int_equal(nb_touch(s.t, a, 2 * size, true, &got), 0);
	pfn = nb_task_pfn(s.t, a);
	assert_int_equal(nb_task_fork(s.t, &child), 0);
	assert_int_equal(nb_task_pfn(child, a), pfn);
	check(&s);
	/* one page is left: the child copies, the old one is the parent's alone again */
	assert_int_equal(nb_touch(child, a, 1, true, &got), 0);
	assert_int_not_equal(nb_task_pfn(child, a), pfn);
	assert_int_equal(nb_touch(s.t, a, 1, true, &got), 0);
	assert_int_equal(nb_task_pfn(s.t, a), pfn);
	/* none: the child is killed when it writes, the parent is not */
	assert_int_equal(nb_touch(child, a + size, 1, true, &got), -NB_EFAULT);
	pfn = nb_task_pfn(s.t, a + size);
	assert_int_equal(nb_touch(s.t, a + size, 1, true, &got), 0);
	assert_int_equal(nb_task_pfn(s.t, a + size), pfn);
	assert_int_equal(nb_task_pfn(child, a + size), NB_NO_PFN);
	assert_int_equal(nb_touch(child, a + size, 1, false, &got), -NB_EFAULT);
	check(&s);
	nb_task_exit(child);
	nb_task_put(child);
	assert_int_equal(nb_hstate_by_bytes(s.box.sys, size)->free, 1);
	end(&s);
}

/* Shared: a page of the file for all; a private mapping of the file copies it. */
static void test_file(void **state)
{
	static const struct sysbox_spec spec = {.nodes = "512M:2"};
	const uint64_t size = 2 << 20;
	struct nb_address_space *file;
	struct nb_hugetlbfs *mount;
	uint64_t a, b, got;
	struct huge s;

	(void)state;
	begin(&s, &spec);
	fill(&s, size, 6);
	assert_int_equal(nb_hugetlbfs_mount(s.box.sys, s.t, 0, 2 * size, size, &mount), -NB_EINVAL);
	assert_int_equal(nb_hugetlbfs_mount(s.box.sys, s.t, 4 << 20, 0, size, &mount), -NB_EINVAL);
	assert_int_equal(nb_hugetlbfs_mount(s.box.sys, s.t, 0, 0, 5 * size, &mount), 0);
	assert_int_equal(nb_hugetlbfs_create(mount, "f", &file), 0);
	assert_int_equal(nb_mmap_file(s.t, file, 4096, 0, size, RW, NB_MAP_SHARED, &a), -NB_EINVAL);
	assert_int_equal(nb_mmap_file(s.t, file, 0, 0, 2 * size, RW, NB_MAP_SHARED, &a), 0);
	assert_int_equal(nb_mmap_file(s.t, file, 0, 0, 2 * size, RW, NB_MAP_PRIVATE, &b), 0);
	assert_int_equal(nb_touch(s.t, a, size, true, &got), 0);
	assert_int_equal(nb_touch(s.t, b, size, false, &got), 0);
	assert_int_equal(nb_task_pfn(s.t, a), nb_task_pfn(s.t, b));
	assert_int_equal(nb_touch(s.t, b, size, true, &got), 0);
	assert_int_not_equal(nb_task_pfn(s.t, a), nb_task_pfn(s.t, b));
	check(&s);
	/* a hole takes the file's page from its mappings; beyond the end is SIGBUS */
	assert_int_equal(nb_file_fallocate(s.t, file, 0, size, true), 0);
	assert_int_equal(nb_task_pfn(s.t, a), NB_NO_PFN);
	assert_int_not_equal(nb_task_pfn(s.t, b), NB_NO_PFN);
	assert_int_equal(nb_file_fallocate(s.t, file, 0, 9 * size, false), -NB_ENOSPC);
	check(&s);
	assert_int_equal(nb_munmap(s.t, a, 2 * size), 0);
	nb_file_put(file);
	assert_int_equal(nb_munmap(s.t, b, 2 * size), 0);
	nb_hugetlbfs_umount(mount);
	assert_int_equal(nb_hstate_by_bytes(s.box.sys, size)->free, 6);
	assert_int_equal(nb_hstate_by_bytes(s.box.sys, size)->resv, 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("mm/hugetlb_fault", tests, NULL, NULL);
}
