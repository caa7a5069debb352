/* snapshot.c -- reads a recorded machine with a few string searches; see snapshot.h. */
#include "snapshot.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *snap_read(const char *dir, const char *name)
{
	char path[1400];
	size_t len = 0, cap = 0;
	char *s = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	do {
		cap += 1 << 16;
		s = realloc(s, cap + 1);
		len += fread(s + len, 1, cap - len, f);
	} while (len == cap);
	fclose(f);
	s[len] = '\0';
	return s;
}

static bool number_after(const char *line, const char *word, uint64_t *ret)
{
	size_t n = strlen(word);

	line += strspn(line, " ");
	if (strncmp(line, word, n) || (line[n] != ' ' && line[n] != ':'))
		return false;
	return sscanf(line + n, "%*[ :]%" SCNu64, ret) == 1;
}

static void zone_line(struct snap_zone *z, const char *line)
{
	const char *p = strstr(line, "protection: (");
	uint64_t v;

	if (p) {
		for (p += 13; *p && *p != ')' && z->nr_protection < NB_MAX_NR_ZONES;) {
			z->protection[z->nr_protection++] = strtoull(p, (char **)&p, 10);
			p += strspn(p, ", ");
		}
		return;
	}
	if (number_after(line, "high", &v)) {
		if (z->high == NB_UNKNOWN)
			z->high = v;
		else if (z->nr_pagesets < 256)
			z->pcp_high[z->nr_pagesets] = v;
		return;
	}
	if (number_after(line, "vm stats threshold", &v)) {
		z->threshold = v;
		z->nr_pagesets++;
		return;
	}
	(void)(number_after(line, "boost", &z->boost) || number_after(line, "min", &z->min) ||
	       number_after(line, "low", &z->low) || number_after(line, "promo", &z->promo) ||
	       number_after(line, "spanned", &z->spanned) ||
	       number_after(line, "present", &z->present) ||
	       number_after(line, "managed", &z->managed) || number_after(line, "cma", &z->cma) ||
	       number_after(line, "batch", &z->pcp_batch) ||
	       number_after(line, "start_pfn", &z->start_pfn));
}

unsigned snap_zoneinfo(const char *text, struct snap_zone *zone, unsigned max)
{
	unsigned n = 0;

	while (*text && n <= max) {
		char line[512], name[16];
		size_t len = strcspn(text, "\n");
		int nid;

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
		if (sscanf(line, "Node %d, zone %15s", &nid, name) == 2) {
			if (n == max)
				break;
			zone[n] = (struct snap_zone){
				.nid = nid,
				.type = (enum nb_zone_type)nb_zone_by_name(name, strlen(name)),
				.high = NB_UNKNOWN,
				.promo = NB_UNKNOWN,
			};
			n++;
		} else if (n) {
			zone_line(&zone[n - 1], line);
		}
	}
	return n;
}

const char *snap_log(const struct snapshot *s, const char *what, size_t *pos)
{
	const char *hit = strstr(s->dmesg + *pos, what);

	if (hit)
		*pos = (size_t)(hit - s->dmesg) + strlen(what);
	return hit;
}

static struct nb_pgdat *node(struct snapshot *s, int nid)
{
	struct nb_system *sys = &s->sys;
	struct nb_pgdat *p;

	if (nid < 0 || nid >= NB_MAX_NODES)
		return NULL;
	if (sys->node_index[nid] >= 0)
		return sys->pgdat[sys->node_index[nid]];
	if (sys->nr_pgdat == SNAP_MAX_NODES)
		return NULL;
	p = calloc(1, sizeof(*p));
	p->sys = sys;
	p->nid = nid;
	p->online = true;
	p->index = sys->nr_pgdat;
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		p->zone[t].sys = sys;
		p->zone[t].pgdat = p;
		p->zone[t].type = (enum nb_zone_type)t;
	}
	sys->node_index[nid] = (int16_t)sys->nr_pgdat;
	sys->pgdat[sys->nr_pgdat++] = p;
	nb_nodemask_set(&sys->online_nodes, nid);
	return p;
}

struct nb_zone *snap_sys_zone(struct snapshot *s, const struct snap_zone *z)
{
	struct nb_pgdat *p = nb_node_data(&s->sys, z->nid);

	return p ? &p->zone[z->type] : NULL;
}

