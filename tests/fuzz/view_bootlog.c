/* view_bootlog.c -- fuzz target: zone ranges, fallback orders and Mem-Info reports in a kernel log.
 */
#include "view/layout.h"
#include "view/showmem.h"
#include "view/zonelists.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_STABLE(nb_layout, nb_layout_parse, nb_layout_print, nb_layout_json, nb_layout_release);
	FORM_STABLE(nb_zonelists, nb_zonelists_parse, nb_zonelists_print, nb_zonelists_json,
		    nb_zonelists_release);
	FORM_STABLE(nb_showmem, nb_showmem_parse, nb_showmem_print, nb_showmem_json,
		    nb_showmem_release);
	return 0;
}
