/* program.c -- the whole program: time and peak memory of some runs of $NUMABOX.
 *
 * On a busy computer look at the CPU time: its own, and what the host took for it, which is mostly
 * the finding and clearing of memory.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(const struct timeval *t)
{
	return (double)t->tv_sec * 1e3 + (double)t->tv_usec / 1e3;
}

static int run(const char *program, const char *line)
{
	char *words = strdup(line), *argv[16] = {(char *)"numabox"};
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	double start = now_ms();
	int n = 1, status, rc;
	pid_t pid;

	for (char *w = strtok(words, " "); w && n < 15; w = strtok(NULL, " "))
		argv[n++] = w;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawn(&pid, program, &actions, NULL, argv, NULL);
	posix_spawn_file_actions_destroy(&actions);
	free(words);
	if (rc || wait4(pid, &status, 0, &usage) < 0)
		return 1;
	printf("%-60s %9.1f %9.1f %9.1f %9.1f\n", line, now_ms() - start, ms(&usage.ru_utime),
	       ms(&usage.ru_stime), (double)usage.ru_maxrss / 1024);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int main(int argc, char **argv)
{
	const char *program = getenv("NUMABOX");
	int failed = 0;

	if (!program)
		return 2;
	printf("%-60s %9s %9s %9s %9s\n", "whole runs", "wall ms", "user ms", "host ms",
	       "peak MiB");
	failed |= run(program, "show -m 1T:16");
	failed |= run(program, "show -m 64x1T:16");
	failed |= run(program, "show -m 1024x64G:8");
	failed |= run(program, "sim -m 2x256G touch 256G");
	failed |= run(program, "sim -q --time-limit 600 bench/many-tasks.lua 10000 65536");
	failed |= run(program, "sim -q --time-limit 600 bench/stream.lua 1048576");
	failed |= run(program, "sim -q --time-limit 600 bench/turnover.lua unmap");
	failed |= run(program, "sim -q --time-limit 600 bench/turnover.lua huge");
	failed |= run(program, "sim -q --time-limit 600 bench/turnover.lua fork");
	failed |= run(program, "sim -q --time-limit 600 bench/turnover.lua swap");
	for (int i = 1; i < argc; i++) {
		char line[512];

		snprintf(line, sizeof(line), "show -m %s zoneinfo", argv[i]);
		failed |= run(program, line);
	}
	return failed;
}
