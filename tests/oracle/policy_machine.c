/* policy_machine.c -- the machine of a run, its files and its cases. See policy.h. */
#include "policy.h"
#include "snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PHASES 32u

/* Everything in the archive, by the names below its one directory. */
static void load_archive(struct run *r)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;

	archive_read_support_filter_gzip(a);
	archive_read_support_format_tar(a);
	if (archive_read_open_filename(a, r->path, 65536) != ARCHIVE_OK)
		fail_msg("%s: %s", r->path, archive_error_string(a));
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		const char *name = strchr(archive_entry_pathname(e), '/');
		size_t size = (size_t)archive_entry_size(e);
		struct run_file *f = &r->file[r->nr_files++];

		assert_non_null(name);
		assert_true(r->nr_files <= sizeof(r->file) / sizeof(r->file[0]));
		snprintf(f->name, sizeof(f->name), "%s", name + 1);
		f->text = calloc(1, size + 1);
		assert_int_equal(archive_read_data(a, f->text, size), size);
	}
	archive_read_free(a);
}

const char *text_of(struct run *r, const char *name)
{
	struct run_file *f;
	char *text;

	for (unsigned i = 0; i < r->nr_files; i++) {
		if (!strcmp(r->file[i].name, name))
			return r->file[i].text;
	}
	text = strstr(r->path, ".tar") ? NULL : snap_read(r->path, name);
	if (!text)
		return NULL;
	assert_true(r->nr_files < sizeof(r->file) / sizeof(r->file[0]));
	f = &r->file[r->nr_files++];
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->text = text;
	return text;
}

static void add_zones(struct run *r)
{
	static struct snap_zone zone[SNAP_MAX_ZONES];
	const char *text = text_of(r, "before/proc/zoneinfo");
	unsigned n;

	assert_non_null(text);
	memset(zone, 0, sizeof(zone));
	n = snap_zoneinfo(text, zone, SNAP_MAX_ZONES);
	for (unsigned i = 0; i < n; i++) {
		struct nb_mem_range range = {
			.start = zone[i].start_pfn * PAGE,
			.end = (zone[i].start_pfn + zone[i].present) * PAGE,
			.nid = zone[i].nid,
		};
		struct nb_zone_fact fact = {
			.nid = zone[i].nid,
			.type = zone[i].type,
			.managed_pages = zone[i].managed,
			.managed_at_init_pages = NB_UNKNOWN,
			.cma_pages = NB_UNKNOWN,
		};

		if (!zone[i].present)
			continue;
		assert_int_equal(nb_machine_add_range(r->machine, &range), 0);
		assert_int_equal(nb_machine_add_zone_fact(r->machine, &fact), 0);
		if (!(r->memmask >> zone[i].nid & 1))
			r->memn[r->nm++] = zone[i].nid;
		r->memmask |= UINT64_C(1) << zone[i].nid;
	}
}

static void add_cpus(struct run *r, int nid, const char *p)
{
	char *next;

	r->cpu_of[nid] = -1;
	while (*p == ' ' && p[1] != '\n') {
		struct nb_cpu cpu = {.id = (int)strtol(p, &next, 10),
				     .nid = nid,
				     .online = true,
				     .package = -1,
				     .die = -1,
				     .cluster = -1,
				     .core = -1,
				     .llc = -1};

		assert_int_equal(nb_machine_add_cpu(r->machine, &cpu), 0);
		if (r->cpu_of[nid] < 0) {
			r->cpu_of[nid] = cpu.id;
			r->cpn[r->nc++] = nid;
		}
		p = next;
	}
}

static void add_nodes(struct run *r, const char *text)
{
	uint8_t distance[MAX_RUN_NODES * MAX_RUN_NODES];
	unsigned n = 0, rows = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		int nid, used = 0;
		char *p;

		if (sscanf(line, "node %d cpus:%n", &nid, &used) == 1 && used) {
			struct nb_node node = {.id = nid, .online = true};

			assert_int_equal(nb_machine_add_node(r->machine, &node), 0);
			n++;
			add_cpus(r, nid, line + used);
		} else if (sscanf(line, " %d:%n", &nid, &used) == 1 && used) {
			p = (char *)line + used;
			for (unsigned i = 0; i < n; i++)
				distance[rows * n + i] = (uint8_t)strtoul(p, &p, 10);
			rows++;
		}
	}
	assert_int_equal(n, rows);
	r->nr_nodes = n;
	assert_int_equal(nb_machine_set_distances(r->machine, distance, n), 0);
}

