/* policy_move.c -- move.jsonl and fork.jsonl: pages that move, stay, are shared and copied. Each
 * case is a function that makes the calls of the recorder's case of that name. */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define MOVE NB_MPOL_MF_MOVE
#define STRICT NB_MPOL_MF_STRICT

/* The nodes that the recorder's cases speak of. */
struct nodes {
	int a, z;                 /* first and last with CPUs */
	uint64_t m0, m1, mz, all; /* masks of the first, second, last and all with memory */
};

static struct nodes nodes_of(const struct run *r)
{
	return (struct nodes){
		.a = r->cpn[0],
		.z = r->cpn[r->nc - 1],
		.m0 = UINT64_C(1) << r->memn[0],
		.m1 = UINT64_C(1) << r->memn[1],
		.mz = UINT64_C(1) << r->memn[r->nm - 1],
		.all = r->memmask,
	};
}

static int bind(struct nb_task *t, uint64_t addr, uint64_t pages, int mode, uint64_t mask,
		unsigned flags)
{
	struct nb_nodemask m = mask_of(mask);

	return nb_mbind(t, addr, pages * PAGE, mode, mask ? &m : NULL, flags);
}

static int policy(struct nb_task *t, int mode, uint64_t mask)
{
	struct nb_nodemask m = mask_of(mask);

	return nb_set_mempolicy(t, mode, mask ? &m : NULL);
}

static int migrate(struct nb_task *t, uint64_t from, uint64_t to)
{
	struct nb_nodemask f = mask_of(from), m = mask_of(to);

	return nb_migrate_pages(t, t, &f, &m);
}

static void pin(struct run *r, struct nb_task *t, int node)
{
	struct nb_cpumask one = {{UINT64_C(1) << r->cpu_of[node]}};

	assert_int_equal(nb_sched_setaffinity(t, &one), 0);
}

/* ---- migrate_pages ---- */

static const struct {
	const char *name;
	uint64_t spread, from, to; /* in positions among the nodes with memory */
} migrations[] = {
	{"migrate_pages-01-to-23", 3, 3, 12},
	{"migrate_pages-01-to-12", 3, 3, 6},
	{"migrate_pages-all-to-01", 0, 0, 3}, /* 0: all */
};

static uint64_t at_positions(const struct run *r, uint64_t bits)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < r->nm; i++)
		mask |= bits >> i & 1 ? UINT64_C(1) << r->memn[i] : 0;
	return bits ? mask : r->memmask;
}

static uint64_t play_migration(struct run *r, struct nb_task *t, json_t *o, uint64_t spread,
			       uint64_t from, uint64_t to)
{
	uint64_t p = mk(r, t, 100, o, "before");

	assert_int_equal(bind(t, p, 100, NB_MPOL_INTERLEAVE, spread, 0), 0);
	touch(t, p, 100);
	equal_pages(r, t, p, 100, o, "before");
	equal_ret(r, o, "migrate_pages", migrate(t, from, to));
	equal_pages(r, t, p, 100, o, "after");
	equal_maps(r, t, p, o, "numa_maps");
	return p;
}

static bool migrate_case(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p, pair = n->m0 | n->m1;

	for (unsigned i = 0; i < sizeof(migrations) / sizeof(migrations[0]); i++) {
		if (strcmp(r->case_name, migrations[i].name))
			continue;
		(void)play_migration(r, t, o, at_positions(r, migrations[i].spread),
				     at_positions(r, migrations[i].from),
				     at_positions(r, migrations[i].to));
		return true;
	}
	if (!strcmp(r->case_name, "migrate_pages-0-to-1")) {
		(void)policy(t, NB_MPOL_BIND, n->m0);
		p = mk(r, t, 100, o, "before");
		touch(t, p, 100);
		(void)policy(t, NB_MPOL_DEFAULT, 0);
		equal_pages(r, t, p, 100, o, "before");
		equal_ret(r, o, "migrate_pages", migrate(t, n->m0, n->m1));
		equal_pages(r, t, p, 100, o, "after");
		equal_maps(r, t, p, o, "numa_maps");
	} else if (!strcmp(r->case_name, "migrate_pages-all-to-last")) {
		(void)play_migration(r, t, o, n->all, n->all, n->mz);
	} else if (!strcmp(r->case_name, "migrate_pages-pair-to-pair-swap")) {
		p = play_migration(r, t, o, pair, pair, pair);
		equal_ret(r, o, "migrate_pages2", migrate(t, pair, n->m1));
		equal_pages(r, t, p, 100, o, "after2");
	} else {
		return false;
	}
	return true;
}

