/* doctor_zones.c -- checks of zones and their marks.
 *
 * Called by doctor.c. Pages, unless a name says otherwise.
 */
#include "read/doctor_priv.h"
#include <inttypes.h>

/* The node with the most free memory above its high marks, but `not`. */
static int roomiest(const struct nb_doctor *d, int not, int64_t *ret_room)
{
	int best = NB_NO_NODE;

	*ret_room = 0;
	for (unsigned i = 0; i < nb_system_nr_nodes(d->sys); i++) {
		int nid = nb_system_node_id(d->sys, i);
		int64_t room = nid == not ? -1 : nb_seen_room(d, nid);

		if (room > *ret_room) {
			*ret_room = room;
			best = nid;
		}
	}
	return best;
}

void nb_check_low_zones(struct nb_doctor *d)
{
	struct nb_seen_zone z;

	if (!d->obs.has_zoneinfo) {
		nb_doctor_skip(d, "no proc/zoneinfo");
		return;
	}
	for (size_t i = 0; nb_seen_zone(d, i, &z); i++) {
		int nid = z.zone->nid, other;
		int64_t room;

		if (z.free > z.low || z.managed < 4096)
			continue;
		other = roomiest(d, nid, &room);
		nb_doctor_add(d,
			      z.free <= z.min || (other != NB_NO_NODE && nb_seen_room(d, nid) == 0)
				      ? NB_SEVERITY_PROBLEM
				      : NB_SEVERITY_WARNING,
			      nid, "node %d zone %s is under its %s mark%s", nid, z.zone->name,
			      z.free <= z.min ? "min" : "low",
			      other == NB_NO_NODE ? "" : " while another node has memory free");
		nb_doctor_evidence(d,
				   "%" PRIu64 " pages free against min %" PRIu64 ", low %" PRIu64
				   ", high %" PRIu64 "%s",
				   z.free, z.min, z.low, z.high,
				   z.free <= z.min ? ": tasks that allocate there reclaim memory "
						     "themselves"
						   : ": kswapd is at work there");
		if (other != NB_NO_NODE)
			nb_doctor_evidence(d, "node %d has %" PRId64 " MiB above its high marks",
					   other, room * d->page_kib / 1024);
		nb_doctor_try(d, "numastat -m; numastat -p PID: who has the memory of node %d",
			      nid);
		if (other != NB_NO_NODE)
			nb_doctor_try(
				d,
				"numactl --preferred-many or --interleave in place of --membind; "
				"migratepages PID %d %d moves what is there",
				nid, other);
	}
}

void nb_check_imbalance(struct nb_doctor *d)
{
	int full = NB_NO_NODE, empty = NB_NO_NODE;
	double least = 100, most = 0;

	for (unsigned i = 0; i < nb_system_nr_nodes(d->sys); i++) {
		int nid = nb_system_node_id(d->sys, i);
		uint64_t total = nb_node_kib(d, nid, "MemTotal"),
			 fr = nb_node_kib(d, nid, "MemFree");
		double p;

		if (total == NB_UNKNOWN || fr == NB_UNKNOWN || !total)
			continue;
		p = nb_percent(fr, total);
		if (p < least) {
			least = p;
			full = nid;
		}
		if (p > most) {
			most = p;
			empty = nid;
		}
	}
	if (full == NB_NO_NODE || full == empty || least >= 5 || most < 30)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, full,
		      "memory is unevenly used: node %d has %.1f %% free, node %d %.1f %%", full,
		      least, empty, most);
	nb_doctor_evidence(d,
			   "node %d: %" PRIu64 " of %" PRIu64 " MiB free; node %d: %" PRIu64
			   " of %" PRIu64 " MiB",
			   full, nb_node_kib(d, full, "MemFree") / 1024,
			   nb_node_kib(d, full, "MemTotal") / 1024, empty,
			   nb_node_kib(d, empty, "MemFree") / 1024,
			   nb_node_kib(d, empty, "MemTotal") / 1024);
	nb_doctor_try(
		d, "numactl --interleave=all for what all CPUs use; kernel.numa_balancing=1 moves "
		   "the rest toward its users");
}

