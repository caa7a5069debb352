/* capture_views.c -- a capture's own reports, for `show --observed` and verify.
 *
 * Hands the texts over under their views' names; the forms themselves are read in src/view. Files
 * that a capture lacks are passed over.
 */
#include "base/fmt.h"
#include "read/capture.h"
#include "read/tree.h"
#include "view/observed.h"

/* Path in the tree and name of the view. Several paths may give one view: the first that is there.
 */
static const struct {
	const char *path, *view;
} reports[] = {
	{"proc/zoneinfo", "zoneinfo"},
	{"proc/buddyinfo", "buddyinfo"},
	{"proc/pagetypeinfo", "pagetypeinfo"},
	{"proc/meminfo", "meminfo"},
	{"proc/vmstat", "vmstat"},
	{"proc/iomem", "iomem"},
	{"sys/kernel/debug/extfrag/extfrag_index", "extfrag_index"},
	{"sys/kernel/debug/extfrag/unusable_index", "unusable_index"},
	{"numactl--hardware", "hardware"},
	{"sos_commands/numa/numactl_--hardware", "hardware"},
	{"sos_commands/memory/numactl_--hardware", "hardware"},
	{"numastat.txt", "numastat"},
	{"sos_commands/numa/numastat", "numastat"},
	{"sos_commands/memory/numastat", "numastat"},
	{"dmesg", "dmesg"},
};

static const char *const node_files[] = {"meminfo", "numastat", "vmstat", "distance", "cpulist"};

static int add(struct nb_tree *t, const char *path, const char *view, struct nb_observed *obs,
	       struct nb_error *err)
{
	const char *text;
	size_t len;
	int rc = nb_tree_read(t, path, &text, &len);

	if (rc) /* absent, or root's alone */
		return 0;
	while (len && !text[len - 1]) /* some recorders store sysfs' files with a NUL behind */
		len--;
	rc = nb_observed_add(obs, view, text, len, err);
	if (rc)
		nb_error_file(err, path);
	return rc;
}

static int add_node(struct nb_tree *t, const char *dir, struct nb_observed *obs,
		    struct nb_error *err)
{
	for (unsigned i = 0; i < sizeof(node_files) / sizeof(node_files[0]); i++) {
		char path[128], view[128];
		int rc;

		nb_snprintf(path, sizeof(path), "sys/devices/system/node/%s/%s", dir,
			    node_files[i]);
		nb_snprintf(view, sizeof(view), "node/%s/%s", dir + 4, node_files[i]);
		rc = add(t, path, view, obs, err);
		if (rc)
			return rc;
	}
	return 0;
}

int nb_capture_observed(struct nb_capture *c, struct nb_observed *obs, struct nb_error *err)
{
	struct nb_tree *t = nb_capture_tree(c);
	const char *const *names = nb_tree_list(t, "sys/devices/system/node", NULL);
	const char *done = NULL;

	for (unsigned i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		int rc;

		if (done && nb_strcmp(done, reports[i].view) == 0)
			continue;
		rc = add(t, reports[i].path, reports[i].view, obs, err);
		if (rc)
			return rc;
		if (nb_tree_has(t, reports[i].path))
			done = reports[i].view;
	}
	for (; *names; names++) {
		uint64_t nid;
		int rc;

		if (nb_strncmp(*names, "node", 4) != 0 ||
		    nb_parse_u64(*names + 4, nb_strlen(*names + 4), &nid) || nid >= NB_MAX_NODES)
			continue;
		rc = add_node(t, *names, obs, err);
		if (rc)
			return rc;
	}
	return 0;
}
