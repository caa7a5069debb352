/* reclaim_types.c -- each kind of page and what reclaim does with it: some can never go, some go to
 * swap, some are brought in line with their disk first, some are just dropped.
 *
 * The rows are those of the table in Bovet & Cesati, Understanding the Linux Kernel, ch. 17. Every
 * case is played with the classic lists and with generations, and squeezes the node as hard as
 * reclaim can (priority 12 down to 0, again and again).
 */
#include "pressbox.h"

#include "mm/filemap.h"
#include "mm/vmscan.h"

#define PAGES 512u

static bool gen;

static uint64_t squeeze(struct pressbox *p)
{
	uint64_t got = 0;

	nb_lru_add_drain_all(p->sys);
	for (unsigned round = 0; round < 4; round++) {
		for (int priority = NB_DEF_PRIORITY; priority >= 0; priority--) {
			struct nb_scan_control sc = {.sys = p->sys,
						     .gfp = NB_GFP_KERNEL,
						     .nr_to_reclaim = UINT64_C(1) << 20,
						     .priority = priority,
						     .reclaim_idx = NB_MAX_NR_ZONES - 1,
						     .may_writepage = true,
						     .may_unmap = true,
						     .may_swap = true};

			nb_shrink_node(nb_node_data(p->sys, 0), &sc);
			got += sc.nr_reclaimed;
		}
	}
	return got;
}

static void open_box(struct pressbox *p)
{
	pressbox_open(p, "64M:1", gen);
}

static struct nb_address_space *cached_file(struct pressbox *p)
{
	struct nb_address_space *f;
	uint64_t n;

	assert_int_equal(nb_file_create(p->sys, "f", PAGES * PAGE, &f), 0);
	assert_int_equal(nb_file_read(p->t, f, 0, NULL, PAGES * PAGE, &n), 0);
	assert_int_equal(n, PAGES * PAGE);
	return f;
}

static struct nb_file_info info_of(struct nb_address_space *f)
{
	struct nb_file_info i;

	nb_file_info(f, &i);
	return i;
}

static uint64_t map_file(struct pressbox *p, struct nb_address_space *f, bool write)
{
	uint64_t addr, n;

	assert_int_equal(nb_mmap_file(p->t, f, 0, 0, PAGES * PAGE, 3, NB_MAP_SHARED, &addr), 0);
	assert_int_equal(nb_touch(p->t, addr, PAGES * PAGE, write, &n), 0);
	assert_int_equal(nb_task_rss_pages(p->t), PAGES);
	return addr;
}

static uint64_t swapped(struct pressbox *p)
{
	struct nb_task_memory m;

	nb_task_memory(p->t, &m);
	return m.swap_entries;
}

static void wait_ms(struct pressbox *p, uint64_t ms)
{
	nb_system_set_time_ns(p->sys, p->sys->time_ns + ms * 1000000);
}

/* ---- unreclaimable ---- */

