/* smaps.c -- /proc/PID/smaps and maps: parser, printer, JSON; `pmap -x`.
 *
 * Called through smaps.h. A line below a mapping is "Name:" in 16 columns, a number in 8, " kB".
 * Source: fs/proc/task_mmu.c, show_map_vma(), __show_smap(); procps 4.0.2, pmap.c.
 */
#include "view/smaps.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_64 73u
#define COLUMN_32 49u

static void print_head(const struct nb_smaps_vma *v, unsigned column, struct nb_text *out)
{
	size_t begin = out->len, used;

	nb_text_printf(out, "%08" PRIx64 "-%08" PRIx64 " %s %08" PRIx64 " %02x:%02x %" PRIu64,
		       v->start, v->end, v->perms, v->offset, v->major, v->minor, v->inode);
	used = out->len - begin;
	if (v->name)
		nb_text_printf(out, "%*s%s", used + 1 < column ? (int)(column - used) : 1, "",
			       v->name);
	else
		nb_text_puts(out, " ");
}

static void print_item(const struct nb_item *it, struct nb_text *out)
{
	char label[80];

	snprintf(label, sizeof(label), "%.70s:", it->name);
	nb_text_printf(out, "%-16s%8" PRIu64 "%s", label, it->value, it->kib ? " kB" : "");
}

/* ---- parser ---- */

static bool take_perms(struct nb_cursor *c, char perms[5])
{
	if (c->end - c->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		if (!memchr("rwxps-", c->p[i], 6))
			return false;
		perms[i] = c->p[i];
	}
	c->p += 4;
	return true;
}

static bool take_hex32(struct nb_cursor *c, unsigned *ret)
{
	uint64_t v;

	if (!nb_cur_hex(c, &v) || v > UINT32_MAX)
		return false;
	*ret = (unsigned)v;
	return true;
}

/* "START-END PERMS OFFSET MAJ:MIN INODE [NAME]" */
static bool take_head(struct nb_cursor c, struct nb_strings *p, struct nb_smaps_vma *v)
{
	const char *begin = c.p;

	if (!nb_cur_hex(&c, &v->start) || !nb_cur_lit(&c, "-") || !nb_cur_hex(&c, &v->end) ||
	    !nb_cur_lit(&c, " ") || !take_perms(&c, v->perms) || !nb_cur_lit(&c, " ") ||
	    !nb_cur_hex(&c, &v->offset) || !nb_cur_lit(&c, " ") || !take_hex32(&c, &v->major) ||
	    !nb_cur_lit(&c, ":") || !take_hex32(&c, &v->minor) || !nb_cur_lit(&c, " ") ||
	    !nb_cur_u64(&c, &v->inode))
		return false;
	(void)begin;
	nb_cur_blanks(&c);
	if (!nb_cur_end(&c))
		v->name = nb_strings_intern(p, c.p, (size_t)(c.end - c.p));
	return true;
}

/* Column at which the line's name begins; 0 without one. */
static unsigned name_column(const struct nb_scan *sc, const struct nb_smaps_vma *v)
{
	return v->name ? (unsigned)(sc->n - strlen(v->name)) : 0;
}

static bool take_item(struct nb_cursor c, struct nb_strings *p, struct nb_smaps_vma *v)
{
	const char *name;
	size_t n = nb_cur_word(&c, ':', &name);
	struct nb_item *it;
	uint64_t value;

	if (!n || !nb_cur_lit(&c, ":"))
		return false;
	nb_cur_blanks(&c);
	if (!nb_cur_u64(&c, &value))
		return false;
	it = nb_items_add(&v->items, nb_strings_intern(p, name, n), value);
	it->kib = nb_cur_lit(&c, " kB");
	return true;
}

static void keep_raw(const struct nb_scan *sc, struct nb_smaps *s, struct nb_smaps_vma *v)
{
	nb_items_add(&v->items, NULL, 0)->raw = nb_scan_raw(sc, &s->strings, NULL);
}