void nb_check_min_free(struct nb_doctor *d)
{
	struct nb_min_free_parts p;
	struct nb_system_info info;
	int64_t seen;
	uint64_t own, all_kib;

	if (nb_tree_numberf(d->tree, &seen, "proc/sys/vm/min_free_kbytes") || seen < 0) {
		nb_doctor_skip(d, "no proc/sys/vm/min_free_kbytes");
		return;
	}
	nb_probe_min_free(d->sys, &p);
	nb_system_info(d->sys, &info);
	own = p.thp && p.thp_kib > p.clamped_kib ? p.thp_kib
	      : p.again                          ? p.again_kib
						 : p.clamped_kib;
	all_kib = info.managed_pages * d->page_kib;
	if ((uint64_t)seen < own / 2) {
		nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
			      "vm.min_free_kbytes is too small for this machine");
		nb_doctor_evidence(d,
				   "%" PRId64 " KiB; the kernel itself would choose %" PRIu64
				   " KiB for %" PRIu64 " MiB of memory in %u zones",
				   seen, own, all_kib / 1024, p.thp_zones);
		nb_doctor_try(d, "sysctl -w vm.min_free_kbytes=%" PRIu64, own);
		nb_doctor_try(d,
			      "numabox show -m CAPTURE --sysctl vm.min_free_kbytes=%" PRIu64
			      " zoneinfo: the marks that it gives",
			      own);
	} else if ((uint64_t)seen * 20 > all_kib && (uint64_t)seen > own) {
		nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
			      "vm.min_free_kbytes takes more than a twentieth of memory");
		nb_doctor_evidence(d, "%" PRId64 " of %" PRIu64 " KiB are kept free (%.1f %%)",
				   seen, all_kib, nb_percent((uint64_t)seen, all_kib));
		nb_doctor_try(d,
			      "sysctl -w vm.min_free_kbytes=%" PRIu64
			      ", the kernel's own choice, and vm.watermark_scale_factor for an "
			      "earlier kswapd",
			      own);
	}
}

static uint64_t known(uint64_t v)
{
	return v == NB_UNKNOWN ? 0 : v;
}

void nb_check_scale_factor(struct nb_doctor *d)
{
	uint64_t direct = known(nb_seen_vmstat(d, "pgscan_direct"));
	uint64_t kswapd = known(nb_seen_vmstat(d, "pgscan_kswapd"));
	uint64_t stalls = 0;
	static const char *const names[] = {"allocstall", "allocstall_dma", "allocstall_dma32",
					    "allocstall_normal", "allocstall_movable"};
	int64_t factor = 10;

	if (!d->obs.has_vmstat) {
		nb_doctor_skip(d, "no proc/vmstat");
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		stalls += known(nb_seen_vmstat(d, names[i]));
	(void)nb_tree_numberf(d->tree, &factor, "proc/sys/vm/watermark_scale_factor");
	if (stalls < 1000 || direct * 10 < direct + kswapd)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
		      "kswapd does not keep up: tasks reclaim memory themselves");
	nb_doctor_evidence(d,
			   "%" PRIu64
			   " stalls in direct reclaim; %.0f %% of all scanned pages were "
			   "scanned by tasks, not by kswapd",
			   stalls, nb_percent(direct, direct + kswapd));
	nb_doctor_evidence(d,
			   "vm.watermark_scale_factor is %" PRId64
			   ": kswapd starts %.2f %% of memory "
			   "above min",
			   factor, (double)factor / 100);
	if (factor < 200)
		nb_doctor_try(d, "sysctl -w vm.watermark_scale_factor=%" PRId64,
			      factor < 50 ? INT64_C(100) : INT64_C(200));
}

void nb_check_gave_up(struct nb_doctor *d)
{
	struct nb_seen_zone z;
	int said = NB_NO_NODE;

	for (size_t i = 0; nb_seen_zone(d, i, &z); i++) {
		uint64_t gave_up = 0;

		if (!nb_zoneinfo_get(z.zone, NB_ZI_NODE_UNRECLAIMABLE, &gave_up))
			nb_zoneinfo_get(z.zone, NB_ZI_ALL_UNRECLAIMABLE, &gave_up);
		if (!gave_up || z.zone->nid == said || z.free > z.high)
			continue;
		said = z.zone->nid;
		nb_doctor_add(d, NB_SEVERITY_PROBLEM, said, "kswapd has given up node %d", said);
		nb_doctor_evidence(d,
				   "node_unreclaimable is %" PRIu64
				   ": 16 rounds in a row reclaimed "
				   "nothing",
				   gave_up);
		nb_doctor_try(
			d, "numastat -m: anonymous memory without swap, mlock, huge pages or slab "
			   "hold the node; only their owners can give it back");
	}
}

void nb_check_movable(struct nb_doctor *d)
{
	uint64_t movable = 0, kernel = 0;
	struct nb_seen_zone z;

	for (size_t i = 0; nb_seen_zone(d, i, &z); i++)
		*(z.zone->type == NB_ZONE_MOVABLE || z.zone->type == NB_ZONE_HIGHMEM ? &movable
										     : &kernel) +=
			z.managed;
	if (!movable || movable < 4 * kernel)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
		      "most memory is closed to the kernel itself (Movable or HighMem)");
	nb_doctor_evidence(d,
			   "%" PRIu64 " MiB for user pages alone, %" PRIu64
			   " MiB for page tables, slab, network and all else",
			   movable * d->page_kib / 1024, kernel * d->page_kib / 1024);
	nb_doctor_try(
		d, "less movablecore=, fewer blocks onlined as online_movable; on 32 bits a 64-bit "
		   "kernel");
}
