/* acpi.c -- SRAT, SLIT, HMAT and MADT: node numbers in the order met, every entry's rule, every
 * wrong byte.
 *
 * Tables are built entry by entry below; those of recorded machines are compared with what their
 * kernels printed.
 */
#include "read/acpi.h"
#include "form.h"

#include <dirent.h>
#include <sys/stat.h>

#define G (UINT64_C(1) << 30)

struct table {
	uint8_t bytes[65536];
	size_t len;
};

static void put(struct table *t, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		t->bytes[t->len++] = (uint8_t)(i < 8 ? v >> 8 * i : 0);
}

static void begin(struct table *t, const char *sig, unsigned rev)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, sig, 4);
	t->bytes[8] = (uint8_t)rev;
	t->len = 36;
	if (!strcmp(sig, "SRAT"))
		put(t, 1, 12);
	if (!strcmp(sig, "APIC"))
		put(t, 0xfee00000, 8);
	if (!strcmp(sig, "HMAT"))
		put(t, 0, 4);
}

/* Length and checksum as the firmware would write them. */
static void end(struct table *t)
{
	uint8_t sum = 0;

	for (int i = 0; i < 4; i++)
		t->bytes[4 + i] = (uint8_t)(t->len >> 8 * i);
	t->bytes[9] = 0;
	for (size_t i = 0; i < t->len; i++)
		sum = (uint8_t)(sum + t->bytes[i]);
	t->bytes[9] = (uint8_t)-sum;
}

static void cpu(struct table *t, unsigned pxm, unsigned apic, unsigned flags)
{
	put(t, 0 | 16 << 8 | (pxm & 0xff) << 16 | apic << 24, 4);
	put(t, flags, 4);
	put(t, (uint64_t)(pxm >> 8) << 8, 8);
}

static void x2apic(struct table *t, unsigned pxm, unsigned apic)
{
	put(t, 2 | 24 << 8, 4);
	put(t, pxm, 4);
	put(t, apic, 4);
	put(t, 1, 12);
}

static void initiator(struct table *t, unsigned pxm, unsigned flags)
{
	put(t, 5 | 32 << 8, 4);
	put(t, pxm, 4);
	put(t, 0, 16);
	put(t, flags, 8);
}

static void memory(struct table *t, unsigned pxm, uint64_t start, uint64_t size, unsigned flags)
{
	put(t, 1 | 40 << 8, 2);
	put(t, pxm, 4);
	put(t, 0, 2);
	put(t, start, 8);
	put(t, size, 8);
	put(t, 0, 4);
	put(t, flags, 12);
}

/* One PXM after the other as the kernel meets them: processors and initiators in table order, then
 * memory. */
static void test_node_order(void **state)
{
	struct nb_acpi *a = nb_acpi_new();
	struct table t;

	(void)state;
	begin(&t, "SRAT", 3);
	memory(&t, 7, 0, G, 1);
	memory(&t, 6, 9 * G, G, 0); /* not enabled: as if it were not there */
	x2apic(&t, 300, 1000);
	cpu(&t, 5, 0, 0); /* not enabled */
	cpu(&t, 5, 2, 1);
	initiator(&t, 9, 1);
	initiator(&t, 11, 0);
	cpu(&t, 300, 4, 1);
	memory(&t, 1, G, G, 1);
	memory(&t, 5, 4 * G, G, 3);
	memory(&t, 5, 0, 0, 1); /* empty, and still names its domain */
	end(&t);
	assert_int_equal(nb_acpi_parse_srat(a, t.bytes, t.len, NULL), 0);
	assert_int_equal(nb_acpi_tables(a), NB_ACPI_HAS_SRAT);
	assert_int_equal(nb_acpi_nr_nodes(a), 5);
	assert_int_equal(nb_acpi_node_to_pxm(a, 0), 300);
	assert_int_equal(nb_acpi_node_to_pxm(a, 1), 5);
	assert_int_equal(nb_acpi_node_to_pxm(a, 2), 9);
	assert_int_equal(nb_acpi_node_to_pxm(a, 3), 7);
	assert_int_equal(nb_acpi_node_to_pxm(a, 4), 1);
	assert_int_equal(nb_acpi_pxm_to_node(a, 9), 2);
	assert_int_equal(nb_acpi_pxm_to_node(a, 6), NB_NO_NODE);
	assert_int_equal(nb_acpi_pxm_to_node(a, 99999), NB_NO_NODE);
	assert_true(nb_acpi_node_is_initiator(a, 2));
	assert_false(nb_acpi_node_is_initiator(a, 1));
	/* Without a MADT, CPUs are the SRAT's. */
	assert_int_equal(nb_acpi_nr_cpus(a), 3);
	assert_int_equal(nb_acpi_cpu_apic_id(a, 0), 1000);
	assert_int_equal(nb_acpi_cpu_node(a, 0), 0);
	assert_int_equal(nb_acpi_cpu_node(a, 1), 1);
	assert_int_equal(nb_acpi_cpu_node(a, 2), 0);
	assert_int_equal(nb_acpi_cpu_node(a, 3), NB_NO_NODE);
	nb_acpi_free(a);
}

