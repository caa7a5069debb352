/* port_posix.c -- tests of src/base/port_posix.c: aligned, zeroed, sparse, given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <numabox/port.h>

static void test_reserve(void **state)
{
	static const size_t sizes[] = {1, 4096, 65536, 65537, (size_t)1 << 30};
	struct nb_port port;

	(void)state;
	nb_port_posix(&port, false);
	assert_null(port.relax);
	for (unsigned i = 0; i < 5; i++) {
		char *p = port.reserve(port.ctx, sizes[i]);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 65536, 0);
		assert_int_equal(port.commit(port.ctx, p, sizes[i]), 0);
		assert_int_equal(p[sizes[i] - 1], 0);
		p[0] = p[sizes[i] - 1] = 1;
		assert_int_equal(port.commit(port.ctx, p, sizes[i]), 0);
		assert_int_equal(p[0], 1);
		port.release(port.ctx, p, sizes[i]);
	}
	assert_null(port.reserve(port.ctx, 0));
	assert_null(port.reserve(port.ctx, SIZE_MAX));
	assert_null(port.reserve(port.ctx, SIZE_MAX / 2));
	port.release(port.ctx, NULL, 10);
	nb_port_posix(&port, true);
	assert_non_null(port.relax);
	port.relax(port.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reserve)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
