/* capture.c -- tests of src/host/capture.c and collect.c: a machine saved loads again and is the
 * same.
 *
 * The machine is a made one below a directory, so that what must be saved and what must not is
 * known; the live one is saved once, to see that it works there too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "host/capture.h"
#include "read/capture.h"
#include "read/machine.h"

#define NODE "root/sys/devices/system/node/"
#define CPU "root/sys/devices/system/cpu/"

static char dir[] = "nb-host-XXXXXX";
static struct nb_port port;

static const struct {
	const char *path, *text;
} machine[] = {
	{"root/proc/version", "Linux version 6.12.1-amd64 (a@b)\n"},
	{"root/proc/cmdline", "quiet token=verysecret movable_node -- evenmoresecret\n"},
	{"root/proc/cpuinfo", "processor\t: 0\nSerial\t: serialsecret\n\nprocessor\t: 1\n"},
	{"root/proc/kallsyms", "ffffffff81000000 T symbolsecret\n"},
	{"root/proc/sys/kernel/hostname", "hostsecret\n"},
	{"root/sys/class/dmi/id/product_uuid", "uuidsecret\n"},
	{"root/proc/zoneinfo",
	 "Node 0, zone   Normal\n  pages free     100000\n        spanned  262144\n"
	 "        present  262144\n        managed  250000\n  start_pfn:           1048576\n"
	 "Node 1, zone   Normal\n  pages free     100000\n        spanned  262144\n"
	 "        present  262144\n        managed  260000\n  start_pfn:           1310720\n"},
	{"root/proc/buddyinfo", "Node 0, zone   Normal 1 2 3 4 5 6 7 8 9 10 11 \n"},
	{"root/proc/sys/vm/swappiness", "10\n"},
	{"root/proc/sys/vm/min_free_kbytes", "90112\n"},
	{"root/etc/sysctl.d/90-x.conf", "net.secretsetting = 1\nvm.min_free_kbytes = 90112\n"},
	{NODE "online", "0-1\n"},
	{NODE "node0/cpulist", "0\n"},
	{NODE "node1/cpulist", "1\n"},
	{NODE "node0/distance", "10 21\n"},
	{NODE "node1/distance", "21 10\n"},
	{NODE "node0/memory32/x", ""},
	{NODE "node1/memory40/x", ""},
	{"root/sys/devices/system/memory/block_size_bytes", "8000000\n"},
	{CPU "online", "0-1\n"},
	{CPU "cpu0/topology/core_id", "4\n"},
	{CPU "cpu0/topology/physical_package_id", "0\n"},
	{CPU "cpu1/topology/core_id", "5\n"},
	{CPU "cpu1/topology/physical_package_id", "1\n"},
	{CPU "cpu0/cache/index3/shared_cpu_list", "0\n"},
	{CPU "cpu1/cache/index3/shared_cpu_list", "1\n"},
	{"root/sys/firmware/acpi/tables/SRAT", "too short to be one"},
};

static void write_text(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s", path);
	for (char *p = full; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	nb_port_posix(&port, false);
	strcpy(dir, "nb-host-XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755) || chdir(dir))
		return -1;
	for (size_t i = 0; i < sizeof(machine) / sizeof(*machine); i++)
		write_text(machine[i].path, machine[i].text);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("..") || system(command);
}

static struct nb_machine *load(const char *spec)
{
	struct nb_machine *m = NULL;
	struct nb_error err = {0};

	if (nb_read_machine(&port, spec, NULL, &m, NULL, &err))
		fail_msg("%s: %s:%u: %s", spec, err.file, err.line, err.text);
	return m;
}

static void expect_machine(const char *spec)
{
	struct nb_machine *m = load(spec);
	const struct nb_zone_fact *f = nb_machine_zone_fact(m, 1, NB_ZONE_NORMAL);

	assert_string_equal(m->release, "6.12.1-amd64");
	assert_string_equal(m->cmdline, "quiet token=MASKED movable_node");
	assert_int_equal(m->nr_nodes, 2);
	assert_int_equal(m->nr_cpus, 2);
	assert_int_equal(m->cpus[1].nid, 1);
	assert_int_equal(m->cpus[0].core, 4);
	assert_int_equal(m->cpus[1].package, 1);
	assert_int_equal(m->cpus[1].llc, 1);
	assert_int_equal(nb_machine_distance(m, 1, 0), 21);
	assert_non_null(f);
	assert_int_equal(f->managed_pages, 260000);
	assert_int_equal(m->nr_ranges, 2);
	assert_int_equal(m->ranges[1].start, UINT64_C(1310720) << 12);
	assert_int_equal(m->nr_sysctls, 2);
	assert_string_equal(m->sysctls[0].name, "vm.min_free_kbytes");
	nb_machine_free(m);
}

static void save(const char *out)
{
	struct nb_text notes = {0};
	struct nb_error err = {0};

	if (nb_host_capture(&port, "root", out, &notes, &err))
		fail_msg("%s: %s", err.file, err.text);
	nb_text_release(&notes);
}

static void test_directory(void **state)
{
	(void)state;
	save("cap");
	expect_machine("./cap/");
	/* nothing of what names the owner, in any file */
	assert_int_equal(system("grep -rq secret cap"), 256);
	assert_int_equal(system("grep -rq symbol cap"), 256);
	assert_int_equal(system("grep -rq quiet cap"), 0);
}

