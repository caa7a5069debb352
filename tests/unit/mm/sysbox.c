/* sysbox.c -- see sysbox.h. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t size_of(const char *s, char **end)
{
	uint64_t n = strtoull(s, end, 10);

	switch (**end) {
	case 'G':
		++*end;
		return n << 30;
	case 'M':
		++*end;
		return n << 20;
	default:
		return n;
	}
}

void sysbox_machine(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_error err = {0};
	uint64_t addr = 0;
	int nid = 0, cpu = 0;

	memset(box, 0, sizeof(*box));
	nb_port_posix(&box->port, false);
	box->machine = nb_machine_new(&box->port);
	box->machine->arch = spec->arch;
	box->machine->profile = nb_kernel_by_key(spec->kernel ? spec->kernel : "6.12");
	assert_non_null(box->machine->profile);
	for (char *p = (char *)spec->nodes; *p; nid++) {
		struct nb_node node = {.id = nid, .online = true};
		struct nb_mem_range range = {.start = addr, .nid = nid};

		addr += size_of(p, &p);
		range.end = addr;
		assert_int_equal(*p++, ':');
		assert_int_equal(nb_machine_add_node(box->machine, &node), 0);
		if (range.end > range.start)
			assert_int_equal(nb_machine_add_range(box->machine, &range), 0);
		for (unsigned n = (unsigned)strtoul(p, &p, 10); n; n--) {
			struct nb_cpu c = {.id = cpu++,
					   .nid = nid,
					   .online = true,
					   .package = -1,
					   .die = -1,
					   .cluster = -1,
					   .core = -1,
					   .llc = -1};

			assert_int_equal(nb_machine_add_cpu(box->machine, &c), 0);
		}
		p += strspn(p, " ");
	}
	if (spec->distances)
		assert_int_equal(
			nb_machine_set_distances(box->machine, spec->distances, (unsigned)nid), 0);
	if (spec->cmdline)
		assert_int_equal(nb_machine_add_cmdline(box->machine, spec->cmdline), 0);
	for (unsigned i = 0; i < 4 && spec->sysctl[i]; i += 2)
		assert_int_equal(nb_machine_add_sysctl(box->machine, spec->sysctl[i],
						       spec->sysctl[i + 1], 7 + i / 2),
				 0);
	if (nb_machine_seal(box->machine, &err))
		fail_msg("%s", err.text);
}

void sysbox_boot(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_boot_options opt = {.sink = spec->sink};
	struct nb_error err = {0};

	sysbox_machine(box, spec);
	if (nb_system_boot(&box->port, box->machine, &opt, &box->sys, &err))
		fail_msg("%s", err.text);
}

void sysbox_end(struct sysbox *box)
{
	struct nb_error err = {0};

	if (box->sys && nb_system_check(box->sys, &err))
		fail_msg("%s", err.text);
	nb_system_shutdown(box->sys);
	nb_machine_free(box->machine);
}

uint64_t sysbox_numa(const struct sysbox *box, int nid, enum nb_numa_event event)
{
	struct nb_zone_info z;
	uint64_t sum = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (!nb_zone_info(box->sys, nid, (enum nb_zone_type)t, &z))
			sum += z.numa[event];
	}
	return sum;
}

uint64_t sysbox_free_pages(const struct sysbox *box)
{
	struct nb_system_info info;

	nb_drain_pages(box->sys, -1);
	nb_system_info(box->sys, &info);
	return info.free_pages;
}

uint64_t sysbox_event(const struct nb_system *sys, const char *name)
{
	const char *n;
	uint64_t v;

	for (unsigned i = 0; nb_vm_event(sys, i, &n, &v); i++)
		if (!strcmp(n, name))
			return v;
	fail_msg("no counter %s", name);
	return 0;
}

struct nb_nodemask sysbox_mask(uint64_t bits)
{
	struct nb_nodemask m = {{bits}};

	return m;
}
