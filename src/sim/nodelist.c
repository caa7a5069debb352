/* nodelist.c -- numactl's node and CPU lists ("0-1,4", "all", "!0", "+0", "same") as masks.
 *
 * Called by touch_policy.c. Pure: text and a machine in, a mask or an error that names the word
 * out. Source: numactl's libnuma.c, __numa_parse_nodestring(); the forms stand in nodelist.h.
 */
#include "sim/nodelist.h"

#include "base/mask.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct list {
	const char *text, *option, *what;
	const uint64_t *allowed;
	unsigned nbits;
	bool relative;
	struct nb_error *err;
};

static int refuse(const struct list *l, const char *why)
{
	char have[256];

	nb_bits_format_list(l->allowed, l->nbits, have, sizeof(have));
	return nb_error_set(l->err, -NB_EINVAL, 0, "%s=%s: %s; there are %s: %s", l->option,
			    l->text, why, l->what, have[0] ? have : "none");
}

/* The n-th allowed number from 0, or nbits. */
static unsigned nth(const struct list *l, unsigned long n)
{
	unsigned i = nb_bits_next(l->allowed, l->nbits, 0);

	while (n-- && i < l->nbits)
		i = nb_bits_next(l->allowed, l->nbits, i + 1);
	return i;
}

/* One number at *s: the thing it names, or -1 (message set). */
static int number(const struct list *l, const char **s)
{
	char *end;
	unsigned long v;
	unsigned i;

	if (!isdigit((unsigned char)**s)) {
		refuse(l, "expected a number, 'all', 'same', or a list such as 0-1,4");
		return -1;
	}
	v = strtoul(*s, &end, 10);
	*s = end;
	if (v > l->nbits)
		v = l->nbits;
	i = l->relative ? nth(l, v) : (unsigned)v;
	if (i >= l->nbits || !nb_bit_test(l->allowed, i)) {
		refuse(l, "out of range");
		return -1;
	}
	return (int)i;
}

static int items(const struct list *l, const char *s, uint64_t *bits)
{
	for (;;) {
		int from = number(l, &s), to = from;

		if (from < 0)
			return -NB_EINVAL;
		if (*s == '-') {
			s++;
			to = number(l, &s);
			if (to < 0)
				return -NB_EINVAL;
			if (to < from)
				return refuse(l, "a range must ascend");
		}
		for (int i = from; i <= to; i++)
			if (nb_bit_test(l->allowed, (unsigned)i))
				nb_bit_set(bits, (unsigned)i);
		if (!*s)
			return 0;
		if (*s++ != ',')
			return refuse(l, "expected ',' between numbers");
	}
}

int nb_nodelist_parse(const char *text, const char *option, const char *what,
		      const uint64_t *allowed, const uint64_t *before, uint64_t *bits,
		      unsigned nbits, struct nb_error *err)
{
	struct list l = {.text = text,
			 .option = option,
			 .what = what,
			 .allowed = allowed,
			 .nbits = nbits,
			 .err = err};
	uint64_t got[NB_MAX_CPUS / 64] = {0};
	size_t bytes = nbits / 8;
	const char *s = text;
	bool invert = *s == '!';
	int ret = 0;

	s += invert;
	l.relative = *s == '+';
	s += l.relative;
	if (!strcmp(s, "all"))
		memcpy(got, allowed, bytes);
	else if (!strcmp(s, "same") && before)
		memcpy(got, before, bytes);
	else if (!strcmp(s, "same"))
		return refuse(&l, "no option before this one names any");
	else
		ret = items(&l, s, got);
	if (ret)
		return ret;
	for (unsigned i = 0; invert && i < nbits / 64; i++)
		got[i] = allowed[i] & ~got[i];
	if (nb_bits_empty(got, nbits))
		return refuse(&l, "names none");
	memcpy(bits, got, bytes);
	return 0;
}