static void test_archive(void **state)
{
	(void)state;
	save("cap.tar.gz");
	expect_machine("./cap.tar.gz");
	save("cap.tar.zst");
	expect_machine("./cap.tar.zst");
}

static void test_machine_file(void **state)
{
	(void)state;
	save("cap.yaml");
	expect_machine("./cap.yaml");
	assert_int_equal(system("grep -q secret cap.yaml"), 256);
}

/* What an ordinary user may not read is named, and the rest is saved. */
static void test_ordinary_user(void **state)
{
	struct nb_text notes = {0};
	bool root = !geteuid();
	int bad;

	(void)state;
	assert_int_equal(chmod("root/proc/buddyinfo", 0), 0);
	assert_int_equal(mkdir("out", 0777), 0);
	assert_int_equal(chmod("out", 0777), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	bad = nb_host_capture(&port, "root", "out/cap", &notes, NULL);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(bad, 0);
	assert_string_equal(nb_text_str(&notes),
			    "not readable without privilege: proc/buddyinfo\n");
	assert_int_equal(system("grep -q buddyinfo out/cap/capture-notes.txt"), 0);
	nb_text_release(&notes);
	expect_machine("out/cap/");
}

/* Reading the ratio makes a kernel compute its reserves anew: only a value that was set is read. */
static void test_ratio_left_alone(void **state)
{
	(void)state;
	write_text("root/proc/sys/vm/lowmem_reserve_ratio", "256\t256\t32\t0\t0\n");
	write_text("root/proc/zoneinfo", "Node 0, zone   DMA32\n        managed  100000\n"
					 "        protection: (0, 0, 3906, 3906, 3906)\n"
					 "Node 0, zone   Normal\n        managed  1000000\n"
					 "        protection: (0, 0, 0, 0, 0)\n");
	save("cap");
	assert_int_equal(system("grep -q lowmem_reserve_ratio cap/proc-sys.tsv"), 256);
	write_text("root/proc/zoneinfo", "Node 0, zone   DMA32\n        managed  100000\n"
					 "        protection: (0, 0, 31250, 31250, 31250)\n"
					 "Node 0, zone   Normal\n        managed  1000000\n"
					 "        protection: (0, 0, 0, 0, 0)\n");
	save("cap2");
	assert_int_equal(system("grep -q lowmem_reserve_ratio cap2/proc-sys.tsv"), 0);
}

static void test_live(void **state)
{
	struct nb_text notes = {0};
	struct nb_error err = {0};
	struct nb_machine *m;

	(void)state;
	if (nb_host_capture(&port, NULL, "live.tar.gz", &notes, &err))
		fail_msg("%s: %s", err.file, err.text);
	nb_text_release(&notes);
	m = load("./live.tar.gz");
	assert_true(m->nr_cpus > 0);
	assert_true(m->nr_nodes > 0);
	nb_machine_free(m);
}

static void test_no_such_root(void **state)
{
	struct nb_text notes = {0};
	struct nb_error err = {0};

	(void)state;
	assert_int_equal(nb_host_capture(&port, "nowhere", "cap", &notes, &err), -NB_ENOENT);
	assert_string_equal(err.file, "nowhere");
	assert_int_not_equal(access("cap", F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_machine_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ordinary_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ratio_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_such_root, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
