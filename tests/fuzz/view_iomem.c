/* view_iomem.c -- fuzz target: /proc/iomem. */
#include "view/iomem.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_iomem, nb_iomem_parse, nb_iomem_print, nb_iomem_json, nb_iomem_release);
	return 0;
}
