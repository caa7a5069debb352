/* capture_sysctl.c -- settings under /proc/sys/vm that a user must have written.
 *
 * Called by capture_machine.c. What the kernel computes itself is never fed back: a setting counts
 * only when it differs from the kernel's constant default. vm.min_free_kbytes is computed at boot,
 * so the value that is seen there is an observation; it counts as a setting when a sysctl.conf of
 * the capture writes just that value.
 * Source: facts 2.1, 2.2, 2.4; Documentation/admin-guide/sysctl/vm.rst.
 */
#include "read/capture_priv.h"
#include "base/fmt.h"
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *fallback;
} defaults[] = {
	{"percpu_pagelist_high_fraction", "0"},
	{"watermark_scale_factor", "10"},
	{"watermark_boost_factor", "15000"},
	{"zone_reclaim_mode", "0"},
	{"numa_stat", "1"},
	{"swappiness", "60"},
	{"min_unmapped_ratio", "1"},
	{"min_slab_ratio", "5"},
};

static size_t trimmed(const char *text, size_t len)
{
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return len;
}

static int add(struct nb_build *b, const char *name, const char *value, size_t len)
{
	char full[96], copy[128];

	nb_snprintf(full, sizeof(full), "vm.%s", name);
	nb_snprintf(copy, sizeof(copy), "%.*s", (int)len, value);
	for (char *p = copy; *p; p++)
		if (*p == '\t')
			*p = ' ';
	nb_capture_add_note(b->c, "setting: %s = %s, which is not the kernel's default", full,
			    copy);
	return nb_machine_add_sysctl(b->m, full, copy, 0);
}

/* The default ratios of the zones that the architecture has: 256 256 32 0 0, "Device" not told. */
static bool is_default_ratio(enum nb_arch arch, const char *text, size_t len)
{
	static const uint64_t ratio[NB_MAX_NR_ZONES] = {256, 256, 32, 0, 0, 0};
	int type = 0;

	for (size_t i = 0; i < len; type++) {
		size_t n = 0;
		uint64_t v;

		while (i < len && (text[i] == '\t' || text[i] == ' '))
			i++;
		while (i + n < len && text[i + n] != '\t' && text[i + n] != ' ')
			n++;
		while (type < NB_MAX_NR_ZONES && !(nb_arch_zones(arch) >> type & 1))
			type++;
		if (!n)
			break;
		if (type == NB_MAX_NR_ZONES || nb_parse_u64(text + i, n, &v) || v != ratio[type])
			return false;
		i += n;
	}
	return true;
}

/* The last value that a sysctl.conf text gives vm.min_free_kbytes. */
static void conf_value(struct nb_tree *t, const char *path, uint64_t *ret, bool *ret_found)
{
	const char *text, *line;
	size_t len, pos = 0, n;

	if (nb_tree_read(t, path, &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		const char *eq = memchr(line, '=', n);
		size_t i = 0, k;
		uint64_t v;

		while (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '-'))
			i++;
		if (!eq || eq < line + i)
			continue;
		k = trimmed(line + i, (size_t)(eq - line) - i);
		if (!nb_str_is(line + i, k, "vm.min_free_kbytes") &&
		    !nb_str_is(line + i, k, "vm/min_free_kbytes"))
			continue;
		for (eq++; eq < line + n && (*eq == ' ' || *eq == '\t');)
			eq++;
		if (!nb_parse_u64(eq, trimmed(eq, (size_t)(line + n - eq)), &v)) {
			*ret = v;
			*ret_found = true;
		}
	}
}

/* As systemd-sysctl and procps read them: directories' files by name, then sysctl.conf. */
static int min_free(struct nb_build *b)
{
	static const char *const dirs[] = {"usr/lib/sysctl.d", "run/sysctl.d", "etc/sysctl.d"};
	uint64_t wanted = 0;
	int64_t seen;
	bool found = false;
	char text[24];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		for (const char *const *n = nb_tree_list(b->t, dirs[i], NULL); *n; n++) {
			struct nb_text path = {0};

			nb_text_printf(&path, "%s/%s", dirs[i], *n);
			conf_value(b->t, nb_text_str(&path), &wanted, &found);
			nb_text_release(&path);
		}
	}
	conf_value(b->t, "etc/sysctl.conf", &wanted, &found);
	if (!found || nb_tree_numberf(b->t, &seen, "proc/sys/vm/min_free_kbytes") ||
	    (uint64_t)seen != wanted)
		return 0;
	nb_snprintf(text, sizeof(text), "%llu", (unsigned long long)wanted);
	return add(b, "min_free_kbytes", text, strlen(text));
}

/* protection[] of a zone against the zones above it on its node. Boot computed it from fewer
 * managed pages than there are now, hence the margin; another ratio is off by a factor. */
static bool protection_fits(const struct nb_zoneinfo *zi, const struct nb_zoneinfo_zone *z)
{
	static const uint64_t ratio[NB_MAX_NR_ZONES] = {256, 256, 32, 0, 0, 0};
	uint64_t sum = 0, expected, seen = 0;

	for (size_t i = 0; i < zi->nr_zones; i++) {
		uint64_t managed;

		if (zi->zones[i].nid == z->nid && zi->zones[i].type > z->type &&
		    nb_zoneinfo_get(&zi->zones[i], NB_ZI_MANAGED, &managed))
			sum += managed;
	}
	expected = z->type >= 0 && ratio[z->type] ? sum / ratio[z->type] : 0;
	for (unsigned i = 0; i < z->nr_protection; i++)
		if (z->protection[i] > seen)
			seen = z->protection[i];
	return (seen > expected ? seen - expected : expected - seen) <= expected / 8 + 64;
}

bool nb_capture_ratio_is_default(struct nb_tree *t)
{
	struct nb_zoneinfo zi = {0};
	const char *text;
	size_t len;
	bool fits = true;

	if (nb_tree_read(t, "proc/zoneinfo", &text, &len) ||
	    nb_zoneinfo_parse(text, len, &zi, NULL))
		return false;
	for (size_t i = 0; i < zi.nr_zones; i++) {
		uint64_t managed = 0;

		(void)nb_zoneinfo_get(&zi.zones[i], NB_ZI_MANAGED, &managed);
		if (managed && zi.zones[i].nr_protection)
			fits &= protection_fits(&zi, &zi.zones[i]);
	}
	nb_zoneinfo_release(&zi);
	return fits;
}

int nb_capture_sysctls(struct nb_build *b)
{
	const char *text;
	size_t len;
	int bad = min_free(b);

	if (!bad && !(nb_tree_kind(b->t) == NB_TREE_HOST && nb_capture_ratio_is_default(b->t)) &&
	    !nb_tree_read(b->t, "proc/sys/vm/lowmem_reserve_ratio", &text, &len) &&
	    trimmed(text, len) && b->m->arch != NB_ARCH_OTHER &&
	    !is_default_ratio(b->m->arch, text, trimmed(text, len)))
		bad = add(b, "lowmem_reserve_ratio", text, trimmed(text, len));
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults) && !bad; i++) {
		if (nb_tree_readf(b->t, &text, &len, "proc/sys/vm/%s", defaults[i].name))
			continue;
		len = trimmed(text, len);
		if (len && len < 64 && !nb_str_is(text, len, defaults[i].fallback))
			bad = add(b, defaults[i].name, text, len);
	}
	return bad;
}
