/* report_parts.c -- the rest of a failure report: its first line, the kernel's release, the mask
 * and cpuset, the cgroup's limit, the task table, who was killed.
 *
 * Called by report.c. Each function looks for its words and ignores everything else.
 * Source: mm/oom_kill.c, dump_header(), dump_tasks(), __oom_kill_process(); mm/memcontrol.c;
 * mm/page_alloc.c, warn_alloc(); facts 12.9, 12.11.
 */
#include "read/report_line.h"
#include <string.h>

/* "0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO)" or "0x20" */
static void take_gfp(struct nb_report *r, struct nb_cursor *c)
{
	uint64_t raw;

	if (!nb_cur_lit(c, "0x") || !nb_cur_hex(c, &raw) || raw > UINT32_MAX)
		return;
	r->has_gfp = true;
	r->gfp_raw = (uint32_t)raw;
	if (nb_cur_lit(c, "("))
		nb_report_copy(c, ")", r->gfp_names, sizeof(r->gfp_names));
}

static void take_order(struct nb_report *r, struct nb_cursor c, const char *word)
{
	uint64_t order;

	if (nb_report_find(&c, word) && nb_cur_max(&c, 31, &order))
		r->order = (unsigned)order;
}

/* "nodemask=0-1", "nodemask=(null)", "cpuset=/", "mems_allowed=0-1" wherever they stand */
static void take_masks(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;

	if (nb_report_find(&c, "nodemask=") && nb_report_nodes(&c, &r->nodemask))
		r->has_nodemask = true;
	c = line;
	if (nb_report_find(&c, "mems_allowed=") && nb_report_nodes(&c, &r->mems_allowed))
		r->has_mems = true;
	c = line;
	if (nb_report_find(&c, "cpuset="))
		nb_report_copy(&c, ", ", r->cpuset, sizeof(r->cpuset));
}

/* warn_alloc()'s line: "COMM: WHAT, mode:0x..(..)". WHAT is "page allocation failure: order:N",
 * "page allocation stalls for Nms, order:N" (4.10 to 4.14), or vmalloc's own. */
static bool failure(struct nb_report *r, struct nb_cursor line)
{
	static const char *const what[] = {
		"page allocation failure: order:", "page allocation failure. order:",
		"page allocation stalls for ",
		"vmalloc: allocation failure: ", "vmalloc error: size "};
	struct nb_cursor c = line, name = line;
	size_t i = 0;

	while (i < sizeof(what) / sizeof(*what)) {
		c = line;
		if (nb_report_find(&c, what[i]))
			break;
		i++;
	}
	if (i == sizeof(what) / sizeof(*what) || !nb_report_find(&c, "mode:"))
		return false;
	r->kind = NB_REPORT_FAILURE;
	r->stall = i == 2;
	take_gfp(r, &c);
	c = line;
	nb_report_find(&c, what[i]);
	name.end = c.p - strlen(what[i]);
	if (name.end > name.p + 2 && name.end[-2] == ':')
		name.end -= 2;
	nb_report_copy(&name, "", r->comm, sizeof(r->comm));
	take_order(r, line, i < 3 ? "order:" : "page order ");
	return true;
}

bool nb_report_begin(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;

	if (nb_report_find(&c, " invoked oom-killer: gfp_mask=")) {
		struct nb_cursor name = line;

		r->kind = NB_REPORT_OOM;
		name.end = c.p - strlen(" invoked oom-killer: gfp_mask=");
		nb_report_copy(&name, "", r->comm, sizeof(r->comm));
		take_gfp(r, &c);
		take_order(r, line, "order=");
	} else if (nb_cur_lit(&c, "oom-killer: gfp_mask=")) {
		r->kind = NB_REPORT_OOM;
		r->early = true;
		take_gfp(r, &c);
		take_order(r, line, "order=");
	} else if (!failure(r, line)) {
		return false;
	}
	take_masks(r, line);
	return true;
}

