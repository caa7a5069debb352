/* hugetlb.c -- pools of huge pages, step by step as a real kernel went: every count after every
 * step.
 *
 * Data-driven: each $NUMABOX_ORACLE/policy/hugetlb*, booted from its own capture, and the compact
 * copies in tests/oracle/data/hugetlb-*.txt, which need no capture: a line of "# machine", then "N
 * | what was done | return value, errno | total overcommit free reserved surplus [mempolicy] | by
 * node total/free/surplus". What was done is the recorder's own sentence; it is played by the same
 * calls. Which mapping a sentence means: the newest one that is large enough for a touch, the
 * newest of that length for munmap, the newest one else. A repeated N is a child's. Left out: how
 * many pages a node had when somebody asked for all of it, where the state of its memory is not
 * known (a compact copy).
 */
#include "base/hosted/text.h"
#include "read/capture.h"
#include "read/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <numabox/file.h>
#include <numabox/hugetlb.h>
#include <numabox/mempolicy.h>
#include <numabox/task.h>

#define MAX_NODES 8
#define MAX_MAPS 32
#define HUGE_BYTES (UINT64_C(2) << 20)
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

struct counts {
	uint64_t nr, overcommit, free, resv, surplus, mempolicy;
	uint64_t node[MAX_NODES][3];
};

struct step {
	int n, ret;
	char what[256], error[16];
	struct counts after;
};

struct map {
	uint64_t addr, pages;
};

struct replay {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	struct nb_capture *capture;
	unsigned nr_nodes;
	struct nb_task *parent, *child;
	int child_n, last_n;
	bool child_is_user; /* of uid 1000; lives to the end of the recording's child */
	struct map map[MAX_MAPS];
	unsigned nr_maps;
	struct nb_hugetlbfs *mount;
	struct nb_address_space *file, *shm;
	char where[128];
	unsigned compared, different;
};

static void differ(struct replay *r, const struct step *s, const char *what, int64_t ours,
		   int64_t theirs)
{
	r->compared++;
	if (ours == theirs)
		return;
	r->different++;
	print_error("%s: step %d: %s: %s is %" PRId64 ", the kernel says %" PRId64 "\n", r->where,
		    s->n, s->what, what, ours, theirs);
}

static int64_t read_count(struct replay *r, const char *path)
{
	char buf[64];

	assert_true(nb_sysfs_read(r->sys, path, buf, sizeof(buf)) > 0);
	return strtoll(buf, NULL, 10);
}

static void compare_counts(struct replay *r, const struct step *s)
{
	static const char *const names[] = {"nr_hugepages", "free_hugepages", "surplus_hugepages"};
	const struct counts *c = &s->after;

	/* what a node has to give beyond its free blocks depends on what compaction and reclaim
	 * find in use there, which no capture tells */
	if (strstr(s->what, "far more")) {
		uint64_t ours = (uint64_t)read_count(r, POOL "nr_hugepages");

		if (r->capture && (ours > c->nr || ours + 5 < c->nr))
			differ(r, s, "nr_hugepages", (int64_t)ours, (int64_t)c->nr);
		return;
	}
	differ(r, s, "nr_hugepages", read_count(r, POOL "nr_hugepages"), (int64_t)c->nr);
	differ(r, s, "mempolicy", read_count(r, POOL "nr_hugepages_mempolicy"),
	       (int64_t)c->mempolicy);
	differ(r, s, "overcommit", read_count(r, POOL "nr_overcommit_hugepages"),
	       (int64_t)c->overcommit);
	differ(r, s, "free", read_count(r, POOL "free_hugepages"), (int64_t)c->free);
	differ(r, s, "reserved", read_count(r, POOL "resv_hugepages"), (int64_t)c->resv);
	differ(r, s, "surplus", read_count(r, POOL "surplus_hugepages"), (int64_t)c->surplus);
	for (unsigned n = 0; n < r->nr_nodes; n++) {
		for (unsigned k = 0; k < 3; k++) {
			char path[128], what[64];

			snprintf(path, sizeof(path),
				 "/sys/devices/system/node/node%u/hugepages/hugepages-2048kB/%s", n,
				 names[k]);
			snprintf(what, sizeof(what), "node %u %s", n, names[k]);
			differ(r, s, what, read_count(r, path), (int64_t)c->node[n][k]);
		}
	}
}

static struct nb_task *worker(struct replay *r)
{
	return r->child ? r->child : r->parent;
}

