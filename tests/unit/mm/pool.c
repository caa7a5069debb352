/* pool.c -- objects come zeroed, are distinct, and are used again. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define N 5000

static void test_pool(void **state)
{
	static unsigned char *obj[N];
	static const unsigned char zero[40];
	struct nb_pool pool;
	struct sysbox box;
	struct nb_system_info before, after;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	nb_pool_init(&pool, 40);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < N; i++) {
			obj[i] = nb_pool_get(box.sys, &pool);
			assert_non_null(obj[i]);
			assert_int_equal((uintptr_t)obj[i] % 16, 0);
			assert_memory_equal(obj[i], zero, sizeof(zero));
			memset(obj[i], (int)(i % 255 + 1), 40);
		}
		for (unsigned i = 0; i < N; i++) {
			assert_int_equal(obj[i][0], i % 255 + 1);
			assert_int_equal(obj[i][39], i % 255 + 1);
			nb_pool_put(box.sys, &pool, obj[i]);
		}
		if (round == 0)
			nb_system_info(box.sys, &before);
	}
	nb_system_info(box.sys, &after);
	assert_int_equal(before.committed_bytes, after.committed_bytes);
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
