/* verify_state.c -- what became of marks and reserves since boot, as the capture itself tells.
 *
 * Called by verify.c before anything of /proc/zoneinfo is compared; leaves v->sys in the state
 * found. Marks:    computed at boot, from the pages that were managed before init memory was freed;
 * and anew, from those of now, by a write of vm.min_free_kbytes or vm.watermark_scale_factor or
 * when memory comes or goes. Reserves: the same, and anew by anybody who reads or writes
 * vm.lowmem_reserve_ratio. Choice:   the state that fewer figures of the file contradict, boot's in
 * a draw. All figures are then compared with that one state: what is wrong in either is a
 * difference. Unknown:  without the boot log nobody knows what was freed. If the marks fit neither
 * boot (taken as if nothing had been freed) nor a computation of now, they are boot's of an unknown
 * size.
 */
#include "read/capture_priv.h"
#include "read/verify_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct nb_verify_mark_field nb_verify_marks[NB_VERIFY_NR_MARKS] = {
	{NB_ZI_MIN, NB_WMARK_MIN, "min"},
	{NB_ZI_LOW, NB_WMARK_LOW, "low"},
	{NB_ZI_HIGH, NB_WMARK_HIGH, "high"},
	{NB_ZI_PROMO, NB_WMARK_PROMO, "promo"},
};

static const char min_free[] = "vm.min_free_kbytes";

bool nb_verify_zone_of(const struct nb_system *sys, const struct nb_zoneinfo_zone *z,
		       struct nb_zone_info *ret)
{
	return z->type >= 0 && !nb_zone_info(sys, z->nid, (enum nb_zone_type)z->type, ret);
}

bool nb_verify_mark(const struct nb_zoneinfo_zone *z, unsigned i, uint64_t *ret)
{
	uint64_t mark, boost = 0;

	if (!nb_zoneinfo_get(z, nb_verify_marks[i].field, &mark))
		return false;
	nb_zoneinfo_get(z, NB_ZI_BOOST, &boost);
	*ret = mark >= boost ? mark - boost : 0;
	return true;
}

uint64_t nb_verify_reserve(const struct nb_system *sys, const struct nb_zone_info *info, unsigned i)
{
	struct nb_system_info si;
	unsigned t;

	nb_system_info(sys, &si);
	for (t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (si.zones >> t & 1 && !i--)
			return info->protection_pages[t];
	}
	return 0;
}

static unsigned mark_misfits(const struct nb_system *sys, const struct nb_zoneinfo *zi)
{
	struct nb_zone_info info;
	unsigned misfits = 0, k;
	uint64_t mark;
	size_t i;

	for (i = 0; i < zi->nr_zones; i++) {
		if (!nb_verify_zone_of(sys, &zi->zones[i], &info))
			continue;
		for (k = 0; k < NB_VERIFY_NR_MARKS; k++)
			misfits += nb_verify_mark(&zi->zones[i], k, &mark) &&
				   mark != info.wmark_pages[nb_verify_marks[k].mark];
	}
	return misfits;
}

static unsigned reserve_misfits(const struct nb_system *sys, const struct nb_zoneinfo *zi)
{
	struct nb_zone_info info;
	unsigned misfits = 0, k;
	size_t i;

	for (i = 0; i < zi->nr_zones; i++) {
		if (!nb_verify_zone_of(sys, &zi->zones[i], &info))
			continue;
		for (k = 0; k < zi->zones[i].nr_protection; k++)
			misfits += zi->zones[i].protection[k] != nb_verify_reserve(sys, &info, k);
	}
	return misfits;
}

void nb_verify_settle_step(struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	v->init_unknown = v->init_unknown && mark_misfits(v->sys, zi);
	v->reserves_unknown = v->reserves_unknown && reserve_misfits(v->sys, zi);
}

void nb_verify_read_ratio(struct nb_system *sys)
{
	char buf[256];

	if (nb_sysctl_read(sys, "vm.lowmem_reserve_ratio", buf, sizeof(buf)) > 0)
		nb_sysctl_write(sys, "vm.lowmem_reserve_ratio", buf, NULL);
}

