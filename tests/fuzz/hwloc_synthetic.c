/* hwloc_synthetic.c -- hwloc synthetic strings: our bounds in front of hwloc's parser. */
#include "machine_form.h"
#include "read/hwloc_form.h"

static int read_it(struct nb_machine *m, const char *text, size_t len, struct nb_error *err)
{
	(void)len;
	return nb_read_hwloc_synthetic(m, text, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_machine_form(read_it, data, size);
}
