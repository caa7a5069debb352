/* yaml_doc.h -- a bounded YAML document and typed looks at it, with errors that name line and key.
 *
 * Called by yaml.c alone. A key's path ("nodes[1].memory") is kept while the document is walked, so
 * that every message can say where it is. All readers return 0 or a negative errno with the error
 * filled. Bounds: yaml.h. Aliases are references to a node that exists once; a walk follows the
 * schema, whose depth is fixed, so that they cannot multiply work.
 */
#ifndef NB_READ_YAML_DOC_H
#define NB_READ_YAML_DOC_H

#include <numabox/error.h>
#include <numabox/types.h>
#include <yaml.h>

struct ydoc {
	yaml_document_t doc;
	struct nb_error *err;
	char path[256];
	size_t path_len;
};

/* One key of a mapping and its reader. Readers run in the order of the table, not of the text. */
struct ykey {
	const char *name;
	int (*read)(struct ydoc *d, yaml_node_t *value, void *ctx);
	bool required;
};

/* On success ydoc_release() must follow. */
int ydoc_load(struct ydoc *d, const char *text, size_t len, struct nb_error *err);
void ydoc_release(struct ydoc *d);
yaml_node_t *ydoc_root(struct ydoc *d);

/* 1-based line where the node begins. */
unsigned ydoc_line(const yaml_node_t *n);

/* Reports "PATH: text" at the node's line; returns -NB_EINVAL. */
__attribute__((format(printf, 3, 4))) int ydoc_bad(struct ydoc *d, const yaml_node_t *n,
						   const char *fmt, ...);

/* Calls the reader of every key. Unknown keys, keys that stand twice, missing ones are errors. */
int ydoc_mapping(struct ydoc *d, yaml_node_t *n, const struct ykey *keys, void *ctx);
bool ydoc_is_mapping(const yaml_node_t *n);
bool ydoc_is_sequence(const yaml_node_t *n);

/* Calls `read` for each pair of a mapping with free keys, in the text's order. */
int ydoc_pairs(struct ydoc *d, yaml_node_t *n,
	       int (*read)(struct ydoc *d, const char *key, yaml_node_t *value, void *ctx),
	       void *ctx);

/* Number of items of a sequence; at most `max`, or an error saying "more than MAX WHAT". */
int ydoc_sequence(struct ydoc *d, yaml_node_t *n, size_t max, const char *what, size_t *ret_n);
yaml_node_t *ydoc_item(struct ydoc *d, yaml_node_t *n, size_t i);
/* Calls `read` for each item, the path extended by "[i]". */
int ydoc_each(struct ydoc *d, yaml_node_t *n, size_t max, const char *what,
	      int (*read)(struct ydoc *d, yaml_node_t *item, void *ctx), void *ctx);

/* Scalars. Texts are NUL-terminated, belong to the document, and hold no NUL inside. */
int ydoc_text(struct ydoc *d, yaml_node_t *n, const char **ret);
int ydoc_number(struct ydoc *d, yaml_node_t *n, uint64_t min, uint64_t max, uint64_t *ret);
int ydoc_size(struct ydoc *d, yaml_node_t *n, uint64_t *ret);
int ydoc_bool(struct ydoc *d, yaml_node_t *n, bool *ret);
/* Nanoseconds with at most three decimals, as picoseconds, 1 to UINT32_MAX; 0 where `zero` allows
 * it. */
int ydoc_ns(struct ydoc *d, yaml_node_t *n, bool zero, uint32_t *ret_ps);
/* "START-LASTBYTE" or "START+SIZE"; *ret_end is exclusive. */
int ydoc_range(struct ydoc *d, yaml_node_t *n, uint64_t *ret_start, uint64_t *ret_end);

#endif
