/* reclaim.c -- how fast clean page cache is taken back: passes of reclaim over one node.
 *
 * A file is read to 16 GiB of page cache, each page once; then the node is shrunk, as its daemon
 * does it (kswapd's wish: so many pages a pass, from priority 12 on), until no cache is left. CPU
 * time of the one thread. A page's way: off its list, out of the tree (a shadow stays), into the
 * page set and on to the free lists.
 *
 *   bench-reclaim             the report: both forms of the lists
 *   bench-reclaim count N     classic lists, N MiB and nothing else, for callgrind
 */
#define _GNU_SOURCE
#include "mm/vmscan.h"
#include "read/machine.h"

#include <numabox/file.h>
#include <numabox/reclaim.h>
#include <numabox/task.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGES_A_PASS 4096u

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bench-reclaim: %s: %d\n", what, err);
	exit(1);
}

/* Until the node has nothing more to give; pages. */
static uint64_t shrink(struct nb_system *sys)
{
	uint64_t all = 0, got = 1;

	while (got) {
		got = 0;
		for (int priority = NB_DEF_PRIORITY; priority > 0 && !got; priority--) {
			struct nb_scan_control sc = {.sys = sys,
						     .kswapd = true,
						     .gfp = NB_GFP_KERNEL,
						     .nr_to_reclaim = PAGES_A_PASS,
						     .priority = priority,
						     .reclaim_idx = NB_MAX_NR_ZONES - 1,
						     .may_writepage = true,
						     .may_unmap = true,
						     .may_swap = true};

			nb_shrink_node(nb_node_data(sys, 0), &sc);
			got = sc.nr_reclaimed;
		}
		all += got;
	}
	return all;
}

static void run(bool gen, uint64_t mib, bool report)
{
	struct nb_error err = {0};
	struct nb_address_space *file;
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	struct nb_task *t;
	uint64_t done, pages;
	double fill, take;

	nb_port_posix(&port, false);
	must(nb_read_machine(&port, "1x20G", NULL, &m, NULL, &err), err.text);
	must(nb_system_boot(&port, m, NULL, &sys, &err), err.text);
	must(nb_lru_gen_set_enabled(sys, gen), "lists");
	must(nb_task_create(sys, 0, "reader", &t), "task");
	must(nb_file_create(sys, "file", mib << 20, &file), "file");
	fill = cpu_s();
	must(nb_file_read(t, file, 0, NULL, mib << 20, &done), "read");
	take = cpu_s();
	fill = take - fill;
	pages = shrink(sys);
	take = cpu_s() - take;
	if (report)
		printf("  %-34s %7.1f ns   %6.1f million pages/s   (read in: %.0f ns a page, "
		       "%.1f %% taken)\n",
		       gen ? "generations" : "classic lists", take / (double)pages * 1e9,
		       (double)pages / take / 1e6, fill / (double)(mib << 8) * 1e9,
		       100.0 * (double)pages / (double)(mib << 8));
	nb_file_put(file);
	nb_task_exit(t);
	nb_task_put(t);
	nb_system_shutdown(sys);
	nb_machine_free(m);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "count")) {
		run(false, strtoull(argv[2], NULL, 10), false);
		return 0;
	}
	printf("clean page cache reclaimed, 16 GiB in one node, one thread\n");
	run(false, 16384, true);
	run(true, 16384, true);
	return 0;
}
