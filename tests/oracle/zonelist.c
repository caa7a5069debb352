/* zonelist.c -- the fallback orders and totals that every recorded kernel printed while booting.
 *
 * Given nodes, distances and zones, the lists must come out in the kernel's order, with its N, its
 * "Total pages" and its policy zone. Left out, by rule: totals and policy zone where memory was
 * hot-added (the zones read later are not those of boot), and logs without these lines.
 */
#include "snapshot.h"

#include "mm/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned orders, totals, different;

static void differ(const struct snapshot *s, const char *what, const char *ours, const char *theirs)
{
	different++;
	print_error("%s: %s is '%s', the kernel says '%s'\n", s->path, what, ours, theirs);
}

/* What follows `line` up to the end of it. */
static void rest_of(const char *line, char *buf, size_t n)
{
	size_t len = strcspn(line, "\n");

	while (len && line[len - 1] == ' ')
		len--;
	snprintf(buf, n, "%.*s", (int)len, line);
}

static void compare_orders(struct snapshot *s)
{
	size_t pos = 0;
	const char *line;

	while ((line = snap_log(s, "Fallback order for Node ", &pos))) {
		char theirs[1024], ours[1024];
		struct nb_pgdat *p;
		size_t len;
		int nid;

		assert_int_equal(sscanf(line, "Fallback order for Node %d:", &nid), 1);
		rest_of(line, theirs, sizeof(theirs));
		p = nb_node_data(&s->sys, nid);
		assert_non_null(p);
		len = (size_t)snprintf(ours, sizeof(ours), "Fallback order for Node %d:", nid);
		for (unsigned i = 0; i < p->nr_fallback; i++)
			len += (size_t)snprintf(ours + len, sizeof(ours) - len, " %d",
						p->fallback[i]);
		orders++;
		if (strcmp(ours, theirs))
			differ(s, "fallback order", ours, theirs);
	}
}

static void compare_totals(struct snapshot *s)
{
	char theirs[256], ours[256];
	size_t pos = 0;
	const char *line = snap_log(s, "Built ", &pos);

	if (!line || snap_log(s, "Built ", &pos))
		return;
	rest_of(line, theirs, sizeof(theirs));
	snprintf(ours, sizeof(ours),
		 "Built %u zonelists, mobility grouping %s.  Total pages: %" PRIu64,
		 s->sys.nr_zonelists, s->sys.mobility_grouping ? "on" : "off",
		 s->sys.vm_total_pages);
	totals++;
	if (strcmp(ours, theirs))
		differ(s, "total", ours, theirs);
	pos = 0;
	line = snap_log(s, "Policy zone: ", &pos);
	if (!line)
		return;
	rest_of(line, theirs, sizeof(theirs));
	snprintf(ours, sizeof(ours), "Policy zone: %s", nb_zone_name(s->sys.policy_zone));
	if (strcmp(ours, theirs))
		differ(s, "policy zone", ours, theirs);
}

static void test_every_snapshot(void **state)
{
	unsigned n;
	char **list = snap_list(&n);
	struct snapshot *s = malloc(sizeof(*s));

	(void)state;
	if (!list) {
		free(s);
		skip();
	}
	for (unsigned i = 0; i < n; i++) {
		if (snap_load(list[i], s)) {
			struct nb_error err = {0};

			nb_sysctl_defaults(&s->sys);
			assert_int_equal(nb_boot_zonelists(&s->sys, &err), 0);
			compare_orders(s);
			compare_totals(s);
			snap_free(s);
		}
		free(list[i]);
	}
	free(list);
	free(s);
	print_message("# %u fallback orders and %u totals compared, %u different\n", orders, totals,
		      different);
	assert_true(orders > 0 && totals > 0);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
