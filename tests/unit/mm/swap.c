/* swap.c -- tests of src/mm/swap*.c: areas, slots, counts, the cache, what is read beside a page.
 */
#include "pressbox.h"

static uint64_t slot_of(struct pressbox *p, uint64_t addr, unsigned *area)
{
	uint64_t slot = 0;

	assert_true(nb_task_swap_slot(p->t, addr, area, &slot));
	return slot;
}

static void page_out(struct pressbox *p, uint64_t addr, uint64_t pages)
{
	assert_int_equal(nb_madvise(p->t, addr, pages * PAGE, NB_MADV_PAGEOUT), 0);
	nb_swap_poll(p->sys, true);
	nb_lru_add_drain_all(p->sys);
}

/* The highest priority first, equal ones in turn, automatic ones below all given. */
static void test_priorities(void **state)
{
	struct nb_swap_info info;
	struct pressbox p;
	unsigned area;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	assert_int_equal(pressbox_swapon(&p, 4096, -1, NB_SWAP_SYNCHRONOUS), 0);
	assert_int_equal(pressbox_swapon(&p, 4096, -1, NB_SWAP_SYNCHRONOUS), 1);
	assert_int_equal(pressbox_swapon(&p, 17, 7, NB_SWAP_SYNCHRONOUS), 2);
	assert_true(nb_swap_info(p.sys, 0, &info));
	assert_int_equal(info.priority, -2);
	assert_string_equal(info.name, "/dev/swap0");
	assert_true(nb_swap_info(p.sys, 1, &info));
	assert_int_equal(info.priority, -3);
	a = pressbox_map(&p, 64);
	(void)pressbox_fill(&p, a, 64);
	page_out(&p, a, 64);
	assert_int_equal(slot_of(&p, a, &area), 1);
	assert_int_equal(area, 2);
	(void)slot_of(&p, a + 16 * PAGE, &area);
	assert_int_equal(area, 0); /* the first is full: the next priority */
	assert_true(nb_swap_info(p.sys, 2, &info));
	assert_int_equal(info.used_pages, 16);
	assert_false(nb_swap_info(p.sys, 3, &info));
	pressbox_close(&p);
}

static void test_bad_calls(void **state)
{
	struct nb_swap_options opt = {.pages = 1, .priority = 0};
	struct pressbox p;
	unsigned area;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	assert_int_equal(nb_swapoff(p.sys, 0), -NB_EINVAL);
	assert_int_equal(nb_swapon(p.sys, &opt, &area), -NB_EINVAL);
	opt.pages = 16;
	opt.priority = 32768;
	assert_int_equal(nb_swapon(p.sys, &opt, &area), -NB_EINVAL);
	opt.priority = 1;
	for (unsigned i = 0; i < NB_MAX_SWAPFILES; i++)
		assert_int_equal(nb_swapon(p.sys, &opt, &area), 0);
	assert_int_equal(nb_swapon(p.sys, &opt, &area), -NB_EPERM);
	pressbox_close(&p);
}

/* A disk leaves the page in the swap cache: a touch is a minor fault, on the old page. Synchronous
 * devices give it up at once. */