/* "CPU: 1 UID: 0 PID: 165 Comm: work Tainted: G  W  6.12.113+deb12-amd64 #1 ...": the word before
 * the build number. */
static void take_release(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;
	const char *end, *begin;
	uint64_t cpu;

	if (r->release[0] || !nb_report_find(&c, " #"))
		return;
	end = c.p - 2;
	for (begin = end; begin > line.p && begin[-1] != ' '; begin--)
		;
	if (begin == end || *begin < '2' || *begin > '9' ||
	    !memchr(begin, '.', (size_t)(end - begin)))
		return;
	c = (struct nb_cursor){begin, end};
	nb_report_copy(&c, "", r->release, sizeof(r->release));
	c = line;
	if (nb_report_find(&c, "CPU: ") && nb_cur_max(&c, NB_MAX_CPUS - 1, &cpu))
		r->cpu = (int)cpu;
}

/* What the task table says of the victim. */
static void find_victim(struct nb_report *r)
{
	for (unsigned i = 0; i < r->nr_tasks; i++) {
		if (r->tasks[i].pid != r->killed_pid)
			continue;
		r->killed_has_adj = true;
		r->killed_adj = r->tasks[i].adj;
		r->killed_rss_pages = r->tasks[i].rss_pages;
	}
}

/* "...,task=java,pid=123,uid=0" names the victim; the line of its kill may be cut off. */
static void take_choice(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;
	uint64_t pid;

	if (r->killed || !nb_report_find(&c, ",task="))
		return;
	nb_report_copy(&c, ",", r->killed_name, sizeof(r->killed_name));
	if (!nb_cur_lit(&c, ",pid=") || !nb_cur_u64(&c, &pid))
		return;
	r->chosen = true;
	r->killed_pid = pid;
	find_victim(r);
}

static void take_constraint(struct nb_report *r, struct nb_cursor line)
{
	static const struct {
		const char *word;
		enum nb_report_constraint c;
	} word[] = {
		{"CONSTRAINT_NONE", NB_CONSTRAINT_NONE},
		{"CONSTRAINT_CPUSET", NB_CONSTRAINT_CPUSET},
		{"CONSTRAINT_MEMORY_POLICY", NB_CONSTRAINT_POLICY},
		{"CONSTRAINT_MEMCG", NB_CONSTRAINT_MEMCG},
	};
	struct nb_cursor c = line;

	if (!nb_report_find(&c, "oom-kill:constraint="))
		return;
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		if (nb_cur_lit(&c, word[i].word))
			r->constraint = word[i].c;
	take_masks(r, line);
	c = line;
	if (nb_report_find(&c, "oom_memcg="))
		nb_report_copy(&c, ",", r->memcg, sizeof(r->memcg));
	take_choice(r, line);
}

/* "memory: usage 524288kB, limit 524288kB, failcnt 117"; before 5.0 also "Task in /a killed as a
 * result of limit of /b". */
static void take_memcg(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;
	uint64_t v;

	if (nb_cur_lit(&c, "memory: usage ") && nb_cur_u64(&c, &v)) {
		r->constraint = NB_CONSTRAINT_MEMCG;
		r->memcg_usage = v;
		if (nb_report_find(&c, "limit ") && nb_cur_u64(&c, &v))
			r->memcg_limit = v;
		if (nb_report_find(&c, "failcnt ") && nb_cur_u64(&c, &v))
			r->memcg_failcnt = v;
		return;
	}
	r->memcg_swap_is_both |= nb_cur_lit(&c, "memory+");
	if (nb_cur_lit(&c, "swap: usage ") && nb_cur_u64(&c, &v)) {
		r->memcg_swap_usage = v;
		if (nb_report_find(&c, "limit ") && nb_cur_u64(&c, &v))
			r->memcg_swap_limit = v;
		return;
	}
	c = line;
	if (nb_report_find(&c, "killed as a result of limit of ")) {
		r->constraint = NB_CONSTRAINT_MEMCG;
		nb_report_copy(&c, " ", r->memcg, sizeof(r->memcg));
		return;
	}
	if (nb_cur_lit(&c, "Memory cgroup out of memory")) {
		r->constraint = NB_CONSTRAINT_MEMCG;
		return;
	}
	if (nb_cur_lit(&c, "Memory cgroup stats for ") && !r->memcg[0])
		nb_report_copy(&c, ":", r->memcg, sizeof(r->memcg));
}

