/* balancing.c -- recorded runs of NUMA balancing, second by second, beside the engine's.
 *
 * Data-driven: each directory of $NUMABOX_ORACLE/traces that has a numab.jsonl. Its tasks are put
 * where the first line shows them, with their pages and policy, and reach for every page ten times
 * a second for as long as the recording runs. Compared:
 *   - the node of every task's pages at the end, and that they were there no later than the
 *     kernel's (whose guest was emulated, and slower at touching);
 *   - entries that were given hints, and hint faults: the kernel's, less up to OTHER_PAGES of each
 *     task's own stack, program and libraries, which this task has not;
 *   - faults counted as local while pages move, and that nothing happens once they have moved, but
 *     for those other pages;
 *   - that regions under a policy without balancing are not touched.
 */
#include "base/hosted/text.h"
#include "base/mask.h"
#include "read/capture.h"
#include "read/machine.h"
#include "../unit/mm/sysbox.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <numabox/balancing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define REGION UINT64_C(0x10000000)
#define MS UINT64_C(1000000)
#define OTHER_PAGES 64
#define MAX_TASKS 16
#define MAX_SECONDS 600

struct run {
	const char *dir;
	struct nb_machine *m;
	struct nb_capture *c;
	struct nb_system *sys;
	json_t *head, *second[MAX_SECONDS];
	unsigned nr_seconds, nr_tasks;
	uint64_t pages;
	struct nb_task *task[MAX_TASKS];
	uint64_t addr[MAX_TASKS];
};

static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("%s is missing in a recorded line", key);
	return json_integer_value(v);
}

static void read_lines(struct run *r)
{
	char path[1024], *line = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/numab.jsonl", r->dir);
	f = fopen(path, "r");
	assert_non_null(f);
	while (getline(&line, &cap, f) > 0 && r->nr_seconds < MAX_SECONDS) {
		json_t *o = json_loads(line, 0, NULL);

		assert_non_null(o);
		if (json_object_get(o, "case"))
			r->head = o;
		else if (json_object_get(o, "tasks"))
			r->second[r->nr_seconds++] = o;
		else
			json_decref(o);
	}
	free(line);
	fclose(f);
	assert_non_null(r->head);
	assert_true(r->nr_seconds > 2);
	r->pages = (uint64_t)number(r->head, "pages");
}

static const json_t *task_line(const struct run *r, unsigned second, unsigned i)
{
	return json_array_get(json_object_get(r->second[second], "tasks"), i);
}

/* The word behind the address in a line of numa_maps: "default", "bind:1". */
static int policy_of(const json_t *task, struct nb_nodemask *ret_nodes)
{
	static const struct {
		const char *name;
		int mode;
	} modes[] = {{"default", NB_MPOL_DEFAULT},
		     {"bind=static", NB_MPOL_BIND | NB_MPOL_F_STATIC_NODES},
		     {"bind=balancing", NB_MPOL_BIND | NB_MPOL_F_NUMA_BALANCING},
		     {"bind", NB_MPOL_BIND},
		     {"interleave", NB_MPOL_INTERLEAVE},
		     {"prefer", NB_MPOL_PREFERRED},
		     {"local", NB_MPOL_LOCAL}};
	const char *s = json_string_value(json_object_get(task, "numa_maps"));
	const char *p = s ? strchr(s, ' ') : NULL;

	memset(ret_nodes, 0, sizeof(*ret_nodes));
	assert_non_null(p);
	p++;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		size_t n = strlen(modes[i].name);
		char *end;

		if (strncmp(p, modes[i].name, n) || !strchr(" :", p[n]))
			continue;
		while (p[n] == ':' || p[n] == ',' || p[n] == '-') {
			long first = strtol(p + n + 1, &end, 10), last = first;

			if (*end == '-')
				last = strtol(end + 1, &end, 10);
			for (; first <= last && first < NB_MAX_NODES; first++)
				nb_nodemask_set(ret_nodes, (unsigned)first);
			n = (size_t)(end - p);
		}
		return modes[i].mode;
	}
	fail_msg("a policy that this test does not know: %s", s);
	return 0;
}