static void below(const struct nb_scan *sc, struct nb_smaps *s, struct nb_smaps_vma *v)
{
	struct nb_cursor c = nb_cursor(sc->s, sc->n);
	struct nb_text rule = {0};

	if (!v->vm_flags && nb_cur_lit(&c, "VmFlags: ")) {
		v->vm_flags = nb_strings_intern(&s->strings, c.p, (size_t)(c.end - c.p));
		return;
	}
	/* what follows the flags keeps its place only as it is: it is of no kernel */
	if (v->vm_flags || !take_item(nb_cursor(sc->s, sc->n), &s->strings, v)) {
		keep_raw(sc, s, v);
		return;
	}
	print_item(&v->items.v[v->items.n - 1], &rule);
	v->items.v[v->items.n - 1].raw = nb_scan_raw(sc, &s->strings, &rule);
	nb_text_release(&rule);
}

static int parse_line(struct nb_scan *sc, struct nb_smaps *s, struct nb_error *err)
{
	struct nb_smaps_vma v = {0}, *new;
	struct nb_text rule = {0};

	if (!sc->cut && take_head(nb_cursor(sc->s, sc->n), &s->strings, &v)) {
		unsigned column = name_column(sc, &v);

		if (!s->name_column && (column == COLUMN_64 || column == COLUMN_32))
			s->name_column = column;
		v.known = true;
		print_head(&v, s->name_column ? s->name_column : COLUMN_64, &rule);
		v.raw = nb_scan_raw(sc, &s->strings, &rule);
		nb_text_release(&rule);
		new = nb_append(&s->vmas, &s->nr_vmas, &s->cap_vmas, sizeof(*new));
		*new = v;
		return 0;
	}
	if (!s->nr_vmas)
		return nb_scan_fail(sc, err, "mapping",
				    "a mapping first, as in \"00400000-00401000 r--p 00000000 "
				    "00:02 33 /bin/cat\"");
	if (s->vmas[s->nr_vmas - 1].vm_flags || sc->cut) {
		/* a mapping of its own that no rule prints, so that the order stays */
		new = nb_append(&s->vmas, &s->nr_vmas, &s->cap_vmas, sizeof(*new));
		new->raw = nb_scan_raw(sc, &s->strings, NULL);
		s->cut = sc->cut;
		return 0;
	}
	below(sc, s, &s->vmas[s->nr_vmas - 1]);
	return 0;
}

int nb_smaps_parse(const char *text, size_t len, struct nb_smaps *s, struct nb_error *err)
{
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*s = (struct nb_smaps){0};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, s, err);
	if (!ret && !s->nr_vmas)
		ret = nb_error_set(err, -NB_EINVAL, 0, "found no mapping");
	if (ret)
		nb_smaps_release(s);
	return ret;
}

/* ---- printers ---- */

static void head_line(const struct nb_smaps *s, const struct nb_smaps_vma *v, struct nb_text *out)
{
	if (v->raw)
		nb_text_puts(out, v->raw);
	else
		print_head(v, s->name_column ? s->name_column : COLUMN_64, out);
}

void nb_smaps_print(const struct nb_smaps *s, struct nb_text *out)
{
	for (size_t i = 0; i < s->nr_vmas; i++) {
		const struct nb_smaps_vma *v = &s->vmas[i];
		bool last = i + 1 == s->nr_vmas;

		head_line(s, v, out);
		if (s->cut && last)
			return;
		nb_text_puts(out, "\n");
		for (size_t k = 0; k < v->items.n; k++) {
			if (v->items.v[k].raw)
				nb_text_puts(out, v->items.v[k].raw);
			else
				print_item(&v->items.v[k], out);
			nb_text_puts(out, "\n");
		}
		if (v->vm_flags)
			nb_text_printf(out, "VmFlags: %s\n", v->vm_flags);
	}
}

