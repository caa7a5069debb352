/* print_fmt.c -- see print_fmt.h. A recursive descent over the expressions, C's precedence. */
#include "print_fmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VMEMMAP UINT64_C(0xffffea0000000000)
#define PAGE_STRUCT 64

struct value {
	uint64_t u;
	const char *s; /* a string, or NULL */
	bool page;     /* a struct page * */
};

struct parser {
	const struct print_fmt *f;
	const char *at;
	char text[2048]; /* made by __print_flags() */
};

static struct value expr(struct parser *p);

static void skip_blank(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static bool take(struct parser *p, const char *token)
{
	skip_blank(p);
	if (strncmp(p->at, token, strlen(token)))
		return false;
	p->at += strlen(token);
	return true;
}

static void want(struct parser *p, const char *token)
{
	if (!take(p, token))
		fail_msg("%s: '%s' should stand at: %.60s", p->f->name, token, p->at);
}

static void word(struct parser *p, char *buf, size_t n)
{
	size_t len = 0;

	skip_blank(p);
	while (isalnum((unsigned char)p->at[len]) || p->at[len] == '_')
		len++;
	if (!len || len >= n)
		fail_msg("%s: no word at: %.60s", p->f->name, p->at);
	memcpy(buf, p->at, len);
	buf[len] = '\0';
	p->at += len;
}

/* "text", without escapes */
static char *literal(struct parser *p)
{
	const char *end;
	char *s;

	want(p, "\"");
	end = strchr(p->at, '"');
	s = strndup(p->at, (size_t)(end - p->at));
	p->at = end + 1;
	return s;
}

/* ---- __print_flags(v, "|", {bits, "NAME"}, ...), __print_symbolic(v, {n, "name"}, ...) ---- */

static struct value names(struct parser *p, bool flags)
{
	uint64_t v;
	size_t len = 0;
	char *sep = NULL, *name;

	want(p, "(");
	v = expr(p).u;
	want(p, ",");
	if (flags) {
		sep = literal(p);
		want(p, ",");
	}
	p->text[0] = '\0';
	do {
		uint64_t bits;
		bool is;

		want(p, "{");
		bits = expr(p).u;
		want(p, ",");
		skip_blank(p);
		if (*p->at != '"') { /* {-1, NULL} ends 6.18's tables */
			(void)expr(p);
			want(p, "}");
			continue;
		}
		name = literal(p);
		want(p, "}");
		is = flags ? bits && (v & bits) == bits : v == bits;
		if (is && (flags || !len))
			len += (size_t)snprintf(p->text + len, sizeof(p->text) - len, "%s%s",
						len ? sep : "", name);
		if (is && flags)
			v &= ~bits;
		free(name);
	} while (take(p, ","));
	want(p, ")");
	free(sep);
	if (flags && v)
		fail_msg("%s: bits 0x%" PRIx64 " have no name", p->f->name, v);
	return (struct value){.s = p->text};
}

/* ---- expressions ---- */

static struct value record_field(struct parser *p)
{
	char name[48];

	word(p, name, sizeof(name));
	for (unsigned i = 0; i < p->f->nr_fields; i++) {
		const struct print_fmt_field *fd = &p->f->field[i];

		if (!strcmp(fd->name, name))
			return (struct value){.u = fd->value, .s = fd->string};
	}
	fail_msg("%s: REC->%s is no field", p->f->name, name);
	return (struct value){0};
}

static struct value named(struct parser *p)
{
	static const char *const throttle[] = {
		"VMSCAN_THROTTLE_WRITEBACK", "VMSCAN_THROTTLE_ISOLATED",
		"VMSCAN_THROTTLE_NOPROGRESS", "VMSCAN_THROTTLE_CONGESTED"};
	char name[64];

	word(p, name, sizeof(name));
	if (!strcmp(name, "REC")) {
		want(p, "->");
		return record_field(p);
	}
	if (!strcmp(name, "vmemmap_base"))
		return (struct value){.u = VMEMMAP};
	if (!strcmp(name, "__print_flags") || !strcmp(name, "__print_symbolic"))
		return names(p, name[8] == 'f');
	if (!strcmp(name, "__get_str")) {
		struct value v;

		want(p, "(");
		v = record_field(p);
		want(p, ")");
		return v;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (!strcmp(name, throttle[i]))
			return (struct value){.u = i};
	}
	fail_msg("%s: what is %s?", p->f->name, name);
	return (struct value){0};
}

/* "(struct page *)", "(unsigned int)": type words up to the bracket. *ret: what it makes of v. */
static bool cast(struct parser *p, char *type, size_t n)
{
	static const char *const words[] = {"struct",   "void", "unsigned", "gfp_t",
					    "sector_t", "long", "int",      "loff_t"};
	const char *q = p->at, *end;
	size_t len;

	while (isspace((unsigned char)*q))
		q++;
	if (*q++ != '(')
		return false;
	while (isspace((unsigned char)*q))
		q++;
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		len = strlen(words[i]);
		if (strncmp(q, words[i], len) || isalnum((unsigned char)q[len]))
			continue;
		end = strchr(q, ')');
		snprintf(type, n, "%.*s", (int)(end - q), q);
		p->at = end + 1;
		return true;
	}
	return false;
}

