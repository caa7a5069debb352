/* xml_bounds.h -- does an XML text stay within what hwloc may be given?
 *
 * Called by hwloc_form.c before hwloc sees the text: its import walks down by recursion, links
 * siblings by walking over them, and sizes bit sets by index numbers, so a hostile text could take
 * stack, time and memory without end.
 */
#ifndef NB_READ_XML_BOUNDS_H
#define NB_READ_XML_BOUNDS_H

#include <numabox/error.h>
#include <stddef.h>

#define NB_XML_MAX_DEPTH 64
#define NB_XML_MAX_ELEMENTS 200000
#define NB_XML_MAX_CHILDREN 2048 /* <object> elements below one element */
#define NB_XML_MAX_INDEX 65536   /* os_index */
#define NB_XML_MAX_MATRIX 8192   /* nbobjs */

/* 0; -NB_EFBIG past a bound, -NB_EINVAL for what no export of hwloc holds: an encoding other than
 * UTF-8, a document type with declarations of its own, a tag that does not end. Text that is no XML
 * otherwise may pass. */
int nb_xml_check(const char *xml, size_t len, struct nb_error *err);

#endif
