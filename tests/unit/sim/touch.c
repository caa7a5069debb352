/* touch.c -- tests of src/sim/{touch,touch_policy,report,report_json,sim}.c: numactl's words, where
 * pages land under each policy, and what is reported.
 */
#include "simtest.h"

#include "base/mask.h"
#include "sim/touch.h"

static struct nb_nodemask set(const char *list)
{
	struct nb_nodemask m = {0};

	assert_int_equal(nb_bits_parse_list(list, strlen(list), m.bits, NB_MAX_NODES), 0);
	return m;
}

/* ---- words ---- */

static void numactl_policies(void **state)
{
	static const struct {
		struct nb_numactl_options o;
		int mode;
		uint64_t nodes;
	} cases[] = {
		{{0}, NB_MPOL_DEFAULT, 0},
		{{.membind = "1"}, NB_MPOL_BIND, 2},
		{{.interleave = "all"}, NB_MPOL_INTERLEAVE, 7},
		{{.weighted_interleave = "0-1"}, NB_MPOL_WEIGHTED_INTERLEAVE, 3},
		{{.preferred = "2"}, NB_MPOL_PREFERRED, 4},
		{{.preferred_many = "!0"}, NB_MPOL_PREFERRED_MANY, 6},
		{{.localalloc = true}, NB_MPOL_LOCAL, 0},
	};
	static const struct nb_numactl_options bad[] = {
		{.membind = "3"},
		{.membind = ""},
		{.preferred = "0-1"},
		{.membind = "0", .interleave = "0"},
		{.membind = "0", .localalloc = true},
		{.interleave = "same"},
	};
	struct nb_nodemask memory = set("0-2");
	struct nb_touch_policy p;
	struct nb_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(nb_touch_policy_numactl(&cases[i].o, &memory, &p, &err), 0);
		assert_int_equal(p.mode, cases[i].mode);
		assert_int_equal(p.nodes.bits[0], cases[i].nodes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = (struct nb_error){0};
		assert_int_equal(nb_touch_policy_numactl(&bad[i], &memory, &p, &err), -NB_EINVAL);
		assert_true(err.text[0]);
	}
}

