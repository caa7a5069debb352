/* view_numastat.c -- fuzz target: the program numastat's table. */
#include "view/numastat.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_numastat, nb_numastat_parse, nb_numastat_print, nb_numastat_json,
		      nb_numastat_release);
	return 0;
}
