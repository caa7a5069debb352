/* report.c -- tests of src/read/report*.c: the parts of reports, of many kernels, with any prefix.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "read/report_explain.h"
#include "read/report_line.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *sample(const char *name, size_t *len)
{
	const char *dir = getenv("NUMABOX_TESTS");
	char path[1024], *text = malloc(65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/reports/%s", dir ? dir : "tests", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	*len = fread(text, 1, 65535, f);
	fclose(f);
	return text;
}

static void prefixes(void **state)
{
	static const char *const lines[] = {
		"Mem-Info:",
		"[   34.283262] Mem-Info:",
		"[   34.283262][  T165] Mem-Info:",
		"<4>[   34.283262] Mem-Info:\r",
		"[Tue May 16 12:00:01 2023] Mem-Info:",
		"kern  :warn  : [   34.283262] Mem-Info:",
		"May  6 12:00:01 host kernel: [   34.283262] Mem-Info:",
		"May  6 12:00:01 host kernel: Mem-Info:",
		"2024-05-06T12:00:01.123456+02:00 host.example kernel: Mem-Info:",
		"> > [   34.283262] Mem-Info:",
		">> [   34.283262] Mem-Info:",
		">   [   34.283262] Mem-Info:",
		"    Jun 29 09:17:43 host kernel: [   34.283262] Mem-Info: ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct nb_cursor c = nb_report_message(lines[i], strlen(lines[i]));

		assert_true(c.end - c.p == 9);
		assert_memory_equal(c.p, "Mem-Info:", 9);
	}
	{
		/* a row of the task table is no time stamp */
		static const char row[] = "[    165]     0   165 work";
		struct nb_cursor c = nb_report_message(row, strlen(row));

		assert_ptr_equal(c.p, row);
	}
}

static void first_lines(void **state)
{
	static const struct {
		const char *line;
		enum nb_report_kind kind;
		const char *comm;
		unsigned order;
		uint32_t gfp;
		const char *names;
		bool nodemask, mems;
	} c[] = {
		{"java invoked oom-killer: gfp_mask=0x200da, order=0, oom_score_adj=0",
		 NB_REPORT_OOM, "java", 0, 0x200da, "", false, false},
		{"java invoked oom-killer: gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), "
		 "nodemask=0-1,  order=3, oom_score_adj=0",
		 NB_REPORT_OOM, "java", 3, 0x14280ca, "GFP_HIGHUSER_MOVABLE|__GFP_ZERO", true,
		 false},
		{"kworker/u8:1: page allocation failure. order:5, mode:0x4020", NB_REPORT_FAILURE,
		 "kworker/u8:1", 5, 0x4020, "", false, false},
		{"page allocation failure: order:0, mode:0x800(GFP_NOWAIT)", NB_REPORT_FAILURE, "",
		 0, 0x800, "GFP_NOWAIT", false, false},
		{"kworker/1:2: page allocation stalls for 10008ms, order:1, "
		 "mode:0x14200ca(GFP_HIGHUSER_MOVABLE), nodemask=(null)",
		 NB_REPORT_FAILURE, "kworker/1:2", 1, 0x14200ca, "GFP_HIGHUSER_MOVABLE", false,
		 false},
		{"java invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE),\n"
		 "nodemask=0-1, order=2,\noom_score_adj=0",
		 NB_REPORT_OOM, "java", 2, 0x100cca, "GFP_HIGHUSER_MOVABLE", true, false},
		{"oom-killer: gfp_mask=0xd0", NB_REPORT_OOM, "", 0, 0xd0, "", false, false},
		{"modprobe: vmalloc error: size 2097152, page order 9, failed to allocate pages, "
		 "mode:0xcc0(GFP_KERNEL), nodemask=(null),cpuset=/,mems_allowed=0",
		 NB_REPORT_FAILURE, "modprobe", 9, 0xcc0, "GFP_KERNEL", false, true},
		{"a b: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), "
		 "nodemask=(null),cpuset=/,mems_allowed=0-3,8",
		 NB_REPORT_FAILURE, "a b", 4, 0x40cc0, "GFP_KERNEL|__GFP_COMP", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct nb_reports r;

		assert_int_equal(nb_reports_parse(c[i].line, strlen(c[i].line), &r, NULL), 0);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.v[0].kind, c[i].kind);
		assert_string_equal(r.v[0].comm, c[i].comm);
		assert_int_equal(r.v[0].order, c[i].order);
		assert_int_equal(r.v[0].gfp_raw, c[i].gfp);
		assert_string_equal(r.v[0].gfp_names, c[i].names);
		assert_int_equal(r.v[0].has_nodemask, c[i].nodemask);
		assert_int_equal(r.v[0].has_mems, c[i].mems);
		if (c[i].mems && c[i].order == 4)
			assert_true(r.v[0].mems_allowed.bits[0] == 0x10f);
		nb_reports_release(&r);
	}
}