/* ---- move_pages ---- */

static void equal_status(struct run *r, json_t *o, const char *key, const int *status, unsigned n)
{
	json_t *theirs = json_object_get(o, key);

	for (unsigned i = 0; theirs && i < n; i++)
		equal(r, key, status[i], json_integer_value(json_array_get(theirs, i)));
}

static void alternate(struct run *r, struct nb_task *t, json_t *o)
{
	uint64_t p = mk(r, t, 64, o, "before"), q[64];
	int nd[64], st[64];

	touch(t, p, 60);
	equal_pages(r, t, p, 64, o, "before");
	for (unsigned i = 0; i < 64; i++) {
		q[i] = p + i * PAGE;
		nd[i] = r->memn[i % r->nm];
		st[i] = -77;
	}
	equal_ret(r, o, "move_pages", nb_move_pages(t, t, 64, q, nd, st, MOVE));
	equal_status(r, o, "status", st, 64);
	equal_pages(r, t, p, 64, o, "after");
	equal_maps(r, t, p, o, "numa_maps");
}

static void errors_per_page(struct run *r, struct nb_task *t, json_t *o)
{
	uint64_t p = mk(r, t, 8, NULL, NULL), got;
	uint64_t q[6] = {
		p, p + PAGE, p + 2 * PAGE, p + 4 * PAGE, 0x1000, UINT64_C(0xffff800000000000)};
	int n1 = r->memn[1], nd[6] = {n1, n1, n1, n1, n1, n1}, st[6];

	touch(t, p, 2);
	assert_int_equal(nb_touch(t, p + 4 * PAGE, 1, false, &got), 0);
	equal_ret(r, o, "move_pages", nb_move_pages(t, t, 6, q, nd, st, MOVE));
	equal_status(r, o, "status", st, 6);
	equal_ret(r, o, "query", nb_move_pages(t, t, 6, q, NULL, st, 0));
	equal_status(r, o, "query_status", st, 6);
}

static void bad_node(struct run *r, struct nb_task *t, json_t *o)
{
	uint64_t p = mk(r, t, 4, NULL, NULL), q[4] = {p, p + PAGE, p + 2 * PAGE, p + 3 * PAGE};
	int n1 = r->memn[1], st[4] = {-77, -77, -77, -77};
	int nd[4] = {n1, (int)r->nr_nodes, n1, n1}, nd2[4] = {n1, -1, n1, n1};
	int nd3[4] = {n1, 5000, n1, n1};

	touch(t, p, 4);
	equal_ret(r, o, "move_pages", nb_move_pages(t, t, 4, q, nd, st, MOVE));
	equal_status(r, o, "status", st, 4);
	equal_ret(r, o, "negative", nb_move_pages(t, t, 4, q, nd2, st, MOVE));
	equal_ret(r, o, "huge", nb_move_pages(t, t, 4, q, nd3, st, MOVE));
}

static void shared_page(struct run *r, struct nb_task *t, json_t *o, bool by_mbind,
			const struct nodes *n)
{
	uint64_t pages = by_mbind ? 16 : 4, p = mk(r, t, pages, o, "after_move"), q[4];
	int nz = r->memn[r->nm - 1], nd[4] = {nz, nz, nz, nz}, st[4];
	struct nb_task *child;

	touch(t, p, pages);
	assert_int_equal(nb_task_fork(t, &child), 0);
	for (unsigned i = 0; i < 4; i++)
		q[i] = p + i * PAGE;
	if (by_mbind) {
		equal_ret(r, o, "mbind_move", bind(t, p, 16, NB_MPOL_BIND, n->mz, MOVE));
		equal_pages(r, t, p, 16, o, "after_move");
		equal_ret(r, o, "mbind_move_strict",
			  bind(t, p, 16, NB_MPOL_BIND, n->mz, MOVE | STRICT));
		equal_pages(r, t, p, 16, o, "after_move_strict");
		equal_ret(r, o, "mbind_move_all",
			  bind(t, p, 16, NB_MPOL_BIND, n->mz, NB_MPOL_MF_MOVE_ALL));
		equal_pages(r, t, p, 16, o, "after_move_all");
	} else {
		equal_ret(r, o, "move", nb_move_pages(t, t, 4, q, nd, st, MOVE));
		equal_status(r, o, "status", st, 4);
		equal_ret(r, o, "move_all", nb_move_pages(t, t, 4, q, nd, st, NB_MPOL_MF_MOVE_ALL));
		equal_status(r, o, "status_all", st, 4);
	}
	child_end(child);
}

