/* kernel_log.c -- finds the log of a capture that failure reports stand in.
 *
 * Called by cli/explain_report.c and doctor_state.c. Logs that are not there, or too large to be
 * read, are passed over.
 */
#include "read/kernel_log.h"
#include <stdio.h>
#include <string.h>

static bool reports_of(struct nb_tree *t, const char *path, struct nb_reports *r,
		       const char **ret_path)
{
	const char *text;
	size_t len;

	if (nb_tree_read(t, path, &text, &len))
		return false;
	if (!*ret_path)
		*ret_path = path;
	if (nb_reports_parse(text, len, r, NULL))
		return false;
	*ret_path = path;
	return true;
}

int nb_kernel_log_reports(struct nb_tree *t, struct nb_reports *r, const char **ret_path)
{
	static const char *const logs[] = {"dmesg", "var/log/kern.log", "var/log/messages",
					   "var/log/syslog"};
	static const char dir[] = "sos_commands/logs";
	const char *const *names;
	char path[NB_TREE_MAX_PATH];

	*ret_path = NULL;
	*r = (struct nb_reports){0};
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++)
		if (reports_of(t, logs[i], r, ret_path))
			return 0;
	for (names = nb_tree_list(t, dir, NULL); *names; names++) {
		const char *found = NULL;

		if (strncmp(*names, "journalctl", strlen("journalctl")) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, *names);
		if (reports_of(t, path, r, &found)) {
			*ret_path = *names;
			return 0;
		}
	}
	return -NB_ENOENT;
}
