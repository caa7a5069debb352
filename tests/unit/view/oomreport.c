/* oomreport.c -- tests of src/view/oomreport.c: the lines of a recorded report, byte for byte. */
#include "read/machine.h"
#include "view/oomreport.h"
#include <numabox/page_alloc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct box {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	struct nb_text text;
};

static void open_box(struct box *b, const char *kernel)
{
	struct nb_read_options opt = {.kernel = kernel};
	struct nb_error err = {0};

	memset(b, 0, sizeof(*b));
	nb_port_posix(&b->port, false);
	if (nb_read_machine(&b->port, "256M:1+256M:1", &opt, &b->machine, NULL, &err))
		fail_msg("%s", err.text);
	assert_int_equal(nb_system_boot(&b->port, b->machine, NULL, &b->sys, &err), 0);
}

static void close_box(struct box *b)
{
	nb_text_release(&b->text);
	nb_system_shutdown(b->sys);
	nb_machine_free(b->machine);
}

static void has_line(const struct box *b, const char *line)
{
	char whole[600];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	/* the first line has none before it */
	if (strncmp(nb_text_str(&b->text), whole + 1, strlen(whole + 1)) != 0 &&
	    !strstr(nb_text_str(&b->text), whole))
		fail_msg("no line '%s' in:\n%s", line, nb_text_str(&b->text));
}

/* What dmesg of the recorded kill tells (an oracle's traces/oom-n2). */
static struct nb_oom_report recorded(struct nb_oom_task *rows, struct nb_nodemask *all)
{
	rows[0] = (struct nb_oom_task){.pid = 148,
				       .tgid = 148,
				       .total_vm = 565,
				       .rss_shmem = 400,
				       .pgtables_bytes = 36864,
				       .comm = "busybox"};
	rows[1] = (struct nb_oom_task){.pid = 165,
				       .tgid = 165,
				       .total_vm = 179510,
				       .rss_anon = 92128,
				       .rss_shmem = 163,
				       .pgtables_bytes = 786432,
				       .comm = "work"};
	memset(all, 0, sizeof(*all));
	all->bits[0] = 3;
	return (struct nb_oom_report){
		.invoker = rows[1],
		.has_invoker = true,
		.cpu = 1,
		.gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP | NB_GFP_BIT_ZERO,
		.highest_zoneidx = NB_ZONE_MOVABLE,
		.constraint = NB_CONSTRAINT_NONE,
		.mems_allowed = all,
		.cpuset = "/",
		.memcg = "/",
		.tasks = rows,
		.nr_tasks = 2,
		.victim = &rows[1],
	};
}

static void test_recorded(void **state)
{
	struct nb_oom_report r;
	struct nb_oom_task rows[2];
	struct nb_nodemask all;
	struct box b;

	(void)state;
	open_box(&b, "6.12");
	r = recorded(rows, &all);
	nb_oomreport_print(b.sys, &r, &b.text);
	has_line(&b, "work invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|"
		     "__GFP_ZERO), order=0, oom_score_adj=0");
	has_line(&b, "Mem-Info:");
	has_line(&b, "Tasks state (memory values in pages):");
	has_line(&b, "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem "
		     "pgtables_bytes swapents oom_score_adj name");
	has_line(&b, "[    148]     0   148      565      400        0        0       400    36864 "
		     "       0             0 busybox");
	has_line(&b, "[    165]     0   165   179510    92291    92128        0       163   786432 "
		     "       0             0 work");
	has_line(&b, "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,"
		     "mems_allowed=0-1,global_oom,task_memcg=/,task=work,pid=165,uid=0");
	has_line(&b, "Out of memory: Killed process 165 (work) total-vm:718040kB, "
		     "anon-rss:368512kB, file-rss:0kB, shmem-rss:652kB, UID:0 pgtables:768kB "
		     "oom_score_adj:0");
	close_box(&b);
}

/* Before 6.8 one column of resident pages; a policy's nodes are named and others left out. */
static void test_policy_and_old_table(void **state)
{
	struct nb_oom_report r;
	struct nb_oom_task rows[2];
	struct nb_nodemask all, one;
	struct box b;

	(void)state;
	open_box(&b, "6.1");
	r = recorded(rows, &all);
	memset(&one, 0, sizeof(one));
	one.bits[0] = 2;
	assert_true(nb_alloc_pages(b.sys, &(struct nb_alloc_request){.gfp = NB_GFP_KERNEL,
								     .cpu = 0,
								     .nid = 0}) != NB_NO_PFN);
	r.constraint = NB_CONSTRAINT_MEMORY_POLICY;
	r.nodemask = &one;
	r.allocating_task = true;
	rows[1].oom_score_adj = 300;
	nb_oomreport_print(b.sys, &r, &b.text);
	has_line(&b, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents "
		     "oom_score_adj name");
	has_line(&b,
		 "[    165]     0   165   179510    92291   786432        0           300 work");
	assert_non_null(strstr(nb_text_str(&b.text),
			       "constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/"));
	assert_non_null(strstr(nb_text_str(&b.text), "Node 1 DMA32 free:"));
	assert_null(strstr(nb_text_str(&b.text), "Node 0 DMA32 free:"));
	assert_non_null(strstr(nb_text_str(&b.text), "Node 1 hugepages_total="));
	assert_null(strstr(nb_text_str(&b.text), "Node 0 hugepages_total="));
	/* node 0's page sets do not count */
	assert_non_null(strstr(nb_text_str(&b.text), " free_pcp:0 free_cma:0"));
	assert_non_null(strstr(nb_text_str(&b.text),
			       "Out of memory (oom_kill_allocating_task): Killed process 165"));
	close_box(&b);
}

/* A request for low memory alone: zones above it are not shown; nobody to kill. */
static void test_low_and_nobody(void **state)
{
	struct nb_oom_report r;
	struct nb_oom_task rows[2];
	struct nb_nodemask all;
	struct box b;

	(void)state;
	open_box(&b, "6.12");
	r = recorded(rows, &all);
	r.highest_zoneidx = NB_ZONE_DMA;
	r.victim = NULL;
	nb_oomreport_print(b.sys, &r, &b.text);
	assert_non_null(strstr(nb_text_str(&b.text), "Node 0 DMA free:"));
	assert_null(strstr(nb_text_str(&b.text), "DMA32 free:"));
	assert_non_null(strstr(nb_text_str(&b.text), "Node 0 active_anon:"));
	assert_null(strstr(nb_text_str(&b.text), "Node 1 active_anon:"));
	has_line(&b, "Out of memory and no killable processes...");
	close_box(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_policy_and_old_table),
		cmocka_unit_test(test_low_and_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