static void test_cache(void **state)
{
	uint64_t a, n, total, free, cached;
	struct pressbox p;
	nb_pfn_t pfn;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SSD);
	a = pressbox_map(&p, 8);
	(void)pressbox_fill(&p, a, 8);
	pfn = nb_task_pfn(p.t, a);
	page_out(&p, a, 8);
	nb_swap_totals(p.sys, &total, &free, &cached);
	assert_int_equal(total, 4095);
	assert_int_equal(cached, 8);
	assert_int_equal(p.t->mm->swap_entries, 8);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT), 8);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGROTATED), 8);
	assert_int_equal(nb_touch(p.t, a, PAGE, false, &n), 0);
	assert_int_equal(nb_task_pfn(p.t, a), pfn);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPIN), 0);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGMAJFAULT), 0);
	/* read: the slot is kept; written: it is given back */
	nb_swap_totals(p.sys, &total, &free, &cached);
	assert_int_equal(cached, 8);
	assert_int_equal(nb_touch(p.t, a + PAGE, PAGE, true, &n), 0);
	nb_swap_totals(p.sys, &total, &free, &cached);
	assert_int_equal(cached, 7);
	pressbox_close(&p);
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SYNCHRONOUS);
	a = pressbox_map(&p, 8);
	(void)pressbox_fill(&p, a, 8);
	page_out(&p, a, 8);
	nb_swap_totals(p.sys, &total, &free, &cached);
	assert_int_equal(cached, 0);
	assert_int_equal(nb_touch(p.t, a, PAGE, false, &n), 0);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGMAJFAULT), 1);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPIN), 1);
	pressbox_close(&p);
}

/* Reads a page back, then writes to it: faults for both. The slot stays, as nothing told the kernel
 * of the write; the page is dirty and goes out again. */
static uint64_t faults_of_write(const char *kernel)
{
	uint64_t a, n, total, free, cached, faults, out;
	struct pressbox p = {0};

	sysbox_boot(&p.box, &(struct sysbox_spec){.nodes = "64M:1", .kernel = kernel});
	p.sys = p.box.sys;
	assert_int_equal(nb_task_create(p.sys, 0, "test", &p.t), 0);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_ROTATIONAL);
	a = pressbox_map(&p, 1);
	(void)pressbox_fill(&p, a, 1);
	page_out(&p, a, 1);
	faults = nb_vm_event_sum(p.sys, NB_VM_PGFAULT);
	assert_int_equal(nb_touch(p.t, a, PAGE, false, &n), 0);
	assert_int_equal(nb_touch(p.t, a, PAGE, true, &n), 0);
	faults = nb_vm_event_sum(p.sys, NB_VM_PGFAULT) - faults;
	nb_swap_totals(p.sys, &total, &free, &cached);
	assert_int_equal(cached, 1);
	out = nb_vm_event_sum(p.sys, NB_VM_PSWPOUT);
	page_out(&p, a, 1);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT), out + 1);
	pressbox_close(&p);
	return faults;
}

static void test_read_then_written(void **state)
{
	(void)state;
	assert_int_equal(faults_of_write(NULL), 1);
	assert_int_equal(faults_of_write("6.8"), 2);
}

/* Parent and child hold the slot both; the page that one of them reads stays shared. */
static void test_fork(void **state)
{
	uint64_t a, n, total, free, cached;
	struct nb_task *child;
	struct pressbox p;
	unsigned area;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SSD);
	a = pressbox_map(&p, 4);
	(void)pressbox_fill(&p, a, 4);
	page_out(&p, a, 4);
	assert_int_equal(nb_task_fork(p.t, &child), 0);
	assert_int_equal(child->mm->swap_entries, 4);
	assert_int_equal(p.sys->swap->area[0]->map[slot_of(&p, a, &area)], 2);
	assert_int_equal(nb_touch(p.t, a, PAGE, true, &n), 0);
	assert_int_equal(nb_touch(child, a, PAGE, true, &n), 0);
	assert_int_not_equal(nb_task_pfn(p.t, a), nb_task_pfn(child, a));
	assert_int_equal(nb_system_check(p.sys, NULL), 0);
	nb_task_exit(child);
	nb_task_put(child);
	assert_int_equal(nb_munmap(p.t, a, 4 * PAGE), 0);
	nb_swap_totals(p.sys, &total, &free, &cached);
	assert_int_equal(cached, 0);
	pressbox_close(&p);
}

/* A write to a page whose slot another process still holds makes a copy: the other reads what was.
 */
