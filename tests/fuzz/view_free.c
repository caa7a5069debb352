/* view_free.c -- fuzz target: the program free's table. */
#include "view/freemem.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_error err = {0};
	struct nb_text out = {0};
	struct nb_freemem f, again;
	int ret = nb_freemem_parse((const char *)data, size, &f, &err);

	if (ret) {
		form_refused(ret, &err);
		return 0;
	}
	nb_freemem_print(&f, &out);
	if (nb_freemem_parse(nb_text_str(&out), out.len, &again, &err) ||
	    memcmp(&f, &again, sizeof(f)) != 0)
		form_broken("our own table reads differently");
	form_json(nb_freemem_json(&f));
	nb_text_release(&out);
	return 0;
}