static void policy_lists(void **state)
{
	static const char *const bad[] = {"",         "default,", "bnd=1",     "bind",
					  "bind=",    "bind=9",   "default=1", "preferred=0,1",
					  "bind=0,x", ",default"};
	struct nb_nodemask memory = set("0-3");
	struct nb_touch_policy *p;
	struct nb_error err = {0};
	unsigned n;

	(void)state;
	assert_int_equal(nb_touch_policy_list("default,bind=0,2,preferred=1,local,interleave=all",
					      &memory, &p, &n, &err),
			 0);
	assert_int_equal(n, 5);
	assert_string_equal(p[0].label, "default");
	assert_string_equal(p[1].label, "bind=0,2");
	assert_int_equal(p[1].mode, NB_MPOL_BIND);
	assert_int_equal(p[1].nodes.bits[0], 5);
	assert_int_equal(p[2].mode, NB_MPOL_PREFERRED);
	assert_int_equal(p[3].mode, NB_MPOL_LOCAL);
	assert_int_equal(p[4].nodes.bits[0], 15);
	free(p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = (struct nb_error){0};
		if (nb_touch_policy_list(bad[i], &memory, &p, &n, &err) != -NB_EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(err.text[0]);
	}
}

static void cpus(void **state)
{
	struct nb_numactl_options o = {.cpunodebind = "1"};
	struct nb_error err = {0};
	struct nb_cpumask got;
	struct simtest t;
	bool given;

	(void)state;
	simtest_open(&t, "2x256M:4+256M:0");
	assert_int_equal(nb_touch_cpus(&o, &t.sim.cost, &got, &given, &err), 0);
	assert_int_equal(got.bits[0], 0xf0);
	assert_true(given);
	o.physcpubind = "+1"; /* the second of these nodes' CPUs */
	assert_int_equal(nb_touch_cpus(&o, &t.sim.cost, &got, &given, &err), 0);
	assert_int_equal(got.bits[0], 0x20);
	o.physcpubind = "0"; /* not on that node */
	assert_int_equal(nb_touch_cpus(&o, &t.sim.cost, &got, &given, &err), -NB_EINVAL);
	o = (struct nb_numactl_options){.cpunodebind = "2"}; /* no CPUs there */
	err = (struct nb_error){0};
	assert_int_equal(nb_touch_cpus(&o, &t.sim.cost, &got, &given, &err), -NB_EINVAL);
	assert_non_null(strstr(err.text, "nodes with CPUs: 0-1"));
	o = (struct nb_numactl_options){0};
	assert_int_equal(nb_touch_cpus(&o, &t.sim.cost, &got, &given, &err), 0);
	assert_int_equal(got.bits[0], 0xff);
	assert_false(given);
	simtest_close(&t);
}

/* ---- runs ---- */

static int run(const char *spec, struct nb_sim_options *opt, struct nb_text *out,
	       struct nb_error *err)
{
	struct nb_port port;
	struct nb_machine *m = simtest_machine(&port, spec);
	int status;

	opt->machine = m;
	*err = (struct nb_error){0};
	nb_text_clear(out);
	status = nb_sim_run(opt, out, err);
	nb_machine_free(m);
	return status;
}

static json_t *parse(const struct nb_text *out)
{
	json_error_t e;
	json_t *j = json_loads(nb_text_str(out), 0, &e);

	if (!j)
		fail_msg("no JSON: %s", e.text);
	return j;
}

static long long number(json_t *j, const char *a, const char *b, const char *c)
{
	j = json_object_get(j, a);
	j = b ? json_object_get(j, b) : j;
	j = c ? json_object_get(j, c) : j;
	assert_true(json_is_integer(j));
	return json_integer_value(j);
}

/* The contract's JSON, on the call of the contract in small. */
static void json(void **state)
{
	static const char *const sizes[] = {"100M", "28M"};
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err;
	json_t *j, *task;

	(void)state;
	nb_sim_options_init(&opt);
	opt.json = true;
	opt.sizes = sizes;
	opt.nr_sizes = 2;
	opt.numactl = (struct nb_numactl_options){.cpunodebind = "0", .membind = "1"};
	assert_int_equal(run("2x256M,dist=21", &opt, &out, &err), 0);
	j = parse(&out);
	assert_int_equal(json_array_size(json_object_get(j, "tasks")), 1);
	task = json_array_get(json_object_get(j, "tasks"), 0);
	assert_int_equal(number(task, "pages_by_node", "0", NULL), 0);
	assert_int_equal(number(task, "pages_by_node", "1", NULL), 32768);
	assert_int_equal(number(task, "pages_by_zone", "1", "DMA32"), 32768);
	assert_true(json_real_value(json_object_get(task, "latency_ns")) == 168.0);
	assert_true(number(j, "numastat", "1", "numa_hit") >= 32768);
	assert_int_equal(number(j, "numastat", "1", "local_node"), 0);
	assert_int_equal(number(j, "numastat", "0", "numa_hit"), 0);
	assert_true(number(j, "events", "mm_page_alloc", NULL) >= 32768);
	assert_int_equal(number(j, "events", "mark_victim", NULL), 0);
	assert_int_equal(number(j, "expectations", "held", NULL), 0);
	assert_int_equal(number(j, "expectations", "failed", NULL), 0);
	json_decref(j);
	nb_text_release(&out);
}

/* Expect BIND to end in out of memory while the other node is empty; status 1. */
static void bind_out_of_memory(void **state)
{
	static const char *const sizes[] = {"300M"};
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err;
	json_t *j, *task;

	(void)state;
	nb_sim_options_init(&opt);
	opt.sizes = sizes;
	opt.nr_sizes = 1;
	opt.numactl.membind = "1";
	assert_int_equal(run("2x256M", &opt, &out, &err), 1);
	assert_non_null(strstr(nb_text_str(&out), "OUT OF MEMORY after "));
	assert_non_null(strstr(nb_text_str(&out), "Fallback order for Node 0: 0 1\n"));
	assert_non_null(strstr(nb_text_str(&out), "woke: kswapd"));
	opt.json = true;
	assert_int_equal(run("2x256M", &opt, &out, &err), 1);
	j = parse(&out);
	assert_true(json_is_true(json_object_get(j, "out_of_memory")));
	task = json_array_get(json_object_get(j, "tasks"), 0);
	assert_int_equal(number(task, "pages_by_node", "0", NULL), 0);
	assert_true(number(task, "pages_by_node", "1", NULL) > 55000);
	json_decref(j);
	nb_text_release(&out);
}

/* The demo's table: four policies, each on a machine of its own. */
static void comparison(void **state)
{
	static const char *const sizes[] = {"64M"};
	static const double latency[] = {80.0, 168.0, 168.0, 124.0};
	static const long long pages[][2] = {{16384, 0}, {0, 16384}, {0, 16384}, {8192, 8192}};
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err;
	json_t *j, *a;

	(void)state;
	nb_sim_options_init(&opt);
	opt.sizes = sizes;
	opt.nr_sizes = 1;
	opt.policies = "default,bind=1,preferred=1,interleave=all";
	opt.json = true;
	assert_int_equal(run("2x256M,dist=21", &opt, &out, &err), 0);
	j = parse(&out);
	a = json_object_get(j, "policies");
	assert_int_equal(json_array_size(a), 4);
	for (size_t i = 0; i < 4; i++) {
		json_t *t = json_array_get(json_object_get(json_array_get(a, i), "tasks"), 0);

		assert_int_equal(number(t, "pages_by_node", "0", NULL), pages[i][0]);
		assert_int_equal(number(t, "pages_by_node", "1", NULL), pages[i][1]);
		assert_true(json_real_value(json_object_get(t, "latency_ns")) == latency[i]);
	}
	json_decref(j);
	opt.json = false;
	assert_int_equal(run("2x256M,dist=21", &opt, &out, &err), 0);
	assert_non_null(strstr(nb_text_str(&out), "node 0 DMA32"));
	assert_non_null(strstr(nb_text_str(&out), "124.0 ns"));
	assert_non_null(strstr(nb_text_str(&out), "1 0"));
	/* many nodes: the zones stand below each other */
	assert_int_equal(run("8x64M:1", &opt, &out, &err), 0);
	assert_non_null(strstr(nb_text_str(&out), "node  zone"));
	nb_text_release(&out);
}

static void refused(void **state)
{
	static const char *const good[] = {"1M"};
	static const char *const bad[] = {"1Q", "0", "", "-1M", "99999999999999999999G", "64E"};
	static const char *const views[] = {"nonsense"};
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err;

	(void)state;
	nb_sim_options_init(&opt);
	assert_int_equal(run("2x64M", &opt, &out, &err), 2); /* no size */
	opt.nr_sizes = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		opt.sizes = &bad[i];
		assert_int_equal(run("2x64M", &opt, &out, &err), 2);
		assert_true(err.text[0]);
	}
	opt.sizes = good;
	opt.numactl.membind = "2";
	assert_int_equal(run("2x64M", &opt, &out, &err), 2);
	assert_non_null(strstr(err.text, "--membind=2: out of range"));
	opt.numactl.membind = NULL;
	opt.views = views;
	opt.nr_views = 1;
	assert_int_equal(run("2x64M", &opt, &out, &err), 2);
	assert_non_null(strstr(err.text, "nonsense"));
	opt.nr_views = 0;
	opt.sysctls = &(struct nb_sysctl_setting){.name = "vm.nothing", .value = "1"};
	opt.nr_sysctls = 1;
	assert_int_equal(run("2x64M", &opt, &out, &err), 2);
	assert_non_null(strstr(err.text, "vm.nothing"));
	assert_int_equal(out.len, 0);
	nb_text_release(&out);
}

