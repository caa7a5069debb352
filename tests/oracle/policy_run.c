/* policy_run.c -- what a case is compared by, and the processes that play it. See policy.h. */
#include "policy.h"
#include "view/numa_maps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOMEWHERE UINT64_C(0x7ffff0000000)
#define LOWER UINT64_C(0x7f0000000000)  /* for what would reach past the end */
#define NEARBY UINT64_C(0x7fffec000000) /* under the same upper tables */

unsigned policy_compared, policy_different, policy_left_out, policy_waiting;

/* ---- JSON ---- */

const char *str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int64_t num(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

struct nb_nodemask mask_of(uint64_t bits)
{
	struct nb_nodemask m = {{bits}};

	return m;
}

int mode_by_name(const char *name)
{
	static const char *const names[] = {
		"default",        "preferred",          "bind", "interleave", "local",
		"preferred_many", "weighted_interleave"};

	for (int i = 0; i < NB_MPOL_MAX; i++) {
		if (!strcmp(name, names[i]))
			return i;
	}
	return NB_MPOL_MAX;
}

/* ---- comparisons ---- */

static bool count(struct run *r, bool same)
{
	if (r->quiet) {
		r->trial_compared++;
		r->trial_different += !same;
		return false;
	}
	policy_compared++;
	policy_different += !same;
	return !same;
}

void equal(struct run *r, const char *what, int64_t ours, int64_t theirs)
{
	if (count(r, ours == theirs))
		print_error("%s: %s: %s is %" PRId64 ", the kernel says %" PRId64 "\n", r->name,
			    r->case_name, what, ours, theirs);
}

void equal_text(struct run *r, const char *what, const char *ours, const char *theirs)
{
	if (count(r, !strcmp(ours, theirs)))
		print_error("%s: %s: %s is \"%s\", the kernel says \"%s\"\n", r->name, r->case_name,
			    what, ours, theirs);
}

void equal_ret(struct run *r, json_t *o, const char *key, int ours)
{
	json_t *ret = json_object_get(o, key);
	char what[64];

	if (!ret)
		return;
	snprintf(what, sizeof(what), "%s's result", key);
	equal(r, what, ours < 0 ? -1 : ours, num(ret, "ret"));
	snprintf(what, sizeof(what), "%s's errno", key);
	equal(r, what, ours < 0 ? -ours : 0, num(ret, "errno"));
}

void equal_policy(struct run *r, struct nb_task *t, uint64_t addr, json_t *o, const char *key)
{
	uint64_t mask[16] = {0};
	struct nb_user words = {mask, sizeof(mask), false};
	int mode = -1, err;
	struct nb_user word = {&mode, sizeof(mode), false};
	json_t *get = json_object_get(o, key);

	if (!get)
		return;
	err = nb_sys_get_mempolicy(t, word, words, 1024, addr, addr ? NB_MPOL_F_ADDR : 0);
	equal_ret(r, o, key, err);
	equal(r, "get_mempolicy's mode", mode, num(get, "mode"));
	equal(r, "get_mempolicy's mask", (int64_t)mask[0],
	      (int64_t)strtoull(str(get, "mask"), NULL, 16));
}

static void equal_runs(struct run *r, const int *status, uint64_t n, json_t *where)
{
	json_t *runs = json_object_get(where, "runs"), *one;
	uint64_t at = 0;
	size_t i;

	json_array_foreach(runs, i, one)
	{
		int64_t node = json_integer_value(json_array_get(one, 0));
		int64_t pages = json_integer_value(json_array_get(one, 1));

		for (; pages && at < n; pages--, at++)
			equal(r, "node of a page", status[at], node);
	}
}

void equal_where(struct run *r, struct nb_task *t, uint64_t addr, uint64_t n, uint64_t step,
		 json_t *where)
{
	uint64_t *pages = calloc(n + 1, sizeof(*pages));
	int *status = calloc(n + 1, sizeof(*status));
	int64_t by_node[MAX_RUN_NODES] = {0}, missing = 0, runs = n != 0;

	for (uint64_t i = 0; i < n; i++)
		pages[i] = addr + i * step;
	equal(r, "move_pages' result", nb_move_pages(t, t, n, pages, NULL, status, 0),
	      num(where, "query_ret"));
	for (uint64_t i = 0; i < n; i++) {
		if (status[i] >= 0)
			by_node[status[i]]++;
		else
			missing++;
		runs += i && status[i] != status[i - 1];
	}
	for (int nid = 0; nid < MAX_RUN_NODES; nid++) {
		char key[8];

		snprintf(key, sizeof(key), "%d", nid);
		if (by_node[nid] || json_object_get(json_object_get(where, "per_node"), key))
			equal(r, "pages of a node", by_node[nid],
			      num(json_object_get(where, "per_node"), key));
	}
	equal(r, "absent pages", missing, num(where, "not_present"));
	equal(r, "number of runs", runs, num(where, "nruns"));
	equal_runs(r, status, n, where);
	free(pages);
	free(status);
}

void equal_pages(struct run *r, struct nb_task *t, uint64_t addr, uint64_t n, json_t *o,
		 const char *key)
{
	json_t *where = json_object_get(o, key);

	if (where)
		equal_where(r, t, addr, n, PAGE, where);
}

/* Without "active=N", which depends on the kernel's own lists. */
static void without_active(const char *line, char *out, size_t size)
{
	const char *active = strstr(line, " active=");

	if (!active) {
		snprintf(out, size, "%s", line);
		return;
	}
	snprintf(out, size, "%.*s%s", (int)(active - line), line,
		 active + 1 + strcspn(active + 1, " "));
}

void equal_maps(struct run *r, struct nb_task *t, uint64_t addr, json_t *o, const char *key)
{
	char ours[1024] = "", theirs[1024], start[32], *line;
	struct nb_numa_maps m = {0};
	struct nb_text out = {0};
	const char *text;

	if (!json_object_get(o, key))
		return;
	without_active(str(o, key), theirs, sizeof(theirs));
	nb_numa_maps_from_task(r->sys, t, &m);
	nb_numa_maps_print(&m, &out);
	text = nb_text_str(&out);
	snprintf(start, sizeof(start), "%" PRIx64 " ", addr);
	line = strstr(text, start);
	if (line && (line == text || line[-1] == '\n')) {
		char *end = strchr(line, '\n');

		line += strlen(start);
		*(end ? end : line + strlen(line)) = '\0';
		without_active(line, ours, sizeof(ours));
	}
	equal_text(r, "numa_maps", ours, theirs);
	nb_text_release(&out);
	nb_numa_maps_release(&m);
}

/* ---- processes ---- */

struct nb_task *child_on(struct run *r, int node)
{
	struct nb_cpumask one = {{0}};
	uint64_t addr = NEARBY, got;
	struct nb_task *t;
	int cpu = r->cpu_of[node];

	assert_int_equal(nb_task_create(r->sys, cpu, "poltest", &t), 0);
	one.bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
	assert_int_equal(nb_sched_setaffinity(t, &one), 0);
	assert_int_equal(nb_mmap(t, addr, PAGE, 3, NB_MAP_FIXED, &addr), 0);
	assert_int_equal(nb_touch(t, addr, PAGE, true, &got), 0);
	return t;
}

void child_end(struct nb_task *t)
{
	nb_task_exit(t);
	nb_task_put(t);
}

uint64_t mk(struct run *r, struct nb_task *t, uint64_t n, json_t *o, const char *key)
{
	json_t *where = key ? json_object_get(o, key) : o;
	uint64_t addr = strtoull(str(where, "addr"), NULL, 16);

	if (!addr)
		addr = (n > 8192 ? LOWER : SOMEWHERE) + r->phase * HUGE;
	assert_int_equal(nb_mmap(t, addr, n * PAGE, 3, NB_MAP_FIXED | NB_MAP_NORESERVE, &addr), 0);
	return addr;
}

void touch(struct nb_task *t, uint64_t addr, uint64_t pages)
{
	uint64_t got;

	assert_int_equal(nb_touch(t, addr, pages * PAGE, true, &got), 0);
}
