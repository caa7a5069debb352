/* xml_bounds.c -- a scan over XML tags that counts and measures, and understands nothing else.
 *
 * Called by hwloc_form.c. What could hide tags or numbers from the scan (other encodings, entities,
 * comments, quoted ">") is either read as XML has it or refused. O(len), no memory.
 */
#include "read/xml_bounds.h"

#include "base/fmt.h"

#include <string.h>

struct scan {
	const char *p, *end;
	unsigned line;
	unsigned depth, elements;
	unsigned children[NB_XML_MAX_DEPTH + 1];
	struct nb_error *err;
};

static int too_big(struct scan *s, const char *what, unsigned bound)
{
	return nb_error_set(s->err, -NB_EFBIG, s->line, "%s: more than %u", what, bound);
}

static int broken(struct scan *s, const char *what)
{
	return nb_error_set(s->err, -NB_EINVAL, s->line, "not an hwloc XML export: %s", what);
}

static bool at(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->p) >= n && !memcmp(s->p, word, n);
}

static void skip(struct scan *s, size_t n)
{
	for (; n && s->p < s->end; n--, s->p++)
		s->line += *s->p == '\n';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && is_blank(*s->p))
		skip(s, 1);
}

/* Past the first `word`; false when there is none. */
static bool skip_past(struct scan *s, const char *word)
{
	while (s->p < s->end && !at(s, word))
		skip(s, 1);
	if (s->p == s->end)
		return false;
	skip(s, strlen(word));
	return true;
}

/* A name up to a blank, "=", "/", ">" or a quote. */
static size_t skip_name(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && !is_blank(*s->p) && !memchr("=/>\"'<", *s->p, 6))
		skip(s, 1);
	return (size_t)(s->p - start);
}

/* A number of an attribute that must stay below a bound; UINT32_MAX is hwloc's "unknown". */
static int check_number(struct scan *s, const char *name, const char *value, size_t len,
			unsigned bound)
{
	uint64_t v;

	if (nb_parse_u64(value, len, &v))
		return len && *value == '-' ? 0 : broken(s, "a number that is none");
	return v > bound && v != UINT32_MAX ? too_big(s, name, bound) : 0;
}

/* name="value" or name='value', blanks around "=" allowed. */
static int attribute(struct scan *s)
{
	const char *name = s->p, *value;
	size_t name_len = skip_name(s), len;
	char quote;

	skip_blanks(s);
	if (!name_len || s->p == s->end || *s->p != '=')
		return broken(s, "an attribute without a value");
	skip(s, 1);
	skip_blanks(s);
	quote = s->p < s->end ? *s->p : 0;
	if (quote != '"' && quote != '\'')
		return broken(s, "an attribute without quotes");
	skip(s, 1);
	value = s->p;
	while (s->p < s->end && *s->p != quote)
		skip(s, 1);
	if (s->p == s->end)
		return broken(s, "a quote that is left open");
	len = (size_t)(s->p - value);
	skip(s, 1);
	if (nb_str_is(name, name_len, "os_index"))
		return check_number(s, "os_index", value, len, NB_XML_MAX_INDEX);
	if (nb_str_is(name, name_len, "nbobjs"))
		return check_number(s, "nbobjs", value, len, NB_XML_MAX_MATRIX);
	return 0;
}

/* An element's tag from behind "<" to behind ">". */
static int open_tag(struct scan *s)
{
	const char *name = s->p;
	size_t len = skip_name(s);
	int rc;

	if (++s->elements > NB_XML_MAX_ELEMENTS)
		return too_big(s, "elements", NB_XML_MAX_ELEMENTS);
	if (nb_str_is(name, len, "object") && ++s->children[s->depth] > NB_XML_MAX_CHILDREN)
		return too_big(s, "objects below one", NB_XML_MAX_CHILDREN);
	for (;;) {
		skip_blanks(s);
		if (at(s, "/>")) {
			skip(s, 2);
			return 0;
		}
		if (at(s, ">"))
			break;
		if (s->p == s->end)
			return broken(s, "a tag that does not end");
		rc = attribute(s);
		if (rc)
			return rc;
	}
	skip(s, 1);
	if (s->depth == NB_XML_MAX_DEPTH)
		return too_big(s, "levels of nesting", NB_XML_MAX_DEPTH);
	s->children[++s->depth] = 0;
	return 0;
}

/* <?xml ... ?>: hwloc writes UTF-8, and in another encoding the scan would see nothing. */
static int instruction(struct scan *s)
{
	const char *start = s->p;
	size_t len;

	if (!skip_past(s, "?>"))
		return broken(s, "an instruction that does not end");
	len = (size_t)(s->p - start);
	for (size_t i = 0; i + 8 <= len; i++) {
		if (memcmp(start + i, "encoding", 8))
			continue;
		for (i += 8; i < len && (is_blank(start[i]) || memchr("=\"'", start[i], 3)); i++)
			;
		if (len - i < 5 || (memcmp(start + i, "UTF-8", 5) && memcmp(start + i, "utf-8", 5)))
			return broken(s, "its encoding is not UTF-8");
	}
	return 0;
}

/* <!DOCTYPE topology SYSTEM "hwloc2.dtd">, comments; nothing that declares. */
static int declaration(struct scan *s)
{
	if (at(s, "!--"))
		return skip_past(s, "-->") ? 0 : broken(s, "a comment that does not end");
	if (!at(s, "!DOCTYPE"))
		return broken(s, "a declaration");
	while (s->p < s->end && *s->p != '>') {
		if (*s->p == '[' || *s->p == '<')
			return broken(s, "a document type with declarations of its own");
		skip(s, 1);
	}
	return 0;
}

int nb_xml_check(const char *xml, size_t len, struct nb_error *err)
{
	struct scan s = {.p = xml, .end = xml + len, .line = 1, .err = err};
	int rc = 0;

	if (memchr(xml, 0, len))
		return broken(&s, "it holds a NUL byte");
	while (!rc && s.p < s.end) {
		if (*s.p != '<') {
			skip(&s, 1);
			continue;
		}
		skip(&s, 1);
		if (at(&s, "?")) {
			rc = instruction(&s);
		} else if (at(&s, "!")) {
			rc = declaration(&s);
		} else if (at(&s, "/")) {
			s.depth -= s.depth > 0;
			if (!skip_past(&s, ">"))
				rc = broken(&s, "a tag that does not end");
		} else {
			rc = open_tag(&s);
		}
	}
	return rc;
}
