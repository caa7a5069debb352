/* child.c -- work in a child process: what it sends comes back, however it ends. */
#include "read/child.h"
#include "form.h"

#include <signal.h>
#include <unistd.h>

static int echo(void *ctx, struct nb_text *out, struct nb_error *err)
{
	(void)err;
	nb_text_puts(out, ctx);
	return 0;
}

static int refuse(void *ctx, struct nb_text *out, struct nb_error *err)
{
	nb_text_puts(out, "not to be seen");
	return nb_error_set(err, -NB_ERANGE, 7, "no %s", (const char *)ctx);
}

static int die(void *ctx, struct nb_text *out, struct nb_error *err)
{
	(void)err;
	nb_text_puts(out, "half");
	raise(*(int *)ctx);
	return 0;
}

static int leave(void *ctx, struct nb_text *out, struct nb_error *err)
{
	(void)ctx;
	(void)out;
	(void)err;
	_exit(0);
}

static int spin(void *ctx, struct nb_text *out, struct nb_error *err)
{
	volatile unsigned long n = 0;

	(void)ctx;
	(void)out;
	(void)err;
	for (;;)
		n++;
	return 0;
}

static int sleep_on(void *ctx, struct nb_text *out, struct nb_error *err)
{
	(void)ctx;
	(void)out;
	(void)err;
	for (;;)
		pause();
	return 0;
}

static int flood(void *ctx, struct nb_text *out, struct nb_error *err)
{
	char block[65536] = {0};

	(void)ctx;
	(void)err;
	for (size_t i = 0; i <= NB_CHILD_MAX_OUTPUT / sizeof(block); i++)
		nb_text_add(out, block, sizeof(block));
	return 0;
}

static void test_result(void **state)
{
	struct nb_text out = {0};
	struct nb_error err = {0};
	char *big = nb_xcalloc(1 << 20, 1);

	(void)state;
	nb_text_puts(&out, "a");
	assert_int_equal(nb_in_child("x", 5, echo, (char[]){"bc"}, &out, &err), 0);
	assert_string_equal(nb_text_str(&out), "abc");
	/* more than a pipe holds */
	memset(big, 'x', (1 << 20) - 1);
	nb_text_clear(&out);
	assert_int_equal(nb_in_child("x", 5, echo, big, &out, &err), 0);
	assert_string_equal(nb_text_str(&out), big);
	free(big);
	nb_text_clear(&out);
	assert_int_equal(nb_in_child("x", 5, refuse, (char[]){"way"}, &out, &err), -NB_ERANGE);
	assert_int_equal(err.line, 7);
	assert_string_equal(err.text, "no way");
	assert_int_equal(out.len, 0);
	nb_text_release(&out);
}

static void test_ends(void **state)
{
	struct {
		int (*work)(void *ctx, struct nb_text *out, struct nb_error *err);
		int ctx, code;
		const char *says;
	} cases[] = {
		{die, SIGABRT, -NB_EINVAL, "the topology cannot be read: the library for it fails"},
		{die, SIGSEGV, -NB_EINVAL, "fails on this input"},
		{die, SIGKILL, -NB_EINVAL, "fails on this input"},
		{leave, 0, -NB_EINVAL, "fails on this input"},
		{spin, 0, -NB_EFBIG, "more than 1 seconds"},
		{sleep_on, 0, -NB_EFBIG, "more than 1 seconds"},
		{flood, 0, -NB_EFBIG, "too much room"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_text out = {0};
		struct nb_error err = {0};
		unsigned seconds = cases[i].work == flood ? 10 : 1;
		int rc = nb_in_child("the topology", seconds, cases[i].work, &cases[i].ctx, &out,
				     &err);

		if (rc != cases[i].code || err.code != rc || !strstr(err.text, cases[i].says))
			fail_msg("case %zu: %d: %s", i, rc, err.text);
		assert_int_equal(out.len, 0);
		nb_text_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_result),
					   cmocka_unit_test(test_ends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
