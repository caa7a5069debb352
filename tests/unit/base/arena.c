/* arena.c -- tests of src/base/arena.c on the POSIX port and on one that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

/* Expect pieces of all sizes zeroed, aligned, apart, and kept while others come. */
static void test_pieces(void **state)
{
	static const size_t sizes[] = {0,        1,        16,        17,  4096,  65536,   200000,
				       1u << 20, 5u << 20, 40u << 20, 100, 65535, 3u << 20};
	char *piece[13 * 20];
	size_t len[13 * 20], n = 0;
	struct nb_port port;
	struct nb_arena *a;

	(void)state;
	nb_port_posix(&port, false);
	a = nb_arena_new(&port);
	assert_non_null(a);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 13; i++, n++) {
			len[n] = round > 2 && sizes[i] > (1u << 20) ? 50 : sizes[i];
			piece[n] = nb_arena_alloc(a, len[n]);
			assert_non_null(piece[n]);
			assert_int_equal((uintptr_t)piece[n] % 16, 0);
			assert_true(is_zero(piece[n], len[n]));
			memset(piece[n], (int)(n + 1), len[n]);
		}
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k<len[i]; k += len[i]> 4096 ? 4095 : 1)
			assert_int_equal((unsigned char)piece[i][k], (unsigned char)(i + 1));
	}
	assert_true(nb_arena_committed(a) > 100u << 20);
	assert_null(nb_arena_alloc(a, SIZE_MAX));
	nb_arena_free(a);
	nb_arena_free(NULL);
}

/* A port that gives `left` bytes and counts what is out. */
struct tight {
	size_t left, reserved;
};

static void *tight_reserve(void *ctx, size_t bytes)
{
	struct tight *t = ctx;
	void *p;

	if (bytes > t->left || posix_memalign(&p, 65536, bytes))
		return NULL;
	memset(p, 0, bytes);
	t->left -= bytes;
	t->reserved += bytes;
	return p;
}

static int tight_commit(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)p;
	return bytes ? 0 : -NB_EINVAL;
}

static void tight_release(void *ctx, void *p, size_t bytes)
{
	struct tight *t = ctx;

	t->reserved -= bytes;
	free(p);
}

static void test_out_of_memory(void **state)
{
	struct tight t = {.left = 3u << 20};
	struct nb_port port = {.ctx = &t,
			       .reserve = tight_reserve,
			       .commit = tight_commit,
			       .release = tight_release};
	struct nb_arena *a = nb_arena_new(&port);
	unsigned n = 0;

	(void)state;
	assert_non_null(a);
	assert_null(nb_arena_alloc(a, 8u << 20));
	while (nb_arena_alloc(a, 10000))
		n++;
	assert_true(n > 100);
	assert_non_null(nb_arena_alloc(a, 16)); /* a small piece may still fit */
	nb_arena_free(a);
	assert_int_equal(t.reserved, 0);
	t.left = 1000;
	assert_null(nb_arena_new(&port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
