/* view_counters.c -- fuzz target: vmstat and numastat files. */
#include "view/vmstat.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_counters, nb_counters_parse, nb_counters_print, nb_counters_json,
		      nb_counters_release);
	return 0;
}