static void end_child(struct replay *r)
{
	if (!r->child)
		return;
	nb_task_exit(r->child);
	nb_task_put(r->child);
	r->child = NULL;
	r->child_is_user = false;
}

static void begin_child(struct replay *r, int n)
{
	if (r->child)
		return;
	assert_int_equal(nb_task_fork(r->parent, &r->child), 0);
	r->child_n = n;
}

/* "0,1" or "1 0 0": numbers up to the end of the list. */
static unsigned numbers(const char *s, int *out, unsigned max)
{
	unsigned n = 0;

	while (n < max && (isdigit((unsigned char)*s) || *s == '-')) {
		char *end;

		out[n++] = (int)strtol(s, &end, 10);
		s = *end == ',' || *end == ' ' ? end + 1 : end;
	}
	return n;
}

static struct nb_nodemask mask_of(const char *list)
{
	struct nb_nodemask mask = {{0}};
	int id[MAX_NODES];
	unsigned n = numbers(list, id, MAX_NODES);

	for (unsigned i = 0; i < n; i++)
		mask.bits[id[i] / 64] |= UINT64_C(1) << id[i] % 64;
	return mask;
}

static struct map *newest(struct replay *r, uint64_t pages, bool exact)
{
	for (unsigned i = r->nr_maps; i-- > 0;) {
		if (exact ? r->map[i].pages == pages : r->map[i].pages >= pages)
			return &r->map[i];
	}
	return NULL;
}

static void forget(struct replay *r, struct map *m)
{
	unsigned i = (unsigned)(m - r->map);

	memmove(m, m + 1, (r->nr_maps - i - 1) * sizeof(*m));
	r->nr_maps--;
}

static int do_mmap(struct replay *r, struct nb_address_space *file, uint64_t pages, int flags)
{
	const int prot = NB_PROT_READ | NB_PROT_WRITE;
	struct map m = {.pages = pages};
	int ret = file ? nb_mmap_file(worker(r), file, 0, 0, pages * HUGE_BYTES, prot,
				      NB_MAP_SHARED, &m.addr)
		       : nb_mmap(worker(r), 0, pages * HUGE_BYTES, prot, flags | NB_MAP_HUGETLB,
				 &m.addr);

	if (!ret && !(r->child && r->child_is_user))
		r->map[r->nr_maps++] = m;
	return ret;
}

static void compare_nodes(struct replay *r, const struct step *s, const struct map *m)
{
	const char *list = strstr(s->what, "nodes ");
	int node[64];
	unsigned n = list ? numbers(list + 6, node, 64) : 0;

	for (unsigned i = 0; i < n; i++) {
		int got = nb_task_node(worker(r), m->addr + i * HUGE_BYTES);
		char what[32];

		snprintf(what, sizeof(what), "node of page %u", i);
		differ(r, s, what, got < 0 ? -NB_ENOENT : got, node[i]);
	}
}

/* A touch goes page by page; SIGBUS ends it. */
static void do_touch(struct replay *r, const struct step *s)
{
	unsigned first = 0, last = 0;
	uint64_t faulted;
	struct map *m;
	int ret;

	assert_int_equal(sscanf(s->what, "touch pages %u..%u", &first, &last), 2);
	if (strstr(s->what, ": ok child") || strstr(s->what, " child writes"))
		begin_child(r, s->n);
	struct nb_task *kept = r->child;

	if (strstr(s->what, "parent writes"))
		r->child = NULL;
	m = newest(r, last + 1, false);
	assert_non_null(m);
	ret = nb_touch(worker(r), m->addr + first * HUGE_BYTES, (last - first + 1) * HUGE_BYTES,
		       true, &faulted);
	differ(r, s, "SIGBUS", ret == -NB_EFAULT, strstr(s->what, "SIGBUS BUS_ADRERR") != NULL);
	compare_nodes(r, s, m);
	r->child = kept;
}

static int do_mbind(struct replay *r, const struct step *s)
{
	static const struct {
		const char *name;
		int mode;
	} modes[] = {{"BIND", NB_MPOL_BIND},
		     {"INTERLEAVE", NB_MPOL_INTERLEAVE},
		     {"PREFERRED", NB_MPOL_PREFERRED}};
	const char *p = s->what + strlen("mbind(");
	struct map *m = newest(r, 1, false);

	for (unsigned i = 0; i < 3; i++) {
		size_t len = strlen(modes[i].name);
		struct nb_nodemask mask;

		if (strncmp(p, modes[i].name, len))
			continue;
		mask = mask_of(p + len + 1);
		return nb_mbind(worker(r), m->addr, m->pages * HUGE_BYTES, modes[i].mode, &mask,
				strstr(p, "MOVE") ? 2 : 0);
	}
	return -NB_ENOSYS;
}

