/* capture.c -- every recorded snapshot and every captured real machine loads, with the right
 * counts.
 *
 * What must hold is read from the files with a few lines of our own, not through src/read: nodes on
 * line, CPUs of each node, rows of the distance table, and for hwloc's machines each node's
 * MemTotal. Where the command line makes other nodes than the hardware has (numa=), or the kernel
 * threw the tables away, sysfs shows something else than the hardware: such captures must load, no
 * more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "read/capture.h"
#include <numabox/system.h>

enum { MAX_IDS = 1024 };

static unsigned failures, compared;

__attribute__((format(printf, 3, 4))) static void check(bool ok, const char *where, const char *fmt,
							...)
{
	va_list ap;

	compared++;
	if (ok)
		return;
	failures++;
	va_start(ap, fmt);
	print_error("%s: ", where);
	vprint_error(fmt, ap);
	print_error("\n");
	va_end(ap);
}

static bool slurp(const char *dir, const char *path, char *buf, size_t size)
{
	char full[1024];
	size_t n;
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "r");
	if (!f)
		return false;
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
	return true;
}

/* "0-3,8" into on[]; returns how many. */
static unsigned list(const char *s, bool *on)
{
	unsigned n = 0;

	while (*s >= '0' && *s <= '9') {
		char *end;
		unsigned long a = strtoul(s, &end, 10), b = a;

		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (unsigned long i = a; i <= b && i < MAX_IDS; i++) {
			n += !on[i];
			on[i] = true;
		}
		s = *end == ',' ? end + 1 : end;
	}
	return n;
}

/* "00000001,00000000" into on[]. */
static unsigned mask(const char *s, bool *on)
{
	char hex[8192];
	unsigned n = 0, at = 0;
	size_t len = 0;

	for (; *s && *s != '\n' && len < sizeof(hex) - 1; s++)
		if (*s != ',')
			hex[len++] = *s;
	for (size_t i = len; i-- > 0; at += 4) {
		unsigned v = (unsigned)(hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 32) - 'a' + 10);

		for (unsigned k = 0; k < 4; k++)
			if (v >> k & 1 && at + k < MAX_IDS) {
				on[at + k] = true;
				n++;
			}
	}
	return n;
}

/* The CPUs that a node lists. The map is the judge: one machine was thinned out in its maps and
 * its list of CPUs on line, and kept the lists of all. */
static unsigned node_cpus(const char *dir, int nid, bool *on)
{
	char path[128], buf[8192];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%d/cpumap", nid);
	if (slurp(dir, path, buf, sizeof(buf)))
		return mask(buf, on);
	snprintf(path, sizeof(path), "sys/devices/system/node/node%d/cpulist", nid);
	return slurp(dir, path, buf, sizeof(buf)) ? list(buf, on) : 0;
}

/* A CPU of two nodes is of no kernel (one of hwloc's machines is made up so): then any of them will
 * do. */
static bool in_two_nodes(const char *dir, const bool *online)
{
	bool seen[MAX_IDS] = {false};

	for (int nid = 0; nid < MAX_IDS; nid++) {
		bool on[MAX_IDS] = {false};

		if (!online[nid] || !node_cpus(dir, nid, on))
			continue;
		for (int i = 0; i < MAX_IDS; i++) {
			if (on[i] && seen[i])
				return true;
			seen[i] |= on[i];
		}
	}
	return false;
}

static void check_cpus(const char *dir, const char *name, const struct nb_machine *m, int nid,
		       bool odd)
{
	bool want[MAX_IDS] = {false};
	unsigned n = node_cpus(dir, nid, want), have = 0;

	if (odd || !n)
		return;
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		const struct nb_cpu *c = &m->cpus[i];

		if (c->nid != nid || !c->online)
			continue;
		have++;
		check(c->id < MAX_IDS && want[c->id], name, "CPU %d is not of node %d", c->id, nid);
	}
	check(have == n, name, "node %d has %u CPUs, must have %u", nid, have, n);
}

static void check_distances(const char *dir, const char *name, const struct nb_machine *m, int nid,
			    const bool *online)
{
	char path[128], buf[8192], *p = buf;

	snprintf(path, sizeof(path), "sys/devices/system/node/node%d/distance", nid);
	if (!slurp(dir, path, buf, sizeof(buf)))
		return;
	for (int to = 0; to < MAX_IDS; to++) {
		unsigned long d;

		if (!online[to])
			continue;
		d = strtoul(p, &p, 10);
		check(nb_machine_distance(m, nid, to) == d, name,
		      "distance %d to %d is %u, must be %lu", nid, to,
		      nb_machine_distance(m, nid, to), d);
	}
}

