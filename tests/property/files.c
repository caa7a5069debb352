/* files.c -- long random work on files, mapped and not, in a system whose pages hold bytes.
 *
 * A plain array stands beside each file; whatever is read, through read() or a mapping, must equal
 * it, also after write-back, dropped caches, holes, truncation and memory pressure. One file has a
 * disk of its own (an array, too): after sync() the two are equal. Copies on other nodes
 * (numabox/replica.h) are switched on and off meanwhile. After every few steps: marks,
 * flags, counts and references are recounted. At the end every page has come back. The seed is
 * printed; another may be given in NUMABOX_SEED, steps in NUMABOX_STEPS.
 */
#include "../unit/mm/filebox.h"

#include <numabox/replica.h>
#include <numabox/swap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_FILES 4u
#define NR_MAPS 12u
#define NR_TASKS 3u
#define MAX_PAGES 160u
#define MAX_BYTES (MAX_PAGES * PAGE)
#define STEPS 6000u

struct file {
	struct nb_address_space *as;
	bool shmem;
	uint64_t size;
	uint8_t bytes[MAX_BYTES];
};

struct map {
	struct file *f; /* NULL: not in use */
	struct nb_task *t;
	bool shared, readonly;
	uint64_t addr, first, pages;
	uint8_t *copy[MAX_PAGES]; /* private pages that were written to */
};

struct world {
	struct filebox b;
	uint64_t seed;
	struct nb_task *t[NR_TASKS];
	struct file f[NR_FILES];
	struct map m[NR_MAPS];
	unsigned swap; /* its area */
	uint8_t disk[MAX_BYTES];
};

