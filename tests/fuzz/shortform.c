/* shortform.c -- "2x32G:8,dist=21". */
#include "machine_form.h"
#include "read/shortform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_machine_form(nb_read_shortform, data, size);
}
