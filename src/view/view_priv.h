/* view_priv.h -- one function a view, called through the registry in view.c.
 *
 * Each gets its model ready from the source (src->observed if it is set, else src->sys), and writes
 * text to *out or a new object to *json: the one that is not NULL. On failure nothing was written.
 */
#ifndef NB_VIEW_VIEW_PRIV_H
#define NB_VIEW_VIEW_PRIV_H

#include "view/view.h"

int nb_view_make_summary(const struct nb_view_source *src, int nid, struct nb_text *out,
			 json_t **json, struct nb_error *err);
int nb_view_make_zoneinfo(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err);
int nb_view_make_buddyinfo(const struct nb_view_source *src, int nid, struct nb_text *out,
			   json_t **json, struct nb_error *err);
int nb_view_make_pagetypeinfo(const struct nb_view_source *src, int nid, struct nb_text *out,
			      json_t **json, struct nb_error *err);
int nb_view_make_meminfo(const struct nb_view_source *src, int nid, struct nb_text *out,
			 json_t **json, struct nb_error *err);
int nb_view_make_vmstat(const struct nb_view_source *src, int nid, struct nb_text *out,
			json_t **json, struct nb_error *err);
int nb_view_make_iomem(const struct nb_view_source *src, int nid, struct nb_text *out,
		       json_t **json, struct nb_error *err);
int nb_view_make_extfrag(const struct nb_view_source *src, int nid, struct nb_text *out,
			 json_t **json, struct nb_error *err);
int nb_view_make_unusable(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err);
int nb_view_make_node_meminfo(const struct nb_view_source *src, int nid, struct nb_text *out,
			      json_t **json, struct nb_error *err);
int nb_view_make_node_numastat(const struct nb_view_source *src, int nid, struct nb_text *out,
			       json_t **json, struct nb_error *err);
int nb_view_make_node_vmstat(const struct nb_view_source *src, int nid, struct nb_text *out,
			     json_t **json, struct nb_error *err);
int nb_view_make_node_distance(const struct nb_view_source *src, int nid, struct nb_text *out,
			       json_t **json, struct nb_error *err);
int nb_view_make_showmem(const struct nb_view_source *src, int nid, struct nb_text *out,
			 json_t **json, struct nb_error *err);
int nb_view_make_hardware(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err);
int nb_view_make_numastat(const struct nb_view_source *src, int nid, struct nb_text *out,
			  json_t **json, struct nb_error *err);
int nb_view_make_free(const struct nb_view_source *src, int nid, struct nb_text *out, json_t **json,
		      struct nb_error *err);
int nb_view_make_zonelists(const struct nb_view_source *src, int nid, struct nb_text *out,
			   json_t **json, struct nb_error *err);
int nb_view_make_layout(const struct nb_view_source *src, int nid, struct nb_text *out,
			json_t **json, struct nb_error *err);
int nb_view_make_fragmentation(const struct nb_view_source *src, int nid, struct nb_text *out,
			       json_t **json, struct nb_error *err);

#endif
