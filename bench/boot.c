/* boot.c -- how long a boot takes, and how much host memory it commits. Best of several. */
#include "read/machine.h"

#include <numabox/system.h>
#include <stdio.h>
#include <time.h>

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int boot(const char *spec)
{
	struct nb_system_info info = {0};
	struct nb_error err = {0};
	struct nb_machine *m;
	struct nb_port port;
	double best = 1e9;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, spec, NULL, &m, NULL, &err)) {
		fprintf(stderr, "bench-boot: %s: %s\n", spec, err.text);
		return 1;
	}
	for (unsigned i = 0; i < 10; i++) {
		struct nb_system *sys;
		double start = now_ms(), took;

		if (nb_system_boot(&port, m, NULL, &sys, &err)) {
			fprintf(stderr, "bench-boot: %s: %s\n", spec, err.text);
			nb_machine_free(m);
			return 1;
		}
		took = now_ms() - start;
		if (took < best)
			best = took;
		nb_system_info(sys, &info);
		nb_system_shutdown(sys);
	}
	printf("boot %-14s %9.3f ms %9.1f MiB committed\n", spec, best,
	       (double)info.committed_bytes / (1 << 20));
	nb_machine_free(m);
	return 0;
}

int main(void)
{
	static const char *const specs[] = {"2x32G", "1T:16", "64x1T:16", "1024x64G:8"};
	int failed = 0;

	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		failed |= boot(specs[i]);
	return failed;
}
