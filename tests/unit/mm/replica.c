/* replica.c -- copies of what is only read: made by remote readers, ended by writers, taken by
 * reclaim one by one; and what they save and cost.
 */
#include "filebox.h"

#include "mm/lru.h"
#include "mm/replica.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

struct world {
	struct filebox b;
	struct nb_task *t1; /* on node 1 */
	struct nb_address_space *as;
};

/* A file of 64 pages on node 0, a task on node 1. CPU 0 is on node 0, CPU 1 on node 1. */
static void begin(struct world *w, unsigned what, bool backed)
{
	filebox_boot(&w->b, "64M:1 64M:1 64M:1", NULL, backed);
	assert_int_equal(nb_set_replication(w->b.sys, what, 0), 0);
	assert_int_equal(nb_task_create(w->b.sys, 1, "t1", &w->t1), 0);
	w->as = filebox_file(&w->b, 64);
	filebox_read(&w->b, w->as, 0, 64);
}

static void end(struct world *w)
{
	nb_task_exit(w->t1);
	nb_task_put(w->t1);
	nb_file_put(w->as);
	assert_int_equal(filebox_sum(&w->b, offsetof(struct nb_zone, nr_repl)), 0);
	filebox_end(&w->b);
}

static void read1(struct world *w, uint64_t first, uint64_t pages)
{
	uint64_t n;

	assert_int_equal(nb_file_read(w->t1, w->as, first * PAGE, NULL, pages * PAGE, &n), 0);
	assert_int_equal(n, pages * PAGE);
}

static struct nb_replication_info info(const struct world *w)
{
	struct nb_replication_info i;

	nb_replication_info(w->b.sys, &i);
	return i;
}

static void test_reads(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NB_REPLICATE_CACHE, false);
	read1(&w, 0, 10);
	assert_int_equal(info(&w).pages, 10);
	assert_int_equal(nb_node_replicas(w.b.sys, 1), 10);
	assert_int_equal(nb_file_node(w.as, 3), 0); /* the master stays */
	assert_int_equal(nb_file_node_for(w.t1, w.as, 3), 1);
	assert_int_equal(nb_file_node_for(w.b.t, w.as, 3), 0);
	read1(&w, 0, 10);
	assert_int_equal(info(&w).made, 10);
	assert_int_equal(info(&w).reads, 20);
	filebox_check(&w.b);
	filebox_read(&w.b, w.as, 0, 64); /* a local reader makes none */
	assert_int_equal(info(&w).made, 10);
	filebox_write(&w.b, w.as, 2, 3); /* the first writer ends those of his pages */
	assert_int_equal(info(&w).pages, 7);
	assert_int_equal(info(&w).collapsed, 3);
	read1(&w, 2, 3); /* dirty: the remote page serves */
	assert_int_equal(info(&w).pages, 7);
	assert_int_equal(nb_file_sync(w.b.t, w.as), 0);
	read1(&w, 2, 3);
	assert_int_equal(info(&w).pages, 10);
	assert_int_equal(nb_file_truncate(w.b.t, w.as, 5 * PAGE), 0);
	assert_int_equal(info(&w).pages, 5);
	filebox_check(&w.b);
	end(&w);
}

/* Off, there are none; what is there stays until it is written to. */
static void test_off(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 0, false);
	read1(&w, 0, 10);
	assert_int_equal(info(&w).made, 0);
	assert_int_equal(nb_set_replication(w.b.sys, NB_REPLICATE_CACHE, 0), 0);
	read1(&w, 0, 10);
	assert_int_equal(nb_set_replication(w.b.sys, 0, 0), 0);
	read1(&w, 10, 10);
	assert_int_equal(info(&w).pages, 10);
	assert_int_equal(nb_set_replication(w.b.sys, 8, 0), -NB_EINVAL);
	end(&w);
}

