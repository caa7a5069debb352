/* swap_slots.c -- tests of src/mm/swap_slots.c, swap_cluster.c, swap_row.c: which slots pages get.
 *
 * Slots are taken and given back directly, as swap.c does under swap's lock.
 */
#include "mm/swap_pick.h"
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define AREA 262144 /* 1 GiB */

struct slots {
	struct sysbox box;
	struct nb_swap_dropped dropped;
};

static void open_kernel(struct slots *s, const char *kernel, uint64_t pages,
			enum nb_swap_device device)
{
	struct nb_swap_options opt = {.pages = pages, .priority = 0, .device = device};
	unsigned area;

	sysbox_boot(&s->box, &(struct sysbox_spec){.nodes = "64M:2", .kernel = kernel});
	assert_int_equal(nb_swapon(s->box.sys, &opt, &area), 0);
	s->dropped.nr = 0;
}

static void open_disk(struct slots *s, uint64_t pages, enum nb_swap_device device)
{
	open_kernel(s, NULL, pages, device);
}

static uint64_t take(struct slots *s, int cpu)
{
	uint64_t slot;

	nb_swap_lock(s->box.sys);
	slot = nb_swp_slot(nb_swap_take_slot(s->box.sys, cpu, &s->dropped));
	nb_swap_unlock(s->box.sys);
	return slot;
}

/* n slots, each behind the one before; the first is returned. */
static uint64_t take_row(struct slots *s, unsigned n)
{
	uint64_t first = take(s, 0);

	for (unsigned i = 1; i < n; i++)
		assert_int_equal(take(s, 0), first + i);
	return first;
}

static void give(struct slots *s, uint64_t first, unsigned n, int cpu)
{
	nb_swap_lock(s->box.sys);
	for (unsigned i = 0; i < n; i++)
		nb_swap_give_slot(s->box.sys, s->box.sys->swap->area[0], first + i, cpu);
	nb_swap_unlock(s->box.sys);
}

/* A disk that turns: runs of 512 slots. What a recorded machine did (its slots 1029, 1030, then 1):
 * 512 slots from 1, four from 513; the 512 given back; 512 more: 517 .. 1024 of the second run, and
 * four of the third, which begins at 1025 as the last 64 of the first are still in the CPU's hands.
 * Its search gave way after 1284 steps and left six slots for that batch. */
static void test_row(void **state)
{
	struct slots s;

	(void)state;
	open_disk(&s, AREA, NB_SWAP_ROTATIONAL);
	assert_int_equal(take_row(&s, 512), 1);
	assert_int_equal(take_row(&s, 4), 513);
	give(&s, 1, 512, 0);
	assert_int_equal(take_row(&s, 512), 517);
	give(&s, 517, 512, 0);
	assert_int_equal(take_row(&s, 2), 1029);
	assert_int_equal(take_row(&s, 62), 1);
	sysbox_end(&s.box);
}

/* Both CPUs take from the same row; the first batch is short, as looking for the run took 511
 * steps.
 */
static void test_row_of_two(void **state)
{
	struct slots s;

	(void)state;
	open_disk(&s, AREA, NB_SWAP_ROTATIONAL);
	assert_int_equal(take(&s, 0), 1);
	assert_int_equal(take(&s, 1), 4);
	assert_int_equal(take_row(&s, 2), 2);
	assert_int_equal(take_row(&s, 64), 68);
	assert_int_equal(take(&s, 1), 5);
	sysbox_end(&s.box);
}

/* No run is left: the next unused slot behind the last, round the end. */
static void test_row_in_pieces(void **state)
{
	struct slots s;

	(void)state;
	open_disk(&s, 600, NB_SWAP_ROTATIONAL); /* too small for CPUs' own slots */
	assert_int_equal(take_row(&s, 599), 1);
	assert_int_equal(take(&s, 0), 0);
	give(&s, 7, 1, 0);
	give(&s, 300, 2, 0);
	assert_int_equal(take(&s, 0), 7);
	assert_int_equal(take(&s, 0), 300);
	give(&s, 9, 1, 0);
	assert_int_equal(take(&s, 0), 301);
	assert_int_equal(take(&s, 0), 9);
	assert_int_equal(take(&s, 0), 0);
	assert_int_equal(s.box.sys->swap->nr_free, 0);
	sysbox_end(&s.box);
}

/* Clusters in strides of 32, the header's not among the empty ones; each CPU its own; an emptied
 * one goes behind the others. */