/* Free pages, what boot reserved, the kernel's own pages (stacks among them): on no list. */
static void kernels_own(void)
{
	const struct nb_alloc_request one = {.gfp = NB_GFP_KERNEL},
				      stack = {.gfp = NB_GFP_KERNEL | NB_GFP_BIT_ZERO, .order = 2};
	nb_pfn_t pfn[64], kstack;
	struct pressbox p;
	uint64_t before;

	open_box(&p);
	(void)pressbox_swapon(&p, 4 * PAGES, 0, NB_SWAP_SSD);
	assert_true(pressbox_zone(&p, 0)->present_pages > pressbox_zone(&p, 0)->managed_pages);
	assert_int_equal(squeeze(&p), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_true((pfn[i] = nb_alloc_pages(p.sys, &one)) != NB_NO_PFN);
	assert_true((kstack = nb_alloc_pages(p.sys, &stack)) != NB_NO_PFN);
	before = sysbox_free_pages(&p.box);
	assert_int_equal(squeeze(&p), 0);
	assert_int_equal(sysbox_free_pages(&p.box), before);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(nb_free_pages(p.sys, 0, pfn[i], 0), 0);
	assert_int_equal(nb_free_pages(p.sys, 0, kstack, 2), 0);
	pressbox_close(&p);
}

/* Somebody holds the page for a moment (a lock, a DMA): it stays until he lets go. */
static void held(void)
{
	struct nb_address_space *f;
	struct nb_page *page;
	struct nb_zone *z;
	struct pressbox p;

	open_box(&p);
	f = cached_file(&p);
	page = nb_as_find(f, 7, &z, NULL); /* a reference */
	assert_non_null(page);
	assert_int_equal(squeeze(&p), PAGES - 1);
	assert_int_equal(info_of(f).cached_pages, 1);
	assert_int_equal(nb_file_node(f, 7), 0);
	nb_put_page(p.sys, z, page, 0);
	assert_int_equal(squeeze(&p), 1);
	assert_int_equal(info_of(f).cached_pages, 0);
	nb_file_put(f);
	pressbox_close(&p);
}

/* In a region with VM_LOCKED: on no list that is scanned, until it is unlocked. */
static void locked(void)
{
	struct pressbox p;
	uint64_t a;

	open_box(&p);
	(void)pressbox_swapon(&p, 4 * PAGES, 0, NB_SWAP_SYNCHRONOUS);
	a = pressbox_map(&p, PAGES);
	assert_int_equal(nb_mlock(p.t, a, PAGES * PAGE), 0);
	assert_int_equal(nb_task_rss_pages(p.t), PAGES);
	assert_int_equal(squeeze(&p), 0);
	assert_int_equal(nb_task_rss_pages(p.t), PAGES);
	assert_int_equal(pressbox_lru(&p, 0, NB_LRU_UNEVICTABLE), PAGES);
	assert_int_equal(nb_munlock(p.t, a, PAGES * PAGE), 0);
	assert_true(squeeze(&p) >= PAGES);
	assert_int_equal(nb_task_rss_pages(p.t), 0);
	assert_int_equal(swapped(&p), PAGES);
	pressbox_close(&p);
}

/* ---- swappable ---- */

/* Anonymous memory stays where there is no swap, and goes there when there is. */
static void anonymous(void)
{
	struct pressbox p;
	uint64_t a;

	open_box(&p);
	a = pressbox_map(&p, PAGES);
	assert_int_equal(pressbox_fill(&p, a, PAGES), PAGES);
	assert_int_equal(squeeze(&p), 0);
	assert_int_equal(nb_task_rss_pages(p.t), PAGES);
	(void)pressbox_swapon(&p, 4 * PAGES, 0, NB_SWAP_SYNCHRONOUS);
	assert_int_equal(squeeze(&p), PAGES);
	assert_int_equal(swapped(&p), PAGES);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT), PAGES);
	assert_int_equal(pressbox_fill(&p, a, PAGES), PAGES);
	assert_int_equal(nb_task_rss_pages(p.t), PAGES);
	assert_int_equal(swapped(&p), 0);
	pressbox_close(&p);
}

/* Mapped pages of tmpfs, as a shared segment's: the same, through the file's own tree. */
static void shared(void)
{
	struct nb_address_space *f;
	struct pressbox p;
	uint64_t a, n;

	open_box(&p);
	assert_int_equal(nb_shmem_create(p.sys, "shm", PAGES * PAGE, NULL, &f), 0);
	a = map_file(&p, f, true);
	assert_int_equal(squeeze(&p), 0);
	(void)pressbox_swapon(&p, 4 * PAGES, 0, NB_SWAP_SYNCHRONOUS);
	assert_int_equal(squeeze(&p), PAGES);
	assert_int_equal(nb_task_rss_pages(p.t), 0);
	assert_int_equal(info_of(f).cached_pages, 0);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT), PAGES);
	assert_int_equal(nb_touch(p.t, a, PAGES * PAGE, false, &n), 0);
	assert_int_equal(nb_task_rss_pages(p.t), PAGES);
	nb_file_put(f);
	pressbox_close(&p);
}

/* ---- syncable ---- */

static uint64_t shadow_nodes_dropped(const struct pressbox *p)
{
	struct nb_lru_info info;

	assert_int_equal(nb_lru_info(p->sys, 0, NB_ZONE_DMA32, &info), 0);
	return info.shadow_nodes_dropped;
}

/* Mapped pages of a file, clean: the mappings go, nothing is written. */
static void mapped_clean(void)
{
	struct nb_address_space *f;
	struct pressbox p;

	open_box(&p);
	f = cached_file(&p);
	(void)map_file(&p, f, false);
	assert_int_equal(squeeze(&p), PAGES);
	assert_int_equal(nb_task_rss_pages(p.t), 0);
	/* shadows, but for those of the nodes that an empty list has no use for */
	assert_int_equal(info_of(f).shadows + 64 * shadow_nodes_dropped(&p), PAGES);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGPGOUT), 0);
	nb_file_put(f);
	pressbox_close(&p);
}

