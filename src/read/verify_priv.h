/* verify_priv.h -- what the files verify*.c share: the running comparison and its subjects.
 *
 * A subject is a row of the report. Each verify_*.c compares the figures of some subjects through
 * nb_verify_u64() and nb_verify_text(), or sets figures aside with nb_verify_skip().
 */
#ifndef NB_READ_VERIFY_PRIV_H
#define NB_READ_VERIFY_PRIV_H

#include "read/verify.h"
#include "view/observed.h"
#include <numabox/system.h>

/* The report's rows, in its order. */
enum nb_verify_subject {
	NB_VS_LAYOUT,
	NB_VS_ZONES,
	NB_VS_MIN_FREE,
	NB_VS_WATERMARKS,
	NB_VS_PROTECTION,
	NB_VS_PAGESETS,
	NB_VS_ZONELISTS,
	NB_VS_NODES,
	NB_VS_HARDWARE,
	NB_VS_BLOCKS,
	NB_VS_TIERS,
	NB_VS_AVAILABLE,
	NB_VS_FRAGMENTATION,
	NB_VS_SUMS,
	NB_VS_RECOMPUTED,
	NB_VS_STEPS,
	NB_VS_NR
};

struct nb_verify_row {
	uint64_t compared, equal;
};

struct nb_verify_difference {
	enum nb_verify_subject subject;
	char *what;
	char *kernel, *predicted; /* as text */
	bool number;              /* both are whole numbers */
	const char *rule;
};

/* Figures that no rule predicts, by reason. */
struct nb_verify_aside {
	enum nb_verify_subject subject;
	const char *why;
	char *first; /* the first figure set aside */
	uint64_t count;
};

/* A zone's managed pages, from hardware alone. */
struct nb_verify_estimate {
	int nid;
	enum nb_zone_type type;
	uint64_t observed, estimated;
};

struct nb_verify {
	/* what is compared: the caller's */
	const struct nb_port *port;
	struct nb_capture *capture;
	const struct nb_machine *machine;
	/* what it is compared with: owned */
	struct nb_system *sys;
	struct nb_observed *obs;
	struct nb_tree *tree;
	struct nb_machine **step_machine; /* booted for steps; freed last */
	size_t nr_step_machines;

	/* what came out */
	struct nb_verify_row row[NB_VS_NR];
	struct nb_verify_difference *diff;
	size_t nr_diff, cap_diff;
	struct nb_verify_aside *aside;
	size_t nr_aside, cap_aside;
	char **absent;
	size_t nr_absent, cap_absent;
	char **note;
	size_t nr_note, cap_note;

	struct nb_verify_estimate *estimate; /* populated zones */
	size_t nr_estimates;

	/* what verify_state.c found */
	bool managed_unknown;    /* no zoneinfo with managed pages: all sizes are estimates */
	bool added_unknown;      /* memory came after boot, and nobody tells where */
	bool marks_anew;         /* marks were computed again since boot */
	bool init_unknown;       /* marks are of boot, whose managed pages nobody tells */
	bool reserves_unknown;   /* so are the reserves */
	bool sys_profile_scales; /* the kernel has vm.watermark_scale_factor */

	/* while comparing a step: counted under this subject, `where` before each figure's name */
	bool in_step;
	enum nb_verify_subject step_subject;
	const struct nb_system *boot_sys; /* as it was before the step */
	const char *where;
};

const char *nb_verify_subject_name(enum nb_verify_subject s);

/* Compares one figure. `rule` is a literal: the rule's name and source. `what` printf-like names
 * it. */
__attribute__((format(printf, 6, 7))) bool nb_verify_u64(struct nb_verify *v,
							 enum nb_verify_subject s, uint64_t kernel,
							 uint64_t predicted, const char *rule,
							 const char *what, ...);
__attribute__((format(printf, 6, 7))) bool nb_verify_text(struct nb_verify *v,
							  enum nb_verify_subject s,
							  const char *kernel, const char *predicted,
							  const char *rule, const char *what, ...);
/* Sets `count` figures aside. `why` is a literal: equal texts are counted together. */
__attribute__((format(printf, 5, 6))) void nb_verify_skip(struct nb_verify *v,
							  enum nb_verify_subject s, uint64_t count,
							  const char *why, const char *what, ...);
void nb_verify_absent(struct nb_verify *v, const char *file);
__attribute__((format(printf, 2, 3))) void nb_verify_note(struct nb_verify *v, const char *fmt,
							  ...);

/* verify_state.c: zones of both sides, marks without boost, reserves. */
struct nb_verify_mark_field {
	enum nb_zoneinfo_field field;
	enum nb_wmark mark;
	const char *name;
};
#define NB_VERIFY_NR_MARKS 4
extern const struct nb_verify_mark_field nb_verify_marks[NB_VERIFY_NR_MARKS];

bool nb_verify_zone_of(const struct nb_system *sys, const struct nb_zoneinfo_zone *z,
		       struct nb_zone_info *ret);
/* Mark i as stored: the printed one less the boost. False if the file has none. */
bool nb_verify_mark(const struct nb_zoneinfo_zone *z, unsigned i, uint64_t *ret);
/* The reserve of a zone towards the i-th zone that its architecture configures. */
uint64_t nb_verify_reserve(const struct nb_system *sys, const struct nb_zone_info *info,
			   unsigned i);
/* As a read of vm.lowmem_reserve_ratio does: computes the reserves of `sys` anew. */
void nb_verify_read_ratio(struct nb_system *sys);

/* verify_lists.c: are the distances neither told nor known to be the default ones? */
bool nb_verify_distances_unknown(const struct nb_verify *v);

/* Before a step's zoneinfo is compared with v->sys: what of boot's unknowns still shows in it. */
void nb_verify_settle_step(struct nb_verify *v, const struct nb_zoneinfo *zi);

/* The groups, called in this order. */
void nb_verify_settle(struct nb_verify *v);
void nb_verify_layout(struct nb_verify *v);
void nb_verify_zoneinfo(struct nb_verify *v, const struct nb_zoneinfo *z);
void nb_verify_lists(struct nb_verify *v);
void nb_verify_nodes(struct nb_verify *v);
void nb_verify_blocks(struct nb_verify *v);
void nb_verify_tiers(struct nb_verify *v);
void nb_verify_free_memory(struct nb_verify *v);
void nb_verify_sums(struct nb_verify *v);
void nb_verify_recomputed(struct nb_verify *v);
void nb_verify_steps(struct nb_verify *v);
/* Fills v->estimate; compares nothing. */
void nb_verify_estimates(struct nb_verify *v);
/* (estimated - observed) / observed. */
double nb_verify_estimate_error(const struct nb_verify_estimate *e);

#endif
