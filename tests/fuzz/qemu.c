/* qemu.c -- QEMU command lines. */
#include "machine_form.h"
#include "read/qemu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_machine_form(nb_read_qemu_text, data, size);
}
