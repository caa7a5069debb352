/* num.c -- numbers and sizes out of text, and the integer square root.
 *
 * Called by the core for the kernel command line and by every reader. Texts are (pointer, length)
 * and need no NUL. Source: lib/cmdline.c:memparse(), lib/math/int_sqrt.c (results, not code).
 */
#include "base/fmt.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Digits of `base` from s; *ret_used of them. false past 64 bits (the value then wraps). */
static bool read_digits(const char *s, size_t len, unsigned base, uint64_t *ret, size_t *ret_used)
{
	uint64_t v = 0;
	bool fits = true;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned d = (unsigned)digit_value(s[i]);

		if (d >= base)
			break;
		if (v > (UINT64_MAX - d) / base)
			fits = false;
		v = v * base + d;
	}
	*ret = v;
	*ret_used = i;
	return fits;
}

/* The suffix's power of two, or -1: K 10, M 20, ... E 60. */
static int suffix_shift(char c)
{
	static const char letters[] = "kmgtpe";

	for (int i = 0; letters[i]; i++) {
		if (c == letters[i] || c == letters[i] - 'a' + 'A')
			return 10 * (i + 1);
	}
	return -1;
}

int nb_parse_u64(const char *s, size_t len, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t v;
	size_t used;
	bool fits;

	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		len -= 2;
	}
	fits = read_digits(s, len, base, &v, &used);
	if (!used || used != len)
		return -NB_EINVAL;
	if (!fits)
		return -NB_ERANGE;
	*ret = v;
	return 0;
}

/* floor(0.DIGITS * 2^shift) for at most nine digits; more say nothing at these sizes' precision. */
static uint64_t fraction(const char *s, size_t digits, int shift)
{
	uint64_t num = 0, den = 1, unit = UINT64_C(1) << shift;

	for (size_t i = 0; i < digits && i < 9; i++) {
		num = num * 10 + (uint64_t)(s[i] - '0');
		den *= 10;
	}
	return unit / den * num + unit % den * num / den;
}

int nb_parse_size(const char *s, size_t len, uint64_t *ret_bytes)
{
	const char *frac = NULL;
	size_t used, frac_len = 0, rest;
	uint64_t v, part = 0;
	unsigned base = 10;
	int shift = 0;
	bool fits;

	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		len -= 2;
	}
	fits = read_digits(s, len, base, &v, &used);
	if (!used)
		return -NB_EINVAL;
	if (base == 10 && used < len && s[used] == '.') {
		uint64_t ignored;

		frac = s + used + 1;
		(void)read_digits(frac, len - used - 1, 10, &ignored, &frac_len);
		if (!frac_len)
			return -NB_EINVAL;
		used += 1 + frac_len;
	}
	if (used < len) {
		shift = suffix_shift(s[used]);
		if (shift >= 0)
			used++;
		else if (s[used] != 'B')
			return -NB_EINVAL;
		else
			shift = 0;
	}
	rest = len - used;
	if (rest && !(shift && nb_str_is(s + used, rest, "iB")) && !nb_str_is(s + used, rest, "B"))
		return -NB_EINVAL;
	if (frac && !shift)
		return -NB_EINVAL;
	if (!fits || (shift && v >> (64 - shift)))
		return -NB_ERANGE;
	if (frac)
		part = fraction(frac, frac_len, shift);
	*ret_bytes = (v << shift) + part;
	return 0;
}

uint64_t nb_strtoull(const char *s, size_t len, size_t *ret_used)
{
	unsigned base = 10;
	size_t skip = 0, used;
	uint64_t v;

	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16) {
		base = 16;
		skip = 2;
	} else if (len && s[0] == '0') {
		base = 8;
	}
	(void)read_digits(s + skip, len - skip, base, &v, &used);
	*ret_used = used ? used + skip : 0;
	return used ? v : 0;
}

uint64_t nb_memparse(const char *s, size_t len, size_t *ret_used)
{
	uint64_t v = nb_strtoull(s, len, ret_used);
	int shift = *ret_used && *ret_used < len ? suffix_shift(s[*ret_used]) : -1;

	if (shift > 0) {
		v <<= shift;
		++*ret_used;
	}
	return v;
}

uint64_t nb_int_sqrt(uint64_t x)
{
	uint64_t root = 0, bit = UINT64_C(1) << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return root;
}
