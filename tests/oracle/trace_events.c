/* trace_events.c -- see trace_events.h. */
#include "trace_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct trace trace;

static unsigned field(const char *line, const char *name)
{
	const char *s = strstr(line, name);

	return s ? (unsigned)strtoul(s + strlen(name), NULL, 0) : 0;
}

static bool parse(const char *text, struct event *l)
{
	static const struct {
		const char *name;
		char kind;
	} kinds[] = {{" mm_page_alloc: ", 'A'},
		     {" mm_page_free: ", 'F'},
		     {" mm_page_alloc_zone_locked: ", 'Z'},
		     {" mm_page_pcpu_drain: ", 'D'},
		     {" mm_page_alloc_extfrag: ", 'X'}};
	const char *s;

	memset(l, 0, sizeof(*l));
	for (unsigned i = 0; i < 5 && !l->kind; i++)
		l->kind = strstr(text, kinds[i].name) ? kinds[i].kind : '\0';
	s = strstr(text, "pfn=");
	if (!l->kind || !s)
		return false;
	l->pfn = strtoull(s + 4, NULL, 16);
	l->order = field(text, l->kind == 'X' ? "alloc_order=" : " order=");
	l->type = field(text, " migratetype=");
	l->more = field(text, "percpu_refill=");
	l->deferred = strstr(text, "pgdatinit") != NULL;
	sscanf(text, " %23s", l->task);
	s = strstr(text, "gfp_flags=");
	if (s)
		sscanf(s, "gfp_flags=%199s", l->gfp);
	if (l->kind == 'X') {
		l->type = field(text, "fallback_order=") * 100 +
			  field(text, "alloc_migratetype=") * 10 +
			  field(text, "fallback_migratetype=");
		l->more = field(text, "change_ownership=");
	}
	return true;
}

void trace_read(const char *name)
{
	FILE *f = play_open(name, "trace.gz", true);
	char text[1024];

	assert_non_null(f);
	memset(&trace, 0, sizeof(trace));
	while (fgets(text, sizeof(text), f) && trace.nr < TRACE_EVENTS)
		trace.nr += parse(text, &trace.ev[trace.nr]);
	pclose(f);
	memset(trace.next_of, 0xff, sizeof(trace.next_of));
	for (unsigned i = trace.nr; i-- > 0;) {
		trace.next[i] = trace.next_of[trace.ev[i].pfn % TRACE_FRAMES];
		trace.next_of[trace.ev[i].pfn % TRACE_FRAMES] = (int)i;
	}
}

/* What happens next to a single page after the present event: the kind, 0 for nothing. */
char trace_next(nb_pfn_t pfn)
{
	int i = trace.next_of[pfn % TRACE_FRAMES];

	while (i >= 0 && i <= (int)trace.at)
		i = trace.next[i];
	trace.next_of[pfn % TRACE_FRAMES] = i;
	return i < 0 ? '\0' : trace.ev[i].kind;
}