static struct value unary(struct parser *p)
{
	struct value v;
	char type[64], *end;

	skip_blank(p);
	if (cast(p, type, sizeof(type))) {
		v = unary(p);
		v.page = !strncmp(type, "struct page *", 13);
		if (!strcmp(type, "unsigned int"))
			v.u &= 0xffffffff;
		return v;
	}
	if (take(p, "(")) {
		v = expr(p);
		want(p, ")");
		return v;
	}
	if (take(p, "~"))
		return (struct value){.u = ~unary(p).u};
	if (take(p, "-"))
		return (struct value){.u = -unary(p).u};
	if (*p->at == '"') {
		char *s = literal(p);

		/* one character or none: kept for as long as the text is made */
		static const char *const known[] = {" ",
						    "M",
						    "a",
						    "f",
						    "s",
						    "b",
						    "d",
						    "B",
						    "sync",
						    "async",
						    "none",
						    "RECLAIM_WB_NONE",
						    "VMSCAN_THROTTLE_NONE"};

		for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++) {
			if (!strcmp(known[i], s))
				v = (struct value){.s = known[i], .u = 1};
		}
		free(s);
		return v;
	}
	if (!isdigit((unsigned char)*p->at))
		return named(p);
	v = (struct value){.u = strtoull(p->at, &end, 0)};
	while (*end == 'u' || *end == 'U' || *end == 'l' || *end == 'L')
		end++;
	p->at = end;
	return v;
}

/* Binary operators, weakest first. */
static const char *const level[][3] = {{"|"},      {"&"},        {"!=", "=="},
				       {"<", ">"}, {"<<", ">>"}, {"+", "-"}};
#define NR_LEVELS (sizeof(level) / sizeof(*level))

static bool operator_at(struct parser *p, unsigned l, const char **ret)
{
	skip_blank(p);
	for (unsigned i = 0; i < 3 && level[l][i]; i++) {
		size_t len = strlen(level[l][i]);

		if (strncmp(p->at, level[l][i], len))
			continue;
		if (len == 1 && (p->at[1] == p->at[0] || (*p->at == '-' && p->at[1] == '>')))
			continue; /* <<, ||, -> */
		p->at += len;
		*ret = level[l][i];
		return true;
	}
	return false;
}

static uint64_t apply(const char *op, struct value a, struct value b)
{
	switch (op[0]) {
	case '|':
		return a.u | b.u;
	case '&':
		return a.u & b.u;
	case '!':
		return a.u != b.u;
	case '=':
		return a.u == b.u;
	case '<':
		return op[1] ? a.u << b.u : a.u < b.u;
	case '>':
		return op[1] ? a.u >> b.u : a.u > b.u;
	case '+':
		return a.u + b.u * (a.page ? PAGE_STRUCT : 1);
	default:
		return a.u - b.u;
	}
}

static struct value binary(struct parser *p, unsigned l)
{
	struct value v = l + 1 < NR_LEVELS ? binary(p, l + 1) : unary(p);
	const char *op;

	while (operator_at(p, l, &op)) {
		struct value b = l + 1 < NR_LEVELS ? binary(p, l + 1) : unary(p);

		v = (struct value){.u = apply(op, v, b)};
	}
	return v;
}

static struct value expr(struct parser *p)
{
	struct value cond = binary(p, 0), a, b;
	char kept[sizeof(p->text)];

	if (!take(p, "?"))
		return cond;
	a = expr(p);
	if (a.s == p->text) /* the other branch may write there too */
		memcpy(kept, p->text, sizeof(kept));
	want(p, ":");
	b = expr(p);
	if (!cond.u)
		return b;
	if (a.s == p->text)
		memcpy(p->text, kept, sizeof(kept));
	return a;
}

/* ---- the text ---- */

