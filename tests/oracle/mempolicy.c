/* mempolicy.c -- where real kernels put the pages of a task, policy by policy, and what they
 * refuse.
 *
 * Each recorded run is booted from its own numactl --hardware and zoneinfo; then every case is
 * played by the same calls. Compared: errno, the node of each page that was recorded, pages per
 * node, what get_mempolicy says. Left out, by rule: interleaving whose phase depends on an address
 * that the recording does not hold (the sum of weights does not divide a huge page); pages that a
 * random walk never met; calls that test the kernel's own reading of user memory and of maxnode,
 * which this interface has not; system calls of later issues.
 */
#include "snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define HUGE_PAGES 512u
#define SOMEWHERE UINT64_C(0x7ffff7a00000)
enum { DESCENDING = 2, READ_ONLY = 4, RANDOM = 16, HALFWAY = 64, ODD_START = 256 };

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	unsigned nr_nodes;
	char where[512];
	unsigned weights; /* sum of those in force, over the mask at hand */
	uint8_t weight[64];
};

static unsigned compared, different, left_out;

static void equal(const struct run *r, const char *name, const char *what, int64_t ours,
		  int64_t theirs)
{
	compared++;
	if (ours == theirs)
		return;
	different++;
	print_error("%s: %s: %s is %" PRId64 ", the kernel says %" PRId64 "\n", r->where, name,
		    what, ours, theirs);
}

static void add_zones(struct run *r, const char *dir)
{
	static struct snap_zone zone[SNAP_MAX_ZONES];
	char *text = snap_read(dir, "before/proc/zoneinfo");
	unsigned n;

	assert_non_null(text);
	memset(zone, 0, sizeof(zone));
	n = snap_zoneinfo(text, zone, SNAP_MAX_ZONES);
	for (unsigned i = 0; i < n; i++) {
		struct nb_mem_range range = {
			.start = zone[i].start_pfn * PAGE,
			.end = (zone[i].start_pfn + zone[i].present) * PAGE,
			.nid = zone[i].nid,
		};
		struct nb_zone_fact fact = {
			.nid = zone[i].nid,
			.type = zone[i].type,
			.managed_pages = zone[i].managed,
			.managed_at_init_pages = NB_UNKNOWN,
			.cma_pages = NB_UNKNOWN,
		};

		if (!zone[i].present)
			continue;
		assert_int_equal(nb_machine_add_range(r->machine, &range), 0);
		assert_int_equal(nb_machine_add_zone_fact(r->machine, &fact), 0);
	}
	free(text);
}

static void add_nodes(struct run *r, const char *text)
{
	uint8_t distance[64 * 64];
	unsigned n = 0, rows = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		int nid, used = 0;
		char *p;

		if (sscanf(line, "node %d cpus:%n", &nid, &used) == 1 && used) {
			struct nb_node node = {.id = nid, .online = true};

			assert_int_equal(nb_machine_add_node(r->machine, &node), 0);
			n++;
			for (p = (char *)line + used; *p == ' ' && p[1] != '\n';) {
				struct nb_cpu cpu = {.id = (int)strtol(p, &p, 10),
						     .nid = nid,
						     .online = true,
						     .package = -1,
						     .die = -1,
						     .cluster = -1,
						     .core = -1,
						     .llc = -1};

				assert_int_equal(nb_machine_add_cpu(r->machine, &cpu), 0);
			}
		} else if (sscanf(line, " %d:%n", &nid, &used) == 1 && used) {
			p = (char *)line + used;
			for (unsigned i = 0; i < n; i++)
				distance[rows * n + i] = (uint8_t)strtoul(p, &p, 10);
			rows++;
		}
	}
	assert_int_equal(n, rows);
	r->nr_nodes = n;
	assert_int_equal(nb_machine_set_distances(r->machine, distance, n), 0);
}

static void run_boot(struct run *r, const char *dir)
{
	char *text = snap_read(dir, "numactl--hardware"), *json = snap_read(dir, "machine.json");
	struct nb_error err = {0};

	assert_non_null(text);
	assert_non_null(json);
	snprintf(r->where, sizeof(r->where), "%s", strrchr(dir, '/') + 1);
	nb_port_posix(&r->port, false);
	r->machine = nb_machine_new(&r->port);
	r->machine->profile = nb_kernel_by_key(strstr(json, "\"6.1\"") ? "6.1" : "6.12");
	add_nodes(r, text);
	add_zones(r, dir);
	if (nb_machine_seal(r->machine, &err) ||
	    nb_system_boot(&r->port, r->machine, NULL, &r->sys, &err))
		fail_msg("%s: %s", dir, err.text);
	memset(r->weight, 1, sizeof(r->weight));
	free(text);
	free(json);
}

