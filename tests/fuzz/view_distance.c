/* view_distance.c -- fuzz target: a node's distance file. */
#include "view/distance.h"
#include "view_form.h"

static void release(struct nb_distance *d)
{
	(void)d; /* owns nothing */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_distance, nb_distance_parse, nb_distance_print, nb_distance_json, release);
	return 0;
}
