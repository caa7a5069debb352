/* view_form.h -- what the fuzz targets of src/view have in common.
 *
 * For every text that a parser takes, three things hold: the printer gives the same bytes back,
 * JSON can be made of the model, and all memory goes back (the sanitizers see to that). Texts that
 * it does not take must say why.
 */
#ifndef TESTS_FUZZ_VIEW_FORM_H
#define TESTS_FUZZ_VIEW_FORM_H

#include "base/hosted/text.h"
#include "view/view.h"
#include <numabox/error.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void form_broken(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static inline void form_refused(int ret, const struct nb_error *err)
{
	if (ret >= 0 || err->code != ret || !err->text[0])
		form_broken("refused without saying why");
}

static inline void form_json(json_t *j)
{
	struct nb_text t = {0};

	if (!json_is_object(j))
		form_broken("no JSON object");
	nb_json_write(j, &t);
	if (t.len < 3)
		form_broken("JSON that says nothing");
	json_decref(j);
	nb_text_release(&t);
}

/* parse, print: the same bytes. */
#define FORM_IDENTITY(type, parse, print, json, release)                           \
	do {                                                                       \
		struct nb_error err = {0};                                         \
		struct nb_text out = {0};                                          \
		struct type model;                                                 \
		int ret = parse((const char *)data, size, &model, &err);           \
                                                                                   \
		if (ret) {                                                         \
			form_refused(ret, &err);                                   \
			break;                                                     \
		}                                                                  \
		print(&model, &out);                                               \
		if (out.len != size || memcmp(nb_text_str(&out), data, size) != 0) \
			form_broken("printed text differs from the parsed one");   \
		form_json(json(&model));                                           \
		nb_text_release(&out);                                             \
		release(&model);                                                   \
	} while (0)

/* For forms that are picked out of a log: what was printed reads and prints as itself. */
#define FORM_STABLE(type, parse, print, json, release)                              \
	do {                                                                        \
		struct nb_error err = {0};                                          \
		struct nb_text out = {0}, again = {0};                              \
		struct type model;                                                  \
		int ret = parse((const char *)data, size, &model, &err);            \
                                                                                    \
		if (ret) {                                                          \
			form_refused(ret, &err);                                    \
			break;                                                      \
		}                                                                   \
		print(&model, &out);                                                \
		form_json(json(&model));                                            \
		release(&model);                                                    \
		if (out.len) {                                                      \
			if (parse(nb_text_str(&out), out.len, &model, &err))        \
				form_broken("our own text is refused");             \
			print(&model, &again);                                      \
			if (strcmp(nb_text_str(&out), nb_text_str(&again)) != 0)    \
				form_broken("our own text comes back differently"); \
			release(&model);                                            \
		}                                                                   \
		nb_text_release(&out);                                              \
		nb_text_release(&again);                                            \
	} while (0)

#endif