/* Puts `pages` of the region, from page `first` on, on a node. */
static void fill(const struct run *r, unsigned i, uint64_t first, uint64_t pages, unsigned nid)
{
	struct nb_nodemask m = {{0}};
	uint64_t n;

	if (!pages)
		return;
	nb_nodemask_set(&m, nid);
	assert_int_equal(nb_set_mempolicy(r->task[i], NB_MPOL_BIND, &m), 0);
	assert_int_equal(nb_touch(r->task[i], r->addr[i] + first * PAGE, pages * PAGE, true, &n),
			 0);
	assert_int_equal(n, pages);
}

static void make_task(struct run *r, unsigned i)
{
	const json_t *line = task_line(r, 0, i);
	uint64_t on0 = (uint64_t)number(line, "pages_node0");
	struct nb_nodemask nodes;
	int mode = policy_of(line, &nodes);

	assert_int_equal(nb_task_create(r->sys, (int)number(line, "cpu"), "work", &r->task[i]), 0);
	r->addr[i] = REGION;
	assert_int_equal(nb_mmap(r->task[i], REGION, r->pages * PAGE, NB_PROT_READ | NB_PROT_WRITE,
				 NB_MAP_FIXED, &r->addr[i]),
			 0);
	if (on0 > r->pages)
		on0 = r->pages;
	fill(r, i, 0, on0, 0);
	fill(r, i, on0, r->pages - on0, 1);
	assert_int_equal(nb_set_mempolicy(r->task[i], NB_MPOL_DEFAULT, NULL), 0);
	if (mode != NB_MPOL_DEFAULT)
		assert_int_equal(nb_mbind(r->task[i], REGION, r->pages * PAGE, mode,
					  nb_nodemask_empty(&nodes) ? NULL : &nodes, 0),
				 0);
}

static void open_run(struct run *r, const char *dir)
{
	struct nb_port port;
	struct nb_error err = {0};

	memset(r, 0, sizeof(*r));
	r->dir = dir;
	read_lines(r);
	nb_port_posix(&port, false);
	if (nb_read_machine(&port, dir, NULL, &r->m, &r->c, &err))
		fail_msg("%s:%u: %s", err.file, err.line, err.text);
	assert_int_equal(nb_system_boot(&port, r->m, NULL, &r->sys, &err), 0);
	assert_int_equal(nb_sysctl_write(r->sys, "kernel.numa_balancing", "1", &err), 0);
	r->nr_tasks = (unsigned)json_array_size(json_object_get(r->second[0], "tasks"));
	assert_true(r->nr_tasks > 0 && r->nr_tasks <= MAX_TASKS);
	for (unsigned i = 0; i < r->nr_tasks; i++)
		make_task(r, i);
}

static void close_run(struct run *r)
{
	struct nb_error err = {0};

	if (nb_system_check(r->sys, &err))
		fail_msg("%s: %s", r->dir, err.text);
	for (unsigned i = 0; i < r->nr_tasks; i++) {
		nb_task_exit(r->task[i]);
		nb_task_put(r->task[i]);
	}
	nb_system_shutdown(r->sys);
	nb_capture_free(r->c);
	nb_machine_free(r->m);
	json_decref(r->head);
	for (unsigned i = 0; i < r->nr_seconds; i++)
		json_decref(r->second[i]);
}

/* Did all pages of task i lie where they lie at the end, by that second of the recording? */
static bool kernel_done(const struct run *r, unsigned second, unsigned i)
{
	const json_t *now = task_line(r, second, i), *end = task_line(r, r->nr_seconds - 1, i);

	return number(now, "pages_node0") == number(end, "pages_node0") &&
	       number(now, "pages_node1") == number(end, "pages_node1");
}

static unsigned kernel_done_at(const struct run *r, unsigned i)
{
	unsigned s = r->nr_seconds - 1;

	while (s > 0 && kernel_done(r, s - 1, i))
		s--;
	return s;
}

static void work(struct run *r, uint64_t from_ms, uint64_t to_ms)
{
	for (uint64_t ms = from_ms; ms < to_ms; ms += 100) {
		nb_system_set_time_ns(r->sys, (ms + 100) * MS);
		for (unsigned i = 0; i < r->nr_tasks; i++) {
			uint64_t n;

			nb_task_tick(r->task[i], (ms + 100) * MS);
			assert_int_equal(
				nb_touch(r->task[i], r->addr[i], r->pages * PAGE, true, &n), 0);
		}
	}
}