static struct nb_system *boot_again(struct nb_verify *v)
{
	struct nb_system *sys;

	return nb_system_boot(v->port, v->machine, NULL, &sys, NULL) ? NULL : sys;
}

/* The same machine after a write of `kib`; NULL if the kernel would refuse it. */
static struct nb_system *boot_and_write(struct nb_verify *v, uint64_t kib)
{
	struct nb_system *sys = boot_again(v);
	char value[32];

	snprintf(value, sizeof(value), "%" PRIu64, kib);
	if (sys && nb_sysctl_write(sys, min_free, value, NULL)) {
		nb_system_shutdown(sys);
		return NULL;
	}
	return sys;
}

static void replace_system(struct nb_verify *v, struct nb_system *sys)
{
	nb_system_shutdown(v->sys);
	v->sys = sys;
}

static uint64_t min_free_of(const struct nb_system *sys)
{
	struct nb_system_info si;

	nb_system_info(sys, &si);
	return si.min_free_kbytes;
}

/* Takes `sys` when it contradicts fewer marks of the file. */
static bool take_if_better(struct nb_verify *v, struct nb_system *sys, const struct nb_zoneinfo *zi)
{
	if (!sys)
		return false;
	if (mark_misfits(sys, zi) < mark_misfits(v->sys, zi)) {
		replace_system(v, sys);
		return true;
	}
	nb_system_shutdown(sys);
	return false;
}

/* Without the setting's file the marks tell it: their least sum is it, but for what each zone's
 * division cut off. */
static void guess_written(struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	uint64_t sum = 0, min, kib, page_kib;
	struct nb_system_info si;
	size_t i, zones = 0;

	nb_system_info(v->sys, &si);
	page_kib = UINT64_C(1) << (si.page_shift - 10);
	for (i = 0; i < zi->nr_zones; i++) {
		if (zi->zones[i].type != NB_ZONE_HIGHMEM && zi->zones[i].type != NB_ZONE_MOVABLE &&
		    nb_verify_mark(&zi->zones[i], 0, &min) && min) {
			sum += min;
			zones++;
		}
	}
	for (i = 0; i <= zones && mark_misfits(v->sys, zi); i++) {
		kib = (sum + i) * page_kib;
		if (kib <= INT32_MAX && take_if_better(v, boot_and_write(v, kib), zi) &&
		    !mark_misfits(v->sys, zi))
			nb_verify_note(v, "%s: not in the capture; the marks are those of %" PRIu64,
				       min_free, kib);
	}
}

static void settle_marks(struct nb_verify *v, const struct nb_zoneinfo *zi, int64_t observed)
{
	uint64_t boot_kib = min_free_of(v->sys);
	uint64_t kib = observed >= 0 ? (uint64_t)observed : boot_kib;

	if (!mark_misfits(v->sys, zi))
		return;
	if (take_if_better(v, boot_and_write(v, kib), zi)) {
		v->marks_anew = true;
		if (kib == boot_kib)
			nb_verify_note(v,
				       "marks: computed again since boot, as a write of "
				       "vm.min_free_kbytes or vm.watermark_scale_factor, or memory "
				       "that came or went, makes the kernel do");
	}
	if (observed < 0 && mark_misfits(v->sys, zi))
		guess_written(v, zi);
}

static void settle_reserves(struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	struct nb_system *again;
	unsigned misfits = reserve_misfits(v->sys, zi);

	if (!misfits)
		return;
	again = v->marks_anew ? boot_and_write(v, min_free_of(v->sys)) : boot_again(v);
	if (!again)
		return;
	nb_verify_read_ratio(again);
	if (reserve_misfits(again, zi) < misfits) {
		replace_system(v, again);
		nb_verify_note(v, "reserves: computed again since boot, as every reader of "
				  "vm.lowmem_reserve_ratio makes the kernel do");
	} else {
		nb_system_shutdown(again);
	}
}