/* Text of a program: mapped for reading and executing, each node runs its own copy. */
static void test_text(void **state)
{
	struct world w;
	uint64_t a, b, n;

	(void)state;
	begin(&w, NB_REPLICATE_TEXT, false);
	read1(&w, 0, 4);
	assert_int_equal(info(&w).made, 0); /* read() is not asked for */
	assert_int_equal(
		nb_mmap_file(w.t1, w.as, 0, 0, 8 * PAGE, NB_PROT_READ | NB_PROT_EXEC, 0, &a), 0);
	assert_int_equal(
		nb_mmap_file(w.b.t, w.as, 0, 0, 8 * PAGE, NB_PROT_READ | NB_PROT_EXEC, 0, &b), 0);
	assert_int_equal(nb_touch(w.t1, a, 8 * PAGE, false, &n), 0);
	assert_int_equal(nb_touch(w.b.t, b, 8 * PAGE, false, &n), 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(nb_task_node(w.t1, a + i * PAGE), 1);
		assert_int_equal(nb_task_node(w.b.t, b + i * PAGE), 0);
	}
	assert_int_equal(info(&w).faults, 8);
	filebox_check(&w.b);
	/* the first writer: who ran the copy runs the master from now on */
	filebox_write(&w.b, w.as, 5, 1);
	assert_int_equal(nb_task_node(w.t1, a + 5 * PAGE), -NB_ENOENT);
	assert_int_equal(nb_touch(w.t1, a, 8 * PAGE, false, &n), 0);
	assert_int_equal(nb_task_node(w.t1, a + 5 * PAGE), 0);
	assert_int_equal(nb_task_node(w.t1, a + 4 * PAGE), 1);
	filebox_check(&w.b);
	assert_int_equal(nb_munmap(w.b.t, b, 8 * PAGE), 0); /* so that the file goes in end() */
	end(&w);
}

/* A mapping that turns writable and is written to collapses, and sees its own bytes. */
static void test_mapped_writer(void **state)
{
	struct world w;
	uint64_t a, n;

	(void)state;
	begin(&w, NB_REPLICATE_CACHE, true);
	assert_int_equal(nb_mmap_file(w.t1, w.as, 0, 0, 4 * PAGE, NB_PROT_READ, NB_MAP_SHARED, &a),
			 0);
	assert_int_equal(nb_touch(w.t1, a, 4 * PAGE, false, &n), 0);
	assert_int_equal(nb_task_node(w.t1, a), 1);
	assert_int_equal(nb_mprotect(w.t1, a, 4 * PAGE, NB_PROT_READ | NB_PROT_WRITE), 0);
	do { /* the first attempt may end with the entry gone */
		assert_int_equal(nb_touch(w.t1, a, 1, true, &n), 0);
	} while (nb_task_node(w.t1, a) < 0);
	assert_int_equal(nb_task_node(w.t1, a), 0);
	assert_int_equal(info(&w).collapsed, 1);
	assert_int_equal(w.as->nr_dirty, 1);
	filebox_check(&w.b);
	end(&w);
}

/* Bytes of a copy are the master's. */
static void test_bytes(void **state)
{
	char buf[64];
	struct world w;
	uint64_t n;

	(void)state;
	begin(&w, NB_REPLICATE_CACHE, true);
	assert_int_equal(nb_file_write(w.b.t, w.as, 3 * PAGE + 7, "hello", 5, &n), 0);
	assert_int_equal(nb_file_sync(w.b.t, w.as), 0);
	assert_int_equal(nb_file_read(w.t1, w.as, 3 * PAGE + 7, buf, 5, &n), 0);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(info(&w).pages, 1);
	assert_int_equal(nb_file_write(w.t1, w.as, 3 * PAGE + 7, "jello", 5, &n), 0);
	assert_int_equal(nb_file_read(w.t1, w.as, 3 * PAGE + 7, buf, 5, &n), 0);
	assert_memory_equal(buf, "jello", 5);
	end(&w);
}

static struct nb_page *copy_of(struct world *w, uint64_t index, struct nb_zone **z)
{
	struct nb_page *page = nb_as_find(w->as, index, z, NULL);

	return nb_replica_near(w->t1, w->as, false, z, page);
}