static int do_move_pages(struct replay *r, const struct step *s)
{
	const char *p = s->what + strlen("move_pages to "), *list = strstr(p, "status ");
	struct map *m = newest(r, 1, false);
	uint64_t page[64];
	int to[64], want[64], status[64];
	unsigned n = numbers(p, to, 64);
	int ret;

	assert_int_equal(numbers(list + 7, want, 64), n);
	for (unsigned i = 0; i < n; i++)
		page[i] = m->addr + i * HUGE_BYTES;
	ret = nb_move_pages(worker(r), worker(r), n, page, to, status, 2);
	for (unsigned i = 0; i < n; i++)
		differ(r, s, "status", status[i], want[i]);
	return ret;
}

static int do_echo(struct replay *r, const struct step *s)
{
	char value[32], path[160];

	assert_int_equal(sscanf(s->what, "echo %31s > %159s", value, path), 2);
	return nb_sysfs_write(r->sys, worker(r), path, value);
}

static int do_set_mempolicy(struct replay *r, const struct step *s)
{
	unsigned mode = 0;
	uint64_t bits = 0;
	struct nb_nodemask mask = {{0}};

	assert_int_equal(sscanf(s->what, "set_mempolicy(%u,%" SCNx64 ")", &mode, &bits), 2);
	mask.bits[0] = bits;
	return nb_set_mempolicy(worker(r), (int)mode, bits ? &mask : NULL);
}

static int mmap_flags(const char *what)
{
	return (strstr(what, "SHARED") ? NB_MAP_SHARED : NB_MAP_PRIVATE) |
	       (strstr(what, "NORESERVE") ? NB_MAP_NORESERVE : 0) |
	       (strstr(what, "POPULATE") ? NB_MAP_POPULATE : 0);
}

/* Files and segments. */
static int do_file(struct replay *r, const struct step *s)
{
	const char *w = s->what;
	unsigned n = 0;
	int ret = 0;

	if (!strncmp(w, "mount", 5)) {
		unsigned min = 0, size = 0;

		sscanf(w, "mount hugetlbfs min_size=%uM,size=%uM", &min, &size);
		ret = nb_hugetlbfs_mount(r->sys, worker(r), 0, (uint64_t)min << 20,
					 (uint64_t)size << 20, &r->mount);
		return ret ? ret : nb_hugetlbfs_create(r->mount, "f", &r->file);
	}
	if (sscanf(w, "fallocate %u", &n) == 1)
		return nb_file_fallocate(worker(r), r->file, 0, n * HUGE_BYTES, false);
	if (sscanf(w, "punch hole %u", &n) == 1)
		return nb_file_fallocate(worker(r), r->file, 0, n * HUGE_BYTES, true);
	if (!strncmp(w, "umount", 6)) {
		nb_hugetlbfs_umount(r->mount);
		return 0;
	}
	if (!strncmp(w, "file unlinked", 13) || !strncmp(w, "shm removed", 11)) {
		struct map *m = newest(r, 1, false);
		bool shm = *w == 's';

		ret = nb_munmap(worker(r), m->addr, m->pages * HUGE_BYTES);
		forget(r, m);
		nb_file_put(shm ? r->shm : r->file);
		return ret;
	}
	sscanf(w, "shmget SHM_HUGETLB %u", &n);
	if (!n)
		sscanf(w, "shmget %u", &n);
	ret = nb_hugetlb_shmget(worker(r), 0, (n ? n : 1) * HUGE_BYTES, false, &r->shm);
	return ret ? ret : do_mmap(r, r->shm, n, 0);
}

