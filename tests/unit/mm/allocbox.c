/* allocbox.c -- see allocbox.h. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_text(char **text, const char *fmt, ...)
{
	size_t len = *text ? strlen(*text) : 0;
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	*text = realloc(*text, len + strlen(line) + 1);
	assert_non_null(*text);
	memcpy(*text + len, line, strlen(line) + 1);
}

static void add_ranges(struct nb_machine *m, const char *s, unsigned cpus)
{
	int last = -1, cpu = 0;

	while (*s) {
		struct nb_mem_range r = {.nid = (int)strtol(s, (char **)&s, 10)};

		r.start = strtoull(s, (char **)&s, 16);
		assert_int_equal(*s++, '-');
		r.end = strtoull(s, (char **)&s, 16) + 1;
		assert_int_equal(nb_machine_add_range(m, &r), 0);
		if (r.nid > last) {
			struct nb_node node = {.id = last = r.nid, .online = true};

			assert_int_equal(nb_machine_add_node(m, &node), 0);
			for (unsigned i = 0; i < cpus; i++) {
				struct nb_cpu c = {.id = cpu++,
						   .nid = r.nid,
						   .online = true,
						   .package = -1,
						   .die = -1,
						   .cluster = -1,
						   .core = -1,
						   .llc = -1};

				assert_int_equal(nb_machine_add_cpu(m, &c), 0);
			}
		}
		s += strspn(s, ", ");
	}
}

/* "START-END, ..." inclusive, in hex; false at the end. */
static bool next_bytes(const char **s, uint64_t *start, uint64_t *end)
{
	if (!*s || !**s)
		return false;
	*start = strtoull(*s, (char **)s, 16);
	assert_int_equal(*(*s)++, '-');
	*end = strtoull(*s, (char **)s, 16) + 1;
	*s += strspn(*s, ", ");
	return true;
}

static void add_reserved(struct nb_machine *m, const char *reserved, const char *early)
{
	struct nb_mem_range r = {.type = NB_MEM_RESERVED, .nid = NB_NO_NODE};
	struct nb_early_load e = {0};

	while (next_bytes(&reserved, &r.start, &r.end))
		assert_int_equal(nb_machine_add_reserved(m, &r), 0);
	while (next_bytes(&early, &e.start, &e.end))
		assert_int_equal(nb_machine_add_early(m, &e), 0);
}

static void add_facts(struct nb_machine *m, const char *s)
{
	while (s && *s) {
		struct nb_zone_fact f = {.nid = (int)strtol(s, (char **)&s, 10)};
		size_t n;

		s += strspn(s, " ");
		n = strcspn(s, " ");
		f.type = (enum nb_zone_type)nb_zone_by_name(s, n);
		s += n;
		f.managed_pages = f.managed_at_init_pages = strtoull(s, (char **)&s, 10);
		if (strncmp(s, " cma ", 5) == 0)
			f.cma_pages = strtoull(s + 5, (char **)&s, 10);
		assert_int_equal(nb_machine_add_zone_fact(m, &f), 0);
		s += strspn(s, ", ");
	}
}

void allocbox_boot(struct allocbox *box, const struct allocbox_spec *spec)
{
	struct nb_boot_options opt = {
		.seed = spec->seed, .backed = spec->backed, .debug = spec->debug};
	struct nb_error err = {0};

	memset(box, 0, sizeof(*box));
	nb_port_posix(&box->port, spec->threaded);
	box->machine = nb_machine_new(&box->port);
	box->machine->arch = spec->arch;
	box->machine->profile = nb_kernel_by_key(spec->kernel ? spec->kernel : "6.12");
	assert_non_null(box->machine->profile);
	if (spec->page_shift)
		box->machine->page_shift = spec->page_shift;
	box->machine->lowmem_end = spec->lowmem_end;
	add_ranges(box->machine, spec->ranges, spec->cpus ? spec->cpus : 1);
	add_facts(box->machine, spec->facts);
	add_reserved(box->machine, spec->reserved, spec->early);
	if (spec->cmdline)
		nb_machine_add_cmdline(box->machine, spec->cmdline);
	if (nb_machine_seal(box->machine, &err))
		fail_msg("seal: %s", err.text);
	if (nb_system_boot(&box->port, box->machine, &opt, &box->sys, &err))
		fail_msg("boot: %s", err.text);
}

void allocbox_check(struct allocbox *box)
{
	struct nb_error err = {0};

	if (nb_system_check(box->sys, &err))
		fail_msg("%s", err.text);
}

void allocbox_end(struct allocbox *box)
{
	allocbox_check(box);
	nb_system_shutdown(box->sys);
	nb_machine_free(box->machine);
	free(box->text);
	free(box->events);
}