static void test_write_beside_a_slot(void **state)
{
	struct nb_task *child;
	struct pressbox p;
	uint64_t a, n;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SSD);
	a = pressbox_map(&p, 1);
	(void)pressbox_fill(&p, a, 1);
	page_out(&p, a, 1);
	assert_int_equal(nb_task_fork(p.t, &child), 0);
	assert_int_equal(nb_touch(p.t, a, PAGE, true, &n), 0);
	assert_int_equal(nb_touch(child, a, PAGE, false, &n), 0);
	assert_int_not_equal(nb_task_pfn(p.t, a), nb_task_pfn(child, a));
	assert_int_equal(nb_touch(child, a, PAGE, true, &n), 0);
	assert_int_not_equal(nb_task_pfn(p.t, a), nb_task_pfn(child, a));
	nb_task_exit(child);
	nb_task_put(child);
	pressbox_close(&p);
}

/* A disk that turns: eight slots around the wanted one; elsewhere neighbours of the address. */
static void test_readahead(void **state)
{
	static const enum nb_swap_device device[] = {NB_SWAP_ROTATIONAL, NB_SWAP_SSD};
	struct pressbox p;
	uint64_t a, n, first;
	unsigned area;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pressbox_open(&p, "64M:1", false);
		(void)pressbox_swapon(&p, 4096, -1, device[i]);
		a = pressbox_map(&p, 64);
		(void)pressbox_fill(&p, a, 64);
		page_out(&p, a, 64);
		/* out of the cache too */
		first = slot_of(&p, a, &area);
		assert_int_equal(first, i ? 512 : 1); /* clusters without the header first */
		for (uint64_t slot = first; slot < first + 64; slot++) {
			struct nb_zone *z = NULL;
			struct nb_page *page =
				nb_swap_cached_page(p.sys, p.sys->swap->area[0], slot, &z);

			assert_non_null(page);
			assert_true(nb_lru_isolate(p.sys, z, page));
			assert_int_equal(nb_reclaim_page(p.sys, z, page, 0), 1);
		}
		assert_int_equal(p.sys->swap->nr_cached, 0);
		assert_int_equal(nb_touch(p.t, a + 20 * PAGE, PAGE, false, &n), 0);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPIN), 8);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_SWAP_RA), 7);
		/* slot 21: 16..23; address 20: 17..24 */
		assert_int_equal(nb_touch(p.t, a + (i ? 24 : 15) * PAGE, PAGE, false, &n), 0);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_SWAP_RA_HIT), 1);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGMAJFAULT), 1);
		assert_int_equal(nb_touch(p.t, a + 40 * PAGE, PAGE, false, &n), 0);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGMAJFAULT), 2);
		pressbox_close(&p);
	}
}

/* MADV_WILLNEED reads what is out into the cache, and maps nothing; a slot that two processes hold
 * is half of each one's share. */
static void test_willneed(void **state)
{
	struct nb_vma_pages pages;
	struct nb_task *child;
	struct pressbox p;
	unsigned area;
	uint64_t a, n, first;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SSD);
	a = pressbox_map(&p, 16);
	(void)pressbox_fill(&p, a, 16);
	page_out(&p, a, 16);
	first = slot_of(&p, a, &area);
	for (uint64_t slot = first; slot < first + 16; slot++) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_swap_cached_page(p.sys, p.sys->swap->area[0], slot, &z);

		assert_true(nb_lru_isolate(p.sys, z, page));
		assert_int_equal(nb_reclaim_page(p.sys, z, page, 0), 1);
	}
	assert_int_equal(nb_madvise(p.t, a + 4 * PAGE, 8 * PAGE, NB_MADV_WILLNEED), 0);
	assert_int_equal(p.sys->swap->nr_cached, 8);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPIN), 8);
	assert_int_equal(p.t->mm->swap_entries, 16);
	assert_int_equal(nb_touch(p.t, a + 4 * PAGE, PAGE, false, &n), 0);
	assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PGMAJFAULT), 0);
	assert_true(nb_task_vma_pages(p.t, 0, &pages));
	assert_int_equal(pages.swap, 15);
	assert_int_equal(pages.swap_pss_bytes, 15 * PAGE);
	assert_int_equal(nb_task_fork(p.t, &child), 0);
	assert_true(nb_task_vma_pages(child, 0, &pages));
	assert_int_equal(pages.swap, 15);
	assert_int_equal(pages.swap_pss_bytes, 15 * PAGE / 2);
	nb_task_exit(child);
	nb_task_put(child);
	pressbox_close(&p);
}