static struct nb_zone *zone_of_pfn(struct snapshot *s, nb_pfn_t pfn)
{
	for (unsigned i = 0; i < s->sys.nr_memblock; i++) {
		const struct nb_mem_range *r = &s->sys.memblock[i];
		struct nb_pgdat *p = nb_node_data(&s->sys, r->nid);
		uint64_t addr = pfn << s->sys.page_shift;

		for (unsigned t = 0; p && addr >= r->start && addr < r->end && t < NB_MAX_NR_ZONES;
		     t++) {
			struct nb_zone *z = &p->zone[t];

			if (z->present_pages && pfn >= z->zone_start_pfn &&
			    pfn < nb_zone_end_pfn(z))
				return z;
		}
	}
	return NULL;
}

/* "  node   0: [mem 0x...-0x...]"; i386 without NUMA prints the same lines. */
static void read_ranges(struct snapshot *s)
{
	struct nb_system *sys = &s->sys;
	size_t pos = 0;
	const char *line = snap_log(s, "Early memory node ranges", &pos);

	sys->memblock = calloc(512, sizeof(*sys->memblock));
	while (line && sys->nr_memblock < 512) {
		struct nb_mem_range *r = &sys->memblock[sys->nr_memblock];
		int nid;

		line = strchr(line, '\n');
		if (!line)
			break;
		line += 1 + strcspn(line, "]");
		line += 1;
		if (sscanf(line, " node %d: [mem %" SCNx64 "-%" SCNx64 "]", &nid, &r->start,
			   &r->end) != 3)
			break;
		r->nid = nid;
		r->end++;
		sys->nr_memblock++;
	}
}

static uint64_t hex_after(const char *text, const char *what)
{
	const char *hit = text ? strstr(text, what) : NULL;

	return hit ? strtoull(hit + strlen(what), NULL, 16) : 0;
}

static void give_back(struct snapshot *s, struct nb_zone *z, uint64_t kib)
{
	uint64_t pages = kib >> (s->sys.page_shift - 10);

	s->given_back_pages += pages;
	if (z && z->managed_at_init_pages >= pages)
		z->managed_at_init_pages -= pages;
}

/* What was freed after the marks were computed: the initial RAM disk and parts of the kernel. */
static void read_freeing(struct snapshot *s)
{
	char *iomem = snap_read(s->path, "proc/iomem");
	const char *code_line = iomem ? strstr(iomem, ": Kernel code") : NULL;
	struct nb_zone *code_zone = NULL, *disk_zone;
	uint64_t disk, kib;
	size_t pos = 0;
	const char *line;

	while (code_line && code_line > iomem && code_line[-1] != '\n')
		code_line--;
	if (code_line)
		code_zone = zone_of_pfn(s, strtoull(code_line, NULL, 16) >> s->sys.page_shift);
	disk = hex_after(s->dmesg, "Allocated new RAMDISK: [mem ");
	if (!disk)
		disk = hex_after(s->dmesg, "RAMDISK: [mem ");
	disk_zone = disk ? zone_of_pfn(s, disk >> s->sys.page_shift) : code_zone;
	while ((line = snap_log(s, "Freeing initrd memory: ", &pos))) {
		if (sscanf(line, "Freeing initrd memory: %" SCNu64, &kib) == 1)
			give_back(s, disk_zone, kib);
	}
	for (pos = 0; (line = snap_log(s, "Freeing unused ", &pos));) {
		line = strchr(line, ':');
		if (line && sscanf(line, ": %" SCNu64, &kib) == 1)
			give_back(s, code_zone, kib);
	}
	free(iomem);
}

static void read_cpus(struct snapshot *s)
{
	for (unsigned i = 0; i < s->sys.nr_pgdat; i++) {
		struct nb_pgdat *p = s->sys.pgdat[i];
		char name[128], *list;

		snprintf(name, sizeof(name), "sys/devices/system/node/node%d/cpulist", p->nid);
		list = snap_read(s->path, name);
		if (list)
			(void)nb_bits_parse_list(list, strlen(list), p->cpus.bits, NB_MAX_CPUS);
		else
			for (unsigned c = 0; c < s->sys.nr_cpus_online; c++)
				nb_cpumask_set(&p->cpus, c);
		free(list);
	}
}

static void read_distances(struct snapshot *s)
{
	unsigned n = s->sys.nr_pgdat;

	s->sys.distances = calloc(n ? n * n : 1, 1);
	for (unsigned i = 0; i < n; i++) {
		char name[128], *row, *p;

		snprintf(name, sizeof(name), "sys/devices/system/node/node%d/distance",
			 s->sys.pgdat[i]->nid);
		p = row = snap_read(s->path, name);
		for (unsigned j = 0; j < n; j++)
			s->sys.distances[i * n + j] = row      ? (uint8_t)strtoul(p, &p, 10)
						      : i == j ? 10
							       : 20;
		free(row);
	}
}

