/* ram_layout.c -- memory of known size at addresses of its own.
 *
 * See layout.h. Ranges are what the machine header calls "ranges": taken as they are by boot.
 * Source: QEMU hw/i386/pc_q35.c:pc_q35_init(), the split at 0x80000000 from 0xb0000000 bytes on.
 */
#include "read/ram_layout.h"

#define Q35_SPLIT_FROM UINT64_C(0xb0000000)
#define Q35_LOW UINT64_C(0x80000000)

void nb_ram_layout_init(struct nb_ram_layout *l, uint64_t total_bytes)
{
	l->next = 0;
	l->hole_start = total_bytes >= Q35_SPLIT_FROM ? Q35_LOW : Q35_SPLIT_FROM;
}

int nb_ram_layout_set_hole(struct nb_ram_layout *l, uint64_t start, unsigned line,
			   struct nb_error *err)
{
	if (start >= NB_RAM_LAYOUT_4G)
		return nb_error_set(err, -NB_EINVAL, line,
				    "hole: begins at %#llx; the PCI hole ends at 4G, so it begins "
				    "below (0 is no hole)",
				    (unsigned long long)start);
	if (start % 65536)
		return nb_error_set(err, -NB_EINVAL, line, "hole: %#llx is not a multiple of 64K",
				    (unsigned long long)start);
	l->hole_start = start ? start : NB_RAM_LAYOUT_4G;
	return 0;
}

static int add(struct nb_machine *m, uint64_t start, uint64_t end, int nid, unsigned flags,
	       unsigned line, struct nb_error *err)
{
	struct nb_mem_range r = {
		.start = start,
		.end = end,
		.type = NB_MEM_RAM,
		.nid = nid,
		.flags = flags,
		.line = line,
	};

	if (nb_machine_add_range(m, &r))
		return nb_error_set(err, -NB_ENOMEM, line, "out of memory");
	return 0;
}

int nb_ram_layout_place(struct nb_ram_layout *l, struct nb_machine *m, int nid, uint64_t bytes,
			unsigned flags, unsigned line, struct nb_error *err)
{
	uint64_t page = UINT64_C(1) << m->page_shift;
	int rc;

	if (bytes % page)
		return nb_error_set(
			err, -NB_EINVAL, line,
			"node %d: memory of %llu bytes is not whole pages of %llu bytes", nid,
			(unsigned long long)bytes, (unsigned long long)page);
	if (bytes > NB_RAM_LAYOUT_MAX || l->next > NB_RAM_LAYOUT_MAX - bytes)
		return nb_error_set(err, -NB_ERANGE, line,
				    "node %d: memory ends past 2^52 bytes (4096T), the end of "
				    "physical addresses",
				    nid);
	/* Without a hole nothing is cut. */
	if (l->hole_start < NB_RAM_LAYOUT_4G && l->next < l->hole_start &&
	    l->next + bytes > l->hole_start) {
		uint64_t low = l->hole_start - l->next;

		rc = add(m, l->next, l->hole_start, nid, flags, line, err);
		if (rc)
			return rc;
		l->next = NB_RAM_LAYOUT_4G;
		bytes -= low;
	} else if (l->next >= l->hole_start && l->next < NB_RAM_LAYOUT_4G) {
		l->next = NB_RAM_LAYOUT_4G;
	}
	if (!bytes)
		return 0;
	rc = add(m, l->next, l->next + bytes, nid, flags, line, err);
	l->next += bytes;
	return rc;
}
