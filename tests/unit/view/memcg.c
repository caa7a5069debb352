/* memcg.c -- tests of src/view/memcg.c, memcg_stat.c: a group's files, and reports of its kills, as
 * each kernel words them.
 */
#include "read/machine.h"
#include "view/memcg.h"
#include "view/oomreport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define PAGES(mib) ((uint64_t)(mib)*256)

struct box {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	struct nb_memcg *cg;
	struct nb_task *t;
	struct nb_text report, text;
};

static void keep(void *ctx, const struct nb_oom_report *r)
{
	struct box *b = ctx;

	nb_text_clear(&b->report);
	nb_oomreport_print(b->sys, r, &b->report);
}

static void open_box(struct box *b, const char *kernel, bool v1)
{
	struct nb_read_options opt = {.kernel = kernel};
	struct nb_error err = {0};

	memset(b, 0, sizeof(*b));
	nb_port_posix(&b->port, false);
	if (nb_read_machine(&b->port, "128M:1+128M:1", &opt, &b->machine, NULL, &err))
		fail_msg("%s", err.text);
	assert_int_equal(nb_system_boot(&b->port, b->machine, NULL, &b->sys, &err), 0);
	nb_oom_set_reporter(b->sys, keep, b);
	assert_int_equal(nb_memcg_use_v1(b->sys, v1), 0);
	assert_int_equal(nb_memcg_create(nb_memcg_root(b->sys), "pod", &b->cg), 0);
	assert_int_equal(nb_memcg_create(b->cg, "app", &b->cg), 0);
	assert_int_equal(nb_memcg_write(b->cg, NB_MEMCG_MAX, PAGES(8), 0), 0);
	assert_int_equal(nb_task_create(b->sys, 0, "java", &b->t), 0);
	assert_int_equal(nb_memcg_attach(b->cg, b->t), 0);
}

static void close_box(struct box *b)
{
	nb_text_release(&b->report);
	nb_text_release(&b->text);
	nb_task_exit(b->t);
	nb_task_put(b->t);
	nb_system_shutdown(b->sys);
	nb_machine_free(b->machine);
}

static const char *file(struct box *b, const char *name)
{
	nb_text_clear(&b->text);
	if (!nb_memcg_file(b->sys, b->cg, name, &b->text))
		return "none";
	return nb_text_str(&b->text);
}

static void fill(struct box *b, uint64_t bytes)
{
	uint64_t a, n;

	assert_int_equal(nb_mmap(b->t, 0, bytes, 3, 0, &a), 0);
	(void)nb_touch(b->t, a, bytes, true, &n);
}

/* Lines of the text, in this order. */
static void has_lines(const char *text, const char *const *line)
{
	for (; *line; line++) {
		const char *at = strstr(text, *line);

		if (!at || (at != text && at[-1] != '\n'))
			fail_msg("no line '%s' (in its place) in:\n%s", *line, text);
		text = at + strlen(*line) - 1;
	}
}

