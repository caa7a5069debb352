/* view_meminfo.c -- fuzz target: /proc/meminfo and a node's. */
#include "view/meminfo.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_meminfo, nb_meminfo_parse, nb_meminfo_print, nb_meminfo_json,
		      nb_meminfo_release);
	return 0;
}