void nb_maps_print(const struct nb_smaps *s, struct nb_text *out)
{
	for (size_t i = 0; i < s->nr_vmas; i++) {
		head_line(s, &s->vmas[i], out);
		if (!s->cut || i + 1 < s->nr_vmas)
			nb_text_puts(out, "\n");
	}
}

void nb_smaps_release(struct nb_smaps *s)
{
	for (size_t i = 0; i < s->nr_vmas; i++)
		nb_items_release(&s->vmas[i].items);
	free(s->vmas);
	nb_strings_release(&s->strings);
	*s = (struct nb_smaps){0};
}

json_t *nb_smaps_json(const struct nb_smaps *s)
{
	json_t *j = json_object(), *list = json_array();

	for (size_t i = 0; i < s->nr_vmas; i++) {
		const struct nb_smaps_vma *v = &s->vmas[i];
		json_t *o, *items;

		if (!v->known)
			continue;
		o = json_object();
		items = json_object();
		json_object_set_new(o, "start", nb_json_u64(v->start));
		json_object_set_new(o, "end", nb_json_u64(v->end));
		json_object_set_new(o, "perms", json_string(v->perms));
		json_object_set_new(o, "offset", nb_json_u64(v->offset));
		json_object_set_new(o, "inode", nb_json_u64(v->inode));
		if (v->name)
			json_object_set_new(o, "name", nb_json_string(v->name));
		for (size_t k = 0; k < v->items.n; k++) {
			char key[96];

			if (!v->items.v[k].name)
				continue;
			snprintf(key, sizeof(key), "%.80s%s", v->items.v[k].name,
				 v->items.v[k].kib ? "_kib" : "");
			json_object_set_new(items, key, nb_json_u64(v->items.v[k].value));
		}
		json_object_set_new(o, "lines", items);
		json_array_append_new(list, o);
	}
	json_object_set_new(j, "mappings", list);
	return j;
}

/* ---- pmap -x ---- */

/* A file's last part; "  [ stack ]" and "  [ anon ]" for the rest, "  [ shmid=0x.. ]" for SysV. */
static void pmap_name(const struct nb_smaps_vma *v, struct nb_text *out)
{
	const char *slash = v->name ? strrchr(v->name, '/') : NULL;

	if (v->name && strncmp(v->name, "/SYSV", 5) == 0)
		nb_text_printf(out, "  [ shmid=0x%" PRIx64 " ]", v->inode);
	else if (v->name && v->name[0] == '/' && slash)
		nb_text_puts(out, slash + 1);
	else if (v->name && strcmp(v->name, "[stack]") == 0)
		nb_text_puts(out, "  [ stack ]");
	else
		nb_text_puts(out, "  [ anon ]");
}

void nb_pmap_print(const struct nb_smaps *s, int pid, const char *command, struct nb_text *out)
{
	uint64_t size = 0, rss = 0, dirty = 0;

	nb_text_printf(out, "%d:   %s\n", pid, command);
	nb_text_puts(out, "Address           Kbytes     RSS   Dirty Mode  Mapping\n");
	for (size_t i = 0; i < s->nr_vmas; i++) {
		const struct nb_smaps_vma *v = &s->vmas[i];
		uint64_t kib = (v->end - v->start) >> 10, d, r;

		if (!v->known)
			continue;
		r = nb_items_value(&v->items, "Rss", 0);
		d = nb_items_value(&v->items, "Shared_Dirty", 0) +
		    nb_items_value(&v->items, "Private_Dirty", 0);
		nb_text_printf(out,
			       "%016" PRIx64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %.3s%c- ",
			       v->start, kib, r, d, v->perms, v->perms[3] == 's' ? 's' : '-');
		pmap_name(v, out);
		nb_text_puts(out, "\n");
		size += kib;
		rss += r;
		dirty += d;
	}
	nb_text_puts(out, "---------------- ------- ------- ------- \n");
	nb_text_printf(out, "total kB %15" PRIu64 " %7" PRIu64 " %7" PRIu64 "\n", size, rss, dirty);
}