/* Calls that name 4096 bytes or odd page sizes. */
static int do_odd(struct replay *r, const struct step *s)
{
	struct map *m = newest(r, 1, false);
	struct nb_nodemask mask = {{1}};
	uint64_t addr;

	if (!strncmp(s->what, "munmap", 6))
		return nb_munmap(worker(r), m->addr, 4096);
	if (!strncmp(s->what, "mprotect", 8))
		return nb_mprotect(worker(r), m->addr, 4096, NB_PROT_READ);
	if (!strncmp(s->what, "mbind", 5))
		return nb_mbind(worker(r), m->addr, 4096, NB_MPOL_BIND, &mask, 0);
	if (!strncmp(s->what, "madvise", 7))
		return nb_madvise(worker(r), m->addr, strstr(s->what, "4096") ? 4096 : HUGE_BYTES,
				  NB_MADV_DONTNEED);
	return nb_mmap(worker(r), 0, UINT64_C(1) << 30, NB_PROT_READ | NB_PROT_WRITE,
		       NB_MAP_HUGETLB | (strstr(s->what, "GiB") ? 30 : 22) << NB_MAP_HUGE_SHIFT,
		       &addr);
}

static int play(struct replay *r, const struct step *s)
{
	const char *w = s->what;
	unsigned n = 0;

	if (strstr(w, "uid 1000")) {
		begin_child(r, s->n);
		nb_task_set_uid(r->child, 1000);
		r->child_is_user = true;
	}
	if (!strncmp(w, "echo", 4))
		return do_echo(r, s);
	if (!strncmp(w, "set_mempolicy", 13))
		return do_set_mempolicy(r, s);
	if (sscanf(w, "mmap(%u pages", &n) == 1) {
		int flags = mmap_flags(w);

		/* the sentence names NORESERVE or POPULATE; where pages were taken, it was both */
		if (flags & NB_MAP_NORESERVE &&
		    (int64_t)s->after.free < read_count(r, POOL "free_hugepages"))
			flags |= NB_MAP_POPULATE;
		return do_mmap(r, NULL, n, flags);
	}
	if (sscanf(w, "munmap(%u pages", &n) == 1) {
		struct map *m = newest(r, n, true);
		int ret = nb_munmap(worker(r), m->addr, n * HUGE_BYTES);

		forget(r, m);
		return ret;
	}
	if (!strncmp(w, "mmap ", 5) && strstr(w, " pages") && sscanf(w, "mmap %u", &n) == 1)
		return do_mmap(r, r->file, n, 0);
	if (!strncmp(w, "mbind(", 6))
		return do_mbind(r, s);
	if (!strncmp(w, "move_pages", 10))
		return do_move_pages(r, s);
	if (!strncmp(w, "nodes ", 6)) {
		compare_nodes(r, s, newest(r, 1, false));
		return 0;
	}
	if (!strncmp(w, "mount", 5) || !strncmp(w, "umount", 6) || !strncmp(w, "fallocate", 9) ||
	    !strncmp(w, "punch", 5) || !strncmp(w, "file ", 5) || !strncmp(w, "shm", 3))
		return do_file(r, s);
	if (!strncmp(w, "munmap", 6) || !strncmp(w, "mprotect", 8) || !strncmp(w, "mbind", 5) ||
	    !strncmp(w, "madvise", 7) || !strncmp(w, "mmap ", 5))
		return do_odd(r, s);
	if (!strncmp(w, "start", 5) || !strncmp(w, "pin", 3))
		return 0;
	fail_msg("%s: step %d: nobody knows how to '%s'", r->where, s->n, w);
	return 0;
}

static void one_step(struct replay *r, const struct step *s)
{
	int ret;

	bool again = s->n <= r->last_n; /* the parent goes on from the child's first step */

	if (r->child &&
	    (strstr(s->what, "after child exit") || (r->child_is_user ? again : s->n > r->child_n)))
		end_child(r);
	r->last_n = s->n;
	if (!strncmp(s->what, "touch", 5)) {
		do_touch(r, s);
	} else if (strncmp(s->what, "after", 5)) {
		ret = play(r, s);
		differ(r, s, "return value", ret ? -1 : 0, s->ret);
		if (ret && strcmp(nb_errno_name(ret), s->error)) {
			r->different++;
			print_error("%s: step %d: %s: %s, the kernel says %s\n", r->where, s->n,
				    s->what, nb_errno_name(ret), s->error);
		}
	}
	compare_counts(r, s);
}

static void boot(struct replay *r, const char *machine)
{
	struct nb_error err = {0};

	nb_port_posix(&r->port, false);
	if (nb_read_machine(&r->port, machine, NULL, &r->machine, &r->capture, &err) ||
	    nb_system_boot(&r->port, r->machine, NULL, &r->sys, &err) ||
	    (r->capture && nb_capture_apply_observed(r->capture, r->sys, &err)))
		fail_msg("%s: %s", machine, err.text);
	r->nr_nodes = nb_system_nr_nodes(r->sys);
	assert_in_range(r->nr_nodes, 1, MAX_NODES);
	assert_int_equal(nb_task_create(r->sys, 0, "hugetest", &r->parent), 0);
}

