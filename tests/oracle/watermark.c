/* watermark.c -- marks, reserves and thresholds of every recorded kernel, to the page.
 *
 * Given the managed pages of each zone (and what the boot log says was freed after the marks were
 * computed), boot must come to the kernel's min, low, high, promo, protection, thresholds and
 * page set bounds; and each sysctl write recorded in steps/ to what the kernel printed after it.
 * What is left out, by rule: kernels that freed pages later without a line in the log
 * (deferred_init=lazy); what the machine did after boot by hot-adding memory is played too.
 */
#include "snapshot.h"

#include "mm/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned compared, different;

static void equal(const struct snapshot *s, const struct snap_zone *z, const char *what,
		  uint64_t ours, uint64_t theirs)
{
	compared++;
	if (ours == theirs)
		return;
	different++;
	print_error("%s: node %d %s: %s is %" PRIu64 ", the kernel says %" PRIu64 "\n", s->path,
		    z->nid, nb_zone_name(z->type), what, ours, theirs);
}

static void compare_marks(struct snapshot *s, const struct snap_zone *z)
{
	const struct nb_zone *ours = snap_sys_zone(s, z);

	equal(s, z, "min", ours->wmark[NB_WMARK_MIN] + z->boost, z->min);
	equal(s, z, "low", ours->wmark[NB_WMARK_LOW] + z->boost, z->low);
	equal(s, z, "high", ours->wmark[NB_WMARK_HIGH] + z->boost, z->high);
	if (z->promo != NB_UNKNOWN)
		equal(s, z, "promo", ours->wmark[NB_WMARK_PROMO] + z->boost, z->promo);
}

static void compare_protection(struct snapshot *s, const struct snap_zone *z)
{
	const struct nb_zone *ours = snap_sys_zone(s, z);
	unsigned k = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (!nb_zone_configured(&s->sys, (enum nb_zone_type)t))
			continue;
		if (k < z->nr_protection)
			equal(s, z, "protection", ours->lowmem_reserve[t], z->protection[k]);
		k++;
	}
	equal(s, z, "number of zones", k, z->nr_protection);
}

static void compare_pagesets(struct snapshot *s, const struct snap_zone *z)
{
	const struct nb_zone *ours = snap_sys_zone(s, z);

	if (!z->present)
		return;
	equal(s, z, "vm stats threshold", (uint64_t)ours->stat_threshold, z->threshold);
	equal(s, z, "batch", (uint64_t)ours->pageset_batch, z->pcp_batch);
	if (s->sys.profile->pcp_style != NB_PCP_FIXED)
		return;
	for (unsigned i = 0; i < z->nr_pagesets; i++)
		equal(s, z, "page set high", (uint64_t)ours->pageset_high_min, z->pcp_high[i]);
}

static void compare_all(struct snapshot *s, const struct snap_zone *z, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		compare_marks(s, &z[i]);
		compare_protection(s, &z[i]);
		compare_pagesets(s, &z[i]);
	}
}

static void boot(struct snapshot *s)
{
	struct nb_error err = {0};

	nb_sysctl_defaults(&s->sys);
	assert_int_equal(nb_boot_watermarks(&s->sys, &err), 0);
	nb_setup_per_cpu_pagesets(&s->sys);
}

/* Sets the tunables that a step's sysctl.txt lists; order as listed. */
static void write_sysctls(struct snapshot *s, const char *text)
{
	while (*text) {
		char name[128], full[160], value[128], now[128];
		size_t len = strcspn(text, "\n");

		if (sscanf(text, "%127[a-z_] = %127[^\n]", name, value) == 2) {
			snprintf(full, sizeof(full), "vm.%s", name);
			assert_true(nb_sysctl_read(&s->sys, full, now, sizeof(now)) >= 0);
			if (strcmp(now, value))
				assert_int_equal(nb_sysctl_write(&s->sys, full, value, NULL), 0);
		}
		text += len + (text[len] == '\n');
	}
}

static int text_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Each step is the one before it and one write. */
static void play_steps(struct snapshot *s)
{
	struct dirent **names;
	char dir[1100];
	int n;

	/* The recorder had read every file below /proc/sys/vm by then: see below. */
	nb_setup_per_zone_lowmem_reserve(&s->sys, false);
	snprintf(dir, sizeof(dir), "%s/steps", s->path);
	n = scandir(dir, &names, NULL, text_order);
	for (int i = 0; i < n; i++) {
		char step[1400], *sysctl, *text;

		snprintf(step, sizeof(step), "%s/%s", dir, names[i]->d_name);
		free(names[i]);
		sysctl = snap_read(step, "sysctl.txt");
		text = snap_read(step, "proc/zoneinfo");
		if (sysctl && text) {
			unsigned zones = snap_zoneinfo(text, s->zone, SNAP_MAX_ZONES);

			write_sysctls(s, sysctl);
			compare_all(s, s->zone, zones);
			/* Reading lowmem_reserve_ratio computes the reserves again. */
			nb_setup_per_zone_lowmem_reserve(&s->sys, false);
		}
		free(sysctl);
		free(text);
	}
	if (n >= 0)
		free(names);
}

static void compare_recomputed(struct snapshot *s)
{
	char *text = snap_read(s->path, "recomputed/proc/zoneinfo"), value[32];
	unsigned n;

	if (!text)
		return;
	n = snap_zoneinfo(text, s->zone, SNAP_MAX_ZONES);
	assert_true(nb_sysctl_read(&s->sys, "vm.min_free_kbytes", value, sizeof(value)) > 0);
	assert_int_equal(nb_sysctl_write(&s->sys, "vm.min_free_kbytes", value, NULL), 0);
	nb_setup_per_zone_lowmem_reserve(&s->sys, false); /* the recorder has read the ratios */
	for (unsigned i = 0; i < n; i++) {
		compare_marks(s, &s->zone[i]);
		compare_protection(s, &s->zone[i]);
	}
	free(text);
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
			boot(s);
			compare_all(s, s->zone, s->nr_zones);
			compare_recomputed(s);
			play_steps(s);
			snap_free(s);
		}
		free(list[i]);
	}
	free(list);
	free(s);
	print_message("# %u numbers compared, %u different\n", compared, different);
	assert_true(compared > 0);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
