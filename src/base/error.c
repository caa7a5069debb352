/* error.c -- filling struct nb_error.
 *
 * Called by every checker and reader. The first cause is kept: later reports about the same failure
 * only add noise. Texts are cut at the arrays' ends.
 */
#include "base/fmt.h"
#include "base/mem.h"

#include <numabox/error.h>

int nb_error_set(struct nb_error *err, int code, unsigned line, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->code)
		return code;
	err->code = code;
	err->line = line;
	va_start(ap, fmt);
	nb_vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

void nb_error_file(struct nb_error *err, const char *file)
{
	if (!err || err->file[0] || !file)
		return;
	nb_snprintf(err->file, sizeof(err->file), "%s", file);
}
