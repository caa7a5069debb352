/* policy_shm.c -- shm.jsonl: shared segments, tmpfs mounted with a policy, shared anonymous memory.
 * Interleaving over these goes by page offset plus inode number, and no recording holds the latter:
 * any phase counts, but a second file's is the first's and one. Left out: the page cache of a file
 * that was read before recording began. */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define PAGES 64
#define BYTES (PAGES * PAGE)

static struct nb_address_space *segment(struct run *r, const char *mpol, int *ret_err)
{
	struct nb_address_space *file = NULL;

	*ret_err = nb_shmem_create(r->sys, "/SYSV00000000 (deleted)", BYTES, mpol, &file);
	return file;
}

static uint64_t attach(struct nb_task *t, struct nb_address_space *file)
{
	uint64_t addr;

	assert_int_equal(nb_mmap_file(t, file, 0, 0, BYTES, 3, NB_MAP_SHARED, &addr), 0);
	return addr;
}

/* Inode numbers go by. */
static void skip_inodes(struct run *r)
{
	for (unsigned i = 0; i < r->phase; i++) {
		int err;
		struct nb_address_space *file = segment(r, NULL, &err);

		assert_int_equal(err, 0);
		nb_file_put(file);
	}
}

static void read_all(struct nb_task *t, uint64_t addr)
{
	uint64_t got;

	assert_int_equal(nb_touch(t, addr, BYTES, false, &got), 0);
}

static int bind(struct nb_task *t, uint64_t addr, uint64_t pages, int mode, uint64_t mask)
{
	struct nb_nodemask m = mask_of(mask);

	return nb_mbind(t, addr, pages * PAGE, mode, &m, 0);
}

/* A child on the last node's CPU touches all of it. */
static void child_touches(struct run *r, struct nb_task *t, uint64_t addr)
{
	struct nb_cpumask one = {{UINT64_C(1) << r->cpu_of[r->cpn[r->nc - 1]]}};
	struct nb_task *child;

	assert_int_equal(nb_task_fork(t, &child), 0);
	assert_int_equal(nb_sched_setaffinity(child, &one), 0);
	touch(child, addr, PAGES);
	child_end(child);
}

static void shm_case(struct run *r, struct nb_task *t, json_t *o)
{
	uint64_t all = r->memmask, mz = UINT64_C(1) << r->memn[r->nm - 1];
	uint64_t m1 = UINT64_C(1) << r->memn[1], p, q;
	int err;
	struct nb_address_space *file = segment(r, NULL, &err);
	const char *name = r->case_name + strlen("shmget-");
	struct nb_task *child;

	assert_int_equal(err, 0);
	p = attach(t, file);
	if (!strcmp(name, "default-two-cpus")) {
		touch(t, p, 32);
		child_touches(r, t, p);
		read_all(t, p);
	} else if (!strcmp(name, "mbind-interleave")) {
		equal_ret(r, o, "mbind", bind(t, p, PAGES, NB_MPOL_INTERLEAVE, all));
		child_touches(r, t, p);
		read_all(t, p);
	} else if (!strcmp(name, "mbind-seen-by-second-attach")) {
		assert_int_equal(bind(t, p + 16 * PAGE, 16, NB_MPOL_BIND, mz), 0);
		q = attach(t, file);
		touch(t, q, PAGES);
		equal_pages(r, t, q, PAGES, o, "pages");
		equal_policy(r, t, q + 16 * PAGE, o, "second_attach_16");
		equal_policy(r, t, q, o, "second_attach_0");
		equal_maps(r, t, p, o, "maps1");
	} else if (!strcmp(name, "task-policy")) {
		struct nb_nodemask m = mask_of(all);

		(void)nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &m);
		touch(t, p, PAGES);
		(void)nb_set_mempolicy(t, NB_MPOL_DEFAULT, NULL);
	} else if (!strcmp(name, "second-mbind-wins")) {
		assert_int_equal(bind(t, p, PAGES, NB_MPOL_BIND, mz), 0);
		assert_int_equal(nb_task_fork(t, &child), 0);
		q = attach(child, file);
		assert_int_equal(bind(child, q, 32, NB_MPOL_BIND, m1), 0);
		child_end(child);
		touch(t, p, PAGES);
	} else {
		fail_msg("%s: an unknown case: %s", r->name, r->case_name);
	}
	if (strcmp(name, "mbind-seen-by-second-attach"))
		equal_pages(r, t, p, PAGES, o, "pages");
	nb_file_put(file);
}

static void tmpfs_case(struct run *r, struct nb_task *t, json_t *o)
{
	const char *mpol = strchr(r->case_name, '=') + 1;
	struct nb_address_space *f, *g;
	uint64_t p, q, got;
	int err;

	f = segment(r, mpol, &err);
	equal_ret(r, o, "mount", err);
	if (err)
		return;
	g = segment(r, mpol, &err);
	assert_int_equal(err, 0);
	p = attach(t, f);
	touch(t, p, PAGES);
	equal_pages(r, t, p, PAGES, o, "pages");
	assert_int_equal(nb_file_write(t, g, 0, NULL, BYTES, &got), 0);
	assert_int_equal(got, BYTES);
	q = attach(t, g);
	read_all(t, q);
	equal_pages(r, t, q, PAGES, o, "written_with_write");
	nb_file_put(f);
	nb_file_put(g);
}

void play_shm(struct run *r, json_t *o)
{
	struct nb_task *t;
	uint64_t p;

	if (!strcmp(r->case_name, "pagecache-read-default")) {
		policy_left_out++;
		return;
	}
	skip_inodes(r);
	t = child_on(r, r->cpn[0]);
	if (!strncmp(r->case_name, "shmget-", 7)) {
		shm_case(r, t, o);
	} else if (!strncmp(r->case_name, "tmpfs-", 6)) {
		tmpfs_case(r, t, o);
	} else if (!strcmp(r->case_name, "mmap-shared-anon-mbind")) {
		assert_int_equal(nb_mmap(t, 0, BYTES, 3, NB_MAP_SHARED, &p), 0);
		assert_int_equal(bind(t, p, PAGES, NB_MPOL_INTERLEAVE, r->memmask), 0);
		touch(t, p, PAGES);
		equal_pages(r, t, p, PAGES, o, "pages");
	} else {
		fail_msg("%s: an unknown case: %s", r->name, r->case_name);
	}
	child_end(t);
}