static uint64_t rnd(struct world *w, uint64_t below)
{
	uint64_t x = w->seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

static int disk_read(void *ctx, uint64_t offset, void *buf, size_t n)
{
	memcpy(buf, (uint8_t *)ctx + offset, n);
	return 0;
}

static int disk_write(void *ctx, uint64_t offset, const void *buf, size_t n)
{
	memcpy((uint8_t *)ctx + offset, buf, n);
	return 0;
}

static struct nb_task *some_task(struct world *w)
{
	return w->t[rnd(w, NR_TASKS)];
}

static struct file *some_file(struct world *w)
{
	return &w->f[rnd(w, NR_FILES)];
}

/* ---- read and write ---- */

static void do_read(struct world *w)
{
	static uint8_t buf[MAX_BYTES];
	struct file *f = some_file(w);
	uint64_t at = rnd(w, MAX_BYTES), n = 1 + rnd(w, rnd(w, 4) ? 9000 : 200000), got, want;

	want = at >= f->size ? 0 : n < f->size - at ? n : f->size - at;
	assert_int_equal(nb_file_read(some_task(w), f->as, at, buf, n, &got), 0);
	assert_int_equal(got, want);
	for (uint64_t i = 0; i < got; i++) {
		if (buf[i] != f->bytes[at + i])
			fail_msg("file %u, byte %llu (page %llu): %u, should be %u",
				 (unsigned)(f - w->f), (unsigned long long)(at + i),
				 (unsigned long long)((at + i) / PAGE), buf[i], f->bytes[at + i]);
	}
}

static void do_write(struct world *w)
{
	static uint8_t buf[MAX_BYTES];
	struct file *f = some_file(w);
	uint64_t at = rnd(w, MAX_BYTES), n = 1 + rnd(w, rnd(w, 4) ? 9000 : 200000), got;
	uint8_t v = (uint8_t)rnd(w, 256);

	if (rnd(w, 3) == 0)
		at &= ~(PAGE - 1);
	if (n > MAX_BYTES - at)
		n = MAX_BYTES - at;
	for (uint64_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(v + i * 7);
	assert_int_equal(nb_file_write(some_task(w), f->as, at, buf, n, &got), 0);
	assert_int_equal(got, n);
	memcpy(f->bytes + at, buf, n);
	if (at + n > f->size)
		f->size = at + n;
}

/* ---- the size ---- */

static uint64_t end_page(const struct file *f)
{
	return (f->size + PAGE - 1) / PAGE;
}

/* Private copies of pages [first, last] are no more. */
static void forget_copies(struct world *w, const struct file *f, uint64_t first, uint64_t last)
{
	for (struct map *m = w->m; m < w->m + NR_MAPS; m++) {
		for (uint64_t i = 0; m->f == f && i < m->pages; i++) {
			if (m->first + i < first || m->first + i > last)
				continue;
			free(m->copy[i]);
			m->copy[i] = NULL;
		}
	}
}

static void do_truncate(struct world *w)
{
	struct file *f = some_file(w);
	uint64_t size = rnd(w, 3) ? rnd(w, MAX_BYTES + 1) : rnd(w, MAX_PAGES + 1) * PAGE;

	assert_int_equal(nb_file_truncate(some_task(w), f->as, size), 0);
	if (size < f->size) {
		memset(f->bytes + size, 0, f->size - size);
		f->size = size;
		forget_copies(w, f, end_page(f), UINT64_MAX);
	}
	f->size = size;
}

/* Zero bytes behind the end that a mapping wrote into the last page stay until the file grows over
 * them: the model must not know them. */
static bool beyond(const struct file *f, uint64_t page)
{
	return page >= end_page(f);
}

static void do_hole(struct world *w)
{
	struct file *f = some_file(w);
	uint64_t at = rnd(w, MAX_BYTES), n = 1 + rnd(w, 60000), end;
	uint64_t first, last;

	if (n > MAX_BYTES - at)
		n = MAX_BYTES - at;
	end = at + n;
	if (f->shmem && rnd(w, 3) == 0) {
		assert_int_equal(nb_file_fallocate(some_task(w), f->as, at, n, false), 0);
		if (end > f->size)
			f->size = end;
		return;
	}
	first = (at + PAGE - 1) / PAGE;
	last = end / PAGE;
	if (f->shmem) {
		assert_int_equal(nb_file_fallocate(some_task(w), f->as, at, n, true), 0);
		memset(f->bytes + at, 0, n);
	} else if (first < last) {
		assert_int_equal(nb_file_punch_mapped(some_task(w), f->as, first * PAGE,
						      (last - first) * PAGE),
				 0);
		memset(f->bytes + first * PAGE, 0, (last - first) * PAGE);
	}
}

/* ---- mappings ---- */

static void do_map(struct world *w)
{
	struct map *m = &w->m[rnd(w, NR_MAPS)];

	if (m->f) {
		assert_int_equal(nb_munmap(m->t, m->addr, m->pages * PAGE), 0);
		for (unsigned i = 0; i < MAX_PAGES; i++)
			free(m->copy[i]);
		memset(m, 0, sizeof(*m));
		return;
	}
	m->f = some_file(w);
	m->t = some_task(w);
	m->shared = rnd(w, 2);
	m->readonly = rnd(w, 3) == 0;
	m->first = rnd(w, MAX_PAGES);
	m->pages = 1 + rnd(w, MAX_PAGES - m->first);
	assert_int_equal(nb_mmap_file(m->t, m->f->as, m->first * PAGE, 0, m->pages * PAGE,
				      m->readonly ? NB_PROT_READ | NB_PROT_EXEC
						  : NB_PROT_READ | NB_PROT_WRITE,
				      m->shared ? NB_MAP_SHARED : 0, &m->addr),
			 0);
}

/* The bytes behind an address that was just touched. */
static uint8_t *bytes_at(struct world *w, const struct map *m, uint64_t addr)
{
	nb_pfn_t pfn = nb_task_pfn(m->t, addr);

	assert_int_not_equal(pfn, NB_NO_PFN);
	return (uint8_t *)(uintptr_t)nb_page_address(w->b.sys, pfn);
}

static void access_page(struct world *w, struct map *m, uint64_t i, bool write)
{
	struct file *f = m->f;
	uint64_t page = m->first + i, n = PAGE, done;
	int ret = nb_touch(m->t, m->addr + i * PAGE, PAGE, write, &done);
	uint8_t *p, *model = m->copy[i] ? m->copy[i] : f->bytes + page * PAGE;

	if (beyond(f, page)) {
		assert_null(m->copy[i]);
		assert_int_equal(ret, -NB_EFAULT);
		return;
	}
	assert_int_equal(ret, 0);
	p = bytes_at(w, m, m->addr + i * PAGE);
	if (!m->copy[i] && f->size - page * PAGE < PAGE)
		n = f->size - page * PAGE;
	if (memcmp(p, model, n))
		fail_msg("file %u, page %llu, %s mapping: other bytes", (unsigned)(f - w->f),
			 (unsigned long long)page, m->shared ? "shared" : "private");
	if (!write)
		return;
	if (!m->shared && !m->copy[i]) {
		m->copy[i] = malloc(PAGE);
		memcpy(m->copy[i], p, PAGE);
		model = m->copy[i];
		n = PAGE;
	}
	done = rnd(w, n);
	p[done] = model[done] = (uint8_t)rnd(w, 256);
}

static void do_access(struct world *w)
{
	struct map *m = &w->m[rnd(w, NR_MAPS)];
	uint64_t i, n;
	bool write = rnd(w, 2);

	if (!m->f)
		return;
	write &= !m->readonly;
	i = rnd(w, m->pages);
	n = 1 + rnd(w, 20);
	for (; n && i < m->pages; n--, i++)
		access_page(w, m, i, write);
}

/* ---- the disk and the memory ---- */

static void compare_disk(struct world *w)
{
	assert_int_equal(nb_sync(w->b.sys, w->t[0]), 0);
	/* what a mapping still writes to is found when it is told */
	if (w->f[1].as->nr_dirty)
		return;
	for (uint64_t i = 0; i < w->f[1].size; i++) {
		if (w->disk[i] != w->f[1].bytes[i])
			fail_msg("the disk has other bytes after sync(): %u at %llu of %llu, "
				 "should be %u",
				 w->disk[i], (unsigned long long)i,
				 (unsigned long long)w->f[1].size, w->f[1].bytes[i]);
	}
}

static void swap_on(struct world *w)
{
	struct nb_swap_options opt = {.pages = 20000,
				      .priority = NB_SWAP_PRIO_AUTO,
				      .device = rnd(w, 2) ? NB_SWAP_SSD : NB_SWAP_SYNCHRONOUS};

	assert_int_equal(nb_swapon(w->b.sys, &opt, &w->swap), 0);
}

static void do_disk(struct world *w)
{
	struct file *f = some_file(w);
	struct nb_error err = {0};

	switch (rnd(w, 9)) {
	case 8: /* all that is out comes back, and may go out again */
		if (rnd(w, 4))
			break;
		assert_int_equal(nb_swapoff(w->b.sys, w->swap), 0);
		swap_on(w);
		break;
	case 7:
		assert_int_equal(nb_set_replication(w->b.sys, (unsigned)rnd(w, 4), 0), 0);
		break;
	case 0:
		compare_disk(w);
		break;
	case 1:
		assert_int_equal(nb_file_sync(some_task(w), f->as), 0);
		break;
	case 2:
		assert_int_equal(nb_sysctl_write(w->b.sys, "vm.drop_caches", "3", &err), 0);
		break;
	case 3:
		filebox_run(&w->b, rnd(w, 3) ? rnd(w, 1000000) : rnd(w, UINT64_C(9000000000)));
		break;
	default:
		assert_int_equal(nb_file_fadvise(some_task(w), f->as, rnd(w, MAX_BYTES),
						 rnd(w, MAX_BYTES), (enum nb_fadvice)rnd(w, 6)),
				 0);
		break;
	}
}

/* Takes most of the memory for a moment, so that reclaim looks at the files' pages. */
static void do_pressure(struct world *w)
{
	uint64_t addr, n, pages = sysbox_free_pages(&w->b.box);
	struct nb_task *t;

	assert_int_equal(nb_task_create(w->b.sys, 1, "hog", &t), 0);
	assert_int_equal(nb_mmap(t, 0, pages * PAGE, NB_PROT_READ | NB_PROT_WRITE, 0, &addr), 0);
	(void)nb_touch(t, addr, (pages - pages / 40) * PAGE, true, &n);
	nb_task_exit(t);
	nb_task_put(t);
}

/* ---- all of it ---- */

static void begin(struct world *w)
{
	static const char *const mpol[] = {"interleave", NULL};
	struct nb_backing_ops ops = {w->disk, disk_read, disk_write};

	filebox_boot(&w->b, "24M:2 24M:2", NULL, true);
	w->t[0] = w->b.t;
	for (unsigned i = 1; i < NR_TASKS; i++)
		assert_int_equal(nb_task_create(w->b.sys, (int)i, "t", &w->t[i]), 0);
	for (uint64_t i = 0; i < MAX_BYTES; i++)
		w->disk[i] = w->f[1].bytes[i] = (uint8_t)(i * 13 + i / PAGE);
	w->f[1].size = 100 * PAGE + 123;
	memset(w->f[1].bytes + w->f[1].size, 0, MAX_BYTES - w->f[1].size);
	memset(w->disk + w->f[1].size, 0, MAX_BYTES - w->f[1].size);
	for (unsigned i = 0; i < NR_FILES; i++) {
		struct file *f = &w->f[i];

		f->shmem = i >= 2;
		if (f->shmem)
			f->as = filebox_shmem(&w->b, 0, mpol[i - 2]);
		else
			assert_int_equal(nb_file_create(w->b.sys, "f", f->size, &f->as), 0);
	}
	nb_file_set_backing(w->f[1].as, &ops);
	swap_on(w);
}

static void end(struct world *w)
{
	for (struct map *m = w->m; m < w->m + NR_MAPS; m++) {
		for (unsigned i = 0; i < MAX_PAGES; i++)
			free(m->copy[i]);
	}
	for (unsigned i = 1; i < NR_TASKS; i++) {
		nb_task_exit(w->t[i]);
		nb_task_put(w->t[i]);
	}
	for (unsigned i = 0; i < NR_FILES; i++)
		nb_file_put(w->f[i].as);
	assert_int_equal(nb_swapoff(w->b.sys, w->swap), 0);
	filebox_end(&w->b);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

static void test_random(void **state)
{
	static struct world w;
	struct nb_replication_info copies;
	uint64_t steps = number("NUMABOX_STEPS", STEPS);

	(void)state;
	memset(&w, 0, sizeof(w));
	w.seed = number("NUMABOX_SEED", 4711);
	print_message("# seed %llu\n", (unsigned long long)w.seed);
	begin(&w);
	for (uint64_t n = 0; n < steps; n++) {
		uint64_t what = rnd(&w, 100);

		if (what < 22)
			do_read(&w);
		else if (what < 44)
			do_write(&w);
		else if (what < 50)
			do_truncate(&w);
		else if (what < 56)
			do_hole(&w);
		else if (what < 62)
			do_map(&w);
		else if (what < 90)
			do_access(&w);
		else if (what < 98 || n % 16)
			do_disk(&w);
		else
			do_pressure(&w);
		for (unsigned i = 0; i < NR_TASKS; i++)
			assert_true(nb_task_alive(w.t[i]));
		if (n % 32 == 0)
			filebox_check(&w.b);
	}
	compare_disk(&w);
	/* all of it was met: reads, writes, waits, reclaim of file pages */
	assert_true(filebox_vm_event(&w.b, "pgpgin") > 0 && filebox_vm_event(&w.b, "pgpgout") > 0);
	assert_true(w.b.waits > 0);
	nb_replication_info(w.b.sys, &copies);
	if (steps >= STEPS)
		assert_true(filebox_vm_event(&w.b, "pswpout") && filebox_vm_event(&w.b, "pswpin"));
	if (steps >= STEPS)
		assert_true(copies.made && copies.collapsed && copies.reads);
	if (steps >= STEPS)
		assert_true(filebox_vm_event(&w.b, "pgsteal_kswapd") +
				    filebox_vm_event(&w.b, "pgsteal_direct") >
			    0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