/* swapoff brings all back; without room for it the area stays. */
static void test_swapoff(void **state)
{
	struct nb_swap_info info;
	struct pressbox p;
	uint64_t a;

	(void)state;
	pressbox_open(&p, "32M:1", false);
	(void)pressbox_swapon(&p, 16384, -1, NB_SWAP_SSD);
	a = pressbox_map(&p, 4000);
	(void)pressbox_fill(&p, a, 4000);
	page_out(&p, a, 4000);
	assert_int_equal(nb_swapoff(p.sys, 0), 0);
	assert_int_equal(p.t->mm->swap_entries, 0);
	assert_int_equal(p.t->mm->anon_pages, 4000);
	assert_false(nb_swap_info(p.sys, 0, &info));
	assert_int_equal(nb_system_check(p.sys, NULL), 0);
	pressbox_close(&p);
}

/* Bytes come back the same through a callback's file, and through the system's own memory. */
struct disk {
	unsigned char bytes[64 * 4096];
	unsigned writes, reads;
};

static int disk_write(void *ctx, uint64_t offset, const void *buf, size_t n)
{
	struct disk *d = ctx;

	memcpy(d->bytes + offset, buf, n);
	d->writes++;
	return 0;
}

static int disk_read(void *ctx, uint64_t offset, void *buf, size_t n)
{
	struct disk *d = ctx;

	memcpy(buf, d->bytes + offset, n);
	d->reads++;
	return 0;
}

static void test_bytes(void **state)
{
	static struct disk d;
	struct nb_boot_options boot = {.backed = true};
	struct nb_swap_options opt = {.pages = 64,
				      .priority = 1,
				      .device = NB_SWAP_SYNCHRONOUS,
				      .ctx = &d,
				      .read = disk_read,
				      .write = disk_write};
	struct sysbox box;
	struct nb_task *t;
	uint64_t a, n;
	unsigned area;
	unsigned char *p;

	(void)state;
	sysbox_machine(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	assert_int_equal(nb_system_boot(&box.port, box.machine, &boot, &box.sys, NULL), 0);
	assert_int_equal(nb_swapon(box.sys, &opt, &area), 0);
	assert_int_equal(nb_task_create(box.sys, 0, "bytes", &t), 0);
	assert_int_equal(nb_mmap(t, 0, PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_touch(t, a, PAGE, true, &n), 0);
	p = (unsigned char *)box.sys->backing + nb_task_pfn(t, a) * PAGE;
	memset(p, 0x5a, PAGE);
	assert_int_equal(nb_madvise(t, a, PAGE, NB_MADV_PAGEOUT), 0);
	assert_int_equal(d.writes, 1);
	assert_int_equal(nb_task_pfn(t, a), NB_NO_PFN);
	memset(p, 0, PAGE); /* somebody else has the frame */
	assert_int_equal(nb_touch(t, a, PAGE, false, &n), 0);
	assert_int_equal(d.reads, 1);
	p = (unsigned char *)box.sys->backing + nb_task_pfn(t, a) * PAGE;
	assert_int_equal(p[0], 0x5a);
	assert_int_equal(p[PAGE - 1], 0x5a);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(&box);
}

/* vm.swappiness=0 is not "swap late": with an empty swap of a gigabyte the task is killed, as the
 * recorded ones were (swap-n1-*-sw0); at 60 it goes on. Under both kinds of lists. */
static void test_swappiness_0(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pressbox p;
		bool swaps = i & 1;
		uint64_t a;

		pressbox_open(&p, "64M:1", i & 2);
		(void)pressbox_swapon(&p, 262144, -1, NB_SWAP_ROTATIONAL);
		assert_int_equal(nb_sysctl_write(p.sys, "vm.swappiness", swaps ? "60" : "0", NULL),
				 0);
		a = pressbox_map(&p, 20000);
		(void)pressbox_fill(&p, a, 20000);
		assert_int_equal(nb_task_alive(p.t), swaps);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_OOM_KILL), !swaps);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_PSWPOUT) > 0, swaps);
		pressbox_close(&p);
	}
}