static void run_end(struct run *r)
{
	nb_system_shutdown(r->sys);
	nb_machine_free(r->machine);
}

static const char *str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int64_t num(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static struct nb_nodemask mask_of(uint64_t bits)
{
	struct nb_nodemask m = {{bits}};

	return m;
}

static int mode_by_name(const char *name)
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

/* "wilv-…-weights-3,1,2" set weights for this case and the next; "…-reset" and others know 1. */
static void set_weights(struct run *r, const char *name, uint64_t mask)
{
	const char *list = strstr(name, "weights-");
	bool listed = list && list[8] >= '0' && list[8] <= '9';
	char *p = (char *)(list ? list + 8 : "");

	for (unsigned i = 0; i < r->nr_nodes; i++) {
		if (listed)
			r->weight[i] = (uint8_t)strtoul(p, &p, 10);
		else if (!list || strstr(name, "reset"))
			r->weight[i] = 1;
		p += *p == ',';
		assert_int_equal(nb_set_interleave_weight(r->sys, (int)i, r->weight[i]), 0);
	}
	r->weights = 0;
	for (unsigned i = 0; i < r->nr_nodes; i++)
		r->weights += mask >> i & 1 ? r->weight[i] : 0;
}

static int apply_policy(struct run *r, struct nb_task *t, json_t *o, uint64_t addr)
{
	int mode = mode_by_name(str(o, "mode")) | (int)num(o, "flags");
	struct nb_nodemask m = mask_of(strtoull(str(o, "mask"), NULL, 16));
	int err = 0;

	if (!strcmp(str(o, "how"), "set_mempolicy"))
		err = nb_set_mempolicy(t, mode, &m);
	else if (!strcmp(str(o, "how"), "mbind"))
		err = nb_mbind(t, addr, (uint64_t)num(o, "pages") * PAGE, mode, &m, 0);
	equal(r, str(o, "case"), "errno", -err, num(o, "errno"));
	if (json_object_get(o, "home"))
		equal(r, str(o, "case"), "home node's errno",
		      -nb_set_mempolicy_home_node(t, addr, (uint64_t)num(o, "pages") * PAGE,
						  (int)num(o, "home"), 0),
		      num(o, "home_errno"));
	return err;
}

static void touch_case(struct nb_task *t, json_t *o, uint64_t addr, uint64_t first, uint64_t last)
{
	uint64_t opts = (uint64_t)num(o, "opts"), got;

	for (uint64_t i = first; i < last; i++) {
		uint64_t page = opts & DESCENDING ? last - 1 - (i - first) : i;

		assert_int_equal(nb_touch(t, addr + page * PAGE, 1, !(opts & READ_ONLY), &got), 0);
		assert_int_equal(got, 1);
	}
}

static void compare_places(struct run *r, struct nb_task *t, json_t *o, uint64_t addr)
{
	uint64_t pages = (uint64_t)num(o, "pages"), page = 0;
	json_t *runs = json_object_get(o, "runs"), *run;
	const char *key;
	json_t *value;
	size_t i;

	if (num(o, "opts") & READ_ONLY) {
		equal(r, str(o, "case"), "resident pages", (int64_t)nb_task_rss_pages(t), 0);
		return;
	}
	json_array_foreach(runs, i, run)
	{
		int64_t node = json_integer_value(json_array_get(run, 0));

		for (int64_t k = 0; k < json_integer_value(json_array_get(run, 1)) && page < pages;
		     k++, page++) {
			if (node >= 0 || !(num(o, "opts") & RANDOM))
				equal(r, str(o, "case"), "node of a page",
				      nb_task_node(t, addr + page * PAGE), node);
		}
	}
	if (num(o, "opts") & RANDOM) /* some pages were met twice, others never */
		return;
	json_object_foreach(json_object_get(o, "per_node"), key, value)
		equal(r, str(o, "case"), "pages of a node",
		      (int64_t)nb_task_node_pages(t, atoi(key)), json_integer_value(value));
	equal(r, str(o, "case"), "resident pages", (int64_t)nb_task_rss_pages(t), (int64_t)pages);
}

static void compare_get(struct run *r, const char *name, json_t *get, int err, int mode,
			const struct nb_nodemask *nodes)
{
	equal(r, name, "get_mempolicy's errno", -err, num(get, "errno"));
	if (err || num(get, "errno"))
		return;
	equal(r, name, "get_mempolicy's mode", mode, num(get, "mode"));
	equal(r, name, "get_mempolicy's mask", (int64_t)nodes->bits[0],
	      (int64_t)strtoull(str(get, "mask"), NULL, 16));
}

static void play_alloc(struct run *r, json_t *o)
{
	uint64_t pages = (uint64_t)num(o, "pages"), opts = (uint64_t)num(o, "opts");
	uint64_t addr = strtoull(str(o, "addr"), NULL, 16);
	bool interleaves = strstr(str(o, "mode"), "interleave") != NULL;
	struct nb_nodemask nodes;
	struct nb_task *t;
	int mode, err;

	set_weights(r, str(o, "case"), strtoull(str(o, "mask"), NULL, 16));
	if (!pages)
		return;
	if (!addr && interleaves &&
	    (!r->weights || HUGE_PAGES % r->weights ||
	     num(o, "flags") & NB_MPOL_F_RELATIVE_NODES)) {
		left_out++;
		return;
	}
	if (!addr)
		addr = SOMEWHERE + (opts & ODD_START ? 3 * PAGE : 0);
	assert_int_equal(nb_task_create(r->sys, (int)num(o, "cpu"), "case", &t), 0);
	assert_int_equal(
		nb_mmap(t, addr, pages * PAGE, NB_PROT_READ | NB_PROT_WRITE, NB_MAP_FIXED, &addr),
		0);
	if (opts & HALFWAY)
		touch_case(t, o, addr, 0, pages / 2);
	if (!apply_policy(r, t, o, addr)) {
		touch_case(t, o, addr, opts & HALFWAY ? pages / 2 : 0, pages);
		compare_places(r, t, o, addr);
		err = nb_get_mempolicy(t, &mode, &nodes);
		compare_get(r, str(o, "case"), json_object_get(o, "get_mempolicy"), err, mode,
			    &nodes);
		err = nb_get_mempolicy_addr(t, addr, &mode, &nodes);
		compare_get(r, str(o, "case"), json_object_get(o, "get_mempolicy_addr"), err, mode,
			    &nodes);
	}
	nb_task_exit(t);
	nb_task_put(t);
}

/* The words of a recorded call: its arguments, split at commas. */
static unsigned split_call(const char *call, char word[8][64])
{
	const char *p = strchr(call, '(') + 1;
	unsigned n = 0;

	while (*p && n < 8) {
		unsigned depth = 0;
		size_t len = 0;

		for (; *p && (depth || (*p != ',' && *p != ')')); p++) {
			depth += *p == '(';
			depth -= *p == ')';
			if (len < 63)
				word[n][len++] = *p;
		}
		word[n++][len] = '\0';
		if (*p++ != ',')
			break;
	}
	return n;
}

static bool parse_mode(const char *s, int *ret)
{
	static const struct {
		const char *name;
		int value;
	} words[] = {
		{"DEF", 0},
		{"PREF", 1},
		{"BIND", 2},
		{"ILV", 3},
		{"LOCAL", 4},
		{"PMANY", 5},
		{"WILV", 6},
		{"F_STATIC", NB_MPOL_F_STATIC_NODES},
		{"F_RELATIVE", NB_MPOL_F_RELATIVE_NODES},
		{"F_NUMAB", NB_MPOL_F_NUMA_BALANCING},
		{"1<<12", 1 << 12},
	};

	*ret = 0;
	while (*s) {
		size_t len = strcspn(s, "|"), i;

		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strlen(words[i].name) == len && !strncmp(words[i].name, s, len))
				break;
		}
		*ret |= i < sizeof(words) / sizeof(words[0]) ? words[i].value : atoi(s);
		s += len + (s[len] == '|');
	}
	return true;
}