/* Reclaim takes a copy alone; where it takes the master, a copy takes its place. */
static void test_reclaim(void **state)
{
	struct world w;
	struct nb_zone *z;
	struct nb_page *page;

	(void)state;
	begin(&w, NB_REPLICATE_CACHE, false);
	read1(&w, 0, 2);
	page = copy_of(&w, 0, &z);
	assert_int_equal(z->pgdat->nid, 1);
	assert_true(nb_as_remove_if_unused(w.as, z, page, 1, 77));
	nb_put_page(w.b.sys, z, page, 0);
	nb_put_page(w.b.sys, z, page, 0);
	assert_int_equal(w.as->nrshadows, 0);
	assert_int_equal(info(&w).reclaimed, 1);
	assert_int_equal(nb_file_node(w.as, 0), 0);
	filebox_check(&w.b);
	page = nb_as_find(w.as, 1, &z, NULL);
	assert_true(nb_as_remove_if_unused(w.as, z, page, 1, 77));
	nb_put_page(w.b.sys, z, page, 0);
	nb_put_page(w.b.sys, z, page, 0);
	assert_int_equal(nb_file_node(w.as, 1), 1);
	assert_int_equal(w.as->nrpages, 64);
	assert_int_equal(info(&w).pages, 0);
	filebox_check(&w.b);
	end(&w);
}

/* A copy is no reason to reclaim: a full node reads remotely. */
static void test_full_node(void **state)
{
	struct nb_nodemask one = sysbox_mask(2);
	struct world w;
	uint64_t a, n, before;

	(void)state;
	begin(&w, NB_REPLICATE_CACHE, false);
	assert_int_equal(nb_set_mempolicy(w.t1, NB_MPOL_PREFERRED, &one), 0);
	assert_int_equal(nb_mmap(w.t1, 0, 20000 * PAGE, 3, 0, &a), 0);
	assert_int_equal(nb_touch(w.t1, a, 20000 * PAGE, true, &n), 0);
	before = filebox_vm_event(&w.b, "pgsteal_direct");
	read1(&w, 0, 10);
	assert_int_equal(info(&w).pages, 0);
	assert_int_equal(info(&w).failed, 10);
	assert_int_equal(filebox_vm_event(&w.b, "pgsteal_direct"), before);
	end(&w);
}

/* The kernel's text on every node but its own, and given back. */
static void test_kernel_text(void **state)
{
	struct filebox b;
	struct nb_replication_info i;

	(void)state;
	filebox_boot(&b, "64M:1 64M:1 64M:1", NULL, false);
	assert_int_equal(nb_set_replication(b.sys, NB_REPLICATE_KERNEL, 5 << 20), 0);
	nb_replication_info(b.sys, &i);
	assert_int_equal(i.kernel_pages, 2 * 3 * 512); /* 6 MiB in huge pages, on nodes 1 and 2 */
	assert_int_equal(nb_set_replication(b.sys, NB_REPLICATE_KERNEL, 5 << 20), 0);
	nb_replication_info(b.sys, &i);
	assert_int_equal(i.kernel_pages, 2 * 3 * 512);
	assert_int_equal(nb_set_replication(b.sys, 0, 0), 0);
	assert_int_equal(nb_set_replication(b.sys, NB_REPLICATE_KERNEL, UINT64_C(1) << 30),
			 -NB_ENOMEM);
	nb_replication_info(b.sys, &i);
	assert_int_equal(i.kernel_pages, 0);
	filebox_end(&b);
}

static void test_command_line(void **state)
{
	struct sysbox box;
	struct nb_replication_info i;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1",
						.cmdline = "replicate=text,kernel"});
	nb_replication_info(box.sys, &i);
	assert_int_equal(i.what, NB_REPLICATE_TEXT | NB_REPLICATE_KERNEL);
	assert_int_equal(i.kernel_pages, 4096); /* 16 MiB on the second node */
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),        cmocka_unit_test(test_off),
		cmocka_unit_test(test_text),         cmocka_unit_test(test_mapped_writer),
		cmocka_unit_test(test_bytes),        cmocka_unit_test(test_reclaim),
		cmocka_unit_test(test_full_node),    cmocka_unit_test(test_kernel_text),
		cmocka_unit_test(test_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