/* A full node of a BIND policy swaps while the other has memory free, and is not asked. */
static void test_full_bind_node(void **state)
{
	struct nb_nodemask m0 = sysbox_mask(1);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pressbox p;
		uint64_t a, away = 0;

		pressbox_open(&p, "16M:1 64M:1", i);
		(void)pressbox_swapon(&p, 16384, -1, NB_SWAP_SSD);
		assert_int_equal(nb_set_mempolicy(p.t, NB_MPOL_BIND, &m0), 0);
		a = pressbox_map(&p, 6000);
		assert_int_equal(pressbox_fill(&p, a, 6000), 6000);
		assert_true(nb_task_alive(p.t));
		for (unsigned k = 0; k < 6000; k++) {
			int node = nb_task_node(p.t, a + k * PAGE);

			assert_int_not_equal(node, 1);
			away += node < 0;
		}
		assert_in_range(away, 6000 - 4096, 6000 - 3000);
		assert_int_equal(p.t->mm->swap_entries, away);
		assert_int_equal(sysbox_numa(&p.box, 1, NB_NUMA_HIT), 0);
		assert_int_equal(sysbox_numa(&p.box, 1, NB_NUMA_MISS), 0);
		pressbox_close(&p);
	}
}

/* Swap is more than half full: a slot that the cache alone holds is taken back where the search
 * comes by it; its page stays. 100 entries, 100 idle slots, 399 entries; 50 and 300 come free. */
static void test_idle_slot_is_taken(void **state)
{
	struct pressbox p;
	uint64_t b, a, c, n;
	unsigned area;

	(void)state;
	pressbox_open(&p, "64M:1", false);
	(void)pressbox_swapon(&p, 600, -1, NB_SWAP_ROTATIONAL);
	b = pressbox_map(&p, 100);
	a = pressbox_map(&p, 100);
	c = pressbox_map(&p, 402);
	(void)pressbox_fill(&p, b, 100);
	(void)pressbox_fill(&p, a, 100);
	(void)pressbox_fill(&p, c, 402);
	page_out(&p, b, 100);
	page_out(&p, a, 100);
	assert_int_equal(nb_touch(p.t, a, 100 * PAGE, false, &n), 0);
	page_out(&p, c, 399);
	assert_int_equal(p.sys->swap->nr_free, 0);
	assert_int_equal(nb_madvise(p.t, b + 49 * PAGE, PAGE, NB_MADV_DONTNEED), 0);
	assert_int_equal(nb_madvise(p.t, c + 99 * PAGE, PAGE, NB_MADV_DONTNEED), 0);
	page_out(&p, c + 399 * PAGE, 3);
	assert_int_equal(slot_of(&p, c + 399 * PAGE, &area), 50);
	assert_int_equal(slot_of(&p, c + 400 * PAGE, &area), 101);
	assert_int_equal(slot_of(&p, c + 401 * PAGE, &area), 102);
	assert_int_equal(nb_task_node(p.t, a), 0);
	assert_int_equal(p.sys->swap->nr_free, 1);
	pressbox_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_bad_calls),
		cmocka_unit_test(test_read_then_written),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_readahead),
		cmocka_unit_test(test_write_beside_a_slot),
		cmocka_unit_test(test_willneed),
		cmocka_unit_test(test_swapoff),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_swappiness_0),
		cmocka_unit_test(test_full_bind_node),
		cmocka_unit_test(test_idle_slot_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