static void close_to(const struct run *r, const char *what, int64_t ours, int64_t kernel)
{
	int64_t other = (int64_t)OTHER_PAGES * r->nr_tasks;

	if (ours > kernel + 2 * (int64_t)r->nr_tasks || ours < kernel - other)
		fail_msg("%s: %s is %" PRId64 ", the kernel's is %" PRId64, r->dir, what, ours,
			 kernel);
}

static void compare_end(struct run *r, uint64_t updates, uint64_t faults)
{
	const json_t *first = r->second[0], *last = r->second[r->nr_seconds - 1];

	for (unsigned i = 0; i < r->nr_tasks; i++) {
		const json_t *line = task_line(r, r->nr_seconds - 1, i);

		assert_int_equal(nb_task_node_pages(r->task[i], 0), number(line, "pages_node0"));
		assert_int_equal(nb_task_node_pages(r->task[i], 1), number(line, "pages_node1"));
	}
	close_to(r, "numa_hint_faults", (int64_t)faults,
		 number(last, "numa_hint_faults") - number(first, "numa_hint_faults"));
	close_to(r, "numa_pages_migrated", (int64_t)sysbox_event(r->sys, "numa_pages_migrated"),
		 number(last, "numa_pages_migrated") - number(first, "numa_pages_migrated"));
	assert_int_equal(sysbox_event(r->sys, "numa_hint_faults_local"), 0);
	/* each page is given a hint once: where a page was faulted on too late it may be twice */
	assert_true(updates >= faults);
	close_to(r, "numa_pte_updates", (int64_t)updates,
		 number(last, "numa_pte_updates") - number(first, "numa_pte_updates"));
}

static void replay(void **state)
{
	struct run r;
	uint64_t settled = 0, updates = 0;
	unsigned done = 0;

	open_run(&r, *state);
	for (unsigned i = 0; i < r.nr_tasks; i++) {
		unsigned s = kernel_done_at(&r, i);

		done = s > done ? s : done;
	}
	/* the recording began with its first look: tasks were a second old at most */
	for (unsigned s = 0; s + 1 < r.nr_seconds; s++) {
		work(&r, s * UINT64_C(1000), (s + 1) * UINT64_C(1000));
		if (s + 1 != done + 1)
			continue;
		/* no later than the kernel, give or take the second between two looks */
		for (unsigned i = 0; i < r.nr_tasks; i++)
			assert_int_equal(nb_task_node_pages(r.task[i], 0),
					 number(task_line(&r, r.nr_seconds - 1, i), "pages_node0"));
		settled = sysbox_event(r.sys, "numa_pte_updates");
	}
	updates = sysbox_event(r.sys, "numa_pte_updates");
	assert_int_equal(updates, settled); /* scanning has all but stopped */
	compare_end(&r, updates, sysbox_event(r.sys, "numa_hint_faults"));
	close_run(&r);
}

int main(void)
{
	const char *root = getenv("NUMABOX_ORACLE");
	static char path[64][1280];
	static struct CMUnitTest tests[64];
	struct dirent **name = NULL;
	size_t n = 0;
	char dir[900];
	int found, failed = 0;

	snprintf(dir, sizeof(dir), "%s/traces", root ? root : "");
	found = root ? scandir(dir, &name, NULL, alphasort) : 0;
	for (int i = 0; i < found; i++) {
		FILE *f;

		if (n < 64) {
			snprintf(path[n], sizeof(path[n]), "%s/%s/numab.jsonl", dir,
				 name[i]->d_name);
			f = fopen(path[n], "r");
			if (f) {
				fclose(f);
				*strrchr(path[n], '/') = '\0';
				tests[n] = (struct CMUnitTest){.name = path[n],
							       .test_func = replay,
							       .initial_state = path[n]};
				n++;
			}
		}
		free(name[i]);
	}
	free(name);
	if (!n) {
		puts("1..0 # SKIP no recorded run of NUMA balancing at hand");
		return 0;
	}
	failed = _cmocka_run_group_tests("balancing", tests, n, NULL, NULL);
	return failed != 0;
}
