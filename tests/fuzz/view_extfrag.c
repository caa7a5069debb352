/* view_extfrag.c -- fuzz target: the two fragmentation indices. */
#include "view/extfrag.h"
#include "view_form.h"

static int parse_index(const char *text, size_t len, struct nb_extfrag *x, struct nb_error *err)
{
	return nb_extfrag_parse(text, len, NB_EXTFRAG_INDEX, x, err);
}

static int parse_unusable(const char *text, size_t len, struct nb_extfrag *x, struct nb_error *err)
{
	return nb_extfrag_parse(text, len, NB_EXTFRAG_UNUSABLE, x, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_extfrag, parse_index, nb_extfrag_print, nb_extfrag_json,
		      nb_extfrag_release);
	FORM_IDENTITY(nb_extfrag, parse_unusable, nb_extfrag_print, nb_extfrag_json,
		      nb_extfrag_release);
	return 0;
}