static uint64_t kib_behind(struct nb_cursor c, const char *word)
{
	uint64_t v;

	return nb_report_find(&c, word) && nb_cur_u64(&c, &v) ? v : 0;
}

static bool has_word(struct nb_cursor c, const char *word)
{
	return nb_report_find(&c, word);
}

static void take_killed(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;
	uint64_t pid;

	if (nb_report_find(&c, "no killable processes"))
		r->no_victim = true;
	c = line;
	if (!nb_report_find(&c, "illed process ") || !nb_cur_u64(&c, &pid))
		return;
	r->killed = true;
	r->killed_pid = pid;
	find_victim(r);
	if (nb_report_find(&c, "("))
		nb_report_copy(&c, ")", r->killed_name, sizeof(r->killed_name));
	r->killed_has_rss = has_word(c, "-rss:");
	r->killed_anon = kib_behind(c, "anon-rss:");
	r->killed_file = kib_behind(c, "file-rss:");
	r->killed_shmem = kib_behind(c, "shmem-rss:");
	if (nb_report_find(&c, "oom_score_adj:")) {
		bool minus = nb_cur_lit(&c, "-");
		uint64_t v;

		if (nb_cur_max(&c, 1000, &v)) {
			r->killed_has_adj = true;
			r->killed_adj = minus ? -(int64_t)v : (int64_t)v;
		}
	}
}

/* A row "[    165]     0   165   179510    92291 ...": pid, uid, tgid, total_vm, rss, ...,
 * swapents, oom_score_adj, name. What stands between has changed from version to version. */
static void take_task(struct nb_report *r, struct nb_cursor c)
{
	struct nb_report_task t = {0};
	uint64_t v, column = 0, last = 0;
	unsigned at;

	if (!nb_cur_lit(&c, "["))
		return;
	nb_cur_blanks(&c);
	if (!nb_cur_u64(&c, &t.pid) || !nb_cur_lit(&c, "]"))
		return;
	while (nb_cur_blanks(&c)) {
		struct nb_cursor before = c;
		bool minus = nb_cur_lit(&c, "-");

		if (!nb_cur_u64(&c, &v) || (!nb_cur_end(&c) && *c.p != ' ')) {
			c = before;
			break;
		}
		if (++column == 4)
			t.rss_pages = v;
		t.swap_pages = last;
		last = v;
		t.adj = v > 1000 ? 0 : minus ? -(int64_t)v : (int64_t)v;
	}
	if (column < 6 || t.rss_pages > UINT64_C(1) << 40)
		return;
	nb_report_copy(&c, "", t.name, sizeof(t.name));
	r->all_tasks++;
	r->all_rss_pages += t.rss_pages;
	at = r->nr_tasks;
	while (at && r->tasks[at - 1].rss_pages < t.rss_pages)
		at--;
	if (at == NB_REPORT_TASKS)
		return;
	if (r->nr_tasks < NB_REPORT_TASKS)
		r->nr_tasks++;
	memmove(&r->tasks[at + 1], &r->tasks[at], (r->nr_tasks - at - 1) * sizeof(t));
	r->tasks[at] = t;
}

void nb_report_take(struct nb_report *r, struct nb_cursor line)
{
	struct nb_cursor c = line;

	take_release(r, line);
	take_constraint(r, line);
	take_memcg(r, line);
	take_killed(r, line);
	take_task(r, line);
	/* "work cpuset=/ mems_allowed=0-1": a line of its own up to 4.19 */
	if (!r->has_mems && nb_report_find(&c, "cpuset="))
		take_masks(r, line);
}
