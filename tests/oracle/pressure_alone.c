/* pressure_alone.c -- the recorded workloads under pressure, left to our machine alone: how many
 * pages it reclaims, finds again, swaps, beside the recorded numbers.
 *
 * Nothing of the trace is played but the programs: refault-* reads its device pass after pass,
 * swap-n1-* writes to its region and reads it (what it writes at random afterwards no event tells).
 * How fast the recorded machine was decides much of it (an emulator, its disk a file), so the
 * ratios are reported, not asserted: only that nobody is killed and that all of it happens.
 */
#include "base/hosted/text.h"
#include "mm/address_space.h"
#include "mm/lru.h"
#include "mm/vmstat.h"
#include "read/capture.h"
#include "read/machine.h"
#include "play.h"
#include "recorded.h"
#include "sim/driver.h"

#include <numabox/file.h>
#include <numabox/reclaim.h>
#include <numabox/swap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 65536, REGION_PAGES = 28672 };
#define PAGE UINT64_C(4096)

struct run {
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_port port;
	struct nb_sim sim;
};

static void open_run(struct run *r, const char *path, const char *name)
{
	struct nb_read_options opt = {0};
	struct nb_error err = {0};
	char dir[1200];

	memset(r, 0, sizeof(*r));
	snprintf(dir, sizeof(dir), "%s/before", path);
	nb_port_posix(&r->port, false);
	if (nb_read_machine(&r->port, dir, &opt, &r->machine, &r->capture, &err) ||
	    nb_sim_open(&r->sim,
			&(struct nb_sim_begin){.machine = r->machine, .capture = r->capture}, &err))
		fail_msg("%s: %s", dir, err.text);
	(void)nb_lru_gen_set_enabled(r->sim.sys, recorded_lru_gen(name));
}

static void close_run(struct run *r)
{
	nb_sim_close(&r->sim);
	nb_capture_free(r->capture);
	nb_machine_free(r->machine);
}

static void event(const struct run *r, const char *name, const char *what,
		  enum nb_vm_event_item item)
{
	recorded_ratio(what, (uint64_t)recorded_growth(name, what),
		       nb_vm_event_sum(r->sim.sys, item));
}

/* ---- page cache ---- */

static void read_pass(struct run *r, struct nb_address_space *file, uint64_t bytes, int cpu)
{
	struct nb_open_file open;
	struct nb_sim_task *t;
	uint64_t n;

	nb_open_file_init(&open, file);
	assert_int_equal(nb_sim_task_new(&r->sim, cpu, "work", &t), 0);
	for (uint64_t at = 0; at < bytes; at += CHUNK) {
		(void)nb_sim_run_due(&r->sim, t->clock_ns + 1);
		nb_sim_set_now(&r->sim, t->clock_ns);
		assert_int_equal(nb_open_file_read(t->task, &open, at, NULL, CHUNK, &n), 0);
		if (t->clock_ns < r->sim.now_ns)
			t->clock_ns = r->sim.now_ns;
		nb_sim_charge_ns(t, NB_COST_SYSCALL_NS + CHUNK / PAGE * NB_COST_CACHE_PAGE_NS);
	}
	nb_sim_task_end(t);
}

