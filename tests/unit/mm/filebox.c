/* filebox.c -- see filebox.h. */
#include "filebox.h"

#include "mm/lru.h"
#include "mm/pcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void step_until(struct filebox *b, uint64_t until_ns)
{
	for (;;) {
		uint64_t next = nb_writeback_step(b->sys);

		if (next > until_ns)
			break;
		if (next <= nb_system_time_ns(b->sys))
			next = nb_system_time_ns(b->sys) + 1;
		nb_system_set_time_ns(b->sys, next);
	}
	nb_system_set_time_ns(b->sys, until_ns);
}

static void box_wait(void *ctx, struct nb_task *task, enum nb_wait_reason reason, uint64_t until_ns)
{
	struct filebox *b = ctx;

	(void)task;
	(void)reason;
	b->waits++;
	if (b->timeless)
		return;
	b->waited_ns += until_ns - nb_system_time_ns(b->sys);
	step_until(b, until_ns);
}

static uint64_t free_pages(struct filebox *b)
{
	nb_lru_add_drain_all(b->sys);
	nb_drain_pages(b->sys, -1);
	return sysbox_free_pages(&b->box);
}

void filebox_boot(struct filebox *b, const char *nodes, const char *kernel, bool backed)
{
	struct sysbox_spec spec = {.nodes = nodes, .kernel = kernel};
	struct nb_boot_options opt = {.backed = backed, .seed = 1};
	struct nb_error err = {0};

	memset(b, 0, sizeof(*b));
	sysbox_machine(&b->box, &spec);
	nb_port_posix(&b->box.port, false);
	b->box.port.ctx = b;
	b->box.port.wait = box_wait;
	if (nb_system_boot(&b->box.port, b->box.machine, &opt, &b->box.sys, &err))
		fail_msg("%s", err.text);
	b->sys = b->box.sys;
	assert_int_equal(nb_task_create(b->sys, 0, "t", &b->t), 0);
	b->free_before = free_pages(b);
}

void filebox_check(struct filebox *b)
{
	struct nb_error err = {0};

	if (nb_files_check(b->sys, &err) || nb_system_check(b->sys, &err))
		fail_msg("%s", err.text);
}

void filebox_end(struct filebox *b)
{
	filebox_check(b);
	nb_task_exit(b->t);
	nb_task_put(b->t);
	if (b->sys->files)
		nb_disk_complete(b->sys, UINT64_MAX); /* requests hold their files */
	assert_null(nb_file_at(b->sys, 0));
	assert_int_equal(free_pages(b), b->free_before);
	assert_int_equal(filebox_sum(b, offsetof(struct nb_zone, nr_file)), 0);
	assert_int_equal(filebox_sum(b, offsetof(struct nb_zone, nr_shmem)), 0);
	assert_int_equal(filebox_sum(b, offsetof(struct nb_zone, nr_dirty)), 0);
	assert_int_equal(filebox_sum(b, offsetof(struct nb_zone, nr_writeback)), 0);
	sysbox_end(&b->box);
}

void filebox_run(struct filebox *b, uint64_t ns)
{
	step_until(b, nb_system_time_ns(b->sys) + ns);
}

struct nb_address_space *filebox_file(struct filebox *b, uint64_t pages)
{
	struct nb_address_space *as;

	assert_int_equal(nb_file_create(b->sys, "data", pages * PAGE, &as), 0);
	return as;
}

struct nb_address_space *filebox_shmem(struct filebox *b, uint64_t pages, const char *mpol)
{
	struct nb_address_space *as;

	assert_int_equal(nb_shmem_create(b->sys, "shm", pages * PAGE, mpol, &as), 0);
	return as;
}

void filebox_read(struct filebox *b, struct nb_address_space *as, uint64_t first, uint64_t pages)
{
	uint64_t n;

	assert_int_equal(nb_file_read(b->t, as, first * PAGE, NULL, pages * PAGE, &n), 0);
	assert_int_equal(n, pages * PAGE);
}

void filebox_write(struct filebox *b, struct nb_address_space *as, uint64_t first, uint64_t pages)
{
	uint64_t n;

	assert_int_equal(nb_file_write(b->t, as, first * PAGE, NULL, pages * PAGE, &n), 0);
	assert_int_equal(n, pages * PAGE);
}

const char *filebox_cached(struct filebox *b, struct nb_address_space *as, char *buf, size_t n)
{
	uint64_t i = 0, e, start = 0, end = 0;
	bool open = false, mark = false;
	size_t at = 0;

	buf[0] = '\0';
	do {
		e = nb_radix_next(&as->pages, &i, UINT64_MAX);
		if (open && (!e || i != end + 1 || mark)) {
			at += (size_t)snprintf(
				buf + at, n - at, start == end ? "%s%llu" : "%s%llu-%llu",
				at ? "," : "", (unsigned long long)start, (unsigned long long)end);
			open = false;
		}
		if (e) {
			struct nb_zone *z;
			const struct nb_page *page = nb_pfn_to_page(b->sys, nb_radix_number(e), &z);

			if (!open)
				start = i;
			open = true;
			end = i;
			mark = page->flags & PG_READAHEAD;
			if (mark) {
				at += (size_t)snprintf(buf + at, n - at,
						       start == end ? "%s%llu*" : "%s%llu-%llu*",
						       at ? "," : "", (unsigned long long)start,
						       (unsigned long long)end);
				open = false;
			}
		}
		i++;
	} while (e);
	return buf;
}

uint64_t filebox_sum(const struct filebox *b, size_t counter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < b->sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &b->sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		sum += *(_Atomic uint64_t *)((char *)z + counter);
	}
	return sum;
}

uint64_t filebox_vm_event(const struct filebox *b, const char *name)
{
	const char *s;
	uint64_t v;

	for (unsigned i = 0; nb_vm_event(b->sys, i, &s, &v); i++) {
		if (!strcmp(s, name))
			return v;
	}
	fail_msg("no event %s", name);
	return 0;
}