static void end(struct replay *r, unsigned steps)
{
	struct nb_error err = {0};

	end_child(r);
	if (nb_system_check(r->sys, &err))
		fail_msg("%s: %s", r->where, err.text);
	nb_task_exit(r->parent);
	nb_task_put(r->parent);
	nb_system_shutdown(r->sys);
	nb_capture_free(r->capture);
	nb_machine_free(r->machine);
	print_message("# %s: %u steps, %u figures compared, %u differ\n", r->where, steps,
		      r->compared, r->different);
	assert_int_equal(r->different, 0);
	assert_true(r->compared >= steps * 6);
}

static uint64_t count_of(const json_t *j, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(j, name));
}

static void step_from_json(const json_t *j, struct step *s)
{
	const json_t *g = json_object_get(j, "global"), *nodes = json_object_get(j, "nodes");
	struct counts *c = &s->after;

	memset(s, 0, sizeof(*s));
	s->n = (int)json_integer_value(json_object_get(j, "n"));
	s->ret = (int)json_integer_value(json_object_get(j, "ret"));
	snprintf(s->what, sizeof(s->what), "%s", json_string_value(json_object_get(j, "do")));
	snprintf(s->error, sizeof(s->error), "%s", json_string_value(json_object_get(j, "errno")));
	c->nr = count_of(g, "nr_hugepages");
	c->mempolicy = count_of(g, "nr_hugepages_mempolicy");
	c->overcommit = count_of(g, "nr_overcommit_hugepages");
	c->free = count_of(g, "free_hugepages");
	c->resv = count_of(g, "resv_hugepages");
	c->surplus = count_of(g, "surplus_hugepages");
	for (size_t i = 0; i < json_array_size(nodes) && i < MAX_NODES; i++) {
		const json_t *n = json_array_get(nodes, i);

		c->node[i][0] = count_of(n, "nr_hugepages");
		c->node[i][1] = count_of(n, "free_hugepages");
		c->node[i][2] = count_of(n, "surplus_hugepages");
	}
}

static void test_recorded(void **state)
{
	const char *dir = *state;
	struct nb_text path = {0};
	struct replay r = {.sys = NULL};
	char line[8192];
	unsigned steps = 0;
	FILE *f;

	snprintf(r.where, sizeof(r.where), "%s", strrchr(dir, '/') + 1);
	nb_text_printf(&path, "%s/before", dir);
	boot(&r, nb_text_str(&path));
	nb_text_release(&path);
	nb_text_printf(&path, "%s/hugetlb.jsonl", dir);
	f = fopen(nb_text_str(&path), "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		json_t *j = json_loads(line, 0, NULL);
		struct step s;

		assert_non_null(j);
		step_from_json(j, &s);
		one_step(&r, &s);
		json_decref(j);
		steps++;
	}
	fclose(f);
	nb_text_release(&path);
	end(&r, steps);
}

