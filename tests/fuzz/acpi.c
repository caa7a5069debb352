/* acpi.c -- SRAT, SLIT, HMAT and MADT, one behind the other or one as base64 text.
 *
 * The input is read as it is, and once more with every checksum made right, so that changed bytes
 * reach what lies behind the checksum's test.
 */
#include "machine_form.h"
#include "read/acpi.h"

static size_t table_length(const uint8_t *t, size_t left)
{
	size_t n = (size_t)t[4] | (size_t)t[5] << 8 | (size_t)t[6] << 16 | (size_t)t[7] << 24;

	return n < 36 || n > left ? left : n;
}

static int read_tables(struct nb_machine *m, const char *text, size_t len, struct nb_error *err)
{
	struct nb_acpi *a = nb_acpi_new();
	int rc = 0;

	for (size_t at = 0; !rc && at < len;) {
		size_t left = len - at, n = left;

		if (left >= 36)
			n = table_length((const uint8_t *)text + at, left);
		rc = nb_acpi_add(a, "fuzz", text + at, n, err);
		at += n;
	}
	if (!rc)
		rc = nb_acpi_to_machine(a, m, NB_ACPI_ALL, err);
	for (unsigned i = 0; !rc && i < nb_acpi_nr_cpus(a); i++)
		must(nb_acpi_cpu_node(a, i) < (int)nb_acpi_nr_nodes(a));
	nb_acpi_free(a);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *fixed = malloc(size + 1);

	must(fixed != NULL);
	fuzz_machine_form(read_tables, data, size);
	memcpy(fixed, data, size);
	for (size_t at = 0; at + 36 <= size;) {
		size_t n = table_length(fixed + at, size - at);
		uint8_t sum = 0;

		for (size_t i = 0; i < n; i++)
			sum = (uint8_t)(sum + fixed[at + i]);
		fixed[at + 9] = (uint8_t)(fixed[at + 9] - sum);
		at += n;
	}
	fuzz_machine_form(read_tables, fixed, size);
	free(fixed);
	return 0;
}
