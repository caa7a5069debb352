/* swap_device.c -- the device behind a swap area, in time.
 *
 * Called by swap.c (each page written or read), swap_in.c (a fault waits for its page),
 * vmscan_page.c and kswapd.c (reclaim cannot give a device more than it takes). A device does what
 * it is given one after the other: a page takes write_ns, either way. A read has to wait latency_ns
 * besides, which on a disk that turns is the arm's time, and holds up what comes after; on others
 * it is the way there and back. A synchronous device is the CPU itself: nothing can be left to it.
 *
 * Writes end in the order given (swap.c keeps them). Reclaim that finds a full queue sleeps until
 * there is room, as a kernel's submitter does for a request of the block layer. Within one step it
 * may overshoot; the time is made good afterwards.
 * Units: ns of virtual time. Source: mm/page_io.c, swap_writepage(), swap_readpage();
 * block/blk-mq-tag.c (queue depth).
 */
#include "mm/filemap.h"
#include "mm/swap_area.h"

uint64_t nb_swap_device_give(struct nb_system *sys, struct nb_swap_area *a)
{
	if (a->device_free_ns < sys->time_ns)
		a->device_free_ns = sys->time_ns;
	a->device_free_ns += a->opt.write_ns;
	return a->device_free_ns;
}

void nb_swap_device_wait_read(struct nb_task *t, struct nb_swap_area *a, uint64_t reads_before)
{
	struct nb_system *sys = t->sys;
	uint64_t done_ns;

	nb_swap_lock(sys);
	done_ns = a->reads == reads_before ? 0 : a->device_free_ns + a->opt.latency_ns;
	if (done_ns && a->opt.device == NB_SWAP_ROTATIONAL)
		a->device_free_ns = done_ns;
	nb_swap_unlock(sys);
	nb_wait_until(sys, t, NB_WAIT_IO, done_ns);
}

uint64_t nb_swap_device_busy_until(struct nb_system *sys)
{
	struct nb_swap *s = sys->swap;
	uint64_t until = 0;

	if (!s)
		return 0;
	nb_swap_lock(sys);
	for (unsigned i = 0; i < s->nr_areas; i++) {
		const struct nb_swap_area *a = s->area[i];
		uint64_t queue_ns;

		if (!a || !a->used)
			continue;
		queue_ns = a->opt.device == NB_SWAP_SYNCHRONOUS
				   ? 0
				   : NB_SWAP_IN_FLIGHT * a->opt.write_ns;
		if (a->device_free_ns > sys->time_ns + queue_ns &&
		    a->device_free_ns - queue_ns > until)
			until = a->device_free_ns - queue_ns;
	}
	nb_swap_unlock(sys);
	return until;
}
