/* view_pagetypeinfo.c -- fuzz target: /proc/pagetypeinfo. */
#include "view/pagetypeinfo.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_pagetypeinfo, nb_pagetypeinfo_parse, nb_pagetypeinfo_print,
		      nb_pagetypeinfo_json, nb_pagetypeinfo_release);
	return 0;
}
