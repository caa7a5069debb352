/* view_buddyinfo.c -- fuzz target: /proc/buddyinfo. */
#include "view/buddyinfo.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_buddyinfo, nb_buddyinfo_parse, nb_buddyinfo_print, nb_buddyinfo_json,
		      nb_buddyinfo_release);
	return 0;
}
