/* verify_steps.c -- the same machine later: after sysctl writes, after memory went off and online.
 *
 * Called by verify.c. A recorder (tools/record-machine, docs/formats.md) may leave beside the files
 * of boot: recomputed/proc/zoneinfo   after every sysctl was read and vm.min_free_kbytes written
 * back steps/NN-name/             in the order of their names: proc/zoneinfo and sysctl.txt
 *                              ("min_free_kbytes = 1000" a line, read after zoneinfo) after each
 *                              change, or memory_blocks.txt (block, state, zones) after each on- or
 *                              offlining
 * A step's settings that differ from the step before are written as a user would; reading
 * lowmem_reserve_ratio makes the kernel compute its reserves anew.
 */
#define _GNU_SOURCE /* memmem */
#include "base/fmt.h"
#include "read/verify_blocks.h"
#include "read/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compares one more zoneinfo of the tree with `sys`, as figures of subject `s`. */
static void compare(struct nb_verify *v, struct nb_system *sys, enum nb_verify_subject s,
		    const char *path, const char *where)
{
	struct nb_zoneinfo z = {0};
	struct nb_system *boot = v->sys;
	bool init_unknown = v->init_unknown, reserves_unknown = v->reserves_unknown;
	struct nb_error err = {0};
	const char *text;
	size_t len;

	if (nb_tree_read(v->tree, path, &text, &len)) {
		nb_verify_absent(v, path);
		return;
	}
	if (nb_zoneinfo_parse(text, len, &z, &err)) {
		nb_verify_note(v, "%s:%u: %s", path, err.line, err.text);
		return;
	}
	v->boot_sys = boot;
	v->sys = sys;
	v->in_step = true;
	nb_verify_settle_step(v, &z);
	v->step_subject = s;
	v->where = where;
	nb_verify_zoneinfo(v, &z);
	v->where = NULL;
	v->in_step = false;
	v->init_unknown = init_unknown;
	v->reserves_unknown = reserves_unknown;
	v->sys = boot;
	v->boot_sys = NULL;
	nb_zoneinfo_release(&z);
}

void nb_verify_recomputed(struct nb_verify *v)
{
	static const char path[] = "recomputed/proc/zoneinfo";
	struct nb_system *sys;
	int64_t kib;
	char value[32];

	if (!nb_tree_has(v->tree, path) ||
	    nb_tree_numberf(v->tree, &kib, "proc/sys/vm/min_free_kbytes") ||
	    nb_system_boot(v->port, v->machine, NULL, &sys, NULL))
		return;
	snprintf(value, sizeof(value), "%lld", (long long)kib);
	nb_verify_read_ratio(sys);
	if (!nb_sysctl_write(sys, "vm.min_free_kbytes", value, NULL))
		compare(v, sys, NB_VS_RECOMPUTED, path, "recomputed");
	nb_system_shutdown(sys);
}

/* The value of `name` in a step's sysctl.txt. */
static bool setting(const char *text, size_t len, const char *name, size_t name_len,
		    struct nb_text *ret)
{
	size_t pos = 0, n;
	const char *s;

	nb_text_clear(ret);
	while (nb_next_line(text, len, &pos, &s, &n)) {
		if (n > name_len + 3 && !memcmp(s, name, name_len) &&
		    !memcmp(s + name_len, " = ", 3)) {
			nb_text_add(ret, s + name_len + 3, n - name_len - 3);
			return true;
		}
	}
	return false;
}

static bool is_now(const struct nb_system *sys, const char *name, struct nb_text *ret)
{
	char buf[256];

	nb_text_clear(ret);
	if (nb_sysctl_read(sys, name, buf, sizeof(buf)) <= 0)
		return false;
	nb_text_puts(ret, buf);
	return true;
}