/* Masks by the recorder's names; false for those that test the reading of user memory. */
static bool parse_mask(json_t *setup, const char *mask, const char *maxnode,
		       struct nb_nodemask *ret)
{
	uint64_t bits;

	if (!strcmp(mask, "0") && !strcmp(maxnode, "0")) {
		*ret = mask_of(0);
		return true;
	}
	if (mask[0] != '&' || strcmp(maxnode, "64"))
		return false;
	mask++;
	if (!strcmp(mask, "m0"))
		bits = 1;
	else if (!strcmp(mask, "m1"))
		bits = 2;
	else if (!strcmp(mask, "m01"))
		bits = 3;
	else if (!strcmp(mask, "z"))
		bits = 0;
	else if (!strcmp(mask, "allbits"))
		bits = UINT64_MAX >> 1; /* maxnode 64 leaves 63 bits */
	else if (json_object_get(setup, mask))
		bits = strtoull(str(setup, mask), NULL, 16);
	else
		return false;
	*ret = mask_of(bits);
	return true;
}

static bool parse_addr(const char *s, uint64_t p, uint64_t *ret)
{
	if (!strncmp(s, "(ul)", 4) || !strncmp(s, "(void*)", 7))
		s = strchr(s, ')') + 1;
	if (*s == 'p') {
		*ret = p + (s[1] == '+' ? strtoull(s + 2, NULL, 0) : 0);
		return true;
	}
	*ret = strtoull(s, NULL, 0);
	return *ret != 0;
}

