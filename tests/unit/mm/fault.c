/* fault.c -- first touch: how many requests, from where, and what happens at the end of memory. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <numabox/oom.h>

#define PAGE UINT64_C(4096)
#define HUGE UINT64_C(2097152)

static struct nb_task *start(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_task *t;

	sysbox_boot(box, spec);
	assert_int_equal(nb_task_create(box->sys, 0, "t", &t), 0);
	return t;
}

static void end(struct sysbox *box, struct nb_task *t)
{
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(box);
}

static uint64_t map(struct nb_task *t, uint64_t addr, uint64_t len, int prot)
{
	uint64_t got;

	assert_int_equal(nb_mmap(t, addr, len, prot, addr ? NB_MAP_FIXED : 0, &got), 0);
	return got;
}

static uint64_t touch(struct nb_task *t, uint64_t addr, uint64_t len, bool write)
{
	uint64_t n;

	assert_int_equal(nb_touch(t, addr, len, write, &n), 0);
	return n;
}

/* N pages, and a page for each table: here one of each upper level and three leaves. */
static void test_requests(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:2 64M:2"});
	uint64_t a = map(t, UINT64_C(0x7fff00000000), 3 * HUGE, 3);

	(void)state;
	assert_int_equal(touch(t, a, 2 * HUGE + 1, true), 1025);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_HIT), 1025 + 2 + 3);
	assert_int_equal(sysbox_numa(&box, 0, NB_NUMA_LOCAL), 1025 + 2 + 3);
	assert_int_equal(touch(t, a, 2 * HUGE + 1, true), 0); /* they are there */
	assert_int_equal(nb_task_rss_pages(t), 1025);
	assert_int_equal(nb_task_node(t, a), 0);
	assert_int_equal(nb_task_node(t, a + 2 * HUGE + PAGE), -NB_ENOENT);
	assert_int_equal(nb_task_node(t, a + 3 * HUGE), -NB_EFAULT);
	assert_int_equal(nb_task_zone_pages(t, 0, NB_ZONE_DMA) +
				 nb_task_zone_pages(t, 0, NB_ZONE_DMA32),
			 1025);
	end(&box, t);
}

static void test_tables_go_with_the_mapping(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	uint64_t a = map(t, UINT64_C(0x7fff00000000), HUGE, 3);
	uint64_t b = map(t, a + HUGE, HUGE, NB_PROT_READ);
	uint64_t before = sysbox_free_pages(&box);

	(void)state;
	touch(t, a, HUGE, true);
	touch(t, b, HUGE, false);
	assert_int_equal(t->mm->nr_ptables, 2 + 2);
	assert_int_equal(nb_munmap(t, a, HUGE), 0);
	assert_int_equal(t->mm->nr_ptables, 2 + 1); /* the upper ones still serve b */
	assert_int_equal(nb_munmap(t, b + PAGE, HUGE - PAGE), 0);
	assert_int_equal(t->mm->nr_ptables, 3);
	assert_int_equal(nb_munmap(t, b, PAGE), 0);
	assert_int_equal(t->mm->nr_ptables, 0);
	assert_int_equal(sysbox_free_pages(&box), before);
	end(&box, t);
}

static void test_zero_page(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	uint64_t a = map(t, 0, 10 * PAGE, 3);
	struct nb_vma_info info;

	(void)state;
	assert_int_equal(touch(t, a, 10 * PAGE, false), 10);
	assert_int_equal(nb_task_rss_pages(t), 0);
	assert_true(nb_task_pfn(t, a) == NB_NO_PFN);
	assert_int_equal(nb_task_node(t, a), -NB_EFAULT); /* as move_pages says of it */
	assert_int_equal(touch(t, a, 10 * PAGE, false), 0);
	assert_int_equal(touch(t, a + 2 * PAGE, 3 * PAGE, true), 3);
	assert_int_equal(nb_task_rss_pages(t), 3);
	assert_true(nb_task_vma(t, 0, &info));
	assert_int_equal(info.anon_pages, 3);
	end(&box, t);
}

