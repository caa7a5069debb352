/* yaml.c -- machine files. */
#include "machine_form.h"

static int read_it(struct nb_machine *m, const char *text, size_t len, struct nb_error *err)
{
	return nb_read_yaml(m, "fuzz.yaml", text, len, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_machine_form(read_it, data, size);
}
