/* yaml_doc.c -- loading YAML within bounds, and typed looks at its nodes.
 *
 * Loading goes twice over the text: first event by event, which costs no memory and stops at the
 * first bound that is passed, then with the document API, whose nodes carry line marks.
 */
#include "read/yaml_doc.h"

#include "base/fmt.h"
#include "base/hosted/text.h"
#include "read/spec.h"
#include "read/yaml.h"

#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 64
#define MAX_ANCHORS 256
#define MAX_ALIASES 65536
#define MAX_DIRECTIVES 64

static int parser_error(const yaml_parser_t *p, struct nb_error *err)
{
	unsigned line = (unsigned)p->problem_mark.line + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	if (p->error == YAML_READER_ERROR)
		return nb_error_set(err, -NB_EINVAL, 0, "not YAML: byte %zu: %s", p->problem_offset,
				    p->problem ? p->problem : "unreadable");
	if (p->context)
		return nb_error_set(err, -NB_EINVAL, line, "not YAML: %s (%s)",
				    p->problem ? p->problem : "?", p->context);
	return nb_error_set(err, -NB_EINVAL, line, "not YAML: %s", p->problem ? p->problem : "?");
}

/* What has been met so far. libyaml looks for each anchor and alias among all anchors before it,
 * and for each directive among all directives: without bounds of their own their work grows with
 * the square. */
struct bounds {
	unsigned depth, items, documents, anchors, aliases;
};

static int too_much(const yaml_event_t *e, const struct bounds *b, struct nb_error *err)
{
	unsigned line = (unsigned)e->start_mark.line + 1;

	if (b->documents > 1)
		return nb_error_set(err, -NB_EINVAL, line,
				    "a second document begins; a machine file holds one");
	if (b->depth > NB_YAML_MAX_DEPTH)
		return nb_error_set(err, -NB_EFBIG, line, "nested more than %d levels deep",
				    NB_YAML_MAX_DEPTH);
	if (b->items > NB_YAML_MAX_ITEMS)
		return nb_error_set(err, -NB_EFBIG, line, "more than %u items", NB_YAML_MAX_ITEMS);
	if (b->anchors > MAX_ANCHORS || b->aliases > MAX_ALIASES)
		return nb_error_set(err, -NB_EFBIG, line, "more than %d anchors or %d aliases",
				    MAX_ANCHORS, MAX_ALIASES);
	return 0;
}

static void count_event(const yaml_event_t *e, struct bounds *b)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		b->documents++;
		return;
	case YAML_MAPPING_START_EVENT:
		b->depth++;
		b->items++;
		b->anchors += e->data.mapping_start.anchor != NULL;
		return;
	case YAML_SEQUENCE_START_EVENT:
		b->depth++;
		b->items++;
		b->anchors += e->data.sequence_start.anchor != NULL;
		return;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return;
	case YAML_SCALAR_EVENT:
		b->items++;
		b->anchors += e->data.scalar.anchor != NULL;
		return;
	case YAML_ALIAS_EVENT:
		b->items++;
		b->aliases++;
		return;
	default:
		return;
	}
}

/* A directive begins a line; YAML ends lines with LF, CR, and three characters beyond ASCII. */
static int check_directives(const char *text, size_t len, struct nb_error *err)
{
	unsigned directives = 0, line = 1;

	for (size_t i = 0; i < len; i++) {
		char before = i ? text[i - 1] : '\n';

		if (text[i] == '%' &&
		    (before == '\n' || before == '\r' || (unsigned char)before > 0x7f))
			directives++;
		line += text[i] == '\n';
		if (directives > MAX_DIRECTIVES)
			return nb_error_set(err, -NB_EFBIG, line, "more than %d directives",
					    MAX_DIRECTIVES);
	}
	return 0;
}

