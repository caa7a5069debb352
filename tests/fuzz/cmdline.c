/* cmdline.c -- the kernel command line: any text must boot a machine, or be refused by a message.
 *
 * The first byte chooses the kernel and the architecture; the rest is the command line of a machine
 * with a firmware map, two nodes and a hole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <numabox/system.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hardware(struct nb_machine *m)
{
	static const struct nb_mem_range map[] = {
		{.start = 0, .end = 0x9fc00, .nid = NB_NO_NODE},
		{.start = 0x9fc00, .end = 0xa0000, .type = NB_MEM_RESERVED, .nid = NB_NO_NODE},
		{.start = 0x100000, .end = 0x7ffdf000, .nid = NB_NO_NODE},
		{.start = 0x100000000,
		 .end = 0x180000000,
		 .nid = NB_NO_NODE,
		 .flags = NB_RANGE_MIRROR},
	};
	static const struct nb_mem_range srat[] = {
		{.start = 0, .end = 0x80000000, .nid = 0},
		{.start = 0x100000000, .end = 0x140000000, .nid = 1},
		{.start = 0x140000000, .end = 0x180000000, .nid = 0, .flags = NB_RANGE_HOTPLUG},
	};
	struct nb_cpu cpu = {.nid = 0, .online = true};

	for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		nb_machine_add_firmware(m, &map[i]);
	for (unsigned i = 0; i < sizeof(srat) / sizeof(srat[0]); i++)
		nb_machine_add_affinity(m, &srat[i]);
	for (cpu.id = 0; cpu.id < 4; cpu.id++) {
		cpu.nid = cpu.id % 2;
		nb_machine_add_cpu(m, &cpu);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_system *sys = NULL;
	struct nb_error err = {0};
	struct nb_machine *m;
	struct nb_port port;
	char *line;

	if (!size)
		return 0;
	line = malloc(size);
	if (!line)
		return 0;
	memcpy(line, data + 1, size - 1);
	line[size - 1] = '\0';
	nb_port_posix(&port, false);
	m = nb_machine_new(&port);
	m->arch = (enum nb_arch)(data[0] % NB_NR_ARCH);
	m->profile = nb_kernel_at(data[0] / NB_NR_ARCH % 13);
	hardware(m);
	nb_machine_add_cmdline(m, line);
	if (nb_machine_seal(m, &err))
		abort();
	if (nb_system_boot(&port, m, NULL, &sys, &err) && !err.text[0])
		abort();
	if (sys && nb_system_check(sys, &err))
		abort();
	nb_system_shutdown(sys);
	nb_machine_free(m);
	free(line);
	return 0;
}
