/* sysbox.h -- a small machine in one line, booted, for tests of mm.
 *
 * Nodes are laid out one after the other from address 0 without a hole; managed are all pages but a
 * 64th. Every step that fails ends the test.
 */
#ifndef TESTS_UNIT_MM_SYSBOX_H
#define TESTS_UNIT_MM_SYSBOX_H

#include "mm/task.h"

struct sysbox_spec {
	const char *nodes;        /* "2G:4 0:2 512M:0": memory and CPUs of node 0, 1, ... */
	const uint8_t *distances; /* row by row; NULL: 10 and 20 */
	const char *kernel;       /* profile key; NULL: 6.12 */
	enum nb_arch arch;
	const char *cmdline;
	const char *sysctl[4]; /* name, value, name, value; on lines 7 and 8 */
	const struct nb_sink *sink;
};

struct sysbox {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
};

/* The machine alone; *box is filled but for the system. */
void sysbox_machine(struct sysbox *box, const struct sysbox_spec *spec);
void sysbox_boot(struct sysbox *box, const struct sysbox_spec *spec);
/* Proves the system's invariants and gives all back. */
void sysbox_end(struct sysbox *box);

/* Sum over a node's zones. */
uint64_t sysbox_numa(const struct sysbox *box, int nid, enum nb_numa_event event);
uint64_t sysbox_free_pages(const struct sysbox *box);
/* A counter of /proc/vmstat by name. */
uint64_t sysbox_event(const struct nb_system *sys, const char *name);
struct nb_nodemask sysbox_mask(uint64_t bits);

#endif
