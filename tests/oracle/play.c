/* play.c -- see play.h. */
#include "play.h"

#include "read/dmesg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_PAGES = 32768 };

struct play play;

FILE *play_open(const char *trace, const char *file, bool gz)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/traces/%s/%s", oracle ? oracle : "", trace, file);
	f = fopen(path, "r");
	if (!f || !gz)
		return f;
	fclose(f);
	char command[4200];

	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	return popen(command, "r");
}

unsigned play_each(bool (*wanted)(const char *name),
		   void (*play_one)(const char *path, const char *name))
{
	const char *root = getenv("NUMABOX_ORACLE");
	char dir[512], path[1100];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/traces", root ? root : "");
	d = root && *root ? opendir(dir) : NULL;
	while (d && (e = readdir(d))) {
		if (!wanted(e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		play_one(path, e->d_name);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

/* Takes [start, end) out of a set of ranges. */
static void cut(struct range *r, unsigned *n, uint64_t start, uint64_t end)
{
	unsigned old = *n;

	for (unsigned i = 0; i < old; i++) {
		if (r[i].end <= start || r[i].start >= end)
			continue;
		if (r[i].start < start && r[i].end > end)
			r[(*n)++] = (struct range){end, r[i].end};
		if (r[i].start < start)
			r[i].end = start;
		else
			r[i].start = r[i].end < end ? r[i].end : end;
	}
	assert_true(*n < PLAY_RANGES - 1);
}

/* What the engine's own reader makes of the log; play.c's own lists stay beside it, for machines
 * with deferred initialisation, of which the trace begins before all is freed. */
static void give_reserved(struct nb_machine *m)
{
	struct nb_dmesg d;

	nb_dmesg_parse(play.log, play.log_len, &d);
	assert_true(d.reservations.ranges.n > 0);
	for (size_t i = 0; i < d.reservations.ranges.n; i++)
		assert_int_equal(nb_machine_add_reserved(m, &d.reservations.ranges.v[i]), 0);
	nb_dmesg_release(&d);
}

static void keep_line(const char *line)
{
	size_t n = strlen(line);

	play.log = realloc(play.log, play.log_len + n + 1);
	assert_non_null(play.log);
	memcpy(play.log + play.log_len, line, n + 1);
	play.log_len += n;
}

void play_read_boot_log(const char *trace)
{
	FILE *f = play_open(trace, "snap/dmesg", false);
	unsigned long long a, b;
	char line[1024];
	const char *s;

	if (!f)
		skip();
	while (fgets(line, sizeof(line), f)) {
		keep_line(line);
		if (strstr(line, "MEMBLOCK configuration"))
			play.nr_memory = play.nr_reserved = 0;
		else if ((s = strstr(line, " memory[")) && (s = strchr(s + 8, '[')) &&
			 sscanf(s, "[%llx-%llx]", &a, &b) == 2)
			play.memory[play.nr_memory++] = (struct range){a, b + 1};
		else if ((s = strstr(line, " reserved[")) && (s = strchr(s + 10, '[')) &&
			 sscanf(s, "[%llx-%llx]", &a, &b) == 2)
			play.reserved[play.nr_reserved++] = (struct range){a, b + 1};
		else if ((s = strstr(line, "memblock_reserve: [")) &&
			 sscanf(s + 18, "[%llx-%llx]", &a, &b) == 2)
			play.reserved[play.nr_reserved++] = (struct range){a, b + 1};
		else if ((s = strstr(line, "memblock_phys_free: [")) &&
			 sscanf(s + 20, "[%llx-%llx]", &a, &b) == 2)
			cut(play.reserved, &play.nr_reserved, a, b + 1);
		assert_true(play.nr_reserved < PLAY_RANGES && play.nr_memory < PLAY_RANGES);
	}
	fclose(f);
}

/* Batch and bounds of the zone's sets; batch 1 and 0 .. 0 are the boot sets'. */
void play_size_sets(int batch, int min, int max)
{
	struct nb_pcp *pcp = nb_zone_pcp(play.zone, 0);

	play.zone->pageset_batch = pcp->batch = batch;
	play.zone->pageset_high_min = pcp->high_min = min;
	play.zone->pageset_high_max = pcp->high_max = max;
}

void play_take_for_good(struct nb_page *p, unsigned order)
{
	struct nb_zone *z = &play.sys->pgdat[0]->zone[NB_ZONE_DMA];

	if (p >= play.zone->mem_map + (play.zone->zone_start_pfn - play.zone->pfn_delta))
		z = play.zone;
	nb_page_set_flags(p, PG_ALLOCATED | order | z->page_bits);
	p->refcount = 1;
	p->mapcount = 0;
	p->mapping = 0;
}

void play_free_range(nb_pfn_t pfn, nb_pfn_t end)
{
	while (pfn < end) {
		unsigned order = (unsigned)__builtin_ctzll(pfn | 1024);
		struct nb_zone *z;
		struct nb_page *p = nb_pfn_to_page(play.sys, pfn, &z);

		while (pfn + (UINT64_C(1) << order) > end)
			order--;
		assert_non_null(p);
		uint32_t dense = nb_page_dense(z->mem_map, p);

		assert_true(nb_map_commit(z->pgdat, dense & ~1023u, 1024));
		nb_zone_lock(z, 0);
		nb_free_one_page(z, p, order, nb_pageblock_mt(z, dense), NB_FPI_TO_TAIL);
		nb_zone_unlock(z);
		pfn += UINT64_C(1) << order;
	}
}

/* Frees what memblock has free below `end`. A range that is smaller than a page on either side
 * counts as reserved. */
static uint64_t free_memory(nb_pfn_t end)
{
	struct range r[PLAY_RANGES];
	unsigned n = play.nr_memory;
	uint64_t pages = 0, low = 0;

	memcpy(r, play.memory, sizeof(r));
	for (unsigned i = 0; i < play.nr_reserved; i++)
		cut(r, &n, play.reserved[i].start, play.reserved[i].end);
	/* ascending: the lowest that is not done yet */
	for (;;) {
		unsigned next = n;

		for (unsigned i = 0; i < n; i++) {
			if (r[i].start < r[i].end && r[i].start >= low &&
			    (next == n || r[i].start < r[next].start))
				next = i;
		}
		if (next == n)
			return pages;
		nb_pfn_t from = (r[next].start + 4095) >> 12, to = r[next].end >> 12;

		low = r[next].end;
		if (to > end)
			to = end;
		if (from < to) {
			play_free_range(from, to);
			if (from >= play.zone->zone_start_pfn)
				pages += to - from;
			else
				play.sys->pgdat[0]->zone[NB_ZONE_DMA].managed_pages += to - from;
		}
	}
}

void play_boot(void)
{
	struct nb_error err = {0};
	struct nb_node node = {.id = 0, .online = true};
	struct nb_cpu cpu = {
		.online = true, .package = -1, .die = -1, .cluster = -1, .core = -1, .llc = -1};

	nb_port_posix(&play.port, false);
	play.machine = nb_machine_new(&play.port);
	assert_int_equal(nb_machine_add_node(play.machine, &node), 0);
	assert_int_equal(nb_machine_add_cpu(play.machine, &cpu), 0);
	for (unsigned i = 0; i < play.nr_memory; i++) {
		struct nb_mem_range r = {.start = (play.memory[i].start + 4095) & ~UINT64_C(4095),
					 .end = play.memory[i].end & ~UINT64_C(4095)};

		assert_int_equal(nb_machine_add_range(play.machine, &r), 0);
	}
	give_reserved(play.machine);
	if (nb_machine_seal(play.machine, &err) ||
	    nb_system_boot(&play.port, play.machine, NULL, &play.sys, &err))
		fail_msg("%s", err.text);
	/* Where we part from the kernel our pages are put where its are, which a debug build's
	 * closer look at frees takes for errors. */
	play.sys->debug = false;
	play.zone = &play.sys->pgdat[0]->zone[NB_ZONE_DMA32];
}

static bool is_reserved(nb_pfn_t pfn)
{
	for (unsigned i = 0; i < play.nr_reserved; i++) {
		if (play.reserved[i].start < (pfn + 1) << 12 && play.reserved[i].end > pfn << 12)
			return true;
	}
	return false;
}

/* Late pageblocks become movable when their first page is freed by the thread that initialises
 * them; one that begins in reserved pages keeps the type of an empty table. */
static void type_late_blocks(nb_pfn_t end)
{
	for (nb_pfn_t pfn = play.first_deferred; pfn < end; pfn += 512) {
		uint32_t dense = (uint32_t)(pfn - play.zone->pfn_delta);

		assert_true(nb_map_commit(play.zone->pgdat, dense & ~1023u, 1024));
		if (is_reserved(pfn))
			nb_set_pageblock_mt(play.zone, dense, NB_MIGRATE_UNMOVABLE);
	}
}

/* Empties the lists that boot has made: they hold what is deferred, too. */
void play_empty_lists(void)
{
	for (unsigned i = 0; i < NB_NR_ORDERS * NB_MIGRATE_TYPES * 2; i++) {
		struct nb_zone *z = &play.sys->pgdat[0]->zone[i % 2 ? NB_ZONE_DMA : NB_ZONE_DMA32];
		unsigned order = i / 2 / NB_MIGRATE_TYPES;
		enum nb_migratetype mt = (enum nb_migratetype)(i / 2 % NB_MIGRATE_TYPES);

		nb_zone_lock(z, 0);
		while (z->free_area[order].free_list[mt].first) {
			assert_non_null(nb_free_list_take(z, order, mt));
			nb_account_free(z, mt, -(INT64_C(1) << order));
		}
		nb_zone_unlock(z);
	}
}

/* The lists are the engine's own where nothing is deferred; else those that the log tells of. */
void play_begin(void)
{
	nb_pfn_t end = nb_zone_end_pfn(play.zone);
	struct nb_zone *zones = play.sys->pgdat[0]->zone;
	struct nb_error err = {0};

	if (nb_system_check(play.sys, &err))
		fail_msg("%s", err.text);
	for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_DMA32; t++) {
		memset(zones[t].wmark, 0, sizeof(zones[t].wmark));
		memset(zones[t].lowmem_reserve, 0, sizeof(zones[t].lowmem_reserve));
	}
	/* The last zone's pages are initialised up to the first section border after one section's
	 * worth. */
	play.first_deferred = (play.zone->zone_start_pfn + SECTION_PAGES + SECTION_PAGES - 1) /
			      SECTION_PAGES * SECTION_PAGES;
	play_size_sets(1, 0, 0);
	if (play.first_deferred >= end)
		return;
	play_empty_lists();
	type_late_blocks(end);
	zones[NB_ZONE_DMA].managed_pages = 0;
	play.zone->managed_pages = free_memory(play.first_deferred);
}

/* What each type took before the trace began: everything up to its first traced frame. */
void play_take_untraced(enum nb_migratetype mt, nb_pfn_t first)
{
	for (;;) {
		enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
		struct nb_page *p;

		nb_zone_lock(play.zone, 0);
		p = nb_rmqueue(play.zone, 0, mt, 0, &mode);
		assert_non_null(p);
		if (nb_zone_page_pfn(play.zone, p) == first) {
			nb_free_one_page(play.zone, p, 0, mt, NB_FPI_NONE);
			nb_zone_unlock(play.zone);
			return;
		}
		play_take_for_good(p, 0);
		nb_zone_unlock(play.zone);
		assert_true(++play.silent < 100000);
	}
}

struct nb_zone *play_zone_of(nb_pfn_t pfn)
{
	struct nb_zone *z;

	assert_non_null(nb_pfn_to_page(play.sys, pfn, &z));
	return z;
}

/* Marks as init_per_zone_wmark_min() finds the zones. */
void play_set_marks(void)
{
	uint64_t pages = 0, kib = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		pages += play.sys->pgdat[0]->zone[t].managed_pages;
	while ((kib + 1) * (kib + 1) <= pages * 4 * 16)
		kib++;
	play.sys->tune.min_free_kbytes = (int64_t)kib;
	nb_setup_per_zone_wmarks(play.sys, false);
	nb_setup_per_zone_lowmem_reserve(play.sys, false);
	nb_setup_per_cpu_pagesets(play.sys);
}

static struct nb_page *page_at(nb_pfn_t pfn, uint32_t *ret_dense)
{
	struct nb_zone *z = play_zone_of(pfn);
	struct nb_page *p = nb_pfn_to_page(play.sys, pfn, &z);

	assert_non_null(p);
	*ret_dense = nb_page_dense(z->mem_map, p);
	assert_true(nb_map_commit(z->pgdat, *ret_dense & ~1023u, 1024));
	return p;
}

bool play_in_set(nb_pfn_t pfn, unsigned order)
{
	uint32_t dense, flags = nb_page_flags(page_at(pfn, &dense));

	return (flags & PG_PCP) && nb_flags_order(flags) == order;
}

/* Takes a block out of the page set. */
static void leave_set(struct nb_zone *z, struct nb_page *p)
{
	struct nb_pcp *pcp = nb_zone_pcp(z, 0);
	unsigned order = nb_page_order(p);

	nb_list_del(z->mem_map, &pcp->list[nb_pcp_list_of(order, nb_page_mt(p))], p);
	pcp->count -= 1 << order;
	nb_page_set_flags(p, 0);
}

/* Takes 1 << order pages at `dense` out of the free block around them, and puts the rest back. */
static bool leave_free(struct nb_zone *z, uint32_t dense, unsigned order)
{
	struct nb_page *map = z->mem_map;

	for (unsigned o = order; o <= 10; o++) {
		struct nb_page *head = map + (dense & ~((1u << o) - 1));

		if (!(nb_page_flags(head) & PG_BUDDY) || nb_page_order(head) != o)
			continue;
		enum nb_migratetype mt = nb_page_mt(head);
		struct nb_list *list = &z->free_area[o].free_list[mt];

		nb_zone_lock(z, 0);
		nb_list_del(map, list, head);
		nb_list_add_head(map, list, head);
		assert_ptr_equal(nb_free_list_take(z, o, mt), head);
		for (unsigned k = o; k-- > order;) {
			uint32_t half = dense >> k << k ^ 1u << k;

			nb_free_list_add(z, map + half, k, mt, false);
		}
		nb_account_free(z, mt, -(INT64_C(1) << order));
		nb_zone_unlock(z);
		return true;
	}
	return false;
}

/* Out of wherever it is: afterwards its descriptors say nothing. */
static void leave(nb_pfn_t pfn, unsigned order)
{
	struct nb_zone *z = play_zone_of(pfn);
	uint32_t dense;
	struct nb_page *p = page_at(pfn, &dense);

	if (nb_page_flags(p) & PG_PCP && nb_page_order(p) == order) {
		leave_set(z, p);
		return;
	}
	if (leave_free(z, dense, order))
		return;
	/* Smaller pieces, or pages that were never the allocator's. */
	for (uint32_t i = 0; i < 1u << order; i++) {
		if (nb_page_flags(p + i) & PG_PCP)
			leave_set(z, p + i);
		else if (!leave_free(z, dense + i, 0))
			nb_page_set_flags(p + i, 0);
	}
}

void play_put_allocated(nb_pfn_t pfn, unsigned order)
{
	uint32_t dense;

	leave(pfn, order);
	play_take_for_good(page_at(pfn, &dense), order);
}

void play_put_in_set(nb_pfn_t pfn, unsigned order, enum nb_migratetype mt, bool tail)
{
	struct nb_zone *z = play_zone_of(pfn);
	struct nb_pcp *pcp = nb_zone_pcp(z, 0);
	uint32_t dense;
	struct nb_page *p = page_at(pfn, &dense);
	struct nb_list *list = &pcp->list[nb_pcp_list_of(order, mt)];

	leave(pfn, order);
	nb_page_set_flags(p, PG_PCP | order | (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
	if (tail)
		nb_list_add_tail(z->mem_map, list, p);
	else
		nb_list_add_head(z->mem_map, list, p);
	pcp->count += 1 << order;
}

void play_put_free(nb_pfn_t pfn, unsigned order)
{
	struct nb_zone *z = play_zone_of(pfn);
	uint32_t dense;
	struct nb_page *p = page_at(pfn, &dense);

	leave(pfn, order);
	nb_zone_lock(z, 0);
	nb_free_one_page(z, p, order, nb_pageblock_mt(z, dense), NB_FPI_NONE);
	nb_zone_unlock(z);
}