static void play_refault(struct run *r, const char *name)
{
	const struct nb_lruvec *v = nb_node_data(r->sim.sys, 0)->lruvec;
	char *job = recorded_job(name), *line = job;
	struct nb_address_space *file;

	assert_int_equal(nb_file_create_device(r->sim.sys, "vda", UINT64_C(1) << 30, &file), 0);
	while ((line = strstr(line, "work read "))) {
		unsigned long long mb;
		int cpu;

		if (sscanf(line, "work read %*s %llu %d", &mb, &cpu) == 2)
			read_pass(r, file, mb << 20, cpu);
		line += 5;
	}
	free(job);
	event(r, name, "pageoutrun", NB_VM_PAGEOUTRUN);
	event(r, name, "pgscan_file", NB_VM_PGSCAN_FILE);
	event(r, name, "pgsteal_kswapd", NB_VM_PGSTEAL_KSWAPD);
	event(r, name, "pgsteal_direct", NB_VM_PGSTEAL_DIRECT);
	event(r, name, "pgactivate", NB_VM_PGACTIVATE);
	event(r, name, "pgdeactivate", NB_VM_PGDEACTIVATE);
	recorded_ratio("workingset_refault_file",
		       (uint64_t)recorded_growth(name, "workingset_refault_file"), v->refault[1]);
	recorded_ratio("workingset_activate_file",
		       (uint64_t)recorded_growth(name, "workingset_activate_file"), v->activate[1]);
	assert_true(nb_vm_event_sum(r->sim.sys, NB_VM_PGSTEAL_FILE) > 10000);
	assert_true(v->refault[1] > 1000);
}

/* ---- swap ---- */

static void touch_all(struct run *r, struct nb_sim_task *t, uint64_t addr, bool write)
{
	uint64_t end = addr + REGION_PAGES * PAGE, n;

	while (addr < end && nb_task_alive(t->task)) {
		(void)nb_sim_run_due(&r->sim, t->clock_ns + 1);
		assert_int_equal(nb_sim_touch_grain(t, &addr, end, write, &n), 0);
	}
	assert_true(nb_task_alive(t->task));
}

static void swapped(const struct run *r, const char *name, const char *phase)
{
	static const struct {
		const char *name;
		enum nb_vm_event_item item;
	} row[] = {{"pswpout", NB_VM_PSWPOUT},
		   {"pswpin", NB_VM_PSWPIN},
		   {"pgmajfault", NB_VM_PGMAJFAULT},
		   {"pgsteal_kswapd", NB_VM_PGSTEAL_KSWAPD},
		   {"pgsteal_direct", NB_VM_PGSTEAL_DIRECT}};
	char file[128];

	print_message("# at the end of phase %s\n", phase);
	snprintf(file, sizeof(file), "phases/%s/proc/vmstat", phase);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		recorded_ratio(row[i].name,
			       recorded_counter(name, file, row[i].name) -
				       recorded_counter(name, "before/proc/vmstat", row[i].name),
			       nb_vm_event_sum(r->sim.sys, row[i].item));
}

static void play_swap(struct run *r, const char *name)
{
	struct nb_swap_options opt = {
		.pages = 262144, .priority = NB_SWAP_PRIO_AUTO, .device = NB_SWAP_ROTATIONAL};
	struct nb_sim_task *t;
	uint64_t addr;
	unsigned area;

	assert_int_equal(nb_swapon(r->sim.sys, &opt, &area), 0);
	assert_int_equal(nb_sim_task_new(&r->sim, 0, "swaptest", &t), 0);
	assert_int_equal(nb_mmap(t->task, 0, REGION_PAGES * PAGE, 3, 0, &addr), 0);
	touch_all(r, t, addr, true);
	swapped(r, name, "1-filled");
	touch_all(r, t, addr, false);
	swapped(r, name, "2-read");
	assert_true(nb_vm_event_sum(r->sim.sys, NB_VM_PSWPOUT) > 1000);
	assert_true(nb_vm_event_sum(r->sim.sys, NB_VM_PSWPIN) > 1000);
}

static bool is_swap(const char *name)
{
	return strncmp(name, "swap-n1-", 8) == 0 && strstr(name, "-sw60");
}

static bool wanted(const char *name)
{
	return is_swap(name) || strncmp(name, "refault-", 8) == 0;
}

static void play_one(const char *path, const char *name)
{
	struct run r;

	open_run(&r, path, name);
	print_message("# %s: recorded, ours, ratio\n", name);
	if (is_swap(name))
		play_swap(&r, name);
	else
		play_refault(&r, name);
	close_run(&r);
}

static void test_alone(void **state)
{
	(void)state;
	if (!play_each(wanted, play_one))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_alone)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