static void views_and_sysctls(void **state)
{
	static const char *const sizes[] = {"1M"};
	static const char *const views[] = {"zonelists", "buddyinfo"};
	struct nb_sysctl_setting set_to = {.name = "vm.min_free_kbytes", .value = "9999"};
	struct nb_sim_options opt;
	struct nb_text out = {0};
	struct nb_error err;
	json_t *j;

	(void)state;
	nb_sim_options_init(&opt);
	opt.sizes = sizes;
	opt.nr_sizes = 1;
	opt.views = views;
	opt.nr_views = 2;
	opt.sysctls = &set_to;
	opt.nr_sysctls = 1;
	assert_int_equal(run("2x64M", &opt, &out, &err), 0);
	assert_non_null(strstr(nb_text_str(&out), "Policy zone: "));
	assert_non_null(strstr(nb_text_str(&out), "Node 1, zone"));
	opt.json = true;
	assert_int_equal(run("2x64M", &opt, &out, &err), 0);
	j = parse(&out);
	assert_true(json_is_object(json_object_get(json_object_get(j, "views"), "zonelists")));
	json_decref(j);
	nb_text_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numactl_policies),
		cmocka_unit_test(policy_lists),
		cmocka_unit_test(cpus),
		cmocka_unit_test(json),
		cmocka_unit_test(bind_out_of_memory),
		cmocka_unit_test(comparison),
		cmocka_unit_test(refused),
		cmocka_unit_test(views_and_sysctls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
