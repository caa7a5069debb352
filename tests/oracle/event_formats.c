/* event_formats.c -- our events against the format files of recorded kernels.
 *
 * For each event that a recorded kernel has a format of and that the engine tells: the same fields
 * in the same order, but for the kernel's own addresses; and the same text for the same values, by
 * the kernel's own print format. 6.12, 6.1 and 6.18.
 */
#include "print_fmt.h"

#include "sim/recorder.h"

#include <numabox/gfp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VMEMMAP UINT64_C(0xffffea0000000000)

/* Is ours this field of theirs: by its name, or by the one that the printed text has for it? */
static bool is_field(const char *ours, const struct print_fmt_field *theirs)
{
	return !strcmp(ours, theirs->name) || !strcmp(ours, theirs->label);
}

/* What 6.12 has no more. */
static bool is_old(const struct print_fmt_field *theirs)
{
	return !strcmp(theirs->name, "isolate_mode");
}

/* Our fields are theirs in order. What they have none of is worked out by their text. */
static void same_fields(struct print_fmt *f, const struct nb_event_desc *d)
{
	unsigned at = 0;

	for (unsigned i = 0; i < d->nr_fields; i++) {
		char label[64];

		while (at < f->nr_fields && (f->field[at].pointer || is_old(&f->field[at])))
			at++;
		if (at < f->nr_fields && is_field(d->field[i], &f->field[at])) {
			at++;
			continue;
		}
		snprintf(label, sizeof(label), " %s=", d->field[i]);
		if (!strstr(f->text, label))
			fail_msg("%s: field %s, where the kernel has %s", d->name, d->field[i],
				 at < f->nr_fields ? f->field[at].name : "no more");
	}
	while (at < f->nr_fields && (f->field[at].pointer || is_old(&f->field[at])))
		at++;
	if (at < f->nr_fields)
		fail_msg("%s lacks %s", d->name, f->field[at].name);
}

static bool is(const char *field, const char *name)
{
	return !strcmp(field, name);
}

/* A value that the field may have; `round` makes it another one. */
static uint64_t value_for(const char *field, unsigned round)
{
	static const uint64_t gfp[] = {NB_GFP_KERNEL, NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP, 0,
				       NB_GFP_BIT_HIGH | NB_GFP_BIT_KSWAPD_RECLAIM};
	static const uint64_t zone[] = {NB_ZONE_DMA, NB_ZONE_DMA32, NB_ZONE_NORMAL,
					NB_ZONE_MOVABLE};
	static const uint64_t wb[] = {0xa, 0x9, 0x6, 0x5};

	if (!strncmp(field, "gfp_", 4))
		return gfp[round];
	if (is(field, "idx") || is(field, "zone_idx") || is(field, "highest_zoneidx") ||
	    is(field, "zid"))
		return zone[round];
	if (is(field, "reclaim_flags"))
		return wb[round];
	if (is(field, "lru") || is(field, "mode") || is(field, "priority"))
		return round < 3 ? round : 2;
	if (is(field, "status") || is(field, "ret") || is(field, "reason") ||
	    is(field, "defer_shift") || is(field, "order"))
		return round;
	if (is(field, "result"))
		return round % 3 + 1;
	if (is(field, "sync") || is(field, "wmark_check"))
		return round & 1;
	if (is(field, "flags"))
		return (uint64_t[]){0x25, 0x7b, 0, 0x1a}[round];
	if (is(field, "s_dev"))
		return round << 20 | 3;
	if (is(field, "pid") || is(field, "comm"))
		return 1000;
	return 17 * round + strlen(field);
}

/* The kernel numbers the zones that a 64-bit one has. */
static uint64_t their_value(const char *field, uint64_t ours)
{
	bool zone = is(field, "idx") || is(field, "zone_idx") || is(field, "highest_zoneidx") ||
		    is(field, "zid");

	return zone && ours == NB_ZONE_MOVABLE ? 3 : ours;
}

static struct print_fmt_field *field_of(struct print_fmt *f, const char *ours)
{
	for (unsigned i = 0; i < f->nr_fields; i++) {
		if (is_field(ours, &f->field[i]))
			return &f->field[i];
	}
	return NULL;
}

/* Fields of ours that the kernel works out while it prints. */
static void worked_out(struct nb_event *ev)
{
	if (ev->kind == NB_EV_MM_PAGE_ALLOC_EXTFRAG) {
		ev->field[3] = 9;
		ev->field[6] = ev->field[2] < 9;
	}
	if (ev->kind == NB_EV_MM_COMPACTION_TRY_TO_COMPACT)
		ev->field[2] &= 3;
}

static void same_text(struct print_fmt *f, enum nb_event_kind kind, unsigned round,
		      const struct nb_kernel_profile *profile)
{
	const struct nb_trace_env env = {.profile = profile, .page_shift = 12, .comm = "work"};
	const struct nb_event_desc *d = nb_event_desc(kind);
	struct nb_event ev = {.kind = kind};
	char ours[2048], theirs[2048];

	for (unsigned i = 0; i < d->nr_fields; i++)
		ev.field[i] = value_for(d->field[i], round);
	worked_out(&ev);
	for (unsigned i = 0; i < f->nr_fields; i++) {
		f->field[i].value = is(f->field[i].name, "folio") ? VMEMMAP + ev.field[0] * 64 : 0;
		f->field[i].string = f->field[i].text ? "work" : NULL;
	}
	for (unsigned i = 0; i < d->nr_fields; i++) {
		struct print_fmt_field *fd = field_of(f, d->field[i]);

		if (fd)
			fd->value = their_value(d->field[i], ev.field[i]);
	}
	nb_trace_fields(ours, sizeof(ours), &ev, &env);
	print_fmt_eval(f, theirs, sizeof(theirs));
	if (strcmp(ours, theirs))
		fail_msg("%s:\n we print %s\n the kernel %s", d->name, ours, theirs);
}

/* Returns how many events of the file were compared. */
static unsigned compare(const char *trace, const char *kernel)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	struct print_fmt f;
	unsigned n = 0;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/traces/%s/event_formats.txt", oracle ? oracle : "", trace);
	file = fopen(path, "r");
	if (!file)
		skip();
	while (print_fmt_next(file, &f)) {
		int kind = nb_event_by_name(f.name);

		if (kind >= 0) {
			print_fmt_labels(&f);
			same_fields(&f, nb_event_desc((enum nb_event_kind)kind));
			for (unsigned round = 0; round < 4; round++)
				same_text(&f, (enum nb_event_kind)kind, round,
					  nb_kernel_by_key(kernel));
			n++;
		}
		free(f.text);
	}
	fclose(file);
	return n;
}

static void v612(void **state)
{
	(void)state;
	assert_in_range(compare("refault-n1-classic", "6.12"), 40, 60);
	assert_in_range(compare("numab-pinned", "6.12"), 15, 30);
	assert_in_range(compare("swap-n1-mglru-sw60", "6.12"), 40, 60);
}

static void v61(void **state)
{
	(void)state;
	assert_in_range(compare("v61-kswapd-anon-n1-classic", "6.1"), 40, 60);
}

static void v618(void **state)
{
	(void)state;
	assert_in_range(compare("host-compile", "6.18"), 12, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v612),
		cmocka_unit_test(v61),
		cmocka_unit_test(v618),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