static bool move_case(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	if (!strcmp(r->case_name, "move_pages-alternate"))
		alternate(r, t, o);
	else if (!strcmp(r->case_name, "move_pages-errors-per-page"))
		errors_per_page(r, t, o);
	else if (!strcmp(r->case_name, "move_pages-bad-node"))
		bad_node(r, t, o);
	else if (!strcmp(r->case_name, "move_pages-shared-page"))
		shared_page(r, t, o, false, n);
	else if (!strcmp(r->case_name, "mbind-move-shared-page"))
		shared_page(r, t, o, true, n);
	else
		return false;
	return true;
}

/* ---- mbind ---- */

/* One mbind over a hundred pages that were touched under no policy, or under `first`. */
struct one_bind {
	const char *name;
	int first;
	uint64_t first_mask;
	int mode;
	uint64_t mask;
	unsigned flags;
	bool from_last; /* the task has moved to the last CPU by then */
};

static void play_bind(struct run *r, struct nb_task *t, json_t *o, const struct one_bind *b,
		      int last)
{
	uint64_t p = mk(r, t, 100, o, "after");

	if (b->first)
		assert_int_equal(bind(t, p, 100, b->first, b->first_mask, 0), 0);
	touch(t, p, 100);
	equal_pages(r, t, p, 100, o, "before");
	if (b->from_last)
		pin(r, t, last);
	equal_ret(r, o, "mbind", bind(t, p, 100, b->mode, b->mask, b->flags));
	equal_pages(r, t, p, 100, o, "after");
	equal_pages(r, t, p, 100, o, "after_superset");
	equal_policy(r, t, p, o, "policy");
	equal_maps(r, t, p, o, "numa_maps");
	if (!json_object_get(o, "mbind2"))
		return;
	equal_ret(r, o, "mbind2",
		  bind(t, p, 100, NB_MPOL_INTERLEAVE, UINT64_C(1) << r->memn[r->nm - 1], MOVE));
	equal_pages(r, t, p, 100, o, "after_one");
}

static bool bind_case(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	const struct one_bind binds[] = {
		{"mbind-move-bind1", 0, 0, NB_MPOL_BIND, n->m1, MOVE, false},
		{"mbind-strict-wrong-node", 0, 0, NB_MPOL_BIND, n->mz, STRICT, false},
		{"mbind-strict-right-node", NB_MPOL_BIND, n->m0, NB_MPOL_BIND, n->m0, STRICT,
		 false},
		{"mbind-strict-move", 0, 0, NB_MPOL_BIND, n->mz, STRICT | MOVE, false},
		{"mbind-move-interleave", 0, 0, NB_MPOL_INTERLEAVE, n->all, MOVE, false},
		{"mbind-move-interleave-from-spread", NB_MPOL_INTERLEAVE, n->m0 | n->m1,
		 NB_MPOL_INTERLEAVE, n->all, MOVE, false},
		{"mbind-move-preferred", 0, 0, NB_MPOL_PREFERRED, n->mz, MOVE, false},
		{"mbind-move-local-from-other-cpu", 0, 0, NB_MPOL_LOCAL, 0, MOVE, true},
		{"mbind-move-default", NB_MPOL_BIND, n->mz, NB_MPOL_DEFAULT, 0, MOVE, false},
	};

	for (unsigned i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
		if (strcmp(r->case_name, binds[i].name))
			continue;
		play_bind(r, t, o, &binds[i], n->z);
		return true;
	}
	return false;
}

