/* box.h -- small booted machines for the tests of src/view. */
#ifndef TESTS_UNIT_VIEW_BOX_H
#define TESTS_UNIT_VIEW_BOX_H

#include "base/hosted/text.h"
#include <numabox/system.h>

struct box {
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
};

/* Nodes 0 and 2: 3 GiB and 1 GiB of RAM from address 0 with a hole from 3 to 4 GiB, CPUs 0-1 on
 * node 0 and 2 on node 2, distances 10 21 / 31 10. Fails the test when it does not boot. */
void box_boot(struct box *b, const char *kernel, enum nb_arch arch);
void box_shutdown(struct box *b);
/* Boot, print one view, shut down: the text (the caller frees). */
char *box_view(const char *kernel, enum nb_arch arch, const char *view);

#endif
