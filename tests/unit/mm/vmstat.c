/* vmstat.c -- event counters: names in /proc/vmstat's order, sums over CPUs. */
#include "allocbox.h"
#include "mm/vmstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct allocbox box;

/* Zones that the architecture lacks have no line; no name stands twice. */
static void names(void **state)
{
	static const struct {
		enum nb_arch arch;
		const char *ranges;
		bool dma32, high;
	} cases[] = {{NB_ARCH_X86_64, "0 1000000-8ffffff", true, false},
		     {NB_ARCH_I386, "0 0-8ffffff", false, true}};
	const char *name, *seen[128];
	uint64_t v;

	(void)state;
	for (unsigned c = 0; c < 2; c++) {
		bool dma32 = false, high = false;
		unsigned n = 0;

		allocbox_boot(&box, &(struct allocbox_spec){.ranges = cases[c].ranges,
							    .arch = cases[c].arch,
							    .lowmem_end = 0x9000000});
		for (; nb_vm_event(box.sys, n, &name, &v); n++) {
			assert_int_equal(v, 0);
			for (unsigned i = 0; i < n; i++)
				assert_string_not_equal(seen[i], name);
			seen[n] = name;
			dma32 |= strcmp(name, "allocstall_dma32") == 0;
			high |= strcmp(name, "pgalloc_high") == 0;
		}
		assert_true(n > 30);
		assert_false(nb_vm_event(box.sys, n + 1000, &name, &v));
		assert_int_equal(dma32, cases[c].dma32);
		assert_int_equal(high, cases[c].high);
		allocbox_end(&box);
	}
}

static void sums(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff", .cpus = 3});
	nb_count_vm_event(box.sys, 0, NB_VM_PGFAULT);
	nb_count_vm_events(box.sys, 2, NB_VM_PGFAULT, 41);
	nb_count_vm_events(box.sys, 2, (enum nb_vm_event_item)(NB_VM_ALLOCSTALL + NB_ZONE_MOVABLE),
			   7);
	assert_int_equal(nb_vm_event_sum(box.sys, NB_VM_PGFAULT), 42);
	assert_int_equal(allocbox_vm_event(&box, "pgfault"), 42);
	assert_int_equal(allocbox_vm_event(&box, "allocstall_movable"), 7);
	assert_int_equal(allocbox_vm_event(&box, "pgmajfault"), 0);
	allocbox_end(&box);
}

/* Pages are counted by zone where they are handed out, base pages, also past the page sets. */
static void pages(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){
				    .ranges = "0 1000-9efff, 0 100000-8ffffff, 1 9000000-ffffffff",
				    .cpus = 2});
	allocbox_run(&box, "K0 K0@1 K5@3 D1 -0@2 -3");
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_dma32"), 1 + 1 + 32);
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_dma"), 2);
	assert_int_equal(allocbox_vm_event(&box, "pgfree"), 3);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(sums),
		cmocka_unit_test(pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