static void splits_vma(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p = mk(r, t, 30, o, "pages");

	equal_ret(r, o, "mid", bind(t, p + 10 * PAGE, 10, NB_MPOL_BIND, n->mz, 0));
	touch(t, p, 30);
	equal_pages(r, t, p, 30, o, "pages");
	equal_maps(r, t, p, o, "maps_a");
	equal_maps(r, t, p + 10 * PAGE, o, "maps_b");
	equal_maps(r, t, p + 20 * PAGE, o, "maps_c");
	equal_ret(r, o, "same_again_merges", bind(t, p, 30, NB_MPOL_BIND, n->mz, 0));
	equal_maps(r, t, p, o, "maps_after");
}

static void over_hole(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p = mk(r, t, 30, NULL, NULL);

	assert_int_equal(nb_munmap(t, p + 10 * PAGE, 10 * PAGE), 0);
	equal_ret(r, o, "mbind", bind(t, p, 30, NB_MPOL_BIND, n->mz, 0));
	equal_policy(r, t, p, o, "first");
	equal_policy(r, t, p + 20 * PAGE, o, "last");
	equal_ret(r, o, "strict", bind(t, p, 30, NB_MPOL_BIND, n->mz, STRICT));
	equal_ret(r, o, "default", bind(t, p, 30, NB_MPOL_DEFAULT, 0, 0));
}

static void mremap_keeps(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p = mk(r, t, 10, NULL, NULL), got;

	/* what the recorder found behind its mapping, so that it had to move */
	assert_int_equal(nb_mmap(t, p + 10 * PAGE, PAGE, 0, NB_MAP_FIXED, &got), 0);
	assert_int_equal(bind(t, p, 10, NB_MPOL_BIND, n->mz, 0), 0);
	touch(t, p, 10);
	assert_int_equal(nb_mremap(t, p, 10 * PAGE, 20 * PAGE, NB_MREMAP_MAYMOVE, 0, &got), 0);
	equal(r, "moved", got != p, num(o, "moved"));
	touch(t, got, 20);
	equal_pages(r, t, got, 20, o, "pages");
}

static void exec_keeps(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	struct nb_task *child;

	(void)policy(t, NB_MPOL_INTERLEAVE, n->all);
	assert_int_equal(nb_task_fork(t, &child), 0);
	assert_int_equal(nb_task_exec(child, "poltest"), 0);
	equal_policy(r, child, 0, o, "after_exec");
	child_end(child);
}

void play_move(struct run *r, json_t *o)
{
	struct nodes n = nodes_of(r);
	struct nb_task *t = child_on(r, n.a);

	if (!strcmp(r->case_name, "mbind-splits-vma"))
		splits_vma(r, t, o, &n);
	else if (!strcmp(r->case_name, "mbind-over-hole"))
		over_hole(r, t, o, &n);
	else if (!strcmp(r->case_name, "mremap-keeps-policy"))
		mremap_keeps(r, t, o, &n);
	else if (!strcmp(r->case_name, "exec-keeps-policy"))
		exec_keeps(r, t, o, &n);
	else if (!migrate_case(r, t, o, &n) && !move_case(r, t, o, &n) && !bind_case(r, t, o, &n))
		fail_msg("%s: an unknown case: %s", r->name, r->case_name);
	child_end(t);
}

/* ---- fork.jsonl ---- */

static void fork_cow(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p = mk(r, t, 64, o, "parent_before");
	struct nb_task *child;

	touch(t, p, 64);
	equal_pages(r, t, p, 64, o, "parent_before");
	assert_int_equal(nb_task_fork(t, &child), 0);
	pin(r, child, n->z);
	touch(child, p, 32);
	equal_pages(r, child, p, 64, o, "child_after_writing_32");
	child_end(child);
	touch(t, p, 1);
	equal_pages(r, t, p, 64, o, "parent_after");
}

static void fork_vma_policy(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p = mk(r, t, 64, o, "child");
	struct nb_task *child;

	assert_int_equal(bind(t, p, 64, NB_MPOL_BIND, n->mz, 0), 0);
	touch(t, p, 64);
	assert_int_equal(nb_task_fork(t, &child), 0);
	touch(child, p, 64);
	equal_pages(r, child, p, 64, o, "child");
	child_end(child);
}

static void fork_task_policy(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	struct nb_task *child;
	uint64_t p;

	(void)policy(t, NB_MPOL_INTERLEAVE, n->all);
	assert_int_equal(nb_task_fork(t, &child), 0);
	p = mk(r, child, 64, o, "child");
	touch(child, p, 64);
	equal_pages(r, child, p, 64, o, "child");
	equal_policy(r, child, 0, o, "pol");
	child_end(child);
}

