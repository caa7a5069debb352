/* view_hardware.c -- fuzz target: numactl --hardware. */
#include "view/hardware.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_hardware, nb_hardware_parse, nb_hardware_print, nb_hardware_json,
		      nb_hardware_release);
	return 0;
}