static void parts(void **state)
{
	struct nb_reports r;
	size_t len;
	char *text = sample("k61-atomic-burst.log", &len);
	const struct nb_report_zone *z;

	(void)state;
	assert_int_equal(nb_reports_parse(text, len, &r, NULL), 0);
	assert_string_equal(r.v[0].release, "6.1.0-18-amd64");
	assert_int_equal(r.v[0].cpu, 5);
	assert_int_equal(r.v[0].page_kib, 4);
	z = nb_report_zone(&r.v[0], 0, NB_ZONE_NORMAL);
	assert_non_null(z);
	assert_int_equal(z->boost, 4096);
	assert_int_equal(z->min, 59232);
	assert_int_equal(z->reserved_highatomic, 4096);
	assert_int_equal(z->nr_orders, 11);
	assert_int_equal(z->nr_free[0], 1201);
	z = nb_report_zone(&r.v[0], 0, NB_ZONE_DMA32);
	assert_int_equal(z->reserve_pages[2], 12953);
	assert_int_equal(r.v[0].file_pages, 1200120 + 2100210);
	nb_reports_release(&r);
	free(text);

	text = sample("k49-i386-lowmem.log", &len);
	assert_int_equal(nb_reports_parse(text, len, &r, NULL), 0);
	assert_int_equal(r.v[0].nr_tasks, 2);
	assert_string_equal(r.v[0].tasks[0].name, "rsync");
	assert_int_equal(r.v[0].tasks[0].rss_pages, 9117);
	assert_true(r.v[0].killed);
	assert_int_equal(r.v[0].killed_anon, 33012);
	nb_reports_release(&r);
	free(text);
}

/* The rebuilt machine has the report's zones, marks, reserves and free blocks. */
static void rebuilt(void **state)
{
	static const char *const logs[] = {"k310-order2-atomic.log", "k49-i386-lowmem.log",
					   "k515-cpuset.log",        "k54-dma32.log",
					   "k61-atomic-burst.log",   "k68-thp.log"};

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		size_t len;
		char *text = sample(logs[i], &len);
		struct nb_error err = {0};
		struct nb_reports r;
		struct nb_rebuilt b;

		assert_int_equal(nb_reports_parse(text, len, &r, NULL), 0);
		assert_int_equal(nb_report_rebuild(&r.v[0], NULL, NULL, &b, &err), 0);
		for (unsigned k = 0; k < r.v[0].nr_zones; k++) {
			const struct nb_report_zone *t = &r.v[0].zones[k];
			struct nb_zone_info z;

			assert_int_equal(
				nb_zone_info(b.sys, t->nid, (enum nb_zone_type)t->type, &z), 0);
			assert_int_equal(z.managed_pages, t->managed / 4);
			assert_int_equal(z.wmark_pages[NB_WMARK_MIN], t->min / 4);
			assert_int_equal(z.wmark_pages[NB_WMARK_HIGH], t->high / 4);
			/* the DMA zone of 3.10 is free to the last page, holes and all */
			assert_in_range(z.free_pages, t->free / 4 - (i == 0 ? 256 : 0),
					t->free / 4);
		}
		assert_int_equal(nb_system_check(b.sys, &err), 0);
		nb_rebuilt_release(&b);
		nb_reports_release(&r);
		free(text);
	}
}

/* Cut at every byte: nothing breaks, and what is there is told. */
static void truncated(void **state)
{
	size_t len;
	char *text = sample("k515-cpuset.log", &len);

	(void)state;
	for (size_t n = 0; n < len; n += 307) {
		struct nb_reports r;
		struct nb_sheet s;

		if (nb_reports_parse(text, n, &r, NULL))
			continue;
		nb_sheet_init(&s, "report", false);
		nb_report_explain(&r.v[0], NULL, &s);
		assert_true(s.text.len > 0);
		nb_sheet_release(&s);
		nb_reports_release(&r);
	}
	free(text);
}

static void several(void **state)
{
	static const char log[] = "a invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0\n"
				  "Killed process 5 (b) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n"
				  "something else\n"
				  "c: page allocation failure: order:1, mode:0x20\n";
	struct nb_error err = {0};
	struct nb_reports r;

	(void)state;
	assert_int_equal(nb_reports_parse(log, sizeof(log) - 1, &r, NULL), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.v[0].line, 1);
	assert_int_equal(r.v[0].killed_pid, 5);
	assert_int_equal(r.v[1].line, 4);
	assert_false(r.v[1].killed);
	nb_reports_release(&r);
	assert_int_equal(nb_reports_parse("nothing\n", 8, &r, &err), -NB_ENOENT);
	assert_non_null(strstr(err.text, "found no report"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),  cmocka_unit_test(first_lines),
		cmocka_unit_test(parts),     cmocka_unit_test(rebuilt),
		cmocka_unit_test(truncated), cmocka_unit_test(several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
