/* view.c -- tests of src/view/view.c, view_forms.c, observed.c and json.c. */
#include "form.h"

#include "box.h"
#include "view/observed.h"
#include "view/view.h"

/* Expect every view as text and as a JSON object, in every profile and architecture. */
static void test_all_views(void **state)
{
	static const struct {
		const char *kernel;
		enum nb_arch arch;
	} where[] = {
		{"6.12", NB_ARCH_X86_64},   {"6.1", NB_ARCH_X86_64},   {"6.18", NB_ARCH_X86_64},
		{"2.6.24", NB_ARCH_X86_64}, {"2.6.7", NB_ARCH_X86_64}, {"6.1", NB_ARCH_I386PAE},
		{"6.8", NB_ARCH_X86_64},    {"6.6", NB_ARCH_X86_64},   {"5.15", NB_ARCH_X86_64},
		{"5.10", NB_ARCH_ARM64},    {"5.4", NB_ARCH_X86_64},   {"4.19", NB_ARCH_I386PAE},
		{"4.18", NB_ARCH_X86_64},   {"3.10", NB_ARCH_I386},    {"6.12", NB_ARCH_ARM64},
		{"6.12", NB_ARCH_OTHER}};

	(void)state;
	for (size_t w = 0; w < sizeof(where) / sizeof(where[0]); w++) {
		struct nb_view_source src = {0};
		const struct nb_view *v;
		struct box b;

		box_boot(&b, where[w].kernel, where[w].arch);
		src.sys = b.sys;
		for (unsigned i = 0; (v = nb_view_at(i)); i++) {
			int nid = v->per_node ? nb_system_node_id(b.sys, 0) : NB_NO_NODE;
			struct nb_text t = {0};
			json_t *j = NULL;

			assert_int_equal(nb_view_render(v, nid, &src, NB_VIEW_TEXT, &t, NULL), 0);
			/* a kernel without NUMA prints no fallback orders */
			if (!t.len && strcmp(v->name, "zonelists") != 0)
				fail_msg("%s %s: nothing", where[w].kernel, v->name);
			nb_text_clear(&t);
			assert_int_equal(nb_view_render(v, nid, &src, NB_VIEW_JSON, &t, NULL), 0);
			j = json_loads(nb_text_str(&t), 0, NULL);
			assert_true(json_is_object(j));
			json_decref(j);
			nb_text_release(&t);
		}
		box_shutdown(&b);
	}
}

static void test_find(void **state)
{
	struct nb_error err = {0};
	int nid = 5;

	(void)state;
	assert_string_equal(nb_view_at(0)->name, "summary");
	assert_string_equal(nb_view_find("zoneinfo", &nid, NULL)->name, "zoneinfo");
	assert_int_equal(nid, NB_NO_NODE);
	assert_string_equal(nb_view_find("node/12/meminfo", &nid, NULL)->name, "node/N/meminfo");
	assert_int_equal(nid, 12);
	assert_null(nb_view_find("node/x/meminfo", &nid, NULL));
	assert_null(nb_view_find("node/1/meminfox", &nid, NULL));
	assert_null(nb_view_find("", &nid, NULL));
	assert_null(nb_view_find("zoninfo", &nid, &err));
	assert_non_null(strstr(err.text, "did you mean zoneinfo?"));
	err = (struct nb_error){0};
	assert_null(nb_view_find("everything there is to know", &nid, &err));
	for (unsigned i = 0; nb_view_at(i); i++)
		assert_non_null(strstr(err.text, nb_view_at(i)->name));
}

static int render(const char *name, const struct nb_view_source *src, struct nb_text *out,
		  struct nb_error *err)
{
	const struct nb_view *v;
	int nid;

	nb_text_clear(out);
	*err = (struct nb_error){0};
	v = nb_view_find(name, &nid, err);
	assert_non_null(v);
	return nb_view_render(v, nid, src, NB_VIEW_TEXT, out, err);
}

static void test_no_node(void **state)
{
	struct nb_view_source src = {0};
	struct nb_error err;
	struct nb_text t = {0};
	struct box b;

	(void)state;
	box_boot(&b, "6.12", NB_ARCH_X86_64);
	src.sys = b.sys;
	assert_int_equal(render("node/1/distance", &src, &t, &err), -NB_ENODEV);
	assert_string_equal(err.text, "there is no node 1");
	assert_int_equal(render("node/2/distance", &src, &t, &err), 0);
	assert_string_equal(nb_text_str(&t), "31 10\n");
	nb_text_release(&t);
	box_shutdown(&b);
}

static void add(struct nb_observed *o, const char *name, const char *text)
{
	struct nb_error err = {0};

	if (nb_observed_add(o, name, text, strlen(text), &err))
		fail_msg("%s: %s", name, err.text);
}

static const char meminfo0[] =
	"Node 0 MemTotal:        1034000 kB\nNode 0 MemFree:         1024000 kB\n";
static const char buddy[] = "Node 0, zone   Normal      8      0      0 \n";

