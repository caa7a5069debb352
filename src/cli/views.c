/* views.c -- views by name, for help, completion and errors.
 *
 * A thin layer over the registry in src/view.
 */
#include "cli/views.h"

#include "view/view.h"

const char *nb_views_name(unsigned i)
{
	const struct nb_view *v = nb_view_at(i);

	return v ? v->name : NULL;
}

void nb_views_list(struct nb_text *t)
{
	const struct nb_view *v;

	for (unsigned i = 0; (v = nb_view_at(i)); i++)
		nb_text_printf(t, "  %-18s %s\n", v->name, v->summary);
}

int nb_views_check(const char *name, struct nb_error *err)
{
	int nid;

	return nb_view_find(name, &nid, err) ? 0 : -NB_EINVAL;
}
