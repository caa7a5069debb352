/* scan.c -- lines, words and numbers of untrusted text.
 *
 * Called by every parser of this floor. A cursor never passes the end of its text, which needs no
 * NUL; numbers past 64 bits are refused, not wrapped.
 */
#include "view/scan.h"
#include <numabox/types.h>
#include <string.h>

void *nb_append(void *v, size_t *n, size_t *cap, size_t size)
{
	char *base;

	memcpy(&base, v, sizeof(base)); /* any object pointer: same representation */
	if (*n == *cap) {
		size_t grown = *cap ? *cap * 2 : 4;

		base = nb_xrealloc(base, grown, size);
		memset(base + *cap * size, 0, (grown - *cap) * size);
		*cap = grown;
		memcpy(v, &base, sizeof(base));
	}
	return base + (*n)++ * size;
}

int nb_scan_begin(struct nb_scan *sc, const char *text, size_t len, struct nb_error *err)
{
	const char *nul = len ? memchr(text, '\0', len) : NULL;

	*sc = (struct nb_scan){.text = text, .len = len};
	if (!nul)
		return 0;

	unsigned line = 1;

	for (const char *p = text; p < nul; p++)
		line += *p == '\n';
	return nb_error_set(err, -NB_EINVAL, line, "found a NUL byte, expected text");
}

bool nb_scan_line(struct nb_scan *sc)
{
	if (sc->pos >= sc->len)
		return false;
	sc->s = sc->text + sc->pos;

	const char *nl = memchr(sc->s, '\n', sc->len - sc->pos);

	sc->cut = !nl;
	sc->n = nl ? (size_t)(nl - sc->s) : sc->len - sc->pos;
	sc->pos += sc->n + (nl ? 1 : 0);
	sc->line++;
	return true;
}

const char *nb_scan_raw(const struct nb_scan *sc, struct nb_strings *p,
			const struct nb_text *printed)
{
	if (printed && printed->len == sc->n && memcmp(nb_text_str(printed), sc->s, sc->n) == 0)
		return NULL;
	return nb_strings_intern(p, sc->s, sc->n);
}

/* Prints at most 60 bytes of a line, what is not printable as '?'. */
static void shorten(char *buf, size_t size, const char *s, size_t n)
{
	size_t k = 0;

	for (; k < n && k + 1 < size; k++)
		buf[k] = s[k] >= ' ' && s[k] < 127 ? s[k] : '?';
	buf[k] = '\0';
}

int nb_scan_fail(const struct nb_scan *sc, struct nb_error *err, const char *what,
		 const char *expected)
{
	char found[61];

	shorten(found, sizeof(found), sc->s ? sc->s : "", sc->s ? sc->n : 0);
	return nb_error_set(err, -NB_EINVAL, sc->line, "%s: found \"%s\"%s, expected %s", what,
			    found, sc->s && sc->n >= sizeof(found) ? "..." : "", expected);
}

struct nb_cursor nb_scan_cursor(const struct nb_scan *sc)
{
	struct nb_cursor c = nb_cursor(sc->s, sc->n);

	if (c.end > c.p && c.end[-1] == '\r')
		c.end--;
	nb_cur_blanks(&c);
	return c;
}

bool nb_cur_end(const struct nb_cursor *c)
{
	return c->p == c->end;
}

bool nb_cur_blanks(struct nb_cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
	return c->p != from;
}

bool nb_cur_lit(struct nb_cursor *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return false;
	c->p += n;
	return true;
}

static int digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F')
		return ch - 'A' + 10;
	return 99;
}

static bool number(struct nb_cursor *c, unsigned base, uint64_t *ret)
{
	const char *p = c->p;
	uint64_t v = 0;

	for (; p < c->end && digit(*p) < (int)base; p++) {
		unsigned d = (unsigned)digit(*p);

		if (v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	if (p == c->p)
		return false;
	c->p = p;
	*ret = v;
	return true;
}

bool nb_cur_u64(struct nb_cursor *c, uint64_t *ret)
{
	return number(c, 10, ret);
}

bool nb_cur_max(struct nb_cursor *c, uint64_t max, uint64_t *ret)
{
	struct nb_cursor t = *c;
	uint64_t v;

	if (!number(&t, 10, &v) || v > max)
		return false;
	*c = t;
	*ret = v;
	return true;
}

bool nb_cur_hex(struct nb_cursor *c, uint64_t *ret)
{
	return number(c, 16, ret);
}

size_t nb_cur_word(struct nb_cursor *c, char stop, const char **ret)
{
	*ret = c->p;
	while (c->p < c->end && *c->p != ' ' && *c->p != '\t' && (!stop || *c->p != stop))
		c->p++;
	return (size_t)(c->p - *ret);
}

bool nb_cur_node_zone(struct nb_cursor *c, struct nb_strings *p, int *ret_nid,
		      const char **ret_zone, int *ret_type)
{
	struct nb_cursor t = *c;
	const char *name;
	uint64_t nid;
	size_t n;

	if (!nb_cur_lit(&t, "Node") || !nb_cur_blanks(&t) || !nb_cur_max(&t, INT32_MAX, &nid) ||
	    !nb_cur_lit(&t, ", zone") || !nb_cur_blanks(&t))
		return false;
	n = nb_cur_word(&t, ',', &name);
	if (!n)
		return false;
	*c = t;
	*ret_nid = (int)nid;
	*ret_zone = nb_strings_intern(p, name, n);
	*ret_type = nb_zone_by_name(name, n);
	if (*ret_type < 0)
		*ret_type = -1;
	return true;
}

/* Does a syslog date begin here: "Jan  1 ..." or "2026-01-01T..."? */
static bool is_date(struct nb_cursor c)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t year;

	if (nb_cur_u64(&c, &year))
		return nb_cur_lit(&c, "-");
	if (c.end - c.p < 4 || c.p[3] != ' ')
		return false;
	for (size_t i = 0; i + 3 < sizeof(months); i += 3)
		if (memcmp(c.p, months + i, 3) == 0)
			return true;
	return false;
}

/* "Jan  1 00:00:00 host kernel: ": the tag stands near the line's beginning. */
static void skip_syslog(struct nb_cursor *c)
{
	static const char tag[] = "kernel: ";
	struct nb_cursor t = *c;

	if (!is_date(t))
		return;
	if (t.end - t.p > 128)
		t.end = t.p + 128;
	for (; (size_t)(t.end - t.p) >= sizeof(tag) - 1; t.p++) {
		if (memcmp(t.p, tag, sizeof(tag) - 1) == 0) {
			c->p = t.p + sizeof(tag) - 1;
			return;
		}
	}
}

void nb_cur_timestamp(struct nb_cursor *c)
{
	struct nb_cursor t;
	uint64_t v;

	skip_syslog(c);
	t = *c;
	if (nb_cur_lit(&t, "<") && nb_cur_u64(&t, &v) && nb_cur_lit(&t, ">"))
		*c = t;
	t = *c;
	if (!nb_cur_lit(&t, "["))
		return;
	nb_cur_blanks(&t);
	if (!nb_cur_u64(&t, &v) || !nb_cur_lit(&t, ".") || !nb_cur_u64(&t, &v) ||
	    !nb_cur_lit(&t, "]"))
		return;
	nb_cur_lit(&t, " ");
	*c = t;
}
