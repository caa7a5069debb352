/* linear.c -- addresses of frames, and bytes behind them in a backed system. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct allocbox box;

static const struct allocbox_spec spec = {
	.ranges = "0 1000-9efff, 0 100000-7ffffff",
	.backed = true,
};

static unsigned char *bytes(uint64_t addr)
{
	return (unsigned char *)(uintptr_t)addr;
}

/* What is written stays until the page is freed; __GFP_ZERO clears whatever was there. */
static void backed(void **state)
{
	(void)state;
	allocbox_boot(&box, &spec);
	for (unsigned order = 0; order <= 10; order += 2) {
		size_t n = (size_t)4096 << order;
		uint64_t a = nb_get_free_pages(box.sys, 0, NB_GFP_KERNEL, order);

		assert_int_not_equal(a, 0);
		assert_int_equal(nb_page_address(box.sys, nb_address_to_pfn(box.sys, a)), a);
		memset(bytes(a), 0xa5, n);
		assert_int_equal(nb_free_pages_addr(box.sys, 0, a, order), 0);
		uint64_t b = nb_get_free_pages(box.sys, 0, NB_GFP_KERNEL | NB_GFP_BIT_ZERO, order);

		for (size_t i = 0; i < n; i++)
			assert_int_equal(bytes(b)[i], 0);
		assert_int_equal(nb_free_pages_addr(box.sys, 0, b, order), 0);
	}
	uint64_t z = nb_get_zeroed_page(box.sys, 0, NB_GFP_KERNEL);

	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(bytes(z)[i], 0);
	allocbox_end(&box);
}

/* Pages of a bulk too, and no two share a byte. */
static void bulk(void **state)
{
	const struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = NB_NO_NODE};
	nb_pfn_t pfn[200];

	(void)state;
	allocbox_boot(&box, &spec);
	memset(pfn, 0xff, sizeof(pfn));
	assert_int_equal(nb_alloc_pages_bulk(box.sys, &rq, 200, pfn), 200);
	for (unsigned i = 0; i < 200; i++)
		memset(bytes(nb_page_address(box.sys, pfn[i])), (int)i, 4096);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(bytes(nb_page_address(box.sys, pfn[i]))[0], i);
		assert_int_equal(bytes(nb_page_address(box.sys, pfn[i]))[4095], i);
		assert_int_equal(nb_free_pages(box.sys, 0, pfn[i], 0), 0);
	}
	allocbox_end(&box);
}

static int refuse_commit(void *ctx, void *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
	return -NB_ENOMEM;
}

/* A host without memory: the request fails, and nothing is lost. */
static void host_is_full(void **state)
{
	const struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = NB_NO_NODE};
	nb_pfn_t pfn[4] = {NB_NO_PFN, NB_NO_PFN, NB_NO_PFN, NB_NO_PFN};

	(void)state;
	allocbox_boot(&box, &spec);
	uint64_t a = nb_get_free_page(box.sys, 0, NB_GFP_KERNEL);

	box.sys->port_copy.commit = refuse_commit;
	assert_int_equal(nb_get_free_page(box.sys, 0, NB_GFP_KERNEL), 0);
	assert_int_equal(nb_alloc_pages_bulk(box.sys, &rq, 4, pfn), 0);
	allocbox_check(&box);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, a, 0), 0);
	nb_port_posix(&box.sys->port_copy, false);
	assert_int_not_equal(nb_get_free_page(box.sys, 0, NB_GFP_KERNEL), 0);
	allocbox_end(&box);
}

static void *no_reservation(void *ctx, size_t n)
{
	struct nb_port posix;

	(void)ctx;
	nb_port_posix(&posix, false);
	return n >= (size_t)64 << 20 ? NULL : posix.reserve(posix.ctx, n);
}

static void no_address_space(void **state)
{
	struct nb_boot_options opt = {.backed = true};
	struct nb_error err = {0};
	struct nb_system *sys = NULL;
	struct nb_port port;

	(void)state;
	allocbox_boot(&box, &spec);
	port = box.port;
	port.reserve = no_reservation;
	assert_int_equal(nb_system_boot(&port, box.machine, &opt, &sys, &err), -NB_ENOMEM);
	assert_non_null(strstr(err.text, "128 MiB of address space"));
	allocbox_end(&box);
}

static void holes(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000-9efff, 0 100000-7ffffff"});
	assert_int_equal(nb_page_address(box.sys, 0x9f), 0);
	assert_int_equal(nb_page_address(box.sys, NB_NO_PFN), 0);
	assert_int_equal(nb_page_address(box.sys, 0x100), UINT64_C(0xffff888000100000));
	assert_int_equal(nb_address_to_pfn(box.sys, UINT64_C(0xffff888000100fff)), 0x100);
	assert_int_equal(nb_address_to_pfn(box.sys, UINT64_C(0xffff887fffffffff)), NB_NO_PFN);
	assert_int_equal(nb_address_to_pfn(box.sys, UINT64_C(0xffff888008000000)), NB_NO_PFN);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backed),       cmocka_unit_test(bulk),
		cmocka_unit_test(host_is_full), cmocka_unit_test(no_address_space),
		cmocka_unit_test(holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
