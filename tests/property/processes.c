/* processes.c -- random calls of a family of processes, against what each of them must read.
 *
 * Pages hold bytes here. The model knows, for each process and page of a small piece of address
 * space, whether it is mapped, how, and which number was last written there; forks copy it, shared
 * memory has one value for all. After each call one process reads everything, and
 * nb_system_check() recounts references, mappings, tables and counters; in the end every page must
 * be back. The seed is printed; NUMABOX_SEED repeats a run.
 */
#include "mm/lru.h"
#include "mm/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE UINT64_C(4096)
#define PAGES 160u
/* across a border of page tables */
#define BASE (UINT64_C(0x10000000000) - PAGES / 2 * PAGE)
#define NODES 3
#define PROCESSES 5
#define OBJECTS 64

struct slot {
	bool mapped, writable, locked, dontfork, wipe;
	int object;   /* shared memory; -1: private */
	unsigned off; /* in it, pages */
	uint64_t value;
};

struct process {
	struct nb_task *task; /* NULL: none */
	struct slot slot[PAGES];
};

static struct process process[PROCESSES];
static uint64_t object[OBJECTS][PAGES];
static int nr_objects;
static uint64_t rng, stamp;
static struct nb_system *sys;

static unsigned pick(unsigned n)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(rng >> 33) % n;
}

static uint64_t at(unsigned i)
{
	return BASE + i * PAGE;
}

static uint64_t *value_of(struct process *p, unsigned i)
{
	struct slot *s = &p->slot[i];

	return s->object < 0 ? &s->value : &object[s->object][s->off];
}

static uint64_t *bytes_at(const struct process *p, unsigned i)
{
	nb_pfn_t pfn = nb_task_pfn(p->task, at(i));

	return pfn == NB_NO_PFN ? NULL : (uint64_t *)(uintptr_t)nb_page_address(sys, pfn);
}

static void read_all(struct process *p)
{
	for (unsigned i = 0; i < PAGES; i++) {
		const uint64_t *bytes;
		uint64_t n;

		if (!p->slot[i].mapped) {
			assert_int_equal(nb_task_node(p->task, at(i)), -NB_EFAULT);
			continue;
		}
		if (p->slot[i].object >= 0)
			assert_int_equal(nb_touch(p->task, at(i), PAGE, false, &n), 0);
		bytes = bytes_at(p, i);
		assert_int_equal(bytes ? *bytes : 0, *value_of(p, i));
	}
}

static void do_write(struct process *p, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		const struct slot *s = &p->slot[i];
		uint64_t faulted;
		int err = nb_touch(p->task, at(i), PAGE, true, &faulted);

		assert_int_equal(err, s->mapped && s->writable ? 0 : -NB_EFAULT);
		if (!err)
			*bytes_at(p, i) = *value_of(p, i) = ++stamp;
	}
}

static void forget(struct process *p, unsigned from, unsigned n)
{
	memset(&p->slot[from], 0, n * sizeof(p->slot[0]));
}

static void do_map(struct process *p, unsigned from, unsigned n)
{
	bool shared = nr_objects < OBJECTS && pick(3) == 0, writable = pick(6) != 0;
	uint64_t addr;

	assert_int_equal(nb_mmap(p->task, at(from), n * PAGE, writable ? 3 : 1,
				 NB_MAP_FIXED | (shared ? NB_MAP_SHARED : 0) |
					 (pick(8) ? 0 : NB_MAP_POPULATE),
				 &addr),
			 0);
	forget(p, from, n);
	for (unsigned i = 0; i < n; i++)
		p->slot[from + i] = (struct slot){.mapped = true,
						  .writable = writable,
						  .object = shared ? nr_objects : -1,
						  .off = i};
	nr_objects += shared;
}

static void do_mprotect(struct process *p, unsigned from, unsigned n)
{
	bool writable = pick(2);
	unsigned i = from;

	while (i < from + n && p->slot[i].mapped)
		p->slot[i++].writable = writable;
	assert_int_equal(nb_mprotect(p->task, at(from), n * PAGE, writable ? 3 : 1),
			 i < from + n ? -NB_ENOMEM : 0);
}

