/* view_zoneinfo.c -- fuzz target: /proc/zoneinfo. */
#include "view/zoneinfo.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_zoneinfo, nb_zoneinfo_parse, nb_zoneinfo_print, nb_zoneinfo_json,
		      nb_zoneinfo_release);
	return 0;
}
