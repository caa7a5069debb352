/* usermem.c -- a program's memory: its ends, masks word by word, tasks by pid. */
#include "sysbox.h"

#include "mm/usermem.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)

static struct nb_task *start(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_task *t;

	sysbox_boot(box, spec);
	assert_int_equal(nb_task_create(box->sys, 0, "t", &t), 0);
	return t;
}

static void end(struct sysbox *box, struct nb_task *t)
{
	struct nb_error err = {0};

	if (nb_system_check(box->sys, &err))
		fail_msg("%s", err.text);
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(box);
}

static void test_ends(void **state)
{
	char mem[16] = "0123456789abcde", buf[16] = "";
	const struct nb_user u = {mem, sizeof(mem), false}, null = {0}, bad = {mem, 16, true};

	(void)state;
	assert_int_equal(nb_user_read(&u, 12, buf, 4), 0);
	assert_string_equal(buf, "cde");
	assert_int_equal(nb_user_read(&u, 13, buf, 4), -NB_EFAULT);
	assert_int_equal(nb_user_read(&u, UINT64_MAX, buf, 4), -NB_EFAULT);
	assert_int_equal(nb_user_write(&u, 16, buf, 1), -NB_EFAULT);
	assert_int_equal(nb_user_write(&u, 0, "X", 1), 0);
	assert_int_equal(mem[0], 'X');
	assert_int_equal(nb_user_read(&null, 0, buf, 1), -NB_EFAULT);
	assert_int_equal(nb_user_read(&bad, 0, buf, 1), -NB_EFAULT);
	assert_true(nb_user_null(&null));
	assert_false(nb_user_null(&bad));
}

static void test_masks(void **state)
{
	uint64_t words[512] = {5, 6};
	struct nb_user u = {words, 16, false};
	struct nb_nodemask m = {{1, 2}}, zero = {{0}};
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1 64M:1"});

	(void)state;
	assert_int_equal(nb_node_ids(box.sys), 3);
	/* bits above the last that counts are cut */
	assert_int_equal(nb_user_get_nodes(box.sys, &u, 67, &m), 0);
	assert_int_equal(m.bits[0], 5);
	assert_int_equal(m.bits[1], 2);
	assert_int_equal(nb_user_get_nodes(box.sys, &u, 130, &m), -NB_EFAULT);
	u.bytes = sizeof(words);
	assert_int_equal(nb_user_get_nodes(box.sys, &u, 32769, &m), 0);
	assert_int_equal(m.bits[1], 6);
	words[300] = 1;
	assert_int_equal(nb_user_get_nodes(box.sys, &u, 32769, &m), -NB_EINVAL);
	assert_int_equal(nb_user_get_nodes(box.sys, &u, 1, &m), 0);
	assert_memory_equal(&m, &zero, sizeof(m));
	/* the way back: what is behind the last node is cleared, as far as asked for */
	m.bits[0] = 7;
	memset(words, 0xff, sizeof(words));
	assert_int_equal(nb_user_put_nodes(box.sys, &u, 200, &m), 0);
	assert_int_equal(words[0], 7);
	assert_int_equal(words[3], 0);
	assert_int_equal(words[4], UINT64_MAX);
	end(&box, t);
}

static void test_pids(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"}), *other, *got;

	(void)state;
	assert_int_equal(nb_task_create(box.sys, 0, "o", &other), 0);
	assert_int_equal(nb_find_task(t, 0, &got), 0);
	assert_ptr_equal(got, t);
	assert_int_equal(nb_find_task(t, nb_task_pid(other), &got), 0);
	assert_ptr_equal(got, other);
	assert_int_equal(nb_find_task(t, NB_INIT_PID, &got), 0);
	assert_null(got);
	assert_int_equal(nb_find_task(t, 500, &got), -NB_ESRCH);
	assert_true(nb_may_access(t, other));
	t->uid = 7;
	assert_false(nb_may_access(t, other));
	other->uid = 7;
	assert_true(nb_may_access(t, other));
	nb_task_exit(other);
	assert_int_equal(nb_find_task(t, nb_task_pid(other), &got), -NB_ESRCH);
	nb_task_put(other);
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_pids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
