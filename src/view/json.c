/* json.c -- what every view's JSON has in common: how it is written, and large numbers.
 *
 * Called by every view and by the commands that print JSON. Keys keep the order in which they were
 * set, so that two runs give the same bytes.
 */
#include "view/view.h"
#include <stdlib.h>
#include <string.h>

json_t *nb_json_u64(uint64_t v)
{
	return v <= INT64_MAX ? json_integer((json_int_t)v) : json_real((double)v);
}

json_t *nb_json_string(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j)
		return j;
	copy = nb_xstrdup(s);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	j = json_string(copy);
	free(copy);
	return j;
}

static int take(const char *s, size_t n, void *out)
{
	nb_text_add(out, s, n);
	return 0;
}

void nb_json_write(const json_t *j, struct nb_text *out)
{
	/* keys keep the order in which they were set: jansson's default since 2.8 */
	json_dump_callback(j, take, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	nb_text_add(out, "\n", 1);
}
