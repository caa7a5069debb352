/* layout.c -- the boot layout of random machines against a model of one byte a MiB.
 *
 * A machine is drawn: a firmware map with holes, an affinity table (interleaved, sometimes with
 * gaps or with overlaps), a command line. The model walks the address space MiB by MiB: is it RAM,
 * whose is it, which zone is it in? The engine's answer must agree everywhere, and its zones must
 * part all memory. The seed of a failing machine is printed; SEED=n runs that one alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"

#include <numabox/system.h>

#define MIB (UINT64_C(1) << 20)
#define CELLS 12288 /* 12 GiB */
#define PAGES_PER_CELL 256
#define LEGACY 1 /* cell 0 has the first page and the legacy hole: it is left out */
#define NODES 6
#define NOBODY 255

struct draw {
	uint64_t state;
	struct nb_machine *m;
	struct nb_text cmdline;
	/* the model */
	bool ram[CELLS];
	uint8_t nid[CELLS];
	unsigned nr_ram;
};

static unsigned pick(struct draw *d, unsigned n)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (unsigned)(d->state >> 20) % n;
}

static struct nb_mem_range cells(unsigned start, unsigned end, enum nb_mem_type type, int nid)
{
	return (struct nb_mem_range){
		.start = start * MIB, .end = end * MIB, .type = type, .nid = nid};
}

/* RAM in pieces, then other types over it. */
static void draw_firmware(struct draw *d)
{
	unsigned at = 0, pieces = 1 + pick(d, 6);

	for (unsigned i = 0; i < pieces && at < CELLS - 64; i++) {
		unsigned n = 48 + pick(d, CELLS / pieces - 48),
			 end = at + n < CELLS ? at + n : CELLS;
		struct nb_mem_range r = cells(at, end, NB_MEM_RAM, NB_NO_NODE);

		assert_int_equal(nb_machine_add_firmware(d->m, &r), 0);
		memset(d->ram + at, 1, end - at);
		at = end + (pick(d, 2) ? pick(d, 2048) : 0);
	}
	for (unsigned i = pick(d, 4); i; i--) {
		unsigned start = 64 + pick(d, CELLS - 128), end = start + 1 + pick(d, 60);
		struct nb_mem_range r = cells(start, end, NB_MEM_RESERVED, NB_NO_NODE);

		r.type = (enum nb_mem_type)(NB_MEM_RESERVED + pick(d, 5));
		assert_int_equal(nb_machine_add_firmware(d->m, &r), 0);
		memset(d->ram + start, 0, end - start);
	}
}

static void draw_options(struct draw *d)
{
	static const char *const plain[] = {"movable_node", "quiet", "mem=0", "memmap=x",
					    "numa=noise"};

	for (unsigned i = pick(d, 3); i; i--) {
		unsigned start = 64 + pick(d, CELLS - 1100), n = 1 + pick(d, 1000);

		switch (pick(d, 6)) {
		case 0:
			nb_text_printf(&d->cmdline, " mem=%uM", start);
			memset(d->ram + start, 0, CELLS - start);
			break;
		case 1:
			nb_text_printf(&d->cmdline, " memmap=%uM$%uM", n, start);
			memset(d->ram + start, 0, n);
			break;
		case 2:
			nb_text_printf(&d->cmdline, " kernelcore=%uM", 1 + pick(d, CELLS));
			break;
		case 3:
			nb_text_printf(&d->cmdline, " movablecore=%u%%", 1 + pick(d, 99));
			break;
		case 4:
			nb_text_printf(&d->cmdline, " movablecore=%uM", 1 + pick(d, CELLS));
			break;
		default:
			nb_text_printf(&d->cmdline, " %s", plain[pick(d, 5)]);
			break;
		}
	}
}

static bool has_ram(const struct draw *d, unsigned start, unsigned end)
{
	return memchr(d->ram + start, 1, end - start) != NULL;
}

/* Where nothing stands between two blocks of one node, what lies between them is the node's as
 * well. Blocks without RAM are not looked at. */
static void join_blocks(struct draw *d)
{
	unsigned last_end = 0;
	int last = NOBODY;

	for (unsigned i = 0; i < CELLS;) {
		unsigned end = i;

		while (end < CELLS && d->nid[end] == d->nid[i])
			end++;
		if (d->nid[i] != NOBODY && has_ram(d, i, end)) {
			if (last == d->nid[i])
				memset(d->nid + last_end, last, i - last_end);
			last = d->nid[i];
			last_end = end;
		}
		i = end;
	}
}

/* Nodes in pieces all over; sometimes a piece is missing or stands twice. true: the table is
 * usable. */
static bool draw_affinity(struct draw *d)
{
	bool covered = true, overlap = false;

	memset(d->nid, NOBODY, sizeof(d->nid));
	for (unsigned at = 0; at < CELLS;) {
		unsigned n = 1 + pick(d, 3000), end = at + n < CELLS ? at + n : CELLS;
		int nid = (int)pick(d, NODES);
		struct nb_mem_range r = cells(at, end, NB_MEM_RAM, nid);

		r.flags = pick(d, 4) ? 0 : NB_RANGE_HOTPLUG;
		if (pick(d, 40)) {
			assert_int_equal(nb_machine_add_affinity(d->m, &r), 0);
			memset(d->nid + at, nid, end - at);
		}
		at = end;
	}
	if (!pick(d, 10)) {
		unsigned start = pick(d, CELLS - 1), nid = pick(d, NODES);
		struct nb_mem_range r = cells(start, start + 1, NB_MEM_RAM, (int)nid);

		assert_int_equal(nb_machine_add_affinity(d->m, &r), 0);
		if (d->nid[start] == NOBODY)
			d->nid[start] = (uint8_t)nid;
		/* Without RAM in it nobody cares; nor if both are one node. */
		overlap = d->nid[start] != nid && d->ram[start];
	}
	join_blocks(d);
	for (unsigned i = 0, missing = 0; i < CELLS; i++) {
		missing += d->ram[i] && d->nid[i] == NOBODY;
		covered = missing <= 1; /* more than 1 MiB is too much */
	}
	return covered && !overlap;
}

