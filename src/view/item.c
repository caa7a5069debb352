/* item.c -- lists of named numbers, as vmstat, numastat and the node files have them.
 *
 * Called by the printers and parsers of those forms. A list keeps the order in which names were
 * met; a name stands in it once. Memory: item.h.
 */
#include "view/item.h"
#include "view/scan.h"
#include <stdlib.h>
#include <string.h>

struct nb_item *nb_items_add(struct nb_items *l, const char *name, uint64_t value)
{
	struct nb_item *it = nb_append(&l->v, &l->n, &l->cap, sizeof(*l->v));

	it->name = name;
	it->value = value;
	return it;
}

const struct nb_item *nb_items_find(const struct nb_items *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].name && strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

bool nb_items_get(const struct nb_items *l, const char *name, uint64_t *ret)
{
	const struct nb_item *it = nb_items_find(l, name);

	if (it)
		*ret = it->value;
	return it != NULL;
}

uint64_t nb_items_value(const struct nb_items *l, const char *name, uint64_t missing)
{
	const struct nb_item *it = nb_items_find(l, name);

	return it ? it->value : missing;
}

bool nb_items_set(struct nb_items *l, const char *name, uint64_t value)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].name && strcmp(l->v[i].name, name) == 0) {
			l->v[i].value = value;
			return true;
		}
	}
	return false;
}

size_t nb_items_nr_raw(const struct nb_items *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].raw != NULL;
	return n;
}

void nb_items_release(struct nb_items *l)
{
	free(l->v);
	*l = (struct nb_items){0};
}