static nb_gfp_t gfp_of(char c)
{
	switch (c) {
	case 'K':
		return NB_GFP_KERNEL;
	case 'M':
		return NB_GFP_HIGHUSER_MOVABLE;
	case 'R':
		return NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE;
	case 'A':
		return NB_GFP_ATOMIC;
	case 'N':
		return NB_GFP_NOWAIT;
	case 'D':
		return NB_GFP_KERNEL | NB_GFP_BIT_DMA;
	case 'L':
		return NB_GFP_KERNEL | NB_GFP_BIT_DMA32;
	case 'T':
		return NB_GFP_KERNEL | NB_GFP_BIT_THISNODE;
	case 'F':
		return NB_GFP_KERNEL | NB_GFP_BIT_NOFAIL;
	case 'P':
		return NB_GFP_KERNEL | NB_GFP_BIT_MEMALLOC;
	default:
		fail_msg("what is %c", c);
		return 0;
	}
}

static void do_free(struct allocbox *box, const char *w)
{
	char *s;
	unsigned slot = (unsigned)strtoul(w, &s, 10);
	int cpu = *s == '@' ? atoi(s + 1) : 0;

	assert_true(slot < box->nr);
	assert_int_equal(nb_free_pages(box->sys, cpu, box->pfn[slot], box->order[slot]), 0);
}

static void do_alloc(struct allocbox *box, const char *w)
{
	struct nb_alloc_request rq = {.gfp = gfp_of(*w), .nid = NB_NO_NODE};
	char *s;
	unsigned times = 1;

	rq.order = (unsigned)strtoul(w + 1, &s, 10);
	if (*s == '@')
		rq.cpu = (int)strtol(s + 1, &s, 10);
	if (*s == '/')
		rq.nid = (int)strtol(s + 1, &s, 10);
	if (*s == '*')
		times = (unsigned)strtoul(s + 1, &s, 10);
	for (unsigned i = 0; i < times; i++) {
		nb_pfn_t pfn = nb_alloc_pages(box->sys, &rq);

		assert_true(box->nr < ALLOCBOX_SLOTS);
		box->pfn[box->nr] = pfn;
		box->order[box->nr++] = (uint8_t)rq.order;
		if (times > 16)
			continue;
		if (pfn == NB_NO_PFN)
			add_text(&box->text, "%s-", *box->text ? " " : "");
		else
			add_text(&box->text, "%s%llx", *box->text ? " " : "",
				 (unsigned long long)pfn);
	}
}

const char *allocbox_run(struct allocbox *box, const char *script)
{
	char *copy = strdup(script), *save = NULL;

	free(box->text);
	box->text = strdup("");
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (strcmp(w, "drain") == 0)
			nb_drain_pages(box->sys, -1);
		else if (*w == '-')
			do_free(box, w + 1);
		else
			do_alloc(box, w);
	}
	free(copy);
	return box->text;
}

struct nb_zone *allocbox_zone(struct allocbox *box, int nid, enum nb_zone_type type)
{
	struct nb_pgdat *p = nb_node_data(box->sys, nid);

	assert_non_null(p);
	return &p->zone[type];
}

const char *allocbox_lists(struct allocbox *box, int nid, enum nb_zone_type type)
{
	struct nb_zone *z = allocbox_zone(box, nid, type);

	free(box->text);
	box->text = strdup("");
	for (unsigned order = 0; order < NB_NR_ORDERS; order++) {
		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
			nb_link_t link = z->free_area[order].free_list[mt].first;

			if (link)
				add_text(&box->text, "%s%u%c:", *box->text ? " " : "", order,
					 "UMEHCI"[mt]);
			for (const char *part = ""; link; part = ",") {
				const struct nb_page *p = nb_link_page(z->mem_map, link);

				add_text(&box->text, "%s%llx", part,
					 (unsigned long long)nb_zone_page_pfn(z, p));
				if (p->flags & PG_EXTENT)
					add_text(&box->text, "*%s%u",
						 p->flags & PG_DESCENDING ? "-" : "",
						 (unsigned)p->index);
				link = p->next;
			}
		}
	}
	return box->text;
}

static void record(void *ctx, const struct nb_event *ev)
{
	struct allocbox *box = ctx;
	const struct nb_event_desc *d = nb_event_desc(ev->kind);

	add_text(&box->events, "%s", d->name);
	for (unsigned i = 0; i < d->nr_fields; i++)
		add_text(&box->events, " %llx", (unsigned long long)ev->field[i]);
	add_text(&box->events, "\n");
}

void allocbox_record(struct allocbox *box, uint64_t kinds)
{
	struct nb_sink sink = {.ctx = box, .event = record, .wanted = {{kinds}}};

	free(box->events);
	box->events = strdup("");
	nb_system_set_sink(box->sys, &sink);
}

const char *allocbox_events(const struct allocbox *box)
{
	return box->events ? box->events : "";
}

uint64_t allocbox_vm_event(const struct allocbox *box, const char *name)
{
	const char *n;
	uint64_t v;

	for (unsigned i = 0; nb_vm_event(box->sys, i, &n, &v); i++) {
		if (strcmp(n, name) == 0)
			return v;
	}
	fail_msg("no event %s", name);
	return 0;
}