/* "N | what | ret errno | total over free resv surplus mempolicy | n/f/s n/f/s" */
static bool step_from_text(char *line, struct step *s)
{
	char *field[5];
	struct counts *c = &s->after;
	unsigned n = 0;

	memset(s, 0, sizeof(*s));
	for (char *p = line; n < 5 && p; n++) {
		field[n] = p;
		p = strstr(p, " | ");
		if (p) {
			*p = '\0';
			p += 3;
		}
	}
	if (n != 5)
		return false;
	s->n = atoi(field[0]);
	snprintf(s->what, sizeof(s->what), "%s", field[1]);
	if (sscanf(field[2], "%d %15s", &s->ret, s->error) != 2 ||
	    sscanf(field[3], "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &c->nr, &c->overcommit, &c->free, &c->resv, &c->surplus, &c->mempolicy) != 6)
		return false;
	for (unsigned i = 0; i < MAX_NODES && *field[4]; i++) {
		int used = 0;

		if (sscanf(field[4], "%" SCNu64 "/%" SCNu64 "/%" SCNu64 " %n", &c->node[i][0],
			   &c->node[i][1], &c->node[i][2], &used) != 3)
			return false;
		field[4] += used;
	}
	return true;
}

static void test_copy(void **state)
{
	struct replay r = {.sys = NULL};
	char line[1024], machine[128];
	unsigned steps = 0;
	FILE *f = fopen(*state, "r");

	assert_non_null(f);
	snprintf(r.where, sizeof(r.where), "%s", strrchr(*state, '/') + 1);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(sscanf(line, "# %127s", machine), 1);
	boot(&r, machine);
	while (fgets(line, sizeof(line), f)) {
		struct step s;

		if (!step_from_text(line, &s))
			fail_msg("%s: line %u is no step", r.where, steps + 2);
		one_step(&r, &s);
		steps++;
	}
	fclose(f);
	end(&r, steps);
}

/* A captured machine with pools: by rule and as observed, each node's pools have the pages that the
 * kernel gave them. */
static void compare_pools(struct nb_capture *c, const struct nb_system *sys, const char *how)
{
	struct nb_hugetlb_info p;
	struct nb_error err = {0};

	for (unsigned i = 0; nb_hugetlb_info(sys, i, NB_NO_NODE, &p); i++) {
		for (int nid = 0; nb_hugetlb_info(sys, i, nid, &p); nid++) {
			int64_t nr = -1;

			assert_int_equal(nb_tree_numberf(nb_capture_tree(c), &nr,
							 "sys/devices/system/node/node%d/hugepages/"
							 "hugepages-%" PRIu64 "kB/nr_hugepages",
							 nid, p.page_bytes >> 10),
					 0);
			if ((int64_t)p.nr != nr)
				fail_msg("%s: node %d has %" PRIu64 " pages of %" PRIu64
					 " bytes, the kernel %" PRId64,
					 how, nid, p.nr, p.page_bytes, nr);
			assert_int_equal(p.free, nr);
		}
	}
	if (nb_system_check(sys, &err))
		fail_msg("%s: %s", how, err.text);
}

static void test_captured(void **state)
{
	struct nb_error err = {0};
	struct nb_machine *m = NULL;
	struct nb_capture *c = NULL;
	struct nb_system *sys = NULL;
	struct nb_port port;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, *state, NULL, &m, &c, &err) ||
	    nb_system_boot(&port, m, NULL, &sys, &err))
		fail_msg("%s", err.text);
	compare_pools(c, sys, "by rule");
	if (nb_capture_apply_observed(c, sys, &err))
		fail_msg("%s", err.text);
	compare_pools(c, sys, "observed");
	nb_system_shutdown(sys);
	nb_capture_free(c);
	nb_machine_free(m);
}

static unsigned add_all(const char *base, const char *prefix, CMUnitTestFunction fn,
			struct CMUnitTest *test, unsigned n)
{
	struct dirent **names;
	int found = scandir(base, &names, NULL, alphasort);

	for (int i = 0; i < found; i++) {
		if (n < 16 && !strncmp(names[i]->d_name, prefix, strlen(prefix))) {
			struct nb_text path = {0};

			nb_text_printf(&path, "%s/%s", base, names[i]->d_name);
			test[n++] =
				(struct CMUnitTest){.name = strrchr(nb_text_str(&path), '/') + 1,
						    .test_func = fn,
						    .initial_state = path.s};
		}
		free(names[i]);
	}
	if (found >= 0)
		free(names);
	return n;
}

int main(void)
{
	const char *oracle = getenv("NUMABOX_ORACLE"), *tests = getenv("NUMABOX_TESTS");
	struct CMUnitTest test[16];
	struct nb_text dir = {0};
	unsigned n = 0;
	int failed;

	nb_text_printf(&dir, "%s/oracle/data", tests ? tests : "tests");
	n = add_all(nb_text_str(&dir), "hugetlb", test_copy, test, n);
	nb_text_clear(&dir);
	if (oracle) {
		nb_text_printf(&dir, "%s/policy", oracle);
		n = add_all(nb_text_str(&dir), "hugetlb", test_recorded, test, n);
	}
	nb_text_clear(&dir);
	if (oracle) {
		nb_text_printf(&dir, "%s/snapshots", oracle);
		n = add_all(nb_text_str(&dir), "k-hugepages", test_captured, test, n);
	}
	nb_text_release(&dir);
	failed = _cmocka_run_group_tests("oracle/hugetlb", test, n, NULL, NULL);
	while (n--)
		free(test[n].initial_state);
	return failed;
}