static uint64_t parse_len(const char *s)
{
	uint64_t n = 1;
	bool minus = *s == '-';

	s += minus;
	if (*s != 'P')
		n = strtoull(s, (char **)&s, 0);
	s += *s == '*';
	if (*s == 'P')
		n *= PAGE;
	return minus ? 0 - n : n;
}

static unsigned parse_mf(const char *s)
{
	if (!strcmp(s, "MF_STRICT"))
		return 1;
	if (!strcmp(s, "MF_MOVE"))
		return 2;
	return !strcmp(s, "MF_MOVE_ALL") ? 4 : (unsigned)atoi(s);
}

struct error_state {
	json_t *setup;
	struct nb_task *task;
	uint64_t p;
};

static void play_error(struct run *r, struct error_state *s, json_t *o)
{
	const char *call = str(o, "call");
	struct nb_nodemask m;
	uint64_t addr;
	char w[8][64];
	int mode, err;
	unsigned n;

	if (!strchr(call, '(') || !strcmp(str(o, "name"), "EPERM"))
		return;
	n = split_call(call, w);
	if (!strncmp(call, "set_mp(", 7) && n == 3) {
		if (!parse_mode(w[0], &mode) || !parse_mask(s->setup, w[1], w[2], &m))
			return;
		err = nb_set_mempolicy(s->task, mode, &m);
		equal(r, call, "errno", -err, num(o, "errno"));
		(void)nb_set_mempolicy(s->task, 0, NULL);
	} else if (!strncmp(call, "mbind_(", 7) && n == 6) {
		if (!parse_addr(w[0], s->p, &addr) || !parse_mode(w[2], &mode) ||
		    !parse_mask(s->setup, w[3], w[4], &m))
			return;
		err = nb_mbind(s->task, addr, parse_len(w[1]), mode, &m, parse_mf(w[5]));
		equal(r, call, "errno", -err, num(o, "errno"));
	}
}

static void each_line(struct run *r, const char *dir, const char *file,
		      void (*play)(struct run *, struct error_state *, json_t *))
{
	struct error_state s = {.p = SOMEWHERE};
	char *text = snap_read(dir, file), *save = NULL;
	uint64_t got;

	if (!text)
		return;
	assert_int_equal(nb_task_create(r->sys, r->machine->cpus[0].id, "errors", &s.task), 0);
	assert_int_equal(nb_mmap(s.task, s.p, 16 * PAGE, 3, NB_MAP_FIXED, &s.p), 0);
	assert_int_equal(nb_touch(s.task, s.p, 16 * PAGE, true, &got), 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *o = json_loads(line, 0, NULL);

		if (o && !strcmp(str(o, "case"), "errors-setup"))
			s.setup = json_incref(o);
		else if (o)
			play(r, &s, o);
		json_decref(o);
	}
	json_decref(s.setup);
	nb_task_exit(s.task);
	nb_task_put(s.task);
	free(text);
}

static void alloc_line(struct run *r, struct error_state *s, json_t *o)
{
	(void)s;
	play_alloc(r, o);
}

static void test_every_run(void **state)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[512], dir[800];
	struct dirent *e;
	DIR *d;

	(void)state;
	snprintf(path, sizeof(path), "%s/policy", oracle ? oracle : "");
	d = oracle ? opendir(path) : NULL;
	if (!d)
		skip();
	while ((e = readdir(d))) {
		struct run r;
		char *probe;

		snprintf(dir, sizeof(dir), "%s/%s", path, e->d_name);
		probe = e->d_name[0] == '.' ? NULL : snap_read(dir, "alloc.jsonl");
		if (!probe)
			continue;
		free(probe);
		run_boot(&r, dir);
		each_line(&r, dir, "alloc.jsonl", alloc_line);
		each_line(&r, dir, "errors.jsonl", play_error);
		run_end(&r);
	}
	closedir(d);
	print_message("# %u answers compared, %u different; %u cases left out\n", compared,
		      different, left_out);
	assert_true(compared > 0);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
