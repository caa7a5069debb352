/* box.c -- small booted machines for the tests of src/view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "box.h"
#include "view/view.h"

static void add_range(struct nb_machine *m, int nid, uint64_t start, uint64_t end)
{
	struct nb_mem_range r = {.start = start, .end = end, .nid = nid};

	assert_int_equal(nb_machine_add_range(m, &r), 0);
}

static void add_node(struct nb_machine *m, int nid, int first_cpu, int nr_cpus)
{
	struct nb_node n = {.id = nid, .online = true};

	assert_int_equal(nb_machine_add_node(m, &n), 0);
	for (int i = 0; i < nr_cpus; i++) {
		struct nb_cpu c = {.id = first_cpu + i,
				   .nid = nid,
				   .online = true,
				   .package = -1,
				   .die = -1,
				   .cluster = -1,
				   .core = -1,
				   .llc = -1};

		assert_int_equal(nb_machine_add_cpu(m, &c), 0);
	}
}

void box_boot(struct box *b, const char *kernel, enum nb_arch arch)
{
	static const uint8_t distances[] = {10, 21, 31, 10};
	const uint64_t gib = UINT64_C(1) << 30;
	struct nb_error err = {0};

	nb_port_posix(&b->port, false);
	b->m = nb_machine_new(&b->port);
	assert_non_null(b->m);
	b->m->arch = arch;
	b->m->name = nb_machine_strdup(b->m, "box");
	b->m->profile = nb_kernel_by_key(kernel);
	add_node(b->m, 0, 0, 2);
	add_node(b->m, 2, 2, 1);
	add_range(b->m, 0, 0, 3 * gib);
	add_range(b->m, 2, 4 * gib, 5 * gib);
	assert_int_equal(nb_machine_set_distances(b->m, distances, 2), 0);
	if (nb_machine_seal(b->m, &err) || nb_system_boot(&b->port, b->m, NULL, &b->sys, &err))
		fail_msg("%s", err.text);
}

void box_shutdown(struct box *b)
{
	nb_system_shutdown(b->sys);
	nb_machine_free(b->m);
}

char *box_view(const char *kernel, enum nb_arch arch, const char *view)
{
	struct nb_view_source src = {0};
	struct nb_error err = {0};
	struct nb_text t = {0};
	const struct nb_view *v;
	struct box b;
	char *text;
	int nid;

	box_boot(&b, kernel, arch);
	src.sys = b.sys;
	v = nb_view_find(view, &nid, &err);
	assert_non_null(v);
	if (nb_view_render(v, nid, &src, NB_VIEW_TEXT, &t, &err))
		fail_msg("%s", err.text);
	text = nb_xstrdup(nb_text_str(&t));
	nb_text_release(&t);
	box_shutdown(&b);
	return text;
}