/* The words of the kernel's command line that shape memory. */
static void add_cmdline(struct run *r, const char *machine)
{
	json_t *o = json_loads(machine, 0, NULL);
	const char *word = str(o, "cmdline");

	for (; *word; word += strcspn(word, " "), word += strspn(word, " ")) {
		char one[128];

		snprintf(one, sizeof(one), "%.*s", (int)strcspn(word, " "), word);
		if (!strncmp(one, "movablecore=", 12) || !strncmp(one, "kernelcore=", 11) ||
		    !strncmp(one, "numa=", 5))
			assert_int_equal(nb_machine_add_cmdline(r->machine, one), 0);
	}
	json_decref(o);
}

static void boot(struct run *r)
{
	struct nb_error err = {0};

	if (nb_system_boot(&r->port, r->machine, NULL, &r->sys, &err))
		fail_msg("%s: %s", r->name, err.text);
	memset(r->weight, 1, sizeof(r->weight));
}

static void shut_down(struct run *r)
{
	struct nb_error err = {0};

	if (nb_system_check(r->sys, &err))
		fail_msg("%s: %s: %s", r->name, r->case_name, err.text);
	nb_system_shutdown(r->sys);
}

void run_boot(struct run *r, const char *path)
{
	struct nb_error err = {0};
	const char *text, *json;

	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", strrchr(path, '/') + 1);
	r->path = strdup(path);
	if (strstr(path, ".tar"))
		load_archive(r);
	text = text_of(r, "numactl--hardware");
	json = text_of(r, "machine.json");
	assert_non_null(text);
	assert_non_null(json);
	nb_port_posix(&r->port, false);
	r->machine = nb_machine_new(&r->port);
	r->machine->profile = nb_kernel_by_key(strstr(json, "\"6.1\"") ? "6.1" : "6.12");
	add_nodes(r, text);
	add_zones(r);
	add_cmdline(r, json);
	if (nb_machine_seal(r->machine, &err))
		fail_msg("%s: %s", path, err.text);
	boot(r);
}

void run_again(struct run *r)
{
	shut_down(r);
	boot(r);
}

void run_end(struct run *r)
{
	shut_down(r);
	nb_machine_free(r->machine);
	while (r->nr_files)
		free(r->file[--r->nr_files].text);
	free(r->path);
}

bool run_each(struct run *r, const char *file, void (*fn)(struct run *, json_t *))
{
	const char *text = text_of(r, file), *end;

	for (; text && *text; text = end + (*end != '\0')) {
		json_t *o;

		end = strchr(text, '\n');
		end = end ? end : text + strlen(text);
		o = json_loadb(text, (size_t)(end - text), 0, NULL);
		if (!o)
			continue;
		r->case_name = str(o, "case");
		fn(r, o);
		json_decref(o);
	}
	return text != NULL;
}

static bool has_address(json_t *o)
{
	const char *key;
	json_t *value;

	if (json_object_get(o, "addr"))
		return true;
	json_object_foreach(o, key, value)
	{
		if (json_is_object(value) && json_object_get(value, "addr"))
			return true;
	}
	return false;
}

void run_case(struct run *r, json_t *o, void (*play)(struct run *, json_t *))
{
	bool shmem = !strncmp(r->case_name, "tmpfs", 5) || !strncmp(r->case_name, "shm", 3) ||
		     !strncmp(r->case_name, "mmap-shared", 11);
	unsigned phases = has_address(o) && !shmem ? 1 : MAX_PHASES;

	r->quiet = true;
	for (r->phase = 0; r->phase < phases; r->phase++) {
		r->trial_compared = r->trial_different = 0;
		play(r, o);
		if (!r->trial_different)
			break;
	}
	r->quiet = false;
	if (!r->trial_different) {
		policy_compared += r->trial_compared;
		return;
	}
	r->phase = 0;
	play(r, o);
}