/* Settings, counters and events of cgroup v2. */
static void test_files(void **state)
{
	struct box b;
	bool pages = false;

	(void)state;
	open_box(&b, "6.12", false);
	assert_string_equal(file(&b, "memory.max"), "8388608\n");
	assert_string_equal(file(&b, "memory.high"), "max\n");
	assert_string_equal(file(&b, "memory.low"), "0\n");
	assert_string_equal(file(&b, "memory.oom.group"), "0\n");
	assert_string_equal(file(&b, "memory.current"), "0\n");
	fill(&b, MIB);
	/* 256 pages and 4 tables, 64 at a time */
	assert_string_equal(file(&b, "memory.current"), "1310720\n");
	assert_string_equal(file(&b, "memory.peak"), "1310720\n");
	assert_string_equal(file(&b, "memory.events"),
			    "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
	assert_string_equal(file(&b, "memory.swap.events"), "high 0\nmax 0\nfail 0\n");
	assert_string_equal(file(&b, "memory.limit_in_bytes"), "none");
	has_lines(file(&b, "memory.stat"), (const char *const[]){"anon 1048576\n",
								 "file 0\n",
								 "kernel ",
								 "kernel_stack 0\n",
								 "pagetables ",
								 "shmem 0\n",
								 "file_thp 0\n",
								 "unevictable 0\n",
								 "slab 0\n",
								 "workingset_refault_anon 0\n",
								 "pgdemote_kswapd 0\n",
								 "pgpromote_success 0\n",
								 "pgscan 0\n",
								 "pgsteal 0\n",
								 "pswpin 0\n",
								 "pgfault 256\n",
								 "swpin_zero 0\n",
								 "thp_fault_alloc 0\n",
								 "numa_hint_faults 0\n",
								 NULL});
	has_lines(file(&b, "memory.numa_stat"),
		  (const char *const[]){"anon N0=1048576 N1=0\n", "file N0=0 N1=0\n",
					"kernel_stack N0=0 N1=0\n", NULL});
	assert_null(strstr(nb_text_str(&b.text), "pgfault"));
	assert_int_equal(nb_memcg_file_knob(b.sys, "memory.swap.max", &pages), NB_MEMCG_SWAP_MAX);
	assert_true(pages);
	assert_int_equal(nb_memcg_file_knob(b.sys, "memory.current", &pages), NB_NR_MEMCG_KNOBS);
	close_box(&b);
}

/* The report of 6.12. */
static void test_report(void **state)
{
	struct box b;

	(void)state;
	open_box(&b, "6.12", false);
	fill(&b, 16 * MIB);
	has_lines(nb_text_str(&b.report),
		  (const char *const[]){"java invoked oom-killer: gfp_mask=0x",
					"memory: usage 8192kB, limit 8192kB, failcnt ",
					"swap: usage 0kB, limit 9007199254740988kB, failcnt 0\n",
					"Memory cgroup stats for /pod/app:\n", "anon ",
					"numa_hint_faults 0\n",
					"Tasks state (memory values in pages):\n",
					"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),"
					"cpuset=/,mems_allowed=0-1,"
					"oom_memcg=/pod/app,task_memcg=/pod/app,task=java,pid=",
					"Memory cgroup out of memory: Killed process ", NULL});
	assert_null(strstr(nb_text_str(&b.report), "Mem-Info"));
	close_box(&b);
}

/* Before 6.4 a record of the log cut the statistics. */
static void test_report_cut(void **state)
{
	struct box b;
	const char *from, *to;

	(void)state;
	open_box(&b, "6.1", false);
	fill(&b, 16 * MIB);
	from = strstr(nb_text_str(&b.report), "/pod/app:\n");
	assert_non_null(from);
	from += strlen("/pod/app:\n");
	to = strstr(from, "Tasks state");
	assert_non_null(to);
	assert_in_range(to - from, 700, 990);
	close_box(&b);
}

/* cgroup v1, as before 5.0. */
static void test_report_old(void **state)
{
	struct box b;

	(void)state;
	open_box(&b, "4.19", true);
	fill(&b, 16 * MIB);
	has_lines(nb_text_str(&b.report),
		  (const char *const[]){
			  "Task in /pod/app killed as a result of limit of /pod/app\n",
			  "memory: usage 8192kB, limit 8192kB, failcnt ",
			  "memory+swap: usage 8192kB, limit 9007199254740988kB, failcnt 0\n",
			  "kmem: usage ",
			  "Memory cgroup stats for /pod/app: cache:0KB rss:", NULL});
	assert_string_equal(file(&b, "memory.limit_in_bytes"), "8388608\n");
	assert_string_equal(file(&b, "memory.memsw.limit_in_bytes"), "9223372036854771712\n");
	assert_string_equal(file(&b, "memory.max"), "none");
	has_lines(file(&b, "memory.numa_stat"),
		  (const char *const[]){"total=", "file=0 N0=0 N1=0\n", NULL});
	close_box(&b);
}

/* memory.oom.group: who dies with the victim is told after it. */
static void test_report_group(void **state)
{
	struct nb_task *other;
	struct box b;

	(void)state;
	open_box(&b, "6.12", false);
	assert_int_equal(nb_memcg_write(b.cg, NB_MEMCG_OOM_GROUP, 1, 0), 0);
	assert_int_equal(nb_task_create(b.sys, 0, "sidecar", &other), 0);
	assert_int_equal(nb_memcg_attach(b.cg, other), 0);
	fill(&b, 16 * MIB);
	has_lines(nb_text_str(&b.report),
		  (const char *const[]){
			  "Memory cgroup out of memory: Killed process 1000 (java) ",
			  "Tasks in /pod/app are going to be killed due to memory.oom.group set\n",
			  "Memory cgroup out of memory: Killed process 1001 (sidecar) ", NULL});
	assert_false(nb_task_alive(other));
	nb_task_put(other);
	close_box(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),        cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_cut),   cmocka_unit_test(test_report_old),
		cmocka_unit_test(test_report_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