static int check_bounds(const char *text, size_t len, struct nb_error *err)
{
	struct bounds b = {0};
	yaml_parser_t p;
	yaml_event_t e;
	bool end = false;
	int rc = check_directives(text, len, err);

	if (rc)
		return rc;
	if (!yaml_parser_initialize(&p))
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	while (!rc && !end) {
		if (!yaml_parser_parse(&p, &e)) {
			rc = parser_error(&p, err);
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		count_event(&e, &b);
		rc = too_much(&e, &b, err);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return rc;
}

int ydoc_load(struct ydoc *d, const char *text, size_t len, struct nb_error *err)
{
	yaml_parser_t p;
	int rc = 0;

	*d = (struct ydoc){.err = err};
	if (len > NB_READ_MAX_FILE)
		return nb_error_set(err, -NB_EFBIG, 0, "is larger than %zu MiB",
				    NB_READ_MAX_FILE >> 20);
	rc = check_bounds(text, len, err);
	if (rc)
		return rc;
	if (!yaml_parser_initialize(&p))
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	if (!yaml_parser_load(&p, &d->doc))
		rc = parser_error(&p, err);
	yaml_parser_delete(&p);
	return rc;
}

void ydoc_release(struct ydoc *d)
{
	yaml_document_delete(&d->doc);
}

yaml_node_t *ydoc_root(struct ydoc *d)
{
	return yaml_document_get_root_node(&d->doc);
}

unsigned ydoc_line(const yaml_node_t *n)
{
	return (unsigned)n->start_mark.line + 1;
}

int ydoc_bad(struct ydoc *d, const yaml_node_t *n, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	nb_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return nb_error_set(d->err, -NB_EINVAL, ydoc_line(n), "%s%s%s", d->path,
			    d->path_len ? ": " : "", text);
}

/* Extends the path; returns what ydoc_pop() needs. A path too long for its room is cut. */
__attribute__((format(printf, 2, 3))) static size_t push(struct ydoc *d, const char *fmt, ...)
{
	size_t mark = d->path_len, room = sizeof(d->path) - mark, n;
	va_list ap;

	va_start(ap, fmt);
	n = nb_vsnprintf(d->path + mark, room, fmt, ap);
	va_end(ap);
	d->path_len = n < room ? mark + n : sizeof(d->path) - 1;
	return mark;
}

static void pop(struct ydoc *d, size_t mark)
{
	d->path_len = mark;
	d->path[mark] = '\0';
}

bool ydoc_is_mapping(const yaml_node_t *n)
{
	return n->type == YAML_MAPPING_NODE;
}

bool ydoc_is_sequence(const yaml_node_t *n)
{
	return n->type == YAML_SEQUENCE_NODE;
}

static const char *kind(const yaml_node_t *n)
{
	return ydoc_is_mapping(n) ? "a mapping" : ydoc_is_sequence(n) ? "a list" : "a plain value";
}

static int unknown_key(struct ydoc *d, const yaml_node_t *key, const struct ykey *keys)
{
	struct nb_text list = {0};
	int rc;

	for (unsigned i = 0; keys[i].name; i++)
		nb_text_printf(&list, "%s%s", i ? ", " : "", keys[i].name);
	rc = ydoc_bad(d, key, "unknown key \"%.60s\"; the keys here are %s",
		      (const char *)key->data.scalar.value, nb_text_str(&list));
	nb_text_release(&list);
	return rc;
}

/* Finds each key's value: values[i] belongs to keys[i]. */
static int match_keys(struct ydoc *d, yaml_node_t *n, const struct ykey *keys, yaml_node_t **values)
{
	yaml_node_pair_t *pair = n->data.mapping.pairs.start;

	for (; pair < n->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&d->doc, pair->key);
		const char *name;
		unsigned i = 0;
		int rc = ydoc_text(d, key, &name);

		if (rc)
			return rc;
		while (keys[i].name && strcmp(keys[i].name, name))
			i++;
		if (!keys[i].name)
			return unknown_key(d, key, keys);
		if (values[i])
			return ydoc_bad(d, key, "%s stands twice; it stands in line %u already",
					name, ydoc_line(values[i]));
		values[i] = yaml_document_get_node(&d->doc, pair->value);
	}
	for (unsigned i = 0; keys[i].name; i++) {
		if (keys[i].required && !values[i])
			return ydoc_bad(d, n, "%s is missing", keys[i].name);
	}
	return 0;
}

int ydoc_mapping(struct ydoc *d, yaml_node_t *n, const struct ykey *keys, void *ctx)
{
	yaml_node_t *values[MAX_KEYS] = {NULL};
	int rc;

	if (!ydoc_is_mapping(n))
		return ydoc_bad(d, n, "is %s; a mapping of key: value would be right", kind(n));
	rc = match_keys(d, n, keys, values);
	for (unsigned i = 0; !rc && keys[i].name; i++) {
		size_t mark;

		if (!values[i])
			continue;
		mark = push(d, "%s%s", d->path_len ? "." : "", keys[i].name);
		rc = keys[i].read(d, values[i], ctx);
		pop(d, mark);
	}
	return rc;
}

int ydoc_pairs(struct ydoc *d, yaml_node_t *n,
	       int (*read)(struct ydoc *d, const char *key, yaml_node_t *value, void *ctx),
	       void *ctx)
{
	yaml_node_pair_t *pair;
	int rc = 0;

	if (!ydoc_is_mapping(n))
		return ydoc_bad(d, n, "is %s; a mapping of key: value would be right", kind(n));
	for (pair = n->data.mapping.pairs.start; !rc && pair < n->data.mapping.pairs.top; pair++) {
		const char *key;
		size_t mark;

		rc = ydoc_text(d, yaml_document_get_node(&d->doc, pair->key), &key);
		if (rc)
			return rc;
		mark = push(d, ".%s", key);
		rc = read(d, key, yaml_document_get_node(&d->doc, pair->value), ctx);
		pop(d, mark);
	}
	return rc;
}

int ydoc_sequence(struct ydoc *d, yaml_node_t *n, size_t max, const char *what, size_t *ret_n)
{
	if (!ydoc_is_sequence(n))
		return ydoc_bad(d, n, "is %s; a list would be right", kind(n));
	*ret_n = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
	if (*ret_n > max)
		return ydoc_bad(d, n, "%zu %s; at most %zu would be right", *ret_n, what, max);
	return 0;
}

yaml_node_t *ydoc_item(struct ydoc *d, yaml_node_t *n, size_t i)
{
	return yaml_document_get_node(&d->doc, n->data.sequence.items.start[i]);
}

int ydoc_each(struct ydoc *d, yaml_node_t *n, size_t max, const char *what,
	      int (*read)(struct ydoc *d, yaml_node_t *item, void *ctx), void *ctx)
{
	size_t count, mark;
	int rc = ydoc_sequence(d, n, max, what, &count);

	for (size_t i = 0; !rc && i < count; i++) {
		mark = push(d, "[%zu]", i);
		rc = read(d, ydoc_item(d, n, i), ctx);
		pop(d, mark);
	}
	return rc;
}

int ydoc_text(struct ydoc *d, yaml_node_t *n, const char **ret)
{
	if (n->type != YAML_SCALAR_NODE)
		return ydoc_bad(d, n, "is %s; a plain value would be right", kind(n));
	if (strlen((const char *)n->data.scalar.value) != n->data.scalar.length)
		return ydoc_bad(d, n, "holds a NUL byte");
	*ret = (const char *)n->data.scalar.value;
	return 0;
}

int ydoc_number(struct ydoc *d, yaml_node_t *n, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *s;
	uint64_t v;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	if (nb_parse_u64(s, strlen(s), &v) || v < min || v > max)
		return ydoc_bad(d, n, "%.60s; a number from %llu to %llu would be right", s,
				(unsigned long long)min, (unsigned long long)max);
	*ret = v;
	return 0;
}

int ydoc_size(struct ydoc *d, yaml_node_t *n, uint64_t *ret)
{
	const char *s;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	rc = nb_parse_size(s, strlen(s), ret);
	if (rc == -NB_ERANGE)
		return ydoc_bad(d, n,
				"%.60s overflows 64 bits; 4096T is the most that can be addressed",
				s);
	if (rc)
		return ydoc_bad(d, n,
				"\"%.60s\" is no size; a number with K, M, G or T, such as 32G, "
				"would be right",
				s);
	return 0;
}

int ydoc_bool(struct ydoc *d, yaml_node_t *n, bool *ret)
{
	const char *s;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	*ret = !strcmp(s, "true") || !strcmp(s, "yes") || !strcmp(s, "on");
	if (!*ret && strcmp(s, "false") && strcmp(s, "no") && strcmp(s, "off"))
		return ydoc_bad(d, n, "\"%.60s\"; true or false would be right", s);
	return 0;
}

int ydoc_ns(struct ydoc *d, yaml_node_t *n, bool zero, uint32_t *ret_ps)
{
	static const unsigned scale[] = {1000, 100, 10, 1};
	const char *s, *dot;
	uint64_t whole = 0, part = 0;
	size_t decimals = 0;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	dot = strchr(s, '.');
	decimals = dot ? strlen(dot + 1) : 0;
	rc = nb_parse_u64(s, dot ? (size_t)(dot - s) : strlen(s), &whole);
	if (!rc && dot)
		rc = decimals > 3 ? -NB_EINVAL : nb_parse_u64(dot + 1, decimals, &part);
	if (rc || whole > 4000000 || (!zero && !whole && !part))
		return ydoc_bad(d, n,
				"\"%.60s\"; nanoseconds up to 4000000, with at most three "
				"decimals, would be right",
				s);
	*ret_ps = (uint32_t)(whole * 1000 + part * scale[decimals]);
	return 0;
}

int ydoc_range(struct ydoc *d, yaml_node_t *n, uint64_t *ret_start, uint64_t *ret_end)
{
	const char *s, *sep;
	uint64_t start, end;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	sep = strpbrk(s, "-+");
	if (!sep || nb_parse_size(s, (size_t)(sep - s), &start) ||
	    nb_parse_size(sep + 1, strlen(sep + 1), &end))
		return ydoc_bad(d, n,
				"\"%.60s\" is no range; FIRST-LAST as /proc/iomem prints them "
				"(0x100000000-0x1ffffffff) or "
				"START+SIZE (4G+4G) would be right",
				s);
	if (*sep == '+' && __builtin_add_overflow(start, end, &end))
		return ydoc_bad(d, n, "%.60s: start and size overflow 64 bits", s);
	if (*sep == '-' && end == UINT64_MAX)
		return ydoc_bad(d, n, "%.60s: ends past 2^52, the end of physical addresses", s);
	if (*sep == '-' && end < start)
		return ydoc_bad(d, n, "%.60s: ends before it starts", s);
	*ret_start = start;
	*ret_end = *sep == '-' ? end + 1 : end;
	if (*ret_start == *ret_end)
		return ydoc_bad(d, n, "%.60s is empty", s);
	return 0;
}