static void identify(struct snapshot *s)
{
	char *version = snap_read(s->path, "proc/version");
	struct nb_machine *m = &s->machine;

	if (version)
		sscanf(version, "Linux version %127s", s->release);
	free(version);
	m->arch = strstr(s->release, "-686-pae") ? NB_ARCH_I386PAE
		  : strstr(s->release, "-686")   ? NB_ARCH_I386
		  : strstr(s->release, "arm64")  ? NB_ARCH_ARM64
						 : NB_ARCH_X86_64;
	m->page_shift = strstr(s->release, "arm64-16k") ? 14 : 12;
	m->release = s->release;
	m->profile = nb_kernel_nearest(s->release, &m->profile_exact);
	m->cmdline = snap_read(s->path, "proc/cmdline");
	if (m->cmdline)
		((char *)m->cmdline)[strcspn(m->cmdline, "\n")] = '\0';
	m->port = &s->port;
}

static void fill_zone(struct snapshot *s, const struct snap_zone *from)
{
	struct nb_pgdat *p = node(s, from->nid);
	struct nb_zone *z = p ? &p->zone[from->type] : NULL;

	if (!z)
		return;
	z->zone_start_pfn = from->start_pfn;
	z->spanned_pages = from->spanned;
	z->present_pages = from->present;
	z->managed_pages = z->managed_at_init_pages = from->managed;
	z->cma_pages = from->cma;
	p->node_present_pages += from->present;
	if (from->present)
		nb_nodemask_set(&s->sys.memory_nodes, from->nid);
	if (from->nr_pagesets > s->sys.nr_cpus_online)
		s->sys.nr_cpus_online = s->sys.nr_cpu_ids = from->nr_pagesets;
}

bool snap_load(const char *dir, struct snapshot *s)
{
	struct nb_system *sys = &s->sys;
	char *text = snap_read(dir, "proc/zoneinfo");

	memset(s, 0, sizeof(*s));
	if (!text)
		return false;
	snprintf(s->path, sizeof(s->path), "%s", dir);
	nb_port_posix(&s->port, false);
	identify(s);
	s->dmesg = snap_read(dir, "dmesg");
	if (!s->dmesg)
		s->dmesg = strdup("");
	sys->port = &s->port;
	sys->arena = nb_arena_new(&s->port);
	sys->machine = &s->machine;
	sys->profile = s->machine.profile;
	sys->zones = nb_kernel_zones(sys->profile, s->machine.arch);
	sys->page_shift = s->machine.page_shift;
	sys->max_order = nb_arch_max_order(s->machine.arch, sys->page_shift);
	sys->pageblock_order = nb_arch_pageblock_order(s->machine.arch, sys->page_shift);
	sys->movable_zone = strstr(s->dmesg, "  HighMem  [mem") ? NB_ZONE_HIGHMEM : NB_ZONE_NORMAL;
	sys->pgdat = calloc(SNAP_MAX_NODES, sizeof(*sys->pgdat));
	memset(sys->node_index, 0xff, sizeof(sys->node_index));
	s->nr_zones = snap_zoneinfo(text, s->zone, SNAP_MAX_ZONES);
	for (unsigned i = 0; i < s->nr_zones; i++)
		fill_zone(s, &s->zone[i]);
	read_ranges(s);
	read_freeing(s);
	read_cpus(s);
	read_distances(s);
	free(text);
	return true;
}

void snap_free(struct snapshot *s)
{
	for (unsigned i = 0; i < s->sys.nr_pgdat; i++)
		free(s->sys.pgdat[i]);
	free(s->sys.pgdat);
	free(s->sys.memblock);
	free(s->sys.distances);
	free((char *)s->machine.cmdline);
	free(s->dmesg);
	if (s->sys.arena)
		nb_arena_free(s->sys.arena);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **snap_list(unsigned *ret_n)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[1024], **list = NULL;
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/snapshots", oracle ? oracle : "");
	d = oracle ? opendir(path) : NULL;
	if (!d)
		return NULL;
	while ((e = readdir(d))) {
		size_t len = strlen(path) + strlen(e->d_name) + 2;

		if (e->d_name[0] == '.')
			continue;
		list = realloc(list, (n + 1) * sizeof(*list));
		list[n] = malloc(len);
		snprintf(list[n++], len, "%s/%s", path, e->d_name);
	}
	closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*ret_n = n;
	return list;
}