static void test_protection_and_holes(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	uint64_t a = map(t, 0x100000, 4 * PAGE, NB_PROT_READ);
	uint64_t b = map(t, 0x100000 + 8 * PAGE, PAGE, NB_PROT_NONE);
	uint64_t c = map(t, 0x200000, 4 * PAGE, 3), n;

	(void)state;
	assert_int_equal(nb_touch(t, a, PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(n, 0);
	assert_int_equal(nb_touch(t, b, PAGE, false, &n), -NB_EFAULT);
	/* it stops where the hole begins */
	assert_int_equal(nb_touch(t, c + 2 * PAGE + 5, 8 * PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(n, 2);
	assert_int_equal(nb_touch(t, UINT64_MAX - 5, 100, true, &n), -NB_EFAULT);
	assert_int_equal(nb_touch(t, c, UINT64_MAX, true, &n), -NB_EFAULT);
	assert_int_equal(n, 2);
	assert_int_equal(nb_touch(t, c, 0, true, &n), 0);
	end(&box, t);
}

/* Nothing can be reclaimed and nobody may be killed: the last page is -NB_ENOMEM, what was faulted
 * in stays, and all comes back. */
static void test_end_of_memory(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "16M:1 16M:1"});
	uint64_t a, n, before = sysbox_free_pages(&box);

	(void)state;
	assert_int_equal(nb_sysctl_write(box.sys, "vm.overcommit_memory", "1", NULL), 0);
	a = map(t, 0, 64 << 20, 3);
	assert_int_equal(nb_task_set_oom_score_adj(t, -1000), 0);
	assert_int_equal(nb_mbind(t, a, 32 << 20, NB_MPOL_BIND, &m0, 0), 0);
	assert_int_equal(nb_touch(t, a, 32 << 20, true, &n), -NB_ENOMEM);
	assert_int_equal(nb_task_rss_pages(t), n);
	assert_int_equal(nb_task_node_pages(t, 0), n);
	assert_true(n > 3000 && n < 4096);
	/* without a policy it goes on on the other node */
	assert_int_equal(nb_touch(t, a + (32 << 20), 32 << 20, true, &n), -NB_ENOMEM);
	assert_true(nb_task_node_pages(t, 1) > 3000);
	assert_int_equal(nb_munmap(t, a, 64 << 20), 0);
	assert_int_equal(nb_task_rss_pages(t), 0);
	assert_int_equal(sysbox_free_pages(&box), before);
	end(&box, t);
}

/* Page tables have the architecture's levels; the descriptors know their page. */
static void test_other_shapes(void **state)
{
	static const struct {
		enum nb_arch arch;
		unsigned upper; /* accounted tables above one leaf */
	} shapes[] = {{NB_ARCH_X86_64, 2},
		      {NB_ARCH_I386, 0},
		      {NB_ARCH_I386PAE, 0},
		      {NB_ARCH_ARM64, 2},
		      {NB_ARCH_ARM, 0}};

	(void)state;
	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct sysbox box;
		struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1",
								      .arch = shapes[i].arch,
								      .kernel = "6.1"});
		uint64_t a = map(t, 0x40000000, 3 * PAGE, 3), hits;
		struct nb_page_info page;

		touch(t, a, 3 * PAGE, true);
		hits = sysbox_numa(&box, 0, NB_NUMA_HIT);
		if (hits)
			assert_int_equal(hits, 3 + 1 + shapes[i].upper);
		assert_int_equal(nb_page_info(box.sys, nb_task_pfn(t, a + PAGE), &page), 0);
		assert_true(page.flags & NB_PAGE_ANON);
		assert_int_equal(page.mapcount, 1);
		assert_int_equal(page.index, (a + PAGE) / PAGE);
		end(&box, t);
	}
}

/* Pages in use by a task are not for nb_free_pages(). */
static void test_mapped_pages_are_not_freed(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	uint64_t a = map(t, 0, PAGE, 3);

	(void)state;
	touch(t, a, PAGE, true);
	assert_int_equal(nb_free_pages(box.sys, 0, nb_task_pfn(t, a), 0), -NB_EINVAL);
	end(&box, t);
}

struct seen {
	unsigned faults, allocs;
	uint64_t last_address, last_code;
};

static void listen(void *ctx, const struct nb_event *ev)
{
	struct seen *s = ctx;

	if (ev->kind == NB_EV_MM_PAGE_ALLOC)
		s->allocs++;
	if (ev->kind != NB_EV_PAGE_FAULT_USER)
		return;
	s->faults++;
	s->last_address = ev->field[0];
	s->last_code = ev->field[2];
	assert_true(ev->pid >= 1000);
}

static void test_events(void **state)
{
	struct seen seen = {0};
	struct nb_sink sink = {
		.ctx = &seen,
		.event = listen,
		.wanted = {{1u << NB_EV_PAGE_FAULT_USER | 1u << NB_EV_MM_PAGE_ALLOC}}};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1", .sink = &sink});
	uint64_t a = map(t, 0, 4 * PAGE, 3);

	(void)state;
	touch(t, a, 4 * PAGE, true);
	assert_int_equal(seen.faults, 4);
	assert_int_equal(seen.allocs, 4 + 3);
	assert_int_equal(seen.last_address, a + 3 * PAGE);
	assert_int_equal(seen.last_code, 6); /* user, write */
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_tables_go_with_the_mapping),
		cmocka_unit_test(test_zero_page),
		cmocka_unit_test(test_protection_and_holes),
		cmocka_unit_test(test_end_of_memory),
		cmocka_unit_test(test_other_shapes),
		cmocka_unit_test(test_mapped_pages_are_not_freed),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
