/* mask.c -- node and CPU sets: searching, counting, and Linux's list form "0-3,8".
 *
 * Called by every floor through mask.h. A text is read twice, once to check it, once to set bits,
 * so that a bad one changes nothing. Source: lib/vsprintf.c (%*pbl), lib/bitmap.c
 * (bitmap_parselist).
 */
#include "base/fmt.h"
#include "base/mask.h"
#include "base/mem.h"

unsigned nb_bits_next(const uint64_t *bits, unsigned nbits, unsigned from)
{
	unsigned word = from / 64;
	uint64_t w;

	if (from >= nbits)
		return nbits;
	w = bits[word] & (UINT64_MAX << (from % 64));
	while (!w) {
		if (++word >= nbits / 64)
			return nbits;
		w = bits[word];
	}
	return word * 64 + (unsigned)__builtin_ctzll(w);
}

/* Counted by halves, not by __builtin_popcountll(): that may call libgcc. */
static unsigned weight64(uint64_t w)
{
	w -= w >> 1 & UINT64_C(0x5555555555555555);
	w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
	w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(w * UINT64_C(0x0101010101010101) >> 56);
}

unsigned nb_bits_weight(const uint64_t *bits, unsigned nbits)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nbits / 64; i++)
		n += weight64(bits[i]);
	return n;
}

bool nb_bits_empty(const uint64_t *bits, unsigned nbits)
{
	for (unsigned i = 0; i < nbits / 64; i++) {
		if (bits[i])
			return false;
	}
	return true;
}

size_t nb_bits_format_list(const uint64_t *bits, unsigned nbits, char *buf, size_t n)
{
	size_t len = 0;
	unsigned first, last;

	if (n)
		buf[0] = '\0';
	for (first = nb_bits_next(bits, nbits, 0); first < nbits;
	     first = nb_bits_next(bits, nbits, last + 1)) {
		size_t room = len < n ? n - len : 0;
		char *at = room ? buf + len : NULL;
		const char *comma = len ? "," : "";

		last = first;
		while (last + 1 < nbits && nb_bit_test(bits, last + 1))
			last++;
		if (last > first)
			len += nb_snprintf(at, room, "%s%u-%u", comma, first, last);
		else
			len += nb_snprintf(at, room, "%s%u", comma, first);
	}
	return len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static int read_number(const char *text, size_t len, size_t *pos, unsigned nbits, unsigned *ret)
{
	size_t start = *pos;
	uint64_t v;
	int err;

	while (*pos < len && text[*pos] >= '0' && text[*pos] <= '9')
		++*pos;
	err = nb_parse_u64(text + start, *pos - start, &v);
	if (err)
		return err;
	if (v >= nbits)
		return -NB_ERANGE;
	*ret = (unsigned)v;
	return 0;
}

/* Walks the whole list; sets bits unless `bits` is NULL. */
static int walk_list(const char *text, size_t len, uint64_t *bits, unsigned nbits)
{
	size_t pos = 0;

	while (len) {
		unsigned first = 0, last;
		int err = read_number(text, len, &pos, nbits, &first);

		last = first;
		if (!err && pos < len && text[pos] == '-') {
			pos++;
			err = read_number(text, len, &pos, nbits, &last);
		}
		if (err)
			return err;
		if (last < first)
			return -NB_EINVAL;
		for (unsigned i = first; bits && i <= last; i++)
			nb_bit_set(bits, i);
		if (pos == len)
			break;
		if (text[pos++] != ',')
			return -NB_EINVAL;
	}
	return 0;
}

int nb_bits_parse_list(const char *text, size_t len, uint64_t *bits, unsigned nbits)
{
	int err;

	while (len && is_blank(text[len - 1]))
		len--;
	while (len && is_blank(*text)) {
		text++;
		len--;
	}
	err = walk_list(text, len, NULL, nbits);
	if (err)
		return err;
	memset(bits, 0, nbits / 64 * sizeof(*bits));
	return walk_list(text, len, bits, nbits);
}
