/* report.c -- fuzz target: failure reports in kernel logs, read, rebuilt and explained. */
#include "read/report_explain.h"
#include "view/view.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_error err = {0};
	struct nb_reports r;
	int ret = nb_reports_parse((const char *)data, size, &r, &err);

	if (ret) {
		if (err.code != ret || !err.text[0])
			abort();
		return 0;
	}
	/* a rebuilt machine costs milliseconds: every sixteenth input gets one */
	for (unsigned i = 0; i < r.n && i < 2 && size % 16 == 0; i++) {
		struct nb_text t = {0};
		struct nb_sheet s;

		nb_sheet_init(&s, "report", false);
		nb_report_explain(&r.v[i], NULL, &s);
		nb_json_write(s.root, &t);
		if (!s.text.len || t.len < 3)
			abort();
		nb_text_release(&t);
		nb_sheet_release(&s);
	}
	nb_reports_release(&r);
	return 0;
}
