/* sysctl_boot.c -- tunables at boot: what they are by themselves, and who sets them before work
 * begins.
 *
 * Called by system.c. First the defaults, before any step of boot reads them; after the last step
 * "sysctl.NAME=VALUE" words of the command line, then the machine's own settings, each as a write
 * to /proc/sys. Source: mm/page_alloc.c and mm/vmscan.c (initial values), fs/proc/proc_sysctl.c,
 * do_sysctl_args(); mm/mempolicy.c, check_numabalancing_enable(); facts 2, 3.5.
 */
#include "base/fmt.h"
#include "mm/overcommit.h"
#include "mm/boot.h"

#define CMDLINE_SYSCTL_SINCE 5008u /* as nb_kernel_profile.version */

/* vm.dirty_ratio and vm.dirty_background_ratio were 40 and 10, then 10 and 5, then 20 and 10. */
#define DIRTY_10_SINCE 2622u
#define DIRTY_20_SINCE 2629u

void nb_sysctl_defaults(struct nb_system *sys)
{
	struct nb_tunables *t = &sys->tune;
	bool old = sys->profile->reserve_floor_one;
	unsigned version = sys->profile->version;
	const char *opt;
	size_t len;

	t->min_free_kbytes = 1024;
	t->user_min_free_kbytes = -1;
	t->watermark_scale_factor = 10;
	t->watermark_boost_factor = sys->profile->has_boost ? 15000 : 0;
	t->lowmem_reserve_ratio[NB_ZONE_DMA] = 256;
	t->lowmem_reserve_ratio[NB_ZONE_DMA32] = 256;
	t->lowmem_reserve_ratio[NB_ZONE_NORMAL] = 32;
	t->lowmem_reserve_ratio[NB_ZONE_HIGHMEM] = old ? 32 : 0;
	t->lowmem_reserve_ratio[NB_ZONE_MOVABLE] = old ? 32 : 0;
	t->swappiness = 60;
	t->page_cluster = 3;
	t->compaction_proactiveness = 20;
	t->extfrag_threshold = 500;
	t->compact_unevictable_allowed = true;
	t->min_unmapped_ratio = 1;
	t->min_slab_ratio = 5;
	t->dirty_ratio = version < DIRTY_10_SINCE ? 40 : version < DIRTY_20_SINCE ? 10 : 20;
	t->dirty_background_ratio = version >= DIRTY_10_SINCE && version < DIRTY_20_SINCE ? 5 : 10;
	t->dirty_expire_centisecs = 3000;
	t->dirty_writeback_centisecs = 500;
	t->numa_stat = nb_sysctl_has_numa(sys);
	(void)nb_snprintf(t->zonelist_order_text, sizeof(t->zonelist_order_text), "default");
	t->thp_always_or_madvise = true;
	opt = nb_machine_option(sys->machine, "transparent_hugepage=", &len);
	if (opt && nb_str_is(opt, len, "never"))
		t->thp_always_or_madvise = false;
}

/* Automatic NUMA balancing is on where there are several nodes, unless the command line says
 * otherwise. Source: mm/mempolicy.c, check_numabalancing_enable(). */
static void numa_balancing_default(struct nb_system *sys)
{
	const char *opt;
	char now[16];
	size_t len;

	if (nb_sysctl_read(sys, "kernel.numa_balancing", now, sizeof(now)) < 0)
		return; /* this kernel has none */
	sys->tune.numa_balancing = nb_nodemask_weight(&sys->online_nodes) > 1;
	opt = nb_machine_option(sys->machine, "numa_balancing=", &len);
	if (opt && nb_str_is(opt, len, "enable"))
		sys->tune.numa_balancing = 1;
	if (opt && nb_str_is(opt, len, "disable"))
		sys->tune.numa_balancing = 0;
}

/* One "sysctl.NAME=VALUE" word; '/' may stand for the dots. */
static void cmdline_word(struct nb_system *sys, const char *s, size_t len)
{
	char name[64], value[64];
	size_t i, n = 0;

	for (i = 0; i < len && s[i] != '=' && n + 1 < sizeof(name); i++)
		name[n++] = (char)(s[i] == '/' ? '.' : s[i]);
	name[n] = '\0';
	if (i >= len || s[i] != '=' || len - i - 1 >= sizeof(value))
		return;
	for (n = 0, i++; i < len; i++)
		value[n++] = s[i];
	value[n] = '\0';
	(void)nb_sysctl_write(sys, name, value, NULL);
}

static void apply_cmdline(struct nb_system *sys)
{
	static const char prefix[] = "sysctl.";
	const char *s = sys->machine->cmdline;

	if (!s || sys->profile->version < CMDLINE_SYSCTL_SINCE)
		return;
	while (*s) {
		size_t len = 0;

		while (s[len] && s[len] != ' ')
			len++;
		if (nb_str_is(s, len, "--"))
			return;
		if (len > sizeof(prefix) - 1 && !nb_strncmp(s, prefix, sizeof(prefix) - 1))
			cmdline_word(sys, s + sizeof(prefix) - 1, len - sizeof(prefix) + 1);
		s += len;
		while (*s == ' ')
			s++;
	}
}

int nb_sysctl_apply_machine(struct nb_system *sys, struct nb_error *err)
{
	const struct nb_machine *m = sys->machine;

	numa_balancing_default(sys);
	nb_overcommit_init(sys);
	apply_cmdline(sys);
	for (unsigned i = 0; i < m->nr_sysctls; i++) {
		const struct nb_sysctl_setting *s = &m->sysctls[i];
		struct nb_error why = {0};
		int ret = nb_sysctl_write(sys, s->name, s->value, &why);

		if (ret) {
			nb_error_set(err, ret, s->line, "%s", why.text);
			if (m->file)
				nb_error_file(err, m->file);
			return ret;
		}
	}
	return 0;
}
