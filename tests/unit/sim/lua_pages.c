/* lua_pages.c -- tests of src/sim/lua_pages.c: the page allocator's calls as scenarios use them. */
#include "simtest.h"

#define M "2x4G:2,dist=21"

static void frames(void **state)
{
	(void)state;
	simtest_prints(
		M,
		"local p = machine:alloc_page{ cpu = 2 }\n"
		"print(machine:page(p).node, machine:page(p).order, machine:free_page(p))\n"
		"print(machine:free_page(p))\n"
		"local n = machine:alloc_pages_node{ node = 1, order = 3, cpu = 0 }\n"
		"print(machine:page(n).node, machine:split_page(n, 3))\n"
		"for i = 0, 7 do expect(machine:free_page(n + i)) end\n"
		"print(machine:alloc_pages{ order = 11 })\n"
		"print(machine:alloc_pages{ cpu = 9 })\n"
		"print(machine:alloc_pages{ node = 5 })\n"
		"print(machine:alloc_pages{ gfp = 'GFP_DMA|GFP_DMA32|GFP_HIGHUSER' })\n",
		"1\t0\ttrue\n"
		"nil\tEINVAL\tfree_pages: frame 0x180000: freed twice: it lies in a page set\n"
		"1\ttrue\n"
		"nil\tEINVAL\talloc_pages: order 11 is above the highest, 10\n"
		"nil\tEINVAL\talloc_pages: CPU 9 is not online\n"
		"nil\tEINVAL\talloc_pages: there is no node 5\n"
		"nil\tEINVAL\talloc_pages: these zone flags exclude each other\n");
}

static void bulk(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local b = machine:alloc_pages_bulk{ count = 500, node = 1 }\n"
		       "print(#b)\n"
		       "local seen = {}\n"
		       "for _, p in ipairs(b) do\n"
		       "  expect(not seen[p] and machine:page(p).node == 1)\n"
		       "  seen[p] = true\n"
		       "  expect(machine:free_pages(p, 0, 2))\n"
		       "end\n"
		       "print(machine:time_ns() > 500 * 20)\n",
		       "500\ntrue\n");
}

static void addresses(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local a = machine:get_zeroed_page{ cpu = 1 }\n"
		       "local p = machine:address_to_pfn(a)\n"
		       "print(('%x'):format(a), ('%x'):format(p), machine:page_address(p) == a)\n"
		       "print(machine:free_pages_addr(a))\n"
		       "print(machine:free_pages_addr(a))\n"
		       "local f = machine:get_free_page{ gfp = 'GFP_ATOMIC' }\n"
		       "local g = machine:get_free_pages{ order = 4 }\n"
		       "print(machine:free_pages_addr(f), machine:free_pages_addr(g, 4))\n"
		       "local d = machine:get_dma_pages{ order = 2 }\n"
		       "print(machine:page(machine:address_to_pfn(d)).zone)\n"
		       "local e = machine:alloc_pages_exact{ bytes = '20K' }\n"
		       "print(machine:free_pages_exact(e, '20K'))\n"
		       "print(machine:alloc_pages_exact{ bytes = '40M' })\n"
		       "print(machine:page_address(1 << 40))\n"
		       "print(machine:address_to_pfn(4096))\n",
		       "ffff888100000000\t100000\ttrue\n"
		       "true\n"
		       "nil\tEINVAL\tfree_pages_addr: no allocated block of order 0 is there\n"
		       "true\ttrue\n"
		       "DMA\n"
		       "true\n"
		       "nil\tEINVAL\talloc_pages_exact: 41943040 bytes; 1 to a block of order 10\n"
		       "nil\tENOENT\tpage_address: frame 1099511627776 has none\n"
		       "nil\tENOENT\taddress_to_pfn: outside of the linear map\n");
}

/* The policy is the task's, but for requests in interrupt context: those follow the CPU. */
static void interrupt(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task{ cpu = 0 }\n"
		       "t:set_mempolicy('bind', { 1 })\n"
		       "local function on(o) return machine:page(machine:alloc_pages(o)).node end\n"
		       "print(on{ task = t }, on{ task = t, interrupt = true })\n"
		       "print(on{ task = t, node = 0 }, on{ interrupt = true, cpu = 2 })\n"
		       "t:set_mempolicy('interleave', { 0, 1 })\n"
		       "print(on{ task = t }, on{ task = t, interrupt = true }, on{ task = t },\n"
		       "  on{ task = t, interrupt = true }, on{ task = t })\n",
		       "1\t0\n0\t1\n0\t0\t1\t0\t0\n");
	simtest_fails(M, "machine:alloc_page{ interrupt = true, gfp = 'GFP_KERNEL' }", 1,
		      "may not sleep");
}

static void page_fields(void **state)
{
	(void)state;
	simtest_prints(M,
		       "local t = machine:task()\n"
		       "local a = t:mmap{ length = '16K' }\n"
		       "t:touch(a, '16K')\n"
		       "local p = machine:page(t:pfn(a))\n"
		       "local has = {}\n"
		       "for _, f in ipairs(p.flags) do has[f] = true end\n"
		       "print(p.refcount, p.mapcount, p.mapping ~= 0, p.index == a >> 12)\n"
		       "print(has.anon, has.swapbacked, has.free)\n",
		       "1\t1\ttrue\ttrue\ntrue\ttrue\tnil\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),      cmocka_unit_test(bulk),
		cmocka_unit_test(addresses),   cmocka_unit_test(interrupt),
		cmocka_unit_test(page_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