static void overrides(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t p;

	(void)policy(t, NB_MPOL_BIND, n->m0);
	p = mk(r, t, 32, o, "pages");
	assert_int_equal(bind(t, p, 16, NB_MPOL_BIND, n->mz, 0), 0);
	touch(t, p, 32);
	equal_pages(r, t, p, 32, o, "pages");
	assert_int_equal(bind(t, p, 16, NB_MPOL_DEFAULT, 0, 0), 0);
	assert_int_equal(nb_madvise(t, p, 32 * PAGE, NB_MADV_DONTNEED), 0);
	touch(t, p, 32);
	equal_pages(r, t, p, 32, o, "after_default");
}

/* The heap begins where the program ends; its place decides where interleaving begins. */
static void heap(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	uint64_t addr = strtoull(str(json_object_get(o, "heap"), "addr"), NULL, 16), brk;

	(void)policy(t, NB_MPOL_INTERLEAVE, n->all);
	if (!addr)
		addr = UINT64_C(0x5555555a0000) + r->phase * PAGE;
	assert_int_equal(nb_mmap(t, addr, 64 * PAGE, 3, NB_MAP_FIXED, &brk), 0);
	touch(t, addr, 64);
	equal_pages(r, t, addr, 63, o, "heap");
}

static int next_node(struct nb_task *t)
{
	int node = -1;

	assert_int_equal(nb_get_mempolicy_flags(t, 0, NB_MPOL_F_NODE, &node, NULL), 0);
	return node;
}

/* Page tables move the counter, and so does the kernel memory that the recorder's process needed
 * for itself: how often it had moved by the first touch is free, that it stays then is not. */
static void il_next(struct run *r, struct nb_task *t, json_t *o, const struct nodes *n)
{
	json_t *after = json_object_get(o, "next_after_touch");
	int next[8];
	uint64_t p;

	(void)policy(t, NB_MPOL_INTERLEAVE, n->all);
	for (unsigned i = 0; i < 8; i++)
		next[i] = next_node(t);
	equal_status(r, o, "next", next, 8);
	p = mk(r, t, 8, o, "pages");
	for (unsigned i = 0; i < 8; i++) {
		touch(t, p + i * PAGE, 1);
		next[i] = next_node(t);
		equal(r, "the counter's moves after the first", next[i] - next[0],
		      json_integer_value(json_array_get(after, i)) -
			      json_integer_value(json_array_get(after, 0)));
	}
	equal_pages(r, t, p, 8, o, "pages");
}

void play_fork(struct run *r, json_t *o)
{
	struct nodes n = nodes_of(r);
	struct nb_task *t = child_on(r, n.a);
	uint64_t p;

	if (!strcmp(r->case_name, "fork-cow")) {
		fork_cow(r, t, o, &n);
	} else if (!strcmp(r->case_name, "fork-cow-vma-policy")) {
		fork_vma_policy(r, t, o, &n);
	} else if (!strcmp(r->case_name, "fork-inherits-task-policy")) {
		fork_task_policy(r, t, o, &n);
	} else if (!strcmp(r->case_name, "policy-change-after-touch")) {
		p = mk(r, t, 64, o, "pages");
		touch(t, p, 32);
		(void)policy(t, NB_MPOL_BIND, n.mz);
		touch(t, p, 64);
		equal_pages(r, t, p, 64, o, "pages");
	} else if (!strcmp(r->case_name, "vma-policy-overrides-task")) {
		overrides(r, t, o, &n);
	} else if (!strcmp(r->case_name, "mlock-populate")) {
		(void)policy(t, NB_MPOL_INTERLEAVE, n.all);
		p = mk(r, t, 64, o, "pages");
		assert_int_equal(nb_mlock(t, p, 64 * PAGE), 0);
		equal_pages(r, t, p, 64, o, "pages");
	} else if (!strcmp(r->case_name, "stack-heap-interleave")) {
		heap(r, t, o, &n);
	} else if (!strcmp(r->case_name, "il_next-via-get_mempolicy")) {
		il_next(r, t, o, &n);
	} else {
		fail_msg("%s: an unknown case: %s", r->name, r->case_name);
	}
	child_end(t);
}