static void do_mlock(struct process *p, unsigned from, unsigned n)
{
	bool lock = pick(2);
	unsigned i = from;

	while (i < from + n && p->slot[i].mapped)
		p->slot[i++].locked = lock;
	assert_int_equal(lock ? nb_mlock(p->task, at(from), n * PAGE)
			      : nb_munlock(p->task, at(from), n * PAGE),
			 i < from + n ? -NB_ENOMEM : 0);
}

static void do_dontneed(struct process *p, unsigned from, unsigned n)
{
	int err = 0;

	for (unsigned i = from; i < from + n; i++) {
		if (!p->slot[i].mapped) {
			err = -NB_ENOMEM;
			continue;
		}
		if (p->slot[i].locked) {
			err = -NB_EINVAL;
			break;
		}
		p->slot[i].value = 0;
	}
	assert_int_equal(nb_madvise(p->task, at(from), n * PAGE, NB_MADV_DONTNEED), err);
}

static void do_advise(struct process *p, unsigned from, unsigned n)
{
	static const int advice[] = {NB_MADV_DONTFORK,   NB_MADV_DOFORK,     NB_MADV_WIPEONFORK,
				     NB_MADV_KEEPONFORK, NB_MADV_SEQUENTIAL, NB_MADV_NORMAL,
				     NB_MADV_NOHUGEPAGE, NB_MADV_COLD};
	int what = advice[pick(8)], err = 0;

	for (unsigned i = from; i < from + n; i++) {
		struct slot *s = &p->slot[i];

		if (!s->mapped) {
			err = -NB_ENOMEM;
			continue;
		}
		if ((what == NB_MADV_WIPEONFORK && s->object >= 0) ||
		    (what == NB_MADV_COLD && s->locked)) {
			err = -NB_EINVAL;
			break;
		}
		if (what == NB_MADV_DONTFORK || what == NB_MADV_DOFORK)
			s->dontfork = what == NB_MADV_DONTFORK;
		if (what == NB_MADV_WIPEONFORK || what == NB_MADV_KEEPONFORK)
			s->wipe = what == NB_MADV_WIPEONFORK;
	}
	assert_int_equal(nb_madvise(p->task, at(from), n * PAGE, what), err);
}

