/* explain_report.c -- `explain FILE`: reads a kernel log and explains the failure report in it.
 */
#include "cli/explain.h"
#include "cli/out.h"

int nb_explain_file(const struct nb_common *c, const char *path)
{
	(void)c;
	return nb_complainf("'%s': reports are not read yet", path);
}