/* Is it told where the kernel's image lies? KASLR puts it anywhere. */
static bool knows_image(const struct nb_verify *v)
{
	const struct nb_capture *c = v->capture;
	size_t i;

	for (i = 0; c->has_iomem && i < c->iomem.nr_entries; i++) {
		const char *name = c->iomem.entries[i].name;

		if (name && !strcmp(name, "Kernel code") && c->iomem.entries[i].start)
			return true;
	}
	return nb_machine_option(v->machine, "nokaslr", NULL) != NULL;
}

/* Does the boot log tell all that was freed (not when its beginning is lost), and where? */
static bool knows_init(const struct nb_verify *v)
{
	const struct nb_dmesg *d = &v->capture->dmesg;

	return d->version && d->freed_init_kib && knows_image(v);
}

/* More pages than the boot map has, and no list of memory blocks that says where they came from? */
static bool more_than_boot(const struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	struct nb_system_info si;
	uint64_t sum = 0, present;
	size_t i;

	for (i = 0; i < zi->nr_zones; i++) {
		if (nb_zoneinfo_get(&zi->zones[i], NB_ZI_PRESENT, &present))
			sum += present;
	}
	nb_system_info(v->sys, &si);
	return sum > si.present_pages && !v->capture->nr_blocks;
}

static void verify_min_free(struct nb_verify *v, int64_t observed, uint64_t boot_kib)
{
	if (v->managed_unknown)
		nb_verify_skip(v, NB_VS_MIN_FREE, 1,
			       "no file tells the managed pages of every zone", "%s", min_free);
	else if ((uint64_t)observed == boot_kib || (!v->marks_anew && !v->init_unknown))
		nb_verify_u64(v, NB_VS_MIN_FREE, (uint64_t)observed, boot_kib,
			      "calculate_min_free_kbytes, khugepaged's minimum; facts 2.1", "%s",
			      min_free);
	else if (v->marks_anew)
		nb_verify_skip(
			v, NB_VS_MIN_FREE, 1,
			"written at run time: the marks are what a write of this value gives, "
			"and boot gives another",
			"%s", min_free);
	else
		nb_verify_skip(v, NB_VS_MIN_FREE, 1,
			       "boot computed it from the pages managed then: how many were freed "
			       "later, only the boot log says",
			       "%s", min_free);
}

/* Does every zone with pages have its managed ones from the file? One estimate spoils the sums of
 * all. */
static bool estimates(const struct nb_system *sys)
{
	struct nb_zone_info z;
	unsigned i, t;

	for (i = 0; i < nb_system_nr_nodes(sys); i++) {
		for (t = 0; t < NB_MAX_NR_ZONES; t++) {
			if (!nb_zone_info(sys, nb_system_node_id(sys, i), (enum nb_zone_type)t,
					  &z) &&
			    z.present_pages && z.managed_source == NB_SOURCE_ESTIMATED)
				return true;
		}
	}
	return false;
}

void nb_verify_settle(struct nb_verify *v)
{
	const struct nb_zoneinfo *zi = v->obs->has_zoneinfo ? &v->obs->zoneinfo : NULL;
	uint64_t boot_kib = min_free_of(v->sys);
	int64_t observed = -1;

	v->managed_unknown = estimates(v->sys);
	v->sys_profile_scales = v->machine->profile->has_scale_factor;
	if (nb_tree_numberf(v->tree, &observed, "proc/sys/vm/min_free_kbytes"))
		nb_verify_absent(v, "proc/sys/vm/min_free_kbytes");
	if (zi && more_than_boot(v, zi)) {
		v->added_unknown = v->managed_unknown = true;
		nb_verify_note(
			v, "memory: more of it than the boot map has; the list of memory blocks, "
			   "which tells where it came from, is not there");
	}
	if (zi && !v->managed_unknown) {
		settle_marks(v, zi, observed);
		settle_reserves(v, zi);
		v->init_unknown = !knows_init(v) && mark_misfits(v->sys, zi);
		v->reserves_unknown = !knows_init(v) && reserve_misfits(v->sys, zi);
	}
	if (v->init_unknown || v->reserves_unknown)
		nb_verify_note(v,
			       "marks: boot's, of pages that were managed then; the boot log and "
			       "proc/iomem, which tell how many and where, are not there");
	if (observed >= 0)
		verify_min_free(v, observed, boot_kib);
}