/* Equal but for blanks and tabs. */
static bool same_words(const char *a, const char *b)
{
	static const char blank[] = " \t";

	while (*a && *b) {
		size_t n = strcspn(a, blank);

		if (n != strcspn(b, blank) || memcmp(a, b, n) != 0)
			return false;
		a += n + strspn(a + n, blank);
		b += n + strspn(b + n, blank);
	}
	return !*a && !*b;
}

/* Writes to `sys` what changed between two sysctl.txt; without the first, what differs from its
 * own. */
static void write_changes(struct nb_verify *v, struct nb_system *sys, const char *step,
			  const char *before, size_t before_len, const char *now, size_t now_len)
{
	struct nb_text old = {0}, name = {0}, value = {0};
	struct nb_error err;
	size_t pos = 0, n;
	const char *s, *eq;

	while (nb_next_line(now, now_len, &pos, &s, &n)) {
		eq = n > 3 ? memmem(s, n, " = ", 3) : NULL;
		if (!eq)
			continue;
		nb_text_clear(&value);
		nb_text_add(&value, eq + 3, (size_t)(s + n - eq) - 3);
		nb_text_clear(&name);
		nb_text_printf(&name, "vm.%.*s", (int)(eq - s), s);
		if (before ? setting(before, before_len, s, (size_t)(eq - s), &old)
			   : is_now(sys, nb_text_str(&name), &old)) {
			if (same_words(nb_text_str(&old), nb_text_str(&value)))
				continue;
		}
		memset(&err, 0, sizeof(err));
		if (nb_sysctl_write(sys, nb_text_str(&name), nb_text_str(&value), &err))
			nb_verify_note(v, "%s: %s = %s: %s", step, nb_text_str(&name),
				       nb_text_str(&value), err.text);
	}
	nb_text_release(&old);
	nb_text_release(&name);
	nb_text_release(&value);
}

static void sysctl_steps(struct nb_verify *v, const char *const *steps, size_t nr)
{
	struct nb_system *sys;
	const char *before = NULL, *now;
	size_t before_len = 0, now_len, i;
	char path[NB_TREE_MAX_PATH];

	if (nb_system_boot(v->port, v->machine, NULL, &sys, NULL))
		return;
	nb_verify_read_ratio(sys); /* as the recorder did when it took the snapshot */
	for (i = 0; i < nr; i++) {
		if (nb_tree_readf(v->tree, &now, &now_len, "steps/%s/sysctl.txt", steps[i]))
			continue;
		if (i)
			write_changes(v, sys, steps[i], before, before_len, now, now_len);
		snprintf(path, sizeof(path), "steps/%s/proc/zoneinfo", steps[i]);
		compare(v, sys, NB_VS_STEPS, path, steps[i]);
		nb_verify_read_ratio(sys);
		before = now;
		before_len = now_len;
	}
	nb_system_shutdown(sys);
}

/* After blocks went off or online init_per_zone_wmark_min() ran again with the pages then managed;
 * what the boot map and the blocks give is booted as a machine of its own. */
static void block_steps(struct nb_verify *v, const char *const *steps, size_t nr)
{
	char path[NB_TREE_MAX_PATH];
	struct nb_system *sys;
	size_t i;

	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "steps/%s/memory_blocks.txt", steps[i]);
		if (!nb_tree_has(v->tree, path))
			continue;
		if (nb_verify_boot_blocks(v, steps[i], &sys))
			continue;
		snprintf(path, sizeof(path), "steps/%s/proc/zoneinfo", steps[i]);
		compare(v, sys, NB_VS_STEPS, path, steps[i]);
		nb_system_shutdown(sys);
	}
}

/* A recorder may leave the list of blocks and the settings with every step: then what changed
 * decides. */
void nb_verify_steps(struct nb_verify *v)
{
	size_t nr;
	const char *const *steps = nb_tree_list(v->tree, "steps", &nr);

	if (!nr)
		return;
	if (nb_verify_blocks_change(v))
		block_steps(v, steps, nr);
	else
		sysctl_steps(v, steps, nr);
}