/* Expect what was put in, through the same printers, and what can be put together of it. */
static void test_observed(void **state)
{
	struct nb_observed o = {0};
	struct nb_view_source src = {.observed = &o};
	struct nb_text t = {0};
	struct nb_error err;

	(void)state;
	add(&o, "node/4/numastat", "numa_hit 7\n");
	add(&o, "node/0/meminfo", meminfo0);
	add(&o, "node/0/cpulist", "0-1,4\n");
	add(&o, "node/0/distance", "10 21\n");
	add(&o, "node/4/distance", "21 10\n");
	add(&o, "buddyinfo", buddy);
	assert_int_equal(o.nr_nodes, 2);
	assert_int_equal(o.nodes[0].nid, 0); /* ascending, whatever came first */
	assert_int_equal(render("buddyinfo", &src, &t, &err), 0);
	assert_string_equal(nb_text_str(&t), buddy);
	assert_int_equal(render("unusable_index", &src, &t, &err), 0);
	assert_string_equal(nb_text_str(&t), "Node 0, zone   Normal 0.000 1.000 1.000 \n");
	assert_int_equal(render("numastat", &src, &t, &err), 0);
	assert_memory_equal(nb_text_str(&t), "                           node4\n", 33);
	assert_int_equal(render("hardware", &src, &t, &err), 0);
	assert_string_equal(nb_text_str(&t),
			    "available: 2 nodes (0,4)\nnode 0 cpus: 0 1 4\nnode 0 size: 1009 MB\n"
			    "node 0 free: 1000 MB\nnode 4 cpus:\nnode 4 size: <not available>\n"
			    "node 4 free: <not available>\nnode distances:\nnode   0   4 \n"
			    "  0:  10  21 \n  4:  21  10 \n");
	assert_int_equal(render("node/4/meminfo", &src, &t, &err), -NB_ENOENT);
	assert_int_equal(render("zoneinfo", &src, &t, &err), -NB_ENOENT);
	assert_non_null(strstr(err.text, "/proc/zoneinfo"));
	assert_int_equal(render("summary", &src, &t, &err), -NB_ENOENT);
	assert_int_equal(t.len, 0);
	nb_text_release(&t);
	nb_observed_release(&o);
}

/* Expect a bad text to change nothing, a second good one to replace the first. */
static void test_observed_bad(void **state)
{
	struct nb_observed o = {0};
	struct nb_error err = {0};

	(void)state;
	add(&o, "buddyinfo", buddy);
	assert_int_equal(nb_observed_add(&o, "buddyinfo", "x\n", 2, &err), -NB_EINVAL);
	assert_string_equal(err.file, "buddyinfo");
	assert_int_equal(o.buddyinfo.nr_rows, 1);
	add(&o, "buddyinfo", "Node 1, zone DMA 1\n");
	assert_int_equal(o.buddyinfo.rows[0].nid, 1);
	assert_int_equal(nb_observed_add(&o, "shopping", "x\n", 2, &err), -NB_ENOENT);
	assert_int_equal(nb_observed_add(&o, "node/3/shopping", "x\n", 2, &err), -NB_ENOENT);
	assert_int_equal(nb_observed_add(&o, "node/3/meminfo", "x\n", 2, &err), -NB_EINVAL);
	assert_int_equal(o.nr_nodes, 0);
	nb_observed_release(&o);
}

/* Expect the three things of a boot log, the last report among them; a log without them is fine. */
static void test_observed_log(void **state)
{
	struct nb_observed o = {0};

	(void)state;
	add(&o, "dmesg", "[    1.0] nothing of interest\n");
	assert_false(o.has_layout || o.has_zonelists || o.has_showmem);
	add(&o, "dmesg",
	    "[    0.0] Zone ranges:\n[    0.0]   DMA      empty\n[    0.0] Policy zone: DMA32\n"
	    "[    9.0] Mem-Info:\n[    9.0]  free:1\n[    9.1] x\n[    9.2] Mem-Info:\n"
	    "[    9.2]  free:2\n");
	assert_true(o.has_layout && o.has_zonelists && o.has_showmem);
	assert_int_equal(nb_items_value(&o.showmem.lines[1].items, "free", 0), 2);
	nb_observed_release(&o);
}

static void test_json(void **state)
{
	json_t *j = json_object();
	struct nb_text t = {0};

	(void)state;
	json_object_set_new(j, "z", nb_json_u64(3));
	json_object_set_new(j, "a", nb_json_string("caf\xc3\xa9"));
	json_object_set_new(j, "b", nb_json_string("bad\xff"));
	json_object_set_new(j, "f", json_real(0.25));
	nb_json_write(j, &t);
	assert_string_equal(nb_text_str(&t), "{\n  \"z\": 3,\n  \"a\": \"caf\xc3\xa9\",\n"
					     "  \"b\": \"bad?\",\n  \"f\": 0.25\n}\n");
	nb_text_release(&t);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_views),    cmocka_unit_test(test_find),
		cmocka_unit_test(test_no_node),      cmocka_unit_test(test_observed),
		cmocka_unit_test(test_observed_bad), cmocka_unit_test(test_observed_log),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