static void test_clusters(void **state)
{
	struct slots s;

	(void)state;
	open_disk(&s, AREA, NB_SWAP_SSD);
	assert_int_equal(take_row(&s, 512), 32 * 512);
	assert_int_equal(take(&s, 1), 64 * 512);
	assert_int_equal(take_row(&s, 64), 96 * 512);
	give(&s, 32 * 512, 512, 0);
	assert_int_equal(take_row(&s, 448), 96 * 512 + 64);
	assert_int_equal(take(&s, 0), 128 * 512);
	sysbox_end(&s.box);
}

/* Without an empty cluster those in partial use serve, in the order in which they became it. */
static void test_partial_clusters(void **state)
{
	struct slots s;

	(void)state;
	open_disk(&s, 600, NB_SWAP_SSD);
	assert_int_equal(take_row(&s, 599), 1);
	assert_int_equal(take(&s, 0), 0);
	give(&s, 550, 1, 0);
	give(&s, 3, 1, 0);
	assert_int_equal(take(&s, 0), 550);
	assert_int_equal(take(&s, 0), 3);
	sysbox_end(&s.box);
}

/* The 65th slot that a CPU gives back sends the 64 before it to all; swapoff asks for the rest. */
static void test_returned(void **state)
{
	struct slots s;

	(void)state;
	open_disk(&s, AREA, NB_SWAP_SSD);
	(void)take_row(&s, 128);
	assert_int_equal(s.box.sys->swap->nr_free, AREA - 1 - 128);
	give(&s, 32 * 512, 64, 0);
	assert_int_equal(s.box.sys->swap->nr_free, AREA - 1 - 128);
	give(&s, 32 * 512 + 64, 1, 0);
	assert_int_equal(s.box.sys->swap->nr_free, AREA - 1 - 64);
	give(&s, 32 * 512 + 65, 63, 0);
	assert_int_equal(nb_swapoff(s.box.sys, 0), 0);
	sysbox_end(&s.box);
}

static nb_swp_t take_entry(struct slots *s)
{
	nb_swp_t e;

	nb_swap_lock(s->box.sys);
	e = nb_swap_take_slot(s->box.sys, 0, &s->dropped);
	nb_swap_unlock(s->box.sys);
	return e;
}

/* Equal priorities take turns by batches: three slots of a fresh row each, then 64 each. */
static void test_equal_priorities(void **state)
{
	static const struct {
		unsigned area, slots;
		uint64_t first;
	} batch[] = {{0, 3, 1}, {1, 3, 1}, {0, 64, 4}, {1, 64, 4}, {0, 64, 68}};
	struct nb_swap_options opt = {.pages = AREA, .device = NB_SWAP_ROTATIONAL};
	struct slots s;
	unsigned area;

	(void)state;
	open_disk(&s, AREA, NB_SWAP_ROTATIONAL);
	assert_int_equal(nb_swapon(s.box.sys, &opt, &area), 0);
	for (unsigned b = 0; b < sizeof(batch) / sizeof(batch[0]); b++) {
		for (unsigned i = 0; i < batch[b].slots; i++)
			assert_int_equal(take_entry(&s),
					 nb_swp_make(batch[b].area, batch[b].first + i));
	}
	sysbox_end(&s.box);
}

/* Old kernels keep no slots and have small clusters; the newest have no rows. */
static void test_kernels(void **state)
{
	struct slots s;

	(void)state;
	open_kernel(&s, "3.10", AREA, NB_SWAP_ROTATIONAL);
	assert_int_equal(s.box.sys->swap->area[0]->cluster_size, 256);
	assert_int_equal(take(&s, 0), 1);
	assert_int_equal(take(&s, 1), 2);
	give(&s, 1, 1, 0);
	assert_int_equal(s.box.sys->swap->nr_free, AREA - 2);
	sysbox_end(&s.box);
	open_kernel(&s, "6.18", AREA, NB_SWAP_ROTATIONAL);
	assert_int_equal(take(&s, 0), 32 * 512);
	assert_int_equal(take(&s, 1), 32 * 512 + 1);
	give(&s, 32 * 512, 1, 0);
	assert_int_equal(s.box.sys->swap->nr_free, AREA - 2);
	sysbox_end(&s.box);
	open_kernel(&s, "6.18", AREA, NB_SWAP_SSD);
	assert_int_equal(take(&s, 0), 32 * 512);
	assert_int_equal(take(&s, 1), 64 * 512);
	sysbox_end(&s.box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_row_of_two),
		cmocka_unit_test(test_row_in_pieces),
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_partial_clusters),
		cmocka_unit_test(test_returned),
		cmocka_unit_test(test_equal_priorities),
		cmocka_unit_test(test_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
