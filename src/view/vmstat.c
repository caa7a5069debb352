/* vmstat.c -- "name value" lines: parser, printer, JSON. What fills them from a system: stats.c. */
#include "view/vmstat.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <string.h>

static void print_item(const struct nb_item *it, struct nb_text *out)
{
	nb_text_printf(out, "%s %" PRIu64, it->name, it->value);
}

int nb_counters_parse(const char *text, size_t len, struct nb_counters *c, struct nb_error *err)
{
	struct nb_text rule = {0};
	struct nb_scan sc;
	size_t known = 0;
	int ret = nb_scan_begin(&sc, text, len, err);

	*c = (struct nb_counters){0};
	while (!ret && nb_scan_line(&sc)) {
		struct nb_cursor cur = nb_scan_cursor(&sc);
		const char *name;
		uint64_t v = 0;

		if (sc.cut || nb_cur_end(&cur)) { /* half a line is no number */
			c->cut = sc.cut;
			nb_items_add(&c->items, NULL, 0)->raw = nb_scan_raw(&sc, &c->strings, NULL);
			continue;
		}

		size_t n = nb_cur_word(&cur, 0, &name);

		nb_cur_blanks(&cur);
		if (!nb_cur_u64(&cur, &v) || (nb_cur_blanks(&cur), !nb_cur_end(&cur))) {
			ret = nb_scan_fail(&sc, err, "counter", "a name and a whole number");
			break;
		}

		struct nb_item *it =
			nb_items_add(&c->items, nb_strings_intern(&c->strings, name, n), v);

		nb_text_clear(&rule);
		print_item(it, &rule);
		it->raw = nb_scan_raw(&sc, &c->strings, &rule);
		known++;
	}
	if (!ret && !known)
		ret = nb_error_set(err, -NB_EINVAL, 0, "no line with a name and a number in it");
	nb_text_release(&rule);
	if (ret)
		nb_counters_release(c);
	return ret;
}

void nb_counters_print(const struct nb_counters *c, struct nb_text *out)
{
	for (size_t i = 0; i < c->items.n; i++) {
		const struct nb_item *it = &c->items.v[i];

		if (it->raw)
			nb_text_puts(out, it->raw);
		else
			print_item(it, out);
		if (!c->cut || i + 1 < c->items.n)
			nb_text_add(out, "\n", 1);
	}
}

json_t *nb_counters_json(const struct nb_counters *c)
{
	json_t *j = json_object();

	for (size_t i = 0; i < c->items.n; i++)
		if (c->items.v[i].name)
			json_object_set_new(j, c->items.v[i].name,
					    nb_json_u64(c->items.v[i].value));
	return j;
}

void nb_counters_release(struct nb_counters *c)
{
	nb_items_release(&c->items);
	nb_strings_release(&c->strings);
	*c = (struct nb_counters){0};
}