/* One conversion of the format, from its '%' on; returns its length. */
static size_t print_one(const char *fmt, struct value v, char *buf, size_t n)
{
	size_t len = 1 + strspn(fmt + 1, "0123456789-"), start = len;
	char spec[32];

	while (strchr("lh", fmt[len]) && fmt[len])
		len++;
	memcpy(spec, fmt, start);
	switch (fmt[len]) {
	case 'd':
		snprintf(spec + start, sizeof(spec) - start, PRId64);
		snprintf(buf, n, spec,
			 fmt[start] == 'l'   ? (int64_t)v.u
			 : fmt[start] == 'h' ? (int64_t)(int16_t)v.u
					     : (int64_t)(int32_t)v.u);
		return len + 1;
	case 'u':
	case 'x':
		snprintf(spec + start, sizeof(spec) - start, "%s",
			 fmt[len] == 'u' ? PRIu64 : PRIx64);
		snprintf(buf, n, spec, fmt[start] == 'l' ? v.u : v.u & 0xffffffff);
		return len + 1;
	case 's':
		snprintf(spec + start, sizeof(spec) - start, "s");
		snprintf(buf, n, spec, v.s ? v.s : "(null)");
		return len + 1;
	case 'p':
		if (fmt[len + 1] == 's' || fmt[len + 1] == 'S') {
			snprintf(buf, n, "0x%" PRIx64, v.u); /* no symbol has that address */
			return len + 2;
		}
		snprintf(buf, n, "%016" PRIx64, v.u);
		return len + 1;
	default:
		fail_msg("no such conversion: %.10s", fmt);
		return 0;
	}
}

size_t print_fmt_eval(const struct print_fmt *f, char *buf, size_t n)
{
	struct parser p = {.f = f, .at = f->text};
	char *fmt = literal(&p), one[2048];
	size_t len = 0;

	for (const char *c = fmt; *c;) {
		if (*c != '%') {
			one[0] = *c++;
			one[1] = '\0';
		} else {
			want(&p, ",");
			c += print_one(c, expr(&p), one, sizeof(one));
		}
		len += (size_t)snprintf(len < n ? buf + len : NULL, len < n ? n - len : 0, "%s",
					one);
	}
	skip_blank(&p);
	if (*p.at)
		fail_msg("%s: more values than conversions: %.60s", f->name, p.at);
	free(fmt);
	return len;
}

/* ---- format files ---- */

struct print_fmt_field *print_fmt_find(struct print_fmt *f, const char *name)
{
	for (unsigned i = 0; i < f->nr_fields; i++) {
		if (!strcmp(f->field[i].name, name))
			return &f->field[i];
	}
	return NULL;
}

/* "	field:unsigned long pfn;	offset:8; ..." */
static void add_field(struct print_fmt *f, char *line)
{
	char *decl = strstr(line, "field:") + 6, *end = strchr(decl, ';'), *name;
	struct print_fmt_field *fd;

	*end = '\0';
	if (strstr(decl, " common_"))
		return;
	assert_in_range(f->nr_fields, 0, PRINT_FMT_MAX_FIELDS - 1);
	fd = &f->field[f->nr_fields++];
	name = strrchr(decl, ' ') + 1;
	snprintf(fd->name, sizeof(fd->name), "%.*s", (int)strcspn(name, "["), name);
	fd->pointer = strchr(decl, '*') != NULL;
	fd->text = !strncmp(decl, "char ", 5) || strstr(decl, "__data_loc char");
}

/* Which label ("nr_activate_anon=") stands before a conversion whose value is a field alone. */
void print_fmt_labels(struct print_fmt *f)
{
	struct parser p = {.f = f, .at = f->text};
	char *fmt = literal(&p), one[2048];

	for (const char *c = fmt; *c;) {
		const char *label = c, *arg;
		size_t len;

		if (*c != '%') {
			c++;
			continue;
		}
		while (label > fmt &&
		       (isalnum((unsigned char)label[-1]) || strchr("_-=", label[-1])))
			label--;
		len = (size_t)(c - label);
		want(&p, ",");
		skip_blank(&p);
		arg = p.at;
		c += print_one(c, expr(&p), one, sizeof(one));
		for (unsigned i = 0; len > 1 && i < f->nr_fields; i++) {
			char ref[64];

			snprintf(ref, sizeof(ref), "REC->%s", f->field[i].name);
			if ((size_t)(p.at - arg) == strlen(ref) && !strncmp(arg, ref, strlen(ref)))
				snprintf(f->field[i].label, sizeof(f->field[i].label), "%.*s",
					 (int)len - 1, label);
		}
	}
	free(fmt);
}

bool print_fmt_next(void *file, struct print_fmt *f)
{
	char *line = NULL;
	size_t cap = 0;

	*f = (struct print_fmt){.name = ""};
	while (getline(&line, &cap, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "name: ", 6))
			snprintf(f->name, sizeof(f->name), "%s", line + 6);
		else if (strstr(line, "\tfield:"))
			add_field(f, line);
		else if (!strncmp(line, "print fmt: ", 11))
			f->text = strdup(line + 11);
		if (f->text)
			break;
	}
	free(line);
	return f->text != NULL;
}
