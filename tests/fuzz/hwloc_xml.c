/* hwloc_xml.c -- hwloc XML exports: our scan in front, hwloc in its child, the machine file that
 * comes back. */
#include "machine_form.h"
#include "read/hwloc_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_machine_form(nb_read_hwloc_xml, data, size);
}