/* Written to, through a mapping or a call: stays until it is written back, never dropped before. */
static void dirty(bool mapped)
{
	struct nb_address_space *f;
	struct pressbox p;
	uint64_t n;

	open_box(&p);
	f = cached_file(&p);
	if (mapped)
		(void)map_file(&p, f, true);
	else
		assert_int_equal(nb_file_write(p.t, f, 0, NULL, PAGES * PAGE, &n), 0);
	assert_int_equal(info_of(f).dirty_pages, PAGES);
	assert_int_equal(squeeze(&p), 0);
	assert_int_equal(info_of(f).dirty_pages, PAGES);
	assert_int_equal(nb_file_sync(p.t, f), 0);
	wait_ms(&p, 1000);
	assert_int_equal(info_of(f).dirty_pages + info_of(f).writeback_pages, 0);
	(void)squeeze(&p);
	assert_int_equal(info_of(f).cached_pages, 0);
	nb_file_put(f);
	pressbox_close(&p);
}

/* ---- discardable ---- */

/* Clean page cache that nobody maps; memory that was given up by MADV_FREE. */
static void dropped(void)
{
	struct nb_address_space *f;
	struct pressbox p;
	uint64_t a;

	open_box(&p);
	f = cached_file(&p);
	assert_int_equal(squeeze(&p), PAGES);
	assert_int_equal(info_of(f).cached_pages, 0);
	(void)pressbox_swapon(&p, 4 * PAGES, 0, NB_SWAP_SYNCHRONOUS);
	a = pressbox_map(&p, PAGES);
	assert_int_equal(pressbox_fill(&p, a, PAGES), PAGES);
	assert_int_equal(nb_madvise(p.t, a, PAGES * PAGE, NB_MADV_FREE), 0);
	assert_int_equal(squeeze(&p), PAGES);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGLAZYFREED), PAGES);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT), 0);
	assert_int_equal(swapped(&p), 0);
	nb_file_put(f);
	pressbox_close(&p);
}

/* A cache of the kernel's objects (inodes, dentries, empty slabs): its shrinker is asked, and gives
 * pages back. */
struct cache {
	struct nb_system *sys;
	nb_pfn_t page[64];
	uint64_t n;
};

static uint64_t count(void *ctx, int nid)
{
	(void)nid;
	return ((struct cache *)ctx)->n;
}

static uint64_t scan(void *ctx, int nid, uint64_t nr)
{
	struct cache *c = ctx;
	uint64_t freed = 0;

	(void)nid;
	for (; c->n && freed < nr; freed++)
		assert_int_equal(nb_free_pages(c->sys, 0, c->page[--c->n], 0), 0);
	return freed;
}

static void kernel_cache(void)
{
	const struct nb_alloc_request one = {.gfp = NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE};
	struct nb_shrinker *s;
	struct cache c = {0};
	struct pressbox p;
	uint64_t before;

	open_box(&p);
	before = sysbox_free_pages(&p.box);
	for (c.sys = p.sys; c.n < 64; c.n++)
		assert_true((c.page[c.n] = nb_alloc_pages(p.sys, &one)) != NB_NO_PFN);
	assert_int_equal(nb_shrinker_register(p.sys,
					      &(struct nb_shrinker_ops){.ctx = &c,
									.count_objects = count,
									.scan_objects = scan,
									.seeks = 2,
									.batch = 8,
									.objects_per_page = 1},
					      &s),
			 0);
	(void)squeeze(&p);
	assert_int_equal(c.n, 0);
	nb_drain_pages(p.sys, -1);
	assert_int_equal(sysbox_free_pages(&p.box), before);
	nb_shrinker_unregister(p.sys, s);
	pressbox_close(&p);
}

static void twice(void (*play)(void))
{
	gen = false;
	play();
	gen = true;
	play();
}

static void test_unreclaimable(void **state)
{
	(void)state;
	twice(kernels_own);
	twice(held);
	twice(locked);
}

static void test_swappable(void **state)
{
	(void)state;
	twice(anonymous);
	twice(shared);
}

static void dirty_mapped(void)
{
	dirty(true);
}

static void dirty_written(void)
{
	dirty(false);
}

static void test_syncable(void **state)
{
	(void)state;
	twice(mapped_clean);
	twice(dirty_mapped);
	twice(dirty_written);
}

static void test_discardable(void **state)
{
	(void)state;
	twice(dropped);
	twice(kernel_cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreclaimable),
		cmocka_unit_test(test_swappable),
		cmocka_unit_test(test_syncable),
		cmocka_unit_test(test_discardable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