static void draw_machine(struct draw *d)
{
	bool usable, off = !pick(d, 8);

	for (int i = 0; i < NODES; i++) {
		struct nb_node n = {.id = i, .online = true};
		struct nb_cpu c = {.id = i, .nid = i, .online = true};

		assert_int_equal(nb_machine_add_node(d->m, &n), 0);
		assert_int_equal(nb_machine_add_cpu(d->m, &c), 0);
	}
	draw_firmware(d);
	draw_options(d);
	usable = draw_affinity(d);
	if (off)
		nb_text_puts(&d->cmdline, " numa=off");
	if (off || !usable)
		memset(d->nid, 0, sizeof(d->nid));
	for (unsigned i = 0; i < CELLS; i++) {
		d->ram[i] &= d->nid[i] != NOBODY;
		d->nr_ram += d->ram[i];
	}
	nb_text_puts(&d->cmdline, "");
	assert_int_equal(nb_machine_add_cmdline(d->m, nb_text_str(&d->cmdline)), 0);
}

/* memblock against the model; in address order, without overlaps. */
static void check_memblock(const struct draw *d, const struct nb_system *sys)
{
	unsigned n;
	const struct nb_mem_range *r = nb_system_memblock(sys, &n);
	uint64_t end = 0;
	unsigned cell = LEGACY;

	for (unsigned i = 0; i < n; i++) {
		assert_true(r[i].start >= end && r[i].start < r[i].end);
		end = r[i].end;
		if (end <= LEGACY * MIB)
			continue;
		for (; cell * MIB < r[i].start; cell++) {
			if (d->ram[cell])
				fail_msg("MiB %u is RAM of node %u, and lost", cell, d->nid[cell]);
		}
		for (; cell * MIB < end; cell++) {
			if (!d->ram[cell] || d->nid[cell] != r[i].nid)
				fail_msg("MiB %u is said to be node %d's", cell, r[i].nid);
		}
	}
	for (; cell < CELLS; cell++)
		assert_false(d->ram[cell]);
}

/* Which zone of its node a page is in, by the node's Movable start. */
static enum nb_zone_type zone_of(const struct nb_node_info *n, uint64_t pfn)
{
	if (n->movable_start_pfn && pfn >= n->movable_start_pfn)
		return NB_ZONE_MOVABLE;
	return pfn < 4096 ? NB_ZONE_DMA : pfn < 1 << 20 ? NB_ZONE_DMA32 : NB_ZONE_NORMAL;
}

static void check_zones(const struct draw *d, const struct nb_system *sys)
{
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		uint64_t present[NB_MAX_NR_ZONES] = {0}, managed = 0;
		struct nb_node_info n;

		assert_int_equal(nb_node_info(sys, nb_system_node_id(sys, i), &n), 0);
		assert_int_equal(n.movable_start_pfn % 1024, 0);
		for (unsigned c = LEGACY; c < CELLS; c++) {
			/* Movable begins on a 4 MiB border: a MiB is in one zone. */
			if (d->ram[c] && d->nid[c] == n.nid)
				present[zone_of(&n, c * PAGES_PER_CELL)] += PAGES_PER_CELL;
		}
		/* Cell 0 has pages 1..0x9f if it is RAM. */
		if (d->ram[0] && d->nid[0] == n.nid)
			present[zone_of(&n, 1)] += 159;
		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone_info z;

			if (nb_zone_info(sys, n.nid, (enum nb_zone_type)t, &z))
				continue;
			if (z.present_pages != present[t])
				fail_msg("node %d, %s: %llu pages, right is %llu", n.nid,
					 nb_zone_name(z.type), (unsigned long long)z.present_pages,
					 (unsigned long long)present[t]);
			assert_true(z.spanned_pages >= z.present_pages);
			assert_true(z.managed_pages <= z.present_pages);
			assert_int_equal(z.spanned_pages ? 0 : z.start_pfn, 0);
			managed += z.managed_pages;
		}
		assert_int_equal(managed, n.managed_pages);
	}
}

static void one_machine(uint64_t seed)
{
	struct draw *d = nb_xcalloc(1, sizeof(*d));
	struct nb_system *sys = NULL;
	struct nb_error err = {0};
	struct nb_port port;
	int ret;

	d->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	nb_port_posix(&port, false);
	d->m = nb_machine_new(&port);
	draw_machine(d);
	if (nb_machine_seal(d->m, &err))
		fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
	ret = nb_system_boot(&port, d->m, NULL, &sys, &err);
	if (getenv("SEED"))
		print_message("# %s: %d %s\n", d->m->cmdline, ret, err.text);
	if (ret)
		fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
	check_memblock(d, sys);
	check_zones(d, sys);
	nb_system_shutdown(sys);
	nb_machine_free(d->m);
	nb_text_release(&d->cmdline);
	free(d);
}

static uint64_t running;

static int say_seed(void **state)
{
	(void)state;
	if (running)
		print_message("# SEED=%llu\n", (unsigned long long)running);
	return 0;
}

static void test_random_machines(void **state)
{
	const char *seed = getenv("SEED");

	(void)state;
	if (seed) {
		one_machine(strtoull(seed, NULL, 10));
		return;
	}
	for (running = 1; running <= 500; running++)
		one_machine(running);
	running = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_random_machines, say_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