/* Moves a range of one VMA. */
static void do_move(struct process *p, unsigned from, unsigned n)
{
	unsigned to = pick(PAGES - n + 1);
	bool overlap = from < to + n && to < from + n, keep = pick(4) == 0;
	struct slot moved[PAGES];
	uint64_t got;
	int err = nb_mremap(p->task, at(from), n * PAGE, n * PAGE,
			    NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED | (keep ? NB_MREMAP_DONTUNMAP : 0),
			    at(to), &got);

	if (!p->slot[from].mapped || overlap) {
		assert_int_equal(err, p->slot[from].mapped ? -NB_EINVAL : -NB_EFAULT);
		return;
	}
	memcpy(moved, &p->slot[from], n * sizeof(moved[0]));
	forget(p, to, n);
	if (err) { /* more than one VMA: what was at the new place went before that showed */
		assert_int_equal(err, -NB_EFAULT);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		assert_true(moved[i].mapped);
	memcpy(&p->slot[to], moved, n * sizeof(moved[0]));
	if (!keep)
		forget(p, from, n);
	for (unsigned i = from; keep && i < from + n; i++) {
		p->slot[i].value = 0;
		p->slot[i].locked = false;
	}
}

static void do_fork(struct process *p)
{
	struct process *c = NULL;

	for (unsigned i = 0; i < PROCESSES && !c; i++)
		c = process[i].task ? NULL : &process[i];
	if (!c)
		return;
	*c = *p;
	assert_int_equal(nb_task_fork(p->task, &c->task), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		struct slot *s = &c->slot[i];

		if (s->dontfork)
			memset(s, 0, sizeof(*s));
		else if (s->wipe)
			s->value = 0;
		s->locked = false;
	}
}

static void leave(struct process *p)
{
	nb_task_exit(p->task);
	nb_task_put(p->task);
	memset(p, 0, sizeof(*p));
}

static void do_place(struct process *p, unsigned from, unsigned n)
{
	struct nb_nodemask mask = {{1 + pick((1u << NODES) - 1)}};
	unsigned mapped = 0;

	for (unsigned i = from; i < from + n; i++)
		mapped += p->slot[i].mapped;
	assert_int_equal(nb_mbind(p->task, at(from), n * PAGE,
				  pick(2) ? NB_MPOL_INTERLEAVE : NB_MPOL_BIND, &mask,
				  pick(2) ? 2 : 0),
			 mapped == n ? 0 : -NB_EFAULT);
}

static void step(struct process *p)
{
	unsigned from = pick(PAGES), n = 1 + pick(PAGES - from < 40 ? PAGES - from : 40);
	uint64_t faulted;

	switch (pick(16)) {
	case 0:
	case 1:
		do_map(p, from, n);
		break;
	case 2:
		assert_int_equal(nb_munmap(p->task, at(from), n * PAGE), 0);
		forget(p, from, n);
		break;
	case 3:
		do_mprotect(p, from, n);
		break;
	case 4:
		do_mlock(p, from, n);
		break;
	case 5:
		do_dontneed(p, from, n);
		break;
	case 6:
		do_advise(p, from, n);
		break;
	case 7:
	case 8:
		do_move(p, from, n);
		break;
	case 9:
		do_fork(p);
		break;
	case 10:
		if (p != &process[0])
			leave(p);
		break;
	case 11:
		do_place(p, from, n);
		break;
	case 12:
		(void)nb_touch(p->task, at(from), n * PAGE, false, &faulted);
		break;
	default:
		do_write(p, from, n);
		break;
	}
}

static void check(void)
{
	struct nb_error err = {0};

	if (nb_system_check(sys, &err))
		fail_msg("%s", err.text);
}

static void play(unsigned steps)
{
	struct nb_task *t;

	assert_int_equal(nb_task_create(sys, 0, "first", &t), 0);
	process[0].task = t;
	for (unsigned i = 0; i < steps; i++) {
		struct process *p = &process[pick(PROCESSES)];

		if (!p->task)
			p = &process[0];
		step(p);
		p = &process[pick(PROCESSES)];
		if (p->task)
			read_all(p);
		check();
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (!process[i].task)
			continue;
		read_all(&process[i]);
		leave(&process[i]);
		check();
	}
	nr_objects = 0;
	memset(object, 0, sizeof(object));
}

static void boot(struct nb_port *port, struct nb_machine **m)
{
	const struct nb_boot_options opt = {.backed = true};
	struct nb_error err = {0};

	nb_port_posix(port, false);
	*m = nb_machine_new(port);
	for (int i = 0; i < NODES; i++) {
		struct nb_node node = {.id = i, .online = true};
		struct nb_mem_range range = {
			.start = (uint64_t)i << 26, .end = (uint64_t)(i + 1) << 26, .nid = i};
		struct nb_cpu cpu = {.id = i,
				     .nid = i,
				     .online = true,
				     .package = -1,
				     .die = -1,
				     .cluster = -1,
				     .core = -1,
				     .llc = -1};

		assert_int_equal(nb_machine_add_node(*m, &node), 0);
		assert_int_equal(nb_machine_add_range(*m, &range), 0);
		assert_int_equal(nb_machine_add_cpu(*m, &cpu), 0);
	}
	if (nb_machine_seal(*m, &err) || nb_system_boot(port, *m, &opt, &sys, &err))
		fail_msg("%s", err.text);
}

static void test_random(void **state)
{
	const char *given = getenv("NUMABOX_SEED");
	struct nb_system_info before, after;
	struct nb_port port;
	struct nb_machine *m;

	(void)state;
	rng = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	print_message("# NUMABOX_SEED=%llu\n", (unsigned long long)rng);
	boot(&port, &m);
	nb_system_info(sys, &before);
	for (unsigned round = 0; round < 16; round++)
		play(300);
	nb_drain_pages(sys, -1);
	nb_system_info(sys, &after);
	assert_int_equal(after.free_pages, before.free_pages);
	nb_system_shutdown(sys);
	nb_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
