/* policy.c -- what real kernels did under memory policies, case by case. See policy.h.
 *
 * Played are the runs below tests/policy, a copy that goes with the project, and, where the
 * captures are at hand, all of $NUMABOX_ORACLE/policy. Which kinds of cases a run holds is seen
 * from its files.
 */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one(struct run *r, json_t *o, void (*play)(struct run *, json_t *))
{
	run_case(r, o, play);
}

static void alloc_case(struct run *r, json_t *o)
{
	one(r, o, play_alloc);
}

static void move_case(struct run *r, json_t *o)
{
	one(r, o, play_move);
}

static void fork_case(struct run *r, json_t *o)
{
	one(r, o, play_fork);
}

static void cpuset_case(struct run *r, json_t *o)
{
	one(r, o, play_cpuset);
}

static void shm_case(struct run *r, json_t *o)
{
	one(r, o, play_shm);
}

static void play_run(const char *path)
{
	struct run r;

	run_boot(&r, path);
	(void)run_each(&r, "alloc.jsonl", alloc_case);
	(void)run_each(&r, "move.jsonl", move_case);
	(void)run_each(&r, "fork.jsonl", fork_case);
	(void)run_each(&r, "shm.jsonl", shm_case);
	(void)run_each(&r, "huge.jsonl", play_huge);
	errors_begin(&r);
	(void)run_each(&r, "errors.jsonl", play_error);
	errors_end(&r);
	r.state = NULL;
	(void)run_each(&r, "cpuset.jsonl", cpuset_case);
	(void)run_each(&r, "cpuset.jsonl", play_overflow);
	(void)run_each(&r, "big.jsonl", play_big);
	json_decref(r.state);
	run_end(&r);
}

static bool is_run(const char *dir, const char *name)
{
	static const char *const others[] = {"hugetlb", "swapin"};
	char path[800];
	FILE *f;

	if (name[0] == '.')
		return false;
	for (unsigned i = 0; i < 2; i++) {
		if (!strncmp(name, others[i], strlen(others[i])))
			return false;
	}
	if (strstr(name, ".tar"))
		return true;
	snprintf(path, sizeof(path), "%s/%s/machine.json", dir, name);
	f = fopen(path, "r");
	if (f)
		fclose(f);
	return f != NULL;
}

static void play_all(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	char path[800];

	if (!d)
		skip();
	policy_compared = policy_different = policy_left_out = policy_waiting = 0;
	while ((e = readdir(d))) {
		if (!is_run(dir, e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		play_run(path);
	}
	closedir(d);
	print_message("# %u answers compared, %u different; %u cases left out, %u waiting\n",
		      policy_compared, policy_different, policy_left_out, policy_waiting);
	assert_true(policy_compared > 0);
	assert_int_equal(policy_different, 0);
}

static void test_own_copy(void **state)
{
	(void)state;
	play_all(POLICY_COPY);
}

static void test_every_run(void **state)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[512];

	(void)state;
	if (!oracle)
		skip();
	snprintf(path, sizeof(path), "%s/policy", oracle);
	play_all(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_copy),
		cmocka_unit_test(test_every_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
