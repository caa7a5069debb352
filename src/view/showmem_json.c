/* showmem_json.c -- the Mem-Info report as JSON: the first block's pages, then nodes, zones, free
 * blocks.
 */
#include "view/showmem.h"
#include "view/view.h"

static json_t *items_json(const struct nb_showmem_line *l, const char *suffix)
{
	json_t *j = json_object();
	struct nb_text key = {0};

	for (size_t i = 0; i < l->items.n; i++) {
		nb_text_clear(&key);
		for (const char *c = l->items.v[i].name; *c; c++) {
			char ch = *c == ' ' || *c == '/' || *c == '(' ? '_' : *c;

			if (ch >= 'A' && ch <= 'Z')
				ch = (char)(ch - 'A' + 'a');
			if (ch != ')')
				nb_text_add(&key, &ch, 1);
		}
		nb_text_puts(&key, suffix);
		json_object_set_new(j, nb_text_str(&key), nb_json_u64(l->items.v[i].value));
	}
	if (l->has_unreclaimable)
		json_object_set_new(j, "all_unreclaimable", json_boolean(l->all_unreclaimable));
	nb_text_release(&key);
	return j;
}

static json_t *numbers(const struct nb_showmem_line *l)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < l->nr; i++)
		json_array_append_new(a, nb_json_u64(l->v[i]));
	return a;
}

static void label(json_t *j, const struct nb_showmem_line *l)
{
	if (l->nid != NB_NO_NODE)
		json_object_set_new(j, "node", json_integer(l->nid));
	if (l->zone)
		json_object_set_new(j, "zone", nb_json_string(l->zone));
}

json_t *nb_showmem_json(const struct nb_showmem *s)
{
	json_t *j = json_object(), *global = json_object(), *nodes = json_array(),
	       *zones = json_array(), *buddy = json_array(), *huge = json_array(), *zone = NULL;

	for (size_t i = 0; i < s->nr_lines; i++) {
		const struct nb_showmem_line *l = &s->lines[i];
		json_t *o = NULL;

		switch (l->kind) {
		case NB_SHOWMEM_GLOBAL:
			o = items_json(l, "_pages");
			break;
		case NB_SHOWMEM_TOTAL:
			o = items_json(l, "");
			break;
		case NB_SHOWMEM_SWAP:
			o = items_json(l, "_kib");
			break;
		case NB_SHOWMEM_NODE:
		case NB_SHOWMEM_ZONE:
			o = items_json(l, "_kib");
			label(o, l);
			if (l->kind == NB_SHOWMEM_ZONE)
				zone = o;
			json_array_append(l->kind == NB_SHOWMEM_ZONE ? zones : nodes, o);
			break;
		case NB_SHOWMEM_RESERVE:
			if (zone)
				json_object_set_new(zone, "lowmem_reserve_pages", numbers(l));
			break;
		case NB_SHOWMEM_BUDDY:
			o = json_object();
			label(o, l);
			json_object_set_new(o, "free_blocks", numbers(l));
			json_object_set_new(o, "total_kib", nb_json_u64(l->total_kib));
			json_array_append(buddy, o);
			break;
		case NB_SHOWMEM_HUGE:
			o = items_json(l, "");
			label(o, l);
			json_array_append(huge, o);
			break;
		case NB_SHOWMEM_HEAD:
		case NB_SHOWMEM_RAW:
			break;
		}
		if (l->kind == NB_SHOWMEM_GLOBAL || l->kind == NB_SHOWMEM_TOTAL ||
		    l->kind == NB_SHOWMEM_SWAP)
			json_object_update(global, o);
		json_decref(o);
	}
	json_object_set_new(j, "global", global);
	json_object_set_new(j, "nodes", nodes);
	json_object_set_new(j, "zones", zones);
	json_object_set_new(j, "buddy", buddy);
	json_object_set_new(j, "hugepages", huge);
	return j;
}