/* Node ids that sysfs shows on line, or whose directories there are. */
static unsigned online_nodes(const char *dir, bool *online)
{
	char buf[8192], path[1024];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	if (slurp(dir, "sys/devices/system/node/online", buf, sizeof(buf)))
		return list(buf, online);
	snprintf(path, sizeof(path), "%s/sys/devices/system/node", dir);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "node", 4) && strspn(e->d_name + 4, "0123456789") &&
		    atoi(e->d_name + 4) < MAX_IDS) {
			online[atoi(e->d_name + 4)] = true;
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

static void check_machine(const char *dir, const char *name, const struct nb_machine *m)
{
	bool online[MAX_IDS] = {false};
	unsigned n = online_nodes(dir, online), have = 0;
	bool odd;

	if (!n)
		return;
	odd = in_two_nodes(dir, online);
	for (unsigned i = 0; i < m->nr_nodes; i++)
		have += m->nodes[i].online;
	check(have == n, name, "%u nodes on line, must be %u", have, n);
	for (int nid = 0; nid < MAX_IDS; nid++) {
		if (!online[nid])
			continue;
		check(nb_machine_node_index(m, nid) >= 0, name, "no node %d", nid);
		check_cpus(dir, name, m, nid, odd);
		check_distances(dir, name, m, nid, online);
	}
}

/* MemTotal of each node against the node's ranges; to the page. */
static void check_sizes(const char *dir, const char *name, const struct nb_machine *m)
{
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		char path[128], buf[8192], *total;
		uint64_t bytes = 0, want;

		snprintf(path, sizeof(path), "sys/devices/system/node/node%d/meminfo",
			 m->nodes[i].id);
		if (!slurp(dir, path, buf, sizeof(buf)) || !(total = strstr(buf, "MemTotal:")))
			continue;
		want = strtoull(total + 9, NULL, 10) << 10;
		for (unsigned r = 0; r < m->nr_ranges; r++)
			if (m->ranges[r].nid == m->nodes[i].id)
				bytes += m->ranges[r].end - m->ranges[r].start;
		check(bytes == want >> m->page_shift << m->page_shift, name,
		      "node %d has %llu bytes, must have %llu", m->nodes[i].id,
		      (unsigned long long)bytes, (unsigned long long)want);
	}
}

/* Loads and boots; NULL (and counted) if that fails. */
static struct nb_machine *load(const struct nb_port *port, const char *path, const char *name,
			       struct nb_capture **ret_c)
{
	struct nb_machine *m = nb_machine_new(port);
	struct nb_error err = {0};
	struct nb_system *sys;
	int bad = nb_capture_open(path, ret_c, &err);

	if (!bad) {
		bad = nb_capture_to_machine(*ret_c, m, false, &err);
		if (!bad)
			bad = nb_machine_seal(m, &err);
		if (!bad)
			bad = nb_system_boot(port, m, NULL, &sys, &err);
		if (!bad)
			nb_system_shutdown(sys);
		if (bad)
			nb_capture_free(*ret_c);
	}
	check(!bad, name, "%s:%u: %s", err.file, err.line, err.text);
	if (bad) {
		nb_machine_free(m);
		return NULL;
	}
	return m;
}

/* Does sysfs show the hardware's own nodes? */
static bool shows_hardware(const char *dir, const struct nb_machine *m)
{
	static char log[4 << 20];

	if (nb_machine_option(m, "numa=", NULL))
		return false;
	return !slurp(dir, "dmesg", log, sizeof(log)) || !strstr(log, "NUMA: no nodes coverage");
}

static void each_of(const char *sub,
		    void (*one)(const struct nb_port *, const char *, const char *))
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	struct dirent **names;
	struct nb_port port;
	char path[1024];
	int n;

	if (!oracle)
		skip();
	snprintf(path, sizeof(path), "%s/%s", oracle, sub);
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		skip();
	nb_port_posix(&port, false);
	failures = compared = 0;
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", oracle, sub, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			one(&port, path, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	print_message("# %s: %u comparisons, %u wrong\n", sub, compared, failures);
	assert_true(compared > 0);
	assert_int_equal(failures, 0);
}

static void one_snapshot(const struct nb_port *port, const char *path, const char *name)
{
	struct nb_capture *c;
	struct nb_machine *m = load(port, path, name, &c);

	if (!m)
		return;
	if (shows_hardware(path, m))
		check_machine(path, name, m);
	check(m->profile_exact || strstr(name, "i386"), name, "release '%s' is of no profile",
	      m->release);
	nb_capture_free(c);
	nb_machine_free(m);
}

static void one_archive(const struct nb_port *port, const char *path, const char *name)
{
	char dir[] = "nb-hwloc-XXXXXX", command[2048], top[512];
	struct nb_capture *c;
	struct nb_machine *m;
	struct dirent *e;
	DIR *d;

	if (!strstr(name, ".tar"))
		return;
	m = load(port, path, name, &c);
	if (!m)
		return;
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
		 "tar -C %s -xf '%s' --wildcards '*/sys/devices/system/node/*' 2>/dev/null || :",
		 dir, path);
	assert_int_equal(system(command), 0);
	d = opendir(dir);
	assert_non_null(d);
	top[0] = '\0'; /* stays empty for a machine without nodes */
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			snprintf(top, sizeof(top), "%s/%.255s", dir, e->d_name);
	closedir(d);
	if (top[0]) {
		check_machine(top, name, m);
		check_sizes(top, name, m);
	}
	snprintf(command, sizeof(command), "chmod -R u+rwX %s && rm -rf %s", dir, dir);
	assert_int_equal(system(command), 0);
	nb_capture_free(c);
	nb_machine_free(m);
}

static void test_snapshots(void **state)
{
	(void)state;
	each_of("snapshots", one_snapshot);
}

static void test_real_machines(void **state)
{
	(void)state;
	each_of("hwloc", one_archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshots),
		cmocka_unit_test(test_real_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