static void test_memory(void **state)
{
	const struct nb_mem_range *r;
	struct nb_acpi *a = nb_acpi_new();
	struct nb_text ranges = {0};
	struct table t;
	unsigned n;

	(void)state;
	begin(&t, "SRAT", 1);
	cpu(&t, 0, 0, 1);
	memory(&t, 0xff00, 0, G, 1); /* revision 1 has domains of one byte */
	memory(&t, 1, G, G, 3);
	memory(&t, 1, 2 * G, G, 5);
	end(&t);
	assert_int_equal(nb_acpi_parse_srat(a, t.bytes, t.len, NULL), 0);
	r = nb_acpi_memory(a, &n);
	put_ranges(&ranges, r, n);
	assert_string_equal(nb_text_str(&ranges),
			    "0:0-0x3fffffff 1:0x40000000-0x7fffffff 1:0x80000000-0xbfffffff");
	assert_int_equal(r[0].flags, 0);
	assert_int_equal(r[1].flags, NB_RANGE_HOTPLUG);
	assert_int_equal(r[2].flags, NB_RANGE_NONVOLATILE);
	nb_text_release(&ranges);
	nb_acpi_free(a);
}

static void two_nodes(struct table *t)
{
	begin(t, "SRAT", 3);
	cpu(t, 4, 0, 1);
	cpu(t, 2, 1, 1);
	memory(t, 4, 0, G, 1);
	memory(t, 2, G, G, 1);
	end(t);
}

static struct nb_acpi *with_two_nodes(void)
{
	struct nb_acpi *a = nb_acpi_new();
	struct table t;

	two_nodes(&t);
	assert_int_equal(nb_acpi_parse_srat(a, t.bytes, t.len, NULL), 0);
	return a;
}

static struct nb_machine *machine_of(struct nb_acpi *a)
{
	struct nb_machine *m = nb_machine_new(test_port());

	assert_int_equal(nb_acpi_to_machine(a, m, NB_ACPI_ALL, NULL), 0);
	return m;
}

/* The SLIT is by domain; a domain beyond it is at the default distance; a table that breaks the
 * kernel's rule is ignored as a whole. */
