/* capture_reserved.c -- what boot had reserved, out of the memblock lines of the boot log.
 *
 * Called by capture_machine.c. The machine takes the ranges as they are; whether they agree with
 * what else is known is for boot to find out (src/mm/boot_reserved.c). Units: bytes.
 */
#include "read/capture_priv.h"

int nb_capture_reserved(struct nb_build *b)
{
	const struct nb_ranges *l = &b->c->dmesg.reservations.ranges;
	int bad = 0;

	for (size_t i = 0; i < l->n && !bad; i++)
		bad = nb_machine_add_reserved(b->m, &l->v[i]);
	if (l->n)
		nb_capture_add_note(b->c, "reserved memory: memblock lines of dmesg (%zu ranges)",
				    l->n);
	return bad;
}
