/* fmt.c -- a small freestanding vsnprintf.
 *
 * Called by the core for errors and boot messages, and by views. Output is cut at the buffer's end
 * and always NUL-terminated when n > 0; the returned length is that of the whole text, as in C99.
 * An unknown conversion is printed as it stands, and its argument is not taken.
 */
#include "base/fmt.h"

/* Where text goes: cut off at cap, len counts on. */
struct out {
	char *buf;
	size_t cap, len;
};

struct spec {
	bool left, zero, alt, has_precision;
	unsigned length; /* 0 int, 1 long, 2 long long, 3 size_t */
	size_t width, precision;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->cap)
		o->buf[o->len] = c;
	o->len++;
}

static void put_fill(struct out *o, char c, size_t n)
{
	while (n--)
		put(o, c);
}

static void put_text(struct out *o, const char *s, size_t len, const struct spec *sp)
{
	size_t fill = sp->width > len ? sp->width - len : 0;

	if (!sp->left)
		put_fill(o, ' ', fill);
	for (size_t i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		put_fill(o, ' ', fill);
}

static void put_number(struct out *o, uint64_t v, bool negative, unsigned base,
		       const struct spec *sp)
{
	char digits[24];
	size_t n = 0, prefix = negative ? 1 : 0, fill;
	bool hex_prefix = base == 16 && sp->alt;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	prefix += hex_prefix ? 2 : 0;
	fill = sp->width > n + prefix ? sp->width - n - prefix : 0;
	if (!sp->left && !sp->zero)
		put_fill(o, ' ', fill);
	if (negative)
		put(o, '-');
	if (hex_prefix) {
		put(o, '0');
		put(o, 'x');
	}
	if (!sp->left && sp->zero)
		put_fill(o, '0', fill);
	while (n)
		put(o, digits[--n]);
	if (sp->left)
		put_fill(o, ' ', fill);
}

/* Reads flags, width, precision and length after a '%'; returns the conversion's place. */
static const char *read_spec(const char *f, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){0};
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else if (*f == '#')
			sp->alt = true;
		else
			break;
	}
	if (*f == '*') {
		int w = va_arg(*ap, int);

		sp->left = sp->left || w < 0;
		sp->width = w < 0 ? (size_t)0 - (size_t)w : (size_t)w;
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		sp->width = sp->width * 10 + (size_t)(*f - '0');
	if (*f == '.') {
		sp->has_precision = true;
		f++;
		if (*f == '*') {
			int p = va_arg(*ap, int);

			sp->has_precision = p >= 0;
			sp->precision = p < 0 ? 0 : (size_t)p;
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			sp->precision = sp->precision * 10 + (size_t)(*f - '0');
	}
	for (; *f == 'l' && sp->length < 2; f++)
		sp->length++;
	if (*f == 'z' && sp->length == 0) {
		sp->length = 3;
		f++;
	}
	return f;
}

static uint64_t take_unsigned(const struct spec *sp, va_list *ap)
{
	switch (sp->length) {
	case 0:
		return va_arg(*ap, unsigned);
	case 1:
		return va_arg(*ap, unsigned long);
	case 2:
		return va_arg(*ap, unsigned long long);
	default:
		return va_arg(*ap, size_t);
	}
}

static int64_t take_signed(const struct spec *sp, va_list *ap)
{
	switch (sp->length) {
	case 0:
		return va_arg(*ap, int);
	case 1:
		return va_arg(*ap, long);
	case 2:
		return va_arg(*ap, long long);
	default:
		return (int64_t)va_arg(*ap, size_t);
	}
}

static void put_string(struct out *o, const char *s, const struct spec *sp)
{
	size_t len = 0;

	if (!s)
		s = "(null)";
	while ((!sp->has_precision || len < sp->precision) && s[len])
		len++;
	put_text(o, s, len, sp);
}

/* One conversion; false if it is not known. */
static bool convert(struct out *o, char conv, struct spec *sp, va_list *ap)
{
	int64_t i;
	char c;

	switch (conv) {
	case 's':
		put_string(o, va_arg(*ap, const char *), sp);
		return true;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_text(o, &c, 1, sp);
		return true;
	case 'd':
	case 'i':
		i = take_signed(sp, ap);
		put_number(o, i < 0 ? (uint64_t)0 - (uint64_t)i : (uint64_t)i, i < 0, 10, sp);
		return true;
	case 'u':
		put_number(o, take_unsigned(sp, ap), false, 10, sp);
		return true;
	case 'x':
		put_number(o, take_unsigned(sp, ap), false, 16, sp);
		return true;
	case 'p':
		sp->alt = true;
		put_number(o, (uintptr_t)va_arg(*ap, void *), false, 16, sp);
		return true;
	case '%':
		put(o, '%');
		return true;
	default:
		return false;
	}
}

size_t nb_vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
{
	struct out o = {buf, n, 0};
	va_list args;

	va_copy(args, ap);
	for (const char *f = fmt; *f; f++) {
		const char *start = f;
		struct spec sp;

		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = read_spec(f + 1, &sp, &args);
		if (*f && convert(&o, *f, &sp, &args))
			continue;
		for (; start < f; start++)
			put(&o, *start);
		if (!*f)
			break;
		put(&o, *f);
	}
	va_end(args);
	if (n)
		buf[o.len < n ? o.len : n - 1] = '\0';
	return o.len;
}

size_t nb_snprintf(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = nb_vsnprintf(buf, n, fmt, ap);
	va_end(ap);
	return len;
}