static void test_slit(void **state)
{
	static const struct {
		unsigned n;
		uint8_t d[25];
		const char *distances, *note;
	} cases[] = {
		{5,
		 {10, 11, 12, 13, 14, 21, 10, 22, 23, 24, 31, 32, 10,
		  33, 34, 41, 42, 43, 10, 44, 51, 52, 53, 54, 10},
		 "10 53 34 10",
		 NULL},
		{3, {10, 11, 12, 13, 10, 14, 15, 16, 10}, "10 20 20 10", NULL},
		{2, {10, 10, 21, 10}, "", "SLIT: entry 0,1 is 10; only a node itself"},
		{2, {10, 21, 21, 11}, "", "SLIT: entry 1,1 is 11; the diagonal is 10"},
		{2, {10, 9, 21, 10}, "", "SLIT: entry 0,1 is 9"},
		{2, {10, 255, 254, 10}, "10 20 20 10", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_acpi *a = with_two_nodes();
		struct nb_machine *m;
		struct table t;

		begin(&t, "SLIT", 1);
		put(&t, cases[i].n, 8);
		for (unsigned k = 0; k < cases[i].n * cases[i].n; k++)
			put(&t, cases[i].d[k], 1);
		end(&t);
		assert_int_equal(nb_acpi_parse_slit(a, t.bytes, t.len, NULL), 0);
		m = machine_of(a);
		check_distances(m, cases[i].distances);
		if (cases[i].note)
			assert_non_null(strstr(nb_acpi_note(a, 0), cases[i].note));
		else
			assert_null(nb_acpi_note(a, 0));
		nb_machine_free(m);
		nb_acpi_free(a);
	}
}

static void hmat(struct table *t, unsigned rev, unsigned hierarchy, unsigned kind, uint64_t base,
		 const uint16_t *v)
{
	begin(t, "HMAT", rev);
	put(t, 1, 4);
	put(t, 8 + 24 + 4 * 4 + 4 * 2, 4);
	put(t, hierarchy | kind << 8, 4);
	put(t, 2, 4);
	put(t, 2, 8);
	put(t, base, 8);
	put(t, 4, 4);
	put(t, 2, 4);
	put(t, 4, 4);
	put(t, 2, 4);
	for (int i = 0; i < 4; i++)
		put(t, v[i], 2);
	end(t);
}

static void test_hmat(void **state)
{
	static const uint16_t v[] = {80, 250, 0, 0xffff};
	struct nb_acpi *a;
	struct nb_machine *m;
	struct table t;

	(void)state;
	/* revision 2: picoseconds; entries 0 and 0xffff say nothing */
	hmat(&t, 2, 0, 0, 1000, v);
	a = with_two_nodes();
	assert_int_equal(nb_acpi_parse_hmat(a, t.bytes, t.len, NULL), 0);
	m = machine_of(a);
	assert_int_equal(m->latency_ps[0], 80000);
	assert_int_equal(m->latency_ps[1], 250000);
	assert_int_equal(m->latency_ps[2], 0);
	assert_int_equal(m->latency_ps[3], 0);
	assert_null(m->bandwidth_bytes);
	nb_machine_free(m);
	nb_acpi_free(a);
	/* revision 1: a hundred picoseconds */
	hmat(&t, 1, 0, 1, 10, v);
	a = with_two_nodes();
	assert_int_equal(nb_acpi_parse_hmat(a, t.bytes, t.len, NULL), 0);
	m = machine_of(a);
	assert_int_equal(m->latency_ps[0], 80000);
	nb_machine_free(m);
	nb_acpi_free(a);
	/* bandwidth, in MiB a second */
	hmat(&t, 2, 0, 4, 1024, v);
	a = with_two_nodes();
	assert_int_equal(nb_acpi_parse_hmat(a, t.bytes, t.len, NULL), 0);
	m = machine_of(a);
	assert_true(m->bandwidth_bytes[0] == UINT64_C(80) << 30);
	assert_null(m->latency_ps);
	nb_machine_free(m);
	nb_acpi_free(a);
	/* of a memory-side cache: not memory's */
	hmat(&t, 2, 1, 0, 1000, v);
	a = with_two_nodes();
	assert_int_equal(nb_acpi_parse_hmat(a, t.bytes, t.len, NULL), 0);
	assert_int_equal(nb_acpi_tables(a) & NB_ACPI_HAS_HMAT, 0);
	nb_acpi_free(a);
	/* a base that overflows the kernel's 32 bits says nothing */
	hmat(&t, 2, 0, 0, UINT64_C(1) << 31, v);
	a = with_two_nodes();
	assert_int_equal(nb_acpi_parse_hmat(a, t.bytes, t.len, NULL), 0);
	assert_int_equal(nb_acpi_tables(a) & NB_ACPI_HAS_HMAT, 0);
	nb_acpi_free(a);
}

static void test_madt(void **state)
{
	struct nb_acpi *a = with_two_nodes();
	struct nb_machine *m;
	struct table t;

	(void)state;
	begin(&t, "APIC", 3);
	put(&t, 0 | 8 << 8 | 0 << 16 | 1u << 24, 4); /* APIC id 1: the boot CPU */
	put(&t, 1, 4);
	put(&t, 0 | 8 << 8 | 1 << 16 | 0u << 24, 4); /* id 0 */
	put(&t, 1, 4);
	put(&t, 0 | 8 << 8 | 2 << 16 | 7u << 24, 4); /* id 7: room for a CPU, not enabled */
	put(&t, 2, 4);
	put(&t, 0 | 8 << 8 | 3 << 16 | 0xffu << 24, 4); /* no id */
	put(&t, 1, 4);
	put(&t, 9 | 16 << 8, 4); /* x2APIC: id 1 once more */
	put(&t, 1, 4);
	put(&t, 1, 8);
	put(&t, 9 | 16 << 8, 4); /* x2APIC: id 300, which the SRAT does not name */
	put(&t, 300, 4);
	put(&t, 1, 8);
	put(&t, 2 | 10 << 8, 10); /* an interrupt source override */
	end(&t);
	assert_int_equal(nb_acpi_parse_madt(a, t.bytes, t.len, NULL), 0);
	assert_int_equal(nb_acpi_nr_cpus(a), 3);
	assert_int_equal(nb_acpi_cpu_apic_id(a, 0), 1);
	assert_int_equal(nb_acpi_cpu_node(a, 0), 1);
	assert_int_equal(nb_acpi_cpu_node(a, 1), 0);
	assert_int_equal(nb_acpi_cpu_node(a, 2), NB_NO_NODE);
	/* A CPU without an entry gets a node in turn of those with memory: CPU 2 of two nodes, the
	 * first. */
	m = machine_of(a);
	check_cpus(m, "1-2|0|");
	nb_machine_free(m);
	nb_acpi_free(a);
}

/* One thing wrong each. `at`, `value`: a byte changed before the checksum is made right; at 0:
 * none. */
static const struct {
	const char *what;
	size_t at;
	unsigned value;
	size_t cut; /* bytes taken off the end after that */
	const char *says;
} bad[] = {
	{"signature", 0, 'X', 0, "no such table"},
	{"cut off", 47, 0, 1, "says 160 bytes, 159 are there; the table is cut off"},
	{"header only", 47, 0, 124, "says 160 bytes, 36 are there"},
	{"less than a header", 47, 0, 125, "no such table"},
	{"entry of length 0", 49, 0, 0, "entry at byte 48 (type 0) has length 0"},
	{"entry of length 1", 49, 1, 0, "has length 1"},
	{"entry past the end", 121, 200, 0,
	 "entry at byte 120 (type 1) has length 200; 40 bytes are left"},
	{"processor of 20 bytes", 49, 20, 0,
	 "processor entry at byte 48 is 20 bytes long; 16 would be right"},
	{"memory of 39 bytes", 121, 39, 0,
	 "memory entry at byte 120 is 39 bytes long; 40 would be right"},
	{"domain past 1023", 60, 4, 0, NULL}, /* reserved byte: no effect */
	{"domain past 1023", 58, 4, 0,
	 "entry at byte 48 is of proximity domain 262148; the kernel takes 0 to 1023"},
	{"memory's domain past 1023", 123, 4, 0, "entry at byte 120 is of proximity domain 1026"},
	{"overflow", 143, 0xff, 0, "overflow"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nb_acpi *a = nb_acpi_new();
		struct nb_error err = {0};
		struct table t;
		int rc;

		two_nodes(&t);
		assert_int_equal(t.len, 160);
		t.bytes[bad[i].at] = (uint8_t)bad[i].value;
		if (!strcmp(bad[i].what, "overflow"))
			t.bytes[135] = 0xff;
		end(&t);
		rc = nb_acpi_parse_srat(a, t.bytes, t.len - bad[i].cut, &err);
		if (!rc != !bad[i].says || (rc && !strstr(err.text, bad[i].says)))
			fail_msg("%s: %d \"%s\" lacks \"%s\"", bad[i].what, rc, err.text,
				 bad[i].says ? bad[i].says : "");
		nb_acpi_free(a);
	}
}

static void test_bad_others(void **state)
{
	struct nb_acpi *a = with_two_nodes();
	struct nb_error err = {0};
	struct table t;

	(void)state;
	two_nodes(&t);
	assert_int_equal(nb_acpi_parse_srat(a, t.bytes, t.len, &err), -NB_EEXIST);
	memset(&err, 0, sizeof(err));
	t.bytes[100] ^= 1;
	assert_int_equal(nb_acpi_parse_srat(a, t.bytes, t.len, &err), -NB_EINVAL);
	assert_non_null(strstr(err.text, "add up to"));
	memset(&err, 0, sizeof(err));
	begin(&t, "SLIT", 1);
	put(&t, 3, 8);
	put(&t, 0, 8);
	end(&t);
	assert_int_equal(nb_acpi_parse_slit(a, t.bytes, t.len, &err), -NB_EINVAL);
	assert_non_null(strstr(err.text, "3 localities need 9 bytes of distances, 8 are there"));
	nb_acpi_free(a);
	/* counts whose product overflows */
	a = with_two_nodes();
	memset(&err, 0, sizeof(err));
	begin(&t, "SLIT", 1);
	put(&t, UINT64_C(1) << 32, 8);
	end(&t);
	assert_int_equal(nb_acpi_parse_slit(a, t.bytes, t.len, &err), -NB_EINVAL);
	memset(&err, 0, sizeof(err));
	begin(&t, "HMAT", 2);
	put(&t, 1, 4);
	put(&t, 40, 4);
	put(&t, 0, 4);
	put(&t, UINT32_MAX, 4);
	put(&t, UINT32_MAX, 8);
	put(&t, 1, 16);
	end(&t);
	assert_int_equal(nb_acpi_parse_hmat(a, t.bytes, t.len, &err), -NB_EINVAL);
	assert_non_null(strstr(err.text, "do not fit"));
	nb_acpi_free(a);
}

static void write_file(const char *dir, const char *name, const void *bytes, size_t len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

/* acpi:DIR: tables under any name, binary or base64, others passed over. */
static void test_dir(void **state)
{
	static const char base64[] =
		"U0xJVDAAAAABgE9SQUNMRU9SQUNMRSAgAQAAAE9SQUMBAAAAAgAAAAAAAAAKFRUK\n";
	char dir[] = "/tmp/numabox-acpi-XXXXXX", word[64], command[64];
	struct nb_text ranges = {0};
	struct nb_machine *m;
	struct nb_error err;
	struct table t;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(word, sizeof(word), "acpi:%s", dir);
	assert_null(read_word(word, &err));
	assert_non_null(strstr(err.text, "no SRAT"));
	begin(&t, "SRAT", 3);
	cpu(&t, 0, 0, 1);
	cpu(&t, 1, 1, 1);
	memory(&t, 0, 0, 0xa0000, 1);
	memory(&t, 0, 0x100000, G - 0x100000, 1);
	memory(&t, 0, 64 * G, 8 * G, 3); /* room: node 0 has other memory */
	memory(&t, 1, G, G, 3);          /* memory: all of node 1 is hot-pluggable */
	memory(&t, 1, 2 * G, G, 3);
	end(&t);
	write_file(dir, "srat.bin", t.bytes, t.len);
	write_file(dir, "SLIT.b64", base64, strlen(base64));
	begin(&t, "DSDT", 2);
	end(&t);
	write_file(dir, "DSDT", t.bytes, t.len);
	write_file(dir, "README", "text\n", 5);
	m = read_good(word);
	/* The kernel's rules run on the memory as firmware map and on the SRAT as it is. */
	assert_int_equal(m->nr_ranges, 0);
	put_ranges(&ranges, m->firmware, m->nr_firmware);
	assert_string_equal(nb_text_str(&ranges), "-1:0-0x9ffff -1:0x100000-0xbfffffff");
	nb_text_release(&ranges);
	assert_int_equal(m->nr_affinity, 5);
	assert_int_equal(m->affinity[2].flags, NB_RANGE_HOTPLUG);
	check_cpus(m, "0|1|");
	check_distances(m, "10 21 21 10");
	nb_machine_free(m);
	/* Arm's tables give node ranges in whole pages. */
	begin(&t, "SRAT", 3);
	put(&t, 3 | 18 << 8, 2);
	put(&t, 0, 4);
	put(&t, 0, 4);
	put(&t, 1, 8);
	memory(&t, 0, G, G / 2, 1);
	memory(&t, 0, G + G / 2, G / 2 + 100, 1);
	memory(&t, 1, 3 * G - 100, G, 1);
	end(&t);
	write_file(dir, "srat.bin", t.bytes, t.len);
	m = read_good(word);
	assert_int_equal(m->arch, NB_ARCH_ARM64);
	assert_int_equal(m->nr_firmware, 0);
	check_ranges(m, "0:0x40000000-0x7fffffff 1:0xc0000000-0xffffefff");
	nb_machine_free(m);
	write_file(dir, "zz", "SRAT\0", 5);
	assert_null(read_word(word, &err));
	assert_non_null(strstr(err.file, "/zz"));
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* Node and PXM of each line "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff] hotplug". */
static unsigned compare_log(const char *path, const struct nb_acpi *a)
{
	char name[4200], line[1024];
	unsigned n, i = 0;
	const struct nb_mem_range *r = nb_acpi_memory(a, &n);
	FILE *f;

	snprintf(name, sizeof(name), "%s/dmesg", path);
	f = fopen(name, "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "ACPI: SRAT: Node ");
		unsigned long long start, last;
		unsigned node, pxm;

		if (!at || sscanf(at, "ACPI: SRAT: Node %u PXM %u [mem %llx-%llx]", &node, &pxm,
				  &start, &last) != 4)
			continue;
		while (i < n && r[i].start == r[i].end)
			i++;
		assert_true(i < n);
		assert_int_equal(r[i].nid, node);
		assert_int_equal(nb_acpi_node_to_pxm(a, node), pxm);
		assert_true(r[i].start == start && r[i].end == last + 1);
		assert_int_equal(!!(r[i].flags & NB_RANGE_HOTPLUG), !!strstr(at, "hotplug"));
		i++;
	}
	if (f)
		fclose(f);
	return i;
}

static void test_snapshots(void **state)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	struct dirent **names;
	unsigned compared = 0;
	char path[4096];
	int n;

	(void)state;
	snprintf(path, sizeof(path), "%s/snapshots", oracle ? oracle : "");
	n = oracle ? scandir(path, &names, NULL, alphasort) : -1;
	for (int i = 0; i < n; i++) {
		struct nb_acpi *a = nb_acpi_new();
		struct nb_text text = {0};
		char file[4400];
		FILE *f;
		int c;

		snprintf(path, sizeof(path), "%s/snapshots/%s", oracle, names[i]->d_name);
		snprintf(file, sizeof(file), "%s/acpi/SRAT.b64", path);
		f = fopen(file, "r");
		while (f && (c = fgetc(f)) != EOF)
			nb_text_add(&text, &(char){(char)c}, 1);
		if (f) {
			fclose(f);
			assert_int_equal(nb_acpi_add(a, file, nb_text_str(&text), text.len, NULL),
					 0);
			compared += compare_log(path, a) > 0;
		}
		nb_text_release(&text);
		nb_acpi_free(a);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (n <= 0)
		skip();
	assert_true(compared > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_order), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_slit),       cmocka_unit_test(test_hmat),
		cmocka_unit_test(test_madt),       cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bad_others), cmocka_unit_test(test_dir),
		cmocka_unit_test(test_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
